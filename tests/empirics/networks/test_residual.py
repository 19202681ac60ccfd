import dataclasses

import numpy as np
import pytest
import torch
from reference.empirics import plain, protocol

from empirics.errors import InputError
from empirics.networks import residual
from empirics.networks.build import NETWORKS, build_network
from empirics.networks.gradient import loss_and_gradient
from empirics.specification.request import Request
from empirics.specification.specification import resolve
from empirics.workloads.find import find_workload

# A logit is a chain of sums of at most 9 x 64 terms through 7 layers; 2^-53 x 576 x 7 x the largest sum of absolutes.
TERMS = 9 * 64 * 7


@pytest.mark.parametrize(("kind", "shape"), [(protocol.ResNet8, (3, 32, 32)), (protocol.GreyResNet8, (1, 28, 28))])
@pytest.mark.parametrize("trials", [1, 3])
def test_logits_and_gradients_are_the_twins(kind, shape, trials, random_weights):
    network = build_network("resnet-8", shape)
    weights = random_weights(kind, trials)
    images = torch.from_numpy(np.random.default_rng(1).normal(size=(4, *shape)))
    labels = torch.tensor([3, 1, 4, 1])
    logits = network.logits(network.views(weights), images)
    losses, gradients = loss_and_gradient(network, weights, images, labels)
    for trial, flat in enumerate(weights):
        expected = plain.plain_network(kind, flat)(images).detach()
        bound = TERMS * 2.0**-53 * plain.largest_logit_by_absolute_values(kind, flat, images)
        assert float((logits[trial] - expected).abs().max()) <= bound
        loss, gradient = plain.loss_and_gradient(kind, flat, images, labels)
        assert float(losses[trial]) == pytest.approx(loss, abs=2 * bound)
        np.testing.assert_allclose(gradients[trial].numpy(), gradient, rtol=0, atol=1e-10 * np.abs(gradient).max())


def test_a_strided_convolution_begins_at_the_corner_and_ends_one_beyond():
    images = torch.arange(16.0).reshape(1, 1, 4, 4)  # rows 0 1 2 3, 4 5 6 7, 8 9 10 11, 12 13 14 15
    first, last = torch.zeros(2, 1, 1, 1, 3, 3)
    first[..., 0, 0], last[..., 2, 2] = 1.0, 1.0
    corner, beyond = (residual._halved(images, weight, torch.zeros(1, 1)) for weight in (first, last))
    assert corner[0, 0].tolist() == [[0.0, 2.0], [8.0, 10.0]]
    assert beyond[0, 0].tolist() == [[10.0, 0.0], [0.0, 0.0]]


def test_a_run_of_a_resnet_belongs_to_its_padding():
    digits = resolve(Request(), cuda_available=False)[0]
    padded = dataclasses.replace(digits, workload=find_workload("cifar-10/resnet-8/sgd"))
    assert padded.identity()["strided_padding"] == "0 before, 1 after"
    assert "strided_padding" not in digits.identity()


def test_the_parameters_lie_as_the_twins():
    network = build_network("resnet-8", (3, 32, 32))
    assert network.size == 75050
    expected = [(name, tuple(value.shape)) for name, value in protocol.ResNet8().named_parameters()]
    assert [(parameter.name, parameter.shape) for parameter in network.parameters] == expected
    assert int(network.is_bias.sum()) == sum(size[0] for _, size in expected if len(size) == 1)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_every_network_takes_every_shape(name, shape):
    network = build_network(name, shape)
    weights = torch.zeros(2, network.size)
    assert network.logits(network.views(weights), torch.zeros(5, *shape)).shape == (2, 5, 10)
    assert network.activations > np.prod(shape)


def test_an_unknown_network_is_refused():
    with pytest.raises(InputError, match="unknown network 'vgg'; choose one of: small-cnn, simple-cnn, resnet-8"):
        build_network("vgg", (1, 8, 8))
