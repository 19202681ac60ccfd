import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch
from tools.commands import code_of

from empirics.kernels.kernel import Unavailable, load
from empirics.measure import main
from empirics.records import Study
from empirics.run.progress import Display
from empirics.search.space import Metaparameter, search_points
from empirics.specification.request import Request
from empirics.specification.specification import resolve
from empirics.training import race as engine
from empirics.training.laboratory import Laboratory
from empirics.training.race import measure_study
from empirics.training.torch_engine import TorchEngine
from empirics.workloads.optimizers import OPTIMIZERS, SCHEDULES, Constant, StochasticGradientDescent

TRIALS, BUDGET, INTERVAL = 5, 24, 3
# Of five rates some train, some stall and some diverge, so that trials leave their blocks on the way.
WIDE = Metaparameter("learning_rate", 1e-3, 1e6, "log")


class CutError(Exception):
    """Stands for whatever ends a process."""


@pytest.fixture(autouse=True)
def _always_written(monkeypatch):
    monkeypatch.setattr(engine, "CHECKPOINT_SECONDS", -1.0)


def laboratory_for(optimizer, digits, *, wide=False, **request):
    words = {"goal_error": (0.3, 0.5), "max_steps": BUDGET, "eval_interval": INTERVAL, "trials": TRIALS}
    words |= {"engine": "torch"} | request
    specification, _ = resolve(Request(workload=f"digits/small-cnn/{optimizer}", **words), cuda_available=False)
    if wide:
        rest = specification.workload.search_space[1:]
        specification = dataclasses.replace(specification, points=search_points((WIDE, *rest), TRIALS))
    laboratory = Laboratory(specification, digits)
    if isinstance(laboratory.engine, TorchEngine):  # in blocks of two trials
        network = dataclasses.replace(laboratory.network, trials_at_once_examples=2 * 16)
        laboratory.engine = dataclasses.replace(laboratory.engine, network=network)
    return laboratory


def measured(laboratory, checkpoint=None, cut_at=None):
    def report(step):
        if step == cut_at:
            raise CutError

    masks = np.ones((TRIALS * laboratory.specification.draws, laboratory.network.size), dtype=bool)
    masks[:, ::7] = False
    outcome = measure_study(laboratory, Study(50.0, 0, 16), masks, report, checkpoint)
    return [dataclasses.replace(record, seconds=0.0) for record in outcome.records], outcome.traces


SPARSE = {"engine": "sparse"}
TRACED = {"stop": ("hits", "3"), "trace": "full"}
needs_kernel = pytest.mark.skipif(isinstance(load(), Unavailable), reason="the sparse kernel is not compiled here")
CASES = [
    *(pytest.param(name, {}, id=name) for name in OPTIMIZERS),
    pytest.param("sgd", SPARSE, id="sparse", marks=needs_kernel),
    pytest.param("momentum", SPARSE | {"wide": True}, id="sparse, diverging", marks=needs_kernel),
    pytest.param("nesterov", SPARSE | TRACED, id="sparse, traced", marks=needs_kernel),
    pytest.param("momentum", {"wide": True}, id="diverging"),
    pytest.param("sgd", {"stop": ("never",)}, id="to the budget"),
    pytest.param("nesterov", TRACED, id="traced"),
    pytest.param("sgd", {"goal_error": (0.001,)}, id="goal not reached"),
    pytest.param("sgd", {"draws": 3}, id="three draws"),
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
        masks = np.ones((TRIALS * again.specification.draws, again.network.size), dtype=bool)
        masks[:, ::7] = False
        outcome = measure_study(again, Study(50.0, 0, 16), masks, steps.append, checkpoint)
        assert steps[0] == cut_at, "went on from the test before the cut"
        assert ([dataclasses.replace(r, seconds=0.0) for r in outcome.records], outcome.traces) == expected
        checkpoint.unlink()


@pytest.mark.parametrize("at", [1, 4, 5])
@pytest.mark.parametrize(("optimizer", "options"), [CASES[0], CASES[4]])
def test_a_study_cut_between_tests_keeps_its_tests_and_its_time(optimizer, options, at, digits, tmp_path, monkeypatch):
    expected, write = measured(laboratory_for(optimizer, digits, **options)), engine.write_checkpoint
    monkeypatch.setattr(engine, "_STEPS_AT_ONCE", 1)

    def write_once(path, which, blocks, goals, log):
        write(path, which, blocks, goals, dataclasses.replace(log, seconds=1e6))
        if log.step == at:
            raise CutError

    checkpoint, steps = tmp_path / "checkpoints" / "study.npz", []
    monkeypatch.setattr(engine, "write_checkpoint", write_once)
    with pytest.raises(CutError):
        measured(laboratory_for(optimizer, digits, **options), checkpoint)
    monkeypatch.setattr(engine, "write_checkpoint", write)
    again = laboratory_for(optimizer, digits, **options)
    masks = np.ones((TRIALS, again.network.size), dtype=bool)
    masks[:, ::7] = False
    outcome = measure_study(again, Study(50.0, 0, 16), masks, steps.append, checkpoint)
    assert steps[0] == -(-at // INTERVAL) * INTERVAL
    assert ([dataclasses.replace(r, seconds=0.0) for r in outcome.records], outcome.traces) == expected
    assert 1e6 < sum(record.seconds for record in outcome.records) < 1e6 + 600


@pytest.mark.parametrize(
    ("optimizer", "by", "rule"),
    [
        ("adamw", "torch", {"rule._first", "rule._second", "rule._steps"}),
        pytest.param("nesterov", "sparse", {"velocities"}, marks=needs_kernel),
    ],
)
def test_weights_and_the_rules_state_go_on_bit_for_bit(optimizer, by, rule, digits, tmp_path, monkeypatch):
    ends, real = [], engine._best_error

    def best_error(laboratory, study, blocks, trials):
        ends.append([(block.trials, {n: v.clone() for n, v in block.state().items()}) for block in blocks])
        return real(laboratory, study, blocks, trials)

    monkeypatch.setattr(engine, "_best_error", best_error)
    laboratory = laboratory_for(optimizer, digits, engine=by, goal_error=(0.001,))
    measured(laboratory)
    with pytest.raises(CutError):
        measured(laboratory, tmp_path / "study.npz", 4 * INTERVAL)
    measured(laboratory, tmp_path / "study.npz")
    whole, resumed = ends
    for (trials, state), (other_trials, other_state) in zip(whole, resumed, strict=True):
        assert trials == other_trials
        assert state.keys() == other_state.keys()
        assert {"weights", "steps", *rule} <= state.keys()
        assert all(torch.equal(state[name], other_state[name]) for name in state)


class Falling(Constant):
    """eta_k = eta 0.9^k, kept in a tensor and a number."""

    def __init__(self, points, weights):
        super().__init__(points, weights)
        self.factor = 1.0

    def rates(self, step):
        self._rates, self.factor = self._rates * 0.95, self.factor * 0.95
        return self._rates * self.factor


class Remembering(StochasticGradientDescent):
    """Momentum whose velocities lie in a dict."""

    def __init__(self, points, weights):
        self.state = {"velocities": torch.zeros_like(weights)}

    def update(self, weights, gradient, learning_rates):
        self.state["velocities"].mul_(0.5).add_(gradient)
        weights.sub_(learning_rates * self.state["velocities"])

    def keep(self, wanted):
        self.state["velocities"] = self.state["velocities"][wanted]


@pytest.mark.parametrize("known", [True, False], ids=["tensors and numbers", "more than these"])
def test_a_study_by_rules_of_ones_own_cut_short_gives_the_same(known, digits, tmp_path, monkeypatch):
    monkeypatch.setitem(SCHEDULES, "constant", Falling)
    if not known:
        monkeypatch.setitem(OPTIMIZERS, "sgd", Remembering)
    laboratory, checkpoint = laboratory_for("sgd", digits, stop=("never",), trace="full"), tmp_path / "study.npz"
    expected = measured(laboratory)
    with pytest.raises(CutError):
        measured(laboratory, checkpoint, 4 * INTERVAL)
    assert checkpoint.exists() == known
    assert measured(laboratory, checkpoint) == expected


def spoil(path, how):
    content = path.read_bytes()
    path.write_bytes({"cut": content[: len(content) // 2], "empty": b"", "other": b"PK\x03\x04" + b"0" * 50}[how])


def without(name):
    return lambda header, _arrays: header.pop(name)


def header_with(**changes):
    return lambda header, _arrays: header.update(changes)


def log_with(**changes):
    return lambda header, _arrays: header["log"].update(changes)


def array_with(name, value):
    return lambda _header, arrays: arrays.update({name: value})


# What a file may hold that is whole as a file: a header or arrays of another form, or of another race.
UNLIKE = {
    **{f"no {name}": without(name) for name in ("program", "which", "blocks", "log")},
    "no step": lambda header, _arrays: header["log"].pop("step"),
    "step a text": log_with(step="12"),
    "step beyond": log_with(step=10**6),
    "step negative": log_with(step=-3),
    "no seconds": lambda header, _arrays: header["log"].pop("seconds"),
    "seconds negative": log_with(seconds=-1.0),
    "seconds without end": log_with(seconds=float("inf")),
    "one goal": log_with(reached=[{}]),
    "reached null": log_with(reached=None),
    "an unknown trial at the goal": log_with(reached=[{"9": 3}, {"9": 3}]),
    "the goal in the future": log_with(reached=[{"0": 999}, {}]),
    "a trial lost": lambda header, _arrays: header.update(blocks=header["blocks"][:-1]),
    "trial a name": log_with(diverged={"first": 3}),
    "seen at no step": log_with(seen={"0": [[None, 0.5]]}),
    "blocks null": header_with(blocks=None),
    "an unknown trial": header_with(blocks=[[77]]),
    "a trial twice": header_with(blocks=[[0], [0]]),
    "an empty block": header_with(blocks=[[]]),
    "no weights": lambda _header, arrays: arrays.pop("block0.weights"),
    "weights of one trial": array_with("block0.weights", np.zeros((1, 7), np.float32)),
    "weights of texts": array_with("block0.weights", np.array(["a", "b"])),
    "a rule's state": array_with("block0.rule._velocities", np.zeros(3, np.float32)),
    "other images": array_with("goals.hardness", np.zeros(3, np.float32)),
    "no trials of the test": lambda _header, arrays: arrays.pop("goals.trials", None),
    "header a list": lambda header, arrays: (header.clear(), arrays.update(header=np.frombuffer(b"[1]", np.uint8))),
}


def rewrite(path, change):
    """Change a checkpoint's header or arrays."""
    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    header = json.loads(arrays.pop("header").tobytes())
    change(header, arrays)
    arrays.setdefault("header", np.frombuffer(json.dumps(header).encode(), np.uint8))
    np.savez(path, **arrays)


@pytest.fixture(scope="module")
def cut(digits, tmp_path_factory):
    """A study cut short with its checkpoint, and what it gives when it is not cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "CHECKPOINT_SECONDS", -1.0)
        laboratory, path = laboratory_for("sgd", digits), tmp_path_factory.mktemp("cut") / "study.npz"
        with pytest.raises(CutError):
            measured(laboratory, path, 4 * INTERVAL)
        return laboratory, path, measured(laboratory)


@pytest.fixture
def copied(cut, tmp_path):
    return shutil.copy(cut[1], tmp_path / "study.npz")


def assert_begins_anew(laboratory, path, whole, capsys, reason=""):
    """Check that a study does not take up a file, says so once and gives what it gives without one."""
    capsys.readouterr()
    assert measured(laboratory, path) == whole
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"notice: {path} is not taken up (")
    assert err.endswith("); S=50 B=16 begins anew\n")
    assert reason in err


@pytest.mark.parametrize("how", ["cut", "empty", "other"])
def test_a_checkpoint_that_cannot_be_read_is_none(how, cut, copied, capsys):
    spoil(copied, how)
    assert_begins_anew(cut[0], copied, cut[2], capsys)


@pytest.mark.parametrize("how", UNLIKE)
def test_a_checkpoint_that_is_not_what_was_written_is_none(how, cut, copied, capsys):
    rewrite(copied, UNLIKE[how])
    assert_begins_anew(cut[0], copied, cut[2], capsys)


def test_a_checkpoint_as_it_was_written_is_taken_up_without_a_word(cut, copied, capsys):
    rewrite(copied, lambda _header, _arrays: None)
    capsys.readouterr()
    assert measured(cut[0], copied) == cut[2]
    assert capsys.readouterr() == ("", "")


OTHERS = {
    "program": ("provenance", lambda: {"versions": {}, "commit": "another"}),
    "instructions": ("hardware", lambda _device: {"vector_instructions": "another"}),
}


@pytest.mark.parametrize("other", OTHERS)
def test_a_checkpoint_of_another_program_is_none(other, cut, copied, monkeypatch, capsys):
    name, value = OTHERS[other]
    monkeypatch.setattr(f"empirics.training.checkpoint.{name}", value)
    assert_begins_anew(cut[0], copied, cut[2], capsys, "by another version of the program")


@pytest.mark.parametrize("other", ["seed", "study", "trials", "points"])
def test_a_checkpoint_of_another_run_or_search_is_none(other, cut, copied, digits, capsys):
    study = Study(90.0 if other == "study" else 50.0, 0, 16)
    laboratory = laboratory_for("sgd", digits, seed=int(other == "seed"), wide=other == "points")
    masks = np.ones((TRIALS - (other == "trials"), laboratory.network.size), dtype=bool)
    steps = []
    capsys.readouterr()
    measure_study(laboratory, study, masks, steps.append, copied)
    assert steps[0] == INTERVAL
    assert capsys.readouterr().err == (
        f"notice: {copied} is not taken up (it is of another run or search); {study} begins anew\n"
    )


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
