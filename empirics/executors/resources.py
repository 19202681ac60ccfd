"""The cores, GPUs and memory to run on; they change no result within one device class."""

from __future__ import annotations

import os
from dataclasses import dataclass

from empirics.executors import checked_gpu
from empirics.specification.specification import DeviceClass


@dataclass(frozen=True)
class Resources:
    """The cores and GPUs of a machine, or of a cluster together.

    Args:
        cores: That tasks may use, >= 0.
        gpus: CUDA devices, >= 0.
        memory: Bytes that one process can have at most; None where that is not known.
        gpu_memory: Bytes of the smallest GPU; None likewise.
        gpu_checked: Whether the GPUs are known to give right answers.
    """

    cores: int
    gpus: int
    memory: float | None = None
    gpu_memory: float | None = None
    gpu_checked: bool = False

    def slots(self, device: DeviceClass) -> int:
        """Return how many tasks run at once by default, >= 1: one a core, on GPUs one a GPU.

        Example:
            >>> Resources(cores=16, gpus=2).slots("cuda"), Resources(cores=16, gpus=2).slots("cpu")
            (2, 16)
        """
        return max(self.gpus if device == "cuda" else self.cores, 1)


def this_machine() -> Resources:
    """Return what this process may use; loads torch, which knows the GPUs."""
    import torch  # noqa: PLC0415 - workers import what imports this module before they need it

    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # Linux; elsewhere all cores are taken to be free
        cores = len(os.sched_getaffinity(0))
    memory = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    try:
        each = [float(torch.cuda.get_device_properties(gpu).total_memory) for gpu in range(gpus)]
    except RuntimeError:  # of a driver or a card that does not answer; such GPUs must not end a run on the CPU
        return Resources(cores, 0, memory)
    return Resources(cores, gpus, memory, min(each, default=None), gpus > 0 and checked_gpu.passed())


def use_gpu(device: DeviceClass, worker: int) -> None:
    """Let a worker's `cuda` be the GPU of its number, counted round again where there are more workers than GPUs.

    Args:
        device: Where it trains; nothing is done for the CPU.
        worker: Its number, >= 0.
    """
    if device == "cuda":
        import torch  # noqa: PLC0415 - as above

        torch.cuda.set_device(worker % torch.cuda.device_count())
