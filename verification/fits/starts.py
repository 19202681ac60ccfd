r"""Starting points of a fit: the best points of a coarse grid, by least squares of log K.

All laws are written in c1 and c2, so that log K = log c2 + s(log B; log(c1/c2), shape) and the best c2 for a knee and a
shape is a mean. What is left is a grid over the knee, and over the shape where there is one. A law with kinks or poles
has a basin per batch size; the grid is as fine as batch sizes that double.
"""

import numpy as np
from numpy.typing import NDArray

from theory import Law
from verification.fits.likelihood import LARGEST_LOG_STEPS, Array, Observations

# The knee is sought up to e^6 beyond the batch sizes measured, in steps of half a doubling, a whole one with a shape.
_BEYOND = 6.0
_KNEE_STEP = 0.5 * np.log(2.0)
_SHAPES = (0.0, -0.4, 0.4, -1.0)
# Law I has no finite K at or below its c1/c2: it is also tried just below the smallest batch size that reached.
_POLES = (0.3, 0.03, 0.003)


def grid_starts(law: Law, data: Observations, n_coordinates: int, keep: int = 2) -> Array:
    """Return the best grid points for each data set.

    Args:
        law: In (log c1, log c2[, log of a shape]).
        data: Shape (m, n).
        n_coordinates: 2 or 3.
        keep: How many, each the best of its part of the grid.

    Returns:
        Shape (keep, m, n_coordinates), the best first.
    """
    known = data.known
    x = np.broadcast_to(data.log_batch_size, known.shape)
    smallest = np.where(data.reached, x, np.inf).min(axis=-1)
    smallest = np.where(np.isfinite(smallest), smallest, 0.0)
    step = _KNEE_STEP * (2.0 if n_coordinates == 3 else 1.0)
    knees = np.arange(x[known].min() - _BEYOND, x[known].max() + _BEYOND, step)
    starts = np.empty((keep, len(x), n_coordinates))
    # Draws of one curve share their batch sizes, and with them what a law says for a knee of the grid.
    sizes, group = np.unique(x, axis=0, return_inverse=True)
    for i, points in enumerate(sizes):
        members = np.flatnonzero(group.ravel() == i)
        poles = np.subtract.outer(np.unique(smallest[members]), _POLES).ravel()
        grid = _grid(law, np.concatenate([knees, poles]), n_coordinates)
        steps = np.clip(law.log_steps(points, grid), -LARGEST_LOG_STEPS, LARGEST_LOG_STEPS)
        score, shift = _squares(data.log_middle[members], known[members], steps)
        for one, best in enumerate(_best_apart(score, keep)):
            moved = np.take_along_axis(shift, best[:, None], axis=1)
            starts[one, members] = grid[best] + moved * (1.0, 1.0, 0.0)[:n_coordinates]
    return starts


def _grid(law: Law, knees: Array, n_coordinates: int) -> Array:
    """Return theta at c2 = 1 for every shape and, within it, every log knee."""
    shapes = np.array(_SHAPES if n_coordinates == 3 else (0.0,))
    exponents = [law.batch_exponent(float(np.exp(one))) for one in shapes]
    log_c1 = np.outer(exponents, knees).ravel()  # c1/c2 is the knee to that power
    columns = (log_c1, np.zeros_like(log_c1), np.repeat(shapes, len(knees)))
    return np.stack(columns[:n_coordinates], axis=-1)


def _squares(y: Array, known: NDArray[np.bool_], steps: Array) -> tuple[Array, Array]:
    """Return the squares left at each grid point with its best c2, and log c2 there, shapes (m, grid).

    With the square taken out, sums over points are products of matrices; y and steps (grid, n) are taken from their
    means first, for the digits.
    """

    def over_points(a: Array, b: Array) -> Array:
        # Not `@`: for matrices as small as these a second thread waits longer than it works.
        product: Array = np.einsum("mn,gn->mg", a, b)
        return product

    weight = known.astype(np.float64)
    count = np.maximum(weight.sum(axis=-1), 1.0)[:, None]
    mean = (weight * y).sum(axis=-1, keepdims=True) / count
    level = steps.mean(axis=-1)
    gap, bend = weight * (y - mean), steps - level[:, None]
    rest = over_points(weight, bend) / count
    about = (gap**2).sum(axis=-1, keepdims=True) - 2.0 * over_points(gap, bend) + over_points(weight, bend**2)
    return about - count * rest**2, mean - level - rest


def _best_apart(scores: Array, keep: int) -> list[NDArray[np.intp]]:
    """Return the best of each row, then the best that is no neighbour of it on the grid, and so on."""
    scores = scores.copy()
    rows = np.arange(len(scores))
    chosen = []
    for _ in range(keep):
        best = np.argmin(scores, axis=1)
        chosen.append(best)
        for neighbour in (-2, -1, 0, 1, 2):
            scores[rows, np.clip(best + neighbour, 0, scores.shape[1] - 1)] = np.inf
    return chosen
