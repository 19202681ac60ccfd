"""A measured curve with its laws fitted, in natural units."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np

from theory import LAWS, NOISY_QUADRATIC, Law, critical_batch_size_20_percent
from verification.fits.errors import Errors, errors_of, misfit_of
from verification.fits.fit import Fit, Interval, Problem, fit_laws, starting_points, why_no_fit
from verification.fits.likelihood import Observations, observe, relative_to, stacked
from verification.fits.misfit import Misfit
from verification.fits.profile import profile_intervals
from verification.fits.robust import RobustFit, robust_fit
from verification.fits.starts import grid_starts
from verification.fits.units import Units, units_of
from verification.records.curves import Curve

CANDIDATES: Mapping[str, Law] = MappingProxyType({**LAWS, NOISY_QUADRATIC.id: NOISY_QUADRATIC})
# The largest logarithm of a constant that is reported as a number.
LARGEST_LOG = 700.0


@dataclass(frozen=True, kw_only=True)
class FittedLaw:
    """A law on one curve.

    Attributes:
        law: The law.
        unit: Batch size in which the fit counts: 1, or the smallest measured where c1 depends on the shape.
        fit: Its fit and certificate; its theta counts batch sizes in `unit` examples.
        theta: Fit coordinates for batch sizes in examples, so that `law.natural(theta)` are its constants.
        estimates: Constant to value; None where the data hold no trace of it.
        intervals: Constant to its 95% profile-likelihood interval.
        weight: AICc weight among the laws fitted to the curve; None when there are too few points for it.
    """

    law: Law
    unit: int
    fit: Fit
    theta: tuple[float, ...]
    estimates: Mapping[str, float | None]
    intervals: Mapping[str, Interval]
    weight: float | None = None

    @property
    def parameters(self) -> dict[str, float]:
        """What `law.steps` takes to draw the fitted curve."""
        return self.law.natural(self.theta)

    @property
    def identified(self) -> dict[str, bool]:
        """Constant to whether the data bound it on both sides."""
        return {name: None not in {ends.low, ends.high} for name, ends in self.intervals.items()}


@dataclass(frozen=True)
class CurveTest:
    """One test: its statistic, its p-value (None when it could not be done) and the method or the reason."""

    statistic: float | None
    p: float | None
    method: str


@dataclass(frozen=True, kw_only=True)
class Rival:
    """Law H against another law.

    Attributes:
        log_ratio: Twice the log-likelihood by which the rival fits better; negative when H does.
        p: Probability of a ratio at least as large if H holds, from draws; None without draws.
        vuong_z: Positive when the rival is nearer; standard normal when both are equally near. None at equal fits.
        vuong_p: Two-sided.
    """

    log_ratio: float
    p: float | None
    vuong_z: float | None
    vuong_p: float | None


@dataclass(frozen=True, kw_only=True)
class FittedCurve:
    """A curve, the laws fitted to it, or the reason why none was.

    Attributes:
        curve: The measured curve.
        data: Its points as arrays.
        units: Its replicates.
        laws: Law id to fit; empty when there is none.
        shape_p: Law id (P, S) to the p-value of its shape being 1 (alpha in law P, h in law S), that is of law H; None
            where points are too few, empty when the laws were not fitted.
        robust: The paper's law by Cauchy loss, None when nothing was fitted.
        reason: Why there is no fit, else None.
        tests: Name to test; empty until they were done.
        rivals: Law id to its comparison with law H; likewise.
    """

    curve: Curve
    data: Observations
    units: Units
    laws: Mapping[str, FittedLaw]
    shape_p: Mapping[str, float | None]
    robust: RobustFit | None
    reason: str | None
    tests: Mapping[str, CurveTest] = field(default_factory=dict)
    rivals: Mapping[str, Rival] = field(default_factory=dict)

    @property
    def group(self) -> tuple[str, str]:
        """Workload and goal of the curve."""
        return self.curve.group

    @property
    def sparsity(self) -> float:
        """Sparsity of the curve, percent."""
        return self.curve.sparsity

    @property
    def aligned(self) -> Observations:
        """Its points less the intercepts of their replicates: what laws are fitted to."""
        return self.units.aligned(self.data)

    @property
    def hyperbola(self) -> FittedLaw | None:
        """The paper's law, None when it was not fitted."""
        return self.laws.get("H")

    @cached_property
    def without_torn(self) -> FittedLaw | None:
        """The paper's law without the batch sizes at which some runs missed the goal; None where there are none."""
        torn = self.curve.torn_batch_sizes
        return fit_curve(self.curve.without(torn)).hyperbola if torn else None

    def problem(self, law: str) -> Problem:
        """Return what one of its laws was fitted to, from where the fit ended."""
        one = self.laws[law]
        data = self.aligned if one.unit == 1 else relative_to(self.aligned, one.unit)
        return Problem(one.law, data, np.array([one.fit.theta]), self.units)

    def errors(self, law: str) -> Errors:
        """Return the errors of one of its laws, in the coordinates of its fit."""
        return errors_of(self.problem(law), self.laws[law].fit)

    def misfit(self, law: str, *, whole: bool = False) -> Misfit | None:
        """Return how far the mean of its replicates lies off one of its laws, None where that is not known.

        Args:
            law: One of `laws`.
            whole: Leave out batch sizes at which a replicate is known from one side; the others are the fast or slow.
        """
        return misfit_of(self.problem(law), self.laws[law].fit, whole=whole)


def contrasts(law: Law) -> dict[str, tuple[float, ...]]:
    """Return which linear combinations of a law's fit coordinates get an interval.

    Args:
        law: One of `CANDIDATES`.

    Returns:
        Constant to contrast, of shape (p,). c1, c2 and b_crit where c1 counts steps x examples as in law H, and the
        shape.

    Example:
        >>> contrasts(LAWS["H"])["b_crit"], contrasts(LAWS["P"])
        ((1.0, -1.0), {'alpha': (0.0, 0.0, 1.0)})
    """
    unit = {
        name: tuple(row) for name, row in zip(law.parameter_names, np.eye(len(law.parameters)).tolist(), strict=True)
    }
    shape = {} if law.shape is None else {law.shape: unit[law.shape]}
    if not law.counts_examples:
        return shape
    b_crit = tuple(a - b for a, b in zip(unit["c1"], unit["c2"], strict=True))
    return {"c1": unit["c1"], "c2": unit["c2"], "b_crit": b_crit, **shape}


def fit_curve(curve: Curve) -> FittedCurve:
    """Fit every law to one curve; see `fit_curves`."""
    return fit_curves([curve])[0]


def fit_curves(curves: Sequence[Curve]) -> tuple[FittedCurve, ...]:
    """Fit every law to every curve; laws with a third parameter where there is a point to spare.

    One iteration fits a law to all curves, and one finds all ends of its intervals.

    Args:
        curves: Any curves.

    Returns:
        The fitted curves; without laws and with a reason where fewer than 3 batch sizes reached the goal.
    """
    data = [observe(curve.points) for curve in curves]
    units = [units_of(curve.points, one) for curve, one in zip(curves, data, strict=True)]
    aligned = [one.aligned(points) for one, points in zip(units, data, strict=True)]
    reasons = [why_no_fit(one) for one in data]
    laws: list[dict[str, FittedLaw]] = [{} for _ in curves]
    shapes: list[dict[str, float | None]] = [{} for _ in curves]
    for law in CANDIDATES.values():
        few = len(law.parameters)
        chosen = [i for i, one in enumerate(data) if reasons[i] is None and one.bounded_batch_sizes > few]
        smallest = [curves[i].points[0].batch_size for i in chosen]
        fitted = _fit_each(law, [aligned[i] for i in chosen], [units[i] for i in chosen], smallest)
        for i, (one, problem) in zip(chosen, fitted, strict=True):
            laws[i][law.id] = one
            if law.shape is not None:
                shapes[i][law.id] = _p_of_shape(laws[i]["H"].fit, one, problem)
    for found, curve in zip(laws, curves, strict=True):
        if "H" in found:
            found["H"] = _with_20_percent(found["H"], curve.points[0].batch_size)
    return tuple(
        FittedCurve(
            curve=curve,
            data=data[i],
            units=units[i],
            laws=_weighted(laws[i]),
            shape_p=shapes[i],
            robust=_robust(laws[i]["H"], aligned[i]) if laws[i] else None,
            reason=reasons[i],
        )
        for i, curve in enumerate(curves)
    )


def _fit_each(
    law: Law, data: Sequence[Observations], units: Sequence[Units], smallest: Sequence[int]
) -> list[tuple[FittedLaw, Problem]]:
    """Fit one law to the points of each curve and read its constants off it.

    Args:
        law: One of `CANDIDATES`.
        data: Shapes (n_i,), less the intercepts of replicates; what `why_no_fit` lets through.
        units: The replicates of each.
        smallest: The smallest batch size of each: where c1 depends on the shape, it does so least in units of that.

    Returns:
        The fitted laws, each with what was fitted.
    """
    if not data:
        return []
    counted = [1 if law.counts_examples else size for size in smallest]
    data = [one if size == 1 else relative_to(one, size) for one, size in zip(data, counted, strict=True)]
    problems = problems_of(law, data, units)
    fits = fit_laws(problems)
    intervals = profile_intervals(problems, fits, contrasts(law), [(name, 0.95) for name in contrasts(law)])
    return [
        (_in_examples(law, fit, {name: ends[name, 0.95] for name in contrasts(law)}, size), problem)
        for problem, fit, ends, size in zip(problems, fits, intervals, counted, strict=True)
    ]


def problems_of(law: Law, data: Sequence[Observations], units: Sequence[Units]) -> list[Problem]:
    """Return a law beside the points of each curve, with the starts that its fit climbs from.

    Args:
        law: One of `CANDIDATES`.
        data: Shapes (n_i,), less the intercepts of replicates.
        units: The replicates of each.
    """
    p = len(law.parameter_names)
    grid = grid_starts(law, stacked(data), p)
    starts = [np.concatenate([grid[:, i], starting_points(one, p)]) for i, one in enumerate(data)]
    return [Problem(law, *one) for one in zip(data, starts, units, strict=True)]


def _in_examples(law: Law, fit: Fit, intervals: dict[str, Interval], unit: int) -> FittedLaw:
    """Return a fitted law with its constants for batch sizes in examples."""
    estimates = {name: estimate(fit, contrast) for name, contrast in contrasts(law).items()}
    theta = tuple(law.scale_with_batch(fit.theta, unit).tolist())
    if not law.counts_examples:
        c2 = tuple(float(name == "c2") for name in law.parameter_names)
        known = estimate(fit, tuple(1.0 - one for one in c2)) is not None and theta[0] < LARGEST_LOG
        estimates = {"c1": math.exp(theta[0]) if known else None, "c2": estimate(fit, c2), **estimates}
    return FittedLaw(law=law, unit=unit, fit=fit, theta=theta, estimates=estimates, intervals=intervals)


def _with_20_percent(fitted: FittedLaw, smallest: int) -> FittedLaw:
    """Return law H with the batch size up to which it needs at most 20% more examples than the smallest."""

    def cbs20(b_crit: float) -> float:
        return critical_batch_size_20_percent(b_crit, 1.0, smallest)

    b_crit = fitted.estimates["b_crit"]
    return replace(
        fitted,
        estimates={**fitted.estimates, "cbs20": None if b_crit is None else cbs20(b_crit)},
        intervals={**fitted.intervals, "cbs20": fitted.intervals["b_crit"].map(cbs20)},
    )


def estimate(fit: Fit, contrast: tuple[float, ...]) -> float | None:
    """Return exp(contrast . theta), None where the data hold no trace of a coordinate in it.

    Args:
        fit: A fit.
        contrast: Shape (p,).

    Returns:
        The estimate in natural units, or None.
    """
    if not all(traced for traced, a in zip(fit.traced, contrast, strict=True) if a):
        return None
    value = sum(a * t for a, t in zip(contrast, fit.theta, strict=True))
    return math.exp(value) if abs(value) < LARGEST_LOG else None


def _p_of_shape(hyperbola: Fit, wider: FittedLaw, problem: Problem) -> float | None:
    """Return the p-value of law H within a law that contains it, on one curve."""
    deviance = max(0.0, 2.0 * (wider.fit.log_likelihood - hyperbola.log_likelihood))
    scale = errors_of(problem, wider.fit).of(contrasts(wider.law)[wider.law.shape or ""])
    return None if scale is None else scale.p(deviance, wider.fit.n)


def _robust(hyperbola: FittedLaw, data: Observations) -> RobustFit:
    """Return law H by Cauchy loss."""
    return robust_fit(hyperbola.law, data, hyperbola.fit)


def _weighted(laws: Mapping[str, FittedLaw]) -> dict[str, FittedLaw]:
    """Return the laws with their AICc weights, exp(-AICc/2) to a sum of 1 over the laws that have an AICc."""
    known = {law: one.fit.aicc for law, one in laws.items() if one.fit.aicc is not None}
    if not known:
        return dict(laws)
    least = min(known.values())
    total = sum(math.exp(-0.5 * (aicc - least)) for aicc in known.values())
    weights = {law: math.exp(-0.5 * (aicc - least)) / total for law, aicc in known.items()}
    return {law: replace(one, weight=weights.get(law)) for law, one in laws.items()}
