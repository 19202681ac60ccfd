r"""A rate that falls beside a constant one: what it changes, and what result 13 of the theory says of it.

A run under a decay needs :math:`A_K^2/H_K` effective steps, as many as steps at a constant rate (step 13.39); its best
first rate is :math:`A_K/H_K` times the constant one (step 13.42). A is the sum of its rates over the first one up to
K, H that of their squares. Both are of SGD, where the weights of the bound stay positive (step 13.43).
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from empirics.best_rate import effective_rate
from empirics.workloads.moved_time import has_decay, relative_sums
from verification.fits.curves import FittedCurve
from verification.fits.fit import OPEN, Interval
from verification.inference.known import mean_of
from verification.missing import Missing
from verification.own_claims.measures import rule_of
from verification.records.curves import Curve

# A decay that has not made up for its low rates by so many times the steps at a constant one never will.
_LONGEST = 64
# Below this ratio of first rates step 13.43 holds at every batch size.
_POSITIVE = 2.0

_Study = tuple[int, int]  # batch size and replicate


@dataclass(frozen=True)
class Changed:
    """What a decay changes at one batch size, over a constant rate.

    Attributes:
        batch_size: Examples a step.
        ratio: Geometric mean over replicates, > 0.
        interval: 95% between replicates, without what one search adds to all of them; open with one.
        theory: What result 13 says, likewise; None where it says nothing, or that the goal is never met.
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


def equivalent_steps(point: Mapping[str, float], steps: float) -> tuple[float, float] | None:
    """Return how many steps of a decay are worth some at a constant rate, and its best first rate over that.

    Args:
        point: Metaparameters with those of a linear decay.
        steps: At a constant rate, >= 1.

    Returns:
        The least K with A_K^2/H_K = steps, joined linearly between whole steps, and A_K/H_K; None where no K up to 64
        times the steps does it.

    Reference:
        docs/theory.md, steps 13.39 and 13.42.

    Example:
        >>> at_once = {"decay_steps": 1.0, "end_learning_rate_factor": 0.5}  # 1, 1/2, 1/2: A = 2, H = 3/2
        >>> equivalent_steps(at_once, 8 / 3)
        (3.0, 1.333...)
    """
    longest, length = math.ceil(_LONGEST * steps), 1
    while length < longest:
        length = min(4 * length, longest)
        total, squares = relative_sums(point, length)
        effective = total**2 / squares
        if effective[-1] >= steps:
            last = int(np.argmax(effective >= steps)) + 1
            number = np.arange(1.0, last + 1.0)
            found = float(np.interp(steps, effective[:last], number))
            return found, float(np.interp(found, number, (total / squares)[:last]))
    return None


def steps_changed(decaying: FittedCurve, constant: FittedCurve) -> list[Changed]:
    """Return steps to result under a decay over those at a constant rate, batch size by batch size.

    Args:
        decaying: A curve.
        constant: The same at a constant rate.

    Returns:
        One a batch size at which all replicates of both reached the goal, ascending.
    """
    over, under = _steps(decaying), _steps(constant)
    logs = {key: math.log(over[key] / under[key]) for key in over.keys() & under.keys()}
    return _changed(logs, _theory(decaying, under, logs, lambda n, _, k: n / k))


def first_rates_changed(decaying: FittedCurve, constant: FittedCurve) -> list[Changed]:
    """Return the winners' first rates under a decay over the winners' constant ones, likewise.

    Args:
        decaying: A curve.
        constant: The same at a constant rate.

    Returns:
        One a batch size at which all replicates of both have a winner, ascending. With momentum m the rate is
        eta/(1 - m).
    """
    over, under = _rates(decaying), _rates(constant)
    logs = {key: math.log(over[key] / under[key]) for key in over.keys() & under.keys()}
    return _changed(logs, _theory(decaying, _steps(constant), logs, lambda _, first, __: first))


def _steps(fitted: FittedCurve) -> dict[_Study, float]:
    """Return the steps to result of the studies at batch sizes that all replicates reached."""
    middles = zip(fitted.curve.points, fitted.data.log_middle.tolist(), fitted.data.whole.tolist(), strict=True)
    return {(point.batch_size, point.replicate): math.exp(middle) for point, middle, whole in middles if whole}


def _rates(fitted: FittedCurve) -> dict[_Study, float]:
    """Return the winners' rates at batch sizes where all replicates have one."""
    found = {
        (point.batch_size, point.replicate): effective_rate(point.metaparameters) if point.won else None
        for point in fitted.curve.points
    }
    torn = {size for (size, _), rate in found.items() if not rate}
    return {study: rate for study, rate in found.items() if rate and study[0] not in torn}


def _theory(
    decaying: FittedCurve,
    constant: Mapping[_Study, float],
    studies: Iterable[_Study],
    told: Callable[[float, float, float], float],
) -> dict[_Study, float]:
    """Return what theory says of some studies' decays, from the geometric mean of steps at a constant rate.

    Logarithms; infinite where by theory the goal is never met, or its premises fail.
    """
    if rule_of(decaying.curve)[1] != "sgd":
        return {}
    points = {(point.batch_size, point.replicate): point.metaparameters for point in decaying.curve.points}
    found = {}
    for study in studies:
        at_size = [math.log(steps) for (size, _), steps in constant.items() if size == study[0]]
        if at_size and has_decay(points[study]):
            steps = math.exp(float(np.mean(at_size)))
            known = equivalent_steps(points[study], steps)
            holds = known is not None and known[1] < _POSITIVE
            found[study] = math.log(told(*known, steps)) if known and holds else math.inf
    return found


def _changed(logs: Mapping[_Study, float], theory: Mapping[_Study, float]) -> list[Changed]:
    """Return means over replicates with their intervals, beside theory's, ascending in batch size."""
    found = []
    for size in sorted({size for size, _ in logs}):
        measured = [value for (at, _), value in sorted(logs.items()) if at == size]
        expected = [value for (at, _), value in sorted(theory.items()) if at == size]
        known = mean_of(measured, "one replicate, or all alike")
        interval = OPEN if isinstance(known, Missing) else known.interval().map(math.exp)
        mean = float(np.mean(expected)) if expected else math.inf
        told = math.exp(mean) if math.isfinite(mean) else None
        found.append(Changed(size, math.exp(float(np.mean(measured))), interval, told))
    return found
