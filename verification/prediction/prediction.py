r"""Predictions for sparse over dense from measured constants: c1, c2, B_crit, with intervals.

Every report, table, verdict and page takes its predicted ratios from here. Replicates share data and order between
sparsities, so they are compared in pairs.

Reference:
    Lee et al. 2021, Section 4 and Appendix C; docs/theory.md, results 7, 8 and 12.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from verification.fits.distributions import normal_quantile, t_quantile
from verification.fits.fit import OPEN, Interval, around
from verification.missing import Missing
from verification.prediction.error import error_over_seeds, error_within_a_seed
from verification.prediction.inputs import EXPONENTS, Inputs
from verification.records.measured_constants import Measured, MeasuredConstants, Way, quantities_of


@dataclass(frozen=True)
class Predicted:
    """A ratio made of measured constants, sparse over dense.

    Attributes:
        ratio: Of means over the seeds, > 0.
        log_error: Standard error of its logarithm; None where nothing says how sure the constants are.
        seeds: Replicates that both networks have, >= 1. With one the error is that along its run and of the examples
            left out, and says nothing of other seeds.
    """

    ratio: float
    log_error: float | None
    seeds: int

    @property
    def error_between_seeds(self) -> float | None:
        """The standard error of the logarithm where it holds the scatter between seeds, else None."""
        return self.log_error if self.seeds > 1 else None

    @property
    def interval(self) -> Interval:
        """95% interval by Student's t over the seeds; open with one seed."""
        if self.error_between_seeds is None:
            return OPEN
        return around(self.ratio, self.error_between_seeds, float(t_quantile(0.975, self.seeds - 1)))

    @property
    def interval_within_seed(self) -> Interval:
        """95% interval of what one seed leaves open, by the normal; open with several, or where that is nothing."""
        if self.log_error is None or self.seeds > 1:
            return OPEN
        return around(self.ratio, self.log_error, float(normal_quantile(0.975)))


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Sparse over dense, predicted in one way.

    Attributes:
        sparsity: Percent of weights pruned.
        way: How.
        sparse: Inputs, means over the seeds.
        dense: Likewise.
        ratios: c1, c2 and b_crit to what is predicted of them.
        smoothness: The mean of L that they hold, as in constants.csv.

    Example:
        >>> def one(*values):
        ...     return [MeasuredConstants(0, dict(zip(("Delta", "L_mean", "beta"), values)))]
        >>> made = predict(90.0, one(4.68, 1.76, 107.39), one(4.66, 0.57, 197.06), "product")
        >>> round(made.c1.ratio, 3), made.seeds, made.falls_with_batch_size
        (1.69, 1, False)
    """

    sparsity: float
    way: Way
    sparse: Inputs
    dense: Inputs
    ratios: Mapping[str, Predicted]
    smoothness: str

    @property
    def c1(self) -> Predicted:
        """The ratio of c1."""
        return self.ratios["c1"]

    @property
    def seeds(self) -> int:
        """Replicates that both networks have."""
        return self.c1.seeds

    @property
    def factors(self) -> dict[str, float]:
        """The ratios of Delta, L and beta whose product the paper's prediction is."""
        sparse, dense = self.sparse, self.dense
        return {"Delta": sparse.Delta / dense.Delta, "L": sparse.L / dense.L, "beta": sparse.noise / dense.noise}

    @property
    def falls_with_batch_size(self) -> bool:
        """Whether the ratio of steps falls with B: whether the sparse critical batch size is the larger."""
        return self.ratios["b_crit"].ratio > 1.0


def predict(
    sparsity: float, sparse: Sequence[MeasuredConstants], dense: Sequence[MeasuredConstants], way: Way
) -> Prediction | Missing:
    r"""Predict the ratios of a sparse network's constants over the dense one's.

    .. math:: c_{1,s}/c_{1,d} = (\Delta_s/\Delta_d)\,(L_s/L_d)\,(\beta_s/\beta_d)\,(\varepsilon_d/\varepsilon_s)^2

    Seeds that only one of them has are left out.

    Args:
        sparsity: Percent, of the sparse network.
        sparse: Its replicates.
        dense: The dense network's.
        way: How.

    Returns:
        The prediction, or the reason why there is none, one clause.

    Reference:
        Lee et al. 2021, Section 4 and Appendix C.

    Example:
        >>> def one(*values):
        ...     return [MeasuredConstants(0, dict(zip(("Delta", "L_mean", "beta"), values)))]
        >>> made = predict(90.0, one(2.0, 3.0, 1.0), one(2.0, 1.0, 4.0), "product")
        >>> [ratio.ratio for ratio in made.ratios.values()]
        [0.75, 3.0, 0.25]
        >>> print(predict(90.0, [], [], "product"))
        no measured constants of both networks
    """
    pairs = _paired(sparse, dense)
    if not pairs[0]:
        return Missing("no measured constants of both networks")
    quantities = quantities_of(way, [*pairs[0], *pairs[1]])
    for level, at in zip(pairs, (sparsity, 0.0), strict=True):
        for one in level:
            if (lacking := one.lacks(quantities, at)) is not None:
                return Missing(lacking)
    ratios = {name: _ratio(pairs, quantities, exponents) for name, exponents in EXPONENTS.items()}
    means = (np.mean([one.factors(quantities) for one in level], axis=0) for level in pairs)
    sparse_inputs, dense_inputs = (Inputs(*map(float, mean)) for mean in means)
    return Prediction(
        sparsity=sparsity,
        way=way,
        sparse=sparse_inputs,
        dense=dense_inputs,
        ratios=ratios,
        smoothness=quantities[1],
    )


def predict_from(measured: Measured, workload: str, sparsity: float, way: Way = "product") -> Prediction | Missing:
    """Predict the ratios of one network of a run over its dense one.

    Args:
        measured: Constants of the run.
        workload: Of both networks.
        sparsity: Percent, of the sparse one.
        way: How; the paper's product where it is left out.

    Returns:
        The prediction, or the reason why there is none, one clause.

    Example:
        >>> print(predict_from({}, "w", 90.0))
        no measured constants
    """
    if not any(of == workload for of, _ in measured):
        return Missing("no measured constants")
    for level in (sparsity, 0.0):
        if (workload, level) not in measured:
            return Missing(f"no measured constants at sparsity {level:g}%")
    return predict(sparsity, measured[workload, sparsity], measured[workload, 0.0], way)


def ratio_of(
    quantity: str, sparse: Sequence[MeasuredConstants], dense: Sequence[MeasuredConstants]
) -> Predicted | None:
    """Return the ratio of one measured quantity, sparse over dense, in pairs of seeds.

    Args:
        quantity: As in constants.csv.
        sparse: Replicates of the sparse network.
        dense: Of the dense one.

    Returns:
        The ratio of means; None where no seed has a positive value in both.

    Example:
        >>> def two(*values):
        ...     return [MeasuredConstants(i, {"beta": value}) for i, value in enumerate(values)]
        >>> found = ratio_of("beta", two(1.0, 3.0), two(2.0, 6.0))  # half in either seed: no scatter is left
        >>> found.ratio, found.log_error
        (0.5, 0.0)
    """
    usable = [[one for one in level if one.values.get(quantity, 0.0) > 0.0] for level in (sparse, dense)]
    pairs = _paired(*usable)
    return _ratio(pairs, (quantity,), (1.0,)) if pairs[0] else None


_Pairs = tuple[list[MeasuredConstants], list[MeasuredConstants]]


def _paired(sparse: Sequence[MeasuredConstants], dense: Sequence[MeasuredConstants]) -> _Pairs:
    """Return the replicates that both have, in the same order."""
    left, right = ({one.replicate: one for one in level} for level in (sparse, dense))
    seeds = sorted(left.keys() & right.keys())
    return [left[seed] for seed in seeds], [right[seed] for seed in seeds]


def _ratio(pairs: _Pairs, quantities: Sequence[str | None], exponents: Sequence[float]) -> Predicted:
    """Return the ratio of a product of powers of quantities; a quantity None is 1 in both networks."""
    power = np.array(exponents)
    tables = [
        np.array([[1.0 if name is None else one.values[name] for name in quantities] for one in level])
        for level in pairs
    ]
    ratio = float(np.prod((tables[0].mean(axis=0) / tables[1].mean(axis=0)) ** power))
    if len(pairs[0]) > 1:
        return Predicted(ratio, error_over_seeds(tables[0], tables[1], power), len(pairs[0]))
    variance = sum(
        error_within_a_seed(level[0], name, exponent) ** 2
        for level in pairs
        for name, exponent in zip(quantities, exponents, strict=True)
        if name is not None
    )
    return Predicted(ratio, math.sqrt(variance) if variance > 0.0 else None, 1)
