"""Every law on its own curves: recovered, weighted, and fitted as statsmodels fits it."""

import math

import numpy as np
import pytest
from reference.verification import likelihood as twin

from theory import LAWS, NOISY_QUADRATIC
from verification.fits.curves import CANDIDATES, fit_curve, fit_curves
from verification.records.curves import Curve, CurvePoint

SIZES = tuple(2**i for i in range(12))
TRUTHS = {
    "H": {"c1": 4000.0, "c2": 40.0},
    "P": {"c1": 4000.0, "c2": 40.0, "alpha": 0.8},
    "S": {"c1": 4000.0, "c2": 40.0, "h": 0.5},
    "PW": {"c1": 4000.0, "c2": 40.0},
    "X": {"c1": 900.0, "c2": 40.0},
    "I": {"c1": 30.0, "c2": 40.0},
    "Q": {"c1": 4000.0, "c2": 40.0},
}
TWINS = {"S": twin.sharpness, "PW": twin.piecewise, "X": twin.textbook, "I": twin.fixed_rate, "P": twin.power_law}


def curve_of(steps):
    return Curve(points=tuple(CurvePoint(b, 0, k, k) for b, k in zip(SIZES, steps, strict=True)))


def noisy(law, seed):
    rng = np.random.default_rng(seed)
    return CANDIDATES[law].steps(SIZES, **TRUTHS[law]) * np.exp(0.08 * rng.standard_normal(len(SIZES)))


def test_every_law_of_theory_is_a_candidate():
    assert CANDIDATES.keys() == TRUTHS.keys() == LAWS.keys() | {NOISY_QUADRATIC.id}


@pytest.mark.parametrize("law", TRUTHS)
def test_constants_of_an_exact_curve_are_recovered_and_its_law_gets_the_weight(law):
    fitted = fit_curve(curve_of(CANDIDATES[law].steps(SIZES, **TRUTHS[law])))
    found = fitted.laws[law]
    assert found.fit.converged
    # Exact counts have a scatter at the floor of 1e-6: a constant is known to that.
    assert {name: found.estimates[name] for name in TRUTHS[law]} == pytest.approx(TRUTHS[law], rel=1e-5)
    # Laws P and S contain H; where H holds they fit as well with one parameter more.
    best = max(fitted.laws, key=lambda one: fitted.laws[one].weight)
    assert best == law
    assert sum(one.weight for one in fitted.laws.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("law", TWINS)
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_the_fit_is_no_worse_than_that_of_statsmodels(law, seed):
    """A simplex from the truth, and from our optimum: neither finds a higher likelihood than 1e-6 above ours."""
    steps = noisy(law, seed)
    fit = fit_curve(curve_of(steps)).laws[law]
    rows = [(b, k, k) for b, k in zip(SIZES, steps, strict=True)]
    truth = [math.log(value) for value in TRUTHS[law].values()]
    theta = list(fit.theta)
    for start in (truth, theta):
        _, _, value = twin.fit(rows, [*start, math.log(0.08)], TWINS[law])
        assert value <= fit.fit.log_likelihood + 1e-6
    ours = sum(twin.point_log_likelihood(k, k, TWINS[law](b, *theta), fit.fit.sigma) for b, k, _ in rows)
    assert ours == pytest.approx(fit.fit.log_likelihood, abs=1e-8)


def test_a_study_that_never_finishes_speaks_for_the_law_that_predicts_it():
    """Law I has no finite K up to its B0: spent budgets there cost it nothing, and cost law H a great deal."""
    points = [CurvePoint(b, 0, 1e5, None) for b in (1, 2, 4)]
    steps = CANDIDATES["I"].steps(SIZES[3:], c1=5.0 * 40.0, c2=40.0)
    rng = np.random.default_rng(0)
    noise = np.exp(0.05 * rng.standard_normal(len(steps)))
    points += [CurvePoint(b, 0, k, k) for b, k in zip(SIZES[3:], steps * noise, strict=True)]
    fitted = fit_curve(Curve(points=tuple(points)))
    assert fitted.laws["I"].weight > 0.99
    assert fitted.laws["I"].estimates["b_crit"] == pytest.approx(5.0, rel=0.1)


def test_constants_without_a_bound_are_flagged():
    rng = np.random.default_rng(1)
    steps = [1000.0 / b * math.exp(0.1 * rng.standard_normal()) for b in (1, 2, 4, 8, 16)]
    points = tuple(CurvePoint(2**i, 0, k, k) for i, k in enumerate(steps))
    law = fit_curve(Curve(points=points)).hyperbola
    assert law.identified["c1"]
    assert not law.identified["c2"]
    assert not law.identified["b_crit"]


def test_the_robust_fit_survives_a_wild_point_and_tells_it():
    steps = noisy("H", 3)
    clean = fit_curve(curve_of(steps)).hyperbola
    spoilt = []
    for wild in range(len(SIZES)):
        for factor in (0.1, 10.0):
            spoilt.append(steps.copy())
            spoilt[-1][wild] *= factor
    for fitted in fit_curves([curve_of(one) for one in spoilt]):
        assert clean.intervals["c1"].low < fitted.robust.c1 < clean.intervals["c1"].high
        assert clean.intervals["c2"].low < fitted.robust.c2 < clean.intervals["c2"].high
        assert fitted.robust.farthest > 10.0
