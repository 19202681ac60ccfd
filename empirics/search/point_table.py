"""Search points from a table: the same for every study, or for each sparsity and batch size its own."""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from empirics.errors import InputError
from empirics.search.space import MOST_POINTS, Metaparameter

_LARGEST = 3.4e38  # of float32, in which trials train
_CELL = (Metaparameter("sparsity", 0.0, 100.0, "linear"), Metaparameter("batch_size", 1, 2**30, "integer"))


@dataclass(frozen=True)
class PointTable:
    """Search points, and of which studies they are.

    Attributes:
        path: Where they stand, for messages.
        by: Which of sparsity and batch_size tell whose a point is; empty where all studies have all points.
        rows: What these columns hold, and a point's metaparameters, name -> value.
    """

    path: Path
    by: tuple[str, ...]
    rows: tuple[tuple[tuple[float, ...], dict[str, float]], ...]

    def points(self, sparsity: float, batch_size: int) -> tuple[dict[str, float], ...]:
        """Return the points of a study, in the order of the table.

        Args:
            sparsity: Percent of weights pruned.
            batch_size: Examples per step.

        Raises:
            InputError: If there is none.

        Example:
            >>> rows = (((16.0,), {"learning_rate": 0.1}), ((64.0,), {"learning_rate": 0.4}))
            >>> PointTable(Path("points.csv"), ("batch_size",), rows).points(90.0, 64)
            ({'learning_rate': 0.4},)
        """
        study = {"sparsity": sparsity, "batch_size": float(batch_size)}
        found = tuple(point for cell, point in self.rows if cell == tuple(study[name] for name in self.by))
        if not found:
            missed = ", ".join(f"{name} {study[name]:.15g}" for name in self.by)
            raise InputError(f"--points {self.path}: holds no point of {missed}")
        return found


def read_points(path: Path, space: Sequence[Metaparameter]) -> PointTable:
    """Return the search points of a CSV table.

    Args:
        path: The table: a header of metaparameter names, then a row a trial. Columns sparsity and batch_size, one or
            both, say whose points these are.
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
    cell_axes = [axis for axis in _CELL if axis.name in header and axis.name not in names]
    by = tuple(axis.name for axis in cell_axes)
    if sorted(header) != sorted([*names, *by]):
        raise InputError(
            f"--points {path}: its columns are {', '.join(header) or 'none'}; they must be {', '.join(names)}; "
            "sparsity and batch_size may say whose points they are"
        )
    axes = {axis.name: axis for axis in (*space, *cell_axes)}
    read = [
        _read_row(path, number, [axes[name] for name in header], row) for number, row in enumerate(rows[1:], start=2)
    ]
    if not read:
        raise InputError(f"--points {path}: holds no point below its header")
    return PointTable(path, by, tuple((tuple(row.pop(name) for name in by), row) for row in read))


def _read_row(path: Path, number: int, axes: Sequence[Metaparameter], row: Sequence[str]) -> dict[str, float]:
    """Return the numbers of one row."""
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
