r"""What the measured constants of two networks predict for sparse over dense: c1, c2, B_crit, with intervals.

Reference:
    Lee et al. 2021, Section 4 and Appendix C; docs/theory.md, results 7, 8 and 12.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from verification.fit import Interval, around
from verification.inputs import EXPONENTS, Inputs
from verification.measured_constants import MeasuredConstants, Way
from verification.prediction_error import error_of_log_ratio, percentiles, resampled_logs


@dataclass(frozen=True)
class Predicted:
    """The predicted ratio of one constant, sparse over dense.

    Attributes:
        constant: c1, c2 or b_crit.
        ratio: > 0.
        delta: 95% interval by the delta method; None where nothing says how sure the inputs are.
        bootstrap: 95% interval by resampling seeds and blocks of the trajectories; None likewise.
    """

    constant: str
    ratio: float
    delta: Interval | None
    bootstrap: Interval | None


@dataclass(frozen=True)
class Prediction:
    """Sparse over dense, predicted in one way.

    Attributes:
        sparsity: Percent of weights pruned.
        way: How.
        sparse: Inputs, means over the seeds.
        dense: Likewise.
        ratios: Constant to its predicted ratio.
        seeds: Replicates that both have.
    """

    sparsity: float
    way: Way
    sparse: Inputs
    dense: Inputs
    ratios: Mapping[str, Predicted]
    seeds: int

    @property
    def falls_with_batch_size(self) -> bool:
        """Whether the ratio of steps falls with B: whether the sparse critical batch size is the larger."""
        return self.ratios["b_crit"].ratio > 1.0


def predict(
    sparsity: float, sparse: Sequence[MeasuredConstants], dense: Sequence[MeasuredConstants], way: Way
) -> Prediction | str:
    """Predict the ratios of a sparse network's constants over the dense one's.

    Seeds that only one of them has are left out: the others are compared in pairs, which share data and order.

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
        >>> made = predict(90.0, one(4.68, 1.76, 107.39), one(4.66, 0.57, 197.06), "product")
        >>> [round(ratio.ratio, 3) for ratio in made.ratios.values()]
        [1.69, 3.101, 0.545]
    """
    left, right = ({one.replicate: one for one in level} for level in (sparse, dense))
    seeds = sorted(set(left) & set(right))
    pairs = ([left[seed] for seed in seeds], [right[seed] for seed in seeds])
    for level, at in zip(pairs, (sparsity, 0.0), strict=True):
        for one in level:
            if (lacking := one.lacks(way, at)) is not None:
                return lacking
    if not seeds:
        return "no measured constants of both networks"
    tables = [np.array([one.factors(way) for one in level]) for level in pairs]
    inputs = [Inputs(*map(float, table.mean(axis=0))) for table in tables]
    draws = resampled_logs(pairs, way)
    ratios = {}
    for constant, exponents in EXPONENTS.items():
        power = np.array(exponents)
        ratio = float(np.prod((tables[0].mean(axis=0) / tables[1].mean(axis=0)) ** power))
        error = error_of_log_ratio(pairs, tables, way, power)
        delta = None if error is None else around(ratio, *error)
        ratios[constant] = Predicted(constant, ratio, delta, percentiles(draws, power))
    return Prediction(sparsity, way, inputs[0], inputs[1], ratios, len(seeds))
