"""Learning-rate schedules: closed forms of their sums of rates and squared rates, and the steps they need.

Every shape starts at 1 and never rises; steps count from 0, so that a schedule's rate of step k is the peak rate
times the shape at k. Shapes with `decay_steps` keep their end factor from that step on.
"""

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import sympy
from numpy.typing import ArrayLike

from theory.numbers.arguments import is_finite
from theory.numbers.doubles import SMALLEST, ratio, require_doubles
from theory.numbers.log_space import Array
from theory.numbers.rate_sums import above_end, rates, sums
from theory.symbols import K, decay_steps, end_factor, gamma, k, power, tau

ONE = sympy.Integer(1)


@dataclass(frozen=True)
class Shape:
    """A schedule over its peak rate: the rate of step k, its sum over k < K and that of its square.

    `held` shapes are given for K <= decay_steps. The numbers come from `theory.numbers.rate_sums`: these forms cancel.
    """

    name: str
    rate: sympy.Expr
    total: sympy.Expr
    squares: sympy.Expr
    parameters: tuple[sympy.Symbol, ...] = ()
    held: bool = False


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
        if not (self.peak > 0.0 and is_finite(self.peak)):
            raise ValueError(f"peak must be finite and > 0, got {self.peak}")
        wanted = {str(p): p for p in self.shape.parameters}
        if set(self.parameters) != set(wanted):
            raise ValueError(f"schedule {self.name} takes exactly {tuple(wanted)}, got {tuple(self.parameters)}")
        for key, value in self.parameters.items():
            low, high, allowed = _RANGES[wanted[key]]
            within = low <= value <= high and is_finite(value)
            if not (within and (wanted[key] != decay_steps or float(value).is_integer())):
                raise ValueError(f"{key} must be {allowed}, got {value}")

    @property
    def shape(self) -> Shape:
        """The shape, symbolically."""
        return SHAPES[self.name]

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
        return np.asarray(rates(self.name, self._peak, steps, self._own))

    def sum_of_rates(self, steps: ArrayLike) -> Array:
        r"""Return :math:`A_K = \sum_{k<K} \eta_k`, in closed form.

        Args:
            steps: K, any shape. Whole, >= 0.

        Returns:
            Array of the shape of steps, in the unit of the peak.

        Raises:
            ValueError: If K is not a whole number >= 0, or the sum leaves the range of doubles.
        Reference:
            docs/theory.md, result 13.

        Example:
            >>> Schedule("inverse", 1.0, {"tau": 1.0}).sum_of_rates(3)  # 1 + 1/2 + 1/3
            array(1.83333333)
        """
        return self._scaled(1, _whole(steps, "steps"))

    def sum_of_squares(self, steps: ArrayLike) -> Array:
        r"""Return :math:`H_K = \sum_{k<K} \eta_k^2`, in closed form.

        Args:
            steps: K, any shape. Whole, >= 0.

        Returns:
            Array of the shape of steps, in the squared unit of the peak.

        Raises:
            ValueError: If K is not a whole number >= 0, or the sum leaves the range of doubles.
        Reference:
            Lee et al. 2021, Eq. (8); docs/theory.md, result 13.

        Example:
            >>> Schedule("step", 1.0, {"decay_steps": 2, "gamma": 0.5}).sum_of_squares(3)  # 1 + 1 + 1/4
            array(2.25)
        """
        return self._scaled(2, _whole(steps, "steps"))

    def robbins_monro(self) -> tuple[bool, bool]:
        r"""Return whether :math:`\sum \eta_k = \infty` and whether :math:`\sum \eta_k^2 < \infty`.

        A rate that stays above 0 fails the second, (k+1)^-p meets the first up to p = 1 and the second beyond 1/2.

        Returns:
            Two truth values; the conditions of Robbins and Monro are both.

        Reference:
            Bottou, Curtis, Nocedal 2018, Eq. (4.19); docs/theory.md, 13.19 to 13.27.

        Example:
            >>> Schedule("power", 0.1, {"power": 0.75}).robbins_monro()
            (True, True)
            >>> Schedule("linear", 0.1, {"decay_steps": 100, "end_factor": 0.01}).robbins_monro()
            (True, False)
        """
        if self.shape.held or self.name == "constant":
            stays = self._own.get("end_factor", 1.0) > 0.0
            return stays, not stays
        if self.name == "power":
            return self._own["power"] <= 1.0, self._own["power"] > 0.5
        return self.name == "inverse", True

    @property
    def _peak(self) -> float:
        return float(self.peak)

    @property
    def _own(self) -> dict[str, float]:
        return {name: float(value) for name, value in self.parameters.items()}

    def _scaled(self, degree: int, steps: Array) -> Array:
        """Return the sum of the rates to a power, the peak taken in last."""
        with np.errstate(over="ignore", under="ignore"):
            total = sums(self.name, degree, steps, self._own) * self._peak
            total = np.asarray(total if degree == 1 else total * self._peak)
        require_doubles(total[steps > 0.0], "the sum", least=math.ulp(0.0) if degree == 1 else SMALLEST)
        return total


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
    if not (noise_factor >= 0.0 and is_finite(noise_factor) and floor > 0.0 and is_finite(floor)):
        raise ValueError(f"need finite noise_factor >= 0 and floor > 0, got {noise_factor=}, {floor=}")
    exact = Fraction(float(noise_factor)) * Fraction(float(schedule.peak)) ** 2
    end = Fraction(float(schedule.parameters.get("end_factor", schedule.name == "constant")))
    if exact * end**2 >= 1:
        return math.inf
    cost = float(require_doubles(ratio([noise_factor, schedule.peak, schedule.peak]), "the noise", least=0.0))
    shape = replace(schedule, peak=1.0)
    if end:
        held = _held_steps(schedule, cost, float(1 - exact * end**2), float(floor))
        if held is not None:
            return held
    return _root(lambda steps: steps - cost * float(shape.sum_of_squares(steps)) - floor)


def _held_steps(schedule: Schedule, cost: float, slope: float, floor: float) -> float | None:
    """Return the root if the rate is at its end there, where K - a H_K grows by `slope` a step."""
    own = {name: float(value) for name, value in schedule.parameters.items()}
    decay = own.get("decay_steps", 0.0)
    above = float(above_end(schedule.name, 2, np.asarray(decay), own)) if own else 0.0
    with np.errstate(over="ignore"):
        steps = float(require_doubles((np.float64(cost) * above + floor) / slope, "the number of steps", least=0.0))
    return steps if steps >= decay else None


def _root(excess: Callable[[float], float]) -> float:
    """Return where a convex function of whole numbers that starts below 0 is 0, joined linearly."""
    low, high = 0.0, 1.0
    while excess(high) < 0.0:
        low, high = high, 2.0 * high
        if high == math.inf:
            raise ValueError("no double is as large as the number of steps: choose a smaller noise_factor or floor")
    while high - low > 1.0 and low < (middle := low + math.floor((high - low) / 2.0)) < high:
        low, high = (middle, high) if excess(middle) < 0.0 else (low, middle)
    below, above = -excess(low), excess(high)
    return low + (high - low) * (below / (below + above))


def _whole(values: ArrayLike, name: str) -> Array:
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except OverflowError:
        raise ValueError(f"{name} must be whole numbers >= 0 and at most {sys.float_info.max:.3g}") from None
    if not (np.isfinite(numbers).all() and (numbers >= 0.0).all() and (numbers == np.floor(numbers)).all()):
        raise ValueError(f"{name} must be whole numbers >= 0")
    return numbers
