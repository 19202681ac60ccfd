"""Flat tables of trials."""

import json

import pytest
from samples.foreign_studies import records_of, run
from tools.commands import rows

from empirics.records import Study, StudyOutcome, StudyRecord, TrialRecord
from empirics.store.store import open_store
from verification import read_records


def imported(tmp_path, table, *words):
    (tmp_path / "steps.csv").write_text(table)
    assert run("import", tmp_path / "steps.csv", *words, "--to", tmp_path / "run") == 0
    return tmp_path / "run"


def test_a_table_without_trials_is_one_trial_a_study(tmp_path):
    table = "batch_size,steps,learning_rate\n16,100,0.5\n\n32,60,0.25\n64,,1\n"
    folder = imported(tmp_path, table, "--goal-error", 0.1, "--max-steps", 900)
    found = [(r.study.batch_size, r.steps_to_result, r.lower, len(r.trials)) for r in records_of(folder)]
    assert found == [(16, 100, 99, 1), (32, 60, 59, 1), (64, None, 900, 1)]
    assert rows(folder / "curves.csv")[0]["metaparameters"] == '{"learning_rate": 0.5}'
    assert {row["workload"] for row in rows(folder / "curves.csv")} == {"steps"}
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
    assert [(t.ending, t.step, t.short) for t in first.trials] == [
        ("complete", 96, 80),
        ("incomplete", 80, 80),
        ("infeasible", 7, None),
        ("infeasible", 400, 0),
        ("complete", 48, 32),
    ]
    assert (first.winner.trial, first.stopping_step) == (4, 96)
    assert [first.count(s) for s in ("complete", "incomplete", "infeasible", "censored")] == [2, 0, 1, 2]
    assert (second.winner, second.lower, second.count("incomplete")) == (None, 400, 1)


def test_metaparameters_with_names_that_others_give_columns_come_back(tmp_path):
    point = {"steps": 7.0, "goal_error": 0.5, "bs": 3.0, "model": 2.0}
    trial = TrialRecord(0, point, "complete", 2, 1)
    with open_store(tmp_path / "run", {"workload": "a/b/c", "goal_error": [0.1], "stop": "race"}) as store:
        store.add_study(StudyOutcome((StudyRecord(Study(0.0, 0, 16), 0.1, (trial,), 10, 1, None, 0.0),)))
    assert run("export", tmp_path / "run", "--to", tmp_path / "trials.csv") == 0
    assert run("import", tmp_path / "trials.csv", "--to", tmp_path / "back") == 0
    (record,) = records_of(tmp_path / "back")
    assert (record.goal, record.steps_to_result, record.trials[0].metaparameters) == (0.1, 2, point)
    (curve,) = read_records(tmp_path / "trials.csv").curves
    assert [(p.batch_size, p.lower, p.upper) for p in curve.points] == [(16, 1.0, 2.0)]


@pytest.mark.parametrize("row", [",0.1,16,0,8", "steps,0.1,16,,8"], ids=["no trial is trial 0", "the file's own name"])
def test_rows_of_one_trial_said_in_two_ways_are_refused(row, tmp_path, capsys):
    (tmp_path / "steps.csv").write_text(f"workload,goal,batch_size,trial,steps\n,0.1,16,,9\n{row}\n")
    assert run("import", tmp_path / "steps.csv", "--to", tmp_path / "run") == 2
    assert "row 3 repeats steps.csv, row 2: number the trials or the replicates" in capsys.readouterr().err


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
    found = [
        (row["goal"], row["batch_size"], row["steps_to_result"]) for row in rows(tmp_path / "runs/a" / "curves.csv")
    ]
    assert found == [("0.2", "16", "10"), ("0.1", "16", "40"), ("0.1", "32", "30")]
    assert run("export", tmp_path / "runs/a", "--to", tmp_path / "tree") == 0
    assert json.loads((tmp_path / "tree/a/unnamed/unnamed/32/study.json").read_text())["goal_error"] == [0.1]


HEAD = "batch_size,steps,status,trial,lower,upper,max_steps,stop,rate,goal\n"
BROKEN_TABLES = {
    "": "the file is empty",
    "batch_size\n1\n": "column steps_to_result (or steps) is missing among: batch_size",
    "batch_size,steps\n": "the file has a header and no rows",
    "batch_size,steps,steps\n1,2,3\n": "row 1: column steps_to_result is there twice",
    "batch_size,steps,steps_to_result\n1,2,3\n": "columns steps and steps_to_result could both be steps_to_result",
    "batch_size,steps\n1,2,3\n": "row 2: 3 fields for 2 columns",
    "batch_size,steps\n1,\n": "row 2: lower = missing: must be the steps trained; or give max_steps or --max-steps",
    'batch_size,steps\n"1,2\n': "not a readable CSV file",
    "batch_size,steps,sparsity\n1,2,0.9\n": "row 2, column sparsity: 0.9 is 0.9%: write 90",
    HEAD + "x,2,,,,,,,,\n": 'row 2: batch_size = "x": must be a whole number in 1',
    HEAD + "1,2.5,,,,,,,,\n": "row 2: steps_to_result = 2.5: must be a whole number",
    HEAD + "1,0,,,,,,,,\n": "row 2: steps_to_result = 0: must be a whole number in 1",
    HEAD + "1,99999999999999999999,,,,,,,,\n": "steps_to_result = 99999999999999999999: must be",
    HEAD + "1,2,,,,,,,x,\n2,3,,,,,,,1,\n": 'row 2: rate = "x": must be a number',
    HEAD + "1,2,,,,,,,nan,\n": 'row 2: rate = "nan": must be a number',
    HEAD + "1,2,done,,,,,,,\n": 'row 2: status = "done": must be one of complete',
    HEAD + "1,2,incomplete,,,,,,,\n": 'status = "incomplete": must be complete or reached where steps_to_result',
    HEAD + "1,,complete,,,,,,,\n": 'status = "complete": must be complete or reached where steps_to_result',
    HEAD + "1,2,,,3,,,,,\n": "row 2: lower = 3: must be a whole number in 0..2",
    HEAD + "1,2,,,1,4,,,,\n": "row 2: upper = 4: must be a whole number in 2..2",
    HEAD + "1,9,,,,,8,,,\n": "row 2: steps_to_result = 9: must be a whole number in 1..8",
    HEAD + "1,2,,,,,,soon,,\n": 'row 2: stop = "soon": must be one of race',
    HEAD + "1,2,,0,,,,,,\n1,3,,0,,,,,,\n": "row 3, column trial: repeats row 2 with another result: number the trials",
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
    monkeypatch.setattr("empirics.reading.text.MOST_BYTES", 10)
    assert run("import", tmp_path / "steps.csv", "--goal-error", 0.1, "--to", tmp_path / "run") == 2
    assert "steps.csv: it is larger than 10 bytes" in capsys.readouterr().err
