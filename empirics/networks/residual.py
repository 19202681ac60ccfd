"""ResNet-8 without normalisation, for any number of trials at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional

from empirics.networks.convolve_each import convolve_each
from empirics.networks.network import Network, Parameter

_WIDTHS = (16, 32, 64)


@dataclass(frozen=True, kw_only=True)
class ResidualNetwork(Network):
    """A convolution, three pre-activation blocks of 16, 32, 64 channels with strides 1, 2, 2, and a linear layer.

    A block is relu, conv 3x3, relu, conv 3x3, added to its shortcut. Where the width changes, the shortcut is the
    relu'd input, average-pooled 2x2 and padded with channels of zeros. Biases everywhere, no normalisation. Zeros are
    laid around an image on every side, but at stride 2 only below it and on its right: TensorFlow's SAME on even sides.

    Reference:
        Lee et al. 2021, Appendix B and published code (ResNet-8, 75050 parameters on CIFAR-10).
    """

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters in their order in the flat weights."""
        layers = [("conv1", self.image_shape[0], _WIDTHS[0])]
        for number, (before, width) in enumerate(zip(_WIDTHS[:1] + _WIDTHS[:-1], _WIDTHS, strict=True), start=1):
            layers += [(f"block{number}.conv1", before, width), (f"block{number}.conv2", width, width)]
        found = [
            part
            for name, inputs, outputs in layers
            for part in (
                Parameter(f"{name}.weight", (outputs, inputs, 3, 3), 9 * inputs),
                Parameter(f"{name}.bias", (outputs,), 0),
            )
        ]
        linear = Parameter("linear.weight", (self.classes, _WIDTHS[-1]), _WIDTHS[-1])
        return (*found, linear, Parameter("linear.bias", (self.classes,), 0))

    @cached_property
    def activations(self) -> int:
        """Floats that one example leaves in memory for the backward pass."""
        (_, height, width), floats = self.image_shape, 0
        for number, channels in enumerate(_WIDTHS):
            floats += 6 * channels * math.ceil(height / 2**number) * math.ceil(width / 2**number)
        return math.prod(self.image_shape) + floats

    def logits(self, parameters: list[Tensor], images: Tensor) -> Tensor:
        """Return the outputs of T trials on the same images, shape (T, B, classes)."""
        trials = len(parameters[0])
        hidden = functional.conv2d(images, parameters[0].flatten(0, 1), parameters[1].flatten(), padding=1)
        for number in range(len(_WIDTHS)):
            hidden = _block(hidden, parameters[2 + 4 * number : 6 + 4 * number], stride=2 if number else 1)
        features = functional.relu(hidden).mean(dim=(2, 3)).view(len(images), trials, -1).transpose(0, 1)
        weight, bias = parameters[-2:]
        return torch.baddbmm(bias.unsqueeze(1), features, weight.transpose(1, 2))


def _block(images: Tensor, parameters: list[Tensor], stride: int) -> Tensor:
    """Return one pre-activation block of T trials; images have shape (B, T x channels, height, width)."""
    weight1, bias1, weight2, bias2 = parameters
    active = functional.relu(images)
    hidden = convolve_each(active, weight1, bias1, padding=1) if stride == 1 else _halved(active, weight1, bias1)
    hidden = convolve_each(functional.relu(hidden), weight2, bias2, padding=1)
    return hidden + (images if stride == 1 else _narrow_shortcut(active, len(weight1)))


def _halved(images: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return the 3x3 convolution of each trial's own channels at half the size."""
    return convolve_each(functional.pad(images, (0, 1, 0, 1)), weight, bias, stride=2)


def _narrow_shortcut(images: Tensor, trials: int) -> Tensor:
    """Return the images at half the side with twice the channels, the new ones zero."""
    pooled = functional.avg_pool2d(images, 2)
    examples, channels, height, width = pooled.shape
    own = pooled.view(examples, trials, channels // trials, height, width)
    return functional.pad(own, (0, 0, 0, 0, 0, channels // trials)).view(examples, 2 * channels, height, width)
