"""The training loss and its gradient as a function of plain weights, as the flow and the Hessian take it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from empirics.networks.gradient import Gradient
from empirics.networks.network import Network
from empirics.probes.smoothness import full_gradient

Vector = NDArray[np.float64]
Field = Callable[[Vector], tuple[float, Vector]]


def loss_field(network: Network, mask: Tensor, images: Tensor, labels: Tensor, gradient_of: Gradient) -> Field:
    """Return the mean loss on some examples and its gradient on the kept weights, in float64, as a function of weights.

    Args:
        network: The network.
        mask: 1 where a weight is kept, shape (1, P), on the examples' device.
        images: Shape (n, ...).
        labels: Shape (n, ...).
        gradient_of: How the gradient is taken.

    Returns:
        From weights of shape (P,) to a loss and a gradient of shape (P,).
    """

    def of(weights: Vector) -> tuple[float, Vector]:
        at = torch.from_numpy(weights[None]).to(mask.device)
        loss, gradient = full_gradient(network, at, mask, images, labels, gradient_of)
        return float(loss[0]), gradient[0].cpu().numpy()

    return of
