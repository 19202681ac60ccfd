"""What `empirics.measure` refuses, in one line, leaving everything as it was."""

import contextlib
import gzip
import sqlite3
import struct
import subprocess
import sys
from dataclasses import dataclass

import pytest
import torch
from samples.measured_runs import QUICK, run
from tools.commands import assert_one_line, code_of

from empirics.measure import main


@dataclass(frozen=True)
class Refused:
    name: str
    words: tuple[str, ...]
    message: str


REFUSED = [
    Refused("fewer trials", ("--trials", "2"), "holds studies of 3 trials, this asks for 2; trials can be added but"),
    Refused("another seed", ("--seed", "1"), "was measured with seed = 0, this asks for 1; use another --out"),
    Refused("another goal", ("--goal-error", "0.2"), "was measured with goal_error = [0.3], this asks for [0.2]"),
    Refused("another budget", ("--max-steps", "100"), "was measured with max_steps = 200, this asks for 100"),
    Refused("another interval", ("--eval-interval", "3"), "was measured with eval_interval = 2, this asks for 3"),
]


def content(folder):
    """Return the files of a run folder, the store as its rows."""
    with contextlib.closing(sqlite3.connect(folder / "study.sqlite")) as connection:
        dump = "\n".join(connection.iterdump())
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "study.sqlite"}
    return files | {"study.sqlite": dump}


@pytest.mark.parametrize("refused", REFUSED, ids=lambda refused: refused.name)
def test_what_is_another_run_is_refused_and_the_folder_left_alone(refused, copied, capsys):
    before = content(copied)
    capsys.readouterr()
    assert run(*QUICK, *refused.words, "--out", copied) == 2
    assert_one_line(capsys, refused.message)
    assert content(copied) == before


@pytest.fixture(scope="module")
def broken_data(tmp_path_factory):
    """Data folders: one empty, one with a truncated image file, one with labels in the images' place."""
    top = tmp_path_factory.mktemp("data")
    labels = struct.pack(">2I", 2049, 20) + bytes(20)
    truncated = gzip.compress(struct.pack(">4I", 2051, 20, 28, 28) + bytes(20 * 784 - 1))
    for name, images in (("truncated", truncated), ("magic", gzip.compress(labels))):
        (top / name / "MNIST").mkdir(parents=True)
        (top / name / "MNIST" / "train-images-idx3-ubyte.gz").write_bytes(images)
        (top / name / "MNIST" / "train-labels-idx1-ubyte").write_bytes(labels)
    (top / "empty").mkdir()
    return top


MNIST = ("--workload", "mnist/simple-cnn/sgd", "--data-dir")
BAD = [
    Refused("sparsity 100", ("--sparsity", "100"), "--sparsity 100: must be a percentage in [0, 100)"),
    Refused("sparsity -1", ("--sparsity", "-1"), "--sparsity -1: must be a percentage in [0, 100)"),
    Refused("sparsity nan", ("--sparsity", "0", "nan"), "--sparsity nan: must be a percentage in [0, 100)"),
    Refused("sparsity abc", ("--sparsity", "abc"), "argument --sparsity: invalid float value: 'abc'"),
    Refused("sparsity of nothing left", ("--sparsity", "99.9999"), "keeps none of the network's 6090 weights"),
    Refused("batch size 0", ("--batch-sizes", "0"), "--batch-sizes 0: must be integers >= 1"),
    Refused("batch size too large", ("--batch-sizes", "1619"), "--batch-sizes 1619: more than the 1618 training"),
    Refused("goal error 7", ("--goal-error", "7"), "--goal-error 7: must lie in (0, 1)"),
    Refused("0 trials", ("--trials", "0"), "--trials 0: must be an integer >= 1"),
    Refused("0 jobs", ("--jobs", "0"), "--jobs 0: must be an integer in 1..10000"),
    Refused(
        "unknown workload",
        ("--workload", "cifar"),
        "unknown workload 'cifar'; perhaps cifar-10/simple-cnn/sgd or cifar-10/",
    ),
    Refused(
        "missing file",
        (*MNIST, "{data}/empty"),
        "train-images-idx3-ubyte.gz; run `python -m empirics.datasets fetch mnist`",
    ),
    Refused("no data folder", MNIST[:2], "train-images-idx3-ubyte.gz; run `python -m empirics.datasets fetch mnist`"),
    Refused("truncated file", (*MNIST, "{data}/truncated"), "train-images-idx3-ubyte.gz: truncated for the 20 items"),
    Refused("wrong magic", (*MNIST, "{data}/magic"), "images-idx3-ubyte.gz: magic number 2049 where 2051 belongs"),
    Refused("unknown option", ("--sparsities", "0"), "unrecognized arguments: --sparsities 0"),
    Refused(
        "budget beyond what can be stored", ("--max-steps", str(10**20)), "--max-steps 100000000000000000000: must be"
    ),
]
if not torch.cuda.is_available():
    BAD.append(Refused("no GPU", ("--device", "cuda"), "--device cuda: this machine has no usable CUDA device"))


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
@pytest.mark.parametrize("plan", [(), ("--plan",)], ids=["measure", "plan"])
def test_bad_input_is_one_line_and_leaves_nothing(bad, plan, broken_data, tmp_path, monkeypatch, capsys):
    def too_late(*_):
        raise AssertionError("the input was taken")

    monkeypatch.setattr("empirics.executors.placement.local_executor", too_late)
    monkeypatch.setattr("empirics.run.plan.describe_plan", too_late)
    monkeypatch.chdir(tmp_path)
    words = [word.format(data=broken_data) for word in bad.words]
    assert code_of(main, "--jobs", 1, "--out", "new/run", *words, *plan) == 2
    assert_one_line(capsys, bad.message)
    assert list(tmp_path.iterdir()) == []


def command(*words):
    return [sys.executable, "-m", "empirics.measure", *map(str, words)]


def test_bad_input_from_a_shell(tmp_path):
    done = subprocess.run(command("--goal-error", "7"), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["file", "other things", "garbage"])
def test_a_place_that_is_no_run_folder_is_refused_and_left_alone(content, tmp_path, capsys):
    place = tmp_path / "place"
    if content == "file":
        place.write_text("x")
    else:
        place.mkdir()
        (place / ("thesis.tex" if content == "other things" else "study.sqlite")).write_bytes(b"garbage" * 1000)
    before = sorted(tmp_path.rglob("*"))
    assert run(*QUICK, "--out", place) == 2
    assert_one_line(capsys, "--out")
    assert sorted(tmp_path.rglob("*")) == before
