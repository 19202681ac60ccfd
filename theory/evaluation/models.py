"""The models that can be evaluated: steps and rates as proven expressions, and as numbers.

Up to a thousand batch sizes are computed in 60 digits with unlimited exponents. More are computed in doubles, if no
number is so large or small that a product could leave their range.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import mpmath
import numpy as np
import sympy

from theory import symbols as s
from theory.checking.bounds import C1, C2_AT_RATE, ETA_MAX, STEPS_AT_RATE
from theory.checking.proof import Result
from theory.checking.relations import expand_definitions
from theory.laws import HYPERBOLA
from theory.numbers.doubles import is_moderate, require_doubles
from theory.numbers.log_space import Array
from theory.results.fixed.decaying import PROPOSITION_DECAYING
from theory.results.fixed.variance import MINIBATCH
from theory.results.tuned.tuned import BEST, BEST_RATE, STEPS
from theory.results.tuned.tuned_textbook import FREE_RATE
from theory.sequences import goal

MODELS = ("paper", "fixed", "tuned", "decaying")
BOUNDS = ("sharp", "textbook")

_U = sympy.Symbol("u", real=True)  # 1/B; without replacement what takes its place
_SYMBOLS = (s.L, s.Delta, s.beta, s.epsilon, s.mu, s.M_G, s.eta, s.H, s.N)
_DIGITS = 60
_FEW = 1000
_NO_NOISE = mpmath.mpf(10) ** -100_000  # stands for 1/B = 0 where an expression divides by it


@dataclass(frozen=True)
class Model:
    """Steps and rate as expressions in B; `large` are the steps at large B if they have several branches."""

    steps: sympy.Expr
    rate: sympy.Expr | None
    large: sympy.Expr | None = None


def _claim(result: Result, step_id: str) -> sympy.Expr:
    """Return the right side of a proven step, its definitions put in."""
    step = next(step for step in result.steps if step.id == step_id)
    assert step.claim is not None
    return expand_definitions(step.claim.rhs, step.definitions)


def entry_of(model: str, bound: str | None) -> tuple[Model, str | None]:
    r"""Return the expressions of a model and the bound it rests on, if there is a choice.

    Args:
        model: One of `MODELS`.
        bound: One of `BOUNDS`, for fixed and tuned only; None is sharp.

    Returns:
        The model, and the bound or None.

    Raises:
        ValueError: If there is no such model or bound.

    Reference:
        docs/theory.md, results 3, 5, 8 and 9.

    Example:
        >>> entry_of("tuned", None)[1]
        'sharp'
    """
    if model not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, got {model}")
    if bound is not None and bound not in BOUNDS:
        raise ValueError(f"bound must be one of {', '.join(BOUNDS)}, got {bound}")
    if model in {"paper", "decaying"}:
        if bound is not None:
            raise ValueError(f"bound is for fixed and tuned only, not for {model}")
        return _PLAIN[model], None
    bound = bound or "sharp"
    return _BOUNDED[model, bound], bound


_AT_ONE_GOAL = {goal(s.B): s.epsilon}
_CAPPED = STEPS_AT_RATE.subs(s.eta, ETA_MAX)
_BEST_TEXTBOOK = sympy.Min(FREE_RATE.rhs.subs(_AT_ONE_GOAL), ETA_MAX)
_PLAIN = {
    "paper": Model(HYPERBOLA.expression.subs({s.c1: C1, s.c2: C2_AT_RATE}), s.eta),
    "decaying": Model(_claim(PROPOSITION_DECAYING, "6d.2").subs(s.epsilon_eta, s.epsilon), None),
}
_BOUNDED = {
    ("fixed", "sharp"): Model(STEPS.rhs.subs(_AT_ONE_GOAL), s.eta),
    ("fixed", "textbook"): Model(STEPS_AT_RATE, s.eta),
    ("tuned", "sharp"): Model(BEST.rhs.subs(_AT_ONE_GOAL), BEST_RATE.rhs.subs(_AT_ONE_GOAL)),
    ("tuned", "textbook"): Model(STEPS_AT_RATE.subs(s.eta, _BEST_TEXTBOOK), _BEST_TEXTBOOK, large=_CAPPED),
}
_SUBSET_NOISE = _claim(MINIBATCH, "4.6") / s.variance


@dataclass(frozen=True)
class _Compiled:
    """A model as numpy functions: of (B, N), of (u, constants) and of the constants."""

    inverse_size: Callable[..., Array]
    steps: Callable[..., Array]
    rate: Callable[..., Array] | None
    c1: Callable[..., Array]
    c2: Callable[..., Array]


@cache
def _compile(entry: Model, subset: bool, numbers: str) -> _Compiled:
    inverse = _SUBSET_NOISE if subset else 1 / s.B
    v = sympy.Symbol("v")
    steps = entry.steps.subs(s.B, 1 / _U)
    large = (entry.steps if entry.large is None else entry.large).subs(s.B, 1 / _U)
    in_v = large.subs(_U, sympy.expand(inverse.subs(s.B, 1 / v)))
    return _Compiled(
        _lambdify((s.B, s.N), inverse, numbers),
        _lambdify((_U, *_SYMBOLS), steps, numbers),
        None if entry.rate is None else _lambdify((_U, *_SYMBOLS), entry.rate.subs(s.B, 1 / _U), numbers),
        _lambdify(_SYMBOLS, sympy.diff(in_v, v).subs(v, 0), numbers),
        _lambdify(_SYMBOLS, in_v.subs(v, 0), numbers),
    )


def _lambdify(arguments: tuple[sympy.Symbol, ...], expression: sympy.Expr, numbers: str) -> Callable[..., Array]:
    modules = [{"Min": np.minimum}, "numpy"] if numbers == "numpy" else ["mpmath"]
    function: Callable[..., Array] = sympy.lambdify(arguments, expression, modules=modules)
    return function


def compute(entry: Model, sizes: Array, constants: Sequence[float]) -> tuple[Array, Array | None, float, float]:
    r"""Return steps, infinite where there are none, rates, c1 and c2.

    Args:
        entry: The model.
        sizes: B, any shape, examples per step. Finite, > 0.
        constants: L, Delta, beta, epsilon, mu, M_G, eta, H and N: finite and > 0, or nan where there is none.

    Returns:
        Steps and rates (None if the model has none) in the shape of sizes, c1 and c2.

    Raises:
        ValueError: If steps or rates leave the range of doubles.

    Reference:
        `theory.evaluation.evaluate.evaluate`.

    Example:
        >>> constants = [1e-300, 1e300, 1e-300, 1e-300, 1.0, 1.0, np.nan, np.nan, np.nan]
        >>> compute(entry_of("tuned", None)[0], np.array([1.0]), constants)  # c1 = c2 = 1e300
        (array([2.e+300]), array([5.e+299]), 1e+300, 1e+300)
    """
    subset = bool(np.isfinite(constants[-1]))
    moderate = is_moderate(sizes, [c for c in constants if np.isfinite(c)])
    with mpmath.workdps(_DIGITS):
        exact = _compile(entry, subset, "mpmath")
        numbers = [mpmath.mpf(c) for c in constants]
        first, last = float(exact.c1(*numbers)), float(exact.c2(*numbers))
        if sizes.size > _FEW and moderate:
            compiled = _compile(entry, subset, "numpy")
            with np.errstate(all="ignore"):
                u = compiled.inverse_size(sizes, constants[-1])
                steps = np.broadcast_to(compiled.steps(u, *constants), sizes.shape)
                rate = None if compiled.rate is None else np.broadcast_to(compiled.rate(u, *constants), sizes.shape)
            return np.where(np.isfinite(steps) & (steps > 0.0), steps, np.inf), rate, first, last
        found = [_at(exact, mpmath.mpf(size), numbers) for size in sizes.ravel().tolist()]
    steps = np.reshape([steps for steps, _ in found], sizes.shape)
    if exact.rate is None:
        return steps, None, first, last
    rates = require_doubles(np.reshape([rate for _, rate in found], sizes.shape), "the rate", least=math.ulp(0.0))
    return steps, rates, first, last


def _at(compiled: _Compiled, size: mpmath.mpf, constants: list[mpmath.mpf]) -> tuple[float, float]:
    """Return steps and rate at one batch size."""
    u = compiled.inverse_size(size, constants[-1]) or _NO_NOISE
    rate = float("nan") if compiled.rate is None else float(compiled.rate(u, *constants))
    try:
        steps = compiled.steps(u, *constants)
    except ZeroDivisionError:
        return math.inf, rate
    return (float(require_doubles(float(steps), "the number of steps")) if steps > 0 else math.inf), rate
