import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from reference.empirics import plain

from benchmarks.engine import kept_trials, main, plain_seconds
from benchmarks.plain import PlainCost, PlainSample, PlainTrial
from empirics.records import Study
from empirics.specification.request import Request
from empirics.specification.specification import resolve
from empirics.training.laboratory import Laboratory

KEYS = {
    *("plain_seconds", "raced_plain_seconds", "engine_seconds", "ratio", "ratio_with_budget", "ratio_raced"),
    *("examples_per_second", "matmul_share_training", "matmul_share_evaluation", "images_per_goal_test"),
    *("same_steps_to_result", "same_winner", "peak_memory_bytes"),
}


def test_the_plain_ways_time_is_steps_and_evaluations_times_their_cost():
    specification = resolve(Request(), cuda_available=False)[0]
    cost = PlainCost(step=0.5, evaluation=7.0, steps_timed=50, evaluations_timed=5)
    assert specification.workload.eval_interval == 2
    assert plain_seconds(cost, specification, [160, 37]) == 0.5 * 197 + 7.0 * (80 + 18)


def test_the_engine_finds_what_the_plain_way_finds_and_the_command_writes_it(tmp_path, capsys):
    words = ("--sparsity", "50", "--batch-size", "32", "--trials", "3", "--goal-error", "0.3")
    assert main([*words, "--json", str(tmp_path / "found.json")]) == 0
    assert "same_winner  True" in capsys.readouterr().out
    found = json.loads((tmp_path / "found.json").read_text())
    assert set(found) >= KEYS
    assert found["same_steps_to_result"] is True
    assert found["same_winner"] is True
    assert found["ratio"] is None, "there is no kept run of digits"
    assert found["plain_steps_timed"] >= 50
    assert found["plain_evaluations_timed"] >= 5
    assert found["ratio_raced"] * found["engine_seconds"] == pytest.approx(found["raced_plain_seconds"])
    assert 0 < found["matmul_share_training"] < 1
    assert 64 <= found["images_per_goal_test"] <= 179


def test_what_the_plain_way_is_not_written_for_is_one_line(capsys):
    assert main(["--workload", "digits/small-cnn/momentum", "--trials", "1"]) == 2
    assert capsys.readouterr().err == "error: the plain way is written for SGD at a constant rate only\n"


def test_the_plain_trial_is_the_twin():
    laboratory = Laboratory(*resolve(Request(batch_sizes=(8,)), cuda_available=False))
    mask = np.arange(6090) % 3 > 0
    trial = PlainTrial(laboratory, Study(0.0, 0, 8), 1, mask)
    images, labels, validation_images, validation_labels = plain.split_digits()
    start = plain.initial_weights(plain.SmallCnn, plain.draws(0, plain.INIT, 0, 1))
    stream = plain.example_stream(0, (0,), len(labels), 40)
    batches = [(images[stream[row : row + 8]], labels[stream[row : row + 8]]) for row in range(0, 40, 8)]
    rate = laboratory.specification.points[1]["learning_rate"]
    *_, (_, _, twin) = plain.train(plain.SmallCnn, start, mask, rate, batches, dtype=torch.float32)
    assert all(trial.step() for _ in range(5))
    found = torch.cat([value.detach().flatten() for value in trial.module.parameters()])
    torch.testing.assert_close(found, plain.flat_weights(twin), rtol=0, atol=1e-5)
    assert trial.errors() == plain.count_errors(twin, validation_images, validation_labels)


def test_the_cost_is_that_of_the_fastest_sample(monkeypatch):
    sample = PlainSample(SimpleNamespace(step=lambda: True, errors=lambda: 0), steps=3)
    shown = iter([0.0, 6.0, 7.0, 10.0, 13.0, 15.0])  # steps take 2 s and 1 s, evaluations 1 s and 2 s
    monkeypatch.setattr("time.process_time", lambda: next(shown))
    sample.take()
    sample.take()
    assert sample.cost() == PlainCost(step=1.0, evaluation=1.0, steps_timed=6, evaluations_timed=2)


def test_a_kept_trial_counts_to_its_end_and_one_without_to_where_it_was_seen_short(data_dir):
    named = {"workload": "mnist/simple-cnn/sgd", "data_dir": data_dir, "trials": 16}
    specification, _ = resolve(Request(**named), cuda_available=False)
    trials = kept_trials(specification, Study(0.0, 0, 16))
    fewest = min(trial.steps for trial in trials if trial.ended)
    (factor,) = {float(trial.stop.removeprefix("factor ")) for trial in trials}
    assert len(trials) == 16
    assert all(fewest <= trial.steps <= factor * fewest for trial in trials)
    assert {trial.steps for trial in trials if not trial.ended} == {factor * fewest}
    others = (
        dataclasses.replace(specification, seed=1),
        dataclasses.replace(specification, points=specification.points[:8]),
        dataclasses.replace(specification, goals=(0.03,)),
        dataclasses.replace(specification, workload=dataclasses.replace(specification.workload, eval_interval=8)),
    )
    assert [kept_trials(other, Study(0.0, 0, 16)) for other in others] == [None] * 4
