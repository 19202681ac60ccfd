"""Which weights a trial keeps, decided once before training: one interface, five methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from empirics.networks import Network
from empirics.specification import Biases, PruningName
from empirics.training import as_input, loss_and_gradient

_BATCH_SIZE = 100  # of the published SNIP code
_SYNFLOW_ROUNDS = 100  # Tanaka et al. 2020, Section 7
_GRASP_TEMPERATURE = 200.0  # Wang, Zhang, Grosse 2020, published code


def connection_sensitivity(network: Network, weights: Tensor, images: Tensor, labels: Tensor) -> NDArray[np.float64]:
    r"""Return the SNIP score of every weight of T trials.

    :math:`s = |\sum_b w \cdot \partial L_b / \partial w|`, the sum over the batches of one epoch.

    Args:
        network: The network.
        weights: Initial weights, shape (T, P).
        images: The examples it sees, shape (n, channels, height, width).
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


def kept_weights(size: int, sparsity: float) -> int:
    """Return how many of `size` weights a sparsity keeps.

    Args:
        size: Number of weights that may be pruned.
        sparsity: Percent of them pruned, in [0, 100).

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


@dataclass(frozen=True)
class Untrained:
    """Trials before training, and what a pruning method may look at.

    Args:
        network: The network.
        weights: Initial weights, shape (T, P).
        images: The examples a method sees, shape (n, channels, height, width).
        labels: Shape (n,).
        randoms: One generator a trial, for methods that draw.
    """

    network: Network
    weights: Tensor
    images: Tensor
    labels: Tensor
    randoms: Sequence[np.random.Generator]


# A method says which of the prunable weights (a mask of shape (P,)) to keep at each of s sparsities: (T, s, P), where
# the entries of weights that are not prunable mean nothing.
PruningMethod = Callable[[Untrained, NDArray[np.bool_], Sequence[float]], NDArray[np.bool_]]


def _once(score: Callable[[Untrained], NDArray[np.float64]]) -> PruningMethod:
    """Return the method that keeps the highest of scores taken once; biases come last where they are prunable."""

    def keep(trials: Untrained, prunable: NDArray[np.bool_], sparsities: Sequence[float]) -> NDArray[np.bool_]:
        scores = np.where(trials.network.is_bias, -np.inf, score(trials))
        masks = np.zeros((len(scores), len(sparsities), trials.network.size), dtype=np.bool_)
        for row, of_trial in zip(scores, masks, strict=True):
            for sparsity, mask in zip(sparsities, of_trial, strict=True):
                mask[prunable] = keep_mask(row[prunable], sparsity)
        return masks

    return keep


def _by_synaptic_flow(trials: Untrained, prunable: NDArray[np.bool_], sparsities: Sequence[float]) -> NDArray[np.bool_]:
    """Prune a little, score again, a hundred times, the kept share falling exponentially to the sparsity's."""
    shape = tuple(trials.weights.shape)
    masks = np.ones((shape[0], len(sparsities), shape[1]), dtype=np.bool_)
    for index, sparsity in enumerate(sparsities):
        for number in range(1, _SYNFLOW_ROUNDS + 1):
            partial = 100 * (1 - (1 - sparsity / 100) ** (number / _SYNFLOW_ROUNDS))
            kept = torch.from_numpy(masks[:, index].astype(np.float64)).to(trials.weights.device)
            scores = np.where(trials.network.is_bias, -np.inf, synaptic_flow(trials.network, trials.weights, kept))
            for row, mask in zip(scores, masks[:, index], strict=True):
                # What is gone stays gone: in float64 a score of what is left may underflow to the same zero.
                mask[prunable] = keep_mask(np.where(mask, row, -np.inf)[prunable], partial)
    return masks


PRUNING_METHODS: dict[PruningName, PruningMethod] = {
    "snip": _once(lambda t: connection_sensitivity(t.network, t.weights, t.images, t.labels)),
    "grasp": _once(lambda t: gradient_flow(t.network, t.weights, t.images, t.labels)),
    "synflow": _by_synaptic_flow,
    "magnitude": _once(lambda t: t.weights.abs().double().cpu().numpy()),
    "random": _once(lambda t: np.stack([random.random(t.network.size) for random in t.randoms])),
}


def prune(trials: Untrained, method: PruningName, biases: Biases, sparsities: Sequence[float]) -> NDArray[np.bool_]:
    """Return which weights of T trials are kept at each sparsity.

    Args:
        trials: The trials before training.
        method: One of `PRUNING_METHODS`.
        biases: What becomes of biases: `prune` counts them among the weights, so that any sparsity above 0 takes
            them first; `keep` prunes weights only; `none` removes them at every sparsity, 0 included.
        sparsities: Percent of the prunable weights pruned, each in [0, 100), length s.

    Returns:
        Shape (T, s, P).

    Reference:
        Lee et al. 2021, Section 3, published code for `prune`; the other two are controls.
    """
    is_bias = trials.network.is_bias
    prunable = ~(is_bias | trials.network.never_pruned) if biases == "keep" else ~trials.network.never_pruned
    masks = np.ones((len(trials.weights), len(sparsities), trials.network.size), dtype=np.bool_)
    pruned = [index for index, sparsity in enumerate(sparsities) if sparsity > 0]
    if pruned:
        chosen = PRUNING_METHODS[method](trials, prunable, [sparsities[index] for index in pruned])
        masks[:, pruned] = chosen | ~prunable
    if biases == "none":
        masks[:, :, is_bias] = False
    return masks
