"""A block of trials that advances together."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from empirics.errors import InputError
from empirics.networks.gradient import Gradient, loss_and_gradient
from empirics.networks.network import Network
from empirics.training.captured import Capture, CapturedStep, capture_graph
from empirics.training.engine import Advance, Split
from empirics.workloads.optimizers import SCHEDULES, Points, update_rule
from empirics.workloads.workload import Workload


class BlockTooLargeError(RuntimeError):
    """The device's memory does not hold a pass of so many trials; no weight has been changed."""


class TrialBlock:
    """Trials of one study that train as one batched computation.

    Args:
        network: The network.
        workload: Whose optimiser and schedule to train by.
        trials: Indices of the trials, length T.
        weights: Initial weights, already masked, shape (T, P); overwritten by training.
        masks: 1 where a weight is kept, 0 where it is pruned, shape (T, P).
        metaparameters: One mapping a trial.
        gradient: How the loss of a batch and its gradient are taken, with the arguments of `loss_and_gradient`.
    """

    def __init__(
        self,
        network: Network,
        workload: Workload,
        trials: Sequence[int],
        weights: Tensor,
        masks: Tensor,
        metaparameters: Points,
        gradient: Gradient = loss_and_gradient,
    ) -> None:
        self.network = network
        self.trials = list(trials)
        self.weights = weights
        self._masks = masks
        self._gradient = gradient
        self._optimizer = update_rule(workload.optimizer)(metaparameters, weights)
        self._schedule = SCHEDULES[workload.schedule](metaparameters, weights)
        self._own_rule = ":" in workload.optimizer
        self._steps = torch.zeros((), dtype=torch.int64, device=weights.device)
        # A rule of the user's own may count in Python, where a graph of kernels does not see it.
        self.capture: Capture | None = capture_graph if weights.is_cuda and not self._own_rule else None
        self._captured: CapturedStep | None = None

    def advance(self, data: Split, rows: NDArray[np.int64]) -> Advance:
        """Take steps one after another; a block that memory does not hold goes on as two.

        Args:
            data: Whose training set.
            rows: Of the examples of each step, shape (steps, B).

        Returns:
            What became of the trials.

        Raises:
            InputError: If the device's memory does not hold one trial.
        """
        diverged: dict[int, int] = {}
        for number, batch in enumerate(rows):
            places = torch.from_numpy(batch).to(self.weights.device)
            try:
                finite = self.step(data.training_images[places], data.training_labels[places])
            except BlockTooLargeError as error:
                halves = [half.advance(data, rows[number:]) for half in self._halves(rows.shape[1], error)]
                late = {trial: number + step for half in halves for trial, step in half.diverged.items()}
                blocks = [block for half in halves for block in half.blocks]
                return Advance(blocks, diverged | late, 1 + sum(half.halvings for half in halves))
            if not bool(finite.all()):
                ended = [trial for trial, is_finite in zip(self.trials, finite.tolist(), strict=True) if not is_finite]
                diverged |= dict.fromkeys(ended, number + 1)
                self.keep(finite)
            if not self.trials:
                return Advance([], diverged)
        return Advance([self], diverged)

    def _halves(self, batch_size: int, error: BlockTooLargeError) -> list[TrialBlock]:
        """Return two blocks of half the trials."""
        trials = len(self.trials)
        if trials == 1:
            raise InputError(f"the device's memory does not hold one trial at B = {batch_size}: {error}") from error
        return [self.part(self.trials[: trials // 2]), self.part(self.trials[trials // 2 :])]

    def step(self, images: Tensor, labels: Tensor) -> Tensor:
        """Take one step of the optimiser on the kept weights.

        On a GPU the kernels of a step are launched as one, see `empirics.training.captured`.

        Args:
            images: The batch, shape (B, channels, height, width).
            labels: Shape (B,).

        Returns:
            Whether the batch loss and every weight are still finite, shape (T,), bool.

        Raises:
            BlockTooLargeError: If the device's memory does not suffice.
        """
        if self.capture is None:
            return self.plain_step(images, labels)
        if self._captured is None or not self._captured.fits(images, labels):
            self._captured = CapturedStep(self, images, labels, self.capture)
        return self._captured.step(images, labels)

    def plain_step(self, images: Tensor, labels: Tensor) -> Tensor:
        """Take one step, kernel by kernel; arguments and result are those of `step`."""
        try:
            loss, gradient = self._gradient(self.network, self.weights, images, labels)
        except torch.OutOfMemoryError as error:
            raise BlockTooLargeError(str(error)) from error
        self._optimizer.update(self.weights, gradient.mul_(self._masks), self._schedule.rates(self._steps))
        if self._own_rule:  # those here leave a pruned weight at zero by themselves
            self.weights.mul_(self._masks)
        self._steps += 1
        return torch.isfinite(loss) & torch.isfinite(self.weights).all(dim=1)

    def state(self) -> dict[str, Tensor]:
        """Return all that changes with the steps, for `load`; an update rule's state is its tensors and numbers."""
        rule = {
            f"rule.{name}": torch.as_tensor(value)
            for name, value in vars(self._optimizer).items()
            if isinstance(value, Tensor | int | float)
        }
        return {"weights": self.weights, "steps": self._steps, **rule}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on, in the same memory, from where a block of the same trials stood."""
        self.weights.copy_(state["weights"])
        self._steps.copy_(state["steps"])
        for name, value in vars(self._optimizer).items():
            if isinstance(value, Tensor):
                value.copy_(state[f"rule.{name}"])
            elif isinstance(value, int | float):
                setattr(self._optimizer, name, type(value)(state[f"rule.{name}"].item()))

    def keep(self, wanted: Tensor) -> None:
        """Go on with some of the trials only.

        Args:
            wanted: Shape (T,), bool.
        """
        self.trials = [trial for trial, keep in zip(self.trials, wanted.tolist(), strict=True) if keep]
        self.weights = self.weights[wanted]
        self._masks = self._masks[wanted]
        self._optimizer.keep(wanted)
        self._schedule.keep(wanted)
        self._captured = None

    def part(self, trials: Sequence[int]) -> TrialBlock:
        """Return some of the trials as a block of their own that stands where this one does."""
        part = copy.copy(self)  # whose state is a copy too: rules and counters change in place
        part._optimizer, part._schedule = copy.deepcopy((self._optimizer, self._schedule))  # noqa: SLF001 - its own
        part._steps = self._steps.clone()  # noqa: SLF001
        part.keep(torch.tensor([trial in trials for trial in self.trials], device=self.weights.device))
        return part
