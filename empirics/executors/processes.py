"""Run tasks in this process or in several; only the caller writes results.

Workers hold one copy of the data and one thread each. They end with their parent, however it ends: each watches the
parent's sentinel and leaves when it is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cached_property, partial
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Protocol

from empirics.datasets.arrays import Dataset
from empirics.executors.worker import Message, WorkerProcess, checked, interrupts_wait, start_worker
from empirics.specification.specification import Specification
from empirics.training.tasks import Result, Task, carry_out

if TYPE_CHECKING:
    from empirics.training.laboratory import Laboratory

Watch = Callable[[Task, int], None]


class Executor(Protocol):
    """Anything that turns tasks into results."""

    def run(self, tasks: Sequence[Task], watch: Watch) -> Iterator[tuple[Task, Result]]:
        """Yield every task with its result, in the order in which they finish."""

    def facts(self) -> dict[str, object]:
        """Return what provenance should tell of where tasks ran, beyond what is known of this process."""


OpenExecutor = Callable[[Specification, Dataset, int], AbstractContextManager[Executor]]


class SerialExecutor:
    """Runs tasks one after another in this process."""

    def __init__(self, specification: Specification, dataset: Dataset) -> None:
        self._specification = specification
        self._dataset = dataset

    @cached_property
    def _laboratory(self) -> Laboratory:
        """The laboratory, set up when the first task needs it."""
        from empirics.training.laboratory import Laboratory  # noqa: PLC0415 - loads torch

        return Laboratory(self._specification, self._dataset)

    def run(self, tasks: Sequence[Task], watch: Watch) -> Iterator[tuple[Task, Result]]:
        """Yield every task with its result, in order."""
        for task in tasks:
            yield task, carry_out(task, self._laboratory, partial(watch, task))

    def facts(self) -> dict[str, object]:
        """Return nothing: all ran on this machine."""
        return {}


class ProcessExecutor:
    """Runs tasks in worker processes, in the order given, each as soon as a worker is free."""

    def __init__(self, specification: Specification, dataset: Dataset, jobs: int) -> None:
        self._specification = specification
        self._dataset = dataset
        self._jobs = jobs
        self._workers: list[WorkerProcess] = []

    def run(self, tasks: Sequence[Task], watch: Watch) -> Iterator[tuple[Task, Result]]:
        """Yield every task with its result, in the order in which they finish."""
        self._start(min(self._jobs, len(tasks)))
        waiting = list(reversed(tasks))
        busy: dict[Connection, tuple[WorkerProcess, Task]] = {}
        idle = list(self._workers)
        while waiting or busy:
            while waiting and idle:
                worker, task = idle.pop(), waiting.pop()
                try:
                    worker.connection.send(task)
                except OSError:
                    raise worker.ended(f"in {task.label}") from None
                busy[worker.connection] = (worker, task)
            for connection in wait(list(busy)):
                assert isinstance(connection, Connection)
                worker, task = busy[connection]
                kind, value = self._receive(worker, task)
                if kind == "step":
                    watch(task, value)  # type: ignore[arg-type]  # the worker sends an int with "step"
                    continue
                del busy[connection]
                idle.append(worker)
                yield task, value  # type: ignore[misc]  # the worker sends a Result with "result"

    def facts(self) -> dict[str, object]:
        """Return nothing: all ran on this machine."""
        return {}

    def _start(self, workers: int) -> None:
        """Start workers until there are so many."""
        known = len(self._workers)
        with interrupts_wait():
            for number in range(known, workers):
                self._workers.append(start_worker(number))
        for worker in self._workers[known:]:
            worker.equip(self._specification, self._dataset)

    def ended(self, patience: float) -> list[int | None]:
        """Return the exit codes of workers that ended by themselves, once there is one or patience, in s, is over."""
        wait([worker.process.sentinel for worker in self._workers], patience)
        return [worker.process.exitcode for worker in self._workers if not worker.process.is_alive()]

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.close()

    @staticmethod
    def _receive(worker: WorkerProcess, task: Task) -> Message:
        """Return a worker's message, or raise what it stands for."""
        try:
            kind, value = worker.connection.recv()
        except (EOFError, OSError):  # the latter when it ended in the middle of a message
            raise worker.ended(f"in {task.label}") from None
        return kind, checked(task.label, (kind, value))
