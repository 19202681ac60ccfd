"""The paper's Simple-CNN and its smaller sister, for any number of trials at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional

from empirics.networks.convolve_each import convolve_each
from empirics.networks.network import Network, Parameter


@dataclass(frozen=True, kw_only=True)
class ConvolutionalNetwork(Network):
    """Two blocks of convolution, 2x2 max-pooling and relu, then one linear layer.

    Args:
        channels: Filters of the two convolutions.
        kernel: Side of the filters.
        padding: Zeros added on each side before a convolution.

    Reference:
        Lee et al. 2021, Appendix B and published code (Simple-CNN: 32 and 64 filters of 5x5, no padding).
    """

    channels: tuple[int, int]
    kernel: int
    padding: int

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters in their order in the flat weights."""
        inputs, (first, second), kernel = self.image_shape[0], self.channels, self.kernel
        side = self.image_shape[1]
        for _ in range(2):
            side = (side + 2 * self.padding - kernel + 1) // 2
        features = second * side * side
        return (
            Parameter("conv1.weight", (first, inputs, kernel, kernel), inputs * kernel**2),
            Parameter("conv1.bias", (first,), 0),
            Parameter("conv2.weight", (second, first, kernel, kernel), first * kernel**2),
            Parameter("conv2.bias", (second,), 0),
            Parameter("linear.weight", (self.classes, features), features),
            Parameter("linear.bias", (self.classes,), 0),
        )

    @cached_property
    def activations(self) -> int:
        """Floats that one example leaves in memory for the backward pass."""
        (_, side, _), floats = self.image_shape, 0
        for filters in self.channels:
            side = side + 2 * self.padding - self.kernel + 1
            floats += filters * side * side + 2 * filters * (side // 2) ** 2
            side //= 2
        return math.prod(self.image_shape) + floats

    def logits(self, parameters: list[Tensor], images: Tensor) -> Tensor:
        """Return the outputs of T trials on the same images, shape (T, B, classes)."""
        weight1, bias1, weight2, bias2, weight3, bias3 = parameters
        trials = len(weight1)
        hidden = functional.conv2d(images, weight1.flatten(0, 1), bias1.flatten(), padding=self.padding)
        hidden = functional.relu(_pool(hidden))
        hidden = convolve_each(hidden, weight2, bias2, padding=self.padding)
        features = functional.relu(_pool(hidden)).reshape(len(images), trials, -1).transpose(0, 1)
        return torch.baddbmm(bias3.unsqueeze(1), features, weight3.transpose(1, 2))


def _pool(images: Tensor) -> Tensor:
    """Return the maxima of 2x2 fields; both branches give the same values.

    Without gradients the maximum of four strided slices is three times faster; with them torch's own pooling is.
    """
    if torch.is_grad_enabled():
        return functional.max_pool2d(images, 2)
    upper = torch.maximum(images[..., 0::2, 0::2], images[..., 0::2, 1::2])
    lower = torch.maximum(images[..., 1::2, 0::2], images[..., 1::2, 1::2])
    return torch.maximum(upper, lower)
