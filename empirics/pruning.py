"""Connection sensitivity (SNIP): which weights a trial keeps, decided before training."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from empirics.networks import Network
from empirics.training import loss_and_gradient

_BATCH_SIZE = 100  # of the published code


def connection_sensitivity(network: Network, weights: Tensor, images: Tensor, labels: Tensor) -> NDArray[np.float64]:
    r"""Return the SNIP score of every weight of T trials.

    :math:`s = |\sum_b w \cdot \partial L_b / \partial w|`, the sum over the batches of one epoch.

    Args:
        network: The network.
        weights: Initial weights, shape (T, P).
        images: The training set, shape (n, channels, height, width).
        labels: Shape (n,).

    Returns:
        Scores, >= 0, shape (T, P). Biases start at 0, so theirs are 0.

    Reference:
        Lee, Ajanthan, Torr 2019 (SNIP); batches of 100 over one epoch as in the code of Lee et al. 2021.
    """
    total = torch.zeros_like(weights, dtype=torch.float64)
    for start in range(0, len(labels), _BATCH_SIZE):
        rows = slice(start, start + _BATCH_SIZE)
        total += loss_and_gradient(network, weights, images[rows], labels[rows])[1]
    scores: NDArray[np.float64] = (weights.double() * total).abs().cpu().numpy()
    return scores


def kept_weights(size: int, sparsity: float) -> int:
    """Return how many of `size` weights a sparsity keeps.

    Args:
        size: Number of weights, P.
        sparsity: Percent of weights pruned, in [0, 100).

    Example:
        >>> kept_weights(62346, 90.0)
        6235
    """
    return round(size * (1 - sparsity / 100))


def keep_mask(scores: NDArray[np.float64], sparsity: float) -> NDArray[np.bool_]:
    """Return which weights are kept: the highest scores over the whole network, ties to the lower index.

    Args:
        scores: Shape (P,).
        sparsity: Percent of weights pruned, in [0, 100).

    Returns:
        Shape (P,); a higher sparsity keeps a subset of a lower one.

    Example:
        >>> keep_mask(np.array([0.1, 3.0, 0.0, 0.0]), 50.0).tolist()
        [True, True, False, False]
    """
    mask = np.zeros(len(scores), dtype=np.bool_)
    order = np.argsort(-scores, kind="stable")
    mask[order[: kept_weights(len(scores), sparsity)]] = True
    return mask
