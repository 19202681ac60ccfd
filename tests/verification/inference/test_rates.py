"""What the rates of winners and of other trials say, on trials of known laws."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from reference.verification.clusters import summed
from samples.searched_curves import SIZES, searched
from scipy import stats

from verification.claims.analysis import analyse
from verification.claims.on_trials import (
    best_rate_grows,
    winners_inside,
)
from verification.fits.curves import contrasts, fit_curve
from verification.inference.known import Slope
from verification.inference.rates import (
    FIRST_TEST_RATES,
    NO_RATES,
    RACED,
    best_rates,
    fitted_window,
    line,
    rates,
    trial_window,
)
from verification.missing import Missing
from verification.records.curves import Curve, CurvePoint
from verification.records.records import Records
from verification.records.trials import Trial
from verification.report.details import detail_lines


def test_the_window_of_the_sharp_bound_has_power_one():
    for power in (1.0, 0.6):
        found = trial_window(searched(sigma=0.02, power=power))
        ends = found.interval()
        assert ends.low < power < ends.high
        assert ends.high - ends.low < 0.1
        assert found.p(power) > 0.05
    assert trial_window(searched(sigma=0.02, power=0.6)).p(1.0) < 1e-6


def test_the_best_rate_rises_as_the_sharp_bound_says():
    found = rates(fit_curve(searched(sigma=0.02)))
    # Rates are tried a factor 1.2 apart: a step of .2 in log eta*, of which .06 is the error.
    # Eight batch sizes spread by 1.6 in the predicted log rate: .06/(1.6 sqrt(8)) = .013, four of which are .053.
    assert found.sharp.value == pytest.approx(1.0, abs=0.053)
    assert found.product.value == pytest.approx(0.0, abs=0.053)
    (evidence,) = best_rate_grows([fit_curve(searched(sigma=0.02))], [found])
    assert evidence.p_for < 1e-4
    assert evidence.note == "between batch sizes only, not between seeds"


def test_the_power_of_the_sharp_bound_has_the_error_of_b_crit_in_it():
    """The slope is taken anew with B_crit moved by its standard error; the larger change adds to the slope's own."""
    fitted = fit_curve(searched(sigma=0.2))
    found, law = rates(fitted).sharp, fitted.laws["H"]
    eta = np.log([point.metaparameters["learning_rate"] for point in fitted.curve.points])
    error = fitted.errors("H").of(contrasts(law.law)["b_crit"]).error
    own, *moved = (
        stats.linregress(np.log([size / (size + law.estimates["b_crit"] * math.exp(by)) for size in SIZES]), eta)
        for by in (0.0, error, -error)
    )
    change = max(abs(one.slope - own.slope) for one in moved)
    assert found.value == pytest.approx(own.slope)
    assert found.error == pytest.approx(math.hypot(own.stderr, change))
    assert change > 0.1 * own.stderr  # or this would not be seen


def test_a_line_is_that_of_scipy():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 9))
    found, expected = line(x, y), stats.linregress(x, y)
    assert (found.value, found.error) == pytest.approx((expected.slope, expected.stderr))
    assert found.p() == pytest.approx(expected.pvalue)
    assert found.above() == pytest.approx(stats.linregress(x, y, alternative="greater").pvalue)


def test_replicates_are_the_units_of_the_slope_of_rates():
    """Rates of 1, 2 and 3 times log B: a slope of 2 with the error 1/sqrt(3)."""
    points = [
        CurvePoint(size, j, k, k, {"learning_rate": 1e-9 * size ** (j + 1.0)})
        for size in SIZES
        for j in range(3)
        for k in [(2000 / size + 30) * 1.01**j]
    ]
    slope = rates(fit_curve(Curve(points=tuple(points)))).rate
    assert (slope.value, slope.error, slope.freedom) == (pytest.approx(2.0), pytest.approx(3**-0.5), 2)
    alone = rates(fit_curve(Curve(points=tuple(p for p in points if p.replicate == 0)))).rate
    assert isinstance(alone, Missing)  # on a line, without scatter


def test_what_replicates_share_beyond_a_line_adds_to_the_error_of_its_slope():
    """As where one search serves them all: own lines leave residuals, whose means over replicates are lack of fit."""
    rng, x = np.random.default_rng(1), np.arange(6.0)
    table = 0.1 * rng.standard_normal((4, 1)) * x + 0.3 * rng.standard_normal(6) + 0.05 * rng.standard_normal((4, 6))
    found = line(np.tile(x, 4), table.ravel(), np.repeat([7, 3, 9, 5], 6))
    lines = [np.polyfit(x, row, 1) for row in table]
    left = np.array([row - np.polyval(one, x) for one, row in zip(lines, table, strict=True)])
    lack, pure = 4 * (left.mean(axis=0) ** 2).sum() / 4, ((left - left.mean(axis=0)) ** 2).sum() / 12
    weight = 1 / ((x - 2.5) ** 2).sum() / 4
    own = np.var([slope for slope, _ in lines], ddof=1) / 4
    variance, freedom = summed((weight * pure, 12), [(own, 3, weight * pure), (weight * lack, 4, weight * pure)])
    assert found.error > 1.3 * math.sqrt(own)
    assert (found.error, found.freedom) == (pytest.approx(math.sqrt(variance)), pytest.approx(freedom))


def test_a_slope_has_the_interval_of_student():
    found = Slope(1.0, 0.5, 4)
    assert found.interval().high == pytest.approx(1.0 + 0.5 * 2.7764, rel=1e-4)


def test_a_window_places_every_trial_over_its_own_best():
    """Without noise r = eta/eta* and K/K* = 1/(r (2 - r)), to the accuracy of the least squares."""
    curve = searched(sigma=0.0)
    window = fitted_window(curve)
    hits = [(one.batch_size, one.metaparameters["learning_rate"], one.upper) for one in curve.trials if one.upper]
    assert window.batch_size == tuple(size for size, _, _ in hits)
    truth = [eta * (1.0 + 2000.0 / 30.0 / size) / 0.5 for size, eta, _ in hits]
    assert window.multiple == pytest.approx(truth, rel=1e-4)
    assert window.slowdown == pytest.approx([steps / (2000.0 / size + 30.0) for size, _, steps in hits], rel=1e-4)
    assert fitted_window(searched(stop="race")) == Missing(RACED)


def test_a_rate_stands_beside_the_steps_of_its_own_trial_and_not_beside_k_rate():
    curve = searched(sigma=0.02)
    drawn = replace(curve, points=tuple(replace(p, upper=p.upper * p.batch_size, least=p.upper) for p in curve.points))
    assert rates(fit_curve(drawn)).product == rates(fit_curve(curve)).product
    assert best_rates(fit_curve(drawn)).product == best_rates(fit_curve(curve)).product


def test_the_product_of_a_decaying_rate_is_the_sum_of_its_rates():
    """A rate that falls to a half within a step, and then stays: 1 + (K - 1)/2 steps at the first one."""
    curve, decay = searched(sigma=0.02), {"decay_steps": 1.0, "end_learning_rate_factor": 0.5}
    falling = replace(curve, points=tuple(replace(p, metaparameters=p.metaparameters | decay) for p in curve.points))
    known, found = best_rates(fit_curve(curve)), best_rates(fit_curve(falling))
    assert found.rate == known.rate
    halves = [(1 + p.upper) / 2 for p in curve.points]
    assert found.product == pytest.approx([r * k for r, k in zip(known.rate, halves, strict=True)])
    assert rates(fit_curve(falling)).product != rates(fit_curve(curve)).product


def test_best_rates_stand_beside_theory_at_their_own_level():
    fitted = fit_curve(searched())
    found = best_rates(fitted)
    assert found.batch_size == SIZES
    assert found.rate == pytest.approx([point.metaparameters["learning_rate"] for point in fitted.curve.points])
    products = [r * point.upper for r, point in zip(found.rate, fitted.curve.points, strict=True)]
    assert found.product == pytest.approx(products)
    assert found.level == pytest.approx(math.exp(np.mean(np.log(products))))
    b_crit = fitted.laws["H"].estimates["b_crit"]
    shape = np.array(found.sharp) * (np.array(found.grid) + b_crit) / np.array(found.grid)
    assert shape == pytest.approx(np.full(len(shape), shape[0]))
    at = [size / (size + b_crit) for size in SIZES]
    assert shape[0] == pytest.approx(math.exp(np.mean(np.log(np.array(found.rate) / at))))
    knee = 2.0 * fitted.laws["X"].estimates["b_crit"]
    assert found.textbook[-1] / found.textbook[0] == pytest.approx(min(knee, SIZES[-1]) / SIZES[0])
    assert best_rates(
        fit_curve(Curve(workload="w", goal="g", sparsity=0.0, points=(CurvePoint(1, 0, 9.0, 9.0),)))
    ) == Missing(NO_RATES)


@pytest.mark.parametrize(("rates", "told"), [((0.1, 0.1, 0.1, 0.1), True), ((0.1, 0.1, 0.1, 0.2), False)])
def test_a_curve_that_one_search_point_won_is_told_to_be_at_one_rate(rates, told):
    points = tuple(
        CurvePoint(size, 0, 900.0 // size + 20.0, 900.0 // size + 22.0, {"learning_rate": rate})
        for size, rate in zip((4, 16, 64, 256), rates, strict=True)
    )
    lines = " ".join(
        " ".join(
            detail_lines(
                analyse(
                    Records(source=Path("run"), curves=(Curve(workload="w", goal="0.1", sparsity=0.0, points=points),))
                )
            )
        ).split()
    )
    assert ("one search point won at all 4 batch sizes" in lines) is told


def test_the_winner_of_a_first_goal_test_has_no_best_rate():
    """Trials that all met the goal at the first test are as good as each other: which rate is best is not known."""
    rate = {"learning_rate": 0.1}
    first = tuple(CurvePoint(2**i, 0, 0.0, 5.0, rate) for i in range(5))
    known = tuple(CurvePoint(2**i, 0, 80 / 2**i + 5, 80 / 2**i + 10, rate) for i in range(5))
    trials = tuple(
        Trial(
            batch_size=2**i,
            replicate=0,
            trial=k,
            status="complete",
            lower=0.0,
            upper=5.0,
            metaparameters={"learning_rate": 0.1 * (k + 1)},
        )
        for i in range(5)
        for k in range(5)
    )
    alone = fit_curve(Curve(points=first, trials=trials, stop="never"))
    assert rates(alone).rate == best_rates(alone) == Missing(FIRST_TEST_RATES)
    assert winners_inside([alone]) == Missing(FIRST_TEST_RATES)
    assert fitted_window(alone.curve) == Missing("needs a study with 4 trials that reached the goal at different rates")
    assert best_rates(fit_curve(Curve(points=known))).batch_size == (1, 2, 4, 8, 16)
    mixed = fit_curve(Curve(points=(*known[:4], first[4])))
    assert best_rates(mixed).batch_size == (1, 2, 4, 8)
