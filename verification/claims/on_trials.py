"""Evidence on claims about rates, trials and measured constants."""

import math
import statistics
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from scipy.special import betainc, betaincinv

from empirics.records import at_edge
from verification.claims.evidence import (
    NOT_SEEDS,
    Evidence,
    Found,
    equal_evidence,
    exponential,
    logs_within,
    name,
    sign_evidence,
)
from verification.fits.curves import FittedCurve
from verification.fits.fit import Interval
from verification.fits.likelihood import Array
from verification.inference.detectable import POWER
from verification.inference.known import Slope, mean_of
from verification.inference.rates import FIRST_TEST_RATES, Rates, success
from verification.inference.trends import WHOLE_TRAINING, Trend
from verification.missing import Missing, each_once
from verification.prediction.prediction import ratio_of
from verification.records.curves import Curve, curve_groups
from verification.records.measured_constants import Measured
from verification.records.trials import SmoothnessRun, Trial, winner

# Winners at an edge of what was tried: as few as this share are no sign of a search too narrow.
EDGE_MARGIN = 0.10
_NO_SMOOTHNESS = "needs L along training at 3 sparsities, which a run folder holds and a table does not"
_ALIKE = "every search point says the same"
_ONE_SEED = "the constants have one replicate, so their error is unknown"


def best_rate_grows(curves: Sequence[FittedCurve], rates: Sequence[Rates]) -> Found:
    """C13: slope of log eta* on log B is positive, for each curve.

    Args:
        curves: All fitted curves.
        rates: What their rates say; replicates are the units of their slopes.

    Returns:
        Evidence on the slope; why there is none.
    """
    found, reasons = [], []
    for one, rate in zip(curves, rates, strict=True):
        if isinstance(rate.rate, Missing):
            reasons.append(rate.rate)
        else:
            note = "" if one.units.replicates else NOT_SEEDS
            found.append(sign_evidence(name(one), rate.rate, 1, note=note))
    return found or each_once(reasons[:1], "needs a curve")


def successful_range_shrinks(curves: Sequence[FittedCurve]) -> Found:
    """C14: fewer search points succeed at the highest sparsity than in the dense network, paired by search point.

    Search points are spread evenly over log rate, so the share that succeeds measures the range of working rates.

    Args:
        curves: All fitted curves.

    Returns:
        Evidence on the difference of shares, sparse less dense, one per workload and goal.
    """
    found, reasons = [], []
    for dense, sparse in _dense_and_sparsest(curves):
        sides = [success(one.curve) for one in (dense, sparse)]
        if any(isinstance(side, Missing) for side in sides):
            return next(side for side in sides if isinstance(side, Missing))
        known = [_by_point(side) for side in sides if not isinstance(side, Missing)]
        common = sorted(known[0].keys() & known[1].keys())
        if len(common) < 4:
            reasons.append(
                Missing(f"needs 4 search points tried in a dense and a sparse curve, there are {len(common)}")
            )
            continue
        gaps = []
        for point in common:
            sizes = sorted(known[0][point].keys() & known[1][point].keys())
            gaps.append(float(np.mean([known[1][point][size] - known[0][point][size] for size in sizes])))
        slope = mean_of(gaps, _ALIKE)
        if isinstance(slope, Slope):
            found.append(sign_evidence(name(sparse), slope, -1))
        else:
            reasons.append(slope)
    return found or each_once(reasons, "needs a dense and a sparse curve whose trials tried the same search points")


def region_grows(curves: Sequence[FittedCurve]) -> Found:
    """C15: the share of search points that succeed rises with log B, search point by search point.

    Args:
        curves: All fitted curves.

    Returns:
        Evidence on the slope of the share, one per curve.
    """
    found, reasons = [], []
    for one in curves:
        table = success(one.curve)
        if isinstance(table, Missing):
            reasons.append(table)
            continue
        x, _, reached = table
        centred = x - x.mean()
        if len(x) < 3:
            reasons.append(Missing("needs a curve with 3 batch sizes whose trials are known"))
            continue
        slope = mean_of((centred @ reached / float(centred @ centred)).tolist(), _ALIKE)
        if isinstance(slope, Slope):
            found.append(sign_evidence(name(one), slope, 1))
        else:
            reasons.append(slope)
    return found or each_once(reasons, "needs a curve with 3 batch sizes whose trials are known")


def winners_inside(curves: Sequence[FittedCurve]) -> Found:
    """C16: winners' metaparameters are not the smallest or largest tried, at nine batch sizes of ten at least.

    One search serves all replicates of a batch size, so that these count as one: at an edge if more than half are.

    Args:
        curves: All fitted curves.

    Returns:
        Evidence on the share of batch sizes at an edge, over all sparsities; one per workload and goal.
    """
    by_group: dict[tuple[str, str], list[bool]] = {}
    subjects: dict[tuple[str, str], str] = {}
    reason = "needs studies of 3 trials or more with their metaparameters, in rows of trials or in study.sqlite"
    for one in curves:
        if of_sizes := winners_at_edge(one.curve):
            by_group.setdefault(one.curve.group, []).extend(statistics.fmean(of) > 0.5 for of in of_sizes.values())
            subjects[one.curve.group] = one.curve.title or "all studies"
        elif _won(one.curve):
            reason = FIRST_TEST_RATES
    found = []
    for group, edges in by_group.items():
        k, n = sum(edges), len(edges)
        found.append(
            Evidence(
                subject=subjects[group],
                estimate=k / n,
                interval=partial(_binomial_interval, k, n),
                p_for=1.0 - float(_at_least(k + 1, n, EDGE_MARGIN)) if k < n else 1.0,
                p_against=float(_at_least(k, n, EDGE_MARGIN)),
                detectable=_detectable_share(n),
            )
        )
    return found or Missing(reason)


def winners_at_edge(curve: Curve) -> dict[int, list[bool]]:
    """Return of each batch size and its studies whether the winner is at an edge, by `empirics.records.at_edge`.

    Args:
        curve: With its trials; a study that met its goal at the first test says nothing.
    """
    found: dict[int, list[bool]] = {}
    for best, trials in _won(curve):
        if best.lower > 0.0:
            edges = at_edge(best.metaparameters, [one.metaparameters for one in trials])
            found.setdefault(best.batch_size, []).append(bool(edges))
    return found


def _won(curve: Curve) -> list[tuple[Trial, list[Trial]]]:
    """Return winner and trials of each study of 3 trials or more with their metaparameters."""
    found = [(winner(trials), trials) for trials in curve.studies.values() if len(trials) >= 3]
    return [(best, trials) for best, trials in found if best is not None and best.metaparameters]


def smoothness_grows(trends: Mapping[str, Trend | Missing]) -> Found:
    """C10: the mean of L over the whole training grows with sparsity, over replicates (Jonckheere).

    Args:
        trends: Of `trends.smoothness_trends`, by the mean of L that they are about.

    Returns:
        Evidence on the ratio of L, highest sparsity over lowest; the other means of L stand beside it.
    """
    trend = trends.get(WHOLE_TRAINING, Missing(_NO_SMOOTHNESS))
    beside = "; ".join(
        f"{quantity} {_ends(other):.2g}, p {2.0 * min(other.p, other.p_falling, 0.5):.2g}"
        for quantity, other in trends.items()
        if quantity != WHOLE_TRAINING and isinstance(other, Trend)
    )
    if isinstance(trend, Missing):
        return Missing(f"{trend.reason}; beside it: {beside}" if beside else trend.reason)
    return [
        Evidence(
            subject=f"{WHOLE_TRAINING}, sparsity {max(trend.groups):g}% over {min(trend.groups):g}%",
            estimate=_ends(trend),
            interval=None,
            p_for=trend.p,
            p_against=trend.p_falling,
            note=beside,
        )
    ]


def _ends(trend: Trend) -> float:
    """Return the ratio of the highest sparsity's mean to the lowest one's."""
    means = list(trend.groups.values())
    return means[-1] / means[0]


def constants_change_little(measured: Measured, margin: float) -> Found:
    """C11: Delta and beta of a sparse network are the dense one's within a factor, seeds compared in pairs.

    Args:
        measured: Constants by workload and sparsity, a set a replicate.
        margin: The factor.

    Returns:
        Evidence on each ratio, one per workload, sparsity and quantity.
    """
    pairs = [(key, level, measured.get((key[0], 0.0))) for key, level in measured.items() if key[1] > 0.0]
    ratios = [
        (sparsity, quantity, ratio_of(quantity, sparse, dense))
        for (_, sparsity), sparse, dense in pairs
        if dense is not None
        for quantity in ("Delta", "beta")
    ]
    known = [(sparsity, quantity, ratio) for sparsity, quantity, ratio in ratios if ratio is not None]
    if not known:
        return Missing("needs Delta and beta of a sparse and the dense network, in constants.csv")
    found, reasons = [], []
    for sparsity, quantity, predicted in known:
        if not (error := predicted.error_between_seeds):
            alike = f"the replicates of {quantity} are all alike: no scatter to judge by"
            reasons.append(Missing(_ONE_SEED if error is None else alike))
            continue
        ratio = Slope(math.log(predicted.ratio), error, predicted.seeds - 1)
        subject = f"{quantity}, sparsity {sparsity:g}%"
        found.append(equal_evidence(subject, ratio, logs_within(margin), exponential))
    return found or each_once(reasons, _ONE_SEED)


def loss_goes_with_smoothness(runs: Sequence[SmoothnessRun]) -> Found:
    """C18: runs with a larger mean L have a larger mean training loss (Kendall's tau).

    Args:
        runs: One per sparsity and replicate.

    Returns:
        Evidence on tau.
    """
    means = [(float(np.mean(run.smoothness)), float(np.mean(run.loss))) for run in runs if run.smoothness]
    if len(means) < 4:
        return Missing("needs L and training loss along 4 runs (sparsities or replicates), in study.sqlite")
    smoothness, loss = zip(*means, strict=True)
    from scipy.stats import kendalltau  # noqa: PLC0415 - a second only runs with trials need

    tau, p = kendalltau(smoothness, loss, alternative="greater")
    _, against = kendalltau(smoothness, loss, alternative="less")
    if not math.isfinite(float(tau)):
        return Missing("L or the training loss is the same in all runs")
    return [
        Evidence(
            subject=f"{len(means)} runs",
            estimate=float(tau),
            interval=None,
            p_for=float(p),
            p_against=float(against),
        )
    ]


def _by_point(side: tuple[Array, Array, Array]) -> dict[tuple[int, int], dict[float, float]]:
    """Return search point to log batch size to whether it succeeded, 0 or 1."""
    x, points, reached = side
    return {
        (int(trial), int(replicate)): dict(zip(x.tolist(), reached[:, i].tolist(), strict=True))
        for i, (trial, replicate) in enumerate(points)
    }


def _dense_and_sparsest(curves: Sequence[FittedCurve]) -> list[tuple[FittedCurve, FittedCurve]]:
    """Return the dense and the sparsest curve of each workload and goal that has both."""
    both = [(members[0], members[-1]) for members in curve_groups(curves).values() if len(members) > 1]
    return [(dense, sparse) for dense, sparse in both if dense.curve.sparsity == 0.0]


def _at_least(k: int, n: int, share: float | Array) -> Array:
    """Return the chance of k or more of n, each with the chance `share`: the incomplete beta function."""
    return np.asarray(betainc(k, n - k + 1, share)) if k else np.ones(np.shape(share))


def _binomial_interval(k: int, n: int, level: float) -> Interval:
    """Return Clopper and Pearson's exact interval of a share."""
    tail = (1.0 - level) / 2.0
    low = float(betaincinv(k, n - k + 1, tail)) if k else 0.0
    high = float(betaincinv(k + 1, n - k, 1.0 - tail)) if k < n else 1.0
    return Interval(low, high)


def _detectable_share(n: int) -> float | None:
    """Return the smallest share that a 5% test of the margin finds with probability 0.8, None where none is."""
    significant = next((k for k in range(1, n + 1) if _at_least(k, n, EDGE_MARGIN) <= 0.05), None)
    if significant is None:
        return None
    shares = np.linspace(EDGE_MARGIN, 1.0, 181)
    power = _at_least(significant, n, shares)
    return float(shares[np.argmax(power >= POWER)])
