r"""Where to start a law: the best points of a coarse grid, by least squares of log K.

All laws are written in c1 and c2, so that log K = log c2 + s(log B; log(c1/c2), shape) and the best c2 for a knee and a
shape is a mean. What is left is a grid over the knee, and over the shape where there is one. A law with kinks or poles
has a basin per batch size; the grid is as fine as batch sizes that double.
"""

import numpy as np
from numpy.typing import NDArray

from verification.likelihood import LARGEST_LOG_STEPS, Array, Observations
from verification.newton import StepLaw

# The knee is sought up to e^6 beyond the batch sizes measured, in steps of half a doubling, a whole one with a shape.
_BEYOND = 6.0
_KNEE_STEP = 0.5 * np.log(2.0)
_SHAPES = (0.0, -0.4, 0.4, -1.0)
# Law I has no finite K at or below its c1/c2: it is also tried just below the smallest batch size that reached.
_POLES = (0.3, 0.03, 0.003)


def grid_starts(law: StepLaw, data: Observations, n_coordinates: int, keep: int = 2) -> Array:
    """Return the best grid points for each data set.

    Args:
        law: In (log c1, log c2[, log of a shape]).
        data: Shape (m, n).
        n_coordinates: 2 or 3.
        keep: How many, each the best of its part of the grid.

    Returns:
        Shape (keep, m, n_coordinates), the best first.
    """
    y, known = data.log_middle, data.known
    count = np.maximum(known.sum(axis=-1), 1)
    x = np.broadcast_to(data.log_batch_size, y.shape)
    # Draws of one curve share their batch sizes, and with them what a law says for a knee of the grid.
    points = x[:1] if (x == x[0]).all() else x
    smallest = np.where(data.reached, x, np.inf).min(axis=-1)
    smallest = np.where(np.isfinite(smallest), smallest, 0.0)
    knees = _knees(x[known], smallest, n_coordinates)
    scores, candidates = [], []
    for shape in _SHAPES if n_coordinates == 3 else (0.0,):
        for knee in knees:
            # Law P's c1/c2 is the knee to the power alpha.
            log_c1 = knee * np.exp(shape) if getattr(law, "id", "") == "P" else knee
            theta = np.stack([log_c1, np.zeros_like(log_c1), np.full_like(log_c1, shape)][:n_coordinates], axis=-1)
            gap = np.where(known, y - np.clip(law.log_steps(points, theta), -LARGEST_LOG_STEPS, LARGEST_LOG_STEPS), 0.0)
            shift = gap.sum(axis=-1) / count
            scores.append((np.where(known, gap - shift[:, None], 0.0) ** 2).sum(axis=-1))
            candidates.append(theta + np.outer(shift, (1.0, 1.0, 0.0)[:n_coordinates]))
    return _best_apart(np.array(scores), np.array(candidates), keep)


def _knees(sizes: Array, smallest: Array, n_coordinates: int) -> list[Array]:
    """Return log knees to try: shape (1,) for all data sets alike, or (m,)."""
    step = _KNEE_STEP * (2.0 if n_coordinates == 3 else 1.0)
    grid = np.arange(sizes.min() - _BEYOND, sizes.max() + _BEYOND, step)
    return [*grid[:, None], *(smallest - gap for gap in _POLES)]


def _best_apart(scores: Array, candidates: Array, keep: int) -> Array:
    """Return the best candidates of which none is a neighbour of a better one on the grid."""
    scores = scores.copy()
    everyone = np.arange(scores.shape[1])
    chosen: list[NDArray[np.float64]] = []
    for _ in range(keep):
        best = np.argmin(scores, axis=0)
        chosen.append(candidates[best, everyone])
        for neighbour in (-2, -1, 0, 1, 2):
            scores[np.clip(best + neighbour, 0, len(scores) - 1), everyone] = np.inf
    return np.stack(chosen)
