"""Studies read from a tree in the `batch_science` layout."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from empirics.columns import share_for_percent
from empirics.errors import InputError
from empirics.exchange.imported_runs import ImportedStudy, ImportOptions, stop_of
from empirics.exchange.layout import Names, own_parameters
from empirics.exchange.measurements import Measurements, first_passage, read_measurements
from empirics.reading.outside import Facts, find_study_folders, read_facts, subfolders
from empirics.records import STATUSES, Study, StudyRecord, TraceRecord, TrialRecord
from empirics.stopping import StopRule
from empirics.workloads.goal_label import goal_sign, sign_of

_MOST_TRIALS = 100_000
_MOST_VALUES = 2**24  # measured in one study; each is 32 bytes while it is held
_INTEGER = re.compile(r"[0-9]{1,9}")
_STATUSES = {"COMPLETE", "INCOMPLETE", "INFEASIBLE"}


@dataclass(frozen=True)
class _Trial:
    """One trial as it was found."""

    folder: Path
    facts: Facts
    measured: Measurements
    number: int
    status: str
    parameters: dict[str, float]
    steps: int  # that it is known to have trained


@dataclass(frozen=True)
class _Protocol:
    """How the trials of a study were run and judged."""

    goals: tuple[float, ...]
    recorded: bool  # whether trials say themselves what happened on the way to these goals
    metric: str
    maximise: bool  # whether the study says that a goal of this metric is reached from below
    budget: int  # 0 where it is not known
    interval: int
    stop: StopRule


def read_tree(source: Path, options: ImportOptions) -> tuple[list[ImportedStudy], list[str]]:
    """Return the studies at and below a folder, and what a user should know of them.

    Args:
        source: A whole tree, or any part of it down to one study.
        options: Goals, metric and budget where they are not the source's.

    Raises:
        InputError: If something in it cannot be used.
    """
    folders, links = find_study_folders(source)
    notices = [f"notice: {link} is a link and was not followed" for link in links]
    studies, unusual = [], []
    for folder in folders:
        study, trials = _read_study(folder, source, options)
        studies.append(study)
        winners = {record.winner.trial for record in study.records if record.winner}
        if any(trial.number in winners and trial.status != "COMPLETE" for trial in trials):
            unusual.append(folder)
    if unusual:
        notices.append(
            f"notice: in {len(unusual)} studies, the first {unusual[0]}, the winner reached its goal but is marked "
            "INCOMPLETE or INFEASIBLE; the original reader leaves such trials out unless told otherwise"
        )
    return studies, notices


def _read_study(folder: Path, source: Path, options: ImportOptions) -> tuple[ImportedStudy, list[_Trial]]:
    """Return one study and its trials."""
    facts = read_facts(folder / "study.json")
    if folder != source and not _INTEGER.fullmatch(folder.name):
        raise InputError(f"{folder}: a study's folder must have its batch size for a name, an integer")
    trials = sorted(_read_trials(folder), key=lambda trial: trial.number)
    if len({trial.number for trial in trials}) < len(trials):
        raise InputError(f"{folder}: two trials have the same trial_id")
    workload, study = _identify(folder, facts, trials)
    protocol = _protocol(folder, facts, workload, trials, options)
    records = _records(facts, study, protocol, trials)
    found = ImportedStudy(
        source=str(folder),
        workload=workload,
        records=records,
        stop=protocol.stop,
        prefix=folder.relative_to(source).parts[:-4],
        sign=_sign(facts, workload, protocol),
        traces=partial(_read_traces, study, {trial.number: trial.folder for trial in trials}),
    )
    return found, trials


def _read_trials(folder: Path) -> list[_Trial]:
    """Return the trials of a study."""
    trials, values = [], 0
    for place in _trial_folders(folder):
        trials.append(_read_trial(place))
        values += len(trials[-1].measured.steps) * (1 + len(trials[-1].measured.columns))
        if values > _MOST_VALUES:
            raise InputError(f"{folder} holds more than {_MOST_VALUES} measured values, the most a study may have")
    return trials


def _trial_folders(folder: Path) -> list[Path]:
    """Return the folders of a study's trials."""
    folders, _ = subfolders(folder)
    for trial in folders:
        if not _INTEGER.fullmatch(trial.name):
            raise InputError(f"{trial}: a trial's folder must have its number for a name, an integer")
    if not 0 < len(folders) <= _MOST_TRIALS:
        raise InputError(f"{folder}: {len(folders)} trials; a study has 1..{_MOST_TRIALS}")
    return folders


def _read_trial(folder: Path) -> _Trial:
    """Return one trial."""
    facts = read_facts(folder / "metadata.json")
    status = facts.text("status", default="INCOMPLETE").upper()
    if status not in _STATUSES:
        facts.refuse("status", f"one of {', '.join(sorted(_STATUSES))}")
    parameters = facts.table("parameters")
    measured = read_measurements(folder / "measurements.csv")
    return _Trial(
        folder=folder,
        facts=facts,
        measured=measured,
        number=facts.whole("trial_id", low=0, high=10**9, default=int(folder.name)),
        status=status,
        parameters=own_parameters({name: parameters.number(name) for name in parameters.names()}),
        steps=max(facts.whole("steps", low=0, default=0), measured.last),
    )


def _identify(folder: Path, facts: Facts, trials: Sequence[_Trial]) -> tuple[str, Study]:
    """Return the workload and the study; folders name what study.json does not."""
    above = ("unnamed", "unnamed", "unnamed", *folder.absolute().parts[-4:-1])[-3:]
    dataset, model, optimizer = (
        facts.text(name, default=word) for name, word in zip(("dataset", "model", "optimizer"), above, strict=True)
    )
    if not optimizer.endswith("_linear") and any("decay_steps" in trial.parameters for trial in trials):
        optimizer += "_linear"
    names = Names(dataset, model, optimizer)
    sparsity, replicate = names.sparsity_and_replicate
    if "sparsity" in facts.fields:
        sparsity = facts.number("sparsity")
    if not 0 <= sparsity < 100:
        raise InputError(f"{facts.path}: a sparsity of {sparsity:g} must be a percentage in [0, 100)")
    if share := share_for_percent(sparsity):
        raise InputError(f"{facts.path}: sparsity {share}")
    named = int(folder.name) if _INTEGER.fullmatch(folder.name) else None
    study = Study(
        sparsity,
        facts.whole("replicate", low=0, default=replicate),
        facts.whole("batch_size", low=1, default=named),
    )
    return facts.text("workload", default=names.workload), study


def _protocol(folder: Path, facts: Facts, workload: str, trials: Sequence[_Trial], options: ImportOptions) -> _Protocol:
    """Return how a study was run and is to be judged."""
    if options.goals or "goal_error" not in facts.fields:
        goals = options.goals_of(workload, folder)
    else:
        goals = tuple(dict.fromkeys(facts.numbers("goal_error")))
    recorded = not options.goals and all("events" in trial.facts.fields for trial in trials)
    stop = stop_of(facts)
    for trial in trials:
        if not recorded and trial.measured.steps and options.metric not in trial.measured.columns:
            raise InputError(
                f"{trial.folder / 'measurements.csv'} has no column {options.metric}; pass --metric with one of "
                f"{', '.join(trial.measured.columns) or 'none'}"
            )
    budget = facts.whole("train_steps", low=0, default=0) or options.max_steps or 0
    interval = facts.whole("check_interval", low=1, default=1)
    maximise = facts.text("metric", default="") == _sign_of_column(options.metric, maximise=True)
    return _Protocol(goals, recorded, options.metric, maximise, budget, interval, stop)


def _sign(facts: Facts, workload: str, protocol: _Protocol) -> str:
    """Return what the goals of a study are held against; empty where nothing says it."""
    if not protocol.recorded:
        return _sign_of_column(protocol.metric, maximise=protocol.maximise)
    return facts.text("metric", default="" if ":" in workload else sign_of({}))


def _sign_of_column(column: str, *, maximise: bool) -> str:
    """Return what a goal is held against where a column of measurements is."""
    return goal_sign(column.rpartition("/")[2], maximise=maximise)


def _records(facts: Facts, study: Study, protocol: _Protocol, trials: Sequence[_Trial]) -> tuple[StudyRecord, ...]:
    """Return the outcome of a study for each goal."""
    records = []
    for index, goal in enumerate(protocol.goals):
        endings = tuple(_ending(trial, index, goal, protocol) for trial in trials)
        reached = [ending.step for ending in endings if ending.ending == "complete"]
        if reached and min(reached) == 0:
            raise InputError(f"{facts.path}: goal {goal:g} is met at step 0, before training; choose a harder one")
        budget = max([protocol.budget, *reached]) if protocol.budget else max(trial.steps for trial in trials)
        best = None if reached else _best_error(facts, index, protocol, trials)
        record = StudyRecord(study, goal, endings, max(budget, 1), protocol.interval, best, 0.0, protocol.stop)
        records.append(record)
    return tuple(records)


def _ending(trial: _Trial, index: int, goal: float, protocol: _Protocol) -> TrialRecord:
    """Return how a trial ended on its way to a goal."""
    if protocol.recorded:
        return _recorded_ending(trial, index, len(protocol.goals))
    reached, missed = first_passage(trial.measured.seen(protocol.metric), goal, maximise=protocol.maximise)
    if reached is not None:
        return TrialRecord(trial.number, trial.parameters, "complete", reached, missed)
    if trial.status != "INFEASIBLE":
        return TrialRecord(trial.number, trial.parameters, "incomplete", trial.steps, missed)
    step = trial.steps if "steps" in trial.facts.fields else max(trial.steps, protocol.budget)
    return TrialRecord(trial.number, trial.parameters, "infeasible", step or protocol.budget or 1, missed)


def _recorded_ending(trial: _Trial, index: int, goals: int) -> TrialRecord:
    """Return how a trial ended as it says itself."""
    events = trial.facts.fields["events"]
    if not isinstance(events, list) or len(events) != goals or not isinstance(events[index], dict):
        trial.facts.refuse("events", f"a list of {goals} objects, one a goal")
    facts = Facts(trial.facts.path, events[index])
    status = STATUSES.get(facts.text("event"))
    if status is None or status == "censored":
        facts.refuse("event", "one of complete, incomplete, infeasible")
    step = facts.whole("step", low=1 if status == "complete" else 0)
    short = facts.whole("short", low=0, high=step) if facts.fields.get("short") is not None else None
    return TrialRecord(trial.number, trial.parameters, status, step, short)


def _best_error(facts: Facts, index: int, protocol: _Protocol, trials: Sequence[_Trial]) -> float | None:
    """Return the best error at the end, as recorded or as last measured; None where none is known."""
    recorded = facts.fields.get("best_error")
    if protocol.recorded and isinstance(recorded, list) and len(recorded) == len(protocol.goals):
        return (
            None if recorded[index] is None else Facts(facts.path, {"best_error": recorded[index]}).number("best_error")
        )
    last = [trial.measured.seen(protocol.metric)[-1:] for trial in trials if trial.status != "INFEASIBLE"]
    best = max if protocol.maximise else min
    return best((value for seen in last for _, value in seen if math.isfinite(value)), default=None)


def _read_traces(study: Study, folders: dict[int, Path]) -> tuple[TraceRecord, ...]:
    """Return what was measured along the trials of a study."""
    return tuple(
        trace
        for trial, folder in folders.items()
        for trace in read_measurements(folder / "measurements.csv").traces(study, trial)
    )
