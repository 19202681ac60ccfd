"""The normal distribution cut at two standard deviations, in fifty digits."""

from mpmath import MPContext

exact = MPContext()  # of its own: sympy computes in the common one
exact.dps = 50
INSIDE = exact.ncdf(2) - exact.ncdf(-2)


def deviation():
    """Return the standard deviation: the variance is 1 - 4 phi(2)/(Phi(2) - Phi(-2))."""
    return exact.sqrt(1 - 4 * exact.npdf(2) / INSIDE)


def quantile(share):
    """Return x with Phi(x) = Phi(-2) + share (Phi(2) - Phi(-2))."""
    return exact.sqrt(2) * exact.erfinv(2 * INSIDE * (exact.mpf(share) - exact.mpf(1) / 2))


def coefficients(centre, degree):
    """Return the polynomial in (1/4 - q^2)^(1/4) - centre that meets x/q, Phi(x) = 1/2 + q, at Chebyshev's points."""
    half, end = exact.mpf(1) / 2, INSIDE / 2
    low, high = (half**2 - end**2) ** (half**2), half**half  # of the fourth roots, at x = 2 and 0
    rows, values = [], []
    for number in range(degree + 1):
        root = (low + high + (high - low) * exact.cos((number + half) * exact.pi / (degree + 1))) / 2
        q = exact.sqrt(half**2 - root**4)
        rows.append([(root - centre) ** power for power in range(degree + 1)])
        values.append(exact.sqrt(2) * exact.erfinv(2 * q) / q)
    return list(exact.lu_solve(exact.matrix(rows), exact.matrix(values)))
