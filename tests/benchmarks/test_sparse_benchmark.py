import json
import re

import numpy as np
import pytest
from reference.empirics.sparse_cases import SHAPES
from tools.needed import give_up

from benchmarks import sparse
from benchmarks.sparse import _products, main
from empirics.kernels.kernel import Unavailable, load
from empirics.networks.build import build_network


@pytest.mark.parametrize(
    ("name", "products"),
    [
        # conv1 25 x 32 weights at 24^2 places, twice; conv2 800 x 64 at 8^2 and 10240 of linear, three times
        ("simple-cnn", 2 * 800 * 576 + 3 * (51200 * 64 + 10240)),
        ("small-cnn", 2 * 144 * 64 + 3 * (4608 * 16 + 1280)),
        ("resnet-8", 2 * 432 * 1024 + 3 * (4608 * 1024 + 13824 * 256 + 55296 * 64 + 640)),
    ],
)
def test_useful_products_by_hand(name, products):
    network = build_network(name, SHAPES[name])
    assert _products(network, np.ones(network.size, bool)) == products
    assert _products(network, network.is_bias) == 0


def test_ratios_and_shares_of_digits(tmp_path, monkeypatch, capsys):
    if isinstance(found := load(), Unavailable):
        give_up(found.reason)
    monkeypatch.setattr(sparse, "_ROUNDS", 1)
    monkeypatch.setattr(sparse, "_ROUND_SECONDS", 0.001)
    monkeypatch.setattr(sparse, "matrix_product_rate", lambda: 1e11)
    to = tmp_path / "found.json"
    arguments = ["--workload", "digits/small-cnn/sgd", "mnist/simple-cnn/sgd", "--data-dir", str(tmp_path)]
    assert main([*arguments, "--sparsity", "90", "0", "--batch-sizes", "3", "16", "--json", str(to)]) == 0
    found = json.loads(to.read_text())
    assert found["step_ratio"].keys() == {"small-cnn"}
    for table in (found["step_ratio"], found["useful_share_of_matmul"]):
        assert table["small-cnn"].keys() == {"90", "0"}
        assert all(row.keys() == {"3", "16"} and min(row.values()) > 0 for row in table["small-cnn"].values())
    assert "skipped: mnist/simple-cnn/sgd: " in capsys.readouterr().out


def test_a_whole_study_by_both_engines(tmp_path, capsys):
    if isinstance(found := load(), Unavailable):
        give_up(found.reason)
    to = tmp_path / "found.json"
    words = ["--workload", "digits/small-cnn/sgd", "--study", "128", "--trials", "2", "--json", str(to)]
    assert main(words) == 0
    found = json.loads(to.read_text())
    assert found["study_ratio"]["small-cnn"]["128"] > 0
    assert found["same_winner"] == {"small-cnn": {"128": True}}
    (told,) = capsys.readouterr().out.splitlines()
    steps = re.search(r"K\* (\d+) and (\d+);", told).groups()
    assert found["same_steps_to_result"] == {"small-cnn": {"128": steps[0] == steps[1]}}, "rounding may tell them apart"


def test_without_a_kernel_it_says_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(sparse, "load", lambda: Unavailable("the sparse kernel is not compiled"))
    assert main([]) == 2
    assert capsys.readouterr().err == "error: the sparse kernel is not compiled\n"
