"""beta over a whole training set against one epoch of training, and L's gradients: time on this machine, one core.

`python -m benchmarks.constants_cost --examples 256` prints seconds and the ratio; both grow with the examples alone, so
a part tells. The floor, for Simple-CNN and one example: a forward pass is 3.75 M multiplications (0.46 M, 3.28 M
and 0.01 M in the layers), the gradients of the outputs another 3.29 M, the weight gradients 3.74 M, in all 10.8 M, and
training does the same 10.8 M. So beta costs one epoch's arithmetic, a third of it (the weight gradients) in double
precision, and besides that it writes each example's 52 000 convolution weights once and reads them twice: 1.2 MB an
example, 67 GB over 54 000 where they leave the cache, which is why they are made 16 at a time.

Seen on two busy cores of an AMD EPYC machine, least of fourteen rounds in turns: 1.9 epochs; with every pass in double
precision 2.9, and on an idle machine 2.3.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from empirics.networks.build import build_network
from empirics.networks.gradient import loss_and_gradient
from empirics.probes.gradient_noise import gradient_noise
from empirics.probes.sample import Sample
from empirics.probes.smoothness import local_smoothness

_BATCH_SIZE = 128
_ROUNDS = 5


def main() -> None:
    """Time both and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=256)
    parser.add_argument("--network", default="simple-cnn")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    shape = (3, 32, 32) if arguments.network == "resnet-8" else (1, 28, 28)
    network, random = build_network(arguments.network, shape), np.random.default_rng(0)
    images = torch.from_numpy(random.standard_normal((arguments.examples, *shape), dtype=np.float32))
    labels = torch.from_numpy(random.integers(10, size=arguments.examples))
    weights = torch.from_numpy(network.initial_weights(random)[None])
    sample, ones = Sample(images, labels, arguments.examples), torch.ones_like(weights)
    after = weights - 0.1 * loss_and_gradient(network, weights, images[:_BATCH_SIZE], labels[:_BATCH_SIZE])[1]

    def epoch() -> None:
        for start in range(0, arguments.examples, _BATCH_SIZE):
            rows = slice(start, start + _BATCH_SIZE)
            _, gradient = loss_and_gradient(network, weights, images[rows], labels[rows])
            after.sub_(1e-9 * gradient)

    work: dict[str, Callable[[], object]] = {
        "one epoch of training, float32": epoch,
        "beta": lambda: gradient_noise(network, weights, ones, sample),
        "one L, eleven gradients, float64": lambda: local_smoothness(network, weights, after, ones, sample),
    }
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(_ROUNDS):  # in turns, so that a busy machine is busy for all of them
        for name, do in work.items():
            start = time.perf_counter()
            do()
            times[name].append(time.perf_counter() - start)
    base = min(times["one epoch of training, float32"])
    for name, seconds in times.items():
        print(f"{name:<34} {min(seconds):8.2f} s of {arguments.examples} examples, {min(seconds) / base:6.2f} epochs")


if __name__ == "__main__":
    main()
