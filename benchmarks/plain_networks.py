"""The built-in networks as one would write them in PyTorch; parameters come in the order of the flat weights."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from empirics.errors import InputError

Layer = nn.Conv2d | nn.Linear


def plain_module(name: str, image_shape: tuple[int, ...]) -> nn.Module:
    """Return a network with weights of PyTorch's own choice.

    Args:
        name: As workloads call it.
        image_shape: (channels, side, side).

    Raises:
        InputError: If it is none of the built-in networks.
    """
    channels, side, _ = image_shape
    pooled = (nn.ReLU(), nn.MaxPool2d(2))
    if name == "simple-cnn":
        first, second = nn.Conv2d(channels, 32, 5), nn.Conv2d(32, 64, 5)
        features = 64 * (((side - 4) // 2 - 4) // 2) ** 2
    elif name == "small-cnn":
        first, second = nn.Conv2d(channels, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1)
        features = 32 * (side // 4) ** 2
    elif name == "resnet-8":
        blocks = (_Block(16, 16, 1), _Block(16, 32, 2), _Block(32, 64, 2))
        rest = (nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
        return nn.Sequential(nn.Conv2d(channels, 16, 3, padding=1), *blocks, *rest)
    else:
        raise InputError(f"the plain way is written for simple-cnn, small-cnn and resnet-8, not for {name}")
    return nn.Sequential(first, *pooled, second, *pooled, nn.Flatten(), nn.Linear(features, 10))


class _Block(nn.Module):
    """relu, conv, relu, conv, added to the shortcut: the input or, where it narrows, its relu pooled and widened."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self._stride = stride
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1 if stride == 1 else 0)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """Return the block's output, at half the side where its stride is 2."""
        active = functional.relu(images)
        padded = active if self._stride == 1 else functional.pad(active, (0, 1, 0, 1))  # SAME on even sides
        hidden: Tensor = self.conv2(functional.relu(self.conv1(padded)))
        if self._stride == 1:
            return hidden + images
        return hidden + functional.pad(functional.avg_pool2d(active, 2), (0, 0, 0, 0, 0, active.shape[1]))


def layers(module: nn.Module) -> Iterator[tuple[str, Layer]]:
    """Yield the convolutions and linear layers with their names, in the order of their parameters."""
    for name, layer in module.named_modules():
        if isinstance(layer, Layer):
            yield name, layer


def layer_shapes(module: nn.Module, image_shape: tuple[int, ...]) -> dict[str, tuple[torch.Size, torch.Size]]:
    """Return the shapes of one image's input and output of each layer, seen in a pass."""
    found: dict[str, tuple[torch.Size, torch.Size]] = {}

    def watch(name: str, layer: Layer) -> torch.utils.hooks.RemovableHandle:
        def note(_layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            found[name] = inputs[0].shape[1:], output.shape[1:]

        return layer.register_forward_hook(note)

    handles = [watch(name, layer) for name, layer in layers(module)]
    with torch.no_grad():
        module(torch.zeros(1, *image_shape))
    for handle in handles:
        handle.remove()
    return found
