"""What rates and losing trials say, on trials of known laws; and the refusal to speak for a race."""

import dataclasses
import itertools
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from reference.verification import tests as twin
from reference.verification.clusters import summed
from scipy import stats

from verification.claims.analysis import analyse
from verification.claims.judge import Verdict
from verification.claims.on_trials import (
    best_rate_grows,
    constants_change_little,
    loss_goes_with_smoothness,
    region_grows,
    smoothness_grows,
    successful_range_shrinks,
    winners_inside,
)
from verification.fits.curves import fit_curve
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
from verification.inference.search_error import SearchError, ratio_by_trials, search_errors
from verification.inference.trends import WINDOWS, block_interval, combined, jonckheere, smoothness_trends
from verification.missing import Missing
from verification.records.curves import Curve, CurvePoint
from verification.records.measured_constants import MeasuredConstants
from verification.records.records import Records, read_records
from verification.records.trials import SmoothnessRun, Trial
from verification.report.__main__ import main
from verification.report.details import detail_lines

SIZES = tuple(2**i for i in range(8))
RATES = np.geomspace(0.001, 1.0, 36)


def searched(sparsity=0.0, c1=2000.0, c2=30.0, peak=0.5, budget=8000.0, sigma=0.0, power=1.0, stop="never", seed=0):
    """A curve whose trials follow the sharp bound: K(r eta*) = K*/(r (2 - r))^power, eta* = peak/(1 + B_crit/B)."""
    rng = np.random.default_rng(seed)
    trials, points = [], []
    for size in SIZES:
        best, rate = c1 / size + c2, peak / (1.0 + c1 / c2 / size)
        study = []
        for i, eta in enumerate(RATES):
            r = eta / rate
            steps = best * (r * (2.0 - r)) ** -power * math.exp(sigma * rng.standard_normal()) if r < 2.0 else math.inf
            ends = ("complete", steps, steps) if steps <= budget else ("incomplete", budget, None)
            study.append(
                Trial(
                    batch_size=size,
                    replicate=0,
                    trial=i,
                    status=ends[0],
                    lower=ends[1],
                    upper=ends[2],
                    metaparameters={"learning_rate": float(eta)},
                )
            )
        trials += study
        hits = [one for one in study if one.upper]
        won = min(hits, key=lambda one: one.upper)
        points.append(CurvePoint(size, 0, won.lower, won.upper, won.metaparameters))
    return Curve(workload="w", goal="g", sparsity=sparsity, points=tuple(points), trials=tuple(trials), stop=stop)


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


def test_a_line_is_that_of_scipy():

    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 9))
    found, expected = line(x, y), stats.linregress(x, y)
    assert (found.value, found.error) == pytest.approx((expected.slope, expected.stderr))
    assert found.p() == pytest.approx(expected.pvalue)
    assert found.above() == pytest.approx(stats.linregress(x, y, alternative="greater").pvalue)


def test_more_search_points_succeed_at_larger_batches_and_fewer_where_the_range_shrinks():
    dense = fit_curve(searched())
    sparse = fit_curve(searched(sparsity=90.0, peak=0.15, c1=6000.0, c2=90.0))
    (range_,) = successful_range_shrinks([dense, sparse])
    assert range_.p_for < 0.5
    assert range_.estimate < 0.0
    (mirrored,) = successful_range_shrinks([fit_curve(searched(peak=0.15, c1=6000.0, c2=90.0)), sparse_like(dense)])
    assert mirrored.p_against < 0.5
    (region,) = region_grows([dense])
    table = [[float(t.upper is not None) for t in dense.curve.trials if t.batch_size == size] for size in SIZES]
    x = np.log(SIZES) - np.mean(np.log(SIZES))
    slopes = x @ np.array(table) / (x @ x)
    assert region.estimate == pytest.approx(slopes.mean())
    ends = region.interval(0.95)
    assert (ends.low, ends.high) == pytest.approx(twin.t_interval(slopes, 0.95))


def sparse_like(fitted):
    curve = fitted.curve
    return fit_curve(
        Curve(
            workload=curve.workload,
            goal=curve.goal,
            sparsity=90.0,
            points=curve.points,
            trials=curve.trials,
            stop=curve.stop,
        )
    )


@pytest.mark.parametrize("stop", ["race", "hits 3"])
def test_a_race_says_nothing_about_losers(stop):
    curves = [fit_curve(searched(stop=stop)), fit_curve(searched(sparsity=90.0, stop=stop))]
    assert "--stop" not in RACED
    assert RACED.startswith("not measured (raced)")
    assert successful_range_shrinks(curves) == Missing(RACED)
    assert region_grows(curves) == Missing(RACED)
    assert trial_window(curves[0].curve) == Missing(RACED)
    assert rates(curves[0]).window == Missing(RACED)
    assert search_errors([curves[0].curve]) == (Missing(RACED),)
    analysis = analyse(Records(source=None, curves=tuple(one.curve for one in curves)))
    for claim in analysis.claims:
        if claim.id in {"C14", "C15"}:
            assert claim.verdict is Verdict.NOT_MEASURED
            assert claim.detail == RACED


def test_a_measured_race_says_so_in_report_and_json(stored_run, capsys):
    assert main([str(stored_run), "--draws", "0", "--save"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "C14, C15: not measured (raced)" in printed
    assert "--stop never" in printed
    verdicts = json.loads((stored_run / "verdicts.json").read_text())
    assert all(curve["tests"]["search"] == {"reason": RACED} for curve in verdicts["curves"])
    assert {"C16"} <= {claim["id"] for claim in verdicts["claims"] if claim["verdict"] != "not measured"}


@pytest.mark.slow
def test_a_run_whose_losers_went_on_is_measured(unhurried_run):
    analysis = analyse(read_records(unhurried_run))
    assert {curve.stop for curve in analysis.records.curves} == {"never"}
    assert all(isinstance(search, SearchError) for search in analysis.search)
    verdicts = {claim.id: claim.verdict for claim in analysis.claims}
    assert verdicts["C15"] is not Verdict.NOT_MEASURED


def test_half_a_search_is_that_of_all_halves():
    """400 random halves against all 70: the mean's error is the spread over sqrt(400)."""
    steps = np.random.default_rng(2).lognormal(5.0, 0.5, (3, 8)).round(1)
    found = search_errors([of_trials(0.0, steps)])[0]
    gain, spread = twin.half_searches(steps.tolist())
    assert math.log(found.penalty) == pytest.approx(gain, abs=4 * spread / math.sqrt(400))
    assert found.spread == pytest.approx(spread, rel=0.15)
    assert (found.trials, found.failed, found.ratio_spread) == (8, 0.0, None)


def test_ratios_of_curves_that_share_their_search_points_lose_the_search_error():
    dense, sparse = searched(), searched(sparsity=90.0, c1=4000.0, c2=60.0)
    found = search_errors([dense, sparse])
    assert found[1].ratio_spread < 0.3 * found[1].spread


def test_the_ratio_by_number_of_trials_is_that_of_all_subsets():
    """All subsets of 8 trials by hand; wide sparse steps make the ratio fall as trials are added."""
    draw = np.random.default_rng(3)
    steps = {0.0: draw.lognormal(5.0, 0.1, (2, 8)).round(1), 90.0: draw.lognormal(7.0, 0.6, (2, 8)).round(1)}
    curves = [of_trials(sparsity, of) for sparsity, of in steps.items()]
    (found,) = ratio_by_trials(curves).values()
    assert list(found) == [8, 4]
    for size, ratio in found.items():
        parts = [list(part) for part in itertools.combinations(range(8), size)]
        least = {of: [np.log(table[:, part].min(axis=1)).mean() for part in parts] for of, table in steps.items()}
        every = np.subtract(least[90.0], least[0.0])
        assert math.log(ratio) == pytest.approx(np.mean(every), abs=1e-9 + 4 * np.std(every) / math.sqrt(400))
    assert found[8] < found[4]
    assert ratio_by_trials([dataclasses.replace(one, stop="race") for one in curves]) == {}
    assert ratio_by_trials(curves[1:]) == {}


def of_trials(sparsity, steps):
    trials = [
        Trial(batch_size=2**b, replicate=0, trial=i, status="complete", lower=k, upper=k)
        for b, row in enumerate(steps)
        for i, k in enumerate(row)
    ]
    points = tuple(CurvePoint(2**b, 0, row.min(), row.min()) for b, row in enumerate(steps))
    return Curve(sparsity=sparsity, points=points, trials=tuple(trials), stop="never")


def test_winners_at_an_edge_are_counted():
    inside = fit_curve(searched())
    (evidence,) = winners_inside([inside])
    assert evidence.estimate == 0.0
    narrow = [t for t in inside.curve.trials if t.metaparameters["learning_rate"] < 0.006]
    (edge,) = winners_inside(
        [
            fit_curve(
                Curve(
                    workload="w", goal="g", sparsity=0.0, points=inside.curve.points, trials=tuple(narrow), stop="never"
                )
            )
        ]
    )
    assert edge.estimate == 1.0
    assert edge.p_against == pytest.approx(0.1 ** len({t.batch_size for t in narrow if t.upper}))
    assert edge.p_for == 1.0
    assert evidence.p_for == pytest.approx(0.9 ** len(SIZES))
    assert "study.sqlite" in winners_inside([fit_curve(Curve(points=inside.curve.points))]).reason


def test_jonckheere_is_that_of_all_arrangements():
    groups = {0.0: [1.0, 4.0], 50.0: [3.0, 6.0], 90.0: [5.0, 7.0, 2.0]}
    found = jonckheere(groups)
    assert (found.statistic, found.p) == pytest.approx(twin.jonckheere(list(groups.values())))
    falling = jonckheere({-key: values for key, values in groups.items()})
    assert falling.p_falling == pytest.approx(found.p)
    assert jonckheere({0.0: [1.0], 90.0: [2.0]}) == Missing("needs 3 sparsities")


def test_jonckheere_with_ties_lies_between_ties_broken_either_way():
    groups = {float(s): [1.0 + s, 2.0 + s, 3.0 + s, 4.0 + s] for s in range(3)}
    up, down = (
        jonckheere({key: [v + sign * 1e-6 * key + 1e-9 * v for v in values] for key, values in groups.items()}).p
        for sign in (1.0, -1.0)
    )
    assert up < jonckheere(groups).p < down


def runs(rise=1.0, loss=1.0, quantity="L_mean_budget"):
    return [
        SmoothnessRun(
            sparsity=s,
            replicate=j,
            values={quantity: 2.0 + rise * i + 0.1 * j},
            smoothness=tuple(2.0 + rise * i + 0.1 * j + 0.01 * k for k in range(16)),
            loss=(1.0 + loss * i + 0.1 * j,),
        )
        for i, s in enumerate((0.0, 50.0, 90.0))
        for j in range(2)
    ]


def test_smoothness_that_grows_with_sparsity_and_goes_with_loss():
    (grows,) = smoothness_grows(smoothness_trends(runs()))
    assert (grows.p_for, grows.estimate) == (pytest.approx(8 / 720), pytest.approx(4.05 / 2.05))
    assert grows.subject == "L_mean_budget, sparsity 90% over 0%"
    (falls,) = smoothness_grows(smoothness_trends(runs(rise=-0.5)))
    assert falls.p_against == pytest.approx(8 / 720)
    (together,) = loss_goes_with_smoothness(runs())
    assert together.p_for < 0.01
    assert together.estimate == pytest.approx(1.0)
    (apart,) = loss_goes_with_smoothness(runs(loss=-0.3))
    assert apart.p_against < apart.p_for


@pytest.mark.parametrize("quantity", ["L_mean", "L_mean_equal_loss"])
def test_another_window_of_smoothness_stands_beside_and_does_not_decide(quantity):
    """8 of 720 orders of six runs lie as high, twice that two-sided."""
    found = smoothness_grows(smoothness_trends(runs(quantity=quantity)))
    reason = "needs L over the whole training (L_mean_budget) at 3 sparsities"
    assert found == Missing(f"{reason}; beside it: {quantity} 2, p 0.022")
    both = [replace(a, values={**a.values, **b.values}) for a, b in zip(runs(), runs(quantity=quantity), strict=True)]
    (judged,) = smoothness_grows(smoothness_trends(both))
    assert judged.note == f"{quantity} 2, p 0.022"
    assert list(smoothness_trends([])) == list(WINDOWS)


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
    assert isinstance(loss_goes_with_smoothness(runs()[:2]), Missing)


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


def test_block_intervals_are_wider_where_neighbours_go_together():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(200)
    walk = np.convolve(rng.standard_normal(219), np.ones(20) / math.sqrt(20), mode="valid")
    loose, tight = block_interval(walk), block_interval(noise)
    assert tight.high - tight.low == pytest.approx(2 * 1.96 / math.sqrt(200), rel=0.25)
    assert loose.high - loose.low > 2 * (tight.high - tight.low)
    assert block_interval(noise[:5]).low is None


def test_effects_are_combined_as_dersimonian_and_laird_do():
    effects = [("a", 0.3, 0.1), ("b", 0.9, 0.12), ("c", 0.1, 0.2)]
    found = combined(effects)
    mean, error = twin.random_effects([0.3, 0.9, 0.1], [0.1, 0.12, 0.2])
    assert (found.value, found.error, found.freedom) == (pytest.approx(mean), pytest.approx(error), 2)
    assert found.p == pytest.approx(2 * stats.t.sf(mean / error, 2))
    assert 0.0 < found.heterogeneity < 1.0
    assert combined(effects[:1]) == Missing("needs two workloads")


def test_two_goals_of_one_workload_are_one_effect():
    apart = combined([("a", 0.4, 0.1), ("b", 0.9, 0.1)])
    assert combined([("a", 0.3, 0.08), ("a", 0.5, 0.12), ("b", 0.9, 0.1)]) == apart
    assert combined([("a", 0.3, 0.1), ("a", 0.5, 0.1)]) == Missing("needs two workloads")


def test_effects_as_equal_as_their_errors_allow_have_no_variance_between_them():
    """The mean by inverse variances and its error, exactly."""
    for effects in ([(0.5, 0.1), (0.5, 0.2)], [(0.5, 0.1), (0.51, 0.2)]):
        weights = [error**-2 for _, error in effects]
        found = combined([(str(i), *effect) for i, effect in enumerate(effects)])
        mean = sum(w * value for w, (value, _) in zip(weights, effects, strict=True)) / sum(weights)
        assert (found.value, found.error) == pytest.approx((mean, sum(weights) ** -0.5))
        assert found.heterogeneity == 0.0


def test_constants_with_errors_are_judged_and_those_without_are_not():
    def seeds(*deltas):
        return [MeasuredConstants(j, {"Delta": delta}) for j, delta in enumerate(deltas)]

    both = {("w", 0.0): seeds(2.0, 4.0, 6.0), ("w", 90.0): seeds(2.02, 4.0, 5.94)}
    (evidence,) = constants_change_little(both, 1.25)
    # the scatter that both networks of a seed share cancels
    z = np.array([2.02, 4.0, 5.94]) / np.mean([2.02, 4.0, 5.94]) - np.array([0.5, 1.0, 1.5])
    error = np.std(z, ddof=1) / math.sqrt(3)
    assert evidence.interval(0.9).inside(0.8, 1.25)
    assert evidence.p_for < 0.05
    assert math.log(evidence.interval(0.95).high / evidence.estimate) == pytest.approx(4.3027 * error, rel=1e-3)
    single = {key: level[:1] for key, level in both.items()}
    assert constants_change_little(single, 1.25).reason.endswith("so their error is unknown")
    assert "constants.csv" in constants_change_little({}, 1.25).reason


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
