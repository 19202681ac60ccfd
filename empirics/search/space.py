"""The metaparameter search: quasi-random points, the same for every batch size and sparsity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import cache
from typing import Literal

from empirics.errors import InputError
from empirics.search.sobol import DirectionNumbers, unit_points

Scale = Literal["log", "reverse_log", "integer", "linear"]
MOST_POINTS = 100_000
# Whole-number arithmetic, the same everywhere. Mathematics libraries round one value in a thousand otherwise.
_DIGITS = Context(prec=40)


@dataclass(frozen=True)
class Metaparameter:
    """One axis of a search space: a name, a range and how the unit interval is laid over it.

    Args:
        name: The field's own name, e.g. `learning_rate`.
        low: Lower end of the range.
        high: Upper end of the range, > low.
        scale: `log` (uniform in log10), `reverse_log` (1 - value uniform in log10, falling), `integer` (>= 1) or
            `linear`.

    Raises:
        InputError: If the range is empty or the scale cannot hold it.

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

    def __post_init__(self) -> None:
        whole = self.low == int(self.low) and self.low >= 1 if math.isfinite(self.low) else False
        fits = {"log": self.low > 0, "reverse_log": self.high < 1, "integer": whole, "linear": True}
        if self.scale not in fits:
            raise InputError(f"metaparameter {self.name}: unknown scale {self.scale!r}; use one of {', '.join(fits)}")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high and fits[self.scale]):
            raise InputError(
                f"metaparameter {self.name}: {self.low:g}..{self.high:g} is no range on a {self.scale} scale"
            )

    def value(self, unit: float) -> float:
        """Return the value at `unit` in [0, 1]."""
        if self.scale == "integer":
            return float(round(self.low + unit * (self.high - self.low)))
        if self.scale == "linear":
            return self.low + unit * (self.high - self.low)
        if self.scale == "reverse_log":
            low, high = _log10(1 - self.high), _log10(1 - self.low)
            return 1.0 - _power_of_ten(low + unit * (high - low))
        low, high = _log10(self.low), _log10(self.high)
        return _power_of_ten(low + unit * (high - low))


@cache
def _log10(value: float) -> float:
    """Return the logarithm, correctly rounded."""
    return float(_DIGITS.log10(Decimal(float(value))))


def _power_of_ten(exponent: float) -> float:
    """Return 10^exponent, correctly rounded.

    Forty digits decide that, unless the true value comes within 1e-39 of a point midway between two doubles: by chance
    once in 1e22.
    """
    return float(_DIGITS.power(10, Decimal(exponent)))


def search_points(
    space: Sequence[Metaparameter], trials: int, numbers: DirectionNumbers = "joe-kuo"
) -> tuple[dict[str, float], ...]:
    """Return the metaparameters of trials 0..trials-1.

    Args:
        space: The axes of the search, in the order in which they take the Sobol dimensions.
        trials: How many trials, >= 1.
        numbers: Whose direction numbers the Sobol points have.

    Returns:
        One mapping name -> value a trial.

    Raises:
        InputError: If the space has more axes than there are direction numbers.

    Reference:
        Lee et al. 2021, Appendix B.

    Example:
        >>> space = (Metaparameter("learning_rate", 1e-4, 1.0, "log"),)
        >>> [round(point["learning_rate"], 9) for point in search_points(space, 3)]
        [0.01, 0.1, 0.001]
    """
    return tuple(
        {axis.name: axis.value(float(unit)) for axis, unit in zip(space, row, strict=True)}
        for row in unit_points(trials, len(space), numbers)
    )
