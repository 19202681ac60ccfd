"""Errors of fitted laws: leaving out a replicate or a batch size, against refits, MixedLM and GEE of statsmodels."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.verification import clusters as twin

from theory import HYPERBOLA
from verification.fits.curves import fit_curve, problems_of
from verification.fits.errors import Errors, Scale, Term, beside, errors_of
from verification.fits.fit import Problem, fit_laws
from verification.fits.likelihood import joined, observe
from verification.fits.units import units_of
from verification.inference.pairs import JointLaw
from verification.records.curves import Curve, CurvePoint

SIZES = tuple(2**i for i in range(9))
CONTRASTS = ((1.0, 0.0), (0.0, 1.0), (1.0, -1.0))


def drawn(seed=0, replicates=5, within=0.03, between=0.15, shape=0.02, c1=500.0, c2=14.0, sizes=SIZES, shared=0.0):
    """Exact counts of replicates, each with a level and a slope of its own."""
    rng = np.random.default_rng(seed)
    x = np.log(np.array(sizes, dtype=float))
    common = shared * rng.standard_normal(len(sizes))
    found = []
    for replicate in range(replicates):
        level, slope = between * rng.standard_normal(), shape * rng.standard_normal()
        off = level + slope * (x - x.mean()) + common + within * rng.standard_normal(len(x))
        steps = (c1 / np.exp(x) + c2) * np.exp(off)
        found += [CurvePoint(b, replicate, float(k), float(k)) for b, k in zip(sizes, steps, strict=True)]
    return sorted(found)


def fitted(points):
    data = observe(points)
    units = units_of(points, data)
    problem = problems_of(HYPERBOLA, [units.aligned(data)], [units])[0]
    (fit,) = fit_laws([problem])
    return problem, fit, errors_of(problem, fit)


def told(points):
    sizes, units = ([getattr(p, name) for p in points] for name in ("batch_size", "replicate"))
    return sizes, [math.log(p.upper) for p in points], units


def between_replicates(errors):
    """The errors that the scatter between replicates alone tells."""
    own = (replace(term, noise=np.zeros_like(term.noise)) for term in errors.terms if term.replicates)
    return Errors(errors.model, tuple(own), errors.traced)


def test_leaving_out_a_replicate_moves_the_fit_as_a_refit_does():
    """A step is not a refit: they differ by the square of the move, of 0.05 at most."""
    points = drawn()
    _, _, errors = fitted(points)
    covariance = twin.jackknife(*told(points))
    for a in CONTRASTS:
        scale = between_replicates(errors).of(a)
        assert scale.error == pytest.approx(math.sqrt(np.array(a) @ covariance @ a), rel=0.03)
        assert scale.freedom == pytest.approx(4)


def test_leaving_out_a_batch_size_moves_the_fit_as_a_refit_does():
    points = drawn(replicates=1, within=0.02)
    _, fit, errors = fitted(points)
    sizes, logs, _ = told(points)
    covariance = twin.jackknife(sizes, logs, sizes)
    scatter = fit.sigma**2 * 9 / 7 * np.linalg.inv(twin.jacobian(sizes, fit.theta).T @ twin.jacobian(sizes, fit.theta))
    for a in CONTRASTS:
        wider = max(math.sqrt(np.array(a) @ one @ a) for one in (covariance, scatter))
        assert errors.of(a).error == pytest.approx(wider, rel=0.05)
        assert errors.of(a).freedom == pytest.approx(7)


def test_the_scatter_about_the_law_is_the_least_error_of_batch_sizes():
    """n/(n - p) of the curvature's variance, where a jackknife happens to be smaller."""
    seen = []
    for seed in range(6):
        _, _, errors = fitted(drawn(seed, replicates=1, within=0.05))
        seen += [errors.of(a).factor for a in CONTRASTS]
    assert min(seen) == pytest.approx(9 / 7, rel=1e-9)
    assert max(seen) > 1.5


def test_errors_between_replicates_are_those_of_a_mixed_model():
    """Whole replicates whose constants are normal about those of the law; the model is linear about the fit.

    REML stops where its log-likelihood gains no more than 1e-8 of itself, some 1e-4 in a variance.
    """
    points = drawn(replicates=8, within=0.02, between=0.2, shape=0.05)
    problem, fit, errors = fitted(points)
    sizes, logs, units = told(points)
    residuals = np.array(logs) - HYPERBOLA.log_steps(np.log(sizes), np.array(fit.theta))
    covariance = twin.mixed(residuals, twin.jacobian(sizes, fit.theta), units)
    for a in CONTRASTS:
        assert between_replicates(errors).of(a).error == pytest.approx(
            math.sqrt(np.array(a) @ covariance @ a), rel=0.01
        )
    assert problem.units.lost == 7


def test_errors_between_replicates_are_those_of_estimating_equations():
    """Mancl and DeRouen's squares are about 0, a jackknife's about their mean: the factor (R - 1)/R.

    On K and not on log K: they agree as far as a scatter of 15% is small.
    """
    points = drawn(replicates=6)
    sizes, logs, units = told(points)
    _, _, errors = fitted(points)
    expected = twin.gee(sizes, np.exp(logs), units) * math.sqrt(5 / 6)
    assert [between_replicates(errors).of(a).error for a in CONTRASTS[:2]] == pytest.approx(expected, rel=0.1)


def test_two_replicates_a_factor_two_apart():
    """Noise-free and alike in shape: log c1 is known to log(2)/2 with one degree of freedom, B_crit exactly."""
    points = [CurvePoint(b, j, k, k) for b in SIZES for j in (0, 1) for k in [2.0**j * (500 / b + 14)]]
    problem, fit, errors = fitted(points)
    for a in CONTRASTS[:2]:
        scale = errors.of(a)
        assert (scale.error, scale.freedom) == (pytest.approx(math.log(2.0) / 2.0, rel=1e-6), pytest.approx(1.0))
    assert errors.of(CONTRASTS[2]).error < 1e-5
    assert np.exp(fit.theta) == pytest.approx((500 * math.sqrt(2), 14 * math.sqrt(2)))
    assert problem.units.offset == pytest.approx((-math.log(2) / 2, math.log(2) / 2))


def test_every_source_of_scatter_adds_what_is_beyond_the_noise_of_single_studies():
    """With J the derivatives at nine batch sizes, log K of a cell moves a constant by the rows of (J J)^-1 J a.

    The noise of single studies makes a variance n of it, by the mean square between replicates over five; the scatter
    about the law makes it v, by the mean square of lack of fit over five. The jackknife tells of whole replicates.
    """
    points = drawn(shared=0.2)
    problem, fit, errors = fitted(points)
    misfit = fit_curve(Curve(points=tuple(points))).misfit("H")
    derivatives = twin.jacobian(SIZES, fit.theta)
    single, search = misfit.pure / misfit.within / 5, misfit.lack / misfit.between / 5
    for a in CONTRASTS:
        weight = np.array(a) @ np.linalg.inv(derivatives.T @ derivatives) @ a
        own = between_replicates(errors).of(a).error ** 2
        n, v = weight * single, weight * search
        variance, freedom = twin.summed((n, misfit.within), [(own, 4, n), (v, misfit.between, n)])
        assert errors.of(a).error ** 2 == pytest.approx(variance, rel=1e-6)
        assert errors.of(a).freedom == pytest.approx(freedom, rel=1e-6)
    assert problem.units.lost == 4


def test_ratios_compare_the_replicates_that_both_curves_have():
    """The sparse curve is the dense one three times: each replicate's ratio is 3, however far replicates lie apart."""
    dense = drawn(between=0.4)
    sparse = [CurvePoint(p.batch_size, p.replicate, 3.0 * p.lower, 3.0 * p.upper) for p in dense]
    other = [CurvePoint(p.batch_size, p.replicate + 9, p.lower, p.upper) for p in sparse]
    for late, paired in ((sparse, True), (other, False)):
        sides = [fitted(points) for points in (dense, late)]
        both = Problem(
            JointLaw(HYPERBOLA, 45, 2),
            joined(sides[0][0].data, sides[1][0].data),
            np.array([[*sides[0][1].theta, *sides[1][1].theta]]),
        )
        (fit,) = fit_laws([both])
        errors = between_replicates(beside(both, fit, sides[0][2], sides[1][2]))
        scale = errors.of((-1.0, 0.0, 1.0, 0.0))
        alone = between_replicates(sides[0][2]).of((1.0, 0.0)).error
        if paired:
            assert scale.error < 1e-4
        else:  # Welch: two equal variances, four degrees of freedom each
            assert (scale.error, scale.freedom) == (pytest.approx(math.sqrt(2) * alone), pytest.approx(8.0))


def test_satterthwaite_and_the_larger_of_two_variances():
    none = np.zeros((1, 2))
    one = Term(np.array([[3.0, 0.0]]), 4.0, np.array([[0.0, 1.0]]), none)
    two = Term(np.array([[4.0, 0.0]]), 8.0, none, none)
    scale = Errors(np.diag([5.0, 1.0]), (one, two), (True, True)).of((1.0, 0.0))
    assert (scale.factor, scale.error) == (5.0, 5.0)
    assert scale.freedom == pytest.approx(625 / (81 / 4 + 256 / 8))
    assert one.source(np.array([0.0, 2.0])).variance == 4.0


def test_a_constant_without_a_trace_is_read_by_the_largest_scale():
    rows = Term(np.diag([2.0, 1.0, 0.0]), 3.0, np.zeros((1, 3)), np.zeros((1, 3)))
    errors = Errors(np.diag([1.0, 1.0, 0.0]), (rows,), (True, True, False))
    assert errors.of((0.0, 0.0, 1.0)) == Scale(pytest.approx(4.0), 3.0, pytest.approx(2.0))
    assert Errors(np.zeros((2, 2)), (), (True, True)).of((1.0, 0.0)) is None


def test_as_many_points_as_constants_have_no_error():
    problem, fit, errors = fitted(drawn(replicates=1, sizes=(1, 16)))
    assert errors.terms == ()
    assert fit.n == len(problem.data.log_lower) == 2


@given(st.integers(0, 99), st.floats(0.01, 100.0), st.integers(2, 50), st.permutations(range(5)))
@settings(max_examples=10)
def test_units_and_labels_do_not_matter(seed, steps, examples, order):
    points = drawn(seed)
    other = sorted(
        CurvePoint(p.batch_size * examples, order[p.replicate], p.lower * steps, p.upper * steps) for p in points
    )
    (_, before, errors), (_, after, turned) = fitted(points), fitted(other)
    moved = np.array([math.log(steps * examples), math.log(steps)])
    assert after.theta == pytest.approx(np.add(before.theta, moved), abs=1e-5)
    for a in CONTRASTS:
        assert turned.of(a).error == pytest.approx(errors.of(a).error, rel=1e-3)
        assert turned.of(a).freedom == pytest.approx(errors.of(a).freedom, rel=1e-2)


def test_goal_tests_and_budgets_change_errors_by_little():
    """Counts read on a grid of a half, 3% of c2, and one study of five that spent its budget at B = 1."""
    points = drawn(seed=4)
    budget = max(p.upper for p in points if p.batch_size == 1) - 3.0
    read = []
    for p in points:
        upper = 0.5 * math.ceil(p.upper / 0.5)
        read.append(
            CurvePoint(p.batch_size, p.replicate, *((upper - 0.5, upper) if upper < budget else (budget, None)))
        )
    (_, before, errors), (_, after, coarse) = fitted(points), fitted(read)
    assert after.n == before.n - 1
    assert after.theta == pytest.approx(before.theta, abs=0.03)
    for a in CONTRASTS:
        assert coarse.of(a).error == pytest.approx(errors.of(a).error, rel=0.25)


def test_replicates_that_agree_by_chance_leave_an_interval():
    """Three runs at each of six batch sizes, whose levels differ by less than the noise of single runs."""
    steps = (4923, 3669, 5045, 2330, 3076, 3105, 1774, 1616, 1429, 927, 1021, 739, 551, 499, 624, 305, 331, 366)
    points = [CurvePoint(16 * 2 ** (i // 3), i % 3, float(k), float(k)) for i, k in enumerate(steps)]
    found = fit_curve(Curve(points=tuple(points))).hyperbola.intervals["b_crit"]
    assert 100 < found.low < 300
    assert 500 < found.high < 2000
