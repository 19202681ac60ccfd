"""Flat tables of trials, and the run folders of the paper's authors."""

import csv
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from empirics import foreign
from empirics.exchange import main
from empirics.store import read_store
from verification import read_records


def run(*words):
    """Run the command in this process; return its exit code."""
    try:
        return main([str(word) for word in words])
    except SystemExit as leaving:
        return leaving.code


def records_of(folder, goal=None):
    with read_store(folder) as store:
        return list(store.studies(goal).values())


def curves(folder):
    with (folder / "curves.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def imported(tmp_path, table, *words):
    (tmp_path / "steps.csv").write_text(table)
    assert run("import", tmp_path / "steps.csv", *words, "--to", tmp_path / "run") == 0
    return tmp_path / "run"


def test_a_table_without_trials_is_one_trial_a_study(tmp_path):
    table = "batch_size,steps,learning_rate\n16,100,0.5\n\n32,60,0.25\n64,,1\n"
    folder = imported(tmp_path, table, "--goal-error", 0.1, "--max-steps", 900)
    found = [(r.study.batch_size, r.steps_to_result, r.lower, len(r.trials)) for r in records_of(folder)]
    assert found == [(16, 100, 99, 1), (32, 60, 59, 1), (64, None, 900, 1)]
    assert curves(folder)[0]["metaparameters"] == '{"learning_rate": 0.5}'
    assert {row["workload"] for row in curves(folder)} == {"steps"}
    assert len(read_records(folder).curves[0].points) == 3


def test_a_table_by_hand(tmp_path):
    table = """\
workload,goal,sparsity,replicate,trial,batch_size,steps_to_result,lower,upper,status,stop,max_steps,eval_interval,rate
a/b/c,0.1,90,0,4,16,48,32,48,complete,factor 2,400,16,0.1
a/b/c,0.1,90,0,0,16,96,80,96,complete,factor 2,400,16,0.2
a/b/c,0.1,90,0,1,16,,80,,censored,factor 2,400,16,0.3
a/b/c,0.1,90,0,2,16,,7,7,infeasible,factor 2,400,16,
a/b/c,0.1,90,0,3,16,,0,400,infeasible,factor 2,400,16,0.5
a/b/c,0.1,90,1,0,16,,400,,incomplete,factor 2,400,16,0.6
"""
    folder = imported(tmp_path, table)
    first, second = records_of(folder)
    assert [(t.event, t.step, t.short) for t in first.trials] == [
        ("reached", 96, 80),
        ("running", 80, 80),
        ("infeasible", 7, None),
        ("infeasible", 400, 0),
        ("reached", 48, 32),
    ]
    assert (first.winner.trial, first.stopping_step) == (4, 96)
    assert [first.count(s) for s in ("complete", "incomplete", "infeasible", "censored")] == [2, 0, 1, 2]
    assert (second.winner, second.lower, second.count("incomplete")) == (None, 400, 1)


def test_the_curves_of_a_run_are_a_table_of_winners(tmp_path, capsys):
    table = "batch_size,steps\n16,100\n32,60\n"
    folder = imported(tmp_path, table, "--goal-error", 0.1)
    assert run("import", folder / "curves.csv", "--to", tmp_path / "winners") == 0
    assert "columns not read: trials, complete, incomplete" in capsys.readouterr().err
    assert read_records(tmp_path / "winners").curves == read_records(folder).curves


def test_an_exact_count_stays_exact_for_a_whole_number_of_steps(tmp_path):
    folder = imported(tmp_path, "batch_size,steps,lower,upper\n16,100,100,100\n", "--goal-error", 0.1)
    assert (records_of(folder)[0].lower, records_of(folder)[0].steps_to_result) == (99, 100)


def test_several_goals_of_a_table_make_one_run(tmp_path):
    table = "workload,goal,batch_size,steps\na,0.2,16,10\nb,0.2,16,12\na,0.1,16,40\na,0.1,32,30\n"
    (tmp_path / "steps.csv").write_text(table)
    assert run("import", tmp_path / "steps.csv", "--to", tmp_path / "runs") == 0
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["a", "b"]
    found = [(row["goal"], row["batch_size"], row["steps_to_result"]) for row in curves(tmp_path / "runs/a")]
    assert found == [("0.2", "16", "10"), ("0.1", "16", "40"), ("0.1", "32", "30")]
    assert run("export", tmp_path / "runs/a", "--to", tmp_path / "tree") == 0
    assert json.loads((tmp_path / "tree/a/unnamed/unnamed/32/study.json").read_text())["goal_error"] == [0.1]


HEAD = "batch_size,steps,status,trial,lower,upper,max_steps,stop,rate,goal\n"
BROKEN_TABLES = {
    "": "column batch_size is missing",
    "batch_size\n1\n": "column steps_to_result is missing",
    "batch_size,steps\n": "holds no row below its header",
    "batch_size,steps,steps\n1,2,3\n": "must have different, printable names",
    "batch_size,steps,steps_to_result\n1,2,3\n": "must have different, printable names",
    "batch_size,steps\n1,2,3\n": "row 2: 3 values for 2 columns",
    "batch_size,steps\n1,\n": "row 2: lower = missing: must be a whole number",
    'batch_size,steps\n"1,2\n': "is no CSV",
    HEAD + "x,2,,,,,,,,\n": 'row 2: batch_size = "x": must be a whole number in 1',
    HEAD + "1,2.5,,,,,,,,\n": "row 2: steps_to_result = 2.5: must be a whole number",
    HEAD + "1,0,,,,,,,,\n": "row 2: steps_to_result = 0: must be a whole number in 1",
    HEAD + "1,99999999999999999999,,,,,,,,\n": "steps_to_result = 99999999999999999999: must be",
    HEAD + "1,2,,,,,,,x,\n": 'row 2: rate = "x": must be a number',
    HEAD + "1,2,,,,,,,nan,\n": 'row 2: rate = "nan": must be a number',
    HEAD + "1,2,done,,,,,,,\n": 'row 2: status = "done": must be one of complete',
    HEAD + "1,2,incomplete,,,,,,,\n": 'status = "incomplete": must be complete or reached where steps_to_result',
    HEAD + "1,,complete,,,,,,,\n": 'status = "complete": must be complete or reached where steps_to_result',
    HEAD + "1,2,,,3,,,,,\n": "row 2: lower = 3: must be a whole number in 0..2",
    HEAD + "1,2,,,1,4,,,,\n": "row 2: upper = 4: must be a whole number in 2..2",
    HEAD + "1,2,,,,,,soon,,\n": 'row 2: stop = "soon": must be one of race',
    HEAD + "1,2,,0,,,,,,\n1,3,,0,,,,,,\n": "row 3 repeats steps.csv, row 2: number the trials",
    HEAD + "1,2,,0,,,9,,,\n1,3,,1,,,8,,,\n": "row 3: max_steps = 8: must be that of steps.csv, row 2",
    HEAD + "1,2,,0,,,,race,,\n1,3,,1,,,,never,,\n": 'row 3: stop = "never": must be that of steps.csv, row 2',
    HEAD + "1,2,,,,,,,,0.1\n": "row 2: tells the goal itself; leave --goal-error out",
}


@pytest.mark.parametrize("table", BROKEN_TABLES)
def test_a_table_that_cannot_be_used_ends_in_one_line(table, tmp_path, capsys):
    (tmp_path / "steps.csv").write_text(table)
    assert run("import", tmp_path / "steps.csv", "--goal-error", 0.1, "--to", tmp_path / "run") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert BROKEN_TABLES[table] in line
    assert [path.name for path in tmp_path.iterdir()] == ["steps.csv"]


def test_a_table_of_no_goal_asks_for_one(tmp_path, capsys):
    (tmp_path / "steps.csv").write_text("batch_size,steps\n1,2\n")
    assert run("import", tmp_path / "steps.csv", "--to", tmp_path / "run") == 2
    assert "steps has no goal of its own; pass --goal-error" in capsys.readouterr().err
    assert run("import", tmp_path / "steps.csv", "--goal-error", 0.1, 0.2, "--to", tmp_path / "run") == 2
    assert "has no column goal, so it is of one goal" in capsys.readouterr().err


def test_a_table_larger_than_the_bound_is_refused(tmp_path, capsys, monkeypatch):
    (tmp_path / "steps.csv").write_text("batch_size,steps\n1,2\n")
    monkeypatch.setattr("empirics.trial_table_import.MOST_TABLE_BYTES", 10)
    assert run("import", tmp_path / "steps.csv", "--goal-error", 0.1, "--to", tmp_path / "run") == 2
    assert "steps.csv is larger than 10 bytes" in capsys.readouterr().err


RESULTS = {
    0: ("complete", 96, {"learning_rate": 0.01, "momentum": 0.99}),
    1: ("incomplete", -1, {"learning_rate": 0.1, "momentum": 0.97}),
    2: ("infeasible", -2, {"learning_rate": 1.0, "momentum": 0.95}),
    10: ("complete", 48, {"learning_rate": 0.02, "momentum": 0.92}),
}


def write_authors_study(folder, results=RESULTS, **facts):
    """Write a study folder of the shape that the authors' program leaves in its working folder."""
    whole = {
        "sparsity": 0.9,
        "batch_size": 64,
        "goal_error": 0.02,
        "nruns": len(results),
        "check_interval": 16,
        "mparams_kind": ["learning_rate", "momentum"],
        "dataset": "mnist",
        "model": "simple-cnn",
        "optimizer": "momentum",
        "parameter_configs": {},
    }
    folder.mkdir(parents=True)
    (folder / "study.json").write_text(json.dumps({k: v for k, v in (whole | facts).items() if v is not ...}))
    (folder / "metaparameters.json").write_text("{}")
    for index, (status, steps, parameters) in results.items():
        place = folder / f"run-{index}" / "batch-science"
        place.mkdir(parents=True)
        (folder / f"run-{index}/log").mkdir()
        metadata = {"parameters": parameters, "steps-to-result": steps, "status": status}
        (place / "metadata.json").write_text(json.dumps(metadata))
    return folder


def test_the_authors_studies_by_hand(tmp_path, capsys):
    write_authors_study(tmp_path / "theirs/a")
    write_authors_study(tmp_path / "theirs/deep/b", {0: RESULTS[1], 1: RESULTS[2]}, sparsity=0, batch_size=2)
    assert run("import", tmp_path / "theirs", "--to", tmp_path / "run") == 0
    assert capsys.readouterr().err == ""
    dense, sparse = records_of(tmp_path / "run")
    assert (sparse.study.sparsity, sparse.study.batch_size, sparse.goal, sparse.max_steps) == (90.0, 64, 0.02, 40_000)
    assert [(t.trial, t.event, t.step, t.short) for t in sparse.trials] == [
        (0, "reached", 96, None),
        (1, "running", 40_000, None),
        (2, "infeasible", 40_000, 0),
        (10, "reached", 48, None),
    ]
    assert (sparse.winner.trial, sparse.lower, sparse.steps_to_result) == (10, 32, 48)
    assert [sparse.count(s) for s in ("complete", "incomplete", "infeasible", "censored")] == [2, 1, 1, 0]
    assert (dense.winner, dense.lower) == (None, 40_000)
    assert [curve.workload for curve in read_records(tmp_path / "run").curves] == ["mnist/simple-cnn/momentum"] * 2


def test_the_authors_studies_come_back_from_a_tree_and_a_table(tmp_path):
    write_authors_study(tmp_path / "theirs")
    assert run("import", tmp_path / "theirs", "--to", tmp_path / "run") == 0
    for target in ("tree", "trials.csv"):
        assert run("export", tmp_path / "run", "--to", tmp_path / target) == 0
        assert run("import", tmp_path / target, "--to", tmp_path / f"{target}-back") == 0
        assert (tmp_path / f"{target}-back/curves.csv").read_text() == (tmp_path / "run/curves.csv").read_text()
    assert (tmp_path / "tree/mnist/simple_cnn_s90/momentum/64/10/metadata.json").exists()


results = st.one_of(
    st.tuples(st.just("complete"), st.integers(1, 2500).map(lambda tests: 16 * tests)),
    st.sampled_from([("incomplete", -1), ("infeasible", -2)]),
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.integers(0, 120), results, min_size=1, max_size=6))
def test_what_the_authors_recorded_is_what_is_imported(tmp_path_factory, endings):
    here = tmp_path_factory.mktemp("theirs")
    write_authors_study(here / "theirs", {run: (*ending, {"learning_rate": 0.1}) for run, ending in endings.items()})
    assert run("import", here / "theirs", "--to", here / "run") == 0
    (row,) = curves(here / "run")
    reached = {index: steps for index, (status, steps) in endings.items() if status == "complete"}
    fewest = min(reached.values(), default=None)
    assert row["steps_to_result"] == ("" if fewest is None else str(fewest))
    assert row["winner"] == ("" if fewest is None else str(min(r for r, s in reached.items() if s == fewest)))
    assert row["lower"] == ("40000" if fewest is None else str(fewest - 16))
    for status in ("complete", "incomplete", "infeasible"):
        assert row[status] == str(sum(of == status for of, _ in endings.values()))


def test_decay_makes_another_workload_and_each_goal_a_run_of_its_own(tmp_path):
    kinds = ["learning_rate", "momentum", "decay_steps", "end_learning_rate_factor"]
    more = {"dataset": "cifar-10", "model": "resnet-8"}
    write_authors_study(tmp_path / "theirs/a", mparams_kind=kinds, goal_error=0.4, **more)
    write_authors_study(tmp_path / "theirs/b", goal_error=0.4, **more)
    write_authors_study(tmp_path / "theirs/c", goal_error=0.5, **more)
    assert run("import", tmp_path / "theirs", "--to", tmp_path / "runs") == 0
    names = ["cifar-10-resnet-8-momentum", "cifar-10-resnet-8-momentum-0.5", "cifar-10-resnet-8-momentum-linear"]
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == names
    assert records_of(tmp_path / "runs" / names[2])[0].max_steps == 100_000


def test_unfinished_runs_are_counted(tmp_path, capsys):
    folder = write_authors_study(tmp_path / "theirs", nruns=100)
    (folder / "run-1/batch-science/metadata.json").unlink()
    shutil.rmtree(folder / "run-2/batch-science")
    assert run("import", tmp_path / "theirs", "--to", tmp_path / "run") == 0
    assert f"notice: {folder}: 98 runs are not finished and were left out" in capsys.readouterr().err
    assert [trial.trial for trial in records_of(tmp_path / "run")[0].trials] == [0, 10]


def test_a_budget_that_the_goal_tests_do_not_divide(tmp_path):
    write_authors_study(tmp_path / "theirs", {0: RESULTS[1]})
    assert run("import", tmp_path / "theirs", "--max-steps", 1000, "--to", tmp_path / "run") == 0
    assert (records_of(tmp_path / "run")[0].lower, records_of(tmp_path / "run")[0].max_steps) == (992, 1000)
    assert records_of(tmp_path / "run")[0].count("incomplete") == 1


@dataclass(frozen=True)
class Broken:
    name: str
    spoil: Callable[[Path], object]
    message: str


def changed(place, **changes):
    def spoil(folder):
        value = json.loads((folder / place).read_text()) | changes
        (folder / place).write_text(json.dumps({k: v for k, v in value.items() if v is not None}))

    return spoil


def moved_behind_a_link(folder):
    (folder / "run-0/batch-science").rename(folder / "elsewhere")
    (folder / "run-0/batch-science").symlink_to(folder / "elsewhere")


STUDY, RUN = "study.json", "run-0/batch-science/metadata.json"
BROKEN = [
    Broken("percent", changed(STUDY, sparsity=90), r"sparsity = 90: must be a share in \[0, 1\)"),
    Broken("no sparsity", changed(STUDY, sparsity=None), r"sparsity = missing: must be a number"),
    Broken("no goal", changed(STUDY, goal_error=None), r"goal_error = missing: must be a number"),
    Broken("batch size", changed(STUDY, batch_size="64"), r'batch_size = "64": must be a whole number'),
    Broken("kinds", changed(STUDY, mparams_kind="momentum"), r'mparams_kind = "momentum": must be a list'),
    Broken("other data", changed(STUDY, dataset="svhn"), r"the budget of svhn/.* is not recorded; pass --max-steps"),
    Broken("no runs", lambda f: [shutil.rmtree(p) for p in f.glob("run-*")], r"no run-<i>/batch-science"),
    Broken("status", changed(RUN, status="won"), r'status = "won": must be one of complete, incomplete, infeasible'),
    Broken("no status", changed(RUN, status=None), r"status = missing: must be a printable text"),
    Broken("a sentinel", changed(RUN, **{"steps-to-result": -1}), r"steps-to-result = -1: must be a whole number"),
    Broken("beyond", changed(RUN, **{"steps-to-result": 40_016}), r"at step 40016, beyond a budget of 40000"),
    Broken("contradiction", changed(RUN, status="incomplete"), r"steps-to-result = 96: must be -1 where the status"),
    Broken("huge", changed(RUN, **{"steps-to-result": 10**40}), r"steps-to-result = 1000.*: must be a whole number"),
    Broken("parameter", changed(RUN, parameters={"learning_rate": [1]}), r"learning_rate = \[1\]: must be a number"),
    Broken("a link", moved_behind_a_link, r"batch-science is a link, and links are not followed"),
]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
def test_what_cannot_be_read_ends_in_one_line(broken, tmp_path, capsys):
    broken.spoil(write_authors_study(tmp_path / "theirs"))
    assert run("import", tmp_path / "theirs", "--format", "authors", "--to", tmp_path / "run") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(broken.message, line), line
    assert [path.name for path in tmp_path.iterdir()] == ["theirs"]


def test_another_goal_cannot_be_had_from_recorded_steps(tmp_path, capsys):
    write_authors_study(tmp_path / "theirs")
    assert run("import", tmp_path / "theirs", "--goal-error", 0.1, "--to", tmp_path / "run") == 2
    assert "records the steps to goal error 0.02 alone; leave --goal-error out" in capsys.readouterr().err
    assert run("import", tmp_path / "theirs", "--goal-error", 0.02, "--to", tmp_path / "run") == 0


def test_the_walk_ends_somewhere(tmp_path, monkeypatch):
    deep = tmp_path / "theirs" / Path(*"123456789")
    write_authors_study(deep)
    assert run("import", tmp_path / "theirs", "--to", tmp_path / "run") == 2
    monkeypatch.setattr(foreign, "_DEEPEST", 9)
    assert run("import", tmp_path / "theirs", "--to", tmp_path / "run") == 0
