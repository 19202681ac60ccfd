"""Networks as pure functions of flat weights, for any number of trials at once.

The weights of T trials are one matrix of shape (T, P). All trials see the same images, so the first convolution is one
plain convolution with T times the filters and the second one a grouped convolution: T networks cost one pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from torch import Tensor
from torch.nn import functional

TRUNCATION = 2.0
_TRUNCATED_DEVIATION = 0.87962566103423978  # of a standard normal cut at +-2 sigma


@dataclass(frozen=True)
class Parameter:
    """One parameter tensor: its name, its shape and the number of inputs of a unit (0 for a bias)."""

    name: str
    shape: tuple[int, ...]
    fan_in: int

    @property
    def size(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class ConvolutionalNetwork:
    """Two blocks of convolution, 2x2 max-pooling and relu, then one linear layer.

    Args:
        image_shape: (channels, height, width) of the input.
        channels: Filters of the two convolutions.
        kernel: Side of the filters.
        padding: Zeros added on each side before a convolution.
        examples_at_once: Most trials x examples in one pass; bounds memory and is part of what fixes the bits.
        trials_at_once_examples: Trials train together while trials x batch size stays below this; beyond it one pass
            over several trials is measured to be no faster than one after another.
        classes: Number of outputs.

    Example:
        >>> SIMPLE_CNN.size, SMALL_CNN.size
        (62346, 6090)
    """

    image_shape: tuple[int, int, int]
    channels: tuple[int, int]
    kernel: int
    padding: int
    examples_at_once: int
    trials_at_once_examples: int
    classes: int = 10

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

    @property
    def size(self) -> int:
        """Number of weights and biases, P."""
        return sum(parameter.size for parameter in self.parameters)

    @cached_property
    def activations(self) -> int:
        """Floats that one example leaves in memory for the backward pass."""
        (_, side, _), floats = self.image_shape, 0
        for filters in self.channels:
            side = side + 2 * self.padding - self.kernel + 1
            floats += filters * side * side + 2 * filters * (side // 2) ** 2
            side //= 2
        return math.prod(self.image_shape) + floats

    def trials_at_once(self, batch_size: int) -> int:
        """Return how many trials train as one batched computation."""
        return min(max(self.trials_at_once_examples // batch_size, 1), 16)

    def views(self, weights: Tensor) -> list[Tensor]:
        """Return the parameters of T trials, each of shape (T, *shape), as views of weights (T, P)."""
        sizes = [parameter.size for parameter in self.parameters]
        parts = torch.split(weights, sizes, dim=1)
        return [part.view(len(part), *parameter.shape) for part, parameter in zip(parts, self.parameters, strict=True)]

    def logits(self, parameters: list[Tensor], images: Tensor) -> Tensor:
        """Return the outputs of T trials on the same images.

        Args:
            parameters: As `views` returns them.
            images: Shape (B, channels, height, width).

        Returns:
            Shape (T, B, classes).
        """
        weight1, bias1, weight2, bias2, weight3, bias3 = parameters
        trials = len(weight1)
        hidden = functional.conv2d(images, weight1.flatten(0, 1), bias1.flatten(), padding=self.padding)
        hidden = functional.relu(_pool(hidden))
        hidden = functional.conv2d(hidden, weight2.flatten(0, 1), bias2.flatten(), padding=self.padding, groups=trials)
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


def initial_weights(network: ConvolutionalNetwork, random: np.random.Generator) -> NDArray[np.float32]:
    """Draw the initial weights of one trial.

    Weights follow a normal cut at two standard deviations with variance 1/fan_in *after* the cut; biases are 0.

    Args:
        network: Whose weights.
        random: The trial's `init` stream.

    Returns:
        Shape (P,).

    Reference:
        Lee et al. 2021, published code (variance scaling, truncated normal, sigma = sqrt(1/fan_in)/0.87963).

    Example:
        >>> weights = initial_weights(SMALL_CNN, np.random.default_rng(0))
        >>> weights.shape, bool(abs(weights[:144]).max() <= 2 / 3 / 0.87962)
        ((6090,), True)
    """
    low, high = ndtr(-TRUNCATION), ndtr(TRUNCATION)
    parts = []
    for parameter in network.parameters:
        if parameter.fan_in:
            unit = ndtri(low + (high - low) * random.random(parameter.size))
            parts.append(unit / (_TRUNCATED_DEVIATION * math.sqrt(parameter.fan_in)))
        else:
            parts.append(np.zeros(parameter.size))
    return np.concatenate(parts).astype(np.float32)


# Both limits were measured on one x86 core by `python -m benchmarks.trials_at_once`.
SMALL_CNN = ConvolutionalNetwork(
    image_shape=(1, 8, 8),
    channels=(16, 32),
    kernel=3,
    padding=1,
    examples_at_once=1024,
    trials_at_once_examples=1024,
)
SIMPLE_CNN = ConvolutionalNetwork(
    image_shape=(1, 28, 28),
    channels=(32, 64),
    kernel=5,
    padding=0,
    examples_at_once=256,
    trials_at_once_examples=16,
)
NETWORKS = {"small-cnn": SMALL_CNN, "simple-cnn": SIMPLE_CNN}
