"""The actors on a Ray cluster: workers, and the board on which they post their progress."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from empirics.datasets.arrays import Dataset
from empirics.errors import InputError
from empirics.executors.memory import peak_bytes
from empirics.executors.worker import Message, attempt
from empirics.specification.specification import Specification
from empirics.store.provenance import hardware, provenance
from empirics.training.tasks import Task, carry_out

if TYPE_CHECKING:
    from empirics.training.laboratory import Laboratory

_POST_SECONDS = 1.0  # between two posts of a worker, of which there may be a thousand


@dataclass(frozen=True)
class Ready:
    """What a worker says of itself once its laboratory is set up."""

    node: str
    processor: str


class Worker:
    """One process of the cluster with a laboratory; the workers of a node read one copy of the data.

    Args:
        specification: What is measured.
        dataset: Its data.
        versions: Of Python and the libraries where the driver is: others might give other bits.
        board: Where to post steps.
    """

    def __init__(self, specification: Specification, dataset: Dataset, versions: object, board: Any) -> None:  # noqa: ANN401
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")  # nobody writes into it
        self._specification, self._dataset, self._versions, self._board = specification, dataset, versions, board
        self._laboratory: Laboratory | None = None

    def set_up(self) -> Message:
        """Set up the laboratory."""
        return attempt(self._set_up)

    def _set_up(self) -> Ready:
        here = provenance()
        if here["versions"] != self._versions:
            raise InputError(f"a machine of the cluster has {here['versions']}, this one {self._versions}; equal them")
        import ray  # noqa: PLC0415 - optional; a worker has it

        from empirics.training.laboratory import Laboratory  # noqa: PLC0415 - loads torch

        self._laboratory = Laboratory(self._specification, self._dataset)
        where = ", ".join(map(str, [here["processor"], *hardware(self._specification.device).values()]))
        return Ready(ray.get_runtime_context().get_node_id(), where)

    def work(self, number: int, task: Task) -> tuple[Message, int]:
        """Run a task; return what came of it, and the most memory that this process has held."""
        assert self._laboratory is not None
        laboratory, posted = self._laboratory, 0.0

        def report(step: int) -> None:
            nonlocal posted
            if time.monotonic() - posted > _POST_SECONDS:
                posted = time.monotonic()
                self._board.post.remote(number, step)

        return attempt(partial(carry_out, task, laboratory, report)), peak_bytes()


class Board:
    """The steps that tasks are at, by the task's number."""

    def __init__(self) -> None:
        self._steps: dict[int, int] = {}

    def post(self, number: int, step: int) -> None:
        """Note the step of a task."""
        self._steps[number] = step

    def take(self) -> dict[int, int]:
        """Return what was posted since the last time."""
        steps, self._steps = self._steps, {}
        return steps
