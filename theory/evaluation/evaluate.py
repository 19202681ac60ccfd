r"""Steps to result on arrays of batch sizes, by the paper's equations and by the bounds they rest on.

Each model takes its steps K and its rate from the laws, bounds and proofs, as expressions in the batch size B. c1 and
c2 are the first two coefficients of K in 1/B,

    K = c2 + c1/B + ...    for large B.

For `paper`, `tuned` with the sharp bound and `decaying` there are no further terms, so K = c1/B + c2. At a fixed rate K
is c2/(1 - B_c/B) with B_c = c1/c2, and up to B_c the bound says nothing. From 2 B_c on, the tuned textbook bound is the
one at its largest rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from theory.command_line import plain
from theory.evaluation.models import BOUNDS, MODELS, compute, entry_of
from theory.numbers.arguments import is_finite, positive_array, require_moments, require_positive
from theory.numbers.doubles import ratio, require_doubles
from theory.numbers.log_space import Array

__all__ = ["BOUNDS", "MODELS", "Evaluation", "evaluate"]

_MET = "the first step meets the goal"
_ROUNDING = 1.0 + 1e-12  # a rate typed in as its cap is not above it


@dataclass(frozen=True)
class Evaluation:
    """What a model says; steps are infinite where it says nothing, and then `reason` tells why.

    `note` says what the numbers alone do not: that the start meets the goal, that c2 is not positive.
    """

    batch_size: Array
    steps: Array
    eta: Array | None
    c1: float
    c2: float
    critical_batch_size: float | None
    reason: str | None
    note: str | None = None

    def rows(self) -> list[dict[str, object]]:
        """Return one record per batch size; where the model says nothing, steps are None and a reason is given."""
        constants = {"c1": self.c1, "c2": self.c2, "critical_batch_size": self.critical_batch_size}
        rates = [None] * self.steps.size if self.eta is None else self.eta.ravel().tolist()
        rows = []
        for size, steps, rate in zip(self.batch_size.ravel().tolist(), self.steps.ravel().tolist(), rates, strict=True):
            row: dict[str, object] = {"batch_size": plain(size), "steps": steps, **constants, "eta": rate}
            if steps == np.inf:
                row |= {"steps": None, "reason": self.reason}
            if self.note is not None:
                row["note"] = self.note
            rows.append(row)
        return rows


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
        fixed rate, and 1 where the start meets the goal: G is at most L Delta there. Up to a thousand batch sizes are
        computed in 60 digits, more in doubles if all numbers are between 1e-18 and 1e18.

    Raises:
        ValueError: If an argument is missing, not for this model or outside the range above, or if a result is no
            double.

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
    entry, bound = entry_of(model, bound)
    _require_rate(model, bound, eta, ratio([mu], [L, M_G]))
    if (model == "decaying") != (H is not None):
        raise ValueError("H is needed for decaying" if H is None else f"H is for decaying only, not for {model}")
    require_positive(H=1.0 if H is None else H)
    sizes = positive_array("batch_size", batch_size)
    _require_subset(sizes, without_replacement)

    given = [np.nan if value is None else float(value) for value in (eta, H, without_replacement)]
    constants = [*map(float, (L, Delta, beta, epsilon, mu, M_G)), *given]
    steps, rate, first, last = compute(entry, sizes, constants)
    require_doubles(first, "c1")
    require_doubles(abs(last), "c2", least=0.0)
    critical = float(require_doubles(ratio([first], [last]), "c1/c2")) if last > 0.0 else None
    note = _note(constants, critical)
    if note is not None and note.startswith(_MET):
        steps = np.ones_like(steps)
    reason = f"at eta = {eta:g} the {bound} bound says nothing up to B = {critical:.6g}" if eta and critical else None
    return Evaluation(sizes, steps, rate, first, last, critical, reason if np.isinf(steps).any() else None, note)


def _note(constants: Sequence[float], critical: float | None) -> str | None:
    """Return what has to be said beside the numbers, if anything."""
    L, Delta, epsilon, mu, M_G = (Fraction(constants[i]) for i in (0, 1, 3, 4, 5))
    H, examples = constants[-2:]
    if not np.isfinite(H):
        met, first = epsilon >= L * Delta, "L Delta"
    else:
        met = epsilon * M_G >= mu * Delta or epsilon**2 >= Fraction(H) * (L * Delta) ** 2
        first = "the first rate times L Delta"
    if met:
        return f"{_MET}: epsilon is at least {first}, and |grad f|^2 is at most L Delta at the start"
    if critical is None:
        return (
            f"c2 is not positive: subsets of {examples:g} examples lose their noise before c1/B meets a floor; "
            "c1/B + c2 holds up to the whole set, and there is no critical batch size"
        )
    return None


def _require_rate(model: str, bound: str | None, eta: float | None, cap: Array) -> None:
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
    if not (examples >= 2 and is_finite(examples)) or examples != int(examples):
        raise ValueError(f"without_replacement must be a whole number >= 2, got {examples}")
    if sizes.size and sizes.max() > examples:
        raise ValueError(f"batch_size must be at most without_replacement = {examples}, got {sizes.max():g}")
