import dataclasses

import numpy as np
import pytest
import torch
from reference.commands import code_of

from empirics import engine
from empirics.engine import measure_study
from empirics.laboratory import Laboratory
from empirics.measure import main
from empirics.optimizers import OPTIMIZERS
from empirics.progress import Display
from empirics.search import Metaparameter, search_points
from empirics.specification import Request, Study, resolve

TRIALS, BUDGET, INTERVAL = 5, 24, 3
# Of five rates some train, some stall and some diverge, so that trials leave their blocks on the way.
WIDE = Metaparameter("learning_rate", 1e-3, 1e6, "log")


class CutError(Exception):
    """Stands for whatever ends a process."""


@pytest.fixture(autouse=True)
def _always_written(monkeypatch):
    monkeypatch.setattr(engine, "CHECKPOINT_SECONDS", -1.0)


def laboratory_for(optimizer, digits, *, wide=False, **request):
    words = {"goal_error": (0.3, 0.5), "max_steps": BUDGET, "eval_interval": INTERVAL, "trials": TRIALS} | request
    specification, _ = resolve(Request(workload=f"digits/small-cnn/{optimizer}", **words), cuda_available=False)
    if wide:
        rest = specification.workload.search_space[1:]
        specification = dataclasses.replace(specification, points=search_points((WIDE, *rest), TRIALS))
    laboratory = Laboratory(specification, digits)
    laboratory.network = dataclasses.replace(laboratory.network, trials_at_once_examples=2 * 16)
    return laboratory


def measured(laboratory, checkpoint=None, cut_at=None):
    def report(step):
        if step == cut_at:
            raise CutError

    masks = np.ones((TRIALS, laboratory.network.size), dtype=bool)
    masks[:, ::7] = False
    outcome = measure_study(laboratory, Study(50.0, 0, 16), masks, report, checkpoint)
    return [dataclasses.replace(record, seconds=0.0) for record in outcome.records], outcome.traces


CASES = [
    *(pytest.param(name, {}, id=name) for name in OPTIMIZERS),
    pytest.param("momentum", {"wide": True}, id="diverging"),
    pytest.param("sgd", {"stop": ("never",)}, id="to the budget"),
    pytest.param("nesterov", {"stop": ("hits", "3"), "trace": "full"}, id="traced"),
    pytest.param("sgd", {"goal_error": (0.001,)}, id="goal not reached"),
]


@pytest.mark.parametrize(("optimizer", "options"), CASES)
def test_a_study_cut_at_any_test_goes_on_as_if_it_never_was(optimizer, options, digits, tmp_path):
    laboratory = laboratory_for(optimizer, digits, **options)
    expected = measured(laboratory)
    last = max(trial.step for trial in expected[0][-1].trials)
    cuts = [test * INTERVAL for test in (2, 4, 7) if test * INTERVAL < last]
    assert cuts
    for cut_at in cuts:
        checkpoint = tmp_path / "checkpoints" / "study.npz"
        with pytest.raises(CutError):
            measured(laboratory, checkpoint, cut_at)
        steps = []
        again = laboratory_for(optimizer, digits, **options)
        masks = np.ones((TRIALS, again.network.size), dtype=bool)
        masks[:, ::7] = False
        outcome = measure_study(again, Study(50.0, 0, 16), masks, steps.append, checkpoint)
        assert steps[0] == cut_at, "went on from the test before the cut"
        assert ([dataclasses.replace(r, seconds=0.0) for r in outcome.records], outcome.traces) == expected
        checkpoint.unlink()


def test_weights_and_the_rules_state_go_on_bit_for_bit(digits, tmp_path, monkeypatch):
    ends, real = [], engine._best_error

    def best_error(laboratory, study, blocks):
        ends.append([(block.trials, {n: v.clone() for n, v in block.state().items()}) for block in blocks])
        return real(laboratory, study, blocks)

    monkeypatch.setattr(engine, "_best_error", best_error)
    laboratory = laboratory_for("adamw", digits, goal_error=(0.001,))
    measured(laboratory)
    with pytest.raises(CutError):
        measured(laboratory, tmp_path / "study.npz", 4 * INTERVAL)
    measured(laboratory, tmp_path / "study.npz")
    whole, resumed = ends
    for (trials, state), (other_trials, other_state) in zip(whole, resumed, strict=True):
        assert trials == other_trials
        assert state.keys() == other_state.keys()
        assert {"weights", "steps", "rule._first", "rule._second", "rule._steps"} <= state.keys()
        assert all(torch.equal(state[name], other_state[name]) for name in state)


def spoil(path, how):
    content = path.read_bytes()
    path.write_bytes({"cut": content[: len(content) // 2], "empty": b"", "other": b"PK\x03\x04" + b"0" * 50}[how])


@pytest.mark.parametrize("how", ["cut", "empty", "other"])
def test_a_checkpoint_that_cannot_be_read_is_none(how, digits, tmp_path):
    laboratory = laboratory_for("sgd", digits)
    with pytest.raises(CutError):
        measured(laboratory, tmp_path / "study.npz", 4 * INTERVAL)
    spoil(tmp_path / "study.npz", how)
    assert measured(laboratory, tmp_path / "study.npz") == measured(laboratory)


@pytest.mark.parametrize("other", ["program", "instructions", "trials"])
def test_a_checkpoint_of_another_program_or_search_is_none(other, digits, tmp_path, monkeypatch):
    laboratory = laboratory_for("sgd", digits)
    with pytest.raises(CutError):
        measured(laboratory, tmp_path / "study.npz", 4 * INTERVAL)
    if other == "program":
        monkeypatch.setattr("empirics.checkpoint.provenance", lambda: {"versions": {}, "commit": "another"})
        masks = np.ones((TRIALS, laboratory.network.size), dtype=bool)
    elif other == "instructions":
        monkeypatch.setattr("empirics.checkpoint.vector_instructions", lambda: "another")
        masks = np.ones((TRIALS, laboratory.network.size), dtype=bool)
    else:
        masks = np.ones((TRIALS - 1, laboratory.network.size), dtype=bool)
    steps = []
    measure_study(laboratory, Study(50.0, 0, 16), masks, steps.append, tmp_path / "study.npz")
    assert steps[0] == INTERVAL


def test_the_command_goes_on_inside_a_study_and_leaves_no_checkpoint(tmp_path, monkeypatch, capsys):
    words = ["--sparsity", "0", "--batch-sizes", "16", "--trials", "3", "--goal-error", "0.2", "--no-constants"]
    words += ["--jobs", "1", "--out"]
    assert code_of(main, *words, tmp_path / "whole") == 0
    real = Display.watch

    def watch(self, task, step):
        if step == 20:
            raise KeyboardInterrupt
        real(self, task, step)

    with monkeypatch.context() as patch:
        patch.setattr(Display, "watch", watch)
        assert code_of(main, *words, tmp_path / "cut") == 130
    assert [path.name for path in (tmp_path / "cut" / "checkpoints").iterdir()] == ["S0-r0-B16.npz"]
    steps = []
    with monkeypatch.context() as patch:
        patch.setattr(Display, "watch", lambda _self, _task, step: steps.append(step))
        assert code_of(main, *words, tmp_path / "cut") == 0
    assert steps[0] == 20
    assert (tmp_path / "cut" / "curves.csv").read_bytes() == (tmp_path / "whole" / "curves.csv").read_bytes()
    assert not (tmp_path / "cut" / "checkpoints").exists()
    assert "interrupted" in capsys.readouterr().err
