"""A run folder written as a tree in the `batch_science` layout."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from empirics.errors import InputError
from empirics.exchange.layout import DEFAULT_METRIC, names_of, study_facts, trial_facts
from empirics.exchange.measurements import measurements_text
from empirics.records import Study, StudyRecord, TraceRecord, TrialRecord
from empirics.store.rows import Store
from empirics.store.schema import canonical_json
from empirics.store.store import read_store
from empirics.store.whole_folder import whole_folder
from empirics.workloads.goal_label import sign_of


@dataclass(frozen=True)
class Exported:
    """How much was written: studies, trials, and trials of which every goal test was."""

    studies: int
    trials: int
    full_curves: int


def export_tree(run: Path, target: Path) -> Exported:
    """Write the studies of a run folder as study.json, metadata.json and measurements.csv files.

    Only what was measured is written: a trial without traces has a measurements.csv without rows.

    Args:
        run: The run folder.
        target: Absent, or an empty folder.

    Returns:
        How much was written.

    Raises:
        InputError: If there is no run, or the target is not empty.
    """
    with read_store(run) as store, whole_folder(target) as partial:
        by_goal = [store.studies(goal) for goal in store.goals]
        studies = sorted({study for records in by_goal for study in records})
        if not studies:
            raise InputError(f"{run} holds no finished study; measure into it first")
        counts = [
            _write_study(store, [records[study] for records in by_goal if study in records], partial)
            for study in studies
        ]
    return Exported(len(studies), sum(trials for trials, _ in counts), sum(full for _, full in counts))


def _write_study(store: Store, records: Sequence[StudyRecord], target: Path) -> tuple[int, int]:
    """Write one study; return how many trials it has and how many full curves."""
    workload, study = store.identity["workload"], records[0].study
    facts = study_facts(workload, records, store.identity.get("search_space"))
    if sign_of(store.identity) not in {"", sign_of({})}:
        facts["metric"] = sign_of(store.identity)
    names = names_of(workload, study)
    folder = target / names.dataset / names.model / names.optimizer / str(study.batch_size)
    folder.mkdir(parents=True)
    _write_json(folder / "study.json", facts)
    traces: dict[int, list[TraceRecord]] = {}
    for trace in store.traces(study):
        traces.setdefault(trace.trial, []).append(trace)
    columns = sorted({trace.metric for of in traces.values() for trace in of}) or [DEFAULT_METRIC]
    full = 0
    trials = list(zip(*(record.trials for record in records), strict=False))
    for endings in trials:
        _refuse_unlike(study, records, endings)
        trial, own = endings[0].trial, traces.get(endings[0].trial, [])
        place = folder / str(trial)
        place.mkdir()
        _write_json(place / "metadata.json", trial_facts(records, endings, own, facts))
        text = measurements_text(columns, own)
        (place / "measurements.csv").write_text(text, encoding="utf-8", newline="")
        full += has_full_curve(records, endings, max((trace.steps for trace in own), key=len, default=()))
    return len(trials), full


def has_full_curve(records: Sequence[StudyRecord], endings: Sequence[TrialRecord], measured: Sequence[int]) -> bool:
    """Return whether every goal test that a trial is known to have seen was measured.

    Args:
        records: The outcome of its study for each goal.
        endings: The trial's record in each of them.
        measured: Steps at which there are measurements, ascending.
    """
    seen = max(
        ending.step if ending.ending == "complete" else record.seen_short(ending)
        for record, ending in zip(records, endings, strict=True)
    )
    if any(ending.short is not None for ending in endings):  # known from measurements at steps of any spacing
        return len(measured) > 0 and measured[-1] >= seen
    interval = records[0].eval_interval
    return {*range(interval, seen + 1, interval), *([seen] if seen else [])} <= set(measured)


def _refuse_unlike(study: Study, records: Sequence[StudyRecord], endings: Sequence[TrialRecord]) -> None:
    """Refuse trials that are not the same for every goal; one metadata.json cannot hold both."""
    same = {(ending.trial, canonical_json(ending.metaparameters)) for ending in endings}
    if len(same) > 1 or len({len(record.trials) for record in records}) > 1:
        raise InputError(f"{study}: its trials differ from goal to goal; use --format csv, a row a goal and trial")


def _write_json(path: Path, value: object) -> None:
    """Write a JSON file."""
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8", newline="")
