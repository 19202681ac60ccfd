r"""Maximum likelihood by a damped Newton iteration, many problems at once.

Each problem has the law's fit coordinates theta and log sigma. Linear constraints are built in: theta moves in
`offset + basis @ free`, so that a profile likelihood is the same iteration with one direction taken away.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from verification.likelihood import Array, Observations, point_terms

Bools = NDArray[np.bool_]

MAX_ITERATIONS = 60
# No step changes a constant or sigma by more than a factor e^2: a law's log-likelihood is quadratic only nearby.
LONGEST_STEP = 2.0
# Converged when the next Newton step promises less than this gain in log-likelihood ...
SMALL_GAIN = 1e-10
# ... or when no logarithm of a constant matters any more (a constant that the data do not bound runs off).
SMALL_SLOPE = 1e-6


class StepLaw(Protocol):
    """What a fit asks of a law: log K and its derivatives, in fit coordinates."""

    def log_steps(self, log_batch_size: ArrayLike, theta: ArrayLike) -> Array:
        """Return log K, shape (..., n), for points (..., n) and theta (..., p)."""
        ...

    def log_steps_jacobian(self, log_batch_size: ArrayLike, theta: ArrayLike) -> Array:
        """Return the derivatives by theta, shape (..., n, p)."""
        ...


@dataclass(frozen=True)
class Optimum:
    """Where the iteration ended, for m problems.

    Attributes:
        theta: Shape (m, p).
        log_sigma: Shape (m,).
        log_likelihood: Shape (m,).
        converged: Shape (m,).
    """

    theta: Array
    log_sigma: Array
    log_likelihood: Array
    converged: Bools


def maximise(law: StepLaw, data: Observations, start: Array, floor: Array, basis: Array | None = None) -> Optimum:
    """Climb to a maximum of the likelihood from each start.

    Args:
        law: The law.
        data: Shape (n,), or (m, n) with one data set per problem.
        start: Shape (m, p). With a basis, what the basis does not span stays at its start.
        floor: The smallest sigma allowed, scalar or shape (m,), > 0.
        basis: Shape (p, q), orthonormal columns: the directions theta may move in; None for all.

    Returns:
        The m optima, local ones.
    """
    directions = np.eye(start.shape[-1]) if basis is None else basis
    log_floor = np.broadcast_to(np.log(floor), start.shape[:1])
    theta = start.astype(np.float64)
    log_sigma = _starting_log_sigma(law, data, theta, log_floor)
    value, gradient, curvature = _expand(law, data, theta, log_sigma, directions)
    damping, undamped = np.full(len(theta), 1e-3), np.full(len(theta), 1e-12)
    converged = np.zeros(len(theta), dtype=np.bool_)
    for _ in range(MAX_ITERATIONS):
        low, high = np.full_like(gradient, -LONGEST_STEP), np.full_like(gradient, LONGEST_STEP)
        low[:, -1] = np.maximum(low[:, -1], log_floor - log_sigma)
        gain = 0.5 * np.einsum("mi,mi->m", gradient, _step(curvature, gradient, undamped, low, high))
        converged = (gain < SMALL_GAIN) | (np.abs(gradient).max(axis=-1) < SMALL_SLOPE)
        if converged.all():
            break
        step = _step(curvature, gradient, damping, low, high)
        new_theta = theta + step[:, :-1] @ directions.T
        new_log_sigma = np.maximum(log_sigma + step[:, -1], log_floor)
        new_value, new_gradient, new_curvature = _expand(law, data, new_theta, new_log_sigma, directions)
        better = np.flatnonzero((new_value > value) & ~converged)
        theta[better], log_sigma[better], value[better] = new_theta[better], new_log_sigma[better], new_value[better]
        gradient[better], curvature[better] = new_gradient[better], new_curvature[better]
        damping *= 4.0
        damping[better] /= 20.0
        np.clip(damping, 1e-12, 1e12, out=damping)
    return Optimum(theta, log_sigma, value, converged)


def _starting_log_sigma(law: StepLaw, data: Observations, theta: Array, log_floor: Array) -> Array:
    """Return the scatter of the points about the starting law."""
    residual = data.log_middle - law.log_steps(data.log_batch_size, theta)
    scatter: Array = np.maximum(0.5 * np.log(np.mean(residual**2, axis=-1) + 1e-300), log_floor)
    return scatter


def _expand(
    law: StepLaw, data: Observations, theta: Array, log_sigma: Array, directions: Array
) -> tuple[Array, Array, Array]:
    """Return log-likelihood (m,), gradient (m, q+1), curvature (m, q+1, q+1) in the directions and log sigma."""
    point = point_terms(data, law.log_steps(data.log_batch_size, theta), log_sigma)
    jacobian = law.log_steps_jacobian(data.log_batch_size, theta) @ directions
    m, _, q = jacobian.shape
    gradient = np.empty((m, q + 1))
    gradient[:, :q] = np.einsum("mn,mnq->mq", point.by_m, jacobian)
    gradient[:, q] = point.by_log_sigma.sum(axis=-1)
    curvature = np.empty((m, q + 1, q + 1))
    curvature[:, :q, :q] = np.einsum("mnq,mn,mnr->mqr", jacobian, point.curvature_mm, jacobian)
    curvature[:, :q, q] = np.einsum("mn,mnq->mq", point.curvature_ms, jacobian)
    curvature[:, q, :q] = curvature[:, :q, q]
    curvature[:, q, q] = point.curvature_ss.sum(axis=-1)
    return point.log_likelihood.sum(axis=-1), gradient, curvature


def _step(curvature: Array, gradient: Array, damping: Array, low: Array, high: Array) -> Array:
    """Return the damped Newton step within [low, high], coordinate by coordinate.

    A coordinate that would leave its range is held at the end of it and the others step as best they can beside
    it: scaling the whole step down would hold them back where a constant runs off, and cutting one coordinate
    alone would leave them where the uncut step wanted them.
    """
    diagonal = np.einsum("mii->mi", curvature)
    scale = np.maximum(diagonal, 1e-9 * diagonal.max(axis=-1, keepdims=True)) + 1e-30
    damped = curvature.copy()
    np.einsum("mii->mi", damped)[...] = diagonal + damping[:, None] * scale
    step = np.linalg.solve(damped, gradient[..., None])[..., 0].astype(np.float64)
    held = (step < low) | (step > high)
    rows = np.flatnonzero(held.any(axis=-1))
    if rows.size:
        target = np.where(held[rows], np.clip(step, low, high)[rows], gradient[rows])
        system = np.where(held[rows, :, None], np.eye(step.shape[-1]), damped[rows])
        step[rows] = np.linalg.solve(system, target[..., None])[..., 0]
    return np.clip(step, low, high)
