"""Which engine trains a run: torch, or compiled steps on the kept weights alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from empirics.errors import InputError
from empirics.kernels.kernel import OPTIMIZERS, Unavailable, load
from empirics.specification.request import EngineChoice, EngineName
from empirics.workloads.workload import Workload

# How many times faster than torch's a step of the sparse engine is, by percent pruned: one core, geometric mean over
# batch sizes from 16 on, `python -m benchmarks.sparse`; see benchmarks/RESULTS.md.
SPEED: Mapping[str, Mapping[float, float]] = {
    "small-cnn": {0.0: 2.4, 50.0: 4.4, 70.0: 7.0, 90.0: 16.0},
    "simple-cnn": {0.0: 1.3, 50.0: 2.6, 70.0: 4.3, 90.0: 12.2},
    "resnet-8": {0.0: 1.2, 50.0: 1.8, 70.0: 2.7, 90.0: 5.6},
}


@dataclass(frozen=True)
class Choice:
    """An engine, and what the user should know of how it came to be chosen.

    Args:
        engine: Its name.
        notice: One line, None where there is nothing to say.
    """

    engine: EngineName
    notice: str | None = None


def choose_engine(
    wanted: EngineChoice,
    workload: Workload,
    image_shape: tuple[int, ...],
    device: str,
    data_parallel: int,
    sparsities: Sequence[float],
) -> Choice:
    """Return the engine that trains all studies of a run; one ratio of K* never mixes two.

    Args:
        wanted: What was asked for; auto takes the sparse engine where it can train the run, is compiled, and is faster
            over the run's sparsities together.
        workload: What is trained.
        image_shape: Of its inputs, (channels, height, width).
        device: Device class.
        data_parallel: Shares of a batch.
        sparsities: Percent of weights pruned, at least one.

    Returns:
        The engine.

    Raises:
        InputError: If the sparse engine was asked for and cannot train the run.
    """
    if wanted == "torch":
        return Choice("torch")
    reason, notice = _unfit(workload, device, data_parallel), None
    if reason is None:
        kernel = load()
        if isinstance(kernel, Unavailable):
            reason = kernel.reason
            notice = f"notice: torch trains this run, several times slower than the sparse engine: {reason}"
        elif kernel.size_of(workload.network, image_shape) is None:
            reason = f"it has no {workload.network} for images of shape {'x'.join(map(str, image_shape))}"
        elif wanted == "sparse" or _is_faster(workload.network, sparsities):
            return Choice("sparse")
    if wanted == "sparse":
        raise InputError(f"--engine sparse: {reason}; use --engine torch")
    return Choice("torch", notice)


def _unfit(workload: Workload, device: str, data_parallel: int) -> str | None:
    """Return why the sparse engine cannot train a workload, None where it can."""
    if device != "cpu":
        return "it trains on a CPU; use --device cpu"
    if workload.own_description is not None or workload.network not in SPEED:
        return f"it has no network {workload.network!r}, only {', '.join(SPEED)}"
    if workload.optimizer not in OPTIMIZERS:
        return f"it has no optimiser {workload.optimizer!r}, only {', '.join(OPTIMIZERS)}"
    if data_parallel > 1:
        return "it takes no --data-parallel"
    return None


def step_time(engine: EngineName, network: str, sparsity: float) -> float:
    """Return about how long a step takes, in units of torch's, between the sparsities that were timed on a line.

    Args:
        engine: What trains.
        network: What is trained; the sparse engine has it.
        sparsity: Percent of weights pruned.

    Example:
        >>> [step_time("sparse", "small-cnn", sparsity) for sparsity in (90.0, 95.0)], step_time("torch", "mine", 90.0)
        ([0.0625, 0.0625], 1.0)
    """
    if engine == "torch":
        return 1.0
    times = {level: 1 / speed for level, speed in sorted(SPEED[network].items())}
    return float(np.interp(sparsity, list(times), list(times.values())))


def _is_faster(network: str, sparsities: Sequence[float]) -> bool:
    """Return whether steps of the sparse engine at all sparsities together take less time than torch's."""
    return sum(step_time("sparse", network, sparsity) for sparsity in sparsities) < len(sparsities)
