"""From a law's expression K(B) to log K and its derivatives, without overflow.

The logarithm is taken by structure: a product becomes a sum, a power a multiple, a sum of two terms a
`logaddexp`. No exponential of a large number decides log K, so the same expression serves batch sizes and constants of
any magnitude a double can hold the logarithm of. In a derivative 1/(1 + exp(z)) is 0 where exp(z) overflows, which is
its value to a double.
"""

from collections.abc import Callable, Mapping
from functools import cache, reduce

import numpy as np
import sympy
from numpy.typing import NDArray

Array = NDArray[np.float64]
Compiled = Callable[..., object]


def log_of(expression: sympy.Expr, logs: Mapping[sympy.Symbol, sympy.Symbol]) -> sympy.Expr:
    """Return log(expression), given the symbols that stand for the logarithms of its positive symbols."""
    if expression in logs:
        return logs[expression]
    if isinstance(expression, sympy.Piecewise):
        return sympy.Piecewise(*((log_of(e, logs), _log_condition(c, logs)) for e, c in expression.args))
    if expression.is_Mul:
        return sympy.Add(*(log_of(factor, logs) for factor in expression.args))
    if expression.is_Pow:
        exponent = expression.exp.xreplace({s: sympy.exp(log) for s, log in logs.items()})
        return exponent * log_of(expression.base, logs)
    if expression.is_Add:
        return _log_of_sum(expression, logs)
    if expression.is_number and expression.is_extended_positive:
        return sympy.log(expression)
    raise ValueError(f"no logarithm by structure for {expression}")


def _log_of_sum(expression: sympy.Expr, logs: Mapping[sympy.Symbol, sympy.Symbol]) -> sympy.Expr:
    """Return the logarithm of a sum with at most one subtracted term, the sum being positive."""
    from sympy.codegen.cfunctions import log1p  # noqa: PLC0415  (codegen costs import time only fits need)
    from sympy.codegen.numpy_nodes import logaddexp  # noqa: PLC0415

    added = [log_of(t, logs) for t in expression.args if not t.could_extract_minus_sign()]
    subtracted = [log_of(-t, logs) for t in expression.args if t.could_extract_minus_sign()]
    total = reduce(logaddexp, added)
    if not subtracted:
        return total
    (minus,) = subtracted
    return total + log1p(-sympy.exp(minus - total))


def _log_condition(
    condition: sympy.logic.boolalg.Boolean, logs: Mapping[sympy.Symbol, sympy.Symbol]
) -> sympy.logic.boolalg.Boolean:
    """Return the same comparison between the logarithms of both (positive) sides."""
    if condition in {sympy.true, sympy.false}:
        return condition
    return condition.func(log_of(condition.lhs, logs), log_of(condition.rhs, logs))


def log_coordinates(parameters: tuple[sympy.Symbol, ...]) -> tuple[sympy.Symbol, ...]:
    """Return the symbols log_<parameter>, the coordinates a fit moves in."""
    return tuple(sympy.Symbol(f"log_{p}", real=True) for p in parameters)


@cache
def log_law(
    expression: sympy.Expr, batch_size: sympy.Symbol, parameters: tuple[sympy.Symbol, ...]
) -> tuple[sympy.Expr, tuple[sympy.Expr, ...]]:
    """Return log K and its derivatives by the logs of the parameters, as expressions in logs."""
    theta = log_coordinates(parameters)
    (x,) = log_coordinates((batch_size,))
    log_k = log_of(expression, dict(zip((batch_size, *parameters), (x, *theta), strict=True)))
    return log_k, tuple(sympy.diff(log_k, t) for t in theta)


@cache
def compile_log_law(
    expression: sympy.Expr, batch_size: sympy.Symbol, parameters: tuple[sympy.Symbol, ...]
) -> tuple[Compiled, Compiled]:
    """Return numpy functions of `(x, *theta)`, log K and the tuple of its derivatives."""
    log_k, gradient = log_law(expression, batch_size, parameters)
    arguments = (*log_coordinates((batch_size,)), *log_coordinates(parameters))
    return (
        sympy.lambdify(arguments, log_k, modules="numpy", cse=True),
        sympy.lambdify(arguments, gradient, modules="numpy", cse=True),
    )


def evaluate(function: Compiled, x: Array, theta: Array) -> object:
    """Call a compiled function on points (..., n) and coordinates (..., p), for values that broadcast to (..., n)."""
    columns = [theta[..., i, None] for i in range(theta.shape[-1])]
    # numpy.select evaluates the branch of a piecewise law that is not taken, too: its overflow is no result. Neither is
    # that of exp(z) in 1/(1 + exp(z)).
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return function(x, *columns)
