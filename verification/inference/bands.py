r"""Law H with a band: K(B), and the ratio of two curves, with profile-likelihood intervals at every batch size.

At a batch size B0 law H is written in the coordinates :math:`\kappa = \log K(B_0)` and
:math:`\zeta = \log \frac{c_1}{B_0 c_2}`, so that an interval of K(B0) is that of one coordinate:

    log K(B) = kappa + log(1 + exp(zeta) B0/B) - log(1 + exp(zeta)).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import block_diag

from verification.fits.curves import FittedCurve
from verification.fits.errors import Errors
from verification.fits.fit import Fit, Interval, Problem
from verification.fits.likelihood import Array, joined, relative_to
from verification.fits.profile import profile_intervals
from verification.inference.pairs import JointLaw, Pair

# Points of a band, evenly spaced in log B from the smallest batch size measured to the largest.
BAND_POINTS = 25


@dataclass(frozen=True, kw_only=True)
class Band:
    """A quantity over batch sizes, each with its 95% interval: pointwise, not all at once.

    Attributes:
        batch_size: Examples per step, ascending.
        value: Steps, or a ratio of steps, > 0.
        low: Lower ends, None where open.
        high: Upper ends, None where open.
    """

    batch_size: tuple[float, ...]
    value: tuple[float, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]


@dataclass(frozen=True)
class _AtOne:
    """Law H for batch sizes in units of B0, theta = (kappa, zeta)."""

    def log_steps(self, log_batch_size: ArrayLike, theta: ArrayLike) -> Array:
        """Return log K, shape (..., n)."""
        x, t = np.asarray(log_batch_size, dtype=np.float64), np.asarray(theta, dtype=np.float64)
        kappa, zeta = t[..., :1], t[..., 1:]
        steps: Array = kappa + np.logaddexp(zeta - x, 0.0) - np.logaddexp(zeta, 0.0)
        return steps

    def log_steps_jacobian(self, log_batch_size: ArrayLike, theta: ArrayLike) -> Array:
        """Return the derivatives by theta, shape (..., n, 2)."""
        x, t = np.asarray(log_batch_size, dtype=np.float64), np.asarray(theta, dtype=np.float64)
        zeta = t[..., 1:]
        by_zeta = 0.5 * (np.tanh(0.5 * (zeta - x)) - np.tanh(0.5 * zeta))
        return np.stack([np.ones_like(by_zeta), by_zeta], axis=-1)


def law_band(fitted: FittedCurve, batch_sizes: Sequence[float] = ()) -> Band | None:
    """Return law H over the batch sizes of a curve, in steps.

    Args:
        fitted: A curve.
        batch_sizes: Where; without any, evenly spaced over those measured.

    Returns:
        The band; None where nothing was fitted.
    """
    one = fitted.hyperbola
    if one is None:
        return None
    sizes = batch_sizes or _grid([fitted])
    thetas = [_pivoted(one.fit.theta, size) for size in sizes]
    problems = [
        Problem(_AtOne(), relative_to(fitted.aligned, size), theta[None])
        for size, theta in zip(sizes, thetas, strict=True)
    ]
    errors = fitted.errors("H")
    mapped = [errors.mapped(_derivative(theta)) for theta in thetas]
    return _band(sizes, problems, [_at(one.fit, theta) for theta in thetas], mapped, (1.0, 0.0))


def ratio_band(pair: Pair) -> Band | None:
    """Return the ratio of steps, sparse over dense, by law H fitted to both curves jointly.

    Args:
        pair: A sparse curve and the dense one.

    Returns:
        The band; None where nothing was fitted.
    """
    fit = pair.fit
    if fit is None:
        return None
    sizes = _grid([pair.dense, pair.sparse])
    law = JointLaw(_AtOne(), len(pair.dense.curve.points), 2)
    both, errors = joined(pair.dense.aligned, pair.sparse.aligned), pair.errors
    thetas = [np.concatenate([_pivoted(fit.theta[:2], size), _pivoted(fit.theta[2:], size)]) for size in sizes]
    problems = [Problem(law, relative_to(both, size), theta[None]) for size, theta in zip(sizes, thetas, strict=True)]
    mapped = [errors.mapped(block_diag(_derivative(theta[:2]), _derivative(theta[2:]))) for theta in thetas]
    return _band(sizes, problems, [_at(fit, theta) for theta in thetas], mapped, (-1.0, 0.0, 1.0, 0.0))


def _grid(curves: Sequence[FittedCurve]) -> list[float]:
    """Return the batch sizes of a band over all points of some curves."""
    measured = [point.batch_size for fitted in curves for point in fitted.curve.points]
    return [float(size) for size in np.geomspace(min(measured), max(measured), BAND_POINTS)]


def _pivoted(theta: Sequence[float], batch_size: float) -> Array:
    """Return (kappa, zeta) at a batch size for (log c1, log c2)."""
    at_small = theta[0] - np.log(batch_size)
    return np.array([np.logaddexp(at_small, theta[1]), at_small - theta[1]])


def _derivative(theta: Array) -> Array:
    """Return the derivative of (kappa, zeta) by (log c1, log c2)."""
    share = 0.5 * (1.0 + np.tanh(0.5 * theta[1]))
    return np.array([[share, 1.0 - share], [1.0, -1.0]])


def _at(fit: Fit, theta: Array) -> Fit:
    """Return a fit in other coordinates; K itself is always traced by points on both sides of it."""
    return replace(fit, theta=tuple(theta.tolist()), traced=(True,) * len(theta))


def _band(
    sizes: Sequence[float],
    problems: Sequence[Problem],
    fits: Sequence[Fit],
    errors: Sequence[Errors],
    contrast: tuple[float, ...],
) -> Band:
    """Return the band of exp(contrast . theta)."""
    intervals = profile_intervals(problems, fits, {"K": contrast}, [("K", 0.95)], errors)
    ends: list[Interval] = [one["K", 0.95] for one in intervals]
    values = [float(np.exp(np.dot(contrast, fit.theta))) for fit in fits]
    return Band(
        batch_size=tuple(sizes),
        value=tuple(values),
        low=tuple(one.low for one in ends),
        high=tuple(one.high for one in ends),
    )
