"""The uncertainty of a ratio of measured constants: the scatter between seeds, or within a single seed."""

from collections.abc import Sequence

import numpy as np

from verification.fits.likelihood import Array
from verification.records.measured_constants import MeasuredConstants


def error_over_seeds(sparse: Array, dense: Array, power: Array) -> float:
    r"""Return the standard error of the log of a ratio of means, by the delta method.

    Per seed, all factors of both networks together: with :math:`x_{sj}` the value of factor j at seed s,
    :math:`z_s = \sum_j p_j (x_{sj}/\bar{x}_j - y_{sj}/\bar{y}_j)`, and the error is :math:`sd(z)/\sqrt{n}`.
    What moves both networks of a seed alike cancels.

    Args:
        sparse: Values, shape (seeds, factors), > 0, at least two seeds.
        dense: Of the dense network, likewise, the same seeds.
        power: The exponent of each factor.

    Returns:
        The error, >= 0.

    Example:
        >>> x = np.array([[0.9], [1.1]])  # 10% either way: sd 0.1414, over the root of two seeds
        >>> round(error_over_seeds(x, np.ones((2, 1)), np.array([1.0])), 12)
        0.1
    """
    relative = [table / table.mean(axis=0) - 1.0 for table in (sparse, dense)]
    scatter = (relative[0] - relative[1]) @ power
    return float(scatter.std(ddof=1) / np.sqrt(len(scatter)))


def error_within_a_seed(one: MeasuredConstants, quantity: str, exponent: float) -> float:
    """Return the error that one quantity of one seed adds to the log of a ratio.

    Of the examples left out and of the mean along the trajectory, as if the two were independent.

    Args:
        one: The network in this seed.
        quantity: As in constants.csv.
        exponent: The quantity's exponent in the ratio.

    Returns:
        The error, >= 0; 0 where nothing is known of it.
    """
    errors = one.errors.get(quantity, 0.0), error_of_mean(one.trajectory(quantity))
    return abs(exponent / one.values[quantity]) * float(np.hypot(*errors))


def error_of_mean(values: Sequence[float]) -> float:
    """Return the standard error of a trajectory's mean from overlapping circular blocks; 0 for one point.

    A block is as long as the cube root of the number of points.
    """
    series = np.asarray(values, dtype=np.float64)
    if len(series) < 2:
        return 0.0
    length = max(round(float(np.cbrt(len(series)))), 1)
    blocks = np.array([np.take(series, range(i, i + length), mode="wrap").mean() for i in range(len(series))])
    return float(np.sqrt(np.square(blocks - series.mean()).mean() * length / len(series)))
