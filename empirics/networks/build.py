"""The networks by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from empirics.errors import InputError
from empirics.networks.convolutional import ConvolutionalNetwork
from empirics.networks.network import Network
from empirics.networks.residual import ResidualNetwork

# Timed on one x86 core, a training step of 16 trials of small-cnn: B = 4 together 2.0 ms, one by one 13 ms; B = 64
# 29 and 28. Simple-CNN, 4 trials: B = 2 7.2 and 9.1 ms; B = 16 37 and 36. ResNet-8, a trial: B = 2 7 and 11 ms.
NETWORKS: Mapping[str, Callable[..., Network]] = MappingProxyType(
    {
        "small-cnn": partial(
            ConvolutionalNetwork,
            channels=(16, 32),
            kernel=3,
            padding=1,
            examples_at_once=1024,
            trials_at_once_examples=1024,
        ),
        "simple-cnn": partial(
            ConvolutionalNetwork,
            channels=(32, 64),
            kernel=5,
            padding=0,
            examples_at_once=128,
            trials_at_once_examples=16,
        ),
        "resnet-8": partial(ResidualNetwork, examples_at_once=64, trials_at_once_examples=16),
    }
)


def build_network(name: str, image_shape: tuple[int, int, int]) -> Network:
    """Return the network of that name for images of a shape.

    Args:
        name: One of `NETWORKS`.
        image_shape: (channels, height, width).

    Raises:
        InputError: If there is no such network.

    Example:
        >>> [build_network(name, shape).size for name, shape in
        ...  (("small-cnn", (1, 8, 8)), ("simple-cnn", (1, 28, 28)), ("resnet-8", (3, 32, 32)))]
        [6090, 62346, 75050]
    """
    if name not in NETWORKS:
        raise InputError(f"unknown network {name!r}; choose one of: {', '.join(NETWORKS)}")
    return NETWORKS[name](image_shape=image_shape)
