"""The metaparameter search: quasi-random points, the same for every batch size and sparsity."""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import cache
from pathlib import Path
from typing import Literal

from empirics.errors import InputError
from empirics.search.sobol import DirectionNumbers, unit_points

Scale = Literal["log", "reverse_log", "integer", "linear"]
MOST_POINTS = 100_000
_LARGEST = 3.4e38  # of float32, in which trials train
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


def read_points(path: Path, space: Sequence[Metaparameter]) -> tuple[dict[str, float], ...]:
    """Return the search points of a CSV table.

    Args:
        path: The table: a header of metaparameter names, then a row a trial.
        space: The metaparameters it must hold; their ranges need not hold the points.

    Raises:
        InputError: If it cannot be read, or lacks or does not know a metaparameter, or holds what is no number.
    """
    if path.exists() and not path.is_file():
        raise InputError(f"--points {path}: is no regular file; save the points as a CSV file")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(itertools.islice(csv.reader(file), MOST_POINTS + 2))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"--points {path}: cannot be read as CSV ({error})") from error
    if len(rows) > MOST_POINTS + 1:
        raise InputError(f"--points {path}: holds more than {MOST_POINTS} points")
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    header = [cell.strip() for cell in rows[0]] if rows else []
    names = [axis.name for axis in space]
    if sorted(header) != sorted(names):
        raise InputError(
            f"--points {path}: its columns are {', '.join(header) or 'none'}; they must be {', '.join(names)}"
        )
    axes = [space[names.index(name)] for name in header]
    points = tuple(_read_point(path, number, axes, row) for number, row in enumerate(rows[1:], start=2))
    if not points:
        raise InputError(f"--points {path}: holds no point below its header")
    return points


def _read_point(path: Path, number: int, axes: Sequence[Metaparameter], row: Sequence[str]) -> dict[str, float]:
    """Return one row of a table of points."""
    if len(row) != len(axes):
        raise InputError(f"--points {path}, row {number}: {len(row)} values for {len(axes)} columns")
    point = {}
    for axis, cell in zip(axes, row, strict=True):
        try:
            value = float(cell)
        except ValueError:
            value = math.nan
        place = f"--points {path}, row {number}, column {axis.name}"
        if not abs(value) <= _LARGEST:  # also true for nan
            raise InputError(f"{place}: {cell!r} is not a finite number")
        needs = {"log": "positive", "reverse_log": "below 1", "integer": "an integer >= 1", "linear": ""}[axis.scale]
        holds = {
            "log": value > 0,
            "reverse_log": value < 1,
            "integer": value >= 1 and value == int(value),
            "linear": True,
        }
        if not holds[axis.scale]:
            raise InputError(f"{place}: {cell} must be {needs}")
        point[axis.name] = value
    return point
