r"""The units of a curve: what scatters as one.

One seed moves all batch sizes of a replicate together, and one search all replicates of a batch size. So the units of a
curve are its replicates; where there is one, its batch sizes, and nothing is known of other seeds.

Each replicate has an intercept of its own, :math:`\log K_{jb} = m_b + d_j + \text{noise}` with :math:`\sum_j d_j = 0`.
It comes from the likelihood of the measured intervals, free of any law: a mean for each batch size. Laws are fitted to
what is left after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from verification.fits.likelihood import Array, Observations, sigma_floor
from verification.fits.newton import maximise
from verification.records.curves import CurvePoint

Index = NDArray[np.intp]

# A replicate counts as a unit when it tells both constants of a law and how well they fit.
FEWEST_OF_A_UNIT = 3


@dataclass(frozen=True)
class Units:
    """The replicates of a curve that count as units.

    Attributes:
        replicates: Their labels, ascending; empty where fewer than two count.
        index: Shape (n,), which of them a point belongs to, -1 for none; empty where none counts.
        offset: Log steps by which each lies above their mean, shape (units,), of sum 0.
    """

    replicates: tuple[int, ...]
    index: Index
    offset: Array

    @property
    def lost(self) -> int:
        """How many degrees of freedom the intercepts take."""
        return max(len(self.replicates) - 1, 0)

    def aligned(self, data: Observations) -> Observations:
        """Return the points less the intercepts of their replicates.

        Args:
            data: Shape (n,).
        """
        if not self.replicates:
            return data
        shift = np.append(self.offset, 0.0)[self.index]
        return Observations(data.log_batch_size, data.log_lower - shift, data.log_upper - shift)


@dataclass(frozen=True)
class _Additive:
    """A mean for each batch size and an intercept for each replicate: a linear law with its design, shape (n, q)."""

    design: Array

    def log_steps(self, log_batch_size: ArrayLike, theta: ArrayLike) -> Array:
        """Return log K, shape (..., n); batch sizes are in the design."""
        del log_batch_size
        steps: Array = np.asarray(theta, dtype=np.float64) @ self.design.T
        return steps

    def log_steps_jacobian(self, log_batch_size: ArrayLike, theta: ArrayLike) -> Array:
        """Return the design for every theta, shape (..., n, q)."""
        del log_batch_size
        return np.broadcast_to(self.design, (*np.shape(theta)[:-1], *self.design.shape))


# Of points without replicates.
NO_UNITS = Units((), np.zeros(0, dtype=np.intp), np.zeros(0))


def units_of(points: Sequence[CurvePoint], data: Observations) -> Units:
    """Return the replicates of a curve with their intercepts.

    Args:
        points: Of one curve.
        data: The same points as arrays, shape (n,).

    Returns:
        The units; none where fewer than two replicates reached the goal at three batch sizes, or where they share so
        few batch sizes that their levels cannot be compared.

    Example:
        >>> from verification.fits.likelihood import observe
        >>> points = [CurvePoint(2**i, j, k, k) for j in (0, 1) for i in range(3) for k in [(j + 1) * 64.0 / 2**i]]
        >>> units = units_of(points, observe(points))
        >>> units.replicates, round(float(np.exp(units.offset[1] - units.offset[0])), 9)
        ((0, 1), 2.0)
    """
    label, bounded = np.array([point.replicate for point in points]), data.bounded
    sizes = {j: np.unique(data.log_batch_size[bounded & (label == j)]) for j in dict.fromkeys(sorted(label.tolist()))}
    counted = [j for j, found in sizes.items() if len(found) >= FEWEST_OF_A_UNIT]
    if len(counted) < 2:
        return NO_UNITS
    index = np.array([counted.index(j) if j in counted else -1 for j in label.tolist()])
    known = np.unique(np.concatenate([sizes[j] for j in counted]))
    use = np.flatnonzero((index >= 0) & np.isin(data.log_batch_size, known))
    design = _design(data.log_batch_size[use], index[use], len(counted))
    measured = design[bounded[use]]
    if np.linalg.matrix_rank(measured) < design.shape[1]:
        return NO_UNITS
    chosen = data.select(use)
    start: Array = np.linalg.lstsq(measured, chosen.log_middle[chosen.bounded], rcond=None)[0].astype(np.float64)
    found = maximise(_Additive(design), chosen, start[None], sigma_floor(chosen))
    free = found.theta[0, len(known) :]
    return Units(tuple(counted), index, np.append(free, -free.sum()))


def _design(log_batch_size: Array, index: Index, units: int) -> Array:
    """Return the columns of batch sizes, then of all replicates but the last, whose intercept is minus their sum."""
    sizes = np.unique(log_batch_size)
    cells = (log_batch_size[:, None] == sizes).astype(np.float64)
    own = (index[:, None] == np.arange(units - 1)).astype(np.float64) - (index == units - 1)[:, None]
    return np.concatenate([cells, own], axis=1)
