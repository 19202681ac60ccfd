"""The laws K(B): each a single sympy expression that gives LaTeX, numbers, curve and derivative.

Every law has the same two constants as the paper's, c1 (noise term) and c2 (serial floor), with B_c = c1/c2. So laws
nest and their constants can be compared: P and S contain H at alpha = 1 and h = 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
import sympy
from numpy.typing import ArrayLike

from theory.checking.notation import latex
from theory.numbers.arguments import positive_array, require_positive
from theory.numbers.doubles import require_doubles
from theory.numbers.log_space import Array, compile_log_law, evaluate, log_coordinates
from theory.symbols import B, alpha, c1, c2, h

_SHARPEST = np.log(1e-17)


@dataclass(frozen=True)
class Law:
    r"""Steps to result K as a function of the batch size B and of positive parameters.

    Fits move in the logarithms of all parameters, `fit_coordinates`, in the order of `parameters`: c1, c2 and at most
    one shape, which is 1 where the law is law H.

    Reference:
        docs/theory.md, results 6, 8, 9 and 17.

    Example:
        >>> HYPERBOLA.latex()
        'K(B) = \\frac{c_{1}}{B} + c_{2}'
        >>> HYPERBOLA.steps([1, 256], c1=51_200.0, c2=200.0)
        array([51400.,   400.])
    """

    id: str
    name: str
    expression: sympy.Expr
    parameters: tuple[sympy.Symbol, ...]

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the parameters, the keyword arguments of `steps`."""
        return tuple(str(p) for p in self.parameters)

    @property
    def fit_coordinates(self) -> tuple[str, ...]:
        """Names of the entries of theta, the logarithm of each parameter."""
        return tuple(str(t) for t in log_coordinates(self.parameters))

    @property
    def shape(self) -> str | None:
        """Name of the parameter beside c1 and c2; None where there is none.

        Example:
            >>> HYPERBOLA.shape, POWER.shape
            (None, 'alpha')
        """
        return next((name for name in self.parameter_names if name not in {"c1", "c2"}), None)

    @cached_property
    def counts_examples(self) -> bool:
        """Whether K depends on B and c1 through c1/B alone, so that c1 is in steps x examples in any law.

        Example:
            >>> HYPERBOLA.counts_examples, POWER.counts_examples  # c1/B^alpha: the unit of c1 depends on alpha
            (True, False)
        """
        x, theta, doubled = (
            np.linspace(-1.3, 5.6, 7),
            np.full(len(self.parameters), 0.7),
            np.zeros(len(self.parameters)),
        )
        doubled[self.parameter_names.index("c1")] = np.log(2.0)
        return bool(np.allclose(self.log_steps(x, theta), self.log_steps(x + np.log(2.0), theta + doubled)))

    @cached_property
    def _batch_exponent(self) -> sympy.Expr:
        """The power e of B where K depends on B and c1 through c1/B^e alone."""
        if self.counts_examples:
            return sympy.Integer(1)
        by_size, by_c1 = (symbol * sympy.diff(self.expression, symbol) for symbol in (B, c1))
        return sympy.simplify(-by_size / by_c1)

    def batch_exponent(self, shape: float = 1.0) -> float:
        r"""Return the power of B that divides c1: K depends on B and c1 through :math:`c_1/B^e` alone.

        Args:
            shape: Of the law, scalar. > 0; without meaning for laws without one.

        Returns:
            The power e, without unit; 1 where c1 counts steps x examples.

        Example:
            >>> HYPERBOLA.batch_exponent(), SHARPNESS.batch_exponent(2.0), POWER.batch_exponent(0.5)
            (1.0, 1.0, 0.5)
        """
        values = {} if self.shape is None else {self.parameters[-1]: shape}
        return float(self._batch_exponent.subs(values))

    def scale_with_batch(self, theta: ArrayLike, factor: float) -> Array:
        r"""Return the fit coordinates of the same curve at batch sizes so many times as large.

        :math:`K(fB; f^e c_1, \ldots) = K(B; c_1, \ldots)`, with e of `batch_exponent`; c1 stands first.

        Args:
            theta: Shape (p,), the fit coordinates. Finite.
            factor: f, > 0.

        Returns:
            Shape (p,).

        Example:
            >>> HYPERBOLA.scale_with_batch([0.0, 0.0], 2.0).round(4)  # c1 doubles
            array([0.6931, 0.    ])
            >>> POWER.scale_with_batch([0.0, 0.0, np.log(0.5)], 4.0).round(4)  # c1 grows by 4^0.5
            array([ 0.6931,  0.    , -0.6931])
        """
        scaled = np.array(theta, dtype=np.float64)
        scaled[0] += self.batch_exponent(float(np.exp(scaled[-1]))) * np.log(factor)
        return scaled

    def latex(self) -> str:
        """Return the law as a LaTeX formula, K(B) = ..."""
        return f"K(B) = {latex(self.expression)}"

    def steps(self, batch_size: ArrayLike, **parameters: float) -> Array:
        r"""Return the steps to result at each batch size.

        Evaluates :math:`K(B)` as the exponential of `log_steps`, so no magnitude overflows on the way.

        Args:
            batch_size: Any shape, examples per step. Finite, > 0; need not be an integer.
            **parameters: Exactly the law's parameters, scalars. Finite, > 0. c1 in steps x examples, c2 in
                steps, shapes (alpha, h) without unit.

        Returns:
            Array of the shape of batch_size, steps. Infinite where the law has no finite K (law I).

        Raises:
            ValueError: If an argument is missing, unknown or outside its range, or K leaves the range of doubles.
        Reference:
            Lee et al. 2021, Eq. (3) for law H; docs/theory.md for the others.

        Example:
            >>> float(HYPERBOLA.steps(100.0, c1=1000.0, c2=5.0).round(9))
            15.0
        """
        sizes = positive_array("batch_size", batch_size)
        theta = self.coordinates(**parameters)
        if self.shape == "h":  # with a smaller h law S is its limit to a double, and 1/h would overflow
            theta[-1] = max(theta[-1], _SHARPEST)
        log = self.log_steps(np.log(np.atleast_1d(sizes)), theta)
        with np.errstate(over="ignore", under="ignore"):
            steps = np.exp(log)
        no_steps = np.isposinf(log) & self.expression.has(sympy.oo)
        require_doubles(np.where(no_steps, 1.0, steps), "the number of steps")
        return steps.reshape(sizes.shape)

    def log_steps(self, log_batch_size: ArrayLike, theta: ArrayLike) -> Array:
        r"""Return :math:`\log K` at points x = log B for fit coordinates theta.

        Law H is exactly :math:`\mathrm{logaddexp}(\log c_1 - x, \log c_2)`.

        Args:
            log_batch_size: Shape (..., n), log examples. Finite.
            theta: Shape (..., p), the fit coordinates in the last axis; leading axes broadcast. Finite.

        Returns:
            Shape (..., n), log steps; +inf where the law has no finite K (law I).

        Raises:
            ValueError: If the last axis of theta does not have one entry per parameter, or a number is not finite.
        Reference:
            docs/theory.md, results 6, 8, 9 and 17.

        Example:
            >>> HYPERBOLA.log_steps([0.0], [0.0, 0.0])  # log(1/1 + 1)
            array([0.69314718])
        """
        x, coordinates = self._points(log_batch_size, theta)
        value = evaluate(compile_log_law(self.expression, B, self.parameters)[0], x, coordinates)
        return np.array(np.broadcast_to(np.asarray(value, dtype=np.float64), _shape(x, coordinates)))

    def log_steps_jacobian(self, log_batch_size: ArrayLike, theta: ArrayLike) -> Array:
        r"""Return the derivatives :math:`\partial \log K/\partial\theta_i`.

        Args:
            log_batch_size: Shape (..., n), log examples. Finite.
            theta: Shape (..., p), the fit coordinates in the last axis; leading axes broadcast. Finite.

        Returns:
            Shape (..., n, p), without unit; 0 where log K is infinite, one-sided at a kink (laws PW, X).

        Raises:
            ValueError: If the last axis of theta does not have one entry per parameter, or a number is not finite.
        Reference:
            The symbolic derivative of the law's expression.

        Example:
            >>> HYPERBOLA.log_steps_jacobian([0.0], [0.0, 0.0])  # both terms carry half of K
            array([[0.5, 0.5]])
        """
        x, coordinates = self._points(log_batch_size, theta)
        gradient = evaluate(compile_log_law(self.expression, B, self.parameters)[1], x, coordinates)
        shape = _shape(x, coordinates)
        assert isinstance(gradient, tuple | list)
        slopes = np.stack([np.broadcast_to(np.asarray(g, dtype=np.float64), shape) for g in gradient], axis=-1)
        return np.where(np.isinf(slopes), 0.0, slopes)  # at a pole itself, where the branches of a law meet

    def coordinates(self, **parameters: float) -> Array:
        r"""Return the fit coordinates theta of the given parameters.

        :math:`\theta_i = \log p_i`, in the order of `parameters`.

        Args:
            **parameters: Exactly the law's parameters, scalars. Finite, > 0.

        Returns:
            Shape (p,).

        Raises:
            ValueError: If a parameter is missing, unknown or outside its range.
        Reference:
            Inverse of `natural`.

        Example:
            >>> HYPERBOLA.coordinates(c1=1.0, c2=1.0)
            array([0., 0.])
        """
        if set(parameters) != set(self.parameter_names):
            raise ValueError(f"law {self.id} takes exactly {self.parameter_names}, got {tuple(parameters)}")
        require_positive(**parameters)
        return np.log([float(parameters[name]) for name in self.parameter_names])

    def natural(self, theta: ArrayLike) -> dict[str, float]:
        r"""Return the parameters that fit coordinates stand for.

        :math:`p_i = \exp\theta_i`.

        Args:
            theta: Shape (p,). Finite.

        Returns:
            Parameter name to value, in the order of `parameters`.

        Raises:
            ValueError: If theta does not have shape (p,) or is not finite.
        Reference:
            Inverse of `coordinates`.

        Example:
            >>> HYPERBOLA.natural([0.0, 0.0])
            {'c1': 1.0, 'c2': 1.0}
        """
        values = np.asarray(theta, dtype=np.float64)
        if values.shape != (len(self.parameters),):
            raise ValueError(f"theta must have shape ({len(self.parameters)},), got {values.shape}")
        if not np.isfinite(values).all():
            raise ValueError("theta must be finite")
        return dict(zip(self.parameter_names, np.exp(values).tolist(), strict=True))

    def _points(self, log_batch_size: ArrayLike, theta: ArrayLike) -> tuple[Array, Array]:
        x = np.atleast_1d(np.asarray(log_batch_size, dtype=np.float64))
        coordinates = np.asarray(theta, dtype=np.float64)
        if coordinates.ndim == 0 or coordinates.shape[-1] != len(self.parameters):
            raise ValueError(
                f"theta must have {len(self.parameters)} entries {self.fit_coordinates} in its last axis, "
                f"got shape {coordinates.shape}"
            )
        if not (np.isfinite(x).all() and np.isfinite(coordinates).all()):
            raise ValueError("log_batch_size and theta must be finite")
        return x, coordinates


def _shape(x: Array, theta: Array) -> tuple[int, ...]:
    return np.broadcast_shapes(x.shape, (*theta.shape[:-1], 1))


_B_C = c1 / c2

HYPERBOLA = Law("H", "hyperbola", c1 / B + c2, (c1, c2))
POWER = Law("P", "power law", c1 / B**alpha + c2, (c1, c2, alpha))
SHARPNESS = Law(
    "S",
    "sharpness",
    ((c1 / B) ** (1 / h) + c2 ** (1 / h)) ** h,
    (c1, c2, h),
)
PIECEWISE = Law(
    "PW",
    "piecewise",
    sympy.Piecewise((c1 / B, B <= _B_C), (c2, True)),
    (c1, c2),
)
TUNED_TEXTBOOK = Law(
    "X",
    "tuned textbook",
    sympy.Piecewise((4 * c1 / B, B <= 2 * _B_C), (c2 / (1 - _B_C / B), True)),
    (c1, c2),
)
FIXED_RATE = Law(
    "I",
    "fixed rate",
    sympy.Piecewise((c2 / (1 - _B_C / B), B > _B_C), (sympy.oo, True)),
    (c1, c2),
)

LAWS: Mapping[str, Law] = MappingProxyType(
    {law.id: law for law in (HYPERBOLA, POWER, SHARPNESS, PIECEWISE, TUNED_TEXTBOOK, FIXED_RATE)}
)
