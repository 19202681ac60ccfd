"""Studies read from a flat CSV table, one row for each trial or study."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from empirics.columns import CURVES_COLUMNS, TRIALS_COLUMNS
from empirics.errors import InputError
from empirics.exchange.imported_runs import ImportedStudy, ImportOptions, stop_of
from empirics.reading.outside import MOST_STEPS, Facts
from empirics.reading.table import Row, Table, holds_texts, listed, metaparameter_columns, other_columns, read_table
from empirics.records import STATUSES, Study, StudyRecord, TrialRecord
from empirics.stopping import StopRule

_TEXTS = {"workload", "status", "stop"}
_WHOLE = re.compile(r"[+-]?[0-9]{1,30}")
_UNREAD = tuple(name for name in CURVES_COLUMNS if name not in TRIALS_COLUMNS)


@dataclass(frozen=True)
class _Row:
    """One row: which trial it is of, and the fields that say how it ended."""

    facts: Facts
    workload: str
    goal: float
    study: Study
    trial: int
    stop: StopRule
    metaparameters: dict[str, float]


def read_trials(source: Path, options: ImportOptions) -> tuple[list[ImportedStudy], list[str]]:
    """Return the studies of a CSV file, and what a user should know of them.

    Args:
        source: The file. `batch_size` and `steps_to_result` (or `steps`) are needed; without `trial` a row is a study
            of one trial; columns of numbers that have no other meaning are metaparameters.
        options: Goal and budget where the file does not tell.

    Raises:
        InputError: If something in it cannot be used; the message names row and column.
    """
    table = read_table(source)
    searched, unread = _split_columns(table)
    by_study: dict[tuple[str, Study], dict[float, list[_Row]]] = {}
    for one in table.rows:
        row = _row(_facts(one), source, searched, options)
        by_study.setdefault((row.workload, row.study), {}).setdefault(row.goal, []).append(row)
    studies = [
        ImportedStudy(
            source=f"{source}, {study}",
            workload=workload,
            records=tuple(_record(rows, options) for rows in goals.values()),
            stop=next(iter(goals.values()))[0].stop,
            goals_apart=False,
        )
        for (workload, study), goals in by_study.items()
    ]
    notes = [*table.notes, *([f"columns not read: {listed(unread)}"] if unread else [])]
    return studies, [f"notice: {source}: {note}" for note in notes]


def _split_columns(table: Table) -> tuple[list[str], list[str]]:
    """Return the columns that are metaparameters, and those that are not read."""
    others = other_columns(table)
    texts = {name for name in others if holds_texts(table, name)}
    known = metaparameter_columns(table)
    searched = [name for name in table.columns if name in known or (name in others and name not in texts)]
    return searched, [name for name in table.columns if name in _UNREAD or name in texts]


def _facts(row: Row) -> Facts:
    """Return the filled fields of a row."""
    cells = {name: row.text(name) for name in row.fields if row.text(name)}
    fields = {name: cell if name in _TEXTS else _parsed(cell) for name, cell in cells.items()}
    row.percentage("sparsity")
    return Facts(Path(f"{row.path}, row {row.number}"), fields)


def _parsed(cell: str) -> object:
    """Return a cell's number, or its text where it is none."""
    if _WHOLE.fullmatch(cell):
        return int(cell)
    try:
        value = math.nan if "_" in cell else float(cell)
    except ValueError:
        return cell
    return value if math.isfinite(value) else cell


def _row(facts: Facts, source: Path, searched: Sequence[str], options: ImportOptions) -> _Row:
    """Return one row, checked as far as it can be by itself."""
    workload = facts.text("workload", default=source.stem if source.stem.isprintable() else "unnamed")
    if "goal" in facts.fields and options.goals:
        raise InputError(f"{facts.path}: tells the goal itself; leave --goal-error out")
    goal = facts.number("goal") if "goal" in facts.fields else _only(options.goals_of(workload, source), source)
    sparsity = facts.number("sparsity") if "sparsity" in facts.fields else 0.0
    stop = stop_of(facts)
    study = Study(sparsity, facts.whole("replicate", low=0, default=0), facts.whole("batch_size", low=1))
    point = {name: facts.number(name) for name in searched if name in facts.fields}
    trial = facts.whole("trial", low=0, high=10**9, default=0)
    return _Row(facts, workload, goal, study, trial, stop, point)


def _only(goals: Sequence[float], source: Path) -> float:
    """Return the one goal there is."""
    if len(goals) > 1:
        raise InputError(f"{source}: has no column goal, so it is of one goal; pass one --goal-error")
    return goals[0]


def _record(rows: Sequence[_Row], options: ImportOptions) -> StudyRecord:
    """Return the outcome of one study for one goal."""
    first = rows[0]
    seen: dict[int, _Row] = {}
    for row in rows:
        if (other := seen.setdefault(row.trial, row)) is not row:
            raise InputError(f"{row.facts.path} repeats {other.facts.path.name}: number the trials or the replicates")
        for name, default in (("stop", "never"), ("max_steps", None), ("eval_interval", None)):
            if row.facts.fields.get(name, default) != first.facts.fields.get(name, default):
                row.facts.refuse(name, f"that of {first.facts.path.name}, for they are of one study")
    known = [row.facts.whole(name, low=0, default=0) for row in rows for name in ("steps_to_result", "lower", "upper")]
    told = first.facts.whole("max_steps", low=1, default=options.max_steps or 0)
    budget = max(told or max(known), 1)
    interval = first.facts.whole("eval_interval", low=1, default=1)
    trials = tuple(_trial(seen[number], told, budget) for number in sorted(seen))
    return StudyRecord(first.study, first.goal, trials, budget, interval, None, 0.0, first.stop)


def _trial(row: _Row, told: int, budget: int) -> TrialRecord:
    """Return how the trial of a row ended."""
    facts, point = row.facts, row.metaparameters
    reached = "steps_to_result" in facts.fields
    status = STATUSES.get(facts.text("status", default="complete" if reached else "incomplete").lower())
    if status is None:
        facts.refuse("status", f"one of {', '.join(STATUSES)}")
    if reached != (status == "complete") and not (reached and status == "censored"):
        facts.refuse("status", "complete or reached where steps_to_result is given, and only there")
    if reached:
        step = facts.whole("steps_to_result", low=1, high=told or MOST_STEPS)
        facts.whole("upper", low=step, high=step, default=step)
        lower = facts.whole("lower", low=0, high=step, default=step - 1)
        return TrialRecord(row.trial, point, "complete", step, min(lower, step - 1))
    if status == "infeasible":
        step = facts.whole("upper", low=1, default=budget)
        lower = facts.whole("lower", low=0, high=step, default=0)
        return TrialRecord(row.trial, point, "infeasible", step, None if lower == step else lower)
    if "lower" not in facts.fields and (not told or status == "censored"):
        facts.refuse("lower", "the steps trained; or give max_steps or --max-steps, or write the steps as >5000")
    lower = facts.whole("lower", low=0, default=told)
    return TrialRecord(row.trial, point, "incomplete", lower if status == "censored" else max(budget, lower), lower)
