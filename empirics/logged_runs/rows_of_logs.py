"""Runs from rows: a table or JSON lines, with a row for each step or for each run."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from empirics.errors import InputError
from empirics.logged_runs.logged_run import LoggedRun
from empirics.reading.endings import BLANKS
from empirics.reading.names import is_seed, listed, meaning_of
from empirics.reading.numbers import looks_like_number
from empirics.reading.table import is_of_a_curve, is_searched

# What loggers call the step of a value, by the last part of its name.
_STEPS = ("step", "_step", "global_step", "globalstep", "iteration", "iter", "iterations", "steps")
# What they call a run; the first that is there counts. W&B, MLflow, others.
_RUNS = ("run", "name", "run_name", "tags.mlflow.runname", "run_id", "run id", "runid", "id", "experiment", "trial")
# Fewer steps in order may be chance.
_LEAST_HISTORY = 5
_KEYS, _VALUES = ("key", "metric", "tag", "metric_name"), ("value", "metric_value")


@dataclass(frozen=True)
class LogRow:
    """One row.

    Attributes:
        number: Of its line in the file.
        fields: Column to number or text; what is blank is left out.
    """

    number: int
    fields: Mapping[str, float | str]


def runs_of_rows(path: Path, columns: Sequence[str], rows: Sequence[LogRow], step: str | None) -> list[LoggedRun]:
    """Return the runs of some rows.

    Rows with a step are values of metrics; what is the same in all rows of a run is its config. Without a column of
    steps every row is a run.

    Args:
        path: The file, for messages and for the name of a run that has none.
        columns: In the order of the file.
        rows: At least one.
        step: The column that counts steps; None for one of the names that loggers use.

    Raises:
        InputError: If that column is missing, or a step is no number.
    """
    named = _first(columns, _RUNS)
    counted = _step_column(path, columns, step)
    if counted is None:
        return _one_each(path, rows, named)
    columns, rows = _one_column_a_metric(columns, rows)
    steps = [row for row in rows if counted in row.fields]
    apart = [column for column in columns if column == named or _tells_runs_apart(column, named=bool(named))]
    apart = [column for column in apart if column == named or all(column in row.fields for row in steps)]
    of_runs = _grouped(steps, [column for column in apart if not is_searched(column)])
    apart = [column for column in apart if not _is_scheduled(of_runs, column, counted)]
    runs = _grouped(rows, apart)
    if max(map(len, runs)) == 1:  # the last step of each run, in a table of runs
        return _one_each(path, rows, named)
    _refuse_changing_rates(path, of_runs, [column for column in apart if is_searched(column)], counted)
    if named and (size := next((column for column in apart if meaning_of(column) == "batch_size"), "")):
        _refuse_growing_batches(path, steps, named, counted, size)
    return [_run(path, members, {counted, *apart}, counted, named) for members in runs]


def _grouped(rows: Sequence[LogRow], columns: Sequence[str]) -> list[list[LogRow]]:
    """Return the rows that are equal in some columns together, in the order of the file."""
    found: dict[tuple[float | str | None, ...], list[LogRow]] = {}
    for row in rows:
        found.setdefault(tuple(row.fields.get(column) for column in columns), []).append(row)
    return list(found.values())


def _is_scheduled(runs: Sequence[Sequence[LogRow]], column: str, counted: str) -> bool:
    """Return whether a column changes along runs: steps ascend from the beginning, and each has one value.

    A table of trials, even in order, begins at steps far larger than the gaps between them, and two runs in one have
    two values at a step. Runs of a few rows tell nothing.
    """
    changes = False
    for rows in runs:
        values: dict[float | str, float | str | None] = {}
        if any(values.setdefault(row.fields[counted], now) != now for row in rows for now in [row.fields.get(column)]):
            return False
        steps = [at for at in values if isinstance(at, float)]
        gaps = [late - early for early, late in pairwise(steps)]
        if len(steps) < len(values) or min(gaps, default=1.0) <= 0.0:
            return False
        if len(steps) >= _LEAST_HISTORY:
            if steps[0] > max(gaps):
                return False
            changes |= len(set(values.values())) > 1
    return changes


def _refuse_changing_rates(path: Path, runs: Sequence[Sequence[LogRow]], columns: Sequence[str], counted: str) -> None:
    """Refuse rows that tell runs apart by a rate although one goes on where another ends.

    Raises:
        InputError: If there are such rows.
    """
    for column in columns:
        for rows in runs:
            spans: dict[float | str, list[float]] = {}
            for row in rows:
                if isinstance(at := row.fields[counted], float) and column in row.fields:
                    spans.setdefault(row.fields[column], []).append(at)
            several = sorted((steps for steps in spans.values() if len(steps) > 1), key=min)
            if any(max(before) < min(after) for before, after in pairwise(several)):
                raise InputError(
                    f"{path}: {column} tells runs apart, yet one goes on where another ends: give each run a name in a "
                    "column run"
                )


def _refuse_growing_batches(path: Path, rows: Sequence[LogRow], named: str, counted: str, size: str) -> None:
    """Refuse a run whose batch size changes while it trains; runs of one name have steps in common.

    Raises:
        InputError: If there is one.
    """
    spans: dict[float | str, dict[float | str, list[float]]] = {}
    for row in rows:
        if isinstance(at := row.fields[counted], float) and {named, size} <= row.fields.keys():
            spans.setdefault(row.fields[named], {}).setdefault(row.fields[size], []).append(at)
    for run, by_size in spans.items():
        for (early, before), (late, after) in pairwise(sorted(by_size.items(), key=lambda one: min(one[1]))):
            if max(before) < min(after):
                change = f"{text_of(early)} to {text_of(late)} at step {text_of(min(after))}"
                raise InputError(
                    f"{path}: the batch size of run {text_of(run)} changes from {change}: leave out runs that change it"
                )


def _one_each(path: Path, rows: Sequence[LogRow], named: str) -> list[LoggedRun]:
    """Return a run for each row, without a history."""
    return [LoggedRun(_name(row, named, f"row {row.number}"), str(path), _config([row])) for row in rows]


def _run(path: Path, rows: Sequence[LogRow], known: Container[str], counted: str, named: str) -> LoggedRun:
    """Return the run of some rows; the columns that are no metrics are known."""
    histories: dict[str, list[tuple[float, float | str]]] = {}
    for row in rows:
        at = row.fields.get(counted)
        if at is None:
            continue  # says something of the run as a whole
        if isinstance(at, str) or not math.isfinite(at):
            raise InputError(f"{path}, row {row.number}, column {counted}: need a whole number, got {str(at)[:40]!r}")
        for column, value in row.fields.items():
            if column not in known:
                histories.setdefault(column, []).append((at, value))
    kept = {
        column: values for column, values in histories.items() if any(isinstance(value, float) for _, value in values)
    }
    return LoggedRun(_name(rows[0], named, path.stem), str(path), _config(rows), kept)


def run_of_rows(path: Path, rows: Sequence[LogRow], step: str, name: str, config: Mapping[str, str]) -> LoggedRun:
    """Return the one run that some rows are of.

    Args:
        path: The file, for messages.
        rows: Those of one step may be several, each with some of its values.
        step: The column that counts steps.
        name: Of the run.
        config: What it was started with.

    Raises:
        InputError: If a step is no number.
    """
    found = _run(path, rows, {step}, step, "") if rows else LoggedRun(name, str(path))
    return replace(found, name=name, config={**found.config, **config})


def _config(rows: Sequence[LogRow]) -> dict[str, str]:
    """Return what is the same in every row that says it."""
    seen: dict[str, set[float | str]] = {}
    for row in rows:
        for column, value in row.fields.items():
            seen.setdefault(column, set()).add(value)
    return {column: text_of(next(iter(values))) for column, values in seen.items() if len(values) == 1}


def _name(row: LogRow, named: str, otherwise: str) -> str:
    """Return the name of the run that a row is of."""
    return text_of(row.fields[named]) if named in row.fields else otherwise


def _first(columns: Iterable[str], names: Sequence[str]) -> str:
    """Return the first column of some names, empty without one."""
    known = {column.lower(): column for column in reversed(list(columns))}
    return next((known[name] for name in names if name in known), "")


def _step_column(path: Path, columns: Sequence[str], step: str | None) -> str | None:
    """Return the column that counts steps, None where rows are whole runs."""
    if step is None:
        by_end = {column.lower().rpartition("/")[2]: column for column in reversed(columns)}
        return next((by_end[name] for name in _STEPS if name in by_end), None)
    found = column_named(columns, step)
    if found is None:
        raise InputError(f"{path}: no column {step} among: {listed(columns)}; name the steps by --step")
    return found


def column_named(columns: Sequence[str], name: str) -> str | None:
    """Return the column of a name, or else one that differs in capitals alone; None without one.

    Example:
        >>> column_named(["Epoch", "epoch", "Loss"], "epoch"), column_named(["Epoch"], "epoch")
        ('epoch', 'Epoch')
    """
    alike = [column for column in columns if column.lower() == name.lower()]
    return name if name in alike else next(iter(alike), None)


def _tells_runs_apart(column: str, *, named: bool) -> bool:
    """Return whether runs differ in a column: batch size, seed; where they have no name also rate and model."""
    if meaning_of(column) in {"batch_size", "sparsity", "trial", "replicate"} or is_seed(column):
        return True
    return not named and (is_searched(column) or is_of_a_curve(column))


def _one_column_a_metric(columns: Sequence[str], rows: Sequence[LogRow]) -> tuple[Sequence[str], Sequence[LogRow]]:
    """Return rows that name a metric and its value with the metric as column."""
    key, value = _first(columns, _KEYS), _first(columns, _VALUES)
    if not (key and value):
        return columns, rows
    told = []
    for row in rows:
        fields = {column: one for column, one in row.fields.items() if column not in {key, value}}
        if key in row.fields and value in row.fields:
            fields[text_of(row.fields[key])] = row.fields[value]
        told.append(LogRow(row.number, fields))
    return [column for column in columns if column not in {key, value}], told


def text_of(value: float | str) -> str:
    """Return a value as text, whole numbers without a fraction.

    Example:
        >>> text_of(64.0), text_of(0.1), text_of("sgd")
        ('64', '0.1', 'sgd')
    """
    if isinstance(value, str):
        return value
    return str(int(value)) if math.isfinite(value) and value == int(value) and abs(value) < 1e15 else repr(value)


def value_of(text: str) -> float | str | None:
    """Return a cell with its fraction after a point as a number, as text where it is none, None where it is blank.

    Example:
        >>> value_of("1e-3"), value_of("sgd"), value_of(""), value_of("NaN")
        (0.001, 'sgd', None, nan)
    """
    if text.lower() in {"nan", "-nan"}:
        return math.nan
    if text.lower() in BLANKS:
        return None
    try:
        return float(text) if looks_like_number(text) else text
    except ValueError:
        return text
