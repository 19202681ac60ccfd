import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verification.fits.fit import OPEN
from verification.missing import Missing
from verification.prediction import paper
from verification.prediction.error import error_of_mean
from verification.prediction.inputs import Inputs, shares
from verification.prediction.prediction import predict, predict_from, ratio_of
from verification.prediction.rate_times_steps import rate_times_steps
from verification.records.measured_constants import WAYS, MeasuredConstants

positive = st.floats(1e-3, 1e3)
inputs = st.builds(Inputs, positive, positive, positive, positive)


def measured(replicate=0, *, errors=None, along=None, **values):
    return MeasuredConstants(replicate, values, errors or {}, along or {})


def test_the_papers_own_numbers_come_out_of_its_inputs():
    """Lee et al. 2021, Appendix C: 4.68/4.66, 1.76/0.57, 107.39/197.06; printed 1.00 x 3.09 x 0.54 ~ 1.67."""
    parts = [part.ratio for part in shares(paper.SPARSE, paper.DENSE)]
    assert paper.SPARSE.c1 / paper.DENSE.c1 == pytest.approx(1.690, abs=5e-4)
    assert paper.SPARSE.c2 / paper.DENSE.c2 == pytest.approx(3.10, abs=5e-3)
    rounded = [round(part, 2) for part in parts]
    assert rounded == [1.0, 3.09, 0.54, 1.0]
    assert np.prod(rounded) == pytest.approx(1.67, abs=5e-3)


@given(inputs, inputs)
def test_shares_multiply_to_the_ratio_and_add_up_to_one(sparse, dense):
    parts = shares(sparse, dense)
    assert np.prod([part.ratio for part in parts]) == pytest.approx(sparse.c1 / dense.c1, rel=1e-9)
    if abs(np.log(sparse.c1 / dense.c1)) > 1e-6:
        assert sum(part.share for part in parts) == pytest.approx(1.0, abs=1e-6)


@given(inputs, inputs, positive)
def test_another_unit_of_the_loss_changes_no_ratio(sparse, dense, unit):
    """The loss times a: Delta and L by a, noise and epsilon by a^2; c1, c2 have no unit of loss left."""
    scaled = [Inputs(i.Delta * unit, i.L * unit, i.noise * unit**2, i.epsilon * unit**2) for i in (sparse, dense)]
    assert scaled[0].c1 / scaled[1].c1 == pytest.approx(sparse.c1 / dense.c1, rel=1e-9)
    assert scaled[0].c1 == pytest.approx(sparse.c1, rel=1e-9)
    assert scaled[0].c2 == pytest.approx(sparse.c2, rel=1e-9)


VALUES = {"Delta": 4.0, "L_mean": 2.0, "beta": 100.0, "beta_mean": 60.0, "epsilon": 2.0}
SPARSE = {"Delta": 5.0, "L_mean": 1.0, "beta": 25.0, "beta_mean": 30.0, "epsilon": 1.0}


def test_the_three_ways_by_hand():
    found = {way: predict(90.0, [measured(**SPARSE)], [measured(**VALUES)], way) for way in WAYS}
    ratios = {way: [round(r.ratio, 9) for r in made.ratios.values()] for way, made in found.items()}
    assert ratios == {
        "product": [5 / 4 * 1 / 2 * 1 / 4, 5 / 8, 1 / 4],
        "epsilon": [5 / 32 * 4, 5 / 8 * 2, 1 / 4 * 2],
        "averages": [5 / 4 * 1 / 2 * 1 / 2, 5 / 8, 1 / 2],
    }
    assert all(
        ratio.interval == ratio.interval_within_seed == OPEN
        for made in found.values()
        for ratio in made.ratios.values()
    )
    assert not found["product"].falls_with_batch_size


def test_the_papers_l_is_that_over_the_whole_budget_where_it_was_measured():
    longer = [measured(**values, L_mean_budget=value) for values, value in ((SPARSE, 6.0), (VALUES, 2.0))]
    assert predict(90.0, longer[:1], longer[1:], "product").ratios["c2"].ratio == pytest.approx(5 / 4 * 3)
    assert predict(90.0, longer[:1], longer[1:], "averages").ratios["c2"].ratio == pytest.approx(5 / 4 / 2)


def test_errors_of_independent_inputs_add_in_squares():
    """One seed: log c1 has (0.1)^2 + (0.2)^2 of the sparse factors and (2 x 0.05)^2 of epsilon."""
    sparse = measured(**SPARSE, errors={"Delta": 0.5, "beta": 5.0, "epsilon": 0.05})
    error = np.sqrt(0.1**2 + 0.2**2 + 0.1**2)
    found = predict(90.0, [sparse], [measured(**VALUES)], "epsilon").ratios["c1"]
    assert found.interval_within_seed.low == pytest.approx(found.ratio * np.exp(-1.959964 * error), rel=1e-6)
    assert found.interval_within_seed.high == pytest.approx(found.ratio * np.exp(1.959964 * error), rel=1e-6)
    assert (found.error_between_seeds, found.interval) == (None, OPEN)


def test_seeds_are_compared_in_pairs():
    """A factor that moves both networks of a seed alike leaves the ratio and its interval alone."""
    factors = [1.0, 4.0, 0.5]
    dense = [measured(seed, **{name: value * f for name, value in VALUES.items()}) for seed, f in enumerate(factors)]
    sparse = [measured(seed, **{name: value * f for name, value in SPARSE.items()}) for seed, f in enumerate(factors)]
    found = predict(90.0, sparse, [*dense, measured(7, **VALUES)], "product")
    assert found.seeds == 3
    assert found.ratios["c2"].ratio == pytest.approx(5 / 8)
    assert found.ratios["c2"].interval.low == pytest.approx(5 / 8)
    assert found.ratios["c2"].error_between_seeds == pytest.approx(0.0, abs=1e-15)


def test_the_intervals_cover_the_truth_as_often_as_they_say():
    """500 runs of 8 seeds with lognormal factors, half of the scatter shared by both networks: 95% +- 3 points.

    Three standard errors of 500 draws are 3 points.
    """
    random = np.random.default_rng(0)
    inside = 0
    for _ in range(500):
        shared = np.exp(random.normal(scale=0.3, size=(8, 3)) - 0.3**2 / 2)
        levels = []
        for values in (SPARSE, VALUES):
            noise = shared * np.exp(random.normal(scale=0.1, size=(8, 3)) - 0.1**2 / 2)  # of mean 1
            tables = [dict(zip(("Delta", "L_mean", "beta"), row, strict=True)) for row in noise]
            levels.append(
                [measured(j, **{name: values[name] * f for name, f in table.items()}) for j, table in enumerate(tables)]
            )
        interval = predict(90.0, *levels, "product").c1.interval
        inside += interval.low < 5 / 32 < interval.high
    assert 0.92 <= inside / 500 <= 0.98


def test_the_error_of_an_independent_trajectory_is_the_textbook_one():
    """Blocks of k of n independent values: the expected square is s^2/n; 400 values give it to 15%."""
    values = np.random.default_rng(0).normal(size=400)
    assert error_of_mean(values) == pytest.approx(values.std() / 20, rel=0.15)


def test_a_trajectory_that_wanders_has_a_larger_error_than_its_scatter_says():
    random = np.random.default_rng(0)
    wandering = np.repeat(random.normal(size=80), 5)
    assert error_of_mean(wandering) > 1.5 * wandering.std() / 20


def test_blocks_of_the_trajectory_make_an_interval_for_one_seed():
    along = {"L": list(2 + np.random.default_rng(0).normal(scale=0.4, size=30))}
    along["L"] = [value * 2.0 / np.mean(along["L"]) for value in along["L"]]
    found = predict(90.0, [measured(**SPARSE)], [measured(**VALUES, along=along)], "product").ratios
    interval = found["c2"].interval_within_seed
    assert np.log(interval.high / interval.low) == pytest.approx(2 * 1.959964 * error_of_mean(along["L"]) / 2)
    assert found["b_crit"].interval_within_seed == OPEN


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"beta": None}, "no beta at sparsity 90%"),
        ({"Delta": 0.0}, "Delta at sparsity 90% is 0, not positive"),
        ({"epsilon": -1.0}, "epsilon at sparsity 90% is -1, not positive"),
        ({"L_mean": float("inf")}, "L_mean at sparsity 90% is inf, not positive"),
        ({"beta": float("nan")}, "beta at sparsity 90% is nan, not positive"),
    ],
)
def test_what_is_missing_or_not_positive_is_named(changes, reason):
    values = {name: value for name, value in (SPARSE | changes).items() if value is not None}
    assert predict(90.0, [measured(**values)], [measured(**VALUES)], "epsilon") == Missing(reason)


def test_without_a_common_seed_there_is_nothing_to_compare():
    made = predict(90.0, [measured(1, **SPARSE)], [measured(0, **VALUES)], "product")
    assert made == Missing("no measured constants of both networks")


def test_replicates_that_hold_other_constants_are_compared_in_what_all_have():
    """A replicate measured anew over another window lacks the mean over the whole training: none is used."""
    dense = [measured(j, **VALUES) for j in (0, 1)]
    whole = SPARSE | {"L_mean_budget": 9.0}
    for seeds in ([whole, SPARSE], [SPARSE, whole], [whole, whole]):
        sparse = [measured(j, **one) for j, one in enumerate(seeds)]
        assert predict(90.0, sparse, dense, "product").c1.ratio == pytest.approx(5 / 32)
    del whole["L_mean"]
    lacking = [measured(0, **SPARSE), measured(1, **whole)]
    assert predict(90.0, lacking, dense, "product") == Missing("no L_mean at sparsity 90%")


def test_two_seeds_by_hand():
    """L of the sparse network 10% about its mean, both seeds, all else equal: z = +-0.1, error 0.1; t(1) is 12.7062."""
    dense = [measured(j, **VALUES) for j in range(2)]
    sparse = [measured(j, **SPARSE | {"L_mean": level}) for j, level in enumerate((0.9, 1.1))]
    found = predict(90.0, sparse, dense, "product").c1
    assert (found.ratio, found.log_error) == pytest.approx((5 / 32, 0.1))
    assert found.interval.high == pytest.approx(5 / 32 * np.exp(12.7062 * 0.1), rel=1e-5)


def test_a_network_that_was_not_measured_is_named():
    of = {("w", 0.0): [measured(**VALUES)], ("w", 90.0): [measured(**SPARSE)]}
    assert predict_from(of, "w", 90.0, "epsilon").c1.ratio == pytest.approx(5 / 32 * 4)
    assert predict_from(of, "w", 50.0) == Missing("no measured constants at sparsity 50%")
    assert predict_from({("w", 90.0): of["w", 90.0]}, "w", 90.0) == Missing("no measured constants at sparsity 0%")
    assert predict_from(of, "elsewhere", 90.0) == Missing("no measured constants")


def test_the_ratio_of_one_quantity_takes_seeds_where_both_are_positive():
    dense = [measured(j, beta=value) for j, value in enumerate((2.0, 2.0, 4.0))]
    sparse = [measured(j, beta=value) for j, value in enumerate((1.0, -1.0, 2.0))]
    found = ratio_of("beta", sparse, dense)
    assert (found.ratio, found.seeds) == (0.5, 2)
    assert ratio_of("Delta", sparse, dense) is None


@pytest.mark.parametrize("name", ["Delta", "L", "noise", "epsilon"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_inputs_outside_their_range_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} must be finite and > 0"):
        dataclasses.replace(paper.DENSE, **{name: value})


def test_rate_times_steps_counts_momentum_and_refuses_a_rate_that_changes():
    one = Inputs(Delta=4.0, L=1.0, noise=1.0, epsilon=2.0)
    made = rate_times_steps(0.0, 16, {"learning_rate": 0.1, "momentum": 0.9}, 50, one)
    assert (round(made.measured, 9), made.predicted) == (50.0, 2.0)
    assert rate_times_steps(0.0, 16, {"learning_rate": 0.1, "decay_steps": 3.0}, 50, one) == Missing(
        "the rate is not constant"
    )
    assert rate_times_steps(0.0, 16, {}, 50, one) == Missing("no learning rate")
