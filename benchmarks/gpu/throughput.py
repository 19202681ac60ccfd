"""How fast steps and goal tests are, as shares of the limits, by batch size, trials and ways of taking steps."""

from __future__ import annotations

from functools import partial
from unittest import mock

import numpy as np
import torch

from benchmarks.gpu.bench import POINT, SHAPES, Bench, rows_of
from benchmarks.gpu.estimate import BATCH_SIZES, INTERVAL, TRIALS
from benchmarks.operations import useful_operations
from empirics.networks import convolve_each
from empirics.training.process import ready_to_train
from empirics.workloads.goal import GoalTest, wrong_images

# Network, trials, batch size: each side of where trials part, and the largest network.
_OTHERS = (
    ("simple-cnn", 1, 512),
    ("simple-cnn", 16, 1024),
    ("resnet-8", 100, 2),
    ("resnet-8", 100, 32),
    ("resnet-8", 8, 1024),
    ("resnet-8", 1, 1024),
)
_OTHER_WAYS = (16, 128, 2048)  # batch sizes at which steps are taken in other ways too
_FOR_THE_WORKLOAD = 60.0  # seconds that are left to it


def steps(bench: Bench) -> None:
    """Time the workload's steps at each batch size, as a study takes them and in other ways; then other shapes."""
    for size in (2,) if bench.quick else BATCH_SIZES:
        trials = 2 if bench.quick else min(TRIALS, bench.network("simple-cnn").trials_at_once(size))
        seconds = _step(bench, "simple-cnn", trials, size)
        bench.step_seconds[size] = seconds * TRIALS / trials
        if bench.quick or size in _OTHER_WAYS:
            _step(bench, "simple-cnn", trials, size, "kernel by kernel", captures=False)
            _step(bench, "simple-cnn", trials, size, "in TF32", tf32=True)
            if trials > 1:
                with mock.patch.object(convolve_each, "_by_products", _grouped):
                    _step(bench, "simple-cnn", trials, size, "by grouped convolutions")
    for name, trials, size in () if bench.quick else _OTHERS:
        if bench.left > _FOR_THE_WORKLOAD:
            _step(bench, name, trials, size)


def _grouped(images: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, stride: int) -> torch.Tensor:
    """Return the convolution as a CPU takes it."""
    flat = weight.flatten(0, 1), bias.flatten()
    return torch.nn.functional.conv2d(images, *flat, stride=stride, groups=len(weight))


def _step(
    bench: Bench,
    name: str,
    trials: int,
    size: int,
    how: str = "as trained",
    *,
    captures: bool = True,
    tf32: bool = False,
) -> float:
    """Note and return the seconds of a step."""
    ready_to_train(tf32=tf32)
    weights = bench.weights(name, trials, torch.device("cpu")).numpy()
    masks, number = np.ones(weights.shape, dtype=np.bool_), 2 if bench.quick else INTERVAL
    block = bench.engine(name, "sgd", captures=captures).block(range(trials), weights, masks, [POINT] * trials)
    data, rows = bench.examples(name), rows_of(number, size)
    seconds = bench.seconds(lambda: block.advance(data, rows), 3) / number
    flop = useful_operations(name, SHAPES[name], masks[0]).step * trials * size
    limit = bench.facts.get("matrix product, TFLOP/s, float32")
    share = f", {flop / seconds / 1e10 / limit:.1f}% of a matrix product" if isinstance(limit, float) else ""
    bench.fact(f"step of {name}, T={trials} B={size}, {how}", f"{1e3 * seconds:.3f} ms{share}")
    return seconds


def goal_tests(bench: Bench) -> None:
    """Time full counts of errors, and goal tests that untrained trials miss early; compare these with steps."""
    images = 64 if bench.quick else 6000
    data, network = bench.examples("simple-cnn", images), bench.network("simple-cnn")
    errors_of = wrong_images(network, data.validation_images, data.validation_labels)
    for trials in (2,) if bench.quick else (1, 16, TRIALS):
        weights = bench.weights("simple-cnn", trials)
        test = GoalTest(network, errors_of, data.validation_labels, [images // 50])
        took = bench.seconds(partial(test.errors, weights), 3)
        bench.fact(f"full count of {trials} trials, ms", 1e3 * took)
        seen, tests = test.images_seen, test.tests
        took = bench.seconds(partial(test.reached, weights, range(trials)), 5)
        bench.fact(f"goal test of {trials} trials, ms", 1e3 * took)
        bench.fact(f"images a trial of {trials}", (test.images_seen - seen) / (test.tests - tests))
    bench.test_seconds = test_seconds = took * TRIALS / trials
    for size, step in bench.step_seconds.items():
        bench.fact(f"share of goal tests at B={size}, %", 100 * test_seconds / (test_seconds + INTERVAL * step))
