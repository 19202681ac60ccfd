r"""What the theory predicts for the ratio of c1, from the measured constants of both networks."""

from collections.abc import Iterable
from dataclasses import dataclass

from verification.records import Constant

# The paper's smoothness is the mean of L over training.
FACTORS = {"Delta": "Delta", "L": "L_mean", "beta": "beta"}


@dataclass(frozen=True)
class Prediction:
    """The predicted ratio of c1, sparse over dense, and its factors.

    Attributes:
        Delta: Ratio of Delta, > 0.
        L: Ratio of the mean smoothness, > 0.
        beta: Ratio of the gradient variances at batch size 1, > 0.

    Reference:
        Lee et al. 2021, section 5; docs/theory.md, result 7 (epsilon and mu taken as equal).

    Example:
        >>> round(Prediction(Delta=4.68 / 4.66, L=1.76 / 0.57, beta=107.39 / 197.06).c1_ratio, 3)
        1.69
    """

    Delta: float
    L: float
    beta: float

    @property
    def c1_ratio(self) -> float:
        """The product of the three ratios."""
        return self.Delta * self.L * self.beta


def predict(constants: Iterable[Constant], workload: str, sparsity: float) -> Prediction | str:
    r"""Predict the ratio of c1 of a sparse network over the dense one.

    .. math:: c_{1,s}/c_{1,d} = (\Delta_s/\Delta_d)\,(L_s/L_d)\,(\beta_s/\beta_d)

    Args:
        constants: Measured constants of any workloads and sparsities.
        workload: Which workload.
        sparsity: Percent, of the sparse network.

    Returns:
        The prediction, or the reason why there is none, one clause.
    Reference:
        Lee et al. 2021, section 5.

    Example:
        >>> def at(sparsity, *values):
        ...     names = ("Delta", "L_mean", "beta")
        ...     return [Constant("w", sparsity, q, v, None, None, 1) for q, v in zip(names, values)]
        >>> predict(at(0.0, 2.0, 1.0, 4.0) + at(90.0, 2.0, 3.0, 1.0), "w", 90.0)
        Prediction(Delta=1.0, L=3.0, beta=0.25)
        >>> predict([], "w", 90.0)
        'no measured constants'
    """
    measured = {(c.sparsity, c.quantity): c.value for c in constants if c.workload == workload}
    if not measured:
        return "no measured constants"
    ratios: dict[str, float] = {}
    for factor, quantity in FACTORS.items():
        values = []
        for level in (sparsity, 0.0):
            value = measured.get((level, quantity))
            if value is None:
                return f"no {quantity} at sparsity {level:g}%"
            if not value > 0.0:
                return f"{quantity} at sparsity {level:g}% is {value:g}, not positive"
            values.append(value)
        ratios[factor] = values[0] / values[1]
    return Prediction(**ratios)
