r"""Steps to result on arrays of batch sizes, by the paper's equations and by the bounds they rest on.

Nothing is typed in again: each model takes its steps K and its rate from the laws, bounds and proofs, as expressions in
the batch size B, and c1, c2 are the first two coefficients of K in 1/B,

    K = c2 + c1/B + ...    for large B.

For `paper`, `tuned` with the sharp bound and `decaying` nothing follows, so that K = c1/B + c2. At a fixed rate K is
c2/(1 - B_c/B) with B_c = c1/c2, and up to B_c the bound says nothing; the tuned textbook bound is that at its largest
rate from 2 B_c on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import sympy
from numpy.typing import ArrayLike

from theory import symbols as s
from theory.arguments import positive_array, require_moments, require_positive
from theory.bounds import C1, C2_AT_RATE, ETA_MAX, STEPS_AT_RATE
from theory.cases.decaying import PROPOSITION_DECAYING
from theory.cases.tuned import BEST, BEST_RATE, STEPS
from theory.cases.tuned_textbook import FREE_RATE
from theory.cases.variance import MINIBATCH
from theory.command_line import plain
from theory.laws import HYPERBOLA
from theory.log_space import Array
from theory.proof import Result, expand_definitions

MODELS = ("paper", "fixed", "tuned", "decaying")
BOUNDS = ("sharp", "textbook")

_U = sympy.Symbol("u", real=True)  # 1/B; without replacement what takes its place
_SYMBOLS = (s.L, s.Delta, s.beta, s.epsilon, s.mu, s.M_G, s.eta, s.H, s.N)
_ROUNDING = 1.0 + 1e-12  # a rate typed in as its cap is not above it


@dataclass(frozen=True)
class Evaluation:
    """What a model says; steps are infinite where it says nothing, and then `reason` tells why."""

    batch_size: Array
    steps: Array
    eta: Array | None
    c1: float
    c2: float
    critical_batch_size: float | None
    reason: str | None

    def rows(self) -> list[dict[str, object]]:
        """Return one record per batch size; where the model says nothing, steps are None and a reason is given."""
        constants = {"c1": self.c1, "c2": self.c2, "critical_batch_size": self.critical_batch_size}
        rates = [None] * self.steps.size if self.eta is None else self.eta.ravel().tolist()
        rows = []
        for size, steps, rate in zip(self.batch_size.ravel().tolist(), self.steps.ravel().tolist(), rates, strict=True):
            row: dict[str, object] = {"batch_size": plain(size), "steps": steps, **constants, "eta": rate}
            if steps == np.inf:
                row |= {"steps": None, "reason": self.reason}
            rows.append(row)
        return rows


@dataclass(frozen=True)
class _Model:
    """Steps and rate as expressions in B; `large` are the steps at large B if they have several branches."""

    steps: sympy.Expr
    rate: sympy.Expr | None
    large: sympy.Expr | None = None


def evaluate(
    model: str,
    batch_size: ArrayLike,
    *,
    L: float,
    Delta: float,
    beta: float,
    epsilon: float,
    mu: float = 1.0,
    M_G: float = 1.0,
    eta: float | None = None,
    bound: str | None = None,
    without_replacement: int | None = None,
    H: float | None = None,
) -> Evaluation:
    r"""Return the steps to result that a model asks for at each batch size.

    .. list-table::

        * - paper
          - :math:`K = c_1/B + c_2` with :math:`c_2 = \Delta/(\eta\mu\epsilon)`, Eq. (3), at the given rate
        * - fixed
          - the chosen bound, solved for K at the given rate
        * - tuned
          - the chosen bound, solved for K at the rate that makes it least: results 8 (sharp) and 9 (textbook)
        * - decaying
          - Eq. (10) with the given H; epsilon is then the goal of Eq. (7), the mean of :math:`\eta_k \mathrm{E} G_k`

    Args:
        model: One of `MODELS`.
        batch_size: B, any shape, examples per step. Finite, > 0, at most `without_replacement`; need not be an integer.
        L: Smoothness, scalar, loss/weight^2. Finite, > 0.
        Delta: Twice the initial excess loss, scalar, loss. Finite, > 0.
        beta: Gradient variance of one example, scalar, (loss/weight)^2 examples. Finite, > 0.
        epsilon: Goal, mean of E G up to K, scalar, (loss/weight)^2; for decaying loss. Finite, > 0.
        mu: First-moment constant, scalar, without unit. Finite, > 0.
        M_G: Second-moment constant, scalar, without unit. Finite, >= mu^2.
        eta: Learning rate, scalar, weight^2/loss; for paper and fixed only. > 0 and at most mu/(L M_G), for the sharp
            bound below twice that.
        bound: One of `BOUNDS`, for fixed and tuned only; None is sharp.
        without_replacement: N, number of training examples from which each batch is a fresh random subset, >= 2; None
            draws with replacement. The variance is then (N-B)/(N-1) times beta/B, in every model.
        H: Sum of the squared rates, scalar, (weight^2/loss)^2; for decaying only. Finite, > 0.

    Returns:
        Batch sizes, steps and rates (None for decaying) in the shape of batch_size; c1, c2 and c1/c2, the latter None
        if c2 is not positive, which drawing without replacement makes possible. Steps are infinite up to c1/c2 at a
        fixed rate.

    Raises:
        ValueError: If an argument is missing, not for this model or outside the range above.

    Reference:
        Lee et al. 2021, Eqs. (3), (6), (10); docs/theory.md, results 4, 5, 8 and 9.

    Example:
        >>> tuned = evaluate("tuned", [10, 1000], L=1.0, Delta=2.0, beta=1.0, epsilon=0.01)
        >>> tuned.c1, tuned.c2, tuned.critical_batch_size
        (20000.0, 200.0, 100.0)
        >>> tuned.steps  # 20000/B + 200
        array([2200.,  220.])
    """
    require_positive(L=L, Delta=Delta, beta=beta, epsilon=epsilon)
    require_moments(mu, M_G)
    entry, bound = _entry(model, bound)
    _require_rate(model, bound, eta, cap=mu / (L * M_G))
    if (model == "decaying") != (H is not None):
        raise ValueError("H is needed for decaying" if H is None else f"H is for decaying only, not for {model}")
    require_positive(H=1.0 if H is None else H)
    sizes = positive_array("batch_size", batch_size)
    _require_subset(sizes, without_replacement)

    given = [np.nan if value is None else value for value in (eta, H, without_replacement)]
    constants = [np.float64(value) for value in (L, Delta, beta, epsilon, mu, M_G, *given)]
    compiled = _compile(entry, without_replacement is not None)
    with np.errstate(all="ignore"):
        u = compiled.inverse_size(sizes, given[-1])
        steps = np.broadcast_to(compiled.steps(u, *constants), sizes.shape)
        rate = None if compiled.rate is None else np.broadcast_to(compiled.rate(u, *constants), sizes.shape)
        first, last = float(compiled.c1(*constants)), float(compiled.c2(*constants))
    if not (0.0 < first < np.inf and np.isfinite(last)):
        raise ValueError("the constants leave the range of double precision: choose other units")
    says = np.isfinite(steps) & (steps > 0.0)
    reason = None if says.all() else f"at eta = {eta:g} the {bound} bound says nothing up to B = {first / last:.6g}"
    critical = first / last if last > 0.0 else None
    return Evaluation(sizes, np.where(says, steps, np.inf), rate, first, last, critical, reason)


def _require_rate(model: str, bound: str | None, eta: float | None, cap: float) -> None:
    """Refuse a rate above its cap, one that is missing and one that is not asked for."""
    if model in {"tuned", "decaying"}:
        if eta is not None:
            raise ValueError(f"eta is for paper and fixed only, not for {model}")
        return
    if eta is None:
        raise ValueError(f"eta is needed for {model}")
    require_positive(eta=eta)
    if bound == "sharp" and eta * _ROUNDING >= 2.0 * cap:
        raise ValueError(f"eta must be below 2 mu/(L M_G) = {2.0 * cap:.6g} for the sharp bound, got {eta}")
    if bound != "sharp" and eta > cap * _ROUNDING:
        raise ValueError(f"eta must be at most mu/(L M_G) = {cap:.6g} for the textbook bound, got {eta}")


def _require_subset(sizes: Array, examples: int | None) -> None:
    """Refuse batches larger than the training set they are drawn from."""
    if examples is None:
        return
    if examples != int(examples) or examples < 2:
        raise ValueError(f"without_replacement must be a whole number >= 2, got {examples}")
    if sizes.size and sizes.max() > examples:
        raise ValueError(f"batch_size must be at most without_replacement = {examples}, got {sizes.max():g}")


def _claim(result: Result, step_id: str) -> sympy.Expr:
    """Return the right side of a proven step, its definitions put in."""
    step = next(step for step in result.steps if step.id == step_id)
    assert step.claim is not None
    return expand_definitions(step.claim.rhs, step.definitions)


def _entry(model: str, bound: str | None) -> tuple[_Model, str | None]:
    """Return the expressions of a model and the bound it rests on, if there is a choice."""
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


_CAPPED = STEPS_AT_RATE.subs(s.eta, ETA_MAX)
_BEST_TEXTBOOK = sympy.Min(FREE_RATE.rhs, ETA_MAX)
_PLAIN = {
    "paper": _Model(HYPERBOLA.expression.subs({s.c1: C1, s.c2: C2_AT_RATE}), s.eta),
    "decaying": _Model(_claim(PROPOSITION_DECAYING, "6d.2").subs(s.epsilon_eta, s.epsilon), None),
}
_BOUNDED = {
    ("fixed", "sharp"): _Model(STEPS.rhs, s.eta),
    ("fixed", "textbook"): _Model(STEPS_AT_RATE, s.eta),
    ("tuned", "sharp"): _Model(BEST.rhs, BEST_RATE.rhs),
    ("tuned", "textbook"): _Model(STEPS_AT_RATE.subs(s.eta, _BEST_TEXTBOOK), _BEST_TEXTBOOK, large=_CAPPED),
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
def _compile(entry: _Model, subset: bool) -> _Compiled:
    inverse = _SUBSET_NOISE if subset else 1 / s.B
    v = sympy.Symbol("v")
    steps = entry.steps.subs(s.B, 1 / _U)
    large = (entry.steps if entry.large is None else entry.large).subs(s.B, 1 / _U)
    in_v = large.subs(_U, sympy.expand(inverse.subs(s.B, 1 / v)))
    return _Compiled(
        _lambdify((s.B, s.N), inverse),
        _lambdify((_U, *_SYMBOLS), steps),
        None if entry.rate is None else _lambdify((_U, *_SYMBOLS), entry.rate.subs(s.B, 1 / _U)),
        _lambdify(_SYMBOLS, sympy.diff(in_v, v).subs(v, 0)),
        _lambdify(_SYMBOLS, in_v.subs(v, 0)),
    )


def _lambdify(arguments: tuple[sympy.Symbol, ...], expression: sympy.Expr) -> Callable[..., Array]:
    function: Callable[..., Array] = sympy.lambdify(arguments, expression, modules=[{"Min": np.minimum}, "numpy"])
    return function
