"""What a training step must multiply and add at least, and how fast this core multiplies and adds at best."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.plain_networks import layer_shapes, layers, plain_module


@dataclass(frozen=True)
class Operations:
    """Floating-point operations on one image, of its evaluation and of a training step."""

    evaluation: float
    step: float


def useful_operations(network: str, image_shape: tuple[int, ...], mask: NDArray[np.bool_]) -> Operations:
    """Return the useful floating-point operations on one image.

    They are two for each kept weight, output position of its layer, and pass: forward, gradient of the weight, and
    gradient of the input, which the first layer does without. Biases count nothing.

    Args:
        network: Its name.
        image_shape: (channels, side, side).
        mask: Kept weights, shape (P,).

    Example:
        >>> useful_operations("small-cnn", (1, 8, 8), np.ones(6090, bool))  # 144 x 64, 4608 x 16 and 1280 multiply-adds
        Operations(evaluation=168448.0, step=486912.0)
    """
    module = plain_module(network, image_shape)
    shapes = layer_shapes(module, image_shape)
    evaluation = step = 0.0
    start = 0
    for name, layer in layers(module):
        kept = int(mask[start : start + layer.weight.numel()].sum())
        pass_ = 2.0 * kept * math.prod(shapes[name][1][1:])
        step += (3 if start else 2) * pass_
        evaluation += pass_
        start += sum(parameter.numel() for parameter in layer.parameters())
    return Operations(evaluation, step)


def matrix_product_rate() -> float:
    """Return one core's operations per second in a product of 2048 x 2048 float32 matrices, best of five."""
    torch.set_num_threads(1)
    left, right = torch.ones(2048, 2048), torch.ones(2048, 2048)
    times = []
    for _ in range(6):  # the first warms up
        start = time.process_time()
        torch.mm(left, right)
        times.append(time.process_time() - start)
    return float(2 * 2048**3 / min(times[1:]))
