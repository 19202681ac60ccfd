"""What an engine must offer: blocks of trials that advance together, goal tests and gradients."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from empirics.networks.gradient import Gradient
from empirics.probes.gradient_noise import Sums
from empirics.workloads.goal import Errors
from empirics.workloads.optimizers import Points


@dataclass(frozen=True, eq=False)
class Split:
    """One replicate's training and validation set on the device."""

    training_images: Tensor
    training_labels: Tensor
    validation_images: Tensor
    validation_labels: Tensor


@dataclass(frozen=True)
class Advance:
    """What some steps of a block came to.

    Args:
        blocks: The trials that go on; several blocks where memory did not hold one.
        diverged: Trial to the step, from 1 of these, at which its loss or a weight was no longer finite.
        halvings: How often memory did not hold a block.
    """

    blocks: list[Block]
    diverged: dict[int, int] = field(default_factory=dict)
    halvings: int = 0


class Block(Protocol):
    """Trials of one study that train on the same batches."""

    trials: list[int]  # still at work

    @property
    def members(self) -> Sequence[int]:
        """The trials whose steps are computed: those at work, and others that are not worth leaving out."""

    @property
    def weights(self) -> Tensor:
        """Those of the trials still at work, shape (T, P); 0 where pruned."""

    def advance(self, data: Split, rows: NDArray[np.int64]) -> Advance:
        """Take steps on batches of the training set, given by their examples, shape (steps, B)."""

    def keep(self, trials: Collection[int]) -> None:
        """Go on with some of the trials only."""

    def part(self, trials: Sequence[int]) -> Block:
        """Return some of the trials as a block of their own that stands where this one does."""

    @property
    def resumable(self) -> bool:
        """Whether `state` is all that changes with the steps; a user's own rule may hold more."""

    def state(self) -> Mapping[str, Tensor]:
        """Return all that changes with the steps of its members, for `load`; `steps` is their number."""

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from where a block of the same members stood."""


class Engine(Protocol):
    """Computes for one workload: its training steps, its goal tests, and the gradients of pruning and constants."""

    @property
    def skips_pruned(self) -> bool:
        """Whether a step takes the time of the weights that are kept, not of all."""

    def block(
        self, trials: Sequence[int], weights: NDArray[np.floating], masks: NDArray[np.bool_], points: Points
    ) -> Block:
        """Return trials at their start.

        Args:
            trials: Their indices, length T.
            weights: Initial, shape (T, P), in the precision to train in; what is pruned of them does not matter.
            masks: Which are kept, shape (T, P).
            points: One mapping of metaparameters a trial.
        """

    def trials_at_once(self, batch_size: int) -> int:
        """Return how many trials of a study go into one block at most."""

    def errors(self, images: Tensor, labels: Tensor) -> Errors:
        """Return what finds the images, shape (n, channels, height, width), that trials get wrong."""

    def gradient_of(self, mask: NDArray[np.bool_]) -> Gradient:
        """Return what takes the gradient of the loss where some weights are kept, shape (P,).

        It is called like `loss_and_gradient`; of pruned weights its result may hold the gradient or 0.
        """

    def sums_of(self, mask: NDArray[np.bool_]) -> Sums:
        """Return what sums over the gradients of single examples, called like `gradient_sums`; likewise."""
