"""A check that a pruned network can be trained, at its start and under its mask."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from empirics.errors import InputError
from empirics.networks.gradient import as_input, loss_and_gradient
from empirics.networks.network import Network, Parameter

FEW_EXAMPLES = 8
MOST_EXAMPLES = 256  # looked at where few show nothing
_DRAWS = 4  # of weights that an open path is looked for with: all positive, then signs at random
_SAME = 1e-6  # of the largest output, in float32: what the place in a batch may change


@dataclass(frozen=True)
class MaskedStart:
    """What is found of one network under one mask.

    Args:
        fault: Why it cannot be trained, None where it can.
        emptied: Names of the weights of which the mask leaves none.
    """

    fault: str | None
    emptied: tuple[str, ...] = field(default=())


def masked_starts(
    network: Network, weights: Tensor, masks: NDArray[np.bool_], images: Tensor, labels: Tensor
) -> list[MaskedStart]:
    """Return what is found of one trial under each of its masks.

    Three questions, in this order. Are loss and gradient finite at the start? Is there a path from inputs to outputs,
    that is: with other numbers in the kept weights, do outputs depend on inputs? Does a kept weight have a gradient?

    Args:
        network: The network.
        weights: Initial weights of the trial, shape (1, P).
        masks: Kept weights at each sparsity, shape (s, P).
        images: Training examples, shape (n, ...); eight are looked at, up to 256 where those show nothing.
        labels: Shape (n, ...).

    Returns:
        One a mask, length s.
    """
    few = images[:FEW_EXAMPLES], labels[:FEW_EXAMPLES]
    many = images[:MOST_EXAMPLES], labels[:MOST_EXAMPLES]
    found = []
    for mask in masks:
        kept = torch.from_numpy(mask[None]).to(weights)
        loss, gradient = loss_and_gradient(network, weights * kept, *few)
        fault = None
        if not bool(loss.isfinite().all() and gradient.isfinite().all()):
            fault = f"{_not_finite(network, gradient)} before the first step"
        elif not mask.all() and _closed(network, kept, few[0], many[0]):
            fault = "no path is left from inputs to outputs"
        elif not bool((gradient * kept).any()) and _rests(network, weights, kept, *many):
            fault = "no kept weight has a gradient, so no step would move one"
        found.append(MaskedStart(fault, _emptied(network, mask)))
    return found


def _not_finite(network: Network, gradient: Tensor) -> str:
    """Return what is not finite: the gradient of a parameter, the last one of several, or the loss."""
    names = [
        parameter.name
        for parameter, view in zip(network.parameters, network.views(gradient), strict=True)
        if not bool(view.isfinite().all())
    ]
    return f"the gradient of {names[-1]!r} is not finite" if names else "the loss is not finite"


def _emptied(network: Network, mask: NDArray[np.bool_]) -> tuple[str, ...]:
    """Return the names of weights, biases aside, of which a mask leaves none."""
    sizes = np.cumsum([parameter.size for parameter in network.parameters])[:-1]
    parts = zip(network.parameters, np.split(mask, sizes), strict=True)
    return tuple(parameter.name for parameter, kept in parts if parameter.fan_in and not kept.any())


def _rests(network: Network, weights: Tensor, kept: Tensor, images: Tensor, labels: Tensor) -> bool:
    """Whether no kept weight has a gradient on more examples either."""
    _, gradient = loss_and_gradient(network, weights * kept, images, labels)
    return not bool((gradient * kept).any())


def _closed(network: Network, kept: Tensor, few: Tensor, many: Tensor) -> bool:
    """Whether no path is seen under a mask, on few examples or many, where one is seen in the whole network."""
    return not (_open(network, kept, few) or _open(network, kept, many)) and _open(network, torch.ones_like(kept), many)


@torch.no_grad()
def _open(network: Network, kept: Tensor, images: Tensor) -> bool:
    """Whether outputs depend on inputs for some numbers in the kept weights, biases at 0 and gains at 1."""
    inputs, gains = as_input(images, kept.dtype), torch.from_numpy(network.never_pruned[None]).to(kept)
    for draw in range(_DRAWS):
        random = np.random.default_rng(draw)
        parts = zip(network.parameters, network.views(kept), network.views(gains), strict=True)
        numbers = [_numbers(*part, random, signed=draw > 0) for part in parts]
        weights = torch.cat(numbers)[None]
        try:
            chunks = torch.split(inputs, network.examples_at_once)
            outputs = torch.cat([network.logits(network.views(weights), chunk)[0] for chunk in chunks])
        except InputError:  # of a user's module that takes no such weights, which training need not lead to
            return True
        spread = (outputs - outputs[:1]).abs().max()
        if bool(spread > _SAME * outputs.abs().max()):
            return True
    return False


def _numbers(parameter: Parameter, kept: Tensor, gains: Tensor, random: np.random.Generator, *, signed: bool) -> Tensor:
    """Return numbers for one parameter's kept entries that keep what goes through them near its size, shape (size,)."""
    if not parameter.fan_in or bool(gains.any()):
        return gains.flatten()
    inputs = max(parameter.fan_in * float(kept.mean()), 1.0)
    sizes = random.uniform(0.5, 1.5, parameter.size) / math.sqrt(inputs)
    signs = random.choice((-1.0, 1.0), parameter.size) if signed else 1.0
    return kept.flatten() * torch.from_numpy(sizes * signs).to(kept)
