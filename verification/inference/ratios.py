"""Measured ratios of steps, one curve's over another's, batch size by batch size and replicate by replicate."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from verification.fits.curves import FittedCurve
from verification.fits.likelihood import Array, Observations
from verification.fits.misfit import Misfit, noise_line
from verification.fits.variances import Source, total
from verification.inference.known import NO_SCATTER, Slope, mean_of
from verification.inference.pairs import Pair
from verification.missing import Missing

SAME_RATIO = "the ratio is the same everywhere: no scatter to judge it by"


@dataclass(frozen=True)
class MeasuredRatio:
    """Steps-to-result of a sparse network over that of the dense one, at one batch size and replicate.

    Attributes:
        batch_size: Examples per step.
        replicate: Of both.
        ratio: At the middles of both measured intervals, > 0.
        low: The least that the two evaluation grids allow.
        high: The most; None where the dense network may have needed no step at all.
    """

    batch_size: int
    replicate: int
    ratio: float
    low: float
    high: float | None


def measured_ratios(pair: Pair) -> list[MeasuredRatio]:
    """Return the ratio at every batch size and replicate at which both networks reached the goal.

    Args:
        pair: A sparse curve and the dense one.

    Returns:
        The ratios, ascending in batch size; no fit is needed. One where both met the goal at the first test is open on
        both sides and left out.
    """
    dense, sparse = (
        {
            (point.batch_size, point.replicate): (point.lower, point.upper, float(middle))
            for point, middle in zip(side.curve.points, side.data.log_middle, strict=True)
            if point.upper is not None
        }
        for side in (pair.dense, pair.sparse)
    )
    found = []
    for key in sorted(dense.keys() & sparse.keys()):
        (low_d, high_d, middle_d), (low_s, high_s, middle_s) = dense[key], sparse[key]
        if low_s == low_d == 0.0:
            continue
        high = high_s / low_d if low_d > 0.0 else None
        found.append(MeasuredRatio(*key, math.exp(middle_s - middle_d), low_s / high_d, high))
    return found


@dataclass(frozen=True)
class LogRatios:
    """Logarithms of the ratio of one curve to another.

    Attributes:
        sizes: Batch sizes, ascending.
        logs: A row a replicate that both curves have, else one row of means over all points; shape (rows, sizes).
        misfits: Of law H to both curves, where they are known: what its rows have in common.
    """

    sizes: tuple[int, ...]
    logs: Array
    misfits: tuple[Misfit, ...] = ()

    @property
    def replicated(self) -> bool:
        """Whether its rows are replicates."""
        return len(self.logs) > 1

    @property
    def log_sizes(self) -> Array:
        """Logarithms of its batch sizes."""
        return np.log(np.array(self.sizes, dtype=np.float64))

    def mean(self) -> Slope | Missing:
        """Return the mean over batch sizes; replicates are its units, without them batch sizes."""
        if not self.replicated:
            return mean_of(self.logs[0].tolist(), SAME_RATIO)
        return self._over_rows(np.full(len(self.sizes), 1.0 / len(self.sizes)))

    def slope(self) -> Slope | Missing:
        """Return the slope on log B; replicates are its units, without them batch sizes."""
        x = self.log_sizes - self.log_sizes.mean()
        weights = x / float(x @ x)
        if self.replicated:
            return self._over_rows(weights)
        slope = float(self.logs[0] @ weights)
        rest = self.logs[0] - self.logs[0].mean() - slope * x
        freedom = len(x) - 2
        error = math.sqrt(float(rest @ rest) / freedom / float(x @ x))
        return Slope(slope, error, freedom) if error > NO_SCATTER else Missing(SAME_RATIO)

    def _over_rows(self, weights: Array) -> Slope | Missing:
        """Return the mean over replicates of a sum over batch sizes, with what they share."""
        own = mean_of((self.logs @ weights).tolist(), SAME_RATIO)
        if isinstance(own, Missing):
            return own
        return own.over_replicates(self.misfits, self.log_sizes, weights, len(self.logs))


def log_ratios(first: FittedCurve, second: FittedCurve) -> LogRatios:
    """Return log(K*_second/K*_first) at the batch sizes at which both are known from both sides.

    Args:
        first: A curve.
        second: Another.

    Returns:
        The ratios; of replicates where two or more count as units of both curves, at the batch sizes that all have.
    """
    common = sorted(set(first.units.replicates) & set(second.units.replicates))
    if len(common) > 1:
        tables = [_rows(side, common) for side in (first, second)]
        sizes = sorted(set.intersection(*(set(row) for table in tables for row in table)))
        rows = [[late[size] - early[size] for size in sizes] for early, late in zip(*tables, strict=True)]
        return LogRatios(tuple(sizes), np.array(rows).reshape(len(common), len(sizes)), _misfits_of(first, second))
    means = [_means(side) for side in (first, second)]
    sizes = sorted(means[0].keys() & means[1].keys())
    return LogRatios(tuple(sizes), np.array([[means[1][size] - means[0][size] for size in sizes]]))


def _misfits_of(first: FittedCurve, second: FittedCurve) -> tuple[Misfit, ...]:
    """Return the misfits of law H to two curves, where they are known.

    Both curves have searched the same points, so that what they add to the variance of a ratio is less, if anything.
    """
    return tuple(found for side in (first, second) if side.hyperbola and (found := side.misfit("H")))


_Cell = tuple[Observations, Observations]


def at_each_size(first: FittedCurve, second: FittedCurve) -> dict[int, Slope]:
    """Return log(K*_second/K*_first) with its error at each batch size at which the points bound it on a side.

    Free of any law but for the noise. A study that did not reach its goal enters with its budget, a bound. With
    replicates the noise is that between them, one for all batch sizes or a line in log B where they show one; without
    them it is the scatter about law H, and the spacing of goal tests.

    Args:
        first: A fitted curve.
        second: Another.

    Returns:
        Batch size to the logarithm; batch sizes are left out where neither reached its goal, or both did at the first
        test.
    """
    cells = {size: cell for size, cell in _cells(first, second).items() if any(_sides(*cell))}
    ratios = log_ratios(first, second)
    if ratios.replicated and len(ratios.sizes) > 1:
        return _by_replicates(cells, ratios)
    known = [(side.laws["H"].fit, side.units.lost + 2) for side in (first, second) if "H" in side.laws]
    if len(known) < 2 or any(fit.n <= lost for fit, lost in known):
        return {}
    noise = [(fit.sigma**2 * fit.n / (fit.n - lost), fit.n - lost) for fit, lost in known]
    return {size: _by_scatter(cell, noise) for size, cell in cells.items()}


def bounded_sides(first: FittedCurve, second: FittedCurve) -> dict[int, tuple[bool, bool]]:
    """Return whether K*_second/K*_first is bounded from below, and from above, at each batch size of both curves.

    Args:
        first: A fitted curve.
        second: Another.
    """
    return {size: _sides(*cell) for size, cell in _cells(first, second).items()}


def _cells(first: FittedCurve, second: FittedCurve) -> dict[int, _Cell]:
    """Return the observations of two curves at each batch size that both have."""
    early, late = (_by_size(side.data) for side in (first, second))
    return {size: (early[size], late[size]) for size in sorted(early.keys() & late.keys())}


def _by_replicates(cells: Mapping[int, _Cell], ratios: LogRatios) -> dict[int, Slope]:
    """Return the ratio at each batch size with the error that the scatter between replicates gives."""
    units, sizes = ratios.logs.shape
    level = ratios.logs.mean(axis=1) - ratios.logs.mean()
    rest = ratios.logs - ratios.logs.mean(axis=0) - level[:, None]
    freedom = (units - 1) * (sizes - 1)
    within = float((rest**2).sum()) / freedom
    line = noise_line((rest**2).sum(axis=0), units - 1, ratios.log_sizes)
    levels = Source(float((level**2).sum()) / (units - 1) / units, units - 1, within / sizes / units)
    found = {}
    for size, (early, late) in cells.items():
        x = np.log([float(size)])
        value = float(late.log_middle.mean() - early.log_middle.mean())
        single = Source(max(within * line(math.log(size)) / units, NO_SCATTER**2), freedom)
        searches = [one.sources(x, np.ones(1), units)[0] for one in ratios.misfits]
        variance, together = total([levels, *searches], [single])
        found[size] = Slope(value, math.sqrt(variance), together)
    return found


def _by_scatter(cell: _Cell, noise: Sequence[tuple[float, int]]) -> Slope:
    """Return the ratio at one batch size with the error that the scatter about both laws gives."""
    parts = []
    for one, (variance, freedom) in zip(cell, noise, strict=True):
        width = np.where(np.isfinite(one.log_upper - one.log_lower), one.log_upper - one.log_lower, 0.0)
        parts.append((float((variance + width**2 / 12.0).sum()) / len(width) ** 2, freedom))
    value = float(cell[1].log_middle.mean() - cell[0].log_middle.mean())
    return Slope(value, math.sqrt(parts[1][0]), parts[1][1]).plus(*parts[0])


def _sides(early: Observations, late: Observations) -> tuple[bool, bool]:
    """Return whether the ratio of K, the second's mean over the first's, is bounded from below, and from above."""
    return _bounded_below(early, late), _bounded_below(late, early)


def _bounded_below(below: Observations, above: Observations) -> bool:
    """Return whether the ratio of K, the second's mean over the first's, is bounded from below."""
    return bool(np.isfinite(above.log_lower).all() and below.reached.all())


def _by_size(data: Observations) -> dict[int, Observations]:
    """Return the observations at each batch size."""
    x = data.log_batch_size
    return {round(math.exp(size)): data.select(np.flatnonzero(x == size)) for size in np.unique(x).tolist()}


def _means(fitted: FittedCurve) -> dict[int, float]:
    """Return mean log K at each batch size, of points known from both sides."""
    bounded = fitted.data.select(np.flatnonzero(fitted.data.bounded))
    return {size: float(one.log_middle.mean()) for size, one in _by_size(bounded).items()}


def _rows(fitted: FittedCurve, replicates: Sequence[int]) -> list[dict[int, float]]:
    """Return log K at each batch size for each of some replicates, of points known from both sides."""
    known = zip(fitted.curve.points, fitted.data.bounded.tolist(), fitted.data.log_middle.tolist(), strict=True)
    rows: dict[int, dict[int, float]] = {replicate: {} for replicate in replicates}
    for point, bounded, middle in known:
        if bounded and point.replicate in rows:
            rows[point.replicate][point.batch_size] = middle
    return list(rows.values())
