"""Two runs on one folder, SIGTERM, clocks that jump, and workers that are killed."""

import os
import re
import signal
import time

import pytest
from samples.fault_runs import SMALL, assert_as_undisturbed, children, left_of, stored

from empirics.store.store import read_store

pytestmark = pytest.mark.slow
YEAR = 365.25 * 86400


def wait_for(run, text, seconds=120):
    """Wait until a run has said something."""
    deadline = time.monotonic() + seconds
    while text not in run.stderr:
        assert time.monotonic() < deadline, run.stderr
        time.sleep(0.01)


def test_a_second_run_is_refused_while_the_first_lives_and_takes_over_when_it_is_dead(warm, undisturbed, tmp_path):
    first = warm.start(*SMALL, "--out", tmp_path / "run")
    wait_for(first, "[1/4]")
    first.kill(signal.SIGSTOP)
    second, code = warm.run(*SMALL, "--out", tmp_path / "run")
    assert code == 2
    assert second.stderr == (
        f"error: {tmp_path / 'run'} is being written by another run; wait for it or use another --out\n"
    )
    first.kill()
    assert first.wait() == -signal.SIGKILL
    third, code = warm.run(*SMALL, "--out", tmp_path / "run")
    assert code == 0, third.stderr
    assert not set(first.reported) & set(third.reported), "what was finished is measured again"
    assert_as_undisturbed(tmp_path / "run", undisturbed)


@pytest.mark.parametrize("after", ["masks:", "studies:", "[1/4]", "[3/4]", "constants:"])
def test_a_request_to_end_is_one_line_and_loses_nothing(after, warm, undisturbed, tmp_path):
    run = warm.start(*SMALL, "--out", tmp_path / "run")
    wait_for(run, after)
    run.kill(signal.SIGTERM)
    assert run.wait() == 130
    assert run.stderr.endswith("error: interrupted; finished work is kept; run the same command again to resume\n")
    assert "Traceback" not in run.stderr
    assert set(run.reported) <= stored(tmp_path / "run")
    assert left_of(run.pid) == []
    again, code = warm.run(*SMALL, "--out", tmp_path / "run")
    assert code == 0, again.stderr
    assert_as_undisturbed(tmp_path / "run", undisturbed)


CLOCKS = {"backwards": [40 * YEAR, 10 * YEAR, 0.0], "forwards": [50 * YEAR, 90 * YEAR, 130 * YEAR]}


@pytest.mark.parametrize("jump", CLOCKS)
def test_a_clock_that_jumps_changes_no_result(jump, warm, undisturbed, tmp_path):
    folder = tmp_path / "run"
    first = warm.start(*SMALL, "--out", folder, clock=CLOCKS[jump])
    wait_for(first, "[2/4]")
    first.kill()
    first.wait()
    for path in folder.iterdir():
        os.utime(path, (130 * YEAR, 130 * YEAR) if jump == "backwards" else (0, 0))
    again, code = warm.run(*SMALL, "--out", folder, clock=list(reversed(CLOCKS[jump])))
    assert code == 0, again.stderr
    assert_as_undisturbed(folder, undisturbed)
    with read_store(folder) as store:
        assert len(store.sessions()) == 2


def test_a_worker_killed_for_memory_is_told_in_one_line_and_the_run_goes_on(warm, undisturbed, tmp_path):
    words = (*SMALL[: SMALL.index("--jobs")], "--jobs", "2", *SMALL[SMALL.index("--jobs") + 2 :])
    run = warm.start(*words, "--out", tmp_path / "run")
    wait_for(run, "[1/4]")
    busy = [pid for pid, command in children(run.pid) if "spawn_main" in command]
    assert len(busy) == 2
    os.kill(busy[0], signal.SIGKILL)
    os.kill(busy[1], signal.SIGKILL)
    assert run.wait() == 1
    *_, last = run.stderr.splitlines()
    wanted = r"error: a worker ended with exit code -9 in S=\S+ B=\S+ \(out of memory\?\); run the same command again"
    assert re.match(wanted, last), run.stderr
    assert "Traceback" not in run.stderr
    assert set(run.reported) <= stored(tmp_path / "run")
    assert left_of(run.pid) == []
    again, code = warm.run(*words, "--out", tmp_path / "run")
    assert code == 0, again.stderr
    assert_as_undisturbed(tmp_path / "run", undisturbed)
