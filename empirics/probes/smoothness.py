"""Local smoothness along a training run: how fast the gradient changes over one step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from empirics.networks.gradient import Gradient, loss_and_gradient
from empirics.networks.network import Network
from empirics.probes.sample import Replicates, Sample, with_each_left_out

GAMMAS = tuple(tenth / 10 for tenth in range(1, 11))


@dataclass(frozen=True)
class StepMeasurement:
    """What eleven gradients along one step say, on all examples and without each group of them.

    Args:
        smoothness: L(w_k), shape (1 + G,); None for a step that moved nothing, which has no L.
        before: f(w_k), shape (1 + G,).
        after: f(w_{k+1}), shape (1 + G,).
    """

    smoothness: Replicates | None
    before: Replicates
    after: Replicates

    @property
    def finite(self) -> bool:
        """Whether all of it are numbers."""
        parts = [self.before, self.after, *([] if self.smoothness is None else [self.smoothness])]
        return all(bool(np.isfinite(part).all()) for part in parts)


def full_gradient(
    network: Network,
    weights: Tensor,
    masks: Tensor,
    images: Tensor,
    labels: Tensor,
    gradient_of: Gradient = loss_and_gradient,
) -> tuple[Tensor, Tensor]:
    """Return the training loss of T weight vectors and its gradient on the kept weights, in float64.

    Args:
        network: The network.
        weights: Shape (T, P).
        masks: 1 where a weight is kept, shape (T, P) or (1, P).
        images: The training set, shape (n, channels, height, width).
        labels: Shape (n,).
        gradient_of: How to take them, an engine's way.

    Returns:
        Losses, shape (T,), and gradients, shape (T, P).
    """
    loss, gradient = gradient_of(network, weights.double(), images, labels)
    return loss, gradient * masks


def local_smoothness(
    network: Network,
    before: Tensor,
    after: Tensor,
    mask: Tensor,
    sample: Sample,
    gradient_of: Gradient = loss_and_gradient,
) -> StepMeasurement:
    r"""Return the smoothness along one training step, and the training loss at both ends.

    :math:`L(w_k) = \max_\gamma |\nabla f(w_k + \gamma d) - \nabla f(w_k)| / |\gamma d|`, :math:`d = w_{k+1} - w_k`,
    :math:`\gamma \in \{0.1, 0.2, \ldots, 1\}`. Eleven passes over the examples: the gradient at w_k serves every gamma.

    Args:
        network: The network.
        before: Weights w_k, shape (1, P).
        after: Weights w_{k+1}, shape (1, P).
        mask: 1 where a weight is kept, shape (1, P).
        sample: The training set, or examples drawn from it.
        gradient_of: How to take the loss and its gradient, an engine's way.

    Returns:
        L(w_k), f(w_k) and f(w_{k+1}).

    Reference:
        Lee et al. 2021, Eq. (11), after Zhang, He, Sra, Jadbabaie 2020.
    """
    start = before.double()
    direction = after.double() - start
    moved = bool(direction.any())
    gammas = torch.tensor((0.0, *GAMMAS) if moved else (0.0,), dtype=torch.float64, device=before.device).unsqueeze(1)
    losses, changes, sizes = [], [], []
    for rows in sample.groups():
        examples = rows.stop - rows.start
        loss, gradient = full_gradient(network, start + gammas * direction, mask, *sample.part(rows), gradient_of)
        losses.append(loss.cpu().numpy() * examples)
        changes.append((gradient[1:] - gradient[0]) * examples)
        sizes.append(examples)
    counts = with_each_left_out(np.array(sizes, dtype=np.float64))
    mean_losses = with_each_left_out(np.stack(losses)) / counts[:, None]
    if not moved:
        return StepMeasurement(None, mean_losses[:, 0], mean_losses[:, 0])
    lengths = gammas[1:, 0] * torch.linalg.vector_norm(direction)
    ratios = _norms(torch.stack(changes)) / counts[:, None] / lengths.cpu().numpy()
    return StepMeasurement(ratios.max(axis=1), mean_losses[:, 0], mean_losses[:, -1])


def _norms(parts: Tensor) -> NDArray[np.float64]:
    """Return the norms of a sum over groups and of the sums without each, shape (1 + G, 10) from (G, 10, P)."""
    total = parts.sum(dim=0)
    rows = [total, *(total - part for part in parts)] if len(parts) > 1 else [total]
    norms: NDArray[np.float64] = torch.stack([torch.linalg.vector_norm(row, dim=1) for row in rows]).cpu().numpy()
    return norms
