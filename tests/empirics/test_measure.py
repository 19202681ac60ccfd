"""The command as a user meets it. What needs no other process runs in this one, through `main`."""

import contextlib
import csv
import gzip
import json
import multiprocessing
import os
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from reference import empirics_plain as plain
from reference import slow_measure
from reference.processes import children, still_running

from empirics import engine, following
from empirics.laboratory import Laboratory
from empirics.measure import Execution, main, measure
from empirics.records import QUANTITIES
from empirics.specification import Request
from empirics.store import read_store

MEASUREMENT = (
    *("--sparsity", "0", "90", "--batch-sizes", "8", "16", "32", "128", "--trials", "3"),
    *("--max-steps", "200", "--goal-error", "0.3", "--examples", "50"),
)
# One study of twenty steps.
QUICK = ("--sparsity", "0", "--batch-sizes", "128", "--trials", "3", "--max-steps", "200", "--goal-error", "0.3")


@pytest.fixture(autouse=True, scope="module")
def signals_as_before():
    """Undo what `main` does to this process."""
    previous = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, previous)


def run(*words):
    """Run the command in this process with one job; return its exit code."""
    try:
        return main([*map(str, words), "--jobs", "1"])
    except SystemExit as leaving:
        return leaving.code


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A run that nothing interrupted, measured in one process."""
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    assert run(*MEASUREMENT, "--out", folder) == 0
    return folder


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quick") / "run"
    assert run(*QUICK, "--examples", "50", "--out", folder) == 0
    return folder


@pytest.fixture
def copied(quick, tmp_path):
    """A copy of the quick run, to go on with."""
    return Path(shutil.copytree(quick, tmp_path / "copy"))


def rows(folder, name="curves.csv"):
    with (folder / name).open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_folder_holds_the_files_and_columns_agreed_on(undisturbed):
    assert sorted(path.name for path in undisturbed.iterdir()) == [
        "constants.csv",
        "curves.csv",
        "provenance.json",
        "study.sqlite",
    ]
    assert (undisturbed / "curves.csv").read_text().splitlines()[0] == (
        "workload,goal,sparsity,replicate,batch_size,steps_to_result,lower,upper,status,stop,trials,complete,incomplete,"
        "infeasible,censored,winner,metaparameters"
    )
    assert (undisturbed / "constants.csv").read_text().splitlines()[0] == (
        "workload,sparsity,quantity,value,low,high,n,standard_error"
    )
    assert [(row["sparsity"], row["batch_size"]) for row in rows(undisturbed)] == [
        (sparsity, batch_size) for sparsity in ("0", "90") for batch_size in ("8", "16", "32", "128")
    ]
    assert [(row["sparsity"], row["quantity"]) for row in rows(undisturbed, "constants.csv")] == [
        (sparsity, name) for sparsity in ("0", "90") for name in QUANTITIES if name != "L_mean_budget"
    ]


def test_every_row_adds_up(undisturbed):
    for row in rows(undisturbed):
        assert (row["workload"], row["goal"], row["replicate"]) == ("digits/small-cnn/sgd", "0.3", "0")
        assert (row["status"], row["stop"], row["trials"]) == ("reached", "race", "3")
        assert row["steps_to_result"] == row["upper"]
        assert int(row["lower"]) == int(row["upper"]) - 2
        assert sum(int(row[name]) for name in ("complete", "incomplete", "infeasible", "censored")) == 3
        assert list(json.loads(row["metaparameters"])) == ["learning_rate"]


def test_a_measured_study_is_that_of_trials_trained_one_by_one(undisturbed):
    (row,) = (row for row in rows(undisturbed) if (row["sparsity"], row["batch_size"]) == ("90", "128"))
    images, labels, *_ = plain.split_digits()
    ends = []
    for trial, unit in enumerate((0.5, 0.75, 0.25)):  # the first Sobol points, log-uniform in 1e-2..2
        start = plain.initial_weights(plain.SmallCnn, plain.draws(0, plain.INIT, 0, trial))
        mask = plain.snip_mask(plain.snip_scores(plain.SmallCnn, start, images, labels), 90.0)
        rate = 0.01 * 200**unit
        settings = {"seed": 0, "replicate": 0, "batch_size": 128, "max_steps": 90, "interval": 2, "most_errors": 53}
        ends.append(plain.plain_trial(plain.SmallCnn, start, mask, rate, dtype=torch.float64, **settings))
    steps = min(step for event, step in ends if event == "reached")
    assert int(row["steps_to_result"]) == steps
    assert int(row["winner"]) == ends.index(("reached", steps))


def test_provenance_tells_what_was_asked_for_and_with_what(undisturbed):
    found = json.loads((undisturbed / "provenance.json").read_text())
    assert found["identity"]["goal_error"] == [0.3]
    assert found["asked_for"]["batch_sizes"] == [8, 16, 32, 128]
    (session,) = found["sessions"]
    assert session["jobs"] == 1
    assert session["versions"]["torch"] == torch.__version__


def test_the_command_ends_with_the_tables_the_path_and_what_to_run_next(copied, capsys):
    assert run(*QUICK, "--examples", "50", "--out", copied) == 0
    out = capsys.readouterr().out
    assert "steps to result K*(B)" in out
    assert "Delta" in out
    *_, results, following = out.strip().splitlines()
    assert str(copied) in results
    assert f"python -m verification.report {copied}" in following


@contextlib.contextmanager
def measured_units(monkeypatch):
    """Note which units the engine is asked for."""
    asked = []
    real_study, real_constants = engine.measure_study, following.measure_constants

    def measure_study(laboratory, study, masks, *rest):
        asked.append(("study", study.sparsity, study.replicate, study.batch_size, len(masks)))
        return real_study(laboratory, study, masks, *rest)

    def measure_constants(laboratory, run, mask, report):
        asked.append(("constants", run.sparsity, run.replicate, run.batch_size))
        return real_constants(laboratory, run, mask, report)

    monkeypatch.setattr(engine, "measure_study", measure_study)
    monkeypatch.setattr(following, "measure_constants", measure_constants)
    yield asked


def test_a_second_run_measures_nothing_again(copied, monkeypatch):
    before = {name: (copied / name).read_bytes() for name in ("curves.csv", "constants.csv")}
    with measured_units(monkeypatch) as asked:
        assert run(*QUICK, "--examples", "50", "--out", copied) == 0
    assert asked == []
    assert {name: (copied / name).read_bytes() for name in before} == before
    assert len(json.loads((copied / "provenance.json").read_text())["sessions"]) == 2


@dataclass(frozen=True)
class Addition:
    name: str
    words: tuple[str, ...]
    measured: list[tuple]


ADDITIONS = [
    Addition("a batch size", ("--batch-sizes", "128", "64"), [("study", 0.0, 0, 64, 3)]),
    Addition("a sparsity", ("--sparsity", "0", "50"), [("study", 50.0, 0, 128, 3), ("constants", 50.0, 0, 128)]),
    Addition("a replicate", ("--replicates", "2"), [("study", 0.0, 1, 128, 3), ("constants", 0.0, 1, 128)]),
    Addition("another sparsity alone", ("--sparsity", "50"), [("study", 50.0, 0, 128, 3), ("constants", 50.0, 0, 128)]),
]


@pytest.mark.parametrize("addition", ADDITIONS, ids=lambda addition: addition.name)
def test_only_what_is_added_is_measured(addition, copied, monkeypatch):
    (old,) = rows(copied)
    with measured_units(monkeypatch) as asked:
        assert run(*QUICK, "--examples", "50", *addition.words, "--out", copied) == 0
    assert asked == addition.measured
    found = rows(copied)
    assert len(found) == 2
    assert old in found


def test_only_masks_that_are_missing_are_made(copied, monkeypatch):
    made, real = [], Laboratory.mask_records

    def mask_records(laboratory, replicate, trial, sparsities):
        made.append((replicate, trial, sparsities))
        return real(laboratory, replicate, trial, sparsities)

    monkeypatch.setattr(Laboratory, "mask_records", mask_records)
    assert run(*QUICK, "--batch-sizes", "64", "--no-constants", "--out", copied) == 0
    assert made == []
    assert run(*QUICK, "--sparsity", "0", "50", "--no-constants", "--out", copied) == 0
    assert made == [(0, trial, (50.0,)) for trial in range(3)]


def test_every_study_is_given_the_masks_of_its_own_replicate(tmp_path, monkeypatch):
    given, real = {}, engine.measure_study

    def measure_study(laboratory, study, masks, *rest):
        given.update({(study.replicate, trial, study.sparsity): mask for trial, mask in enumerate(masks)})
        return real(laboratory, study, masks, *rest)

    monkeypatch.setattr(engine, "measure_study", measure_study)
    words = ("--sparsity", "50", "90", "--replicates", "2", "--trials", "2", "--no-constants", "--max-steps", "2")
    assert run(*QUICK, *words, "--out", tmp_path / "run") == 0
    with read_store(tmp_path / "run") as store:
        stored = store.masks()
    assert {key: np.packbits(mask).tobytes() for key, mask in given.items()} == stored
    assert len(set(stored.values())) == len(stored) == 8


def test_added_trials_extend_every_study_as_if_asked_for_at_once(copied, tmp_path, monkeypatch):
    words = (*QUICK, "--trials", "5", "--examples", "50")
    with measured_units(monkeypatch) as asked:
        assert run(*words, "--out", copied) == 0
        assert ("study", 0.0, 0, 128, 5) in asked
        assert run(*words, "--out", tmp_path / "fresh") == 0
    for name in ("curves.csv", "constants.csv"):
        assert (copied / name).read_bytes() == (tmp_path / "fresh" / name).read_bytes()


def test_added_trials_leave_no_constants_of_an_old_winner(copied):
    with read_store(copied) as store:
        (old,) = store.constants()
    assert run(*QUICK, "--trials", "7", "--no-constants", "--out", copied) == 0
    with read_store(copied) as store:
        (record,) = store.studies().values()
        found = store.constants()
    assert (record.winner.trial, record.winner.step) != (old.trial, old.goal_step), "the winner must change"
    assert all(known.trial == record.winner.trial for known in found)


def test_asking_again_for_a_part_measures_nothing_again(undisturbed, tmp_path, monkeypatch):
    folder = Path(shutil.copytree(undisturbed, tmp_path / "copy"))
    before = (folder / "constants.csv").read_bytes()
    with measured_units(monkeypatch) as asked:
        assert run(*MEASUREMENT, "--batch-sizes", "8", "--out", folder) == 0
    assert asked == []
    assert (folder / "constants.csv").read_bytes() == before


def test_constants_of_all_sparsities_are_measured_at_one_batch_size(quick, tmp_path):
    folder = Path(shutil.copytree(quick, tmp_path / "copy"))
    assert run(*QUICK, "--batch-sizes", "32", "128", "--examples", "50", "--out", folder) == 0
    assert run(*QUICK, "--sparsity", "50", "--batch-sizes", "32", "--examples", "50", "--out", folder) == 0
    with read_store(folder) as store:
        found = {(known.study.sparsity, known.study.batch_size) for known in store.constants()}
    assert found == {(0.0, 32), (50.0, 32)}


def test_a_table_of_points_may_grow_below_and_never_change_above(tmp_path, capsys):
    table, words = tmp_path / "points.csv", (*QUICK[:-4], "--goal-error", "0.5", "--max-steps", "200", "--no-constants")
    words = tuple(word for word in words if word not in {"--trials", "3"})
    table.write_text("learning_rate\n0.5\n0.2\n")
    assert run(*words, "--points", table, "--out", tmp_path / "run") == 0
    table.write_text("learning_rate\n0.5\n0.2\n0.3\n")
    assert run(*words, "--points", table, "--out", tmp_path / "run") == 0
    (row,) = rows(tmp_path / "run")
    assert row["trials"] == "3"
    table.write_text("learning_rate\n0.5\n0.25\n0.3\n")
    capsys.readouterr()
    assert run(*words, "--points", table, "--out", tmp_path / "run") == 2
    assert_one_line(capsys, "was measured with another point 2 than --points holds; points can be added below")
    assert run(*words, "--trials", "3", "--out", tmp_path / "run") == 2
    assert_one_line(capsys, 'was measured with points = "table", this asks for null')


def test_reruns_are_kept_in_a_table_of_their_own(copied, monkeypatch):
    curves = (copied / "curves.csv").read_bytes()
    assert run(*QUICK, "--examples", "50", "--rerun-winner", "2", "--out", copied) == 0
    with read_store(copied) as store:
        reruns, (record,) = store.reruns(), store.studies().values()
    assert [(rerun.rerun, rerun.trial) for rerun in reruns] == [(1, record.winner.trial), (2, record.winner.trial)]
    assert (copied / "curves.csv").read_bytes() == curves
    monkeypatch.delattr(engine, "rerun_winner")  # what is there is not trained again
    assert run(*QUICK, "--examples", "50", "--rerun-winner", "1", "--out", copied) == 0
    with read_store(copied) as store:
        assert store.reruns() == reruns


def test_only_winners_that_are_asked_for_are_trained_again(copied):
    assert run(*QUICK, "--batch-sizes", "64", "--rerun-winner", "1", "--no-constants", "--out", copied) == 0
    with read_store(copied) as store:
        assert {study.batch_size for study in store.studies()} == {64, 128}
        assert [rerun.study.batch_size for rerun in store.reruns()] == [64]


def test_without_constants_there_is_no_table_of_them(tmp_path):
    assert run(*QUICK, "--no-constants", "--out", tmp_path / "run") == 0
    assert not (tmp_path / "run" / "constants.csv").exists()


@dataclass(frozen=True)
class Refused:
    name: str
    words: tuple[str, ...]
    message: str


REFUSED = [
    Refused("fewer trials", ("--trials", "2"), "holds studies of 3 trials, this asks for 2; trials can be added but"),
    Refused("another seed", ("--seed", "1"), "was measured with seed = 0, this asks for 1; use another --out"),
    Refused("another goal", ("--goal-error", "0.2"), "was measured with goal_error = [0.3], this asks for [0.2]"),
    Refused("another budget", ("--max-steps", "100"), "was measured with max_steps = 200, this asks for 100"),
    Refused("another interval", ("--eval-interval", "3"), "was measured with eval_interval = 2, this asks for 3"),
]


def assert_one_line(capsys, message):
    """Check that nothing was said but one line on stderr."""
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert message in err


def content(folder):
    """Return the files of a run folder, the store as its rows."""
    with contextlib.closing(sqlite3.connect(folder / "study.sqlite")) as connection:
        dump = "\n".join(connection.iterdump())
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "study.sqlite"}
    return files | {"study.sqlite": dump}


@pytest.mark.parametrize("refused", REFUSED, ids=lambda refused: refused.name)
def test_what_is_another_run_is_refused_and_the_folder_left_alone(refused, copied, capsys):
    before = content(copied)
    capsys.readouterr()
    assert run(*QUICK, *refused.words, "--out", copied) == 2
    assert_one_line(capsys, refused.message)
    assert content(copied) == before


@pytest.fixture(scope="module")
def broken_data(tmp_path_factory):
    """Data folders: one empty, one with a truncated image file, one with labels in the images' place."""
    top = tmp_path_factory.mktemp("data")
    labels = struct.pack(">2I", 2049, 20) + bytes(20)
    truncated = gzip.compress(struct.pack(">4I", 2051, 20, 28, 28) + bytes(20 * 784 - 1))
    for name, images in (("truncated", truncated), ("magic", gzip.compress(labels))):
        (top / name / "MNIST").mkdir(parents=True)
        (top / name / "MNIST" / "train-images-idx3-ubyte.gz").write_bytes(images)
        (top / name / "MNIST" / "train-labels-idx1-ubyte").write_bytes(labels)
    (top / "empty").mkdir()
    return top


MNIST = ("--workload", "mnist/simple-cnn/sgd", "--data-dir")
BAD = [
    Refused("sparsity 100", ("--sparsity", "100"), "--sparsity 100: must be a percentage in [0, 100)"),
    Refused("sparsity -1", ("--sparsity", "-1"), "--sparsity -1: must be a percentage in [0, 100)"),
    Refused("sparsity nan", ("--sparsity", "0", "nan"), "--sparsity nan: must be a percentage in [0, 100)"),
    Refused("sparsity abc", ("--sparsity", "abc"), "argument --sparsity: invalid float value: 'abc'"),
    Refused("sparsity of nothing left", ("--sparsity", "99.9999"), "keeps none of the network's 6090 weights"),
    Refused("batch size 0", ("--batch-sizes", "0"), "--batch-sizes 0: must be integers >= 1"),
    Refused("batch size too large", ("--batch-sizes", "1619"), "--batch-sizes 1619: more than the 1618 training"),
    Refused("goal error 7", ("--goal-error", "7"), "--goal-error 7: must lie in (0, 1)"),
    Refused("0 trials", ("--trials", "0"), "--trials 0: must be an integer >= 1"),
    Refused("0 jobs", ("--jobs", "0"), "--jobs 0: must be an integer >= 1"),
    Refused(
        "unknown workload",
        ("--workload", "cifar"),
        "unknown workload 'cifar'; perhaps cifar-10/simple-cnn/sgd or cifar-10/",
    ),
    Refused(
        "missing file",
        (*MNIST, "{data}/empty"),
        "train-images-idx3-ubyte.gz; run `python -m empirics.datasets fetch mnist`",
    ),
    Refused("no data folder", MNIST[:2], "train-images-idx3-ubyte.gz; run `python -m empirics.datasets fetch mnist`"),
    Refused("truncated file", (*MNIST, "{data}/truncated"), "train-images-idx3-ubyte.gz: truncated for the 20 items"),
    Refused("wrong magic", (*MNIST, "{data}/magic"), "images-idx3-ubyte.gz: magic number 2049 where 2051 belongs"),
    Refused("unknown option", ("--sparsities", "0"), "unrecognized arguments: --sparsities 0"),
    Refused(
        "budget beyond what can be stored", ("--max-steps", str(10**20)), "--max-steps 100000000000000000000: must be"
    ),
]
if not torch.cuda.is_available():
    BAD.append(Refused("no GPU", ("--device", "cuda"), "--device cuda: this machine has no usable CUDA device"))


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
@pytest.mark.parametrize("plan", [(), ("--plan",)], ids=["measure", "plan"])
def test_bad_input_is_one_line_and_leaves_nothing(bad, plan, broken_data, tmp_path, monkeypatch, capsys):
    def too_late(*_):
        raise AssertionError("the input was taken")

    monkeypatch.setattr("empirics.placement.local_executor", too_late)
    monkeypatch.setattr("empirics.plan.describe_plan", too_late)
    monkeypatch.chdir(tmp_path)
    words = [word.format(data=broken_data) for word in bad.words]
    try:
        code = main(["--jobs", "1", "--out", "new/run", *words, *plan])
    except SystemExit as leaving:
        code = leaving.code
    assert code == 2
    assert_one_line(capsys, bad.message)
    assert list(tmp_path.iterdir()) == []


def command(*words):
    return [sys.executable, "-m", "empirics.measure", *map(str, words)]


@pytest.mark.parametrize("words", [("--sparsity", "abc"), ("--goal-error", "7")], ids=["parser", "request"])
def test_bad_input_from_a_shell(words, tmp_path):
    done = subprocess.run(command(*words), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["file", "other things", "garbage"])
def test_a_place_that_is_no_run_folder_is_refused_and_left_alone(content, tmp_path, capsys):
    place = tmp_path / "place"
    if content == "file":
        place.write_text("x")
    else:
        place.mkdir()
        (place / ("thesis.tex" if content == "other things" else "study.sqlite")).write_bytes(b"garbage" * 1000)
    before = sorted(tmp_path.rglob("*"))
    assert run(*QUICK, "--out", place) == 2
    assert_one_line(capsys, "--out")
    assert sorted(tmp_path.rglob("*")) == before


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
    (row,) = rows(folder)
    assert (row["status"], row["steps_to_result"], row["upper"], row["lower"]) == ("not_reached", "", "", "4")
    assert (row["incomplete"], row["winner"], row["metaparameters"]) == ("2", "", "")


def test_a_network_that_cannot_learn_has_a_run_like_any_other(tmp_path, capsys):
    # One weight of 6090 is kept: the network says class 0 to everything, which the goal lets pass, and never moves.
    folder = tmp_path / "run"
    words = ("--sparsity", "99.99", "--batch-sizes", "32", "--trials", "1", "--goal-error", "0.95", "--examples", "20")
    assert run(*words, "--out", folder) == 0
    assert "Traceback" not in capsys.readouterr().err
    assert rows(folder)[0]["steps_to_result"] == "2"
    if (folder / "constants.csv").exists():
        assert all(np.isfinite(float(row["value"])) for row in rows(folder, "constants.csv"))


def test_a_worker_that_ends_while_it_starts_is_no_success(tmp_path, monkeypatch, capsys):
    # A process killed before it has read its copy of the data leaves its parent writing into a closed pipe.
    def killed_at_once(_process):
        raise BrokenPipeError("Broken pipe")

    monkeypatch.setattr(multiprocessing.get_context("spawn").Process, "start", killed_at_once)
    assert main([*QUICK, "--jobs", "2", "--out", str(tmp_path / "run")]) in {1, 2}
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: ")


@dataclass(frozen=True)
class Stop:
    """What was left when a run was stopped."""

    code: int
    stderr: str
    studies: int
    workers_left: list[int]
    curves: str | None


def stop_in_the_middle(folder, stop):
    """Measure in two workers, stop that after the first study; return what is left."""
    log = folder.with_suffix(".log")
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, slow_measure.__file__, *MEASUREMENT, "--jobs", "2", "--out", str(folder)],
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )
        while "[1/" not in log.read_text():
            assert process.poll() is None, f"the run ended before its first study: {log.read_text()}"
            time.sleep(0.01)
        workers = children(process.pid)
        assert len(workers) >= 2
        stop(process.pid)
        code = process.wait(60)
    left = still_running(workers)
    for worker in left:
        os.kill(worker, signal.SIGKILL)
    with read_store(folder) as store:
        studies = len(store.studies())
    curves = folder / "curves.csv"
    return Stop(code, log.read_text(), studies, left, curves.read_text() if curves.exists() else None)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run stopped by Ctrl-C, gone on with and killed, gone on with to its end: folder and what each stop left."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    interrupted = stop_in_the_middle(folder, lambda pid: os.killpg(pid, signal.SIGINT))
    killed = stop_in_the_middle(folder, lambda pid: os.kill(pid, signal.SIGKILL))
    return folder, interrupted, killed


def test_ctrl_c_ends_the_run_with_one_line_and_keeps_what_is_finished(stopped):
    _, interrupted, _ = stopped
    assert interrupted.code == 130
    assert interrupted.stderr.splitlines()[-1] == (
        "error: interrupted; what was finished is kept, run the same command again to go on"
    )
    assert "Traceback" not in interrupted.stderr
    assert 1 <= interrupted.studies < 8
    assert interrupted.curves.count("\n") == 1 + interrupted.studies
    assert interrupted.workers_left == []


def test_a_kill_takes_the_workers_along_and_keeps_what_is_finished(stopped):
    _, interrupted, killed = stopped
    assert killed.code == -signal.SIGKILL
    assert interrupted.studies < killed.studies < 8
    assert killed.workers_left == []


def test_a_run_stopped_twice_ends_with_the_undisturbed_curves(stopped, undisturbed):
    folder, *_ = stopped
    assert run(*MEASUREMENT, "--out", folder) == 0
    for name in ("curves.csv", "constants.csv"):
        assert (folder / name).read_bytes() == (undisturbed / name).read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in undisturbed.iterdir())
    assert len(json.loads((folder / "provenance.json").read_text())["sessions"]) == 3
