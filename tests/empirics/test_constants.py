import numpy as np
import pytest
import torch
from reference import empirics_plain as plain

from empirics.constants import measure_constants
from empirics.records import StudyRecord, TrialRecord
from empirics.specification import Study

RATE, STEPS, BATCH_SIZE, PROBE = 0.3, 13, 16, 60
SPARSITIES = (0.0, 80.0)

# The start is drawn in float32: 2^-24 a weight, times the loss's and the gradients' dependence on it.
START_TOLERANCE = 1e-6
# A step d = rate x gradient is the difference of float32 weights. Weights of 0.1 keep 0.1 x 2^-24 = 6e-9 against
# changes of a few 1e-4, and thirteen steps of two computations drift apart by as much each: 1e-3 leaves a factor 4.
STEP_TOLERANCE = 1e-3


def study_record(sparsity, *, event="reached", steps=STEPS):
    trials = (
        TrialRecord(0, {"learning_rate": 1.0}, "running", steps),
        TrialRecord(1, {"learning_rate": RATE}, event, steps),
    )
    return StudyRecord(Study(sparsity, 0, BATCH_SIZE), 0.08, trials, 100, 1, None, 1.0)


@pytest.fixture(scope="module", params=SPARSITIES, ids=lambda sparsity: f"S={sparsity:g}")
def measured(request, laboratory_of):
    """Return sparsity, mask and the constants of a winner's run, measured on sixty examples."""
    laboratory = laboratory_of(examples=PROBE)
    start = plain.initial_weights(plain.SmallCnn, plain.draws(0, plain.INIT, 0, 1))
    images, labels, *_ = plain.split_digits()
    mask = plain.snip_mask(plain.snip_scores(plain.SmallCnn, start, images, labels), request.param)
    reports = []
    record = measure_constants(laboratory, study_record(request.param), mask, reports.append)
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
    assert [point.step for point in record.trajectory] == [1, 6, 11, 13]
    assert reports == [1, 6, 11, 13]


def test_the_trajectory_is_the_twins(measured, twin):
    *_, record, _ = measured
    for point in record.trajectory:
        smoothness, loss = twin[point.step]
        assert point.smoothness == pytest.approx(smoothness, rel=STEP_TOLERANCE)
        assert point.training_loss == pytest.approx(loss, rel=STEP_TOLERANCE)


def test_l_is_the_mean_and_maximum_over_the_regular_steps(measured, twin):
    *_, record, _ = measured
    regular = [twin[step][0] for step in (1, 6, 11)]
    assert record.values["L_mean"] == pytest.approx(sum(regular) / 3, rel=STEP_TOLERANCE)
    assert record.values["L_max"] == pytest.approx(max(regular), rel=STEP_TOLERANCE)
    assert record.values["L_at_goal"] == pytest.approx(twin[13][0], rel=STEP_TOLERANCE)


def test_delta_is_twice_the_loss_at_the_start(measured, probe):
    start, mask, record, _ = measured
    loss = plain.loss_and_gradient(plain.SmallCnn, start * mask, *probe)[0]
    assert record.values["Delta"] == pytest.approx(2 * loss, rel=START_TOLERANCE)


def test_beta_is_the_gradient_variance_at_the_start(measured, probe):
    start, mask, record, _ = measured
    variance = plain.gradient_variance(plain.SmallCnn, start * mask, mask, *probe)
    assert record.values["beta"] == pytest.approx(variance, rel=START_TOLERANCE)


def test_the_record_says_whose_run_it_is(measured):
    *_, record, _ = measured
    assert (record.trial, record.metaparameters, record.examples) == (1, {"learning_rate": RATE}, PROBE)
    assert list(record.values) == ["Delta", "beta", "L_mean", "L_max", "L_at_goal"]


def test_a_study_without_winner_is_refused(laboratory):
    record = study_record(0.0, event="running")
    with pytest.raises(ValueError, match=r"record: study S=0 B=16 reached no goal, so it has no winner to follow"):
        measure_constants(laboratory, record, np.ones(6090, dtype=bool), lambda _: None)


def test_a_winner_that_never_moved_has_finite_constants(laboratory_of):
    # One kept weight of the first convolution reaches no output: every gradient is 0 and so is every step.
    laboratory = laboratory_of(examples=20)
    mask = np.zeros(6090, dtype=bool)
    mask[0] = True
    record = measure_constants(laboratory, study_record(99.99, steps=2), mask, lambda _: None)
    assert np.isfinite(list(record.values.values())).all()
    assert np.isfinite([point.smoothness for point in record.trajectory]).all()
