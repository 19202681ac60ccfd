"""Curves in: from one flat CSV file, with a row a study or a row a trial.

Every refusal is a ValueError of one line that names the file, the row (the header is row 1) and the column.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from empirics.reading.table import Row, Table, listed, metaparameter_columns, other_columns, read_table
from verification.records.curves import Curve, CurvePoint, curve_groups
from verification.records.trials import Trial, read_metaparameters, read_trial, study_interval, tested_last, winner


def read_curves(path: Path) -> tuple[tuple[Curve, ...], tuple[str, ...]]:
    """Read curves and notes from one CSV file.

    Args:
        path: A CSV file, see `read_records`; with a column `trial` each row is one trial, and a study's result the
            least over its trials.

    Returns:
        The curves, and notes on how the file was read.

    Raises:
        ValueError: If the file is missing, empty or malformed.
    """
    table = read_table(path)
    grouped = _trial_curves(table) if "trial" in table.columns else _study_curves(table)
    grouped = [curve.without_equal_repeats() for curve in _timed(grouped, table)]
    return tuple(curve for members in curve_groups(grouped).values() for curve in members), _notes(table)


def _timed(curves: list[Curve], table: Table) -> list[Curve]:
    """Return curves with the mean seconds of a step at each batch size, where the table has them."""
    if "seconds_per_step" not in table.columns:
        return curves
    told: dict[tuple[str, str, float], dict[int, list[float]]] = {}
    for row in table.rows:
        seconds = row.number_in("seconds_per_step", low=0.0)
        if seconds == 0.0:
            raise row.refuse("seconds_per_step", "need a number > 0")
        if seconds is not None:
            curve = row.text("workload"), row.text("goal"), row.percentage("sparsity")
            told.setdefault(curve, {}).setdefault(row.whole("batch_size", low=1), []).append(seconds)
    means = {key: {size: sum(all_) / len(all_) for size, all_ in sizes.items()} for key, sizes in told.items()}
    return [replace(one, seconds_per_step=means.get((*one.group, one.sparsity), {})) for one in curves]


def _study_curves(table: Table) -> list[Curve]:
    """Return the curves of a table with one row per study."""
    grouped: dict[tuple[str, str, float], list[CurvePoint]] = {}
    stops: dict[tuple[str, str, float], str] = {}
    columns = metaparameter_columns(table)
    for row in table.rows:
        curve, point = (row.text("workload"), row.text("goal"), row.percentage("sparsity")), _point(row, columns)
        grouped.setdefault(curve, []).append(point)
        stops[curve] = row.text("stop")
    return [
        Curve(
            workload=workload,
            goal=goal,
            sparsity=sparsity,
            points=tuple(sorted(points, key=lambda p: (p.batch_size, p.replicate))),
            stop=stops[workload, goal, sparsity],
        )
        for (workload, goal, sparsity), points in grouped.items()
    ]


def _trial_curves(table: Table) -> list[Curve]:
    """Return the curves of a table with one row per trial."""
    grouped: dict[tuple[str, str, float], dict[tuple[int, int], list[Trial]]] = {}
    columns = metaparameter_columns(table)
    for row in table.rows:
        curve, trial = (row.text("workload"), row.text("goal"), row.percentage("sparsity")), read_trial(row, columns)
        grouped.setdefault(curve, {}).setdefault((trial.batch_size, trial.replicate), []).append(trial)
    curves = []
    for (workload, goal, sparsity), studies in grouped.items():
        points = []
        for (batch_size, replicate), trials in sorted(studies.items()):
            interval = study_interval(trials)
            if interval is None:
                raise ValueError(
                    f"{table.path}: batch size {batch_size}: every trial is infeasible; give lower, the steps trained"
                )
            best = winner(trials)
            points.append(CurvePoint(batch_size, replicate, *interval, best.metaparameters if best else {}))
        every = tuple(trial for _, trials in sorted(studies.items()) for trial in trials)
        stop = "race" if any(trial.status == "censored" for trial in every) else ""
        curves.append(
            Curve(workload=workload, goal=goal, sparsity=sparsity, points=tuple(points), trials=every, stop=stop)
        )
    return curves


def _notes(table: Table) -> tuple[str, ...]:
    """Return what a reader should know of how a table was read."""
    named = "replicate" in table.columns  # then a name of each run is there for people
    others = (name for name in other_columns(table) if not (named and name == "run"))
    unread = [name for name in others if name in table.columns]
    notes = [*table.notes, *([f"columns not read: {listed(unread)}"] if unread else [])]
    return tuple(f"{table.path.name}: {note}" for note in notes)


def _point(row: Row, columns: Sequence[str]) -> CurvePoint:
    """Return the measured interval of a row, after checking that its columns agree with each other."""
    batch_size = row.whole("batch_size", low=1)
    replicate = row.whole("replicate", low=0, default=0)
    steps = row.steps("steps_to_result")
    lower, upper = row.steps("lower"), row.steps("upper")
    status = row.text("status") or ("not_reached" if steps is None else "reached")
    if status == "reached":
        interval = _reached_interval(row, steps, lower, upper)
        return CurvePoint(batch_size, replicate, *interval, read_metaparameters(row, columns))
    if status != "not_reached":
        raise row.refuse("status", f"need reached or not_reached, got {status!r}")
    if steps is not None or upper is not None:
        raise row.refuse("status", "not_reached, yet steps_to_result or upper is given")
    if not lower:
        raise row.refuse(
            "lower",
            "need the step budget (> 0) of a study that did not reach its goal, "
            "here or in max_steps; or write its steps as >5000",
        )
    return CurvePoint(batch_size, replicate, lower, None)


def _reached_interval(row: Row, steps: float | None, lower: float | None, upper: float | None) -> tuple[float, float]:
    """Return (lower, upper] of a study that reached its goal; both equal the count where it is exact."""
    if not steps:
        raise row.refuse("steps_to_result", "need a number > 0")
    if lower is None and upper is None:
        return tested_last(row, steps), steps
    if lower is None:
        raise row.refuse("lower", "need a number, since upper is given")
    top = steps if upper is None else upper
    if not (lower < steps <= top or lower == steps == top):
        raise row.refuse("steps_to_result", f"need lower < {steps:g} <= upper, got ({lower:g}, {top:g}]")
    return lower, top
