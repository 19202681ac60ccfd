r"""The variance of mini-batch gradients: beta/B with replacement, less without, drawn and expected."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from empirics.followed import BatchVariance, Drawing
from empirics.networks.gradient import Gradient, loss_and_gradient
from empirics.networks.network import Network
from empirics.probes.example_gradients import gradient_sums
from empirics.probes.gradient_noise import Sums, gradient_noise
from empirics.probes.sample import Sample
from empirics.probes.smoothness import full_gradient

BATCH_SIZES = (1, 4, 16, 64, 256)


def expected_variance(beta: float, batch_size: int, population: int, drawing: Drawing) -> float:
    r"""Return the variance of a mini-batch gradient about the full gradient.

    With replacement :math:`\beta/B`; within an epoch :math:`\frac{\beta}{B} \frac{N-B}{N-1}`; of :math:`n_1` old and
    :math:`n_2` new draws across the border of two epochs
    :math:`\beta \frac{n_1 (N-n_1) + n_2 (N-n_2)}{B^2 (N-1)}`. The last two are variances over the random order of an
    epoch, not given the draws before.

    Args:
        beta: Per-example variance over the population, >= 0.
        batch_size: B, in [1, N]; across a border half old, half new.
        population: N, >= 2.
        drawing: How the batch is drawn.

    Returns:
        The variance, >= 0.

    Reference:
        Lee et al. 2021, Section 4 (M = beta/B); docs/theory.md, result 4, for the other two.

    Example:
        >>> [round(expected_variance(6.0, 2, 4, drawing), 12) for drawing in ("replacement", "epoch", "border")]
        [3.0, 2.0, 3.0]
    """
    if drawing == "replacement":
        return beta / batch_size
    old, new = _old_and_new(batch_size, drawing)
    spread = old * (population - old) + new * (population - new)
    return beta * spread / (batch_size**2 * (population - 1))


def draw_batch(random: np.random.Generator, batch_size: int, population: int, drawing: Drawing) -> NDArray[np.int64]:
    """Return the examples of one mini-batch, shape (B,)."""
    if drawing == "replacement":
        return random.integers(population, size=batch_size)
    old, new = _old_and_new(batch_size, drawing)
    parts = [random.permutation(population)[:size] for size in (old, new) if size]
    return np.concatenate(parts)


def _old_and_new(batch_size: int, drawing: Drawing) -> tuple[int, int]:
    """Return how many draws belong to the epoch that ends and to the one that begins."""
    new = batch_size // 2 if drawing == "border" else 0
    return batch_size - new, new


def check_batch_variances(
    network: Network,
    weights: Tensor,
    mask: Tensor,
    sample: Sample,
    repeats: int,
    random: np.random.Generator,
    gradient_of: Gradient = loss_and_gradient,
    sums_of: Sums = gradient_sums,
) -> tuple[BatchVariance, ...]:
    """Draw mini-batch gradients at one point and hold their variance against beta/B and its relatives.

    The examples at hand are the population here: the formulas do not care of what they are a part.

    Args:
        network: The network.
        weights: Shape (1, P).
        mask: 1 where a weight is kept, shape (1, P).
        sample: The population.
        repeats: Mini-batches a batch size and way of drawing, >= 2.
        random: Where they are drawn from.
        gradient_of: How to take the loss and its gradient, an engine's way.
        sums_of: How to sum the gradients of single examples, likewise.

    Returns:
        One record a batch size (of `BATCH_SIZES`, up to half the population) and way of drawing.
    """
    population = Sample(sample.images, sample.labels, sample.examples)
    beta = float(gradient_noise(network, weights, mask, population, sums_of=sums_of).variance[0])
    _, mean = full_gradient(network, weights, mask, sample.images, sample.labels, gradient_of)
    found = []
    for batch_size in (size for size in BATCH_SIZES if 2 * size <= sample.examples):
        for drawing in ("replacement", "epoch", "border"):
            squares = []
            for _ in range(repeats):
                rows = torch.from_numpy(draw_batch(random, batch_size, sample.examples, drawing))
                rows = rows.to(sample.labels.device)
                batch = sample.images[rows], sample.labels[rows]
                _, gradient = full_gradient(network, weights, mask, *batch, gradient_of)
                squares.append(float((gradient - mean).square().sum()))
            error = float(np.std(squares, ddof=1)) / math.sqrt(repeats)
            expected = expected_variance(beta, batch_size, sample.examples, drawing)
            found.append(BatchVariance(batch_size, drawing, float(np.mean(squares)), error, expected))
    return tuple(found)
