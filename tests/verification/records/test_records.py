"""Reading run folders and foreign CSV files, and refusing bad ones in one line."""

import contextlib
import sqlite3
from dataclasses import dataclass, replace

import pytest
from samples.stored_studies import opened
from samples.verification_runs import DIGITS, write_run

from verification.records.constants_file import read_constants
from verification.records.curve_tables import read_curves
from verification.records.curves import Curve, CurvePoint
from verification.records.records import read_records
from verification.records.trials import Trial, study_interval, winner


def csv(tmp_path, text, name="curves.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def only_curve(tmp_path, text):
    (curve,), _ = read_curves(csv(tmp_path, text))
    return curve


def test_a_run_folder_gives_one_curve_per_sparsity(tmp_path):
    records = read_records(write_run(tmp_path / "run", budget=500))
    assert [curve.sparsity for curve in records.curves] == [0.0, 50.0, 70.0, 90.0]
    assert {curve.group for curve in records.curves} == {(DIGITS, "0.08")}
    assert records.curves[3].points[0] == CurvePoint(batch_size=1, replicate=0, lower=500.0, upper=None)
    assert records.curves[3].reached_batch_sizes[0] > 1
    assert len(records.constants) == 20
    assert records.notes == ()


def test_replicates_are_repeated_points(tmp_path):
    records = read_records(write_run(tmp_path / "run", replicates=3))
    assert [p.replicate for p in records.curves[0].points[:4]] == [0, 1, 2, 0]
    assert len(records.curves[0].points) == 27


def test_constants_may_be_absent(tmp_path):
    assert read_records(write_run(tmp_path / "run", constants=False)).constants == ()


def test_the_smallest_foreign_file_holds_exact_counts(tmp_path):
    curve = only_curve(tmp_path, "batch_size,steps\n64,20\n32,40\n")
    points = (CurvePoint(32, 0, 40.0, 40.0), CurvePoint(64, 0, 20.0, 20.0))
    assert curve == Curve(points=points)


def test_names_used_elsewhere_blanks_and_a_byte_order_mark_are_understood(tmp_path):
    curve = only_curve(tmp_path, "\ufeff batch_size , steps,goal_error\n\n 32 ,40 , 0.1\n")
    assert curve == Curve(workload="", goal="0.1", sparsity=0.0, points=(CurvePoint(32, 0, 40.0, 40.0),))


def test_the_upper_end_is_the_count_where_only_the_lower_is_given(tmp_path):
    curve = only_curve(tmp_path, "batch_size,steps_to_result,lower\n32,40,38\n")
    assert curve.points == (CurvePoint(32, 0, 38.0, 40.0),)


def test_a_column_of_evaluation_intervals_says_where_the_goal_was_missed_last(tmp_path):
    text = "batch_size,steps,eval_interval\n16,5300,100\n64,1500,100\n256,50,100\n1024,80,\n"
    curve = only_curve(tmp_path, text)
    assert [(one.lower, one.upper) for one in curve.points] == [(5200, 5300), (1400, 1500), (0, 50), (80, 80)]
    assert not read_curves(csv(tmp_path, text))[1]


def test_trials_may_state_their_evaluation_interval(tmp_path):
    text = "batch_size,trial,steps,eval_interval,learning_rate\n16,0,5300,100,0.1\n16,1,5400,100,0.2\n"
    (point,) = only_curve(tmp_path, text).points
    assert (point.lower, point.upper) == (5200, 5300)


def test_blank_steps_with_a_budget_mean_not_reached(tmp_path):
    curve = only_curve(tmp_path, "batch_size,steps,lower\n32,,1000\n")
    assert curve.points == (CurvePoint(32, 0, 1000.0, None),)


def test_a_row_given_twice_counts_once(tmp_path):
    assert len(only_curve(tmp_path, "batch_size,steps\n32,40\n32,40\n").points) == 1


def test_rows_in_any_order_give_the_same_curves(tmp_path):
    lines = ["1,0,40", "2,0,20", "1,90,80", "2,90,40"]
    header = "batch_size,sparsity,steps\n"
    forward, _ = read_curves(csv(tmp_path, header + "\n".join(lines)))
    backward, _ = read_curves(csv(tmp_path, header + "\n".join(reversed(lines))))
    assert forward == backward


def test_columns_that_mean_nothing_here_are_named(tmp_path):
    _, notes = read_curves(csv(tmp_path, "batch_size,steps,gpu\n32,40,a\n"))
    assert notes == ("curves.csv: columns not read: gpu",)


TRIALS = """batch_size,steps,lower,trial,status,replicate,learning_rate
8,40,38,0,complete,0,0.1
8,36,34,1,complete,0,0.2
8,36,34,2,complete,0,0.3
8,,100,3,incomplete,0,0.001
8,,12,4,infeasible,0,0.9
16,,100,0,incomplete,0,0.1
16,,90,1,incomplete,0,0.2
16,,5,4,infeasible,0,0.9
"""


def test_one_row_per_trial_gives_the_least_of_each_study_and_keeps_the_trials(tmp_path):
    curve = only_curve(tmp_path, TRIALS)
    assert curve.points == (CurvePoint(8, 0, 34.0, 36.0), CurvePoint(16, 0, 90.0, None))
    assert curve.points[0].metaparameters == {"learning_rate": 0.2}  # ties: the lowest index wins
    assert len(curve.trials) == 8
    assert curve.trials[4] == Trial(
        batch_size=8,
        replicate=0,
        trial=4,
        status="infeasible",
        lower=12.0,
        upper=None,
        metaparameters={"learning_rate": 0.9},
    )
    assert curve.stop == ""


def test_columns_of_known_metaparameters_are_of_the_search_point(tmp_path):
    """Momentum decides the effective rate, and a decay the sum of the rates; a blank one is not there."""
    header = "batch_size,steps,lr,Momentum,wd,decay_steps,end_learning_rate_factor\n"
    text = header + "8,90,0.1,0.9,1e-4,50,0.1\n16,50,0.2,,none,,\n"
    curve = only_curve(tmp_path, text)
    decay = {"decay_steps": 50.0, "end_learning_rate_factor": 0.1}
    point = {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 1e-4, **decay}
    assert [one.metaparameters for one in curve.points] == [point, {"learning_rate": 0.2}]
    assert not [note for note in read_curves(csv(tmp_path, text))[1] if "not read" in note]


def test_a_column_adds_to_the_metaparameters_of_one_object(tmp_path):
    curve = only_curve(tmp_path, 'batch_size,steps,momentum,metaparameters\n8,90,0.5,"{""learning_rate"": 0.1}"\n')
    assert curve.points[0].metaparameters == {"momentum": 0.5, "learning_rate": 0.1}


def test_a_momentum_in_words_is_not_read(tmp_path):
    path = csv(tmp_path, "batch_size,steps,momentum\n8,90,heavy ball\n16,50,heavy ball\n")
    assert read_curves(path)[1] == ("curves.csv: columns not read: momentum",)


@pytest.mark.parametrize(("cell", "reason"), [("1.5", "need a number <= 1"), ("-0.1", "need a finite number >= 0")])
def test_a_momentum_that_is_none_is_refused(tmp_path, cell, reason):
    path = csv(tmp_path, f"batch_size,steps,momentum\n8,90,{cell}\n")
    with pytest.raises(ValueError, match=f"row 2, column momentum: {reason}"):
        read_curves(path)


def test_searches_that_agree_in_everything_are_one(tmp_path):
    rows = [(size, seed, rate, steps) for size, steps in ((8, 90), (16, 50)) for seed in (0, 1) for rate in (0.1, 0.2)]
    header = "batch_size,replicate,trial,learning_rate,steps\n"
    copies = [f"{size},{seed},{rate * 10:g},{rate},{steps / rate:g}\n" for size, seed, rate, steps in rows]
    curve = only_curve(tmp_path, header + "".join(copies))
    assert curve.agreed
    assert [(point.batch_size, point.replicate, point.upper) for point in curve.points] == [(8, 0, 450), (16, 0, 250)]
    assert set(curve.studies) == {(8, 0), (16, 0)}
    other = only_curve(tmp_path, header + "".join(copies[:-1]) + "16,1,2,0.2,251\n")
    assert not other.agreed
    assert len(other.points) == len(other.studies) == 4


def test_trials_that_were_cut_short_tell_of_a_race(tmp_path):
    curve = only_curve(tmp_path, TRIALS + "8,,36,5,censored,0,0.4\n")
    assert curve.stop == "race"
    assert curve.points[0] == CurvePoint(8, 0, 34.0, 36.0)


def test_the_trials_of_a_store_give_the_points_of_its_table(stored_run):
    records = read_records(stored_run)
    assert records.notes == ()
    for curve in records.curves:
        studies = {}
        for trial in curve.trials:
            studies.setdefault((trial.batch_size, trial.replicate), []).append(trial)
        assert {key: study_interval(trials) for key, trials in studies.items()} == {
            (point.batch_size, point.replicate): (point.lower, point.upper) for point in curve.points
        }
        assert all(winner(studies[p.batch_size, p.replicate]).metaparameters == p.metaparameters for p in curve.points)
    assert {(run.sparsity, run.replicate) for run in records.smoothness} == {(0.0, 0), (90.0, 0)}


def test_a_store_of_another_version_is_a_note(stored_run):
    with contextlib.closing(sqlite3.connect(stored_run / "study.sqlite")) as connection, connection:
        connection.execute("UPDATE run SET schema_version = 0")
    records = read_records(stored_run)
    assert records.curves[0].trials == ()
    (note,) = records.notes
    assert "was written by another version" in note
    assert note.endswith("; read from curves.csv, without trials")
    (stored_run / "curves.csv").unlink()
    with pytest.raises(ValueError, match="was written by another version"):
        read_records(stored_run)


def test_a_run_folder_is_read_from_its_store_alone(stored_run):
    """Its tables are prints: without them it reads the same, and one that somebody changed is a note."""
    whole = read_records(stored_run)
    table = (stored_run / "curves.csv").read_text()
    (stored_run / "curves.csv").write_text(table.replace("digits/", "mine/"))
    (stored_run / "constants.csv").write_text("damaged")
    changed = read_records(stored_run)
    assert changed.notes == ("curves.csv is not what study.sqlite holds, which was read; to read a table, name it",)
    assert replace(changed, notes=()) == whole
    for name in ("curves.csv", "constants.csv", "provenance.json"):
        (stored_run / name).unlink()
    assert read_records(stored_run) == whole


def test_the_tables_of_a_run_folder_say_what_its_store_says(stored_run):
    """The same curves and constants, but for the trials, which only the store has."""
    whole = read_records(stored_run)
    (stored_run / "study.sqlite").unlink()
    printed = read_records(stored_run)
    assert printed.curves == tuple(replace(curve, trials=()) for curve in whole.curves)
    assert printed.constants == whole.constants


def test_a_run_that_holds_nothing_yet_says_so(tmp_path):
    with opened(tmp_path / "run"):
        pass
    for _ in ("no table", "a table without rows"):
        with pytest.raises(ValueError, match="holds no finished study yet; measure on into it"):
            read_records(tmp_path / "run")
        (tmp_path / "run" / "curves.csv").write_text(H)


@dataclass(frozen=True)
class Bad:
    name: str
    text: str
    message: str


H = "batch_size,steps_to_result,lower,upper,status,sparsity,replicate\n"
T = "batch_size,steps,trial,status,lower\n"
BAD = [
    Bad("empty", "", "curves.csv: the file is empty"),
    Bad("blank lines", "\n \n", "the file is empty"),
    Bad("header only", H, "a header and no rows"),
    Bad(
        "no batch size", "steps\n4\n", r"row 1: column batch_size \(or bs, global_batch_size\) is missing among: steps"
    ),
    Bad("no steps", "batch_size\n4\n", r"row 1: column steps_to_result \(or steps\) is missing"),
    Bad(
        "both names",
        "batch_size,steps,steps_to_result\n1,2,2\n",
        "columns steps and steps_to_result could both be steps_to_result",
    ),
    Bad("short row", H + "1,2\n", "row 2: 2 fields for 7 columns"),
    Bad("text", H + "1,2,1,2,reached,0,0\nx,2,1,2,,,\n", "row 3, column batch_size: need a whole number >= 1, got 'x'"),
    Bad("large batch", H + "1e17,2,1,2,,,\n", "column batch_size: need a whole number <= 9007199254740992, got '1e17'"),
    Bad("large steps", H + "1,1e308,,,,,\n", "column steps_to_result: need a number <= 9007199254740992, got '1e308'"),
    Bad("zero batch", H + "0,2,1,2,,,\n", "row 2, column batch_size: need a whole number >= 1, got '0'"),
    Bad("half batch", H + "1.5,2,1,2,,,\n", "column batch_size: need a whole number"),
    Bad("infinite batch", H + "inf,2,1,2,,,\n", "column batch_size: need a whole number"),
    Bad("zero steps", H + "1,0,,,,,\n", "row 2, column steps_to_result: need a number > 0"),
    Bad("negative steps", H + "1,-3,,,,,\n", "column steps_to_result: need a finite number >= 0, got '-3'"),
    Bad("nan steps", H + "1,nan,,,,,\n", "column lower: need the step budget"),
    Bad("outside", H + "1,9,1,2,,,\n", r"column steps_to_result: need lower < 9 <= upper, got \(1, 2\]"),
    Bad("upper alone", H + "1,2,,2,,,\n", "column lower: need a number, since upper is given"),
    Bad("no budget", H + "1,,,,not_reached,,\n", "column lower: need the step budget"),
    Bad("blank steps", H + "1,,,,,,\n", "column lower: need the step budget"),
    Bad("contradiction", H + "1,2,1,2,not_reached,,\n", "column status: not_reached, yet"),
    Bad("status", H + "1,2,1,2,done,,\n", "column status: need reached or not_reached, got 'done'"),
    Bad("sparsity", H + "1,2,1,2,,100,\n", r"column sparsity: need a percentage in \[0, 100\), got 100"),
    Bad("share", H + "1,2,1,2,,0.9,\n", "row 2, column sparsity: 0.9 is 0.9%: write 90"),
    Bad("replicate", H + "1,2,1,2,,,-1\n", "column replicate: need a whole number >= 0, got '-1'"),
    Bad("disagreeing", H + "1,2,,,,,\n1,3,,,,,\n", "row 3, column batch_size: repeats row 2 with another result"),
    Bad("trial twice", T + "1,4,0,,\n1,6,0,,\n", "row 3, column trial: repeats row 2 with another result"),
    Bad("trial without budget", T + "1,,0,incomplete,\n", "row 2, column lower: need the steps trained"),
    Bad("trial status", T + "1,4,0,won,\n", "row 2, column status: need one of complete"),
    Bad("trial contradicts", T + "1,4,0,incomplete,9\n", "row 2, column status: incomplete, yet steps_to_result"),
    Bad("trial outside", T + "1,4,0,complete,9\n", r"column steps_to_result: need lower < 4 <= upper, got \(9, 4\]"),
    Bad("trial without steps", T + "1,0,0,complete,\n", "row 2, column steps_to_result: need a number > 0"),
    Bad("all diverged", T + "1,,0,infeasible,\n", "batch size 1: every trial is infeasible"),
    Bad(
        "metaparameters", "batch_size,steps,metaparameters\n1,4,x\n", "row 2, column metaparameters: need a JSON object"
    ),
    Bad("open quote", 'batch_size,steps\n"1,2\n', "not a readable CSV file"),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_bad_rows_are_named(tmp_path, bad):
    with pytest.raises(ValueError, match=bad.message) as caught:
        read_curves(csv(tmp_path, bad.text))
    assert "\n" not in str(caught.value)


def test_what_is_no_text_is_refused(tmp_path):
    path = tmp_path / "curves.csv"
    path.write_bytes(b"batch_size,steps\n\xff\xfe,3\n")
    with pytest.raises(ValueError, match="not a readable CSV file"):
        read_curves(path)


def test_missing_inputs_are_named(tmp_path):
    with pytest.raises(ValueError, match="nowhere: no such file or folder"):
        read_records(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"is no run folder: it has neither study\.sqlite nor curves\.csv"):
        read_records(tmp_path)


C = "workload,sparsity,quantity,value,low,high,n\n"
BAD_CONSTANTS = [
    Bad("no value", C + "w,0,beta,,,,1\n", "row 2, column value: need a number"),
    Bad("no name", C + "w,0,,1,,,1\n", "row 2, column quantity: need a name"),
    Bad("outside", C + "w,0,beta,1,2,3,5\n", "column value: 1 lies outside its own interval"),
    Bad("share", C + "w,0.9,beta,1,,,1\n", "row 2, column sparsity: 0.9 is 0.9%: write 90"),
    Bad("n", C + "w,0,beta,1,,,0\n", "column n: need a whole number >= 1, got '0'"),
    Bad("twice", C + "w,0,beta,1,,,1\nw,0,beta,2,,,1\n", "row 3, column quantity: beta at this sparsity"),
    Bad("columns", "workload,sparsity\nw,0\n", "column quantity is missing"),
]


@pytest.mark.parametrize("bad", BAD_CONSTANTS, ids=lambda bad: bad.name)
def test_bad_constants_are_named(tmp_path, bad):
    with pytest.raises(ValueError, match=bad.message):
        read_constants(csv(tmp_path, bad.text, "constants.csv"))
