r"""Fit a law to a curve by maximum likelihood, with profile-likelihood intervals.

A fit returns its certificate as data: whether it converged, the number of points, sigma, likelihood, AICc and
the residuals. What the data do not determine is None, never an infinity.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import f as fisher_f
from scipy.stats import t as student_t

from verification.likelihood import Array, Observations, sigma_floor
from verification.newton import Optimum, StepLaw, maximise

FEWEST_BATCH_SIZES = 3
# Where a constant's share of K stays below this at every point, the data hold no trace of it.
NO_TRACE = 1e-4
# An end further than a factor e^20 from the estimate is open; an estimate that ran off lies e^40 away itself.
FARTHEST_END = 20.0
FARTHEST_END_OF_RUNAWAY = 80.0
# A start that would have to move by more than e^5 to meet a constraint is none.
FARTHEST_START = 5.0

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


@dataclass(frozen=True)
class Fit:
    """A law's maximum likelihood fit and its certificate.

    Attributes:
        theta: Shape (p,), fit coordinates.
        sigma: Noise of log K, > 0.
        sigma_at_floor: The scatter is no larger than the evaluation grid explains; sigma is the grid's floor.
        log_likelihood: At the maximum.
        aicc: Corrected Akaike criterion; None when there are too few points for it.
        n: Points that reached the goal.
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
        """The largest factor, less 1, between a measured interval and the law."""
        return math.expm1(max(abs(r) for r in self.residuals))


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
    count = len(np.unique(data.log_batch_size[data.reached]))
    if count >= FEWEST_BATCH_SIZES:
        return None
    verb = "is" if count == 1 else "are"
    return f"a fit needs {FEWEST_BATCH_SIZES} batch sizes that reached the goal, there {verb} {count}"


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
        data: Shape (n,); see `why_no_fit` for what it needs.
        starts: Shape (starts, p), fit coordinates; the plainest first.
    """

    law: StepLaw
    data: Observations
    starts: Array


def fit_law(problem: Problem) -> Fit:
    """Fit a law from every start and keep the best.

    Args:
        problem: Law, data and starts.

    Returns:
        The fit with its certificate.
    """
    law, data = problem.law, problem.data
    floor = sigma_floor(data)
    optima = maximise(law, data, problem.starts, floor)
    best = _best(optima)
    theta, sigma = optima.theta[best], float(np.exp(optima.log_sigma[best]))
    n, value = int(data.reached.sum()), float(optima.log_likelihood[best])
    shares = law.log_steps_jacobian(data.log_batch_size, theta)
    return Fit(
        theta=tuple(theta.tolist()),
        sigma=sigma,
        sigma_at_floor=bool(sigma <= floor * (1.0 + 1e-9)),
        log_likelihood=value,
        aicc=_aicc(value, len(theta) + 1, n),
        n=n,
        converged=bool(optima.converged[best]),
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
    m = law.log_steps(data.log_batch_size, theta)
    return np.maximum(data.log_lower - m, 0.0) + np.minimum(data.log_upper - m, 0.0)


def deviance_at(problem: Problem, fit: Fit, contrast: Sequence[float], value: float) -> float:
    """Return twice the log-likelihood that is lost by fixing a linear contrast of theta.

    Args:
        problem: Law, data and starts.
        fit: Its fit.
        contrast: Shape (p,), a: the quantity is a . theta.
        value: What a . theta is fixed at.

    Returns:
        The deviance, >= 0.
    """
    deviance, _ = _constrained(problem, fit, np.asarray(contrast, dtype=np.float64), value, None)
    return max(deviance, 0.0)


def threshold(n: int, p: int, level: float) -> float | None:
    r"""Return the deviance that one parameter exceeds with probability 1 - level.

    :math:`n \log(1 + F_{1,n-p}(\mathrm{level})/(n-p))`: exact for a linear law with normal errors, where the
    chi-square threshold is too narrow by a fifth at ten points.

    Args:
        n: Points that reached the goal.
        p: The law's mean parameters, sigma not counted.
        level: Coverage, in (0, 1).

    Returns:
        The threshold, None when n <= p leaves no freedom to estimate sigma.

    Example:
        >>> round(threshold(n=10**7, p=2, level=0.95), 3)  # the chi-square's, for many points
        3.841
    """
    if n <= p:
        return None
    return n * math.log1p(float(fisher_f.ppf(level, 1, n - p)) / (n - p))


def p_value(deviance: float, n: int, p: int) -> float | None:
    """Return the probability of a deviance at least as large, two-sided, by the same correction.

    Args:
        deviance: Twice the lost log-likelihood, >= 0.
        n: Points that reached the goal.
        p: The mean parameters of the larger law.

    Returns:
        In [0, 1]; None when n <= p.

    Example:
        >>> round(p_value(threshold(n=9, p=2, level=0.95), n=9, p=2), 9)
        0.05
    """
    t = t_statistic(deviance, n, p)
    return None if t is None else float(2.0 * student_t.sf(t, n - p))


def t_statistic(deviance: float, n: int, p: int) -> float | None:
    """Return the t value, n - p degrees of freedom, that a deviance stands for; None when n <= p."""
    if n <= p:
        return None
    return math.sqrt((n - p) * math.expm1(max(deviance, 0.0) / n))


def profile_interval(problem: Problem, fit: Fit, contrast: Sequence[float], level: float = 0.95) -> Interval:
    """Return the profile-likelihood interval of exp(contrast . theta).

    The ends are where the deviance crosses `threshold`. Where it stays below, the end is open.

    Args:
        problem: Law, data and starts.
        fit: Its fit.
        contrast: Shape (p,), for instance (1, -1) for c1/c2.
        level: Coverage, in (0, 1).

    Returns:
        The interval, in natural units; both ends open when there are too few points for any.
    """
    limit = threshold(fit.n, len(fit.theta), level)
    if limit is None:
        return Interval(None, None)
    a = np.asarray(contrast, dtype=np.float64)
    ends = (_profile_end(problem, fit, a, limit, direction) for direction in (-1.0, 1.0))
    return Interval(*(None if end is None else math.exp(end) for end in ends))


def _profile_end(problem: Problem, fit: Fit, a: Array, limit: float, direction: float) -> float | None:
    """Return where the deviance crosses the limit on one side, or None.

    Solved for the root of the deviance, which is nearly linear in the distance from the estimate.
    """
    centre = float(a @ np.asarray(fit.theta))
    known: dict[float, float] = {0.0: -math.sqrt(limit)}
    warm: Array | None = None

    def excess(distance: float) -> float:
        # Where a law fits in two ways the best start decides; a value once found must stay for the bracket to hold.
        nonlocal warm
        if distance not in known:
            value = centre + direction * distance
            deviance, warm = _constrained(problem, fit, a, value, warm)
            known[distance] = math.sqrt(max(deviance, 0.0)) - math.sqrt(limit)
        return known[distance]

    farthest = FARTHEST_END if all(np.asarray(fit.traced)[a != 0.0]) else FARTHEST_END_OF_RUNAWAY
    inner, outer = 0.0, min(0.5, fit.sigma)
    while excess(outer) < 0.0:
        slope = (excess(outer) + math.sqrt(limit)) / outer
        ahead = 1.1 * math.sqrt(limit) / slope if slope > 0.0 else math.inf
        inner, outer = outer, min(max(ahead, 1.3 * outer), 4.0 * outer)
        if outer > farthest:
            return None
    return centre + direction * float(brentq(excess, inner, outer, xtol=1e-6))


def _constrained(problem: Problem, fit: Fit, a: Array, value: float, warm: Array | None) -> tuple[float, Array]:
    """Return the deviance with a . theta fixed at a value, and the theta that has it."""
    hat = np.asarray(fit.theta)
    others = np.concatenate([problem.starts, *([] if warm is None else [warm[None, :]])])
    origins = np.concatenate([hat[None, :], others[np.abs(others @ a - value) < FARTHEST_START]])
    starts = origins + np.outer((value - origins @ a) / (a @ a), a)
    optima = maximise(problem.law, problem.data, starts, sigma_floor(problem.data), _orthogonal_to(a))
    best = _best(optima)
    return 2.0 * (fit.log_likelihood - float(optima.log_likelihood[best])), optima.theta[best]


def _orthogonal_to(a: Array) -> Array:
    """Return an orthonormal basis, shape (p, p - 1), of the directions that leave a . theta alone."""
    return np.linalg.svd(a[None, :])[2][1:].T


def _best(optima: Optimum) -> int:
    """Return the index of the highest optimum."""
    return int(np.argmax(optima.log_likelihood))


def _aicc(log_likelihood: float, k: int, n: int) -> float | None:
    """Return the corrected Akaike criterion of k parameters on n points; None when n <= k + 1."""
    return None if n <= k + 1 else -2.0 * log_likelihood + 2.0 * k * n / (n - k - 1)
