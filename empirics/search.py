"""The metaparameter search: quasi-random points, the same for every batch size and sparsity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

Scale = Literal["log", "reverse_log", "integer"]


@dataclass(frozen=True)
class Metaparameter:
    """One axis of a search space: a name, a range and how the unit interval is laid over it.

    Args:
        name: The field's own name, e.g. `learning_rate`.
        low: Lower end of the range.
        high: Upper end of the range, > low.
        scale: `log` (uniform in log10), `reverse_log` (1 - value uniform in log10, falling), or `integer`.

    Reference:
        Lee et al. 2021, Appendix B; mapping as in the published code.

    Example:
        >>> Metaparameter("learning_rate", 1e-4, 1.0, "log").value(0.5)
        0.01
        >>> round(Metaparameter("momentum", 0.9, 0.9999, "reverse_log").value(1.0), 6)
        0.9
    """

    name: str
    low: float
    high: float
    scale: Scale

    def value(self, unit: float) -> float:
        """Return the value at `unit` in [0, 1]."""
        if self.scale == "integer":
            return float(round(self.low + unit * (self.high - self.low)))
        if self.scale == "reverse_log":
            low, high = math.log10(1 - self.high), math.log10(1 - self.low)
            return 1.0 - math.pow(10.0, low + unit * (high - low))
        low, high = math.log10(self.low), math.log10(self.high)
        return math.pow(10.0, low + unit * (high - low))


def unit_points(trials: int, dimensions: int) -> NDArray[np.float64]:
    """Return the first points of the unscrambled Sobol sequence, point 0 skipped.

    Args:
        trials: How many points, >= 1.
        dimensions: Number of metaparameters, >= 1.

    Returns:
        Points in [0, 1), shape (trials, dimensions). Point r is the same for any number of trials.

    Example:
        >>> unit_points(3, 1).ravel().tolist()
        [0.5, 0.75, 0.25]
    """
    sequence = qmc.Sobol(dimensions, scramble=False)
    sequence.fast_forward(1)
    return np.asarray(sequence.random(trials), dtype=np.float64)


def search_points(space: Sequence[Metaparameter], trials: int) -> tuple[dict[str, float], ...]:
    """Return the metaparameters of trials 0..trials-1.

    Args:
        space: The axes of the search, in the order in which they take the Sobol dimensions.
        trials: How many trials, >= 1.

    Returns:
        One mapping name -> value a trial.

    Reference:
        Lee et al. 2021, Appendix B.

    Example:
        >>> space = (Metaparameter("learning_rate", 1e-4, 1.0, "log"),)
        >>> [round(point["learning_rate"], 9) for point in search_points(space, 3)]
        [0.01, 0.1, 0.001]
    """
    return tuple(
        {axis.name: axis.value(float(unit)) for axis, unit in zip(space, row, strict=True)}
        for row in unit_points(trials, len(space))
    )


def at_edge(space: Sequence[Metaparameter], trials: int, trial: int) -> tuple[str, ...]:
    """Return the metaparameters for which no other trial lies beyond the given one, on one side.

    Args:
        space: The axes of the search.
        trials: How many trials were searched.
        trial: The trial asked about, in [0, trials).

    Returns:
        Names; empty with fewer than 3 trials, where every point is at an edge.

    Example:
        >>> space = (Metaparameter("learning_rate", 1e-4, 1.0, "log"),)
        >>> [at_edge(space, 3, trial) for trial in range(3)]
        [(), ('learning_rate',), ('learning_rate',)]
    """
    points = unit_points(trials, len(space))
    if trials < 3:
        return ()
    extreme = (points[trial] == points.min(axis=0)) | (points[trial] == points.max(axis=0))
    return tuple(axis.name for axis, is_extreme in zip(space, extreme, strict=True) if is_extreme)
