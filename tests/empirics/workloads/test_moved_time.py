"""The time that steps move a run against the update rules themselves, under a gradient of 1."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from empirics.workloads.moved_time import has_decay, moved_time, rate_left, steps_at_first_rate
from empirics.workloads.optimizers import OPTIMIZERS, SCHEDULES

POINTS = st.fixed_dictionaries(
    {
        "learning_rate": st.floats(1e-4, 1.0),
        "momentum": st.floats(0.0, 0.99),
        "decay_steps": st.integers(1, 60),
        "end_learning_rate_factor": st.floats(1e-4, 1.0),
    }
)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov"])
@given(point=POINTS, steps=st.integers(1, 40))
def test_it_is_how_far_the_rule_goes(optimizer, schedule, point, steps):
    weights = torch.zeros(1, 1, dtype=torch.float64)
    rule, rates = OPTIMIZERS[optimizer]([point], weights), SCHEDULES[schedule]([point], weights)
    for step in range(steps):
        rule.update(weights, torch.ones_like(weights), rates.rates(torch.tensor(step, dtype=torch.float64)))
    assert moved_time(optimizer, schedule, point, steps) == pytest.approx(-weights.item(), rel=1e-12)


def test_a_rule_that_is_no_mean_of_gradients_has_none():
    assert moved_time("adamw", "constant", {"learning_rate": 0.1}, 3) is None
    assert moved_time("my_module:MyRule", "constant", {"learning_rate": 0.1}, 3) is None


@pytest.mark.parametrize("steps", [0, 0.5, 1])
def test_a_decay_of_less_than_a_step_is_one_of_a_step(steps):
    point = {"learning_rate": 0.5, "decay_steps": steps, "end_learning_rate_factor": 0.25}
    assert rate_left(point, [0, 1, 2]).tolist() == [1.0, 0.25, 0.25]
    assert moved_time("sgd", "linear", point, 3) == 0.75


@given(POINTS, st.floats(0.0, 60.0), st.integers(1, 200))
def test_steps_at_the_first_rate_add_up_to_all_rates(point, decay_steps, steps):
    """Also of decays that end between two steps. Each of up to 200 terms is rounded once: 200 * 1.1e-16 of the sum."""
    point["decay_steps"] = decay_steps
    total = sum(rate_left(point, np.arange(steps)).tolist())
    assert steps_at_first_rate(point, steps) == pytest.approx(total, rel=1e-13)
    del point["decay_steps"]
    assert not has_decay(point)
    assert steps_at_first_rate(point, steps) == steps


@pytest.mark.parametrize("factor", [-1.0, 1.5])
def test_what_is_no_decay_counts_its_steps(factor):
    """As a table from elsewhere may hold it: the sum of its rates could be negative."""
    point = {"decay_steps": 20.0, "end_learning_rate_factor": factor}
    assert not has_decay(point)
    assert steps_at_first_rate(point, 200) == 200.0
