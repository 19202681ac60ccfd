import numpy as np
import pytest
import torch
from reference.empirics import constants as slow
from reference.empirics import plain
from samples import constants_workloads as exact
from samples.networks import SMALL_CNN

from empirics.errors import InputError
from empirics.probes import curvature
from empirics.probes.curvature import hessian_product, top_curvature
from empirics.probes.sample import Sample
from empirics.workloads.own import load_own_workload

HERE = "samples.constants_workloads"
LANCZOS_TOLERANCE = 1e-3  # as asked of it


def sample_of(workload):
    images, labels = torch.from_numpy(exact.INPUTS), torch.from_numpy(exact.CLASSES)
    return load_own_workload(f"{HERE}:{workload}").network, Sample(images, labels, population=60)


def start(network, seed=0):
    return np.random.default_rng(seed).standard_normal(network.size)


def test_on_a_quadratic_it_is_the_top_curvature_that_is_kept():
    network, sample = sample_of("quadratic")
    weights = torch.ones(1, network.size, dtype=torch.float64)
    mask = torch.ones_like(weights)
    found = top_curvature(network, weights, mask, sample, start(network))
    assert found == pytest.approx(max(exact.CURVATURES), rel=LANCZOS_TOLERANCE)
    mask[0, exact.CURVATURES.argmax()] = 0
    pruned = top_curvature(network, weights, mask, sample, start(network))
    assert pruned == pytest.approx(sorted(exact.CURVATURES)[-2], rel=LANCZOS_TOLERANCE)
    few = torch.zeros_like(mask)
    few[0, 3:6] = 1  # so few that the matrix itself is taken
    assert top_curvature(network, weights, few, sample, start(network)) == pytest.approx(2.0, rel=1e-12)


@pytest.mark.parametrize("kept", [1.0, 0.6])
def test_on_logistic_regression_it_is_that_of_the_closed_form(kept):
    network, sample = sample_of("logistic_regression")
    random = np.random.default_rng(2)
    weights, mask = random.normal(size=network.size), random.random(network.size) < kept
    weights = weights * mask
    expected = np.linalg.eigvalsh(exact.logistic_hessian(weights, exact.INPUTS.astype(float))[np.ix_(mask, mask)])[-1]
    found = top_curvature(
        network, torch.from_numpy(weights[None]), torch.from_numpy(mask[None].astype(float)), sample, start(network)
    )
    assert found == pytest.approx(expected, rel=LANCZOS_TOLERANCE)


@pytest.fixture
def generic_batch():
    """Five random images: unlike digits they have no equal pixels, at which pooling has a kink."""
    random = np.random.default_rng(5)
    return torch.from_numpy(random.normal(size=(5, 1, 8, 8))), torch.from_numpy(random.integers(10, size=5))


@pytest.mark.parametrize("kept", [1.0, 0.1])
def test_a_product_is_the_difference_of_two_gradients(kept, generic_batch, random_weights):
    mask = np.random.default_rng(3).random(6090) < kept
    weights = random_weights(plain.SmallCnn, 1) * torch.from_numpy(mask[None].astype(float))
    direction = np.random.default_rng(4).normal(size=6090) * mask
    found = hessian_product(SMALL_CNN, weights, torch.from_numpy(direction), *generic_batch).numpy()
    step = 1e-7  # so small that no unit of the five images passes its kink
    ends = [
        plain.loss_and_gradient(plain.SmallCnn, weights[0].numpy() + sign * step * direction, *generic_batch)[1]
        for sign in (1, -1)
    ]
    # rounding: gradients to 3.5e-12 of the largest, over twice the step
    tolerance = 3.5e-12 * np.abs(ends[0]).max() / step
    np.testing.assert_allclose(found, (ends[0] - ends[1]) / (2 * step), rtol=0, atol=tolerance)
    assert tolerance < 1e-4 * np.abs(found).max()


def test_on_a_sparse_network_it_is_the_top_eigenvalue_of_the_slow_hessian(generic_batch, random_weights):
    mask = np.random.default_rng(3).random(6090) < 0.02
    keep = torch.from_numpy(mask[None].astype(float))
    weights = random_weights(plain.SmallCnn, 1) * keep

    def gradient_at(values):
        every = np.zeros(6090)
        every[mask] = values
        return plain.loss_and_gradient(plain.SmallCnn, every, *generic_batch)[1][mask]

    hessian = slow.dense_hessian(gradient_at, weights[0].numpy()[mask], step=1e-7)
    found = top_curvature(SMALL_CNN, weights, keep, Sample(*generic_batch, population=5), start(SMALL_CNN))
    assert found == pytest.approx(np.linalg.eigvalsh((hessian + hessian.T) / 2)[-1], rel=LANCZOS_TOLERANCE)


def test_it_does_not_depend_on_where_lanczos_begins_or_on_chunks(small_batch, random_weights, monkeypatch):
    weights, ones = random_weights(plain.SmallCnn, 1), torch.ones(1, 6090)
    sample = Sample(*small_batch, population=40)
    first = top_curvature(SMALL_CNN, weights, ones, sample, start(SMALL_CNN))
    assert top_curvature(SMALL_CNN, weights, ones, sample, start(SMALL_CNN, 1)) == pytest.approx(
        first, rel=LANCZOS_TOLERANCE
    )
    monkeypatch.setattr(curvature, "_MOST_EXAMPLES_AT_ONCE", 7)
    assert top_curvature(SMALL_CNN, weights, ones, sample, start(SMALL_CNN)) == pytest.approx(first, rel=1e-8)


def test_a_loss_without_curvature_has_none():
    network, sample = sample_of("flat")
    ones = torch.ones(1, network.size, dtype=torch.float64)
    assert top_curvature(network, ones, ones, sample, start(network)) == 0.0


def test_a_loss_that_cannot_be_differentiated_twice_is_named():
    network, sample = sample_of("once_differentiable")
    ones = torch.ones(1, network.size, dtype=torch.float64)
    expected = "loss samples.constants_workloads:once_differentiable_loss: .* cannot be differentiated twice"
    with pytest.raises(InputError, match=expected):
        top_curvature(network, ones, ones, sample, start(network))
