"""What a process sets before it trains: it trains faster by it, and to the same bits."""

import ctypes
import json
import platform
import subprocess
import sys

import pytest

from empirics.training import process

TRAINS = """
import hashlib, json, resource
from unittest import mock

import numpy as np
import torch

from empirics.specification.request import Request
from empirics.specification.specification import resolve
from empirics.training import laboratory
from empirics.training.process import ready_to_train

def trained():
    made = laboratory.Laboratory(*resolve(Request(engine="torch"), cuda_available=False))
    weights = made.initial_weights(0, 0)[None]
    masks = np.arange(weights.size)[None] % 2 == 0
    block = made.engine.block(range(1), weights, masks, ({"learning_rate": 0.1},))
    block.advance(made.split(0), np.stack([made.order(0).batch(step, 256) for step in range(10)]))
    return hashlib.sha256(block.weights.numpy().tobytes()).hexdigest()

def zeroed_pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        torch.ones(2**24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

torch.use_deterministic_algorithms(True)
found = [(torch.utils.deterministic.fill_uninitialized_memory, zeroed_pages())]
with mock.patch.object(laboratory, "ready_to_train", lambda **_: torch.set_num_threads(1)):
    weights = [trained()]
weights.append(trained())
zeroed_pages()  # the first ones may not fit a hole that was left
found.append((torch.utils.deterministic.fill_uninitialized_memory, zeroed_pages()))
print(json.dumps([found, weights]))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_a_process_that_trains_keeps_its_memory_and_gets_the_same_weights():
    child = subprocess.run([sys.executable, "-c", TRAINS], capture_output=True, text=True, check=True)
    (before, after), weights = json.loads(child.stdout)
    pages = 4 * 2**26 // 4096
    assert before[0], "as it was imported it fills fresh memory"
    assert before[1] > 0.9 * pages, "and gets it from the system each time"
    assert not after[0]
    assert after[1] < 0.1 * pages
    assert weights[0] == weights[1]


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr(ctypes, "CDLL", lambda _: pytest.fail("it was loaded"))
    process.ready_to_train()
