import json
import shutil
from pathlib import Path

import pytest
from tools.commands import assert_one_line, code_of, rows

from empirics.constants import main
from empirics.measure import main as measure
from empirics.specification.request import Request
from empirics.specification.specification import resolve
from empirics.store.store import read_store
from empirics.training import flowing, following
from empirics.training import race as engine
from kstar.__main__ import main as kstar

HERE = "samples.constants_workloads"
QUICK = ("--sparsity", "0", "50", "--trials", "3", "--goal-error", "0.3", "--max-steps", "60", "--device", "cpu")
PROBE = ("--examples", "30", "--hessian-points", "0", "--jobs", "1")


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A measured run without constants, at two batch sizes."""
    folder = tmp_path_factory.mktemp("measured") / "run"
    assert code_of(measure, *QUICK, "--batch-sizes", 32, 64, "--no-constants", "--jobs", 1, "--out", folder) == 0
    return folder


@pytest.fixture
def copied(measured, tmp_path):
    return Path(shutil.copytree(measured, tmp_path / "copy"))


def test_winners_at_several_batch_sizes_are_followed_and_the_first_is_shown(copied, monkeypatch, capsys):
    words = (*QUICK, *PROBE, "--batch-sizes", 32, 64, "--steps", 0)
    assert code_of(measure, *words, "--follow", 32, 64, "--out", copied) == 0
    with read_store(copied) as store:
        every, shown = store.followed(), store.constants()
    assert [(one.study.sparsity, one.study.batch_size) for one in every] == [(0, 32), (0, 64), (50, 32), (50, 64)]
    assert shown == [one for one in every if one.study.batch_size == 32]
    monkeypatch.delattr(following, "measure_constants")  # nothing is left to measure
    assert code_of(measure, *words, "--out", copied) == 0
    with read_store(copied) as store:
        assert store.constants() == [one for one in every if one.study.batch_size == 64]
    printed = (copied / "constants.csv").read_bytes()
    assert code_of(measure, *words, "--follow", 64, 32, "--out", copied) == 0
    assert (copied / "constants.csv").read_bytes() == printed
    assert code_of(measure, *words, "--plan", "--follow", 64, 32, "--out", copied) == 0
    assert "after them constants, 0 s" in capsys.readouterr().out
    assert code_of(measure, *words, "--follow", 16, "--out", copied) == 2
    assert_one_line(capsys, "--follow 16: is none of --batch-sizes 32 64")


def test_in_a_measured_folder_nothing_is_searched_again(copied, monkeypatch, capsys):
    monkeypatch.delattr(engine, "measure_study")
    assert code_of(main, *QUICK, *PROBE, "--out", copied) == 0
    with read_store(copied) as store:
        found, winners = store.constants(), store.studies()
    assert [(record.study.sparsity, record.study.batch_size) for record in found] == [(0.0, 64), (50.0, 64)]
    for record in found:
        winner = winners[record.study].winner
        assert (record.trial, record.metaparameters, record.goal_step) == (
            winner.trial,
            winner.metaparameters,
            winner.step,
        )
    output = capsys.readouterr()
    assert "measurements of 11 gradient passes and more over 30 examples" in output.err
    assert output.err.index("constants: about") < output.err.index("constants: 2")
    assert "on 30 training examples" in output.out
    assert "predicted" not in output.out
    assert f"Next:    python -m verification.report {copied}\n" in output.out
    assert code_of(kstar, "constants", *QUICK, *PROBE, "--out", copied) == 0  # nothing is left to measure
    shown = capsys.readouterr().out
    assert "Sparse over dense, predicted from the constants" in shown
    assert "paper, MNIST" in shown
    for command, says in ((kstar, True), (lambda words: measure(words[1:]), False)):
        assert code_of(command, "measure", *QUICK, *PROBE, "--batch-sizes", 32, 64, "--out", copied) == 0
        assert ("no fitted ratio" in capsys.readouterr().out) == says


def test_alone_and_as_a_part_of_measure_it_gives_the_same(copied, tmp_path):
    alone, part = tmp_path / "alone", tmp_path / "part"
    shutil.copytree(copied, part)
    assert code_of(measure, *QUICK, *PROBE, "--batch-sizes", 32, 64, "--out", part) == 0
    assert code_of(main, *QUICK, *PROBE, "--batch-size", 64, "--out", alone) == 0
    assert {name: row for row in rows(part / "constants.csv") for name in [(row["sparsity"], row["quantity"])]} == {
        name: row for row in rows(alone / "constants.csv") for name in [(row["sparsity"], row["quantity"])]
    }


def test_cut_short_it_goes_on_with_the_same_result(copied, tmp_path, monkeypatch, capsys):
    whole = tmp_path / "whole"
    shutil.copytree(copied, whole)
    assert code_of(main, *QUICK, *PROBE, "--out", whole) == 0
    real, calls = following.measure_constants, []

    def interrupted(laboratory, followed, mask, report):
        calls.append(followed.sparsity)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(laboratory, followed, mask, report)

    with monkeypatch.context() as patch:
        patch.setattr(following, "measure_constants", interrupted)
        assert code_of(main, *QUICK, *PROBE, "--out", copied) == 130
        assert "finished work is kept" in capsys.readouterr().err
        assert code_of(main, *QUICK, *PROBE, "--out", copied) == 0
    assert calls == [0.0, 50.0, 50.0]
    assert (copied / "constants.csv").read_bytes() == (whole / "constants.csv").read_bytes()


def test_a_flow_cut_short_goes_on_with_the_same_result(copied, tmp_path, monkeypatch):
    whole = tmp_path / "whole"
    shutil.copytree(copied, whole)
    assert code_of(main, *QUICK, *PROBE, "--out", whole) == 0
    found = {row["quantity"] for row in rows(whole / "constants.csv")}
    assert found & {"T_at_40", "T_at_goal"} == {"T_at_40"}, "it saw a sample, which it would go on to fit"
    real, calls = flowing.write_state, []

    def interrupted(*arguments, **more):
        real(*arguments, **more)
        calls.append(arguments)
        if len(calls) == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(flowing, "CHECKPOINT_SECONDS", -1.0)
    monkeypatch.setattr(flowing, "write_state", interrupted)
    assert code_of(main, *QUICK, *PROBE, "--out", copied) == 130
    assert list((copied / "checkpoints").iterdir()) == [copied / "checkpoints" / "S0-r0-B64.flow.npz"]
    monkeypatch.delattr(following, "measure_constants")
    assert code_of(main, *QUICK, *PROBE, "--out", copied) == 0
    assert (copied / "constants.csv").read_bytes() == (whole / "constants.csv").read_bytes()
    assert not (copied / "checkpoints").exists()


def test_other_settings_are_measured_anew_and_the_same_are_not(copied, monkeypatch):
    assert code_of(main, *QUICK, *PROBE, "--out", copied) == 0
    before = rows(copied / "constants.csv")
    with monkeypatch.context() as patch:
        patch.delattr(following, "measure_constants")
        patch.delattr(flowing, "measure_flow")
        assert code_of(main, *QUICK, *PROBE, "--out", copied) == 0
    assert rows(copied / "constants.csv") == before
    assert code_of(main, *QUICK, *PROBE, "--every", 2, "--steps", 9, "--out", copied) == 0
    assert any(row["quantity"] == "L_mean_budget" for row in rows(copied / "constants.csv"))
    with read_store(copied) as store:
        assert all(record.steps == 9 for record in store.constants())
        assert all(list(record.along("L"))[:3] == [1, 3, 5] for record in store.constants())


def test_a_learning_rate_that_is_all_there_is_needs_no_search(tmp_path, monkeypatch, capsys):
    monkeypatch.delattr(engine, "measure_study")
    words = ("--learning-rate", 0.1, "--batch-size", 16, "--steps", 6, "--repeats", 3, "--out", tmp_path / "run")
    assert code_of(main, *QUICK, *PROBE, *words) == 0
    with read_store(tmp_path / "run") as store:
        found = store.constants()
        assert store.studies() == {}
    for record in found:
        assert (record.study.batch_size, record.steps, record.metaparameters) == (16, 6, {"learning_rate": 0.1})
        assert {each.drawing for each in record.batch_variances} == {"replacement", "epoch", "border"}
        assert record.settings["learning_rate"] == 0.1
    printed = capsys.readouterr().out
    assert "Variance of mini-batch gradients at the start" in printed
    assert "B = 16, trial 0 (learning_rate 0.1), no goal; L every 1 of 6 steps" in printed
    assert "did not reach the goal, so nothing is averaged up to K*" in printed


def test_a_learning_rate_beside_momentum_takes_the_winners_momentum(tmp_path):
    words = ("--workload", "digits/small-cnn/momentum", "--learning-rate", 0.02, "--batch-size", 64)
    assert code_of(main, *QUICK, *PROBE, *words, "--sparsity", 0, "--out", tmp_path / "run") == 0
    with read_store(tmp_path / "run") as store:
        (record,), (study,) = store.constants(), store.studies().values()
    assert record.metaparameters == study.winner.metaparameters | {"learning_rate": 0.02}


def test_seeds_are_replicates_with_intervals(tmp_path):
    words = (
        "--workload",
        f"{HERE}:logistic_regression",
        "--sparsity",
        0,
        "--seeds",
        3,
        "--device",
        "cpu",
        "--max-steps",
        400,
    )
    assert code_of(main, *words, "--goal-error", 0.4, *PROBE, "--out", tmp_path / "run") == 0
    (beta,) = (row for row in rows(tmp_path / "run" / "constants.csv") if row["quantity"] == "beta")
    assert beta["n"] == "3"
    assert float(beta["low"]) < float(beta["value"]) < float(beta["high"])
    provenance = json.loads((tmp_path / "run" / "provenance.json").read_text())
    assert provenance["asked_for"]["probe"]["examples"] == 30


def test_a_study_that_reached_no_goal_has_no_constants_and_is_named(tmp_path, capsys):
    words = ("--workload", f"{HERE}:logistic_regression", "--sparsity", 0, 50, "--max-steps", 2, "--device", "cpu")
    assert code_of(main, *words, "--goal-error", 0.001, *PROBE, "--out", tmp_path / "run") == 0
    printed = capsys.readouterr().out
    assert "no constants of S=0 B=16, S=50 B=16: no trial reached the goal" in printed
    assert not (tmp_path / "run" / "constants.csv").exists()


def test_a_study_that_reached_the_goal_is_not_said_to_have_missed_it(copied, capsys):
    words = ("--sparsity", 0, "--steps", 0, "--flow-gradients", 0)
    assert code_of(main, *QUICK, *PROBE, *words, "--out", copied) == 0
    assert "no constants of" not in capsys.readouterr().out


def test_a_run_that_diverges_says_where(tmp_path, capsys):
    words = ("--learning-rate", 1e6, "--batch-size", 16, "--out", tmp_path / "run")
    assert code_of(main, *QUICK, *PROBE, *words) == 0
    assert "diverged at step" in capsys.readouterr().out
    assert {"Delta", "beta"} <= {row["quantity"] for row in rows(tmp_path / "run" / "constants.csv")}


def test_a_run_that_ends_before_the_steps_asked_for_is_not_measured_again(tmp_path, monkeypatch):
    words = ("--sparsity", 0, "--batch-size", 16, "--out", tmp_path / "run")
    ways = (("--learning-rate", 1e30, "--steps", 9), ("--learning-rate", 0.1, "--steps", 0))  # diverges; ends at K*
    for way in ways:
        with monkeypatch.context() as patch:
            assert code_of(main, *QUICK, *PROBE, *way, *words) == 0
            patch.delattr(following, "measure_constants")
            assert code_of(main, *QUICK, *PROBE, *way, *words) == 0


def test_without_a_folder_named_the_default_one_tells_the_batch_size(copied, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delattr(engine, "measure_study")
    wanted = Request(sparsity=(0, 50), trials=3, goal_error=(0.3,), max_steps=60, device="cpu")
    specification, _ = resolve(wanted, cuda_available=False)
    (tmp_path / "runs").mkdir()
    copied.rename(tmp_path / "runs" / specification.folder_name())
    assert code_of(main, *QUICK, *PROBE, "--steps", 0) == 0  # at 64, where the workload's own is 128


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--seeds", 0), "--seeds 0: must be an integer >= 1"),
        (("--seeds", 4294967295), "--seeds 4294967295: must be at most 10000"),
        (("--batch-size", 0), "--batch-size 0: must be an integer >= 1"),
        (("--batch-size", 5000), "--batch-sizes 5000: more than the 1618 training examples"),
        (("--learning-rate", -1), "--learning-rate -1: must be a finite number above 0"),
        (("--learning-rate", "nan"), "--learning-rate nan: must be a finite number above 0"),
        (("--every", 0), "--every 0: must be an integer >= 1"),
        (("--steps", -1), "--steps -1: must be an integer >= 0"),
        (("--quadratic-forms", 7), "--quadratic-forms 7: too few to average; use 0 or at least 8"),
        (("--repeats", 1), "--repeats 1: one draw has no spread"),
        (("--jobs", 0), "--jobs 0: must be an integer in 1..10000"),
        (("--memory-limit", 0.1), "--memory-limit 0.1: one process with 16 trials needs about"),
        (("--address", "auto"), "--address auto: goes with --executor ray"),
        (("--executor", "ray", "--data-parallel", 2), "--data-parallel 2: goes with --executor local"),
        (("--workload", f"{HERE}:not_differentiable"), "loss errors_loss: has no gradient"),
        (("--workload", "nothing"), "unknown workload 'nothing'"),
    ],
)
def test_what_cannot_be_used_is_one_line(words, message, tmp_path, capsys):
    assert code_of(main, *words, "--out", tmp_path / "run") == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
    assert not (tmp_path / "run").exists()


def test_a_folder_of_another_run_is_refused(copied, capsys):
    assert code_of(main, *QUICK, *PROBE, "--seed", 1, "--out", copied) == 2
    assert "was measured with seed = 0, this asks for 1" in capsys.readouterr().err
