"""A step of many small kernels, launched as one graph, so that small batches use a GPU well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

_WARM_UPS = 3  # before a capture, so that libraries choose kernels and allocate; PyTorch's own recommendation
Capture = Callable[[Callable[[], Tensor]], Callable[[], Tensor]]


class Steppable(Protocol):
    """What can be captured: steps in place, whose every effect is in its state."""

    def plain_step(self, images: Tensor, labels: Tensor) -> Tensor:
        """Take one step; touch nothing of the host's memory on the way."""

    def state(self) -> dict[str, Tensor]:
        """Return all that a step changes."""

    def load(self, state: dict[str, Tensor]) -> None:
        """Write such a state back into the same memory."""


def capture_graph(kernels: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """Return what launches the kernels of a function as one CUDA graph.

    Args:
        kernels: A function whose inputs stay where they are in memory.

    Returns:
        A function of the same effect; its result is overwritten by its next call.
    """
    beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):
        for _ in range(_WARM_UPS):
            kernels()
    torch.cuda.current_stream().wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = kernels()

    def replay() -> Tensor:
        graph.replay()
        return result

    return replay


class CapturedStep:
    """The step of a block, captured once for batches of one shape.

    Before it is believed it is compared, bit for bit, with the plain step from the same state; where they differ all
    steps stay plain.

    Args:
        block: Whose step; its state must stay where it is in memory.
        images: A batch of the shape to come.
        labels: Likewise.
        capture: How, e.g. `capture_graph`.
    """

    def __init__(self, block: Steppable, images: Tensor, labels: Tensor, capture: Capture) -> None:
        self._block = block
        self._images, self._labels = images.clone(), labels.clone()
        start = {name: value.clone() for name, value in block.state().items()}
        block.plain_step(self._images, self._labels)
        expected = {name: value.clone() for name, value in block.state().items()}
        block.load(start)
        self._launch = capture(lambda: block.plain_step(self._images, self._labels))
        block.load(start)
        self._launch()
        self.agrees = all(torch.equal(value, expected[name]) for name, value in block.state().items())
        block.load(start)

    def fits(self, images: Tensor, labels: Tensor) -> bool:
        """Whether a batch has the shape that was captured."""
        return images.shape == self._images.shape and labels.shape == self._labels.shape

    def step(self, images: Tensor, labels: Tensor) -> Tensor:
        """Take one step; arguments and result are those of the block's."""
        if not self.agrees:
            return self._block.plain_step(images, labels)
        self._images.copy_(images)
        self._labels.copy_(labels)
        return self._launch().clone()
