"""A flat CSV table of trials: one row a goal, study and trial."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from empirics.columns import CURVES_COLUMNS, TRIALS_COLUMNS
from empirics.errors import InputError
from empirics.records import StudyRecord, TrialRecord, number_text
from empirics.store.store import read_store
from kstar.files import csv_text, write_atomically


def export_table(run: Path, target: Path) -> int:
    """Write every trial of a run folder as a row of one CSV file.

    Args:
        run: The run folder.
        target: The file, which must not be there yet.

    Returns:
        The number of rows.

    Raises:
        InputError: If there is no run, or the file is there.
    """
    if target.exists():
        raise InputError(f"{target} already exists; name another --to")
    with read_store(run) as store:
        records = store.outcomes()
        workload = store.identity["workload"]
    if not records:
        raise InputError(f"{run} holds no finished study; measure into it first")
    searched = list(
        dict.fromkeys(name for record in records for trial in record.trials for name in trial.metaparameters)
    )
    taken = sorted({*TRIALS_COLUMNS, *CURVES_COLUMNS}.intersection(searched))
    if taken:
        raise InputError(f"{run}: its metaparameter {taken[0]} has the name of a column; use --format batch-science")
    rows = [(workload, *_row(record, trial), *_point(trial, searched)) for record in records for trial in record.trials]
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, csv_text([*TRIALS_COLUMNS, *searched], rows))
    return len(rows)


def _point(trial: TrialRecord, searched: Iterable[str]) -> list[str]:
    """Return a trial's metaparameters, blank where it has none of a name."""
    return [repr(trial.metaparameters[name]) if name in trial.metaparameters else "" for name in searched]


def _row(record: StudyRecord, trial: TrialRecord) -> tuple[object, ...]:
    """Return the columns of a trial between workload and metaparameters."""
    study, status = record.study, record.status(trial)
    steps: tuple[object, object, object] = ("", record.seen_short(trial), "")
    if trial.ending == "complete":
        steps = (trial.step, record.seen_short(trial), trial.step)
    elif status == "infeasible":  # one number twice where the step of the divergence is known
        steps = ("", trial.step if trial.short is None else trial.short, trial.step)
    head = (number_text(record.goal), number_text(study.sparsity), study.replicate, trial.trial, study.batch_size)
    return (*head, *steps, status, str(record.stop), record.max_steps, record.eval_interval)
