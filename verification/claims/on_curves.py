"""Evidence on claims about single curves: the law, and its slopes at either end."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from empirics.records import FEW_STEPS
from verification.claims.evidence import NOT_SEEDS, Evidence, Found, equal_evidence, name
from verification.fits.curves import FittedCurve
from verification.fits.fit import FIRST_TEST, Fit
from verification.fits.likelihood import Observations
from verification.fits.misfit import Misfit
from verification.inference.apart import one_left_out
from verification.inference.detectable import SIGNIFICANCE
from verification.inference.known import Slope, mean_slope
from verification.inference.power import law_chances, replicates_that_decide
from verification.inference.search_error import won_by_one_point
from verification.missing import Missing, each_once

# "At the smallest" and "at the largest" batch size: over so many logs from the end, three sizes that double.
END_RANGE = math.log(4.0) + 1e-9
_FEW_POINTS = "needs a curve with 4 batch sizes that reached the goal"
_NO_REPLICATES = "no replicates to tell noise from misfit"
_NO_SCATTER = "replicates scatter no more than goal tests are apart"


@dataclass(frozen=True)
class End:
    """An end of a curve: how it is called, and which of its batch sizes is outermost."""

    word: str
    outermost: Callable[[Iterable[float]], float]


SMALL = End("smallest", min)
LARGE = End("largest", max)


def law_holds(curves: Sequence[FittedCurve], margin: float) -> Found:
    """C1: the mean curve lies within a margin of the best hyperbola, root mean square over the batch sizes.

    Without replicates noise cannot be told from misfit, and no curve decides.

    Args:
        curves: All fitted curves.
        margin: As a share of K.

    Returns:
        Evidence on the misfit of each curve with four batch sizes that reached the goal; else why there is none.
    """
    return evidence_or_reasons(misfit(fitted, margin) for fitted in curves)


def misfit(fitted: FittedCurve, margin: float) -> Evidence | Missing:
    """Return evidence on the misfit of law H on one curve, as a share of K; else why there is none."""
    if fitted.hyperbola is None or fitted.data.bounded_batch_sizes < 4:
        return _too_few(fitted)
    if (coarse := won_by_one(fitted)) is not None:
        return coarse
    data, shape = fitted.data, _shape(fitted)
    apart = _one_sided(data, data.log_batch_size)
    units = fitted.units.index >= 0 if fitted.units.replicates else np.ones_like(data.whole)
    if len(np.unique(data.log_batch_size[data.whole & units])) < 4:
        return _undecided(fitted, f"{apart}, and fewer than 4 batch sizes are left")
    found = fitted.misfit("H", whole=True)
    if found is None:
        why = _NO_SCATTER if fitted.units.replicates else _NO_REPLICATES
        return _undecided(fitted, "; ".join(part for part in (why, one_left_out(fitted), shape) if part))
    within = found.below(math.log1p(margin))
    decided = not SIGNIFICANCE < within < 1.0 - SIGNIFICANCE
    bounds = f"{apart}, so left out" if apart else ""
    return Evidence(
        subject=name(fitted),
        estimate=math.expm1(found.estimate),
        interval=lambda level: found.interval(level).map(math.expm1),
        p_for=within,
        p_against=1.0 - within,
        note="; ".join(part for part in (_more(found, margin, decided), shape, bounds) if part),
    )


def _undecided(fitted: FittedCurve, note: str) -> Evidence:
    """Return that a curve was measured and cannot decide, with the reason."""
    return Evidence(subject=name(fitted), estimate=None, interval=None, p_for=None, p_against=None, note=note)


def _one_sided(data: Observations, log_sizes: NDArray[np.float64]) -> str:
    """Return in words at which of some batch sizes replicates are known from one side; empty where at none."""
    sizes, counts = np.unique(data.log_batch_size, return_counts=True)
    missing = [int((~data.bounded[data.log_batch_size == size]).sum()) for size in sizes]
    told = [
        f"{few} of {count} at batch size {round(math.exp(size))}"
        for size, few, count in zip(sizes.tolist(), missing, counts.tolist(), strict=True)
        if few and size in log_sizes
    ]
    return f"known from one side: {', '.join(told)}" if told else ""


def _more(found: Misfit, margin: float, decided: bool) -> str:
    """Return how large the misfit may be, and where that is open how many replicates would decide it as estimated."""
    high = found.interval(0.90).high or 0.0
    most = f"misfit at most {100.0 * math.expm1(high):.2g}%"
    if decided:
        return most
    replicates = replicates_that_decide(
        lambda count: law_chances(found.estimate, found.noise, found.sizes, count, math.log1p(margin))
    )
    return f"{most}; if as estimated, {replicates or 'more than 100'} replicates would decide"


def _shape(fitted: FittedCurve) -> str:
    """Return in which direction a curve leaves the law: alpha and h with their intervals, 1 where it does not."""
    told = []
    for law in fitted.shape_p:
        shape, one = fitted.laws[law].law.shape or "", fitted.laws[law]
        value, ends = one.estimates[shape], one.intervals[shape]
        if value is not None and ends.low is not None and ends.high is not None:
            told.append(f"{shape} {value:.2g} [{ends.low:.2g}, {ends.high:.2g}]")
    return ", ".join(told)


def won_by_one(fitted: FittedCurve) -> Missing | None:
    """Return why a curve has no shape of its own: one search point won it all, so that it is K at one rate.

    Args:
        fitted: A curve.

    Returns:
        The reason; None where several points won, or nothing tells.
    """
    won = won_by_one_point(fitted.curve)
    return None if won is None else Missing(f"{name(fitted)}: {won}, so that this is K at one rate")


def linear_scaling(curves: Sequence[FittedCurve], equal: tuple[float, float]) -> Found:
    """C2: slope -1 of log K on log B at the smallest batch sizes.

    Args:
        curves: All fitted curves.
        equal: The margin.

    Returns:
        Evidence on the slope, for each curve that has one there; else why none has.
    """
    return evidence_or_reasons(_end_slope(fitted, SMALL, equal) for fitted in curves)


def plateau(curves: Sequence[FittedCurve], equal: tuple[float, float]) -> Found:
    """C3: slope 0 of log K on log B at the largest batch sizes.

    Args:
        curves: All fitted curves.
        equal: The margin.

    Returns:
        Evidence on the slope, for each curve that has one there; else why none has.
    """
    return evidence_or_reasons(_end_slope(fitted, LARGE, equal) for fitted in curves)


def evidence_or_reasons(found: Iterable[Evidence | Missing]) -> Found:
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


def _end_slope(fitted: FittedCurve, end: End, equal: tuple[float, float]) -> Evidence | Missing:
    """Compare the slope over the outermost batch sizes, a factor of four, with a claim; say why where it has none.

    A straight line by least squares, free of any law but for sigma: read off the paper's law the slopes would follow
    from what they are to test. Replicates are its units, each with a slope of its own; what they share is the widest
    fitted law's, and without them so is sigma.
    """
    power = fitted.laws.get("P")
    if power is None:
        return _too_few(fitted)
    window = _window(fitted.data, end)
    reason = won_by_one(fitted) or _why_no_slope(fitted.data, window, end)
    if reason is not None:
        return reason
    if apart := _one_sided(fitted.data, window.log_batch_size):
        return _undecided(fitted, f"{apart}, and the others are the fast ones")
    if (slope := _slope_of_replicates(fitted, window)) is not None:
        return equal_evidence(name(fitted), slope, equal)
    return equal_evidence(name(fitted), _slope_of_points(fitted, power.fit, window), equal, note=NOT_SEEDS)


def _slope_of_replicates(fitted: FittedCurve, window: Observations) -> Slope | None:
    """Return the mean slope of the replicates over a window; None where fewer than two have one."""
    inside, data = np.isin(fitted.data.log_batch_size, window.log_batch_size), fitted.data
    x = data.log_batch_size
    units = [inside & (fitted.units.index == unit) for unit in range(len(fitted.units.replicates))]
    units = [own for own in units if len(np.unique(x[own])) > 1]
    found = mean_slope(x, data.log_middle, x, units, fitted.misfit("P"), "no scatter")
    return None if isinstance(found, Missing) else found


def _slope_of_points(fitted: FittedCurve, fit: Fit, window: Observations) -> Slope:
    """Return the slope over a window by the scatter about a law, each point as wide as its goal tests are apart."""
    freedom = fit.n - fitted.units.lost - len(fit.theta)
    variance = fit.sigma**2 * fit.n / freedom + (window.log_upper - window.log_lower) ** 2 / 12.0
    x = window.log_batch_size - np.average(window.log_batch_size, weights=1.0 / variance)
    information = float((x**2 / variance).sum())
    return Slope(float((x * window.log_middle / variance).sum()) / information, information**-0.5, freedom)


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
