r"""The relation of measured smoothness to the learning rate of its run.

Along steps :math:`d = -\eta g` Eq. (11) finds at most :math:`(|\nabla f(w)| + |\nabla f(w + \gamma d)|)/(\gamma \eta
|g|)`, which is :math:`2/(\gamma \eta)` where gradients do not grow, for the gamma that it takes: from :math:`2/\eta` to
:math:`20/\eta`. So L may follow the rate, and a ratio of L between networks, each at its own best rate, the ratio of
their rates. Replicates, which have best rates of their own, tell the two apart.

Reference:
    docs/theory.md, result 21.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from verification.fits.fit import OPEN, Interval
from verification.fits.likelihood import Array
from verification.inference.known import Slope
from verification.missing import Missing
from verification.records.trials import SmoothnessRun

NO_RUNS = "no L measured along a run to its goal"
OTHER_STEPS = "a step is not rate times gradient with momentum or weight decay, and has no one rate where it decays"
# A rule that searches more than these, like AdamW with its weight decay or a schedule, takes other steps.
_PLAIN = frozenset({"learning_rate", "momentum"})
ONE_RATE = "needs two runs more than sparsities, at different rates: more replicates"


@dataclass(frozen=True, kw_only=True)
class Level:
    """The runs of one sparsity.

    Attributes:
        sparsity: Percent of weights pruned.
        rates: Of each run, > 0.
        smoothness: Mean of L up to K* along each.
        product: Geometric mean of eta L: below 1 by the sharp bound.
        interval: 95%, Student's t of the logarithm; open with one run.
        at_same_rate: Ratio of L to the dense network's at one rate, with its 95% interval; None where it is not known.
    """

    sparsity: float
    rates: tuple[float, ...]
    smoothness: tuple[float, ...]
    product: float
    interval: Interval
    at_same_rate: tuple[float, Interval] | None = None


@dataclass(frozen=True)
class SmoothnessAndRate:
    """What the runs of all sparsities say.

    Attributes:
        power: Of log L on log eta among runs of one sparsity: 0 where L belongs to the network, -1 where eta L is the
            same at every rate; or why it is not known.
        levels: By sparsity, ascending.
    """

    power: Slope | Missing
    levels: tuple[Level, ...]


def smoothness_and_rate(runs: Sequence[SmoothnessRun]) -> SmoothnessAndRate | Missing:
    r"""Split what was measured of L into the network's part and the rate's.

    :math:`\log \bar{L} = a_S + p \log \eta + \text{error}` by least squares, a level for each sparsity and one power.
    Runs of one replicate share their seed over sparsities; the errors are taken as independent.

    Args:
        runs: L along the winners' runs; the first of each sparsity and replicate counts.

    Returns:
        Power and levels; why there is nothing to compare.

    Reference:
        docs/theory.md, result 21.

    Example:
        >>> measured = [(0.1, 20.0), (0.2, 10.0), (0.4, 5.5)]
        >>> runs = [
        ...     SmoothnessRun(
        ...         sparsity=0.0,
        ...         replicate=i,
        ...         values={"L_mean": smoothness},
        ...         smoothness=(),
        ...         loss=(),
        ...         metaparameters={"learning_rate": rate},
        ...     )
        ...     for i, (rate, smoothness) in enumerate(measured)
        ... ]
        >>> found = smoothness_and_rate(runs)
        >>> round(found.power.value, 2), round(found.levels[0].product, 2)
        (-0.93, 2.06)
    """
    if not any("L_mean" in run.values for run in runs):
        return Missing(NO_RUNS)
    logs = _logs_by_sparsity(runs)
    if not logs:
        return Missing(OTHER_STEPS)
    power = _power(logs)
    levels = []
    for sparsity, points in logs.items():
        product = points.sum(axis=1)
        mean, n = float(product.mean()), len(product)
        spread = Slope(mean, float(np.std(product, ddof=1)) / math.sqrt(n), n - 1) if n > 1 else None
        interval = OPEN if spread is None else spread.interval().map(math.exp)
        ratio = None if isinstance(power, Missing) or not sparsity else _at_same_rate(logs, sparsity, power)
        rates, smoothness = (tuple(values) for values in np.exp(points.T).tolist())
        levels.append(
            Level(
                sparsity=sparsity,
                rates=rates,
                smoothness=smoothness,
                product=math.exp(mean),
                interval=interval,
                at_same_rate=ratio,
            )
        )
    return SmoothnessAndRate(power, tuple(levels))


def _logs_by_sparsity(runs: Sequence[SmoothnessRun]) -> dict[float, Array]:
    """Return (log eta, log L) of each run with plain steps at one rate, shape (runs, 2), by sparsity."""
    first: dict[tuple[float, int], tuple[float, float]] = {}
    for run in runs:
        rate, smoothness = run.metaparameters.get("learning_rate", 0.0), run.values.get("L_mean", 0.0)
        plain = run.metaparameters.keys() <= _PLAIN and not run.metaparameters.get("momentum")
        if plain and rate > 0.0 and smoothness > 0.0:
            first.setdefault((run.sparsity, run.replicate), (math.log(rate), math.log(smoothness)))
    return {
        level: np.array([logs for (sparsity, _), logs in first.items() if sparsity == level])
        for level in sorted({sparsity for sparsity, _ in first})
    }


def _power(logs: Mapping[float, Array]) -> Slope | Missing:
    """Return the slope of log L on log eta within sparsities."""
    centred = np.concatenate([points - points.mean(axis=0) for points in logs.values()])
    freedom = len(centred) - len(logs) - 1
    spread = float(centred[:, 0] @ centred[:, 0])
    if freedom < 1 or spread < 1e-12:
        return Missing(ONE_RATE)
    value = float(centred[:, 0] @ centred[:, 1]) / spread
    rest = centred[:, 1] - value * centred[:, 0]
    return Slope(value, max(math.sqrt(float(rest @ rest) / freedom / spread), 1e-12), freedom)


def _at_same_rate(logs: Mapping[float, Array], sparsity: float, power: Slope) -> tuple[float, Interval] | None:
    """Return the ratio of L to the dense network's at one rate, as an analysis of covariance has it."""
    if 0.0 not in logs:
        return None
    sparse, dense = logs[sparsity], logs[0.0]
    apart, gap = (sparse.mean(axis=0) - dense.mean(axis=0)).tolist()
    spread = sum(float(np.sum((points[:, 0] - points[:, 0].mean()) ** 2)) for points in logs.values())
    scatter = power.error * math.sqrt(spread)
    error = scatter * math.sqrt(1.0 / len(sparse) + 1.0 / len(dense) + apart**2 / spread)
    ratio = Slope(gap - power.value * apart, error, power.freedom)
    return math.exp(ratio.value), ratio.interval().map(math.exp)
