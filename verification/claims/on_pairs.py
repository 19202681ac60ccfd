"""Evidence on claims that compare two networks: order, ratios, one factor, momentum, prediction."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from verification.claims.evidence import (
    Evidence,
    Found,
    exponential,
    name,
    sign_evidence,
    sparsest,
    variances,
)
from verification.fits.curves import FittedCurve
from verification.fits.distributions import t_above, t_quantile
from verification.fits.fit import Interval
from verification.fits.likelihood import Observations
from verification.fits.profile import deviance_at, profile_interval, t_statistic
from verification.inference.detectable import detectable, log_error
from verification.inference.pairs import RATIOS, Pair, compare_each
from verification.inference.rates import Slope, line
from verification.missing import Missing, each_once
from verification.prediction.prediction import Prediction
from verification.records.records import curve_groups

_OPTIMISERS = ("momentum", "nesterov")
_FEW_IN_COMMON = "needs a dense and a sparse curve with 4 batch sizes in common"
_NO_SCATTER = "the ratio is the same at every batch size: no scatter to judge it by"
_FEW_PAIRS = "needs a dense and a sparse curve with 3 batch sizes each"


def sparse_needs_more_steps(pairs: Sequence[Pair]) -> Found:
    """C4: K*_sparse/K*_dense > 1 at every batch size, for the sparsest network.

    Free of any law but for sigma, which the joint fit gives. "At every" is an intersection-union test: its
    p-value is the largest over the batch sizes. Against it counts the smallest p-value the other way, times the
    number of batch sizes. A study that did not reach its goal enters with its budget, a bound.

    Args:
        pairs: All pairs.

    Returns:
        Evidence on the smallest ratio, one per workload and goal.
    """
    found, reasons = [], []
    for pair in sparsest(pairs):
        if pair.fit is None or (freedom := pair.fit.n - 4) < 1:
            reasons.append(_why_no_fit(pair))
            continue
        variance = pair.fit.sigma**2 * pair.fit.n / freedom
        ratios = log_ratios(pair, variance)
        if not ratios:
            where = "no batch size at which its K* and that of the dense curve bound a ratio"
            reasons.append(Missing(f"{name(pair.sparse)}: {where}"))
            continue
        log_ratio, error = (np.array(column) for column in zip(*ratios.values(), strict=True))
        t = log_ratio / error
        above = float(t_above(t, freedom).max())
        below = min(1.0, len(t) * float(t_above(-t, freedom).min()))
        least = int(np.argmin(log_ratio))
        half = float(t_quantile(0.975, freedom)) * error[least]
        found.append(
            Evidence(
                subject=f"{name(pair.sparse)}, B = {list(ratios)[least]}",
                estimate=math.exp(log_ratio[least]),
                interval=Interval(log_ratio[least] - half, log_ratio[least] + half).map(exponential),
                p=min(above, below),
                detectable=detectable(float(error[least]), freedom, 1),
                direction=1 if above <= below else -1,
            )
        )
    return found or each_once(reasons, _FEW_PAIRS)


def _why_no_fit(pair: Pair) -> Missing:
    """Return why a pair has no fitted ratio."""
    return Missing(f"{_FEW_PAIRS} ({pair.reason})")


def log_ratios(pair: Pair, variance: float) -> dict[int, tuple[float, float]]:
    """Return log(K*_sparse/K*_dense) and its standard error at each batch size both curves have.

    Args:
        pair: Sparse and dense curve.
        variance: Of log K*, noise alone; the width of the measured interval is added.

    Returns:
        Batch size to (log ratio, standard error); batch sizes at which the ratio is open on both sides are left out,
        where neither reached its goal, or both did at the first test.
    """
    sides = [_by_batch_size(side.data) for side in (pair.sparse, pair.dense)]
    found = {}
    for size in sorted(sides[0].keys() & sides[1].keys()):
        chosen = [side[size] for side in sides]
        if not (_bounds_ratio(*chosen) or _bounds_ratio(*reversed(chosen))):
            continue
        sparse, dense = (float(one.log_middle.mean()) for one in chosen)
        error = math.sqrt(sum(float(variances(one, variance).sum()) / len(one.log_lower) ** 2 for one in chosen))
        found[round(math.exp(size))] = (sparse - dense, error)
    return found


def _bounds_ratio(above: Observations, below: Observations) -> bool:
    """Return whether the ratio of K, one's mean over the other's, is bounded from below."""
    return bool(np.isfinite(above.log_lower).all() and below.reached.all())


def _by_batch_size(data: Observations) -> dict[float, Observations]:
    """Return the observations at each log batch size."""
    return {float(x): data.select(np.flatnonzero(data.log_batch_size == x)) for x in np.unique(data.log_batch_size)}


def log_ratios_between(first: FittedCurve, second: FittedCurve) -> dict[int, float]:
    """Return log(K*_second/K*_first) at each batch size at which both are known from both sides.

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
            if point.reached and point.lower > 0.0:
                found.setdefault(point.batch_size, []).append(float(middle))
        sides.append({size: float(np.mean(logs)) for size, logs in found.items()})
    return {size: sides[1][size] - sides[0][size] for size in sorted(sides[0].keys() & sides[1].keys())}


def ratio_slope(pair: Pair) -> Slope | Missing:
    """Return how log(K*_sparse/K*_dense) moves with log B.

    Args:
        pair: A sparse curve and the dense one.

    Returns:
        The slope; why there is none.
    """
    ratios = log_ratios_between(pair.dense, pair.sparse)
    if len(ratios) < 4:
        return _few_in_common(pair.dense, pair.sparse, len(ratios))
    slope = line([math.log(size) for size in ratios], ratios.values())
    return Missing(_NO_SCATTER) if isinstance(slope, Missing) else slope


def ordered_by_sparsity(curves: Sequence[FittedCurve]) -> Found:
    """C5: each curve lies above that of the next lower sparsity, in the mean of log K* over batch sizes.

    Paired over batch sizes; "each" is an intersection-union test.

    Args:
        curves: All fitted curves.

    Returns:
        Evidence on the smallest mean ratio, one per workload and goal with three sparsities.
    """
    found, reasons = [], []
    for members in curve_groups(curves).values():
        if len(members) < 3:
            continue
        steps = [_mean(low, high) for low, high in pairwise(members)]
        if missing := [step for step in steps if isinstance(step, Missing)]:
            reasons.append(missing[0])
            continue
        known = [step for step in steps if isinstance(step, Slope)]
        above = max(step.above() for step in known)
        below = min(1.0, len(known) * min(1.0 - step.above() for step in known))
        least = min(range(len(known)), key=lambda i: known[i].value)
        subject = f"{name(members[least + 1])} over {members[least].curve.sparsity:g}%"
        one = sign_evidence(subject, known[least], 1, exponential)
        found.append(replace(one, p=min(above, below), direction=1 if above <= below else -1))
    return found or each_once(reasons, "needs 3 sparsities with 4 batch sizes in common")


def ratio_falls(pairs: Sequence[Pair]) -> Found:
    """C6: slope of log(K*_sparse/K*_dense) on log B is negative, for the sparsest network.

    Args:
        pairs: All pairs.

    Returns:
        Evidence on the slope, one per workload and goal.
    """
    found, reasons = [], []
    for pair in sparsest(pairs):
        slope = ratio_slope(pair)
        if isinstance(slope, Missing):
            reasons.append(slope)
            continue
        found.append(sign_evidence(name(pair.sparse), slope, -1))
    return found or each_once(reasons, _FEW_IN_COMMON)


def critical_batch_no_smaller(pairs: Sequence[Pair]) -> Found:
    """C7: the critical batch size of the sparsest network over the dense one's is above 1.

    Args:
        pairs: All pairs.

    Returns:
        Evidence on that ratio, one per workload and goal.
    """
    found, reasons = [], []
    for pair in sparsest(pairs):
        if pair.fit is None:
            reasons.append(_why_no_fit(pair))
            continue
        contrast = RATIOS["b_crit"]
        deviance = deviance_at(pair.problem, pair.fit, contrast, 0.0)
        freedom = pair.fit.n - 4
        t = t_statistic(deviance, pair.fit.n, 4)
        if t is None:
            continue
        log_ratio = float(np.dot(contrast, pair.fit.theta))
        at_90 = profile_interval(pair.problem, pair.fit, contrast, level=0.90)
        found.append(
            Evidence(
                subject=name(pair.sparse),
                estimate=pair.ratios["b_crit"],
                interval=pair.intervals["b_crit"],
                p=float(t_above(t, freedom)),
                detectable=detectable(log_error(at_90, freedom), freedom, 1),
                direction=1 if log_ratio > 0.0 else -1,
            )
        )
    return found or each_once(reasons, _FEW_PAIRS)


def one_factor(pairs: Sequence[Pair]) -> Found:
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
            interval_90=test.interval_90,
        )
        for pair in pairs
        if (test := pair.tests.get("b_crit")) is not None and test.p is not None
    ]
    return found or each_once(map(_why_no_fit, pairs), _FEW_PAIRS)


def momentum_scales_further(curves: Sequence[FittedCurve]) -> Found:
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
    found, reasons = [], []
    for pair in compare_each(partners, {}):
        if pair.fit is None:
            reasons.append(_why_no_fit(pair))
            continue
        freedom = pair.fit.n - 4
        ups = []
        for ratio, sign in (("b_crit", 1.0), ("c2", -1.0)):
            contrast = RATIOS[ratio]
            t = t_statistic(deviance_at(pair.problem, pair.fit, contrast, 0.0), pair.fit.n, 4)
            if t is None:
                break
            t = math.copysign(t, sign * float(np.dot(contrast, pair.fit.theta)))
            ups.append(float(t_above(t, freedom)))
        if len(ups) < 2:
            continue
        at_90 = profile_interval(pair.problem, pair.fit, RATIOS["b_crit"], 0.90)
        above, below = max(ups), min(1.0, 2.0 * min(1.0 - up for up in ups))
        found.append(
            Evidence(
                subject=name(pair.sparse),
                estimate=pair.ratios["b_crit"],
                interval=pair.intervals["b_crit"],
                p=min(above, below),
                detectable=detectable(log_error(at_90, freedom), freedom, 1),
                direction=1 if above <= below else -1,
            )
        )
    if found or reasons:
        return found or each_once(reasons, _FEW_PAIRS)
    return Missing("needs curves of SGD and of momentum or Nesterov on one data set and network, in one CSV file")


def predicted_ratio(pairs: Sequence[Pair]) -> Found:
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
        if test is None or test.p is None or isinstance(pair.prediction, Missing) or _of_one_seed(pair.prediction):
            reasons.append(_why_no_prediction(pair))
            continue
        fitted = pair.ratios["c1"] or 0.0
        low, high = test.interval_90.low or 0.0, test.interval_90.high or math.inf
        centre = fitted / pair.prediction.c1.ratio
        freedom = pair.fit.n - 4 if pair.fit else 1
        widen = float(t_quantile(0.975, freedom) / t_quantile(0.95, freedom))
        ends = Interval(centre * (low / centre) ** widen, centre * (high / centre) ** widen)
        found.append(
            Evidence(
                subject=name(pair.sparse),
                estimate=centre,
                interval=ends,
                p=test.p,
                detectable=test.detectable,
                interval_90=test.interval_90,
            )
        )
    if found:
        return found
    if reasons:
        return min(reasons, key=lambda one: one.reason)
    return Missing("needs a dense and a sparse curve, and their measured constants")


def _why_no_prediction(pair: Pair) -> Missing:
    """Return why a pair's ratio cannot be compared with a prediction."""
    if isinstance(pair.prediction, Missing):
        return pair.prediction
    if _of_one_seed(pair.prediction):
        return Missing("the constants have one replicate, so their error is unknown")
    return _why_no_fit(pair) if pair.fit is None else Missing("the data do not bound the ratio of c1")


def _of_one_seed(prediction: Prediction) -> bool:
    """Return whether nothing is known of how the prediction scatters between seeds."""
    return prediction.c1.error_between_seeds is None


def _without_optimiser(fitted: FittedCurve) -> tuple[str, str, float]:
    """Return what two curves share that differ in the optimiser alone."""
    words = [word for word in fitted.curve.workload.split("/") if word not in {"sgd", *_OPTIMISERS}]
    return "/".join(words), fitted.curve.goal, fitted.curve.sparsity


def _mean(first: FittedCurve, second: FittedCurve) -> Slope | Missing:
    """Return the mean of log(K*_second/K*_first) over batch sizes with its error; why there is none."""
    values = list(log_ratios_between(first, second).values())
    if len(values) < 4:
        return _few_in_common(first, second, len(values))
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return Slope(float(np.mean(values)), error, len(values) - 1) if error > 1e-12 else Missing(_NO_SCATTER)


def _few_in_common(first: FittedCurve, second: FittedCurve, count: int) -> Missing:
    """Return that two curves have too few batch sizes in common, and which would count."""
    at_first = any((side.data.reached & ~side.data.bounded).any() for side in (first, second))
    when = " after the first goal test" if at_first else ""
    levels, verb = f"{first.curve.sparsity:g}% and {second.curve.sparsity:g}%", "is" if count == 1 else "are"
    return Missing(f"needs 4 batch sizes at which both {levels} reached the goal{when}, there {verb} {count}")
