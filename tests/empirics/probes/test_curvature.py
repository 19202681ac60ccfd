"""Products and spectra of the Hessian against closed forms, automatic differentiation and the whole matrix."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from reference.empirics import constants as slow
from reference.empirics import plain
from samples import constants_workloads as exact
from samples.networks import SMALL_CNN

from empirics.networks.gradient import loss_and_gradient
from empirics.probes.curvature import gradient_spectrum, product_at
from empirics.probes.field import loss_field
from empirics.workloads.own import load_own_workload

HERE = "samples.constants_workloads"
PRODUCT_TOLERANCE = 1e-6  # 4e-9 on digits; gradients to 1e-16 over a step of 1e-9 of the weights' length


def field_of(workload, mask):
    network = load_own_workload(f"{HERE}:{workload}").network
    images, labels = torch.from_numpy(exact.INPUTS), torch.from_numpy(exact.CLASSES)
    return loss_field(network, torch.from_numpy(mask[None].astype(float)), images, labels, loss_and_gradient)


@pytest.mark.parametrize("pruned", [(), (0,), range(8)])
def test_on_a_quadratic_it_knows_every_curvature_that_is_kept(pruned):
    kept = np.ones(len(exact.CURVATURES), dtype=bool)
    kept[list(pruned)] = False
    weights = np.where(kept, 3.0, 0.0)
    field = field_of("quadratic", kept)
    gradient = field(weights)[1]
    found = gradient_spectrum(product_at(field, weights), gradient)
    order = np.argsort(exact.CURVATURES[kept])
    assert found.values == pytest.approx(exact.CURVATURES[kept][order], rel=PRODUCT_TOLERANCE)
    shares = np.square(gradient[kept][order]) / (gradient @ gradient)
    assert found.shares == pytest.approx(shares, abs=1e-5)
    assert found.top == pytest.approx(exact.CURVATURES[kept].max(), rel=PRODUCT_TOLERANCE)
    assert found.share_above(1.2) == pytest.approx(shares[exact.CURVATURES[kept][order] > 1.2].sum(), abs=1e-5)
    assert found.mean == pytest.approx(gradient @ (exact.CURVATURES * gradient) / (gradient @ gradient), rel=1e-6)


@pytest.mark.parametrize("kept", [1.0, 0.6])
def test_on_logistic_regression_it_is_the_closed_forms(kept):
    random = np.random.default_rng(2)
    size = 2 * len(exact.CURVATURES)
    mask = random.random(size) < kept
    weights, vector = random.normal(size=size) * mask, random.normal(size=size) * mask
    field = field_of("logistic_regression", mask)
    hessian = exact.logistic_hessian(weights, exact.INPUTS.astype(float)) * np.outer(mask, mask)
    product = product_at(field, weights)
    np.testing.assert_allclose(
        product(vector), hessian @ vector, atol=PRODUCT_TOLERANCE * np.abs(hessian @ vector).max()
    )
    values, vectors = np.linalg.eigh(hessian)
    gradient = field(weights)[1]
    shares = np.square(vectors.T @ gradient) / (gradient @ gradient)
    found = gradient_spectrum(product, gradient)
    assert found.top == pytest.approx(values[-1], rel=1e-4)
    middle = values[-1] / 2
    assert found.share_above(middle) == pytest.approx(shares[values > middle].sum(), abs=1e-3)


def autograd_product(weights, vector, images, labels):
    """Return the Hessian times a vector by differentiating the plain network twice."""
    point = torch.from_numpy(weights).requires_grad_()
    network = SMALL_CNN
    loss = network.losses(network.logits(network.views(point[None]), images), labels).mean()
    (gradient,) = torch.autograd.grad(loss, point, create_graph=True)
    return torch.autograd.grad(gradient @ torch.from_numpy(vector), point)[0].numpy()


@pytest.mark.parametrize("kept", [1.0, 0.1])
def test_a_product_is_that_of_automatic_differentiation(kept, small_batch, random_weights):
    """On digits, with units and pooled pixels near their kinks."""
    mask = np.random.default_rng(3).random(6090) < kept
    weights = random_weights(plain.SmallCnn, 1)[0].numpy() * mask
    vector = np.random.default_rng(4).normal(size=6090) * mask
    field = loss_field(SMALL_CNN, torch.from_numpy(mask[None].astype(float)), *small_batch, loss_and_gradient)
    found = product_at(field, weights)(vector)
    expected = autograd_product(weights, vector, *small_batch) * mask
    np.testing.assert_allclose(found, expected, rtol=0, atol=PRODUCT_TOLERANCE * np.abs(expected).max())


def test_on_a_sparse_network_it_is_the_spectrum_of_the_slow_hessian(small_batch, random_weights):
    mask = np.random.default_rng(3).random(6090) < 0.02
    weights = random_weights(plain.SmallCnn, 1)[0].numpy() * mask
    field = loss_field(SMALL_CNN, torch.from_numpy(mask[None].astype(float)), *small_batch, loss_and_gradient)

    def gradient_at(values):
        every = np.zeros(6090)
        every[mask] = values
        return plain.loss_and_gradient(plain.SmallCnn, every, *small_batch)[1][mask]

    hessian = slow.dense_hessian(gradient_at, weights[mask], step=1e-8)
    values, vectors = np.linalg.eigh((hessian + hessian.T) / 2)
    gradient = field(weights)[1]
    shares = np.square(vectors.T @ gradient[mask]) / (gradient @ gradient)
    found = gradient_spectrum(product_at(field, weights), gradient)
    assert found.top == pytest.approx(values[-1], rel=1e-4)
    assert found.share_above(values[-1] / 3) == pytest.approx(shares[values > values[-1] / 3].sum(), abs=1e-3)


@given(st.integers(-20, 20), st.integers(-20, 20))
def test_a_rewritten_problem_has_the_rewritten_spectrum_to_the_bit(power, scale):
    """Result 19: curvatures have the exponents (2, 1), shares (0, 0)."""
    a, s = 2.0**power, 2.0**scale
    curvatures, weights = np.array([4.0, 1.0, 0.3, 9.0]), np.array([1.0, -2.0, 3.0, 0.5])

    def field(point):
        return float(np.tanh(curvatures @ np.square(point))), (
            1 - np.tanh(curvatures @ point**2) ** 2
        ) * curvatures * point

    def rewritten(point):
        loss, gradient = field(a * point)
        return s * loss, s * a * gradient

    plain_one, other = (
        gradient_spectrum(product_at(of, at), of(at)[1]) for of, at in ((field, weights), (rewritten, weights / a))
    )
    assert np.array_equal(other.values, plain_one.values * a**2 * s)
    assert np.array_equal(other.shares, plain_one.shares)


def test_across_a_kink_that_is_too_near_there_is_no_product():
    """The gradient jumps at the very weights; beside them a shorter step finds the smooth side."""

    def kinked(point):
        return float(point.clip(min=0).sum() + point @ point / 2), (point > 0) + point

    assert product_at(kinked, np.array([1.0, 0.0]))(np.array([1.0, 1.0])) is None
    assert gradient_spectrum(product_at(kinked, np.array([1.0, 0.0])), np.array([1.0, 1.0])) is None
    near = product_at(kinked, np.array([1.0, 5e-10]))(np.array([1.0, 1.0]))
    assert near == pytest.approx([1.0, 1.0], rel=1e-5)


def test_a_loss_without_a_gradient_has_no_spectrum():
    mask = np.ones(26, dtype=bool)
    field = field_of("flat", mask)
    assert gradient_spectrum(product_at(field, np.ones(26)), field(np.ones(26))[1]) is None


def test_a_top_that_sixteen_vectors_do_not_find_is_not_told():
    curvatures = np.linspace(0.0, 1.0, 2000)
    assert gradient_spectrum(lambda v: curvatures * v, 1.2 - curvatures).top is None
