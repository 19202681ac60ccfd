"""Tests of one curve against their plain twins, and on curves whose truth is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.verification import tests as twin
from tools.fitted import fitted_anew

from theory import HYPERBOLA, TUNED_TEXTBOOK
from verification.fits.curves import fit_curve, fit_curves
from verification.fits.likelihood import Observations, observe
from verification.inference import curve_tests
from verification.inference.bootstrap import design_of, draw
from verification.inference.curve_tests import bulges, linearity, rises, with_tests
from verification.records.curves import Curve, CurvePoint

SIZES = tuple(2**i for i in range(10))


def curve(seed=0, law=HYPERBOLA, c1=3000.0, c2=30.0, sigma=0.08, replicates=1, step=0.0, sizes=SIZES, budget=math.inf):
    rng = np.random.default_rng(seed)
    points = []
    for size in sizes:
        for replicate in range(replicates):
            steps = float(law.steps(size, c1=c1, c2=c2)) * math.exp(sigma * rng.standard_normal())
            upper = math.ceil(steps / step) * step if step else steps
            ends = (upper - step, upper) if upper <= budget else (budget, None)
            points.append(CurvePoint(size, replicate, *ends))
    return Curve(points=tuple(points))


def test_lack_of_fit_is_told_with_its_freedom():
    """Three replicates at ten batch sizes, two constants each: 10 - 2, and 2 (10 - 2)."""
    fitted = fit_curve(curve(replicates=3))
    (test,) = linearity(fitted, fitted.hyperbola).values()
    assert test.method == "lack of fit, F(8, 16) on replicates"
    assert (test.statistic, test.p) == (fitted.misfit("H").statistic, fitted.misfit("H").p)


def test_lack_of_fit_sees_a_law_that_is_not_the_papers():
    bent = fit_curve(curve(replicates=3, law=TUNED_TEXTBOOK, c1=800.0, sigma=0.03))
    assert linearity(bent, bent.hyperbola)["lack_of_fit"].p < 1e-6
    alone = fit_curve(curve(law=TUNED_TEXTBOOK, c1=800.0, sigma=0.01))
    assert linearity(alone, alone.hyperbola)["reset"].p < 0.05
    few = fit_curve(curve(sizes=(1, 4, 16, 64)))
    assert linearity(few, few.hyperbola)["lack_of_fit"].p is None


def test_tied_counts_in_the_middle_are_no_bend():
    """K/K_fit of equal counts is a line in the share: the rainbow test would divide by rounding."""
    sizes, steps = (4, 8, 16, 32, 64, 128, 256), (400, 240, 160, 160, 160, 152, 150)
    points = tuple(CurvePoint(size, 0, k - 1.0, float(k)) for size, k in zip(sizes, steps, strict=True))
    fitted = fit_curve(Curve(points=points))
    tests = linearity(fitted, fitted.hyperbola)
    assert tests["rainbow"].p is None
    assert tests["rainbow"].method.endswith("no scatter left beyond that of the evaluation grid")
    assert 0.0 < tests["reset"].p < 1.0


def test_ties_are_no_bend_on_a_coarse_grid():
    """Law H, 10% scatter, counts in steps of 16: of 60 curves 5% fall below 0.05, 11 less than once in 5000 times."""
    sizes = (4, 8, 16, 32, 64, 128, 256)
    curves = [curve(sizes=sizes, c1=1000.0, c2=40.0, sigma=0.1, step=16, seed=seed) for seed in range(60)]
    found = [linearity(fitted, fitted.hyperbola)["rainbow"].p for fitted in fit_curves(curves)]
    known = [p for p in found if p is not None]
    assert 0 < len(known) < len(found)
    assert sum(p < 0.05 for p in known) <= 10


def test_replicates_that_are_all_alike_measure_no_scatter():
    steps = {4: 400.0, 8: 240.0, 16: 160.0, 32: 130.0}
    points = tuple(CurvePoint(size, i, k - 1.0, k) for size, k in steps.items() for i in range(2))
    fitted = fit_curve(Curve(points=points))
    (test,) = linearity(fitted, fitted.hyperbola).values()
    assert test.p is None
    assert "on replicates: no scatter left" in test.method


@given(st.lists(st.floats(1.0, 9.0), min_size=10, max_size=10))
def test_rises_and_bulges_are_those_of_the_plain_way(logs):
    logs = np.array(logs)
    data = Observations(*(array[None] for array in (np.log(np.array(SIZES, dtype=float)), logs, logs)))
    expected = ((logs - np.array(twin.falling(logs.tolist()))) ** 2).sum() / 0.25
    assert rises(data, np.array([0.5]))[0] == pytest.approx(expected, abs=1e-9)
    assert bulges(data, np.array([0.5]))[0] == pytest.approx(2 * twin.largest_bulge(SIZES, np.exp(logs)), rel=1e-9)


def test_chords_of_some_draws_at_a_time_are_those_of_all(monkeypatch):
    logs = np.random.default_rng(0).normal(size=(7, len(SIZES)))
    data = Observations(*(np.broadcast_to(one, logs.shape) for one in (np.log(SIZES), logs, logs)))
    whole = bulges(data, np.ones(7))
    monkeypatch.setattr(curve_tests, "_CHORDS_AT_ONCE", 300)  # of two draws
    assert bulges(data, np.ones(7)).tolist() == whole.tolist()


@pytest.mark.parametrize(
    ("test", "steps"),
    [
        ("monotone", [100.0, 50.0, 25.0, 15.0, 12.0, 15.0, 20.0, 27.0, 35.0, 45.0]),
        ("convex", [100.0, 60.0, 35.0, 25.0, 20.0, 90.0, 15.0, 14.0, 14.0, 14.0]),
    ],
)
def test_a_curve_that_rises_or_bulges_is_seen(test, steps):
    points = tuple(CurvePoint(b, 0, k, k) for b, k in zip(SIZES, steps, strict=True))
    tests = with_tests(fit_curve(Curve(points=points)), 200).tests
    assert tests[test].p < 0.05


def test_draws_are_measured_as_the_curve_was():
    data = observe(curve(step=4.0, budget=2000.0).points)
    assert not data.reached.all()
    design = design_of(data)
    assert design.width == pytest.approx(4.0)
    drawn = draw(design, HYPERBOLA.log_steps(data.log_batch_size, np.log([3000.0, 30.0])), 0.1, 500)
    upper, lower = np.exp(drawn.log_upper), np.exp(drawn.log_lower)
    reached = drawn.reached
    assert (upper[reached] <= 2000.0 + 1e-6).all()
    assert np.abs(upper[reached] / 4.0 - np.round(upper[reached] / 4.0)).max() < 1e-6
    assert (upper - lower)[reached] == pytest.approx(4.0, abs=1e-6)
    assert lower[~reached] == pytest.approx(2000.0)
    # At B = 1 the law has 3030 steps, 4.2 sigma above the budget; at B = 2 1530, 2.7 sigma below.
    assert (~reached[:, 0]).mean() > 0.99
    assert (~reached[:, 1]).mean() < 0.02
    # Means of log K at a middle point: sigma/sqrt(500) is .0045, the grid's own width 4 percent of 124.
    middle = 0.5 * (np.log(upper[:, 5]) + np.log(lower[:, 5]))
    assert middle.mean() == pytest.approx(math.log(3000 / 32 + 30), abs=4 * 0.0045 + 0.001)
    assert middle.std() == pytest.approx(0.1, rel=0.2)


def test_exact_counts_stay_exact():
    data = observe(curve().points)
    drawn = draw(design_of(data), data.log_middle, 0.1, 3)
    assert (drawn.log_lower == drawn.log_upper).all()


def test_alpha_and_h_tell_a_textbook_curve_from_a_hyperbola():
    fitted = with_tests(
        fit_curve(curve(law=TUNED_TEXTBOOK, c1=800.0, sigma=0.02, sizes=tuple(2**i for i in range(14)))), 200
    )
    assert fitted.shape_p["S"] < 0.01
    assert 0.2 < fitted.laws["S"].estimates["h"] < 0.5
    assert fitted.rivals["X"].p < 0.01
    assert fitted.rivals["X"].vuong_z > 2.0
    assert fitted.laws["X"].weight > 0.99


def test_a_hyperbola_keeps_its_law():
    fitted = with_tests(fit_curve(curve(seed=4)), 200)
    assert all(p > 0.05 for p in fitted.shape_p.values())
    assert all(rival.p > 0.05 for rival in fitted.rivals.values())
    assert fitted.rivals["X"].vuong_z < 0.0


def test_vuong_is_the_standardised_gain_of_the_points():
    fitted = with_tests(fit_curve(curve(seed=4)), 0)
    h, x = (fitted.laws[law] for law in ("H", "X"))
    y = fitted.data.log_middle

    def points(law):
        gap = y - law.law.log_steps(fitted.data.log_batch_size, np.array(law.theta))
        return -0.5 * (gap / law.fit.sigma) ** 2 - math.log(law.fit.sigma)

    gain = points(x) - points(h)
    assert fitted.rivals["X"].vuong_z == pytest.approx(gain.sum() / (math.sqrt(len(y)) * gain.std()), rel=1e-6)
    assert fitted.rivals["X"].log_ratio == pytest.approx(2 * gain.sum(), rel=1e-6)
    assert fitted.rivals["X"].p is None


def test_curves_without_scatter_or_points_have_no_p_values_from_draws():
    exact = with_tests(fit_curve(curve(sigma=0.0)), 50)
    assert exact.tests["monotone"].p is None
    assert exact.tests["lack_of_fit"].p is None
    short = with_tests(fit_curve(curve(sizes=(1, 16, 256))), 50)
    assert short.shape_p == {}
    unfitted = fit_curve(Curve(points=(CurvePoint(1, 0, 5.0, 5.0),)))
    assert with_tests(unfitted, 50) is unfitted


def test_the_same_curve_has_the_same_p_values():
    with fitted_anew():
        first = with_tests(fit_curve(curve(seed=5)), 100)
    second = with_tests(fit_curve(curve(seed=5)), 100)
    assert first.shape_p == second.shape_p
    assert first.tests == second.tests
