"""All results in order, their cases, and the steps that each step depends on."""

from collections.abc import Iterable, Iterator
from functools import cache

from theory.checking.assumptions import ASSUMPTIONS
from theory.checking.premises import UnprovenError
from theory.checking.proof import Names, Result, Step, inherit, names_of, premises_for, prove
from theory.checking.statement import Query, statement
from theory.results.fixed import decaying, descent, fixed_rate, variance
from theory.results.rules import momentum, schedules
from theory.results.run import accounting, edge, flow_time, invariance, noisy_quadratic, path_bound
from theory.results.sparsity import sparsity, sparsity_curve
from theory.results.tuned import consequences, decisions, first_passage, loss_goal, tuned_textbook, worst_case

RESULTS: tuple[Result, ...] = (
    descent.DESCENT_LEMMA,
    descent.ONE_STEP,
    descent.TEXTBOOK,
    decaying.TEXTBOOK_DECAYING,
    variance.MINIBATCH,
    fixed_rate.EXACT,
    fixed_rate.PROPOSITION,
    decaying.PROPOSITION_DECAYING,
    sparsity.SPARSE_OVER_DENSE,
    consequences.TUNED,
    tuned_textbook.TUNED_TEXTBOOK_BOUND,
    worst_case.WORST_CASE,
    first_passage.FIRST_PASSAGE,
    sparsity_curve.RATIO_OF_CURVES,
    schedules.SCHEDULES,
    momentum.MOMENTUM_BOUND,
    loss_goal.LOSS_GOAL,
    noisy_quadratic.NOISY_QUADRATIC,
    decisions.SHARPNESS_FAMILY,
    decisions.BATCH_SIZE,
    invariance.INVARIANCE,
    accounting.ACCOUNT,
    edge.EDGE,
    path_bound.PATH_BOUND,
    path_bound.RELATIVE_SMOOTHNESS,
    flow_time.FLOW_TIME,
    fixed_rate.LEAST_EXAMPLES,
)

CASES: tuple[str, ...] = tuple(dict.fromkeys(result.case for result in RESULTS))

PROPOSITION_4_1: tuple[Result, ...] = tuple(r for r in RESULTS if r.number in {*"1234568"})
"""The paper's derivation for a fixed rate, and the result that makes it exact."""


def results_of(case: str) -> tuple[Result, ...]:
    r"""Return the results of one case, or of all.

    Args:
        case: One of `CASES`, or "all".

    Returns:
        The results, in the order of docs/theory.md.

    Raises:
        ValueError: If there is no such case.

    Reference:
        docs/theory.md.

    Example:
        >>> [result.number for result in results_of("decaying")]
        ['3d', '6d']
    """
    if case != "all" and case not in CASES:
        raise ValueError(f"case must be one of {', '.join((*CASES, 'all'))}, got {case}")
    return tuple(r for r in RESULTS if case in {"all", r.case})


def index(steps: Iterable[Step]) -> dict[str, Step]:
    r"""Return steps by id, refusing a list that is no proof.

    Args:
        steps: Steps in order.

    Returns:
        Id to step, in the same order.

    Raises:
        ValueError: If an id occurs twice or a step cites one that does not come before it.

    Reference:
        docs/theory.md.

    Example:
        >>> list(index(RESULTS[2].steps[4:6]))
        Traceback (most recent call last):
        ValueError: step 3.5 cites ['3.4'], which do not come before it
    """
    found: dict[str, Step] = {}
    for step in steps:
        if step.id in found:
            raise ValueError(f"step {step.id} occurs twice")
        missing = [premise for premise in step.follows_from if premise not in found]
        if missing:
            raise ValueError(f"step {step.id} cites {missing}, which do not come before it")
        found[step.id] = step
    return found


@cache
def steps_by_id() -> dict[str, Step]:
    r"""Return every step, assumptions included, by its id.

    Returns:
        Id to step, each after all the steps it follows from.

    Raises:
        ValueError: If the results do not form a proof.

    Reference:
        docs/theory.md.

    Example:
        >>> steps_by_id()["3.4"].reference
        'Lee et al. 2021, Eq. (2)'
    """
    return index((*ASSUMPTIONS, *(step for result in RESULTS for step in result.steps)))


@cache
def _names() -> dict[str, Names]:
    """Return what the names in each step stand for."""
    found: dict[str, Names] = {}
    for step in steps_by_id().values():
        found[step.id] = names_of(step, inherit(step, steps_by_id(), found))
    return found


def refusal(step: Step) -> str | None:
    r"""Return why a step's check fails.

    Args:
        step: A step whose premises are in `steps_by_id()`.

    Returns:
        The reason in words; None if nothing is wrong, or there is nothing to check.

    Raises:
        KeyError: If a premise is unknown.

    Reference:
        `theory.checking.proof.prove`.

    Example:
        >>> import dataclasses
        >>> refusal(dataclasses.replace(steps_by_id()["3.1"], follows_from=("cap", "bounded")))
        'bounded cited and not read'
    """
    if step.check is None:
        return None
    try:
        prove(step, *_cited(step))
    except UnprovenError as reason:
        return str(reason)
    return None


def _cited(step: Step) -> tuple[dict[str, Step], Names]:
    """Return the steps that a step cites, by id, and the names that it inherits of them."""
    cited = {premise: steps_by_id()[premise] for premise in step.follows_from}
    return cited, inherit(step, cited, {premise: _names()[premise] for premise in cited})


def statement_of(step: Step) -> tuple[Query, ...]:
    r"""Return what a step says, as statements of real arithmetic.

    Args:
        step: A step with a check, whose premises are in `steps_by_id()`.

    Returns:
        Hypotheses and conclusions.

    Raises:
        BeyondArithmeticError: If it uses sums, limits, derivatives or logarithms.
        UnprovenError: If an operation of its check does not apply.
        KeyError: If a premise is unknown.

    Reference:
        `theory.checking.statement.statement`.

    Example:
        >>> from theory.checking.notation import text
        >>> (query,) = statement_of(steps_by_id()["3.1"])
        >>> [text(conclusion) for conclusion in query.conclusions]
        ['μ/2 ≤ μ - L M_G η/2']
    """
    return statement(step, premises_for(step, *_cited(step)))


def verify(step: Step) -> bool | None:
    r"""Check one step against the claims it cites.

    Args:
        step: A step whose premises are in `steps_by_id()`.

    Returns:
        Whether the check confirms the claim, reads all that is cited, and has every condition of a cited claim among
        its own; None for assumptions and arguments, which have no check.

    Raises:
        KeyError: If a premise is unknown.

    Reference:
        `theory.checking.proof.prove`.

    Example:
        >>> verify(steps_by_id()["3.1"])
        True
    """
    return None if step.check is None else refusal(step) is None


def premises_of(step: Step) -> Iterator[Step]:
    r"""Yield every step that a step rests on, directly or through others, each once.

    Args:
        step: A step whose premises are in `steps_by_id()`.

    Yields:
        Steps, in the order of `steps_by_id()`.

    Raises:
        KeyError: If a premise is unknown.

    Reference:
        docs/theory.md.

    Example:
        >>> [premise.id for premise in premises_of(steps_by_id()["1.3"])]
        ['smooth', '1.1', '1.2']
    """
    known = steps_by_id()
    needed: set[str] = set()
    waiting = list(step.follows_from)
    while waiting:
        premise = waiting.pop()
        if premise not in needed:
            needed.add(premise)
            waiting.extend(known[premise].follows_from)
    yield from (s for s in known.values() if s.id in needed)


def assumptions_of(result: Result) -> tuple[Step, ...]:
    r"""Return the assumptions that any step of a result rests on.

    Args:
        result: One of `RESULTS`.

    Returns:
        Assumption steps, in the order of `theory.checking.assumptions.ASSUMPTIONS`.

    Raises:
        KeyError: If a premise is unknown.

    Reference:
        docs/theory.md.

    Example:
        >>> [assumption.id for assumption in assumptions_of(RESULTS[0])]
        ['smooth']
    """
    used = {premise.id for step in result.steps for premise in premises_of(step)}
    return tuple(a for a in ASSUMPTIONS if a.id in used)
