r"""What the theory predicts for the ratio of c1, from the measured constants of both networks."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from scipy.stats import t as student_t

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
        log_error: Standard error of the log of their product; None where a constant has no interval.

    Reference:
        Lee et al. 2021, section 5; docs/theory.md, result 7 (epsilon and mu taken as equal).

    Example:
        >>> round(Prediction(Delta=4.68 / 4.66, L=1.76 / 0.57, beta=107.39 / 197.06).c1_ratio, 3)
        1.69
    """

    Delta: float
    L: float
    beta: float
    log_error: float | None = None

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
        Prediction(Delta=1.0, L=3.0, beta=0.25, log_error=None)
        >>> predict([], "w", 90.0)
        'no measured constants'
    """
    measured = {(c.sparsity, c.quantity): c for c in constants if c.workload == workload}
    if not measured:
        return "no measured constants"
    ratios: dict[str, float] = {}
    variances: list[float | None] = []
    for factor, quantity in FACTORS.items():
        values = []
        for level in (sparsity, 0.0):
            constant = measured.get((level, quantity))
            if constant is None:
                return f"no {quantity} at sparsity {level:g}%"
            if not constant.value > 0.0:
                return f"{quantity} at sparsity {level:g}% is {constant.value:g}, not positive"
            values.append(constant.value)
            variances.append(log_variance(constant))
        ratios[factor] = values[0] / values[1]
    known = [variance for variance in variances if variance is not None]
    return Prediction(**ratios, log_error=math.sqrt(sum(known)) if len(known) == len(variances) else None)


def log_variance(constant: Constant) -> float | None:
    """Return the variance of the log of a constant's mean, from its 95% interval over n replicates.

    Args:
        constant: With a value > 0.

    Returns:
        The variance; None where it has no interval.

    Example:
        >>> log_variance(Constant("w", 0.0, "beta", 10.0, 9.0, 11.0, 2)).__round__(9)  # 12.706 standard errors are 1
        6.194e-05
    """
    if constant.low is None or constant.high is None or constant.n < 2:
        return None
    half = (constant.high - constant.low) / 2.0
    return (half / float(student_t.ppf(0.975, constant.n - 1)) / constant.value) ** 2
