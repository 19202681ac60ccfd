"""`python -m theory.derive --prover z3`: which steps a second prover holds, and why it says nothing of the others.

z3 gets what each step says from the same objects, and shares no code with the checks. What it does not know (sums,
limits, derivatives, logarithms) rests on sympy alone.
"""

import importlib.util
from collections import Counter
from collections.abc import Iterator

from theory.checking.proof import Result, Step
from theory.checking.real_arithmetic import Outcome, decide
from theory.checking.statement import BeyondArithmeticError
from theory.results.all import statement_of, verify

MISSING = "z3 is not installed; pip install 'kstar-scaling[smt]'"


def is_installed() -> bool:
    """Return whether z3 can be asked."""
    return importlib.util.find_spec("z3") is not None


def second_opinion(step: Step) -> Outcome:
    r"""Return what z3 says of a step.

    Args:
        step: A step with a check, whose premises are in `theory.results.all.steps_by_id()`.

    Returns:
        Proved; refuted, with numbers; or why z3 cannot say.

    Raises:
        ModuleNotFoundError: If z3 is not installed.
        UnprovenError: If an operation of the step's check does not apply.

    Reference:
        de Moura, Bjorner 2008, "Z3: an efficient SMT solver"; `theory.checking.statement`.

    Example:
        >>> from theory.results.all import steps_by_id
        >>> second_opinion(steps_by_id()["1.3"]).reason
        'an integral'
    """
    try:
        return decide(statement_of(step))
    except BeyondArithmeticError as reason:
        return Outcome(None, str(reason))


def report(results: tuple[Result, ...]) -> Iterator[tuple[str, bool]]:
    r"""Yield one line a step with a check, then the counts.

    Args:
        results: Results, in order.

    Yields:
        The next line, and whether z3 has refuted nothing so far.

    Raises:
        ModuleNotFoundError: If z3 is not installed.

    Reference:
        `second_opinion`.

    Example:
        >>> from theory.results.all import results_of
        >>> *_, (last, sound) = report(results_of("decaying"))
        >>> print(last, sound)
        6 steps: 5 held by both provers, 1 by sympy alone (a sum over steps: 1), 0 refuted.
         True
    """
    reasons, both, refuted = Counter[str](), 0, 0
    for step in (s for result in results for s in result.steps if s.check is not None):
        outcome = second_opinion(step) if verify(step) else Outcome(False, "its check does not hold")
        both += outcome.proved is True
        refuted += outcome.proved is False
        if outcome.proved is None:
            reasons[outcome.reason] += 1
        yield f"{step.id:<6} {_words(outcome)}\n", not refuted
    alone = ", ".join(f"{reason}: {count}" for reason, count in reasons.most_common())
    yield (
        f"{both + refuted + reasons.total()} steps: {both} held by both provers, {reasons.total()} by sympy alone"
        f"{f' ({alone})' if alone else ''}, {refuted} refuted.\n",
        not refuted,
    )


def _words(outcome: Outcome) -> str:
    if outcome.proved:
        return "both"
    if outcome.proved is None:
        return f"sympy alone: {outcome.reason}"
    numbers = ", ".join(f"{name} = {value}" for name, value in outcome.counterexample.items())
    return f"REFUTED: {outcome.reason or f'take {numbers}'}"
