import pytest

from empirics.followed import ConstantsRecord, TrajectoryPoint
from empirics.records import Study, StudyOutcome, StudyRecord, TrialRecord
from empirics.store.store import open_store
from verification.prediction.table import describe, read_measured

IDENTITY = {"workload": "w", "goal_error": [0.08], "stop": "race"}


def study(sparsity, batch_size, step, replicate=0):
    trials = (TrialRecord(0, {"learning_rate": 0.5}, "complete", step),)
    return StudyRecord(Study(sparsity, replicate, batch_size), 0.08, trials, 100, 2, None, 0.5)


def constants(sparsity, delta, smoothness, beta, epsilon, replicate=0):
    values = {"Delta": delta, "L_mean": smoothness, "beta": beta, "beta_mean": beta / 2, "epsilon": epsilon}
    trajectory = [TrajectoryPoint("L", step, smoothness + part) for step, part in ((1, -0.1), (6, 0.1), (8, 9.0))]
    ran = Study(sparsity, replicate, 128)
    return ConstantsRecord(ran, 60, 0, {}, values, tuple(trajectory), 1.0, goal_step=8, steps=8, settings={"every": 5})


@pytest.fixture
def folder(tmp_path):
    with open_store(tmp_path / "run", IDENTITY) as store:
        for sparsity, steps in ((0.0, 10), (90.0, 40)):
            store.add_study(StudyOutcome((study(sparsity, 16, steps),)))
        store.add_constants(constants(0.0, 4.0, 2.0, 100.0, 0.5))
        store.add_constants(constants(90.0, 5.0, 1.0, 25.0, 1.0))
    return tmp_path / "run"


def test_trajectories_are_the_regular_points_up_to_the_goal(folder):
    levels, studies = read_measured(folder)
    assert list(levels) == [0.0, 90.0]
    assert levels[0.0][0].along["L"] == [1.9, 2.1]
    assert len(studies) == 2


def test_every_way_is_told_beside_the_papers_numbers(folder):
    lines = describe(folder).splitlines()
    (product,) = (line for line in lines if line.startswith(" 90% product"))
    assert product.split()[2:8] == ["1.25", "0.5", "0.25", "1", "c1", "0.156"]
    (with_epsilon,) = (line for line in lines if line.startswith(" 90% with epsilon"))
    assert with_epsilon.split()[3:7] == ["1.25", "0.5", "0.25", "0.25"]
    (paper,) = (line for line in lines if "paper, MNIST" in line)
    assert "c1 1.690, c2 3.10, b_crit 0.54 (1.67 from its rounded factors)" in paper
    assert any("K ratio rises with B from 0.156 to 0.625" in line for line in lines)
    assert any(line.split() == ["0%", "Delta/epsilon", "8;", "16:", "5"] for line in lines)
    assert any(line.split() == ["90%", "Delta/epsilon", "5;", "16:", "20"] for line in lines)
    assert any(line.startswith("One seed:") for line in lines)


def test_rates_times_steps_are_means_over_replicates(folder):
    """Steps of 10 and 40 at the rate 1/2 make 5 and 20, in the geometric mean 10; Delta/epsilon 8 and 2 make 4."""
    with open_store(folder, IDENTITY) as store:
        store.add_study(StudyOutcome((study(0.0, 16, 40, replicate=1),)))
        store.add_constants(constants(0.0, 1.0, 2.0, 100.0, 0.5, replicate=1))
    lines = describe(folder).splitlines()
    assert any(line.split() == ["0%", "Delta/epsilon", "4;", "16:", "10"] for line in lines)
    assert any(line.endswith("at every B; means over replicates") for line in lines)


def test_what_is_missing_is_one_line(tmp_path):
    assert describe(tmp_path).startswith("No prediction: ")
    with open_store(tmp_path / "run", IDENTITY) as store:
        store.add_constants(constants(90.0, 5.0, 1.0, 25.0, 1.0))
    assert "needs the constants of the dense network" in describe(tmp_path / "run")
