"""Lack of fit with replicates blocked, its interval, and noise as a line, against statsmodels and by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.verification import clusters as twin

from theory import HYPERBOLA
from verification.fits.curves import fit_curve
from verification.fits.fit import Interval
from verification.fits.misfit import Misfit, lack_of_fit, noise_line
from verification.records.curves import Curve, CurvePoint

SIZES = tuple(2**i for i in range(9))


def drawn(seed=0, replicates=4, between=0.3, within=0.1, bump=0.0, rise=1.0):
    """Exact counts about 500/B + 14, each replicate with a level of its own; K at B = 16 off by a factor."""
    rng = np.random.default_rng(seed)
    found = []
    for replicate in range(replicates):
        level = between * rng.standard_normal()
        for i, size in enumerate(SIZES):
            off = level + within * rise ** (i / 8 - 0.5) * rng.standard_normal() + (bump if size == 16 else 0.0)
            steps = (500 / size + 14) * math.exp(off)
            found.append(CurvePoint(size, replicate, steps, steps))
    return Curve(points=tuple(found))


def parts(curve):
    fitted = fit_curve(curve)
    theta, data = np.array(fitted.hyperbola.theta), fitted.aligned
    sizes = np.exp(data.log_batch_size).round()
    return fitted, sizes, data.log_middle - HYPERBOLA.log_steps(data.log_batch_size, theta), theta


@pytest.mark.parametrize("cut", [0, 5], ids=["whole", "five points missing"])
def test_lack_of_fit_is_an_analysis_of_variance(cut):
    curve = drawn()
    fitted, sizes, residuals, theta = parts(Curve(points=tuple(sorted(curve.points[cut:]))))
    derivatives = twin.jacobian(sizes, theta)
    found = fitted.misfit("H")
    expected = twin.lack_of_fit(sizes, residuals, derivatives, fitted.units.index)
    assert (found.statistic, found.p) == pytest.approx(expected, rel=1e-6)
    assert (found.between, found.within) == (7, 4 * 7 - 7 - cut)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_an_interval_ends_where_the_tails_of_the_noncentral_f_do(share):
    found = Misfit(lack=0.4, between=7, pure=0.5, within=28, points=45, sizes=9)
    level = abs(1.0 - 2.0 * share)
    end = found.interval(level).high if share < 0.5 else found.interval(level).low
    shift = 45 * (end / math.sqrt(0.5 / 28)) ** 2
    assert twin.noncentral_f_below(found.statistic, 7, 28, shift) == pytest.approx(share, abs=1e-6)
    assert found.below(end) == pytest.approx(share, abs=1e-6)


def test_the_estimate_and_a_misfit_below_noise():
    assert Misfit(lack=2.0, between=7, pure=1.0, within=28, points=45, sizes=9).estimate == math.sqrt(1.75 / 45)
    small = Misfit(lack=0.2, between=7, pure=1.0, within=28, points=45, sizes=9)
    assert (small.estimate, small.interval(0.9).low) == (0.0, 0.0)
    assert 0.0 < small.interval(0.9).high < 0.1
    # So close a fit is improbable without any misfit, and more so with one.
    assert Misfit(lack=0.01, between=7, pure=1.0, within=28, points=45, sizes=9).interval(0.9) == Interval(0.0, 0.0)


@given(st.floats(0.01, 100.0), st.integers(0, 20))
def test_the_unit_of_steps_and_the_levels_of_replicates_do_not_matter(unit, seed):
    """Each replicate times a factor of its own: constants of its own take it up."""
    rng = np.random.default_rng(seed)
    sizes, replicate = np.tile(np.array(SIZES, dtype=float), 3), np.repeat(np.arange(3), 9)
    residual = rng.standard_normal(27)
    jacobian = twin.jacobian(sizes, np.log([500.0, 14.0]))
    before = lack_of_fit(jacobian, residual, np.log(sizes), replicate)
    own = (jacobian * rng.standard_normal((3, 2))[replicate]).sum(axis=1)
    after = lack_of_fit(jacobian, math.log(unit) + own + residual, np.log(sizes), replicate)
    assert after.statistic == pytest.approx(before.statistic, rel=1e-7)


def test_no_misfit_without_freedom_or_scatter():
    sizes = np.array([1.0, 2.0, 3.0])
    assert lack_of_fit(np.ones((3, 1)), sizes, sizes, np.zeros(3, int)) is None  # no repetition
    two = np.tile(sizes[:1], 4)
    assert lack_of_fit(np.ones((4, 1)), np.arange(4.0), two, np.zeros(4, int)) is None  # one batch size
    assert lack_of_fit(np.ones((6, 1)), np.zeros(6), np.tile(sizes, 2), np.repeat([0, 1], 3)) is None


def test_noise_that_replicates_show_to_rise_is_weighted():
    """Fourfold noise: the test keeps its level, with a weight or without; sd/slope of a line in log B."""
    flat, steep = fit_curve(drawn(rise=1.0)).misfit("H"), fit_curve(drawn(rise=16.0, replicates=10)).misfit("H")
    assert flat.points == 36
    fitted, sizes, residuals, theta = parts(drawn(rise=16.0, replicates=10))
    plain = twin.lack_of_fit(sizes, residuals, twin.jacobian(sizes, theta), fitted.units.index)
    assert steep.statistic != pytest.approx(plain[0], rel=0.01)


def test_a_line_of_noise_is_that_of_a_generalised_linear_model():
    import statsmodels.api as sm

    rng = np.random.default_rng(5)
    x = np.log(np.array(SIZES, dtype=float))
    squares = np.exp(1.0 + 0.5 * x) * rng.chisquare(4, 9) / 4
    model = sm.GLM(squares, sm.add_constant(x), family=sm.families.Gamma(sm.families.links.Log())).fit()
    line = noise_line(squares, 4, x)
    assert [line(at) * squares.mean() for at in x] == pytest.approx(model.fittedvalues, rel=1e-6)


def test_a_line_that_replicates_do_not_show_is_none():
    assert noise_line(np.array([1.0, 2.0, 1.0, 2.0]), 2, np.arange(4.0))(3.0) == 1.0
    assert noise_line(np.zeros(4), 2, np.arange(4.0))(3.0) == 1.0
