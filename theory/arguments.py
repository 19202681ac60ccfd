"""Checks on the arguments of evaluations: each names the argument and its range."""

import numpy as np
from numpy.typing import ArrayLike

from theory.log_space import Array


def require_positive(**values: float) -> None:
    """Refuse a scalar that is not finite and above 0."""
    for name, value in values.items():
        if not 0.0 < value < np.inf:
            raise ValueError(f"{name} must be finite and > 0, got {value}")


def require_moments(mu: float, M_G: float) -> None:
    """Refuse moment constants that no stochastic gradient has: M_G < mu^2."""
    require_positive(mu=mu, M_G=M_G)
    if mu**2 > M_G:
        raise ValueError(f"M_G must be >= mu^2 = {mu**2:.6g}, got {M_G}")


def positive_array(name: str, values: ArrayLike) -> Array:
    """Return values as an array of doubles, all finite and above 0."""
    array = np.asarray(values, dtype=np.float64)
    if not (np.isfinite(array).all() and (array > 0.0).all()):
        raise ValueError(f"{name} must be finite and > 0")
    return array


def count_array(name: str, values: ArrayLike) -> Array:
    """Return values as an array of doubles, all whole numbers of at least 1."""
    array = positive_array(name, values)
    if (array != np.floor(array)).any():
        raise ValueError(f"{name} must be whole numbers >= 1")
    return array
