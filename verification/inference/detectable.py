"""The smallest effect that a test would have seen, from the standard error of what it tests."""

import math
from collections.abc import Callable

from verification.fits.distributions import t_quantile

SIGNIFICANCE = 0.05
POWER = 0.80
# An effect of more logs than this is no effect one could have.
_BEYOND_REASON = 25.0


def detectable(error: float | None, freedom: float, scale: Callable[[float], float] = math.exp) -> float | None:
    r"""Return the effect that a two-sided 5% test sees with probability 0.8.

    :math:`(t_{0.975} + t_{0.8})\,e` for a standard error e.

    Args:
        error: Standard error; None where it is not known.
        freedom: Degrees of freedom of Student's t, > 0.
        scale: From the effect to how it is told: exp for a ratio whose logarithm has the error.

    Returns:
        The effect; None where there is no error, or it is beyond reason.

    Example:
        >>> round(detectable(1.0, 10**6, scale=float), 2)  # 1.96 + 0.84
        2.8
    """
    if error is None:
        return None
    effect = error * float(t_quantile(1.0 - SIGNIFICANCE / 2.0, freedom) + t_quantile(POWER, freedom))
    return scale(effect) if effect <= _BEYOND_REASON else None
