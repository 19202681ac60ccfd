import dataclasses
import re
import shutil

import pytest
from samples.asked_runs import write_asked

from empirics.followed import ConstantsRecord
from empirics.measure import main as measure
from empirics.records import Study
from empirics.run import plan
from empirics.run.constants_cost import describe_cost
from empirics.run.cost import expected_steps
from empirics.run.plan import describe_plan
from empirics.specification.probe import FollowedRun
from empirics.specification.request import Request
from empirics.specification.runs_to_follow import runs_to_follow
from empirics.specification.specification import resolve
from empirics.store.held_folder import held_folder
from empirics.store.store import open_store
from empirics.training.laboratory import Laboratory


def test_a_plan_lists_every_study_with_time_and_memory(digits):
    request = Request(sparsity=(0.0, 90.0), batch_sizes=(8, 64), trials=3, max_steps=100)
    specification, _ = resolve(request, cuda_available=False)
    text = describe_plan(specification, digits, jobs=2)
    for study in specification.studies():
        assert re.search(rf"^{study} +\d+ ", text, re.MULTILINE)
    assert re.search(r"4 studies, 2 at once: [\d.]+ \w+ expected, [\d.]+ \w+ at most", text)
    assert re.search(r"Memory: about \d+\.\d GB\.", text)
    there = dataclasses.replace(specification, device="cuda")
    assert re.search(
        r"Memory: about \d+\.\d GB, and 0\.\d GB of its GPU each process\.", plan._memory(there, digits, 2)
    )
    assert text.endswith("Nothing was measured or written.")


@pytest.mark.parametrize(
    ("stop", "steps", "words", "told"),
    [
        (("race",), 46, "1 at once: 2.3 min expected", "a guess from earlier runs; times are timed here"),
        (("factor", "2"), 92, "1 at once: 4.6 min expected", "2 times those to the first hit, at most the budget"),
        (("factor", "9"), 100, "1 at once: 5 min expected", "9 times those to the first hit, at most the budget"),
        (("never",), 100, "1 at once: 5 min expected", "every trial to its budget (--stop never)"),
        (("hits", "1"), 46, "1 at once: 2.3 min expected", "a guess from earlier runs; times are timed here"),
        (("hits", "3"), 46, "1 at once: at least 2.3 min expected", "hit 3 comes at it or later (--stop hits 3)"),
    ],
)
def test_a_plan_expects_what_the_stop_rule_asks_for(stop, steps, words, told, digits, monkeypatch):
    monkeypatch.setattr(plan.Times, "step", lambda *_: 1.0)
    monkeypatch.setattr(plan.Times, "evaluation", lambda *_: 0.0)
    monkeypatch.setattr("empirics.run.cost.expected_steps", lambda *_: 46.0)
    request = Request(sparsity=(0.0,), batch_sizes=(16,), trials=3, max_steps=100, stop=stop)
    specification, _ = resolve(request, cuda_available=False)
    text = describe_plan(specification, digits, jobs=1)
    assert re.search(rf"^S=0 B=16 +{steps} ", text, re.MULTILINE)
    assert words in text
    assert "5 min at most" in text
    assert told in text


@pytest.mark.parametrize("point", [{"learning_rate": 1e5}, {"learning_rate": 0.1}])
def test_a_plan_times_points_that_diverge_as_if_they_trained(point, digits, monkeypatch):
    monkeypatch.setattr(plan, "_TIMED_SECONDS", 0.01)
    request = Request(sparsity=(0.0,), batch_sizes=(16,), trials=2, max_steps=100, engine="torch")
    specification, _ = resolve(request, cuda_available=False)
    text = describe_plan(dataclasses.replace(specification, points=(point, point)), digits, jobs=1)
    assert re.search(r"^S=0 B=16 +\d+ ", text, re.MULTILINE)


def test_a_plan_whose_own_rates_diverge_begins_its_trials_again(digits, monkeypatch):
    monkeypatch.setattr(plan, "_TIMED_SECONDS", 0.01)
    monkeypatch.setattr(plan, "_SMALL_RATE", 1e6)
    specification, _ = resolve(Request(trials=2, max_steps=100, engine="torch"), cuda_available=False)
    assert plan.Times(Laboratory(specification, digits)).step(0.0, 16) > 0.0


def test_a_plan_expects_every_draw(digits, monkeypatch):
    monkeypatch.setattr(plan.Times, "step", lambda *_: 1.0)
    monkeypatch.setattr(plan.Times, "evaluation", lambda *_: 0.0)
    monkeypatch.setattr("empirics.run.cost.expected_steps", lambda *_: 48.0)
    request = Request(sparsity=(0.0,), batch_sizes=(16,), trials=3, max_steps=100, draws=5)
    text = describe_plan(resolve(request, cuda_available=False)[0], digits, jobs=1)
    assert ", 3 trials a study, 5 draws of each, budget" in text
    assert re.search(r"^S=0 B=16 +60 ", text, re.MULTILINE)  # 1.25 x 48
    assert "15 min expected, 25 min at most" in text  # 15 trainings of 60 and 100 steps


def test_a_plan_expects_winners_trained_again(digits, monkeypatch):
    monkeypatch.setattr(plan.Times, "step", lambda *_: 1.0)
    monkeypatch.setattr(plan.Times, "evaluation", lambda *_: 0.0)
    monkeypatch.setattr("empirics.run.cost.expected_steps", lambda *_: 60.0)
    request = Request(sparsity=(0.0,), batch_sizes=(16,), trials=3, max_steps=100, rerun_winner=2, jitter=1)
    text = describe_plan(resolve(request, cuda_available=False)[0], digits, jobs=1)
    assert ", 3 trials a study, the winner 3 times more, budget" in text
    assert "9 min expected, 10 min at most" in text  # 3 trainings of 60 steps and 3 of 120; 6 of 100


def test_full_traces_are_expected_to_evaluate_fully(digits, monkeypatch):
    monkeypatch.setattr(plan.Times, "step", lambda *_: 0.0)
    monkeypatch.setattr(plan.Times, "evaluation", lambda *_: 10.0)
    request = Request(sparsity=(0.0,), batch_sizes=(16,), trials=1, max_steps=100, eval_interval=10, stop=("never",))
    for trace, seconds in (("none", "10 s"), ("full", "100 s")):
        specification, _ = resolve(dataclasses.replace(request, trace=trace), cuda_available=False)
        assert f"1 at once: {seconds} expected, 100 s at most" in describe_plan(specification, digits, jobs=1)


@pytest.mark.parametrize(
    ("size", "sparsity", "named"),
    [
        (6090, (0.0, 90.0), ""),
        (6090, (0.0, 90.0, 99.0, 99.9), "99, 99.9"),
        (10**7, (95.0, 98.0), "98"),
        (150, (0.0, 20.0, 50.0), "50"),
    ],
)
def test_a_plan_tells_that_few_weights_are_looked_at_when_the_run_begins(size, sparsity, named):
    lines = plan._looked_at_later([Study(s, 0, 16) for s in sparsity], size)
    assert lines == [
        f"The run checks first whether --sparsity {named} cuts the network, and stops if it does."
        for named in ([named] if named else [])
    ]


def test_a_plan_of_a_sparsity_that_the_run_refuses_does_not_promise_it(digits, monkeypatch, tmp_path, capsys):
    quick(monkeypatch)
    request = Request(sparsity=(99.9,), batch_sizes=(16,), trials=2, max_steps=20, constants=False)
    specification, _ = resolve(request, cuda_available=False)
    assert "first whether --sparsity 99.9 cuts the network" in describe_plan(specification, digits, 1)
    words = "--sparsity 99.9 --batch-sizes 16 --trials 2 --max-steps 20 --no-constants --jobs 1"
    assert measure([*words.split(), "--out", str(tmp_path / "run")]) == 2
    assert "--sparsity 99.9: each of 2 trials cannot be trained" in capsys.readouterr().err


def quick(monkeypatch):
    monkeypatch.setattr(plan.Times, "step", lambda *_: 1.0)
    monkeypatch.setattr(plan.Times, "evaluation", lambda *_: 0.0)


ASKED = Request(sparsity=(0.0, 50.0), batch_sizes=(8, 64), trials=3, max_steps=100, seed=3)


@pytest.mark.parametrize(
    ("changes", "left", "told"),
    [
        ({}, 0, "4 of 4 studies are in {} already."),
        ({"sparsity": (0.0, 50.0, 90.0), "batch_sizes": (8, 16, 64)}, 5, "4 of 9 studies are in {} already."),
        ({"replicates": 2}, 4, "4 of 8 studies are in {} already."),
        ({"trials": 4}, 4, ""),
        ({"draws": 3}, 4, ""),
    ],
)
def test_a_plan_leaves_out_what_the_folder_holds(changes, left, told, digits, monkeypatch, tmp_path):
    quick(monkeypatch)
    write_asked(tmp_path / "run", ASKED)
    before = {path: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    specification, _ = resolve(dataclasses.replace(ASKED, **changes), cuda_available=False)
    text = describe_plan(specification, digits, 1, tmp_path / "run")
    assert len(re.findall(r"^S=\d+ B=", text, re.MULTILINE)) == left
    assert f"\n{left} studies, 1 at once: " in text
    assert told.format(tmp_path / "run") in text
    assert ("already" in text) == bool(told)
    assert {path: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_a_plan_and_the_run_expect_the_same_of_the_constants(digits, monkeypatch):
    quick(monkeypatch)
    monkeypatch.setattr("empirics.run.constants_cost.seconds_per_gradient", lambda *_: 1.0)
    specification, _ = resolve(dataclasses.replace(ASKED, sparsity=(0.0,), steps=20), cuda_available=False)
    goal_step = round(expected_steps(specification.workload, Study(0.0, 0, 64)))
    told = describe_cost(specification, digits, [FollowedRun(0.0, 0, 64, 0, {}, goal_step, 20)], 1)
    (seconds,) = re.findall(r"constants: about (.+) in all", told)
    assert f"after them constants, {seconds}." in describe_plan(specification, digits, 1)


def test_masks_and_constants_that_are_there_take_no_time(digits, monkeypatch, tmp_path):
    quick(monkeypatch)
    specification = write_asked(tmp_path / "run", ASKED)
    assert "before them masks, 0 s; after them constants, 0 s" not in describe_plan(specification, digits, 1)
    with open_store(tmp_path / "run", specification.identity()) as store:
        for run in runs_to_follow(specification, store.studies()):
            study = Study(run.sparsity, run.replicate, run.batch_size)
            settings = specification.probe.settings()
            values = {"Delta": 1.0}
            known = ConstantsRecord(study, 1618, run.trial, {}, values, (), 0.0, settings=settings, steps=run.steps)
            store.add_constants(known)
    text = describe_plan(specification, digits, 1, tmp_path / "run")
    assert "0 studies, 1 at once: 0 s expected, 0 s at most;" in text
    assert "before them masks, 0 s; after them constants, 0 s" in text


@dataclasses.dataclass(frozen=True)
class Refused:
    """What is asked for of a folder that holds `ASKED`, and why neither plan nor run does it."""

    name: str
    message: str
    changes: dict[str, object] = dataclasses.field(default_factory=dict)
    folder: str = "run"


REFUSED = (
    Refused("another seed", "was measured with seed = 3, this asks for 4", {"seed": 4}),
    Refused("another goal", "was measured with goal_error = [0.08], this asks for [0.3]", {"goal_error": (0.3,)}),
    Refused("fewer trials", "holds studies of 3 trials, this asks for 2", {"trials": 2}),
    Refused("a file", "is a file; name a folder with --out", folder="run/curves.csv"),
    Refused("no run", "is not empty and holds no run", folder="other"),
    Refused("damaged", "damaged", folder="damaged"),
    Refused("in use", "is being written by another run", folder="held"),
)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
@pytest.mark.parametrize("words", [(), ("--plan",)], ids=["measure", "plan"])
def test_a_plan_refuses_what_the_run_refuses(case, words, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(plan.Times, "step", lambda *_: pytest.fail("it was planned"))
    write_asked(tmp_path / "run", ASKED)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("")
    for name in ("damaged", "held"):
        shutil.copytree(tmp_path / "run", tmp_path / name)
    store = tmp_path / "damaged" / "study.sqlite"
    store.write_bytes(store.read_bytes()[:5000] + b"\xff" * (len(store.read_bytes()) - 5000))
    asked = dataclasses.replace(ASKED, **case.changes)
    options = [f"--{name}={getattr(asked, name)}" for name in ("trials", "max_steps", "seed")]
    many = {"sparsity": asked.sparsity, "batch-sizes": asked.batch_sizes, "goal-error": asked.goal_error or ()}
    options = [option.replace("_", "-") for option in options]
    options += [word for name, values in many.items() if values for word in (f"--{name}", *map(str, values))]
    with held_folder(tmp_path / "held"):
        assert measure([*options, "--jobs", "1", "--out", str(tmp_path / case.folder), *words]) == 2
    error = capsys.readouterr().err
    assert case.message in error
    assert error.count("\n") == 1
