import dataclasses
import itertools
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from reference.empirics import constants as slow
from reference.empirics import plain
from samples import constants_workloads as exact
from samples.networks import SIMPLE_CNN, SMALL_CNN

from empirics.networks.build import build_network
from empirics.probes import example_gradients
from empirics.probes.example_gradients import gradient_sums
from empirics.probes.gradient_noise import fit_second_moment, gradient_noise
from empirics.probes.sample import Sample
from empirics.workloads.own import load_own_workload

HERE = "samples.constants_workloads"
# A sum of some dozens of squares of thousands of entries, each to 3.5e-12 of the largest, minus the square of the mean.
TOLERANCE = 1e-10


def whole(images, labels):
    return Sample(images, labels, population=len(labels))


def random_mask(network, kept, seed=3):
    return torch.from_numpy((np.random.default_rng(seed).random(network.size) < kept).astype(float))[None]


def one_by_one(kind, weights, mask, images, labels):
    """Return the masked gradients of the twin, one example at a time, shape (n, kept)."""
    keep = mask[0].numpy() == 1
    return np.stack(
        [
            plain.loss_and_gradient(kind, weights[0], images[row : row + 1], labels[row : row + 1])[1][keep]
            for row in range(len(labels))
        ]
    )


@dataclass(frozen=True)
class Case:
    name: str
    kept: float


CASES = [Case("dense", 1.0), Case("sparse", 0.1)]
masked = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@masked
def test_on_digits_the_noise_is_that_of_single_examples(case, small_batch, random_weights):
    weights, mask = random_weights(plain.SmallCnn, 1), random_mask(SMALL_CNN, case.kept)
    found = gradient_noise(SMALL_CNN, weights, mask, whole(*small_batch))
    each = one_by_one(plain.SmallCnn, weights, mask, *small_batch)
    assert found.variance.tolist() == [pytest.approx(slow.population_variance(each), rel=TOLERANCE)]
    square = float(np.square(each.mean(axis=0)).sum())
    assert found.gradient_square.tolist() == [pytest.approx(square, rel=TOLERANCE)]


@masked
def test_on_simple_cnn_too(case, random_weights):
    random = np.random.default_rng(0)
    images, labels = torch.from_numpy(random.normal(size=(5, 1, 28, 28))), torch.from_numpy(random.integers(10, size=5))
    weights, mask = random_weights(plain.SimpleCnn, 1), random_mask(SIMPLE_CNN, case.kept)
    found = gradient_noise(SIMPLE_CNN, weights, mask, whole(images, labels))
    each = one_by_one(plain.SimpleCnn, weights, mask, images, labels)
    assert found.variance[0] == pytest.approx(slow.population_variance(each), rel=TOLERANCE)


def test_the_product_of_layer_norms_would_be_wrong_for_a_masked_layer(small_batch, random_weights):
    """|x|^2 |delta|^2 is the square of the whole last layer's gradient: right where all of it is kept only."""
    weights = random_weights(plain.SmallCnn, 1)
    sums = gradient_sums(SMALL_CNN, weights, *small_batch)
    each = one_by_one(plain.SmallCnn, weights, torch.ones(1, 6090), *small_batch)
    last = slice(6090 - 1290, 6090 - 10)
    assert float(sums.second[last].sum()) == pytest.approx(float(np.square(each[:, last]).sum()), rel=TOLERANCE)
    mask = random_mask(SMALL_CNN, 0.1)[0, last].numpy()
    masked_sum = float((sums.second[last].numpy() * mask).sum())
    assert masked_sum == pytest.approx(float((np.square(each[:, last]) * mask).sum()), rel=TOLERANCE)
    assert masked_sum < 0.5 * float(sums.second[last].sum())


@pytest.mark.parametrize("name", ["small-cnn", "resnet-8"])
def test_layer_by_layer_and_one_by_one_agree(name, monkeypatch):
    network = build_network(name, (1, 8, 8) if name == "small-cnn" else (3, 8, 8))
    random = np.random.default_rng(0)
    images = torch.from_numpy(random.normal(size=(6, *network.image_shape)))
    labels = torch.from_numpy(random.integers(10, size=6))
    weights = torch.from_numpy(network.initial_weights(random)[None] + random.normal(scale=0.02, size=network.size))
    by_layers = gradient_sums(network, weights, images, labels)
    monkeypatch.setattr(example_gradients, "_add_by_layers", example_gradients._add_one_by_one)
    singly = gradient_sums(network, weights, images, labels)
    for found, expected in ((by_layers.first, singly.first), (by_layers.second, singly.second)):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12 * float(expected.abs().max()))


@pytest.mark.parametrize("rows", [1, 7, 39, 41])
def test_it_does_not_depend_on_chunks(rows, small_batch, random_weights, monkeypatch):
    weights = random_weights(plain.SmallCnn, 1)
    expected = gradient_noise(SMALL_CNN, weights, torch.ones(1, 6090), whole(*small_batch))
    monkeypatch.setattr(example_gradients, "_FLOATS_AT_ONCE", 6090 * rows)
    found = gradient_noise(SMALL_CNN, weights, torch.ones(1, 6090), whole(*small_batch))
    assert found.variance == pytest.approx(expected.variance, rel=TOLERANCE)


def test_equal_examples_have_no_variance(small_batch, random_weights):
    images, labels = small_batch
    sample = whole(images[:1].repeat(9, 1, 1, 1), labels[:1].repeat(9))
    found = gradient_noise(SMALL_CNN, random_weights(plain.SmallCnn, 1), torch.ones(1, 6090), sample)
    assert 0 <= found.variance[0] <= 1e-12 * found.gradient_square[0]


@given(st.permutations(range(8)), st.sampled_from([1, 2, 3]))
def test_order_and_duplication_of_the_data_change_nothing(order, times):
    network = load_own_workload(f"{HERE}:logistic_regression").network
    images, labels = torch.from_numpy(exact.INPUTS[:8]).double(), torch.from_numpy(exact.CLASSES[:8])
    weights = torch.linspace(-1, 1, network.size, dtype=torch.float64)[None]
    once = gradient_noise(network, weights, torch.ones_like(weights), whole(images, labels))
    rows = torch.tensor(list(order) * times)
    again = gradient_noise(network, weights, torch.ones_like(weights), whole(images[rows], labels[rows]))
    assert again.variance == pytest.approx(once.variance, rel=1e-10)
    assert again.gradient_square == pytest.approx(once.gradient_square, rel=1e-10)


@given(st.floats(1e-2, 1e2))
def test_the_loss_times_a_number_has_its_square_times_the_noise(factor):
    network = load_own_workload(f"{HERE}:quadratic").network
    scaled = dataclasses.replace(
        network, loss=lambda outputs, targets: factor * exact.weighted_square(outputs, targets)
    )
    images, labels = torch.from_numpy(exact.INPUTS[:9]).double(), torch.from_numpy(exact.CLASSES[:9])
    weights = torch.ones(1, network.size, dtype=torch.float64)
    once, more = (
        gradient_noise(each, weights, torch.ones_like(weights), whole(images, labels)) for each in (network, scaled)
    )
    assert more.variance == pytest.approx(factor**2 * once.variance, rel=1e-10)
    assert more.gradient_square == pytest.approx(factor**2 * once.gradient_square, rel=1e-10)


@dataclass(frozen=True)
class Exact:
    name: str
    gradients: object


EXACT = [
    Exact("quadratic", lambda w, x, y, t: exact.quadratic_gradients(w, x)),
    Exact("logistic_regression", lambda w, x, y, t: exact.logistic_gradients(w, x, y)),
    Exact("linear_network", lambda w, x, y, t: exact.linear_network_gradients(w, x, t)),
]


@pytest.mark.parametrize("kept", [1.0, 0.5])
@pytest.mark.parametrize("case", EXACT, ids=lambda case: case.name)
def test_it_is_the_closed_form_where_there_is_one(case, kept):
    loaded = load_own_workload(f"{HERE}:{case.name}")
    network, dataset = loaded.network, loaded.dataset
    weights, mask = np.random.default_rng(1).normal(size=network.size), random_mask(network, kept)
    weights = weights * mask[0].numpy()
    images, labels = torch.from_numpy(dataset.images), torch.from_numpy(dataset.labels)
    found = gradient_noise(network, torch.from_numpy(weights[None]), mask, whole(images, labels))
    inputs = exact.INPUTS.astype(float)
    each = case.gradients(weights, inputs, exact.CLASSES, exact.TARGETS.astype(float))[:, mask[0].numpy() == 1]
    assert found.variance[0] == pytest.approx(slow.population_variance(each), rel=1e-10)
    assert found.gradient_square[0] == pytest.approx(np.square(each.mean(axis=0)).sum(), rel=1e-10)


def test_on_a_part_of_the_examples_both_are_the_u_statistics():
    network = load_own_workload(f"{HERE}:logistic_regression").network
    images, labels = torch.from_numpy(exact.INPUTS[:20]), torch.from_numpy(exact.CLASSES[:20])
    weights = np.random.default_rng(1).normal(size=network.size)
    sample = Sample(images, labels, population=50)
    found = gradient_noise(network, torch.from_numpy(weights[None]), torch.ones(1, network.size), sample)
    each = exact.logistic_gradients(weights, exact.INPUTS[:20].astype(float), exact.CLASSES[:20])
    for place, estimate in enumerate((found.variance, found.gradient_square)):

        def of_rows(rows, place=place):
            return slow.unbiased_from_pairs(each[rows], 50)[place]

        assert estimate[0] == pytest.approx(of_rows(list(range(20))), rel=1e-10)
        error = slow.jackknife_error(of_rows, list(range(20)), 10, 50)
        assert sample.standard_error(estimate) == pytest.approx(error, rel=1e-9)


def test_averaged_over_every_part_both_are_exact():
    """All 210 ways of drawing four of ten examples: the mean of the estimates is the population's, to rounding."""
    network = load_own_workload(f"{HERE}:logistic_regression").network
    images, labels = torch.from_numpy(exact.INPUTS[:10]), torch.from_numpy(exact.CLASSES[:10])
    weights = torch.from_numpy(np.random.default_rng(1).normal(size=(1, network.size)))
    ones = torch.ones_like(weights)
    truth = gradient_noise(network, weights, ones, whole(images, labels))
    parts = [
        gradient_noise(network, weights, ones, Sample(images[list(rows)], labels[list(rows)], population=10))
        for rows in itertools.combinations(range(10), 4)
    ]
    assert np.mean([part.variance[0] for part in parts]) == pytest.approx(truth.variance[0], rel=1e-12)
    mean_square = np.mean([part.gradient_square[0] for part in parts])
    assert mean_square == pytest.approx(truth.gradient_square[0], rel=1e-12)


@given(st.floats(0, 100), st.floats(0, 10), st.integers(1, 512))
def test_constants_that_made_a_run_are_found_again(intercept, slope, batch_size):
    square = np.array([0.1, 0.5, 1.0, 3.0, 7.0])
    fit = fit_second_moment(intercept + slope * square, square)
    assert fit.of_batch(batch_size)[0] == pytest.approx(intercept / batch_size, rel=1e-9, abs=1e-9)
    assert fit.of_batch(batch_size)[1] == pytest.approx(1 + slope / batch_size, rel=1e-9, abs=1e-9)


def test_neither_constant_is_negative():
    falling = fit_second_moment(np.array([3.0, 2.0, 1.0]), np.array([1.0, 2.0, 3.0]))
    assert (falling.intercept, falling.slope) == (pytest.approx(2.0), 0.0)
    steep = fit_second_moment(np.array([0.0, 10.0]), np.array([1.0, 2.0]))
    assert (steep.intercept, steep.slope) == (0.0, pytest.approx(4.0))  # 20/5, through the origin
