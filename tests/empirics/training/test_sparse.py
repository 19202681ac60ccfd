"""The sparse engine beside torch's: whole studies, parts of blocks, checkpoints, and which engine is chosen."""

import dataclasses

import numpy as np
import pytest
import torch

from empirics.errors import InputError
from empirics.kernels.kernel import Unavailable, load
from empirics.measure import Execution, measure
from empirics.records import Study
from empirics.run import running
from empirics.specification import engine as choice
from empirics.specification.engine import choose_engine
from empirics.specification.probe import FollowedRun
from empirics.specification.request import Request
from empirics.specification.specification import resolve
from empirics.store.store import read_store
from empirics.training import sparse
from empirics.training.following import measure_constants
from empirics.training.laboratory import Laboratory
from empirics.training.race import measure_study
from empirics.workloads.find import find_workload

needs_kernel = pytest.mark.skipif(isinstance(load(), Unavailable), reason="the sparse kernel is not compiled here")
SHAPES = {"digits": (1, 8, 8), "mnist": (1, 28, 28), "cifar-10": (3, 32, 32)}
SMALL = {"sparsity": 90, "batch_sizes": 32, "trials": 2, "max_steps": 48, "constants": False}


def laboratory_of(engine, workload="digits", **wanted):
    return Laboratory(*resolve(Request(workload=workload, engine=engine, **wanted), cuda_available=False))


def masks_of(laboratory, sparsity):
    trials = range(laboratory.specification.trials)
    return np.stack([laboratory.masks((sparsity,), 0, trial)[0] for trial in trials])


def study_in_float64(engine, workload, sparsity, **wanted):
    """Return masks, records and traces of a study whose every number is taken in float64."""
    laboratory = laboratory_of(engine, workload, trials=4, **{"goal_error": 0.6, "max_steps": 96} | wanted)
    draw = laboratory.initial_weights
    laboratory.initial_weights = lambda *path: draw(*path).astype(np.float64)
    masks = masks_of(laboratory, sparsity)
    outcome = measure_study(laboratory, Study(sparsity, 0, 32), masks, lambda _: None)
    return masks.tolist(), [dataclasses.replace(record, seconds=0.0) for record in outcome.records], outcome.traces


@needs_kernel
@pytest.mark.parametrize(
    ("workload", "sparsity", "wanted"),
    [
        ("digits", 0.0, {}),
        ("digits", 90.0, {"stop": ("factor", "3")}),
        ("digits/small-cnn/momentum", 0.0, {"stop": ("hits", "2"), "goal_error": (0.6, 0.5)}),
        ("digits/small-cnn/momentum", 90.0, {"goal_error": 0.001, "max_steps": 32}),
        ("digits/small-cnn/nesterov", 0.0, {"stop": ("never",)}),
        ("digits/small-cnn/nesterov", 90.0, {"trace": "full", "goal_error": (0.7, 0.6)}),
    ],
)
def test_in_float64_both_engines_measure_the_same_study(workload, sparsity, wanted):
    found = study_in_float64("sparse", workload, sparsity, **wanted)
    assert found == study_in_float64("torch", workload, sparsity, **wanted)
    assert (found[1][0].steps_to_result is None) == (wanted.get("goal_error") == 0.001)


@needs_kernel
def test_both_engines_find_the_same_constants():
    """The run itself is trained in float32, so the engines part by its rounding, 6e-8."""
    mask = np.arange(6090) % 4 == 0
    run = FollowedRun(75.0, 0, 32, 0, {"learning_rate": 0.1}, goal_step=3)
    found, expected = (
        measure_constants(laboratory_of(engine, examples=60, repeats=2), run, mask, lambda _: None)
        for engine in ("sparse", "torch")
    )
    assert found.values == pytest.approx(expected.values, rel=1e-6)
    assert found.errors == pytest.approx(expected.errors, rel=1e-5)
    for mine, its in zip(found.batch_variances, expected.batch_variances, strict=True):
        assert (mine.batch_size, mine.drawing) == (its.batch_size, its.drawing)
        assert (mine.measured, mine.error) == pytest.approx((its.measured, its.error), rel=1e-12)
        assert mine.expected == pytest.approx(its.expected, rel=1e-6)


@needs_kernel
def test_calls_of_the_kernel_may_be_cut_small(monkeypatch):
    """Three trials, of which one diverges in the second call of four."""
    laboratory = laboratory_of("sparse", trials=3)
    weights = np.stack([laboratory.initial_weights(0, trial) for trial in range(3)])
    rows = np.stack([laboratory.order(0).batch(step, 16) for step in range(7)])
    found = []
    for most in (2**13, 2 * 16, 1):
        monkeypatch.setattr("empirics.training.sparse._ROWS_AT_ONCE", most)
        points = [{"learning_rate": rate} for rate in (0.1, 1e3, 0.01)]
        block = laboratory.engine.block(range(3), weights, np.ones(weights.shape, bool), points)
        advance = block.advance(laboratory.split(0), rows)
        found.append((advance.diverged, block.state()["weights"].numpy().tobytes(), int(block.state()["steps"])))
    assert found[0][0].keys() == {1}
    assert found[1:] == [found[0]] * 2


@needs_kernel
def test_a_part_of_a_block_goes_on_as_the_whole_does():
    laboratory = laboratory_of("sparse", "digits/small-cnn/momentum", trials=4)
    masks, data, order = masks_of(laboratory, 90.0), laboratory.split(0), laboratory.order(0)
    weights = np.stack([laboratory.initial_weights(0, trial) for trial in range(4)])
    rows = np.stack([order.batch(step, 32) for step in range(8)])
    whole = laboratory.engine.block(range(4), weights, masks, laboratory.specification.points)
    whole.advance(data, rows[:4])
    part = whole.part([3, 1])
    whole.keep([1, 3])
    for block in (whole, part):
        block.advance(data, rows[4:])
    assert whole.trials == [1, 3]
    assert torch.equal(part.state()["weights"].flip(0), whole.state()["weights"])
    assert torch.equal(part.state()["velocities"].flip(0), whole.state()["velocities"])


@needs_kernel
@pytest.mark.parametrize(
    ("workload", "sparsities", "chosen"),
    [
        ("digits", (0.0,), "sparse"),
        ("mnist/simple-cnn/nesterov/linear", (0.0, 50.0, 70.0, 90.0), "sparse"),
        ("digits/small-cnn/adamw", (90.0,), "torch"),
        ("cifar-10/resnet-8/nesterov/linear", (0.0,), "sparse"),
        ("cifar-10/simple-cnn/nesterov/linear", (0.0, 90.0), "torch"),
    ],
)
def test_auto_takes_the_engine_that_is_faster_over_all_sparsities(workload, sparsities, chosen):
    known = (
        find_workload(workload)
        if "adamw" not in workload
        else dataclasses.replace(find_workload("digits"), optimizer="adamw")
    )
    assert choose_engine("auto", known, SHAPES[known.dataset], "cpu", 1, sparsities) == choice.Choice(chosen)


@needs_kernel
@pytest.mark.parametrize(
    ("sparsities", "chosen"), [((0.0,), "torch"), ((0.0, 90.0), "torch"), ((45.0, 90.0), "sparse")]
)
def test_auto_adds_up_the_time_of_all_sparsities(sparsities, chosen, monkeypatch):
    """A step takes 2 of torch's at 0%, 1/4 at 90%, and 1.125 halfway."""
    monkeypatch.setattr(choice, "SPEED", {"small-cnn": {0.0: 0.5, 90.0: 4.0}})
    assert choose_engine("auto", find_workload("digits"), (1, 8, 8), "cpu", 1, sparsities).engine == chosen


@pytest.mark.parametrize(
    ("changed", "device", "shares", "told"),
    [
        ({}, "cuda", 1, "--engine sparse: it trains on a CPU; use --device cpu; use --engine torch"),
        ({"optimizer": "adamw"}, "cpu", 1, "it has no optimiser 'adamw', only sgd, momentum, nesterov"),
        ({"network": "own"}, "cpu", 1, "it has no network 'own'"),
        ({}, "cpu", 2, "it takes no --data-parallel"),
    ],
)
def test_what_the_sparse_engine_cannot_train_is_refused_by_name(changed, device, shares, told):
    workload = dataclasses.replace(find_workload("digits"), **changed)
    with pytest.raises(InputError) as refused:
        choose_engine("sparse", workload, (1, 8, 8), device, shares, (0.0,))
    assert told in str(refused.value)
    assert choose_engine("auto", workload, (1, 8, 8), device, shares, (0.0,)) == choice.Choice("torch")


def test_without_a_kernel_torch_trains_and_one_line_says_what_is_missing(monkeypatch, tmp_path, capsys):
    reason = "the sparse kernel is not compiled; install g++"
    monkeypatch.setattr(choice, "load", lambda: Unavailable(reason))
    folder = measure(Request(**SMALL), Execution(out=tmp_path / "run", jobs=1))
    told = [line for line in capsys.readouterr().err.splitlines() if reason in line]
    assert len(told) == 1
    with read_store(folder) as store:
        assert "engine" not in store.identity
    with pytest.raises(InputError, match=reason):
        choose_engine("sparse", find_workload("digits"), (1, 8, 8), "cpu", 1, (0.0,))


@needs_kernel
def test_draw_0_ends_as_if_alone(tmp_path):
    words, found = {**SMALL, "trials": 4, "goal_error": 0.7, "stop": ("never",), "engine": "sparse"}, []
    for draws in (1, 3):
        folder = measure(Request(**words, draws=draws), Execution(out=tmp_path / str(draws), jobs=1))
        with read_store(folder) as store:
            found += store.outcomes()
    alone, drawn = found
    assert drawn.trials == alone.trials
    assert drawn.winner is not None
    assert len(drawn.redrawn) == 8
    assert len({one.step for one in drawn.redrawn if one.trial == drawn.winner.trial} | {drawn.winner.step}) > 1


@needs_kernel
def test_a_folder_goes_on_with_the_engine_it_was_begun_with(tmp_path, monkeypatch):
    for engine in ("torch", "sparse"):
        begun = measure(Request(**SMALL, engine=engine), Execution(out=tmp_path / engine, jobs=1))
        measure(Request(**SMALL | {"trials": 3}), Execution(out=begun, jobs=1))
        with read_store(begun) as store:
            assert store.identity.get("engine", "torch") == engine
            assert [len(record.trials) for record in store.studies().values()] == [3]
    with pytest.raises(InputError, match="engine"):
        measure(Request(**SMALL, engine="sparse"), Execution(out=tmp_path / "torch", jobs=1))
    monkeypatch.setattr(running, "choose_engine", choice.choose_engine)
    monkeypatch.setattr(choice, "load", lambda: Unavailable("the sparse kernel is gone"))
    with pytest.raises(InputError, match="the sparse kernel is gone"):
        measure(Request(**SMALL), Execution(out=tmp_path / "sparse", jobs=1))


@needs_kernel
def test_a_worker_without_the_kernel_says_what_it_lacks(monkeypatch):
    monkeypatch.setattr(sparse, "load", lambda: Unavailable("it is not compiled"))
    with pytest.raises(InputError, match="trained by the sparse engine, and here it is not compiled"):
        laboratory_of("sparse")
