"""Networks with weights, masks and made-up examples for the sparse kernel."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from empirics.kernels.kernel import Examples, Rule, Trials
from empirics.networks.build import build_network
from empirics.networks.network import Network


@dataclass(frozen=True)
class Case:
    """A network with weights, one mask and examples to train it on."""

    name: str
    network: Network
    mask: np.ndarray
    weights: np.ndarray
    images: np.ndarray
    labels: np.ndarray

    def trials(self, kernel, dtype=np.float64, lanes=0, mask=None):
        mask = self.mask if mask is None else mask
        made = Trials(kernel, self.name, self.network.image_shape, mask[None], dtype, lanes)
        made.put(0, self.weights)
        return made

    @property
    def examples(self):
        return Examples(self.images, self.labels)


SHAPES = {"small-cnn": (1, 8, 8), "simple-cnn": (1, 28, 28), "resnet-8": (3, 32, 32)}


@lru_cache
def case(name, sparsity=0.0, seed=0):
    """Initial weights, biases that are none of 0, a mask at random, and 40 examples of noise."""
    network, random = build_network(name, SHAPES[name]), np.random.default_rng(seed)
    mask = random.random(network.size) >= sparsity
    weights = network.initial_weights(random).astype(np.float64)
    weights[network.is_bias] = 0.1 * random.normal(size=network.is_bias.sum())
    images = random.normal(size=(40, *network.image_shape)).astype(np.float32)
    return Case(name, network, mask, (weights * mask).astype(np.float32), images, random.integers(0, 10, 40))


def rule(optimizer="sgd", schedule="constant", rate=0.05):
    point = {"learning_rate": rate, "momentum": 0.9, "decay_steps": 70.0, "end_learning_rate_factor": 0.1}
    return Rule(optimizer, schedule, point), point
