"""The torch engine: any network and update rule, on a CPU or GPU, whatever was pruned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from empirics.networks.gradient import Gradient, loss_and_gradient
from empirics.networks.network import Network
from empirics.probes.example_gradients import gradient_sums
from empirics.probes.gradient_noise import Sums
from empirics.training.block import TrialBlock
from empirics.workloads.goal import Errors, wrong_images
from empirics.workloads.optimizers import Points
from empirics.workloads.workload import Workload


@dataclass(frozen=True)
class TorchEngine:
    """Batched computations of PyTorch, in which a pruned weight is a zero.

    Args:
        network: The network.
        workload: Whose optimiser and schedule to train by.
        device: Where.
        gradient: How a training step takes the gradient of a batch.
        captures: Whether steps may be launched as graphs, where there are graphs.
    """

    network: Network
    workload: Workload
    device: torch.device
    gradient: Gradient = loss_and_gradient
    captures: bool = True

    @property
    def skips_pruned(self) -> bool:
        """Return False: zeros are multiplied like other numbers."""
        return False

    def block(
        self, trials: Sequence[int], weights: NDArray[np.floating], masks: NDArray[np.bool_], points: Points
    ) -> TrialBlock:
        """Return trials at their start; weights and masks have shape (T, P)."""
        start = torch.from_numpy(weights).to(self.device)
        kept = torch.from_numpy(masks).to(start)
        return TrialBlock(
            self.network, self.workload, trials, start * kept, kept, points, self.gradient, captures=self.captures
        )

    def trials_at_once(self, batch_size: int) -> int:
        """Return how many trials of a study go into one block at most."""
        return self.network.trials_at_once(batch_size)

    def errors(self, images: Tensor, labels: Tensor) -> Errors:
        """Return what finds the images that trials get wrong."""
        return wrong_images(self.network, images, labels)

    def gradient_of(self, mask: NDArray[np.bool_]) -> Gradient:
        """Return `loss_and_gradient`, which takes those of pruned weights too."""
        del mask
        return loss_and_gradient

    def sums_of(self, mask: NDArray[np.bool_]) -> Sums:
        """Return `gradient_sums`, likewise."""
        del mask
        return gradient_sums
