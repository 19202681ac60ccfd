"""The sweep behind the digits workload: which network, goal and range give a clean curve at every sparsity.

Run `python -m benchmarks.digits_sweep [--steps N]`; it prints one line a study and takes about a quarter of an hour on
one x86 core. Its outcome is written down in `docs/digits.md`.
"""

from __future__ import annotations

import argparse
import dataclasses

from empirics.datasets.arrays import load_dataset
from empirics.networks.build import build_network
from empirics.networks.convolutional import ConvolutionalNetwork
from empirics.records import Study, StudyRecord
from empirics.specification.request import Request
from empirics.specification.specification import resolve
from empirics.training.laboratory import Laboratory
from empirics.training.race import measure_study

_NETWORKS = {"8-16": (8, 16), "16-32": (16, 32)}
_GOALS = (0.1, 0.08, 0.05, 0.03)
_SPARSITIES = (0.0, 90.0)
_BATCH_SIZES = (2, 16, 128)


def main() -> None:
    """Print K*, winner and cost for every combination."""
    parser = argparse.ArgumentParser(description="the sweep behind the digits workload")
    parser.add_argument("--steps", type=int, default=1500, help="budget of a trial")
    steps = parser.parse_args().steps
    dataset = load_dataset("digits", None)
    print(f"{'network':>8} {'goal':>5} {'S':>3} {'B':>4} {'K*':>6} {'infeasible':>10} {'winning rate':>13} {'s':>6}")
    small = build_network("small-cnn", dataset.image_shape)
    assert isinstance(small, ConvolutionalNetwork)
    for name, channels in _NETWORKS.items():
        for goal in _GOALS:
            specification, _ = resolve(Request(goal_error=(goal,), max_steps=steps), cuda_available=False)
            laboratory = Laboratory(specification, dataset)
            laboratory.network = dataclasses.replace(small, channels=channels)
            _sweep(name, laboratory)


def _sweep(name: str, laboratory: Laboratory) -> None:
    """Measure the studies of one network and goal."""
    trials = range(laboratory.specification.trials)
    masks = [laboratory.mask_records(0, trial, _SPARSITIES) for trial in trials]
    for index, sparsity in enumerate(_SPARSITIES):
        kept = laboratory.unpack([records[index].bits for records in masks])
        for batch_size in _BATCH_SIZES:
            (record,) = measure_study(laboratory, Study(sparsity, 0, batch_size), kept, lambda _: None).records
            print(_line(name, record), flush=True)


def _line(name: str, record: StudyRecord) -> str:
    """Return one row of the table."""
    winner, study = record.winner, record.study
    steps = winner.step if winner else f"> {record.max_steps}"
    rate = f"{winner.metaparameters['learning_rate']:.3g}" if winner else "-"
    ending = f"{record.count('infeasible'):>10} {rate:>13} {record.seconds:>6.1f}"
    return f"{name:>8} {record.goal:>5} {study.sparsity:>3g} {study.batch_size:>4} {steps:>6} {ending}"


if __name__ == "__main__":
    main()
