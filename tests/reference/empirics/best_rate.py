"""K_rate the slow way: a great many samples of the prior, each weighed by its likelihood, one observation at a time."""

import numpy as np
from scipy.stats import norm


def slow_best_rate(rates, lower, upper, end, samples=400_000, seed=0):
    """Return the mean of log K_rate, its interval's ends, the mean of log sigma, and how many samples count.

    The prior of log K_rate is flat over a range too wide to matter; that of the best rate over the rates there are.
    """
    random = np.random.default_rng(seed)
    leader = min(
        range(len(rates)), key=lambda i: np.sort(np.where(upper[i] <= end, upper[i], np.inf))[len(upper[i]) // 2]
    )
    far = [abs(np.log(rate / rates[leader])) for rate in rates]
    points = [i for i in range(len(rates)) if far[i] <= 1.5]
    logs = [np.log(rates[i]) for i in points]
    m = random.uniform(np.log(end) - 1.5, np.log(end) + 3.5, samples)
    sigma = 0.3 * np.exp(random.standard_normal(samples))
    share = 0.5 + 0.5 * np.cbrt(random.random(samples))  # x of density 3x^2 is the cube root of a uniform number
    best = random.uniform(min(logs), max(logs), samples)
    curvature = np.exp(random.standard_normal(samples))
    likelihood = np.ones(samples)
    for i in points:
        location = m + curvature * (np.log(rates[i]) - best) ** 2
        for below, met in zip(lower[i], upper[i], strict=True):
            before = np.log(below) if met <= end else np.log(end)
            reached = share * norm.cdf((before - location) / sigma + norm.ppf(0.5 / share))
            if met <= end:
                likelihood *= share * norm.cdf((np.log(met) - location) / sigma + norm.ppf(0.5 / share)) - reached
            else:
                likelihood *= 1.0 - reached
    weights = likelihood / likelihood.sum()
    order = np.argsort(m)
    ends = np.interp((0.025, 0.975), np.cumsum(weights[order]), m[order])
    return float(weights @ m), *ends.tolist(), float(weights @ np.log(sigma)), 1.0 / float((weights**2).sum())
