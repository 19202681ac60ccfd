"""Networks as pure functions of flat weights, for any number of trials at once.

The weights of T trials are one matrix of shape (T, P). All trials see the same images. So the first convolution is one
plain convolution with T times the filters, and every later one a grouped convolution. T networks cost one pass.
"""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from empirics.networks.cut_normal import DEVIATION, quantiles

_WIDE_ALONE = 1024  # examples, on a GPU; see `benchmarks/RESULTS.md`
_MORE_ON_GPU = 128  # times what fits a processor's cache: 5 GB of activations for Simple-CNN, 12 for ResNet-8


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


@dataclass(frozen=True, kw_only=True)
class Network(abc.ABC):
    """What every network has; a subclass adds `parameters`, `activations` and `logits`.

    Args:
        image_shape: Shape of one input; (channels, height, width) for images.
        examples_at_once: Most trials x examples in one pass; bounds memory and is part of what fixes the bits.
        trials_at_once_examples: Trials train together while trials x batch size stays below this; beyond it one pass
            over several trials is measured to be no faster than one after another.
        most_trials_at_once: Trials train together up to this number.
        alone_from: Batch size from which on each trial trains alone; None where only the above decides.
        classes: Number of outputs.
    """

    image_shape: tuple[int, ...]
    examples_at_once: int
    trials_at_once_examples: int
    most_trials_at_once: int = 16
    alone_from: int | None = None
    classes: int = 10

    @property
    @abc.abstractmethod
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters in their order in the flat weights."""

    @property
    def frozen(self) -> frozenset[str]:
        """Names of the parameters that training leaves as they are; they are not in the flat weights."""
        return frozenset()

    @property
    @abc.abstractmethod
    def activations(self) -> int:
        """Floats that one example leaves in memory for the backward pass."""

    @abc.abstractmethod
    def logits(self, parameters: list[Tensor], images: Tensor) -> Tensor:
        """Return the outputs of T trials on the same images.

        Args:
            parameters: As `views` returns them.
            images: Shape (B, channels, height, width).

        Returns:
            Shape (T, B, classes).
        """

    @cached_property
    def size(self) -> int:
        """Number of weights and biases, P."""
        return sum(parameter.size for parameter in self.parameters)

    @cached_property
    def is_bias(self) -> NDArray[np.bool_]:
        """Which of the flat weights are biases, shape (P,)."""
        return np.concatenate([np.full(p.size, p.fan_in == 0) for p in self.parameters])

    @property
    def batched(self) -> bool:
        """Whether several trials go through one pass."""
        return True

    @cached_property
    def never_pruned(self) -> NDArray[np.bool_]:
        """Which of the flat weights no pruning method may take, shape (P,)."""
        return np.zeros(self.size, dtype=np.bool_)

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of each trial on each example; cross-entropy unless a network says otherwise.

        Args:
            outputs: As `logits` returns them, shape (T, B, ...).
            targets: Shape (B, ...).

        Returns:
            Shape (T, B).
        """
        return cross_entropy(outputs, targets)

    def initial_weights(self, random: np.random.Generator) -> NDArray[np.float32]:
        """Draw the initial weights of one trial.

        Weights follow a normal cut at two standard deviations with variance 1/fan_in *after* the cut; biases are 0.

        Args:
            random: The trial's `init` stream.

        Returns:
            Shape (P,).

        Reference:
            Lee et al. 2021, published code (variance scaling, truncated normal, sigma = sqrt(1/fan_in)/0.87963).

        Example:
            >>> from empirics.networks.build import build_network
            >>> weights = build_network("small-cnn", (1, 8, 8)).initial_weights(np.random.default_rng(0))
            >>> weights.shape, bool(abs(weights[:144]).max() <= 2 / 3 / 0.87962)
            ((6090,), True)
        """
        parts = []
        for parameter in self.parameters:
            if parameter.fan_in:
                unit = quantiles(random.random(parameter.size))
                parts.append(unit / (DEVIATION * math.sqrt(parameter.fan_in)))
            else:
                parts.append(np.zeros(parameter.size))
        return np.concatenate(parts).astype(np.float32)

    def trials_at_once(self, batch_size: int) -> int:
        """Return how many trials train as one batched computation."""
        if self.alone_from is not None and batch_size >= self.alone_from:
            return 1
        return min(max(self.trials_at_once_examples // batch_size, 1), self.most_trials_at_once)

    def on_gpu(self) -> Network:
        """Return the same network with passes of a size that suits a GPU: it is fed by width, not by a cache.

        A large batch alone is width enough, and the convolutions of one trial are plain ones.
        """
        examples = _MORE_ON_GPU * self.examples_at_once
        return replace(
            self,
            examples_at_once=examples,
            trials_at_once_examples=examples,
            most_trials_at_once=examples,
            alone_from=_WIDE_ALONE,
        )

    def views(self, weights: Tensor) -> list[Tensor]:
        """Return the parameters of T trials, each of shape `(T, *shape)`, as views of weights (T, P)."""
        sizes = [parameter.size for parameter in self.parameters]
        parts = torch.split(weights, sizes, dim=1)
        return [part.view(len(part), *parameter.shape) for part, parameter in zip(parts, self.parameters, strict=True)]


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of each trial on each example.

    Args:
        logits: Shape (T, B, classes).
        labels: Shape (B,).

    Returns:
        Shape (T, B).
    """
    trials, examples, _ = logits.shape
    losses = functional.cross_entropy(logits.flatten(0, 1), labels.repeat(trials), reduction="none")
    return losses.view(trials, examples)
