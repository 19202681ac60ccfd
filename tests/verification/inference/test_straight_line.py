"""The tests of a straight line: RESET and rainbow are statsmodels', Harvey-Collier goes by its recursive residuals."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from reference.verification import tests as twin

from verification.inference.straight_line import f_test, harvey_collier, rainbow, reset

OURS = {"reset": reset, "rainbow": rainbow, "harvey_collier": harvey_collier}


@pytest.mark.parametrize("name", OURS)
@given(seed=st.integers(0, 10**6), n=st.integers(6, 20), bend=st.floats(-1.0, 1.0))
def test_a_test_is_that_of_its_twin(name, seed, n, bend):
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(0.0, 1.0, n))
    # Where the first two nearly coincide, the line through them is lost to rounding.
    assume(x[1] - x[0] > 1e-3)
    y = 1.0 + 0.2 * x + bend * x**2 + 0.1 * rng.standard_normal(n)
    assert OURS[name](x, y) == pytest.approx(getattr(twin, name)(x, y), rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("name", OURS)
def test_a_bend_is_seen_and_units_do_not_matter(name):
    rng = np.random.default_rng(0)
    x = np.linspace(0.0, 1.0, 20)
    straight = 1.0 + x + 0.01 * rng.standard_normal(20)
    bent = straight + x**2
    assert OURS[name](x, bent)[1] < 1e-3 < OURS[name](x, straight)[1]
    assert OURS[name](3.0 * x, 7.0 * bent + x) == pytest.approx(OURS[name](x, bent), rel=1e-9)


@pytest.mark.parametrize("name", OURS)
def test_where_nothing_is_left_there_is_no_test(name):
    """A parabola for RESET, a line in the middle for rainbow, a line for the recursive residuals; each to rounding."""
    x = np.arange(7.0) / 7.0
    left = {"reset": x + x**2, "rainbow": np.where(x < 0.2, 0.0, np.where(x > 0.6, 3.0, x)), "harvey_collier": 0.3 * x}
    assert OURS[name](x, left[name], 1e-12) is None
    assert OURS[name](x, left[name] + 1e-9 * (-1.0) ** np.arange(7), 1e-12) is not None


def test_the_floor_is_a_standard_deviation():
    """What is left is 8 on 2 degrees of freedom: 2 in units of y. F(1, 2) is t^2, P = 1 - t/sqrt(t^2 + 2)."""
    assert f_test(8.0, 1, 8.0, 2, 1.999) == pytest.approx((2.0, 1.0 - 2.0**-0.5))
    assert f_test(8.0, 1, 8.0, 2, 2.0) is None
