r"""The chance of each verdict before a run, from the effect, the noise and the number of replicates.

A number known by R replicates has the error of their scatter, :math:`s/\sqrt{R}`, on R - 1 degrees of freedom. Chances
are integrals over s; those of the law's misfit are tails of the noncentral F.
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri, chndtr

from verification.fits.distributions import normal_above, shifted_f_quantile, t_quantile
from verification.fits.likelihood import Array
from verification.inference.detectable import POWER, SIGNIFICANCE


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


def direction_chances(effect: float, error: float, freedom: float, tests: int = 1) -> Chances:
    """Return the chances of a claim about a sign.

    Args:
        effect: What is measured, positive where the claim holds.
        error: Its standard error, > 0.
        freedom: Degrees of freedom of that, > 0.
        tests: Between how many Holm's correction shares 5%.

    Example:
        >>> found = direction_chances(2.8, 1.0, 1e6)  # 1.96 + 0.84 errors
        >>> round(found.supported, 2), round(found.rejected, 6)
        (0.8, 1e-06)
    """
    reach = float(t_quantile(1.0 - SIGNIFICANCE / tests / 2.0, freedom)) * _relative_errors(freedom)
    return Chances(*(float(normal_above(reach - side * effect / error).mean()) for side in (1.0, -1.0)))


def equality_chances(
    effect: float, error: float, freedom: float, equal: tuple[float, float], tests: int = 1
) -> Chances:
    """Return the chances of a claim that something lies within a margin.

    Args:
        effect: What is measured, as the margin counts.
        error: Its standard error, > 0.
        freedom: Degrees of freedom of that, > 0.
        equal: The margin.
        tests: Between how many Holm's correction shares 5% of a rejection.

    Example:
        >>> found = equality_chances(0.0, 0.1, 1e6, (-0.2, 0.2))  # 2 - 1.645 errors to either side
        >>> round(found.supported, 3), round(found.rejected, 3)
        (0.278, 0.0)
    """
    spread = _relative_errors(freedom)
    reach, far = (float(t_quantile(1.0 - SIGNIFICANCE / count, freedom)) * spread for count in (1, tests))
    low, high = ((edge - effect) / error for edge in equal)
    inside = normal_above(low + reach) - normal_above(high - reach)
    outside = normal_above(high + far) + normal_above(far - low)
    return Chances(float(np.maximum(inside, 0.0).mean()), float(outside.mean()))


def replicates_that_decide(chances: Callable[[int], Chances], most: int = 100) -> int | None:
    """Return the fewest replicates with which one verdict comes with a chance of 0.8, None where that takes more.

    Args:
        chances: By the number of replicates; more of them decide more often.
        most: The largest number tried.

    Example:
        >>> replicates_that_decide(lambda r: direction_chances(0.5, 0.3 / r**0.5, r - 1 or 0.1))
        6
    """
    found = bisect_left(range(2, most + 1), POWER, key=lambda count: chances(count).decided) + 2
    return found if found <= most else None


def _relative_errors(freedom: float, nodes: int = 400) -> Array:
    """Return estimated over true standard errors, at equal shares of their distribution."""
    shares = (np.arange(nodes) + 0.5) / nodes
    found: Array = np.sqrt(chdtri(freedom, shares) / freedom)
    return found
