"""The material that claims are judged by, and the evidence that they give.

Each claim has a function from material to one piece of evidence a curve or pair. Functions about one curve are in
`verification.claims.on_curves`, about two networks in `verification.claims.on_pairs`, and about rates, trials and
constants in `verification.claims.on_trials`. `verification.claims.rules` says which claim uses which.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from verification.fits.curves import FittedCurve
from verification.fits.fit import OPEN, Interval
from verification.fits.likelihood import Array, Observations
from verification.inference.detectable import detectable
from verification.inference.pairs import Pair
from verification.inference.rates import Rates, Slope
from verification.inference.trends import Trend
from verification.missing import Missing
from verification.records.measured_constants import Measured
from verification.records.trials import SmoothnessRun


@dataclass(frozen=True, kw_only=True)
class Material:
    """All that claims are judged by.

    Attributes:
        curves: Fitted and tested curves.
        pairs: Sparse against dense.
        rates: What the rates of each curve say, one per curve.
        measured: Constants by workload and sparsity, a set a replicate.
        smoothness: L and loss along runs.
        trend: Of L over sparsity, or why there is none.
    """

    curves: Sequence[FittedCurve] = ()
    pairs: Sequence[Pair] = ()
    rates: Sequence[Rates] = ()
    measured: Measured = field(default_factory=dict)
    smoothness: Sequence[SmoothnessRun] = ()
    trend: Trend | Missing = field(default_factory=lambda: Missing("no runs"))


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What one curve or pair says about one claim.

    Attributes:
        subject: Which curve or pair.
        estimate: Of the claim's quantity; None where the data hold no trace of it.
        interval: 95% interval of it; None where its test gives none.
        p: Of the claim's null hypothesis; of the direction seen, one-sided, for directional claims.
        detectable: The smallest effect (distance from the claimed value, or ratio) seen with probability 0.8.
        interval_90: 90% interval, for the equivalence rule of equality and law claims.
        approximate: Whether the law's worst residual is small (law claims).
        direction: +1 when the data point the claim's way, -1 when against (directional claims).
    """

    subject: str
    estimate: float | None
    interval: Interval | None
    p: float
    detectable: float | None
    interval_90: Interval = OPEN
    approximate: bool = False
    direction: int = 0


# Evidence of each curve or pair, or the reason why there is none.
Found = list[Evidence] | Missing


def name(fitted: FittedCurve) -> str:
    """Return how a curve is called in tables.

    Args:
        fitted: A curve.

    Returns:
        Workload, goal and sparsity, what is known of them.
    """
    curve = fitted.curve
    return ", ".join(part for part in (curve.title, f"sparsity {curve.sparsity:g}%") if part)


def sparsest(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pair of highest sparsity of each workload and goal.

    Args:
        pairs: All pairs.

    Returns:
        One per workload and goal.
    """
    chosen: dict[tuple[str, str], Pair] = {}
    for pair in pairs:
        kept = chosen.get(pair.sparse.curve.group)
        if kept is None or pair.sparse.curve.sparsity > kept.sparse.curve.sparsity:
            chosen[pair.sparse.curve.group] = pair
    return list(chosen.values())


def variances(data: Observations, noise: float) -> Array:
    """Return the variance of each log K: noise, and a uniform error within the measured interval.

    Args:
        data: Shape (n,).
        noise: Variance of log K, >= 0.

    Returns:
        Shape (n,); where the goal was not reached, noise alone.
    """
    width: Array = data.log_upper - data.log_lower
    return noise + np.where(np.isfinite(width), width, 0.0) ** 2 / 12.0


def sign_evidence(subject: str, slope: Slope, claimed: int, scale: Callable[[float], float] = float) -> Evidence:
    """Return evidence on the sign of a number with an error.

    Args:
        subject: Which curve or pair.
        slope: The number.
        claimed: +1 or -1, the sign that the claim says it has.
        scale: From the number to how it is told: `exponential` for the logarithm of a ratio.

    Returns:
        The evidence, its p-value that of the direction seen.
    """
    above = slope.above()
    return Evidence(
        subject=subject,
        estimate=scale(slope.value),
        interval=slope.interval().map(scale),
        p=min(above, 1.0 - above),
        detectable=detectable(slope.error, slope.freedom, 1, scale),
        direction=claimed if slope.value > 0.0 else -claimed,
    )


def exponential(value: float) -> float:
    """Return e to the power of a value, at most e^700: what a logarithm stands for, when its error is without bound."""
    return math.exp(min(value, 700.0))
