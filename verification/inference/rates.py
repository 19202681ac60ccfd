r"""Learning rates of studies: how the best one moves with B, and how wide the working range is.

Where the paper's law holds with a tuned rate, theory (docs/theory.md, result 8) also has

    eta* K* constant in B,    d log eta*/d log B = 1/(1 + B/B_crit),    K(r eta*)/K* = 1/(r (2 - r)).

The first two need winners only; replicates are the units of their slopes. The third, and how many trials succeed at
all, need trials that went on after a study was decided. With momentum m the rate is the effective one, eta/(1 - m).
Of a rate that decays eta* is the first one, and eta* K* the sum of all up to K*.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from empirics.best_rate import effective_rate
from empirics.workloads.moved_time import steps_at_first_rate
from verification.fits.curves import FittedCurve
from verification.fits.fit import FIRST_TEST
from verification.fits.likelihood import Array
from verification.fits.misfit import lack_of_fit
from verification.inference.known import NO_SCATTER, Slope, log_b_crit, mean_slope
from verification.missing import Missing
from verification.records.curves import Curve

RACED = "not measured (raced): losing trials were cut short"
FIRST_TEST_RATES = f"{FIRST_TEST}, and which rate is best is not known"
NO_RATES = "no learning rates in the input (column metaparameters or learning_rate)"
# Points of a theoretical curve, evenly spaced in log B.
GRID_POINTS = 65
# A study's window needs so many trials that reached the goal.
FEWEST_HITS = 4
# log B, log eta*, log of the sum of rates up to K*, replicate
Winner = tuple[float, float, float, int]


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What the winners' rates of one curve say; each a slope, or the reason why there is none.

    Attributes:
        rate: Of log eta* on log B: 1 under linear scaling, 0 on the plateau.
        product: Of log(eta* K*), of the sum of rates, on log B: 0 where the paper's law holds with a tuned rate.
        sharp: Of log eta* on log(B/(B + B_crit)), with law H's B_crit: 1 by the sharp bound. B_crit's error is in it.
        textbook: Of log eta* on log min(B, 2 B0), with law X's B0 and its error: 1 by the textbook bound.
        window: The power w of K(r eta*)/K* = (1/(r (2 - r)))^w over the trials of all studies: 1.
    """

    rate: Slope | Missing
    product: Slope | Missing
    sharp: Slope | Missing
    textbook: Slope | Missing
    window: Slope | Missing


@dataclass(frozen=True, kw_only=True)
class Window:
    """How K rises away from the best rate, over the trials of all studies of a curve.

    Attributes:
        power: w, 1 by theory.
        batch_size: Of each trial that reached the goal.
        multiple: r = eta/eta* of each, eta* that of its study; 1 is the best rate.
        slowdown: K/K* of each, K* that of its study by the fit.
    """

    power: Slope
    batch_size: tuple[int, ...]
    multiple: tuple[float, ...]
    slowdown: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class BestRates:
    """The winners' rates of one curve beside what theory makes of them.

    Attributes:
        batch_size: Of each winner.
        rate: Its effective rate eta*, > 0.
        product: eta* K*, > 0; with a decay the sum of the rates up to K*.
        level: The geometric mean of the products: constant in B by theory.
        grid: Batch sizes of the shapes below, ascending.
        sharp: eta* by the sharp bound, a B/(B + B_crit), at the winners' level; empty where B_crit is not bounded.
        textbook: By the textbook bound, a min(B, 2 B0); likewise.
    """

    batch_size: tuple[int, ...]
    rate: tuple[float, ...]
    product: tuple[float, ...]
    level: float
    grid: tuple[float, ...]
    sharp: tuple[float, ...]
    textbook: tuple[float, ...]


def raced(curve: Curve) -> bool:
    """Return whether the losing trials of a curve's studies were cut short at or soon after the first hit."""
    return curve.stop.split()[:1] in (["race"], ["hits"])


def why_no_losers(curve: Curve) -> Missing | None:
    """Return why nothing can be said about losing trials, None when it can."""
    if raced(curve):
        return Missing(RACED)
    if curve.trials:
        return None
    return Missing("no trials in the input: give one row per trial, or a run folder with study.sqlite")


_FEW_RATES = "needs 4 batch sizes with a known best rate"
_ONE_SLOPE = "no scatter to judge a slope by"


def line(
    x: Iterable[float], y: Iterable[float], units: Iterable[int] = (), log_batch_sizes: Iterable[float] | None = None
) -> Slope | Missing:
    """Return the slope of a straight line by least squares.

    One search serves all replicates of a batch size, so what they have in common beyond a line adds to the error.

    Args:
        x: Any numbers.
        y: As many.
        units: The unit of each point; where several have three different x, the slope is the mean of theirs.
        log_batch_sizes: Of each point; None where x is that.

    Returns:
        The slope; the reason where there are fewer than 4 different x, or no scatter to judge it by.

    Example:
        >>> print(line([0, 1, 2], [0, 1, 2]))
        needs 4 batch sizes with a known best rate
        >>> line([0, 1, 2, 3], [0, 1, 0, 1])  # 0.2; squares of 0.8 about it, over 2 points to spare and 5
        Slope(value=0.2, error=0.282..., freedom=2)
    """
    u, v = np.array(list(x), dtype=np.float64), np.array(list(y), dtype=np.float64)
    if len(np.unique(u)) < 4:
        return Missing(_FEW_RATES)
    labels = np.array(list(units), dtype=np.intp)
    at = u if log_batch_sizes is None else np.array(list(log_batch_sizes), dtype=np.float64)
    members = [labels == unit for unit in np.unique(labels)]
    found = _over_units(u, v, at, [own for own in members if len(np.unique(u[own])) > 2])
    if found is not None:
        return found
    value, error = _least_squares(u, v)
    return Slope(value, error, len(u) - 2) if error > NO_SCATTER else Missing(_ONE_SLOPE)


def _over_units(x: Array, y: Array, at: Array, members: Sequence[NDArray[np.bool_]]) -> Slope | Missing | None:
    """Return the mean of the units' slopes, None where fewer than two have one."""
    if len(members) < 2:
        return None
    index, use = np.argmax(members, axis=0), np.any(members, axis=0)
    design = np.stack([np.ones_like(x), x], axis=1)[use]
    return mean_slope(x, y, at, members, lack_of_fit(design, y[use], at[use], index[use]), _ONE_SLOPE)


def _least_squares(x: Array, y: Array) -> tuple[float, float]:
    """Return the slope and the error that the scatter about the line gives it."""
    u = x - x.mean()
    value = float(u @ y / (u @ u))
    rest = y - y.mean() - value * u
    return value, math.sqrt(float(rest @ rest) / (len(u) - 2) / float(u @ u))


def rates(fitted: FittedCurve) -> Rates:
    """Return what the rates of a curve say.

    Args:
        fitted: A curve; its winners' metaparameters and its trials where there are any.

    Returns:
        The slopes, or why there are none.
    """
    best = _winners(fitted.curve)
    window = trial_window(fitted.curve)
    if not best:
        reason = _why_no_rates(fitted.curve)
        return Rates(rate=reason, product=reason, sharp=reason, textbook=reason, window=window)
    x, eta, product, replicate = (np.array(column) for column in zip(*best, strict=True))
    units = replicate.astype(np.intp).tolist()
    return Rates(
        rate=line(x, eta, units),
        product=line(x, product, units),
        sharp=_power("sharp", "H", fitted, best),
        textbook=_power("textbook", "X", fitted, best),
        window=window,
    )


def _power(bound: str, law: str, fitted: FittedCurve, best: Sequence[Winner]) -> Slope | Missing:
    """Return the power of a bound's rate that the winners follow, with the error that B_crit adds to it."""
    knee = log_b_crit(fitted, law)
    if knee is None:
        return Missing("the critical batch size is not bounded")
    x, eta, _, replicate = (np.array(column) for column in zip(*best, strict=True))
    units = replicate.astype(np.intp).tolist()
    low, found, high = (
        line(_log_rate(bound, x, knee.value + moved), eta, units, x) for moved in (-knee.error, 0.0, knee.error)
    )
    if isinstance(found, Missing):
        return found
    sides = [side.value for side in (low, high) if isinstance(side, Slope)]
    return found.plus(max((side - found.value) ** 2 for side in sides), knee.freedom) if sides else found


def best_rates(fitted: FittedCurve) -> BestRates | Missing:
    """Return the winners' rates of a curve beside what theory makes of them.

    Args:
        fitted: A curve with its winners' metaparameters.

    Returns:
        The rates, or why there are none.
    """
    best = _winners(fitted.curve)
    if not best:
        return _why_no_rates(fitted.curve)
    x, eta, product, _ = (np.array(column) for column in zip(*best, strict=True))
    grid = np.linspace(x.min(), x.max(), GRID_POINTS)
    shapes: dict[str, tuple[float, ...]] = {"sharp": (), "textbook": ()}
    for name, law in (("sharp", "H"), ("textbook", "X")):
        b_crit = fitted.laws[law].estimates["b_crit"] if law in fitted.laws else None
        if b_crit is not None:
            level = float(np.mean(eta - _log_rate(name, x, math.log(b_crit))))
            shapes[name] = tuple(np.exp(level + _log_rate(name, grid, math.log(b_crit))).tolist())
    return BestRates(
        batch_size=tuple(round(size) for size in np.exp(x).tolist()),
        rate=tuple(np.exp(eta).tolist()),
        product=tuple(np.exp(product).tolist()),
        level=float(np.exp(np.mean(product))),
        grid=tuple(np.exp(grid).tolist()),
        **shapes,
    )


def _winners(curve: Curve) -> list[Winner]:
    """Return every winner whose rate is known.

    Of trials that all met the goal at the first test any may be the best: their winner's rate says nothing.
    """
    return [
        (
            math.log(point.batch_size),
            math.log(rate),
            math.log(rate) + math.log(steps_at_first_rate(point.metaparameters, point.won)),
            point.replicate,
        )
        for point in curve.points
        if point.won and point.lower > 0.0 and (rate := effective_rate(point.metaparameters)) is not None
    ]


def _why_no_rates(curve: Curve) -> Missing:
    """Return why no best rate of a curve is known."""
    known = any(point.won and effective_rate(point.metaparameters) is not None for point in curve.points)
    return Missing(FIRST_TEST_RATES if known else NO_RATES)


def _log_rate(bound: str, log_batch_size: Array, knee: float) -> Array:
    """Return log eta* by the sharp or the textbook bound, up to a constant; the knee is log B_crit."""
    if bound == "sharp":
        sharp: Array = log_batch_size - np.logaddexp(log_batch_size, knee)
        return sharp
    return np.minimum(log_batch_size, knee + math.log(2.0))


def trial_window(curve: Curve) -> Slope | Missing:
    """Return the power of `fitted_window`, or why there is none."""
    found = fitted_window(curve)
    return found if isinstance(found, Missing) else found.power


def fitted_window(curve: Curve) -> Window | Missing:
    r"""Fit how K rises away from the best rate, over the trials of all studies of a curve.

    :math:`\log K = \log K^* - w \log(r (2 - r)), r = \eta/\eta^*`, with K* and eta* of each study and one w for all.

    Args:
        curve: With trials that went on after the first hit.

    Returns:
        The window; or why it was not fitted.
    """
    reason = why_no_losers(curve)
    if reason is not None:
        return reason
    by_study = {key: study for key, study in _by_study(curve).items() if len(study) >= FEWEST_HITS}
    studies = list(by_study.values())
    if not studies:
        return Missing(f"needs a study with {FEWEST_HITS} trials that reached the goal at different rates")
    rate = np.log(np.concatenate([[one[0] for one in study] for study in studies]))
    steps = np.log(np.concatenate([[one[1] for one in study] for study in studies]))
    which = np.repeat(np.arange(len(studies)), [len(study) for study in studies])
    if len(rate) <= 2 * len(studies) + 1:
        return Missing("too few trials for the window's power")
    # eta* lies above half of every rate that worked; its distance from there is a logarithm of its own.
    largest = np.array([rate[which == i].max() for i in range(len(studies))])
    first = np.array([steps[which == i].min() for i in range(len(studies))])
    at_best = np.array([rate[which == i][np.argmin(steps[which == i])] for i in range(len(studies))])

    def gap(theta: Array) -> Array:
        k, z, w = theta[: len(studies)], theta[len(studies) : -1], math.exp(theta[-1])
        r = 2.0 * np.exp(rate - largest[which]) / (1.0 + np.exp(z[which]))
        rest: Array = steps - k[which] + w * np.log(r * (2.0 - r))
        return rest

    odds = np.log(np.maximum(2.0 * np.exp(at_best - largest) - 1.0, 0.05))
    found = least_squares(gap, np.concatenate([first, odds, [0.0]]), x_scale="jac")
    freedom = len(rate) - len(found.x)
    variance = 2.0 * float(found.cost) / freedom
    jacobian = np.asarray(found.jac, dtype=np.float64)
    covariance = np.linalg.pinv(jacobian.T @ jacobian) * variance
    w = math.exp(float(found.x[-1]))
    multiple = 2.0 * np.exp(rate - largest[which]) / (1.0 + np.exp(found.x[len(studies) : -1][which]))
    return Window(
        power=Slope(w, max(w * math.sqrt(float(covariance[-1, -1])), 1e-9), freedom),
        batch_size=tuple(size for (size, _), study in by_study.items() for _ in study),
        multiple=tuple(multiple.tolist()),
        slowdown=tuple(np.exp(steps - found.x[: len(studies)][which]).tolist()),
    )


def _by_study(curve: Curve) -> dict[tuple[int, int], list[tuple[float, float]]]:
    """Return (effective rate, steps) of the trials of each study that reached the goal after its first test."""
    found = {
        key: [
            (rate, one.upper)
            for one in study
            if one.upper is not None and one.lower > 0.0 and (rate := effective_rate(one.metaparameters)) is not None
        ]
        for key, study in curve.studies.items()
    }
    return {key: reached for key, reached in found.items() if len({rate for rate, _ in reached}) > 2}


def success(curve: Curve) -> tuple[Array, Array, Array] | Missing:
    """Return which trials of a curve reached the goal.

    Args:
        curve: With trials that went on after the first hit.

    Returns:
        (log batch sizes (b,), search points with their replicate (t, 2), reached (b, t)) over the search points
        tried at every batch size; or why there is none.
    """
    reason = why_no_losers(curve)
    if reason is not None:
        return reason
    sizes = sorted({one.batch_size for one in curve.trials})
    reached = {(one.batch_size, one.trial, one.replicate): one.upper is not None for one in curve.trials}
    points = sorted({(one.trial, one.replicate) for one in curve.trials})
    every = [point for point in points if all((size, *point) in reached for size in sizes)]
    if len(every) < FEWEST_HITS:
        return Missing(f"needs {FEWEST_HITS} search points tried at every batch size")
    table = np.array([[reached[size, *point] for point in every] for size in sizes], dtype=np.float64)
    return np.log(np.array(sizes, dtype=np.float64)), np.array(every), table
