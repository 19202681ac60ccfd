"""Run tasks in this process or in several; only the caller writes results.

Workers hold one copy of the data and one thread each. They end with their parent, however it ends: each watches the
parent's sentinel and leaves when it is gone.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property, partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Protocol

from empirics.datasets import Dataset
from empirics.errors import InputError
from empirics.resources import use_gpu
from empirics.specification import Specification
from empirics.tasks import Result, Task

if TYPE_CHECKING:
    from empirics.laboratory import Laboratory

Watch = Callable[[Task, int], None]
Message = tuple[str, object]
_GRACE_SECONDS = 5.0


class Executor(Protocol):
    """Anything that turns tasks into results."""

    def run(self, tasks: Sequence[Task], watch: Watch) -> Iterator[tuple[Task, Result]]:
        """Yield every task with its result, in the order in which they finish."""

    def facts(self) -> dict[str, object]:
        """Return what provenance should tell of where tasks ran, beyond what is known of this process."""


OpenExecutor = Callable[[Specification, Dataset, int], AbstractContextManager[Executor]]


class WorkerError(RuntimeError):
    """A worker ended or failed; what it had not reported is not lost, only not done."""


class SerialExecutor:
    """Runs tasks one after another in this process."""

    def __init__(self, specification: Specification, dataset: Dataset) -> None:
        self._specification = specification
        self._dataset = dataset

    @cached_property
    def _laboratory(self) -> Laboratory:
        """The laboratory, set up when the first task needs it."""
        from empirics.laboratory import Laboratory  # noqa: PLC0415 - loads torch

        return Laboratory(self._specification, self._dataset)

    def run(self, tasks: Sequence[Task], watch: Watch) -> Iterator[tuple[Task, Result]]:
        """Yield every task with its result, in order."""
        for task in tasks:
            yield task, task.run(self._laboratory, partial(watch, task))

    def facts(self) -> dict[str, object]:
        """Return nothing: all ran on this machine."""
        return {}


@dataclass(frozen=True)
class _Worker:
    """A process and the pipe to it."""

    process: BaseProcess
    connection: Connection


class ProcessExecutor:
    """Runs tasks in worker processes, in the order given, each as soon as a worker is free."""

    def __init__(self, specification: Specification, dataset: Dataset, jobs: int) -> None:
        self._specification = specification
        self._dataset = dataset
        self._jobs = jobs
        self._workers: list[_Worker] = []

    def run(self, tasks: Sequence[Task], watch: Watch) -> Iterator[tuple[Task, Result]]:
        """Yield every task with its result, in the order in which they finish."""
        self._start(min(self._jobs, len(tasks)))
        waiting = list(reversed(tasks))
        busy: dict[Connection, tuple[_Worker, Task]] = {}
        idle = list(self._workers)
        while waiting or busy:
            while waiting and idle:
                worker, task = idle.pop(), waiting.pop()
                try:
                    worker.connection.send(task)
                except OSError:
                    raise self._gone(worker, task) from None
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
        context = multiprocessing.get_context("spawn")
        with _interrupts_wait():
            for number in range(len(self._workers), workers):
                ours, theirs = context.Pipe()
                process = context.Process(
                    target=_work,
                    args=(theirs, self._specification, self._dataset, number),
                    name=f"worker-{number}",
                    daemon=True,
                )
                process.start()
                self._workers.append(_Worker(process, ours))
                theirs.close()

    def ended(self, patience: float) -> list[int | None]:
        """Return the exit codes of workers that ended by themselves, once there is one or patience, in s, is over."""
        wait([worker.process.sentinel for worker in self._workers], patience)
        return [worker.process.exitcode for worker in self._workers if not worker.process.is_alive()]

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(_GRACE_SECONDS)
            worker.process.kill()
            worker.process.join()
            worker.connection.close()

    @staticmethod
    def _gone(worker: _Worker, task: Task) -> WorkerError:
        """Return what to say of a worker that ended by itself."""
        worker.process.join(_GRACE_SECONDS)
        return WorkerError(
            f"a worker ended with exit code {worker.process.exitcode} in {task.label} (out of memory?); "
            "run the same command again to go on, with fewer --jobs if it repeats"
        )

    @staticmethod
    def _receive(worker: _Worker, task: Task) -> Message:
        """Return a worker's message, or raise what it stands for."""
        try:
            kind, value = worker.connection.recv()
        except (EOFError, OSError):  # the latter when it ended in the middle of a message
            raise ProcessExecutor._gone(worker, task) from None
        return kind, checked(task.label, (kind, value))


@contextlib.contextmanager
def local_executor(specification: Specification, dataset: Dataset, jobs: int) -> Iterator[Executor]:
    """Provide an executor on this machine and end its workers afterwards.

    Args:
        specification: What is measured.
        dataset: Its data.
        jobs: Processes at once, >= 1; with 1 the work is done in this process.
    """
    if specification.data_parallel > 1:
        from empirics.data_parallel import DataParallelExecutor  # noqa: PLC0415 - which runs on the one above

        with contextlib.closing(DataParallelExecutor(specification, dataset)) as together:
            yield together
        return
    if jobs == 1:
        yield SerialExecutor(specification, dataset)
        return
    with contextlib.closing(ProcessExecutor(specification, dataset, jobs)) as executor:
        yield executor


def attempt(work: Callable[[], object]) -> Message:
    """Do some work in a worker; return what to send of it, for `checked`."""
    try:
        return "result", work()
    except InputError as error:
        return "input error", str(error)
    except OSError as error:  # a full disk, say
        return "system error", str(error)
    except Exception:  # noqa: BLE001 - whatever it was, the parent shows it
        return "error", traceback.format_exc()


def checked(label: str, message: Message) -> object:
    """Return the value of a worker's message about some work, or raise what it stands for."""
    kind, value = message
    if kind == "input error":
        raise InputError(value)
    if kind == "system error":
        raise OSError(value)
    if kind == "error":
        raise WorkerError(f"{label} failed:\n{value}")
    return value


def _work(connection: Connection, specification: Specification, dataset: Dataset, number: int) -> None:
    """Be a worker: take tasks from the pipe and send back steps and results."""
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    from empirics.laboratory import Laboratory  # noqa: PLC0415 - loads torch

    use_gpu(specification.device, number)
    laboratory = Laboratory(specification, dataset)
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        connection.send(attempt(partial(task.run, laboratory, lambda step: connection.send(("step", step)))))


def _leave_with_parent() -> None:
    """Wait for the parent's end, then end at once."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


@contextlib.contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Let processes started here never see Ctrl-C: the parent alone answers it, after the block if it comes within."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    resource_tracker.ensure_running()  # as it starts it unblocks what is blocked
    came: list[int] = []
    previous = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        signal.signal(signal.SIGINT, previous)
        if came:
            signal.raise_signal(signal.SIGINT)
