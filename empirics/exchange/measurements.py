"""The measurements.csv of one trial: a column of steps, then a column a metric."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from empirics.errors import InputError
from empirics.reading.outside import MOST_STEPS, read_text
from empirics.records import Study, TraceRecord
from kstar.files import csv_text

MOST_MEASUREMENT_BYTES = 2**24
_MOST_COLUMNS = 100
_STEP = re.compile(r"[0-9]{1,10}(\.0*)?")
_GOAL_TOLERANCE = 1e-6  # an error rounded to float32 is off by 6e-8 of itself; no two counts lie as near


@dataclass(frozen=True)
class Measurements:
    """What was measured along a trial.

    Args:
        steps: When, ascending; a step may be there twice.
        columns: Metric -> values, one a step, NaN where there is none; in the order of the file.
    """

    steps: tuple[int, ...]
    columns: dict[str, tuple[float, ...]]

    @property
    def last(self) -> int:
        """The last step, 0 where nothing was measured."""
        return self.steps[-1] if self.steps else 0

    def seen(self, metric: str) -> list[tuple[int, float]]:
        """Return (step, value) wherever a metric is a number."""
        values = self.columns.get(metric, ())
        return [(s, v) for s, v in zip(self.steps, values, strict=False) if not math.isnan(v)]

    def traces(self, study: Study, trial: int) -> tuple[TraceRecord, ...]:
        """Return the columns as records of the store."""
        return tuple(TraceRecord(study, trial, name, self.steps, values) for name, values in self.columns.items())


def first_passage(seen: Sequence[tuple[int, float]], goal: float, *, maximise: bool = False) -> tuple[int | None, int]:
    """Return the first step at which a goal was met, and the last before it, or of all, that saw it missed.

    Args:
        seen: (step, value), ascending in step.
        goal: Reached by values up to it.
        maximise: Whether it is reached by values from it on instead.

    Returns:
        The step, None where the goal was never met; then the step of the last miss, 0 where there was none.

    Example:
        >>> first_passage([(0, 0.9), (10, 0.3), (25, 0.2), (40, 0.1)], 0.2)
        (25, 10)
        >>> first_passage([(0, 0.9), (10, 0.3)], 0.2)
        (None, 10)
    """
    sign, tolerance = -1 if maximise else 1, abs(goal) * _GOAL_TOLERANCE
    reached = next((step for step, value in seen if sign * (value - goal) <= tolerance), None)
    missed = [step for step, _ in seen if reached is None or step < reached]
    return reached, max(missed, default=0)


def read_measurements(path: Path) -> Measurements:
    """Return what a measurements.csv holds; rows are put in the order of their steps.

    Raises:
        InputError: If it cannot be read, is no such table, or is larger than `MOST_MEASUREMENT_BYTES`.
    """
    text = read_text(path, MOST_MEASUREMENT_BYTES)
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise InputError(f"{path} is no CSV ({error})") from error
    if not rows:
        return Measurements((), {})
    names = [name.strip() for name in rows[0]]
    if "step" not in names or len(set(names)) < len(names) or len(names) > _MOST_COLUMNS:
        raise InputError(f"{path}: its header must name a column step and at most {_MOST_COLUMNS} different ones")
    if not all(name.isprintable() and 0 < len(name) <= 200 for name in names):
        raise InputError(f"{path}: names of columns must be printable texts of 1..200 characters")
    place = names.index("step")
    table = []
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(names):
            raise InputError(f"{path}, row {number}: {len(row)} values for {len(names)} columns")
        cells = [_value(path, number, names[i], cell.strip()) for i, cell in enumerate(row) if i != place]
        table.append((_step(path, number, row[place].strip()), cells))
    table.sort(key=lambda row: row[0])
    metrics = [name for name in names if name != "step"]
    columns = {name: tuple(cells[i] for _, cells in table) for i, name in enumerate(metrics)}
    return Measurements(tuple(step for step, _ in table), columns)


def measurements_text(columns: Sequence[str], traces: Sequence[TraceRecord]) -> str:
    """Return the text of a measurements.csv.

    Args:
        columns: Metrics in the order of the file; those without a trace have no values.
        traces: What was measured.

    Example:
        >>> trace = TraceRecord(Study(0.0, 0, 16), 0, "val/loss", (2, 4), (0.5, 0.25))
        >>> print(measurements_text(["val/loss"], [trace]), end="")
        step,val/loss
        2,0.5
        4,0.25
    """
    cells: dict[tuple[int, int], dict[str, float]] = {}  # (step, how often it was there before) -> metric -> value
    for trace in traces:
        before: dict[int, int] = {}
        for step, value in zip(trace.steps, trace.values, strict=True):
            cells.setdefault((step, before.get(step, 0)), {})[trace.metric] = value
            before[step] = before.get(step, 0) + 1
    rows = [
        [step, *(repr(values[name]) if name in values else "" for name in columns)]
        for (step, _), values in sorted(cells.items())
    ]
    return csv_text(["step", *columns], rows)


def _step(path: Path, number: int, cell: str) -> int:
    """Return a step."""
    if not _STEP.fullmatch(cell) or float(cell) > MOST_STEPS:
        raise InputError(f"{path}, row {number}, column step: {cell[:40]!r} must be a whole number in 0..{MOST_STEPS}")
    return int(float(cell))


def _value(path: Path, number: int, name: str, cell: str) -> float:
    """Return a measured value, NaN for a blank."""
    try:
        if "_" in cell:
            raise ValueError
        return float(cell) if cell else math.nan
    except ValueError:
        raise InputError(f"{path}, row {number}, column {name}: {cell[:40]!r} is no number") from None
