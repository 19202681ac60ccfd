"""What the tests of `empirics` share."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from reference.empirics import plain
from samples.measured_runs import MEASUREMENT, QUICK, run
from tools.once import once

from empirics.datasets.arrays import load_dataset
from empirics.specification.request import Request
from empirics.specification.specification import resolve
from empirics.training.laboratory import Laboratory

torch.set_num_threads(1)  # as every process of a run does; the tests' tensors are too small for more


def make_laboratory(**request):
    """Return a laboratory on digits, on the CPU."""
    return Laboratory(*resolve(Request(**request), cuda_available=False))


@pytest.fixture(scope="session")
def digits():
    return load_dataset("digits", None)


@pytest.fixture(scope="session")
def laboratory():
    return make_laboratory()


@pytest.fixture(scope="session")
def laboratory_of():
    return make_laboratory


@pytest.fixture
def small_batch():
    """Forty digits, float64, with labels."""
    images, labels, *_ = plain.split_digits()
    return images[:40], labels[:40]


@pytest.fixture
def random_weights():
    """Draw float64 weights like initial ones, but with biases that are not zero, shape (trials, P)."""

    def draw(kind, trials, seed=0):
        random = np.random.default_rng(seed)
        rows = [plain.initial_weights(kind, random) for _ in range(trials)]
        return torch.from_numpy(np.stack(rows) + random.normal(scale=0.02, size=(trials, len(rows[0]))))

    return draw


def measured_once(tmp_path_factory, name, *words):
    """Return the folder of a run that the suite measures once."""

    def measure(folder):
        assert run(*words, "--out", folder) == 0

    return once(tmp_path_factory, name, measure)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """A run that nothing interrupted, measured in one process."""
    return measured_once(tmp_path_factory, "undisturbed", *MEASUREMENT)


@pytest.fixture(scope="session")
def quick(tmp_path_factory):
    """A run of one study and its constants."""
    return measured_once(tmp_path_factory, "quick", *QUICK, "--examples", "50")


@pytest.fixture
def copied(quick, tmp_path):
    """A copy of the quick run, to go on with."""
    return Path(shutil.copytree(quick, tmp_path / "copy"))


@pytest.fixture(scope="session")
def raced(tmp_path_factory):
    """Two goals, replicates, a stop rule after which trials go on, and a budget that the goal tests do not divide."""
    words = ("--sparsity", "0", "90", "--batch-sizes", "16", "32", "--trials", "3", "--max-steps", "61")
    goals = ("--goal-error", "0.3", "0.1", "--replicates", "2", "--stop", "factor", "1.5", "--no-constants")
    return measured_once(tmp_path_factory, "raced", *words, *goals)


@pytest.fixture(scope="session")
def full(tmp_path_factory):
    """All curves to the budget, of a workload whose names differ in the layout."""
    words = ("--workload", "digits/small-cnn/nesterov", "--sparsity", "0", "90", "--batch-sizes", "16", "32")
    rest = ("--trials", "4", "--max-steps", "101", "--goal-error", "0.3", "--stop", "never", "--trace", "full")
    return measured_once(tmp_path_factory, "full", *words, *rest, "--no-constants")


@pytest.fixture
def folder(tmp_path):
    """A run folder that is not there yet."""
    return tmp_path / "runs" / "one"
