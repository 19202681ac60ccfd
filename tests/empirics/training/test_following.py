from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from reference.empirics import constants as slow
from reference.empirics import plain
from samples import constants_workloads as exact

from empirics.networks.gradient import loss_and_gradient
from empirics.probes.example_gradients import GradientSums, gradient_sums
from empirics.records import TrialRecord
from empirics.run.summary import describe_ending
from empirics.specification.probe import FollowedRun, Probe
from empirics.training import following
from empirics.training.following import measure_constants
from empirics.training.torch_engine import TorchEngine
from empirics.workloads.moved_time import moved_time

RATE, STEPS, BATCH_SIZE, PROBE, TRAINING = 0.3, 13, 16, 60, 1618
SPARSITIES = (0.0, 80.0)

# The start is drawn in float32: 2^-24 a weight, times the loss's and the gradients' dependence on it.
START_TOLERANCE = 1e-6
# A step d = rate x gradient is the difference of float32 weights. Weights of 0.1 keep 0.1 x 2^-24 = 6e-9 against
# changes of a few 1e-4, and thirteen steps of two computations drift apart by as much each: 1e-3 leaves a factor 4.
STEP_TOLERANCE = 1e-3
# Per-example gradients are taken in float32: sums of a dozen products, each to 2^-24, in every entry.
SINGLE_TOLERANCE = 1e-6


def followed(sparsity=0.0, *, rate=RATE, goal_step=STEPS, steps=None, replicate=0, batch_size=BATCH_SIZE):
    return FollowedRun(sparsity, replicate, batch_size, 1, {"learning_rate": rate}, goal_step, steps)


@pytest.fixture(scope="module", params=SPARSITIES, ids=lambda sparsity: f"S={sparsity:g}")
def measured(request, laboratory_of):
    """Return sparsity, mask and the constants of a winner's run, measured on sixty examples."""
    laboratory = laboratory_of(examples=PROBE, every=5, hessian_points=2)
    start = plain.initial_weights(plain.SmallCnn, plain.draws(0, plain.INIT, 0, 1))
    images, labels, *_ = plain.split_digits()
    mask = plain.snip_mask(plain.snip_scores(plain.SmallCnn, start, images, labels), request.param)
    reports = []
    record = measure_constants(laboratory, followed(request.param), mask, reports.append)
    return start.astype(np.float32), mask, record, reports


@pytest.fixture(scope="module")
def probe():
    images, labels, *_ = plain.split_digits()
    rows = plain.draws(0, plain.PROBE, 0).permutation(1618)[:PROBE]
    return images[rows], labels[rows]


@pytest.fixture(scope="module")
def twin(measured, probe):
    """Return step -> (L, training loss before the step) for every step of the winner's run."""
    start, mask, *_ = measured
    images, labels, *_ = plain.split_digits()
    stream = plain.example_stream(0, (0,), len(labels), STEPS * BATCH_SIZE)
    rows = [stream[step * BATCH_SIZE : (step + 1) * BATCH_SIZE] for step in range(STEPS)]
    batches = [(images[row], labels[row]) for row in rows]
    before, points = torch.from_numpy(start * mask), {}
    for step, _, network in plain.train(plain.SmallCnn, start, mask, RATE, batches, dtype=torch.float32):
        after = plain.flat_weights(network)
        points[step] = (
            plain.local_smoothness(plain.SmallCnn, before, after, mask, *probe),
            plain.loss_and_gradient(plain.SmallCnn, before, *probe)[0],
        )
        before = after
    return points


def test_smoothness_is_measured_every_fifth_step_and_at_the_goal(measured):
    *_, record, reports = measured
    assert list(record.along("L")) == list(record.along("variance")) == [1, 6, 11, 13]
    assert list(record.along("training_loss")) == [1, 2, 6, 7, 11, 12, 13, 14]
    assert list(record.along("hessian_top")) == [1, 11]
    assert sorted(set(reports)) == [1, 6, 11, 13]
    assert (record.goal_step, record.steps, record.skipped, record.diverged) == (13, 13, 0, None)


def test_the_trajectory_is_the_twins(measured, twin):
    *_, record, _ = measured
    for step, smoothness in record.along("L").items():
        assert smoothness == pytest.approx(twin[step][0], rel=STEP_TOLERANCE)
        assert record.along("training_loss")[step] == pytest.approx(twin[step][1], rel=STEP_TOLERANCE)


def test_l_is_the_mean_and_maximum_over_the_regular_steps(measured, twin):
    *_, record, _ = measured
    regular = [twin[step][0] for step in (1, 6, 11)]
    assert record.values["L_mean"] == pytest.approx(sum(regular) / 3, rel=STEP_TOLERANCE)
    assert record.values["L_max"] == pytest.approx(max(regular), rel=STEP_TOLERANCE)
    assert record.values["L_at_goal"] == pytest.approx(twin[13][0], rel=STEP_TOLERANCE)
    assert "L_mean_budget" not in record.values


def test_delta_is_twice_the_loss_at_the_start(measured, probe):
    start, mask, record, _ = measured
    loss = plain.loss_and_gradient(plain.SmallCnn, start * mask, *probe)[0]
    assert record.values["Delta"] == pytest.approx(2 * loss, rel=START_TOLERANCE)


def test_beta_is_the_unbiased_gradient_variance_at_the_start(measured, probe):
    start, mask, record, _ = measured
    variance = plain.gradient_variance(plain.SmallCnn, start * mask, mask, *probe)
    unbiased = variance * PROBE / (PROBE - 1) * (TRAINING - 1) / TRAINING
    assert record.values["beta"] == pytest.approx(unbiased, rel=START_TOLERANCE)


def test_what_was_measured_on_a_part_has_standard_errors(measured):
    *_, record, _ = measured
    without = {"hessian_top", "share_above_edge", "batch_square", "eta"}
    assert set(record.errors) == set(record.values) - without
    for name in ("Delta", "beta", "L_mean", "L_max", "L_at_goal", "epsilon", "beta_mean"):
        assert 0 < record.errors[name] < record.values[name]
    without = {"hessian_top", "gradient_curvature", "share_above_edge", "batch_square", "step_square"}
    assert {point.quantity for point in record.trajectory if point.error is None} == without


def test_the_record_says_whose_run_it_is(measured):
    *_, record, _ = measured
    assert (record.trial, record.metaparameters, record.examples) == (1, {"learning_rate": RATE}, PROBE)
    assert record.settings == Probe(examples=PROBE, every=5, hessian_points=2).settings()


def full_mask(laboratory):
    return np.ones(laboratory.network.size, dtype=bool)


def ends_of(laboratory, run, monkeypatch):
    """Measure along a run; return its record and the weights it ended with."""
    ends, real = [], following.trial_block

    def trial_block(*arguments):
        ends.append(real(*arguments))
        return ends[-1]

    monkeypatch.setattr(following, "trial_block", trial_block)
    record = measure_constants(laboratory, run, full_mask(laboratory), lambda _: None)
    return record, ends[-1].weights


def test_measuring_leaves_the_run_bit_identical(laboratory_of, monkeypatch):
    laboratory = laboratory_of(examples=20, every=3, repeats=2)
    _, measured_weights = ends_of(laboratory, followed(), monkeypatch)
    alone = following.trial_block(
        laboratory, 0, TrialRecord(1, {"learning_rate": RATE}, "incomplete", 0), full_mask(laboratory)
    )
    data, order = laboratory.split(0), laboratory.order(0)
    for step in range(STEPS):
        alone.advance(data, order.batch(step, BATCH_SIZE)[None])
    assert torch.equal(alone.weights, measured_weights)


def test_measured_again_it_is_the_same_bit_for_bit(laboratory_of):
    laboratory = laboratory_of(examples=20, repeats=2)
    first, second = (measure_constants(laboratory, followed(), full_mask(laboratory), lambda _: None) for _ in range(2))
    assert replace(first, seconds=0.0) == replace(second, seconds=0.0)
    assert {each.batch_size for each in first.batch_variances} == {1, 4}


def test_a_run_goes_on_for_the_steps_asked_for(laboratory_of):
    laboratory = laboratory_of(examples=20, every=5, hessian_points=0)
    record = measure_constants(laboratory, followed(steps=21), full_mask(laboratory), lambda _: None)
    along = record.along("L")
    assert list(along) == [1, 6, 11, 13]
    assert list(record.along("L_budget")) == [5, 10, 15, 20]
    assert record.values["L_mean_budget"] == pytest.approx(np.mean(list(record.along("L_budget").values())))
    assert record.values["L_mean"] == pytest.approx(np.mean([along[step] for step in (1, 6, 11)]))
    assert record.values == measure_constants(
        laboratory_of(examples=20, every=5, hessian_points=0, steps=0),
        followed(),
        full_mask(laboratory),
        lambda _: None,
    ).values | {"L_mean_budget": record.values["L_mean_budget"]}
    assert (record.goal_step, record.steps) == (13, 21)


def test_a_run_that_stops_before_its_goal_has_no_averages_up_to_it(laboratory_of):
    laboratory = laboratory_of(examples=20, every=5, hessian_points=0)
    record = measure_constants(laboratory, followed(steps=7), full_mask(laboratory), lambda _: None)
    assert record.goal_step is None
    assert list(record.values) == ["Delta", "beta", "L_mean_budget", "eta"]


def test_a_goal_that_is_not_known_is_looked_for(laboratory_of):
    laboratory = laboratory_of(examples=20, goal_error=(0.5,), hessian_points=0)
    known = measure_constants(laboratory, followed(goal_step=None), full_mask(laboratory), lambda _: None)
    assert known.goal_step is not None
    assert known.goal_step % 2 == 0
    again = measure_constants(laboratory, followed(goal_step=known.goal_step), full_mask(laboratory), lambda _: None)
    assert again.values == known.values


def test_a_run_that_diverges_says_where_and_keeps_what_was_measured(laboratory_of):
    laboratory = laboratory_of(examples=20, every=1, hessian_points=0)
    run = followed(rate=1e6, goal_step=None, steps=60)
    record = measure_constants(laboratory, run, full_mask(laboratory), lambda _: None)
    assert record.diverged is not None
    assert record.goal_step is None
    assert 0 < len(record.along("L")) < record.diverged
    assert np.isfinite([point.value for point in record.trajectory]).all()
    assert np.isfinite(list(record.values.values())).all()
    assert {"Delta", "beta"} <= set(record.values)
    assert f"diverged at step {record.diverged}; measurements before it are kept" in describe_ending(record)


def test_a_winner_that_never_moved_is_counted_and_has_no_smoothness(laboratory_of):
    # One kept weight of the first convolution reaches no output: every gradient is 0 and so is every step.
    laboratory = laboratory_of(examples=20, every=3)
    mask = np.zeros(6090, dtype=bool)
    mask[0] = True
    record = measure_constants(laboratory, followed(99.99, goal_step=7), mask, lambda _: None)
    assert record.skipped == 3
    assert "L" not in {point.quantity for point in record.trajectory}
    assert not {"L_mean", "L_max", "L_at_goal"} & set(record.values)
    assert np.isfinite(list(record.values.values())).all()
    assert "3 steps moved nothing and have no L" in describe_ending(record)


@pytest.mark.parametrize("name", ["quadratic", "logistic_regression", "linear_network"])
def test_workloads_with_closed_forms_are_measured_from_end_to_end(name, laboratory_of):
    laboratory = laboratory_of(workload=f"samples.constants_workloads:{name}", every=2)
    run = followed(rate=0.05, goal_step=9)
    record = measure_constants(laboratory, run, full_mask(laboratory), lambda _: None)
    assert record.errors == {}
    data = laboratory.split(0)
    inputs, labels = data.training_images.numpy().astype(float), data.training_labels.numpy()
    weights = laboratory.initial_weights(0, 1).astype(float)
    forms = {
        "quadratic": lambda: exact.quadratic_gradients(weights, inputs),
        "logistic_regression": lambda: exact.logistic_gradients(weights, inputs, labels),
        "linear_network": lambda: exact.linear_network_gradients(weights, inputs, labels.astype(float)),
    }
    each = forms[name]()
    assert record.values["beta"] == pytest.approx(slow.population_variance(each), rel=SINGLE_TOLERANCE)
    square = np.square(each.mean(axis=0)).sum()
    assert record.along("gradient_square")[1] == pytest.approx(square, rel=SINGLE_TOLERANCE)
    if name == "quadratic":
        along = list(record.along("variance").values())
        assert along == pytest.approx([record.values["beta"]] * len(along), rel=SINGLE_TOLERANCE)
        assert record.values["beta_V"] == pytest.approx(0, abs=SINGLE_TOLERANCE)
        assert record.values["hessian_top"] == pytest.approx(max(exact.CURVATURES), rel=1e-3)
        # No step is longer in any direction than the top curvature allows, and a step has some of every curvature.
        assert min(exact.CURVATURES) < record.values["L_mean"] < record.values["L_max"] < max(exact.CURVATURES)


def test_a_loss_with_one_derivative_has_a_hessian(laboratory_of):
    laboratory = laboratory_of(workload="samples.constants_workloads:once_differentiable", hessian_points=1)
    record = measure_constants(laboratory, followed(goal_step=2), full_mask(laboratory), lambda _: None)
    assert record.values["hessian_top"] > 0.0


@pytest.mark.parametrize("workload", ["digits/small-cnn/sgd", "digits/small-cnn/momentum"])
def test_what_is_said_of_a_step_is_the_steps(workload, laboratory_of):
    """The loss changes by slope and half the bend, exactly; a plain step is minus the rate times the batch gradient."""
    laboratory = laboratory_of(workload=workload, examples=20, hessian_points=0)
    run = replace(followed(goal_step=6), metaparameters={"learning_rate": 0.1, "momentum": 0.9})
    record = measure_constants(laboratory, run, full_mask(laboratory), lambda _: None)
    names = (
        "training_loss",
        "step_slope",
        "step_square",
        "lambda",
        "batch_slope",
        "batch_square",
        "gradient_square",
        "s",
    )
    loss, slope, square, curvature, batch_slope, batch_square, gradient_square, lost = map(record.along, names)
    assert list(slope) == [1, 2, 3, 4, 5, 6]
    for k in slope:
        assert loss[k + 1] - loss[k] == pytest.approx(slope[k] + curvature[k] * square[k] / 2, rel=1e-9)
        if "sgd" in workload or k == 1:
            assert slope[k] == pytest.approx(-0.1 * batch_slope[k], rel=STEP_TOLERANCE)
            assert square[k] == pytest.approx(0.01 * batch_square[k], rel=STEP_TOLERANCE)
    assert square[6] > 2 * 0.01 * batch_square[6] or "sgd" in workload
    if "sgd" in workload:
        expected = 2 * (loss[4] - loss[3] + 0.1 * batch_slope[3]) / (0.1 * gradient_square[3])
        assert lost[3] == pytest.approx(expected, abs=STEP_TOLERANCE * batch_slope[3] / gradient_square[3])
        assert record.values["eta"] == pytest.approx(0.1)
    else:
        assert not lost
        assert record.values["eta"] == pytest.approx(moved_time("momentum", "constant", run.metaparameters, 6) / 6)


class SteeperEngine(TorchEngine):
    """An engine to whose gradients the loss is twice as large."""

    def gradient_of(self, mask):
        return lambda *arguments: tuple(2 * part for part in loss_and_gradient(*arguments))

    def sums_of(self, mask):
        def of(*arguments):
            sums = gradient_sums(*arguments)
            return GradientSums(2 * sums.first, 4 * sums.second)

        return of


def test_all_gradients_are_the_engines(laboratory_of):
    laboratory = laboratory_of(engine="torch", examples=8, repeats=2, hessian_points=1)
    found = []
    for kind in (TorchEngine, SteeperEngine):
        laboratory.engine = kind(laboratory.network, laboratory.specification.workload, laboratory.device)
        found.append(measure_constants(laboratory, followed(goal_step=1), full_mask(laboratory), lambda _: None))
    plainly, steeper = (record.values for record in found)
    times = {"L_mean": 2, "Delta": 2, "beta": 4, "hessian_top": 2}
    assert {name: steeper[name] / plainly[name] for name in times} == pytest.approx(times, rel=1e-9)
    for one, fourfold in zip(*(record.batch_variances for record in found), strict=True):
        assert (fourfold.measured, fourfold.expected) == (4 * one.measured, 4 * one.expected)


def test_quadratic_forms_are_taken_where_they_are_asked_for(laboratory_of):
    laboratory = laboratory_of(workload="samples.constants_workloads:quadratic", quadratic_forms=40, hessian_points=0)
    record = measure_constants(laboratory, followed(goal_step=3, rate=0.05), full_mask(laboratory), lambda _: None)
    inputs = laboratory.split(0).training_images.numpy().astype(float)
    weights = laboratory.initial_weights(0, 1).astype(float)
    gradient = exact.quadratic_gradients(weights, inputs).mean(axis=0)
    assert record.along("gradient_H_gradient")[1] == pytest.approx(gradient @ (exact.CURVATURES * gradient), rel=1e-5)
    # Of g_i - mean = -h (x_i - mean): the trace is the sum of h^3 var(x); 40 vectors leave about a tenth.
    trace = float(exact.CURVATURES**3 @ inputs.var(axis=0))
    assert list(record.along("trace_H_Sigma")) == [1, 2, 3]
    assert record.values["trace_H_Sigma"] == pytest.approx(trace, rel=0.5)
    assert not record.along("hessian_top")


def test_a_training_that_diverges_on_its_way_has_no_mean_over_it(laboratory_of):
    laboratory = laboratory_of(examples=20, hessian_points=0)
    run = followed(rate=1e6, goal_step=None, steps=60)
    assert "L_mean_budget" not in measure_constants(laboratory, run, full_mask(laboratory), lambda _: None).values


@given(st.integers(1, 50_000), st.one_of(st.none(), st.integers(1, 500)), st.integers(0, 9))
def test_measurements_are_spread_over_the_whole_run(steps, every, wanted):
    probe = Probe(examples=9, every=every, hessian_points=wanted)
    regular, budget = probe.to_goal(steps), probe.over_budget(steps)
    assert regular[0] == 1
    assert 1 not in budget
    assert steps - regular[-1] < regular.step
    assert not budget or steps - budget[-1] < budget.step
    if every is None:
        assert min(steps, 30) <= len(regular) < 60
        assert len(budget) < 60
    else:
        assert (regular.step, budget.step) == (every, every)
    found = probe.hessian_steps(steps)
    assert found <= set(regular)
    assert len(found) == min(wanted, len(regular))
    if wanted >= 2:
        assert {1, regular[-1]} <= found
