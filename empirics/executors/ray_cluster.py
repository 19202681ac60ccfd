"""Join a Ray cluster, or start one on this machine and stop it at the end.

Importing this module loads neither Ray, an optional extra, nor torch.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

from empirics.datasets.arrays import Dataset
from empirics.errors import InputError
from empirics.executors.processes import Executor, OpenExecutor
from empirics.executors.ray_executor import RayExecutor
from empirics.executors.resources import Resources, this_machine
from empirics.specification.specification import Specification

_ANSWER_SECONDS = 30.0  # Ray itself gives up after two minutes, and cannot be interrupted meanwhile
_QUIETLY = {"log_to_driver": False, "logging_level": "ERROR"}
_PROBE = f"import ray, sys; ray.init(address=sys.argv[1], **{_QUIETLY})"


@contextlib.contextmanager
def ray_cluster(address: str | None) -> Iterator[tuple[Resources, OpenExecutor]]:
    """Provide what a cluster has, and what opens an executor on it.

    Args:
        address: Of a running cluster, which is joined and goes on afterwards; None for one of this machine's own, which
            starts and ends with the executor.

    Raises:
        InputError: If Ray is not installed or no cluster answers at the address.
    """
    ray = _load_ray()
    if address is None:
        yield this_machine(), partial(_own_executor, ray)
        return
    _refuse_silence(address)
    with _connection(ray, address=address):
        total = ray.cluster_resources()
        yield Resources(int(total.get("CPU", 0)), int(total.get("GPU", 0))), partial(_executor, ray)


def _load_ray() -> Any:  # noqa: ANN401 - Ray is optional
    """Return the module; from here it sends no usage statistics."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray  # noqa: PLC0415 - optional
    except ModuleNotFoundError as error:
        how = "pip install 'kstar-scaling[ray]'"
        raise InputError(f"--executor ray needs Ray, which is not installed: {how}") from error
    return ray


def _refuse_silence(address: str) -> None:
    """Refuse an address where no cluster answers. A process of its own asks: that can be ended in time."""
    advice = "start one with `ray start --head` and run this on one of its machines, or leave --address out"
    command = [sys.executable, "-c", _PROBE, address]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise InputError(f"--address {address}: no Ray cluster answered in {_ANSWER_SECONDS:g} s; {advice}") from None
    if done.returncode:
        *_, reason = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise InputError(f"--address {address}: no Ray cluster to be joined ({reason}); {advice}")


@contextlib.contextmanager
def _connection(ray: Any, **how: object) -> Iterator[None]:  # noqa: ANN401
    """Be a cluster's driver for a while; what it still runs for us ends with that, and a cluster of our own too."""
    answer = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(**_QUIETLY, **how)
        with contextlib.suppress(ValueError):  # not the main thread, where Ray has not taken it over either
            signal.signal(signal.SIGTERM, answer)
        yield
    finally:
        ray.shutdown()


@contextlib.contextmanager
def _own_executor(ray: Any, specification: Specification, dataset: Dataset, jobs: int) -> Iterator[Executor]:  # noqa: ANN401
    """Provide an executor on a cluster of this machine's own with so many slots."""
    gpus = this_machine().gpus if specification.device == "cuda" else 0
    with (
        _connection(ray, address="local", num_cpus=jobs, num_gpus=gpus, include_dashboard=False),
        _executor(ray, specification, dataset, jobs) as executor,
    ):
        yield executor


@contextlib.contextmanager
def _executor(ray: Any, specification: Specification, dataset: Dataset, jobs: int) -> Iterator[Executor]:  # noqa: ANN401
    """Provide an executor on the cluster of which this process is a driver."""
    with contextlib.closing(RayExecutor(ray, specification, dataset, jobs)) as executor:
        yield executor
