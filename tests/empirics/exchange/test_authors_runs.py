"""The run folders of the paper's authors."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples.foreign_studies import RESULTS, records_of, run, write_authors_study
from tools.commands import rows

from empirics.reading import outside as foreign
from verification import read_records


def test_the_authors_studies_by_hand(tmp_path, capsys):
    write_authors_study(tmp_path / "theirs/a")
    write_authors_study(tmp_path / "theirs/deep/b", {0: RESULTS[1], 1: RESULTS[2]}, sparsity=0, batch_size=2)
    assert run("import", tmp_path / "theirs", "--to", tmp_path / "run") == 0
    assert capsys.readouterr().err == ""
    dense, sparse = records_of(tmp_path / "run")
    assert (sparse.study.sparsity, sparse.study.batch_size, sparse.goal, sparse.max_steps) == (90.0, 64, 0.02, 40_000)
    assert [(t.trial, t.ending, t.step, t.short) for t in sparse.trials] == [
        (0, "complete", 96, None),
        (1, "incomplete", 40_000, None),
        (2, "infeasible", 40_000, 0),
        (10, "complete", 48, None),
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
    (row,) = rows(here / "run" / "curves.csv")
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
