"""Right answers of the parts: gradients, convolutions, graphs, goal tests, and what memory that ends leaves behind."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr

import numpy as np
import torch
from torch.nn import functional

from benchmarks.gpu.bench import POINT, SHAPES, Bench, apart, rows_of
from empirics.networks.convolve_each import convolve_each
from empirics.networks.gradient import loss_and_gradient
from empirics.training.block import TrialBlock
from empirics.workloads.goal import GoalTest, wrong_images
from empirics.workloads.optimizers import OPTIMIZERS, SCHEDULES

_CPU = torch.device("cpu")
# Of a gradient's length. In single precision a relu or a pooled maximum may hang on the last bit: with ResNet-8 the CPU
# itself is 5e-5 away, where none does 3e-7.
_DOUBLE, _SINGLE = 1e-10, 1e-3
_IMAGES = 1300  # three passes of a goal test


def gradients(bench: Bench) -> None:
    """Compare gradients with those of the CPU in double precision, with themselves, and with those of a trial alone."""
    for name in SHAPES:
        data = bench.examples(name, 4 if bench.quick else 64, _CPU)
        given = data.training_images, data.training_labels
        there = given[0].to(bench.device), given[1].to(bench.device)
        weights = bench.weights(name, 3, _CPU)
        expected = loss_and_gradient(bench.network(name, _CPU), weights.double(), *given)[1]
        network, single = bench.network(name), weights.to(bench.device)
        double = loss_and_gradient(network, single.double(), *there)[1]
        off = apart(double, expected)
        bench.check(f"gradients of {name} in double precision", off < _DOUBLE, f"{off:.1e} apart")
        alone = apart(loss_and_gradient(network, single[:1].double(), *there)[1], expected[:1])
        bench.check(f"gradients of {name}, a trial alone", alone < _DOUBLE, f"{alone:.1e} apart")
        found, again = (loss_and_gradient(network, single, *there)[1] for _ in range(2))
        off = apart(found, expected)
        bench.check(f"gradients of {name} in single precision", off < _SINGLE, f"{off:.1e} apart")
        bench.check(f"gradients of {name}, twice the same bits", torch.equal(found, again))


def convolutions(bench: Bench) -> None:
    """Compare convolutions by products of matrices with grouped ones."""
    random = np.random.default_rng(0)
    for side, stride, padding in ((5, 1, 0), (3, 1, 1), (3, 2, 0)):
        shapes = (4, 3 * 8, 13, 13), (3, 6, 8, side, side), (3, 6)
        images, weight, bias = (torch.from_numpy(random.standard_normal(one)).to(bench.device) for one in shapes)
        found = convolve_each(images, weight, bias, stride=stride, padding=padding)
        flat = weight.flatten(0, 1), bias.flatten()
        off = apart(found, functional.conv2d(images, *flat, stride=stride, padding=padding, groups=3))
        bench.check(f"convolution {side}x{side}, stride {stride}", off < _DOUBLE, f"{off:.1e} apart")


def graphs(bench: Bench) -> None:
    """Compare captured steps with plain ones, of every network by every rule and schedule."""
    for network in list(SHAPES)[: 1 if bench.quick else None]:
        for rule, schedule in itertools.product(OPTIMIZERS, SCHEDULES):
            name = rule if schedule == "constant" else f"{rule}/{schedule}"
            told = io.StringIO()
            with redirect_stderr(told):
                captured, plain = (_trained(bench, network, name, captures=captures) for captures in (True, False))
            pairs = zip(captured.state().values(), plain.state().values(), strict=True)
            held = all(torch.equal(*pair) for pair in pairs) and captured.captured == bench.on_gpu
            bench.check(f"steps of {network} by {name} are captured and the plain ones", held, told.getvalue().strip())


def _trained(bench: Bench, network: str, rule: str, *, captures: bool) -> TrialBlock:
    """Return trials, half of their weights pruned, after some steps on which one left."""
    block = _block(bench, network, rule, 5, captures=captures)
    data, (steps, batch_size) = bench.examples(network), (2, 4) if bench.quick else (16, 24)
    for number in range(3):
        block.advance(data, rows_of(steps, batch_size, number))
        if number == 0:
            block.keep([0, 1, 3, 4])
    return block


def _block(bench: Bench, name: str, rule: str, trials: int, *, captures: bool = True) -> TrialBlock:
    """Return trials at their start."""
    weights = bench.weights(name, trials, _CPU).numpy()
    masks = np.random.default_rng(0).random(weights.shape) < 0.5
    return bench.engine(name, rule, captures=captures).block(range(trials), weights, masks, [POINT] * trials)


def goal_tests(bench: Bench) -> None:
    """Compare goal tests of several passes with full counts, at goals that trials reach or miss by one image."""
    trials, data, network = 5, bench.examples("small-cnn", _IMAGES), bench.network("small-cnn")
    errors_of, weights = (
        wrong_images(network, data.validation_images, data.validation_labels),
        bench.weights("small-cnn", trials),
    )
    errors = GoalTest(network, errors_of, data.validation_labels, [0]).errors(weights)
    held = True
    for most in torch.cat([errors, errors - 1]).tolist():
        test = GoalTest(network, errors_of, data.validation_labels, [most])
        for _ in range(2):  # the second looks at hard images first
            held = held and torch.equal(test.reached(weights, range(trials))[0], errors <= most)
    bench.check("a goal test answers like a full count", held)


def memory(bench: Bench) -> None:
    """Let memory end while a block takes steps; it must go on in parts, to where a whole one comes."""
    trials, batch = (8, 4) if bench.quick else (16, 256)  # 3 GB, which small cards have too
    data, rows = bench.examples("simple-cnn"), rows_of(4, batch)
    whole = _block(bench, "simple-cnn", "momentum", trials, captures=False)
    whole.advance(data, rows)
    expected = whole.weights.clone()
    block = _block(bench, "simple-cnn", "momentum", trials)
    room = 3.0 * trials * batch * whole.network.activations  # bytes; a step of all needs some times as many
    with _memory_of(bench, room):
        advance = block.advance(data, rows)
    parts = torch.cat([part.weights for part in advance.blocks])
    off = apart(parts, expected)
    bench.check("a block that memory does not hold goes on in parts", off < _SINGLE, f"{off:.1e} apart")
    bench.check("memory did end", (advance.halvings > 0) == bench.on_gpu, f"{advance.halvings} halvings")


@contextmanager
def _memory_of(bench: Bench, room: float) -> Iterator[None]:
    """Let a GPU have so many bytes beyond what is held already."""
    if not bench.on_gpu:
        yield
        return
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min((torch.cuda.memory_reserved() + room) / total, 1.0))
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()
