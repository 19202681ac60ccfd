"""Closed forms of schedules against direct sums, what converges, and the root of K = a H_K + b."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.schedules import SHAPES, Schedule, self_consistent_steps

STEPS = 300
PARAMETERS = {
    "constant": {},
    "linear": {"decay_steps": 100, "end_factor": 0.1},
    "polynomial": {"decay_steps": 100, "end_factor": 0.05, "power": 2.5},
    "cosine": {"decay_steps": 100, "end_factor": 0.1},
    "inverse": {"tau": 7.0},
    "power": {"power": 0.6},
    "step": {"decay_steps": 40, "gamma": 0.3},
    "exponential": {"gamma": 0.97},
}
# a sum of 300 terms of at most 1 in doubles, and closed forms that cancel terms of the order D^3/D^2
SUM_ERROR = STEPS * 100 * np.finfo(float).eps


def direct_rate(name, k, decay_steps=None, end_factor=None, power=None, tau=None, gamma=None):
    """The shapes again, step by step."""
    if decay_steps is not None and end_factor is not None:
        progress = min(k, decay_steps) / decay_steps
        left = {
            "linear": 1 - progress,
            "polynomial": (1 - progress) ** (power or 1),
            "cosine": math.cos(math.pi * progress / 2) ** 2,
        }[name]
        return end_factor + (1 - end_factor) * left
    if name == "step":
        return gamma ** (k // decay_steps)
    return {
        "constant": lambda: 1.0,
        "inverse": lambda: tau / (tau + k),
        "power": lambda: (k + 1) ** -power,
        "exponential": lambda: gamma**k,
    }[name]()


def test_every_shape_is_tested():
    assert set(PARAMETERS) == set(SHAPES)


@pytest.mark.parametrize("name", PARAMETERS)
def test_rates_and_sums_are_those_added_up_directly(name):
    schedule = Schedule(name, 0.3, PARAMETERS[name])
    rates = 0.3 * np.array([direct_rate(name, k, **PARAMETERS[name]) for k in range(STEPS)])
    np.testing.assert_allclose(schedule.rate(np.arange(STEPS)), rates, rtol=1e-13)
    numbers = np.arange(STEPS + 1)
    for closed, terms in ((schedule.sum_of_rates, rates), (schedule.sum_of_squares, rates**2)):
        direct = [math.fsum(terms[:number]) for number in numbers]
        np.testing.assert_allclose(closed(numbers), direct, rtol=0, atol=SUM_ERROR * 0.3)
    assert np.all(np.diff(rates) <= 0)
    assert schedule.last_rate <= rates[-1]


@pytest.mark.parametrize("exponent", [0.3, 0.5, 1.0, 1.7])
def test_sums_of_powers_on_both_sides_of_the_pole(exponent):
    closed = Schedule("power", 1.0, {"power": exponent})
    assert closed.sum_of_rates(1000) == pytest.approx(math.fsum(k**-exponent for k in range(1, 1001)), rel=1e-13)
    assert closed.sum_of_squares(1000) == pytest.approx(
        math.fsum(k ** (-2 * exponent) for k in range(1, 1001)), rel=1e-13
    )


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        ("constant", {}, (True, False)),
        ("linear", PARAMETERS["linear"], (True, False)),
        ("linear", {"decay_steps": 10, "end_factor": 0.0}, (False, True)),
        ("polynomial", PARAMETERS["polynomial"], (True, False)),
        ("cosine", PARAMETERS["cosine"], (True, False)),
        ("inverse", PARAMETERS["inverse"], (True, True)),
        ("power", {"power": 0.4}, (True, False)),
        ("power", {"power": 0.5}, (True, False)),
        ("power", {"power": 0.51}, (True, True)),
        ("power", {"power": 1.0}, (True, True)),
        ("power", {"power": 1.01}, (False, True)),
        ("step", PARAMETERS["step"], (False, True)),
        ("exponential", PARAMETERS["exponential"], (False, True)),
    ],
)
def test_the_conditions_of_robbins_and_monro(name, parameters, expected):
    assert Schedule(name, 0.1, parameters).robbins_monro() == expected


def missing(schedule, steps, a, b):
    """K - a H_K - b with H joined linearly, by a direct sum of rates."""
    whole = math.floor(steps)
    rates = schedule.rate(np.arange(whole + 1))
    squares = math.fsum(rates[:whole] ** 2) + (steps - whole) * rates[whole] ** 2
    return steps - a * squares - b


@given(
    name=st.sampled_from(sorted(PARAMETERS)),
    # a times the peak's square below 3: roots of at most some thousand steps
    cost=st.floats(0.0, 3.0),
    floor=st.floats(0.1, 50.0),
)
def test_the_self_consistent_number_of_steps_solves_its_equation_and_is_alone(name, cost, floor):
    schedule = Schedule(name, 1.0, PARAMETERS[name])
    steps = self_consistent_steps(schedule, cost, floor)
    if cost * schedule.last_rate**2 >= 1:
        assert math.isinf(steps)
        return
    assert steps >= floor * (1 - 1e-12)
    if steps < 1e4:
        scale = steps + cost * float(schedule.sum_of_squares(math.ceil(steps))) + floor
        assert missing(schedule, steps, cost, floor) == pytest.approx(0, abs=scale * SUM_ERROR)
        for share in (0.3, 0.9, 0.999):
            assert missing(schedule, share * steps, cost, floor) < 0 or share * steps > steps - 1e-6
        assert missing(schedule, 1.2 * steps + 1, cost, floor) > 0


def test_without_enough_examples_no_number_of_steps_will_do():
    """At a constant rate K = b/(1 - a eta²), the exact form of Eq. (6)."""
    schedule = Schedule("constant", 0.1, {})
    assert self_consistent_steps(schedule, 99.0, 5.0) == pytest.approx(500.0, rel=1e-9)
    assert self_consistent_steps(schedule, 100.0001, 5.0) == math.inf


def test_effective_steps_of_a_whole_decay():
    """K H_K/A_K^2 tends to 4/3 and 3/2, with an error of the order 1/K."""
    steps = 10_000
    for name, expected in (("linear", 4 / 3), ("cosine", 3 / 2)):
        schedule = Schedule(name, 1.0, {"decay_steps": steps, "end_factor": 0.0})
        factor = steps * schedule.sum_of_squares(steps) / schedule.sum_of_rates(steps) ** 2
        assert factor == pytest.approx(expected, rel=3 / steps)
        assert factor != pytest.approx(expected, rel=0.1 / steps)


@given(unit=st.floats(1e-6, 1e6), name=st.sampled_from(sorted(PARAMETERS)))
def test_sums_scale_with_the_peak(unit, name):
    one, scaled = (Schedule(name, peak, PARAMETERS[name]) for peak in (1.0, unit))
    assert scaled.sum_of_rates(77) == pytest.approx(unit * one.sum_of_rates(77), rel=1e-14)
    assert scaled.sum_of_squares(77) == pytest.approx(unit**2 * one.sum_of_squares(77), rel=1e-14)


@pytest.mark.parametrize(
    ("name", "peak", "parameters", "message"),
    [
        ("warmup", 1.0, {}, "name must be one of constant, linear"),
        ("constant", 0.0, {}, "peak must be finite and > 0, got 0.0"),
        ("constant", math.nan, {}, "peak must be finite and > 0"),
        ("constant", 1.0, {"tau": 1.0}, r"schedule constant takes exactly \(\), got \('tau',\)"),
        ("linear", 1.0, {"decay_steps": 10}, "schedule linear takes exactly"),
        ("linear", 1.0, {"decay_steps": 1, "end_factor": 0.1}, "decay_steps must be a finite whole number >= 2, got 1"),
        ("linear", 1.0, {"decay_steps": 2.5, "end_factor": 0.1}, "decay_steps must be a finite whole number >= 2"),
        ("linear", 1.0, {"decay_steps": 10, "end_factor": 1.1}, r"end_factor must be in \[0, 1\], got 1.1"),
        ("inverse", 1.0, {"tau": 0.0}, "tau must be finite and > 0"),
        ("power", 1.0, {"power": math.inf}, "power must be finite and > 0"),
        ("exponential", 1.0, {"gamma": 1.0}, r"gamma must be in \(0, 1\), got 1.0"),
        ("exponential", 1.0, {"gamma": math.nan}, r"gamma must be in \(0, 1\)"),
    ],
)
def test_schedules_out_of_range(name, peak, parameters, message):
    with pytest.raises(ValueError, match=message):
        Schedule(name, peak, parameters)


@pytest.mark.parametrize("steps", [-1, 0.5, math.nan, math.inf])
def test_steps_that_are_not_whole(steps):
    schedule = Schedule("constant", 1.0, {})
    for function, name in (
        (schedule.rate, "step"),
        (schedule.sum_of_rates, "steps"),
        (schedule.sum_of_squares, "steps"),
    ):
        with pytest.raises(ValueError, match=f"{name} must be whole numbers >= 0"):
            function(steps)


@pytest.mark.parametrize(("noise_factor", "floor"), [(-1.0, 1.0), (math.inf, 1.0), (1.0, 0.0), (1.0, math.nan)])
def test_constants_of_the_equation_out_of_range(noise_factor, floor):
    with pytest.raises(ValueError, match="need finite noise_factor >= 0 and floor > 0"):
        self_consistent_steps(Schedule("constant", 1.0, {}), noise_factor, floor)
