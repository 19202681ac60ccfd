"""Evidence on claims about single curves: the law, and its slopes at either end."""

import math
from collections.abc import Sequence

import numpy as np

from verification.curves import FittedCurve
from verification.detectable import detectable, log_error
from verification.distributions import t_beyond, t_quantile
from verification.evidence import Evidence, Found, name, variances
from verification.fit import Interval

# A law that is rejected may still describe a curve to this relative error.
APPROXIMATION = 0.10
# "At the smallest" and "at the largest" batch size: over so many logs from the end, three sizes that double.
END_RANGE = math.log(4.0) + 1e-9
_FEW_POINTS = "needs a curve with 4 batch sizes that reached the goal"


def law_holds(curves: Sequence[FittedCurve]) -> Found:
    """C1: alpha = 1 in c1/B^alpha + c2, for each curve.

    Args:
        curves: All fitted curves.

    Returns:
        Evidence on alpha, for each curve with four batch sizes that reached the goal.
    """
    found = []
    for fitted in curves:
        test, hyperbola = fitted.shape_tests.get("P"), fitted.hyperbola
        if test is None or test.p is None or hyperbola is None:
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
    return found or _FEW_POINTS


def linear_scaling(curves: Sequence[FittedCurve]) -> Found:
    """C2: slope -1 of log K on log B at the smallest batch sizes.

    Args:
        curves: All fitted curves.

    Returns:
        Evidence on the slope, for each curve that law P was fitted to.
    """
    return [e for fitted in curves if (e := _end_slope(fitted, claimed=-1.0)) is not None] or _FEW_POINTS


def plateau(curves: Sequence[FittedCurve]) -> Found:
    """C3: slope 0 of log K on log B at the largest batch sizes.

    Args:
        curves: All fitted curves.

    Returns:
        Evidence on the slope, for each curve that law P was fitted to.
    """
    return [e for fitted in curves if (e := _end_slope(fitted, claimed=0.0)) is not None] or _FEW_POINTS


def _end_slope(fitted: FittedCurve, claimed: float) -> Evidence | None:
    """Compare the slope over the outermost batch sizes, a factor of four, with a claim.

    A straight line by least squares, free of any law but for sigma, which the widest fitted law gives: read off
    the paper's law the slopes would follow from what they are to test.
    """
    power = fitted.laws.get("P")
    if power is None or (freedom := power.fit.n - 3) < 1:
        return None
    data = fitted.data
    usable = data.reached & np.isfinite(data.log_lower)
    if not usable.any():  # every K* came at the first evaluation: it is only known from above
        return None
    end = data.log_batch_size[usable].min() if claimed == -1.0 else data.log_batch_size[usable].max()
    window = data.select(np.flatnonzero(usable & (np.abs(data.log_batch_size - end) <= END_RANGE)))
    weight = 1.0 / variances(window, power.fit.sigma**2 * power.fit.n / freedom)
    x = window.log_batch_size - np.average(window.log_batch_size, weights=weight)
    if not (information := float((weight * x**2).sum())) > 0.0:
        return None
    slope, error = float((weight * x * window.log_middle).sum()) / information, information**-0.5
    at_90, at_95 = (float(t_quantile(q, freedom)) * error for q in (0.95, 0.975))
    return Evidence(
        subject=name(fitted),
        estimate=slope,
        interval=Interval(slope - at_95, slope + at_95),
        p=float(t_beyond((slope - claimed) / error, freedom)),
        detectable=detectable(error, freedom, 2, float),
        interval_90=Interval(slope - at_90, slope + at_90),
    )


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
    return law_holds(chosen) if chosen else "needs curves with a decaying rate, or at two goals"
