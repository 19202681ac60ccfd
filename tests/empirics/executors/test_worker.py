"""Workers that cannot start: told in one line that says what to do, and never waited for."""

import multiprocessing
import subprocess
import sys
import textwrap

import pytest
from samples.tasks import Echo

from empirics.errors import InputError, WorkerError
from empirics.executors.placement import local_executor
from empirics.executors.processes import ProcessExecutor
from empirics.executors.worker import NotStartedError, leave_where_imported_by_a_worker
from empirics.measure import Execution
from empirics.specification.request import Request
from empirics.specification.specification import resolve

GUARD = r'put the call under `if __name__ == "__main__":`, or use jobs=1'
UNGUARDED = """
    import sys
    from pathlib import Path
    from empirics.measure import Execution, measure
    from empirics.specification.specification import Request
    small = {"sparsity": (0.0,), "batch_sizes": (64,), "trials": 2, "max_steps": 4, "constants": False}
    measure(Request(**small), Execution(jobs=2, out=Path(sys.argv[1])))
"""


@pytest.fixture(scope="module")
def given(digits):
    return resolve(Request(goal_error=(0.5,), max_steps=20), cuda_available=False)[0], digits


def run_one(given):
    """Give a task to the two workers of a new executor; return what comes back."""
    with local_executor(*given, 2) as executor:
        return list(executor.run([Echo("a")], lambda *_: None))


@pytest.mark.slow
def test_a_script_without_a_main_guard_ends_in_one_line(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(UNGUARDED))
    command = [sys.executable, str(script), str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "masks: 2\nerror: each worker process imports this script, and that must not measure again: "
        'put the call under `if __name__ == "__main__":`, or use jobs=1\n'
    )


FAILING = {
    "an error": ("raise FileExistsError('made once')", "FileExistsError: made once"),
    "an error of several lines": ("raise ValueError('one\\ntwo')", "two"),
    "its own end": ("raise SystemExit(7)", "exit code 7"),
    "no such file": (None, r"FileNotFoundError: .*script\.py'"),
}


@pytest.mark.parametrize("how", FAILING)
def test_a_script_that_cannot_be_imported_is_told_with_the_reason(how, given, tmp_path, monkeypatch, capfd):
    content, reason = FAILING[how]
    if content is not None:
        (tmp_path / "script.py").write_text(content)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(tmp_path / "script.py"), raising=False)
    with pytest.raises(NotStartedError, match=rf"^a worker process cannot start \({reason}\): .*{GUARD}$"):
        run_one(given)
    assert capfd.readouterr() == ("", "")
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_what_a_worker_says_while_it_starts_is_passed_on(given, tmp_path, monkeypatch, capfd):
    (tmp_path / "script.py").write_text("import sys\nsys.stderr.write('a warning\\n')")
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(tmp_path / "script.py"), raising=False)
    assert run_one(given) == [(Echo("a"), ["a", 6090])]
    assert capfd.readouterr() == ("", "a warning\n")


def test_a_worker_killed_while_it_starts_is_told_so(given, tmp_path, monkeypatch):
    (tmp_path / "script.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(tmp_path / "script.py"), raising=False)
    with pytest.raises(WorkerError, match="a worker ended with exit code -9 while it started"):
        run_one(given)


@pytest.mark.slow
def test_a_worker_that_cannot_set_up_its_laboratory_says_why(given):
    specification, _ = given
    executor = ProcessExecutor(specification, None, 1)
    with pytest.raises(WorkerError, match=r"(?s)^a failed:\nTraceback.*AttributeError"):
        list(executor.run([Echo("a")], lambda *_: None))
    executor.close()


def test_a_worker_of_a_pool_is_told_to_work_alone(given, monkeypatch):
    monkeypatch.setitem(multiprocessing.current_process()._config, "daemon", True)
    with pytest.raises(InputError, match="may start no workers of its own: use --jobs 1 there"):
        run_one(given)


def test_only_a_worker_of_ours_leaves_where_it_comes_to_a_measurement(monkeypatch):
    process = multiprocessing.current_process()
    leave_where_imported_by_a_worker()
    monkeypatch.setattr(process, "_inheriting", True, raising=False)
    leave_where_imported_by_a_worker()  # a worker of the user's own
    monkeypatch.setattr(process, "_name", "kstar-worker-3")
    with pytest.raises(SystemExit, match="86"):
        leave_where_imported_by_a_worker()


def test_a_plan_is_the_commands_and_not_a_way_to_measure():
    with pytest.raises(TypeError, match="plan"):
        Execution(plan=True)
