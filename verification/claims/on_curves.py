"""Evidence on claims about single curves: the law, and its slopes at either end."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from empirics.records import FEW_STEPS
from verification.claims.evidence import Evidence, Found, name, variances
from verification.fits.curves import FittedCurve
from verification.fits.distributions import t_beyond, t_quantile
from verification.fits.fit import FIRST_TEST, Interval
from verification.fits.likelihood import Observations
from verification.inference.detectable import detectable, log_error
from verification.missing import Missing, each_once

# A law that is rejected may still describe a curve to this relative error.
APPROXIMATION = 0.10
# "At the smallest" and "at the largest" batch size: over so many logs from the end, three sizes that double.
END_RANGE = math.log(4.0) + 1e-9
_FEW_POINTS = "needs a curve with 4 batch sizes that reached the goal"


@dataclass(frozen=True)
class End:
    """An end of a curve: how it is called, which of its batch sizes is outermost, and the slope claimed there."""

    word: str
    outermost: Callable[[Iterable[float]], float]
    slope: float


SMALL = End("smallest", min, -1.0)
LARGE = End("largest", max, 0.0)


def law_holds(curves: Sequence[FittedCurve]) -> Found:
    """C1: alpha = 1 in c1/B^alpha + c2, for each curve.

    Args:
        curves: All fitted curves.

    Returns:
        Evidence on alpha, for each curve with four batch sizes that reached the goal; else why there is none.
    """
    found: list[Evidence | Missing] = []
    for fitted in curves:
        test, hyperbola = fitted.shape_tests.get("P"), fitted.hyperbola
        if test is None or test.p is None or hyperbola is None:
            found.append(_too_few(fitted))
            continue
        power = fitted.laws["P"]
        freedom = power.fit.n - 3
        found.append(
            Evidence(
                subject=name(fitted),
                estimate=power.estimates["alpha"],
                interval=power.intervals["alpha"],
                p=test.p,
                detectable=detectable(log_error(test.interval_90, freedom), freedom, 2, math.expm1),
                interval_90=test.interval_90,
                approximate=hyperbola.fit.worst_residual < APPROXIMATION,
            )
        )
    return _evidence_or_reasons(found)


def linear_scaling(curves: Sequence[FittedCurve]) -> Found:
    """C2: slope -1 of log K on log B at the smallest batch sizes.

    Args:
        curves: All fitted curves.

    Returns:
        Evidence on the slope, for each curve that has one there; else why none has.
    """
    return _evidence_or_reasons(_end_slope(fitted, SMALL) for fitted in curves)


def plateau(curves: Sequence[FittedCurve]) -> Found:
    """C3: slope 0 of log K on log B at the largest batch sizes.

    Args:
        curves: All fitted curves.

    Returns:
        Evidence on the slope, for each curve that has one there; else why none has.
    """
    return _evidence_or_reasons(_end_slope(fitted, LARGE) for fitted in curves)


def _evidence_or_reasons(found: Iterable[Evidence | Missing]) -> Found:
    """Return the evidence there is; where there is none, each reason once."""
    listed = list(found)
    evidence = [one for one in listed if isinstance(one, Evidence)]
    return evidence or each_once((one for one in listed if isinstance(one, Missing)), _FEW_POINTS)


def _too_few(fitted: FittedCurve) -> Missing:
    """Return why a curve has too few points for a third constant."""
    bounded = np.unique(fitted.data.log_batch_size[fitted.data.bounded])
    first = np.setdiff1d(fitted.data.log_batch_size[fitted.data.reached], bounded)
    if not first.size:
        return Missing(_FEW_POINTS)
    if not bounded.size:
        return Missing(FIRST_TEST)
    return Missing(f"{_FEW_POINTS} after its first test; at {len(first)} of {len(first) + len(bounded)} {FIRST_TEST}")


def _end_slope(fitted: FittedCurve, end: End) -> Evidence | Missing:
    """Compare the slope over the outermost batch sizes, a factor of four, with a claim; say why where it has none.

    A straight line by least squares, free of any law but for sigma, which the widest fitted law gives: read off
    the paper's law the slopes would follow from what they are to test.
    """
    power = fitted.laws.get("P")
    if power is None:
        return _too_few(fitted)
    freedom = power.fit.n - 3
    window = _window(fitted.data, end)
    reason = _why_no_slope(fitted.data, window, end)
    if reason is not None:
        return reason
    weight = 1.0 / variances(window, power.fit.sigma**2 * power.fit.n / freedom)
    x = window.log_batch_size - np.average(window.log_batch_size, weights=weight)
    information = float((weight * x**2).sum())
    slope, error = float((weight * x * window.log_middle).sum()) / information, information**-0.5
    at_90, at_95 = (float(t_quantile(q, freedom)) * error for q in (0.95, 0.975))
    return Evidence(
        subject=name(fitted),
        estimate=slope,
        interval=Interval(slope - at_95, slope + at_95),
        p=float(t_beyond((slope - end.slope) / error, freedom)),
        detectable=detectable(error, freedom, 2, float),
        interval_90=Interval(slope - at_90, slope + at_90),
    )


def _window(data: Observations, end: End) -> Observations:
    """Return the points that reached the goal at the outermost batch sizes, a factor of four."""
    reached = data.select(np.flatnonzero(data.reached))
    gap = np.abs(reached.log_batch_size - end.outermost(reached.log_batch_size))
    return reached.select(np.flatnonzero(gap <= END_RANGE))


def _why_no_slope(data: Observations, window: Observations, end: End) -> Missing | None:
    """Return why the points at an end have no slope, None where they have one."""
    first, few = ~window.bounded, window.few
    if first.any():
        return Missing(f"at batch size {_size(window, first)} {FIRST_TEST}")
    if few.any():
        few_steps = f"K* is {FEW_STEPS} steps or fewer at batch size {_size(window, few)}"
        return Missing(f"{few_steps}: counts too coarse for a slope")
    if len(np.unique(window.log_batch_size)) > 1:
        return None
    outside = np.setdiff1d(data.log_batch_size[data.reached], window.log_batch_size)
    near = outside.min() if end is SMALL else outside.max()
    return Missing(
        f"needs 2 batch sizes within a factor 4 of the {end.word} that reached the goal, {_size(window)}; "
        f"the next is {round(math.exp(near))}"
    )


def _size(window: Observations, where: NDArray[np.bool_] | slice = slice(None)) -> str:
    """Return the batch sizes of some points, ascending."""
    return ", ".join(str(round(size)) for size in np.exp(np.unique(window.log_batch_size[where])))


def other_settings(curves: Sequence[FittedCurve]) -> Found:
    """C17: C1 for workloads with a decaying rate, and for workloads measured at several goals.

    Args:
        curves: All fitted curves.

    Returns:
        Evidence on alpha, for each such curve.
    """
    goals: dict[str, set[str]] = {}
    for one in curves:
        goals.setdefault(one.curve.workload, set()).add(one.curve.goal)
    chosen = [one for one in curves if "linear" in one.curve.workload.split("/") or len(goals[one.curve.workload]) > 1]
    return law_holds(chosen) if chosen else Missing("needs curves with a decaying rate, or at two goals")
