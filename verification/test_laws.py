"""The laws as the paper states them: what must hold for any constants."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory import HYPERBOLA, LAWS, critical_batch_size

constants = st.floats(1e-2, 1e6)
batch_sizes = st.floats(1.0, 1e5)
factors = st.floats(1e-2, 1e2)
# Logarithms of at most 20, a handful of roundings of 1e-16 each.
RELATIVE = 1e-13


def steps(batch_size, c1, c2):
    return float(HYPERBOLA.steps(batch_size, c1=c1, c2=c2))


@given(constants, constants, batch_sizes)
def test_the_hyperbola_is_the_sum_of_its_terms(c1, c2, batch_size):
    assert steps(batch_size, c1, c2) == pytest.approx(c1 / batch_size + c2, rel=RELATIVE)


@given(constants, constants, batch_sizes, st.integers(0, 8))
def test_doubling_the_batch_size_r_times_leaves_the_part_that_is_serial(c1, c2, batch_size, r):
    doubled = steps(2.0**r * batch_size, c1, c2)
    assert doubled == pytest.approx(steps(batch_size, c1, c2) / 2**r + (1 - 2.0**-r) * c2, rel=RELATIVE)


@given(constants, constants, batch_sizes, factors)
def test_another_unit_of_data_scales_c1_alone(c1, c2, batch_size, unit):
    assert steps(unit * batch_size, unit * c1, c2) == pytest.approx(steps(batch_size, c1, c2), rel=RELATIVE)


@given(constants, constants, batch_sizes, factors)
def test_another_unit_of_steps_scales_both_constants(c1, c2, batch_size, unit):
    scaled = steps(batch_size, unit * c1, unit * c2)
    assert scaled == pytest.approx(unit * steps(batch_size, c1, c2), rel=RELATIVE)


@given(constants, constants)
def test_at_the_critical_batch_size_twice_the_plateau_is_needed(c1, c2):
    assert steps(critical_batch_size(c1, c2), c1, c2) == pytest.approx(2 * c2, rel=RELATIVE)


@pytest.mark.parametrize("law", sorted(LAWS))
@given(constants, constants, batch_sizes, factors)
def test_every_law_is_equivariant_under_the_unit_of_steps(law, c1, c2, batch_size, unit):
    shapes = {name: 1.3 for name in LAWS[law].parameter_names if name not in {"c1", "c2"}}
    before = LAWS[law].steps(batch_size, c1=c1, c2=c2, **shapes)
    after = LAWS[law].steps(batch_size, c1=unit * c1, c2=unit * c2, **shapes)
    near_a_jump = abs(np.log(batch_size * c2 / c1)) < 1e-9  # law I is infinite on one side of B = c1/c2
    assert near_a_jump or after == pytest.approx(unit * before, rel=1e-6)


@pytest.mark.parametrize("law", ["P", "S"])
@given(constants, constants, batch_sizes)
def test_wider_laws_contain_the_hyperbola(law, c1, c2, batch_size):
    shape = {name: 1.0 for name in LAWS[law].parameter_names if name not in {"c1", "c2"}}
    wide = LAWS[law].steps(batch_size, c1=c1, c2=c2, **shape)
    assert wide == pytest.approx(steps(batch_size, c1, c2), rel=RELATIVE)
