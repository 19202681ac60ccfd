"""What the sparse kernel saves: one training step of one trial, by batch size and sparsity, against the torch engine.

Run `python -m benchmarks.sparse --data-dir DATA`. Both sides step the same mask on the same rows in one process on one
thread, in turn, and the best of several rounds of each counts, in CPU seconds. The torch engine steps as many trials at
once as it does in a study, and its time is divided by their number. Useful operations are two for each kept
weight, output position and pass over it (forward, gradient of the weight, and of the input but in the first layer).
"""

from __future__ import annotations

import json
import math
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.engine import matrix_product_rate
from benchmarks.one_study import only_study
from benchmarks.whole_study import whole_study
from empirics.errors import InputError
from empirics.kernels.kernel import Examples, Kernel, Rule, Trials, Unavailable, load
from empirics.networks.convolutional import ConvolutionalNetwork
from empirics.networks.network import Network
from empirics.specification.request import EngineChoice, Request
from empirics.training.block import TrialBlock
from empirics.training.laboratory import Laboratory
from kstar.command_line import OneLineParser

WORKLOADS = ("digits/small-cnn/sgd", "mnist/simple-cnn/sgd", "cifar-10/resnet-8/sgd")
_RATE = 1e-4  # so small that no mask of a trial decides what a step costs
_ROUNDS = 7
_ROUND_SECONDS = 0.1
_ENGINES: tuple[EngineChoice, ...] = ("torch", "sparse")
_STUDY_SPARSITY = 90.0
_SNIP_EXAMPLES = 2000  # rank the weights well enough to time what is kept


@dataclass(frozen=True)
class Step:
    """CPU seconds of one step and the useful operations in it."""

    torch: float
    sparse: float
    useful: float

    @property
    def ratio(self) -> float:
        """How many times faster the sparse kernel is."""
        return self.torch / self.sparse


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    parser = OneLineParser(prog="python -m benchmarks.sparse", description="Compare the sparse kernel with torch.")
    parser.add_argument("--workload", nargs="+", default=WORKLOADS)
    parser.add_argument("--data-dir", type=Path, default=None)
    parser.add_argument("--sparsity", type=float, nargs="+", default=[90.0, 70.0, 50.0, 0.0])
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[16, 32, 64, 128, 256, 512, 1024])
    parser.add_argument("--study", type=int, nargs="+", default=[], metavar="B", help="whole studies at 90%% instead")
    parser.add_argument("--trials", type=int, default=16, help="of such a study (default: %(default)s)")
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args(arguments)
    kernel = load()
    if isinstance(kernel, Unavailable):
        print(f"error: {kernel.reason}", file=sys.stderr)
        return 2
    if options.study:
        return _studies(options)
    matmul = matrix_product_rate()
    print(f"{kernel.path.name}, matrix product {matmul / 1e9:.0f} GFLOP/s")
    ratios: dict[str, dict[str, dict[str, float]]] = {}
    shares: dict[str, dict[str, dict[str, float]]] = {}
    for name in options.workload:
        try:
            laboratory = _laboratory(name, options.data_dir)
        except InputError as error:
            print(f"skipped: {name}: {error}")
            continue
        for sparsity, mask in zip(options.sparsity, laboratory.masks(options.sparsity, 0, 0), strict=True):
            steps = {batch: time_step(kernel, laboratory, mask, batch) for batch in options.batch_sizes}
            row = {str(batch): step.ratio for batch, step in steps.items()}
            share = {str(batch): step.useful / step.sparse / matmul for batch, step in steps.items()}
            network = name.split("/")[1]
            ratios.setdefault(network, {})[f"{sparsity:g}"] = row
            shares.setdefault(network, {})[f"{sparsity:g}"] = share
            print(_line(name, sparsity, row, share), flush=True)
    if options.json:
        found = {"kernel": kernel.path.name, "matmul_flop_per_second": matmul}
        content = {**found, "step_ratio": ratios, "useful_share_of_matmul": shares}
        options.json.write_text(json.dumps(content, indent=2) + "\n")
    return 0


def _studies(options: Namespace) -> int:
    """Measure whole studies by both engines and print what came of them; return the exit code."""
    found: dict[str, dict[str, dict[str, object]]] = {"study_ratio": {}, "same_steps_to_result": {}, "same_winner": {}}
    for name in options.workload:
        for batch_size in options.study:
            try:
                torchs, sparse = (
                    whole_study(engine, name, options.data_dir, _STUDY_SPARSITY, batch_size, options.trials)
                    for engine in _ENGINES
                )
            except InputError as error:
                print(f"skipped: {name}: {error}")
                break
            ratio = torchs.seconds / sparse.seconds
            steps = [one.record.steps_to_result for one in (torchs, sparse)]
            same = steps[0] == steps[1], torchs.winner == sparse.winner
            for key, value in zip(found, (ratio, *same), strict=True):
                found[key].setdefault(name.split("/")[1], {})[str(batch_size)] = value
            print(
                f"{name} S={_STUDY_SPARSITY:g} B={batch_size}: {torchs.seconds:.1f} and {sparse.seconds:.1f} CPU s, "
                f"{ratio:.1f} times; K* {steps[0]} and {steps[1]}; same winner {same[1]}",
                flush=True,
            )
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


def _laboratory(workload: str, data_dir: Path | None) -> Laboratory:
    """Return a laboratory of one trial."""
    request = Request(
        workload=workload,
        sparsity=(0.0,),
        batch_sizes=(16,),
        trials=1,
        data_dir=data_dir,
        device="cpu",
        pruning_examples=None if workload.startswith("digits/") else _SNIP_EXAMPLES,
    )
    specification, dataset, _ = only_study(request)
    return Laboratory(specification, dataset)


def _line(name: str, sparsity: float, ratios: dict[str, float], shares: dict[str, float]) -> str:
    """Return one row of the table: ratios by batch size, their geometric mean, shares of the matrix product."""
    mean = math.exp(np.mean(np.log([*ratios.values()])))
    cells = "  ".join(f"{batch}: {ratio:.1f} ({shares[batch]:.2f})" for batch, ratio in ratios.items())
    return f"{name} S={sparsity:g}  mean {mean:.1f}  |  {cells}"


def time_step(kernel: Kernel, laboratory: Laboratory, mask: NDArray[np.bool_], batch_size: int) -> Step:
    """Time one step of one trial both ways, in turn.

    Args:
        kernel: The compiled kernel.
        laboratory: Whose network, data and initial weights.
        mask: Kept weights, shape (P,).
        batch_size: Examples of the step.
    """
    network, data = laboratory.network, laboratory.split(0)
    rows = laboratory.order(0).batch(0, batch_size)
    weights = laboratory.initial_weights(0, 0) * mask
    at_once = network.trials_at_once(batch_size)
    block = TrialBlock(
        network,
        laboratory.specification.workload,
        range(at_once),
        torch.from_numpy(np.stack([weights] * at_once)),
        laboratory.mask_tensor(np.stack([mask] * at_once)),
        [{"learning_rate": _RATE}] * at_once,
    )
    images, labels = data.training_images[rows], data.training_labels[rows]
    name = laboratory.specification.workload.network
    channels, side, _ = network.image_shape
    trials = Trials(kernel, name, (channels, side, side), mask[None])
    trials.put(0, weights)
    examples = Examples(images.numpy(), labels.numpy())
    own, rule = np.arange(batch_size)[None], Rule("sgd", "constant", {"learning_rate": _RATE})
    sides = (lambda: block.step(images, labels), lambda: trials.train(0, rule, examples, own))
    torchs, sparse = _in_turn(sides)
    return Step(torchs / at_once, sparse, 2.0 * batch_size * _products(network, mask))


def _in_turn(sides: Sequence[Callable[[], object]]) -> list[float]:
    """Return the least CPU seconds of a call of each, over rounds in which they take turns."""
    repeats = []
    for side in sides:
        side()
        start = time.process_time()
        side()
        repeats.append(max(1, round(_ROUND_SECONDS / max(time.process_time() - start, 1e-6))))
    best = [math.inf] * len(sides)
    for _ in range(_ROUNDS):
        for index, (side, times) in enumerate(zip(sides, repeats, strict=True)):
            start = time.process_time()
            for _ in range(times):
                side()
            best[index] = min(best[index], (time.process_time() - start) / times)
    return best


def _products(network: Network, mask: NDArray[np.bool_]) -> float:
    """Return the useful multiply-adds of an example: of each kept weight, positions x passes."""
    total, start = 0.0, 0
    for index, parameter in enumerate(network.parameters):
        kept = int(mask[start : start + parameter.size].sum())
        start += parameter.size
        if parameter.fan_in:
            total += kept * _positions(network, parameter.name) * (2 if index == 0 else 3)
    return total


def _positions(network: Network, parameter: str) -> int:
    """Return the output positions of a layer."""
    side, layer = network.image_shape[1], parameter.removesuffix(".weight")
    if layer == "linear":
        return 1
    if isinstance(network, ConvolutionalNetwork):
        first = side + 2 * network.padding - network.kernel + 1
        return first**2 if layer == "conv1" else (first // 2 + 2 * network.padding - network.kernel + 1) ** 2
    return (side // {"block2": 2, "block3": 4}.get(layer.split(".")[0], 1)) ** 2


if __name__ == "__main__":
    sys.exit(main())
