r"""Sums over the gradients of single examples, :math:`\sum_i g_i` and :math:`\sum_i g_i^2`, one entry a weight.

Entry by entry they serve any mask: a pruned weight is left out afterwards. The well-known trick that takes the norm of
an example's gradient from the products of layer inputs and output gradients sums over all weights of a layer, so it
would be wrong for a masked one. What is used here, layer by layer:

- linear: :math:`\sum_i g_i^2 = (\delta^2)^T x^2`, one product of squares; no example's gradient is ever made.
- convolution: g_i is made from the patches of the input, a product that costs no more than the layer's ordinary weight
  gradient (Simple-CNN's second layer: 3.3 M multiplications an example). The product of the two Gram matrices over
  positions, which avoids making it, costs as much there, 18 times more in the first layer, and ignores masks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from empirics.networks.convolutional import ConvolutionalNetwork
from empirics.networks.gradient import as_input
from empirics.networks.network import Network
from empirics.networks.residual import ResidualNetwork

_FLOATS_AT_ONCE = 2**20  # of per-example gradients, 8 MiB: they stay in a processor's cache; 4 times as many take 1.2 x
_NOTHING: dict[str, Any] = {}


@dataclass
class GradientSums:
    """Sums over the gradients of some examples.

    Args:
        first: Of the gradients, shape (P,).
        second: Of their squares, entry by entry, shape (P,).
    """

    first: Tensor
    second: Tensor


def gradient_sums(network: Network, weights: Tensor, images: Tensor, labels: Tensor) -> GradientSums:
    """Return the sums over the gradients of single examples.

    Layer inputs and output gradients are in the weights' own precision, products and sums of them in float64: the
    single precision of training, 1e-7 an entry, is far below what differs between examples, and a pass costs half.

    Args:
        network: The network.
        weights: Shape (1, P), float32 or float64.
        images: Shape (n, ...).
        labels: Shape (n, ...).

    Returns:
        The sums over n examples.
    """
    views = network.views(weights.detach())
    zeros = torch.zeros(network.size, dtype=torch.float64, device=weights.device)
    sums = GradientSums(zeros, zeros.clone())
    add = _add_by_layers if isinstance(network, ConvolutionalNetwork | ResidualNetwork) else _add_one_by_one
    rows = min(max(_FLOATS_AT_ONCE // network.size, 1), network.examples_at_once)
    for start in range(0, len(labels), rows):
        part = slice(start, start + rows)
        add(network, views, as_input(images[part], weights.dtype), labels[part], sums)
    return sums


@dataclass
class _LayerCalls(TorchFunctionMode):
    """Notes every convolution and linear layer that is computed within it: arguments and output."""

    calls: list[tuple[Any, tuple[Any, ...], dict[str, Any], Tensor]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def __torch_function__(
        self,
        function: Callable[..., Any],
        _types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the function returns
        output = function(*args, **(kwargs or _NOTHING))
        if function in {functional.conv2d, torch.baddbmm}:
            self.calls.append((function, args, kwargs or _NOTHING, output))
        return output


def _add_by_layers(network: Network, views: list[Tensor], images: Tensor, labels: Tensor, sums: GradientSums) -> None:
    """Add the sums of one chunk, from the inputs and output gradients of each layer."""
    parameters = [view.detach().requires_grad_() for view in views]
    with torch.enable_grad(), _LayerCalls() as layers:
        loss = network.losses(network.logits(parameters, images), labels).sum()
    gradients = torch.autograd.grad(loss, [output for *_, output in layers.calls])
    totals = zip(network.views(sums.first[None]), network.views(sums.second[None]), strict=True)
    place = {parameter.data_ptr(): total for parameter, total in zip(parameters, totals, strict=True)}
    with torch.no_grad():
        for (function, args, kwargs, _), gradient in zip(layers.calls, gradients, strict=True):
            if function is torch.baddbmm:
                bias, inputs, weight = args
                by_layer = _linear_sums(inputs[0].double(), gradient[0].double())
            else:
                inputs, weight, bias = args
                by_layer = _convolution_sums(inputs.double(), weight, gradient.double(), kwargs)
            for parameter, (first, second) in zip((weight, bias), by_layer, strict=True):
                of_first, of_second = place.pop(parameter.data_ptr())  # a layer that is used twice would not be here
                of_first += first.view_as(of_first)
                of_second += second.view_as(of_second)
    assert not place, "a layer's parameters were not seen"


def _linear_sums(inputs: Tensor, gradient: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Return the sums of weight and bias of a linear layer from its inputs (n, F) and output gradients (n, O)."""
    squares = gradient.square()
    weight = gradient.T @ inputs, squares.T @ inputs.square()
    return weight, (gradient.sum(dim=0), squares.sum(dim=0))


def _convolution_sums(
    images: Tensor, weight: Tensor, gradient: Tensor, kwargs: dict[str, Any]
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Return the sums of weight and bias of a convolution from its inputs and output gradients."""
    side = weight.shape[-1]
    patches = functional.unfold(images, side, padding=kwargs.get("padding", 0), stride=kwargs.get("stride", 1))
    at_positions = gradient.flatten(2)
    of_weight = torch.bmm(at_positions, patches.transpose(1, 2))
    of_bias = at_positions.sum(dim=2)
    first = of_weight.sum(dim=0), of_bias.sum(dim=0)
    second = of_weight.square_().sum(dim=0), of_bias.square().sum(dim=0)
    return (first[0], second[0]), (first[1], second[1])


def _add_one_by_one(network: Network, views: list[Tensor], images: Tensor, labels: Tensor, sums: GradientSums) -> None:
    """Add the sums of one chunk of any network, every example's whole gradient made."""

    def example_loss(parameters: list[Tensor], image: Tensor, label: Tensor) -> Tensor:
        return network.losses(network.logits(parameters, image[None]), label[None]).sum()

    if network.batched:
        gradients = torch.func.vmap(torch.func.grad(example_loss), in_dims=(None, 0, 0))(views, images, labels)
    else:
        parameters = [view.detach().requires_grad_() for view in views]
        each = [
            torch.autograd.grad(example_loss(parameters, *example), parameters)
            for example in zip(images, labels, strict=True)
        ]
        gradients = [torch.stack(of_parameter) for of_parameter in zip(*each, strict=True)]
    flat = torch.cat([gradient.flatten(1) for gradient in gradients], dim=1).double()
    sums.first += flat.sum(dim=0)
    sums.second += flat.square().sum(dim=0)
