r"""The variance of a mean whose studies scatter, whose units differ, and whose batch sizes share a search.

Each source of scatter shows the noise of single studies and what it adds to it. With n the variance that this noise
makes, v_i what a source shows and n_i the noise in it

    variance = n + sum_i max(v_i - n_i, 0),     freedom = variance^2 / (n^2/nu + sum_i v_i^2/nu_i).

A difference of variances has no degrees of freedom of its own: nearly equal ones would have none. So the variances
themselves enter Satterthwaite's formula. The sum is no less than n, and with n_i = n no less than any v_i.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A variance, as one kind of scatter shows it.

    Attributes:
        variance: Of the mean, >= 0.
        freedom: Degrees of freedom, > 0.
        noise: What the noise of single studies makes of it, >= 0.
    """

    variance: float
    freedom: float
    noise: float = 0.0


def total(sources: Sequence[Source], noise: Sequence[Source] = ()) -> tuple[float, float]:
    """Return the variance of a mean and its degrees of freedom.

    Args:
        sources: Independent sources of scatter, one of them > 0 at least.
        noise: The noise of single studies, by independent estimates.

    Example:
        >>> total([Source(5.0, 2.0, 2.0), Source(1.0, 4.0, 2.0)], [Source(2.0, 8.0)])  # 25/(25/2 + 1/4 + 4/8)
        (5.0, 1.886...)
        >>> total([Source(9.0, 4.0), Source(16.0, 4.0)])  # Welch's: 25^2/(81/4 + 256/4)
        (25.0, 7.418...)
    """
    variance = sum(one.variance for one in noise) + sum(max(one.variance - one.noise, 0.0) for one in sources)
    return variance, variance**2 / sum(one.variance**2 / one.freedom for one in (*sources, *noise))
