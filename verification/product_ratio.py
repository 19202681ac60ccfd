r"""The paper's prediction for the ratio of c1: the product of the ratios of its measured constants."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from verification.distributions import t_quantile
from verification.fit import OPEN, Interval, around
from verification.inputs import EXPONENTS, Inputs
from verification.records import Constant

# The paper's smoothness is the mean of L over training.
QUANTITIES = ("Delta", "L_mean", "beta")


@dataclass(frozen=True)
class ProductRatio:
    """The predicted ratio of c1, sparse over dense.

    Attributes:
        sparse: Inputs of the sparse network; epsilon is 1 in both where it is taken as equal.
        dense: Of the dense.
        log_error: Standard error of the log of their ratio; None where a constant has no interval.
        replicates: The fewest that a constant was measured on, >= 1.

    Reference:
        Lee et al. 2021, section 5; docs/theory.md, result 7 (epsilon and mu taken as equal).

    Example:
        >>> from verification.paper import DENSE, SPARSE
        >>> round(ProductRatio(SPARSE, DENSE).c1_ratio, 3)
        1.69
    """

    sparse: Inputs
    dense: Inputs
    log_error: float | None = None
    replicates: int = 1

    @property
    def c1_ratio(self) -> float:
        """Ratio of c1, sparse over dense."""
        return self.sparse.c1 / self.dense.c1

    @property
    def interval(self) -> Interval:
        """95% interval of the ratio of c1, Student's t of its log; open where its error is unknown."""
        if self.log_error is None:
            return OPEN
        return around(self.c1_ratio, self.log_error, float(t_quantile(0.975, self.replicates - 1)))

    @property
    def factors(self) -> dict[str, float]:
        """The ratios of Delta, L and beta whose product it is."""
        sparse, dense = self.sparse, self.dense
        return {"Delta": sparse.Delta / dense.Delta, "L": sparse.L / dense.L, "beta": sparse.noise / dense.noise}


def product_ratio(
    constants: Iterable[Constant], workload: str, sparsity: float, *, measured_epsilon: bool = False
) -> ProductRatio | str:
    r"""Predict the ratio of c1 of a sparse network over the dense one.

    .. math:: c_{1,s}/c_{1,d} = (\Delta_s/\Delta_d)\,(L_s/L_d)\,(\beta_s/\beta_d)\,(\varepsilon_d/\varepsilon_s)^2

    Errors of the constants are taken as independent: networks of one replicate share data and order, so the interval
    is, if anything, too wide.

    Args:
        constants: Measured constants of any workloads and sparsities.
        workload: Which workload.
        sparsity: Percent, of the sparse network.
        measured_epsilon: Whether epsilon is what was measured, else the same in both networks, as the paper has it.

    Returns:
        The prediction, or the reason why there is none, one clause.
    Reference:
        Lee et al. 2021, section 5.

    Example:
        >>> def at(sparsity, *values):
        ...     return [Constant("w", sparsity, q, v, None, None, 1) for q, v in zip(QUANTITIES, values)]
        >>> product_ratio(at(0.0, 2.0, 1.0, 4.0) + at(90.0, 2.0, 3.0, 1.0), "w", 90.0).c1_ratio
        0.75
        >>> product_ratio([], "w", 90.0)
        'no measured constants'
    """
    measured = {(c.sparsity, c.quantity): c for c in constants if c.workload == workload}
    if not measured:
        return "no measured constants"
    quantities = (*QUANTITIES, "epsilon") if measured_epsilon else QUANTITIES
    chosen: list[list[Constant]] = []
    for level in (sparsity, 0.0):
        chosen.append([])
        for quantity in quantities:
            constant = measured.get((level, quantity))
            if constant is None:
                return f"no {quantity} at sparsity {level:g}%"
            if not constant.value > 0.0:
                return f"{quantity} at sparsity {level:g}% is {constant.value:g}, not positive"
            chosen[-1].append(constant)
    sparse, dense = (Inputs(*(constant.value for constant in level)) for level in chosen)
    listed = [constant for level in chosen for constant in level]
    variances = [log_variance(constant) for constant in listed]
    exponents = EXPONENTS["c1"][: len(quantities)] * 2
    known = [e**2 * variance for e, variance in zip(exponents, variances, strict=True) if variance is not None]
    error = math.sqrt(sum(known)) if len(known) == len(variances) else None
    return ProductRatio(sparse, dense, error, min(constant.n for constant in listed))


def log_variance(constant: Constant) -> float | None:
    """Return the variance of the log of a constant's mean, from its 95% interval over n replicates.

    Where the interval reaches down to zero, as a symmetric one may, half its width is taken for its error.

    Args:
        constant: With a value > 0.

    Returns:
        The variance; None where it has no interval.

    Example:
        >>> low, high = 10.0 * math.exp(-12.706), 10.0 * math.exp(12.706)  # 12.706 standard errors either way
        >>> round(log_variance(Constant("w", 0.0, "beta", 10.0, low, high, 2)), 3)
        1.0
    """
    if constant.low is None or constant.high is None or constant.n < 2:
        return None
    half = (constant.high - constant.low) / 2.0 / constant.value
    if constant.low > 0.0:
        half = math.log(constant.high / constant.low) / 2.0
    return (half / float(t_quantile(0.975, constant.n - 1))) ** 2
