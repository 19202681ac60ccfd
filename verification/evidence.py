r"""What the curves say about each claim: an estimate, its interval, a p-value, and what could have been seen.

One function per claim, from fitted curves and pairs to one piece of evidence per curve or pair. Claims about networks
side by side are in `verification.evidence_pairs`, those about rates, trials and constants in
`verification.evidence_trials`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student_t

from verification.curves import FittedCurve
from verification.fit import Interval
from verification.likelihood import Array, Observations
from verification.pairs import RATIOS, Pair
from verification.profile import deviance_at, profile_interval, t_statistic

# Margins of the equality claims. alpha: as near to 1 as 0.1. End slopes: doubling the batch size changes the
# steps by at most a factor 1.1 more or less than claimed.
ALPHA_MARGIN = 0.1
SLOPE_MARGIN = math.log2(1.1)
# A law that is rejected may still describe a curve to this relative error.
APPROXIMATION = 0.10
# Power of the detectable effects, for one-sided tests at 5% and two-sided ones alike.
POWER = 0.80
# "At the smallest" and "at the largest" batch size: over so many logs from the end, three sizes that double.
END_RANGE = math.log(4.0) + 1e-9
# An effect of more logs than this is no effect one could have.
_BEYOND_REASON = 25.0


@dataclass(frozen=True)
class Evidence:
    """What one curve or pair says about one claim.

    Attributes:
        subject: Which curve or pair.
        estimate: Of the claim's quantity; None where the data hold no trace of it.
        interval: 95% interval of it.
        p: Of the claim's null hypothesis; of the direction seen, one-sided, for directional claims.
        detectable: The smallest effect (distance from the claimed value, or ratio) seen with probability 0.8.
        within_margin: Whether the 90% interval lies within the margin (equality and law claims).
        approximate: Whether the law's worst residual is small (law claims).
        direction: +1 when the data point the claim's way, -1 when against (directional claims).
    """

    subject: str
    estimate: float | None
    interval: Interval
    p: float
    detectable: float | None
    within_margin: bool = False
    approximate: bool = False
    direction: int = 0


def law_holds(curves: Sequence[FittedCurve]) -> list[Evidence]:
    """C1: alpha = 1 in c1/B^alpha + c2, for each curve.

    Args:
        curves: All fitted curves.

    Returns:
        Evidence on alpha, for each curve with four batch sizes that reached the goal.
    """
    found = []
    for fitted in curves:
        test, hyperbola = fitted.shape_tests.get("P"), fitted.hyperbola
        if test is None or test.p is None or hyperbola is None:
            continue
        power = fitted.laws["P"]
        log_90 = _log_interval(test.interval_90)
        error = _standard_error(log_90, power.fit.n - 3)
        found.append(
            Evidence(
                subject=name(fitted),
                estimate=power.estimates["alpha"],
                interval=power.intervals["alpha"],
                p=test.p,
                detectable=_times(error, _two_sided(power.fit.n - 3), math.expm1),
                within_margin=test.interval_90.inside(1.0 - ALPHA_MARGIN, 1.0 + ALPHA_MARGIN),
                approximate=hyperbola.fit.worst_residual < APPROXIMATION,
            )
        )
    return found


def linear_scaling(curves: Sequence[FittedCurve]) -> list[Evidence]:
    """C2: slope -1 of log K on log B at the smallest batch sizes.

    Args:
        curves: All fitted curves.

    Returns:
        Evidence on the slope, for each curve that law P was fitted to.
    """
    return [e for fitted in curves if (e := _end_slope(fitted, claimed=-1.0)) is not None]


def plateau(curves: Sequence[FittedCurve]) -> list[Evidence]:
    """C3: slope 0 of log K on log B at the largest batch sizes.

    Args:
        curves: All fitted curves.

    Returns:
        Evidence on the slope, for each curve that law P was fitted to.
    """
    return [e for fitted in curves if (e := _end_slope(fitted, claimed=0.0)) is not None]


def _end_slope(fitted: FittedCurve, claimed: float) -> Evidence | None:
    """Compare the slope over the outermost batch sizes, a factor of four, with a claim.

    A straight line by least squares, free of any law but for sigma, which the widest fitted law gives: read off
    the paper's law the slopes would follow from what they are to test.
    """
    power = fitted.laws.get("P")
    if power is None or (freedom := power.fit.n - 3) < 1:
        return None
    data = fitted.data
    usable = data.reached & np.isfinite(data.log_lower)
    if not usable.any():  # every K* came at the first evaluation: it is only known from above
        return None
    end = data.log_batch_size[usable].min() if claimed == -1.0 else data.log_batch_size[usable].max()
    window = data.select(np.flatnonzero(usable & (np.abs(data.log_batch_size - end) <= END_RANGE)))
    weight = 1.0 / _variances(window, power.fit.sigma**2 * power.fit.n / freedom)
    x = window.log_batch_size - np.average(window.log_batch_size, weights=weight)
    if not (information := float((weight * x**2).sum())) > 0.0:
        return None
    slope, error = float((weight * x * window.log_middle).sum()) / information, information**-0.5
    at_90, at_95 = (float(student_t.ppf(q, freedom)) * error for q in (0.95, 0.975))
    return Evidence(
        subject=name(fitted),
        estimate=slope,
        interval=Interval(slope - at_95, slope + at_95),
        p=2.0 * float(student_t.sf(abs(slope - claimed) / error, freedom)),
        detectable=error * _two_sided(freedom),
        within_margin=abs(slope - claimed) + at_90 <= SLOPE_MARGIN,
    )


def _variances(data: Observations, variance: float) -> Array:
    """Return the variance of each log K: noise, and a uniform error within the measured interval."""
    width: Array = data.log_upper - data.log_lower
    return variance + np.where(np.isfinite(width), width, 0.0) ** 2 / 12.0


def sparse_needs_more_steps(pairs: Sequence[Pair]) -> list[Evidence]:
    """C4: K*_sparse/K*_dense > 1 at every batch size, for the sparsest network.

    Free of any law but for sigma, which the joint fit gives. "At every" is an intersection-union test: its
    p-value is the largest over the batch sizes. Against it counts the smallest p-value the other way, times the
    number of batch sizes. A study that did not reach its goal enters with its budget, a bound.

    Args:
        pairs: All pairs.

    Returns:
        Evidence on the smallest ratio, one per workload and goal.
    """
    found = []
    for pair in sparsest(pairs):
        if pair.fit is None or (freedom := pair.fit.n - 4) < 1:
            continue
        variance = pair.fit.sigma**2 * pair.fit.n / freedom
        ratios = log_ratios(pair, variance)
        if not ratios:
            continue
        log_ratio, error = (np.array(column) for column in zip(*ratios.values(), strict=True))
        t = log_ratio / error
        above = float(student_t.sf(t, freedom).max())
        below = min(1.0, len(t) * float(student_t.cdf(t, freedom).min()))
        least = int(np.argmin(log_ratio))
        half = float(student_t.ppf(0.975, freedom)) * error[least]
        found.append(
            Evidence(
                subject=f"{name(pair.sparse)}, B = {list(ratios)[least]}",
                estimate=math.exp(log_ratio[least]),
                interval=Interval(math.exp(log_ratio[least] - half), math.exp(log_ratio[least] + half)),
                p=min(above, below),
                detectable=_times(float(error[least]), _one_sided(freedom), math.exp),
                direction=1 if above <= below else -1,
            )
        )
    return found


def log_ratios(pair: Pair, variance: float) -> dict[int, tuple[float, float]]:
    """Return log(K*_sparse/K*_dense) and its standard error at each batch size both curves have.

    Args:
        pair: Sparse and dense curve.
        variance: Of log K*, noise alone; the width of the measured interval is added.

    Returns:
        Batch size to (log ratio, standard error); batch sizes at which neither reached its goal are left out.
    """
    sides = [_by_batch_size(side.data) for side in (pair.sparse, pair.dense)]
    found = {}
    for size in sorted(sides[0].keys() & sides[1].keys()):
        chosen = [side[size] for side in sides]
        if not any(one.reached.any() for one in chosen):
            continue
        sparse, dense = (float(one.log_middle.mean()) for one in chosen)
        error = math.sqrt(sum(float(_variances(one, variance).sum()) / len(one.log_lower) ** 2 for one in chosen))
        found[round(math.exp(size))] = (sparse - dense, error)
    return found


def _by_batch_size(data: Observations) -> dict[float, Observations]:
    """Return the observations at each log batch size."""
    return {float(x): data.select(np.flatnonzero(data.log_batch_size == x)) for x in np.unique(data.log_batch_size)}


def critical_batch_no_smaller(pairs: Sequence[Pair]) -> list[Evidence]:
    """C7: the critical batch size of the sparsest network over the dense one's is above 1.

    Args:
        pairs: All pairs.

    Returns:
        Evidence on that ratio, one per workload and goal.
    """
    found = []
    for pair in sparsest(pairs):
        if pair.fit is None or pair.problem is None:
            continue
        contrast = RATIOS["b_crit"]
        deviance = deviance_at(pair.problem, pair.fit, contrast, 0.0)
        freedom = pair.fit.n - 4
        t = t_statistic(deviance, pair.fit.n, 4)
        if t is None:
            continue
        log_ratio = float(np.dot(contrast, pair.fit.theta))
        at_90 = _log_interval(profile_interval(pair.problem, pair.fit, contrast, level=0.90))
        found.append(
            Evidence(
                subject=name(pair.sparse),
                estimate=pair.ratios["b_crit"],
                interval=pair.intervals["b_crit"],
                p=float(student_t.sf(t, freedom)),
                detectable=_times(_standard_error(at_90, freedom), _one_sided(freedom), math.exp),
                direction=1 if log_ratio > 0.0 else -1,
            )
        )
    return found


def name(fitted: FittedCurve) -> str:
    """Return how a curve is called in tables.

    Args:
        fitted: A curve.

    Returns:
        Workload, goal and sparsity, what is known of them.
    """
    curve = fitted.curve
    goal = f"goal {curve.goal}" if curve.goal else ""
    return ", ".join(part for part in (curve.workload, goal, f"sparsity {curve.sparsity:g}%") if part)


def sparsest(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pair of highest sparsity of each workload and goal.

    Args:
        pairs: All pairs.

    Returns:
        One per workload and goal.
    """
    chosen: dict[tuple[str, str], Pair] = {}
    for pair in pairs:
        kept = chosen.get(pair.sparse.curve.group)
        if kept is None or pair.sparse.curve.sparsity > kept.sparse.curve.sparsity:
            chosen[pair.sparse.curve.group] = pair
    return list(chosen.values())


def _log_interval(interval: Interval) -> tuple[float | None, float | None]:
    """Return both ends in logs."""
    low, high = (None if end is None else math.log(end) for end in (interval.low, interval.high))
    return low, high


def _standard_error(interval_90: tuple[float | None, float | None], freedom: int) -> float | None:
    """Return the standard error a 90% interval stands for, None when it is open."""
    low, high = interval_90
    if low is None or high is None or freedom < 1:
        return None
    return (high - low) / 2.0 / float(student_t.ppf(0.95, freedom))


def _two_sided(freedom: int) -> float:
    """Return how many standard errors a two-sided 5% test detects."""
    return float(student_t.ppf(0.975, freedom) + student_t.ppf(POWER, freedom))


def _one_sided(freedom: int) -> float:
    """Return how many standard errors a one-sided 5% test detects."""
    return float(student_t.ppf(0.95, freedom) + student_t.ppf(POWER, freedom))


def _times(error: float | None, multiple: float, scale: Callable[[float], float]) -> float | None:
    """Return the effect so many standard errors away, None where there is no error or it is beyond reason."""
    if error is None or error * multiple > _BEYOND_REASON:
        return None
    return scale(error * multiple)
