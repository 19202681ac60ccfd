"""Our own claims: each number against one computed by hand, each verdict won and lost, and the command."""

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from samples.accounts import CURVATURES, descent
from scipy import stats

from verification.claims.evidence import Material
from verification.claims.judge import Verdict
from verification.fits.curves import fit_curves
from verification.missing import Missing
from verification.own_claims import evidence
from verification.own_claims.__main__ import main
from verification.own_claims.rules import OWN_RULES, judge_own
from verification.records.curves import Curve, CurvePoint
from verification.records.trials import smoothness_run

EVIDENCE = Path(__file__).parents[3] / "evidence"
SGD = "digits/small-cnn/sgd"
SIZES = (4, 8, 16, 32, 64, 128, 256)
# (rate, K) of the dense network and of the sparse one, whose curvatures are a quarter, in three replicates
RATES = {0: ((0.30, 20), (0.9, 41)), 1: ((0.20, 24), (1.2, 40)), 2: ((0.25, 18), (0.7, 60))}


def runs(sizes=(32,), **values):
    found = []
    for replicate, (dense, sparse) in RATES.items():
        for sparsity, (rate, steps), curvatures in ((0.0, dense, CURVATURES), (90.0, sparse, CURVATURES / 4)):
            one = smoothness_run(descent(sparsity, replicate, rate=rate, steps=steps, curvatures=curvatures), SGD)
            found += [replace(one, batch_size=size, values=one.values | values) for size in sizes]
    return found


def curve(sparsity, product, slope=0.0, knee=32.0, scatter=0.01):
    """Return a curve on which eta K* is a product times B to the power of a slope; replicates scatter a little."""
    points = []
    for size in SIZES:
        for replicate in range(3):
            steps = round(1000.0 * (1.0 / size + 1.0 / knee) * (1.0 + 0.02 * replicate)) + 1
            moved = product * (1.0 + scatter * replicate) * size ** (slope + 0.001 * (replicate - 1))
            point = {"learning_rate": moved / steps}
            steps_of = {"batch_size": size, "replicate": replicate, "lower": float(steps), "upper": float(steps)}
            points.append(CurvePoint(**steps_of, metaparameters=point))
    return Curve(points=tuple(points), workload=SGD, goal="0.08", sparsity=sparsity)


def seen(curves=(), followed=()):
    return Material(curves=fit_curves(list(curves)), smoothness=followed)


def logs(quantity):
    """Return a quantity's log ratios, sparse over dense, by replicate."""
    both = [[one for one in runs() if one.replicate == r] for r in RATES]
    return np.log([quantity(sparse) / quantity(dense) for dense, sparse in both])


def assert_mean(found, expected):
    (one,) = found
    low, high = stats.t.interval(0.9, len(expected) - 1, np.mean(expected), stats.sem(expected))
    interval = one.interval(0.9)
    assert (one.estimate, interval.low, interval.high) == pytest.approx(np.exp([np.mean(expected), low, high]))


def test_flow_time_is_held_against_eta_k_of_all_batch_sizes():
    found = evidence.flow_time_is_eta_k(seen((curve(0.0, 2.0), curve(90.0, 10.0)), jittered(runs())), (0.5, 2.0))
    assert_mean(found, np.log([4.0 * (1 + 0.01 * replicate) / 5.0 for replicate in RATES]))


def test_flow_time_over_the_rate_is_held_against_k():
    (found,) = evidence.flow_predicts_steps(seen(followed=runs()), (0.5, 2.0))
    expected = logs(lambda one: one.account.common_time / one.account.eta / one.account.steps)
    assert_mean([found], expected)
    assert found.subject == "sparsity 90% over dense"


def test_the_sign_counts_replicates_where_the_product_is_below_one():
    followed = runs(beta=1.0, L_mean=1.0)
    (found,) = evidence.flow_has_the_sign(seen(followed=followed))
    # T is four times as long; the rates are 3, 6 and 2.8 times as large.
    assert (found.estimate, found.note) == (pytest.approx(2 / 3), "2 of 3 replicates")
    assert (found.p_for, found.p_against) == pytest.approx((1 / 2, 7 / 8))
    other_way = [replace(one, values=one.values | {"beta": 1e3 if one.sparsity else 1.0}) for one in followed]
    assert isinstance(evidence.flow_has_the_sign(seen(followed=other_way)), Missing)


def test_the_product_takes_one_window_of_l_for_all_replicates():
    # Up to the goal the product is below 1; over the whole training it would not be, and the dense network lacks that.
    whole = [
        replace(one, values=one.values | ({"L_mean_budget": 1e9} if one.sparsity else {}))
        for one in runs(beta=1.0, L_mean=1.0)
    ]
    (found,) = evidence.flow_has_the_sign(seen(followed=whole))
    assert found.note == "2 of 3 replicates"


def test_what_is_left_is_judged_at_each_sparsity_and_batch_size():
    found = evidence.what_is_left(seen(followed=runs(sizes=(4, 32))), (1.3, 3.0))
    assert [one.subject for one in found] == [f"sparsity {s}%, B = {b}" for s in (0, 90) for b in (4, 32)]
    dense = [one.account.c for one in runs() if one.sparsity == 0.0]
    assert_mean(found[:1], np.log(dense))


def test_the_condition_number_takes_the_curvature_at_the_start():
    tops = {"hessian_top": {3: 5.0, 1: 4.0}}
    followed = [replace(one, along=one.along | tops) for one in runs()]
    found = evidence.condition_number(seen(followed=followed), (0.75, 1.33))
    assert_mean(found, logs(lambda one: one.account.steps / one.account.flow_time))


def test_eta_k_is_a_slope_and_the_same_for_two_optimizers_and_a_decay():
    flat, steep = curve(0.0, 2.0), curve(90.0, 2.0, slope=-0.5)
    first, second = evidence.rate_absorbs_batch_size(seen((flat, steep)), (-0.15, 0.10))
    assert (first.estimate, second.estimate) == pytest.approx((0.0, -0.5), abs=1e-9)
    assert isinstance(evidence.optimizers_agree(seen((flat, steep)), (0.5, 2.0)), Missing)
    apart = np.log([(1.0 + 0.03 * replicate) / (1.0 + 0.01 * replicate) for replicate in RATES])
    other = replace(curve(0.0, 3.0, scatter=0.03), workload="digits/small-cnn/nesterov")
    points = [replace(p, metaparameters=dict(p.metaparameters) | {"momentum": 0.0}) for p in other.points]
    (found,) = evidence.optimizers_agree(seen((flat, steep, replace(other, points=tuple(points)))), (0.5, 2.0))
    assert found.subject == "nesterov over sgd, sparsity 0%"
    assert_mean([found], apart + math.log(1.5))
    decay = replace(curve(0.0, 2.0, scatter=0.03), workload=f"{SGD}/linear")
    ends = {"decay_steps": 1e9, "end_learning_rate_factor": 0.5}
    points = [replace(p, metaparameters=dict(p.metaparameters) | ends) for p in decay.points]
    (found,) = evidence.decay_sums_its_rates(seen((flat, replace(decay, points=tuple(points)))), (0.5, 2.0))
    assert found.estimate == pytest.approx(math.exp(apart.mean()), rel=1e-5)


def test_a_decay_needs_as_many_effective_steps():
    """All steps but the first at a tenth of its rate: A = 1 + (K - 1)/10, H = 1 + (K - 1)/100."""
    flat = curve(0.0, 2.0)
    ends = {"decay_steps": 1.0, "end_learning_rate_factor": 0.1}
    points = [replace(p, metaparameters=dict(p.metaparameters) | ends) for p in curve(0.0, 6.0, scatter=0.03).points]
    decay = Curve(points=tuple(points), workload=f"{SGD}/linear", goal=flat.goal, sparsity=0.0)
    (found,) = evidence.decay_needs_effective_steps(seen((flat, decay)), (0.5, 2.0))
    logs_of = {replicate: [] for replicate in RATES}
    for one, other in zip(decay.points, flat.points, strict=True):
        K = round(one.won)
        effective = (1.0 + 0.1 * (K - 1)) ** 2 / (1.0 + 0.01 * (K - 1))
        logs_of[one.replicate].append(math.log(effective / other.won))
    assert_mean([found], np.array([np.mean(values) for values in logs_of.values()]))
    unseen = [replace(p, metaparameters=dict(p.metaparameters) | {"decay_steps": 1e9}) for p in points]
    heavy = [replace(one, workload=one.workload.replace("sgd", "momentum")) for one in (flat, decay)]
    for pair in ((flat, replace(decay, points=tuple(unseen))), heavy):
        assert isinstance(evidence.decay_needs_effective_steps(seen(pair), (0.5, 2.0)), Missing)


def test_the_knee_is_held_against_the_noise_scale():
    followed = [replace(one, along=one.along | {"variance": {1: 64.0 + one.replicate, 99: 1.0}}) for one in runs()]
    found = evidence.knee_is_noise(seen((curve(0.0, 2.0),), followed), (0.5, 2.0))
    scales = [(64.0 + one.replicate) / one.account.gradient.value for one in followed if one.sparsity == 0.0]
    assert found[0].estimate == pytest.approx(math.exp(np.log(scales).mean()) / 32.0, rel=0.05)
    elsewhere = [replace(one, batch_size=4, along=one.along | {"variance": {1: 1e3}}) for one in followed]
    (again,) = evidence.knee_is_noise(seen((curve(0.0, 2.0),), followed + elsewhere), (0.5, 2.0))
    assert (again.estimate, again.p_for) == (found[0].estimate, found[0].p_for)


def test_efficiency_and_modes_are_ratios():
    (found,) = evidence.efficiency_falls(seen(followed=runs()), 0.7)
    assert found.estimate == pytest.approx(math.exp(logs(lambda one: one.account.kept).mean()))
    shares = [replace(one, values=one.values | {"share_above_edge": 0.5 + 0.01 * one.replicate}) for one in runs()]
    moved = [one if one.sparsity else replace(one, values=one.values | {"share_above_edge": 0.7}) for one in shares]
    assert_mean(
        evidence.modes_keep_their_share(seen(followed=moved), (0.5, 2.0)),
        np.log([(0.5 - 0.01 * r) / 0.3 for r in RATES]),
    )


@pytest.mark.parametrize(("product", "verdict"), [(4.0, Verdict.SUPPORTED), (400.0, Verdict.REJECTED)])
def test_a_claim_is_won_and_lost(product, verdict):
    sure = [replace(one, account=replace(one.account, common_time=4.0 if one.sparsity else 1.0)) for one in runs()]
    claims = {claim.id: claim for claim in judge_own([seen((curve(0.0, 1.0), curve(90.0, product)), jittered(sure))])}
    assert claims["T1"].verdict is verdict
    assert claims["T4c"].verdict is Verdict.NOT_MEASURED


def jittered(followed):
    """Return runs whose flow times differ a little between replicates, as no scatter at all judges nothing."""
    return [
        replace(one, account=replace(one.account, common_time=one.account.common_time * (1 + 0.01 * one.replicate)))
        if one.sparsity
        else one
        for one in followed
    ]


def test_one_replicate_decides_nothing():
    claims = judge_own([seen((curve(0.0, 1.0),), [one for one in runs() if one.replicate == 0])])
    assert {claim.verdict for claim in claims if claim.id in {"T1", "T2a", "T3a", "T6a"}} == {Verdict.NOT_MEASURED}
    assert [claim.id for claim in claims] == [rule.id for rule in OWN_RULES]


def test_the_command_prints_a_row_a_rule_and_refuses_what_is_no_run(capsys):
    assert main([str(EVIDENCE / "digits-sgd"), str(EVIDENCE / "digits-momentum")]) == 0
    out = capsys.readouterr().out
    assert all(f"\n{rule.id:<5}{rule.statement}" in out for rule in OWN_RULES)
    assert re.search(r"^T3a: .*; shown: digits/small-cnn/\w+, sparsity \d+%, B = \d+$", out, re.MULTILINE)
    with pytest.raises(SystemExit) as ending:
        main(["nowhere"])
    assert ending.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_rows_tell_where_each_interval_lies(capsys):
    assert main([str(EVIDENCE / "digits-sgd"), "--rows"]) == 0
    _, rows = capsys.readouterr().out.split("\n\n")[-2:]
    found = [re.split(r" {2,}", line) for line in rows.splitlines()]
    assert ["T4a", "0.0404 [-0.00809, 0.0888]", "within", f"{SGD}, goal error <= 0.08, sparsity 90%"] in found
    assert ["T3b", "2.23 [1.66, 3]", "outside", "sparsity 90% over dense"] in found
    assert [line[0] for line in found] == sorted(line[0] for line in found)
