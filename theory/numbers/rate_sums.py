"""The rates of schedules and their sums as numbers; `theory.numbers.schedules` has the closed forms.

Those are differences of zeta and digamma functions, which lose every digit where a rate hardly changes, or falls by
many powers of ten. This module adds up a sum of (1 + k/tau)^-p or (1 - k/D)^p term by term where the terms change
quickly. Where they change slowly it uses the formula of Euler and Maclaurin. Relative errors stay near 1e-15. The tests
compare with the closed forms in hundreds of digits.
"""

import math
from typing import NamedTuple

import numpy as np

from theory.numbers.doubles import ratio
from theory.numbers.log_space import Array

HELD = ("linear", "polynomial", "cosine")
_SLOW = 40.0  # from this distance of the pole on, and four times the exponent, a power changes slowly
_TERMS = 160  # as many terms of a power that changes quickly leave e^-39 of the first
# B_2m/(2m)!, the coefficients of Euler and Maclaurin
_BERNOULLI = (
    *(1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160),
    *(-691 / 1307674368000, 1 / 74724249600, -3617 / 10670622842880000),
)


class Power(NamedTuple):
    """f(k) = (1 + side k/scale)^exponent, which falls: side 1 with exponent < 0, or -1 with exponent > 0, k <= scale.

    The exponent is degree times `exponent`, whose product may overflow.
    """

    side: int
    scale: float
    exponent: float
    degree: int

    def __call__(self, k: Array) -> Array:
        """Return f(k)."""
        with np.errstate(over="ignore", divide="ignore", under="ignore"):
            if self.side > 0:
                log = np.log1p(k / self.scale)
            else:
                near = 2.0 * k < self.scale  # beyond, scale - k is what is known precisely
                log = np.log((self.scale - k) / self.scale)
                log = np.where(near, np.log1p(-np.where(near, k, 0.0) / self.scale), log)
            return np.asarray(np.exp(self.degree * (self.exponent * log)))

    def sum(self, steps: Array) -> Array:
        """Return the sum over k < steps."""
        with np.errstate(over="ignore"):
            slow = max(_SLOW, 4.0 * abs(np.float64(self.exponent) * self.degree))
        if self.side > 0:  # quick terms first
            first = math.ceil(min(max(slow - self.scale, 0.0), _TERMS + 1.0))
            quick = self._added(0.0, np.minimum(steps, first))
            return quick if first > _TERMS else quick + self._slow_sum(float(first), np.maximum(steps, first), slow)
        last = float(np.floor(max(self.scale - slow, 0.0)))  # and here last
        quick = self._added(last, np.maximum(steps - last, 0.0))
        return quick if last == 0.0 else self._slow_sum(0.0, np.minimum(steps, last), slow) + quick

    def _added(self, first: float, count: Array) -> Array:
        """Return the sum of the first `count` terms from the step `first` on; beyond _TERMS nothing is left."""
        terms = self(np.minimum(first + np.arange(float(_TERMS)), self._end))
        totals = np.concatenate([[0.0], np.cumsum(terms)])
        return np.asarray(totals[np.minimum(count, _TERMS).astype(np.int64)])

    @property
    def _end(self) -> float:
        return self.scale if self.side < 0 else math.inf

    def _slow_sum(self, first: float, end: Array, slow: float) -> Array:
        """Return the sum over first <= k < end by Euler and Maclaurin; the distance of the pole is at least `slow`."""
        from_pole = self.scale + self.side * first
        to_pole = self.scale + self.side * end if self.side > 0 else np.maximum(self.scale - end, slow)
        length = np.log1p((end - first) / (from_pole if self.side > 0 else to_pole))
        grown = self.side * (self.degree * self.exponent + 1.0) * length
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.where(np.abs(grown) < 1e-18, 1.0, np.expm1(grown) / grown)
        at_first, at_end = self(np.asarray(first)), self(end)
        total = from_pole * (length * mean) * at_first + 0.5 * (at_first - at_end)
        return np.asarray(total + self._slopes(to_pole, at_end) - self._slopes(np.asarray(from_pole), at_first))

    def _slopes(self, pole: Array, value: Array) -> Array:
        """Return the odd derivatives at a distance of the pole, weighted by Euler and Maclaurin."""
        exponent = self.degree * self.exponent
        derivative = self.side * exponent / pole * value
        total = _BERNOULLI[0] * derivative
        for order, weight in enumerate(_BERNOULLI[1:], start=1):
            derivative = derivative * ((exponent - 2.0 * order + 1.0) / pole) * ((exponent - 2.0 * order) / pole)
            total = total + weight * derivative
        return np.asarray(total)


def rates(name: str, peak: float, k: Array, own: dict[str, float]) -> Array:
    r"""Return the rates of steps, the peak taken in before anything underflows.

    Args:
        name: One of `theory.numbers.schedules.SHAPES`.
        peak: Rate of step 0, scalar. Finite, > 0.
        k: Steps, any shape. Whole, >= 0.
        own: The shape's parameters.

    Returns:
        Array of the shape of k, in the unit of the peak; 0 where a rate is below the smallest double.

    Reference:
        The expressions `rate` of `theory.numbers.schedules.SHAPES`.

    Example:
        >>> rates("exponential", 1e300, np.array([2.0]), {"gamma": 1e-200})
        array([1.e-100])
    """
    with np.errstate(under="ignore", over="ignore", divide="ignore"):
        if name == "constant":
            return np.full_like(k, peak)
        if name in HELD:
            base = _held_rates(name, peak, np.minimum(k, own["decay_steps"]), own)
            return peak * own["end_factor"] + (1.0 - own["end_factor"]) * base
        if name == "inverse":
            tau = own["tau"]
            return peak / (1.0 + k / tau) if tau >= 1.0 else ratio([peak, tau], [tau + k])
        if name == "power":
            return _twice(peak, np.power(k + 1.0, -0.5 * own["power"]))
        stage = np.floor_divide(k, own.get("decay_steps", 1.0))
        half = np.floor(0.5 * stage)
        return np.asarray(np.power(own["gamma"], half) * peak * np.power(own["gamma"], stage - half))


def _held_rates(name: str, peak: float, k: Array, own: dict[str, float]) -> Array:
    """Return the rates of a shape that is held, without its end, up to decay_steps."""
    left = (own["decay_steps"] - k) / own["decay_steps"]
    if name == "linear":
        return peak * left
    if name == "cosine":
        return _twice(peak, np.sin(0.5 * np.pi * left))
    return _twice(peak, Power(-1, own["decay_steps"], 0.5 * own["power"], 1)(k))


def _twice(peak: float, root: Array) -> Array:
    return peak * root * root


def sums(name: str, degree: int, steps: Array, own: dict[str, float]) -> Array:
    r"""Return the sum of a shape, or of its square, over k < K.

    Args:
        name: One of `theory.numbers.schedules.SHAPES`.
        degree: One of 1, and 2 for the squares.
        steps: K, any shape. Whole, >= 0.
        own: The shape's parameters.

    Returns:
        Array of the shape of steps, without unit, 0 at K = 0 and else at least 1.

    Reference:
        The expressions `total` and `squares` of `theory.numbers.schedules.SHAPES`.

    Example:
        >>> sums("inverse", 1, np.array([10.0]), {"tau": 1e300})
        array([10.])
    """
    if name == "constant":
        return steps
    if name in HELD:
        return own["end_factor"] ** degree * steps + above_end(name, degree, steps, own)
    if name == "inverse":
        return Power(1, own["tau"], -1.0, degree).sum(steps)
    if name == "power":
        return Power(1, 1.0, -own["power"], degree).sum(steps)
    return _staged_sum(degree, steps, own["gamma"], own.get("decay_steps", 1.0))


def above_end(name: str, degree: int, steps: Array, own: dict[str, float]) -> Array:
    r"""Return the sum of a held shape, or of its square, over k < K, less what its end alone would sum to.

    Args:
        name: One of `HELD`.
        degree: One of 1, and 2 for the squares.
        steps: K, any shape. Whole, >= 0.
        own: The shape's parameters.

    Returns:
        Array of the shape of steps, without unit; it grows up to decay_steps.

    Reference:
        docs/theory.md, 13.17 and 13.18.

    Example:
        >>> above_end("linear", 1, np.array([2.0, 9.0]), {"decay_steps": 2.0, "end_factor": 0.5})  # 1/2 and 1/4
        array([0.75, 0.75])
    """
    decaying, end = np.minimum(steps, own["decay_steps"]), own["end_factor"]
    first = (1.0 - end) * _base_sum(name, 1, decaying, own)
    return first if degree == 1 else 2.0 * end * first + (1.0 - end) ** 2 * _base_sum(name, 2, decaying, own)


def _base_sum(name: str, degree: int, K: Array, own: dict[str, float]) -> Array:
    """Return the sum of a held shape without its end, or of its square, up to decay_steps."""
    D = own["decay_steps"]
    if name == "polynomial":
        return Power(-1, D, own["power"], degree).sum(K)
    if name == "linear":
        share = np.maximum(K - 1.0, 0.0) / D
        return K * (1.0 - 0.5 * share) if degree == 1 else K * (1.0 - share + share * ((K / D - 0.5 / D) / 3.0))
    once = _cosines(K, D, 1)
    return 0.5 * (K + once) if degree == 1 else 0.375 * K + 0.5 * once + 0.125 * _cosines(K, D, 2)


def _cosines(K: Array, D: float, frequency: int) -> Array:
    """Return the sum of cos(frequency pi k/D) over k < K."""
    width = 0.5 * frequency
    return K * (np.sinc(width * (K / D)) / np.sinc(width / D)) * np.cos(np.pi * width * ((K - 1.0) / D))


def _staged_sum(degree: int, K: Array, gamma: float, D: float) -> Array:
    """Return the sum of gamma^(degree floor(k/D)) over k < K."""
    log = degree * math.log(gamma)
    whole, rest = np.divmod(K, D)
    return np.asarray(D * (np.expm1(whole * log) / math.expm1(log)) + rest * np.exp(whole * log))
