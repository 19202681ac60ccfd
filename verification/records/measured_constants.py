r"""The constants of one network in one replicate, and three ways to get the theory's inputs from them.

- `product`: the paper's; epsilon taken as equal, b = beta at w_1.
- `epsilon`: the same with the epsilon that was measured, the average of :math:`|\nabla f|^2` up to K*.
- `averages`: the paper's with L and b averaged up to K*.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from empirics.followed import ConstantsRecord

Way = Literal["product", "epsilon", "averages"]
Quantities = tuple[str, str, str, str | None]
WAYS: tuple[Way, ...] = ("product", "epsilon", "averages")


@dataclass(frozen=True)
class MeasuredConstants:
    """The constants of one sparsity in one replicate, as they were measured.

    Attributes:
        replicate: Which independent repetition.
        values: Quantity to value, quantities as in constants.csv.
        errors: Quantity to standard error, where a part of the training set was seen.
        along: Quantity to values at the regular points up to K* (`L_budget`: of the whole run), in order.
    """

    replicate: int
    values: Mapping[str, float]
    errors: Mapping[str, float] = field(default_factory=dict)
    along: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def factors(self, quantities: Quantities) -> list[float]:
        """Return Delta, L, noise and epsilon."""
        return [1.0 if name is None else self.values[name] for name in quantities]

    def trajectory(self, quantity: str | None) -> Sequence[float]:
        """Return the values whose mean a quantity is; empty for one that belongs to w_1 alone."""
        of = {"L_mean": "L", "L_mean_budget": "L_budget", "beta_mean": "variance", "epsilon": "gradient_square"}
        return self.along.get(of.get(quantity or "", ""), ())

    def lacks(self, quantities: Quantities, sparsity: float) -> str | None:
        """Return what a prediction lacks of a network at this sparsity, None where it lacks nothing."""
        for quantity in quantities:
            value = 1.0 if quantity is None else self.values.get(quantity)
            if value is None:
                return f"no {quantity} at sparsity {sparsity:g}%"
            if not 0.0 < value < np.inf:
                return f"{quantity} at sparsity {sparsity:g}% is {value:g}, not positive"
        return None


def quantities_of(way: Way, measured: Iterable[MeasuredConstants]) -> Quantities:
    """Return which measured quantities stand for Delta, L, noise and epsilon; None for 1.

    L is the mean over the whole training only where every replicate of both networks has it: a ratio of two windows
    would say something else.

    Args:
        way: How a prediction is made.
        measured: Every replicate that enters it.

    Example:
        >>> both = {"L_mean": 1.0, "L_mean_budget": 2.0}
        >>> quantities_of("product", [MeasuredConstants(0, both), MeasuredConstants(1, {"L_mean": 1.0})])[1]
        'L_mean'
    """
    whole = way != "averages" and all("L_mean_budget" in one.values for one in measured)
    noise = "beta_mean" if way == "averages" else "beta"
    return "Delta", "L_mean_budget" if whole else "L_mean", noise, "epsilon" if way == "epsilon" else None


# Workload and sparsity to the replicates measured.
Measured = Mapping[tuple[str, float], Sequence[MeasuredConstants]]


def measured_by_sparsity(records: "Iterable[ConstantsRecord]") -> dict[float, list[MeasuredConstants]]:
    """Return what a store holds of the constants, as predictions take it.

    Args:
        records: Of one run.

    Returns:
        Sparsity to its replicates, both ascending.
    """
    levels: dict[float, list[MeasuredConstants]] = {}
    for record in sorted(records, key=lambda record: record.study):
        levels.setdefault(record.study.sparsity, []).append(_measured(record))
    return levels


def _measured(record: "ConstantsRecord") -> MeasuredConstants:
    """Return one record with its trajectories at the regular points."""
    steps, last = list(record.along("L")), record.goal_step or 0
    every = int(str(record.settings.get("every") or (steps[1] - steps[0] if len(steps) > 1 else 1)))

    def regular(quantity: str, until: int) -> list[float]:
        along = record.along(quantity)
        return [value for step, value in along.items() if (step - 1) % every == 0 and step <= until]

    along = {name: regular(name, last) for name in ("L", "variance", "gradient_square")}
    # Stores of version 0.1 have no other measurements over the whole training than the regular ones.
    along["L_budget"] = list(record.along("L_budget").values()) or regular("L", record.steps)
    return MeasuredConstants(record.study.replicate, record.values, record.errors, along)
