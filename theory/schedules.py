"""Learning-rate schedules: closed forms of the sums of rates and of squared rates, and the steps they lead to.

Every shape starts at 1 and never rises; steps count from 0, so that a schedule's rate of step k is the peak rate
times the shape at k. Shapes with `decay_steps` keep their end factor from that step on.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import mpmath
import numpy as np
import sympy
from numpy.typing import ArrayLike

from theory.log_space import Array, Compiled
from theory.symbols import K, decay_steps, end_factor, gamma, k, power, tau

ONE = sympy.Integer(1)


@dataclass(frozen=True)
class Shape:
    """A schedule over its peak rate: the rate of step k, its sum over k < K and that of its square.

    `held` shapes are given for K <= decay_steps; `tail` decides convergence (of `decay_steps` steps each for "step").
    """

    name: str
    rate: sympy.Expr
    total: sympy.Expr
    squares: sympy.Expr
    parameters: tuple[sympy.Symbol, ...] = ()
    held: bool = False
    tail: sympy.Expr | None = None


def _mixed(base: sympy.Expr, total: sympy.Expr, squares: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr, sympy.Expr]:
    """Return rate and sums of end + (1 - end) base, given those of base."""
    drop = 1 - end_factor
    return (
        end_factor + drop * base,
        end_factor * K + drop * total,
        end_factor**2 * K + 2 * end_factor * drop * total + drop**2 * squares,
    )


def _powers(exponent: sympy.Expr) -> sympy.Expr:
    """Return the sum of ((D - k)/D)^exponent over k < K <= D."""
    return (sympy.harmonic(decay_steps, -exponent) - sympy.harmonic(decay_steps - K, -exponent)) / decay_steps**exponent


def _cosines(frequency: int) -> sympy.Expr:
    """Return the sum of cos(frequency pi k/D) over k < K."""
    half = frequency * sympy.pi / (2 * decay_steps)
    return sympy.Rational(1, 2) + sympy.sin((2 * K - 1) * half) / (2 * sympy.sin(half))


def _stages(factor: sympy.Expr) -> sympy.Expr:
    """Return the sum of factor^floor(k/D) over k < K."""
    whole = sympy.floor(K / decay_steps)
    return decay_steps * (1 - factor**whole) / (1 - factor) + (K - decay_steps * whole) * factor**whole


_HELD = (decay_steps, end_factor)
_LINE = K - K * (K - 1) / (2 * decay_steps)
_LINE_SQUARES = K - K * (K - 1) / decay_steps + K * (K - 1) * (2 * K - 1) / (6 * decay_steps**2)
_COSINE = (1 + sympy.cos(sympy.pi * k / decay_steps)) / 2
_COSINE_SQUARES = (K + 2 * _cosines(1) + (K + _cosines(2)) / 2) / 4

SHAPES: Mapping[str, Shape] = {
    shape.name: shape
    for shape in (
        Shape("constant", ONE, K, K),
        Shape("linear", *_mixed(1 - k / decay_steps, _LINE, _LINE_SQUARES), _HELD, held=True),
        Shape(
            "polynomial",
            *_mixed(((decay_steps - k) / decay_steps) ** power, _powers(power), _powers(2 * power)),
            (*_HELD, power),
            held=True,
        ),
        Shape("cosine", *_mixed(_COSINE, (K + _cosines(1)) / 2, _COSINE_SQUARES), _HELD, held=True),
        Shape(
            "inverse",
            1 / (1 + k / tau),
            tau * (sympy.polygamma(0, tau + K) - sympy.polygamma(0, tau)),
            tau**2 * (sympy.polygamma(1, tau) - sympy.polygamma(1, tau + K)),
            (tau,),
        ),
        Shape("power", (k + 1) ** -power, sympy.harmonic(K, power), sympy.harmonic(K, 2 * power), (power,)),
        Shape(
            "step",
            gamma ** sympy.floor(k / decay_steps),
            _stages(gamma),
            _stages(gamma**2),
            (decay_steps, gamma),
            tail=gamma**k,
        ),
        Shape("exponential", gamma**k, (1 - gamma**K) / (1 - gamma), (1 - gamma ** (2 * K)) / (1 - gamma**2), (gamma,)),
    )
}

_RANGES: Mapping[sympy.Symbol, tuple[float, float, str]] = {
    decay_steps: (2.0, math.inf, "a finite whole number >= 2"),
    end_factor: (0.0, 1.0, "in [0, 1]"),
    tau: (math.ulp(0.0), math.inf, "finite and > 0"),
    power: (math.ulp(0.0), math.inf, "finite and > 0"),
    gamma: (math.ulp(0.0), math.nextafter(1.0, 0.0), "in (0, 1)"),
}


@dataclass(frozen=True)
class Schedule:
    r"""A schedule :math:`\eta_k` = peak x shape, by name.

    Args:
        name: One of `SHAPES`.
        peak: Rate of step 0, scalar. Finite, > 0.
        parameters: Exactly the shape's: decay_steps (whole, >= 2), end_factor (over the peak, in [0, 1]), power
            (> 0), tau (steps, > 0), gamma (in (0, 1)).

    Raises:
        ValueError: If an argument is outside the range above.
    Reference:
        docs/theory.md, result 13.

    Example:
        >>> halving = Schedule("exponential", peak=1.0, parameters={"gamma": 0.5})
        >>> halving.rate([0, 1, 2]), halving.sum_of_rates([0, 3])
        (array([1.  , 0.5 , 0.25]), array([0.  , 1.75]))
    """

    name: str
    peak: float
    parameters: Mapping[str, float]

    def __post_init__(self) -> None:
        if self.name not in SHAPES:
            raise ValueError(f"name must be one of {', '.join(SHAPES)}, got {self.name}")
        if not 0.0 < self.peak < math.inf:
            raise ValueError(f"peak must be finite and > 0, got {self.peak}")
        wanted = {str(p): p for p in self.shape.parameters}
        if set(self.parameters) != set(wanted):
            raise ValueError(f"schedule {self.name} takes exactly {tuple(wanted)}, got {tuple(self.parameters)}")
        for key, value in self.parameters.items():
            low, high, allowed = _RANGES[wanted[key]]
            whole = wanted[key] != decay_steps or float(value).is_integer()
            if not (low <= value <= high and math.isfinite(value) and whole):
                raise ValueError(f"{key} must be {allowed}, got {value}")

    @property
    def shape(self) -> Shape:
        """The shape, symbolically."""
        return SHAPES[self.name]

    @property
    def last_rate(self) -> float:
        """The limit of the rate after infinitely many steps."""
        if self.name == "constant":
            return self.peak
        return self.peak * self.parameters["end_factor"] if self.shape.held else 0.0

    def rate(self, step: ArrayLike) -> Array:
        r"""Return the rate :math:`\eta_k` of each step.

        Args:
            step: k, any shape. Whole, >= 0; the first step is 0.

        Returns:
            Array of the shape of step, in the unit of the peak.

        Raises:
            ValueError: If a step is not a whole number >= 0.
        Reference:
            docs/theory.md, result 13.

        Example:
            >>> Schedule("linear", 1.0, {"decay_steps": 4, "end_factor": 0.5}).rate([0, 2, 4, 9])
            array([1.  , 0.75, 0.5 , 0.5 ])
        """
        steps = _whole(step, "step")
        return np.asarray(self.peak * self._value(0, np.minimum(steps, self._decayed)))

    def sum_of_rates(self, steps: ArrayLike) -> Array:
        r"""Return :math:`A_K = \sum_{k<K} \eta_k`, in closed form.

        Args:
            steps: K, any shape. Whole, >= 0.

        Returns:
            Array of the shape of steps, in the unit of the peak.

        Raises:
            ValueError: If K is not a whole number >= 0.
        Reference:
            docs/theory.md, result 13.

        Example:
            >>> Schedule("inverse", 1.0, {"tau": 1.0}).sum_of_rates(3)  # 1 + 1/2 + 1/3
            array(1.83333333)
        """
        return np.asarray(self.peak * self._sum(1, _whole(steps, "steps")))

    def sum_of_squares(self, steps: ArrayLike) -> Array:
        r"""Return :math:`H_K = \sum_{k<K} \eta_k^2`, in closed form.

        Args:
            steps: K, any shape. Whole, >= 0.

        Returns:
            Array of the shape of steps, in the squared unit of the peak.

        Raises:
            ValueError: If K is not a whole number >= 0.
        Reference:
            Lee et al. 2021, Eq. (8); docs/theory.md, result 13.

        Example:
            >>> Schedule("step", 1.0, {"decay_steps": 2, "gamma": 0.5}).sum_of_squares(3)  # 1 + 1 + 1/4
            array(2.25)
        """
        return np.asarray(self.peak**2 * self._sum(2, _whole(steps, "steps")))

    def robbins_monro(self) -> tuple[bool, bool]:
        r"""Return whether :math:`\sum \eta_k = \infty` and whether :math:`\sum \eta_k^2 < \infty`.

        Decided symbolically on the tail of the shape, with the parameters as exact fractions.

        Returns:
            Two truth values; the conditions of Robbins and Monro are both.

        Raises:
            NotImplementedError: If the tail defeats the convergence tests of sympy.
        Reference:
            Bottou, Curtis, Nocedal 2018, Eq. (4.19); docs/theory.md, result 13.

        Example:
            >>> Schedule("power", 0.1, {"power": 0.75}).robbins_monro()
            (True, True)
            >>> Schedule("linear", 0.1, {"decay_steps": 100, "end_factor": 0.01}).robbins_monro()
            (True, False)
        """
        if self.shape.held or self.name == "constant":
            return self.last_rate > 0.0, self.last_rate == 0.0
        exact = {p: sympy.Rational(str(float(self.parameters[str(p)]))) for p in self.shape.parameters}
        tail = (self.shape.tail or self.shape.rate).subs(exact)
        sums = (sympy.Sum(tail**degree, (k, 1, sympy.oo)).is_convergent() for degree in (1, 2))
        first, second = (bool(converges) for converges in sums)
        return not first, second

    @property
    def _decayed(self) -> float:
        return self.parameters["decay_steps"] if self.shape.held else math.inf

    def _sum(self, degree: int, steps: Array) -> Array:
        end = self.last_rate / self.peak if self.shape.held else 0.0
        held = np.maximum(steps - self._decayed, 0.0)
        return self._value(degree, np.minimum(steps, self._decayed)) + end**degree * held

    def _value(self, part: int, at: Array) -> Array:
        own = [float(self.parameters[str(p)]) for p in self.shape.parameters]
        value = _compiled(self.name)[part](at, *own)
        return np.array(np.broadcast_to(np.asarray(value, dtype=np.float64), at.shape))


def self_consistent_steps(schedule: Schedule, noise_factor: float, floor: float) -> float:
    r"""Return the K with :math:`K = a H_K + b`, the steps that Eq. (10) asks for when H is summed up to K.

    H is joined linearly between whole steps. For rates that never rise :math:`K - a H_K - b` is convex and starts
    below 0: at most one K solves it, and one does exactly if :math:`a \eta_\infty^2 < 1`.

    Args:
        schedule: The rates.
        noise_factor: a = L beta/(mu epsilon B), scalar, steps per squared rate. Finite, >= 0.
        floor: b = Delta/(mu epsilon), scalar, steps. Finite, > 0.

    Returns:
        Scalar, steps; not rounded. Infinite where no K solves it.

    Raises:
        ValueError: If an argument is outside the range above.
    Reference:
        Lee et al. 2021, Eq. (10); docs/theory.md, result 13.

    Example:
        >>> self_consistent_steps(Schedule("constant", 0.5, {}), noise_factor=2.0, floor=10.0)  # K = K/2 + 10
        20.0
        >>> self_consistent_steps(Schedule("constant", 0.5, {}), noise_factor=4.0, floor=10.0)
        inf
    """
    if not (0.0 <= noise_factor < math.inf and 0.0 < floor < math.inf):
        raise ValueError(f"need finite noise_factor >= 0 and floor > 0, got {noise_factor=}, {floor=}")
    if noise_factor * schedule.last_rate**2 >= 1.0:
        return math.inf

    def missing(steps: int) -> float:
        return noise_factor * float(schedule.sum_of_squares(steps)) + floor - steps

    high = 1
    while missing(high) > 0.0:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if missing(middle) > 0.0 else (low, middle)
    before, after = missing(low), missing(high)
    return low + (high - low) * before / (before - after)


@cache
def _compiled(name: str) -> tuple[Compiled, ...]:
    """Return numpy functions of the rate at k, the sum and the sum of squares up to K."""
    shape = SHAPES[name]
    modules = [{"harmonic": np.vectorize(_harmonic, otypes=[float]), "polygamma": _polygamma}, "numpy"]
    parts = ((k, shape.rate), (K, shape.total), (K, shape.squares))
    return tuple(sympy.lambdify((at, *shape.parameters), part, modules=modules) for at, part in parts)


def _harmonic(number: float, exponent: float) -> float:
    """Return the sum of i^-exponent over 1 <= i <= number, by zeta functions in 40 digits."""
    with mpmath.workdps(40):
        if exponent == 1.0:
            return float(mpmath.harmonic(number))
        return float(mpmath.zeta(exponent) - mpmath.zeta(exponent, mpmath.mpf(number) + 1))


def _polygamma(order: int, at: Array) -> Array:
    from scipy.special import polygamma  # noqa: PLC0415  (keeps `import theory` free of scipy)

    return np.asarray(polygamma(order, at), dtype=np.float64)


def _whole(values: ArrayLike, name: str) -> Array:
    numbers = np.asarray(values, dtype=np.float64)
    if not (np.isfinite(numbers).all() and (numbers >= 0.0).all() and (numbers == np.floor(numbers)).all()):
        raise ValueError(f"{name} must be whole numbers >= 0")
    return numbers
