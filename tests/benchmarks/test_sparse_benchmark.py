import json
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tools.needed import give_up
from torch import nn

from benchmarks import sparse, steps
from benchmarks.plain import masked_module
from benchmarks.sparse import main
from benchmarks.sparse_prop import sparse_prop_module
from benchmarks.steps import Way, step_seconds
from empirics.errors import InputError
from empirics.kernels.kernel import Unavailable, load

DIGITS = ("--workload", "digits/small-cnn/sgd")


@pytest.fixture
def kernel(monkeypatch):
    if isinstance(found := load(), Unavailable):
        give_up(found.reason)
    monkeypatch.setattr(steps, "_ROUND_SECONDS", 0.001)
    monkeypatch.setattr(sparse, "matrix_product_rate", lambda: 1e11)


@pytest.mark.usefixtures("kernel")
def test_steps_of_digits_in_every_way(tmp_path, capsys):
    to = tmp_path / "found.json"
    words = [*DIGITS, "mnist/simple-cnn/sgd", "--data-dir", str(tmp_path), "--sparsity", "90", "0", "--studies"]
    assert main([*words, "--batch-sizes", "3", "16", "--rounds", "1", "--json", str(to)]) == 0
    found = json.loads(to.read_text())
    assert found["processor"]
    for part in ("step_ratio", "useful_share_of_matmul"):
        assert found[part].keys() == {"small-cnn"}
        assert found[part]["small-cnn"].keys() == {"90", "0"}
        assert all(row.keys() == {"3", "16"} and min(row.values()) > 0 for row in found[part]["small-cnn"].values())
    for sparsity, missing in found["missing"]["small-cnn"].items():
        seconds = found["step_seconds"]["small-cnn"][sparsity]
        assert {"torch", "sparse", "plain loop", "SparseProp"} == {*seconds, *missing}
        ratio = seconds["torch"]["16"] / seconds["sparse"]["16"]
        assert found["step_ratio"]["small-cnn"][sparsity]["16"] == pytest.approx(ratio)
    told = capsys.readouterr().out
    assert "skipped: mnist/simple-cnn/sgd: " in told
    assert told.count("\nwithout SparseProp: ") >= 1, "a dense network has nothing for it"
    assert "  plain loop " in told


@pytest.mark.usefixtures("kernel")
def test_a_whole_study_by_both_engines(tmp_path, capsys):
    to = tmp_path / "found.json"
    assert main([*DIGITS, "--batch-sizes", "--studies", "128", "--trials", "2", "--json", str(to)]) == 0
    found = json.loads(to.read_text())
    assert found["step_ratio"] == {}
    assert found["study_ratio"]["small-cnn"]["128"] > 0
    assert found["same_winner"] == {"small-cnn": {"128": True}}
    told = capsys.readouterr().out.splitlines()[-1]
    counts = re.search(r"K\* (\d+) and (\d+);", told).groups()
    assert found["same_steps_to_result"] == {"small-cnn": {"128": counts[0] == counts[1]}}, (
        "rounding may tell them apart"
    )


def test_without_a_kernel_it_says_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(sparse, "load", lambda: Unavailable("the sparse kernel is not compiled"))
    assert main([]) == 2
    assert capsys.readouterr().err == "error: the sparse kernel is not compiled\n"


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--rounds", "0"], "error: --rounds must be at least 1"),
        (["--workload", "digits/small-cnn/momentum"], "steps are compared for SGD at a constant rate only"),
        (["--batch-sizes", "5000"], "--batch-sizes 5000: more than the 1618 training examples"),
        (["--batch-sizes", "16", "--sparsity", "120"], "--sparsity 120: must be a percentage"),
    ],
)
def test_what_cannot_be_measured_is_said_and_the_code_tells(words, told, capsys):
    with pytest.raises(SystemExit, match="2"):
        main([*DIGITS, "--studies", *words])
    said = "".join(capsys.readouterr())
    assert told in said
    assert said.count("error: ") == 1


def test_the_best_round_of_a_step_of_one_trial_counts(monkeypatch):
    clock = SimpleNamespace(now=0.0)
    taken = iter([9, 1, 9, 2, 6, 8, 3, 4])  # two calls each before the rounds, then in turn

    def call():
        clock.now += next(taken)

    monkeypatch.setattr("time.process_time", lambda: clock.now)
    assert step_seconds([Way(call), Way(call, trials=4)], rounds=2) == [3, 1]


def test_sparse_prop_is_asked_about_pruned_layers_with_their_input_and_named_where_missing(monkeypatch):
    asked = []

    def faster(layer, shape):
        asked.append((type(layer), shape))
        return layer

    def module(kept):
        mask = np.arange(75050) % 10 < kept
        return masked_module("resnet-8", (3, 32, 32), np.ones(75050, np.float32), mask)[0]

    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # and back again
    monkeypatch.setitem(sys.modules, "sparseprop.modules", SimpleNamespace(sparsify_if_faster=faster))
    images = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(sparse_prop_module(module(1), (3, 32, 32), 5)(images), module(1)(images))
    shapes = [(5, 3, 32, 32), *[(5, 16, 32, 32)] * 2, (5, 16, 33, 33), (5, 32, 16, 16), (5, 32, 17, 17), (5, 64, 8, 8)]
    assert asked == [*((nn.Conv2d, shape) for shape in shapes), (nn.Linear, (5, 64))]
    with pytest.raises(InputError, match="for layers that are over 80% pruned, and here is none"):
        sparse_prop_module(module(3), (3, 32, 32), 5)
    monkeypatch.setitem(sys.modules, "sparseprop.modules", None)
    with pytest.raises(InputError, match=r"SparseProp is not installed .*; benchmarks/sparse_prop.py says how"):
        sparse_prop_module(module(1), (3, 32, 32), 5)
