"""The smallest effect that a test would have seen, from the standard error of what it tests."""

import math
from collections.abc import Callable
from typing import Literal

from verification.fits.distributions import t_quantile
from verification.fits.fit import Interval

POWER = 0.80
# An effect of more logs than this is no effect one could have.
_BEYOND_REASON = 25.0


def detectable(
    error: float | None, freedom: int, sides: Literal[1, 2], scale: Callable[[float], float] = math.exp
) -> float | None:
    r"""Return the effect that a 5% test sees with probability 0.8.

    :math:`(t_{1 - 0.05/s} + t_{0.8})\,e` for a test of s sides and a standard error e.

    Args:
        error: Standard error; None where it is not known.
        freedom: Degrees of freedom of Student's t, >= 1.
        sides: Of the test, 1 or 2.
        scale: From the effect to how it is told: exp for a ratio whose logarithm has the error.

    Returns:
        The effect; None where there is no error, or it is beyond reason.

    Example:
        >>> round(detectable(1.0, 10**6, sides=2, scale=float), 2)  # 1.96 + 0.84
        2.8
    """
    if error is None:
        return None
    effect = error * float(t_quantile(1.0 - 0.05 / sides, freedom) + t_quantile(POWER, freedom))
    return scale(effect) if effect <= _BEYOND_REASON else None


def log_error(interval_90: Interval, freedom: int) -> float | None:
    """Return the standard error of a log that a 90% interval stands for, None when it is open.

    Args:
        interval_90: Of a positive quantity.
        freedom: Degrees of freedom.

    Returns:
        The error, or None.
    """
    if interval_90.low is None or interval_90.high is None or freedom < 1:
        return None
    return math.log(interval_90.high / interval_90.low) / 2.0 / float(t_quantile(0.95, freedom))
