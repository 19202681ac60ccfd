import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from samples.tasks import Break, Die, Echo, FullDisk, Refuse
from tools.processes import is_running

from empirics.errors import InputError, WorkerError
from empirics.executors.placement import local_executor
from empirics.executors.processes import ProcessExecutor, SerialExecutor
from empirics.executors.worker import interrupts_wait
from empirics.records import Study, StudyOutcome
from empirics.specification.request import Request
from empirics.specification.specification import resolve
from empirics.training.tasks import PruneTask, StudyTask


@pytest.fixture(scope="module")
def specification():
    request = Request(goal_error=(0.5,), max_steps=20, eval_interval=2, trials=2)
    return resolve(request, cuda_available=False)[0]


@pytest.fixture(scope="module")
def two_workers(specification, digits):
    with contextlib.closing(ProcessExecutor(specification, digits, 2)) as executor:
        yield executor
        processes = [worker.process for worker in executor._workers]
        assert [process.is_alive() for process in processes] == [True, True]
    assert [process.is_alive() for process in processes] == [False, False]


@pytest.fixture
def one_worker(specification, digits):
    with contextlib.closing(ProcessExecutor(specification, digits, 1)) as executor:
        yield executor


def ignore(_task, _step):
    pass


def outcomes(executor, tasks):
    """Return task -> result without the wall times."""
    found = {}
    for task, result in executor.run(tasks, ignore):
        assert task not in found
        found[task] = result
        if isinstance(result, StudyOutcome):
            found[task] = [replace(record, seconds=0.0) for record in result.records]
    return found


def test_one_and_two_processes_give_the_same_records(specification, digits, two_workers):
    serial = SerialExecutor(specification, digits)
    pruning = [PruneTask(0, trial, (0.0, 90.0)) for trial in range(2)]
    masks = outcomes(serial, pruning)
    assert outcomes(two_workers, pruning) == masks
    packed = [[record.bits for record in masks[task]] for task in pruning]
    studies = [
        StudyTask(Study(sparsity, 0, batch_size), (packed[0][index], packed[1][index]))
        for index, sparsity in enumerate((0.0, 90.0))
        for batch_size in (8, 64)
    ]
    assert outcomes(two_workers, studies) == outcomes(serial, studies)


def test_steps_are_watched_and_every_task_comes_back_once(specification, digits, two_workers):
    tasks = [Echo(str(number)) for number in range(7)]
    for executor in (SerialExecutor(specification, digits), two_workers):
        seen = []
        results = dict(executor.run(tasks, lambda task, step, seen=seen: seen.append((task.label, step))))
        assert results == {task: [task.label, 6090] for task in tasks}
        assert sorted(seen) == sorted((task.label, step) for task in tasks for step in (1, 2))


def test_nothing_to_do_starts_nothing(specification, digits):
    executor = ProcessExecutor(specification, digits, 4)
    assert list(executor.run([], ignore)) == []
    assert executor._workers == []


def test_input_errors_are_relayed(specification, digits, two_workers):
    for executor in (SerialExecutor(specification, digits), two_workers):
        with pytest.raises(InputError, match="--option 7: must be less"):
            list(executor.run([Refuse("refused")], ignore))


def test_a_failed_task_is_shown_with_where_it_failed(two_workers):
    with pytest.raises(WorkerError, match=r"(?s)^broken failed:\nTraceback.*ZeroDivisionError: a bug in the task"):
        list(two_workers.run([Break("broken")], ignore))


def test_workers_leave_ctrl_c_to_their_parent(two_workers):
    tasks = [Echo("a"), Echo("b")]
    list(two_workers.run(tasks, ignore))
    for worker in two_workers._workers:
        os.kill(worker.process.pid, signal.SIGINT)
    assert len(list(two_workers.run(tasks, ignore))) == 2


def test_ctrl_c_while_workers_start_is_answered_when_they_have():
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    started = []

    def start():
        with interrupts_wait():
            os.kill(os.getpid(), signal.SIGINT)
            started.append("all")

    try:
        with pytest.raises(KeyboardInterrupt):
            start()
    finally:
        signal.signal(signal.SIGINT, previous)
    assert started == ["all"]


PARENT = """
from empirics.executors.processes import ProcessExecutor
from empirics.specification.specification import Request, resolve
from samples.tasks import Sleep
executor = ProcessExecutor(*resolve(Request(), cuda_available=False), jobs=1)
for _ in executor.run([Sleep("asleep")], lambda *_: print(executor._workers[0].process.pid, flush=True)):
    pass
"""


@pytest.mark.slow
def test_a_worker_in_the_middle_of_a_task_ends_with_its_killed_parent():
    path = os.pathsep.join(folder for folder in sys.path if folder)
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": path}
    )
    with parent:
        worker = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 10
    while is_running(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(worker)


def test_a_killed_worker_is_told_with_what_to_do_and_loses_nothing_finished(one_worker):
    results = one_worker.run([Echo("first"), Die("dying")], ignore)
    assert next(results) == (Echo("first"), ["first", 6090])
    message = r"a worker ended with exit code -9 in dying \(out of memory\?\); run the same command again to resume"
    with pytest.raises(WorkerError, match=message):
        next(results)


@pytest.mark.slow
def test_a_worker_killed_between_tasks_is_told_too(one_worker):
    list(one_worker.run([Echo("first")], ignore))
    (worker,) = one_worker._workers
    os.kill(worker.process.pid, signal.SIGKILL)
    worker.process.join(10)
    with pytest.raises(WorkerError, match="a worker ended with exit code -9"):
        list(one_worker.run([Echo("second")], ignore))


def test_a_process_that_cannot_be_started_is_told_as_it_is(specification, digits, monkeypatch):
    def no_more(_process):
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr(multiprocessing.get_context("spawn").Process, "start", no_more)
    with (
        pytest.raises(BlockingIOError, match="temporarily unavailable"),
        local_executor(specification, digits, 2) as executor,
    ):
        list(executor.run([Echo("a")], ignore))


def test_one_job_works_in_this_process(specification, digits):
    before = multiprocessing.active_children()
    with local_executor(specification, digits, 1) as executor:
        assert isinstance(executor, SerialExecutor)
        list(executor.run([Echo("a")], ignore))
        assert multiprocessing.active_children() == before


@pytest.mark.slow
def test_what_the_system_refuses_a_worker_is_told_as_the_parents_own(one_worker):
    with pytest.raises(OSError, match=r"\[Errno 28\] No space left on device: 'checkpoint'"):
        list(one_worker.run([FullDisk("on a full disk")], ignore))
