"""Law Q against the exact first passages it interpolates, its asymptotes and its derivatives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import least_squares

from theory import NOISY_QUADRATIC, SHARPNESS
from theory.noisy_quadratic.law import DIMENSION, GOAL, noisy_quadratic_shape
from theory.noisy_quadratic.steps import NoisyQuadratic, steps_to_result

logs = st.floats(-15.0, 15.0)


def test_with_two_constants_it_is_the_exact_oracle():
    """Both constants from the oracle's own ends; between them K of whole steps lies in [K, K + 1)."""
    sizes = 2.0 ** np.arange(-3, 17)
    steps = steps_to_result(NoisyQuadratic.harmonic(DIMENSION), GOAL, sizes).steps.astype(float)
    x = np.log(sizes)

    def gap(theta):
        return NOISY_QUADRATIC.log_steps(x, theta) - np.log(steps - 0.5)

    theta = least_squares(gap, [np.log(steps[0] * sizes[0]), np.log(steps[-1])], x_scale=1e-3, xtol=1e-14).x
    # Whole steps against real ones: half a step either way in 2700; modes taken as one: below 1e-5.
    assert np.abs(steps - 0.5 - np.exp(NOISY_QUADRATIC.log_steps(x, theta)) < 0.5 + 2e-5 * steps).all()
    assert np.abs(gap(theta)).max() < 0.5 / 2700 + 2e-5


@given(logs)
def test_the_slope_is_that_of_central_differences(x):
    shape, h = noisy_quadratic_shape(), 1e-6
    (above, below), (_, slope) = (
        [shape.value_and_slope(np.array([x + s]))[0][0] for s in (h, -h)],
        shape.value_and_slope(np.array([x])),
    )
    assert slope[0] == pytest.approx((above - below) / (2 * h), abs=2e-5)


@given(logs, logs)
def test_it_falls_and_examples_rise(first, second):
    low, high = sorted((first, second))
    (at_low, at_high), _ = noisy_quadratic_shape().value_and_slope(np.array([low, high]))
    assert at_high <= at_low + 1e-12
    assert at_high + high >= at_low + low - 1e-9


def test_the_asymptotes_are_linear_scaling_and_a_plateau():
    ends = NOISY_QUADRATIC.log_steps([-40.0, 40.0], [3.0, 1.0])
    assert ends == pytest.approx([43.0, 1.0], abs=1e-6)
    jacobian = NOISY_QUADRATIC.log_steps_jacobian([-40.0, 40.0], [3.0, 1.0])
    assert jacobian == pytest.approx(np.eye(2), abs=1e-6)


def test_the_sharpness_family_tells_it_from_the_hyperbola():
    """A curve from the noisy quadratic fits with h of .7 to .85; the hyperbola has h = 1."""
    x = np.log(2.0) * np.arange(14)
    y = NOISY_QUADRATIC.log_steps(x, [np.log(64.0), 0.0])
    found = least_squares(lambda theta: SHARPNESS.log_steps(x, theta) - y, [np.log(64.0), 0.0, 0.0]).x
    assert 0.7 < np.exp(found[2]) < 0.85


def test_latex_and_names():
    assert NOISY_QUADRATIC.parameter_names == ("c1", "c2")
    assert NOISY_QUADRATIC.latex().startswith("K(B) = c_{2} q")
