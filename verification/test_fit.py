"""The fit returns the constants a curve was made of, in whatever units and order it is given."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory import HYPERBOLA, POWER
from verification.fits.curves import fit_curve
from verification.fits.fit import Problem, fit_law, starting_points
from verification.fits.likelihood import Observations
from verification.records.curves import Curve, CurvePoint

SIZES = tuple(2**i for i in range(11))
# The iteration stops when a step promises less than 1e-10 in log-likelihood: within sqrt(2e-10) = 1.4e-5 standard
# errors of the maximum. On exact curves a standard error is of the size of the floor of sigma, 1e-6; on measured
# ones it is below 0.3.
EXACT = 1e-9
MEASURED = 1e-5

log_c2 = st.floats(np.log(5.0), np.log(500.0))
log_b_crit = st.floats(np.log(4.0), np.log(256.0))
seeds = st.integers(0, 2**32 - 1)


def exact(c1, c2):
    """Noise-free exact counts."""
    log_steps = np.log(c1 / np.array(SIZES) + c2)
    return Observations(np.log(np.array(SIZES, dtype=np.float64)), log_steps, log_steps)


def measured(seed, noise=0.1):
    """Noisy readings of 4000/B + 40 on a grid of 4 steps with a budget of 3000."""
    rng = np.random.default_rng(seed)
    steps = (4000.0 / np.array(SIZES) + 40.0) * np.exp(noise * rng.standard_normal(len(SIZES)))
    upper = np.ceil(steps / 4.0) * 4.0
    reached = upper <= 3000.0
    return Observations(
        np.log(np.array(SIZES, dtype=np.float64)),
        np.log(np.where(reached, upper - 4.0, 3000.0)),
        np.where(reached, np.log(upper), np.inf),
    )


def fitted(data, starts=None, law=HYPERBOLA):
    if starts is None:
        starts = starting_points(data, len(law.parameter_names))
    return fit_law(Problem(law, data, starts))


@given(log_c2, log_b_crit)
@settings(max_examples=25, deadline=None)
def test_constants_of_exact_curves_are_recovered(c2, b_crit):
    fit = fitted(exact(np.exp(c2 + b_crit), np.exp(c2)))
    assert fit.converged
    assert fit.theta == pytest.approx([c2 + b_crit, c2], abs=EXACT)
    assert fit.worst_residual < EXACT


def test_intervals_of_an_exact_curve_hold_its_constants_and_are_as_narrow_as_counts_allow():
    law = fit_curve(Curve(points=tuple(CurvePoint(b, 0, k, k) for b in SIZES for k in [4000 / b + 40]))).laws["H"]
    for name, truth in {"c1": 4000.0, "c2": 40.0, "b_crit": 100.0}.items():
        assert law.intervals[name].low < truth < law.intervals[name].high
        assert law.intervals[name].high / law.intervals[name].low < 1.0 + 1e-5


def test_constants_are_for_batch_sizes_in_examples_wherever_the_curve_begins():
    """K = 9000/B^0.8 + 20 on B = 64..8192, for both laws that are fitted to a curve."""
    points = tuple(CurvePoint(64 * b, 0, k, k) for b in SIZES for k in [9000 / (64 * b) ** 0.8 + 20])
    power = fit_curve(Curve(points=points[:8])).laws["P"]
    assert power.estimates == pytest.approx({"c1": 9000.0, "c2": 20.0, "alpha": 0.8}, rel=1e-6)
    assert POWER.natural(power.theta) == pytest.approx(power.estimates)
    straight = tuple(CurvePoint(64 * b, 0, k, k) for b in SIZES for k in [9000 / (64 * b) + 20])
    hyperbola = fit_curve(Curve(points=straight)).laws["H"]
    assert (hyperbola.estimates["c1"], hyperbola.estimates["c2"]) == pytest.approx((9000.0, 20.0))
    assert hyperbola.estimates["cbs20"] == pytest.approx(0.2 * 450.0 + 1.2 * 64)


@given(seeds, st.integers(2, 1000))
@settings(max_examples=25, deadline=None)
def test_units_of_the_batch_size_move_c1_alone(seed, unit):
    data = measured(seed)
    other = Observations(data.log_batch_size + np.log(unit), data.log_lower, data.log_upper)
    expected = np.add(fitted(data).theta, [np.log(unit), 0.0])
    assert fitted(other).theta == pytest.approx(expected, abs=MEASURED)


@given(seeds, st.floats(1e-3, 1e3))
@settings(max_examples=25, deadline=None)
def test_units_of_steps_move_both_constants_and_not_the_noise(seed, unit):
    data = measured(seed)
    shift = np.log(unit)
    other = Observations(data.log_batch_size, data.log_lower + shift, data.log_upper + shift)
    before, after = fitted(data), fitted(other)
    assert after.theta == pytest.approx(np.add(before.theta, shift), abs=MEASURED)
    assert after.sigma == pytest.approx(before.sigma, rel=MEASURED)
    assert after.log_likelihood == pytest.approx(before.log_likelihood, abs=1e-8)


@given(seeds, st.permutations(range(len(SIZES))))
@settings(max_examples=25, deadline=None)
def test_the_order_of_the_points_does_not_matter(seed, order):
    data = measured(seed)
    starts = starting_points(data, 2)
    shuffled = fitted(data.select(np.array(order)), starts)
    assert shuffled.theta == pytest.approx(fitted(data, starts).theta, abs=MEASURED)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_doubling_identity_holds_on_the_fitted_law(seed):
    theta = np.array(fitted(measured(seed)).theta)
    steps = np.exp(HYPERBOLA.log_steps(np.log(SIZES), theta))
    assert steps[1:] == pytest.approx(steps[:-1] / 2.0 + np.exp(theta[1]) / 2.0, rel=1e-12)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_the_wider_law_never_fits_worse(seed):
    data = measured(seed)
    assert fitted(data, law=POWER).log_likelihood >= fitted(data).log_likelihood - 1e-8
