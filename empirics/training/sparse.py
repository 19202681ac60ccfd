"""The sparse engine: trials whose steps, goal tests and gradients take the time of what was kept."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache, lru_cache, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch import Tensor

from empirics.errors import InputError
from empirics.kernels.kernel import Examples, Kernel, Rule, Trials, Unavailable, load
from empirics.networks.gradient import Gradient
from empirics.networks.network import Network
from empirics.probes.example_gradients import GradientSums
from empirics.probes.gradient_noise import Sums
from empirics.training.engine import Advance, Split
from empirics.workloads.goal import Errors
from empirics.workloads.optimizers import Points
from empirics.workloads.workload import Workload

# Masks whose lists of kept weights a goal test holds: as many as a study mostly has trials.
_MASKS = 16
# Signals are answered between calls of the kernel; so many examples take it a second or a few.
_ROWS_AT_ONCE = 2**13


class SparseEngine:
    """The compiled kernel for one workload.

    Args:
        workload: Whose network, optimiser and schedule.
        image_shape: (channels, side, side).

    Raises:
        InputError: If the kernel is missing on this machine.
    """

    def __init__(self, workload: Workload, image_shape: tuple[int, ...]) -> None:
        kernel = load()
        if isinstance(kernel, Unavailable):
            raise InputError(f"this run is trained by the sparse engine, and here {kernel.reason}")
        self._kernel: Kernel = kernel
        channels, height, width = image_shape
        self._workload, self._image_shape = workload, (channels, height, width)

    def trials(self, masks: NDArray[np.bool_], dtype: DTypeLike = np.float32) -> Trials:
        """Return room for trials with such masks, shape (T, P)."""
        return Trials(self._kernel, self._workload.network, self._image_shape, masks, dtype)

    def rule(self, point: Mapping[str, float]) -> Rule:
        """Return the workload's update rule at a search point."""
        return Rule(self._workload.optimizer, self._workload.schedule, point)

    @property
    def skips_pruned(self) -> bool:
        """Return True: the kernel walks the kept weights."""
        return True

    def block(
        self, trials: Sequence[int], weights: NDArray[np.floating], masks: NDArray[np.bool_], points: Points
    ) -> SparseBlock:
        """Return trials at their start; weights, float32 or float64, and masks have shape (T, P)."""
        return SparseBlock(self, trials, weights, masks, points)

    def trials_at_once(self, batch_size: int) -> int:
        """Return that all trials of a study go into one block: it steps them one after another in the same memory."""
        del batch_size
        return sys.maxsize

    def errors(self, images: Tensor, labels: Tensor) -> Errors:
        """Return what finds the images, shape (n, channels, side, side), that trials get wrong."""
        examples = Examples(images.numpy(), labels.numpy())

        @lru_cache(maxsize=_MASKS)
        def trials_of(kept: bytes, size: int, dtype: np.dtype[Any]) -> Trials:
            return self.trials(np.frombuffer(kept, np.bool_).reshape(-1, size), dtype)

        def of(weights: Tensor) -> Callable[[Tensor], Tensor]:
            values = weights.numpy()
            kept = values != 0.0  # a kept weight of 0 changes no output
            trials = trials_of(kept.tobytes(), kept.shape[1], values.dtype)
            for slot, row in enumerate(values):
                trials.put(slot, row)
            return lambda rows: torch.from_numpy(
                np.stack([trials.errors(slot, examples, rows.numpy()) for slot in range(len(values))])
            )

        return of

    def gradient_of(self, mask: NDArray[np.bool_]) -> Gradient:
        """Return what takes the loss and its gradient with respect to kept weights, 0 elsewhere."""
        trials_of = cache(partial(self.trials, mask[None]))  # by precision

        def of(network: Network, weights: Tensor, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
            del network
            values = weights.numpy()
            trials, examples = trials_of(values.dtype), Examples(images.numpy(), labels.numpy())
            rows = np.arange(len(examples))
            found: list[tuple[float, NDArray[Any]]] = []
            for row in values:
                trials.put(0, row)
                found.append(trials.gradient(0, examples, rows))
            losses = torch.tensor([loss for loss, _ in found], dtype=weights.dtype)
            return losses, torch.from_numpy(np.stack([gradient for _, gradient in found]))

        return of

    def sums_of(self, mask: NDArray[np.bool_]) -> Sums:
        """Return what sums over the gradients of single examples on the kept weights."""
        trials_of = cache(partial(self.trials, mask[None]))

        def of(network: Network, weights: Tensor, images: Tensor, labels: Tensor) -> GradientSums:
            del network
            (values,) = weights.numpy()
            trials, examples = trials_of(values.dtype), Examples(images.numpy(), labels.numpy())
            trials.put(0, values)
            _, first, second = trials.moments(0, examples, np.arange(len(examples)))
            return GradientSums(torch.from_numpy(first), torch.from_numpy(second))

        return of


class SparseBlock:
    """Trials whose steps the kernel takes, one trial after another.

    Args:
        engine: The kernel.
        trials: Indices of the trials, length T.
        weights: Initial, shape (T, P), float32 or float64; what is pruned of them is not read.
        masks: Which are kept, shape (T, P).
        points: One mapping of metaparameters a trial.
    """

    def __init__(
        self,
        engine: SparseEngine,
        trials: Sequence[int],
        weights: NDArray[np.floating],
        masks: NDArray[np.bool_],
        points: Points,
    ) -> None:
        self.trials = list(trials)
        self._engine, self._masks = engine, dict(zip(trials, masks, strict=True))
        self._points = dict(zip(trials, points, strict=True))
        self._rules = {trial: engine.rule(point) for trial, point in self._points.items()}
        self._slots = {trial: slot for slot, trial in enumerate(trials)}
        self._kernel = engine.trials(masks, weights.dtype)
        for slot, row in enumerate(weights):
            self._kernel.put(slot, row)
        self._steps = 0

    @property
    def members(self) -> Sequence[int]:
        """Those at work: who leaves takes no time."""
        return self.trials

    @property
    def weights(self) -> Tensor:
        """Those of the trials still at work, shape (T, P); 0 where pruned."""
        return self._vectors(0)

    @property
    def resumable(self) -> bool:
        """Its rules are all known."""
        return True

    def advance(self, data: Split, rows: NDArray[np.int64]) -> Advance:
        """Take steps on batches of the training set, given by their examples, shape (steps, B)."""
        examples, diverged = _training_examples(data), {}
        at_once = max(_ROWS_AT_ONCE // rows.shape[1], 1)
        for trial in self.trials:
            for taken in range(0, len(rows), at_once):
                some = rows[taken : taken + at_once]
                slot, rule = self._slots[trial], self._rules[trial]
                progress = self._kernel.train(slot, rule, examples, some, self._steps + taken)
                if not progress.finite:
                    diverged[trial] = taken + progress.steps
                    break
        self.trials = [trial for trial in self.trials if trial not in diverged]
        self._steps += len(rows)
        return Advance([self] if self.trials else [], diverged)

    def keep(self, trials: Collection[int]) -> None:
        """Go on with some of the trials only."""
        self.trials = [trial for trial in self.trials if trial in trials]

    def part(self, trials: Sequence[int]) -> SparseBlock:
        """Return some of the trials as a block of their own that stands where this one does."""
        masks, points = np.stack([self._masks[trial] for trial in trials]), [self._points[trial] for trial in trials]
        places = [self.trials.index(trial) for trial in trials]
        state = {name: value[places] if value.ndim else value for name, value in self.state().items()}
        part = SparseBlock(self._engine, trials, state["weights"].numpy(), masks, points)
        part.load(state)
        return part

    def state(self) -> dict[str, Tensor]:
        """Return all that changes with the steps, for `load`."""
        return {"weights": self.weights, "velocities": self._vectors(1), "steps": torch.tensor(self._steps)}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from where a block of the same trials stood."""
        rows = zip(self.trials, state["weights"].numpy(), state["velocities"].numpy(), strict=True)
        for trial, weights, velocities in rows:
            self._kernel.put(self._slots[trial], weights, velocities)
        self._steps = int(state["steps"])

    def _vectors(self, which: int) -> Tensor:
        """Return the weights (0) or the velocities (1) of the trials still at work, shape (T, P)."""
        found = np.empty((len(self.trials), self._kernel.size), self._kernel.dtype)
        for place, trial in enumerate(self.trials):
            found[place] = self._kernel.get(self._slots[trial])[which]
        return torch.from_numpy(found)


@lru_cache(maxsize=1)  # a study has one split; more would keep the images of others alive
def _training_examples(data: Split) -> Examples:
    """Return the training set as the kernel reads it, the same memory."""
    return Examples(data.training_images.numpy(), data.training_labels.numpy())
