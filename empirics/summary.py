"""What a run says to a person: one line a study, one table a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from empirics.records import QUANTITIES, ConstantsRecord, StudyRecord
from empirics.search import at_edge
from empirics.specification import Study, number_text
from empirics.store import read_store

_EDGE_MARK = "*"


def describe_study(records: Sequence[StudyRecord]) -> str:
    """Return one line: what came out for each goal, of which trial, and at what cost."""
    outcomes = [f"goal {number_text(r.goal)} {_outcome(r)}" if len(records) > 1 else _outcome(r) for r in records]
    return f"{records[0].study}: {', '.join(outcomes)}, {sum(record.seconds for record in records):.1f} s"


def _outcome(record: StudyRecord) -> str:
    """Return what came out for one goal."""
    winner = record.winner
    if winner is None:
        diverged = all(trial.event == "infeasible" for trial in record.trials)
        unknown = "all trials diverged" if diverged else "errors not known"
        best = unknown if record.best_error is None else f"best at the end {record.best_error:.3f}"
        return f"not reached in {record.max_steps} steps ({best})"
    point = ", ".join(f"{name} {value:.3g}" for name, value in winner.metaparameters.items())
    return f"K* = {winner.step} (trial {winner.trial}: {point})"


def describe_run(folder: Path) -> str:
    """Return the table of K*(B) per sparsity, warnings, and the measured constants of a run folder.

    Args:
        folder: The run folder.
    """
    with read_store(folder) as store:
        constants, workload, sessions = store.constants(), store.identity["workload"], store.sessions()
        lines = []
        for goal in store.goals:
            studies = store.studies(goal)
            sign = store.identity.get("metric", "error <=")
            lines.append(f"\n{workload}, goal {sign} {number_text(goal)}: steps to result K*(B)")
            lines += [*_steps_table(studies), *_warnings(studies)]
    if constants:
        lines += ["", *_constants_table(constants)]
    peak = sessions[-1].get("peak_memory_bytes") if sessions else None
    if isinstance(peak, int):
        lines += ["", f"Most memory of a process: {peak / 1e9:.2f} GB."]
    return "\n".join(lines)


def _steps_table(studies: dict[Study, StudyRecord]) -> list[str]:
    """Return K* with a row a batch size and a column a sparsity and replicate."""
    columns = sorted({(study.sparsity, study.replicate) for study in studies})
    with_replicates = any(replicate for _, replicate in columns)
    titles = [f"S={sparsity:g}%" + (f" r={replicate}" if with_replicates else "") for sparsity, replicate in columns]
    lines = ["", f"{'B':>8}" + "".join(f"{title:>12}" for title in titles)]
    for batch_size in sorted({study.batch_size for study in studies}):
        cells = []
        for sparsity, replicate in columns:
            record = studies.get(Study(sparsity, replicate, batch_size))
            cells.append(f"{_cell(record):>12}")
        lines.append(f"{batch_size:>8}" + "".join(cells))
    return lines


def _cell(record: StudyRecord | None) -> str:
    """Return K* as text, `> budget` where no trial reached the goal, marked where the winner is at an edge."""
    if record is None:
        return "-"
    if record.winner is None:
        return f"> {record.max_steps}"
    return f"{record.winner.step}{_EDGE_MARK if _edges(record) else ' '}"


def _edges(record: StudyRecord) -> tuple[str, ...]:
    """Return the metaparameters for which the winner is the last point tried on one side."""
    if record.winner is None:
        return ()
    return at_edge([trial.metaparameters for trial in record.trials], record.trials.index(record.winner))


def _warnings(studies: dict[Study, StudyRecord]) -> list[str]:
    """Return what a reader should know before using the table."""
    lines = []
    at_an_edge = sorted({name for record in studies.values() for name in _edges(record)})
    if at_an_edge:
        lines.append(
            f"{_EDGE_MARK} the winner is the lowest or highest {', '.join(at_an_edge)} tried: K* may be lower outside "
            "the range, or between points with more --trials"
        )
    lines += [
        f"! {record.study}: {_outcome(record)}: try more --trials, more --max-steps or an easier --goal-error"
        for record in studies.values()
        if record.winner is None
    ]
    return ["", *lines] if lines else []


def _constants_table(constants: Sequence[ConstantsRecord]) -> list[str]:
    """Return L, Delta and beta with a row a sparsity and replicate."""
    first = constants[0]
    lines = [
        f"L along the winner's run at B = {first.study.batch_size} up to K*, Delta and beta at its start, on "
        f"{first.examples} training examples",
        "",
        f"{'sparsity':>8}" + "".join(f"{name:>12}" for name in QUANTITIES),
    ]
    for record in constants:
        values = "".join(
            f"{record.values[name]:>12.4g}" if name in record.values else f"{'-':>12}" for name in QUANTITIES
        )
        replicate = f"  r={record.study.replicate}" if record.study.replicate else ""
        lines.append(f"{record.study.sparsity:>7g}%{values}{replicate}")
    return lines
