import json

import pytest
import torch

from benchmarks import agreement
from benchmarks.agreement import compare, main
from benchmarks.engine import _study_of
from benchmarks.plain import PlainTrial
from empirics.specification.request import Request

STUDY = Request(sparsity=(50.0,), batch_sizes=(32,), trials=3, goal_error=(0.3,))


@pytest.fixture(scope="module")
def in_float64():
    return list(compare(*_study_of(STUDY), torch.float64, 200))


def test_in_float64_both_ways_are_one(in_float64):
    # 200 steps of 2^-53 each, amplified a thousandfold, would be 2e-11.
    assert [found.trial for found in in_float64] == [0, 1, 2]
    assert all(found.distance < 2e-11 for found in in_float64)
    assert all(found.first_difference is None and found.most_apart == 0 for found in in_float64)
    assert all(found.engine == found.plain and found.engine is not None for found in in_float64)


def test_another_rate_is_seen(monkeypatch):
    class Faster(PlainTrial):
        def __init__(self, *words):
            super().__init__(*words)
            self._optimizer.param_groups[0]["lr"] *= 1.01

    monkeypatch.setattr(agreement, "PlainTrial", Faster)
    found = next(compare(*_study_of(STUDY), torch.float64, 200))
    assert found.distance > 1e-4


def test_a_trial_that_ends_short_of_the_goal_is_said_to(capsys):
    assert main(["--batch-size", "64", "--trials", "1", "--until", "4"]) == 0
    said = capsys.readouterr().out
    assert "trial 0: engine None, plain None; counts of errors differ never" in said
    assert "K* and winner: engine None, plain None, in float32" in said


def test_what_was_found_is_written(tmp_path, monkeypatch):
    told = agreement.Comparison(0, 48, 50, 46, 3, 1e-3)
    monkeypatch.setattr(agreement, "compare", lambda *_: iter([told]))
    assert main(["--trials", "1", "--float64", "--json", str(tmp_path / "found.json")]) == 1
    found = json.loads((tmp_path / "found.json").read_text())
    assert (found["dtype"], found["engine"], found["plain"]) == ("torch.float64", [48, 0], [50, 0])
    assert found["trials"][0]["first_difference"] == 46


def test_what_it_is_not_written_for_is_one_line(capsys):
    assert main(["--workload", "digits/small-cnn/momentum"]) == 2
    assert capsys.readouterr().err == "error: the plain way is written for SGD at a constant rate only\n"
