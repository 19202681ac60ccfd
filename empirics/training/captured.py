"""Steps of many small kernels, launched as one graph, so that small batches use a GPU well."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol

import torch
from torch import Tensor

from empirics.errors import describe
from empirics.training.engine import Split

_MOST_STEPS = 16  # of one graph: the paper's from one goal test to the next
# Why this process captures no more: PyTorch's allocator does not come back from a capture that fails.
_failed: list[str] = []


class Steppable(Protocol):
    """What can be captured: steps in place, whose every effect is in its state."""

    def plain_steps(self, data: Split, rows: Tensor) -> None:
        """Take steps on batches given by their examples, shape (steps, B); touch nothing of the host's on the way."""

    def state(self) -> Mapping[str, Tensor]:
        """Return all that a step changes."""

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Write such a state back into the same memory."""


def copied(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a copy of a state."""
    return {name: value.clone() for name, value in state.items()}


class StepGraph:
    """Steps of a block on batches of one shape, as one CUDA graph.

    It reads its batches' rows where `launch` puts them, and writes the block's state alone. So it needs no memory from
    one launch to the next, and all graphs of a process share theirs.

    Args:
        block: Whose steps; its state must stay where it is in memory.
        data: Whose training set.
        rows: Of a batch each, of the shape to come, shape (steps, B).
    """

    def __init__(self, block: Steppable, data: Split, rows: Tensor) -> None:
        steps = max(number for number in range(1, _MOST_STEPS + 1) if len(rows) % number == 0)
        self._data, self._shape, self._rows = data, rows.shape, rows[:steps].clone()
        self._graph = torch.cuda.CUDAGraph()
        stream = torch.cuda.current_stream()
        try:
            with torch.cuda.graph(self._graph, pool=_pool()[0]):
                block.plain_steps(data, self._rows)
        finally:
            torch.cuda.set_stream(stream)  # a capture that fails does not come back from its own

    def fits(self, data: Split, rows: Tensor) -> bool:
        """Return whether steps are those that were captured."""
        return data is self._data and rows.shape == self._shape

    def launch(self, rows: Tensor) -> None:
        """Take the steps, shape (steps, B)."""
        for part in torch.split(rows, len(self._rows)):
            self._rows.copy_(part)
            self._graph.replay()


@cache
def _pool() -> tuple[Any, object, Tensor]:
    """Return the handle of the memory that graphs share, and a graph that keeps it alive when there is no other."""
    handle, graph, number = torch.cuda.graph_pool_handle(), torch.cuda.CUDAGraph(), torch.zeros((), device="cuda")
    with torch.cuda.graph(graph, pool=handle):
        number.add_(1)
    return handle, graph, number


def captured_steps(block: Steppable, data: Split, rows: Tensor) -> StepGraph | None:
    """Take steps one by one; return them as a graph, if from the same state it gives the same state bit for bit.

    Args:
        block: Whose steps.
        data: Whose training set.
        rows: Of a batch each, shape (steps, B).

    Returns:
        The graph; None where it cannot be captured or does something else, or one of this process did before it.
    """
    start = copied(block.state())
    block.plain_steps(data, rows)  # which also lets libraries choose their kernels and allocate
    if _failed:
        return None
    expected = copied(block.state())
    block.load(start)
    try:
        graph = StepGraph(block, data, rows)
        graph.launch(rows)
        if all(_same(value, expected[name]) for name, value in block.state().items()):
            return graph
        _give_up("their graph gives other numbers")
    except Exception as error:  # noqa: BLE001 - whatever it is that cannot be captured, plain steps were taken before
        _give_up(f"capturing them failed with {describe(error)}")
    block.load(expected)
    return None


def _same(one: Tensor, other: Tensor) -> bool:
    """Return whether numbers are the same; those of a trial that has diverged are not numbers."""
    return torch.allclose(one, other, rtol=0, atol=0, equal_nan=True)


def _give_up(why: str) -> None:
    """Capture no more, and say once that steps are slower than they might be."""
    _failed.append(why)
    print(f"notice: the GPU launches the kernels of steps one by one, which is slower: {why}", file=sys.stderr)
