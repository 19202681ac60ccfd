"""Studies that two processes train together, connected by gloo on this machine."""

import contextlib
import dataclasses
import math
import multiprocessing

import numpy as np
import pytest
from samples import parallel_tasks
from samples.tasks import Echo

from empirics.errors import WorkerError
from empirics.executors.data_parallel import DataParallelExecutor, RankTask
from empirics.executors.placement import local_executor
from empirics.executors.processes import SerialExecutor
from empirics.networks.gradient import loss_and_gradient
from empirics.records import Study
from empirics.specification.request import Request
from empirics.specification.specification import resolve
from empirics.training.laboratory import Laboratory
from empirics.training.shares import SharesInTurn
from empirics.training.tasks import PruneTask, StudyTask

REQUEST = Request(goal_error=(0.3, 0.5), max_steps=30, eval_interval=2, trials=5, trace="full", data_parallel=2)


@pytest.fixture(scope="module")
def specification():
    return resolve(REQUEST, cuda_available=False)[0]


@pytest.fixture(scope="module")
def together(specification, digits):
    with local_executor(specification, digits, 2) as executor:
        assert isinstance(executor, DataParallelExecutor)
        yield executor
    assert multiprocessing.active_children() == []


@pytest.fixture
def others():
    """The processes that other tests of this file keep for themselves."""
    return set(multiprocessing.active_children())


@pytest.fixture
def disposable(specification, digits):
    with contextlib.closing(DataParallelExecutor(specification, digits)) as executor:
        yield executor


@pytest.fixture(scope="module")
def masks(specification, digits):
    tasks = [PruneTask(0, trial, (90.0,)) for trial in range(specification.trials)]
    return tuple(records[0].bits for _, records in SerialExecutor(specification, digits).run(tasks, ignore))


def ignore(_task, _step):
    pass


def result_of(executor, task, watch=ignore):
    """Return a task's result without wall times."""
    ((done, outcome),) = executor.run([task], watch)
    assert done is task
    records = [dataclasses.replace(record, seconds=0.0) for record in outcome.records]
    return records, outcome.traces, outcome.halvings


def of_ranks(executor, task, folder):
    """Carry out a task that is no study together; return each process's result."""
    parts = [RankTask(task, rank, 2, folder / "meeting") for rank in range(2)]
    return {part.rank: result for part, result in executor._processes.run(parts, ignore)}


@pytest.mark.parametrize("batch_size", [1, 33])
def test_two_processes_give_the_bits_of_one_that_takes_both_shares(
    batch_size, together, specification, digits, masks, tmp_path
):
    task, steps = StudyTask(Study(90.0, 0, batch_size), masks, tmp_path / "checkpoint.npz"), []
    found = result_of(together, task, lambda of, step: steps.append((of, step)))
    assert found == result_of(SerialExecutor(specification, digits), dataclasses.replace(task, checkpoint=None))
    assert steps == [(task, step) for step in range(2, len(steps) * 2 + 1, 2)], "told once, by the first process"


def test_other_tasks_are_done_by_one_process_each(together, specification, digits, masks, tmp_path):
    study = StudyTask(Study(90.0, 0, 33), masks)
    echo = Echo("alone")
    results = dict(together.run([study, echo], ignore))
    assert results[echo] == ["alone", 6090]
    assert Laboratory(specification, digits).engine.gradient == SharesInTurn(2)
    assert Laboratory(dataclasses.replace(specification, data_parallel=1), digits).engine.gradient is loss_and_gradient
    assert len(multiprocessing.active_children()) == 2


U = 2.0**-53


def test_a_convex_trajectory_is_that_of_one_process_to_rounding(together, specification, digits, tmp_path):
    # Softmax regression's loss has a Hessian between 0 and L = (|x|^2 + 1)/2 for the longest input x (the 1 is the
    # bias's), so a step with rate <= 2/L takes two sets of weights no further apart, and roundings only add up. The
    # gradient is a mean of B outer products of (p - y), at most sqrt(2) long, and (x, 1); its two sums differ by at
    # most 2 u B of that, and p by the rounding of 65 products whose absolute values sum to at most |w| |x|, 2 u 65
    # |w| |x| each way. Adding a step to the weights rounds by u |w|.
    task = parallel_tasks.Trajectory(batch_size=97, rates=(0.001, 0.01), steps=40)
    alone = Laboratory(dataclasses.replace(specification, data_parallel=1), digits)
    assert alone.engine.gradient is loss_and_gradient
    expected, found = task.run(alone, lambda _: None), of_ranks(together, task, tmp_path)
    longest = math.sqrt(float((alone.split(0).training_images.double() ** 2).sum(dim=(1, 2, 3)).max()) + 1)
    assert max(task.rates) <= 2 / (longest**2 / 2)
    largest = np.sqrt((expected**2).sum(axis=2)).max()
    per_step = max(task.rates) * (2 * U * 97 * math.sqrt(2) * longest + 4 * U * 65 * largest * longest**2) + U * largest
    for step, (one, two) in enumerate(zip(expected, found[0], strict=True)):
        assert np.sqrt(((one - two) ** 2).sum(axis=1)).max() <= 2 * per_step * step
    assert np.abs(expected[-1] - expected[0]).max() > 1e9 * per_step, "the weights moved, beside the tolerance"
    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.slow
def test_a_study_that_loses_a_process_ends_in_a_line_and_resumes_from_its_checkpoint(
    disposable, together, specification, digits, masks, tmp_path
):
    task = parallel_tasks.KilledStudy(Study(90.0, 0, 16), masks, tmp_path / "checkpoint.npz")
    with pytest.raises(WorkerError, match=r"^1 of 2 processes of S=90 B=16 ended with exit code -9 .*again to resume$"):
        result_of(disposable, task)
    assert task.checkpoint.exists()
    steps, whole = [], StudyTask(task.study, masks, task.checkpoint)
    found = result_of(together, whole, lambda _, step: steps.append(step))
    assert found == result_of(SerialExecutor(specification, digits), StudyTask(task.study, masks))
    assert steps[0] >= 8, "not from its start"


FAULTS = [
    (parallel_tasks.BrokenStudy, r"(?s)^S=90 B=16 failed:\nTraceback.*ZeroDivisionError: a bug in one process"),
    (parallel_tasks.OtherResult, r"^S=90 B=16: the 2 processes that trained it together saw different results"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "message"), FAULTS, ids=[kind.__name__ for kind, _ in FAULTS])
def test_what_goes_wrong_in_one_process_is_told_as_it_is_and_not_tried_again(
    kind, message, disposable, others, masks, capsys
):
    with pytest.raises(WorkerError, match=message):
        result_of(disposable, kind(Study(90.0, 0, 16), masks))
    assert capsys.readouterr().err == ""
    disposable.close()
    assert set(multiprocessing.active_children()) == others
