"""How sure a predicted ratio is: by the delta method, and by resampling seeds and blocks of the trajectories."""

from collections.abc import Sequence

import numpy as np

from verification.distributions import normal_quantile, t_quantile
from verification.fit import Interval
from verification.likelihood import Array
from verification.measured_constants import MeasuredConstants, Way

_CONFIDENCE = 0.95
_DRAWS = 2000


def error_of_log_ratio(
    pairs: tuple[list[MeasuredConstants], ...], tables: list[Array], way: Way, power: Array
) -> tuple[float, float] | None:
    """Return the standard error of a log ratio and how many of them make a 95% interval; None where nothing is known.

    With two seeds or more: of the mean over seeds, all factors and both networks of a seed together. With one: of the
    examples left out, and of the mean along the trajectory, as if they were independent.
    """
    seeds = len(tables[0])
    if seeds > 1:
        relative = [table / table.mean(axis=0) - 1.0 for table in tables]
        scatter = (relative[0] - relative[1]) @ power
        return float(scatter.std(ddof=1) / np.sqrt(seeds)), float(t_quantile(0.5 + _CONFIDENCE / 2, seeds - 1))
    variance = 0.0
    for (one,), table in zip(pairs, tables, strict=True):
        for quantity, value, exponent in zip(one.quantities(way), table[0], power, strict=True):
            if quantity is not None:
                of_examples = one.errors.get(quantity, 0.0)
                of_trajectory = error_of_mean(one.trajectory(quantity))
                variance += float((exponent / value) ** 2 * (of_examples**2 + of_trajectory**2))
    return (float(np.sqrt(variance)), float(normal_quantile(0.5 + _CONFIDENCE / 2))) if variance > 0.0 else None


def _block_length(points: int) -> int:
    """Return how many neighbours along a trajectory are resampled together: its cube root, at least 1."""
    return max(round(float(np.cbrt(points))), 1)


def error_of_mean(values: Sequence[float]) -> float:
    """Return the standard error of a trajectory's mean from overlapping circular blocks; 0 for one point."""
    series = np.asarray(values, dtype=np.float64)
    if len(series) < 2:
        return 0.0
    length = _block_length(len(series))
    blocks = np.array([np.take(series, range(i, i + length), mode="wrap").mean() for i in range(len(series))])
    return float(np.sqrt(np.square(blocks - series.mean()).mean() * length / len(series)))


def resampled_logs(pairs: tuple[list[MeasuredConstants], ...], way: Way) -> Array:
    """Return resampled log factors, sparse over dense, shape (draws, 4); no rows where nothing can be resampled.

    Seeds are drawn in pairs. Within each, blocks of the trajectory are drawn, the same for L, noise and epsilon, which
    were measured at the same points; what belongs to w_1 alone moves by the error of the examples it was measured on.
    """
    random = np.random.default_rng(0)
    seeds = len(pairs[0])
    if seeds == 1 and not any(one.errors or any(len(t) > 1 for t in one.along.values()) for (one,) in pairs):
        return np.empty((0, 4))
    draws = np.empty((_DRAWS, 4))
    for row in draws:
        chosen = random.integers(seeds, size=seeds)
        means = [np.mean([_resampled(level[seed], way, random) for seed in chosen], axis=0) for level in pairs]
        row[:] = np.log(means[0] / means[1])
    return draws


def _resampled(one: MeasuredConstants, way: Way, random: np.random.Generator) -> list[float]:
    """Return one replicate's factors with its trajectory and its examples resampled."""
    longest = max((len(series) for series in one.along.values()), default=0)
    uniform = random.random(longest + 1)
    factors = []
    for quantity in one.quantities(way):
        if quantity is None:
            factors.append(1.0)
            continue
        value, series = one.values[quantity], np.asarray(one.trajectory(quantity), dtype=np.float64)
        if len(series) > 1:
            length = _block_length(len(series))
            starts = (uniform[: -(-len(series) // length)] * len(series)).astype(int)
            rows = (starts[:, None] + np.arange(length)).ravel()[: len(series)] % len(series)
            value *= float(series[rows].mean() / series.mean())
        factors.append(abs(value) * float(np.exp(random.normal() * one.errors.get(quantity, 0.0) / value)))
    return factors


def percentiles(draws: Array, power: Array) -> Interval | None:
    """Return the percentile interval of a ratio."""
    logs = draws @ power
    if not len(logs) or float(np.ptp(logs)) < 1e-12:  # nothing that could be resampled is in this constant
        return None
    low, high = np.exp(np.quantile(logs, [0.5 - _CONFIDENCE / 2, 0.5 + _CONFIDENCE / 2]))
    return Interval(float(low), float(high))
