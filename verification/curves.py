"""A measured curve with its laws fitted, in natural units."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from theory import LAWS, Law, critical_batch_size_20_percent
from verification.fit import (
    Fit,
    Interval,
    Problem,
    fit_law,
    p_value,
    profile_interval,
    starting_points,
    why_no_fit,
)
from verification.likelihood import Observations, observe, relative_to
from verification.records import Curve

# Which linear combinations of fit coordinates get an interval. b_crit = c1/c2 is a constant of law H alone; of law P
# only alpha is asked for, and the unit of its c1 depends on it.
CONTRASTS: Mapping[str, Mapping[str, tuple[float, ...]]] = MappingProxyType(
    {
        "H": {"c1": (1.0, 0.0), "c2": (0.0, 1.0), "b_crit": (1.0, -1.0)},
        "P": {"alpha": (0.0, 0.0, 1.0)},
    }
)
# The largest logarithm of a constant that is reported as a number.
LARGEST_LOG = 700.0


@dataclass(frozen=True)
class FittedLaw:
    """A law on one curve.

    Attributes:
        law: The law.
        problem: What was fitted.
        fit: Its fit and certificate.
        theta: Fit coordinates for batch sizes in examples, so that `law.natural(theta)` are its constants.
        estimates: Constant to value; None where the data hold no trace of it.
        intervals: Constant to its 95% profile-likelihood interval.
    """

    law: Law
    problem: Problem
    fit: Fit
    theta: tuple[float, ...]
    estimates: Mapping[str, float | None]
    intervals: Mapping[str, Interval]


@dataclass(frozen=True)
class AlphaTest:
    """Likelihood ratio test of alpha = 1 in c1/B^alpha + c2, that is of law H within law P.

    Attributes:
        deviance: Twice the log-likelihood H loses, >= 0.
        p: By the small-sample correction; None when there are too few points.
        interval_90: Profile-likelihood interval of alpha, for the equivalence rule.
    """

    deviance: float
    p: float | None
    interval_90: Interval


@dataclass(frozen=True)
class FittedCurve:
    """A curve, the laws fitted to it, or the reason why none was.

    Attributes:
        curve: The measured curve.
        data: Its points as arrays.
        laws: Law id to fit; empty when there is none.
        alpha_test: None when law P was not fitted.
        reason: Why there is no fit, else None.
    """

    curve: Curve
    data: Observations
    laws: Mapping[str, FittedLaw]
    alpha_test: AlphaTest | None
    reason: str | None

    @property
    def hyperbola(self) -> FittedLaw | None:
        """The paper's law, None when it was not fitted."""
        return self.laws.get("H")


def fit_curve(curve: Curve) -> FittedCurve:
    """Fit law H, and law P where there is a point to spare, to one curve.

    Args:
        curve: The curve.

    Returns:
        The fits, or the reason why there are none.
    """
    data = observe(curve.points)
    reason = why_no_fit(data)
    if reason is not None:
        return FittedCurve(curve, data, {}, None, reason)
    laws = {"H": _fit_hyperbola(data, min(p.batch_size for p in curve.points))}
    test = None
    if len(curve.reached_batch_sizes) > 3:
        laws["P"] = _fit_power(data, min(p.batch_size for p in curve.points))
        test = _alpha_test(laws["H"].fit, laws["P"])
    return FittedCurve(curve, data, laws, test, None)


def _fit_hyperbola(data: Observations, smallest: int) -> FittedLaw:
    """Fit law H; the 20% critical batch size is counted from the smallest batch size."""

    def cbs20(b_crit: float) -> float:
        return critical_batch_size_20_percent(b_crit, 1.0, smallest)

    fitted = _fitted(LAWS["H"], data)
    b_crit = fitted.estimates["b_crit"]
    return replace(
        fitted,
        estimates={**fitted.estimates, "cbs20": None if b_crit is None else cbs20(b_crit)},
        intervals={**fitted.intervals, "cbs20": fitted.intervals["b_crit"].map(cbs20)},
    )


def _fit_power(data: Observations, smallest: int) -> FittedLaw:
    """Fit law P with batch sizes in units of the smallest one, where c1 and alpha hardly depend on each other."""
    fitted = _fitted(LAWS["P"], relative_to(data, smallest))
    log_c1, log_c2, log_alpha = fitted.fit.theta
    log_c1 += math.exp(log_alpha) * math.log(smallest)
    known = estimate(fitted.fit, (1.0, 0.0, 1.0)) is not None and log_c1 < LARGEST_LOG
    c1, c2 = math.exp(log_c1) if known else None, estimate(fitted.fit, (0.0, 1.0, 0.0))
    return replace(fitted, theta=(log_c1, log_c2, log_alpha), estimates={"c1": c1, "c2": c2, **fitted.estimates})


def _fitted(law: Law, data: Observations) -> FittedLaw:
    """Fit one law and read its constants off it."""
    problem = Problem(law, data, starting_points(data, len(law.parameter_names)))
    fit = fit_law(problem)
    contrasts = CONTRASTS[law.id]
    estimates = {name: estimate(fit, contrast) for name, contrast in contrasts.items()}
    intervals = {name: profile_interval(problem, fit, contrast) for name, contrast in contrasts.items()}
    return FittedLaw(law, problem, fit, fit.theta, estimates, intervals)


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
    return math.exp(sum(a * t for a, t in zip(contrast, fit.theta, strict=True)))


def _alpha_test(hyperbola: Fit, power: FittedLaw) -> AlphaTest:
    """Compare law H with law P."""
    deviance = max(0.0, 2.0 * (power.fit.log_likelihood - hyperbola.log_likelihood))
    interval = profile_interval(power.problem, power.fit, CONTRASTS["P"]["alpha"], level=0.90)
    return AlphaTest(deviance, p_value(deviance, power.fit.n, len(power.fit.theta)), interval)
