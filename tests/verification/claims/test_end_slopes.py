"""C2 and C3: slopes at the ends of curves, and where there is none."""

import math
from functools import partial

import numpy as np
import pytest
from reference.verification import clusters
from samples.verification_runs import DIGITS_TRUTHS, analysed, curve_of
from scipy import stats
from statsmodels.regression.linear_model import WLS
from statsmodels.tools import add_constant

from verification.claims.analysis import analyse
from verification.claims.on_curves import linear_scaling, plateau
from verification.claims.rules import FLAT, LINEAR, RULES
from verification.fits.curves import fit_curve, fit_curves
from verification.inference.curve_tests import with_tests
from verification.missing import Missing
from verification.records.curves import Curve, CurvePoint
from verification.records.records import Records

RULE = {rule.id: rule for rule in RULES}
SMALLEST = partial(linear_scaling, equal=LINEAR)
LARGEST = partial(plateau, equal=FLAT)


@pytest.mark.parametrize(("claim", "sizes", "equal"), [(SMALLEST, (1, 2, 4), LINEAR), (LARGEST, (64, 128, 256), FLAT)])
def test_end_slopes_are_those_of_weighted_least_squares(tmp_path, claim, sizes, equal):
    """Over the outermost factor of four; known variance from law P, n - 3 degrees of freedom."""
    analysis = analysed(tmp_path, truths=DIGITS_TRUTHS[:1])
    (evidence,) = claim(analysis.curves)
    power = analysis.curves[0].laws["P"].fit
    points = [p for p in analysis.records.curves[0].points if p.batch_size in sizes]
    variance = [power.sigma**2 * 9 / 6 + math.log(p.upper / p.lower) ** 2 / 12 for p in points]
    design = add_constant([math.log(p.batch_size) for p in points])
    line = WLS([math.log(p.upper * p.lower) / 2 for p in points], design, weights=1 / np.array(variance)).fit()
    error = math.sqrt(line.normalized_cov_params[1, 1])
    assert evidence.estimate == pytest.approx(line.params[1])
    ends = evidence.interval(0.95)
    assert ends.high - ends.low == pytest.approx(2 * error * stats.t.ppf(0.975, 6))
    t = [(line.params[1] - edge) / error for edge in equal]
    assert evidence.p_for == pytest.approx(max(stats.t.sf(t[0], 6), stats.t.cdf(t[1], 6)))
    assert evidence.p_against == pytest.approx(min(stats.t.cdf(t[0], 6), stats.t.sf(t[1], 6)))
    assert evidence.note == "between batch sizes only, not between seeds"
    assert evidence.detectable == pytest.approx(error * (stats.t.ppf(0.975, 6) + stats.t.ppf(0.8, 6)))


@pytest.mark.parametrize(("claim", "sizes"), [(SMALLEST, (1, 2, 4)), (LARGEST, (64, 128, 256))])
def test_replicates_are_the_units_of_end_slopes(tmp_path, claim, sizes):
    """Each has a slope of its own; what a search shares at three batch sizes adds its variance over 2 log(2)^2."""
    (fitted,) = analysed(tmp_path, truths=DIGITS_TRUTHS[:1], replicates=4).curves
    (evidence,) = claim([fitted])
    slopes = []
    for replicate in range(4):
        own = [p for p in fitted.curve.points if p.replicate == replicate and p.batch_size in sizes]
        logs = [math.log(p.upper * p.lower) / 2 for p in own]
        slopes.append(np.polyfit(np.log(sizes), logs, 1)[0])
    misfit, own, weight = fitted.misfit("P"), np.var(slopes, ddof=1) / 4, 1 / (2 * math.log(2) ** 2)
    n, v = weight * misfit.pure / misfit.within / 4, weight * misfit.lack / misfit.between / 4
    variance, freedom = clusters.summed((n, misfit.within), [(own, 3, n), (v, misfit.between, n)])
    assert evidence.estimate == pytest.approx(np.mean(slopes))
    half = stats.t.ppf(0.975, freedom) * math.sqrt(variance)
    ends = evidence.interval(0.95)
    assert ends.high - ends.low == pytest.approx(2 * half)
    assert evidence.note == ""


@pytest.mark.parametrize(("slope", "noise", "within"), [(-1.0, 0.01, True), (-0.7, 0.01, False), (-1.0, 0.15, False)])
def test_a_slope_is_within_its_margin_when_its_whole_interval_is(slope, noise, within):
    rng = np.random.default_rng(1)
    steps = [4096 * 2 ** (slope * i) * math.exp(noise * rng.standard_normal()) for i in range(9)]
    points = tuple(CurvePoint(2**i, 0, k, k) for i, k in enumerate(steps))
    curves = analyse(Records(source=None, curves=(Curve(points=points),))).curves
    (evidence,) = SMALLEST(curves)
    low, high = RULE["C2"].equal
    assert evidence.interval(0.9).inside(low, high) == within == (evidence.p_for < 0.05)
    assert (low < evidence.estimate < high) == (slope == -1.0)  # the point alone would not tell
    assert not LARGEST(curves)[0].interval(0.9).inside(*RULE["C3"].equal)


@pytest.fixture(scope="module")
def tested():
    """The curves of all cases that have no slope, fitted together: one takes as long."""
    curves = [curve_of(case[1]) for case in (*SCARCE, *FIRST_MET)]
    return {one.curve: (with_tests(one, 0),) for one in fit_curves(curves)}


ALONE = [
    (b, k) for b, steps in ((5, (3852, 3743)), (80, (301, 284)), (160, (150, 167)), (320, (100, 95))) for k in steps
]
GAP = "needs 2 batch sizes within a factor 4 of the"


SCARCE = [
    (SMALLEST, ALONE, f"{GAP} smallest that reached the goal, 5; the next is 80"),
    (LARGEST, sorted((320 * 5 // b, k) for b, k in ALONE), f"{GAP} largest that reached the goal, 320; the next is 20"),
    (
        SMALLEST,
        [(16**i, 4000 / 16**i) for i in range(5)],
        f"{GAP} smallest that reached the goal, 1; the next is 16",
    ),
    (
        LARGEST,
        [(1, 90), (10, 40), (100, 20), (500, 12)],
        f"{GAP} largest that reached the goal, 500; the next is 100",
    ),
    (LARGEST, [(1, 90), (10, 40), (100, 20)], "needs a curve with 4 batch sizes that reached the goal"),
    (SMALLEST, [(1, 90), (1, 80), (2, 50)], "needs a curve with 4 batch sizes that reached the goal"),
]


@pytest.mark.parametrize(("claim", "points", "reason"), SCARCE)
def test_a_slope_needs_two_batch_sizes_at_its_end_however_many_replicates(claim, points, reason, tested):
    assert claim(tested[curve_of(points)]) == Missing(reason)


FIRST = "the goal was met at the first test, so K* is only known from above"


FIRST_MET = [
    (LARGEST, [(1, 80, 85), (2, 40, 45), (4, 20, 25), (8, 10, 15), (16, 0, 5)], f"at batch size 16 {FIRST}"),
    (
        LARGEST,
        [(1, 80, 85), (2, 40, 45), (4, 20, 25), (8, 10, 15), (16, 5, 10), (16, 0, 5), (32, 0, 5)],
        f"at batch size 16, 32 {FIRST}",
    ),
    (SMALLEST, [(4, 0, 5), (8, 20, 25), (16, 10, 15), (32, 5, 10), (64, 5, 10)], f"at batch size 4 {FIRST}"),
    (
        LARGEST,
        [(1, 80, 85), (2, 40, 45), (4, 20, 25), (8, 0, 5), (16, 0, 5)],
        f"needs a curve with 4 batch sizes that reached the goal after its first test; at 2 of 5 {FIRST}",
    ),
    (LARGEST, [(b, 0, 5) for b in (2, 4, 16, 64)], FIRST),
    (
        LARGEST,
        [(1, 90), (4, 24), (16, 8), (64, 4), (256, 2), (512, 2)],
        "K* is 3 steps or fewer at batch size 256, 512: counts too coarse for a slope",
    ),
]


@pytest.mark.parametrize(("claim", "points", "reason"), FIRST_MET)
def test_no_slope_where_the_first_test_met_the_goal_or_steps_are_few(claim, points, reason, tested):
    assert claim(tested[curve_of(points)]) == Missing(reason)


def test_two_batch_sizes_without_replicates_are_a_slope():
    """From 1 to 4, K falls from 400 to 110: log(110/400)/log(4)."""
    (evidence,) = SMALLEST([with_tests(fit_curve(curve_of([(1, 400), (4, 110), (64, 16), (1024, 10)])), 0)])
    assert evidence.estimate == pytest.approx(math.log(110 / 400) / math.log(4))
