"""Errors of clustered curves by other tools: statsmodels, enumeration, refits; nothing of the package."""

import math
import warnings

import numpy as np
import pandas
from reference.verification.likelihood import point_log_likelihood, safe
from scipy import stats
from scipy.optimize import least_squares, minimize
from statsmodels.formula.api import mixedlm, ols
from statsmodels.genmod.cov_struct import Independence
from statsmodels.genmod.families import Gamma
from statsmodels.genmod.families.links import Identity
from statsmodels.genmod.generalized_estimating_equations import GEE
from statsmodels.stats.anova import anova_lm
from statsmodels.tools.sm_exceptions import DomainWarning, SingularMatrixWarning


def jacobian(batch_sizes, theta):
    """Derivatives of log(c1/B + c2) by log c1 and log c2: the shares of both terms."""
    first = math.exp(theta[0]) / np.asarray(batch_sizes, dtype=float)
    return np.column_stack([first, np.full(len(first), math.exp(theta[1]))]) / (first + math.exp(theta[1]))[:, None]


def hyperbola(batch_sizes, log_steps):
    """(log c1, log c2) of least squares on log K."""
    x, y = np.log(np.asarray(batch_sizes, dtype=float)), np.asarray(log_steps)
    start = [y[x == x.min()].mean() + x.min(), y[x == x.max()].mean()]
    return least_squares(lambda t: y - np.logaddexp(t[0] - x, t[1]), start, xtol=1e-14, ftol=1e-14, gtol=1e-14).x


def left_out(batch_sizes, log_steps, units):
    """(log c1, log c2) without each unit, refitted."""
    size, y, of = (np.asarray(one) for one in (batch_sizes, log_steps, units))
    return np.array([hyperbola(size[of != unit], y[of != unit]) for unit in np.unique(of)])


def jackknife(batch_sizes, log_steps, units):
    """Covariance of (log c1, log c2) by refits without each unit."""
    found = left_out(batch_sizes, log_steps, units)
    n = len(found)
    return (n - 1) ** 2 / n * np.cov(found.T)


def gee(batch_sizes, steps, units):
    """Standard errors of log c1 and log c2 by estimating equations: Gamma, identity, Mancl and DeRouen's correction."""
    exog = np.column_stack([1.0 / np.asarray(batch_sizes, dtype=float), np.ones(len(steps))])
    with warnings.catch_warnings():  # a mean below 0 would have no logarithm; ours are all above
        warnings.simplefilter("ignore", DomainWarning)
        model = GEE(steps, exog, units, family=Gamma(Identity()), cov_struct=Independence())
        found = model.fit(cov_type="bias_reduced")
    return found.bse / found.params


def mixed(residuals, derivatives, units):
    """Covariance of a law's constants where each unit has its own, normal about theirs: restricted likelihood."""
    frame = pandas.DataFrame({"y": residuals, "a": derivatives[:, 0], "b": derivatives[:, 1], "unit": units})
    model = mixedlm("y ~ 0 + a + b", frame, groups="unit", re_formula="~ 0 + a + b")
    found = model.fit(reml=True, method=["lbfgs", "powell"])
    return found.cov_params().loc[["a", "b"], ["a", "b"]].to_numpy()


def lack_of_fit(batch_sizes, residuals, derivatives, units):
    """F and p of a mean for each batch size beyond constants for each unit, by analysis of variance."""
    frame = pandas.DataFrame(
        {"y": residuals, "a": derivatives[:, 0], "b": derivatives[:, 1], "unit": units, "B": batch_sizes}
    )
    with warnings.catch_warnings():  # means and constants overlap, which ranks count
        warnings.simplefilter("ignore", SingularMatrixWarning)
        own, full = (ols(f"y ~ 0 + C(unit):a + C(unit):b{more}", frame).fit() for more in ("", " + C(B)"))
        compared = anova_lm(own, full)
    return compared["F"].iloc[1], compared["Pr(>F)"].iloc[1]


def noncentral_f_below(f, between, within, shift):
    """P(F <= f): central ones weighted by Poisson's law."""
    k = np.arange(4000)
    below = stats.beta.cdf(between * f / (between * f + within), between / 2 + k, within / 2)
    return float(stats.poisson.pmf(k, shift / 2) @ below)


def additive(rows):
    """Replicate to its level over their mean, from a mean for each batch size: the likelihood by finite differences.

    Rows of (batch size, replicate, lower, upper or None).
    """
    sizes, replicates = (sorted({row[i] for row in rows}) for i in (0, 1))

    def minus(free):
        means = dict(zip(sizes, free, strict=False))
        own = [*free[len(sizes) : -1]]
        level = dict(zip(replicates, [*own, -sum(own)], strict=True))
        return -sum(
            safe(point_log_likelihood, low, up, means[b] + level[j], math.exp(free[-1])) for b, j, low, up in rows
        )

    start = [np.mean([math.log(up or low) for b, _, low, up in rows if b == size]) for size in sizes]
    point = np.array([*start, *[0.0] * (len(replicates) - 1), -1.5])
    point = minimize(minus, point, method="BFGS", options={"gtol": 1e-5}).x
    own = [*point[len(sizes) : -1]]
    return dict(zip(replicates, [*own, -sum(own)], strict=True))


def summed(noise, sources):
    """Variance and freedom: the noise (variance, freedom), and what sources (variance, freedom, noise in it) add."""
    variance = noise[0]
    below = noise[0] ** 2 / noise[1]
    for seen, freedom, within in sources:
        if seen > within:
            variance += seen - within
        below += seen**2 / freedom
    return variance, variance**2 / below


def ratio_errors(table, searches=()):
    """Standard error and freedom of each column's mean: noise within rows, levels of rows, what searches add.

    Rows are replicates of log ratios, columns batch sizes. A search is (variance, freedom, noise in it).
    """
    units, sizes = len(table), len(table[0])
    grand = sum(map(sum, table)) / units / sizes
    rows = [sum(row) / sizes - grand for row in table]
    columns = [sum(row[b] for row in table) / units for b in range(sizes)]
    within = sum((table[j][b] - columns[b] - rows[j]) ** 2 for j in range(units) for b in range(sizes))
    within /= (units - 1) * (sizes - 1)
    levels = sum(row**2 for row in rows) / (units - 1) / units
    of_levels = (levels, units - 1, within / sizes / units)
    variance, freedom = summed((within / units, (units - 1) * (sizes - 1)), [of_levels, *searches])
    return math.sqrt(variance), freedom
