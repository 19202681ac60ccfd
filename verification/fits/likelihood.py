r"""The likelihood of measured intervals: log K ~ Normal(log law, sigma^2), seen only up to an interval.

A study tells that its steps-to-result lie in (lower, upper]; one that spent its budget tells K > lower; an
exact count is an interval of no width. With z = (log bound - m)/sigma the terms are

    interval  log(Phi(z_upper) - Phi(z_lower))        survival  log(1 - Phi(z_lower))
    exact     -z^2/2 - log(sigma) - log(2 pi)/2

Everything works on arrays of shape (..., n), n points in the last axis, so that many curves, starting points or
bootstrap draws go through at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from empirics.records import FEW_STEPS
from verification.records.curves import CurvePoint

Array = NDArray[np.float64]

# A relative width at which the difference of two normal integrals still has six digits; narrower is exact.
EXACT_WIDTH = 1e-9
# Steps are counted; nobody measures a count to better than one in a million.
SIGMA_FLOOR_OF_COUNTS = 1e-6

# A law without a finite K is taken as e^10000 steps: its likelihood is hopeless, its arithmetic is not.
LARGEST_LOG_STEPS = 1e4

_HALF_LOG_2_PI = 0.5 * np.log(2.0 * np.pi)


@dataclass(frozen=True)
class Observations:
    """Measured points as arrays.

    Attributes:
        log_batch_size: Shape (..., n), log examples.
        log_lower: Shape (..., n), log steps; -inf where nothing bounds K below.
        log_upper: Shape (..., n), log steps; +inf where the goal was not reached; log_lower where exact.
    """

    log_batch_size: Array
    log_lower: Array
    log_upper: Array

    @property
    def exact(self) -> NDArray[np.bool_]:
        """Where the count is exact, shape (..., n)."""
        return self.log_upper - self.log_lower < EXACT_WIDTH

    @property
    def reached(self) -> NDArray[np.bool_]:
        """Where the goal was reached, shape (..., n)."""
        return np.isfinite(self.log_upper)

    @property
    def bounded(self) -> NDArray[np.bool_]:
        """Where K is known from both sides, shape (..., n); one met at the first goal test is not."""
        return self.reached & np.isfinite(self.log_lower)

    @property
    def whole(self) -> NDArray[np.bool_]:
        """Where K is known from both sides at all points of the batch size; of data of shape (n,)."""
        return self.bounded & ~np.isin(self.log_batch_size, self.log_batch_size[~self.bounded])

    @property
    def bounded_batch_sizes(self) -> int:
        """How many batch sizes have a K known from both sides; of data of shape (n,)."""
        return len(np.unique(self.log_batch_size[self.bounded]))

    @property
    def few(self) -> NDArray[np.bool_]:
        """Where the goal was met within so few steps that counting them is coarse, shape (..., n)."""
        few: NDArray[np.bool_] = self.log_upper < np.log(FEW_STEPS + 0.5)
        return few

    @property
    def log_middle(self) -> Array:
        """One log K to start from, of shape (..., n), the middle of the interval, else its finite end, else 0."""
        finite = self.bounded
        one_end = np.where(self.reached, self.log_upper, self.log_lower)
        one_end = np.where(np.isfinite(one_end), one_end, 0.0)
        return np.where(finite, 0.5 * (np.where(finite, self.log_lower, one_end) + one_end), one_end)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where there is a point at all, of shape (..., n); (-inf, inf) fills up arrays of shorter curves."""
        return self.reached | np.isfinite(self.log_lower)

    def rows(self, index: NDArray[np.intp]) -> "Observations":
        """Return the chosen data sets of shape (m, n); one data set of shape (n,) stands for all."""
        if self.log_lower.ndim == 1:
            return self
        return Observations(*(a[index] if a.ndim > 1 else a for a in self.arrays))

    @property
    def arrays(self) -> tuple[Array, Array, Array]:
        """The three arrays."""
        return self.log_batch_size, self.log_lower, self.log_upper

    def select(self, index: NDArray[np.intp] | slice) -> "Observations":
        """Return the chosen points of the last axis."""
        return Observations(self.log_batch_size[..., index], self.log_lower[..., index], self.log_upper[..., index])


def observe(points: Iterable[CurvePoint]) -> Observations:
    """Return measured points as arrays of shape (n,).

    Args:
        points: Any number of points.

    Returns:
        The observations, in the order given.

    Example:
        >>> observe([CurvePoint(batch_size=1, replicate=0, lower=1.0, upper=None)]).log_upper
        array([inf])
    """
    listed = list(points)
    lower = np.array([point.lower for point in listed], dtype=np.float64)
    upper = np.array([np.inf if point.upper is None else point.upper for point in listed])
    with np.errstate(divide="ignore"):
        return Observations(
            np.log(np.array([point.batch_size for point in listed], dtype=np.float64)),
            np.log(lower),
            np.log(upper),
        )


def relative_to(data: Observations, batch_size: float) -> Observations:
    """Return the same points with batch sizes in units of the given one.

    Args:
        data: Shape (..., n).
        batch_size: Examples per step, > 0.

    Returns:
        Shape (..., n).
    """
    return Observations(data.log_batch_size - np.log(batch_size), data.log_lower, data.log_upper)


def joined(first: Observations, second: Observations) -> Observations:
    """Return the points of both, the first ones first.

    Args:
        first: Shape (..., n).
        second: Shape (..., m).

    Returns:
        Shape (..., n + m).
    """
    return Observations(
        np.concatenate([first.log_batch_size, second.log_batch_size], axis=-1),
        np.concatenate([first.log_lower, second.log_lower], axis=-1),
        np.concatenate([first.log_upper, second.log_upper], axis=-1),
    )


def stacked(curves: Iterable[Observations]) -> Observations:
    """Return curves of any lengths as one array of curves; shorter ones are filled up with points that say nothing.

    Args:
        curves: m curves of shapes (n_i,).

    Returns:
        Shape (m, max n_i).
    """
    listed = list(curves)
    n = max(curve.log_lower.shape[-1] for curve in listed)

    def padded(arrays: Iterable[Array], value: float) -> Array:
        return np.stack([np.pad(a, (0, n - len(a)), constant_values=value) for a in arrays])

    sizes, lower, upper = zip(*(curve.arrays for curve in listed), strict=True)
    return Observations(padded(sizes, 0.0), padded(lower, -np.inf), padded(upper, np.inf))


def sigma_floor(data: Observations) -> Array:
    r"""Return the smallest noise the evaluation grid lets one see.

    :math:`\sqrt{\overline{w^2}/48}`, w the widths of the measured intervals in log steps. Noise-free values read
    at interval middles scatter with variance w^2/12 (uniform in a cell); the floor has a quarter of that. Far below it
    the likelihood is flat wherever the law passes through every interval and its maximum is no single point. On
    simulated curves the 95% intervals keep their coverage with this floor (94-96%, and 100% for curves without
    noise), and gain up to four points with twice this floor.

    Args:
        data: Shape (..., n).

    Returns:
        Shape (...), > 0; at least `SIGMA_FLOOR_OF_COUNTS`.

    Example:
        >>> cells = observe([CurvePoint(1, 0, 10.0, 10.0 * np.exp(0.48))])
        >>> float(sigma_floor(cells).round(9)) == round(0.48 / 48**0.5, 9)
        True
    """
    measured = data.bounded
    width = np.where(measured, data.log_upper, 0.0) - np.where(measured, data.log_lower, 0.0)
    count = np.maximum(measured.sum(axis=-1), 1)
    floor: Array = np.maximum(np.sqrt((width**2).sum(axis=-1) / count / 48.0), SIGMA_FLOOR_OF_COUNTS)
    return floor


@dataclass(frozen=True)
class PointTerms:
    """Log-likelihood of each point with its first and second derivatives, shapes (..., n).

    The gradient is by the law's value m and by log sigma. The curvature is that of minus the log-likelihood in
    (m/sigma, 1/sigma), where it is convex for every kind of point (Burridge 1981), carried over to (m, log sigma):
    positive semidefinite, and equal to the Hessian at a maximum but for the law's own bend.
    """

    log_likelihood: Array
    by_m: Array
    by_log_sigma: Array
    curvature_mm: Array
    curvature_ms: Array
    curvature_ss: Array


def point_terms(data: Observations, log_steps: Array, log_sigma: Array) -> PointTerms:
    r"""Return the log-likelihood of each point and its derivatives by the law's value and by log sigma.

    With r = phi(z)/(Phi(z_upper) - Phi(z_lower)) at either end and S_j = z_u^j r_u - z_l^j r_l the gradient is
    (-S_0/sigma, -S_1), the curvature (S_1 + S_0^2)/sigma^2, (S_2 + S_0 S_1)/sigma, S_3 + S_1^2; for an exact
    point (z/sigma, z^2 - 1) and 1/sigma^2, z/sigma, 1 + z^2.

    Args:
        data: Shape (..., n).
        log_steps: The law at the points, shape (..., n).
        log_sigma: Log of the noise of log K, shape (...).

    Returns:
        The terms; a density of log K where the count is exact, else a probability.

    Reference:
        Burridge 1981, "A note on maximum likelihood estimation for regression models using grouped data".

    Example:
        >>> never = observe([CurvePoint(1, 0, 10.0, None)])  # the law at the budget: an even chance
        >>> float(np.exp(point_terms(never, np.log([10.0]), np.array(0.0)).log_likelihood)[0])
        0.5
    """
    exact = data.exact
    log_steps = np.clip(log_steps, -LARGEST_LOG_STEPS, LARGEST_LOG_STEPS)
    h = np.exp(-np.asarray(log_sigma))[..., None]
    lower = h * (data.log_lower - log_steps)
    if exact.all():
        return _density_terms(lower, h)
    upper = np.where(exact, np.inf, h * (data.log_upper - log_steps))
    log_inside = _log_ndtr_difference(lower, upper)
    z_l, r_l = _end(lower, log_inside)
    z_u, r_u = _end(upper, log_inside)
    s0 = r_u - r_l
    s1 = (u := z_u * r_u) - (low := z_l * r_l)
    s2 = (u := z_u * u) - (low := z_l * low)
    s3 = z_u * u - z_l * low
    z = np.where(exact, lower, 0.0)
    density = -0.5 * z**2 - _HALF_LOG_2_PI - np.asarray(log_sigma)[..., None]
    return PointTerms(
        log_likelihood=np.where(exact, density, log_inside),
        by_m=h * np.where(exact, z, -s0),
        by_log_sigma=np.where(exact, z**2 - 1.0, -s1),
        curvature_mm=h**2 * np.where(exact, 1.0, s1 + s0**2),
        curvature_ms=h * np.where(exact, z, s2 + s0 * s1),
        curvature_ss=np.where(exact, 1.0 + z**2, s3 + s1**2),
    )


def _density_terms(z: Array, h: Array) -> PointTerms:
    """Return the terms of exact points, which need no normal integrals."""
    return PointTerms(
        log_likelihood=-0.5 * z**2 - _HALF_LOG_2_PI + np.log(h),
        by_m=h * z,
        by_log_sigma=z**2 - 1.0,
        curvature_mm=np.broadcast_to(h**2, z.shape),
        curvature_ms=h * z,
        curvature_ss=1.0 + z**2,
    )


def _log_ndtr_difference(low: Array, high: Array) -> Array:
    """Return log(Phi(high) - Phi(low)), mirrored into the lower tail, where log Phi keeps its digits."""
    mirror = low > 0
    a, b = np.where(mirror, -high, low), np.where(mirror, -low, high)
    log_a, log_b = log_ndtr(a), log_ndtr(b)
    with np.errstate(divide="ignore"):
        inside: Array = log_b + np.log(-np.expm1(np.minimum(log_a - log_b, 0.0)))
    return inside


def _end(z: Array, log_inside: Array) -> tuple[Array, Array]:
    """Return z and phi(z) / (Phi(z_upper) - Phi(z_lower)) at one end; both 0 at an infinite end."""
    finite = np.isfinite(z)
    safe = np.where(finite, z, 0.0)
    return safe, np.exp(np.where(finite, -0.5 * safe**2 - _HALF_LOG_2_PI - log_inside, -np.inf))
