"""Facts about the protocol of Lee et al. 2021, each computed here by hand and not by what it tests."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from samples.networks import SMALL_CNN

from empirics.networks.build import build_network
from empirics.search.space import search_points
from empirics.specification.request import Request
from empirics.specification.specification import resolve
from empirics.training.block import TrialBlock
from empirics.training.laboratory import Laboratory
from empirics.workloads.find import find_workload
from empirics.workloads.optimizers import OPTIMIZERS


@dataclass(frozen=True)
class Layer:
    """A layer's name, the inputs of a unit and its units; weights lie first, then as many biases as units."""

    name: str
    fan_in: int
    units: int


@dataclass(frozen=True)
class Layers:
    """A network, its layers in their order in the flat weights, and the parameters the paper counts."""

    name: str
    image_shape: tuple[int, int, int]
    layers: tuple[Layer, ...]
    size: int


SIMPLE_CNN = Layers(
    "simple-cnn",
    (1, 28, 28),
    (Layer("conv1", 25 * 1, 32), Layer("conv2", 25 * 32, 64), Layer("fc", 1024, 10)),
    62346,
)
RESNET_8 = Layers(
    "resnet-8",
    (3, 32, 32),
    (
        Layer("conv1", 9 * 3, 16),
        Layer("block1.conv1", 9 * 16, 16),
        Layer("block1.conv2", 9 * 16, 16),
        Layer("block2.conv1", 9 * 16, 32),
        Layer("block2.conv2", 9 * 32, 32),
        Layer("block3.conv1", 9 * 32, 64),
        Layer("block3.conv2", 9 * 64, 64),
        Layer("fc", 64, 10),
    ),
    75050,
)


def by_layer(network, flat):
    """Cut the last axis of flat weights into layers; return the weights of each, and all biases together."""
    weights, biases, start = {}, [], 0
    for layer in network.layers:
        middle = start + layer.fan_in * layer.units
        weights[layer.name] = flat[..., start:middle]
        biases.append(flat[..., middle : middle + layer.units])
        start = middle + layer.units
    assert start == flat.shape[-1] == network.size
    return weights, np.concatenate(biases, axis=-1)


@dataclass(frozen=True)
class Kept:
    """The weights that SNIP keeps of each layer of Simple-CNN on MNIST at 90%, for a trial of seed 0."""

    trial: int
    conv1: int
    conv2: int
    fc: int


KEPT = [Kept(0, 403, 3255, 2577), Kept(1, 447, 4152, 1636), Kept(2, 432, 3309, 2494)]
# Another processor may round the gradients otherwise, which in float32 can swap weights whose scores lie within 1e-4 of
# the last one kept: at most four in these trials.
SWAPPED = 4


@pytest.mark.slow
@pytest.mark.parametrize("kept", KEPT, ids=lambda kept: f"trial {kept.trial}")
def test_how_many_weights_of_each_layer_snip_keeps_on_mnist(data_dir, kept):
    """The counts depend on the initial weights, so on the seed.

    The authors' trials keep 405-434, 3247-3315 and 2498-2583 of the three layers, ours start from other draws: trials
    0 and 2 come within 2 and 4 of these ranges, trial 1 keeps more of conv2 and less of fc. What does not depend on the
    seed is exact: the total, that no bias survives, and that a higher sparsity keeps a subset.
    """
    request = Request(workload="mnist/simple-cnn/sgd", data_dir=data_dir, sparsity=(50.0, 70.0, 90.0))
    masks = Laboratory(*resolve(request, cuda_available=False)).masks((50.0, 70.0, 90.0), 0, kept.trial)
    weights, biases = by_layer(SIMPLE_CNN, masks)
    assert masks.sum(axis=1).tolist() == [31173, 18704, 6235]
    assert not biases.any()
    half, third, tenth = masks
    assert not (third & ~half).any()
    assert not (tenth & ~third).any()
    for name, expected in (("conv1", kept.conv1), ("conv2", kept.conv2), ("fc", kept.fc)):
        assert abs(int(weights[name][2].sum()) - expected) <= SWAPPED, name


def cut_normal_moments(cut, highest):
    """Return the even moments up to the highest of a standard normal cut at +-cut.

    Integrating x^(k-1) x phi(x) by parts: m_k = (k - 1) m_(k-2) - 2 cut^(k-1) phi(cut) / mass.
    """
    mass = math.erf(cut / math.sqrt(2))
    density = math.exp(-(cut**2) / 2) / math.sqrt(2 * math.pi)
    moments = {0: 1.0}
    for k in range(2, highest + 1, 2):
        moments[k] = (k - 1) * moments[k - 2] - 2 * cut ** (k - 1) * density / mass
    return moments


CUT = cut_normal_moments(2.0, 8)
DEVIATION = math.sqrt(CUT[2])
# Moments of the cut normal scaled to unit variance.
FOURTH, EIGHTH = CUT[4] / CUT[2] ** 2, CUT[8] / CUT[2] ** 4
DRAWS = 20
FIVE_SIGMA = 5.0  # two-sided 5.7e-7 a moment, so below 2e-5 for the 33 of eleven layers, if one ever redraws them


def test_the_deviation_of_a_normal_cut_at_two_sigma_is_the_papers():
    assert pytest.approx(0.87963, abs=5e-6) == DEVIATION


@pytest.mark.parametrize("network", [SIMPLE_CNN, RESNET_8], ids=lambda network: network.name)
def test_every_layer_starts_from_a_normal_cut_at_two_sigma_with_variance_one_over_fan_in(network):
    random = np.random.default_rng(20)
    built = build_network(network.name, network.image_shape)
    assert built.size == network.size
    weights, biases = by_layer(network, np.stack([built.initial_weights(random) for _ in range(DRAWS)]))
    assert not biases.any()
    for layer in network.layers:
        unit = weights[layer.name].astype(np.float64).ravel() * math.sqrt(layer.fan_in)
        n = DRAWS * layer.fan_in * layer.units
        assert len(unit) == n
        # Deviations of the sample means of x, x^2 and x^4 over n independent values.
        mean, variance = 1 / math.sqrt(n), math.sqrt((FOURTH - 1) / n)
        fourth = math.sqrt((EIGHTH - FOURTH**2) / n)
        assert abs(unit.mean()) <= FIVE_SIGMA * mean, layer.name
        assert abs((unit**2).mean() - 1) <= FIVE_SIGMA * variance, layer.name
        assert abs((unit**4).mean() - FOURTH) <= FIVE_SIGMA * fourth, layer.name
        # So tight that neither an uncut normal (3) nor a uniform (1.8) of the same variance passes.
        assert FIVE_SIGMA * fourth < min(3 - FOURTH, FOURTH - 1.8)
        one_rounding = 1 + 2.0**-23
        assert np.abs(unit).max() <= 2 / DEVIATION * one_rounding, layer.name


STEPS = 30


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_pruned_weights_are_exactly_zero_after_thirty_steps(optimizer, small_batch):
    images, labels = small_batch
    workload = find_workload(f"digits/small-cnn/{optimizer}")
    points = search_points(workload.search_space, 3)
    weights = torch.from_numpy(np.stack([SMALL_CNN.initial_weights(np.random.default_rng(t)) for t in range(3)]))
    masks = (torch.rand(weights.shape, generator=torch.Generator().manual_seed(0)) < 0.1).float()
    block = TrialBlock(SMALL_CNN, workload, range(3), weights * masks, masks, points)
    finite = torch.ones(3, dtype=torch.bool)
    for step in range(STEPS):
        rows = torch.arange(8 * step, 8 * step + 8) % len(labels)
        finite &= block.step(images[rows].float(), labels[rows])
    assert bool(finite.any())
    for trial in finite.nonzero().flatten().tolist():
        pruned = masks[trial] == 0
        assert bool((block.weights[trial][pruned] == 0).all())
        moved = block.weights[trial] != weights[trial] * masks[trial]
        assert int(moved.sum()) > 0.5 * int((~pruned).sum())
