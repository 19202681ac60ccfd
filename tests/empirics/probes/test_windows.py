import numpy as np
import pytest

from empirics.probes.gradient_noise import GradientNoise
from empirics.probes.smoothness import StepMeasurement
from empirics.probes.windows import Point, constants_of


def array(value):
    return np.array([value, value + 1.0])


def point(step, smoothness, loss, variance, square, *, regular=True, top=None):
    along = StepMeasurement(None if smoothness is None else array(smoothness), array(loss), array(loss))
    return Point(step, regular, along, GradientNoise(array(variance), array(square)), top)


RUN = [
    point(1, 4.0, 2.5, 20.0, 8.0, top=6.0),
    point(6, None, 2.0, 14.0, 5.0),
    point(11, 8.0, 1.0, 8.0, 2.0, top=2.0),
    point(13, 1.0, 0.9, 100.0, 100.0, regular=False),
    point(16, 30.0, 0.8, 1.0, 1.0, top=50.0),
]


def test_every_window_by_hand():
    found = {name: value.tolist() for name, value in constants_of(RUN, 13, 4, whole_run=True).items()}
    # variance = 4 + 2 x square at the three regular points up to the goal
    fit = {"M": [1.0, pytest.approx(3 / 4)], "M_G": [1.5, 1.5], "beta_V": [2.0, 2.0]}
    assert found == {
        "Delta": [5.0, 7.0],
        "beta": [20.0, 21.0],
        "L_mean_budget": [14.0, 15.0],
        "L_mean": [6.0, 7.0],
        "L_max": [8.0, 9.0],
        "L_at_goal": [1.0, 2.0],
        "hessian_top": [4.0, 4.0],
        "epsilon": [5.0, 6.0],
        "beta_mean": [14.0, 15.0],
        "noise_scale": [14 / 5, 15 / 6],
        **{name: [pytest.approx(value) for value in values] for name, values in fit.items()},
    }


def test_without_a_goal_nothing_is_averaged_up_to_it():
    assert set(constants_of(RUN, None, 4, whole_run=False)) == {"Delta", "beta"}
    assert set(constants_of(RUN, None, 4, whole_run=True)) == {"Delta", "beta", "L_mean_budget"}
    assert constants_of([], 13, 4, whole_run=True) == {}


def test_a_goal_step_that_moved_nothing_has_no_smoothness_at_the_goal():
    found = constants_of([RUN[0], point(6, None, 2.0, 14.0, 5.0)], 6, 4, whole_run=False)
    assert "L_at_goal" not in found
    assert found["L_mean"].tolist() == [4.0, 5.0]


def test_one_point_has_no_second_moment_to_fit():
    assert not {"M", "M_G", "beta_V"} & set(constants_of(RUN[:1], 1, 4, whole_run=False))


def test_a_square_that_came_out_negative_makes_no_noise_scale():
    found = constants_of([point(1, 4.0, 2.5, 20.0, -3.0), point(6, 4.0, 2.5, 20.0, 1.0)], 6, 4, whole_run=False)
    assert found["epsilon"].tolist() == [-1.0, 0.0]
    assert "noise_scale" not in found
