"""The place of a measurement: processes of this machine, or a Ray cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from empirics.datasets.arrays import Dataset
from empirics.errors import InputError
from empirics.executors.data_parallel import DataParallelExecutor
from empirics.executors.pause import paused_after
from empirics.executors.processes import Executor, OpenExecutor, ProcessExecutor, SerialExecutor
from empirics.executors.resources import Resources, this_machine
from empirics.executors.worker import leave_where_imported_by_a_worker
from empirics.search.ranges import check_choice, meant, number, place
from empirics.specification.request import BaseRequest
from empirics.specification.specification import Specification


@dataclass(frozen=True)
class Placement:
    """Where a measurement is carried out, and into which folder; none of it changes a result."""

    out: Annotated[Path | None, "run folder; default runs/<workload>-<digest>"] = None
    jobs: Annotated[int | None, "processes at once; default one for each core, or each GPU"] = None
    executor: Annotated[Literal["local", "ray"], "processes of this machine, or a Ray cluster"] = "local"
    address: Annotated[str | None, "running Ray cluster, host:port or auto; default: start one here"] = None
    memory_limit: Annotated[
        float | None, "gigabytes for all processes together; fewer run at once, or the command stops"
    ] = None
    pause_after: Annotated[
        str | None, "end by itself after so long, as 170m or 2.5h, with exit code 3; the same command resumes"
    ] = None
    protocol: Annotated[Path | None, "rules written down before the data; their SHA-256 goes into provenance"] = None
    quiet: Annotated[bool, "show no progress and no notices"] = False
    log: Annotated[Path | None, "append a line of JSON to this file for each study that is done"] = None

    def __post_init__(self) -> None:
        """Take a name of a file or folder for what it names, and refuse what is no number or no choice."""
        for name in ("out", "protocol", "log"):
            meant(self, name, place(name, getattr(self, name)))
        check_choice(self, "executor", ("local", "ray"))
        for name, kind in (("jobs", int), ("memory_limit", float)):
            if (value := getattr(self, name)) is not None:
                meant(self, name, number(name.replace("_", "-"), value, kind))


@contextlib.contextmanager
def placed(request: BaseRequest, placement: Placement) -> Iterator[tuple[Resources, OpenExecutor]]:
    """Provide what there is to run on, and what opens an executor there.

    Args:
        request: What to measure.
        placement: Where.

    Raises:
        InputError: If the options do not go together, Ray is not installed, or no cluster answers.
        Paused: If the time that the placement gives is over.
    """
    leave_where_imported_by_a_worker()
    with paused_after(placement.pause_after):
        if placement.executor == "ray":
            if request.data_parallel > 1:
                raise InputError(f"--data-parallel {request.data_parallel}: goes with --executor local")
            from empirics.executors.ray_cluster import ray_cluster  # noqa: PLC0415 - Ray is optional

            with ray_cluster(placement.address) as place:
                yield place
            return
        if placement.address is not None:
            raise InputError(f"--address {placement.address}: goes with --executor ray")
        yield this_machine(), local_executor


@contextlib.contextmanager
def local_executor(specification: Specification, dataset: Dataset, jobs: int) -> Iterator[Executor]:
    """Provide an executor on this machine and end its workers afterwards.

    Args:
        specification: What is measured.
        dataset: Its data.
        jobs: Processes at once, >= 1; with 1 the work is done in this process.
    """
    if specification.data_parallel > 1:
        with contextlib.closing(DataParallelExecutor(specification, dataset)) as together:
            yield together
        return
    if jobs == 1:
        yield SerialExecutor(specification, dataset)
        return
    with contextlib.closing(ProcessExecutor(specification, dataset, jobs)) as executor:
        yield executor
