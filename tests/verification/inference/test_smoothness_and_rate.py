"""How the measured smoothness goes with the rate, against statsmodels and exact cases."""

import math
from dataclasses import replace

import numpy as np
import pytest
from samples.searched_runs import followed, searched_records
from statsmodels.regression.linear_model import OLS

from verification.claims.analysis import analyse
from verification.inference.smoothness_and_rate import NO_RUNS, ONE_RATE, OTHER_STEPS, smoothness_and_rate
from verification.missing import Missing
from verification.records.trials import SmoothnessRun
from verification.report.details import detail_lines
from verification.report.verdicts import to_json


def run(sparsity, replicate, rate, smoothness, **others):
    return SmoothnessRun(
        sparsity=sparsity,
        replicate=replicate,
        values={"L_mean": smoothness},
        smoothness=(),
        loss=(),
        metaparameters={"learning_rate": rate, **others},
    )


def noisy_runs(seed=0, sizes=(5, 4, 3)):
    rng = np.random.default_rng(seed)
    return [
        run(30.0 * level, j, rate := math.exp(rng.normal()), (1.0 + level) * rate**-0.7 * math.exp(0.2 * rng.normal()))
        for level, size in enumerate(sizes)
        for j in range(size)
    ]


def test_power_and_ratios_are_those_of_an_analysis_of_covariance():
    runs = noisy_runs()
    x = np.log([one.metaparameters["learning_rate"] for one in runs])
    levels = [[one.sparsity == s for one in runs] for s in (0.0, 30.0, 60.0)]
    fit = OLS(np.log([one.values["L_mean"] for one in runs]), np.column_stack([x, *np.array(levels, float)])).fit()
    found = smoothness_and_rate(runs)
    assert (found.power.value, found.power.error) == pytest.approx((fit.params[0], fit.bse[0]))
    assert found.power.freedom == fit.df_resid == 12 - 4
    for level, contrast in zip(found.levels[1:], ([0, -1, 1, 0], [0, -1, 0, 1]), strict=True):
        ratio, ends = level.at_same_rate
        low, high = np.exp(fit.t_test(contrast).conf_int()[0])
        assert (ratio, ends.low, ends.high) == pytest.approx((math.exp(np.dot(contrast, fit.params)), low, high))
    assert found.levels[0].at_same_rate is None


def test_a_product_is_a_geometric_mean_with_student_s_interval():
    found = smoothness_and_rate([run(0.0, j, 0.1 * 2**j, 40.0 / 2**j) for j in range(2)])
    (level,) = found.levels
    assert level.product == pytest.approx(4.0)
    # equal products: no scatter
    assert (level.interval.low, level.interval.high) == pytest.approx((4.0, 4.0))
    apart = smoothness_and_rate([run(0.0, 0, 1.0, math.e), run(0.0, 1, 1.0, math.e**3)]).levels[0]
    # logarithms 1 and 3: mean 2, standard error 1, one degree of freedom
    assert (apart.product, apart.interval.high) == pytest.approx((math.e**2, math.exp(2.0 + 12.7062)), rel=1e-4)
    assert (level.rates, level.smoothness) == (pytest.approx((0.1, 0.2)), pytest.approx((40.0, 20.0)))


def test_units_of_rate_and_loss_do_not_matter():
    runs = noisy_runs()
    scaled = [
        run(one.sparsity, one.replicate, 8.0 * one.metaparameters["learning_rate"], 3.0 * one.values["L_mean"])
        for one in runs
    ]
    first, second = smoothness_and_rate(runs), smoothness_and_rate(scaled[::-1])
    assert second.power.value == pytest.approx(first.power.value)
    for before, after in zip(first.levels, second.levels, strict=True):
        assert after.product == pytest.approx(24.0 * before.product)
        assert (after.at_same_rate is None) == (before.at_same_rate is None)
    assert second.levels[2].at_same_rate[0] == pytest.approx(first.levels[2].at_same_rate[0])


def test_the_first_run_of_a_sparsity_and_replicate_counts():
    runs = noisy_runs()
    assert smoothness_and_rate([*runs, replace(runs[0], values={"L_mean": 1e6})]) == smoothness_and_rate(runs)


def test_what_cannot_be_said_has_its_reason():
    assert smoothness_and_rate([]) == Missing(NO_RUNS)
    assert smoothness_and_rate([replace(run(0.0, 0, 0.1, 1.0), values={})]) == Missing(NO_RUNS)
    assert smoothness_and_rate(
        [run(0.0, 0, 0.1, 1.0, momentum=0.9), run(0.0, 1, 0.1, 1.0, decay_steps=9.0)]
    ) == Missing(OTHER_STEPS)
    assert smoothness_and_rate([replace(run(0.0, 0, 0.1, 1.0), metaparameters={})]) == Missing(OTHER_STEPS)
    assert smoothness_and_rate([run(0.0, j, 10.0**-j, 1.0, weight_decay=0.1) for j in range(4)]) == Missing(OTHER_STEPS)
    assert smoothness_and_rate([run(0.0, 0, 0.1, 1.0, momentum=0.0)]) != Missing(OTHER_STEPS)
    for few in ([run(0.0, 0, 0.1, 1.0), run(90.0, 0, 0.2, 1.0)], [run(0.0, j, 0.1, 1.0 + j) for j in range(4)]):
        found = smoothness_and_rate(few)
        assert found.power == Missing(ONE_RATE)
        assert all(level.at_same_rate is None for level in found.levels)
    assert smoothness_and_rate([run(90.0, j, 0.1 + j, 1.0) for j in range(3)]).levels[0].at_same_rate is None


def test_reports_and_verdicts_tell_it():
    analysis = analyse(searched_records(seeds=3))
    told = " ".join(" ".join(detail_lines(analysis)).split()).partition("L and the rate of its run")[2]
    assert "slope -0.5 [" in told
    assert "90%: eta L 2.2 [" in told
    assert "L over the dense network's at one rate 5.5 [" in told
    verdicts = to_json(analysis)["smoothness_and_rate"]
    assert verdicts["power"]["estimate"] == pytest.approx(-0.5)
    assert [level["ratio_at_same_rate"] for level in verdicts["levels"]] == [None, pytest.approx(5.5)]
    moved = replace(searched_records(), smoothness=(followed(0.0, metaparameters={"momentum": 0.9}),))
    assert OTHER_STEPS.split(",")[0] in " ".join(" ".join(detail_lines(analyse(moved))).split())
