"""A derivation for the terminal: a mark, the number and the statement, then the formula and its origin."""

import textwrap

from theory.checking.notation import text
from theory.checking.proof import Kind, Result, Step
from theory.formats.page import Count, conditions, needs, prose, source

_WIDTH = 100
_INDENT = " " * 8


class PlainText:
    """Lines of at most 100 columns where formulas allow it."""

    def opening(self) -> str:
        """Return the legend."""
        return (
            "Steps to result, derived. ✓ verified as printed, ✗ check failed, "
            "○ assumed, · argued in words.\nG_k = |∇f(w_k)|², Δ = 2 (f(w_1) - f_inf), [n] is right - left of n.\n"
        )

    def heading(self, result: Result) -> str:
        """Return the title, underlined, and the statement."""
        title = f"Result {result.number}. {prose(result.title)}"
        return f"\n{title}\n{'─' * len(title)}\n{textwrap.fill(prose(result.statement), _WIDTH)}\n\n"

    def step(self, step: Step, case: str, verified: bool | None) -> str:
        """Return the step on two to four lines."""
        unchecked = "○" if step.kind is Kind.ASSUMPTION else "·"
        mark = unchecked if verified is None else "✓" if verified else "✗"
        label = f"{step.id}:" if step.kind is Kind.ASSUMPTION else step.id
        failure = "THIS CHECK FAILED. " if verified is False else ""
        lines = _wrap(f"{failure}{prose(step.statement)}", first=f"{mark} {label:<5} ")
        if step.claim is not None:
            lines.append(f"{_INDENT}    {text(step.claim)}")
        if limits := conditions(step, text):
            lines += _wrap(limits, first=f"{_INDENT}    ", rest=f"{_INDENT}    ")
        return "\n".join((*lines, *_wrap(source(step, str, text)))) + "\n"

    def closing(self, results: tuple[Result, ...], count: Count) -> str:
        """Return which result needs which assumption, and the count."""
        rows = [f"  {r.number:<4}{prose(r.title)}: {names}" for r, names in needs(results)]
        table = "\n".join(textwrap.fill(row, _WIDTH, subsequent_indent=" " * 6, break_on_hyphens=False) for row in rows)
        return f"\nWhich result needs which assumption\n{table}\n\n{count.sentence()}\n"


def _wrap(line: str, first: str = _INDENT, rest: str = _INDENT) -> list[str]:
    return textwrap.wrap(
        line, _WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False, break_long_words=False
    )
