"""One training step of one trial in several ways, in one process on one thread, timed in turn."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.plain import PlainLoop, masked_module
from benchmarks.sparse_prop import sparse_prop_module
from empirics.errors import InputError
from empirics.training.engine import Engine
from empirics.training.laboratory import Laboratory

_RATE = 1e-4  # so small that no mask of a trial decides what a step costs
_ROUND_SECONDS = 0.1


@dataclass(frozen=True)
class Case:
    """What is stepped.

    Args:
        laboratory: Whose network, data and initial weights.
        engines: By name.
        mask: Kept weights, shape (P,).
        batch_size: Examples of the step.
    """

    laboratory: Laboratory
    engines: Mapping[str, Engine]
    mask: NDArray[np.bool_]
    batch_size: int


@dataclass(frozen=True)
class Way:
    """A call that takes one step of some trials."""

    call: Callable[[], object]
    trials: int = 1


def ways(case: Case) -> tuple[dict[str, Way], dict[str, str]]:
    """Return each way to take the step, and why another one cannot."""
    found = {name: _by_engine(case, engine) for name, engine in case.engines.items()}
    found["plain loop"] = _by_loop(case)
    try:
        return found | {"SparseProp": _by_loop(case, sparse_prop=True)}, {}
    except InputError as error:
        return found, {"SparseProp": str(error)}


def _by_engine(case: Case, engine: Engine) -> Way:
    """Step as many trials at once as go into a block, or one where a block steps one after another."""
    at_once = 1 if engine.skips_pruned else engine.trials_at_once(case.batch_size)
    weights, data = case.laboratory.initial_weights(0, 0), case.laboratory.split(0)
    points = [{"learning_rate": _RATE}] * at_once
    block = engine.block(range(at_once), np.stack([weights] * at_once), np.stack([case.mask] * at_once), points)
    rows = case.laboratory.order(0).batch(0, case.batch_size)[None]
    return Way(lambda: block.advance(data, rows), at_once)


def _by_loop(case: Case, *, sparse_prop: bool = False) -> Way:
    """Step in a straightforward PyTorch loop."""
    laboratory, data = case.laboratory, case.laboratory.split(0)
    shape, network = laboratory.network.image_shape, laboratory.specification.workload.network
    module, masks = masked_module(network, shape, laboratory.initial_weights(0, 0), case.mask)
    if sparse_prop:
        module, masks = sparse_prop_module(module, shape, case.batch_size), []
    loop = PlainLoop(module, masks, _RATE)
    rows = torch.from_numpy(laboratory.order(0).batch(0, case.batch_size))
    return Way(lambda: loop.step(data.training_images[rows], data.training_labels[rows]))


def step_seconds(sides: Sequence[Way], rounds: int) -> list[float]:
    """Return the CPU seconds of a step of one trial in each way: the least of rounds in which they take turns.

    Args:
        sides: The ways.
        rounds: How many, at least 1; before them each is called twice.
    """
    repeats = []
    for side in sides:
        side.call()
        repeats.append(max(1, round(_ROUND_SECONDS / max(_seconds(side, 1), 1e-6))))
    best = [math.inf] * len(sides)
    for _ in range(rounds):
        for index, (side, times) in enumerate(zip(sides, repeats, strict=True)):
            best[index] = min(best[index], _seconds(side, times) / times / side.trials)
    return best


def _seconds(side: Way, times: int) -> float:
    """Return the CPU seconds of some calls."""
    start = time.process_time()
    for _ in range(times):
        side.call()
    return time.process_time() - start
