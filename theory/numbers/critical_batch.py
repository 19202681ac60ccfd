"""Decision quantities of the law K(B) = c1/B + c2: which batch size to use (docs/theory.md, result 18)."""

import math

import numpy as np
from numpy.typing import ArrayLike

from theory.numbers.arguments import is_finite, positive_array
from theory.numbers.doubles import ratio, require_doubles
from theory.numbers.log_space import Array


def _require_constants(c1: float, c2: float) -> None:
    if not (c1 >= 0.0 and is_finite(c1) and c2 > 0.0 and is_finite(c2)):
        raise ValueError(f"need finite c1 >= 0 and c2 > 0, got {c1=}, {c2=}")


def critical_batch_size(c1: float, c2: float) -> float:
    r"""Return the batch size at which both terms of the step law are equal.

    Solves :math:`c_1/B = c_2` in :math:`K(B) = c_1/B + c_2`.

    Args:
        c1: Noise term, scalar, steps x examples. Finite, >= 0.
        c2: Serial floor, scalar, steps. Finite, > 0.

    Returns:
        Scalar, examples per step. Not rounded, may be below 1.

    Raises:
        ValueError: If an argument is outside the range above, or the result leaves that of doubles.
    Reference:
        Lee et al. 2021, Eq. (3) for K(B); the balance point is McCandlish et al. 2018's B_crit.

    Example:
        >>> critical_batch_size(c1=51_200.0, c2=200.0)
        256.0
    """
    _require_constants(c1, c2)
    return _representable(float(ratio([c1], [c2])), "c1/c2", zero=c1 == 0.0)


def critical_batch_size_20_percent(c1: float, c2: float, reference_batch_size: float = 1.0) -> float:
    r"""Return the batch size that needs 20% more examples than the reference batch size.

    Solves :math:`B K(B) = 1.2\,B_\mathrm{ref} K(B_\mathrm{ref})` in :math:`K(B) = c_1/B + c_2`:
    :math:`B = 0.2\,c_1/c_2 + 1.2\,B_\mathrm{ref}`.

    Args:
        c1: Noise term, scalar, steps x examples. Finite, >= 0.
        c2: Serial floor, scalar, steps. Finite, > 0.
        reference_batch_size: B_ref, scalar, examples per step. Finite, > 0; usually the smallest measured.

    Returns:
        Scalar, examples per step. Not rounded.

    Raises:
        ValueError: If an argument is outside the range above, or the result leaves that of doubles.
    Reference:
        docs/theory.md, result 18.

    Example:
        >>> critical_batch_size_20_percent(c1=1000.0, c2=10.0, reference_batch_size=5.0)
        26.0
    """
    _require_constants(c1, c2)
    if not (reference_batch_size > 0.0 and is_finite(reference_batch_size)):
        raise ValueError(f"need finite reference_batch_size > 0, got {reference_batch_size}")
    return _representable(float(ratio([0.2, c1], [c2])) + 1.2 * float(reference_batch_size), "the batch size")


def parallel_efficiency(batch_size: ArrayLike, c1: float, c2: float) -> Array:
    r"""Return the share of perfect linear scaling that each batch size keeps.

    .. math:: e(B) = \frac{c_1}{B\,K(B)} = \frac{1}{1 + B/B_\mathrm{crit}}

    Args:
        batch_size: Any shape, examples per step. Finite, > 0.
        c1: Noise term, scalar, steps x examples. Finite, > 0.
        c2: Serial floor, scalar, steps. Finite, > 0.

    Returns:
        Array of the shape of batch_size, without unit, in (0, 1).

    Raises:
        ValueError: If an argument is outside the range above, or the result leaves that of doubles.
    Reference:
        docs/theory.md, result 18.

    Example:
        >>> parallel_efficiency([100.0, 300.0], c1=1000.0, c2=10.0)
        array([0.5 , 0.25])
    """
    _require_constants(c1, c2)
    if c1 == 0.0:
        raise ValueError("need c1 > 0: without noise there is no linear scaling to compare with")
    sizes = positive_array("batch_size", batch_size)
    over = ratio([sizes, c2], [c1])
    with np.errstate(over="ignore"):
        return require_doubles(np.where(over < 1e16, 1.0 / (1.0 + over), ratio([c1], [sizes, c2])), "the efficiency")


def batch_size_for_efficiency(efficiency: float, c1: float, c2: float) -> float:
    r"""Return the batch size that keeps a given parallel efficiency.

    Solves :math:`e(B) = e`: :math:`B = B_\mathrm{crit}\,(1 - e)/e`.

    Args:
        efficiency: Share of linear scaling to keep, scalar, in (0, 1).
        c1: Noise term, scalar, steps x examples. Finite, >= 0.
        c2: Serial floor, scalar, steps. Finite, > 0.

    Returns:
        Scalar, examples per step. Not rounded, may be below 1.

    Raises:
        ValueError: If an argument is outside the range above, or the result leaves that of doubles.
    Reference:
        docs/theory.md, result 18.

    Example:
        >>> batch_size_for_efficiency(0.25, c1=1000.0, c2=10.0)
        300.0
    """
    if not 0.0 < efficiency < 1.0:
        raise ValueError(f"efficiency must be in (0, 1), got {efficiency}")
    _require_constants(c1, c2)
    size = float(ratio([c1, 1.0 - efficiency], [c2, efficiency]))
    return _representable(size, "the batch size", zero=c1 == 0.0)


def fastest_batch_size(c1: float, c2: float, fixed: float, per_example: float) -> float:
    r"""Return the batch size with the least total time (or cost) to the goal.

    Minimises :math:`T(B) = K(B)\,(t_0 + t_1 B)`: :math:`B = \sqrt{B_\mathrm{crit}\,t_0/t_1}`, free of L and
    Delta. The same with a price :math:`k_0 + k_1 B` per step gives the cheapest batch size.

    Args:
        c1: Noise term, scalar, steps x examples. Finite, >= 0.
        c2: Serial floor, scalar, steps. Finite, > 0.
        fixed: t0, what a step takes at any batch size, scalar, seconds (or money). Finite, >= 0.
        per_example: t1, what each example adds to a step, scalar, in the unit of t0. Finite, > 0.

    Returns:
        Scalar, examples per step. Not rounded, may be below 1.

    Raises:
        ValueError: If an argument is outside the range above, or the result leaves that of doubles.
    Reference:
        docs/theory.md, result 18.

    Example:
        >>> fastest_batch_size(c1=1000.0, c2=10.0, fixed=4.0, per_example=0.01)
        200.0
    """
    _require_step_time(fixed, per_example)
    _require_constants(c1, c2)
    size = float(_root([c1, fixed], [c2, per_example]))
    return _representable(size, "the batch size", zero=0.0 in {c1, fixed})


def least_total_time(c1: float, c2: float, fixed: float, per_example: float) -> float:
    r"""Return the total time (or cost) to the goal at the fastest batch size.

    :math:`\min_B T(B) = (\sqrt{c_1 t_1} + \sqrt{c_2 t_0})^2`.

    Args:
        c1: Noise term, scalar, steps x examples. Finite, >= 0.
        c2: Serial floor, scalar, steps. Finite, > 0.
        fixed: t0, what a step takes at any batch size, scalar, seconds (or money). Finite, >= 0.
        per_example: t1, what each example adds to a step, scalar, in the unit of t0. Finite, > 0.

    Returns:
        Scalar, seconds (or money).

    Raises:
        ValueError: If an argument is outside the range above, or the result leaves that of doubles.
    Reference:
        docs/theory.md, result 18.

    Example:
        >>> least_total_time(c1=900.0, c2=4.0, fixed=4.0, per_example=0.01)
        49.0
    """
    _require_constants(c1, c2)
    _require_step_time(fixed, per_example)
    squares = float(ratio([c1, per_example])) + float(ratio([c2, fixed]))
    total = squares + 2.0 * _root([c1, per_example, c2, fixed], [])
    return _representable(total, "the total time", zero=c1 == fixed == 0.0)


def _require_step_time(fixed: float, per_example: float) -> None:
    if not (fixed >= 0.0 and is_finite(fixed) and per_example > 0.0 and is_finite(per_example)):
        raise ValueError(f"need finite fixed >= 0 and per_example > 0, got {fixed=}, {per_example=}")


def _root(over: list[float], under: list[float]) -> float:
    """Return the square root of a product over a product, by the roots of the factors."""
    return float(ratio([math.sqrt(factor) for factor in over], [math.sqrt(factor) for factor in under]))


def _representable(value: float, what: str, *, zero: bool = False) -> float:
    """Return a positive value that fits a double, or the 0 that is meant."""
    return 0.0 if zero else float(require_doubles(value, what))
