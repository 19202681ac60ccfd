"""kill -9 at fifty moments of the clock and at thirty statements and file operations; then the same command again."""

import random
import signal
import time

import pytest
from samples.fault_runs import SMALL, assert_as_undisturbed, left_of, stored

pytestmark = pytest.mark.slow
MOMENTS, EVENTS, SEED = 50, 30, 20210504


def assert_goes_on(warm, run, folder, undisturbed, *, checkpoints):
    """Check what a kill left, then that the same command ends as if there had been none."""
    assert set(run.reported) <= stored(folder), "a study was reported done and is lost"
    assert left_of(run.pid) == []
    again, code = warm.run(*SMALL, "--out", folder, checkpoints=checkpoints)
    assert code == 0, again.stderr
    assert_as_undisturbed(folder, undisturbed)


@pytest.mark.parametrize("moment", range(MOMENTS))
def test_a_run_killed_at_any_moment_goes_on(moment, warm, undisturbed, tmp_path):
    # Moments fill the run evenly: one at random in each fiftieth of the time an undisturbed one takes.
    share = (moment + random.Random(SEED + moment).random()) / MOMENTS
    folder, checkpoints = tmp_path / "run", moment % 2 == 1
    run = warm.start(*SMALL, "--out", folder, checkpoints=checkpoints)
    time.sleep(share * undisturbed.seconds)
    run.kill()
    assert run.wait() in {-signal.SIGKILL, 0}  # 0: it was over before
    assert_goes_on(warm, run, folder, undisturbed, checkpoints=checkpoints)


@pytest.mark.parametrize("number", range(EVENTS))
def test_a_run_killed_at_any_statement_or_file_operation_goes_on(number, warm, undisturbed, tmp_path):
    event = 1 + int((number + random.Random(SEED - number).random()) / EVENTS * undisturbed.events)
    folder, checkpoints = tmp_path / "run", number % 2 == 1
    run = warm.start(*SMALL, "--out", folder, checkpoints=checkpoints, kill_at=event)
    assert run.wait() == -signal.SIGKILL
    assert_goes_on(warm, run, folder, undisturbed, checkpoints=checkpoints)
