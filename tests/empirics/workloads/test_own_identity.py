"""What makes an own workload another one under the same path: then its run folder takes no results of it."""

import functools
import importlib
import sys

import pytest
from samples import own_workloads
from tools.commands import code_of
from torch import nn

from empirics.measure import main
from empirics.store.store import read_store
from empirics.workloads.own import load_own_workload

HERE = "samples.own_workloads"
MINE = """
import numpy as np
from samples.own_workloads import RATE, Halving, HALF_LIFE, SignDescent, workload
from torch import nn
from torch.nn import functional


def loss(outputs, targets):
    return functional.cross_entropy(outputs, targets, label_smoothing=0.1)


def metric(outputs, targets):
    return (outputs.argmax(dim=1) != targets).float().mean()


class Descent(SignDescent):
    def update(self, weights, gradient, learning_rates):
        super().update(weights, 2 * gradient, learning_rates)


class Falling(Halving):
    def rates(self, step):
        return super().rates(step) / 2


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(6, 3)

    def forward(self, inputs):
        return self.inner(inputs.tanh())


def make():
    parts = dict(module=Net, loss=loss, metric=metric, optimizer=Descent, schedule=Falling)
    return workload(**parts, search_space=(RATE, HALF_LIFE), trials=2, batch_sizes=(4,))
"""

run = functools.partial(code_of, main)


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Return a function that writes the user's file, with something in it replaced, and loads it."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # it would serve files of one size and second

    def write(old, new):
        assert old in MINE
        (tmp_path / "mine_here.py").write_text(MINE.replace(old, new))
        sys.modules.pop("mine_here", None)
        importlib.invalidate_caches()
        load_own_workload.cache_clear()

    yield write
    sys.modules.pop("mine_here", None)
    load_own_workload.cache_clear()


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("module", "inputs.tanh()", "inputs.relu()"),
        ("loss", "label_smoothing=0.1", "label_smoothing=0.2"),
        ("metric", ".float().mean()", ".double().mean()"),
        ("optimizer", "2 * gradient", "3 * gradient"),
        ("schedule", "rates(step) / 2", "rates(step) / 3"),
    ],
)
def test_an_edited_part_of_the_same_name_takes_no_results_of_the_old_one(mine, tmp_path, capsys, part, old, new):
    words = ("--workload", "mine_here:make", "--sparsity", 0, "--no-constants", "--jobs", 1, "--out", tmp_path / "run")
    mine("", "")
    assert run(*words) == 0
    kept = (tmp_path / "run/curves.csv").read_bytes()
    mine(old, new)
    capsys.readouterr()
    assert run(*words) == 2
    assert f'was measured with {part} = "mine_here:' in (line := capsys.readouterr().err)
    assert ", code " in line
    mine("def loss", "# a comment\n\ndef loss")
    assert run(*words) == 0
    assert (tmp_path / "run/curves.csv").read_bytes() == kept


def test_a_run_with_masks_of_ones_own_goes_on_and_knows_other_masks(tmp_path, monkeypatch, capsys):
    words = ("--workload", f"{HERE}:masked", "--no-constants", "--jobs", 1, "--out", tmp_path / "run", "--trials", 1)
    words = (*words, "--batch-sizes", 16, "--sparsity", 0)
    assert run(*words) == 0
    assert run(*words, 50) == 0
    with read_store(tmp_path / "run") as store:
        masks, identity = store.masks(), store.identity
    assert {sparsity for *_, sparsity in masks} == {0.0, 50.0}
    assert identity["pruning"] == "own"
    assert identity["own"]["masks"].startswith("by_magnitude, code ")
    capsys.readouterr()
    monkeypatch.setattr(own_workloads, "masked", own_workloads.masked_at_random)
    load_own_workload.cache_clear()
    assert run(*words, 50) == 2
    load_own_workload.cache_clear()
    assert 'was measured with masks = "by_magnitude, code ' in capsys.readouterr().err
    assert run("--workload", f"{HERE}:plain", "--pruning", "own", "--out", tmp_path / "none") == 2
    assert "--pruning own: the workload has no masks; give OwnWorkload(masks=...)" in capsys.readouterr().err


def test_another_network_under_the_same_path_is_another_run(tmp_path, monkeypatch, capsys):
    words = ("--workload", f"{HERE}:plain", "--sparsity", 0, "--no-constants", "--jobs", 1, "--out", tmp_path / "run")
    assert run(*words) == 0
    capsys.readouterr()
    monkeypatch.setattr(own_workloads, "plain", lambda: own_workloads.workload(module=lambda: nn.Linear(6, 3)))
    load_own_workload.cache_clear()
    assert run(*words) == 2
    load_own_workload.cache_clear()
    assert 'was measured with layers = "Sequential(' in capsys.readouterr().err
