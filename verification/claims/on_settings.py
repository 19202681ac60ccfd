"""Evidence on the law in other settings: a rate that decays, and several goals."""

import statistics
from collections.abc import Sequence
from dataclasses import replace

from empirics.workloads.moved_time import has_decay, rate_left
from verification.claims.evidence import Evidence, Found
from verification.claims.on_curves import evidence_or_reasons, misfit
from verification.fits.curves import FittedCurve
from verification.missing import Missing
from verification.records.curves import Curve

# A rate that has fallen by less is hardly another setting than a constant one.
MOST_LEFT = 0.5


def other_settings(curves: Sequence[FittedCurve], margin: float) -> Found:
    """C17: C1 for workloads with a decaying rate, and for workloads measured at several goals.

    A decay counts where the median winner's rate has fallen by half or more at its goal.

    Args:
        curves: All fitted curves.
        margin: As a share of K.

    Returns:
        Evidence on the misfit, for each such curve.
    """
    goals: dict[str, set[str]] = {}
    for one in curves:
        goals.setdefault(one.curve.workload, set()).add(one.curve.goal)
    chosen = [one for one in curves if _decays(one.curve) or len(goals[one.curve.workload]) > 1]
    if not chosen:
        return Missing("needs curves with a decaying rate, or at two goals")
    return evidence_or_reasons(
        _with_decay(one, margin) if _decays(one.curve) else misfit(one, margin) for one in chosen
    )


def rate_at_goal(curve: Curve) -> float | None:
    """Return which share of its first rate the median winner has left at its goal; None where no decay is known."""
    left = [
        float(rate_left(point.metaparameters, point.won - 1.0))
        for point in curve.points
        if point.won and has_decay(point.metaparameters)
    ]
    return statistics.median(left) if left else None


def _decays(curve: Curve) -> bool:
    """Return whether the learning rate of a workload decays."""
    return "linear" in curve.workload.split("/")


def _with_decay(fitted: FittedCurve, margin: float) -> Evidence | Missing:
    """Return evidence on a curve whose rate decays, if the decay was seen."""
    median = rate_at_goal(fitted.curve)
    if median is None:
        return Missing("needs the winners' decay steps, to tell whether the rate fell before the goal")
    told = f"at K* the median winner has {median:.2g} of its first rate at sparsity {fitted.curve.sparsity:g}%"
    if median > MOST_LEFT:
        return Missing(f"{told}, more than half")
    found = misfit(fitted, margin)
    return replace(found, note="; ".join(filter(None, (told, found.note)))) if isinstance(found, Evidence) else found
