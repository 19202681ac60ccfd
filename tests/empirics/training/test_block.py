import dataclasses

import numpy as np
import pytest
import torch
from reference.empirics import plain
from samples.networks import SIMPLE_CNN, SMALL_CNN

from empirics.networks.convolutional import ConvolutionalNetwork
from empirics.networks.gradient import loss_and_gradient
from empirics.networks.network import cross_entropy
from empirics.training.block import TrialBlock
from empirics.workloads.find import find_workload

# A gradient entry sums at most 40 x 64 products of sums of at most 281 terms. Rounding them loses at most u x the
# number of terms of values that are some ten times the largest gradient: 2^-53 x (2560 + 2 x 281) x 10 = 3.5e-12.
GRADIENT_TOLERANCE = 4e-12


@pytest.mark.parametrize("trials", [1, 3])
def test_loss_and_gradient_are_the_twins(trials, small_batch, random_weights):
    images, labels = small_batch
    weights = random_weights(plain.SmallCnn, trials)
    losses, gradients = loss_and_gradient(SMALL_CNN, weights, images, labels)
    for trial, flat in enumerate(weights):
        loss, gradient = plain.loss_and_gradient(plain.SmallCnn, flat, images, labels)
        assert float(losses[trial]) == pytest.approx(loss, rel=GRADIENT_TOLERANCE)
        scale = np.abs(gradient).max()
        np.testing.assert_allclose(gradients[trial], gradient, rtol=0, atol=GRADIENT_TOLERANCE * scale)


def test_simple_cnns_gradient_is_the_twins(random_weights):
    random = np.random.default_rng(0)
    images, labels = torch.from_numpy(random.normal(size=(6, 1, 28, 28))), torch.from_numpy(random.integers(0, 10, 6))
    weights = random_weights(plain.SimpleCnn, 2)
    _, gradients = loss_and_gradient(SIMPLE_CNN, weights, images, labels)
    for row, flat in zip(gradients, weights, strict=True):
        gradient = plain.loss_and_gradient(plain.SimpleCnn, flat, images, labels)[1]
        # 6 x 576 products of sums of at most 1849 terms
        tolerance = 2.0**-53 * (6 * 576 + 2 * 1849) * 10
        np.testing.assert_allclose(row, gradient, rtol=0, atol=tolerance * np.abs(gradient).max())


@pytest.mark.parametrize("examples_at_once", [1, 2, 3, 7, 39, 40, 41, 119, 120, 1000])
def test_the_size_of_micro_batches_changes_nothing(examples_at_once, small_batch, random_weights):
    images, labels = small_batch
    weights = random_weights(plain.SmallCnn, 3)
    network = dataclasses.replace(SMALL_CNN, examples_at_once=examples_at_once)
    losses, gradients = loss_and_gradient(network, weights, images, labels)
    expected_losses, expected = loss_and_gradient(SMALL_CNN, weights, images, labels)
    torch.testing.assert_close(losses, expected_losses, rtol=GRADIENT_TOLERANCE, atol=0)
    torch.testing.assert_close(gradients, expected, rtol=0, atol=GRADIENT_TOLERANCE * float(expected.abs().max()))


def test_micro_batches_bound_what_is_computed_at_once(small_batch, random_weights, monkeypatch):
    images, labels = small_batch
    rows, logits = [], ConvolutionalNetwork.logits

    def watched(network, parameters, part):
        rows.append(len(part))
        return logits(network, parameters, part)

    monkeypatch.setattr(ConvolutionalNetwork, "logits", watched)
    network = dataclasses.replace(SMALL_CNN, examples_at_once=36)
    loss_and_gradient(network, random_weights(plain.SmallCnn, 3), images, labels)
    assert rows == [12, 12, 12, 4]


def test_the_precision_is_that_of_the_weights(small_batch, random_weights):
    images, labels = small_batch
    weights = random_weights(plain.SmallCnn, 2)
    for dtype in (torch.float32, torch.float64):
        losses, gradients = loss_and_gradient(SMALL_CNN, weights.to(dtype), images, labels)
        assert (losses.dtype, gradients.dtype) == (dtype, dtype)


def test_loss_and_gradient_leave_the_weights_alone(small_batch, random_weights):
    weights = random_weights(plain.SmallCnn, 2)
    before = weights.clone()
    with torch.no_grad():  # gradients are taken whatever the caller's mode
        gradient = loss_and_gradient(SMALL_CNN, weights, *small_batch)[1]
    assert torch.equal(weights, before)
    assert not weights.requires_grad
    assert bool((gradient != 0).any())


def test_cross_entropy_by_hand():
    logits = torch.tensor([[[0.0, 0.0], [0.0, np.log(3.0)]]], dtype=torch.float64)
    losses = cross_entropy(logits, torch.tensor([0, 0]))
    torch.testing.assert_close(
        losses, torch.log(torch.tensor([[2.0, 4.0]], dtype=torch.float64)), rtol=2.0**-51, atol=0
    )


def test_cross_entropy_keeps_trials_and_examples_apart():
    logits = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 4, 10)))
    labels = torch.tensor([3, 1, 4, 1])
    for trial, row in enumerate(cross_entropy(logits, labels)):
        for example, loss in enumerate(row):
            expected = torch.logsumexp(logits[trial, example], 0) - logits[trial, example, labels[example]]
            assert float(loss) == pytest.approx(float(expected), rel=1e-14)


def block(weights, masks, rates, network=SMALL_CNN):
    points = [{"learning_rate": rate} for rate in rates]
    return TrialBlock(network, find_workload("digits"), range(len(rates)), weights * masks, masks, points)


def test_one_step_is_the_rate_times_the_gradient_on_the_kept_weights(small_batch, random_weights):
    images, labels = small_batch
    weights = random_weights(plain.SmallCnn, 2)
    masks = (torch.rand(2, 6090, generator=torch.Generator().manual_seed(0)) < 0.4).double()
    trained = block(weights.clone(), masks, [0.5, 0.01])
    finite = trained.step(images, labels)
    assert finite.tolist() == [True, True]
    for trial, rate in enumerate([0.5, 0.01]):
        start = weights[trial] * masks[trial]
        gradient = torch.from_numpy(plain.loss_and_gradient(plain.SmallCnn, start, images, labels)[1])
        expected = start - rate * gradient * masks[trial]
        tolerance = GRADIENT_TOLERANCE * max(float(gradient.abs().max()), 1.0)
        torch.testing.assert_close(trained.weights[trial], expected, rtol=0, atol=tolerance)


def test_many_steps_are_the_twins(random_weights):
    images, labels, *_ = plain.split_digits()
    batches = [(images[row : row + 8], labels[row : row + 8]) for row in range(0, 240, 8)]
    weights = random_weights(plain.SmallCnn, 2)
    masks = (torch.rand(2, 6090, generator=torch.Generator().manual_seed(1)) < 0.5).double()
    rates = [0.05, 0.2]
    trained = block(weights.clone(), masks, rates)
    for batch in batches:
        trained.step(*batch)
    for trial, rate in enumerate(rates):
        steps = plain.train(plain.SmallCnn, weights[trial], masks[trial].numpy(), rate, batches)
        *_, (_, _, network) = steps
        # Thirty steps, each of which may magnify what it was given by 1 + rate x curvature, here at most 1.5.
        tolerance = GRADIENT_TOLERANCE * 1.5**30
        torch.testing.assert_close(trained.weights[trial], plain.flat_weights(network), rtol=0, atol=tolerance)


def test_momentum_and_decay_follow_the_steps_taken(small_batch, random_weights):
    # Two steps by hand: v1 = g1, w1 = w0 - eta g1; v2 = m v1 + g2, w2 = w1 - eta (1 + (f - 1)/d) v2.
    images, labels = small_batch
    start = random_weights(plain.SmallCnn, 1)
    eta, m, d, f = 0.05, 0.9, 4, 0.2
    point = {"learning_rate": eta, "momentum": m, "decay_steps": d, "end_learning_rate_factor": f}
    workload = find_workload("mnist/simple-cnn/momentum/linear")
    trained = TrialBlock(SMALL_CNN, workload, [0], start.clone(), torch.ones_like(start), [point])
    for _ in range(2):
        trained.step(images, labels)
    first = torch.from_numpy(plain.loss_and_gradient(plain.SmallCnn, start[0], images, labels)[1])
    once = start[0] - eta * first
    second = torch.from_numpy(plain.loss_and_gradient(plain.SmallCnn, once, images, labels)[1])
    expected = once - eta * (1 + (f - 1) / d) * (m * first + second)
    torch.testing.assert_close(trained.weights[0], expected, rtol=0, atol=10 * GRADIENT_TOLERANCE)


def test_a_trial_is_infeasible_at_the_step_of_the_twin(random_weights):
    images, labels, *_ = plain.split_digits()
    batches = [(images[row : row + 8], labels[row : row + 8]) for row in range(0, 80, 8)]
    weights = random_weights(plain.SmallCnn, 1, seed=2)[0]
    rates = [1e-3, 10.0, 316.0, 1e5, 1e20]
    ends = []
    for rate in rates:
        steps = plain.train(plain.SmallCnn, weights, np.ones(6090), rate, batches, dtype=torch.float32)
        ends.append(next((step for step, finite, _ in steps if not finite), None))
    assert ends[0] is None
    assert len(set(ends)) == len(ends), "the rates no longer diverge at different steps"
    trained = block(weights.float().repeat(len(rates), 1), torch.ones(len(rates), 6090), rates)
    found = [None] * len(rates)
    for step, batch in enumerate(batches, start=1):
        for trial, finite in enumerate(trained.step(*batch).tolist()):
            if not finite and found[trial] is None:
                found[trial] = step
    assert found == ends


def test_an_infinite_loss_is_not_finite_though_every_weight_stays_so(small_batch):
    # All weights are 0, so the logits are the last biases. Logits 6e38 apart give a loss beyond float32's 3.4e38, and a
    # gradient of at most 1 a bias.
    images, labels = small_batch
    weights = torch.zeros(2, 6090)
    weights[1, -10:] = 3e38 * torch.tensor([1.0] + [-1.0] * 9)
    trained = block(weights, torch.ones_like(weights), [0.1, 0.1])
    assert trained.step(images, labels).tolist() == [True, False]
    assert bool(torch.isfinite(trained.weights).all())


def test_an_infinite_weight_is_not_finite_though_the_loss_is(small_batch):
    # Equal logits of 3e38 have the loss log 10; one step adds 0.9 x 1e38 to the bias of the only class there is.
    images, labels = small_batch
    weights = torch.zeros(1, 6090)
    weights[0, -10:] = 3e38
    trained = block(weights, torch.ones_like(weights), [1e38])
    loss, _ = loss_and_gradient(SMALL_CNN, weights, images, torch.zeros_like(labels))
    assert float(loss) == pytest.approx(np.log(10), rel=1e-6)
    assert trained.step(images, torch.zeros_like(labels)).tolist() == [False]


def test_keeping_some_trials_goes_on_with_their_weights_masks_and_rates(small_batch, random_weights):
    weights = random_weights(plain.SmallCnn, 3)
    masks = (torch.rand(3, 6090, generator=torch.Generator().manual_seed(3)) < 0.5).double()
    rates = [0.1, 0.2, 0.4]
    together, alone = block(weights.clone(), masks, rates), block(weights[1:2].clone(), masks[1:2], rates[1:2])
    together.step(*small_batch)
    alone.step(*small_batch)
    together.keep([1])
    assert together.trials == [1]
    together.step(*small_batch)
    alone.step(*small_batch)
    tolerance = 10 * GRADIENT_TOLERANCE
    torch.testing.assert_close(together.weights, alone.weights, rtol=0, atol=tolerance)


def test_all_trials_may_be_dropped(small_batch, random_weights):
    trained = block(random_weights(plain.SmallCnn, 2), torch.ones(2, 6090).double(), [0.1, 0.1])
    trained.keep([])
    assert trained.trials == []
