"""Verdicts follow from the rule, and the rule from data whose truth is known."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from reference.verification import clusters
from samples.verification_runs import DIGITS_TRUTHS, Truth, analysed
from scipy import stats

from theory import HYPERBOLA, POWER
from verification.claims.analysis import analyse
from verification.claims.judge import Verdict
from verification.claims.needs import Needs
from verification.claims.on_pairs import critical_batch_no_smaller, momentum_scales_further, sparse_needs_more_steps
from verification.claims.rules import RULES
from verification.fits.curves import fit_curve
from verification.fits.errors import Scale
from verification.fits.fit import starting_points
from verification.fits.likelihood import Observations, sigma_floor
from verification.fits.newton import maximise
from verification.inference.curve_tests import with_tests
from verification.inference.ratios import at_each_size
from verification.records.curves import Curve, CurvePoint
from verification.records.records import Records
from verification.report.rejection import why_rejected

RULE = {rule.id: rule for rule in RULES}


def verdicts(analysis):
    return {claim.id: claim for claim in analysis.claims}


def test_hyperbolas_measured_well_are_supported(tmp_path):
    sizes = tuple(2**i for i in range(14))
    truths = (Truth(0, 60_000.0, 30.0), Truth(50, 80_000.0, 50.0), Truth(70, 90_000, 60), Truth(90, 120_000.0, 90.0))
    options = {"truths": truths, "batch_sizes": sizes, "sigma": 0.02, "interval": 1, "budget": 10**6, "replicates": 4}
    found = verdicts(analysed(tmp_path, **options))
    assert found["C1"].found == "supported for 4 of 4"
    assert found["C1"].interval.high < 0.03
    assert found["C2"].verdict is Verdict.SUPPORTED
    assert found["C4"].verdict is Verdict.SUPPORTED
    assert found["C7"].verdict is Verdict.REJECTED  # the truth: 120000/90 is below 60000/30
    assert found["C7"].estimate == pytest.approx(2 / 3, rel=0.1)


def bent(replicates, noise=0.02):
    """K = 3000/B^0.7 + 10; the best hyperbola lies 14% off it, root mean square."""
    rng, sizes = np.random.default_rng(3), [2**i for i in range(12)]
    points = [
        CurvePoint(b, j, k, k)
        for b in sizes
        for j in range(replicates)
        for k in [(3000 / b**0.7 + 10) * math.exp(noise * rng.standard_normal())]
    ]
    return Curve(points=tuple(points))


def test_a_law_that_is_not_the_papers_is_rejected_and_by_how_much():
    claim = verdicts(analyse(Records(source=None, curves=(bent(3),))))["C1"]
    assert claim.verdict is Verdict.REJECTED
    sizes = np.array([2.0**i for i in range(12)])
    logs = np.log(3000 / sizes**0.7 + 10)
    theta = clusters.hyperbola(sizes, logs)
    rms = np.sqrt(np.mean((logs - np.logaddexp(theta[0] - np.log(sizes), theta[1])) ** 2))
    assert claim.estimate == pytest.approx(math.expm1(rms), rel=0.1)
    assert 0.1 < claim.interval.low < claim.estimate < claim.interval.high
    assert "alpha 0.7" in claim.detail
    assert "would decide" not in claim.detail
    assert claim.p < 1e-6


def test_without_replicates_the_law_is_not_judged_but_predicts():
    """Laws fitted to eleven of twelve batch sizes: P, which is the truth, misses the twelfth by less than H."""
    claim = verdicts(analyse(Records(source=None, curves=(bent(1, 0.001),))))["C1"]
    assert (claim.verdict, claim.p, claim.p_holm, claim.interval) == (Verdict.INCONCLUSIVE, None, None, None)
    assert claim.detail.startswith("no replicates to tell noise from misfit; batch sizes left out are missed by ")
    ours, other, law = re.search(r"missed by ([\d.]+)% by law H, by ([\d.]+)% by law (\w)", claim.detail).groups()
    assert law == "P"
    assert float(other) < 0.5
    assert float(ours) > 10.0


def test_a_noisy_curve_says_how_large_its_misfit_may_be_and_what_would_decide(tmp_path):
    options = {"truths": (Truth(0, 500, 13),), "batch_sizes": (1, 2, 4, 8, 16, 32), "sigma": 0.25, "replicates": 3}
    claim = verdicts(analysed(tmp_path, **options))["C1"]
    assert claim.verdict is Verdict.INCONCLUSIVE
    assert claim.interval.high > 0.1
    assert claim.level >= 0.9
    assert re.match(r"misfit at most \d+%; if as estimated, (\d+|more than 100) replicates would decide", claim.detail)


def test_points_known_from_one_side_are_left_out_of_the_misfit_and_said(tmp_path):
    options = {"truths": DIGITS_TRUTHS[:1], "replicates": 3, "budget": 500}
    claim = verdicts(analysed(tmp_path, **options))["C1"]
    left_out = re.search(r"known from one side: (\d) of 3 at batch size 1(, .*)?, so left out", claim.detail)
    assert left_out, claim.detail


def cut(sizes, budget):
    """Six replicates of K = 3000/B + 14 whose noise at the smallest batch size is fivefold, cut off by a budget."""
    rng, points = np.random.default_rng(5), []
    for b in sizes:
        for j, noise in enumerate(rng.standard_normal(6)):
            k = (3000 / b + 14) * math.exp((0.5 if b == sizes[0] else 0.1) * noise)
            points.append(CurvePoint(b, j, min(k, budget), k if k <= budget else None))
    return Curve(points=tuple(points))


@pytest.mark.parametrize(("sizes", "count"), [((1, 2, 4, 8, 16, 32), 5), ((1, 4, 16, 64), 3)])
def test_a_mean_of_the_fast_replicates_judges_no_law(sizes, count):
    """A budget at the median of K at B = 1 leaves its three slow replicates out: their batch size does not count."""
    curve = cut(sizes, sorted(point.upper for point in cut(sizes, math.inf).points if point.batch_size == 1)[2] + 1.0)
    fitted = fit_curve(curve)
    assert (fitted.misfit("H").sizes, fitted.misfit("H", whole=True).sizes) == (count + 1, count)
    assert why_rejected(with_tests(fitted, draws=0)) is None
    claims = verdicts(analyse(Records(source=None, curves=(curve,))))
    assert claims["C2"].detail == "known from one side: 3 of 6 at batch size 1, and the others are the fast ones"
    assert (claims["C2"].verdict, claims["C2"].estimate) == (Verdict.INCONCLUSIVE, None)
    law = claims["C1"]
    if count < 4:
        assert (law.verdict, law.estimate) == (Verdict.INCONCLUSIVE, None)
        assert law.detail == "known from one side: 3 of 6 at batch size 1, and fewer than 4 batch sizes are left"
    else:
        assert law.estimate == math.expm1(fitted.misfit("H", whole=True).estimate)
        assert law.detail.endswith("known from one side: 3 of 6 at batch size 1, so left out")


def test_a_verdict_says_which_curves_could_not_be_tested_and_why():
    """Beside a dense curve that every replicate reached, one of which three slow replicates did not."""
    sizes = (1, 4, 16, 64)
    sparse = replace(cut(sizes, 3000.0), sparsity=90.0)
    claims = verdicts(analyse(Records(source=None, curves=(cut(sizes, math.inf), sparse))))
    for id_ in ("C1", "C2"):
        assert claims[id_].subject.startswith("sparsity 0%"), id_
        assert re.search(r"sparsity 90%: known from one side: \d of 6 at batch size 1, and", claims[id_].detail), id_


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
    assert 0.035 <= np.mean([Scale(9 / 6, 6, 0.0).p(deviance, 9) < 0.05 for deviance in deviances]) <= 0.08
    assert np.mean(deviances > stats.chi2.ppf(0.95, 1)) > 0.1


def test_what_counts_as_equal():
    """Misfits up to 10%, slopes within 10% per doubling, ratios within a factor 1.25, a winner in ten at an edge."""
    doubling = math.log(1.1) / math.log(2.0)
    equal = {rule.id: pytest.approx(rule.equal) for rule in RULES if rule.equal is not None}
    same = (0.8, 1.25)
    assert equal == {
        "C1": (0.0, 0.1),
        "C2": (-1.0 - doubling, -1.0 + doubling),
        "C3": (-doubling, doubling),
        **dict.fromkeys(("C8", "C11", "C12"), same),
        "C16": (0.0, 0.1),
        "C17": (0.0, 0.1),
    }


def test_the_interval_of_a_ratio_is_that_of_a_difference(tmp_path):
    """One replicate: the scatter about either law, n/(n - 2) sigma^2, and the cells' own width; Welch."""
    truths = (DIGITS_TRUTHS[0], DIGITS_TRUTHS[3])
    analysis = analysed(tmp_path, truths=truths, budget=10**6)
    (evidence,) = sparse_needs_more_steps(analysis.pairs)
    size = int(evidence.subject.rpartition("= ")[2])
    cells = [next(p for p in one.curve.points if p.batch_size == size) for one in analysis.curves]
    parts = [
        one.hyperbola.fit.sigma**2 * 9 / 7 + math.log(cell.upper / cell.lower) ** 2 / 12
        for one, cell in zip(analysis.curves, cells, strict=True)
    ]
    freedom = sum(parts) ** 2 / sum(part**2 / 7 for part in parts)
    half = stats.t.ppf(0.975, freedom) * math.sqrt(sum(parts))
    power = stats.t.ppf(0.975, freedom) + stats.t.ppf(0.8, freedom)
    ends = evidence.interval(0.95)
    assert math.log(ends.high / ends.low) == pytest.approx(2 * half)
    assert evidence.detectable == pytest.approx(math.exp(math.sqrt(sum(parts)) * power))


def test_the_interval_of_a_ratio_counts_replicates(tmp_path):
    truths = (DIGITS_TRUTHS[0], DIGITS_TRUTHS[3])
    (pair,) = analysed(tmp_path, truths=truths, budget=10**6, replicates=3).pairs
    logs = [np.array(side.data.log_middle).reshape(9, 3).T for side in (pair.dense, pair.sparse)]
    misfits = [side.misfit("H") for side in (pair.dense, pair.sparse)]
    searches = [
        (one.lack / one.between / 3, one.between, one.pure / one.within / 3) for one in misfits if one is not None
    ]
    error, freedom = clusters.ratio_errors((logs[1] - logs[0]).tolist(), searches)
    found = at_each_size(pair.dense, pair.sparse)
    assert [one.value for one in found.values()] == pytest.approx((logs[1] - logs[0]).mean(axis=0))
    for one in found.values():
        assert (one.error, one.freedom) == (pytest.approx(error), pytest.approx(freedom))


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
    for one in at_each_size(pair.dense, pair.sparse).values():
        assert one.value == pytest.approx(math.log(3.0))


def test_a_sparse_network_that_spent_its_budget_counts_with_the_budget():
    dense = Curve(points=tuple(CurvePoint(b, 0, 99, 100) for b in (1, 2, 4)))
    points = (CurvePoint(1, 0, 400, None), *(CurvePoint(b, 0, 199, 200) for b in (2, 4, 8)))
    (pair,) = analyse(Records(source=None, curves=(dense, Curve(sparsity=90.0, points=points)))).pairs
    ratios = at_each_size(pair.dense, pair.sparse)
    assert list(ratios) == [1, 2, 4]
    assert ratios[1].value == pytest.approx(math.log(400 / math.sqrt(99 * 100)))


@pytest.mark.parametrize("spent", [0.0, 90.0])
def test_a_bound_of_a_ratio_is_no_evidence_for_its_other_side(spent):
    """Where one network spent its budget at B = 1 the ratio has one end: no other B is in doubt, nor does it help."""

    def side(sparsity, factor):
        lower = factor * 100.0
        first = CurvePoint(1, 0, lower, None if sparsity == spent else 1.01 * lower)
        rest = [CurvePoint(b, 0, factor * (90 / b + 10), factor * (91 / b + 10)) for b in (2, 4, 8, 16)]
        return Curve(sparsity=sparsity, points=(first, *rest))

    def judged(factor):
        (pair,) = analyse(Records(source=None, curves=(side(0.0, 1.0), side(90.0, factor)))).pairs
        (evidence,) = sparse_needs_more_steps([pair])
        return evidence

    above, below = judged(3.0), judged(1 / 3.0)
    assert above.p_for == 1.0 if spent == 0.0 else above.p_for < 0.01
    assert below.p_against < 0.01  # at other batch sizes


def test_the_direction_of_the_critical_batch_size_ratio(tmp_path):
    larger = (Truth(0, 500.0, 40.0), Truth(90, 1000.0, 20.0))
    (evidence,) = critical_batch_no_smaller(analysed(tmp_path, truths=larger, sigma=0.03).pairs)
    assert evidence.p_for < 0.01
    assert evidence.p_against == pytest.approx(1.0 - evidence.p_for)
    assert evidence.estimate == pytest.approx(4.0, rel=0.3)


FACTOR = "end_learning_rate_factor"


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


def test_of_two_that_must_hold_the_weaker_is_shown():
    """c2 falls by a third, the critical batch size rises sixfold: c2 decides."""
    curves = group("d/n/sgd", (0.0, 1000.0, 60.0, 1)) + group("d/n/momentum", (0.0, 4000.0, 40.0, 2))
    (evidence,) = momentum_scales_further(analyse(Records(source=None, curves=curves)).curves)
    assert evidence.estimate == pytest.approx(2 / 3, rel=0.2)
    assert evidence.interval(0.95).high < 1.0
    assert evidence.note == "c2 over SGD's"
    assert evidence.tests == 2


def one_winner(curve):
    """The same curve, won by one search point."""
    return replace(curve, points=tuple(replace(p, metaparameters={"learning_rate": 0.1}) for p in curve.points))


def test_a_claim_of_shape_refuses_a_curve_that_one_search_point_won():
    curves = group("d/n/sgd", (0.0, 1000.0, 60.0, 1), (90.0, 3000.0, 90.0, 3)) + tuple(
        map(one_winner, group("d/n/nesterov", (0.0, 1000.0, 20.0, 2), (90.0, 3000.0, 30.0, 4)))
    )
    found = verdicts(analyse(Records(source=None, curves=curves[2:])))
    for claim in ("C1", "C2", "C3", "C6", "C7", "C8"):
        assert found[claim].verdict is Verdict.NOT_MEASURED, claim
        assert "one search point won at all 10 batch sizes" in found[claim].detail
    assert found["C4"].verdict is Verdict.SUPPORTED  # no claim of shape
    together = verdicts(analyse(Records(source=None, curves=curves)))
    assert together["C9"].verdict is Verdict.NOT_MEASURED
    assert together["C7"].of == 1


def test_one_factor_is_an_equality_of_critical_batch_sizes():
    curves = group("w", (0.0, 1000.0, 40.0, 1), (90.0, 3000.0, 120.0, 2))
    assert verdicts(analyse(Records(source=None, curves=curves)))["C8"].verdict is Verdict.SUPPORTED
    curves = group("w", (0.0, 1000.0, 40.0, 1), (90.0, 3000.0, 40.0, 2))
    assert verdicts(analyse(Records(source=None, curves=curves)))["C8"].verdict is Verdict.REJECTED


def test_the_law_at_two_goals_is_a_claim_of_its_own():
    (curve,) = group("d/n/sgd", (0.0, 1000.0, 40.0, 1))
    assert verdicts(analyse(Records(source=None, curves=(curve,))))["C17"].verdict is Verdict.NOT_MEASURED
    other = replace(curve, goal="h")
    assert verdicts(analyse(Records(source=None, curves=(curve, other))))["C17"].verdict is not Verdict.NOT_MEASURED


@pytest.mark.parametrize(("steps", "left", "told"), [(400, 0.53, "more than half"), (600, 0.3, "")])
def test_the_law_under_a_decay_counts_where_the_rate_has_fallen_to_half(steps, left, told):
    """Ends of K* + 1 steps at a decay of 750 steps to 0.125: 1 - 0.875 K*/750, by hand."""
    points = tuple(
        CurvePoint(2**i, r, steps, steps + 1, {"learning_rate": 2.0**i, "decay_steps": 750.0, FACTOR: 0.125})
        for i in range(5)
        for r in range(3)
    )
    claim = verdicts(analyse(Records(source=None, curves=(Curve(workload="d/n/sgd/linear", points=points),))))["C17"]
    assert (claim.verdict is Verdict.NOT_MEASURED) == bool(told)
    assert f"at K* the median winner has {left:g} of its first rate at sparsity 0%" in claim.detail
    assert told in claim.detail


def test_a_decay_of_unknown_length_is_not_judged():
    (curve,) = group("d/n/sgd/linear", (0.0, 1000.0, 40.0, 1))
    claim = verdicts(analyse(Records(source=None, curves=(curve,))))["C17"]
    assert claim.verdict is Verdict.NOT_MEASURED
    assert "needs the winners' decay steps" in claim.detail


def test_several_workloads_are_combined():
    pair = ((0.0, 1000.0, 40.0), (90.0, 2000.0, 40.0))
    curves = tuple(c for w in range(3) for c in group(f"w{w}", *((*p, 10 * w + i) for i, p in enumerate(pair))))
    combined = analyse(Records(source=None, curves=curves)).combined
    assert abs(combined["c1"].value - math.log(2.0)) < 3.0 * combined["c1"].error
    assert combined["c1"].p < 1e-3
    assert combined["c2"].p > 0.01


def test_every_claim_has_a_rule_fixed_before_the_data():
    for rule in RULES:
        assert (rule.equal is None) == (rule.kind == "direction")
        assert rule.effect
        assert rule.needs != Needs()
