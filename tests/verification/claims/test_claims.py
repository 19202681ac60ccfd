"""Verdicts follow from the rule, and the rule from data whose truth is known."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples.verification_runs import DIGITS_TRUTHS, Truth, write_run
from scipy import stats
from statsmodels.regression.linear_model import WLS
from statsmodels.stats.multitest import multipletests
from statsmodels.tools import add_constant

from theory import HYPERBOLA, POWER
from verification.claims.analysis import analyse
from verification.claims.evidence import Evidence, Material
from verification.claims.judge import Verdict, holm, judge, judge_all
from verification.claims.needs import Needs
from verification.claims.on_curves import linear_scaling, plateau
from verification.claims.on_pairs import critical_batch_no_smaller, log_ratios, sparse_needs_more_steps
from verification.claims.rules import RULES, STATEMENTS
from verification.fits.curves import fit_curve, fit_curves
from verification.fits.fit import Interval, starting_points
from verification.fits.likelihood import Observations, sigma_floor
from verification.fits.newton import maximise
from verification.fits.profile import p_value
from verification.inference.curve_tests import with_tests
from verification.missing import Missing
from verification.records.records import Curve, CurvePoint, Records, read_records

RULE = {rule.id: rule for rule in RULES}
NOTHING = Evidence(subject="a curve", estimate=1.0, interval=Interval(0.5, 2.0), p=0.01, detectable=None)


def analysed(folder, **options):
    return analyse(read_records(write_run(folder, **options)))


def verdicts(analysis):
    return {claim.id: claim for claim in analysis.claims}


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12))
@settings(max_examples=25, deadline=None)
def test_holm_is_that_of_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-12)


@pytest.mark.parametrize(
    ("claim", "p_holm", "within", "approximate", "direction", "verdict"),
    [
        ("C1", 0.20, True, False, 0, Verdict.SUPPORTED),
        ("C1", 0.20, False, True, 0, Verdict.INCONCLUSIVE),
        ("C1", 0.01, True, True, 0, Verdict.APPROXIMATE),
        ("C1", 0.01, True, False, 0, Verdict.REJECTED),
        ("C1", 0.01, False, True, 0, Verdict.REJECTED),
        ("C2", 0.01, True, False, 0, Verdict.SUPPORTED),
        ("C2", 0.01, False, False, 0, Verdict.REJECTED),
        ("C3", 0.20, False, False, 0, Verdict.INCONCLUSIVE),
        ("C4", 0.01, False, False, 1, Verdict.SUPPORTED),
        ("C4", 0.01, False, False, -1, Verdict.REJECTED),
        ("C7", 0.05, False, False, 1, Verdict.INCONCLUSIVE),
    ],
)
def test_the_rule(claim, p_holm, within, approximate, direction, verdict):
    rule = RULE[claim]
    ends = rule.equal or (0.0, 1.0)
    inside = Interval(*ends) if within else Interval(ends[0] - 1e-9, ends[1])
    evidence = replace(NOTHING, interval_90=inside, approximate=approximate, direction=direction)
    assert judge(rule, evidence, p_holm) is verdict


def test_a_hyperbola_measured_well_is_supported(tmp_path):
    """One draw: over draws the rule rejects a true law as often as its level of 5% says."""
    sizes = tuple(2**i for i in range(14))
    truths = (Truth(0, 60_000.0, 30.0), Truth(50, 80_000.0, 50.0), Truth(70, 90_000, 60), Truth(90, 120_000.0, 90.0))
    options = {"truths": truths, "batch_sizes": sizes, "sigma": 0.02, "interval": 1, "budget": 10**6, "seed": 1}
    found = verdicts(analysed(tmp_path, **options))
    assert found["C1"].verdict is Verdict.SUPPORTED
    assert found["C2"].verdict is Verdict.SUPPORTED
    assert found["C4"].verdict is Verdict.SUPPORTED
    assert found["C7"].verdict is Verdict.REJECTED  # the truth: 120000/90 is below 60000/30
    assert found["C7"].estimate == pytest.approx(2 / 3, rel=0.1)
    assert found["C1"].detectable < 0.1


def test_a_law_that_is_not_the_papers_is_rejected():
    """K = 3000/B^0.7 + 10 with 2% noise."""
    rng = np.random.default_rng(3)
    sizes = [2**i for i in range(12)]
    steps = [(3000 / b**0.7 + 10) * math.exp(0.02 * rng.standard_normal()) for b in sizes]
    curve = Curve(points=tuple(CurvePoint(b, 0, k, k) for b, k in zip(sizes, steps, strict=True)))
    found = verdicts(analyse(Records(source=None, curves=(curve,))))
    assert found["C1"].verdict is Verdict.REJECTED
    assert found["C1"].interval.low < 0.7 < found["C1"].interval.high
    assert found["C1"].p < 1e-6


def test_a_noisy_short_curve_is_inconclusive_and_says_what_it_could_have_seen(tmp_path):
    options = {"truths": (Truth(0, 500, 13),), "batch_sizes": (1, 2, 4, 8, 16), "sigma": 0.2}
    found = verdicts(analysed(tmp_path, **options))
    assert found["C1"].verdict is Verdict.INCONCLUSIVE
    assert found["C1"].detectable > 0.2


def test_alpha_is_tested_at_its_nominal_level():
    """2000 hyperbolas at nine points: a 5% test rejects 3.5% to 8%; the chi-square test would in more than 10%."""
    rng = np.random.default_rng(11)
    x = np.broadcast_to(np.log(2.0) * np.arange(9), (2000, 9))
    y = np.log(500 / np.exp(x) + 14) + 0.1 * rng.standard_normal(x.shape)
    data = Observations(x, y, y)
    best = []
    for law, p in ((HYPERBOLA, 2), (POWER, 3)):
        optima = [maximise(law, data, start, sigma_floor(data)) for start in starting_points(data, p)]
        best.append(np.max([optimum.log_likelihood for optimum in optima], axis=0))
    deviances = np.maximum(2 * (best[1] - best[0]), 0.0)
    assert 0.035 <= np.mean([p_value(deviance, 9, 3) < 0.05 for deviance in deviances]) <= 0.08
    assert np.mean(deviances > stats.chi2.ppf(0.95, 1)) > 0.1


def test_what_counts_as_equal():
    """alpha within 0.1, slopes within 10% per doubling, ratios within a factor 1.25, a winner in ten at an edge."""
    doubling = math.log(1.1) / math.log(2.0)
    equal = {rule.id: pytest.approx(rule.equal) for rule in RULES if rule.equal is not None}
    same = (0.8, 1.25)
    assert equal == {
        "C1": (0.9, 1.1),
        "C2": (-1.0 - doubling, -1.0 + doubling),
        "C3": (-doubling, doubling),
        **dict.fromkeys(("C8", "C11", "C12"), same),
        "C16": (0.0, 0.1),
        "C17": (0.9, 1.1),
    }


@pytest.mark.parametrize(
    ("claim", "sizes", "claimed"), [(linear_scaling, (1, 2, 4), -1.0), (plateau, (64, 128, 256), 0.0)]
)
def test_end_slopes_are_those_of_weighted_least_squares(tmp_path, claim, sizes, claimed):
    """Over the outermost factor of four; known variance from law P, n - 3 degrees of freedom."""
    analysis = analysed(tmp_path, truths=DIGITS_TRUTHS[:1], replicates=2)
    (evidence,) = claim(analysis.curves)
    power = analysis.curves[0].laws["P"].fit
    points = [p for p in analysis.records.curves[0].points if p.batch_size in sizes]
    variance = [power.sigma**2 * 18 / 15 + math.log(p.upper / p.lower) ** 2 / 12 for p in points]
    design = add_constant([math.log(p.batch_size) for p in points])
    line = WLS([math.log(p.upper * p.lower) / 2 for p in points], design, weights=1 / np.array(variance)).fit()
    error = math.sqrt(line.normalized_cov_params[1, 1])
    assert evidence.estimate == pytest.approx(line.params[1])
    assert evidence.interval.high - evidence.interval.low == pytest.approx(2 * error * stats.t.ppf(0.975, 15))
    assert evidence.p == pytest.approx(2 * stats.t.sf(abs(line.params[1] - claimed) / error, 15))
    assert evidence.detectable == pytest.approx(error * (stats.t.ppf(0.975, 15) + stats.t.ppf(0.8, 15)))


@pytest.mark.parametrize(("slope", "noise", "within"), [(-1.0, 0.01, True), (-0.7, 0.01, False), (-1.0, 0.15, False)])
def test_a_slope_is_within_its_margin_when_its_whole_interval_is(slope, noise, within):
    rng = np.random.default_rng(1)
    steps = [4096 * 2 ** (slope * i) * math.exp(noise * rng.standard_normal()) for i in range(9)]
    points = tuple(CurvePoint(2**i, 0, k, k) for i, k in enumerate(steps))
    curves = analyse(Records(source=None, curves=(Curve(points=points),))).curves
    (evidence,) = linear_scaling(curves)
    low, high = RULE["C2"].equal
    assert evidence.interval_90.inside(low, high) == within
    assert (low < evidence.estimate < high) == (slope == -1.0)  # the point alone would not tell
    assert not plateau(curves)[0].interval_90.inside(*RULE["C3"].equal)


def one_curve(points):
    """A curve of (batch size, steps), or (batch size, lower, upper); equal batch sizes are replicates."""
    listed, seen = [], {}
    for size, *ends in points:
        seen[size] = seen.get(size, -1) + 1
        listed.append(CurvePoint(size, seen[size], ends[0], ends[-1]))
    return Curve(points=tuple(listed))


@pytest.fixture(scope="module")
def tested():
    """The curves of all cases that have no slope, fitted together: one takes as long."""
    curves = [one_curve(case[1]) for case in (*SCARCE, *FIRST_MET)]
    return {one.curve: (with_tests(one, 0),) for one in fit_curves(curves)}


ALONE = [
    (b, k) for b, steps in ((5, (3852, 3743)), (80, (301, 284)), (160, (150, 167)), (320, (100, 95))) for k in steps
]
GAP = "needs 2 batch sizes within a factor 4 of the"


SCARCE = [
    (linear_scaling, ALONE, f"{GAP} smallest that reached the goal, 5; the next is 80"),
    (plateau, sorted((320 * 5 // b, k) for b, k in ALONE), f"{GAP} largest that reached the goal, 320; the next is 20"),
    (
        linear_scaling,
        [(16**i, 4000 / 16**i) for i in range(5)],
        f"{GAP} smallest that reached the goal, 1; the next is 16",
    ),
    (
        plateau,
        [(1, 90), (10, 40), (100, 20), (500, 12)],
        f"{GAP} largest that reached the goal, 500; the next is 100",
    ),
    (plateau, [(1, 90), (10, 40), (100, 20)], "needs a curve with 4 batch sizes that reached the goal"),
    (linear_scaling, [(1, 90), (1, 80), (2, 50)], "needs a curve with 4 batch sizes that reached the goal"),
]


@pytest.mark.parametrize(("claim", "points", "reason"), SCARCE)
def test_a_slope_needs_two_batch_sizes_at_its_end_however_many_replicates(claim, points, reason, tested):
    assert claim(tested[one_curve(points)]) == Missing(reason)


FIRST = "the goal was met at the first test, so K* is only known from above"


FIRST_MET = [
    (plateau, [(1, 80, 85), (2, 40, 45), (4, 20, 25), (8, 10, 15), (16, 0, 5)], f"at batch size 16 {FIRST}"),
    (
        plateau,
        [(1, 80, 85), (2, 40, 45), (4, 20, 25), (8, 10, 15), (16, 5, 10), (16, 0, 5), (32, 0, 5)],
        f"at batch size 16, 32 {FIRST}",
    ),
    (linear_scaling, [(4, 0, 5), (8, 20, 25), (16, 10, 15), (32, 5, 10), (64, 5, 10)], f"at batch size 4 {FIRST}"),
    (
        plateau,
        [(1, 80, 85), (2, 40, 45), (4, 20, 25), (8, 0, 5), (16, 0, 5)],
        f"needs a curve with 4 batch sizes that reached the goal after its first test; at 2 of 5 {FIRST}",
    ),
    (plateau, [(b, 0, 5) for b in (2, 4, 16, 64)], FIRST),
    (
        plateau,
        [(1, 90), (4, 24), (16, 8), (64, 4), (256, 2), (512, 2)],
        "K* is 3 steps or fewer at batch size 256, 512: counts too coarse for a slope",
    ),
]


@pytest.mark.parametrize(("claim", "points", "reason"), FIRST_MET)
def test_no_slope_where_the_first_test_met_the_goal_or_steps_are_few(claim, points, reason, tested):
    assert claim(tested[one_curve(points)]) == Missing(reason)


def test_two_batch_sizes_without_replicates_are_a_slope():
    """From 1 to 4, K falls from 400 to 110: log(110/400)/log(4)."""
    (evidence,) = linear_scaling([with_tests(fit_curve(one_curve([(1, 400), (4, 110), (64, 16), (1024, 10)])), 0)])
    assert evidence.estimate == pytest.approx(math.log(110 / 400) / math.log(4))


@pytest.mark.parametrize("replicates", [1, 2])
def test_the_interval_of_a_ratio_is_that_of_a_difference_of_means(tmp_path, replicates):
    """t with n - 4 degrees of freedom, the unbiased variance n/(n - 4) sigma^2, and the cells' own width."""
    truths = (DIGITS_TRUTHS[0], DIGITS_TRUTHS[3])
    analysis = analysed(tmp_path, truths=truths, replicates=replicates, budget=10**6)
    (pair,) = analysis.pairs
    (evidence,) = sparse_needs_more_steps(analysis.pairs)
    size = int(evidence.subject.rpartition("= ")[2])
    cells = [p for curve in analysis.records.curves for p in curve.points if p.batch_size == size]
    n = 18 * replicates
    noise = pair.fit.sigma**2 * n / (n - 4)
    error = math.sqrt(sum(noise + math.log(p.upper / p.lower) ** 2 / 12 for p in cells)) / replicates
    half = stats.t.ppf(0.975, n - 4) * error
    power = stats.t.ppf(0.95, n - 4) + stats.t.ppf(0.8, n - 4)
    assert math.log(evidence.interval.high / evidence.interval.low) == pytest.approx(2 * half)
    assert evidence.detectable == pytest.approx(math.exp(error * power))


def test_ratio_above_one_needs_every_batch_size(tmp_path):
    crossing = (Truth(0, 500.0, 40.0), Truth(90, 1000.0, 20.0))  # above at small B, below at large B
    found = verdicts(analysed(tmp_path, truths=crossing, sigma=0.03))
    assert found["C4"].verdict is Verdict.REJECTED
    assert found["C4"].estimate < 1.0
    assert found["C4"].subject.endswith("B = 256")


def test_ratios_at_each_batch_size_are_those_of_the_middles():
    def side(sparsity, factor):
        return Curve(sparsity=sparsity, points=tuple(CurvePoint(b, 0, factor * 90, factor * 100) for b in (1, 2, 4)))

    (pair,) = analyse(Records(source=None, curves=(side(0.0, 1.0), side(90.0, 3.0)))).pairs
    for log_ratio, error in log_ratios(pair, 0.01).values():
        assert log_ratio == pytest.approx(math.log(3.0))
        assert error == pytest.approx(math.sqrt(2 * (0.01 + math.log(10 / 9) ** 2 / 12)))


def test_a_sparse_network_that_spent_its_budget_counts_with_the_budget():
    dense = Curve(points=tuple(CurvePoint(b, 0, 99, 100) for b in (1, 2, 4)))
    points = (CurvePoint(1, 0, 400, None), *(CurvePoint(b, 0, 199, 200) for b in (2, 4, 8)))
    (pair,) = analyse(Records(source=None, curves=(dense, Curve(sparsity=90.0, points=points)))).pairs
    ratios = log_ratios(pair, 0.01)
    assert list(ratios) == [1, 2, 4]
    assert ratios[1][0] == pytest.approx(math.log(400 / math.sqrt(99 * 100)))


def test_the_direction_of_the_critical_batch_size_ratio(tmp_path):
    larger = (Truth(0, 500.0, 40.0), Truth(90, 1000.0, 20.0))
    (evidence,) = critical_batch_no_smaller(analysed(tmp_path, truths=larger, sigma=0.03).pairs)
    assert evidence.direction == 1
    assert evidence.p < 0.01
    assert evidence.estimate == pytest.approx(4.0, rel=0.3)


def test_what_cannot_be_tested_is_not_measured_and_says_why():
    claims = judge_all(Material())
    assert [claim.id for claim in claims] == list(STATEMENTS) == [f"C{i}" for i in range(1, 19)]
    assert {claim.verdict for claim in claims} == {Verdict.NOT_MEASURED}
    reasons = {claim.id: claim.detail for claim in claims}
    assert reasons["C1"] == "needs a curve with 4 batch sizes that reached the goal"
    assert all(reason and "python -m" not in reason and "--" not in reason for reason in reasons.values())


def test_verdict_words_are_the_five():
    words = {"supported", "supported as an approximation", "rejected", "inconclusive", "not measured"}
    assert {str(verdict) for verdict in Verdict} == words


def test_a_claim_is_as_good_as_its_worst_curve(tmp_path):
    found = verdicts(analysed(tmp_path, sigma=0.12))
    counts = found["C1"].detail
    assert found["C1"].verdict is Verdict.INCONCLUSIVE
    assert "inconclusive" in counts
    assert sum(int(part.split()[0]) for part in counts.split("; ")) == 4


def group(workload, *curves):
    """Noisy curves of one workload: (sparsity, c1, c2, seed)."""
    found = []
    for sparsity, c1, c2, seed in curves:
        noise = np.exp(0.03 * np.random.default_rng(seed).standard_normal(10))
        points = tuple(CurvePoint(2**i, 0, k, k) for i in range(10) for k in [(c1 / 2**i + c2) * noise[i]])
        found.append(Curve(workload=workload, goal="g", sparsity=sparsity, points=points))
    return tuple(found)


def test_order_and_a_falling_ratio_are_seen_either_way():
    rising = group("w", (0.0, 1000.0, 40.0, 1), (50.0, 1500.0, 50.0, 2), (90.0, 4000.0, 60.0, 3))
    found = verdicts(analyse(Records(source=None, curves=rising)))
    assert found["C5"].verdict is Verdict.SUPPORTED
    assert found["C6"].verdict is Verdict.SUPPORTED
    assert found["C6"].estimate < 0.0
    swapped = group("w", (0.0, 1000.0, 60.0, 1), (50.0, 800.0, 50.0, 2), (90.0, 900.0, 100.0, 3))
    found = verdicts(analyse(Records(source=None, curves=swapped)))
    assert found["C5"].verdict is Verdict.REJECTED
    assert found["C6"].verdict is Verdict.REJECTED


def test_momentum_is_set_beside_sgd_of_the_same_network():
    curves = group("d/n/sgd", (0.0, 1000.0, 60.0, 1)) + group("d/n/nesterov", (0.0, 1000.0, 20.0, 2))
    claim = verdicts(analyse(Records(source=None, curves=curves)))["C9"]
    assert claim.verdict is Verdict.SUPPORTED
    assert claim.estimate == pytest.approx(3.0, rel=0.2)
    slower = group("d/n/sgd", (0.0, 1000.0, 20.0, 1)) + group("d/n/momentum", (0.0, 1000.0, 60.0, 2))
    assert verdicts(analyse(Records(source=None, curves=slower)))["C9"].verdict is Verdict.REJECTED


def test_one_factor_is_an_equality_of_critical_batch_sizes():
    curves = group("w", (0.0, 1000.0, 40.0, 1), (90.0, 3000.0, 120.0, 2))
    assert verdicts(analyse(Records(source=None, curves=curves)))["C8"].verdict is Verdict.SUPPORTED
    curves = group("w", (0.0, 1000.0, 40.0, 1), (90.0, 3000.0, 40.0, 2))
    assert verdicts(analyse(Records(source=None, curves=curves)))["C8"].verdict is Verdict.REJECTED


def test_the_law_under_decay_and_at_two_goals_is_a_claim_of_its_own():
    (curve,) = group("d/n/sgd/linear", (0.0, 1000.0, 40.0, 1))
    assert verdicts(analyse(Records(source=None, curves=(curve,))))["C17"].verdict is not Verdict.NOT_MEASURED
    (curve,) = group("d/n/sgd", (0.0, 1000.0, 40.0, 1))
    assert verdicts(analyse(Records(source=None, curves=(curve,))))["C17"].verdict is Verdict.NOT_MEASURED
    other = replace(curve, goal="h")
    assert verdicts(analyse(Records(source=None, curves=(curve, other))))["C17"].verdict is not Verdict.NOT_MEASURED


def test_several_workloads_are_combined():
    pair = ((0.0, 1000.0, 40.0), (90.0, 2000.0, 40.0))
    curves = tuple(c for w in range(3) for c in group(f"w{w}", *((*p, 10 * w + i) for i, p in enumerate(pair))))
    combined = analyse(Records(source=None, curves=curves)).combined
    assert abs(combined["c1"].value - math.log(2.0)) < 3.0 * combined["c1"].error
    assert combined["c1"].p < 1e-6
    assert combined["c2"].p > 0.01


def test_every_claim_has_a_rule_fixed_before_the_data():
    for rule in RULES:
        assert (rule.equal is None) == (rule.kind == "direction")
        assert rule.effect
        assert rule.needs != Needs()
