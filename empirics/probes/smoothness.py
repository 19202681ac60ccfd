"""Local smoothness along a training run: how fast the gradient changes over one step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from empirics.networks.gradient import Gradient, loss_and_gradient
from empirics.networks.network import Network
from empirics.probes.sample import Replicates, Sample, with_each_left_out

GAMMAS = tuple(tenth / 10 for tenth in range(1, 11))


@dataclass(frozen=True)
class Moved:
    r"""What gradients along a step d that moved the weights say, on all examples and without each group of them.

    Args:
        smoothness: L(w_k), shape (1 + G,).
        gamma: Where its maximum is, shape (1 + G,).
        norms: :math:`|\nabla f|` at w_k and at :math:`w_k + \gamma d`, shape (1 + G, 2).
        square: :math:`|d|^2`.
        slope: :math:`d \cdot \nabla f(w_k)`, shape (1 + G,).
        bend: :math:`d \cdot \tilde H d = 2 (f(w_{k+1}) - f(w_k) - d \cdot \nabla f(w_k))`, shape (1 + G,); the Hessian
            is averaged along the step with weight 2 (1 - t).
        batch_square: :math:`|g|^2` of the mini-batch gradient g.
        batch_slope: :math:`g \cdot \nabla f(w_k)`, shape (1 + G,).
    """

    smoothness: Replicates
    gamma: Replicates
    norms: Replicates
    square: float
    slope: Replicates
    bend: Replicates
    batch_square: float
    batch_slope: Replicates


@dataclass(frozen=True)
class StepMeasurement:
    """What was measured along one step.

    Args:
        before: f(w_k), shape (1 + G,).
        after: f(w_{k+1}), shape (1 + G,).
        moved: L and more; None for a step that moved nothing, which has none.
    """

    before: Replicates
    after: Replicates
    moved: Moved | None

    @property
    def smoothness(self) -> Replicates | None:
        """L(w_k), shape (1 + G,); None for a step that moved nothing."""
        return None if self.moved is None else self.moved.smoothness

    @property
    def finite(self) -> bool:
        """Whether all of it are numbers."""
        parts = [self.before, self.after]
        if self.moved is not None:
            parts += [self.moved.smoothness, self.moved.slope, self.moved.batch_slope]
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
    batch: Tensor,
    gradient_of: Gradient = loss_and_gradient,
) -> StepMeasurement:
    r"""Return the smoothness along one training step, and loss, slope and bend along it.

    :math:`L(w_k) = \max_\gamma |\nabla f(w_k + \gamma d) - \nabla f(w_k)| / |\gamma d|`, :math:`d = w_{k+1} - w_k`,
    :math:`\gamma \in \{0.1, 0.2, \ldots, 1\}`. Eleven passes over the examples: the gradient at w_k serves every gamma.

    Args:
        network: The network.
        before: Weights w_k, shape (1, P).
        after: Weights w_{k+1}, shape (1, P).
        mask: 1 where a weight is kept, shape (1, P).
        sample: The training set, or examples drawn from it.
        batch: The mini-batch gradient g of the step on kept weights, float64, shape (P,).
        gradient_of: How the loss and its gradient are taken.

    Returns:
        L(w_k) with its maximiser and both gradient norms, f(w_k), f(w_{k+1}), and what the step's slope says.

    Reference:
        Lee et al. 2021, Eq. (11), after Zhang, He, Sra, Jadbabaie 2020.
    """
    start = before.double()
    direction = after.double() - start
    moved = bool(direction.any())
    gammas = torch.tensor((0.0, *GAMMAS) if moved else (0.0,), dtype=torch.float64, device=before.device).unsqueeze(1)
    losses, parts, sizes = [], [], []
    for rows in sample.groups():
        examples = rows.stop - rows.start
        loss, gradient = full_gradient(network, start + gammas * direction, mask, *sample.part(rows), gradient_of)
        losses.append(loss.cpu().numpy() * examples)
        parts.append(gradient * examples)
        sizes.append(examples)
    counts = with_each_left_out(np.array(sizes, dtype=np.float64))
    mean = with_each_left_out(np.stack(losses)) / counts[:, None]
    if not moved:
        return StepMeasurement(mean[:, 0], mean[:, 0], None)
    lengths = gammas[1:, 0] * torch.linalg.vector_norm(direction)
    total = sum(parts[1:], start=parts[0])
    means = [total / counts[0], *((total - part) / count for part, count in zip(parts, counts[1:], strict=False))]
    places, ratios, norms = zip(*(_steepest(gradients, lengths) for gradients in means), strict=True)
    slope, batch_slope = (np.array([float(gradients[0] @ one) for gradients in means]) for one in (direction[0], batch))
    step = Moved(
        smoothness=np.array(ratios),
        gamma=np.array([GAMMAS[place] for place in places]),
        norms=np.array(norms),
        square=float(direction[0] @ direction[0]),
        slope=slope,
        bend=2 * (mean[:, -1] - mean[:, 0] - slope),
        batch_square=float(batch @ batch),
        batch_slope=batch_slope,
    )
    return StepMeasurement(mean[:, 0], mean[:, -1], step)


def _steepest(gradients: Tensor, lengths: Tensor) -> tuple[int, float, tuple[float, float]]:
    """Return at which point behind the first the gradient has changed most for its distance, how much, and both norms.

    Args:
        gradients: Shape (11, P).
        lengths: Distances from the first point, shape (10,).
    """
    ratios = torch.linalg.vector_norm(gradients[1:] - gradients[0], dim=1) / lengths
    place = int(ratios.argmax())
    ends = torch.linalg.vector_norm(gradients[[0, place + 1]], dim=1).tolist()
    return place, float(ratios[place]), (ends[0], ends[1])
