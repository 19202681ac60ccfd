"""Pruning methods: the weights that a trial keeps, decided once before training.

Importing this module loads no torch: the command line takes its choices from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from empirics.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from empirics.networks.gradient import Gradient
    from empirics.networks.network import Network

Biases = Literal["prune", "keep", "none"]
_SYNFLOW_ROUNDS = 100  # Tanaka et al. 2020, Section 7


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


class UnrankedError(InputError):
    """Scores that put no order on the weights of a trial."""


@dataclass(frozen=True)
class Untrained:
    """Trials before training, and what a pruning method may look at.

    Args:
        network: The network.
        weights: Initial weights, shape (T, P).
        images: The examples a method sees, shape (n, channels, height, width).
        labels: Shape (n,).
        randoms: One generator a trial, for methods that draw.
        gradient_of: How SNIP takes gradients, an engine's way.
    """

    network: Network
    weights: Tensor
    images: Tensor
    labels: Tensor
    randoms: Sequence[np.random.Generator]
    gradient_of: Gradient


# A method says which of the prunable weights (a mask of shape (P,)) to keep at each of s sparsities: (T, s, P), where
# the entries of weights that are not prunable mean nothing.
PruningMethod = Callable[[Untrained, NDArray[np.bool_], Sequence[float]], NDArray[np.bool_]]


def _once(score: Callable[[Untrained], NDArray[np.float64]]) -> PruningMethod:
    """Return the method that keeps the highest of scores taken once; biases come last where they are prunable."""

    def keep(trials: Untrained, prunable: NDArray[np.bool_], sparsities: Sequence[float]) -> NDArray[np.bool_]:
        found = score(trials)
        _check_scores(found[:, prunable & ~trials.network.is_bias])
        scores = np.where(trials.network.is_bias, -np.inf, found)
        masks = np.zeros((len(scores), len(sparsities), trials.network.size), dtype=np.bool_)
        for row, of_trial in zip(scores, masks, strict=True):
            for sparsity, mask in zip(sparsities, of_trial, strict=True):
                mask[prunable] = keep_mask(row[prunable], sparsity)
        return masks

    return keep


def _check_scores(scores: NDArray[np.float64]) -> None:
    """Refuse scores, shape (T, weights), that put no order on the weights of a trial.

    Raises:
        UnrankedError: If some are not finite, or all weights of a trial have the same.
    """
    if not np.isfinite(scores).all():
        raise UnrankedError(
            f"{int((~np.isfinite(scores)).sum())} of {scores.size} scores are not finite numbers; "
            "give the network initial weights at which its loss and gradient are, or use --pruning random"
        )
    if scores.shape[1] > 1 and bool((scores == scores[:, :1]).all(axis=1).any()):
        raise UnrankedError(
            f"every weight has the score {scores.flat[0]:g}, so they cannot be ranked; a "
            "layer that starts at zero, or dead units, let no gradient through: change the initial weights, or use "
            "--pruning random"
        )


def _zeros(trials: Untrained) -> str:
    """Return which weights start at zero, for a refusal; empty where none do."""
    views = trials.network.views(trials.weights)
    names = [p.name for p, view in zip(trials.network.parameters, views, strict=True) if p.fan_in and not view.any()]
    return f" (at zero: {', '.join(names[:3])})" if names else ""


def _sensitivity(trials: Untrained) -> NDArray[np.float64]:
    """Return the SNIP scores."""
    from empirics.pruning.scores import connection_sensitivity  # noqa: PLC0415 - loads torch

    return connection_sensitivity(trials.network, trials.weights, trials.images, trials.labels, trials.gradient_of)


def _flow_of_gradients(trials: Untrained) -> NDArray[np.float64]:
    """Return the GraSP scores."""
    from empirics.pruning.scores import gradient_flow  # noqa: PLC0415 - as above

    return gradient_flow(trials.network, trials.weights, trials.images, trials.labels)


def _by_synaptic_flow(trials: Untrained, prunable: NDArray[np.bool_], sparsities: Sequence[float]) -> NDArray[np.bool_]:
    """Prune a little, score again, a hundred times, the kept share falling exponentially to the sparsity's."""
    from empirics.pruning.scores import synaptic_flow  # noqa: PLC0415 - as above

    shape = tuple(trials.weights.shape)
    masks = np.ones((shape[0], len(sparsities), shape[1]), dtype=np.bool_)
    for index, sparsity in enumerate(sparsities):
        for number in range(1, _SYNFLOW_ROUNDS + 1):
            partial = 100 * (1 - (1 - sparsity / 100) ** (number / _SYNFLOW_ROUNDS))
            kept = trials.weights.new_tensor(masks[:, index])
            found = synaptic_flow(trials.network, trials.weights, kept)
            if number == 1:
                _check_scores(found[:, prunable & ~trials.network.is_bias])
            scores = np.where(trials.network.is_bias, -np.inf, found)
            for row, mask in zip(scores, masks[:, index], strict=True):
                # What is gone stays gone: in float64 a score of what is left may underflow to the same zero.
                mask[prunable] = keep_mask(np.where(mask, row, -np.inf)[prunable], partial)
    return masks


PRUNING_METHODS: Mapping[str, PruningMethod] = MappingProxyType(
    {
        "snip": _once(_sensitivity),
        "grasp": _once(_flow_of_gradients),
        "synflow": _by_synaptic_flow,
        "magnitude": _once(lambda t: t.weights.abs().double().cpu().numpy()),
        "random": _once(lambda t: np.stack([random.random(t.network.size) for random in t.randoms])),
    }
)


OWN = "own"  # by masks that the user's workload brings


def _by_own_masks(trials: Untrained, _prunable: NDArray[np.bool_], sparsities: Sequence[float]) -> NDArray[np.bool_]:
    """Ask the user's own masks, each trial with a seed of its own."""
    from empirics.networks.module_network import ModuleNetwork  # noqa: PLC0415 - loads torch

    network = trials.network
    if not isinstance(network, ModuleNetwork):
        raise InputError("only a workload of your own brings masks")
    seeds = [int(random.integers(2**31)) for random in trials.randoms]
    return np.stack(
        [
            np.stack([network.masks(weights, sparsity, seed) for sparsity in sparsities])
            for weights, seed in zip(trials.weights, seeds, strict=True)
        ]
    )


_METHODS = {**PRUNING_METHODS, OWN: _by_own_masks}


def prune(trials: Untrained, method: str, biases: Biases, sparsities: Sequence[float]) -> NDArray[np.bool_]:
    """Return which weights of T trials are kept at each sparsity.

    Args:
        trials: The trials before training.
        method: One of `PRUNING_METHODS`, or `own`.
        biases: What becomes of biases: `prune` counts them among the weights, so that any sparsity above 0 takes
            them first; `keep` prunes weights only; `none` removes them at every sparsity, 0 included.
        sparsities: Percent of the prunable weights pruned, each in [0, 100), length s.

    Returns:
        Shape (T, s, P).

    Raises:
        UnrankedError: If the scores put no order on the weights of a trial.
        InputError: If the user's module raises.

    Reference:
        Lee et al. 2021, Section 3, published code for `prune`; the other two are controls.
    """
    is_bias = trials.network.is_bias
    prunable = ~(is_bias | trials.network.never_pruned) if biases == "keep" else ~trials.network.never_pruned
    masks = np.ones((len(trials.weights), len(sparsities), trials.network.size), dtype=np.bool_)
    pruned = [index for index, sparsity in enumerate(sparsities) if sparsity > 0]
    if pruned:
        try:
            chosen = _METHODS[method](trials, prunable, [sparsities[index] for index in pruned])
        except InputError as error:
            kind = UnrankedError if isinstance(error, UnrankedError) else InputError
            raise kind(f"--pruning {method}: {error}{_zeros(trials)}") from error
        masks[:, pruned] = chosen | ~prunable
    if biases == "none":
        masks[:, :, is_bias] = False
    return masks
