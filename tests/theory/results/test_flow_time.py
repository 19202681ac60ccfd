"""Results 16 and 24 on numbers: recursions and flows followed step by step."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq, minimize_scalar

from theory import symbols as s
from theory.noisy_quadratic.problem import NoisyQuadratic
from theory.noisy_quadratic.steps import steps_to_result
from theory.results.all import steps_by_id

CURVATURE = np.array([4.0, 1.0, 0.3])
NOISE = np.array([2.0, 0.5, 0.7])
START = np.array([1.0, 2.0, 3.0])


def followed(rate, batch_size, steps):
    """Return the mean squares of the weights before each step and after the last, by the recursion of 16.2."""
    squares = [START]
    for _ in range(steps):
        squares.append((1 - rate * CURVATURE) ** 2 * squares[-1] + rate**2 * NOISE / batch_size)
    return np.array(squares)


def test_draws_of_sgd_have_the_mean_squares_of_the_recursion():
    """Result 16 against SGD itself, 200 000 runs; the standard error of a mean square is about 0.3%."""
    rate, batch_size, random = 0.2, 3, np.random.default_rng(5)
    w = np.sqrt(START) * np.ones((200_000, 3))
    for _ in range(6):
        w = w - rate * (CURVATURE * w + np.sqrt(NOISE / batch_size) * random.standard_normal(w.shape))
    assert (w**2).mean(axis=0) == pytest.approx(followed(rate, batch_size, 6)[-1], rel=0.02)


@pytest.mark.parametrize("rate", [0.05, 0.45])
def test_the_share_kept_on_a_quadratic(rate):
    """24.6 and 24.7: 1/e by the loss that each mode lost, and by gradients and losses summed up."""
    batch_size, steps = 2.0, 7
    squares = followed(rate, batch_size, steps)
    losses = CURVATURE * squares / 2
    lost = losses[0] - losses[-1]
    gradients = (CURVATURE**2 * squares[:-1]).sum()
    floor = (rate * CURVATURE * NOISE / (batch_size * (2 - rate * CURVATURE))).sum()
    said = (lost * 2 / (2 - rate * CURVATURE)).sum() / lost.sum() + rate * steps * floor / lost.sum()
    assert rate * gradients / lost.sum() == pytest.approx(said)


def test_the_flow_takes_the_time_of_the_path_and_c_is_that_of_one_mode():
    """24.1 on a stiff integrator, for a loss with one curvature; 24.8 by counting steps."""
    curvature, r, rate = 3.0, 50.0, 0.1
    flow = solve_ivp(
        lambda _, w: -curvature * w, (0, 10), [1.0], events=lambda _, w: w[0] ** 2 - 1 / r, rtol=1e-10, atol=1e-12
    )
    phi = np.geomspace(curvature / 2 / r, curvature / 2, 20001)
    time = np.trapezoid(1 / (2 * curvature * phi), phi)
    assert flow.t_events[0][0] == pytest.approx(time, rel=1e-6)
    steps = math.log(r) / (-2 * math.log(1 - rate * curvature))
    said = float(steps_by_id()["24.8"].claim.rhs.subs({s.turn: rate * curvature}))
    assert rate * steps / time == pytest.approx(said, rel=1e-6)
    assert said < 1.0


def test_c_of_a_mode_exceeds_one_where_its_weight_changes_sign():
    """24.8 beyond z = 1: the excess loss is multiplied by (1 - z)² a step, that of the flow by exp(-2 z)."""
    assert brentq(lambda z: -z / math.log(abs(1 - z)) - 1.0, 1.01, 1.99) == pytest.approx(1.28, abs=0.005)


def test_c_of_noisy_quadratics_falls_with_the_batch_size_to_about_one():
    """24.13, over the spectra and goals that it names; a flow ends where its own loss meets the goal."""
    large, small, growth = [], [], []
    for problem in map(NoisyQuadratic.harmonic, (10, 100, 1000)):
        for r in (4.0, 16.0, 100.0):
            goal = problem.Delta / 2.0 / r

            def excess(time, problem=problem, goal=goal):
                left = problem.curvature * problem.initial * np.exp(-2.0 * problem.curvature * time)
                return 0.5 * left.sum() - goal

            tuned = steps_to_result(problem, goal, [1.0, 1e6])
            c = tuned.steps * tuned.eta / brentq(excess, 0.0, 1e6)
            small.append(c[0])
            large.append(c[1])
            growth.append(tuned.steps[0] / tuned.steps[1])
    ends = [f"{end:.1f}" for found in (large, small) for end in (min(found), max(found))]
    assert ends == ["0.9", "1.4", "1.6", "2.2"]
    assert (round(min(growth)), round(max(growth))) == (7, 211)


@pytest.mark.parametrize(("r", "expected"), [(16.0, 1.6), (20.0, 1.6)])
def test_c_of_the_best_share_of_noise(r, expected):
    """24.10 and 24.11 by minimising the steps over the share x."""
    found = minimize_scalar(lambda x: math.log(r / (1 - x)) / x, bounds=(0.01, 0.99), method="bounded")
    x = found.x
    assert x / (1 - x) == pytest.approx(math.log(r / (1 - x)), rel=1e-4)
    assert math.log(r / (1 - x)) / math.log(r) == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize(("nesterov", "step_id"), [(False, "24.14"), (True, "24.15")])
def test_momentum_lags_behind_the_flow(nesterov, step_id):
    """Steps along a constant gradient of 1 from rest, counted."""
    momentum, steps, moved, buffer = 0.8, 9, 0.0, 0.0
    for _ in range(steps):
        buffer = momentum * buffer + 1.0
        moved += 1.0 + momentum * buffer if nesterov else buffer
    said = steps_by_id()[step_id].claim.rhs.subs({s.m: momentum, s.K: steps})
    assert moved == pytest.approx(float(said))


def test_the_fewest_examples_at_a_fixed_rate():
    """Result 25 on a grid: B c2/(1 - B_low/B)."""
    sizes = np.linspace(10.5, 100, 20001)
    examples = sizes * 7.0 / (1 - 10.0 / sizes)
    assert sizes[examples.argmin()] == pytest.approx(20.0, abs=0.01)
    assert examples.min() == pytest.approx(4 * 10.0 * 7.0)
