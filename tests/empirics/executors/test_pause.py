"""Runs that end by themselves after some time: `--pause-after`; and the rules they began with: `--protocol`."""

import hashlib
import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from tools.commands import assert_one_line, code_of
from tools.processes import children, still_running

from empirics.errors import InputError
from empirics.executors.pause import Paused, paused_after, seconds_of
from empirics.measure import main
from empirics.run.progress import Display
from empirics.training import race
from empirics.training.tasks import StudyTask

SHORT = (
    *("--sparsity", "90", "--batch-sizes", "256", "--trials", "2", "--goal-error", "0.001", "--max-steps", "60"),
    *("--pruning", "random", "--no-constants", "--jobs", "1"),
)


@pytest.mark.parametrize("text", ["", "170", "m", "-1m", "0s", "nans", "infh", "1e3s", "1 m", "1m30s", "99999999h"])
def test_a_time_has_a_number_and_a_unit(text, tmp_path, capsys):
    with pytest.raises(InputError, match="must be a time > 0 with its unit, like 90s"):
        seconds_of(text)
    assert code_of(main, *SHORT, f"--pause-after={text}", "--out", tmp_path / "run") == 2
    assert_one_line(capsys, f"error: --pause-after {text}: must be a time > 0")
    assert not (tmp_path / "run").exists()


def test_what_takes_longer_is_ended_and_the_signal_is_put_back():
    before = signal.getsignal(signal.SIGALRM)
    began = time.monotonic()
    with pytest.raises(Paused, match=r"^0\.05s$"), paused_after("0.05s"):
        time.sleep(30)
    assert time.monotonic() - began < 10
    with paused_after("100s"), paused_after(None):
        pass
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_thread_cannot_be_paused():
    said = []

    def pause():
        with pytest.raises(InputError, match="works in a program's main thread only") as refusal, paused_after("1h"):
            pass
        said.append(refusal)

    thread = threading.Thread(target=pause)
    thread.start()
    thread.join()
    assert said


def assert_paused(capsys, folder):
    """Check what a pause says and leaves."""
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("paused after ")
    assert last.endswith("; finished work is kept; run the same command again to resume")
    assert (folder / "study.sqlite").exists()
    assert not list(folder.glob("study.sqlite-*"))


def test_a_paused_run_goes_on_to_the_same_end(tmp_path, capsys, monkeypatch):
    assert code_of(main, *SHORT, "--out", tmp_path / "whole") == 0
    steps, watch = [], Display.watch

    def time_is_over(display, task, step):
        if isinstance(task, StudyTask):
            steps.append(step)
            if len(steps) == 4:
                signal.raise_signal(signal.SIGALRM)
        watch(display, task, step)

    monkeypatch.setattr(Display, "watch", time_is_over)
    monkeypatch.setattr(race, "CHECKPOINT_SECONDS", 0.0)
    capsys.readouterr()
    assert code_of(main, *SHORT, "--out", tmp_path / "run", "--pause-after", "1h") == 3
    assert_paused(capsys, tmp_path / "run")
    assert code_of(main, *SHORT, "--out", tmp_path / "run") == 0
    assert 0 < steps[4] - steps[0] < steps[3]  # not from the start again
    assert (tmp_path / "run" / "curves.csv").read_bytes() == (tmp_path / "whole" / "curves.csv").read_bytes()


@pytest.mark.slow
def test_a_pause_ends_the_workers_too(tmp_path, capsys):
    endless = ("--sparsity", "0", "90", "--batch-sizes", "16", "--goal-error", "0.0001", "--trials", "16")
    words = (*endless, "--max-steps", "10000000", "--jobs", 2, "--out", tmp_path / "run", "--pause-after", "15s")
    assert code_of(main, *words) == 3
    assert_paused(capsys, tmp_path / "run")
    left = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in still_running(children(os.getpid()))]
    assert [words for words in left if b"resource_tracker" not in words] == []


def test_the_rules_a_run_began_with_are_told_by_their_digest(tmp_path, capsys):
    rules = tmp_path / "PROTOCOL.md"
    rules.write_text("A ratio above 1 is supported.\n")
    assert code_of(main, *SHORT, "--protocol", rules, "--out", tmp_path / "run") == 0
    (session,) = json.loads((tmp_path / "run" / "provenance.json").read_text())["sessions"]
    assert session["protocol"] == {"file": "PROTOCOL.md", "sha256": hashlib.sha256(rules.read_bytes()).hexdigest()}
    capsys.readouterr()
    assert code_of(main, *SHORT, "--protocol", tmp_path / "none.md", "--out", tmp_path / "other") == 2
    assert_one_line(capsys, f"error: --protocol {tmp_path / 'none.md'}: no such file or folder")
    assert not (tmp_path / "other").exists()
