"""How constants go with sparsity and with each other, and effects of several workloads as one."""

import math
from dataclasses import replace

import numpy as np
import pytest
from reference.verification import tests as twin
from scipy import stats

from verification.claims.on_trials import (
    constants_change_little,
    loss_goes_with_smoothness,
    smoothness_grows,
)
from verification.inference.trends import WINDOWS, block_interval, combined, jonckheere, smoothness_trends
from verification.missing import Missing
from verification.records.measured_constants import MeasuredConstants
from verification.records.trials import SmoothnessRun


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
    assert isinstance(loss_goes_with_smoothness(runs()[:2]), Missing)


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
