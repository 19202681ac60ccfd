"""The command as a user meets it. What needs no other process runs in this one, through `main`."""

import json
from pathlib import Path

import torch
from reference.empirics import plain
from samples.measured_runs import QUICK, run
from tools.commands import rows

from empirics.followed import QUANTITIES
from empirics.measure import Execution, measure
from empirics.specification.request import Request


def test_a_run_folder_holds_the_files_and_columns_agreed_on(undisturbed):
    assert sorted(path.name for path in undisturbed.iterdir()) == [
        "constants.csv",
        "curves.csv",
        "provenance.json",
        "study.sqlite",
    ]
    assert (undisturbed / "curves.csv").read_text().splitlines()[0] == (
        "workload,goal,sparsity,replicate,batch_size,steps_to_result,lower,upper,status,stop,trials,complete,incomplete,"
        "infeasible,censored,winner,metaparameters,draws,redrawn,steps_at_best_rate,steps_at_best_rate_low,"
        "steps_at_best_rate_high,reached_share,log_spread,rounding_spread"
    )
    assert (undisturbed / "constants.csv").read_text().splitlines()[0] == (
        "workload,sparsity,quantity,value,low,high,n,standard_error,exponents"
    )
    assert [(row["sparsity"], row["batch_size"]) for row in rows(undisturbed / "curves.csv")] == [
        (sparsity, batch_size) for sparsity in ("0", "90") for batch_size in ("8", "16", "32", "128")
    ]
    not_asked_for = {"trace_H_Sigma", "gradient_H_gradient"}
    beyond_a_sample = {"T_at_goal", "T_over_eta", "c", "kappa"}
    measured = [name for name in QUANTITIES if name not in not_asked_for | beyond_a_sample]
    assert [(row["sparsity"], row["quantity"]) for row in rows(undisturbed / "constants.csv")] == [
        (sparsity, name) for sparsity in ("0", "90") for name in measured
    ]


def test_every_row_adds_up(undisturbed):
    for row in rows(undisturbed / "curves.csv"):
        assert (row["workload"], row["goal"], row["replicate"]) == ("digits/small-cnn/sgd", "0.3", "0")
        assert (row["status"], row["stop"], row["trials"]) == ("reached", "race", "3")
        assert row["steps_to_result"] == row["upper"]
        assert int(row["lower"]) == int(row["upper"]) - 2
        assert sum(int(row[name]) for name in ("complete", "incomplete", "infeasible", "censored")) == 3
        assert list(json.loads(row["metaparameters"])) == ["learning_rate"]


def test_a_measured_study_is_that_of_trials_trained_one_by_one(undisturbed):
    (row,) = (row for row in rows(undisturbed / "curves.csv") if (row["sparsity"], row["batch_size"]) == ("90", "128"))
    images, labels, *_ = plain.split_digits()
    ends = []
    for trial, unit in enumerate((0.5, 0.75, 0.25)):  # the first Sobol points, log-uniform in 1e-2..2
        start = plain.initial_weights(plain.SmallCnn, plain.draws(0, plain.INIT, 0, trial))
        mask = plain.snip_mask(plain.snip_scores(plain.SmallCnn, start, images, labels), 90.0)
        rate = 0.01 * 200**unit
        settings = {"seed": 0, "replicate": 0, "batch_size": 128, "max_steps": 90, "interval": 2, "most_errors": 53}
        ends.append(plain.plain_trial(plain.SmallCnn, start, mask, rate, dtype=torch.float64, **settings))
    steps = min(step for event, step in ends if event == "complete")
    assert int(row["steps_to_result"]) == steps
    assert int(row["winner"]) == ends.index(("complete", steps))


def test_provenance_tells_what_was_asked_for_and_with_what(undisturbed):
    found = json.loads((undisturbed / "provenance.json").read_text())
    assert found["identity"]["goal_error"] == [0.3]
    assert found["asked_for"]["batch_sizes"] == [8, 16, 32, 128]
    (session,) = found["sessions"]
    assert session["jobs"] == 1
    assert torch.__version__.startswith(session["versions"]["torch"])
    assert session["vector_instructions"] == torch.backends.cpu.get_cpu_capability()


def test_the_command_ends_with_the_tables_the_path_and_what_to_run_next(copied, capsys):
    assert run(*QUICK, "--examples", "50", "--out", copied) == 0
    out = capsys.readouterr().out
    assert "steps to result K*(B)" in out
    assert "Delta" in out
    *_, results, following = out.strip().splitlines()
    assert str(copied) in results
    assert f"python -m verification.report {copied}" in following


def test_without_constants_there_is_no_table_of_them(tmp_path):
    assert run(*QUICK, "--no-constants", "--out", tmp_path / "run") == 0
    assert not (tmp_path / "run" / "constants.csv").exists()


def test_a_plan_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(*QUICK, "--plan") == 0
    assert "S=0 B=128" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_from_python_the_default_folder_is_named_after_workload_and_digest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    request = Request(sparsity=(0.0,), batch_sizes=(128,), trials=2, max_steps=4, constants=False)
    folder = measure(request, Execution(jobs=1))
    assert folder.parent == Path("runs")
    assert folder.name.startswith("digits-small-cnn-sgd-")
    (row,) = rows(folder / "curves.csv")
    assert (row["status"], row["steps_to_result"], row["upper"], row["lower"]) == ("not_reached", "", "", "4")
    assert (row["incomplete"], row["winner"], row["metaparameters"]) == ("2", "", "")


def test_a_network_that_cannot_learn_is_refused_before_it_is_trained(tmp_path, capsys):
    # One weight of 6090 is kept: the network says class 0 to everything, which the goal lets pass, and never moves.
    folder = tmp_path / "run"
    words = ("--sparsity", "0", "99.99", "--batch-sizes", "32", "--trials", "1", "--goal-error", "0.95")
    assert run(*words, "--out", folder) == 2
    *before, line = capsys.readouterr().err.splitlines()
    assert line.startswith(
        "error: --sparsity 99.99: the trial cannot be trained: no path is left from inputs to outputs"
    )
    assert not any("K*" in one for one in before)
    assert rows(folder / "curves.csv") == []
