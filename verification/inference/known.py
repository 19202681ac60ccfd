r"""Numbers that are known with an error: by Student's t, or by the profile of a likelihood.

Units that scatter alone give a mean with R - 1 degrees of freedom. What several of them share adds to it
(`verification/fits/variances.py`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from verification.fits.curves import FittedCurve, contrasts
from verification.fits.distributions import t_above, t_beyond, t_quantile
from verification.fits.errors import Errors, Scale
from verification.fits.fit import OPEN, Fit, Interval, Problem
from verification.fits.likelihood import Array
from verification.fits.misfit import Misfit
from verification.fits.profile import deviance_at, profile_interval
from verification.fits.variances import Source, total
from verification.missing import Missing

# A scatter below this is rounding.
NO_SCATTER = 1e-12


class Known(Protocol):
    """A number with an error."""

    @property
    def value(self) -> float:
        """The estimate."""

    @property
    def error(self) -> float | None:
        """Its standard error, None where an end of its interval is open."""

    @property
    def freedom(self) -> float:
        """Degrees of freedom of Student's t."""

    def interval(self, level: float = 0.95) -> Interval:
        """Return the interval at a level."""

    def above(self, value: float = 0.0) -> float:
        """Return the one-sided p-value of the number being at most a value."""


@dataclass(frozen=True)
class Slope:
    """A slope, or another number, with its interval by Student's t.

    Attributes:
        value: The estimate.
        error: Its standard error, > 0.
        freedom: Degrees of freedom, > 0.
    """

    value: float
    error: float
    freedom: float

    def interval(self, level: float = 0.95) -> Interval:
        """Return the interval at a level."""
        half = float(t_quantile(0.5 + level / 2.0, self.freedom)) * self.error
        return Interval(self.value - half, self.value + half)

    def p(self, value: float = 0.0) -> float:
        """Return the two-sided p-value of the slope being a value."""
        return float(t_beyond((self.value - value) / self.error, self.freedom))

    def above(self, value: float = 0.0) -> float:
        """Return the p-value of the slope being at most a value."""
        return float(t_above((self.value - value) / self.error, self.freedom))

    def plus(self, variance: float, freedom: float) -> "Slope":
        """Return the same number with an independent error besides its own.

        Args:
            variance: Of that error, >= 0.
            freedom: Its degrees of freedom, > 0.

        Example:
            >>> Slope(1.0, 3.0, 4.0).plus(16.0, 4.0)  # 25^2/(81/4 + 256/4) degrees of freedom
            Slope(value=1.0, error=5.0, freedom=7.418...)
        """
        found, together = total([Source(self.error**2, self.freedom), Source(variance, freedom)])
        return Slope(self.value, math.sqrt(found), together)

    def over_replicates(self, misfits: Sequence[Misfit], x: Array, weights: Array, replicates: int) -> "Slope":
        """Return the same mean over replicates, with what they share.

        Args:
            misfits: Of the curves that it is of.
            x: Log batch sizes, shape (n,).
            weights: Of log K at each in the number, shape (n,).
            replicates: How many there are.
        """
        shared = [one.sources(x, weights, replicates) for one in misfits]
        noise = [single for _, single in shared]
        own = Source(self.error**2, self.freedom, sum(one.variance for one in noise))
        variance, freedom = total([own, *(search for search, _ in shared)], noise)
        return Slope(self.value, math.sqrt(variance), freedom)


def log_b_crit(fitted: FittedCurve, law: str = "H") -> Slope | None:
    """Return the logarithm of the fitted critical batch size; None where an end of its interval is open.

    Args:
        fitted: A curve.
        law: One that counts examples.
    """
    known = fitted.laws.get(law)
    if known is None:
        return None
    ends, value = known.intervals.get("b_crit", OPEN), known.estimates["b_crit"]
    scale = fitted.errors(law).of(contrasts(known.law)["b_crit"])
    if scale is None or value is None or ends.low is None or ends.high is None:
        return None
    return Slope(math.log(value), scale.error, scale.freedom)


def mean_of(values: Sequence[float], reason: str) -> Slope | Missing:
    """Return the mean of one number per unit, with the error that their scatter gives.

    Args:
        values: Shape (units,).
        reason: Why there is none, where all are equal or there are fewer than two.

    Example:
        >>> mean_of([1.0, 2.0, 3.0], "")
        Slope(value=2.0, error=0.577..., freedom=2)
    """
    if len(values) < 2:
        return Missing(reason)
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return Slope(float(np.mean(values)), error, len(values) - 1) if error > NO_SCATTER else Missing(reason)


def mean_slope(
    x: Array, y: Array, log_batch_sizes: Array, units: Sequence[NDArray[np.bool_]], misfit: Misfit | None, reason: str
) -> Slope | Missing:
    """Return the mean of the slopes of y on x of several units, with what they share.

    Args:
        x: Shape (n,).
        y: Shape (n,).
        log_batch_sizes: Shape (n,).
        units: Which points belong to each, shape (n,); each has two different x.
        misfit: What the units have in common at a batch size; None where nothing tells.
        reason: Why there is none, where all slopes are equal or there are fewer than two.
    """
    sizes, slopes, weights = np.unique(log_batch_sizes), [], []
    for own in units:
        u = x[own] - x[own].mean()
        slopes.append(float(u @ y[own] / (u @ u)))
        weights.append(np.bincount(np.searchsorted(sizes, log_batch_sizes[own]), u / (u @ u), len(sizes)))
    found = mean_of(slopes, reason)
    if isinstance(found, Missing):
        return found
    return found.over_replicates([misfit] if misfit else [], sizes, np.mean(weights, axis=0), len(slopes))


@dataclass(frozen=True)
class Profiled:
    """A linear contrast of a law's fit coordinates: the logarithm of a constant or of a ratio.

    Attributes:
        problem: What was fitted.
        fit: The fit.
        errors: Of the fit.
        contrast: Shape (p,).
        scale: How deviances of it are read.
        bounded: Whether its 95% interval has both ends.
    """

    problem: Problem
    fit: Fit
    errors: Errors
    contrast: tuple[float, ...]
    scale: Scale
    bounded: bool

    @property
    def value(self) -> float:
        """The estimate; arbitrary where the data hold no trace of it."""
        return sum(a * t for a, t in zip(self.contrast, self.fit.theta, strict=True))

    @property
    def freedom(self) -> float:
        """Degrees of freedom."""
        return self.scale.freedom

    @property
    def error(self) -> float | None:
        """The standard error, None where an end of the interval is open."""
        return self.scale.error if self.bounded else None

    def interval(self, level: float = 0.95) -> Interval:
        """Return the interval at a level."""
        return profile_interval(self.problem, self.fit, self.contrast, level, self.errors).map(math.log)

    def above(self, value: float = 0.0) -> float:
        """Return the p-value of the number being at most a value."""
        t = self.scale.t(deviance_at(self.problem, self.fit, self.contrast, value), self.fit.n)
        return float(t_above(math.copysign(t, self.value - value), self.freedom))
