"""Studies measured elsewhere, and the run folders made of them."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from empirics.errors import InputError
from empirics.reading.outside import Facts
from empirics.records import Study, StudyOutcome, StudyRecord, TraceRecord, number_text
from empirics.stopping import StopRule, read_stop_rule
from empirics.store.provenance import provenance
from empirics.store.store import open_store
from empirics.store.tables import write_curves
from empirics.store.whole_folder import whole_folder
from empirics.workloads.catalogue import WORKLOADS
from kstar.files import write_atomically


@dataclass(frozen=True)
class ImportOptions:
    """What a source may leave open.

    Args:
        goals: Goal errors asked for; empty: those of the source, else the workload's.
        metric: Column that is held against the goals, where goals are looked for in measurements.
        max_steps: Budget of a trial where the source does not tell; None: the workload's.
    """

    goals: tuple[float, ...] = ()
    metric: str = "val/classification_error"
    max_steps: int | None = None

    def goals_of(self, workload: str, source: object) -> tuple[float, ...]:
        """Return the goals asked for, or those of the workload of that name.

        Raises:
            InputError: If neither is known.
        """
        known = WORKLOADS.get(workload)
        if self.goals:
            return self.goals
        if known is None or known.goal_error is None:
            raise InputError(f"{source}: {workload} has no goal of its own; pass --goal-error, e.g. 0.1")
        return (known.goal_error,)

    def budget_of(self, workload: str) -> int | None:
        """Return the budget asked for, or that of the workload's data set; None where neither is known."""
        if self.max_steps is not None:
            return self.max_steps
        dataset = workload.partition("/")[0]
        return next((known.max_steps for known in WORKLOADS.values() if known.dataset == dataset), None)


def _no_traces() -> tuple[TraceRecord, ...]:
    """Return no traces."""
    return ()


@dataclass(frozen=True)
class ImportedStudy:
    """One study as it was found.

    Args:
        source: Where, for messages.
        workload: Its name.
        records: The outcome for each goal.
        stop: When it was over.
        prefix: Folders above the layout's own; studies of different ones belong to different runs.
        goals_apart: Whether studies of other goals belong to another run.
        sign: What its goals are held against, as `goal_sign` gives it; empty where the source does not say.
        traces: Reads what was measured along its trials, anew at each call, so that one study at a time is held.
    """

    source: str
    workload: str
    records: tuple[StudyRecord, ...]
    stop: StopRule
    prefix: tuple[str, ...] = ()
    goals_apart: bool = True
    sign: str = ""
    traces: Callable[[], tuple[TraceRecord, ...]] = _no_traces

    @property
    def says_something(self) -> bool:
        """Whether each goal was reached, or is known not to have been for some steps."""
        return all(record.winner is not None or record.lower > 0 for record in self.records)

    @property
    def goals(self) -> tuple[float, ...]:
        """The goals, in their order."""
        return tuple(record.goal for record in self.records)


@dataclass(frozen=True)
class ImportedRun:
    """Studies of one workload, goals and stop rule: what one run folder can hold."""

    name: str
    studies: tuple[ImportedStudy, ...]


def stop_of(facts: Facts) -> StopRule:
    """Return the stop rule that a source names; without one every trial went on to its end.

    Raises:
        InputError: If it names another; the message says where.
    """
    try:
        return read_stop_rule(facts.text("stop", default="never").split())
    except InputError:
        facts.refuse("stop", "one of race, hits M, factor F, never")


def merge_goals(studies: Sequence[ImportedStudy]) -> list[float]:
    """Return every goal of some studies, in order of appearance."""
    return list(dict.fromkeys(goal for study in studies for goal in study.goals))


def group_runs(studies: Sequence[ImportedStudy]) -> list[ImportedRun]:
    """Return the run folders that some studies make, with a name each.

    Raises:
        InputError: If two of them are the same study.
    """
    groups: dict[tuple[object, ...], list[ImportedStudy]] = {}
    for study in studies:
        goals = study.goals if study.goals_apart else ()
        groups.setdefault((study.prefix, study.workload, goals, study.sign, str(study.stop)), []).append(study)
    runs: dict[str, ImportedRun] = {}
    for members in groups.values():
        first, found = members[0], dict[Study, str]()
        for member in members:
            other = found.setdefault(member.records[0].study, member.source)
            if other != member.source:
                raise InputError(f"{other} and {member.source} are the same study of {first.workload}; import one")
        name = re.sub(r"[^A-Za-z0-9_.+-]", "-", "-".join((*first.prefix, first.workload))).strip(".-") or "run"
        if name in runs:
            name += "".join(f"-{number_text(goal)}" for goal in first.goals)
        while name in runs:
            name += "-other"
        runs[name] = ImportedRun(name, tuple(members))
    return list(runs.values())


def write_runs(runs: Sequence[ImportedRun], source: Path, source_format: str, target: Path) -> list[Path]:
    """Write one run folder, or one each below the target where there are several.

    Args:
        runs: What to write.
        source: Where it comes from, for the provenance.
        source_format: The source's format.
        target: Absent, or an empty folder.

    Returns:
        The run folders.

    Raises:
        InputError: If the target is not empty.
    """
    with whole_folder(target) as partial:
        for run in runs:
            _write_run(partial if len(runs) == 1 else partial / run.name, run, source, source_format)
    return [target] if len(runs) == 1 else [target / run.name for run in runs]


def _write_run(folder: Path, run: ImportedRun, source: Path, source_format: str) -> None:
    """Write one run folder."""
    first = run.studies[0]
    identity: dict[str, object] = {
        "workload": first.workload,
        "goal_error": merge_goals(run.studies),
        "stop": str(first.stop),
        **({"metric": first.sign} if first.sign else {}),
        "imported": {"format": source_format},
    }
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    facts = {**provenance(), "imported_from": str(source), "format": source_format}
    with open_store(folder, identity) as store:
        store.add_session(started, facts)
        for study in run.studies:
            store.add_study(StudyOutcome(study.records, study.traces()))
        write_curves(folder, first.workload, store.outcomes())
        kept = {"identity": identity, "sessions": store.sessions()}
        write_atomically(folder / "provenance.json", json.dumps(kept, indent=2) + "\n")
