"""Evidence on claims that set one network beside another: order, falling ratio, one factor, momentum, prediction."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.stats import t as student_t

from verification.curves import FittedCurve
from verification.evidence import Evidence, name, sparsest
from verification.fit import Interval
from verification.pairs import MARGIN, RATIOS, Pair, compare_each, log_error
from verification.product_ratio import Prediction
from verification.profile import deviance_at, profile_intervals, t_statistic
from verification.rates import Slope, line

_OPTIMISERS = ("momentum", "nesterov")
POWER = 0.8


def log_ratios_between(first: FittedCurve, second: FittedCurve) -> dict[int, float]:
    """Return log(K*_second/K*_first) at each batch size at which both reached the goal.

    Args:
        first: A curve.
        second: Another.

    Returns:
        Batch size to log ratio, means over replicates.
    """
    sides = []
    for fitted in (first, second):
        found: dict[int, list[float]] = {}
        for point, middle in zip(fitted.curve.points, fitted.data.log_middle, strict=True):
            if point.reached:
                found.setdefault(point.batch_size, []).append(float(middle))
        sides.append({size: float(np.mean(logs)) for size, logs in found.items()})
    return {size: sides[1][size] - sides[0][size] for size in sorted(sides[0].keys() & sides[1].keys())}


def ordered_by_sparsity(curves: Sequence[FittedCurve]) -> list[Evidence] | str:
    """C5: each curve lies above that of the next lower sparsity, in the mean of log K* over batch sizes.

    Paired over batch sizes; "each" is an intersection-union test.

    Args:
        curves: All fitted curves.

    Returns:
        Evidence on the smallest mean ratio, one per workload and goal with three sparsities.
    """
    found = []
    for members in _groups(curves).values():
        if len(members) < 3:
            continue
        steps = [_mean(list(log_ratios_between(low, high).values())) for low, high in pairwise(members)]
        if any(step is None for step in steps):
            continue
        known = [step for step in steps if step is not None]
        above = max(step.above() for step in known)
        below = min(1.0, len(known) * min(1.0 - step.above() for step in known))
        least = min(range(len(known)), key=lambda i: known[i].value)
        subject = f"{name(members[least + 1])} over {members[least].curve.sparsity:g}%"
        found.append(_directional(subject, known[least], above, below))
    return found or "needs 3 sparsities with 4 batch sizes in common"


def ratio_falls(pairs: Sequence[Pair]) -> list[Evidence] | str:
    """C6: slope of log(K*_sparse/K*_dense) on log B is negative, for the sparsest network.

    Args:
        pairs: All pairs.

    Returns:
        Evidence on the slope, one per workload and goal.
    """
    found = []
    for pair in sparsest(pairs):
        ratios = log_ratios_between(pair.dense, pair.sparse)
        slope = line([math.log(size) for size in ratios], ratios.values())
        if isinstance(slope, str):
            continue
        above = slope.above()
        found.append(
            Evidence(
                subject=name(pair.sparse),
                estimate=slope.value,
                interval=slope.interval(),
                p=min(above, 1.0 - above),
                detectable=slope.error * _one_sided(slope.freedom),
                direction=1 if slope.value < 0.0 else -1,
            )
        )
    return found or "needs a dense and a sparse curve with 4 batch sizes in common"


def one_factor(pairs: Sequence[Pair]) -> list[Evidence] | str:
    """C8: the ratios of c1 and c2 are equal, within a factor 1.25: the critical batch size is the dense one's.

    Args:
        pairs: All pairs.

    Returns:
        Evidence on the ratio of critical batch sizes, one per pair.
    """
    found = [
        Evidence(
            subject=name(pair.sparse),
            estimate=pair.ratios["b_crit"],
            interval=pair.intervals["b_crit"],
            p=test.p,
            detectable=test.detectable,
            within_margin=test.interval_90.inside(1.0 / MARGIN, MARGIN),
        )
        for pair in pairs
        if (test := pair.tests.get("b_crit")) is not None and test.p is not None
    ]
    return found or "needs a dense and a sparse curve with 3 batch sizes each"


def momentum_scales_further(curves: Sequence[FittedCurve]) -> list[Evidence] | str:
    """C9: momentum and Nesterov have a smaller c2 and a larger critical batch size than SGD, at every sparsity.

    Both must hold: the p-value is the larger of the two; against it counts the smaller one the other way, twice.

    Args:
        curves: Of several workloads that differ in the optimiser.

    Returns:
        Evidence on the ratio of critical batch sizes, one per optimiser, sparsity and workload.
    """
    partners = []
    plain = {_without_optimiser(one): one for one in curves if "sgd" in one.curve.workload.split("/")}
    for one in curves:
        words = one.curve.workload.split("/")
        if any(word in words for word in _OPTIMISERS) and (key := _without_optimiser(one)) in plain:
            partners.append((plain[key], one))
    found = []
    for pair in compare_each(partners, ()):
        if pair.fit is None or pair.problem is None:
            continue
        freedom = pair.fit.n - 4
        ups = []
        for ratio, sign in (("b_crit", 1.0), ("c2", -1.0)):
            contrast = RATIOS[ratio]
            t = t_statistic(deviance_at(pair.problem, pair.fit, contrast, 0.0), pair.fit.n, 4)
            if t is None:
                break
            t = math.copysign(t, sign * float(np.dot(contrast, pair.fit.theta)))
            ups.append(float(student_t.sf(t, freedom)))
        if len(ups) < 2:
            continue
        at_90 = profile_intervals([pair.problem], [pair.fit], {"b_crit": RATIOS["b_crit"]}, 0.90)[0]["b_crit"]
        error = log_error(at_90, freedom)
        above, below = max(ups), min(1.0, 2.0 * min(1.0 - up for up in ups))
        found.append(
            Evidence(
                subject=name(pair.sparse),
                estimate=pair.ratios["b_crit"],
                interval=pair.intervals["b_crit"],
                p=min(above, below),
                detectable=None if error is None or error > 8.0 else math.exp(error * _one_sided(freedom)),
                direction=1 if above <= below else -1,
            )
        )
    return found or "needs curves of SGD and of momentum or Nesterov on one data set and network, in one CSV file"


def predicted_ratio(pairs: Sequence[Pair]) -> list[Evidence] | str:
    """C12: the fitted ratio of c1 is the predicted one, within a factor 1.25, both errors carried.

    Args:
        pairs: All pairs.

    Returns:
        Evidence on fitted over predicted ratio, one per pair whose constants have an error.
    """
    found = []
    reasons = []
    for pair in pairs:
        test = pair.tests.get("prediction")
        if test is None or test.p is None or isinstance(pair.prediction, str) or pair.prediction.log_error is None:
            reasons.append(_why_no_prediction(pair))
            continue
        fitted = pair.ratios["c1"] or 0.0
        low, high = test.interval_90.low or 0.0, test.interval_90.high or math.inf
        centre = fitted / pair.prediction.c1_ratio
        freedom = pair.fit.n - 4 if pair.fit else 1
        widen = float(student_t.ppf(0.975, freedom) / student_t.ppf(0.95, freedom))
        ends = Interval(centre * (low / centre) ** widen, centre * (high / centre) ** widen)
        inside = test.interval_90.inside(1.0 / MARGIN, MARGIN)
        found.append(Evidence(name(pair.sparse), centre, ends, test.p, test.detectable, within_margin=inside))
    if found:
        return found
    return min(reasons) if reasons else "needs a dense and a sparse curve, and their measured constants"


def _why_no_prediction(pair: Pair) -> str:
    """Return why a pair's ratio cannot be compared with a prediction."""
    if isinstance(pair.prediction, Prediction):
        if pair.prediction.log_error is None:
            return "the constants have one replicate, so their error is unknown; measure with --replicates 3"
        return "the data do not bound the ratio of c1"
    return pair.prediction


def _without_optimiser(fitted: FittedCurve) -> tuple[str, str, float]:
    """Return what two curves share that differ in the optimiser alone."""
    words = [word for word in fitted.curve.workload.split("/") if word not in {"sgd", *_OPTIMISERS}]
    return "/".join(words), fitted.curve.goal, fitted.curve.sparsity


def _groups(curves: Sequence[FittedCurve]) -> dict[tuple[str, str], list[FittedCurve]]:
    """Return the curves by workload and goal, ascending in sparsity."""
    groups: dict[tuple[str, str], list[FittedCurve]] = {}
    for one in curves:
        groups.setdefault(one.curve.group, []).append(one)
    return {key: sorted(members, key=lambda one: one.curve.sparsity) for key, members in groups.items()}


def _mean(values: Sequence[float]) -> Slope | None:
    """Return a mean with its error; None with fewer than 4 values or without scatter."""
    if len(values) < 4:
        return None
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return Slope(float(np.mean(values)), error, len(values) - 1) if error > 1e-12 else None


def _directional(subject: str, log_ratio: Slope, above: float, below: float) -> Evidence:
    """Return evidence on a ratio being above 1."""
    ends = log_ratio.interval()
    return Evidence(
        subject=subject,
        estimate=math.exp(log_ratio.value),
        interval=Interval(math.exp(ends.low or 0.0), math.exp(ends.high or 0.0)),
        p=min(above, below),
        detectable=math.exp(min(log_ratio.error * _one_sided(log_ratio.freedom), 25.0)),
        direction=1 if above <= below else -1,
    )


def _one_sided(freedom: int) -> float:
    """Return how many standard errors a one-sided 5% test detects with probability 0.8."""
    return float(student_t.ppf(0.95, freedom) + student_t.ppf(POWER, freedom))
