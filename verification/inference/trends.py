"""Trends over sparsity, and one effect over several workloads."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from verification.fits.distributions import normal_above, t_beyond
from verification.fits.fit import OPEN, Interval
from verification.fits.likelihood import Array
from verification.missing import Missing
from verification.records.trials import SmoothnessRun

BLOCK_DRAWS = 1000
_SEED = 20_210_503


@dataclass(frozen=True, kw_only=True)
class Trend:
    """A rising trend over ordered groups.

    Attributes:
        statistic: Jonckheere's J: pairs in the order claimed, ties half.
        expected: Its mean without a trend.
        p: One-sided, that J is at least as large without a trend.
        p_falling: One-sided, that J is at most as large without a trend.
        groups: Group to its mean.
    """

    statistic: float
    expected: float
    p: float
    p_falling: float
    groups: Mapping[float, float]


def jonckheere(groups: Mapping[float, Sequence[float]]) -> Trend | Missing:
    """Test whether values rise from group to group (Jonckheere-Terpstra).

    The p-value is exact where no two values are equal, normal where some are.

    Args:
        groups: Ordered key (sparsity) to the values measured there.

    Returns:
        The trend, or why there is none.

    Example:
        >>> jonckheere({0.0: [1.0], 50.0: [2.0], 90.0: [3.0]}).p.__round__(4)  # one order in six
        0.1667
    """
    ordered = [np.asarray(groups[key], dtype=np.float64) for key in sorted(groups) if len(groups[key])]
    if len(ordered) < 3:
        return Missing("needs 3 sparsities")
    sizes = [len(group) for group in ordered]
    observed = _pairs_in_order(ordered)
    counts = _null_counts(sizes)
    n = sum(sizes)
    expected = (n * n - sum(size * size for size in sizes)) / 4.0
    if len({float(v) for group in ordered for v in group}) == n:
        p = float(counts[math.ceil(observed) :].sum() / counts.sum())
        falling = float(counts[: math.floor(observed) + 1].sum() / counts.sum())
    else:
        variance = (n * n * (2 * n + 3) - sum(size * size * (2 * size + 3) for size in sizes)) / 72.0
        p = float(normal_above((observed - expected - 0.5) / math.sqrt(variance)))
        falling = float(normal_above((expected - observed - 0.5) / math.sqrt(variance)))
    means = {key: float(np.mean(groups[key])) for key in sorted(groups) if len(groups[key])}
    return Trend(statistic=observed, expected=expected, p=p, p_falling=falling, groups=means)


def _pairs_in_order(ordered: Sequence[Array]) -> float:
    """Return how many pairs from two groups rise, ties half."""
    total = 0.0
    for i, low in enumerate(ordered):
        for high in ordered[i + 1 :]:
            total += float((low[:, None] < high).sum() + 0.5 * (low[:, None] == high).sum())
    return total


def _null_counts(sizes: Sequence[int]) -> Array:
    """Return in how many arrangements each J occurs: a product of Gaussian binomials, group by group."""
    counts = np.ones(1)
    so_far = sizes[0]
    for size in sizes[1:]:
        counts = np.convolve(counts, _gaussian_binomial(so_far + size, size))
        so_far += size
    return counts


def _gaussian_binomial(n: int, k: int) -> Array:
    """Return the coefficients of the Gaussian binomial: subsets of k of n by their sum of ranks."""
    table = np.zeros((k + 1, k * (n - k) + 1))
    table[0, 0] = 1.0
    for item in range(1, n + 1):
        for chosen in range(min(item, k), 0, -1):
            # Choosing an item puts the items not chosen before it below it.
            below = item - chosen
            if below < table.shape[1]:
                table[chosen, below:] += table[chosen - 1, : table.shape[1] - below]
    found: Array = table[k]
    return found


def block_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Return an interval of the mean along a trajectory by a circular block bootstrap.

    Neighbouring probes of one run go together; blocks of n^(1/2) keep that.

    Args:
        values: In the order measured.
        level: Coverage.

    Returns:
        The interval; open with fewer than 8 values.
    """
    series = np.asarray(values, dtype=np.float64)
    n = len(series)
    if n < 8:
        return OPEN
    length = max(2, round(math.sqrt(n)))
    starts = np.random.default_rng(_SEED).integers(0, n, (BLOCK_DRAWS, -(-n // length)))
    index = (starts[..., None] + np.arange(length)).reshape(BLOCK_DRAWS, -1)[:, :n] % n
    low, high = np.quantile(series[index].mean(axis=1), [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(float(low), float(high))


# L over the whole training: the paper's, which its claim is judged on.
WHOLE_TRAINING = "L_mean_budget"
# Means of L by the window that they are over, in the words of reports.
WINDOWS = {
    WHOLE_TRAINING: "over the whole training",
    "L_mean": "up to the goal",
    "L_mean_equal_loss": "up to equal loss",
}


def smoothness_trends(runs: Sequence[SmoothnessRun]) -> dict[str, Trend | Missing]:
    """Test whether the mean of L grows with sparsity, over replicates, for each window that it is a mean over.

    Args:
        runs: One per sparsity and replicate.

    Returns:
        Quantity to trend, or why there is none.
    """
    found: dict[str, Trend | Missing] = {}
    for quantity, window in WINDOWS.items():
        groups: dict[float, list[float]] = {}
        for run in runs:
            if quantity in run.values:
                groups.setdefault(run.sparsity, []).append(run.values[quantity])
        known = jonckheere(groups)
        missing = Missing(f"needs L {window} ({quantity}) at 3 sparsities")
        found[quantity] = missing if isinstance(known, Missing) else known
    return found


@dataclass(frozen=True, kw_only=True)
class Combined:
    """One log effect over several workloads, random effects.

    Attributes:
        value: The combined log effect.
        error: Its standard error.
        freedom: Degrees of freedom of Student's t: one less than workloads.
        heterogeneity: Share of the variance that is between workloads, I^2 in [0, 1].
        p: Two-sided, that it is 0.
    """

    value: float
    error: float
    freedom: int
    heterogeneity: float
    p: float


def combined(effects: Sequence[tuple[str, float, float]]) -> Combined | Missing:
    """Combine log effects with known errors: random effects by DerSimonian and Laird, their error by statsmodels.

    Several goals of one workload are met along the same trainings: they count as one effect, their mean with their mean
    error. The error is that of Hartung, Knapp, Sidik and Jonkman, and no smaller than without their factor. Where
    effects differ by less than their errors explain, the variance between workloads is 0.

    Args:
        effects: (workload, log effect, standard error > 0).

    Returns:
        The combined effect; a reason with fewer than two workloads.

    Reference:
        Hartung and Knapp 2001, "A refined method for the meta-analysis of controlled clinical trials".
    """
    by_workload: dict[str, list[tuple[float, float]]] = {}
    for workload, *effect in effects:
        by_workload.setdefault(workload, []).append((effect[0], effect[1]))
    if len(by_workload) < 2:
        return Missing("needs two workloads")
    from statsmodels.stats.meta_analysis import combine_effects  # noqa: PLC0415 - a second only this needs

    values, errors = np.array([np.mean(goals, axis=0) for goals in by_workload.values()]).T
    with np.errstate(invalid="ignore", divide="ignore"):  # its variance between may be negative
        result = combine_effects(values, errors**2, method_re="dl", use_t=True)
    ours = "re" if result.tau2 > 0.0 else "fe"
    value = float(getattr(result, f"mean_effect_{ours}"))
    error = max(float(getattr(result, f"sd_eff_w_{ours}{kind}")) for kind in ("", "_hksj"))
    freedom = len(values) - 1
    return Combined(
        value=value,
        error=error,
        freedom=freedom,
        heterogeneity=max(float(result.i2), 0.0),
        p=float(t_beyond(value / error, freedom)),
    )
