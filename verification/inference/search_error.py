r"""The error of a search of n points, from the same search with half as many.

The minimum over all n trials has no bootstrap, because a resample repeats it with probability 1 - 1/e. But half the
search points make a search of n/2 whose results are known exactly. They are drawn without replacement, and are the same
at every batch size and sparsity. Trials of one index share metaparameters and seed, so ratios of curves lose most of
that error.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from verification.fits.likelihood import Array
from verification.inference.rates import why_no_losers
from verification.missing import Missing
from verification.records.curves import Curve

SUBSETS = 400
_SEED = 20_210_503
_TOO_FEW = "needs 4 search points tried at every batch size, one of which reached the goal"


@dataclass(frozen=True, kw_only=True)
class SearchError:
    """What half the search points would have found.

    Attributes:
        trials: n, search points tried at every batch size.
        penalty: Mean over batch sizes and halves of K*_{n/2}/K*_n, a factor >= 1 (geometric mean).
        spread: Standard deviation over halves of the mean log K*_{n/2}.
        ratio_spread: Likewise of the mean log ratio to the dense curve; None for the dense curve or without one.
        failed: Share of (half, batch size) at which no trial of the half reached the goal.
    """

    trials: int
    penalty: float
    spread: float
    ratio_spread: float | None
    failed: float


def winning_points(curves: Iterable[Curve]) -> int:
    """Return how many search points have won a study of some curves.

    Args:
        curves: With the winners' metaparameters.

    Returns:
        The number of different winners; 0 where the curves do not say.

    Example:
        >>> from verification.records.curves import CurvePoint
        >>> points = [CurvePoint(2**i, 0, 1.0, 2.0, {"learning_rate": 0.1}) for i in range(3)]
        >>> winning_points([Curve(points=tuple(points))])
        1
    """
    points = (point for curve in curves for point in curve.points)
    return len({tuple(sorted(point.metaparameters.items())) for point in points if point.metaparameters})


def won_by_one_point(curve: Curve) -> str | None:
    """Return in words that one search point won a whole curve, which is then K at one rate.

    Args:
        curve: With the winners' metaparameters.

    Returns:
        A clause; None where several points won, with fewer than 3 batch sizes, and where the curve does not say.

    Example:
        >>> from verification.records.curves import CurvePoint
        >>> points = [CurvePoint(2**i, 0, 1.0, 2.0, {"learning_rate": 0.1}) for i in range(3)]
        >>> won_by_one_point(Curve(points=tuple(points)))
        'one search point won at all 3 batch sizes'
    """
    sizes = len(curve.reached_batch_sizes)
    if sizes < 3 or winning_points([curve]) != 1:
        return None
    return f"one search point won at all {sizes} batch sizes"


def search_errors(curves: Sequence[Curve]) -> tuple[SearchError | Missing, ...]:
    """Return the search error of each curve, all from the same halves of the search points.

    Args:
        curves: Of one workload and goal.

    Returns:
        One search error a curve, or the reason why there is none.
    """
    found: dict[int, SearchError | Missing] = {}
    tables: dict[int, tuple[Array, tuple[int, ...], tuple[tuple[int, int], ...]]] = {}
    for i, curve in enumerate(curves):
        reason = why_no_losers(curve)
        table = None if reason else _table(curve)
        if table is None:
            found[i] = reason or Missing(_TOO_FEW)
        else:
            tables[i] = table
    halves = {points: _parts(len(points), len(points) // 2) for _, _, points in tables.values()}
    means = {i: _least(steps, halves[points]) for i, (steps, _, points) in tables.items()}
    dense = next((i for i in tables if curves[i].sparsity == 0.0), None)
    for i, (steps, sizes, points) in tables.items():
        best = np.log(steps.min(axis=1))
        logs = means[i]
        known = np.isfinite(logs)
        gain = np.where(known, logs, np.nan) - best
        ratio = None
        if dense is not None and dense != i and tables[dense][1:] == (sizes, points):
            both = known & np.isfinite(means[dense])
            ratio = _spread(np.where(both, logs, np.nan) - np.where(both, means[dense], np.nan))
        penalty = math.exp(float(np.nanmean(gain)))
        found[i] = SearchError(
            trials=len(points),
            penalty=penalty,
            spread=_spread(logs),
            ratio_spread=ratio,
            failed=1.0 - float(known.mean()),
        )
    return tuple(found[i] for i in range(len(curves)))


def ratio_by_trials(curves: Sequence[Curve]) -> dict[float, dict[int, float]]:
    """Return how the ratio of a sparse network's K* to the dense one's depends on the number of trials.

    Args:
        curves: Of one workload and goal, whose losing trials went on.

    Returns:
        Sparsity to number of trials (n, n/2, n/4, down to 4) to the ratio, as a geometric mean over batch sizes
        and subsets of the search points, the same for every study. Subsets that fail at a batch size are left out, and
        sparsities without a dense curve that tried the same.
    """
    tables = {one.sparsity: _table(one) for one in curves if why_no_losers(one) is None}
    dense = tables.pop(0.0, None)
    found: dict[float, dict[int, float]] = {}
    for sparsity, table in tables.items():
        if dense is None or table is None or table[1:] != dense[1:]:
            continue
        n = len(table[2])
        by_trials = {}
        for size in [n >> shift for shift in range(n.bit_length()) if n >> shift >= 4]:
            chosen = _parts(n, size)
            sides = np.stack([_least(steps, chosen) for steps in (table[0], dense[0])])
            whole = np.isfinite(sides).all(axis=(0, 2))
            if whole.any():
                by_trials[size] = math.exp(float((sides[0][whole] - sides[1][whole]).mean()))
        found[sparsity] = by_trials
    return found


def _table(curve: Curve) -> tuple[Array, tuple[int, ...], tuple[tuple[int, int], ...]] | None:
    """Return steps (b, t) with infinity where a trial failed, batch sizes with a hit, and search points."""
    steps = {(one.batch_size, one.trial, one.replicate): one.upper or math.inf for one in curve.trials}
    sizes = sorted({one.batch_size for one in curve.trials if one.upper is not None})
    points = sorted({(one.trial, one.replicate) for one in curve.trials})
    every = tuple(point for point in points if all((size, *point) in steps for size in sizes))
    if len(every) < 4 or not sizes:
        return None
    table = np.array([[steps[size, *point] for point in every] for size in sizes])
    reached = np.isfinite(table).any(axis=1)
    if not reached.any():
        return None
    return table[reached], tuple(size for size, hit in zip(sizes, reached, strict=True) if hit), every


def _parts(n: int, size: int) -> NDArray[np.bool_]:
    """Return which of n search points are in each subset of a size, shape (subsets, n)."""
    rng = np.random.default_rng(_SEED)
    return np.argsort(rng.random((SUBSETS, n)), axis=1) < size


def _least(steps: Array, halves: NDArray[np.bool_]) -> Array:
    """Return log K* of each half at each batch size, shape (subsets, b); infinite where it failed."""
    masked = np.where(halves[:, None, :], steps[None], np.inf)
    least: Array = np.log(masked.min(axis=2))
    return least


def _spread(logs: Array) -> float:
    """Return the standard deviation over halves of the mean over batch sizes, of what is known."""
    known: Array = np.where(np.isfinite(logs), logs, np.nan)
    use = ~np.isnan(known).all(axis=1)
    return float(np.std(np.nanmean(known[use], axis=1)))


def by_group(curves: Sequence[Curve]) -> tuple[SearchError | Missing, ...]:
    """Return the search error of each curve, or why there is none, workload and goal by workload and goal.

    Args:
        curves: Any curves.
    """
    found: dict[int, SearchError | Missing] = {}
    for group in {curve.group for curve in curves}:
        members = [i for i, curve in enumerate(curves) if curve.group == group]
        found |= zip(members, search_errors([curves[i] for i in members]), strict=True)
    return tuple(found[i] for i in range(len(curves)))
