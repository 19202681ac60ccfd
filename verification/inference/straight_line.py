r"""Three tests that y is a straight line in x, on the residuals of y = a + b x without replicates.

reset           is x^2 missing? F on 1 and n - 3 degrees of freedom
rainbow         does the line fit the middle half better than all? F on what lies outside it
Harvey-Collier  do recursive residuals, each point against the line through those before it, drift? t on n - 3

Each holds something against the scatter that is left. Where nothing is left, as where the middle half of a curve has
one step count, there is no test: the quotient would be one of roundings. statsmodels, whose import takes longer than
all fits of a report, is the twin of the first two in the tests, and of the third but for three residuals it leaves out.
"""

import math

import numpy as np

from verification.fits.distributions import f_above, t_beyond
from verification.fits.likelihood import Array

# A line has two constants.
_CONSTANTS = 2
# Statistic and p-value; None where no scatter is left.
Tested = tuple[float, float] | None


def about_line(x: Array, y: Array) -> float:
    """Return the sum of squares about the line through points by least squares.

    Args:
        x: Shape (n,).
        y: Shape (n,).

    Returns:
        The sum, >= 0.

    Example:
        >>> round(about_line(np.arange(3.0), np.array([0.0, 1.0, 0.0])), 9)  # the line is 1/3
        0.666666667
    """
    return _left(_line(x), y)


def f_test(explained: float, between: int, left: float, within: int, floor: float = 0.0) -> Tested:
    """Return the F test of a sum of squares against what is left.

    Args:
        explained: Sum of squares on `between` degrees of freedom.
        between: >= 1.
        left: Sum of squares on `within` degrees of freedom, >= 0.
        within: >= 1.
        floor: The largest standard deviation that counts as none, >= 0.

    Returns:
        F and P(F' >= F); None where what is left has no scatter.

    Example:
        >>> f_test(8.0, 2, 4.0, 2), f_test(8.0, 2, 0.0, 2)
        ((2.0, 0.3333333333333333), None)
    """
    if left / within <= floor**2:
        return None
    statistic = (explained / between) / (left / within)
    return statistic, float(f_above(statistic, between, within))


def reset(x: Array, y: Array, floor: float = 0.0) -> Tested:
    r"""Return Ramsey's RESET with the square of x: what it takes off the residuals, against what is left.

    :math:`F = (S_2 - S_3)/(S_3/(n - 3))` with sums of squares about the line, S_2, and about the parabola, S_3.

    Args:
        x: Shape (n,), n >= 4, three different ones at least.
        y: Shape (n,).
        floor: The largest standard deviation of y that counts as none, >= 0.

    Returns:
        F and P(F' >= F) on 1 and n - 3 degrees of freedom; None where the parabola leaves no scatter.

    Reference:
        Ramsey 1969, "Tests for specification errors in classical linear least-squares regression analysis".

    Example:
        >>> f, p = reset(np.arange(4.0), np.array([0.0, 0.0, 0.0, 1.0]))  # line leaves 0.3, parabola 0.05
        >>> round(f, 9), round(p, 9) == round(float(f_above(5.0, 1, 1)), 9)
        (5.0, True)
    """
    line, parabola = about_line(x, y), _left(np.stack([np.ones_like(x), x, x**2], axis=1), y)
    return f_test(line - parabola, 1, parabola, len(x) - _CONSTANTS - 1, floor)


def rainbow(x: Array, y: Array, floor: float = 0.0) -> Tested:
    r"""Return Utts' rainbow test: what the outer points add to the residuals of a line through the middle half.

    :math:`F = ((S - S_m)/(n - m))/(S_m/(m - 2))`, m points in the middle.

    Args:
        x: Shape (n,), ascending, n >= 6.
        y: Shape (n,).
        floor: The largest standard deviation of y that counts as none, >= 0.

    Returns:
        F and P(F' >= F) on n - m and m - 2 degrees of freedom; None where the middle leaves no scatter.

    Reference:
        Utts 1982, "The rainbow test for lack of fit in regression".

    Example:
        >>> f, p = rainbow(np.arange(6.0), np.array([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]))  # 23/105; middle 0, 1, 0
        >>> round(f, 9), round(p, 9) == round(float(f_above(f, 3, 1)), 9)
        (0.219047619, True)
    """
    n = len(x)
    m, first = n // 2, math.ceil(n / 4)
    middle = slice(first, first + m)
    inside = about_line(x[middle], y[middle])
    return f_test(about_line(x, y) - inside, n - m, inside, m - _CONSTANTS, floor)


def harvey_collier(x: Array, y: Array, floor: float = 0.0) -> Tested:
    r"""Return Harvey and Collier's test: the mean of the n - 2 recursive residuals over its standard error.

    :math:`w_t = (y_t - x_t^\top b_{t-1})/\sqrt{1 + x_t^\top (X_{t-1}^\top X_{t-1})^{-1} x_t}`, each standard normal
    over sigma under the line.

    Args:
        x: Shape (n,), ascending, n >= 4, the first two different.
        y: Shape (n,).
        floor: The largest standard deviation of y that counts as none, >= 0.

    Returns:
        t and P(\|T\| >= \|t\|) on n - 3 degrees of freedom; None where the residuals do not scatter.

    Reference:
        Harvey and Collier 1977, "Testing for functional misspecification in regression analysis". statsmodels leaves
        out three residuals whatever the regression has; a line has two constants, as in R's lmtest.

    Example:
        >>> t, p = harvey_collier(np.arange(4.0), np.array([0.0, 0.0, 1.0, 0.0]))  # w = 6^-1/2, -(8/15)^1/2
        >>> round(t, 9) == round((6**-0.5 - (8 / 15) ** 0.5) / (6**-0.5 + (8 / 15) ** 0.5), 9)
        True
    """
    design = _line(x)
    w = np.empty(len(x) - _CONSTANTS)
    for i in range(_CONSTANTS, len(x)):
        before, at = design[:i], design[i]
        weights = at @ np.linalg.pinv(before)
        w[i - _CONSTANTS] = (y[i] - weights @ y[:i]) / math.sqrt(1.0 + float(weights @ weights))
    spread = float(w.std(ddof=1))
    if spread <= floor:
        return None
    statistic = float(w.mean()) / (spread / math.sqrt(len(w)))
    return statistic, float(t_beyond(statistic, len(w) - 1))


def _line(x: Array) -> Array:
    """Return the columns 1 and x."""
    return np.stack([np.ones_like(x), x], axis=1)


def _left(design: Array, y: Array) -> float:
    """Return the sum of squares that least squares leaves."""
    residual = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    return float(residual @ residual)
