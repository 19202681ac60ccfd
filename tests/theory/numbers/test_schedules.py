"""Closed forms of schedules against direct sums, what converges, and the root of K = a H_K + b."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.theory.rate_sums import added, closed

from theory.numbers.schedules import SHAPES, Schedule, self_consistent_steps

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
    for total, terms in ((schedule.sum_of_rates, rates), (schedule.sum_of_squares, rates**2)):
        direct = [math.fsum(terms[:number]) for number in numbers]
        np.testing.assert_allclose(total(numbers), direct, rtol=0, atol=SUM_ERROR * 0.3)
    assert np.all(np.diff(rates) <= 0)


EXTREMES = [
    *(("inverse", {"tau": tau}) for tau in (5e-324, 1e-5, 39.5, 777.7, 1e15, 1e16, 1e300, 1.7e308)),
    *(("power", {"power": power}) for power in (1e-10, 1.0 + 2**-52, 9.9, 10.1, 200.0)),
    *(("cosine", {"decay_steps": steps, "end_factor": 0.0}) for steps in (2, 171, 1e15, 1e308)),
    *(("linear", {"decay_steps": steps, "end_factor": 1e-300}) for steps in (3, 171, 1e15, 1e308)),
    *(("exponential", {"gamma": gamma}) for gamma in (5e-324, 1e-5, 0.999, 1.0 - 2**-53)),
    *(("step", {"gamma": 1.0 - 2**-53, "decay_steps": steps}) for steps in (2, 1e10)),
    *(
        ("polynomial", {"decay_steps": steps, "end_factor": end, "power": power})
        for steps, power in ((1401, 67.36), (171, 0.001), (41, 10.0), (161, 40.0), (900, 230.0), (1e6, 67.36))
        for end in (0.0, 0.1)
    ),
    *(
        ("polynomial", {"decay_steps": steps, "end_factor": 0.0, "power": power})
        for steps, power in ((1e15, 1e15), (1e15, 3e16), (1e308, 0.5))
    ),
]


@pytest.mark.parametrize(("name", "parameters"), EXTREMES)
def test_sums_of_extreme_schedules_are_those_added_up_in_forty_digits(name, parameters):
    schedule = Schedule(name, 1.0, parameters)
    last = int(min(parameters.get("decay_steps", 200), 200))
    for steps in (1, 2, last - 1, last):
        for degree, total in ((1, schedule.sum_of_rates(steps)), (2, schedule.sum_of_squares(steps))):
            assert float(total) == pytest.approx(float(added(name, degree, steps, parameters)), rel=5e-15)


@pytest.mark.parametrize(
    ("name", "parameters", "steps"),
    [
        ("inverse", {"tau": 1e15}, 1e18),
        ("inverse", {"tau": 0.01}, 1e30),
        ("power", {"power": 1.0 - 1e-12}, 1e20),
        ("power", {"power": 0.3}, 1e9),
        ("cosine", {"decay_steps": 1e12, "end_factor": 0.1}, 1e12),
        ("exponential", {"gamma": 1.0 - 2**-53}, 1e17),
        ("step", {"gamma": 0.999, "decay_steps": 1e10}, 1e12),
    ],
)
def test_long_sums_are_the_closed_forms_in_many_digits(name, parameters, steps):
    schedule = Schedule(name, 1.0, parameters)
    for degree, total in ((1, schedule.sum_of_rates(steps)), (2, schedule.sum_of_squares(steps))):
        assert float(total) == pytest.approx(float(closed(name, degree, steps, parameters, 80)), rel=1e-14)


@pytest.mark.parametrize("steps", [1e14, 1e15, 3e15])
def test_a_long_polynomial_of_power_one_is_a_line_and_of_half_the_power_its_root(steps):
    own = {"decay_steps": 1e15, "end_factor": 0.0}
    line, root = Schedule("linear", 1.0, own), Schedule("polynomial", 1.0, own | {"power": 0.5})
    same = Schedule("polynomial", 1.0, own | {"power": 1.0})
    assert float(same.sum_of_rates(steps)) == pytest.approx(float(line.sum_of_rates(steps)), rel=1e-14)
    assert float(same.sum_of_squares(steps)) == pytest.approx(float(line.sum_of_squares(steps)), rel=1e-14)
    assert float(root.sum_of_squares(steps)) == pytest.approx(float(line.sum_of_rates(steps)), rel=1e-14)


@pytest.mark.parametrize(("steps", "power"), [(1e300, 1e299), (1e308, 1e308), (1e308, 3e306)])
def test_a_very_long_polynomial_is_exponential(steps, power):
    schedule = Schedule("polynomial", 1.0, {"decay_steps": steps, "end_factor": 0.0, "power": power})
    for degree, total in ((1, schedule.sum_of_rates(999)), (2, schedule.sum_of_squares(999))):
        assert float(total) == pytest.approx(math.fsum(math.exp(-degree * k * (power / steps)) for k in range(999)))


def test_a_power_that_leaves_the_first_step_alone():
    schedule = Schedule("polynomial", 2.0, {"decay_steps": 1401, "end_factor": 0.0, "power": 1e308})
    assert schedule.sum_of_rates([0, 1, 1401]).tolist() == [0.0, 2.0, 2.0]
    assert Schedule("power", 2.0, {"power": 1e308}).sum_of_squares([1, 10]).tolist() == [4.0, 4.0]


@pytest.mark.parametrize(
    ("name", "peak", "parameters", "step", "expected"),
    [
        ("exponential", 1e300, {"gamma": 1e-200}, 2, 1e-100),
        ("step", 1e300, {"gamma": 1e-200, "decay_steps": 2}, 5, 1e-100),
        ("power", 1e300, {"power": 200.0}, 99, 1e-100),
        ("polynomial", 1e300, {"decay_steps": 100, "end_factor": 0.0, "power": 200.0}, 99, 1e-100),
        ("inverse", 1e300, {"tau": 5e-324}, 1, 1e300 * 5e-324),
        ("inverse", 1.0, {"tau": 1.7e308}, 1.7e308, 0.5),
        ("linear", 1.0, {"decay_steps": 1e15, "end_factor": 0.0}, 1e15 - 1, 1e-15),
        ("cosine", 1.0, {"decay_steps": 1e15, "end_factor": 0.0}, 1e15 - 1, (math.pi / 2e15) ** 2),
    ],
)
def test_rates_that_are_doubles_are_given(name, peak, parameters, step, expected):
    assert float(Schedule(name, peak, parameters).rate(step)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("peak", "steps", "squares"), [(1e200, 10, True), (1e-200, 10, True), (1e308, 10, False), (1e300, 1e300, False)]
)
def test_sums_beyond_the_doubles_are_refused(peak, steps, squares):
    schedule = Schedule("constant", peak, {})
    with pytest.raises(ValueError, match="the sum leaves the range of double precision: choose other units"):
        (schedule.sum_of_squares if squares else schedule.sum_of_rates)(steps)
    assert schedule.sum_of_squares(0) == 0.0


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
        ("linear", {"decay_steps": 10, "end_factor": 5e-324}, (True, False)),
        ("polynomial", PARAMETERS["polynomial"], (True, False)),
        ("cosine", PARAMETERS["cosine"], (True, False)),
        ("inverse", PARAMETERS["inverse"], (True, True)),
        ("power", {"power": 0.4}, (True, False)),
        ("power", {"power": 0.5}, (True, False)),
        ("power", {"power": 0.51}, (True, True)),
        ("power", {"power": 1e308}, (False, True)),
        ("power", {"power": 5e-324}, (True, False)),
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
    last_rate = PARAMETERS[name].get("end_factor", 1.0 if name == "constant" else 0.0)
    if cost * last_rate**2 >= 1:
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


@pytest.mark.parametrize(
    ("name", "peak", "parameters", "noise_factor", "floor", "expected"),
    [
        ("constant", 0.5, {}, 0.0, 1e300, 1e300),
        ("constant", 2.0**-20, {}, 2.0**40 * (1.0 - 2**-53), 1.0, 2.0**53),
        # a eta^2 is below 1, and 1 if each product is rounded
        ("constant", 0.2209278197011611, {}, 20.487982136550617, 1.0, 6.206877508348137e16),
        ("constant", 1e-200, {}, 1e308, 3.0, 3.0),
        ("constant", 5e-324, {}, 0.0, 5e-324, 5e-324),
        ("linear", 1.0, {"decay_steps": 2, "end_factor": 0.5}, 4.0 * (1.0 - 2**-53), 1.0, 5.25 * 2**53 - 4.25),
        ("exponential", 1.0, {"gamma": 0.5}, 1e300, 1.0, 4e300 / 3.0),
        ("inverse", 1e100, {"tau": 5e-324}, 1e100, 1.0, 1e300),
        ("power", 1.0, {"power": 0.5}, 1.0, 1e30, 1e30),
        ("polynomial", 1.0, {"decay_steps": 1401, "end_factor": 0.0, "power": 67.36}, 0.0, 7.5, 7.5),
    ],
)
def test_extreme_steps_of_the_equation(name, peak, parameters, noise_factor, floor, expected):
    schedule = Schedule(name, peak, parameters)
    assert self_consistent_steps(schedule, noise_factor, floor) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(("peak", "noise_factor", "floor"), [(1e200, 1e10, 1.0), (1.0, 1e308, 1e308)])
def test_steps_beyond_the_doubles_are_refused(peak, noise_factor, floor):
    with pytest.raises(ValueError, match=r"leaves the range of double precision|no double is as large"):
        self_consistent_steps(Schedule("exponential", peak, {"gamma": 0.9}), noise_factor, floor)
    assert self_consistent_steps(Schedule("constant", 1e200, {}), noise_factor, floor) == math.inf


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
        ("constant", 10**400, {}, "peak must be finite and > 0"),
        ("linear", 1.0, {"decay_steps": 10**400, "end_factor": 0.1}, "decay_steps must be a finite whole number >= 2"),
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


@pytest.mark.parametrize("steps", [-1, 0.5, math.nan, math.inf, 10**400])
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


def test_which_shapes_keep_a_tuned_peak_below_twice_the_largest_rate():
    """13.39: A_K/H_K at the peak 1 is below 2 for linear and cosine decay to 0, not for slow decays."""
    held = {"decay_steps": 10_000, "end_factor": 0.0}
    shapes = {"linear": held, "cosine": held, "inverse": {"tau": 100.0}, "power": {"power": 0.5}}
    ratios = {}
    for name, own in shapes.items():
        schedule = Schedule(name, 1.0, own)
        ratios[name] = float(schedule.sum_of_rates(10_000) / schedule.sum_of_squares(10_000))
    assert ratios["linear"] == pytest.approx(3 / 2, rel=1e-3)
    assert ratios["cosine"] == pytest.approx(4 / 3, rel=1e-3)
    assert min(ratios["inverse"], ratios["power"]) > 2.0


def test_a_decay_may_need_fewer_steps_to_the_plain_mean():
    """13.41: on f = w²/2 with M = epsilon, that is B = B_0, the mean of E|grad f|² over a run meets epsilon first."""
    epsilon, peaks = 0.02, np.linspace(0.002, 1.999, 800)

    def met(shape):
        square, total = np.ones_like(peaks), np.zeros_like(peaks)
        for rate in np.outer(shape, peaks):
            total += square
            square = (1.0 - rate) ** 2 * square + rate**2 * epsilon
        return bool((total / len(shape)).min() <= epsilon)

    constant = next(steps for steps in range(90, 110) if met(np.ones(steps)))
    decaying = next(steps for steps in range(65, 80) if met(1.0 - np.arange(steps) / steps))
    assert decaying / constant == pytest.approx(0.73, abs=0.005)
