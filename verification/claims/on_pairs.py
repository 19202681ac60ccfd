"""Evidence on claims that compare two networks: order, ratios, one factor, momentum, prediction."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from types import MappingProxyType

from verification.claims.evidence import (
    NOT_SEEDS,
    Evidence,
    Found,
    equal_evidence,
    exponential,
    logs_within,
    name,
    sign_evidence,
    sparsest,
)
from verification.claims.on_curves import won_by_one
from verification.fits.curves import FittedCurve
from verification.inference.known import Profiled, Slope
from verification.inference.pairs import Pair, compare_each, over_prediction
from verification.inference.ratios import LogRatios, at_each_size, bounded_sides, log_ratios
from verification.inference.trends import WINDOWS
from verification.missing import Missing, each_once
from verification.prediction.prediction import Prediction
from verification.records.curves import curve_groups

_OPTIMISERS = ("momentum", "nesterov")
_FEW_IN_COMMON = "needs a dense and a sparse curve with 4 batch sizes in common"
_FEW_PAIRS = "needs a dense and a sparse curve with 3 batch sizes each"


def sparse_needs_more_steps(pairs: Sequence[Pair]) -> Found:
    """C4: K*_sparse/K*_dense > 1 at every batch size, for the sparsest network.

    "At every" is an intersection-union test: its p-value is the largest over the batch sizes. Against it counts the
    smallest p-value the other way, times the number of batch sizes. A ratio that is bounded from one side only is no
    evidence for the other.

    Args:
        pairs: All pairs.

    Returns:
        Evidence on the smallest ratio, one per workload and goal.
    """
    found, reasons = [], []
    for pair in sparsest(pairs):
        if pair.fit is None:
            reasons.append(_why_no_fit(pair))
            continue
        ratios = at_each_size(pair.dense, pair.sparse)
        if not ratios:
            where = "no batch size at which its K* and that of the dense curve bound a ratio"
            reasons.append(Missing(f"{name(pair.sparse)}: {where}"))
            continue
        sides = bounded_sides(pair.dense, pair.sparse)
        named = {f"{name(pair.sparse)}, B = {size}": size for size in ratios}
        numbers = {subject: ratios[size] for subject, size in named.items()}
        found.append(_all_above(numbers, _seeds(pair), {subject: sides[size] for subject, size in named.items()}))
    return found or each_once(reasons, _FEW_PAIRS)


def _all_above(
    numbers: Mapping[str, Slope], note: str, sides: Mapping[str, tuple[bool, bool]] = MappingProxyType({})
) -> Evidence:
    """Return evidence on all of some log ratios being above 0; that with the least evidence for it is shown.

    Args:
        numbers: The log ratios.
        note: What else to know.
        sides: Whether a ratio is bounded from below, and from above; both where it is not there.
    """
    known = {subject: sides.get(subject, (True, True)) for subject in numbers}
    p_for = {subject: one.above() if known[subject][0] else 1.0 for subject, one in numbers.items()}
    p_against = [1.0 - one.above() if known[subject][1] else 1.0 for subject, one in numbers.items()]
    weakest, tests = max(p_for, key=lambda subject: p_for[subject]), len(p_for)
    one = sign_evidence(weakest, numbers[weakest], 1, exponential, note)
    return replace(one, p_for=p_for[weakest], p_against=min(1.0, tests * min(p_against)), tests=tests)


def _seeds(pair: Pair) -> str:
    """Return what an error does not hold where a pair has no replicates in common."""
    return "" if pair.replicated else NOT_SEEDS


def _why_no_fit(pair: Pair) -> Missing:
    """Return why a pair has no fitted ratio."""
    return Missing(f"{_FEW_PAIRS} ({pair.reason})")


def ordered_by_sparsity(curves: Sequence[FittedCurve]) -> Found:
    """C5: each curve lies above that of the next lower sparsity, in the mean of log K* over batch sizes.

    Compared batch size by batch size. "Each" is an intersection-union test.

    Args:
        curves: All fitted curves.

    Returns:
        Evidence on the smallest mean ratio, one per workload and goal with three sparsities.
    """
    found, reasons = [], []
    for members in curve_groups(curves).values():
        if len(members) < 3:
            continue
        steps: dict[str, Slope] = {}
        replicated = True
        for low, high in pairwise(members):
            ratios = log_ratios(low, high)
            mean = _few_in_common(low, high, ratios) or ratios.mean()
            if isinstance(mean, Missing):
                reasons.append(mean)
                break
            steps[f"{name(high)} over {low.curve.sparsity:g}%"] = mean
            replicated = replicated and ratios.replicated
        else:
            found.append(_all_above(steps, "" if replicated else NOT_SEEDS))
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
        ratios = log_ratios(pair.dense, pair.sparse)
        slope = _coarse(pair) or _few_in_common(pair.dense, pair.sparse, ratios) or ratios.slope()
        if isinstance(slope, Missing):
            reasons.append(slope)
        else:
            found.append(sign_evidence(name(pair.sparse), slope, -1, note=_seeds(pair)))
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
        known = _b_crit(pair)
        if isinstance(known, Missing):
            reasons.append(known)
        else:
            evidence = sign_evidence(name(pair.sparse), known, 1, exponential, _seeds(pair))
            found.append(replace(evidence, estimate=pair.ratios["b_crit"]))
    return found or each_once(reasons, _FEW_PAIRS)


def _b_crit(pair: Pair) -> Profiled | Missing:
    """Return the log ratio of a pair's critical batch sizes, or why there is none."""
    return _coarse(pair) or pair.known("b_crit") or _why_no_fit(pair)


def _coarse(pair: Pair) -> Missing | None:
    """Return why a pair has no shape to compare, None where it has."""
    return won_by_one(pair.dense) or won_by_one(pair.sparse)


def one_factor(pairs: Sequence[Pair], margin: float) -> Found:
    """C8: the ratios of c1 and c2 are equal within a factor: the critical batch size is the dense one's.

    Args:
        pairs: All pairs.
        margin: The factor.

    Returns:
        Evidence on the ratio of critical batch sizes, one per pair.
    """
    found, reasons = [], []
    for pair in pairs:
        known = _b_crit(pair)
        if isinstance(known, Missing):
            reasons.append(known)
        else:
            evidence = equal_evidence(name(pair.sparse), known, logs_within(margin), exponential, _seeds(pair))
            found.append(replace(evidence, estimate=pair.ratios["b_crit"]))
    return found or each_once(reasons, _FEW_PAIRS)


def momentum_scales_further(curves: Sequence[FittedCurve]) -> Found:
    """C9: momentum and Nesterov have a smaller c2 and a larger critical batch size than SGD, at every sparsity.

    Both must hold: the p-value is the larger of the two, and that ratio is shown; against it counts the smaller one the
    other way, twice.

    Args:
        curves: Of several workloads that differ in the optimiser.

    Returns:
        Evidence on the ratio of critical batch sizes, or of c2, one per optimiser, sparsity and workload.
    """
    partners = []
    plain = {_without_optimiser(one): one for one in curves if "sgd" in one.curve.workload.split("/")}
    for one in curves:
        words = one.curve.workload.split("/")
        if any(word in words for word in _OPTIMISERS) and (key := _without_optimiser(one)) in plain:
            partners.append((plain[key], one))
    found, reasons = [], []
    for pair in compare_each(partners, {}):
        b_crit, c2 = _b_crit(pair), pair.known("c2")
        if isinstance(b_crit, Missing) or c2 is None:
            reasons.append(b_crit if isinstance(b_crit, Missing) else _why_no_fit(pair))
            continue
        larger, smaller = b_crit.above(), 1.0 - c2.above()
        evidence = sign_evidence(name(pair.sparse), b_crit, 1, exponential, _seeds(pair))
        if smaller > larger:
            other = sign_evidence(name(pair.sparse), c2, -1, exponential, "c2 over SGD's")
            evidence = replace(other, estimate=pair.ratios["c2"])
        against = min(1.0, 2.0 * (1.0 - max(larger, smaller)))
        found.append(replace(evidence, p_for=max(larger, smaller), p_against=against, tests=2))
    if found or reasons:
        return found or each_once(reasons, _FEW_PAIRS)
    return Missing("needs curves of SGD and of momentum or Nesterov on one data set and network, in one CSV file")


def predicted_ratio(pairs: Sequence[Pair], margin: float) -> Found:
    """C12: the fitted ratio of c1 is the predicted one within a factor, both errors carried.

    Args:
        pairs: All pairs.
        margin: The factor.

    Returns:
        Evidence on fitted over predicted ratio, one per pair whose constants have an error.
    """
    found, reasons = [], []
    for pair in pairs:
        off = over_prediction(pair) if pair.fit is not None else _why_no_fit(pair)
        if isinstance(off, Missing) or isinstance(pair.prediction, Missing) or _of_one_seed(pair.prediction):
            reasons.append(_why_no_prediction(pair))
            continue
        window = f"L is its mean {WINDOWS[pair.prediction.smoothness]} ({pair.prediction.smoothness})"
        notes = "; ".join(part for part in (window, _seeds(pair)) if part)
        found.append(equal_evidence(name(pair.sparse), off, logs_within(margin), exponential, notes))
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


def _few_in_common(first: FittedCurve, second: FittedCurve, ratios: LogRatios) -> Missing | None:
    """Return that two curves have too few batch sizes in common, and which would count; None where they have enough."""
    if (count := len(ratios.sizes)) > 3:
        return None
    at_first = any((side.data.reached & ~side.data.bounded).any() for side in (first, second))
    when = " after the first goal test" if at_first else ""
    levels, verb = f"{first.curve.sparsity:g}% and {second.curve.sparsity:g}%", "is" if count == 1 else "are"
    return Missing(f"needs 4 batch sizes at which both {levels} reached the goal{when}, there {verb} {count}")
