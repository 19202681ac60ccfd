"""What fewer trials would have found: K* and K_rate of the first search points of each study."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from empirics.best_rate import decided, effective_rate, steps_at_best_rate
from verification.inference.rates import why_no_losers
from verification.missing import Missing
from verification.records.curves import Curve
from verification.records.trials import Trial

# So few points are no search.
FEWEST = 4


@dataclass(frozen=True, kw_only=True)
class ByTrials:
    """Steps by the number of trials, geometric means over the studies of a curve that reached their goal.

    Attributes:
        trials: How many of the first search points, ascending.
        least: K* of each number.
        rate: K_rate of each; empty where points have one draw or no rate.
        studies: How many studies the means are over.
    """

    trials: tuple[int, ...]
    least: tuple[float, ...]
    rate: tuple[float, ...]
    studies: int


def by_trials(curve: Curve) -> ByTrials | Missing:
    """Return what the first half of the search points would have found, the first quarter, and so on.

    A run of fewer trials tries the first points of one of more, so this is what it would have found.

    Args:
        curve: With its trials, which went on after the first hit.

    Returns:
        For the numbers at which every study that reached its goal at all still does; why there are none.
    """
    if reason := why_no_losers(curve):
        return reason
    found = [one for study in curve.studies.values() if (one := _of_study(sorted(study, key=lambda one: one.trial)))]
    counts = sorted(set.intersection(*(set(one) for one in found))) if found else []
    if len(counts) < 2:
        return Missing(f"needs {2 * FEWEST} trials, and the goal reached by the first half of them in every study")
    rates = [[rate for count in counts if (rate := one[count][1]) is not None] for one in found]
    return ByTrials(
        trials=tuple(counts),
        least=_means([[one[count][0] for count in counts] for one in found]),
        rate=_means(rates) if all(len(of) == len(counts) for of in rates) else (),
        studies=len(found),
    )


def _means(logs: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """Return geometric means over studies."""
    return tuple(np.exp(np.log(np.array(logs)).mean(axis=0)).tolist())


def _of_study(study: Sequence[Trial]) -> dict[int, tuple[float, float | None]]:
    """Return number of trials to K* and K_rate of the first of them, where they reached the goal."""
    found = {}
    for count in [len(study) >> shift for shift in range(len(study).bit_length()) if len(study) >> shift >= FEWEST]:
        first = study[:count]
        upper = np.array([[one.upper or math.inf, *(end or math.inf for _, end in one.redrawn)] for one in first])
        lower = np.array([[one.lower, *(low for low, _ in one.redrawn)] for one in first])
        least = float(upper[:, 0].min())
        over = max(least, float(decided(upper).min()))
        if math.isfinite(over):
            rates = [effective_rate(one.metaparameters) for one in first]
            best = steps_at_best_rate(rates, lower, upper, over).steps if upper.shape[1] > 1 else None
            found[count] = least, best
    return found
