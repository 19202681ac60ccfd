"""The flow's time against closed forms and a stiff integrator, its invariances, and that it resumes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.empirics.flow import quadratic_time, stiff_time

from empirics.probes.flow import Flow

CURVATURES = np.array([40.0, 8.0, 1.0, 0.2])
START = np.array([0.1, -0.4, 1.0, 2.0])
INPUTS = np.random.default_rng(1).normal(size=(40, 3))
TARGETS = np.tanh(2 * INPUTS[:, 0]) - np.tanh(INPUTS[:, 1] - INPUTS[:, 2])


def quadratic(weights):
    return float(CURVATURES @ weights**2) / 2, CURVATURES * weights


def network(weights):
    """Return f and its gradient for three tanh units and a linear output, mean of squares, shape (12,)."""
    hidden, out = weights[:9].reshape(3, 3), weights[9:]
    units = np.tanh(INPUTS @ hidden.T)
    residual = units @ out - TARGETS
    back = residual[:, None] * out * (1 - units**2)
    gradient = np.concatenate([(back.T @ INPUTS).ravel(), residual @ units]) / len(INPUTS)
    return float(residual @ residual) / (2 * len(INPUTS)), gradient


def flowed(field, weights, longest, loss):
    flow = Flow(field, weights, longest)
    while flow.loss > loss and not flow.stuck:
        flow.advance()
    return flow


def test_a_quadratics_time_is_exact_to_first_order_in_the_step():
    """Steps short enough that none is halved: the error halves with the step, in the band of a first-order method."""
    loss = quadratic(START)[0] / 20
    exact = quadratic_time(CURVATURES, START, loss)
    steps = [2e-3, 1e-3, 5e-4, 2.5e-4]
    errors = [flowed(quadratic, START, step, loss).time_at(loss) / exact - 1 for step in steps]
    slope = np.polyfit(np.log(steps), np.log(np.abs(errors)), 1)[0]
    assert 0.95 < slope < 1.05
    assert abs(errors[-1]) < 1e-3


def test_a_stiff_direction_costs_no_accuracy():
    """The first step is 2.5 times the longest that is stable; the time is right to the two per cent that are stated."""
    loss = quadratic(START)[0] / 20
    flow = flowed(quadratic, START, 0.125, loss)
    assert flow.time_at(loss) == pytest.approx(quadratic_time(CURVATURES, START, loss), rel=0.02)
    assert flow.gradients > len(flow.path)  # some steps were too long


def test_every_step_keeps_three_quarters_of_what_its_slope_promises():
    times, losses, squares = flowed(quadratic, START, 0.125, quadratic(START)[0] / 20).path.T
    steps = np.diff(times)
    assert np.all(-np.diff(losses) >= 0.75 * steps * squares[:-1])
    assert np.all(steps[1:] <= np.minimum(1.25 * steps[:-1], 0.125) * (1 + 1e-12))


@pytest.mark.parametrize("seed", range(3))
def test_a_networks_time_is_the_stiff_integrators(seed):
    start = np.random.default_rng(seed).normal(size=12) / 2
    loss = network(start)[0] / 2.5
    assert flowed(network, start, 0.02, loss).time_at(loss) == pytest.approx(stiff_time(network, start, loss), rel=5e-3)


@given(st.integers(-3, 3), st.integers(-3, 3))
def test_its_time_scales_as_a_learning_rate_does_to_the_bit(power, scale):
    """Result 19: for f_a(u) = s f(a u) from u = w/a the time is T/(a^2 s)."""
    a, s = 2.0**power, 2.0**scale

    def rewritten(point):
        loss, gradient = network(a * point)
        return s * loss, s * a * gradient

    start = np.random.default_rng(0).normal(size=12)
    flow = flowed(network, start, 0.1, 0.3)
    other = flowed(rewritten, start / a, 0.1 / (a**2 * s), s * 0.3)
    assert np.array_equal(other.path, flow.path * [1 / (a**2 * s), s, s**2 * a**2])


def test_it_resumes_with_the_same_bits():
    """At a moment when the next step is a shortened one."""
    whole = flowed(quadratic, START, 0.125, 0.1)
    half = flowed(quadratic, START, 0.125, 0.6)
    rest = Flow(quadratic, START, 0.125)
    rest.load(half.state())
    assert half.state()["counts"][0] < 0.125
    while rest.loss > 0.1:
        rest.advance()
    assert {name: value.tobytes() for name, value in rest.state().items()} == {
        name: value.tobytes() for name, value in whole.state().items()
    }


@pytest.mark.parametrize("change", ["start", "longest", "size"])
def test_the_state_of_another_flow_is_refused(change):
    state = flowed(network, np.full(12, 0.3), 0.2, 0.2).state()
    if change == "size":
        state["weights"] = state["weights"][:-1]
    start, longest = np.full(12, 0.4 if change == "start" else 0.3), 1e-6 if change == "longest" else 0.2
    with pytest.raises(ValueError, match="not a state of this flow"):
        Flow(network, start, longest).load(state)


def test_a_loss_that_is_not_reached_has_no_time():
    flow = flowed(quadratic, START, 0.02, 1.0)
    assert (flow.time_at(0.5), flow.time_at(flow.path[0, 1])) == (None, 0.0)


def test_at_a_minimum_it_is_stuck():
    flow = flowed(lambda w: (1.0 + float(w @ w), 2 * w), np.array([1.0]), 0.1, 1.0)
    assert flow.stuck
    assert flow.loss == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_where_f_is_no_number_steps_are_halved(value):
    """A step of the longest length would leave the ball of radius 2 that f is finite in."""

    def field(weights):
        inside = float(weights @ weights) < 4.0
        return (float(weights[0]), np.array([1.0])) if inside else (value, np.array([value]))

    flow = flowed(field, np.array([1.0]), 16.0, 0.0)
    assert flow.time_at(0.0) == pytest.approx(1.0)
