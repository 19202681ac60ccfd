"""Steps to result by the theory, evaluated at batch sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import theory
from kstar import given
from kstar.tables import Rows, cell, html_table, table
from theory.evaluation import evaluate as bounds


@dataclass(frozen=True, repr=False)
class Evaluation(bounds.Evaluation):
    """What a model says, as `theory.evaluation.evaluate.Evaluation`, and how it shows itself."""

    @property
    def table(self) -> Any:  # noqa: ANN401 - pandas is optional
        """A row a batch size with steps and rate; a DataFrame where pandas is installed, else `kstar.tables.Rows`."""
        return table(self._rows().names, self._rows().rows)

    @property
    def caveats(self) -> tuple[str, ...]:
        """What the numbers alone do not say, one sentence each."""
        return tuple(one for one in (self.reason, self.note) if one is not None)

    def _rows(self) -> Rows:
        names = ("batch_size", "steps", "eta")
        return Rows(names, tuple({name: row[name] for name in names} for row in self.rows()))

    def __repr__(self) -> str:
        constants = f"c1 {cell(self.c1)}, c2 {cell(self.c2)}, critical batch size {cell(self.critical_batch_size)}"
        return "\n".join([constants, repr(self._rows()), *self.caveats])

    def _repr_html_(self) -> str:
        names = ("c1", "c2", "critical batch size")
        constants = [cell(self.c1), cell(self.c2), cell(self.critical_batch_size)]
        return html_table(names, [constants], self.caveats) + self._rows()._repr_html_()


def critical_batch_size(c1: Any, c2: Any) -> float:  # noqa: ANN401 - whatever is a number
    r"""Return the batch size c1/c2, at which both terms of K(B) = c1/B + c2 are equal.

    Args:
        c1: Noise term, steps x examples: a number or an `Estimate`. Finite, >= 0.
        c2: Serial floor, steps: likewise. Finite, > 0.

    Returns:
        Examples per step, not rounded.

    Raises:
        ValueError: If one is outside its range.

    Reference:
        `theory.critical_batch_size`.

    Example:
        >>> critical_batch_size(51_200, 200)
        256.0
    """
    return theory.critical_batch_size(given.number("c1", c1), given.number("c2", c2))


def evaluate(
    model: str,
    batch_sizes: Any,  # noqa: ANN401 - whatever holds numbers
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
    r"""Return the steps to result that the theory asks for at each batch size.

    Args:
        model: `paper`: Eq. (3) at the rate eta; `fixed`: the bound at that rate; `tuned`: the bound at its best rate;
            `decaying`: Eq. (10) with the given H.
        batch_sizes: B, one or several, examples per step. Finite, > 0.
        L: Smoothness, scalar, loss/weight^2. Finite, > 0.
        Delta: Twice the initial excess loss, scalar, loss. Finite, > 0.
        beta: Gradient variance of one example, scalar, (loss/weight)^2 examples. Finite, > 0.
        epsilon: Goal, mean of the squared gradient norm, scalar, (loss/weight)^2; for decaying loss. Finite, > 0.
        mu: First-moment constant, scalar, without unit. Finite, > 0.
        M_G: Second-moment constant, scalar, without unit. Finite, >= mu^2.
        eta: Learning rate, scalar, weight^2/loss; for paper and fixed only. > 0 and not above its cap.
        bound: `sharp` or `textbook`, for fixed and tuned only; None is sharp.
        without_replacement: N, training examples of which each batch is a fresh random subset, >= 2; None draws with
            replacement.
        H: Sum of the squared rates, scalar, (weight^2/loss)^2; for decaying only. Finite, > 0.

    Returns:
        `steps`, `eta`, `c1`, `c2`, `critical_batch_size`, and all of it as a `table`.

    Raises:
        ValueError: If an argument is missing, not for this model or outside its range.

    Reference:
        Lee et al. 2021, Eqs. (3), (6), (10); `theory.evaluation.evaluate.evaluate`.

    Example:
        >>> evaluate("tuned", [10, 1000], L=1.0, Delta=2.0, beta=1.0, epsilon=0.01)
        c1 20000, c2 200, critical batch size 100
        batch_size  steps  eta
        10          2200   0.0909091
        1000        220    0.909091
    """
    constants = {"L": L, "Delta": Delta, "beta": beta, "epsilon": epsilon, "mu": mu, "M_G": M_G}
    optional = {"eta": eta, "H": H, "without_replacement": without_replacement}
    told = {**constants, **{name: value for name, value in optional.items() if value is not None}}
    checked: dict[str, Any] = {name: given.number(name, value) for name, value in told.items()}
    sizes = given.numbers("batch_sizes", batch_sizes)
    if not sizes:
        raise ValueError("batch_sizes is empty: give at least one")
    found = bounds.evaluate(model, sizes, bound=bound, **checked)
    return Evaluation(**vars(found))
