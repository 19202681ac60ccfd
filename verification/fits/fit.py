r"""Fit a law to a curve by maximum likelihood, from several starts.

A fit returns its certificate as data: whether it converged, the number of points, sigma, likelihood, AICc and
the residuals. What the data do not determine is None, never an infinity.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from verification.fits.likelihood import LARGEST_LOG_STEPS, Array, Observations, sigma_floor, stacked
from verification.fits.newton import Optimum, StepLaw, highest, maximise
from verification.fits.units import NO_UNITS, Units

FEWEST_BATCH_SIZES = 3
# Why a study whose first goal test met the goal tells next to nothing.
FIRST_TEST = "the goal was met at the first test, so K* is only known from above"
# Where a constant's share of K stays below this at every point, the data hold no trace of it.
NO_TRACE = 1e-4
# A law further than e^50 from a measured point has no finite K there.
LARGEST_LOG_RESIDUAL = 50.0

# Starting points: linear scaling through the smallest batch size and the plateau at the largest; and the corners,
# without either constant, because the way to where a constant runs off is long and curved.
_START_OFFSETS = ((0.0, 0.0), (0.0, -40.0), (-40.0, 0.0))
# Starting values of a third, shape-giving coordinate: log of alpha or h.
_SHAPE_STARTS = (0.0, -0.7, 0.7)


@dataclass(frozen=True)
class Interval:
    """An interval for a positive quantity; an end the data leave open is None."""

    low: float | None
    high: float | None

    def map(self, function: Callable[[float], float]) -> "Interval":
        """Return the interval of an increasing function of the quantity."""
        return Interval(*(None if end is None else function(end) for end in (self.low, self.high)))

    def inside(self, low: float, high: float) -> bool:
        """Whether both ends exist and lie in [low, high]."""
        return self.low is not None and self.high is not None and low <= self.low and self.high <= high

    def excludes(self, value: float) -> bool:
        """Whether it lies wholly on one side of a value."""
        return (self.low is not None and self.low > value) or (self.high is not None and self.high < value)


OPEN = Interval(None, None)


def around(ratio: float, error: float, quantile: float) -> Interval:
    """Return the interval of a ratio whose logarithm has an error.

    Example:
        >>> around(3.0, math.log(2.0), 1.0)
        Interval(low=1.5, high=6.0)
    """
    return Interval(ratio * float(np.exp(-quantile * error)), ratio * float(np.exp(quantile * error)))


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A law's maximum likelihood fit and its certificate.

    Attributes:
        theta: Shape (p,), fit coordinates.
        sigma: Noise of log K inside replicates, > 0.
        sigma_at_floor: The scatter is no larger than the evaluation grid explains; sigma is the grid's floor.
        log_likelihood: At the maximum.
        aicc: Corrected Akaike criterion; None when there are too few points for it.
        n: Points at which K is known from both sides.
        converged: Whether the iteration ended at a maximum.
        traced: Shape (p,), whether the data hold a trace of each coordinate; a constant without one is unbounded
            on one side and its value arbitrary.
        residuals: Log steps from the law to the measured interval of each point, 0 inside it; positive where
            the measurement lies above the law.
    """

    theta: tuple[float, ...]
    sigma: float
    sigma_at_floor: bool
    log_likelihood: float
    aicc: float | None
    n: int
    converged: bool
    traced: tuple[bool, ...]
    residuals: tuple[float, ...]

    @property
    def worst_residual(self) -> float:
        """The largest factor, less 1, between a measured interval and the law; e^50 where the law has no finite K."""
        return math.expm1(min(max(abs(r) for r in self.residuals), LARGEST_LOG_RESIDUAL))


def why_no_fit(data: Observations) -> str | None:
    """Return why a curve cannot be fitted, or None when it can.

    Args:
        data: Shape (n,).

    Returns:
        One clause for a reader, or None.

    Example:
        >>> one = np.zeros(1)
        >>> why_no_fit(Observations(one, one, one))
        'a fit needs 3 batch sizes that reached the goal, there is 1'
    """
    count, reached = (len(np.unique(data.log_batch_size[use])) for use in (data.bounded, data.reached))
    if count >= FEWEST_BATCH_SIZES:
        return None
    if reached and not count:
        return f"{FIRST_TEST}: take a harder goal, or test it more often"
    verb = "is" if count == 1 else "are"
    reason = f"a fit needs {FEWEST_BATCH_SIZES} batch sizes that reached the goal, there {verb} {count}"
    return reason if reached == count else f"{reason}; at {reached - count} more {FIRST_TEST}"


def starting_points(data: Observations, n_coordinates: int) -> Array:
    """Return where to start a law in (log c1, log c2[, log of a shape]).

    Args:
        data: Shape (..., n), sorted by batch size.
        n_coordinates: 2 or 3.

    Returns:
        Shape (starts, ..., n_coordinates), the plainest first.
    """
    y = data.log_middle
    base = np.stack([y[..., 0] + data.log_batch_size[..., 0], y[..., -1]], axis=-1)
    starts = [base + np.array(offset) for offset in _START_OFFSETS]
    if n_coordinates == 2:
        return np.stack(starts)
    # A curve without c1 has no shape.
    return np.stack(
        [
            np.concatenate([start, np.full((*start.shape[:-1], 1), shape)], axis=-1)
            for shape in _SHAPE_STARTS
            for start in starts[:2]
        ]
    )


@dataclass(frozen=True)
class Problem:
    """A law, the data it is fitted to, and where to start.

    Attributes:
        law: The law.
        data: Shape (n,), less the intercepts of replicates; see `why_no_fit` for what it needs.
        starts: Shape (starts, p), fit coordinates; the plainest first.
        units: The replicates.
    """

    law: StepLaw
    data: Observations
    starts: Array
    units: Units = NO_UNITS


def lift_of(law: StepLaw, n_coordinates: int) -> Array:
    """Return the direction in which K rises by one factor at every batch size, shape (n_coordinates,)."""
    names = getattr(law, "parameter_names", ("",) * n_coordinates)
    return np.array([float(name in {"c1", "c2"}) for name in names])


def fit_law(problem: Problem) -> Fit:
    """Fit a law from every start and keep the best.

    Args:
        problem: Law, data and starts.

    Returns:
        The fit with its certificate.
    """
    return fit_laws([problem])[0]


def fit_laws(problems: Sequence[Problem]) -> list[Fit]:
    """Fit one law to many curves in one iteration, each from every start; the best is kept.

    Args:
        problems: All of the same law and number of starts.

    Returns:
        One fit a problem, with its certificate.
    """
    law, data = problems[0].law, stacked([problem.data for problem in problems])
    floor = sigma_floor(data)
    starts = np.stack([problem.starts for problem in problems], axis=1)
    best = fit_starts(law, data, starts, floor)
    return [_certified(problem, best, i, float(floor[i])) for i, problem in enumerate(problems)]


def fit_starts(law: StepLaw, data: Observations, starts: Array, floor: Array) -> Optimum:
    """Climb from every start of every data set at once.

    Args:
        law: The law.
        data: Shape (m, n).
        starts: Shape (starts, m, p).
        floor: Shape (m,), the smallest sigma.

    Returns:
        The best optimum of each data set.
    """
    count, m, p = starts.shape
    rows = np.tile(np.arange(m), count)
    return highest(maximise(law, data.rows(rows), starts.reshape(-1, p), floor[rows]), count)


def _certified(problem: Problem, best: Optimum, i: int, floor: float) -> Fit:
    """Return the i-th optimum with its certificate."""
    law, data = problem.law, problem.data
    theta, sigma = best.theta[i], float(np.exp(best.log_sigma[i]))
    n, value = int(data.bounded.sum()), float(best.log_likelihood[i])
    shares = law.log_steps_jacobian(data.log_batch_size, theta)
    return Fit(
        theta=tuple(theta.tolist()),
        sigma=sigma,
        sigma_at_floor=bool(sigma <= floor * (1.0 + 1e-9)),
        log_likelihood=value,
        aicc=_aicc(value, len(theta) + 1, n, problem.units.lost),
        n=n,
        converged=bool(best.converged[i]),
        traced=tuple((np.abs(shares).max(axis=0) > NO_TRACE).tolist()),
        residuals=tuple(residuals(law, data, theta).tolist()),
    )


def residuals(law: StepLaw, data: Observations, theta: Array) -> Array:
    """Return log steps from the law to the nearest end of each measured interval, 0 inside.

    Args:
        law: The law.
        data: Shape (n,).
        theta: Shape (p,).

    Returns:
        Shape (n,).
    """
    m = np.clip(law.log_steps(data.log_batch_size, theta), -LARGEST_LOG_STEPS, LARGEST_LOG_STEPS)
    return np.maximum(data.log_lower - m, 0.0) + np.minimum(data.log_upper - m, 0.0)


def _aicc(log_likelihood: float, k: int, n: int, lost: int) -> float | None:
    """Return the corrected Akaike criterion of k parameters on n points, `lost` of which intercepts take.

    None when no more than k + 1 are left.
    """
    left = n - lost
    return None if left <= k + 1 else -2.0 * log_likelihood * left / n + 2.0 * k * left / (left - k - 1)
