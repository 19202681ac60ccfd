r"""Law Q: the steps to result of a noisy quadratic at the best rate, as a curve with two shifts.

On a noisy quadratic (`theory.noisy_quadratic.steps`) k steps at the rate eta leave the loss
bias(k, eta) + noise(k, eta)/B, so k steps suffice from the batch size

    B(k) = min over eta of noise(k, eta)/(goal - bias(k, eta)),

which needs no search over k. Read backwards and for real k it is a smooth K(B). Like law H it scales linearly for small
B and has a plateau for large B, but it bends more sharply. The quadratic fixes its shape: K = c2 q(B c2/c1), with q(x)
-> 1/x for small x and 1 for large ones. So it is a rival of law H with as many constants.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import sympy
from numpy.typing import ArrayLike

from theory.laws import Law
from theory.noisy_quadratic.modes import Spectrum
from theory.noisy_quadratic.problem import NoisyQuadratic
from theory.numbers.log_space import Array
from theory.symbols import B, c1, c2

# Zhang et al. 2019 use 10^4 modes of curvature 1/i; the goal is a fiftieth of the loss at the start.
DIMENSION = 10_000
GOAL = 0.1
_BIN = 0.03  # width in log h of the modes that are taken as one
_REACH = 12.0  # the table ends where K is within e^-12 of either asymptote
_STEP = 0.25
# Rates are tried at eta = expit(z)/(h_max/2): where the noise is gone the best ones crowd below 2/h_max.
_LOG_ODDS = np.linspace(-17.0, 13.0, 101)
_GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0

OfRate = Callable[[Array, Array], Array]  # steps and log odds of the rate, of one shape, to values of that shape


@dataclass(frozen=True)
class Shape:
    """log q at ascending log x, with its slopes: a cubic between neighbours, the asymptotes outside."""

    log_x: Array
    log_q: Array
    slope: Array

    def value_and_slope(self, log_x: Array) -> tuple[Array, Array]:
        """Return log q and its derivative by log x.

        Args:
            log_x: Any shape. Finite.

        Returns:
            Two arrays of that shape, without unit.
        """
        x, y, slope = self.log_x, self.log_q, self.slope
        left = np.clip(np.searchsorted(x, log_x) - 1, 0, len(x) - 2)
        width = x[left + 1] - x[left]
        t = np.clip((log_x - x[left]) / width, 0.0, 1.0)
        rise = (y[left + 1] - y[left]) / width
        # Newton's form of the cubic through both values and both slopes.
        a = rise - slope[left]
        b = slope[left + 1] + slope[left] - 2.0 * rise
        value = y[left] + width * t * (slope[left] + t * (a + (t - 1.0) * b))
        derivative = slope[left] + t * (2.0 * a + (3.0 * t - 2.0) * b)
        beyond = y[-1] * np.exp(-np.maximum(log_x - x[-1], 0.0))
        value = np.where(log_x < x[0], -log_x, np.where(log_x > x[-1], beyond, value))
        return value, np.where(log_x < x[0], -1.0, np.where(log_x > x[-1], -beyond, derivative))


@dataclass(frozen=True)
class ShapeLaw(Law):
    """A law K = c2 q(B c2/c1) whose q is a table instead of an expression.

    Reference:
        Zhang et al. 2019, "Which algorithmic choices matter at which batch sizes?", Sec. 3.

    Example:
        >>> NOISY_QUADRATIC.steps([1e-6, 1e9], c1=1000.0, c2=5.0).round(3)
        array([1.e+09, 5.e+00])
    """

    def log_steps(self, log_batch_size: ArrayLike, theta: ArrayLike) -> Array:
        """Return log K, shape (..., n), for points (..., n) and theta (..., 2); see `Law.log_steps`."""
        log_c2, log_x = self._split(log_batch_size, theta)
        return log_c2 + noisy_quadratic_shape().value_and_slope(log_x)[0]

    def log_steps_jacobian(self, log_batch_size: ArrayLike, theta: ArrayLike) -> Array:
        """Return the derivatives by theta, shape (..., n, 2); see `Law.log_steps_jacobian`."""
        _, log_x = self._split(log_batch_size, theta)
        slope = noisy_quadratic_shape().value_and_slope(log_x)[1]
        return np.stack([-slope, 1.0 + slope], axis=-1)

    def _split(self, log_batch_size: ArrayLike, theta: ArrayLike) -> tuple[Array, Array]:
        """Return log c2 and log(B c2/c1), each broadcast over the points."""
        points, coordinates = self._points(log_batch_size, theta)
        log_c1, log_c2 = coordinates[..., 0, None], coordinates[..., 1, None]
        return log_c2, points - (log_c1 - log_c2)


@cache
def noisy_quadratic_shape() -> Shape:
    """Return the shape of law Q, computed once a process in a third of a second.

    Returns:
        The shape, for x in e^-12..e^12 and its asymptotes beyond.

    Example:
        >>> value, slope = noisy_quadratic_shape().value_and_slope(np.array([0.0]))
        >>> bool(1.5 < np.exp(value[0]) < 2.0)  # law H has exactly 2 at the critical batch size
        True
    """
    spectrum = NoisyQuadratic.harmonic(DIMENSION).spectrum(1.0).binned(_BIN)
    log_floor = np.log(_fewest_steps(spectrum))
    u = np.arange(-_REACH, _REACH + _STEP / 2.0, _STEP)
    log_q = np.logaddexp(0.0, -u)
    log_size, by_log_steps = _batch_sizes(spectrum, np.exp(log_floor + log_q))
    # The first entry is linear scaling: log q = -log x there.
    log_x = log_size - log_size[0] - log_q[0]
    return Shape(log_x, log_q, 1.0 / by_log_steps)


def _bias_and_noise(spectrum: Spectrum, steps: Array, log_odds: Array) -> tuple[Array, Array, Array, Array]:
    """Return the loss left of the start, that of the noise at B = 1, and both derivatives by log k; shape (m,)."""
    h = spectrum.curvature
    eta = (2.0 / h.max() / (1.0 + np.exp(-log_odds)))[:, None]
    with np.errstate(divide="ignore"):
        log_left = 2.0 * steps[:, None] * np.log(np.abs(1.0 - eta * h))
    left = np.exp(log_left)
    stationary = eta * spectrum.kick / (h * (2.0 - eta * h))
    falling = left * np.where(left > 0.0, log_left, 0.0)
    return (
        left @ spectrum.start,
        ((1.0 - left) * stationary).sum(axis=1),
        falling @ spectrum.start,
        -(falling * stationary).sum(axis=1),
    )


def _batch_sizes(spectrum: Spectrum, steps: Array) -> tuple[Array, Array]:
    """Return log B(k) and its derivative by log k, at the best rate, where the rate itself does not matter."""

    def log_size(at: Array, log_odds: Array) -> Array:
        bias, noise, _, _ = _bias_and_noise(spectrum, at, log_odds)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(bias < GOAL, np.log(noise) - np.log(np.maximum(GOAL - bias, 0.0)), np.inf)

    def slack(at: Array, log_odds: Array) -> Array:
        return _bias_and_noise(spectrum, at, log_odds)[0]

    low, high = _bracket(log_size, slack, steps)
    best = _least(partial(log_size, steps), low, high)
    bias, noise, bias_slope, noise_slope = _bias_and_noise(spectrum, steps, best)
    return log_size(steps, best), noise_slope / noise + bias_slope / (GOAL - bias)


def _bracket(function: OfRate, spare: OfRate, steps: Array) -> tuple[Array, Array]:
    """Return log odds on either side of the least value for each k; of `spare` where the function has none finite."""
    ends = []
    for k in steps:
        values = function(np.full(_LOG_ODDS.shape, k), _LOG_ODDS)
        if not np.isfinite(values).any():
            values = spare(np.full(_LOG_ODDS.shape, k), _LOG_ODDS)
        at = int(np.argmin(values))
        ends.append((_LOG_ODDS[max(at - 1, 0)], _LOG_ODDS[min(at + 1, len(_LOG_ODDS) - 1)]))
    low, high = zip(*ends, strict=True)
    return np.array(low), np.array(high)


def _least(function: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """Return where each entry of a function is least between its ends, by golden sections."""
    a, b = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_a, at_b = function(a), function(b)
    for _ in range(49):
        left = at_a <= at_b
        low, high = np.where(left, low, a), np.where(left, b, high)
        # The better of the two points is one of the next two as well: one new value each time.
        a, b = np.where(left, high - _GOLDEN * (high - low), b), np.where(left, a, low + _GOLDEN * (high - low))
        new = function(np.where(left, a, b))
        at_a, at_b = np.where(left, new, at_b), np.where(left, at_a, new)
    return 0.5 * (low + high)


def _fewest_steps(spectrum: Spectrum) -> float:
    """Return c2: the real k at which the best rate just meets the goal without any noise."""
    from scipy.optimize import brentq  # noqa: PLC0415  (keeps `import theory` free of scipy)

    def bias(steps: Array, log_odds: Array) -> Array:
        return _bias_and_noise(spectrum, steps, log_odds)[0]

    def short_by(log_steps: float) -> float:
        k = np.exp(np.array([log_steps]))
        return float(bias(k, _least(partial(bias, k), *_bracket(bias, bias, k)))[0]) - GOAL

    return float(np.exp(brentq(short_by, 0.0, 30.0, xtol=1e-15)))


NOISY_QUADRATIC = ShapeLaw("Q", "noisy quadratic", c2 * sympy.Function("q")(B * c2 / c1), (c1, c2))
