r"""Sparse against dense: the ratios of c1, c2 and the critical batch size, with intervals.

Both curves are fitted jointly, each with its own c1 and c2. A ratio is a linear contrast of the four logarithms,
profiled like any other. Its error is that of the difference between both curves, replicate by replicate where they have
the same ones. What the search shares within a batch size counts as if both had been searched apart: they share search
points, so that intervals are, if anything, too wide.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from theory import HYPERBOLA
from verification.fits.curves import FittedCurve, estimate
from verification.fits.errors import Errors, beside
from verification.fits.fit import OPEN, Fit, Interval, Problem, fit_laws
from verification.fits.likelihood import Array, joined
from verification.fits.newton import StepLaw
from verification.fits.profile import profile_intervals
from verification.inference.detectable import detectable
from verification.inference.known import Known, Profiled, Slope
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
        p: Two-sided; None when it could not be done.
        interval_90: Of the ratio (over the prediction).
        detectable: The smallest factor seen with probability 0.8; None where its error is unknown.
        verdict: On the ratio being 1 within a factor 1.25: supported, rejected or inconclusive.
    """

    p: float | None
    interval_90: Interval
    detectable: float | None
    verdict: str


NO_TEST = RatioTest(p=None, interval_90=OPEN, detectable=None, verdict="inconclusive")


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
    def replicated(self) -> bool:
        """Whether both curves have two replicates in common, so that intervals are between seeds."""
        return len(set(self.dense.units.replicates) & set(self.sparse.units.replicates)) > 1

    @property
    def problem(self) -> Problem:
        """What is fitted jointly where both curves have a fit, the dense curve's points first."""
        start = np.array([*self.dense.laws["H"].fit.theta, *self.sparse.laws["H"].fit.theta])
        law = JointLaw(HYPERBOLA, len(self.dense.curve.points), 2)
        return Problem(law, joined(self.dense.aligned, self.sparse.aligned), start[None, :])

    @property
    def errors(self) -> Errors:
        """The errors of the joint fit, where there is one."""
        if self.fit is None:
            raise ValueError(f"a pair without a fit has no errors: {self.reason}")
        return beside(self.problem, self.fit, self.dense.errors("H"), self.sparse.errors("H"))

    def known(self, quantity: str) -> Profiled | None:
        """Return the logarithm of one ratio (c1, c2, b_crit) with its error; None where the data tell none."""
        if self.fit is None:
            return None
        errors, contrast = self.errors, RATIOS[quantity]
        scale, ends = errors.of(contrast), self.intervals.get(quantity, OPEN)
        bounded = None not in {ends.low, ends.high}
        return None if scale is None else Profiled(self.problem, self.fit, errors, contrast, scale, bounded)

    @property
    def direction_disagrees(self) -> bool:
        """Whether fitted and predicted ratio of c1 lie on different sides of 1; one open on both sides lies on none."""
        fitted = self.ratios.get("c1")
        if fitted is None or self.intervals["c1"] == OPEN or isinstance(self.prediction, Missing):
            return False
        return (fitted - 1.0) * (self.prediction.c1.ratio - 1.0) < 0.0


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
    pairs = fitted_pairs(sides, measured)
    for members in _alike(pairs).values():
        group = [pairs[i] for i in members]
        problems, fits = [pair.problem for pair in group], [pair.fit for pair in group if pair.fit is not None]
        errors = [pair.errors for pair in group]
        wanted = [(name, level) for level in (0.95, 0.90) for name in RATIOS]
        intervals = profile_intervals(problems, fits, RATIOS, wanted, errors)
        for i, pair, fit, ends in zip(members, group, fits, intervals, strict=True):
            ratios = {name: estimate(fit, contrast) for name, contrast in RATIOS.items()}
            compared = replace(pair, ratios=ratios, intervals={name: ends[name, 0.95] for name in RATIOS})
            pairs[i] = replace(compared, tests=_tests(compared, {name: ends[name, 0.90] for name in RATIOS}))
    return pairs


def fitted_pairs(sides: Sequence[tuple[FittedCurve, FittedCurve]], measured: Measured) -> list[Pair]:
    """Fit curves two by two, without intervals.

    Args:
        sides: The curve to compare with (the dense one), then the other.
        measured: Constants, for the predictions.
    """
    pairs = []
    for dense, sparse in sides:
        reasons = [f"{n}: {side.reason}" for n, side in (("dense", dense), ("sparse", sparse)) if side.reason]
        pairs.append(
            Pair(
                dense=dense,
                sparse=sparse,
                fit=None,
                ratios={},
                intervals={},
                prediction=predict_from(measured, sparse.curve.workload, sparse.curve.sparsity),
                reason=reasons[0] if reasons else None,
            )
        )
    for members in _alike(pairs).values():
        for i, fit in zip(members, fit_laws([pairs[i].problem for i in members]), strict=True):
            pairs[i] = replace(pairs[i], fit=fit)
    return pairs


def _alike(pairs: Sequence[Pair]) -> dict[int, list[int]]:
    """Return the positions of pairs that can be fitted, by the number of points of the dense curve."""
    found: dict[int, list[int]] = {}
    for i, pair in enumerate(pairs):
        if pair.reason is None:
            found.setdefault(len(pair.dense.curve.points), []).append(i)
    return found


def _tests(pair: Pair, at_90: Mapping[str, Interval]) -> dict[str, RatioTest]:
    """Return the tests of one pair."""
    tests = {}
    for name, interval in at_90.items():
        known = pair.known(name)
        tests[name] = NO_TEST if known is None else _ratio_test(known, interval)
    off = over_prediction(pair)
    tests["prediction"] = NO_TEST if isinstance(off, Missing) else _ratio_test(off, off.interval(0.90).map(math.exp))
    return tests


def over_prediction(pair: Pair) -> Slope | Missing:
    """Return the logarithm of the fitted ratio of c1 over the predicted one, the errors of both carried.

    Args:
        pair: A pair.

    Returns:
        It, with Welch's degrees of freedom; or why there is none.
    """
    known, made = pair.known("c1"), pair.prediction
    if isinstance(made, Missing):
        return made
    if known is None or known.error is None or pair.ratios["c1"] is None:
        return Missing("the data do not bound the ratio of c1")
    off = Slope(known.value - math.log(made.c1.ratio), known.error, known.freedom)
    error = made.c1.error_between_seeds
    return off if error is None else off.plus(error**2, made.seeds - 1)


def _ratio_test(known: Known, interval_90: Interval) -> RatioTest:
    """Return the test of a ratio being 1, and whether it is within a factor 1.25."""
    above = known.above()
    low, high = 1.0 / MARGIN, MARGIN
    verdict = "inconclusive"
    if interval_90.inside(low, high):
        verdict = "supported"
    elif interval_90.excludes(low) and interval_90.excludes(high) and not interval_90.inside(low, high):
        verdict = "rejected"
    seen = detectable(known.error, known.freedom)
    return RatioTest(p=2.0 * min(above, 1.0 - above), interval_90=interval_90, detectable=seen, verdict=verdict)
