r"""Maximum likelihood by a damped Newton iteration, many problems at once.

Each problem has the law's fit coordinates theta and log sigma. Linear constraints are built in: theta moves in
`offset + basis @ free`, so that a profile likelihood is the same iteration with one direction taken away.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from verification.fits.likelihood import LARGEST_LOG_STEPS, Array, Observations, point_terms

Bools = NDArray[np.bool_]

MAX_ITERATIONS = 60
# No step changes a constant or sigma by more than a factor e^2: a law's log-likelihood is quadratic only nearby.
LONGEST_STEP = 2.0
# Where a step would change sigma by more than this, in logs, theta steps as if sigma stayed: a Newton step counts what
# the other sigma makes of the slope and not that it makes as much of the curvature, and goes too far.
FAR_FROM_SIGMA = 0.5
# Converged when the next Newton step promises less than this gain in log-likelihood ...
SMALL_GAIN = 1e-10
# ... or less than rounding of log K lets one see, a few of its last digits over sigma ...
ROUNDING = 1e-15
# ... or when no logarithm of a constant matters any more (a constant that the data do not bound runs off).
SMALL_SLOPE = 1e-6
# ... or when steps as short as this damping makes them gain nothing: the top of a kink (law PW), or of rounding.
STALLED = 1e7


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
        basis: Shape (p, q), or (m, p, q) with one per problem, orthonormal columns: the directions theta may move in;
            None for all.

    Returns:
        The m optima, local ones.
    """
    directions = np.eye(start.shape[-1]) if basis is None else basis
    log_floor = np.broadcast_to(np.log(floor), start.shape[:1])
    theta = start.astype(np.float64)
    log_sigma = _starting_log_sigma(law, data, theta, log_floor)
    value, gradient, curvature = _expand(law, data, theta, log_sigma, directions)
    damping = np.full(len(theta), 1e-3)
    converged = np.zeros(len(theta), dtype=np.bool_)
    for _ in range(MAX_ITERATIONS):
        live = np.flatnonzero(~converged)
        if not live.size:
            break
        slope, bend = gradient[live], curvature[live]
        low, high = np.full_like(slope, -LONGEST_STEP), np.full_like(slope, LONGEST_STEP)
        low[:, -1] = np.maximum(low[:, -1], log_floor[live] - log_sigma[live])
        newton = _step(bend, slope, np.full(live.size, 1e-12), low, high)
        done = _arrived(slope, newton, log_sigma[live]) | (damping[live] > STALLED)
        converged[live[done]] = True
        live = live[~done]
        slope, bend, low, high, newton = (a[~done] for a in (slope, bend, low, high, newton))
        if not live.size:
            break
        far = np.abs(newton[:, -1]) > FAR_FROM_SIGMA
        bend[far, -1, :-1] = bend[far, :-1, -1] = 0.0
        step = _step(bend, slope, damping[live], low, high)
        along = directions if directions.ndim == 2 else directions[live]
        new_theta = theta[live] + (along @ step[:, :-1, None])[..., 0]
        new_log_sigma = np.maximum(log_sigma[live] + step[:, -1], log_floor[live])
        new_value, new_slope, new_bend = _expand(law, data.rows(live), new_theta, new_log_sigma, along)
        better = new_value > value[live]
        to = live[better]
        theta[to], log_sigma[to], value[to] = new_theta[better], new_log_sigma[better], new_value[better]
        gradient[to], curvature[to] = new_slope[better], new_bend[better]
        damping[live] *= np.where(better, 0.2, 4.0)
        np.clip(damping, 1e-12, 1e12, out=damping)
    return Optimum(theta=theta, log_sigma=log_sigma, log_likelihood=value, converged=converged)


def _arrived(slope: Array, newton: Array, log_sigma: Array) -> Bools:
    """Return which climbs end: the next step gains less than counts or can be seen, or nothing matters any more."""
    gain = 0.5 * np.einsum("mi,mi->m", slope, newton)
    least = SMALL_GAIN + ROUNDING * np.exp(-log_sigma)
    ended: Bools = (gain < least) | (np.abs(slope).max(axis=-1) < SMALL_SLOPE)
    return ended


def highest(optima: Optimum, starts: int) -> Optimum:
    """Return the best of several starts for each problem.

    Args:
        optima: Of starts x m problems, all problems of the first start first.
        starts: How many starts.

    Returns:
        The m best optima.
    """
    value = optima.log_likelihood.reshape(starts, -1)
    best = np.argmax(value, axis=0) * value.shape[1] + np.arange(value.shape[1])
    return Optimum(*(a[best] for a in (optima.theta, optima.log_sigma, optima.log_likelihood, optima.converged)))


def _starting_log_sigma(law: StepLaw, data: Observations, theta: Array, log_floor: Array) -> Array:
    """Return the scatter of the points about the starting law."""
    steps = np.clip(law.log_steps(data.log_batch_size, theta), -LARGEST_LOG_STEPS, LARGEST_LOG_STEPS)
    residual = np.where(data.known, data.log_middle - steps, 0.0)
    count = np.maximum(data.known.sum(axis=-1), 1)
    scatter: Array = np.maximum(0.5 * np.log((residual**2).sum(axis=-1) / count + 1e-300), log_floor)
    return scatter


def _expand(
    law: StepLaw, data: Observations, theta: Array, log_sigma: Array, directions: Array
) -> tuple[Array, Array, Array]:
    """Return log-likelihood (m,), gradient (m, q+1), curvature (m, q+1, q+1) in the directions and log sigma."""
    point = point_terms(data, law.log_steps(data.log_batch_size, theta), log_sigma)
    jacobian = law.log_steps_jacobian(data.log_batch_size, theta) @ directions
    m, _, q = jacobian.shape
    gradient = np.empty((m, q + 1))
    gradient[:, :q] = (point.by_m[:, None, :] @ jacobian)[:, 0]
    gradient[:, q] = point.by_log_sigma.sum(axis=-1)
    curvature = np.empty((m, q + 1, q + 1))
    curvature[:, :q, :q] = jacobian.swapaxes(-1, -2) @ (point.curvature_mm[..., None] * jacobian)
    curvature[:, :q, q] = (point.curvature_ms[:, None, :] @ jacobian)[:, 0]
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
