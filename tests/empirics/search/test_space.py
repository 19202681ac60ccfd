import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import MPContext

from empirics.errors import InputError
from empirics.search.space import Metaparameter, _log10, _power_of_ten, search_points
from empirics.workloads.catalogue import DECAY_STEPS, END_LEARNING_RATE_FACTOR, LEARNING_RATE, MOMENTUM

PAPER_SPACE = (LEARNING_RATE, MOMENTUM, DECAY_STEPS, END_LEARNING_RATE_FACTOR)

# A power of ten through log10 and back loses a few roundings of its exponent: |exponent| ln(10) 2^-53 a step.
SCALE_TOLERANCE = 8 * math.log(10) * 4 * 2.0**-53


def test_the_papers_first_learning_rates():
    rates = [point["learning_rate"] for point in search_points((LEARNING_RATE,), 3)]
    assert rates == pytest.approx([0.01, 0.1, 0.001], rel=SCALE_TOLERANCE)


def test_the_papers_first_momenta_are_those_of_the_second_sobol_dimension():
    # 1 - 10^(u (log10 0.1 - log10 0.0001) + log10 0.0001) at u = 1/2, 1/4, 3/4
    expected = [1 - 10 ** (-4 + 3 * unit) for unit in (0.5, 0.25, 0.75)]
    momenta = [point["momentum"] for point in search_points((LEARNING_RATE, MOMENTUM), 3)]
    assert momenta == pytest.approx(expected, rel=SCALE_TOLERANCE)


@dataclass(frozen=True)
class ScaleCase:
    axis: Metaparameter
    at_zero: float
    at_half: float
    at_one: float


SCALES = [
    ScaleCase(LEARNING_RATE, 1e-4, 1e-2, 1.0),
    ScaleCase(MOMENTUM, 0.9999, 1 - 10**-2.5, 0.9),
    ScaleCase(DECAY_STEPS, 30_000, 45_000, 60_000),
    ScaleCase(END_LEARNING_RATE_FACTOR, 1e-4, 10**-2.5, 0.1),
]


@pytest.mark.parametrize("case", SCALES, ids=lambda case: case.axis.name)
def test_the_ends_and_the_middle_of_a_scale(case):
    values = [case.axis.value(unit) for unit in (0.0, 0.5, 1.0)]
    assert values == pytest.approx([case.at_zero, case.at_half, case.at_one], rel=SCALE_TOLERANCE)


@given(st.sampled_from(PAPER_SPACE), st.floats(0, 1))
def test_values_stay_in_their_range(axis, unit):
    value = axis.value(unit)
    assert axis.low * (1 - SCALE_TOLERANCE) <= value <= axis.high * (1 + SCALE_TOLERANCE)


@given(st.sampled_from(PAPER_SPACE), st.floats(0, 1), st.floats(0, 1))
def test_scales_are_monotone(axis, one, other):
    low, high = sorted((one, other))
    falls = axis is MOMENTUM
    assert axis.value(high) <= axis.value(low) if falls else axis.value(low) <= axis.value(high)


def test_powers_and_logarithms_are_rounded_correctly():
    exact = MPContext()
    exact.dps = 60
    for exponent in np.random.default_rng(0).uniform(-8, 1, 1000).tolist():
        assert _power_of_ten(exponent) == float(exact.mpf(10) ** exponent)
        assert _log10(10**exponent) == float(exact.log10(10**exponent))
    assert [_power_of_ten(exponent) for exponent in (-2.0, 0.0, 3.0)] == [0.01, 1.0, 1000.0]


@given(st.floats(0, 1))
def test_integer_scales_give_integers(unit):
    assert DECAY_STEPS.value(unit).is_integer()


def test_axes_take_the_dimensions_in_their_order():
    (first, *_), (second, *_) = (search_points(space, 5) for space in (PAPER_SPACE, PAPER_SPACE[:1]))
    assert list(first) == ["learning_rate", "momentum", "decay_steps", "end_learning_rate_factor"]
    assert first["learning_rate"] == second["learning_rate"]


@pytest.mark.parametrize(
    "axis",
    [
        ("a", 1, 1, "linear"),
        ("a", 0, 1, "log"),
        ("a", 0.5, 1, "reverse_log"),
        ("a", 0, 9, "integer"),
        ("a", 0, math.inf, "linear"),
    ],
)
def test_a_range_that_its_scale_cannot_hold_is_refused(axis):
    with pytest.raises(InputError, match="is no range on a"):
        Metaparameter(*axis)


def test_an_unknown_scale_is_refused():
    with pytest.raises(InputError, match="unknown scale 'cubic'; use one of log, reverse_log, integer, linear"):
        Metaparameter("a", 0, 1, "cubic")
