"""The likelihood of measured intervals written once more, point by point, with other tools.

statsmodels climbs it by Nelder and Mead, a profile is a grid of such climbs, and a point's probability is what
the error function of the standard library says it is. Nothing here is imported from the package.
"""

import math

import numpy as np
from scipy import stats
from scipy.optimize import minimize
from statsmodels.base.model import GenericLikelihoodModel


def hyperbola(batch_size, log_c1, log_c2):
    """K(B) in logs, plainly."""
    return math.log(math.exp(log_c1) / batch_size + math.exp(log_c2))


def power_law(batch_size, log_c1, log_c2, log_alpha):
    """K(B) = c1/B^alpha + c2 in logs, plainly."""
    return math.log(math.exp(log_c1) / batch_size ** math.exp(log_alpha) + math.exp(log_c2))


def point_log_likelihood(lower, upper, log_law, sigma):
    """Log-likelihood of one point: lower == upper is exact, upper None is a spent budget."""
    start = (math.log(lower) - log_law) / sigma if lower > 0 else -math.inf
    if upper is None:
        return math.log(share_above(start)) if start < 37.0 else stats.norm.logsf(start)
    if lower == upper:
        return -0.5 * start**2 - math.log(sigma * math.sqrt(2.0 * math.pi))
    stop = (math.log(upper) - log_law) / sigma
    if start > 0.0:  # above the law 1 - cdf keeps the digits
        return math.log(share_above(start) - share_above(stop))
    return math.log(share_above(-stop) - share_above(-start))


def share_above(z):
    """The share of a standard normal above z; scipy.stats says the same a hundred times more slowly."""
    return 0.5 * math.erfc(z / math.sqrt(2.0))


class IntervalModel(GenericLikelihoodModel):
    """Rows of (batch_size, lower, upper); statsmodels sees the lower ends and independent columns."""

    def __init__(self, rows, law, n_parameters):
        self.rows, self.law = rows, law
        super().__init__(np.array([lower for _, lower, _ in rows]), exog=np.vander(np.arange(len(rows)), n_parameters))

    def loglikeobs(self, params):
        *theta, log_sigma = params
        sigma = math.exp(log_sigma)
        return np.array([safe(point_log_likelihood, lo, up, self.law(b, *theta), sigma) for b, lo, up in self.rows])


def safe(function, *arguments):
    """A simplex may step where a probability rounds to zero."""
    try:
        return function(*arguments)
    except (ValueError, OverflowError):
        return -1e6


def fit(rows, start, law=hyperbola):
    """Maximum likelihood by statsmodels: (theta, sigma, log-likelihood)."""
    model = IntervalModel(rows, law, len(start))
    found = model.fit(
        start_params=np.array(start), method="nm", maxiter=20_000, maxfun=20_000, xtol=1e-10, ftol=1e-12,
        disp=0, skip_hessian=True,
    )  # fmt: skip
    *theta, log_sigma = found.params
    return np.array(theta), math.exp(log_sigma), float(found.llf)


def profile_deviance(rows, contrast_index, value, start, best):
    """Twice the log-likelihood lost by fixing log c1 (0), log c2 (1) or log(c1/c2) (2) of the hyperbola."""

    def minus(free):
        other, log_sigma = free
        theta = {0: (value, other), 1: (other, value), 2: (other + value, other)}[contrast_index]
        return -sum(safe(point_log_likelihood, lo, up, hyperbola(b, *theta), math.exp(log_sigma)) for b, lo, up in rows)

    found = minimize(
        minus, np.array(start), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-11, "maxiter": 10_000}
    )
    return 2.0 * (best + found.fun)


def sharpness(batch_size, log_c1, log_c2, log_h):
    """K(B) = ((c1/B)^(1/h) + c2^(1/h))^h in logs."""
    h = math.exp(log_h)
    return h * float(np.logaddexp((log_c1 - math.log(batch_size)) / h, log_c2 / h))


def textbook(batch_size, log_c1, log_c2):
    """4 c1/B up to 2 B0, c2/(1 - B0/B) beyond, in logs."""
    share = math.exp(log_c1 - log_c2) / batch_size
    if share >= 0.5:
        return math.log(4.0) + log_c1 - math.log(batch_size)
    return log_c2 - math.log(1.0 - share)


def fixed_rate(batch_size, log_c1, log_c2):
    """c2/(1 - B0/B) beyond B0 in logs; no finite K up to it."""
    share = math.exp(log_c1 - log_c2) / batch_size
    return log_c2 - math.log(1.0 - share) if share < 1.0 else 1e4


def piecewise(batch_size, log_c1, log_c2):
    """max(c1/B, c2) in logs."""
    return max(log_c1 - math.log(batch_size), log_c2)


def deviance_at_steps(rows, batch_size, steps, start, best):
    """Twice the log-likelihood lost by fixing K at one batch size of the hyperbola, start = (share of c1, sigma)."""

    def minus(free):
        share, log_sigma = 1.0 / (1.0 + math.exp(-free[0])), free[1]
        theta = (math.log(steps * batch_size * share), math.log(steps * (1.0 - share)))
        return -sum(safe(point_log_likelihood, lo, up, hyperbola(b, *theta), math.exp(log_sigma)) for b, lo, up in rows)

    first = (math.log(start[0] / (1.0 - start[0])), math.log(start[1]))
    options = {"xatol": 1e-9, "fatol": 1e-11, "maxiter": 10_000}
    return 2.0 * (best + minimize(minus, np.array(first), method="Nelder-Mead", options=options).fun)
