import numpy as np
import pytest
import torch
from reference.empirics.sparse_cases import SHAPES
from torch.nn import functional

from benchmarks.operations import Operations, useful_operations
from benchmarks.plain import PlainLoop, masked_module
from empirics.errors import InputError
from empirics.networks.build import build_network
from empirics.networks.gradient import loss_and_gradient

networks = pytest.mark.parametrize("name", SHAPES)


@networks
def test_a_plain_step_is_one_along_the_masked_gradient_of_the_engines_network(name):
    random, rate = np.random.default_rng(1), 0.5
    network = build_network(name, SHAPES[name])
    weights = random.normal(0, 0.1, network.size).astype(np.float32)
    mask = random.random(network.size) < 0.5
    images = torch.from_numpy(random.normal(size=(6, *SHAPES[name])).astype(np.float32))
    labels = torch.arange(6)
    module, masks = masked_module(name, SHAPES[name], weights, mask)
    start = torch.from_numpy(weights * mask)
    loss, gradient = loss_and_gradient(network, start[None], images, labels)
    torch.testing.assert_close(functional.cross_entropy(module(images), labels), loss[0])
    assert PlainLoop(module, masks, rate).step(images, labels)
    found = torch.nn.utils.parameters_to_vector(module.parameters()).detach()
    torch.testing.assert_close(found, start - rate * gradient[0] * torch.from_numpy(mask), rtol=0, atol=1e-5)
    assert (found != start).sum() > 0.4 * network.size


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        # weights x output places of each layer
        ("simple-cnn", (25 * 32 * 24**2, 800 * 64 * 8**2, 1024 * 10)),
        ("small-cnn", (9 * 16 * 8**2, 144 * 32 * 4**2, 128 * 10)),
        ("resnet-8", (432 * 32**2, 2 * 2304 * 32**2, (4608 + 9216) * 16**2, (18432 + 36864) * 8**2, 640)),
    ],
)
def test_useful_operations_by_hand(name, layers):
    network = build_network(name, SHAPES[name])
    dense = useful_operations(name, SHAPES[name], np.ones(network.size, bool))
    assert dense == Operations(2 * sum(layers), 2 * (3 * sum(layers) - layers[0]))
    assert useful_operations(name, SHAPES[name], network.is_bias) == Operations(0, 0)
    first = np.arange(network.size) < 7
    places = layers[0] // (25 * 32 if name == "simple-cnn" else np.prod(network.parameters[0].shape))
    assert useful_operations(name, SHAPES[name], first) == Operations(2 * 7 * places, 4 * 7 * places)


def test_a_network_that_is_not_built_in_is_refused():
    with pytest.raises(InputError, match="not for mlp"):
        masked_module("mlp", (1, 8, 8), np.zeros(3, np.float32), np.ones(3, bool))
