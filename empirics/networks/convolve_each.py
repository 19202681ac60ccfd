"""The convolution of each trial's own images with its own filters, for any number of trials at once."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def convolve_each(images: Tensor, weight: Tensor, bias: Tensor, *, stride: int = 1, padding: int = 0) -> Tensor:
    """Return the convolution of T trials, a plain one for one trial.

    A CPU takes it as one grouped convolution. On a GPU the kernels for that are at a fraction of its speed, those for
    the gradient of the filters most of all. There the patches of the images are laid side by side, and T products of
    matrices take the rest; `benchmarks/RESULTS.md` has the arithmetic.

    Args:
        images: Each trial's channels side by side, shape (B, T C, height, width).
        weight: Shape (T, F, C, k, k).
        bias: Shape (T, F).
        stride: Of the filters.
        padding: Zeros added on each side.

    Returns:
        Shape (B, T F, height', width').

    Example:
        >>> images, weight = torch.ones(1, 2, 3, 3), torch.tensor([1.0, 10.0]).view(2, 1, 1, 1, 1)
        >>> convolve_each(images, weight, torch.zeros(2, 1), stride=2)[0, :, 0, 0].tolist()
        [1.0, 10.0]
    """
    if images.is_cuda and len(weight) > 1:
        padded = functional.pad(images, (padding,) * 4) if padding else images
        return _by_products(padded, weight, bias, stride)
    flat = weight.flatten(0, 1), bias.flatten()
    return functional.conv2d(images, *flat, stride=stride, padding=padding, groups=len(weight))


def _by_products(images: Tensor, weight: Tensor, bias: Tensor, stride: int) -> Tensor:
    """Return the convolution from a matrix product a trial: patches (B height' width', C k k) times filters."""
    trials, filters, channels, side, _ = weight.shape
    windows = images.unfold(2, side, stride).unfold(3, side, stride)
    batch, _, height, width = windows.shape[:4]
    patches = windows.view(batch, trials, channels, height, width, side, side).permute(1, 0, 3, 4, 2, 5, 6)
    rows = patches.reshape(trials, batch * height * width, channels * side * side)
    found = torch.baddbmm(bias.unsqueeze(1), rows, weight.flatten(2).transpose(1, 2))
    return found.view(trials, batch, height, width, filters).permute(1, 0, 4, 2, 3).flatten(1, 2)
