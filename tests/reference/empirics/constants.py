"""The plain way of measuring constants: a list of gradients, one an example, and sums over it. Float64 throughout."""

import itertools

import numpy as np


def population_variance(gradients):
    """Return the trace of the covariance of all gradients there are."""
    return float(sum(np.var(column) for column in np.asarray(gradients).T))


def unbiased_from_pairs(gradients, population):
    """Return variance and squared mean gradient of the population, as U-statistics over the pairs of a sample.

    Half the mean square of differences estimates the variance with divisor N - 1; the mean product of a pair
    estimates |mean|^2 minus that variance over N.
    """
    rows = np.asarray(gradients)
    pairs = list(itertools.combinations(range(len(rows)), 2))
    scatter = float(np.mean([np.sum((rows[i] - rows[j]) ** 2) / 2 for i, j in pairs]))
    product = float(np.mean([np.dot(rows[i], rows[j]) for i, j in pairs]))
    return scatter * (population - 1) / population, product + scatter / population


def jackknife_error(statistic, rows, groups, population):
    """Return the delete-a-group jackknife error of a statistic of row numbers, drawn without replacement."""
    borders = np.round(np.linspace(0, len(rows), groups + 1)).astype(int)
    without = [
        statistic([row for place, row in enumerate(rows) if not first <= place < last])
        for first, last in itertools.pairwise(borders)
    ]
    centre = sum(without) / groups
    spread = sum((value - centre) ** 2 for value in without) * (groups - 1) / groups
    return float(np.sqrt(spread * (1 - len(rows) / population)))


def dense_hessian(gradient_at, weights, step=1e-5):
    """Return the Hessian from central differences of a gradient, one coordinate at a time."""
    columns = []
    for place in range(len(weights)):
        shift = np.zeros(len(weights))
        shift[place] = step
        columns.append((gradient_at(weights + shift) - gradient_at(weights - shift)) / (2 * step))
    return np.array(columns)
