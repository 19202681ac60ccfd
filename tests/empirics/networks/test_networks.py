from dataclasses import dataclass

import numpy as np
import pytest
import torch
from reference.empirics import plain
from samples.networks import SIMPLE_CNN, SMALL_CNN

from empirics.networks.build import build_network
from empirics.networks.convolutional import ConvolutionalNetwork


@dataclass(frozen=True)
class Twin:
    """A network, its plain twin, and the terms of the sums on the way to a logit: two convolutions and a layer."""

    name: str
    network: ConvolutionalNetwork
    kind: type
    terms: int
    size: int


TWINS = [
    Twin("small-cnn", SMALL_CNN, plain.SmallCnn, 9 + 144 + 128, 6090),
    Twin("simple-cnn", SIMPLE_CNN, plain.SimpleCnn, 25 + 800 + 1024, 62346),
]
twins = pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.name)


@twins
def test_the_number_of_parameters(twin):
    assert twin.network.size == twin.size
    assert twin.network.size == sum(parameter.numel() for parameter in twin.kind().parameters())


@twins
def test_parameters_lie_in_the_order_and_shape_of_the_twins(twin):
    expected = [(name, tuple(value.shape)) for name, value in twin.kind().named_parameters()]
    assert [(parameter.name, parameter.shape) for parameter in twin.network.parameters] == expected


@twins
@pytest.mark.parametrize("trials", [1, 3])
@pytest.mark.parametrize("gradients", [True, False], ids=["training", "evaluation"])
def test_logits_of_all_trials_are_the_twins(twin, trials, gradients, random_weights):
    side = twin.network.image_shape[1]
    images = torch.from_numpy(np.random.default_rng(1).normal(size=(7, 1, side, side)))
    weights = random_weights(twin.kind, trials)
    with torch.set_grad_enabled(gradients):
        logits = twin.network.logits(twin.network.views(weights), images)
    assert logits.shape == (trials, 7, 10)
    for row, flat in zip(logits, weights, strict=True):
        # Each of both computations rounds its sums by at most u x terms x (the sum of absolute values).
        tolerance = 2 * twin.terms * 2.0**-53 * plain.largest_logit_by_absolute_values(twin.kind, flat, images)
        assert tolerance < 1e-8
        with torch.no_grad():
            expected = plain.plain_network(twin.kind, flat)(images)
        torch.testing.assert_close(row.detach(), expected, rtol=0, atol=tolerance)


@twins
def test_pooling_gives_the_same_bits_with_and_without_gradients(twin, random_weights):
    side = twin.network.image_shape[1]
    images = torch.randn(5, 1, side, side, generator=torch.Generator().manual_seed(0))
    parameters = twin.network.views(random_weights(twin.kind, 2).float())
    with torch.no_grad():
        evaluated = twin.network.logits(parameters, images)
    assert torch.equal(twin.network.logits(parameters, images), evaluated)


@twins
def test_views_share_memory_with_the_weights(twin):
    weights = torch.zeros(2, twin.size)
    views = twin.network.views(weights)
    views[-1][1] = 1.0
    assert weights[1, -10:].tolist() == [1.0] * 10
    assert weights.sum() == 10


@twins
def test_a_trial_that_diverged_leaves_the_others_alone(twin, random_weights):
    side = twin.network.image_shape[1]
    images = torch.randn(5, 1, side, side, generator=torch.Generator().manual_seed(0))
    weights = random_weights(twin.kind, 3).float()
    broken = weights.clone()
    broken[1] = torch.nan
    logits = [twin.network.logits(twin.network.views(rows), images) for rows in (weights, broken)]
    assert torch.equal(logits[0][[0, 2]], logits[1][[0, 2]])
    assert bool(logits[1][1].isnan().all())


@twins
def test_initial_weights_invert_the_truncated_normal(twin):
    drawn = twin.network.initial_weights(np.random.default_rng(5))
    assert drawn.dtype == np.float32
    # float32 keeps 2^-24 of a value; the cut lies at 2 / 0.88 / sqrt(fan_in) <= 0.76
    np.testing.assert_allclose(
        drawn, plain.initial_weights(twin.kind, np.random.default_rng(5)), rtol=2.0**-23, atol=2.0**-24 * 1e-3
    )


@twins
def test_biases_start_at_zero_and_weights_do_not(twin):
    drawn = torch.from_numpy(twin.network.initial_weights(np.random.default_rng(0))[None])
    for parameter, view in zip(twin.network.parameters, twin.network.views(drawn), strict=True):
        assert bool((view == 0).all()) == parameter.name.endswith("bias")


@pytest.mark.parametrize("batch_size", [1, 2, 16, 64, 256, 1024, 16384])
@twins
def test_trials_at_once_stay_within_their_bounds(twin, batch_size):
    trials = twin.network.trials_at_once(batch_size)
    assert 1 <= trials <= 16
    assert trials == 1 or trials * batch_size <= twin.network.trials_at_once_examples


def test_activations_count_what_a_pass_leaves():
    # simple-cnn: image, 32 maps of 24x24 and twice (pooled, relu'd) of 12x12, 64 maps of 8x8 and twice of 4x4
    assert SIMPLE_CNN.activations == 28 * 28 + 32 * (24 * 24 + 2 * 12 * 12) + 64 * (8 * 8 + 2 * 4 * 4)


@pytest.mark.parametrize(("name", "shape"), [("simple-cnn", (1, 28, 28)), ("resnet-8", (3, 32, 32))])
def test_on_a_gpu_all_trials_of_a_small_batch_train_at_once_and_memory_stays_bounded(name, shape):
    network = build_network(name, shape).on_gpu()
    assert network.trials_at_once(2) >= 100
    assert network.trials_at_once(512) > 1
    assert network.trials_at_once(1024) == 1
    bytes_of_a_pass = 2 * 4 * network.activations * network.examples_at_once
    assert bytes_of_a_pass < 16 * 2**30
    assert network.parameters == build_network(name, shape).parameters
