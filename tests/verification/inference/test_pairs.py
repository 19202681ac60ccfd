"""Sparse against dense: fitted ratios, their coverage, and the paper's prediction."""

import math
from dataclasses import replace

import numpy as np
import pytest
from samples.verification_runs import DIGITS, Truth, write_run

from theory import HYPERBOLA
from verification.claims.analysis import analyse
from verification.claims.judge import Verdict
from verification.fits.curves import fit_curve
from verification.fits.errors import Scale
from verification.fits.fit import OPEN
from verification.fits.likelihood import Observations, sigma_floor
from verification.fits.newton import maximise
from verification.fits.profile import profile_interval
from verification.inference.pairs import RATIOS, JointLaw, compare
from verification.inference.ratios import at_each_size, log_ratios, measured_ratios
from verification.missing import Missing
from verification.records.curves import Curve, CurvePoint
from verification.records.measured_constants import MeasuredConstants
from verification.records.records import Records, read_records

SIZES = np.array([2.0**i for i in range(9)])


def exact_curve(sparsity, c1, c2):
    return Curve(
        workload="w",
        goal="g",
        sparsity=sparsity,
        points=tuple(CurvePoint(int(b), 0, c1 / b + c2, c1 / b + c2) for b in SIZES),
    )


def constants(sparsity, *seeds):
    """Delta, L and beta of each seed."""
    names = ("Delta", "L_mean", "beta")
    return {("w", sparsity): [MeasuredConstants(j, dict(zip(names, one, strict=True))) for j, one in enumerate(seeds)]}


def test_ratios_of_exact_curves_are_recovered():
    dense, sparse = fit_curve(exact_curve(0.0, 500.0, 13.0)), fit_curve(exact_curve(90.0, 1000.0, 39.0))
    pair = compare(dense, sparse, {})
    assert pair.fit.converged
    assert pair.ratios == pytest.approx({"c1": 2.0, "c2": 3.0, "b_crit": 2.0 / 3.0}, rel=1e-8)
    for name, truth in {"c1": 2.0, "c2": 3.0, "b_crit": 2.0 / 3.0}.items():
        assert pair.intervals[name].low < truth < pair.intervals[name].high
    assert pair.prediction == Missing("no measured constants")
    assert not pair.direction_disagrees


def test_intervals_of_the_c1_and_b_crit_ratios_cover_as_often_as_they_say():
    """400 pairs, 18 points each; at a true coverage of .95 a share outside [.915, .98] has probability .003."""
    rng = np.random.default_rng(99)
    truth = np.log([500.0, 13.0, 1000.0, 34.0])
    joint = JointLaw(HYPERBOLA, len(SIZES), 2)
    x = np.log(np.concatenate([SIZES, SIZES]))
    steps = np.exp(joint.log_steps(x, truth) + 0.15 * rng.standard_normal((400, len(x))))
    upper = np.ceil(steps / 2.0) * 2.0
    data = Observations(np.broadcast_to(x, upper.shape), np.log(upper - 2.0), np.log(upper))
    start, floor = np.broadcast_to(truth, (400, 4)), sigma_floor(data)
    free = maximise(joint, data, start, floor)
    assert free.converged.all()
    for quantity in ("c1", "b_crit"):
        basis = np.linalg.svd(np.array(RATIOS[quantity])[None, :])[2][1:].T
        fixed = maximise(joint, data, start, floor, basis)
        assert fixed.converged.all()
        lost = 2 * (free.log_likelihood - fixed.log_likelihood)
        assert 0.915 <= np.mean(lost < Scale(18 / 14, 14, 0.0).limit(18, 0.95)) <= 0.98


def test_the_joint_law_is_each_law_on_its_own_points():
    joint, theta = JointLaw(HYPERBOLA, 2, 2), np.array([3.0, 1.0, 4.0, 2.0])
    x = np.array([0.0, 1.0, 0.0])
    apart = [*HYPERBOLA.log_steps(x[:2], theta[:2]), *HYPERBOLA.log_steps(x[2:], theta[2:])]
    assert joint.log_steps(x, theta) == pytest.approx(apart)
    moved = [(joint.log_steps(x, theta + h) - joint.log_steps(x, theta - h)) / 2e-6 for h in 1e-6 * np.eye(4)]
    assert joint.log_steps_jacobian(x, theta) == pytest.approx(np.array(moved).T, abs=1e-8)


def test_a_curve_that_cannot_be_fitted_leaves_the_pair_with_a_reason():
    short = Curve(workload="w", goal="g", sparsity=90.0, points=(CurvePoint(1, 0, 5.0, 5.0),))
    pair = compare(fit_curve(exact_curve(0.0, 500.0, 13.0)), fit_curve(short), {})
    assert pair.fit is None
    assert pair.reason == "sparse: a fit needs 3 batch sizes that reached the goal, there is 1"


def test_curves_are_paired_within_workload_and_goal_only(tmp_path):
    records = read_records(write_run(tmp_path, truths=(Truth(0, 500, 13), Truth(90, 1000, 34))))
    dense, sparse = records.curves
    other = Curve(workload=DIGITS, goal="0.05", sparsity=50.0, points=sparse.points)
    pairs = analyse(Records(source=records.source, curves=(dense, sparse, other))).pairs
    assert [(pair.dense.curve.sparsity, pair.sparse.curve.sparsity) for pair in pairs] == [(0.0, 90.0)]


@pytest.mark.parametrize(("predicted", "disagrees"), [(0.5, True), (1.5, False)])
def test_direction_disagrees_when_the_ratios_lie_on_different_sides_of_one(predicted, disagrees):
    dense, sparse = fit_curve(exact_curve(0.0, 500.0, 13.0)), fit_curve(exact_curve(90.0, 1000.0, 39.0))
    measured = constants(0.0, (1.0, 1.0, 1.0)) | constants(90.0, (predicted, 1.0, 1.0))
    pair = compare(dense, sparse, measured)
    assert pair.direction_disagrees == disagrees
    assert math.isclose(pair.prediction.c1.ratio, predicted)


def noisy_curve(sparsity, c1, c2, seed, sigma=0.03):
    noise = np.exp(sigma * np.random.default_rng(seed).standard_normal(len(SIZES)))
    steps = (c1 / SIZES + c2) * noise
    return fit_curve(
        Curve(
            workload="w",
            goal="g",
            sparsity=sparsity,
            points=tuple(CurvePoint(int(b), 0, k, k) for b, k in zip(SIZES, steps, strict=True)),
        )
    )


def test_a_ratio_is_one_is_not_or_may_be():
    dense = noisy_curve(0.0, 500.0, 13.0, 1)
    pair = compare(dense, noisy_curve(90.0, 500.0, 26.0, 2), {})
    assert (pair.tests["c1"].verdict, pair.tests["c2"].verdict) == ("supported", "rejected")
    loose = compare(dense, noisy_curve(90.0, 550.0, 14.0, 3, sigma=0.4), {})
    assert loose.tests["c1"].verdict == "inconclusive"
    assert loose.tests["c1"].detectable > 1.25
    assert pair.tests["c1"].detectable < 1.25


def test_the_p_value_of_a_ratio_is_where_its_interval_touches_one():
    pair = compare(noisy_curve(0.0, 500.0, 13.0, 1), noisy_curve(90.0, 540.0, 26.0, 2), {})
    for quantity, contrast in RATIOS.items():
        touching = profile_interval(pair.problem, pair.fit, contrast, 1.0 - pair.tests[quantity].p, pair.errors)
        assert min(abs(math.log(touching.low)), abs(math.log(touching.high))) < 1e-4


def test_the_error_of_the_prediction_is_carried():
    dense, sparse = noisy_curve(0.0, 500.0, 13.0, 1), noisy_curve(90.0, 1000.0, 26.0, 2)

    def measured(spread):
        seeds = [(4.0, 1.2 * factor, 1.0) for factor in (1.0 - spread, 1.0, 1.0 + spread)]
        return constants(0.0, *[(4.0, 1.0, 1.0)] * 3) | constants(90.0, *seeds)

    sure, unsure = (compare(dense, sparse, measured(spread)).tests["prediction"] for spread in (1e-6, 0.5))
    assert sure.verdict == "rejected"
    assert sure.p < 0.01
    assert unsure.p > 0.05
    assert compare(dense, sparse, measured(0.5)).prediction.c1.log_error == pytest.approx(0.5 / math.sqrt(3))


def first_tests(sparsity, *uppers):
    """A curve every K* of which was met at the first goal test."""
    return Curve(
        workload=DIGITS,
        goal="0.08",
        sparsity=sparsity,
        points=tuple(CurvePoint(2**i, 0, 0.0, k) for i, k in enumerate(uppers)),
    )


def test_where_every_goal_test_was_the_first_nothing_is_fitted_or_compared():
    analysis = analyse(Records(source=None, curves=(first_tests(0.0, 5, 5, 5, 5), first_tests(50.0, 5, 5, 5, 5))))
    assert [one.laws for one in analysis.curves] == [{}, {}]
    assert analysis.curves[0].reason.startswith("the goal was met at the first test, so K* is only known from above")
    (pair,) = analysis.pairs
    assert pair.fit is None
    assert measured_ratios(pair) == []
    assert not [claim for claim in analysis.claims if claim.verdict is not Verdict.NOT_MEASURED]


def test_batch_sizes_at_which_both_were_first_have_no_ratio():
    """At B = 8 and 16 both were met at the first test, at 4 the dense one alone: that ratio is bounded from below."""
    dense = [(1, 80, 85), (2, 40, 45), (4, 0, 5), (8, 0, 5), (16, 0, 5), (32, 10, 15), (64, 10, 15)]
    sparse = [(1, 160, 165), (2, 80, 85), (4, 15, 20), (8, 0, 5), (16, 0, 5), (32, 20, 25), (64, 20, 25)]
    sides = [
        Curve(sparsity=sparsity, points=tuple(CurvePoint(size, 0, low, high) for size, low, high in points))
        for sparsity, points in ((0.0, dense), (90.0, sparse))
    ]
    (pair,) = analyse(Records(source=None, curves=tuple(sides))).pairs
    assert pair.fit.n == 4 + 5  # points known from both sides
    assert [(one.batch_size, one.high is None) for one in measured_ratios(pair)] == [
        (1, False),
        (2, False),
        (4, True),
        (32, False),
        (64, False),
    ]
    assert list(at_each_size(pair.dense, pair.sparse)) == [1, 2, 4, 32, 64]
    assert log_ratios(pair.dense, pair.sparse).sizes == (1, 2, 32, 64)


def flat_pair(dense, sparse, interval):
    """A pair at B = 2 to 128, its goal tested in such intervals; the sparse curve does not fall with B."""
    curves = [
        Curve(
            sparsity=s,
            points=tuple(CurvePoint(2 * 4**i, 0, float(k - interval), float(k)) for i, k in enumerate(steps)),
        )
        for s, steps in ((0.0, dense), (90.0, sparse))
    ]
    analysis = analyse(Records(source=None, curves=tuple(curves)))
    return analysis.pairs[0], {claim.id: claim.verdict for claim in analysis.claims}


def test_where_neither_curve_tells_its_c1_their_critical_batch_sizes_are_not_compared():
    """Both may be 0, so the ratio may be anything; the climb to it once stuck where c1 of one was e^-34."""
    pair, verdicts = flat_pair((20, 20, 20, 15), (130, 165, 145, 150), 5)
    assert pair.intervals["c1"] == pair.intervals["b_crit"] == OPEN
    assert verdicts["C7"] is verdicts["C8"] is Verdict.INCONCLUSIVE


def test_a_ratio_of_critical_batch_sizes_is_bounded_as_those_of_its_constants_are():
    pair, _ = flat_pair((200, 120, 100, 95), (1300, 1320, 1290, 1310), 10)
    c1, c2, knee = (pair.intervals[name] for name in RATIOS)
    assert c1.low is knee.low is None
    assert c1.high / c2.high < knee.high < 1.05 * c1.high / c2.low


def test_a_ratio_open_on_both_sides_is_never_called_the_opposite():
    measured = constants(0.0, (1.0, 1.0, 1.0)) | constants(90.0, (0.5, 1.0, 1.0))
    pair = compare(fit_curve(exact_curve(0.0, 500.0, 13.0)), fit_curve(exact_curve(90.0, 1000.0, 39.0)), measured)
    assert pair.direction_disagrees
    assert not replace(pair, intervals={**pair.intervals, "c1": OPEN}).direction_disagrees
