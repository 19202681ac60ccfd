"""Measurements that are stopped, by Ctrl-C, by a kill or by a worker's end, and go on."""

import json
import multiprocessing
import os
import signal
from dataclasses import dataclass

import pytest
from samples.measured_runs import MEASUREMENT, QUICK, measuring, run
from tools.commands import code_of
from tools.processes import children, still_running

from empirics.measure import main
from empirics.store.store import read_store


def test_a_worker_that_ends_while_it_starts_is_no_success(tmp_path, monkeypatch, capsys):
    # A process killed before it has read its copy of the data leaves its parent writing into a closed pipe.
    def killed_at_once(_process):
        raise BrokenPipeError("Broken pipe")

    monkeypatch.setattr(multiprocessing.get_context("spawn").Process, "start", killed_at_once)
    assert code_of(main, *QUICK, "--jobs", 2, "--out", tmp_path / "run") == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: Broken pipe; finished work is kept")


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
    with measuring(folder, *MEASUREMENT, "--jobs", "2") as (process, said):
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
    return Stop(code, said(), studies, left, curves.read_text() if curves.exists() else None)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run stopped by Ctrl-C, gone on with and killed, gone on with to its end: folder and what each stop left."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    interrupted = stop_in_the_middle(folder, lambda pid: os.killpg(pid, signal.SIGINT))
    killed = stop_in_the_middle(folder, lambda pid: os.kill(pid, signal.SIGKILL))
    return folder, interrupted, killed


@pytest.mark.slow
def test_ctrl_c_ends_the_run_with_one_line_and_keeps_what_is_finished(stopped):
    _, interrupted, _ = stopped
    assert interrupted.code == 130
    assert interrupted.stderr.splitlines()[-1] == (
        "error: interrupted; finished work is kept; run the same command again to resume"
    )
    assert "Traceback" not in interrupted.stderr
    assert 1 <= interrupted.studies < 8
    assert interrupted.curves.count("\n") == 1 + interrupted.studies
    assert interrupted.workers_left == []


@pytest.mark.slow
def test_a_kill_takes_the_workers_along_and_keeps_what_is_finished(stopped):
    _, interrupted, killed = stopped
    assert killed.code == -signal.SIGKILL
    assert interrupted.studies < killed.studies < 8
    assert killed.workers_left == []


@pytest.mark.slow
def test_a_run_stopped_twice_ends_with_the_undisturbed_curves(stopped, undisturbed):
    folder, *_ = stopped
    assert run(*MEASUREMENT, "--out", folder) == 0
    for name in ("curves.csv", "constants.csv"):
        assert (folder / name).read_bytes() == (undisturbed / name).read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in undisturbed.iterdir())
    assert len(json.loads((folder / "provenance.json").read_text())["sessions"]) == 3
