"""Runs from CSV: exports of W&B, TensorBoard and MLflow, and tables of one's own in the same forms."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from empirics.errors import InputError
from empirics.logged_runs.logged_run import LoggedRun
from empirics.logged_runs.rows_of_logs import LogRow, column_named, runs_of_rows, value_of
from empirics.logged_runs.sizes import size_in_name
from empirics.reading.numbers import Decimal, decimal_sign, looks_like_number, plain_number
from empirics.reading.text import read_cells

_OF_TENSORBOARD = ["wall time", "step", "value"]
_NAME_OF_TENSORBOARD = re.compile(r"run-(?P<run>.+)-tag-(?P<tag>.+)")
_BETWEEN = " - "  # what W&B puts between run and metric
_BANDS = ("__MIN", "__MAX")
_GROUP = "Group: "


def read_csv_log(path: Path, step: str | None) -> tuple[list[LoggedRun], list[str]]:
    """Return the runs of a CSV file.

    Args:
        path: A W&B chart (`Step`, then `RUN - METRIC` columns), a TensorBoard scalar (`Wall time,Step,Value`), a column
            for each run beside the steps, a row for each step, or a row for each run.
        step: The column that counts steps; None for one that is known.

    Returns:
        The runs, and what a user should know of how they were read.

    Raises:
        InputError: If it is no table, or a row has another length than the header.
    """
    columns, rows = read_rows(path)
    if [column.lower() for column in columns] == _OF_TENSORBOARD:
        return [_tensorboard(path, columns, rows)], []
    if any(_BETWEEN in column for column in columns):
        return _chart(path, columns, rows, step)
    beside = [column for column in columns if size_in_name(column) is not None]
    if len(beside) > 1 and len(beside) >= len(columns) - 1:
        return _by_column(path, columns, rows, {column: (column, "value") for column in beside}, step), []
    return runs_of_rows(path, columns, rows, step), []


def read_rows(path: Path) -> tuple[list[str], list[LogRow]]:
    """Return the columns and rows of a table, numbers read.

    Raises:
        InputError: If it is no table, or a row has another length than the header.
    """
    cells = read_cells(path, lambda _: False)
    number, header = cells.header
    columns = [name or ("" if at == 0 else f"column {at + 1}") for at, name in enumerate(header)]
    if twice := next((name for name in columns if columns.count(name) > 1), None):
        raise InputError(f"{path}, row {number}: column {twice} is there twice")
    lines = [(n, [cell.strip() for cell in line]) for n, line in cells.rows if not line[0].startswith("#")]
    for n, line in lines:
        if len(line) < len(columns) or any(line[len(columns) :]):
            raise InputError(f"{path}, row {n}: {len(line)} fields for {len(columns)} columns")
    if not lines:
        raise InputError(f"{path}: the file has a header and no rows")
    numbers = ((n, cell) for n, line in lines for cell in line if looks_like_number(cell))
    try:
        sign = decimal_sign(numbers, cells.separator)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return columns, [LogRow(n, _fields(path, n, columns, line, sign)) for n, line in lines]


def _fields(
    path: Path, number: int, columns: Sequence[str], line: Sequence[str], sign: Decimal | None
) -> dict[str, float | str]:
    """Return the filled cells of a row; a column of indices without a name is left out."""
    fields = {}
    for column, cell in zip(columns, line, strict=False):
        try:
            plain = plain_number(cell, sign) if looks_like_number(cell) else cell
        except InputError as error:
            raise InputError(f"{path}, row {number}, column {column}: {error}") from None
        value = value_of(plain)
        if column and not column.startswith("Unnamed:") and value is not None:  # which is pandas' index
            fields[column] = value
    return fields


def _tensorboard(path: Path, columns: Sequence[str], rows: Sequence[LogRow]) -> LoggedRun:
    """Return the one run of a scalar's export; TensorBoard puts run and tag into the name of the file."""
    found = _NAME_OF_TENSORBOARD.fullmatch(path.stem)
    run, tag = (found["run"], found["tag"]) if found else (path.stem, "Value")
    return _by_column(path, columns, rows, {columns[2]: (run, tag)}, columns[1])[0]


def _chart(
    path: Path, columns: Sequence[str], rows: Sequence[LogRow], step: str | None
) -> tuple[list[LoggedRun], list[str]]:
    """Return the runs of a W&B chart."""
    told: dict[str, tuple[str, str]] = {}
    for column in columns:
        run, between, metric = column.rpartition(_BETWEEN)
        if between and not column.endswith(_BANDS):
            told[column] = run, metric
    notes = []
    if any(run.startswith(_GROUP) for run, _ in told.values()):
        notes.append("its runs are grouped, so that values are means over runs: ungroup them, and export again")
    bands = [(f"{column}{_BANDS[0]}", f"{column}{_BANDS[1]}") for column in told]
    if any(row.fields.get(low) != row.fields.get(high) for row in rows for low, high in bands):
        notes.append(
            "the chart shows means of several steps or runs; run.scan_history() of W&B's own library gives each step"
        )
    return _by_column(path, columns, rows, told, step), notes


def _by_column(
    path: Path,
    columns: Sequence[str],
    rows: Sequence[LogRow],
    told: dict[str, tuple[str, str]],
    step: str | None,
) -> list[LoggedRun]:
    """Return the runs of a table with a column for each run and metric.

    Args:
        path: The file.
        columns: All of them.
        rows: Its rows.
        told: Column to run and metric.
        step: The column that counts steps; None for the first one that is no run's.
    """
    step = step and (column_named(columns, step) or step)
    axis = step or next((column for column in columns if column not in told and not column.endswith(_BANDS)), None)
    if axis is None or (axis not in columns and step):
        raise InputError(f"{path}: no column of steps beside the runs; name it by --step")
    steps_of = {run: column for column, (run, metric) in told.items() if metric == "_step"}
    if not steps_of and step is None and "step" not in axis.lower() and "iter" not in axis.lower():
        raise InputError(
            f"{path}: column {axis} counts no steps: draw the chart over Step, or name the steps by --step"
        )
    runs: dict[str, dict[str, list[tuple[float, float | str]]]] = {}
    for row in rows:
        for column, (run, metric) in told.items():
            at = row.fields.get(steps_of.get(run, axis))
            if column not in row.fields or metric == "_step":
                continue
            if not isinstance(at, float):
                raise InputError(f"{path}, row {row.number}, column {axis}: need a whole number, got {str(at)[:40]!r}")
            runs.setdefault(run, {}).setdefault(metric, []).append((at, row.fields[column]))
    return [LoggedRun(run, str(path), {}, histories) for run, histories in runs.items()]
