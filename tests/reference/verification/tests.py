"""Tests of curves written once more, plainly: loops, enumeration, other libraries; nothing of the package."""

import itertools
import math

import numpy as np
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.diagnostic import linear_rainbow, linear_reset, recursive_olsresiduals


def _line(x, y):
    return OLS(y, np.column_stack([np.ones_like(x), x])).fit()


def reset(x, y):
    """F and p of the square of x, by statsmodels."""
    found = linear_reset(_line(x, y), power=2, test_type="exog", use_f=True)
    return float(np.squeeze(found.fvalue)), float(found.pvalue)


def rainbow(x, y):
    """F and p of the middle half against all, by statsmodels."""
    return linear_rainbow(_line(x, y))


def harvey_collier(x, y):
    """T and p of the mean of all n - 2 recursive residuals, those of statsmodels."""
    return tuple(stats.ttest_1samp(recursive_olsresiduals(_line(x, y))[4][2:], 0.0))


def falling(values):
    """The falling sequence nearest in squares, by pooling neighbours that rise."""
    blocks = [[value] for value in values]
    while True:
        means = [sum(block) / len(block) for block in blocks]
        rise = next((i for i in range(len(blocks) - 1) if means[i] < means[i + 1]), None)
        if rise is None:
            return [mean for block, mean in zip(blocks, means, strict=True) for _ in block]
        blocks[rise : rise + 2] = [blocks[rise] + blocks[rise + 1]]


def largest_bulge(batch_sizes, steps):
    """The largest rise of E = B K above a chord, over the error of three points with unit relative error."""
    best = 0.0
    points = sorted(zip(batch_sizes, steps, strict=True))
    for (b1, k1), (b2, k2), (b3, k3) in itertools.combinations(points, 3):
        left, right = (b3 - b2) / (b3 - b1), (b2 - b1) / (b3 - b1)
        error = math.sqrt((b2 * k2) ** 2 + (left * b1 * k1) ** 2 + (right * b3 * k3) ** 2)
        best = max(best, (b2 * k2 - left * b1 * k1 - right * b3 * k3) / error)
    return best


def jonckheere(groups):
    """J and its exact one-sided p-value, over all arrangements of the values."""

    def statistic(values):
        parts, at = [], 0
        for group in groups:
            parts.append(values[at : at + len(group)])
            at += len(group)
        return sum(x < y for a, b in itertools.combinations(parts, 2) for x in a for y in b)

    flat = [value for group in groups for value in group]
    observed = statistic(flat)
    null = [statistic(order) for order in itertools.permutations(flat)]
    return observed, float(np.mean([value >= observed for value in null]))


def half_searches(steps):
    """Mean log of K* over all halves of the search points, less that of all points; steps is (sizes, points)."""
    n = len(steps[0])
    halves = list(itertools.combinations(range(n), n // 2))
    gains = [[math.log(min(row[i] for i in half) / min(row)) for row in steps] for half in halves]
    return float(np.mean(gains)), float(np.std(np.mean(gains, axis=1)))


def random_effects(effects, errors):
    """DerSimonian and Laird's mean; its error, with the factor of Hartung and Knapp where that is above 1."""
    effects, weights = np.array(effects), 1.0 / np.array(errors) ** 2
    mean = (weights * effects).sum() / weights.sum()
    q = (weights * (effects - mean) ** 2).sum()
    between = max(0.0, (q - len(effects) + 1) / (weights.sum() - (weights**2).sum() / weights.sum()))
    weights = 1.0 / (np.array(errors) ** 2 + between)
    mean = (weights * effects).sum() / weights.sum()
    factor = (weights * (effects - mean) ** 2).sum() / (len(effects) - 1)
    return mean, math.sqrt(max(factor, 1.0) / weights.sum())


def t_interval(values, level):
    """Student's interval of a mean."""
    return stats.t.interval(level, len(values) - 1, np.mean(values), stats.sem(values))
