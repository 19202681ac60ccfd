import numpy as np
import pytest

from empirics.probes.curvature import Spectrum
from empirics.probes.gradient_noise import GradientNoise
from empirics.probes.quadratic_forms import QuadraticForms
from empirics.probes.smoothness import Moved, StepMeasurement
from empirics.probes.windows import Point, Run, constants_of

RATE = 0.1


def array(value):
    return np.array([value, value + 1.0])


def along(smoothness, loss, after=0.0, *, gamma=0.5, bend=0.0, square=1.0, batch=1.0):
    moved = Moved(array(smoothness), array(gamma), np.ones((2, 2)), square, array(0.0), array(bend), batch, array(0.0))
    return StepMeasurement(array(loss), array(after), moved)


def still(loss):
    return StepMeasurement(array(loss), array(loss), None)


def point(step, measured, variance, square, *, regular=True, top=None, forms=None):
    spectrum = None if top is None else Spectrum(np.array([1.0, top]), np.array([0.25, 0.75]), 0.0)
    noise = GradientNoise(array(variance), array(square))
    return Point(step, regular, measured, noise, spectrum, forms)


POINTS = [
    point(1, along(4.0, 2.5, gamma=0.1, bend=2.0, square=3.0, batch=5.0), 20.0, 8.0, top=20.0),
    point(6, still(2.0), 14.0, 5.0),
    point(11, along(8.0, 1.0, bend=6.0, batch=9.0), 8.0, 2.0, top=4.0, forms=QuadraticForms(3.0, 7.0, 0.1)),
    point(13, along(1.0, 0.9, 0.7), 100.0, 100.0, regular=False),
]
BUDGET = [along(10.0, 2.2), still(2.0), along(20.0, 0.5)]


def run(goal_step=13, *, plain=True, eta=RATE, share=0.4):
    return Run(goal_step, 4, eta, plain, share)


def test_every_window_by_hand():
    found = {name: value.tolist() for name, value in constants_of(POINTS, BUDGET, run()).items()}
    # variance = 4 + 2 x square at the three regular points up to the goal
    fit = {"M": [1.0, pytest.approx(3 / 4)], "M_G": [1.5, 1.5], "beta_V": [2.0, 2.0]}
    assert found == {
        "Delta": [5.0, 7.0],
        "beta": [20.0, 21.0],
        "L_mean_budget": [15.0, 16.0],
        "L_mean": [6.0, 7.0],
        "L_mean_equal_loss": [4.0, 5.0],  # the third point's loss is 40% of the first's
        "L_max": [8.0, 9.0],
        "L_at_goal": [1.0, 2.0],
        "epsilon": [5.0, 6.0],
        "beta_mean": [14.0, 15.0],
        "noise_scale": [14 / 5, 15 / 6],
        "gamma": [0.3, 1.3],
        "lambda": [2.0, 2.5],
        "batch_square": [7.0],
        "s": [pytest.approx(8 / (RATE * 10)), pytest.approx(10 / (RATE * 12))],
        "hessian_top": [12.0],
        "share_above_edge": [0.375],  # of 20 and 4 one is above 1/eta = 10
        "gradient_H_gradient": [3.0],
        "trace_H_Sigma": [7.0],
        **{name: [pytest.approx(value) for value in values] for name, values in fit.items()},
    }


def test_without_a_goal_nothing_is_averaged_up_to_it():
    assert set(constants_of(POINTS, [], run(None))) == {"Delta", "beta", "L_mean_equal_loss"}
    assert set(constants_of(POINTS, BUDGET, run(None))) == {"Delta", "beta", "L_mean_equal_loss", "L_mean_budget"}
    assert constants_of([], BUDGET, run()) == {}


def test_a_run_that_did_not_come_to_the_equal_loss_has_no_mean_down_to_it():
    assert "L_mean_equal_loss" not in constants_of(POINTS, [], run(share=0.3))


def test_a_goal_step_that_moved_nothing_has_no_smoothness_at_the_goal():
    found = constants_of(POINTS[:2], [], run(6))
    assert "L_at_goal" not in found
    assert found["L_mean"].tolist() == [4.0, 5.0]


def test_one_point_has_no_second_moment_to_fit():
    assert not {"M", "M_G", "beta_V"} & set(constants_of(POINTS[:1], [], run(1)))


def test_what_is_said_of_plain_steps_is_not_of_momentum():
    assert set(constants_of(POINTS, [], run())) - set(constants_of(POINTS, [], run(plain=False))) == {"s"}
    assert set(constants_of(POINTS, [], run())) - set(constants_of(POINTS, [], run(eta=None))) == {
        "s",
        "share_above_edge",
    }


def test_a_square_that_came_out_negative_makes_no_noise_scale():
    found = constants_of([point(1, along(4.0, 2.5), 20.0, -3.0), point(6, along(4.0, 2.5), 20.0, 1.0)], [], run(6))
    assert found["epsilon"].tolist() == [-1.0, 0.0]
    assert not {"noise_scale", "s"} & found.keys()
