"""Checks on the arguments of evaluations: each names the argument and its range."""

import math

import numpy as np
from numpy.typing import ArrayLike

from theory.numbers.log_space import Array


def is_finite(value: float) -> bool:
    """Return whether a number is one of the finite doubles, of whatever kind it is; whole ones may be too large.

    Example:
        >>> is_finite(np.float32(3.0)), is_finite(10**400), is_finite(math.nan)
        (True, False, False)
    """
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def require_positive(**values: float) -> None:
    """Refuse a scalar that is not finite and above 0."""
    for name, value in values.items():
        if not (value > 0.0 and is_finite(value)):
            raise ValueError(f"{name} must be finite and > 0, got {value}")


def require_moments(mu: float, M_G: float) -> None:
    """Refuse moment constants that no stochastic gradient has: M_G < mu^2."""
    require_positive(mu=mu, M_G=M_G)
    if (square := float(mu) * float(mu)) > M_G:  # a power of floats would raise where the product is infinite
        raise ValueError(f"M_G must be >= mu^2 = {square:.6g}, got {M_G}")


def positive_array(name: str, values: ArrayLike) -> Array:
    """Return values as an array of doubles, all finite and above 0."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except OverflowError:  # a whole number beyond the doubles
        array = np.asarray(np.inf)
    if not (np.isfinite(array).all() and (array > 0.0).all()):
        raise ValueError(f"{name} must be finite and > 0")
    return array


def count_array(name: str, values: ArrayLike) -> Array:
    """Return values as an array of doubles, all whole numbers of at least 1."""
    array = positive_array(name, values)
    if (array != np.floor(array)).any():
        raise ValueError(f"{name} must be whole numbers >= 1")
    return array
