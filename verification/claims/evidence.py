"""The material that claims are judged by, and the evidence that they give.

Each claim has a function from material to one piece of evidence a curve or pair. Functions about one curve are in
`verification.claims.on_curves`, about two networks in `verification.claims.on_pairs`, and about rates, trials and
constants in `verification.claims.on_trials`. `verification.claims.rules` says which claim uses which.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from verification.fits.curves import FittedCurve
from verification.fits.fit import Interval
from verification.inference.detectable import detectable
from verification.inference.known import Known
from verification.inference.pairs import Pair
from verification.inference.rates import Rates
from verification.inference.trends import Trend
from verification.missing import Missing
from verification.records.measured_constants import Measured
from verification.records.trials import SmoothnessRun

# Of an interval without replicates.
NOT_SEEDS = "between batch sizes only, not between seeds"


@dataclass(frozen=True, kw_only=True)
class Material:
    """All that claims are judged by.

    Attributes:
        curves: Fitted and tested curves.
        pairs: Sparse against dense.
        rates: What the rates of each curve say, one per curve.
        measured: Constants by workload and sparsity, a set a replicate.
        smoothness: L and loss along runs.
        trends: Of each mean of L over sparsity, by its quantity, or why there is none.
    """

    curves: Sequence[FittedCurve] = ()
    pairs: Sequence[Pair] = ()
    rates: Sequence[Rates] = ()
    measured: Measured = field(default_factory=dict)
    smoothness: Sequence[SmoothnessRun] = ()
    trends: Mapping[str, Trend | Missing] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What one curve or pair says about one claim.

    Attributes:
        subject: Which curve or pair.
        estimate: Of the claim's quantity; None where the data hold no trace of it.
        interval: From a level to the interval of it; None where its test gives none.
        p_for: The probability of data as much in favour of the claim, or more, at the edge of what it says; one-sided.
            None where no data of this kind can decide.
        p_against: Likewise of data as much against it.
        tests: Out of how many p-values `p_against` was chosen; they have been counted in it.
        detectable: The smallest effect (distance from the claimed value, or ratio) seen with probability 0.8.
        note: What else to know, one clause.
    """

    subject: str
    estimate: float | None
    interval: Callable[[float], Interval] | None
    p_for: float | None
    p_against: float | None
    tests: int = 1
    detectable: float | None = None
    note: str = ""


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


def sign_evidence(
    subject: str, known: Known, claimed: int, scale: Callable[[float], float] = float, note: str = ""
) -> Evidence:
    """Return evidence on the sign of a number with an error.

    Args:
        subject: Which curve or pair.
        known: The number.
        claimed: +1 or -1, the sign that the claim says it has.
        scale: From the number to how it is told: `exponential` for the logarithm of a ratio.
        note: What else to know.
    """
    above = known.above()
    return Evidence(
        subject=subject,
        estimate=scale(known.value),
        interval=lambda level: known.interval(level).map(scale),
        p_for=above if claimed > 0 else 1.0 - above,
        p_against=1.0 - above if claimed > 0 else above,
        detectable=detectable(known.error, known.freedom, scale),
        note=note,
    )


def equal_evidence(
    subject: str,
    known: Known,
    equal: tuple[float, float],
    scale: Callable[[float], float] = float,
    note: str = "",
) -> Evidence:
    """Return evidence on a number with an error lying within a margin: the two one-sided tests of either edge.

    Args:
        subject: Which curve or pair.
        known: The number.
        equal: The margin, as the number itself counts.
        scale: From the number to how it is told.
        note: What else to know.
    """
    low, high = (known.above(edge) for edge in equal)
    return Evidence(
        subject=subject,
        estimate=scale(known.value),
        interval=lambda level: known.interval(level).map(scale),
        p_for=max(low, 1.0 - high),
        p_against=min(high, 1.0 - low),
        detectable=detectable(known.error, known.freedom, scale),
        note=note,
    )


def logs_within(factor: float) -> tuple[float, float]:
    """Return the margin of the logarithm of a ratio that is 1 within a factor > 1."""
    return -math.log(factor), math.log(factor)


def exponential(value: float) -> float:
    """Return e to the power of a value, at most e^700: what a logarithm stands for, when its error is without bound."""
    return math.exp(min(value, 700.0))
