"""A derivation as Markdown with LaTeX formulas."""

from theory.checking.notation import latex
from theory.checking.proof import Kind, Result, Step
from theory.formats.page import Count, conditions, needs, prose, source


class Markdown:
    """Headings for results, one item per step."""

    def opening(self) -> str:
        """Return the title and the notation."""
        return (
            "# Steps to result, derived\n\n"
            r"$G_k = |\nabla f(w_k)|^2$, $\Delta = 2 (f(w_1) - f_{\inf})$, [n] is right - left of n." + "\n"
        )

    def heading(self, result: Result) -> str:
        """Return the title and the statement."""
        return f"\n## Result {result.number}. {prose(result.title)}\n\n{_escape(prose(result.statement))}\n\n"

    def step(self, step: Step, case: str, verified: bool | None) -> str:
        """Return the step as a list item."""
        lines = [f"- **{step.id}** ({outcome(step, verified)}) {_escape(prose(step.statement))}"]
        if step.claim is not None:
            lines.append(f"  $$ {latex(step.claim)} $$")
        if limits := conditions(step, lambda relation: f"${latex(relation)}$"):
            lines.append(f"  {limits}.")
        if origin := source(step, _escape, lambda formula: f"${latex(formula)}$"):
            lines.append(f"  *{origin}*")
        return "\n\n".join(lines) + "\n"

    def closing(self, results: tuple[Result, ...], count: Count) -> str:
        """Return the table of assumptions and the count."""
        rows = "\n".join(f"| {r.number} | {prose(r.title)} | {names} |" for r, names in needs(results))
        return (
            "\n## Which result needs which assumption\n\n| result | title | assumptions |\n|---|---|---|\n"
            f"{rows}\n\n{count.sentence()}\n"
        )


def outcome(step: Step, verified: bool | None) -> str:
    """Return the outcome of a step in a word or two."""
    if verified is None:
        return "assumed" if step.kind is Kind.ASSUMPTION else "argued, not verified"
    return f"{step.kind}, {'verified' if verified else 'CHECK FAILED'}"


def _escape(sentence: str) -> str:
    """Keep Markdown from reading stars, underscores, bars and brackets of a formula in words as marks."""
    return "".join(f"\\{c}" if c in "*_<[]|" else c for c in sentence)
