from dataclasses import dataclass

import numpy as np
import pytest
import torch
from reference import empirics_plain as plain
from reference.empirics_networks import SMALL_CNN

from empirics.smoothness import GAMMAS, full_gradient, gradient_variance, local_smoothness

# Gradients as in test_training, their difference over a step of relative length 0.1 x |d|: the rounding of a gradient,
# 3.5e-12 of its largest entry, is divided by 0.1 |d|, here at least 0.01, and compared with L of order 1.
SMOOTHNESS_TOLERANCE = 1e-9
# A sum of 40 squares of 6090 entries, each to 3.5e-12, minus the square of the mean.
VARIANCE_TOLERANCE = 1e-10


@dataclass(frozen=True)
class MaskCase:
    name: str
    kept: float


CASES = [MaskCase("dense", 1.0), MaskCase("sparse", 0.1)]
masked = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def a_step(case, random_weights):
    """Return mask, weights before and weights after a step on the kept weights."""
    mask = np.random.default_rng(3).random(6090) < case.kept
    before, direction = random_weights(plain.SmallCnn, 2)
    keep = torch.from_numpy(mask)
    return mask, (before * keep)[None], ((before + 0.01 * direction) * keep)[None]


def test_gammas_are_the_ten_tenths():
    assert GAMMAS == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@masked
def test_smoothness_is_that_of_eleven_gradients(case, small_batch, random_weights):
    mask, before, after = a_step(case, random_weights)
    keep = torch.from_numpy(mask[None]).double()
    smoothness, loss = local_smoothness(SMALL_CNN, before, after, keep, *small_batch)
    expected = plain.local_smoothness(plain.SmallCnn, before[0], after[0], mask, *small_batch)
    assert smoothness == pytest.approx(expected, rel=SMOOTHNESS_TOLERANCE)
    assert loss == pytest.approx(plain.loss_and_gradient(plain.SmallCnn, before[0], *small_batch)[0], rel=1e-12)


def test_smoothness_takes_float32_weights_in_float64(small_batch, random_weights):
    mask, before, after = a_step(CASES[0], random_weights)
    keep = torch.from_numpy(mask[None]).float()
    before, after = before.float(), after.float()
    images, labels = small_batch
    smoothness, _ = local_smoothness(SMALL_CNN, before, after, keep, images.float(), labels)
    expected = plain.local_smoothness(plain.SmallCnn, before[0], after[0], mask, images.float(), labels)
    assert smoothness == pytest.approx(expected, rel=SMOOTHNESS_TOLERANCE)


def quadratic(monkeypatch, curvatures):
    """Let the loss be 1/2 sum h w^2 for curvatures h."""

    def loss_and_gradient(_network, weights, _images, _labels):
        return 0.5 * (curvatures * weights**2).sum(dim=1), curvatures * weights

    monkeypatch.setattr("empirics.smoothness.loss_and_gradient", loss_and_gradient)


def test_on_a_quadratic_smoothness_is_the_curvature_along_the_step(monkeypatch):
    quadratic(monkeypatch, torch.tensor([4.0, 1.0], dtype=torch.float64))
    before = torch.tensor([[1.0, 1.0]], dtype=torch.float64)
    for direction, expected in (([0.3, 0.0], 4.0), ([0.0, -0.2], 1.0), ([1.0, 1.0], np.sqrt(17 / 2))):
        after = before + torch.tensor([direction], dtype=torch.float64)
        smoothness, loss = local_smoothness(SMALL_CNN, before, after, torch.ones(1, 2), None, None)
        assert smoothness == pytest.approx(expected, rel=1e-13)
        assert loss == pytest.approx(2.5)


def test_gradients_of_pruned_weights_do_not_count(monkeypatch):
    # grad = (4 (w1 + w2), 4 (w1 + w2)); the step moves w1 alone, and of the change only w1's part is kept
    def loss_and_gradient(_network, weights, _images, _labels):
        total = weights.sum(dim=1, keepdim=True)
        return 2 * total[:, 0] ** 2, 4 * total.expand(-1, 2)

    monkeypatch.setattr("empirics.smoothness.loss_and_gradient", loss_and_gradient)
    before, after = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.5, 0.0]])
    kept = local_smoothness(SMALL_CNN, before, after, torch.tensor([[1.0, 0.0]]), None, None)[0]
    both = local_smoothness(SMALL_CNN, before, after, torch.tensor([[1.0, 1.0]]), None, None)[0]
    assert kept == pytest.approx(4.0, rel=1e-13)
    assert both == pytest.approx(4.0 * np.sqrt(2), rel=1e-13)


def test_the_largest_gamma_is_looked_at(monkeypatch):
    # The gradient is 0 up to the end of the step and jumps to 1 there: only gamma = 1 sees it.
    def loss_and_gradient(_network, weights, _images, _labels):
        return weights[:, 0], (weights > 0.95).double()

    monkeypatch.setattr("empirics.smoothness.loss_and_gradient", loss_and_gradient)
    before, after = torch.tensor([[0.0]]), torch.tensor([[1.0]])
    assert local_smoothness(SMALL_CNN, before, after, torch.ones(1, 1), None, None)[0] == pytest.approx(1.0)


@masked
def test_the_variance_is_that_of_single_examples(case, small_batch, random_weights):
    mask, weights, _ = a_step(case, random_weights)
    keep = torch.from_numpy(mask[None]).double()
    found = gradient_variance(SMALL_CNN, weights, keep, *small_batch)
    expected = plain.gradient_variance(plain.SmallCnn, weights[0], mask, *small_batch)
    assert found == pytest.approx(expected, rel=VARIANCE_TOLERANCE)


@pytest.mark.parametrize("rows", [8, 24, 39, 41])
def test_the_variance_does_not_depend_on_chunks(rows, small_batch, random_weights, monkeypatch):
    images, labels = small_batch
    weights = random_weights(plain.SmallCnn, 1)
    expected = gradient_variance(SMALL_CNN, weights, torch.ones(1, 6090), images, labels)
    monkeypatch.setitem(SMALL_CNN.__dict__, "examples_at_once", 8 * rows)
    found = gradient_variance(SMALL_CNN, weights, torch.ones(1, 6090), images, labels)
    assert found == pytest.approx(expected, rel=VARIANCE_TOLERANCE)


def test_equal_examples_have_no_variance(small_batch, random_weights):
    images, labels = small_batch
    weights = random_weights(plain.SmallCnn, 1)
    found = gradient_variance(
        SMALL_CNN, weights, torch.ones(1, 6090), images[:1].repeat(9, 1, 1, 1), labels[:1].repeat(9)
    )
    scale = float(full_gradient(SMALL_CNN, weights, torch.ones(1, 6090), images[:1], labels[:1])[1].square().sum())
    assert 0 <= found <= 1e-12 * scale


@masked
def test_seeing_every_example_twice_changes_neither(case, small_batch, random_weights):
    mask, before, after = a_step(case, random_weights)
    keep = torch.from_numpy(mask[None]).double()
    images, labels = small_batch
    twice = torch.cat([images, images]), torch.cat([labels, labels])
    once_l, once_loss = local_smoothness(SMALL_CNN, before, after, keep, images, labels)
    twice_l, twice_loss = local_smoothness(SMALL_CNN, before, after, keep, *twice)
    assert twice_l == pytest.approx(once_l, rel=SMOOTHNESS_TOLERANCE)
    assert twice_loss == pytest.approx(once_loss, rel=1e-13)
    once_beta = gradient_variance(SMALL_CNN, before, keep, images, labels)
    assert gradient_variance(SMALL_CNN, before, keep, *twice) == pytest.approx(once_beta, rel=VARIANCE_TOLERANCE)


def test_the_variance_predicts_the_scatter_of_batch_gradients(small_batch, random_weights):
    # M = beta/B of THEORY: over 4000 batches of 5 fresh draws the mean of |g - mean g|^2 is beta/5. Its relative error
    # is sd/mean/sqrt(4000) with sd/mean below 1, as seen on the draws: 4 standard errors are 6.4%.
    images, labels = small_batch
    weights = random_weights(plain.SmallCnn, 1)
    each = np.stack(
        [
            plain.loss_and_gradient(plain.SmallCnn, weights[0], images[i : i + 1], labels[i : i + 1])[1]
            for i in range(40)
        ]
    )
    rows = np.random.default_rng(0).integers(0, 40, (4000, 5))
    gram = (each - each.mean(axis=0)) @ (each - each.mean(axis=0)).T
    squares = np.array([gram[np.ix_(row, row)].mean() for row in rows])
    assert squares.std() < squares.mean()
    beta = gradient_variance(SMALL_CNN, weights, torch.ones(1, 6090), images, labels)
    assert squares.mean() == pytest.approx(beta / 5, rel=4 / np.sqrt(4000))


def test_full_gradient_masks_and_is_in_float64(small_batch, random_weights):
    weights = random_weights(plain.SmallCnn, 1).float()
    mask = (torch.arange(6090) % 3 == 0).float()[None]
    loss, gradient = full_gradient(SMALL_CNN, weights, mask, *small_batch)
    expected_loss, expected = plain.loss_and_gradient(plain.SmallCnn, weights[0], *small_batch)
    assert gradient.dtype == torch.float64
    assert float(loss[0]) == pytest.approx(expected_loss, rel=1e-13)
    assert bool((gradient[mask == 0] == 0).all())
    np.testing.assert_allclose(
        gradient[0].numpy()[mask[0].numpy() == 1],
        expected[mask[0].numpy() == 1],
        rtol=0,
        atol=4e-12 * np.abs(expected).max(),
    )
