"""The stages of a measurement: each finds the work that the store lacks, has it done and keeps it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from empirics.datasets.arrays import Dataset
from empirics.executors.processes import Executor
from empirics.followed import ConstantsRecord, FlowRecord
from empirics.pruning.starts import judge_starts
from empirics.records import MaskRecord, RepeatKind, StartRecord, Study, StudyOutcome, StudyRecord, number_text
from empirics.run.cost import expected_sizes, longest_first
from empirics.run.event_log import EventLog
from empirics.run.missing import (
    Start,
    missing_constants,
    missing_flows,
    missing_masks,
    missing_repeats,
    missing_studies,
    starts_of,
)
from empirics.run.progress import Display
from empirics.run.summary import describe_ending, describe_study
from empirics.run.time_left import TimeLeft
from empirics.specification.runs_to_follow import shown
from empirics.specification.specification import Specification
from empirics.store.held_folder import HeldFolder
from empirics.store.rows import Store
from empirics.training.tasks import ConstantsTask, FlowTask, RepeatTask, Result, StartTask, StudyTask, Task
from kstar.files import remove_partial


@dataclass(frozen=True)
class Measurement:
    """A measurement under way."""

    specification: Specification
    dataset: Dataset
    jobs: int
    store: Store
    executor: Executor
    display: Display
    folder: HeldFolder
    log: EventLog | None = None

    @property
    def checkpoints(self) -> Path:
        """Where work that is cut short leaves what it goes on from."""
        return self.folder.path / "checkpoints"

    def _results(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Result]]:
        """Yield every task with its result, and end where the folder that keeps them has gone from its name."""
        for finished in self.executor.run(tasks, self._watch):
            yield finished
            self.folder.check()

    def _watch(self, task: Task, step: int) -> None:
        """Show where a running unit is, or end it likewise."""
        self.folder.check()
        self.display.watch(task, step)

    def measure_masks(self) -> None:
        """Prune: the masks of every trial that a missing study needs."""
        starts = starts_of(self.specification, missing_studies(self.specification, self.store))
        self._prune(starts)
        self._look_at(starts)

    def _prune(self, starts: Iterable[Start], also: Iterable[float] = ()) -> None:
        """Make the masks of some starts that are not there yet, also at sparsities that were not asked for."""
        sparsities = dict.fromkeys((*self.specification.sparsities, *also))
        tasks = missing_masks(sparsities, self.store, starts)
        with self.display.stage("masks", len(tasks)):
            for task, result in self._results(tasks):
                assert isinstance(result, list)
                self.store.add_masks(record for record in result if isinstance(record, MaskRecord))
                self.display.done(task, "")

    def _look_at(self, starts: Iterable[Start]) -> None:
        """Refuse sparsities at which pruning has cut the network of all these trials; tell of those it cut some.

        Draw 0 tells: the others are cut about as often.
        """
        masks, sparsities = self.store.masks(), self.specification.sparsities
        first = [start for start in starts if not start[-1]]
        tasks = [
            StartTask(r, trial, tuple((s, masks[r, trial, draw, s]) for s in sparsities)) for r, trial, draw in first
        ]
        found: list[StartRecord] = []
        for _, result in self.executor.run(tasks, lambda _task, _step: self.folder.check()):  # too short to be shown
            assert isinstance(result, list)
            found += [record for record in result if isinstance(record, StartRecord)]
        for line in judge_starts(found, self.specification.pruning):
            self.display.say(line)

    def measure_studies(self) -> None:
        """Run the studies, those expected to take longest first."""
        missing = longest_first(self.specification, missing_studies(self.specification, self.store))
        total = len(self.specification.studies())
        self._tell_of_known(missing, total)
        masks = self.store.masks()
        tasks = [
            StudyTask(
                study,
                tuple(masks[*start, study.sparsity] for start in starts_of(self.specification, [study])),
                self._checkpoint(study),
            )
            for study in missing
        ]
        sizes = {task.label: expected_sizes(self.specification, task.study) for task in tasks}
        left = self._clock(sizes, self._seconds_of_constants() if tasks else None)
        with self.display.stage("studies", len(tasks), left), self._checkpoints_emptied():
            for done, (task, result) in enumerate(self._results(tasks), total - len(tasks) + 1):
                assert isinstance(task, StudyTask)
                assert isinstance(result, StudyOutcome)
                self.store.add_study(result)
                self._forget(task.checkpoint)
                if self.log is not None:
                    self.log.add(result.records, done, total)
                self.display.studied(result.records)
                self.display.done(task, describe_study(result.records, self.specification.workload.goal_sign))
                if result.halvings:
                    self.store.amend_session({f"halvings of {task.study}": result.halvings})

    def _clock(self, sizes: Mapping[str, tuple[float, float]], later: float | None = 0.0) -> TimeLeft:
        """Return the clock of a stage; processes that train together do one unit at once."""
        return TimeLeft(sizes, self.jobs if self.specification.data_parallel == 1 else 1, later)

    def _tell_of_known(self, missing: Sequence[Study], total: int) -> None:
        """Show the studies that are there already, and log those of which the log does not tell."""
        known: dict[Study, list[StudyRecord]] = {study: [] for study in self.specification.studies()}
        for study in missing:
            del known[study]
        for record in self.store.outcomes():
            if record.study in known and record.goal in self.specification.goals:
                known[record.study].append(record)
        for done, (study, records) in enumerate(known.items(), 1):
            if self.log is not None and records and not self.log.has(study):
                self.log.add(records, done, total)
            self.display.studied(records)

    def _seconds_of_constants(self) -> float | None:
        """Return how long constants will take after the studies; None where that is not known or nobody looks."""
        if not self.specification.constants:
            return 0.0
        if not self.display.shows or self.specification.device != "cpu":
            return None
        from empirics.run.constants_cost import expected_seconds  # noqa: PLC0415 - loads torch

        runs = self.specification.runs_followed()
        return expected_seconds(self.specification, self.dataset, runs) / min(self.jobs, len(runs))

    @contextlib.contextmanager
    def _checkpoints_emptied(self) -> Iterator[None]:
        """Remove what finished work, or a killed process, has left in the folder of checkpoints; then the folder."""
        yield
        remove_partial(self.checkpoints)
        for study in self.store.studies():
            self._checkpoint(study).unlink(missing_ok=True)
        for known in self.store.followed():
            if known.along("flow_time"):
                self._flows_file(known.study).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # it is not there, or a study not asked for now may go on from it later
            self.checkpoints.rmdir()

    def _forget(self, checkpoint: Path | None) -> None:
        """Remove the checkpoint of finished work."""
        if checkpoint and self.folder.is_there():
            checkpoint.unlink(missing_ok=True)

    def _checkpoint(self, study: Study) -> Path:
        """Return the file a study goes on from."""
        return self.checkpoints / f"S{number_text(study.sparsity)}-r{study.replicate}-B{study.batch_size}.npz"

    def _flows_file(self, study: Study) -> Path:
        """Return the file that the flow from the start of a study's run goes on from."""
        return self._checkpoint(study).with_suffix(".flow.npz")

    def measure_repeats(self) -> None:
        """Train winners again, from other draws or with weights moved by their rounding."""
        missing = missing_repeats(self.specification, self.store)
        self._prune(dict.fromkeys(_start_of(*repeat) for repeat in missing))
        masks = self.store.masks()
        tasks = []
        for repeat, winners in missing.items():
            study, _, kind, number = repeat
            mask = masks[*_start_of(*repeat), study.sparsity]
            hardest = max(winners.values(), key=lambda one: one.step)
            tasks.append(RepeatTask(study, hardest, mask, kind, number))
        with self.display.stage("reruns", len(tasks)):
            for task, result in self._results(tasks):
                assert isinstance(task, RepeatTask)
                assert isinstance(result, tuple)
                won = missing[task.study, task.winner.trial, task.kind, task.number]
                self.store.add_repeats(repeat for repeat in result if repeat.goal in won)
                self.display.done(task, "")

    def measure_constants(self) -> None:
        """Measure L, Delta and beta of every sparsity and replicate, and follow the flows from the same starts."""
        runs = missing_constants(self.specification, self.store)
        # All sparsities of the folder are followed, so that they compare; masks of those not asked for may be dropped.
        also = [run.sparsity for run in runs]
        self._prune(dict.fromkeys((run.replicate, run.trial, 0) for run in runs), also)
        self._look_at(dict.fromkeys((run.replicate, run.trial, 0) for run in runs if run.goal_step is None))
        masks = self.store.masks()
        tasks = [ConstantsTask(run, masks[run.replicate, run.trial, 0, run.sparsity]) for run in runs]
        if runs and self.specification.device == "cpu":
            from empirics.run.constants_cost import describe_cost  # noqa: PLC0415 - loads torch

            self.display.say(describe_cost(self.specification, self.dataset, runs, self.jobs))
        with self.display.stage("constants", len(tasks), self._clock({task.label: (1.0, 0.0) for task in tasks})):
            for task, result in self._results(tasks):
                assert isinstance(result, ConstantsRecord)
                self.store.add_constants(result)
                self.display.done(task, describe_ending(result))
        self.store.show_constants(shown(self.specification, self.store.studies()))
        self._measure_flows()

    def _measure_flows(self) -> None:
        """Follow the flow from the start of each run along which constants were measured."""
        plans = missing_flows(self.specification, self.store)
        self._prune(dict.fromkeys((plan.study.replicate, plan.trial, 0) for plan in plans))
        masks = self.store.masks()
        tasks = [
            FlowTask(
                plan, masks[plan.study.replicate, plan.trial, 0, plan.study.sparsity], self._flows_file(plan.study)
            )
            for plan in plans
        ]
        with self.display.stage("flows", len(tasks)), self._checkpoints_emptied():
            for task, result in self._results(tasks):
                assert isinstance(task, FlowTask)
                assert isinstance(result, FlowRecord)
                self.store.add_flow(result)
                self._forget(task.checkpoint)
                self.display.done(task, "")


def _start_of(study: Study, trial: int, kind: RepeatKind, number: int) -> Start:
    """Return where a retraining of a winner starts; one that moves weights does so from draw 0."""
    return study.replicate, trial, number if kind == "draw" else 0
