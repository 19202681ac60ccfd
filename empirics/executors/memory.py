"""Memory of a run: what a process should take, what a limit allows, and what it took."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from empirics.datasets.arrays import Dataset
from empirics.errors import InputError
from empirics.specification.specification import Specification

if TYPE_CHECKING:
    from empirics.networks.network import Network

_PROCESS_BYTES = 500e6  # Python with torch and scikit-learn loaded, and what its allocator does not give back
_IMAGE_COPIES = 2.5  # the data set, its split, and a part of them while they are made
# Numbers of 4 bytes a weight and trial. Torch: weights, masks, gradients, and what an update holds meanwhile. Sparse:
# weights, velocities and the lists of kept weights, in training and again in goal tests; measured at 0%, the most.
_WEIGHT_COPIES = {"torch": 6, "sparse": 14}
_ACTIVATION_COPIES = 2  # kept for the backward pass, and its own
_UNIT = 1 if sys.platform == "darwin" else 1024  # of `getrusage`


def expected_bytes(specification: Specification, dataset: Dataset, network: Network) -> float:
    """Return the peak memory to expect of one process.

    Args:
        specification: What it measures.
        dataset: Its data.
        network: The network it trains.

    Returns:
        Bytes: code, data, one batch, one pass of activations, and the weights of all trials of a study.
    """
    passes = _ACTIVATION_COPIES * network.activations * network.examples_at_once
    batch = float(max(specification.batch_sizes) * dataset.images[0].nbytes)
    return (
        _PROCESS_BYTES
        + _IMAGE_COPIES * dataset.images.nbytes
        + batch
        + 4 * passes
        + specification.trials * _trial_bytes(specification, network)
    )


def _trial_bytes(specification: Specification, network: Network) -> float:
    """Return what each trial of a study adds."""
    return 4 * network.size * _WEIGHT_COPIES[specification.engine]


def check_weights(memory: float, specification: Specification, network: Network) -> None:
    """Refuse a study whose trials do not fit a machine, whatever else it holds.

    Args:
        memory: Bytes that the machine has.
        specification: What is measured.
        network: The network it trains.

    Raises:
        InputError: If the weights of all trials take more; the message says how many trials would fit.
    """
    taken = specification.trials * _trial_bytes(specification, network)
    if taken > memory:
        raise InputError(
            f"--trials {specification.trials}: their weights take {taken / 1e9:.1f} GB, more than this machine's "
            f"{memory / 1e9:.1f} GB; use --trials {int(memory // _trial_bytes(specification, network))} or fewer"
        )


def jobs_within(
    limit: float | None, jobs: int, specification: Specification, dataset: Dataset, network: Network
) -> int:
    """Return how many processes a limit allows at once; it changes nothing else.

    Args:
        limit: Gigabytes that all processes may take together; None for no limit.
        jobs: Processes wanted, >= 1.
        specification: What they measure.
        dataset: Its data.
        network: The network they train.

    Raises:
        InputError: If not even one process fits; the message says what would.
    """
    if limit is None:
        return jobs
    if not limit > 0:  # also true for nan
        raise InputError(f"--memory-limit {limit:g}: must be a number of gigabytes > 0")
    each = expected_bytes(specification, dataset, network)
    driver = _PROCESS_BYTES + 2 * dataset.images.nbytes  # holds the data, and a copy while it sends them
    if jobs > 1 and driver + 2 * each <= 1e9 * limit:
        return min(jobs, int((1e9 * limit - driver) // each))
    if each <= 1e9 * limit:
        return 1
    fitting = int((1e9 * limit - each) // _trial_bytes(specification, network)) + specification.trials
    fewer = f"use --trials {fitting} or" if fitting >= 1 else "use"
    raise InputError(
        f"--memory-limit {limit:g}: one process with {specification.trials} trials needs about {each / 1e9:.2f} GB; "
        f"{fewer} a limit of at least {each / 1e9:.2f}"
    )


def peak_bytes() -> int:
    """Return the most memory that this process, or one that it has seen end, has held at once.

    Returns:
        Bytes of resident memory.
    """
    return max(_own_peak(), _UNIT * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


def _own_peak() -> int:
    """Return this process's; on Linux not by `getrusage`, which begins with what its parent held."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return _UNIT * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (kilobytes,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return 1024 * int(kilobytes)
