from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from reference.empirics import constants as slow
from reference.empirics import plain
from samples.networks import SMALL_CNN

from empirics.networks.gradient import loss_and_gradient
from empirics.probes.sample import Sample
from empirics.probes.smoothness import GAMMAS, full_gradient, local_smoothness

# Gradients as in test_training, their difference over a step of relative length 0.1 x |d|: the rounding of a gradient,
# 3.5e-12 of its largest entry, is divided by 0.1 |d|, here at least 0.01, and compared with L of order 1.
SMOOTHNESS_TOLERANCE = 1e-9
NO_EXAMPLES = Sample(torch.zeros(1), torch.zeros(1), population=1)  # for losses that look at none


def whole(images, labels):
    return Sample(images, labels, population=len(labels))


@dataclass(frozen=True)
class MaskCase:
    name: str
    kept: float


CASES = [MaskCase("dense", 1.0), MaskCase("sparse", 0.1)]
masked = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def batch_of(size):
    """Return what stands for a step's mini-batch gradient, where the test is of nothing that it enters."""
    return torch.ones(size, dtype=torch.float64)


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
    found = local_smoothness(SMALL_CNN, before, after, keep, whole(*small_batch), batch_of(6090))
    expected = plain.local_smoothness(plain.SmallCnn, before[0], after[0], mask, *small_batch)
    assert found.smoothness.tolist() == [pytest.approx(expected, rel=SMOOTHNESS_TOLERANCE)]
    for weights, loss in ((before, found.before), (after, found.after)):
        expected = plain.loss_and_gradient(plain.SmallCnn, weights[0], *small_batch)[0]
        assert loss.tolist() == [pytest.approx(expected, rel=1e-12)]


def test_smoothness_takes_float32_weights_in_float64(small_batch, random_weights):
    mask, before, after = a_step(CASES[0], random_weights)
    keep = torch.from_numpy(mask[None]).float()
    before, after = before.float(), after.float()
    images, labels = small_batch
    found = local_smoothness(SMALL_CNN, before, after, keep, whole(images.float(), labels), batch_of(6090))
    expected = plain.local_smoothness(plain.SmallCnn, before[0], after[0], mask, images.float(), labels)
    assert found.smoothness[0] == pytest.approx(expected, rel=SMOOTHNESS_TOLERANCE)


def test_on_a_quadratic_smoothness_is_the_curvature_along_the_step():
    curvatures = torch.tensor([4.0, 1.0], dtype=torch.float64)

    def quadratic(_network, weights, _images, _labels):
        return 0.5 * (curvatures * weights**2).sum(dim=1), curvatures * weights

    before = torch.tensor([[1.0, 1.0]], dtype=torch.float64)
    for direction, expected in (([0.3, 0.0], 4.0), ([0.0, -0.2], 1.0), ([1.0, 1.0], np.sqrt(17 / 2))):
        after = before + torch.tensor([direction], dtype=torch.float64)
        batch = torch.tensor([0.5, 2.0], dtype=torch.float64)
        found = local_smoothness(SMALL_CNN, before, after, torch.ones(1, 2), NO_EXAMPLES, batch, quadratic)
        assert found.smoothness[0] == pytest.approx(expected, rel=1e-13)
        assert found.before[0] == pytest.approx(2.5)
        first, second = direction
        assert found.moved.square == pytest.approx(first**2 + second**2)
        assert found.moved.slope.tolist() == [pytest.approx(4 * first + second)]  # the gradient is (4, 1)
        assert found.moved.bend.tolist() == [pytest.approx(4 * first**2 + second**2)]
        assert (found.moved.batch_square, found.moved.batch_slope.tolist()) == (4.25, [4.0])


def test_a_gradient_that_does_not_grow_may_have_twenty_over_the_rate():
    """Of one number, f' = tanh(100 w) exp(-|w|/1000) from w = 0.05 at rate 1 reaches 2/(gamma eta) at gamma = 0.1."""

    def kink(_network, weights, _images, _labels):
        return weights[:, 0].abs(), torch.tanh(100 * weights) * torch.exp(-weights.abs() / 1000)

    before = torch.tensor([[0.05]], dtype=torch.float64)
    _, gradient = kink(None, before, None, None)
    moved = local_smoothness(
        SMALL_CNN, before, before - gradient, torch.ones(1, 1), NO_EXAMPLES, batch_of(1), kink
    ).moved
    assert moved.gamma.tolist() == [0.1]
    assert moved.smoothness[0] == pytest.approx(20, rel=1e-3)
    assert moved.norms[0] == pytest.approx([float(gradient), float(gradient)], rel=1e-3)


def test_gradients_of_pruned_weights_do_not_count():
    # grad = (4 (w1 + w2), 4 (w1 + w2)); the step moves w1 alone, and of the change only w1's part is kept
    def coupled(_network, weights, _images, _labels):
        total = weights.sum(dim=1, keepdim=True)
        return 2 * total[:, 0] ** 2, 4 * total.expand(-1, 2)

    before, after = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.5, 0.0]])
    kept, both = (
        local_smoothness(SMALL_CNN, before, after, torch.tensor([mask]), NO_EXAMPLES, batch_of(2), coupled).smoothness[
            0
        ]
        for mask in ([1.0, 0.0], [1.0, 1.0])
    )
    assert kept == pytest.approx(4.0, rel=1e-13)
    assert both == pytest.approx(4.0 * np.sqrt(2), rel=1e-13)


def test_the_largest_gamma_is_looked_at():
    # The gradient is 0 up to the end of the step and jumps to 1 there: only gamma = 1 sees it.
    def jumping(_network, weights, _images, _labels):
        return weights[:, 0], (weights > 0.95).double()

    before, after = torch.tensor([[0.0]]), torch.tensor([[1.0]])
    found = local_smoothness(SMALL_CNN, before, after, torch.ones(1, 1), NO_EXAMPLES, batch_of(1), jumping)
    assert found.smoothness[0] == pytest.approx(1.0)
    assert (found.moved.gamma.tolist(), found.moved.norms.tolist()) == ([1.0], [[0.0, 1.0]])


@masked
def test_seeing_every_example_twice_changes_nothing(case, small_batch, random_weights):
    mask, before, after = a_step(case, random_weights)
    keep = torch.from_numpy(mask[None]).double()
    images, labels = small_batch
    once = local_smoothness(SMALL_CNN, before, after, keep, whole(images, labels), batch_of(6090))
    twice = local_smoothness(
        SMALL_CNN, before, after, keep, whole(torch.cat([images, images]), torch.cat([labels, labels])), batch_of(6090)
    )
    assert twice.smoothness == pytest.approx(once.smoothness, rel=SMOOTHNESS_TOLERANCE)
    assert twice.before == pytest.approx(once.before, rel=1e-13)


def test_one_measurement_takes_eleven_gradients_of_every_example(small_batch, random_weights):
    seen = []

    def counted(network, weights, images, labels):
        seen.append(len(weights) * len(labels))
        return loss_and_gradient(network, weights, images, labels)

    _, before, after = a_step(CASES[0], random_weights)
    for sample in (whole(*small_batch), Sample(*small_batch, population=1618)):
        seen.clear()
        local_smoothness(SMALL_CNN, before, after, torch.ones(1, 6090), sample, batch_of(6090), counted)
        assert sum(seen) == 11 * 40


def test_a_step_that_moves_nothing_has_a_loss_and_no_smoothness(small_batch, random_weights):
    weights = random_weights(plain.SmallCnn, 1)
    found = local_smoothness(
        SMALL_CNN, weights, weights.clone(), torch.ones(1, 6090), whole(*small_batch), batch_of(6090)
    )
    assert found.smoothness is None
    assert found.before[0] == found.after[0]
    assert found.before[0] == pytest.approx(plain.loss_and_gradient(plain.SmallCnn, weights[0], *small_batch)[0])


@masked
def test_on_a_part_of_the_examples_it_has_the_error_of_a_jackknife(case, small_batch, random_weights):
    mask, before, after = a_step(case, random_weights)
    images, labels = small_batch
    sample = Sample(images, labels, population=100)
    found = local_smoothness(SMALL_CNN, before, after, torch.from_numpy(mask[None]).double(), sample, batch_of(6090))

    def of_rows(rows):
        return plain.local_smoothness(plain.SmallCnn, before[0], after[0], mask, images[rows], labels[rows])

    expected = slow.jackknife_error(of_rows, list(range(40)), 10, 100)
    assert found.smoothness[0] == pytest.approx(of_rows(list(range(40))), rel=SMOOTHNESS_TOLERANCE)
    # the error is a difference of values that agree to about a tenth
    assert sample.standard_error(found.smoothness) == pytest.approx(expected, rel=100 * SMOOTHNESS_TOLERANCE)
    direction = ((after - before)[0]).numpy()

    def slope(rows):
        return plain.loss_and_gradient(plain.SmallCnn, before[0], images[rows], labels[rows])[1] @ direction

    expected = slow.jackknife_error(slope, list(range(40)), 10, 100)
    assert sample.standard_error(found.moved.slope) == pytest.approx(expected, rel=100 * SMOOTHNESS_TOLERANCE)


@given(st.floats(1e-3, 1e3), st.integers(0, 99))
def test_the_loss_times_a_number_has_that_many_times_the_smoothness(factor, seed):
    """On 1/2 w^T A w and a times it, along a random step; A is symmetric, so L is |A d|/|d|."""
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(4, 4))
    matrix = torch.from_numpy(matrix + matrix.T)
    before, after = torch.from_numpy(random.normal(size=(2, 1, 4)))
    found = []
    for scale in (1.0, factor):

        def quadratic(_network, weights, _images, _labels, scale=scale):
            return scale * ((weights @ matrix) * weights).sum(dim=1) / 2, scale * weights @ matrix

        step = local_smoothness(SMALL_CNN, before, after, torch.ones(1, 4), NO_EXAMPLES, batch_of(4), quadratic)
        found.append(step.smoothness[0])
    direction = (after - before)[0].numpy()
    assert found[0] == pytest.approx(np.linalg.norm(matrix.numpy() @ direction) / np.linalg.norm(direction), rel=1e-10)
    assert found[1] == pytest.approx(factor * found[0], rel=1e-10)


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
