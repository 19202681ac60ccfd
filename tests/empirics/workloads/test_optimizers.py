import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from reference.empirics import protocol

from empirics.workloads.optimizers import OPTIMIZERS, SCHEDULES

# Each step does at most six roundings of numbers up to the largest on the path.
ROUNDINGS_A_STEP = 6 * 2.0**-53
numbers = st.floats(-10, 10)


@pytest.mark.parametrize("name", OPTIMIZERS)
@given(st.lists(st.tuples(numbers, st.floats(1e-3, 1.0)), min_size=1, max_size=8), st.floats(0, 0.999), numbers)
def test_updates_follow_the_recursion_by_hand(name, steps, momentum, start):
    gradients, rates = zip(*steps, strict=True)
    weights = torch.tensor([[start]], dtype=torch.float64)
    point = {"momentum": momentum, "beta1": momentum, "beta2": 0.99, "epsilon": 1e-3, "weight_decay": 0.1}
    optimizer = OPTIMIZERS[name]([point], weights)
    expected = protocol.trajectory(name, start, gradients, rates, momentum)
    largest = 10 + 10 * len(steps) ** 2
    for steps_taken, (gradient, rate, value) in enumerate(zip(gradients, rates, expected, strict=True), start=1):
        optimizer.update(
            weights, torch.tensor([[gradient]], dtype=torch.float64), torch.tensor([[rate]], dtype=torch.float64)
        )
        # AdamW divides by 1 - beta1^k >= 0.001 and by the second moment's root, which may fall to epsilon = 0.001.
        slack = 1e6 if name == "adamw" else 1
        assert float(weights) == pytest.approx(value, abs=slack * steps_taken * ROUNDINGS_A_STEP * largest)


def test_two_steps_of_each_by_hand():
    # m = 0.5, eta = 0.1, g = 1 twice from w = 0: velocities 1 and 1.5
    expected = {"sgd": (-0.1, -0.2), "momentum": (-0.1, -0.25), "nesterov": (-0.15, -0.325)}
    for name, path in expected.items():
        weights, one = torch.zeros(1, 1, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
        optimizer = OPTIMIZERS[name]([{"momentum": 0.5}], weights)
        for value in path:
            optimizer.update(weights, one.clone(), one / 10)
            assert float(weights) == pytest.approx(value, abs=1e-15)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_trials_do_not_touch_each_other_and_those_kept_go_on(name):
    random = np.random.default_rng(0)
    gradients = torch.from_numpy(random.normal(size=(6, 3, 5)))
    points = [{"momentum": momentum} for momentum in (0.1, 0.5, 0.9)]
    rates = torch.tensor([[0.1], [0.2], [0.3]], dtype=torch.float64)
    together = torch.zeros(3, 5, dtype=torch.float64)
    optimizer = OPTIMIZERS[name](points, together)
    for gradient in gradients[:3]:
        optimizer.update(together, gradient.clone(), rates)
    wanted = torch.tensor([True, False, True])
    optimizer.keep(wanted)
    together = together[wanted]
    for gradient in gradients[3:]:
        optimizer.update(together, gradient[wanted].clone(), rates[wanted])
    for row, trial in zip(together, (0, 2), strict=True):
        alone = torch.zeros(1, 5, dtype=torch.float64)
        single = OPTIMIZERS[name]([points[trial]], alone)
        for gradient in gradients:
            single.update(alone, gradient[[trial]].clone(), rates[[trial]])
        assert torch.equal(row, alone[0])


def test_the_linear_schedule_at_its_ends_and_middle():
    points = [
        {"learning_rate": 0.5, "decay_steps": 100, "end_learning_rate_factor": 0.1},
        {"learning_rate": 1.0, "decay_steps": 50, "end_learning_rate_factor": 0.5},
    ]
    schedule = SCHEDULES["linear"](points, torch.zeros(2, 1, dtype=torch.float64))
    expected = {0: (0.5, 1.0), 25: (0.3875, 0.75), 50: (0.275, 0.5), 100: (0.05, 0.5), 10_000: (0.05, 0.5)}
    for step, rates in expected.items():
        assert schedule.rates(step)[:, 0].tolist() == pytest.approx(rates, rel=1e-15)
    schedule.keep(torch.tensor([False, True]))
    assert schedule.rates(25).tolist() == [[0.75]]


def test_the_constant_schedule_is_constant():
    schedule = SCHEDULES["constant"]([{"learning_rate": 0.25}], torch.zeros(1, 1))
    assert [float(schedule.rates(step)) for step in (0, 7, 10**6)] == [0.25] * 3
