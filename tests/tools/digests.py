"""`python digests.py`: hashes of all that goes into a run of the sparse engine, and of what comes out, as JSON.

It is computed by the oldest build of the kernel that this processor runs. With it goes what tells the machine.
"""

import hashlib
import json
import math
import sys
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from empirics.columns import CURVES_WIDTHS
from empirics.datasets.arrays import DATASETS, load_dataset
from empirics.kernels.kernel import load, processor_builds
from empirics.networks.build import build_network
from empirics.networks.cut_normal import quantiles
from empirics.pruning import scores
from empirics.pruning.methods import keep_mask
from empirics.records import Study
from empirics.search.space import search_points
from empirics.specification.request import Request
from empirics.specification.specification import resolve
from empirics.store.tables import curves_text
from empirics.streams import Stream, generator
from empirics.training import sparse
from empirics.training.laboratory import Laboratory
from empirics.training.race import measure_study, race
from empirics.workloads.catalogue import WORKLOADS

IMAGES = {"small-cnn": (1, 8, 8), "simple-cnn": (1, 28, 28), "resnet-8": (3, 32, 32)}
SPARSITIES = (50.0, 70.0, 90.0)
TRIALS = 4


def digests():
    """Return what is hashed, by name."""
    return {**_weights(), **_points(), **_images(), **_order(), **_masks(), **_studies()}


def machine():
    """Return the instruction sets beyond the oldest that numpy and torch compute with, and a logarithm."""
    return {
        "numpy": [name for name in __cpu_dispatch__ if __cpu_features__[name]],
        "torch": torch.backends.cpu.get_cpu_capability(),
        "log 2": math.log(2.0),
    }


def _hash(*contents):
    return hashlib.sha256(b"".join(contents)).hexdigest()[:16]


def _weights():
    found = {"quantiles in float64": _hash(quantiles(generator(0, Stream.INIT, 0, 0).random(1000)).tobytes())}
    for name, shape in IMAGES.items():
        rows = [build_network(name, shape).initial_weights(generator(0, Stream.INIT, 0, t)) for t in range(TRIALS)]
        found[f"weights of {name}"] = _hash(*(row.tobytes() for row in rows))
    return found


def _points():
    spaces = {}
    for workload in WORKLOADS.values():
        spaces.setdefault((workload.search_space, workload.trials, workload.direction_numbers), workload.name)
    return {
        f"points of {name}": _hash(json.dumps(search_points(space, trials, numbers)).encode())
        for (space, trials, numbers), name in spaces.items()
    }


def _images():
    pieces = Path(__file__).parents[1] / "data"
    return {f"images of {name}": _hash(load_dataset(name, pieces).images.tobytes()) for name in DATASETS}


def _order():
    laboratory = _laboratory("digits", "snip")
    parts = [laboratory._dataset.split(0, replicate) for replicate in range(2)]
    rows = [np.concatenate([*parts[replicate], laboratory.order(replicate).batch(20, 512)]) for replicate in range(2)]
    return {"split and order": _hash(*(row.astype("<i8").tobytes() for row in rows))}


def _laboratory(workload, pruning):
    request = Request(workload=workload, engine="sparse", sparsity=SPARSITIES, trials=TRIALS, pruning=pruning)
    return Laboratory(*resolve(request, cuda_available=False))


def _trials_masks(laboratory):
    """Return the masks of all trials, shape (trials, sparsities, P)."""
    return np.stack([laboratory.masks(SPARSITIES, 0, trial) for trial in range(TRIALS)])


def _snip_scores():
    """Return the bytes of the scores by which a laboratory prunes its first trial."""
    seen, score = [], scores.connection_sensitivity

    def noted(*trial):
        seen.append(score(*trial))
        return seen[-1]

    with mock.patch.object(scores, "connection_sensitivity", noted):
        _laboratory("digits", "snip").masks(SPARSITIES, 0, 0)
    return seen[0].tobytes()


def _masks():
    ties = np.arange(5000) * 31 % 11.0
    found = {
        "scores of snip in float64": _hash(_snip_scores()),
        "mask where scores are equal": _hash(np.packbits(keep_mask(ties, 70.0)).tobytes()),
    }
    for method in ("snip", "magnitude", "random"):
        masks = _trials_masks(_laboratory("digits", method))
        for number, sparsity in enumerate(SPARSITIES):
            found[f"masks of {method} at {sparsity:g}%"] = _hash(np.packbits(masks[:, number]).tobytes())
    return found


def _studies():
    """A study to its goal, its weights there included, and the table of another."""
    laboratory, study = _laboratory("digits", "snip"), Study(90.0, 0, 128)
    points, masks = laboratory.specification.points, _trials_masks(laboratory)[:, 2]
    weights = np.stack([laboratory.initial_weights(0, trial) for trial in range(TRIALS)])
    block = laboratory.engine.block(range(TRIALS), weights, masks, points)
    log, (block,) = race(laboratory, study, [block], laboratory.order(0), lambda _: None)
    (reached,) = log.reached
    nesterov = _laboratory("digits/small-cnn/nesterov", "magnitude")
    outcome = measure_study(nesterov, Study(50.0, 0, 32), _trials_masks(nesterov)[:, 0], lambda _: None)
    return {
        "trial to its K* at 90%": {str(trial): step for trial, step in reached.items()},
        "weights at K*": _hash(block.weights.numpy().tobytes()),
        "curves.csv of nesterov": _hash(curves_text("digits", outcome.records, min(CURVES_WIDTHS)).encode()),
    }


if __name__ == "__main__":
    sparse.load = partial(load, only=processor_builds()[-1])
    kernel = str(_laboratory("digits", "snip").engine._kernel.path)
    json.dump([digests(), machine(), kernel], sys.stdout)
