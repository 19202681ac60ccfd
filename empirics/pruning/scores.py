"""Scores of the pruning methods that use gradients: one number for each weight and trial."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from empirics.networks.gradient import Gradient, as_input, loss_and_gradient
from empirics.networks.network import Network

_BATCH_SIZE = 100  # of the published SNIP code
_GRASP_TEMPERATURE = 200.0  # Wang, Zhang, Grosse 2020, published code


def connection_sensitivity(
    network: Network, weights: Tensor, images: Tensor, labels: Tensor, gradient_of: Gradient = loss_and_gradient
) -> NDArray[np.float64]:
    r"""Return the SNIP score of every weight of T trials.

    :math:`s = |\sum_b w \cdot \partial L_b / \partial w|`, the sum over the batches of one epoch.

    Args:
        network: The network.
        weights: Initial weights, shape (T, P).
        images: The examples it sees, shape (n, channels, height, width).
        labels: Shape (n,).
        gradient_of: How to take the loss and its gradient, an engine's way.

    Returns:
        Scores, >= 0, shape (T, P). Biases start at 0, so theirs are 0.

    Reference:
        Lee, Ajanthan, Torr 2019 (SNIP); batches of 100 over one epoch as in the code of Lee et al. 2021.
    """
    total = torch.zeros_like(weights, dtype=torch.float64)
    for start in range(0, len(labels), _BATCH_SIZE):
        rows = slice(start, start + _BATCH_SIZE)
        total += gradient_of(network, weights, images[rows], labels[rows])[1]
    scores: NDArray[np.float64] = (weights.double() * total).abs().cpu().numpy()
    return scores


def gradient_flow(network: Network, weights: Tensor, images: Tensor, labels: Tensor) -> NDArray[np.float64]:
    r"""Return the GraSP score of every weight of T trials; the highest are kept.

    :math:`s = w \cdot H g`, the effect of a weight on the gradient norm: removing a weight with a low score lowers
    :math:`|g|^2` least.

    Args:
        network: The network.
        weights: Initial weights, shape (T, P).
        images: The examples it sees, shape (n, channels, height, width).
        labels: Shape (n,).

    Returns:
        Scores, shape (T, P).

    Reference:
        Wang, Zhang, Grosse 2020 (GraSP), Eq. (8), with its code's temperature of 200 on the logits.
    """
    scores = np.empty(tuple(weights.shape))
    for trial, row in enumerate(weights.double()):
        point = row[None].requires_grad_()
        mean = torch.zeros_like(row)
        for chunk in _chunks(network, len(labels)):
            mean += torch.autograd.grad(_tempered_loss(network, point, images[chunk], labels[chunk]), point)[0][0]
        gradient, product = mean / len(labels), torch.zeros_like(row)
        for chunk in _chunks(network, len(labels)):
            loss = _tempered_loss(network, point, images[chunk], labels[chunk])
            (slope,) = torch.autograd.grad(loss, point, create_graph=True)
            product += torch.autograd.grad(slope[0] @ gradient, point)[0][0]
        scores[trial] = (row.detach() * product / len(labels)).cpu().numpy()
    return scores


def _tempered_loss(network: Network, weights: Tensor, images: Tensor, labels: Tensor) -> Tensor:
    """Return the summed cross-entropy of softened outputs, differentiable twice."""
    outputs = network.logits(network.views(weights), as_input(images, weights.dtype))
    return network.losses(outputs / _GRASP_TEMPERATURE, labels).sum()


def _chunks(network: Network, examples: int) -> list[slice]:
    """Return the rows of passes that bound memory."""
    rows = network.examples_at_once
    return [slice(start, start + rows) for start in range(0, examples, rows)]


def synaptic_flow(network: Network, weights: Tensor, kept: Tensor) -> NDArray[np.float64]:
    r"""Return the SynFlow score of every weight of T trials; needs no data.

    :math:`s = |w| \cdot \partial R / \partial |w|`, R the summed output for an input of ones and weights :math:`|w|`.

    Args:
        network: The network.
        weights: Initial weights, shape (T, P).
        kept: Which weights are left, as factors 0 and 1, shape (T, P).

    Returns:
        Scores, >= 0, shape (T, P).

    Reference:
        Tanaka, Kunin, Yamins, Ganguli 2020 (SynFlow), Eq. (2).
    """
    magnitudes = (weights.double().abs() * kept).requires_grad_()
    ones = torch.ones((1, *network.image_shape), dtype=torch.float64, device=weights.device)
    flow = network.logits(network.views(magnitudes), ones).sum()
    scores: NDArray[np.float64] = (magnitudes * torch.autograd.grad(flow, magnitudes)[0]).detach().cpu().numpy()
    return scores
