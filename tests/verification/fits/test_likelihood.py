"""The likelihood against its definition, its derivatives against differences, its tails against many digits."""

import math
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.verification.likelihood import point_log_likelihood

from verification.fits.likelihood import (
    SIGMA_FLOOR_OF_COUNTS,
    Observations,
    joined,
    observe,
    point_terms,
    relative_to,
    sigma_floor,
)
from verification.records.curves import CurvePoint

POINTS = [
    CurvePoint(1, 0, 498.0, 500.0),  # interval
    CurvePoint(2, 0, 0.0, 240.0),  # reached at the first evaluation
    CurvePoint(4, 0, 300.0, None),  # not reached
    CurvePoint(8, 0, 70.0, 70.0),  # exact
]
locations = st.floats(3.0, 8.0)
log_sigmas = st.floats(-2.0, 1.0)


def terms(location, log_sigma, points=POINTS):
    return point_terms(observe(points), np.full(len(points), location), np.array(log_sigma))


@given(locations, log_sigmas)
def test_each_kind_of_point_has_the_probability_of_its_interval(location, log_sigma):
    expected = [point_log_likelihood(p.lower, p.upper, location, math.exp(log_sigma)) for p in POINTS]
    assert terms(location, log_sigma).log_likelihood == pytest.approx(expected, rel=1e-7, abs=1e-9)


@given(locations, log_sigmas)
def test_probabilities_of_all_cells_add_up_to_one(location, log_sigma):
    edges = [0.0, *np.exp(np.linspace(2.0, 9.0, 30))]
    cells = [CurvePoint(1, i, lo, up) for i, (lo, up) in enumerate(pairwise(edges))]
    cells.append(CurvePoint(1, len(cells), edges[-1], None))
    total = np.exp(terms(location, log_sigma, cells).log_likelihood).sum()
    assert total == pytest.approx(1.0, rel=1e-12)


@given(locations, log_sigmas)
def test_gradient_is_that_of_central_differences(location, log_sigma):
    h = 1e-5  # truncation h^2 times a third derivative, rounding 1e-16/h: both below 1e-7 of the curvature's scale
    found = terms(location, log_sigma)
    by_m = (terms(location + h, log_sigma).log_likelihood - terms(location - h, log_sigma).log_likelihood) / (2 * h)
    by_s = (terms(location, log_sigma + h).log_likelihood - terms(location, log_sigma - h).log_likelihood) / (2 * h)
    scale = 1.0 + np.abs(found.curvature_ss) + np.abs(found.curvature_mm)
    assert np.abs(found.by_m - by_m).max() < 1e-6 * scale.max()
    assert np.abs(found.by_log_sigma - by_s).max() < 1e-6 * scale.max()


@given(locations, log_sigmas)
def test_curvature_is_the_hessian_in_location_over_sigma_and_one_over_sigma(location, log_sigma):
    """Central second differences in (delta, h) = (m/sigma, 1/sigma) about the point, carried to (m, log sigma)."""
    sigma, step = math.exp(log_sigma), 1e-4

    def value(delta, h):
        # delta is measured from the location itself: m = location + delta/h
        return -terms(location + delta / h, -math.log(h)).log_likelihood

    h = 1.0 / sigma
    e = step * h
    dd = (value(step, h) - 2 * value(0.0, h) + value(-step, h)) / step**2
    hh = (value(0.0, h + e) - 2 * value(0.0, h) + value(0.0, h - e)) / e**2
    dh = (value(step, h + e) - value(step, h - e) - value(-step, h + e) + value(-step, h - e)) / (4 * step * e)
    found = terms(location, log_sigma)
    scale = 1.0 + np.abs(found.curvature_ss)
    assert np.abs(found.curvature_mm * sigma**2 - dd).max() < 1e-4 * scale.max()
    assert np.abs(found.curvature_ms * sigma + dh * h).max() < 1e-4 * scale.max()
    assert np.abs(found.curvature_ss - hh * h**2).max() < 1e-4 * scale.max()


@given(locations, log_sigmas)
def test_curvature_is_never_negative(location, log_sigma):
    found = terms(location, log_sigma)
    determinant = found.curvature_mm * found.curvature_ss - found.curvature_ms**2
    assert (found.curvature_mm > -1e-9).all()
    assert (found.curvature_ss > -1e-9).all()
    assert (determinant > -1e-7 * (1.0 + found.curvature_mm * found.curvature_ss)).all()


@pytest.mark.parametrize("distance", [-200.0, -30.0, 30.0, 200.0])
def test_far_tails_keep_their_digits(distance):
    """A cell 0.4 sigma wide, up to 200 sigma away: e^-20000, beyond any double."""
    data = Observations(np.zeros(1), np.array([distance - 0.2]), np.array([distance + 0.2]))
    with mpmath.workdps(60):
        low, high = (mpmath.mpf(abs(distance)) + d for d in (mpmath.mpf("-0.2"), mpmath.mpf("0.2")))
        exact = float(mpmath.log(mpmath.ncdf(-low) - mpmath.ncdf(-high)))
    found = point_terms(data, np.zeros(1), np.array(0.0))
    assert found.log_likelihood[0] == pytest.approx(exact, rel=1e-9)
    assert found.by_m[0] == pytest.approx(distance, rel=0.05)  # the density's slope, z, up to the width of the cell


def test_an_interval_of_no_width_is_exact():
    data = Observations(np.zeros(2), np.array([1.0, 1.0]), np.array([1.0, 1.0 + 1e-12]))
    density = point_terms(data, np.array([0.5, 0.5]), np.array(0.0)).log_likelihood
    assert density[0] == density[1] == pytest.approx(-0.125 - 0.5 * math.log(2 * math.pi), rel=1e-14)


def test_sigma_floor_is_half_the_error_of_the_grid():
    """Cells of widths 0.1 and 0.2 in log steps: noise-free middles scatter with variance (0.01 + 0.04)/2/12."""
    points = [CurvePoint(1, 0, 10.0, 10.0 * math.exp(0.1)), CurvePoint(2, 0, 10.0, 10.0 * math.exp(0.2))]
    assert sigma_floor(observe(points)) == pytest.approx(0.5 * math.sqrt(0.025 / 12), rel=1e-12)


def test_points_without_a_width_do_not_raise_the_floor():
    open_ended = [CurvePoint(1, 0, 0.0, 10.0), CurvePoint(2, 0, 10.0, None)]
    assert sigma_floor(observe(open_ended)) == SIGMA_FLOOR_OF_COUNTS
    assert sigma_floor(observe([CurvePoint(1, 0, 10.0, 10.0)])) == SIGMA_FLOOR_OF_COUNTS


def test_starting_values_are_the_middle_or_the_finite_end():
    middle = np.log([math.sqrt(498 * 500), 240.0, 300.0, 70.0])
    assert observe(POINTS).log_middle == pytest.approx(middle, rel=1e-14)


def test_curves_go_through_as_a_batch():
    data = observe(POINTS)
    locations_2 = np.array([[5.0], [6.0]])
    both = point_terms(data, np.broadcast_to(locations_2, (2, 4)), np.array([-1.0, 0.5])).log_likelihood
    assert both.shape == (2, 4)
    assert (both[1] == terms(6.0, 0.5).log_likelihood).all()


def test_joined_and_rescaled_points():
    data = observe(POINTS)
    assert joined(data, data).log_upper == pytest.approx([*data.log_upper, *data.log_upper])
    assert relative_to(data, 4.0).log_batch_size == pytest.approx(np.log([0.25, 0.5, 1.0, 2.0]))
