"""Result 21 on numbers: its claims hold for gradients drawn at random, and for steps on quadratics."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.results.all import steps_by_id
from theory.symbols import L, eta, length_after, length_before, length_step

seeds = st.integers(0, 2**32 - 1)


def claimed(id_, **values):
    """What a step claims L_11 to be, or to be at most."""
    named = {"rate": eta, "before": length_before, "after": length_after, "step": length_step, "curvature": L}
    return float(steps_by_id()[id_].claim.rhs.subs({named[name]: value for name, value in values.items()}))


def measured(before, after, step, rate):
    """Eq. (11) with gamma = 1 along the step -rate times step."""
    return np.linalg.norm(after - before) / (rate * np.linalg.norm(step))


@given(seeds, st.integers(1, 6), st.floats(1e-3, 1e3))
def test_no_gradients_whatever_exceed_the_ceiling(seed, size, rate):
    before, after, step = np.random.default_rng(seed).normal(size=(3, size))

    def ceiling(turned):
        lengths = (float(np.linalg.norm(one)) for one in (before, turned, step))
        return claimed("21.3", rate=rate, **dict(zip(("before", "after", "step"), lengths, strict=True)))

    assert measured(before, after, step, rate) <= ceiling(after) * (1.0 + 1e-12)
    # met where the gradient points back
    assert measured(before, -3.0 * before, step, rate) == pytest.approx(ceiling(-3.0 * before))


@given(seeds, st.integers(1, 6), st.floats(1e-3, 1e3), st.floats(0.0, 1.0))
def test_gradients_no_longer_than_the_steps_stay_below_two_over_the_rate(seed, size, rate, share):
    before, after = np.random.default_rng(seed).normal(size=(2, size))
    shorter = share * after * np.linalg.norm(before) / np.linalg.norm(after)
    assert measured(before, shorter, before, rate) <= claimed("21.4", rate=rate) * (1.0 + 1e-12)
    assert measured(before, -before, before, rate) == pytest.approx(claimed("21.5", rate=rate))


@given(seeds, st.floats(0.01, 1.99))
def test_on_a_quadratic_it_is_below_the_largest_curvature_and_below_two_over_the_rate(seed, share):
    """With exact gradients and a rate that converges no gradient grows, so 21.4 applies; 21.6 along one axis."""
    curvature = np.exp(np.random.default_rng(seed).normal(size=4))
    weights = np.random.default_rng(seed + 1).normal(size=4)
    rate = share / curvature.max()
    gradient = curvature * weights
    found = measured(gradient, curvature * (weights - rate * gradient), gradient, rate)
    assert found <= curvature.max() * (1.0 + 1e-12)
    assert found <= claimed("21.4", rate=rate)
    top = np.where(curvature == curvature.max(), gradient, 0.0)
    along = measured(top, (1.0 - rate * curvature) * top, top, rate)
    assert along == pytest.approx(claimed("21.6", curvature=float(curvature.max())))


def test_the_maximum_over_gamma_may_be_twenty_over_eta():
    """21.9: the ceiling at gamma = 0.1 is ten times that at 1, and is reached where none of the ten is longer."""

    def slope(at):
        return math.tanh(at / 0.01) * math.exp(-abs(at) / 1000.0)

    before = slope(0.05)
    after = {tenth / 10: slope(0.05 - tenth / 10 * before) for tenth in range(1, 11)}
    found = {part: abs(there - before) / (part * before) for part, there in after.items()}
    assert max(map(abs, after.values())) <= before
    assert found[0.1] == pytest.approx(20.0, abs=3e-6)
    assert found[1.0] < 2.0
    assert all(value <= 2.0 / part for part, value in found.items())
