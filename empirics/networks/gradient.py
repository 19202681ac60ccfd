"""Loss and gradient of T trials at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from empirics.networks.network import Network

Gradient = Callable[[Network, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def loss_and_gradient(
    network: Network, weights: Tensor, images: Tensor, labels: Tensor, batch_size: int | None = None
) -> tuple[Tensor, Tensor]:
    """Return the mean loss of T trials on the same batch, and its gradient; or what some examples add to them.

    The batch is taken in micro-batches whose size follows from the network and T alone, so that memory is bounded and
    the bits do not depend on the machine's.

    Args:
        network: The network.
        weights: Shape (T, P).
        images: Shape (B, channels, height, width), taken to the weights' precision.
        labels: Shape (B,).
        batch_size: Number of examples over which the mean is taken, >= B, where these are not all of them.

    Returns:
        Losses, shape (T,), and gradients with respect to all P weights, shape (T, P).
    """
    trials, examples = len(weights), len(labels)
    divisor = examples if batch_size is None else batch_size
    rows = max(network.examples_at_once // trials, 1)
    loss = torch.zeros(trials, dtype=weights.dtype, device=weights.device)
    gradient = torch.zeros_like(weights)
    for start in range(0, examples, rows):
        parameters = [view.requires_grad_() for view in network.views(weights.detach())]
        with torch.enable_grad():
            outputs = network.logits(parameters, as_input(images[start : start + rows], weights.dtype))
            each = network.losses(outputs, labels[start : start + rows]).sum(dim=1) / divisor
            parts = torch.autograd.grad(each.sum(), parameters)
        loss += each.detach()
        gradient += torch.cat([part.reshape(trials, -1) for part in parts], dim=1)
    return loss, gradient


def as_input(inputs: Tensor, dtype: torch.dtype) -> Tensor:
    """Return inputs in a network's precision; those that are no floating-point numbers, like tokens, as they are."""
    return inputs.to(dtype) if inputs.is_floating_point() else inputs
