"""Data parallelism: studies that several processes train together, each with its share of every batch.

Every process holds the same data and weights and takes the same steps; only the gradient is shared, see
`empirics.training.shares`. Importing this module loads no torch.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from empirics.datasets.arrays import Dataset
from empirics.errors import InputError, WorkerError
from empirics.executors.processes import ProcessExecutor, Watch
from empirics.records import StudyOutcome
from empirics.specification.specification import Specification
from empirics.training.tasks import Result, StudyTask, Task

if TYPE_CHECKING:
    from empirics.training.laboratory import Laboratory

_SECONDS_TO_END = 2.0  # in which a process whose connections are gone is seen to be gone itself


@dataclass(frozen=True)
class RankTask:
    """One process's part in a task that several carry out together.

    Args:
        task: The task.
        rank: Which process this is.
        ranks: How many there are.
        meeting: A file, not there yet, by which they find each other.
    """

    task: Task
    rank: int
    ranks: int
    meeting: Path

    @property
    def label(self) -> str:
        """What the unit is, for people."""
        return self.task.label

    def run(self, laboratory: Laboratory, report: Callable[[int], None]) -> Result:
        """Do the work together with the other processes; each returns the same."""
        from empirics.training.shares import joined  # noqa: PLC0415 - loads torch
        from empirics.training.torch_engine import TorchEngine  # noqa: PLC0415

        _settle(laboratory, self.rank)
        alone, workload = laboratory.engine, laboratory.specification.workload
        with joined(self.rank, self.ranks, self.meeting, laboratory.device) as gradient:
            # What goes between processes is not captured.
            laboratory.engine = TorchEngine(laboratory.network, workload, laboratory.device, gradient, captures=False)
            laboratory.rank = self.rank
            result = self.task.run(laboratory, report)
        laboratory.engine, laboratory.rank = alone, None
        return result


def _settle(laboratory: Laboratory, rank: int) -> None:
    """Give each process a GPU of its own."""
    import torch  # noqa: PLC0415

    device = torch.device("cuda", rank)
    if laboratory.device.type == "cuda" and laboratory.device != device:
        torch.cuda.set_device(device)
        laboratory.device = device
        laboratory.split.cache_clear()


class DataParallelExecutor:
    """Runs each study in several processes together, one study after another, and other tasks in one process each.

    A process that is lost ends the run; the same command resumes it from the study's checkpoint.

    Args:
        specification: What is measured; says how many processes.
        dataset: Its data.
    """

    def __init__(self, specification: Specification, dataset: Dataset) -> None:
        self._ranks = specification.data_parallel
        self._processes = ProcessExecutor(specification, dataset, self._ranks)

    def run(self, tasks: Sequence[Task], watch: Watch) -> Iterator[tuple[Task, Result]]:
        """Yield every task with its result, studies in order."""
        yield from self._processes.run([task for task in tasks if not isinstance(task, StudyTask)], watch)
        for task in tasks:
            if isinstance(task, StudyTask):
                yield task, self._study(task, watch)

    def facts(self) -> dict[str, object]:
        """Return nothing: all ran on this machine."""
        return {}

    def close(self) -> None:
        """End the processes."""
        self._processes.close()

    def _study(self, task: StudyTask, watch: Watch) -> StudyOutcome:
        """Return the outcome of a study; where a process was lost, tell that and not what the others say of it."""
        try:
            return self._together(task, watch)
        except WorkerError:
            ended = self._processes.ended(_SECONDS_TO_END)
            if not ended:
                raise
            lost, codes = f"{len(ended)} of {self._ranks} processes of {task.label}", " and ".join(map(str, ended))
            raise WorkerError(
                f"{lost} ended with exit code {codes} (out of memory?); run the same command again to resume"
            ) from None

    def _together(self, task: StudyTask, watch: Watch) -> StudyOutcome:
        """Return the outcome of a study on which all processes agree."""
        outcomes = []

        def watch_first(part: Task, step: int) -> None:
            if isinstance(part, RankTask) and part.rank == 0:
                watch(task, step)

        with tempfile.TemporaryDirectory(prefix="kstar-") as folder:
            parts = [RankTask(task, rank, self._ranks, Path(folder) / "meeting") for rank in range(self._ranks)]
            for _, outcome in self._processes.run(parts, watch_first):
                assert isinstance(outcome, StudyOutcome)
                outcomes.append(outcome)
        if any(_without_times(outcome) != _without_times(outcomes[0]) for outcome in outcomes):
            raise WorkerError(
                f"{task.label}: the {self._ranks} processes that trained it together saw different results"
            )
        return outcomes[0]


def _without_times(outcome: StudyOutcome) -> StudyOutcome:
    """Return an outcome without what differs between processes."""
    records = tuple(dataclasses.replace(record, seconds=0.0) for record in outcome.records)
    return dataclasses.replace(outcome, records=records)


def check_ranks(specification: Specification, jobs: int | None) -> None:
    """Refuse what several processes cannot do together.

    Args:
        specification: Says how many processes share a batch.
        jobs: How many were asked for at once, None for as many as fit.

    Raises:
        InputError: If both were asked for, torch cannot connect processes, or there are fewer GPUs than processes.
    """
    import torch  # noqa: PLC0415

    ranks = specification.data_parallel
    if ranks == 1:
        return
    if jobs is not None:
        raise InputError(f"--jobs {jobs}: with --data-parallel {ranks} there are {ranks} processes; leave out --jobs")
    if not torch.distributed.is_available():
        raise InputError(f"--data-parallel {ranks}: this build of torch has no torch.distributed")
    if specification.device == "cuda" and torch.cuda.device_count() < ranks:
        raise InputError(
            f"--data-parallel {ranks}: needs a GPU for each process, this machine has {torch.cuda.device_count()}; "
            "use fewer or --device cpu"
        )
