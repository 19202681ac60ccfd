"""Which batch size to use, from one curve: the card that report, page, terminal and Python print."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from theory import HYPERBOLA
from verification.cells import estimate_text, number, percent
from verification.claims.analysis import Analysis
from verification.claims.evidence import name
from verification.fits.curves import FittedCurve, FittedLaw
from verification.fits.fit import OPEN, Interval
from verification.inference.bands import law_band
from verification.inference.search_error import won_by_one_point
from verification.records.curves import Curve
from verification.report.card import Card, Cost
from verification.report.rejection import beyond_which_nothing_improved, why_rejected
from verification.report.tables import remarks

BY_LAW = (
    "Rule: of the powers of two and the batch sizes measured, the nearest to B_crit, where a run takes twice the "
    "examples of a small batch."
)
BY_TIME = "Rule: of the powers of two and the batch sizes measured, the one with the shortest run."
BY_POINTS = (
    "Rule, without the law: the largest batch size measured at which a run took at most twice the examples of the "
    "cheapest."
)
BY_TIMED_POINTS = "Rule, without the law: the batch size measured with the shortest run."

_FAR_OFF = 0.5  # of the steps of a run: then other batch sizes may serve as well as the law's


@dataclass(frozen=True)
class StepTime:
    """How long a step takes.

    Attributes:
        at: Batch size to the time of a step.
        unit: What `at` counts: `time` where the user knows, or `seconds`.
        low: The smallest batch size for which it is known.
        high: The largest one.
    """

    at: Callable[[float], float]
    unit: str = "time"
    low: float = 0.0
    high: float = math.inf


def line_of_time(fixed: float, per_example: float) -> StepTime:
    """Return steps that take t0 + t1 B.

    Args:
        fixed: t0, time of a step whatever its size, > 0.
        per_example: t1, time of a step per example, in the same unit, > 0.

    Example:
        >>> line_of_time(0.5, 0.25).at(2)
        1.0
    """
    return StepTime(lambda size: fixed + per_example * size)


def measured_time(curve: Curve) -> StepTime | None:
    """Return the steps of a curve that was timed, straight lines between the batch sizes.

    Args:
        curve: Any.

    Returns:
        Its steps; None where fewer than two batch sizes were timed.

    Example:
        >>> timed = measured_time(Curve(points=(), seconds_per_step={16: 0.1, 32: 0.1, 64: 0.2}))
        >>> timed and round(timed.at(48), 3)
        0.15
    """
    if len(curve.seconds_per_step) < 2:
        return None
    sizes, seconds = zip(*sorted(curve.seconds_per_step.items()), strict=True)
    return StepTime(lambda size: float(np.interp(size, sizes, seconds)), "seconds", sizes[0], sizes[-1])


def cards_of(analysis: Analysis, step_time: StepTime | None = None) -> tuple[Card, ...]:
    """Return the card of every curve.

    Args:
        analysis: Of any records.
        step_time: How long a step takes; None for what the records say, if anything.
    """
    return tuple(card_of(one, analysis.rejected, step_time) for one in analysis.curves)


def card_of(fitted: FittedCurve, rejected: Collection[str] = (), step_time: StepTime | None = None) -> Card:
    r"""Return which batch size a curve recommends, and what would change that.

    .. math:: K(B)\,t(B) \to \min, \quad\text{or, where no time is known,}\quad B \approx c_1/c_2

    The batch size is a power of two or a measured one, between the smallest and the largest that met the goal. Where
    the law is rejected or leaves B_crit open on both sides, measured batch sizes alone are compared.

    Args:
        fitted: A curve with its tests.
        rejected: Names of the curves for which claim C1 is rejected.
        step_time: How long a step takes; None for what the curve says, if anything.

    Returns:
        The card.

    Reference:
        docs/theory.md, result 18.
    """
    time = step_time or measured_time(fitted.curve)
    reason = why_rejected(fitted, rejected)
    law = fitted.hyperbola if reason is None else None
    known = law is not None and law.fit.converged and law.intervals["b_crit"] != OPEN
    steps = _by_law(law, fitted.curve) if law is not None and known else _by_points(fitted)
    timed = {size: k for size, k in steps.items() if time is None or time.low <= size <= time.high}
    caveats = _caveats(fitted, reason, time)
    if len(steps) < 2 or not timed:
        return Card(title=name(fitted), sparsity=fitted.sparsity, caveats=caveats)
    costs = {size: Cost(size, k, None if time is None else k * time.at(size)) for size, k in timed.items()}
    if law is None or not known:
        return _from_points(fitted, costs, time, caveats)
    b_crit, ends = law.estimates["b_crit"], law.intervals["b_crit"]
    low, high = ends.low or 0.0, math.inf if ends.high is None else ends.high
    middle = b_crit if b_crit is not None else (high if ends.high is None else low)
    chosen = [_nearest(costs, one, time) for one in (middle, low, high)]
    costs |= _with_intervals(fitted, [costs[size] for size in (chosen[0], min(costs), max(costs))])
    return Card(
        title=name(fitted),
        sparsity=fitted.sparsity,
        use=costs[chosen[0]],
        allowed=(min(chosen), max(chosen)),
        smallest=costs[min(costs)],
        largest=costs[max(costs)],
        b_crit=b_crit,
        interval=ends,
        unit="" if time is None else time.unit,
        rule=BY_LAW if time is None else BY_TIME,
        caveats=(*_shorter_beyond(law, costs, chosen[0], time), *caveats),
    )


def _shorter_beyond(law: FittedLaw, costs: Mapping[int, Cost], use: int, time: StepTime | None) -> tuple[str, ...]:
    """Return at which end of the batch sizes that met the goal a run is shortest, and by the law shorter beyond."""
    if time is None:
        return ()
    ends = {"above": (max(costs), 2 * max(costs), "largest"), "below": (min(costs), min(costs) // 2, "smallest")}
    return tuple(
        f"the shortest run lies {where} {end}, the {which} batch size that met the goal: measure there."
        for where, (end, beyond, which) in ends.items()
        if use == end
        and max(1, time.low) <= beyond <= time.high
        and HYPERBOLA.steps(beyond, **law.parameters) * time.at(beyond) < (costs[end].time or 0.0)
    )


def _with_intervals(fitted: FittedCurve, costs: Sequence[Cost]) -> dict[int, Cost]:
    """Return costs by batch size with the intervals of their steps."""
    band = law_band(fitted, [float(one.batch_size) for one in costs])
    if band is None:
        return {}
    ends = map(Interval, band.low, band.high)
    return {one.batch_size: replace(one, interval=interval) for one, interval in zip(costs, ends, strict=True)}


def _from_points(
    fitted: FittedCurve, costs: Mapping[int, Cost], time: StepTime | None, caveats: tuple[str, ...]
) -> Card:
    """Return the card of a curve whose points alone are a guide."""
    least = min(one.examples for one in costs.values())
    cheap = [size for size, one in costs.items() if one.examples <= 2.0 * least]
    use = max(cheap) if time is None else min(costs, key=lambda size: (costs[size].time or 0.0, size))
    return Card(
        title=name(fitted),
        sparsity=fitted.sparsity,
        use=costs[use],
        smallest=costs[min(costs)],
        largest=costs[max(costs)],
        unit="" if time is None else time.unit,
        rule=BY_POINTS if time is None else BY_TIMED_POINTS,
        caveats=caveats,
    )


def _by_law(law: FittedLaw, curve: Curve) -> dict[int, float]:
    """Return the law's steps at the measured batch sizes that met the goal, and the powers of two between them."""
    sizes = curve.reached_batch_sizes
    powers = {2**k for k in range(sizes[-1].bit_length()) if sizes[0] <= 2**k}
    return {size: float(HYPERBOLA.steps(size, **law.parameters)) for size in sorted({*sizes, *powers})}


def _by_points(fitted: FittedCurve) -> dict[int, float]:
    """Return the mean steps at the measured batch sizes where every run tells its steps."""
    logs: dict[int, list[float]] = {}
    for point, bounded in zip(fitted.curve.points, fitted.data.bounded.tolist(), strict=True):
        told = math.log(point.upper) if bounded and point.upper is not None else math.inf
        logs.setdefault(point.batch_size, []).append(told)
    means = {size: sum(values) / len(values) for size, values in logs.items()}
    return {size: math.exp(mean) for size, mean in means.items() if mean < math.inf}


def _nearest(costs: Mapping[int, Cost], b_crit: float, time: StepTime | None) -> int:
    """Return the batch size that a critical batch size asks for; it may be 0 or infinite."""
    if time is not None:
        share = 1.0 if b_crit == math.inf else b_crit / (1.0 + b_crit)
        return min(costs, key=lambda size: ((share / size + 1.0 - share) * time.at(size), size))
    if b_crit in {0.0, math.inf}:
        return max(costs) if b_crit else min(costs)
    return min(costs, key=lambda size: (abs(math.log(size / b_crit)), size))


def _caveats(fitted: FittedCurve, reason: str | None, time: StepTime | None) -> tuple[str, ...]:
    """Return what would change the answer of a curve, the gravest first."""
    told: list[str] = []
    if reason is not None:
        measured = beyond_which_nothing_improved(fitted)
        told.append(f"the law is rejected here by {reason}{f'; {measured}' if measured else ''}.")
    elif (law := fitted.hyperbola) is not None:
        told += [*_far_off(fitted, law), *_where_b_crit_is(law, fitted.curve)]
    if time is None and fitted.curve.seconds_per_step:
        told.append("the time of a step is known at one batch size only, and was not used.")
    return (*told, *caveats_of(fitted))


def caveats_of(fitted: FittedCurve) -> list[str]:
    """Return what would change any answer of a curve, one sentence each.

    Args:
        fitted: Any curve.
    """
    won = won_by_one_point(fitted.curve)
    searched = [f"{won}; with a rate for each, larger ones may pay."] if won else []
    return [*_where_a_run_missed(fitted), *searched, *remarks(fitted)]


def _where_a_run_missed(fitted: FittedCurve) -> list[str]:
    """Return at which batch sizes a run missed the goal, and B_crit without those where another met it."""
    missed, torn = {one.batch_size for one in fitted.curve.points if not one.reached}, fitted.curve.torn_batch_sizes
    never = sorted(missed - set(torn))
    told = [f"the goal was never met at B = {', '.join(map(str, never))}."] if never else []
    if torn:
        sizes = ", ".join(map(str, torn))
        told += [f"the goal was not always met at B = {sizes}"]
        if (law := fitted.without_torn) is not None and law.fit.converged:
            b_crit = estimate_text(law.estimates["b_crit"], law.intervals["b_crit"])
            told[-1] += f"; without B = {sizes}, where other runs met it, B_crit is {b_crit}"
        told[-1] += "."
    return told


def _far_off(fitted: FittedCurve, law: FittedLaw) -> list[str]:
    """Return by how much the law misses single runs, where that is a lot and few runs leave the tests no power."""
    off = law.fit.worst_residual
    if off < _FAR_OFF or fitted.misfit("H", whole=True) is not None:
        return []
    measured = beyond_which_nothing_improved(fitted)
    told = f"; {measured}" if measured else ""
    return [
        f"the law misses a run by {percent(off)}, though no test rejects it{told}: repeat runs before you rely on it."
    ]


def _where_b_crit_is(law: FittedLaw, curve: Curve) -> list[str]:
    """Return where B_crit is open, or beyond what was measured."""
    ends, b_crit, sizes = law.intervals["b_crit"], law.estimates["b_crit"], curve.reached_batch_sizes
    if ends == OPEN:
        return ["B_crit is open on both sides: measure smaller and larger batch sizes."]
    if ends.high is None:
        bound = f"above {number(ends.low)}"
        return [f"B_crit is only known to be {bound}; larger batches than {sizes[-1]} may pay: measure some."]
    if ends.low is None:
        bound = f"below {number(ends.high)}"
        return [f"B_crit is only known to be {bound}; smaller batches than {sizes[0]} may do: measure some."]
    if b_crit is not None and not sizes[0] <= b_crit <= sizes[-1]:
        where = f"above {sizes[-1]}, the largest" if b_crit > sizes[-1] else f"below {sizes[0]}, the smallest"
        return [f"B_crit lies {where} batch size that met the goal: it is an extrapolation of the law; measure there."]
    return []
