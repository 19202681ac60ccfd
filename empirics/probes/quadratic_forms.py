"""Quadratic forms of the Hessian: along the gradient, and in the noise of single examples."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from empirics.networks.gradient import Gradient
from empirics.networks.network import Network
from empirics.probes.curvature import Product
from empirics.probes.field import Vector, loss_field
from empirics.probes.sample import Sample


@dataclass(frozen=True)
class QuadraticForms:
    r"""What the Hessian says of the gradient and of its noise.

    Args:
        gradient: :math:`\nabla f \cdot H \nabla f`.
        noise: :math:`\mathrm{tr}(H \Sigma)`, an estimate.
        error: Its standard error, from the scatter between sign vectors.
    """

    gradient: float
    noise: float
    error: float


def noise_directions(
    network: Network,
    weights: Vector,
    mask: Tensor,
    sample: Sample,
    gradient_of: Gradient,
    count: int,
    random: np.random.Generator,
) -> list[Vector]:
    r"""Return random vectors whose mean outer product is the covariance of single examples' gradients.

    :math:`u = \frac{1}{\sqrt n} \sum_i z_i (g_i - \bar g)` with independent signs z, times the root of
    :math:`\frac{n}{n-1} \frac{N-1}{N}`: then :math:`E\,u u^T = \Sigma`, of the population of N. The sums of both signs
    are two gradients over a part of the examples each.

    Args:
        network: The network.
        weights: Shape (P,).
        mask: 1 where a weight is kept, shape (1, P).
        sample: The training set, or at least two examples drawn from it.
        gradient_of: How a gradient is taken.
        count: How many vectors.
        random: Where the signs come from.

    Returns:
        Vectors of shape (P,).

    Reference:
        Hutchinson 1990, for random signs.
    """
    examples, population = sample.examples, sample.population
    unbiased = math.sqrt(examples / (examples - 1) * (population - 1) / population)
    found = []
    for _ in range(count):
        signs = random.integers(2, size=examples).astype(np.bool_)
        sums = []
        for sign in (True, False):
            rows = torch.from_numpy(np.flatnonzero(signs == sign)).to(sample.labels.device)
            part = loss_field(network, mask, sample.images[rows], sample.labels[rows], gradient_of)
            sums.append(part(weights)[1] * len(rows) if len(rows) else np.zeros_like(weights))
        excess = 2.0 * signs.mean() - 1.0
        found.append(unbiased * (sums[0] - sums[1] - excess * (sums[0] + sums[1])) / math.sqrt(examples))
    return found


def quadratic_forms(product: Product, gradient: Vector, noise: list[Vector]) -> QuadraticForms | None:
    """Return both forms.

    Args:
        product: The Hessian times a vector.
        gradient: Shape (P,), not zero.
        noise: Vectors with the covariance of the noise, at least two.

    Returns:
        The forms; None where a product is None.
    """
    values = []
    for vector in (gradient, *noise):
        image = product(vector)
        if image is None:
            return None
        values.append(float(vector @ image))
    of_noise = np.array(values[1:])
    return QuadraticForms(values[0], float(of_noise.mean()), float(of_noise.std(ddof=1)) / math.sqrt(len(noise)))
