"""Tails and quantiles of Student's t, Fisher's F and the normal, central or not, from `scipy.special`.

They are the numbers of `scipy.stats`, whose import takes a third of a report's time.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import betainc, fdtrc, gammaln, ncfdtr, ncfdtri, ndtr, ndtri, stdtr, stdtrit

from verification.fits.likelihood import Array


def t_above(t: float | Array, freedom: float | Array) -> Array:
    """Return P(T >= t).

    Args:
        t: Any shape.
        freedom: Degrees of freedom, > 0, inf for the normal; broadcasts against t.

    Returns:
        Shares in [0, 1], a 0-d array for numbers.

    Example:
        >>> round(float(t_above(1.0, 1)), 12)  # Cauchy: 1/2 - arctan(1)/pi
        0.25
    """
    return np.asarray(stdtr(freedom, -t), dtype=np.float64)


def t_beyond(t: float | Array, freedom: float | Array) -> Array:
    """Return the two-sided P(abs(T) >= abs(t)).

    Args:
        t: Any shape.
        freedom: Degrees of freedom, > 0, inf for the normal; broadcasts against t.

    Returns:
        Shares in [0, 1], a 0-d array for numbers.

    Example:
        >>> round(float(t_beyond(-1.0, 1)), 12)  # a Cauchy variable lies within 1 half of the time
        0.5
    """
    return np.asarray(2.0 * t_above(np.abs(t), freedom))


def t_quantile(share: float | Array, freedom: float | Array) -> Array:
    """Return the t below which a share of Student's distribution lies.

    Args:
        share: In (0, 1).
        freedom: Degrees of freedom, > 0, inf for the normal; broadcasts against share.

    Returns:
        Quantiles, a 0-d array for numbers.

    Example:
        >>> round(float(t_quantile(0.75, 1)), 12)
        1.0
    """
    return np.asarray(stdtrit(freedom, share), dtype=np.float64)


def f_above(f: float | Array, between: float, within: float) -> Array:
    """Return P(F >= f).

    Args:
        f: Any shape; below 0, where rounding may put a quotient of sums of squares, the share is 1.
        between: Degrees of freedom of the numerator, > 0.
        within: Degrees of freedom of the denominator, > 0.

    Returns:
        Shares in [0, 1], a 0-d array for numbers.

    Example:
        >>> round(float(f_above(1.0, 1, 1)), 12)  # F of (1, 1) is the square of a Cauchy variable
        0.5
    """
    return np.asarray(fdtrc(between, within, np.maximum(f, 0.0)), dtype=np.float64)


def normal_above(z: float | Array) -> Array:
    """Return P(Z >= z).

    Args:
        z: Any shape.

    Returns:
        Shares in [0, 1], a 0-d array for numbers.

    Example:
        >>> float(normal_above(0.0))
        0.5
    """
    return np.asarray(ndtr(-z), dtype=np.float64)


def normal_beyond(z: float | Array) -> Array:
    """Return the two-sided P(abs(Z) >= abs(z)).

    Args:
        z: Any shape.

    Returns:
        Shares in [0, 1], a 0-d array for numbers.

    Example:
        >>> round(float(normal_beyond(-1.959964)), 3)
        0.05
    """
    return np.asarray(2.0 * normal_above(np.abs(z)))


def normal_quantile(share: float | Array) -> Array:
    """Return the z below which a share of the normal distribution lies.

    Args:
        share: In (0, 1).

    Returns:
        Quantiles, a 0-d array for numbers.

    Example:
        >>> round(float(normal_quantile(0.975)), 3)
        1.96
    """
    return np.asarray(ndtri(share), dtype=np.float64)


def shifted_f_below(f: float | Array, between: float, within: float, shift: float | Array) -> Array:
    """Return P(F <= f) of the noncentral F.

    Args:
        f: >= 0, any shape.
        between: Degrees of freedom of the numerator, > 0.
        within: Degrees of freedom of the denominator, > 0.
        shift: Noncentrality, >= 0: the sum of squared means of the numerator, in variances.

    Returns:
        Shares in [0, 1], a 0-d array for numbers.

    Example:
        >>> round(float(shifted_f_below(1.0, 1, 1, 0.0)), 12)  # without a shift the F of (1, 1)
        0.5
    """
    found = np.asarray(ncfdtr(between, within, shift, f), dtype=np.float64)
    if not np.isnan(found).any():
        return found
    parts = np.broadcast_arrays(f, shift)
    # The library's series may fail far in the tail, and on some processors alone.
    return np.where(np.isnan(found), np.vectorize(_mixed, otypes=[float])(parts[0], between, within, parts[1]), found)


def _mixed(f: float, between: float, within: float, shift: float) -> float:
    """Return P(F <= f) as its Poisson mixture of beta distributions, over 40 standard deviations of the Poisson."""
    mean = 0.5 * shift
    reach = 40.0 * np.sqrt(mean) + 40.0
    j = np.arange(max(0.0, np.floor(mean - reach)), mean + reach)
    weights = np.exp(j * np.log(mean) - mean - gammaln(j + 1.0))
    below = weights @ betainc(0.5 * between + j, 0.5 * within, between * f / (between * f + within))
    return min(float(below), 1.0)


def shifted_f_quantile(share: float | Array, between: float, within: float, shift: float | Array) -> Array:
    """Return the f below which a share of the noncentral F lies.

    Args:
        share: In (0, 1).
        between: Degrees of freedom of the numerator, > 0.
        within: Degrees of freedom of the denominator, > 0.
        shift: Noncentrality, >= 0; broadcasts against share.

    Returns:
        Quantiles, a 0-d array for numbers.

    Example:
        >>> round(float(shifted_f_below(shifted_f_quantile(0.05, 7, 28, 18.0), 7, 28, 18.0)), 6)
        0.05
    """
    return np.asarray(ncfdtri(between, within, shift, share), dtype=np.float64)


def f_shift(f: float, between: float, within: float, share: float) -> float:
    """Return the noncentrality at which a share of the noncentral F lies at or below f; 0 where less does already.

    Args:
        f: >= 0.
        between: Degrees of freedom of the numerator, > 0.
        within: Degrees of freedom of the denominator, > 0.
        share: In (0, 1).

    Returns:
        The noncentrality, >= 0.

    Example:
        >>> round(float(shifted_f_below(3.0, 7, 32, f_shift(3.0, 7, 32, 0.05))), 9)
        0.05
    """

    def excess(shift: float) -> float:
        return float(shifted_f_below(f, between, within, shift)) - share

    if excess(0.0) <= 0.0:
        return 0.0
    high = between * (f + 1.0)
    while excess(high) > 0.0:
        high *= 2.0
    return float(brentq(excess, 0.0, high, xtol=1e-9 * high))
