"""What the stages share: the device, the time left, what was found."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from empirics.networks.build import build_network
from empirics.networks.network import Network
from empirics.training.engine import Split
from empirics.training.torch_engine import TorchEngine
from empirics.workloads.find import find_workload

SHAPES = {"small-cnn": (1, 8, 8), "simple-cnn": (1, 28, 28), "resnet-8": (3, 32, 32)}
POINT = {
    "learning_rate": 0.01,
    "momentum": 0.9,
    "decay_steps": 40.0,
    "end_learning_rate_factor": 0.1,
    "weight_decay": 0.1,
}
_EXAMPLES = 64  # of which made-up batches are drawn


@dataclass(frozen=True)
class Check:
    """Something that must hold."""

    name: str
    held: bool
    detail: str


@dataclass
class Bench:
    """A run of the benchmark.

    Args:
        device: Where it runs.
        quick: Whether sizes are tiny, for a CPU.
        deadline: Of `time.monotonic`.
        out: Run folder of the workload's studies.
        data_dir: Folder that holds MNIST.

    Attributes:
        checks: What had to hold.
        facts: What was measured, by name.
        step_seconds: Of a step of all trials of the workload, by batch size.
        test_seconds: Of a goal test of all of them; None before it was timed.
    """

    device: torch.device
    quick: bool
    deadline: float
    out: Path
    data_dir: Path | None = None
    checks: list[Check] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)
    step_seconds: dict[int, float] = field(default_factory=dict)
    test_seconds: float | None = None

    @property
    def on_gpu(self) -> bool:
        """Whether the device is a GPU."""
        return self.device.type == "cuda"

    @property
    def left(self) -> float:
        """Seconds to the deadline."""
        return self.deadline - time.monotonic()

    def check(self, name: str, held: bool, detail: str = "") -> None:
        """Note and print whether something holds."""
        self.checks.append(Check(name, bool(held), detail))
        print(f"{'ok  ' if held else 'FAIL'}  {name}{f'  ({detail})' if detail else ''}", flush=True)

    def fact(self, name: str, value: object) -> None:
        """Note and print a measurement."""
        self.facts[name] = value
        print(f"      {name}: {value:.4g}" if isinstance(value, float) else f"      {name}: {value}", flush=True)

    def seconds(self, work: Callable[[], object], repeats: int = 20) -> float:
        """Return the median time of some work, until the device is done with it."""
        times = []
        for _ in range(2 + (1 if self.quick else repeats)):
            self.wait()
            start = time.perf_counter()
            work()
            self.wait()
            times.append(time.perf_counter() - start)
        return statistics.median(times[2:])  # the first two warm up

    def wait(self) -> None:
        """Wait for the device."""
        if self.on_gpu:
            torch.cuda.synchronize()

    def network(self, name: str, device: torch.device | None = None) -> Network:
        """Return a network as it is used on a device, this one by default."""
        network = build_network(name, SHAPES[name])
        return network.on_gpu() if (device or self.device).type == "cuda" else network

    def weights(self, name: str, trials: int, device: torch.device | None = None) -> Tensor:
        """Return initial weights, shape (T, P), float32."""
        network = build_network(name, SHAPES[name])
        rows = [network.initial_weights(np.random.default_rng(trial)) for trial in range(trials)]
        return torch.from_numpy(np.stack(rows)).to(device or self.device)

    def examples(self, name: str, number: int = _EXAMPLES, device: torch.device | None = None) -> Split:
        """Return made-up images and their classes."""
        random = np.random.default_rng(99)
        images = torch.from_numpy(random.standard_normal((number, *SHAPES[name]), np.float32))
        labels = torch.from_numpy(random.integers(10, size=number))
        there = [one.to(device or self.device) for one in (images, labels)]
        return Split(*there, *there)

    def engine(self, name: str, rule: str, *, captures: bool = True) -> TorchEngine:
        """Return the engine that trains a network by an update rule, with its schedule after a slash."""
        workload = find_workload(f"mnist/simple-cnn/{rule}")
        return TorchEngine(self.network(name), workload, self.device, captures=captures)


def rows_of(steps: int, batch_size: int, seed: int = 0) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Return made-up examples of some batches, shape (steps, B)."""
    return np.random.default_rng(seed).integers(_EXAMPLES, size=(steps, batch_size))


def apart(found: Tensor, expected: Tensor) -> float:
    """Return how far numbers are from what they should be, as a share of the length of these."""
    wanted = expected.double().cpu()
    return float((found.double().cpu() - wanted).norm() / wanted.norm())
