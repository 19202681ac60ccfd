"""Products and quotients of doubles that fit a double, even where an intermediate result does not."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from theory.numbers.log_space import Array

_MODERATE = 1e18
SMALLEST = float(np.finfo(np.float64).tiny)
"""The smallest positive double of full precision."""


def ratio(over: Sequence[ArrayLike], under: Sequence[ArrayLike] = ()) -> Array:
    r"""Return a product over a product, rounded as if exponents had no limit.

    Args:
        over: Factors, any shapes that broadcast. Finite, >= 0.
        under: Divisors, likewise. Finite, > 0.

    Returns:
        Array: infinite or 0 only where the value itself is beyond the doubles.

    Reference:
        Fractions and exponents apart, as `frexp` gives them.

    Example:
        >>> float(ratio([2.0**1000, 2.0**1000], [2.0**1010, 2.0**960]))
        1073741824.0
    """
    fraction, exponent = np.frexp(np.float64(1.0))
    for sign, factors in ((1, over), (-1, under)):
        for factor in factors:
            part, power = np.frexp(np.asarray(factor, dtype=np.float64))
            fraction = fraction * part if sign > 0 else fraction / part
            exponent = exponent + sign * power
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.ldexp(fraction, exponent))


def require_doubles(values: ArrayLike, what: str, least: float = SMALLEST) -> Array:
    r"""Return positive values, refused where they left the range of doubles.

    Args:
        values: Any shape, what a formula gave whose value is > 0, infinities and nan among them.
        what: How a message names them.
        least: The smallest that is kept; below it digits are missing.

    Returns:
        The values.

    Raises:
        ValueError: If one is infinite, no number or below `least`.

    Reference:
        IEEE 754.

    Example:
        >>> require_doubles(0.0, "the sum")
        Traceback (most recent call last):
        ValueError: the sum leaves the range of double precision: choose other units
    """
    array = np.asarray(values, dtype=np.float64)
    if not (np.isfinite(array).all() and (array >= least).all()):
        raise ValueError(f"{what} leaves the range of double precision: choose other units")
    return array


def is_moderate(*values: ArrayLike) -> bool:
    r"""Return whether all values are so near 1 that no product of a dozen of them leaves the range of doubles.

    Args:
        *values: Any shapes. > 0.

    Returns:
        True if all are between 1e-18 and 1e18.

    Reference:
        IEEE 754.

    Example:
        >>> is_moderate(1.0, [1e-3, 1e3]), is_moderate(1e-300)
        (True, False)
    """
    arrays = [np.asarray(value, dtype=np.float64) for value in values]
    return all(bool(((array >= 1.0 / _MODERATE) & (array <= _MODERATE)).all()) for array in arrays)
