r"""A rate that falls beside a constant one: what it changes, and what result 13 of the theory says of it.

A run under a decay needs :math:`A_K^2/H_K` effective steps, as many as steps at a constant rate (step 13.39); its best
first rate is :math:`A_K/H_K` times the constant one (step 13.42). A is the sum of its rates over the first one up to
K, H that of their squares.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from empirics.best_rate import effective_rate
from empirics.workloads.moved_time import has_decay, rate_left
from verification.fits.curves import FittedCurve
from verification.fits.fit import OPEN, Interval
from verification.inference.known import mean_of
from verification.inference.ratios import log_ratios
from verification.missing import Missing
from verification.own_claims.measures import rule_of
from verification.records.curves import Curve, CurvePoint

# A decay that has not made up for its low rates by so many times the steps at a constant one never will.
_LONGEST = 64


@dataclass(frozen=True)
class Changed:
    """What a decay changes at one batch size, over a constant rate.

    Attributes:
        batch_size: Examples a step.
        ratio: Geometric mean over replicates, > 0.
        interval: 95% between replicates; open with one.
        theory: What result 13 says, likewise; None where by it the goal is never met, or no winner is known.
    """

    batch_size: int
    ratio: float
    interval: Interval
    theory: float | None


def beside_constant(curves: Iterable[Curve]) -> list[tuple[Curve, Curve]]:
    """Return each curve of a linear decay beside those of the same goal, sparsity and optimiser at a constant rate.

    Args:
        curves: Any.

    Returns:
        (decaying, constant), in the order of the curves.
    """
    return [
        (decaying, constant)
        for decaying, constant in permutations(curves, 2)
        if rule_of(decaying) == (*rule_of(constant)[:2], "linear")
        and rule_of(constant)[2] == "constant"
        and (decaying.goal, decaying.sparsity) == (constant.goal, constant.sparsity)
    ]


def needed(point: Mapping[str, float], steps: float) -> tuple[float, float] | None:
    """Return how many steps a decay needs that are worth some at a constant rate, and its first rate over that.

    Args:
        point: Metaparameters with those of a linear decay.
        steps: At a constant rate, >= 1.

    Returns:
        K with A_K^2/H_K = steps, joined linearly between whole steps, and A_K/H_K; None where no K up to 64 times the
        steps does it.

    Reference:
        docs/theory.md, steps 13.39 and 13.42.

    Example:
        >>> at_once = {"decay_steps": 1.0, "end_learning_rate_factor": 0.5}  # 1, 1/2, 1/2: A = 2, H = 3/2
        >>> needed(at_once, 8 / 3)
        (3.0, 1.333...)
    """
    length = 1 + math.ceil(2 * steps)
    while length <= 1 + math.ceil(_LONGEST * steps):
        left = rate_left(point, np.arange(length))
        total, squares = np.cumsum(left), np.cumsum(left**2)
        effective = total**2 / squares
        if effective[-1] >= steps:
            found = float(np.interp(steps, effective, np.arange(1.0, length + 1.0)))
            return found, float(np.interp(found, np.arange(1.0, length + 1.0), total / squares))
        length *= 2
    return None


def steps_changed(decaying: FittedCurve, constant: FittedCurve) -> list[Changed]:
    """Return steps to result under a decay over those at a constant rate, batch size by batch size.

    Args:
        decaying: A curve.
        constant: The same at a constant rate.

    Returns:
        One a batch size at which all replicates of both reached the goal, ascending.
    """
    ratios, theory = log_ratios(constant, decaying), _theory(decaying, constant, lambda n, _, k: n / k)
    columns = zip(ratios.sizes, ratios.logs.T.tolist(), strict=True)
    return [_changed(size, logs, theory.get(size, [])) for size, logs in columns]


def first_rates_changed(decaying: FittedCurve, constant: FittedCurve) -> list[Changed]:
    """Return the winners' first rates under a decay over the winners' constant ones, likewise.

    Args:
        decaying: A curve.
        constant: The same at a constant rate.

    Returns:
        One a batch size at which replicates of both have a winner, ascending. With momentum m the rate is eta/(1 - m).
    """
    over, under = _winners(decaying.curve), _winners(constant.curve)
    theory = _theory(decaying, constant, lambda _, first, __: first)
    logs: dict[int, list[float]] = {}
    for key in sorted(over.keys() & under.keys()):
        rates = [effective_rate(point.metaparameters) for point in (over[key], under[key])]
        if rates[0] and rates[1]:
            logs.setdefault(key[0], []).append(math.log(rates[0] / rates[1]))
    return [_changed(size, of, theory.get(size, [])) for size, of in logs.items()]


def _winners(curve: Curve) -> dict[tuple[int, int], CurvePoint]:
    """Return the points that have a winner, by batch size and replicate."""
    return {(point.batch_size, point.replicate): point for point in curve.points if point.won}


def _theory(
    decaying: FittedCurve, constant: FittedCurve, told: Callable[[float, float, float], float]
) -> dict[int, list[float]]:
    """Return what theory says of each winner with a decay, from the geometric mean of steps at a constant rate.

    By batch size; logarithms, infinite where by theory the goal is never met.
    """
    found: dict[int, list[float]] = {}
    sizes = np.array([point.batch_size for point in constant.curve.points])
    for (size, _), point in _winners(decaying.curve).items():
        at = sizes == size
        if at.any() and constant.data.bounded[at].all() and has_decay(point.metaparameters):
            steps = math.exp(constant.data.log_middle[at].mean())
            known = needed(point.metaparameters, steps)
            found.setdefault(size, []).append(math.inf if known is None else math.log(told(*known, steps)))
    return found


def _changed(batch_size: int, logs: list[float], theory: list[float]) -> Changed:
    """Return the mean over replicates with its interval, beside theory's."""
    mean, expected = float(np.mean(logs)), float(np.mean(theory)) if theory else math.inf
    known = mean_of(logs, "one replicate, or all alike")
    interval = OPEN if isinstance(known, Missing) else known.interval().map(math.exp)
    return Changed(batch_size, math.exp(mean), interval, math.exp(expected) if math.isfinite(expected) else None)
