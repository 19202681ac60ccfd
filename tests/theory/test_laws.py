"""The laws against their formulas on paper in 60 digits, and their invariances."""

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.theory.laws import log_steps as slow_log_steps
from reference.theory.laws import log_steps_gradient as slow_gradient

from theory import HYPERBOLA, LAWS, NOISY_QUADRATIC, SHARPNESS, Law
from theory.symbols import B, c1, c2

# A handful of float64 operations on numbers of the size of the largest intermediate.
ROUNDING = 16 * np.finfo(float).eps

log_size = st.floats(0.0, 12.0)
log_c1 = st.floats(0.0, 20.0)
log_c2 = st.floats(-2.0, 12.0)
log_shape = st.floats(-2.5, 1.0)


def theta_for(law: Law, draw_c1, draw_c2, draw_shape):
    return [draw_c1, draw_c2, draw_shape][: len(law.parameters)]


def near_kink(law: Law, x, theta):
    """Is the point where a law has a kink or a pole in reach of rounding, so that both sides may be right?"""
    knee = theta[0] - theta[1]
    kinks = {"PW": knee, "X": knee + np.log(2), "I": knee}
    return law.id in kinks and abs(x - kinks[law.id]) < 1e-9


def distance_to_pole(law: Law, x, theta):
    """Distance in log B to the batch size where law I becomes infinite, at most 1."""
    return min(1.0, abs(x - theta[0] + theta[1])) if law.id == "I" else 1.0


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@given(x=log_size, la=log_c1, lb=log_c2, shape=log_shape)
@settings(max_examples=150, deadline=None)
def test_log_steps_and_jacobian_match_the_slow_twin(law, x, la, lb, shape):
    theta = theta_for(law, la, lb, shape)
    if near_kink(law, x, theta):
        return
    # Errors of the arguments, of size eps times them, pass on to the result with the law's own condition: 1/h in S,
    # the distance to the pole in I.
    size = max(map(abs, (x, *theta, 1.0))) * max(1.0, np.exp(abs(shape)))
    distance = distance_to_pole(law, x, theta)
    tolerance = ROUNDING * size / distance
    expected = slow_log_steps(law.id, x, theta)
    np.testing.assert_allclose(law.log_steps([x], theta)[0], expected, rtol=0, atol=tolerance)
    if np.isinf(expected):
        np.testing.assert_array_equal(law.log_steps_jacobian([x], theta)[0], 0.0)
        return
    np.testing.assert_allclose(
        law.log_steps_jacobian([x], theta)[0], slow_gradient(law.id, x, theta), rtol=0, atol=tolerance * size / distance
    )


@given(x=log_size, la=log_c1, lb=log_c2)
def test_hyperbola_is_logaddexp_to_the_bit(x, la, lb):
    assert HYPERBOLA.log_steps([x], [la, lb])[0] == np.logaddexp(la - x, lb)


@pytest.mark.parametrize(
    ("law", "batch_size", "parameters", "expected"),
    [
        ("H", 256.0, {"c1": 51_200.0, "c2": 200.0}, 400.0),
        ("P", 4.0, {"c1": 10.0, "c2": 1.0, "alpha": 0.5}, 6.0),
        ("S", 1.0, {"c1": 9.0, "c2": 16.0, "h": 0.5}, np.hypot(9.0, 16.0)),
        ("PW", 2.0, {"c1": 100.0, "c2": 10.0}, 50.0),
        ("PW", 20.0, {"c1": 100.0, "c2": 10.0}, 10.0),
        ("X", 10.0, {"c1": 100.0, "c2": 10.0}, 40.0),
        ("X", 20.0, {"c1": 100.0, "c2": 10.0}, 20.0),
        ("X", 30.0, {"c1": 100.0, "c2": 10.0}, 15.0),
        ("I", 30.0, {"c1": 100.0, "c2": 10.0}, 15.0),
        ("I", 9.0, {"c1": 100.0, "c2": 10.0}, np.inf),
    ],
)
def test_exact_cases(law, batch_size, parameters, expected):
    # exp(log K) loses |log K| eps
    np.testing.assert_allclose(LAWS[law].steps(batch_size, **parameters), expected, rtol=ROUNDING * 6)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@given(x=log_size, la=log_c1, lb=log_c2, shift=st.floats(-5, 5))
def test_units_of_steps_and_of_examples(law, x, la, lb, shift):
    """K in other units multiplies c1 and c2; B in other units multiplies c1 (by its power alpha in law P)."""
    theta = theta_for(law, la, lb, 0.3)
    if near_kink(law, x, theta):
        return
    here = law.log_steps([x], theta)[0]
    distance = distance_to_pole(law, x, theta)
    tolerance = ROUNDING * 60 / distance
    in_other_steps = [theta[0] + shift, theta[1] + shift, *theta[2:]]
    np.testing.assert_allclose(law.log_steps([x], in_other_steps)[0], here + shift, rtol=0, atol=tolerance)
    power = np.exp(0.3) if law.id == "P" else 1.0
    in_other_examples = [theta[0] + power * shift, *theta[1:]]
    np.testing.assert_allclose(law.log_steps([x + shift], in_other_examples)[0], here, rtol=0, atol=tolerance)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@given(x=st.tuples(log_size, log_size), la=log_c1, lb=log_c2, shape=log_shape)
def test_steps_never_grow_with_the_batch_size(law, x, la, lb, shape):
    low, high = law.log_steps(sorted(x), theta_for(law, la, lb, shape))
    assert high <= low + ROUNDING * 60


def test_a_small_h_turns_the_sharpness_family_into_the_piecewise_law():
    x = np.linspace(0, 12, 25)
    theta = np.array([8.0, 3.0])
    gap = SHARPNESS.log_steps(x, [*theta, np.log(1e-3)]) - LAWS["PW"].log_steps(x, theta)
    # largest at the knee: h log 2
    assert np.all(gap >= -ROUNDING * 20)
    assert np.max(gap) <= 1e-3 * np.log(2) + ROUNDING * 20


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_no_overflow_far_out(law):
    x = np.array([-2000.0, -800.0, 0.0, 800.0, 2000.0])
    theta = [10.0, 3.0, 0.0][: len(law.parameters)]
    value, jacobian = law.log_steps(x, theta), law.log_steps_jacobian(x, theta)
    assert not np.isnan(value).any()
    assert np.isfinite(jacobian).all()
    np.testing.assert_allclose(value[-2:], 3.0, rtol=ROUNDING)
    if law.id != "I":
        slope_one = 10.0 - x[:2] + (np.log(4) if law.id == "X" else 0.0)
        np.testing.assert_allclose(value[:2], slope_one, rtol=ROUNDING)


@pytest.mark.parametrize("batch_size", [3, 8, 10, 100, 2**20])
def test_at_its_pole_a_law_has_no_slope(batch_size):
    """Where c1/c2 is a batch size, rounding decides on which side of the pole it lies; linear scaling starts there."""
    for plateau in (100.0, 7.0):
        x, theta = np.log([batch_size]), np.log([batch_size * plateau, plateau])
        assert np.isfinite(LAWS["I"].log_steps_jacobian(x, theta)).all()


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_theta_broadcasts_against_points(law):
    p = len(law.parameters)
    x = np.linspace(1, 9, 5)
    theta = np.random.default_rng(0).uniform([8, 3, -0.5][:p], [9, 4, 0.5][:p], size=(3, 2, p))
    value, jacobian = law.log_steps(x, theta), law.log_steps_jacobian(x, theta)
    assert value.shape == (3, 2, 5)
    assert jacobian.shape == (3, 2, 5, p)
    for index in np.ndindex(3, 2):
        np.testing.assert_array_equal(value[index], law.log_steps(x, theta[index]))
        np.testing.assert_array_equal(jacobian[index], law.log_steps_jacobian(x, theta[index]))
    own_points = np.broadcast_to(x, (3, 2, 5))
    np.testing.assert_array_equal(law.log_steps(own_points, theta), value)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_coordinates_and_natural_are_inverse(law):
    parameters = dict(zip(law.parameter_names, (1200.0, 30.0, 0.5), strict=False))
    assert law.natural(law.coordinates(**parameters)) == pytest.approx(parameters, rel=ROUNDING)
    assert law.fit_coordinates == tuple(f"log_{name}" for name in law.parameter_names)


def test_steps_keep_the_shape_of_the_batch_sizes():
    assert HYPERBOLA.steps(4, c1=8.0, c2=1.0).shape == ()
    assert HYPERBOLA.steps([[1, 2], [4, 8]], c1=8.0, c2=1.0).shape == (2, 2)


@pytest.mark.parametrize("size", [0, -1, np.nan, np.inf])
def test_batch_size_out_of_range(size):
    with pytest.raises(ValueError, match="batch_size must be finite and > 0"):
        HYPERBOLA.steps([1.0, size], c1=1.0, c2=1.0)


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_parameter_out_of_range(value):
    with pytest.raises(ValueError, match="c2 must be finite and > 0"):
        HYPERBOLA.steps(1.0, c1=1.0, c2=value)


@pytest.mark.parametrize("parameters", [{"c1": 1.0}, {"c1": 1.0, "c2": 1.0, "alpha": 1.0}])
def test_missing_or_unknown_parameter(parameters):
    with pytest.raises(ValueError, match=r"law H takes exactly \('c1', 'c2'\)"):
        HYPERBOLA.steps(1.0, **parameters)


@pytest.mark.parametrize("theta", [0.0, [1.0], [1.0, 2.0, 3.0]])
def test_theta_of_the_wrong_length(theta):
    with pytest.raises(ValueError, match="theta must have 2 entries"):
        HYPERBOLA.log_steps([0.0], theta)
    with pytest.raises(ValueError, match=r"theta must have shape \(2,\)"):
        HYPERBOLA.natural(theta)


@pytest.mark.parametrize("law", [*LAWS.values(), NOISY_QUADRATIC], ids=lambda law: law.id)
def test_c1_counts_examples_in_every_law_but_the_power_law(law):
    assert law.counts_examples == (law.id != "P")
    assert law.shape == {"P": "alpha", "S": "h"}.get(law.id)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("law", [*LAWS.values(), NOISY_QUADRATIC], ids=lambda law: law.id)
def test_coordinates_that_are_no_numbers_are_refused(law, value):
    theta = np.zeros(len(law.parameters))
    for points, coordinates in (([value], theta), ([0.0], theta + value)):
        for function in (law.log_steps, law.log_steps_jacobian):
            with pytest.raises(ValueError, match="log_batch_size and theta must be finite"):
                function(points, coordinates)
    with pytest.raises(ValueError, match="theta must be finite"):
        law.natural(theta + value)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_a_curve_scales_with_its_batch_sizes(law):
    theta, x = np.array([6.0, 2.0, 0.3])[: len(law.parameters)], np.linspace(4.5, 9.0, 7)
    scaled = law.scale_with_batch(theta, 8.0)
    assert law.log_steps(x + np.log(8.0), scaled) == pytest.approx(law.log_steps(x, theta), rel=1e-12)
    assert law.scale_with_batch(scaled, 1 / 8.0) == pytest.approx(theta, abs=1e-12)


def test_the_power_of_b_is_read_off_the_expression():
    assert Law("R", "square root", c1 / sympy.sqrt(B) + c2, (c1, c2)).batch_exponent() == 0.5
