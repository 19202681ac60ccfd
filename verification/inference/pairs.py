r"""Sparse against dense: the ratios of c1, c2 and the critical batch size, with intervals.

Both curves are fitted jointly, each with its own c1 and c2, with one sigma: they come from one workload, one
protocol and the same seeds. A ratio is a linear contrast of the four logarithms, profiled like any other. Errors of
the two curves at one batch size are taken as independent. In truth they share seeds and search points, so the intervals
are, if anything, too wide.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from theory import HYPERBOLA
from verification.fits.curves import FittedCurve, estimate
from verification.fits.distributions import t_beyond, t_quantile
from verification.fits.fit import OPEN, Fit, Interval, Problem, around, fit_laws
from verification.fits.likelihood import Array, joined
from verification.fits.newton import StepLaw
from verification.fits.profile import deviance_at, p_value, profile_intervals
from verification.inference.detectable import detectable, log_error
from verification.missing import Missing
from verification.prediction.prediction import Prediction, predict_from
from verification.records.measured_constants import Measured

# theta = (log c1, log c2) of the dense, then of the sparse network.
RATIOS: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "c1": (-1.0, 0.0, 1.0, 0.0),
        "c2": (0.0, -1.0, 0.0, 1.0),
        "b_crit": (-1.0, 1.0, 1.0, -1.0),
    }
)


@dataclass(frozen=True)
class JointLaw:
    """One law on two curves, each with its own parameters: the first points are the first curve's.

    Attributes:
        law: The law of either curve.
        n_first: Number of points of the first curve.
        p: Parameters of the law.
    """

    law: StepLaw
    n_first: int
    p: int

    def log_steps(self, log_batch_size: ArrayLike, theta: ArrayLike) -> Array:
        """Return log K of both curves, shape (..., n), for theta (..., 2 p)."""
        return np.concatenate([self.law.log_steps(x, t) for x, t in self._parts(log_batch_size, theta)], axis=-1)

    def log_steps_jacobian(self, log_batch_size: ArrayLike, theta: ArrayLike) -> Array:
        """Return the derivatives, shape (..., n, 2 p), block diagonal."""
        first, second = (self.law.log_steps_jacobian(x, t) for x, t in self._parts(log_batch_size, theta))
        return np.concatenate(
            [
                np.concatenate([first, np.zeros_like(first)], axis=-1),
                np.concatenate([np.zeros_like(second), second], axis=-1),
            ],
            axis=-2,
        )

    def _parts(self, log_batch_size: ArrayLike, theta: ArrayLike) -> tuple[tuple[Array, Array], ...]:
        """Split points and parameters between the curves."""
        x, t = np.asarray(log_batch_size, dtype=np.float64), np.asarray(theta, dtype=np.float64)
        k, p = self.n_first, self.p
        return (x[..., :k], t[..., :p]), (x[..., k:], t[..., p:])


MARGIN = 1.25


@dataclass(frozen=True, kw_only=True)
class RatioTest:
    """Test of one ratio being 1, or being what was predicted.

    Attributes:
        p: Two-sided, n - 4 degrees of freedom; None when it could not be done.
        interval_90: Of the ratio (over the prediction).
        detectable: The smallest factor seen with probability 0.8; None where its error is unknown.
        verdict: equivalent (within a factor 1.25), different, or inconclusive.
        detail: What stands in its way, else empty.
    """

    p: float | None
    interval_90: Interval
    detectable: float | None
    verdict: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A sparse curve against the dense one of its workload and goal.

    Attributes:
        dense: The curve at sparsity 0.
        sparse: The other.
        fit: The joint fit; None when either curve has none.
        ratios: Quantity (c1, c2, b_crit) to ratio; None where the data hold no trace of it.
        intervals: Quantity to its 95% profile-likelihood interval.
        prediction: What the measured constants predict, the paper's way, or why there is none.
        reason: Why there is no fit, else None.
        tests: Quantity to the test of its ratio being 1; `prediction` to that of the c1 ratio being the predicted one.
    """

    dense: FittedCurve
    sparse: FittedCurve
    fit: Fit | None
    ratios: Mapping[str, float | None]
    intervals: Mapping[str, Interval]
    prediction: Prediction | Missing
    reason: str | None
    tests: Mapping[str, RatioTest] = field(default_factory=dict)

    @property
    def problem(self) -> Problem:
        """What is fitted jointly where both curves have a fit, the dense curve's points first."""
        start = np.array([*self.dense.laws["H"].fit.theta, *self.sparse.laws["H"].fit.theta])
        law = JointLaw(HYPERBOLA, len(self.dense.curve.points), 2)
        return Problem(law, joined(self.dense.data, self.sparse.data), start[None, :])

    @property
    def direction_disagrees(self) -> bool:
        """Whether fitted and predicted ratio of c1 lie on different sides of 1; one open on both sides lies on none."""
        fitted = self.ratios.get("c1")
        if fitted is None or self.intervals["c1"] == OPEN or isinstance(self.prediction, Missing):
            return False
        return (fitted - 1.0) * (self.prediction.c1.ratio - 1.0) < 0.0


@dataclass(frozen=True)
class MeasuredRatio:
    """Steps-to-result of a sparse network over that of the dense one, at one batch size and replicate.

    Attributes:
        batch_size: Examples per step.
        replicate: Of both.
        ratio: At the middles of both measured intervals, > 0.
        low: The least that the two evaluation grids allow.
        high: The most; None where the dense network may have needed no step at all.
    """

    batch_size: int
    replicate: int
    ratio: float
    low: float
    high: float | None


def measured_ratios(pair: Pair) -> list[MeasuredRatio]:
    """Return the ratio at every batch size and replicate at which both networks reached the goal.

    Args:
        pair: A sparse curve and the dense one.

    Returns:
        The ratios, ascending in batch size; no fit is needed. One where both met the goal at the first test is open on
        both sides and left out.
    """
    dense, sparse = (
        {
            (point.batch_size, point.replicate): (point.lower, point.upper, float(middle))
            for point, middle in zip(side.curve.points, side.data.log_middle, strict=True)
            if point.upper is not None
        }
        for side in (pair.dense, pair.sparse)
    )
    found = []
    for key in sorted(dense.keys() & sparse.keys()):
        (low_d, high_d, middle_d), (low_s, high_s, middle_s) = dense[key], sparse[key]
        if low_s == low_d == 0.0:
            continue
        high = high_s / low_d if low_d > 0.0 else None
        found.append(MeasuredRatio(*key, math.exp(middle_s - middle_d), low_s / high_d, high))
    return found


def compare(dense: FittedCurve, sparse: FittedCurve, measured: Measured) -> Pair:
    """Compare a sparse curve with the dense one; see `compare_each`."""
    return compare_each([(dense, sparse)], measured)[0]


def compare_all(curves: Sequence[FittedCurve], measured: Measured) -> tuple[Pair, ...]:
    """Compare each sparse curve with the dense one of its workload and goal.

    Args:
        curves: Fitted curves.
        measured: Constants, for the predictions.

    Returns:
        One pair per sparse curve that has a dense partner, in the order of the curves.
    """
    return tuple(compare_each(partners(curves), measured))


def partners(curves: Sequence[FittedCurve]) -> list[tuple[FittedCurve, FittedCurve]]:
    """Return the dense curve beside each sparse one of its workload and goal.

    Args:
        curves: Fitted curves.

    Returns:
        (dense, sparse) in the order of the sparse curves; those without a dense partner are left out.
    """
    dense = {fitted.curve.group: fitted for fitted in curves if fitted.curve.sparsity == 0.0}
    return [
        (dense[fitted.curve.group], fitted)
        for fitted in curves
        if fitted.curve.sparsity > 0.0 and fitted.curve.group in dense
    ]


def compare_each(sides: Sequence[tuple[FittedCurve, FittedCurve]], measured: Measured) -> list[Pair]:
    """Compare curves two by two; pairs of as many points are fitted in one iteration.

    Args:
        sides: The curve to compare with (the dense one), then the other.
        measured: Constants, for the predictions.

    Returns:
        The pairs; one without a fit says why.
    """
    pairs: dict[int, Pair] = {}
    problems: dict[int, dict[int, Problem]] = {}
    for i, (dense, sparse) in enumerate(sides):
        prediction = predict_from(measured, sparse.curve.workload, sparse.curve.sparsity)
        reasons = [f"{n}: {side.reason}" for n, side in (("dense", dense), ("sparse", sparse)) if side.reason]
        pairs[i] = Pair(
            dense=dense,
            sparse=sparse,
            fit=None,
            ratios={},
            intervals={},
            prediction=prediction,
            reason=reasons[0] if reasons else None,
        )
        if not reasons:
            problems.setdefault(len(dense.curve.points), {})[i] = pairs[i].problem
    for group in problems.values():
        fits = fit_laws(list(group.values()))
        at_95, at_90 = (profile_intervals(list(group.values()), fits, RATIOS, level) for level in (0.95, 0.90))
        for (i, problem), fit, wide, narrow in zip(group.items(), fits, at_95, at_90, strict=True):
            ratios = {name: estimate(fit, contrast) for name, contrast in RATIOS.items()}
            pairs[i] = replace(pairs[i], fit=fit, ratios=ratios, intervals=wide)
            pairs[i] = replace(pairs[i], tests=_tests(pairs[i], problem, fit, narrow))
    return [pairs[i] for i in range(len(sides))]


def _tests(pair: Pair, problem: Problem, fit: Fit, at_90: Mapping[str, Interval]) -> dict[str, RatioTest]:
    """Return the tests of one pair."""
    tests = {}
    for name, contrast in RATIOS.items():
        p = p_value(deviance_at(problem, fit, contrast, 0.0), fit.n, 4)
        tests[name] = _ratio_test(p, at_90[name], log_error(at_90[name], fit.n - 4), fit.n - 4)
    tests["prediction"] = _against_prediction(pair, at_90["c1"], fit.n - 4)
    return tests


def _against_prediction(pair: Pair, at_90: Interval, freedom: int) -> RatioTest:
    """Compare the fitted ratio of c1 with the predicted one, the errors of both carried."""
    predicted, ratio, error = pair.prediction, pair.ratios["c1"], log_error(at_90, freedom)
    if isinstance(predicted, Missing):
        return RatioTest(p=None, interval_90=OPEN, detectable=None, verdict="inconclusive", detail=predicted.reason)
    if ratio is None or error is None:
        return RatioTest(
            p=None,
            interval_90=OPEN,
            detectable=None,
            verdict="inconclusive",
            detail="the data do not bound the ratio of c1",
        )
    of_constants = predicted.c1.error_between_seeds
    total = math.hypot(error, of_constants or 0.0)
    off = ratio / predicted.c1.ratio
    interval = around(off, total, float(t_quantile(0.95, freedom)))
    p = float(t_beyond(math.log(off) / total, freedom))
    unknown = "" if of_constants is not None else "the constants have one replicate: their error is unknown"
    return replace(_ratio_test(p, interval, total, freedom), detail=unknown)


def _ratio_test(p: float | None, interval: Interval, error: float | None, freedom: int) -> RatioTest:
    """Return the test of a ratio being 1 with its verdict."""
    verdict = "different" if p is not None and p < 0.05 else "inconclusive"
    if interval.inside(1.0 / MARGIN, MARGIN):
        verdict = "equivalent"
    return RatioTest(p=p, interval_90=interval, detectable=detectable(error, freedom, 2), verdict=verdict)
