r"""How far the mean of several replicates lies off a law, and how sure that is: lack of fit, replicates blocked.

Each replicate has constants of its own, by the law's derivatives at the fit. Noise is the scatter between replicates
that these leave; misfit is what all replicates have in common beyond the law. With n points and s of both

    F = (S_lack / (sizes - p)) / (S_pure / freedom),     noncentrality = n rms^2/sigma^2,

rms the misfit over the batch sizes in logs: 0.095 is 10% of K. The noncentral F, inverted, gives its interval. Where
the noise between replicates is a line in log B, points count by its inverse.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from verification.fits.distributions import f_above, f_shift, normal_quantile, shifted_f_below
from verification.fits.fit import Interval
from verification.fits.likelihood import Array
from verification.fits.units import Index
from verification.fits.variances import Source


@dataclass(frozen=True, kw_only=True)
class Misfit:
    """The lack of fit of a law.

    Attributes:
        lack: Sum of squares of what replicates have in common beyond the law.
        between: Its degrees of freedom, >= 1.
        pure: Sum of squares between replicates that constants of their own leave.
        within: Its degrees of freedom, >= 1.
        points: How many there are.
        sizes: At how many batch sizes.
        line: Log batch size to the variance between replicates there, over its mean.
    """

    lack: float
    between: int
    pure: float
    within: int
    points: int
    sizes: int
    line: Callable[[float], float] = lambda _: 1.0

    @property
    def noise(self) -> float:
        """Standard deviation of log K within a replicate."""
        return math.sqrt(self.pure / self.within)

    @property
    def statistic(self) -> float:
        """F."""
        return (self.lack / self.between) / (self.pure / self.within)

    @property
    def p(self) -> float:
        """Of no misfit at all."""
        return float(f_above(self.statistic, self.between, self.within))

    @property
    def estimate(self) -> float:
        """The misfit, root mean square over batch sizes in logs, >= 0: what lies beyond the noise."""
        excess = self.lack - self.between * self.pure / self.within
        return math.sqrt(max(excess, 0.0) / self.points)

    @property
    def shared(self) -> float:
        """Variance of log K that the replicates of a batch size have in common: of search or law. It may be < 0."""
        return (self.lack / self.between - self.pure / self.within) * self.sizes / self.points

    def of_means(self, log_batch_sizes: Array, replicates: float) -> tuple[Array, Array]:
        """Return the variance of the mean of log K at batch sizes, by the scatter about the law and between replicates.

        Args:
            log_batch_sizes: Shape (n,).
            replicates: Of each mean.
        """
        single = np.array([self.line(x) for x in log_batch_sizes.tolist()]) * (self.noise**2 / replicates)
        return np.maximum(single + self.shared, 0.0), single

    def sources(self, log_batch_sizes: Array, weights: Array, replicates: int) -> tuple[Source, Source]:
        """Return what the search, and single studies alone, add to a weighted sum of such means.

        Args:
            log_batch_sizes: Shape (n,).
            weights: Shape (n,).
            replicates: Of each mean.
        """
        search, single = (float(np.square(weights) @ one) for one in self.of_means(log_batch_sizes, replicates))
        return Source(search, self.between, single), Source(single, self.within)

    def below(self, rms: float) -> float:
        """Return the probability of as small a lack of fit, or a smaller one, at a misfit."""
        return float(shifted_f_below(self.statistic, self.between, self.within, self._shift(rms)))

    def interval(self, level: float) -> Interval:
        """Return the interval of the misfit in logs."""
        tails = (0.5 + level / 2.0, 0.5 - level / 2.0)
        shifts = (f_shift(self.statistic, self.between, self.within, share) for share in tails)
        return Interval(*(self.noise * math.sqrt(shift / self.points) for shift in shifts))

    def _shift(self, rms: float) -> float:
        """Return the noncentrality at a misfit."""
        return self.points * (rms / self.noise) ** 2


def lack_of_fit(jacobian: Array, residual: Array, size: Array, replicate: Index) -> Misfit | None:
    """Compare what replicates have in common beyond a law with the scatter between them.

    Args:
        jacobian: Derivatives of log K by the law's constants at the fit, shape (n, p).
        residual: Measured less fitted log K, shape (n,).
        size: Log batch size, shape (n,).
        replicate: Index of the replicate, shape (n,).

    Returns:
        The misfit; None where no degrees of freedom are left for either side, or no scatter.

    Example:
        >>> y = np.array([0.0, 1.0, 0.0, 0.0, 1.0, 1.0])  # two replicates, a constant as law: means 0, 1, 0.5
        >>> found = lack_of_fit(np.ones((6, 1)), y, np.tile([1.0, 2.0, 3.0], 2), np.repeat([0, 1], 3))
        >>> round(found.lack, 9), found.between, round(found.pure, 9), found.within  # pure: -1/3, -1/3, 2/3 halved
        (1.0, 2, 0.333333333, 2)
    """
    own = (replicate[:, None, None] == np.arange(replicate.max() + 1)[:, None]) * jacobian[:, None, :]
    own = own.reshape(len(residual), -1)
    sizes, cell = np.unique(size, return_inverse=True)
    both = np.concatenate([own, (cell[:, None] == np.arange(len(sizes))).astype(np.float64)], axis=1)
    rest, full = _left(both, residual)
    within, between = len(residual) - full, full - _left(own, residual)[1]
    if within < 1 or between < 1 or not rest.any():
        return None
    raw = noise_line(np.bincount(cell, rest**2).astype(np.float64), within / len(sizes), sizes)
    weight = np.array([raw(one) for one in sizes.tolist()])[cell] ** -0.5
    scale = math.sqrt(float((weight**2).mean()))
    weight /= scale
    rest, blocked = (_left(weight[:, None] * design, weight * residual)[0] for design in (both, own))
    pure = float(rest @ rest)
    lack = max(float(blocked @ blocked) - pure, 0.0)
    return Misfit(
        lack=lack,
        between=between,
        pure=pure,
        within=within,
        points=len(residual),
        sizes=len(sizes),
        line=lambda x: raw(x) * scale**2,
    )


def _left(design: Array, y: Array) -> tuple[Array, int]:
    """Return what least squares leaves, and the rank of the design."""
    found, _, rank, _ = np.linalg.lstsq(design, y, rcond=1e-9)
    return y - design @ found, int(rank)


def noise_line(squares: Array, freedom: float, x: Array) -> Callable[[float], float]:
    r"""Return how the variance of log K goes with x over its mean, where it does so at 1%; else 1.

    :math:`\log \sigma^2 = a + b x` by maximum likelihood for sums of squares, each of so many degrees of freedom.

    Args:
        squares: Sum of squares at each x, shape (n,), >= 0.
        freedom: Of each.
        x: Shape (n,), not all equal.

    Example:
        >>> x = np.arange(9.0)
        >>> noise_line(np.ones(9), 4, x)(8.0), round(noise_line(np.exp(x), 4, x)(8.0), 3)  # e^8 over the mean
        (1.0, 5.69)
    """
    mean, centred = float(squares.mean()), x - x.mean()
    spread = float(centred @ centred)
    if mean <= 0.0:
        return lambda _: 1.0
    a, b = 0.0, 0.0
    for _ in range(50):
        gap = squares / mean / np.exp(a + b * centred) - 1.0
        a, b = a + float(np.clip(gap.mean(), -1.0, 1.0)), b + float(np.clip(gap @ centred / spread, -1.0, 1.0))
    if abs(b) < float(normal_quantile(0.995)) * math.sqrt(2.0 / freedom / spread):
        return lambda _: 1.0
    return lambda at: math.exp(a + b * (at - float(x.mean())))
