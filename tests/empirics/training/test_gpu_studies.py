"""Whole studies on a pretend GPU: how often they wait for it, and that they end as on a CPU."""

import dataclasses
import itertools

import numpy as np
import pytest
from samples import on_gpu
from tools.pretend_gpu import COPY, SYNCHRONISATION

from empirics.errors import InputError
from empirics.networks.build import build_network
from empirics.records import Study
from empirics.search.space import Metaparameter, search_points
from empirics.specification.probe import FollowedRun
from empirics.training import race
from empirics.training.laboratory import Laboratory
from empirics.training.race import measure_study
from empirics.training.tasks import ConstantsTask, PruneTask, StudyTask, carry_out
from empirics.workloads import goal, optimizers

BUDGET, INTERVAL = 24, 4
# Of these rates some train, some stall and some diverge.
WIDE = Metaparameter("learning_rate", 1e-4, 1e8, "log")


def wide_laboratory(digits, **words):
    """Return a laboratory on the pretend GPU, some of whose trials diverge."""
    laboratory = on_gpu.laboratory_on_gpu(
        **{"workload": "digits/small-cnn/momentum", "goal_error": (0.3, 0.5), "max_steps": BUDGET}
        | {"eval_interval": INTERVAL, "trials": 5, "stop": ("never",)}
        | words
    )
    rest = laboratory.specification.workload.search_space[1:]
    points = search_points((WIDE, *rest), laboratory.specification.trials)
    return Laboratory(dataclasses.replace(laboratory.specification, points=points), digits)


def measured(laboratory, report=lambda _: None, checkpoint=None, batch_size=16):
    masks = np.ones((laboratory.specification.trials, laboratory.network.size), dtype=bool)
    masks[:, ::7] = False
    outcome = measure_study(laboratory, Study(50.0, 0, batch_size), masks, report, checkpoint)
    return [dataclasses.replace(record, seconds=0.0) for record in outcome.records], outcome.halvings


def on_cpu(laboratory, digits):
    """Return the same laboratory on the CPU."""
    return Laboratory(dataclasses.replace(laboratory.specification, device="cpu"), digits)


def ends(records):
    return [(record.steps_to_result, [(one.ending, one.step) for one in record.trials]) for record in records]


def test_a_race_waits_once_for_its_steps_and_once_for_each_round_of_its_goal_test(gpu):
    laboratory = on_gpu.laboratory_on_gpu(
        workload="digits/small-cnn/momentum", trials=3, goal_error=(0.01,), max_steps=64, eval_interval=16
    )
    seen = []
    measured(laboratory, lambda _: seen.append(gpu.counts.copy()))
    for before, after in itertools.pairwise(seen):
        done = after - before
        assert done["graph launch"] == 1
        assert done["capture"] == 0
        assert done[COPY] == 1
        assert done[SYNCHRONISATION] == 2
    examples = len(laboratory.split(0).validation_labels)
    assert max(gpu.rows) <= 2 * examples


@pytest.mark.parametrize("rows", [8, 15, 40])
def test_a_goal_test_on_the_device_answers_like_a_full_count(rows, gpu, monkeypatch):
    monkeypatch.setattr(goal, "_ROWS_ON_GPU", rows)
    data, network = on_gpu.examples((1, 8, 8)), on_gpu.NETWORKS["small-cnn"]
    weights = on_gpu.block_of(trials=4).weights
    errors_of = goal.wrong_images(network, data.validation_images, data.validation_labels)
    errors = goal.GoalTest(network, errors_of, data.validation_labels, [0]).errors(weights).tolist()
    for most in sorted({0, on_gpu.EXAMPLES, *errors, *(count - 1 for count in errors)}):
        test = goal.GoalTest(network, errors_of, data.validation_labels, [most, 35])
        for _ in range(2):
            seen, tests = test.images_seen, test.tests
            with gpu.counted() as counts:
                answer = test.reached(weights, [0, 1, 5, 7])
            assert answer.tolist() == [[count <= goal for count in errors] for goal in (most, 35)]
            assert counts[COPY] == 0
            assert counts[SYNCHRONISATION] <= -(-on_gpu.EXAMPLES // rows)
            assert test.tests - tests == 4
            assert 4 * rows <= test.images_seen - seen <= 4 * on_gpu.EXAMPLES


def test_a_trials_own_errors_come_first_however_others_do(gpu, monkeypatch):
    monkeypatch.setattr(goal, "_ROWS_ON_GPU", 10)
    data, network = on_gpu.examples((1, 8, 8)), on_gpu.NETWORKS["small-cnn"]
    weights = on_gpu.block_of(trials=4).weights
    errors_of = goal.wrong_images(network, data.validation_images, data.validation_labels)
    test = goal.GoalTest(network, errors_of, data.validation_labels, [9])
    assert test.errors(weights).min() > 10
    test.reached(weights, range(4))
    seen = test.images_seen
    test.reached(weights, range(4))
    assert test.images_seen - seen == 4 * 10, "ten of its errors are among the first ten images of each"


def test_a_study_ends_as_on_a_cpu(gpu, digits, capsys):
    laboratory = wide_laboratory(digits)
    found, _ = measured(laboratory)
    expected, _ = measured(on_cpu(laboratory, digits))
    assert ends(found) == ends(expected)
    assert {"infeasible", "complete", "incomplete"} == {trial.ending for trial in found[0].trials}
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("cut_at", [2 * INTERVAL, 4 * INTERVAL])
def test_a_study_cut_short_goes_on_as_if_it_never_was(cut_at, gpu, digits, tmp_path, monkeypatch):
    monkeypatch.setattr(race, "CHECKPOINT_SECONDS", -1.0)
    expected = measured(wide_laboratory(digits, workload="digits/small-cnn/adamw"))

    def cut(step):
        if step == cut_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measured(wide_laboratory(digits, workload="digits/small-cnn/adamw"), cut, tmp_path / "study.npz")
    steps = []
    again = measured(wide_laboratory(digits, workload="digits/small-cnn/adamw"), steps.append, tmp_path / "study.npz")
    assert steps[0] == cut_at
    assert again == expected


def test_a_checkpoint_of_another_gpu_is_none(gpu, digits, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(race, "CHECKPOINT_SECONDS", -1.0)
    measured(wide_laboratory(digits), checkpoint=tmp_path / "study.npz")
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "another")
    measured(wide_laboratory(digits), checkpoint=tmp_path / "study.npz")
    assert "by another version of the program" in capsys.readouterr().err


def test_a_study_goes_on_in_halves(gpu, digits):
    laboratory = wide_laboratory(digits)
    expected, _ = measured(laboratory, batch_size=64)
    with gpu.memory_ends(larger=4 * 64 * 3 * (16 * 9) * 16):  # the patches of three trials' second layer
        found, halvings = measured(laboratory, batch_size=64)
    assert halvings == 1
    assert ends(found) == ends(expected)


def test_resnet_8_is_raced(gpu, digits):
    laboratory = wide_laboratory(digits, max_steps=4, eval_interval=2)
    laboratory.network = build_network("resnet-8", (1, 8, 8)).on_gpu()
    laboratory.engine = dataclasses.replace(laboratory.engine, network=laboratory.network)
    found, _ = measured(laboratory)
    laboratory.device, laboratory.engine = "cpu", dataclasses.replace(laboratory.engine, device="cpu")
    laboratory.split.cache_clear()
    assert ends(found) == ends(measured(laboratory)[0])


MASKS = {
    pruning: {"pruning": pruning, "pruning_examples": 200} for pruning in ("snip", "grasp", "synflow", "magnitude")
}


@pytest.mark.parametrize("pruning", MASKS)
def test_masks_are_the_cpus(pruning, gpu, digits):
    laboratory = on_gpu.laboratory_on_gpu(**MASKS[pruning])
    found = laboratory.masks((50.0, 90.0), 0, 0)
    np.testing.assert_array_equal(found, on_cpu(laboratory, digits).masks((50.0, 90.0), 0, 0))
    assert 0.49 < found[0].mean() < 0.51


def followed(laboratory):
    """Return the task of measuring constants along a short run."""
    run = FollowedRun(50.0, 0, 16, 0, {"learning_rate": 0.05, "momentum": 0.9}, 8)
    return ConstantsTask(run, np.packbits(np.arange(laboratory.network.size) % 2 == 0).tobytes())


def test_constants_are_the_cpus(gpu, digits):
    words = {"workload": "digits/small-cnn/momentum", "examples": 60, "every": 4, "repeats": 2, "hessian_points": 1}
    laboratory = on_gpu.laboratory_on_gpu(**words)
    found, expected = (
        carry_out(followed(one), one, lambda _: None) for one in (laboratory, on_cpu(laboratory, digits))
    )
    assert found.values == pytest.approx(expected.values, rel=1e-5)
    assert [point.step for point in found.trajectory] == [point.step for point in expected.trajectory]


@pytest.mark.parametrize("task", ["goal test", "pruning", "constants"])
def test_memory_that_ends_elsewhere_ends_in_one_line(task, gpu, monkeypatch):
    laboratory = on_gpu.laboratory_on_gpu(trials=2, pruning_examples=100, examples=60, max_steps=8, eval_interval=4)
    packed = np.packbits(np.ones(laboratory.network.size, dtype=bool)).tobytes()
    tasks = {
        "goal test": StudyTask(Study(0.0, 0, 16), (packed, packed)),
        "pruning": PruneTask(0, 0, (50.0,)),
        "constants": followed(laboratory),
    }
    larger = {"goal test": 4 * 170 * 16 * 64, "pruning": 4 * 90 * 16 * 64, "constants": 8 * 50 * 16 * 64}
    with gpu.memory_ends(larger=larger[task]), pytest.raises(InputError, match="memory does not suffice") as raised:
        carry_out(tasks[task], laboratory, lambda _: None)
    assert str(raised.value).startswith(tasks[task].label)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("workload", ["plain", "tokens", "maximised", "of_numpy"])
def test_an_own_module_is_raced_as_on_a_cpu(workload, gpu, capsys):
    laboratory = on_gpu.laboratory_on_gpu(workload=f"samples.own_workloads:{workload}", batch_sizes=(16,))
    found = ends(measured(laboratory)[0])
    launches = gpu.counts["graph launch"]
    dataset = laboratory.specification.workload.load_data(None)
    assert found == ends(measured(on_cpu(laboratory, dataset))[0])
    assert launches > 0
    assert capsys.readouterr().err == ""


def test_a_mutated_step_breaks_the_budget(gpu, monkeypatch):
    update = optimizers.HeavyBall.update

    def waiting(rule, weights, gradient, rates):
        update(rule, weights, gradient, rates)
        assert weights.isfinite().all()

    monkeypatch.setattr(optimizers.HeavyBall, "update", waiting)
    with pytest.raises(AssertionError, match="assert 0 == 1"):
        test_a_race_waits_once_for_its_steps_and_once_for_each_round_of_its_goal_test(gpu)
