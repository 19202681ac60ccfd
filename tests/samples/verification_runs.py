"""Run folders made of simulated curves of known constants, shaped like a measured run on digits."""

import csv
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from verification.claims.analysis import analyse
from verification.records.curves import Curve, CurvePoint
from verification.records.records import read_records

CURVES_HEADER = [
    *("workload", "goal", "sparsity", "replicate", "batch_size", "steps_to_result", "lower", "upper", "status"),
    *("stop", "trials", "complete", "incomplete", "infeasible", "censored", "winner", "metaparameters"),
]
DIGITS = "digits/small-cnn/sgd"


@dataclass(frozen=True)
class Truth:
    """The constants one curve is drawn from."""

    sparsity: float
    c1: float
    c2: float


DIGITS_TRUTHS = (
    Truth(0, 500.0, 13.0),
    Truth(50, 560.0, 16.0),
    Truth(70, 640.0, 20.0),
    Truth(90, 1000.0, 34.0),
)
# Delta, L, beta per sparsity; the product of ratios falls while c1 rises, as it may on so small a task.
DIGITS_CONSTANTS = {
    0: {"Delta": 4.62, "L_mean": 6.1, "L_max": 9.0, "L_at_goal": 5.0, "beta": 21.0},
    50: {"Delta": 4.61, "L_mean": 5.6, "L_max": 8.2, "L_at_goal": 4.8, "beta": 18.5},
    70: {"Delta": 4.60, "L_mean": 5.2, "L_max": 7.9, "L_at_goal": 4.4, "beta": 16.0},
    90: {"Delta": 4.60, "L_mean": 4.1, "L_max": 6.5, "L_at_goal": 3.9, "beta": 10.1},
}


def write_run(
    folder: Path,
    *,
    truths=DIGITS_TRUTHS,
    batch_sizes=tuple(2**i for i in range(9)),
    sigma=0.12,
    interval=2,
    budget=1000,
    replicates=1,
    constants=True,
    seed=0,
    one_rate=False,
):
    """Write curves.csv, constants.csv and provenance.json; return the folder.

    The first batch size has a rate of its own, or one search point won them all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    with (folder / "curves.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(CURVES_HEADER)
        for truth in truths:
            for replicate in range(replicates):
                for batch_size in batch_sizes:
                    noise = math.exp(sigma * rng.standard_normal())
                    steps = (truth.c1 / batch_size + truth.c2) * noise
                    rate = 0.21 if one_rate or batch_size != batch_sizes[0] else 0.1
                    writer.writerow(_row(truth.sparsity, replicate, batch_size, steps, interval, budget, rate))
    if constants:
        _write_constants(folder / "constants.csv", [truth.sparsity for truth in truths])
    (folder / "provenance.json").write_text(json.dumps({"simulated": True}) + "\n", encoding="utf-8")
    return folder


def _row(sparsity, replicate, batch_size, steps, interval, budget, rate):
    """One row of curves.csv for a first passage at `steps`, seen every `interval` steps up to a budget."""
    upper = math.ceil(steps / interval) * interval
    head = [DIGITS, "0.08", sparsity, replicate, batch_size]
    if upper > budget:
        return [*head, "", budget, "", "not_reached", "first", 16, 0, 16, 0, 0, "", ""]
    tail = ["reached", "first", 16, 1, 0, 0, 15, 3, json.dumps({"learning_rate": rate})]
    return [*head, upper, upper - interval, upper, *tail]


def _write_constants(path: Path, sparsities):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["workload", "sparsity", "quantity", "value", "low", "high", "n"])
        for sparsity in sparsities:
            for quantity, value in DIGITS_CONSTANTS[sparsity].items():
                writer.writerow([DIGITS, sparsity, quantity, value, "", "", 1])


def analysed(folder, **options):
    """Write a run, read it and judge it."""
    return analyse(read_records(write_run(folder, **options)))


def curve_of(points):
    """A curve of (batch size, steps), (batch size, lower, upper); equal batch sizes are replicates."""
    listed, seen = [], {}
    for size, *ends in points:
        seen[size] = seen.get(size, -1) + 1
        listed.append(CurvePoint(size, seen[size], ends[0], ends[-1]))
    return Curve(points=tuple(listed))
