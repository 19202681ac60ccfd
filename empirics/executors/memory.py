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
_WITH_PATCHES = 6  # the same on a GPU, where those of several trials are laid out for products of matrices
_CUDA_BYTES = 2.5e9  # of host memory: CUDA's libraries as they are loaded; not measured here, like all of a GPU
_UNIT = 1 if sys.platform == "darwin" else 1024  # of `getrusage`


def expected_bytes(specification: Specification, dataset: Dataset, network: Network) -> float:
    """Return the peak memory of the machine to expect of one process.

    Args:
        specification: What it measures.
        dataset: Its data.
        network: The network it trains.

    Returns:
        Bytes: code, data, one batch, one pass of activations, and the weights of all trials of a study; where it trains
        on a GPU code and data alone.
    """
    code_and_data = _PROCESS_BYTES + _IMAGE_COPIES * dataset.images.nbytes
    if specification.device == "cuda":
        return code_and_data + _CUDA_BYTES
    passes = _ACTIVATION_COPIES * network.activations * network.examples_at_once
    batch = float(max(specification.batch_sizes) * dataset.images[0].nbytes)
    return code_and_data + batch + 4 * passes + specification.trials * _trial_bytes(specification, network)


def expected_gpu_bytes(specification: Specification, dataset: Dataset, network: Network) -> float:
    """Return the peak memory of a GPU to expect of one process.

    Args:
        specification: What it measures, there.
        dataset: Its data.
        network: The network it trains, as it is built.

    Returns:
        Bytes: data, the weights of all trials of a study, and the largest pass: a step's, or a gradient in double
        precision where constants are measured.
    """
    there, passes = network.on_gpu(), [0.0]
    for size in specification.batch_sizes:
        trials = min(there.trials_at_once(size), specification.trials)
        copies = _ACTIVATION_COPIES if trials == 1 else _WITH_PATCHES
        passes.append(4.0 * copies * min(trials * size, there.examples_at_once))
    if specification.constants:
        passes.append(8.0 * _ACTIVATION_COPIES * min(specification.probe.examples, there.examples_at_once))
    weights = specification.trials * _trial_bytes(specification, network)
    return dataset.images.nbytes + weights + network.activations * max(passes)


def _trial_bytes(specification: Specification, network: Network) -> float:
    """Return what each trial of a study adds, with all its draws."""
    return 4 * specification.draws * network.size * _WEIGHT_COPIES[specification.engine]


def check_weights(memory: float, specification: Specification, network: Network) -> None:
    """Refuse a study whose trials do not fit where they are trained, whatever else is there.

    Args:
        memory: Bytes that the machine or its GPU has.
        specification: What is measured.
        network: The network it trains.

    Raises:
        InputError: If the weights of all trials take more; the message says how many trials would fit.
    """
    taken = specification.trials * _trial_bytes(specification, network)
    if taken > memory:
        owner = "its GPU" if specification.device == "cuda" else "this machine"
        of_draws = f" --draws {specification.draws}" if specification.draws > 1 else ""
        raise InputError(
            f"--trials {specification.trials}{of_draws}: their weights take {taken / 1e9:.1f} GB, more than {owner}'s "
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
    of_trials = 0 if specification.device == "cuda" else specification.trials  # a GPU holds their weights
    fitting = int((1e9 * limit - each) // _trial_bytes(specification, network)) + of_trials
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
        kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    except (OSError, StopIteration):  # some containers have the file without the line
        return _UNIT * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return 1024 * int(kilobytes)
