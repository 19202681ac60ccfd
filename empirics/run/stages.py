"""The stages of a measurement: each finds the work that the store lacks, has it done and keeps it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from empirics.datasets.arrays import Dataset
from empirics.executors.processes import Executor
from empirics.pruning.starts import judge_starts
from empirics.records import (
    ConstantsRecord,
    FlowRecord,
    MaskRecord,
    RerunRecord,
    StartRecord,
    Study,
    StudyOutcome,
    StudyRecord,
)
from empirics.run.cost import longest_first
from empirics.run.missing import missing_constants, missing_flows, missing_masks, missing_studies, trials_of
from empirics.run.progress import Display
from empirics.run.summary import describe_ending, describe_study
from empirics.specification.specification import Specification
from empirics.store.held_folder import HeldFolder
from empirics.store.rows import Store
from empirics.training.tasks import ConstantsTask, FlowTask, RerunTask, Result, StartTask, StudyTask, Task
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
        trials = trials_of(self.specification, missing_studies(self.specification, self.store))
        self._prune(trials)
        self._look_at_starts(trials)

    def _prune(self, trials: Iterable[tuple[int, int]]) -> None:
        """Make the masks of some replicates' trials that are not there yet."""
        tasks = missing_masks(self.specification, self.store, trials)
        with self.display.stage("masks", len(tasks)):
            for task, result in self._results(tasks):
                assert isinstance(result, list)
                self.store.add_masks(record for record in result if isinstance(record, MaskRecord))
                self.display.done(task, "")

    def _look_at_starts(self, trials: Iterable[tuple[int, int]]) -> None:
        """Refuse sparsities at which pruning has cut the network of all these trials; tell of those it cut some."""
        masks, sparsities = self.store.masks(), self.specification.sparsities
        tasks = [StartTask(*pair, tuple((s, masks[*pair, s]) for s in sparsities)) for pair in trials]
        found: list[StartRecord] = []
        for _, result in self.executor.run(tasks, lambda _task, _step: self.folder.check()):  # too short to be shown
            assert isinstance(result, list)
            found += [record for record in result if isinstance(record, StartRecord)]
        for line in judge_starts(found, self.specification.pruning):
            self.display.say(line)

    def measure_studies(self) -> None:
        """Run the studies, those expected to take longest first."""
        masks, trials = self.store.masks(), range(self.specification.trials)
        tasks = [
            StudyTask(
                study,
                tuple(masks[study.replicate, trial, study.sparsity] for trial in trials),
                self._checkpoint(study),
            )
            for study in longest_first(self.specification, missing_studies(self.specification, self.store))
        ]
        with self.display.stage("studies", len(tasks)), self._checkpoints_emptied():
            for task, result in self._results(tasks):
                assert isinstance(task, StudyTask)
                assert isinstance(result, StudyOutcome)
                self.store.add_study(result)
                self._forget(task.checkpoint)
                self.display.done(task, describe_study(result.records, self.specification.workload.goal_sign))
                if result.halvings:
                    self.store.amend_session({f"halvings of {task.study}": result.halvings})

    @contextlib.contextmanager
    def _checkpoints_emptied(self) -> Iterator[None]:
        """Remove what finished work, or a killed process, has left in the folder of checkpoints; then the folder."""
        yield
        remove_partial(self.checkpoints)
        for study in self.store.studies():
            self._checkpoint(study).unlink(missing_ok=True)
        for known in self.store.constants():
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
        return self.checkpoints / f"S{study.sparsity:g}-r{study.replicate}-B{study.batch_size}.npz"

    def _flows_file(self, study: Study) -> Path:
        """Return the file that the flow from the start of a study's run goes on from."""
        return self._checkpoint(study).with_suffix(".flow.npz")

    def measure_reruns(self) -> None:
        """Train winners again with new seeds."""
        done = {(record.study, record.rerun) for record in self.store.reruns()}
        tasks = [
            RerunTask(record.study, record.winner, rerun)
            for record in self._records()
            for rerun in range(1, self.specification.rerun_winner + 1)
            if record.winner is not None and (record.study, rerun) not in done
        ]
        with self.display.stage("reruns", len(tasks)):
            for task, result in self._results(tasks):
                assert isinstance(result, RerunRecord)
                self.store.add_rerun(result)
                self.display.done(task, "")

    def measure_constants(self) -> None:
        """Measure L, Delta and beta of every sparsity and replicate, and follow the flows from the same starts."""
        runs = missing_constants(self.specification, self.store)
        self._prune(dict.fromkeys((run.replicate, run.trial) for run in runs))
        self._look_at_starts(dict.fromkeys((run.replicate, run.trial) for run in runs if run.goal_step is None))
        masks = self.store.masks()
        tasks = [ConstantsTask(run, masks[run.replicate, run.trial, run.sparsity]) for run in runs]
        if runs and self.specification.device == "cpu":
            from empirics.run.constants_cost import describe_cost  # noqa: PLC0415 - loads torch

            self.display.say(describe_cost(self.specification, self.dataset, runs, self.jobs))
        with self.display.stage("constants", len(tasks)):
            for task, result in self._results(tasks):
                assert isinstance(result, ConstantsRecord)
                self.store.add_constants(result)
                self.display.done(task, describe_ending(result))
        self._measure_flows()

    def _measure_flows(self) -> None:
        """Follow the flow from the start of each run along which constants were measured."""
        masks = self.store.masks()
        tasks = [
            FlowTask(plan, masks[plan.study.replicate, plan.trial, plan.study.sparsity], self._flows_file(plan.study))
            for plan in missing_flows(self.specification, self.store)
        ]
        with self.display.stage("flows", len(tasks)), self._checkpoints_emptied():
            for task, result in self._results(tasks):
                assert isinstance(task, FlowTask)
                assert isinstance(result, FlowRecord)
                self.store.add_flow(result)
                self._forget(task.checkpoint)
                self.display.done(task, "")

    def _records(self) -> Iterable[StudyRecord]:
        """Return the finished studies that the specification asks for."""
        wanted = set(self.specification.studies())
        return [record for study, record in self.store.studies().items() if study in wanted]
