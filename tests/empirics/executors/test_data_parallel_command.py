"""`--data-parallel`: what it refuses, and runs of it that are disturbed."""

import contextlib
import dataclasses
import functools
import json
import os
import re
import signal
import types
from pathlib import Path

import pytest
import torch
from samples.measured_runs import measuring
from tools.commands import assert_one_line, code_of
from tools.processes import children, still_running

from empirics.executors.processes import SerialExecutor
from empirics.executors.resources import Resources
from empirics.measure import main
from empirics.specification.request import Request
from empirics.specification.specification import resolve
from empirics.store.store import read_store

run = functools.partial(code_of, main)
MEASUREMENT = (
    *("--sparsity", "0", "90", "--batch-sizes", "8", "32", "128", "--trials", "3", "--max-steps", "200"),
    *("--goal-error", "0.3", "--examples", "50", "--data-parallel", "2"),
)
REFUSED = {
    "no process": (("--data-parallel", "0"), "--data-parallel 0: must be an integer >= 1"),
    "half a process": (("--data-parallel", "1.5"), "argument --data-parallel: invalid int value: '1.5'"),
    "more than examples": (("--data-parallel", "9"), "--data-parallel 9: more processes than the largest batch has ex"),
    "with jobs": (("--data-parallel", "2", "--jobs", "2"), "--jobs 2: with --data-parallel 2 there are 2 processes;"),
    "too little memory": (("--data-parallel", "2", "--memory-limit", "1.2"), "--memory-limit 1.2: holds 1 of --data-"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_done_together_is_one_line_and_leaves_nothing(name, tmp_path, capsys):
    words, message = REFUSED[name]
    assert run("--batch-sizes", "8", *words, "--out", tmp_path / "run") == 2
    assert_one_line(capsys, message)
    assert list(tmp_path.iterdir()) == []


def test_each_process_needs_a_gpu_of_its_own(monkeypatch, digits, capsys, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: types.SimpleNamespace(total_memory=8e10))
    assert run("--data-parallel", "2", "--device", "cuda", "--out", tmp_path / "run") == 2
    assert "--data-parallel 2: needs a GPU for each process, this machine has 1" in capsys.readouterr().err


def test_a_run_belongs_to_its_number_of_processes():
    specification, _ = resolve(Request(data_parallel=2), cuda_available=False)
    alone = dataclasses.replace(specification, data_parallel=1)
    assert "data_parallel" not in alone.identity()
    assert specification.identity() == alone.identity() | {"data_parallel": 2}
    assert specification.folder_name() != alone.folder_name()


def test_a_plan_says_that_studies_run_one_after_another(capsys):
    assert run("--batch-sizes", "8", "--sparsity", "0", "--trials", "2", "--data-parallel", "2", "--plan") == 0
    assert "1 studies, each by 2 processes together:" in capsys.readouterr().out


@pytest.fixture(scope="module")
def in_turn(tmp_path_factory):
    """A run of one process that takes both shares in turn: what several must give, to the byte."""
    folder = tmp_path_factory.mktemp("in_turn") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "empirics.executors.placement.local_executor",
            lambda specification, dataset, _: contextlib.nullcontext(SerialExecutor(specification, dataset)),
        )
        assert run(*MEASUREMENT, "--out", folder) == 0
    return folder


def tables(folder):
    return [(folder / name).read_bytes() for name in ("curves.csv", "constants.csv")]


@pytest.mark.slow
def test_the_command_gives_the_tables_of_one_process_and_says_how(in_turn, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("empirics.run.running.this_machine", lambda: Resources(1, 0))
    assert run(*MEASUREMENT, "--out", tmp_path / "run") == 0
    assert "notice: --data-parallel 2: more processes than the 1 cores here" in capsys.readouterr().err
    assert tables(tmp_path / "run") == tables(in_turn)
    found = json.loads((tmp_path / "run" / "provenance.json").read_text())
    assert found["identity"]["data_parallel"] == found["sessions"][0]["data_parallel"] == 2
    assert run(*MEASUREMENT[:-2], "--out", tmp_path / "run") == 2
    assert "was measured with data_parallel = 2, this asks for null; use another --out" in capsys.readouterr().err


@pytest.fixture
def running(tmp_path):
    """A measurement after its first study: its process, the two that train for it, and what tells its log."""
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with measuring(tmp_path / "run", *MEASUREMENT, environment=environment) as (process, said):
        workers = [pid for pid in children(process.pid) if "multiprocessing.spawn" in command(pid)]
        assert len(workers) == 2
        yield process, workers, said


def command(pid):
    return Path(f"/proc/{pid}/cmdline").read_text()


@pytest.mark.slow
def test_a_run_that_is_killed_leaves_nothing_running(running):
    process, workers, _ = running
    process.kill()
    process.wait(60)
    assert still_running(workers) == []


@pytest.mark.slow
def test_a_run_whose_process_is_killed_ends_in_one_line_and_resumes_to_the_same_tables(running, in_turn, tmp_path):
    folder, (process, workers, said) = tmp_path / "run", running
    os.kill(workers[1], signal.SIGKILL)
    assert process.wait(60) == 1
    assert re.fullmatch(
        r"error: 1 of 2 processes of S=.* run the same command again to resume", said().splitlines()[-1]
    )
    assert still_running(workers) == []
    with read_store(folder) as store:
        assert 1 <= len(store.studies()) < 6
    assert run(*MEASUREMENT, "--out", folder) == 0
    assert tables(folder) == tables(in_turn)
