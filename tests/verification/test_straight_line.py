"""The tests of a straight line are those of statsmodels."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from reference import verification_tests as twin

from verification.straight_line import harvey_collier, rainbow, reset

OURS = {"reset": reset, "rainbow": rainbow, "harvey_collier": harvey_collier}


@pytest.mark.parametrize("name", OURS)
@given(seed=st.integers(0, 10**6), n=st.integers(6, 20), bend=st.floats(-1.0, 1.0))
def test_a_test_is_that_of_statsmodels(name, seed, n, bend):
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
