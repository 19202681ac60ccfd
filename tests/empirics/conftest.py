"""What the tests of `empirics` share."""

import numpy as np
import pytest
import torch
from reference import empirics_plain as plain

from empirics.datasets import load_dataset
from empirics.laboratory import Laboratory
from empirics.specification import Request, resolve

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
