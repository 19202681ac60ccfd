r"""The chance of each verdict before a run, from the effect, the noise and the number of replicates.

A run estimates the error of a number, and the degrees of freedom of that, by the rule of `verification.fits.variances`.
Chances are means over what it may find; those of the law's misfit are tails of the noncentral F.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri, chndtr

from verification.fits.distributions import normal_above, shifted_f_quantile, t_quantile
from verification.fits.likelihood import Array
from verification.fits.variances import Source, total
from verification.inference.detectable import POWER, SIGNIFICANCE

NONE = Source(0.0, 1.0)
"""No noise of single studies."""


@dataclass(frozen=True)
class Chances:
    """The chance of each verdict, in [0, 1]; what is left is inconclusive."""

    supported: float
    rejected: float

    @property
    def decided(self) -> float:
        """The larger of the two."""
        return max(self.supported, self.rejected)


def law_chances(misfit: float, noise: float, sizes: int, replicates: int, margin: float) -> Chances:
    """Return the chances of the claim that a curve follows the law.

    Args:
        misfit: True root mean square off the best hyperbola, in logs, >= 0.
        noise: Standard deviation of log K within a replicate, > 0.
        sizes: Batch sizes, > 2.
        replicates: >= 1.
        margin: Largest misfit that still counts as the law, in logs.

    Example:
        >>> [round(law_chances(0.0, 0.15, n, 5, float(np.log(1.1))).supported, 2) for n in (7, 9, 14)]
        [0.78, 0.85, 0.95]
        >>> found = law_chances(float(np.log(1.1)), 0.15, 9, 5, float(np.log(1.1)))  # at the margin
        >>> round(found.supported, 2), round(found.rejected, 2)
        (0.04, 0.01)
    """
    between, within, points = sizes - 2, (replicates - 1) * (sizes - 2), replicates * sizes
    if within < 1:
        return Chances(0.0, 0.0)
    # Of estimated noise, at equal shares of its distribution: the margin is held against it as a run would do.
    estimated = noise * _relative_errors(within, 50)
    edge = points * (margin / estimated) ** 2
    true = points * (misfit / noise) ** 2
    below = [
        chndtr(shifted_f_quantile(share, between, within, edge) * between * (estimated / noise) ** 2, between, true)
        for share in (SIGNIFICANCE, 1.0 - SIGNIFICANCE)
    ]
    return Chances(float(below[0].mean()), 1.0 - float(below[1].mean()))


@dataclass(frozen=True)
class Error:
    """A standard error, and what runs would take for it.

    Attributes:
        true: > 0.
        found: What runs would take for it, at equal shares of them, shape (n,).
        freedom: Degrees of freedom of Student's t that they would give it, shape (n,).
    """

    true: float
    found: Array
    freedom: Array

    def reach(self, level: float) -> Array:
        """Return how many true errors lie between an estimate and an end of its interval, shape (n,)."""
        return np.asarray(t_quantile(level, self.freedom), dtype=np.float64) * self.found / self.true


def error_of(sources: Sequence[Source], noise: Source) -> Error:
    """Return the error of a number that runs know by several kinds of scatter, each estimated independently.

    Args:
        sources: What each shows, with all the noise of single studies in it.
        noise: That noise, by an estimate of its own.

    Example:
        >>> error = error_of([Source(1.0, 4.0)], NONE)
        >>> error.true, round(float(np.square(error.found).mean()), 2)
        (1.0, 1.0)
    """
    found = []
    for own, *shares in _even_shares(1 + len(sources)).tolist():
        single = _drawn(noise, own)
        seen = [Source(_drawn(one, share), one.freedom, single) for one, share in zip(sources, shares, strict=True)]
        found.append(total(seen, [Source(single, noise.freedom)]))
    variance, freedom = np.array(found).T
    return Error(total(sources, [noise])[0] ** 0.5, np.sqrt(variance), freedom)


def direction_chances(effect: float, error: Error, tests: int = 1) -> Chances:
    """Return the chances of a claim about a sign.

    Args:
        effect: What is measured, positive where the claim holds.
        error: Its error.
        tests: Between how many Holm's correction shares 5%.

    Example:
        >>> found = direction_chances(2.8, error_of([Source(1.0, 1e6)], NONE))  # 1.96 + 0.84 errors
        >>> round(found.supported, 2), round(found.rejected, 6)
        (0.8, 1e-06)
    """
    reach = error.reach(1.0 - SIGNIFICANCE / tests / 2.0)
    return Chances(*(float(normal_above(reach - side * effect / error.true).mean()) for side in (1.0, -1.0)))


def equality_chances(effect: float, error: Error, equal: tuple[float, float], tests: int = 1) -> Chances:
    """Return the chances of a claim that something lies within a margin.

    Args:
        effect: What is measured, as the margin counts.
        error: Its error.
        equal: The margin.
        tests: Between how many Holm's correction shares 5% of a rejection.

    Example:
        >>> error = error_of([Source(0.01, 1e6)], NONE)
        >>> found = equality_chances(0.0, error, (-0.2, 0.2))  # 2 - 1.645 errors to either side
        >>> round(found.supported, 3), round(found.rejected, 3)
        (0.278, 0.0)
    """
    reach, far = (error.reach(1.0 - SIGNIFICANCE / count) for count in (1, tests))
    low, high = ((edge - effect) / error.true for edge in equal)
    inside = normal_above(low + reach) - normal_above(high - reach)
    outside = normal_above(high + far) + normal_above(far - low)
    return Chances(float(np.maximum(inside, 0.0).mean()), float(outside.mean()))


def replicates_that_decide(chances: Callable[[int], Chances], most: int = 100) -> int | None:
    """Return the fewest replicates with which one verdict comes with a chance of 0.8, None where that takes more.

    Args:
        chances: By the number of replicates; more of them decide more often.
        most: The largest number tried.

    Example:
        >>> replicates_that_decide(lambda r: direction_chances(0.5, error_of([Source(0.09 / r, r - 1)], NONE)))
        6
    """
    found = bisect_left(range(2, most + 1), POWER, key=lambda count: chances(count).decided) + 2
    return found if found <= most else None


def _relative_errors(freedom: float, nodes: int) -> Array:
    """Return estimated over true standard errors, at equal shares of their distribution."""
    shares = (np.arange(nodes) + 0.5) / nodes
    found: Array = np.sqrt(chdtri(freedom, shares) / freedom)
    return found


def _drawn(source: Source, share: float) -> float:
    """Return what is estimated for a variance, at a share of its distribution."""
    return source.variance * float(chdtri(source.freedom, share)) / source.freedom


def _even_shares(dimensions: int) -> Array:
    """Return 512 points that fill a unit cube evenly, Sobol's, each in the middle of its cell; shape (512, d)."""
    from scipy.stats import qmc  # noqa: PLC0415 - takes longer to load than all else here

    points: Array = qmc.Sobol(dimensions, scramble=False).random_base2(9) + 0.5**10
    return points
