"""Result 19 on numbers: gradients drawn at random, and steps on quadratics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

seeds = st.integers(0, 2**32 - 1)


def measured(before, after, step, rate):
    """Eq. (11) with gamma = 1 along the step -rate times step."""
    return np.linalg.norm(after - before) / (rate * np.linalg.norm(step))


@given(seeds, st.integers(1, 6), st.floats(1e-3, 1e3))
def test_no_gradients_whatever_exceed_the_ceiling(seed, size, rate):
    before, after, step = np.random.default_rng(seed).normal(size=(3, size))
    ceiling = (np.linalg.norm(before) + np.linalg.norm(after)) / (rate * np.linalg.norm(step))
    assert measured(before, after, step, rate) <= ceiling * (1.0 + 1e-12)
    # met where the gradient points back
    turned = measured(before, -3.0 * before, step, rate)
    assert turned == pytest.approx(4.0 * np.linalg.norm(before) / (rate * np.linalg.norm(step)))


@given(seeds, st.floats(0.01, 1.99))
def test_on_a_quadratic_it_is_below_the_largest_curvature_and_below_two_over_the_rate(seed, share):
    """With exact gradients and a rate that converges no gradient grows, so 19.4 applies; 19.6 along one axis."""
    curvature = np.exp(np.random.default_rng(seed).normal(size=4))
    weights = np.random.default_rng(seed + 1).normal(size=4)
    rate = share / curvature.max()
    gradient = curvature * weights
    found = measured(gradient, curvature * (weights - rate * gradient), gradient, rate)
    assert found <= curvature.max() * (1.0 + 1e-12)
    assert found <= 2.0 / rate
    top = np.where(curvature == curvature.max(), gradient, 0.0)
    assert measured(top, (1.0 - rate * curvature) * top, top, rate) == pytest.approx(curvature.max())
