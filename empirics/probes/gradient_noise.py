r"""The variance of single-example gradients, and of mini-batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls
from torch import Tensor

from empirics.networks.network import Network
from empirics.probes.example_gradients import GradientSums, gradient_sums
from empirics.probes.sample import Replicates, Sample, with_each_left_out

Sums = Callable[[Network, Tensor, Tensor, Tensor], GradientSums]


@dataclass(frozen=True)
class GradientNoise:
    r"""Variance and square of the gradient, on all examples and without each group of them.

    Args:
        variance: Trace of the covariance of per-example gradients over the training set, shape (1 + G,).
        gradient_square: :math:`|\nabla f|^2`, shape (1 + G,).
    """

    variance: Replicates
    gradient_square: Replicates

    @property
    def finite(self) -> bool:
        """Whether all of it are numbers."""
        return bool(np.isfinite(self.variance).all() and np.isfinite(self.gradient_square).all())


def gradient_noise(
    network: Network,
    weights: Tensor,
    mask: Tensor,
    sample: Sample,
    tick: Callable[[], None] = lambda: None,
    sums_of: Sums = gradient_sums,
) -> GradientNoise:
    r"""Return the variance of per-example gradients and the squared gradient norm, on the kept weights.

    With the training set as the population of N and n of its examples seen,
    :math:`\hat\sigma^2 = \frac{n}{n-1} (\overline{|g_i|^2} - |\bar g|^2)`, the variance is
    :math:`\frac{N-1}{N} \hat\sigma^2` and :math:`|\nabla f|^2` is
    :math:`|\bar g|^2 - \frac{\hat\sigma^2}{n} (1 - n/N)`: both unbiased, and exact at n = N.

    Args:
        network: The network.
        weights: Shape (1, P).
        mask: 1 where a weight is kept, shape (1, P).
        sample: The training set, or at least two examples drawn from it.
        tick: Called after each group of examples.
        sums_of: How to sum the gradients of single examples, an engine's way.

    Returns:
        Both; an estimate of a small square may be negative.

    Reference:
        Lee et al. 2021, Section 4 and Appendix C (beta); McCandlish et al. 2018, Appendix A.1.
    """
    squares, firsts, sizes = [], [], []
    for rows in sample.groups():
        sums = sums_of(network, weights, *sample.part(rows))
        squares.append(float((sums.second * mask[0]).sum()))
        firsts.append((sums.first * mask[0]).cpu().numpy())
        sizes.append(rows.stop - rows.start)
        tick()
    count = with_each_left_out(np.array(sizes, dtype=np.float64))
    mean_of_squares = with_each_left_out(np.array(squares)) / count
    square_of_mean = np.square(with_each_left_out(np.stack(firsts))).sum(axis=1) / count**2
    population = float(sample.population)
    scatter = np.maximum(mean_of_squares - square_of_mean, 0.0) * count / np.maximum(count - 1, 1.0)
    variance = scatter * (population - 1) / population
    return GradientNoise(variance, square_of_mean - scatter / count * (1 - count / population))


@dataclass(frozen=True)
class SecondMoment:
    r"""Constants of the second-moment assumption.

    Per-example variance ~ intercept + slope :math:`|\nabla f|^2`.

    Args:
        intercept: The part that does not depend on the gradient, >= 0.
        slope: beta_V, >= 0.
    """

    intercept: float
    slope: float

    def of_batch(self, batch_size: int) -> tuple[float, float]:
        """Return M and M_G of a mini-batch whose gradient is unbiased, intercept/B and 1 + beta_V/B."""
        return self.intercept / batch_size, 1.0 + self.slope / batch_size


def fit_second_moment(variance: Replicates, gradient_square: Replicates) -> SecondMoment:
    r"""Return the constants of the second-moment assumption along a run.

    :math:`\mathrm{tr}\,\Sigma(w_k) \approx \beta + \beta_V |\nabla f(w_k)|^2`, least squares with both constants >= 0.

    Args:
        variance: Per-example variance at each point, shape (points,), at least two.
        gradient_square: Squared gradient norm at each, shape (points,).

    Returns:
        Intercept and slope.

    Reference:
        Bottou, Curtis, Nocedal 2018, Assumption 4.3; docs/theory.md, result 4.

    Example:
        >>> fit = fit_second_moment(np.array([5.0, 7.0, 9.0]), np.array([1.0, 2.0, 3.0]))  # 3 + 2 x
        >>> [round(value, 12) for value in fit.of_batch(4)]
        [0.75, 1.5]
    """
    design = np.stack([np.ones_like(gradient_square), gradient_square], axis=1)
    scale = np.linalg.norm(design, axis=0)
    scale[scale == 0] = 1.0
    (intercept, slope), _ = nnls(design / scale, variance)
    return SecondMoment(float(intercept / scale[0]), float(slope / scale[1]))
