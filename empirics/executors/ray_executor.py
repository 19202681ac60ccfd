"""Run tasks on a Ray cluster; only the driver, which is this process, writes results.

One worker, a Ray actor, holds each slot of the cluster for the whole run: a core and, where the device is cuda, a GPU.
It sets up its laboratory once and keeps its GPU. Ray would start a new process for every plain task on a GPU. Machines
may leave and come. A task that is lost with its worker starts again on another, with the same result.
"""

from __future__ import annotations

import dataclasses
import itertools
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from empirics.datasets.arrays import Dataset
from empirics.errors import WorkerError
from empirics.executors.memory import peak_bytes
from empirics.executors.processes import Watch
from empirics.executors.ray_worker import Board, Ready, Worker
from empirics.executors.worker import Message, checked
from empirics.specification.specification import Specification
from empirics.store.provenance import provenance
from empirics.training.tasks import Result, StudyTask, Task

_LOOK_SECONDS = 1.0  # between two looks at the board
_PATIENCE_SECONDS = 60.0  # without any worker, before something is said
_MOST_LOSSES = 3  # of a task's workers on machines that stay; with one more it is the task's own doing


@dataclass(frozen=True)
class _Call:
    """What a worker was asked for: the task of that number, or to set up where there is none."""

    worker: Any
    node: str | None = None
    number: int | None = None


class RayExecutor:
    """Runs tasks on a cluster, in the order given, each as soon as a worker is free.

    Args:
        ray: The module, connected to the cluster.
        specification: What is measured.
        dataset: Its data; every machine fetches it once.
        jobs: Workers at once; where the cluster has no room for all of them, the rest start when it has.
    """

    def __init__(self, ray: Any, specification: Specification, dataset: Dataset, jobs: int) -> None:  # noqa: ANN401
        self._ray, self._jobs = ray, jobs
        here = ray.get_runtime_context().get_node_id()
        beside = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(here, soft=False)
        self._board = ray.remote(Board).options(num_cpus=0, scheduling_strategy=beside).remote()
        options = {"num_cpus": 1} | ({"num_gpus": 1} if specification.device == "cuda" else {})
        given = (ray.put(specification), ray.put(dataset), provenance()["versions"], self._board)
        self._new_worker = partial(ray.remote(Worker).options(**options).remote, *given)
        self._calls: dict[Any, _Call] = {}
        self._idle: list[_Call] = []
        self._numbers = itertools.count()
        self._processors: set[str] = set()
        self._nodes: set[str] = set()
        self._failed, self._peak = 0, 0
        self._looked = time.monotonic()
        self._patient_until: float | None = time.monotonic() + _PATIENCE_SECONDS

    def run(self, tasks: Sequence[Task], watch: Watch) -> Iterator[tuple[Task, Result]]:
        """Yield every task with its result, in the order in which they finish."""
        missing = dict(zip(self._numbers, tasks, strict=False))
        waiting, losses = deque(missing), Counter[int]()
        while missing:
            self._hire(len(missing))
            while waiting and self._idle:
                self._ask(self._idle.pop(), waiting.popleft(), missing)
            for call, answer in self._answers():
                assert call.number is not None
                if isinstance(answer, Exception):
                    losses[call.number] += call.node in self._alive()
                    if losses[call.number] > _MOST_LOSSES:
                        raise _gone(missing[call.number].label, answer)
                    waiting.appendleft(call.number)
                    continue
                message, peak = answer
                self._peak = max(self._peak, peak)
                task = missing.pop(call.number)
                yield task, checked(task.label, message)  # type: ignore[misc]  # a worker sends a Result
            for number, step in self._posted().items():
                if number in missing:
                    watch(missing[number], step)

    def facts(self) -> dict[str, object]:
        """Return where tasks ran and the most memory that a process of the run held."""
        return {
            "executor": "ray",
            "nodes": len(self._nodes),
            "processors": sorted(self._processors),
            "peak_memory_bytes": max(self._peak, peak_bytes()),
        }

    def close(self) -> None:
        """End the workers, whatever they are at."""
        for worker in (*(call.worker for call in (*self._idle, *self._calls.values())), self._board):
            self._ray.kill(worker)

    def _hire(self, tasks: int) -> None:
        """Ask for workers until there are enough for so many tasks."""
        for _ in range(min(self._jobs, tasks) - len(self._calls) - len(self._idle)):
            worker = self._new_worker()
            self._calls[worker.set_up.remote()] = _Call(worker)

    def _ask(self, idle: _Call, number: int, tasks: dict[int, Task]) -> None:
        """Give a task to a worker. It has no file to go on from: the worker's disk need not be ours."""
        task = tasks[number]
        if isinstance(task, StudyTask):
            task = dataclasses.replace(task, checkpoint=None)
        self._calls[idle.worker.work.remote(number, task)] = dataclasses.replace(idle, number=number)

    def _answers(self) -> Iterator[tuple[_Call, Any]]:
        """Wait a while; yield the calls for tasks that came back, with an exception where the worker was lost."""
        errors = self._ray.exceptions
        ready, _ = self._ray.wait([*self._calls], timeout=_LOOK_SECONDS)
        for reference in ready:
            call = self._calls.pop(reference)
            try:
                answer = self._ray.get(reference)
            except errors.RayTaskError as error:  # its own code does not run there
                raise WorkerError(f"a worker failed:\n{error}") from None
            except errors.RayError as error:
                self._lose(call, error)
                if call.number is not None:
                    yield call, error
                continue
            if call.number is None:
                self._welcome(call, answer)
            else:
                self._idle.append(call)
                yield call, answer
        if self._patient_until is not None and time.monotonic() > self._patient_until:
            print("notice: no worker has started yet; has the cluster room for one?", file=sys.stderr)
            self._patient_until = None

    def _welcome(self, call: _Call, message: Message) -> None:
        """Let a worker that is set up take tasks."""
        ready = checked("a worker's laboratory", message)
        assert isinstance(ready, Ready)
        self._idle.append(dataclasses.replace(call, node=ready.node))
        self._nodes.add(ready.node)
        self._processors.add(ready.processor)
        self._failed, self._patient_until = 0, None

    def _lose(self, call: _Call, error: Exception) -> None:
        """Forget a worker that is gone, and those that went with its machine; another is hired in its place."""
        self._ray.kill(call.worker)  # where it is only out of reach, its answer is no longer wanted
        if call.node is None:
            self._failed += 1
            if self._failed > _MOST_LOSSES * self._jobs:
                raise _gone("a worker's laboratory", error)
        elif call.node not in self._alive():
            self._idle = [idle for idle in self._idle if idle.node != call.node]

    def _alive(self) -> set[str]:
        """Return the machines that the cluster has at this moment."""
        return {node["NodeID"] for node in self._ray.nodes() if node["Alive"]}

    def _posted(self) -> dict[int, int]:
        """Return where tasks are, when it is time to look again."""
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return {}
        self._looked = time.monotonic()
        try:
            steps: dict[int, int] = self._ray.get(self._board.take.remote(), timeout=_LOOK_SECONDS)
        except self._ray.exceptions.RayError:
            return {}  # steps are for people; what is measured does not depend on them
        return steps


def _gone(label: str, error: Exception) -> WorkerError:
    """Return what to say of work whose workers ended every time."""
    return WorkerError(
        f"workers ended {_MOST_LOSSES + 1} times in {label} (out of memory?), the last error was:\n{error}\n"
        "run the same command again to resume, with fewer --jobs if it repeats"
    )
