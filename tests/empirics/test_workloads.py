import pytest

from empirics.errors import InputError
from empirics.networks import NETWORKS
from empirics.workloads import WORKLOADS, find_workload


def test_the_known_workloads():
    assert list(WORKLOADS) == ["digits/small-cnn/sgd", "mnist/simple-cnn/sgd", "fashion-mnist/simple-cnn/sgd"]
    assert {workload.network for workload in WORKLOADS.values()} <= set(NETWORKS)


def test_digits_is_short_for_the_whole_name():
    assert find_workload("digits") is find_workload("digits/small-cnn/sgd")


@pytest.mark.parametrize(("dataset", "goal"), [("mnist", 0.02), ("fashion-mnist", 0.12)])
def test_the_papers_protocol(dataset, goal):
    workload = find_workload(f"{dataset}/simple-cnn/sgd")
    (rate,) = workload.search_space
    assert (rate.name, rate.low, rate.high, rate.scale) == ("learning_rate", 1e-4, 1.0, "log")
    assert (workload.goal_error, workload.max_steps, workload.eval_interval) == (goal, 40_000, 16)
    assert (workload.trials, workload.smoothness_interval) == (100, 100)
    assert workload.batch_sizes == tuple(2**power for power in range(1, 15))


def test_the_protocol_of_digits():
    workload = find_workload("digits")
    (rate,) = workload.search_space
    assert (rate.low, rate.high, rate.scale) == (1e-2, 2.0, "log")
    assert (workload.goal_error, workload.eval_interval, workload.trials) == (0.08, 2, 16)
    assert workload.batch_sizes == tuple(2**power for power in range(9))


@pytest.mark.parametrize("name", ["", "mnist", "digits/small-cnn/momentum", "DIGITS"])
def test_an_unknown_workload_is_refused_with_the_known_ones(name):
    with pytest.raises(InputError, match=r"unknown workload '.*'; choose one of: digits/.*, mnist/.*, fashion-mnist/"):
        find_workload(name)
