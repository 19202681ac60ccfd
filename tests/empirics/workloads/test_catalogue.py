import pytest

from empirics.datasets.arrays import DATASETS
from empirics.errors import InputError
from empirics.networks.build import NETWORKS
from empirics.workloads.catalogue import WORKLOADS, describe_workloads
from empirics.workloads.find import find_workload
from empirics.workloads.optimizers import OPTIMIZERS, SCHEDULES

# The workloads of figures 7-11 of Lee et al. 2021 and the goals of Appendix B.
OF_THE_PAPER = {
    **{f"mnist/simple-cnn/{optimizer}": 0.02 for optimizer in ("sgd", "momentum", "nesterov")},
    **{f"fashion-mnist/simple-cnn/{optimizer}": 0.12 for optimizer in ("sgd", "momentum", "nesterov")},
    **{f"cifar-10/resnet-8/{optimizer}/linear": 0.4 for optimizer in ("sgd", "momentum", "nesterov")},
    **{f"cifar-10/resnet-8/{optimizer}": 0.4 for optimizer in ("sgd", "momentum")},
}


def test_every_combination_is_known_by_its_name():
    assert len(WORKLOADS) == 5 + 3 * 2 * 4 * 2
    assert {workload.dataset for workload in WORKLOADS.values()} == set(DATASETS)
    assert {workload.network for workload in WORKLOADS.values()} == set(NETWORKS)
    assert {workload.optimizer for workload in WORKLOADS.values()} == set(OPTIMIZERS)
    assert {workload.schedule for workload in WORKLOADS.values()} == set(SCHEDULES)
    assert all(name in describe_workloads() for name in WORKLOADS)


def test_the_papers_eleven_carry_its_goals_and_the_others_none():
    goals = {name: workload.goal_error for name, workload in WORKLOADS.items() if workload.dataset != "digits"}
    assert {name: goal for name, goal in goals.items() if goal is not None} == OF_THE_PAPER


def test_the_protocol_of_cifar_10():
    workload = find_workload("cifar-10/resnet-8/nesterov/linear")
    assert (workload.max_steps, workload.eval_interval, workload.trials) == (100_000, 32, 100)
    ranges = [(axis.name, axis.low, axis.high, axis.scale) for axis in workload.search_space]
    assert ranges == [
        ("learning_rate", 1e-4, 1.0, "log"),
        ("momentum", 0.9, 0.9999, "reverse_log"),
        ("decay_steps", 30_000, 60_000, "integer"),
        ("end_learning_rate_factor", 1e-4, 0.1, "log"),
    ]


def test_digits_is_short_for_the_whole_name():
    assert find_workload("digits") is find_workload("digits/small-cnn/sgd")


@pytest.mark.parametrize(("dataset", "goal"), [("mnist", 0.02), ("fashion-mnist", 0.12)])
def test_the_papers_protocol(dataset, goal):
    workload = find_workload(f"{dataset}/simple-cnn/sgd")
    (rate,) = workload.search_space
    assert (rate.name, rate.low, rate.high, rate.scale) == ("learning_rate", 1e-4, 1.0, "log")
    assert (workload.goal_error, workload.max_steps, workload.eval_interval) == (goal, 40_000, 16)
    assert workload.trials == 100
    assert workload.batch_sizes == tuple(2**power for power in range(1, 15))


def test_the_protocol_of_digits():
    workload = find_workload("digits")
    (rate,) = workload.search_space
    assert (rate.low, rate.high, rate.scale) == (1e-2, 2.0, "log")
    assert (workload.goal_error, workload.eval_interval, workload.trials) == (0.08, 2, 16)
    assert workload.batch_sizes == tuple(2**power for power in range(9))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("mnist", "perhaps mnist/simple-cnn/sgd or mnist/simple-cnn/sgd/linear or mnist/simple-cnn/momentum; "),
        ("digits/small-cnn/sdg", "perhaps digits/small-cnn/sgd"),
        ("", ""),
        ("imagenet", ""),
    ],
)
def test_an_unknown_workload_is_refused_with_those_spelled_like_it(name, hint):
    with pytest.raises(InputError) as refusal:
        find_workload(name)
    assert str(refusal.value).startswith(f"unknown workload {name!r}; {hint}")
    assert str(refusal.value).endswith("`python -m empirics.measure --list` shows them all")
    assert len(str(refusal.value)) < 250
