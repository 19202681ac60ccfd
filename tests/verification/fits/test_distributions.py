"""Tails and quantiles against scipy.stats, which computes them by the same means, and their edges."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.verification import clusters
from scipy import stats

from verification.claims.on_trials import EDGE_MARGIN, _at_least, _binomial_interval, _detectable_share
from verification.fits import distributions
from verification.fits.distributions import (
    f_above,
    f_shift,
    normal_above,
    normal_beyond,
    normal_quantile,
    shifted_f_below,
    shifted_f_quantile,
    t_above,
    t_beyond,
    t_quantile,
)

# A tail is a continued fraction or a series of some ten terms, each rounded once; a quantile is a root of it.
CLOSE = {"rel": 1e-12, "abs": 1e-300}
numbers = st.floats(-40.0, 40.0)
shares = st.floats(1e-6, 1.0 - 1e-6)
freedoms = st.floats(1.0, 1e4)


@given(numbers, freedoms)
def test_tails_of_t_and_of_the_normal(x, freedom):
    assert float(t_above(x, freedom)) == pytest.approx(float(stats.t.sf(x, freedom)), **CLOSE)
    assert float(normal_above(x)) == pytest.approx(float(stats.norm.sf(x)), **CLOSE)
    assert float(t_above(x, math.inf)) == pytest.approx(float(normal_above(x)), **CLOSE)


@given(numbers, freedoms)
def test_both_tails_are_one_of_the_square(x, freedom):
    assert float(t_beyond(x, freedom)) == pytest.approx(float(stats.f.sf(x**2, 1, freedom)), rel=1e-9)
    assert float(normal_beyond(x)) == pytest.approx(float(stats.chi2.sf(x**2, 1)), rel=1e-9)


@given(numbers, freedoms, freedoms)
def test_tails_of_f(x, between, within):
    assert float(f_above(x, between, within)) == pytest.approx(float(stats.f.sf(x, between, within)), **CLOSE)


@given(shares, freedoms)
def test_quantiles(share, within):
    assert float(t_quantile(share, within)) == pytest.approx(float(stats.t.ppf(share, within)), **CLOSE)
    assert float(normal_quantile(share)) == pytest.approx(float(stats.norm.ppf(share)), **CLOSE)


def test_edges():
    assert np.array_equal(f_above(np.array([-1e-17, 0.0, math.inf]), 1, 5), [1.0, 1.0, 0.0])
    assert np.array_equal(t_above(np.array([-math.inf, 0.0, math.inf]), 5), [1.0, 0.5, 0.0])
    assert math.isnan(f_above(math.nan, 1, 5))


@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_shares_of_a_binomial(n):
    for k in range(n + 1):
        assert float(_at_least(k, n, 0.1)) == pytest.approx(float(stats.binom.sf(k - 1, n, 0.1)), **CLOSE)
        interval = stats.binomtest(k, n).proportion_ci(0.95, method="exact")
        # Its ends are roots found by bracketing, to 2e-12.
        ours = _binomial_interval(k, n, 0.95)
        assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high), abs=1e-11)


@pytest.mark.parametrize(("n", "fewest"), [(1, None), (2, 2), (9, 4), (40, 8)])
def test_the_share_that_a_test_of_the_margin_finds(n, fewest):
    share = _detectable_share(n)
    if fewest is None:  # not even all of them would be rare
        assert share is None
        return
    assert stats.binomtest(fewest, n, EDGE_MARGIN, alternative="greater").pvalue <= 0.05
    assert stats.binomtest(fewest - 1, n, EDGE_MARGIN, alternative="greater").pvalue > 0.05
    assert stats.binom.sf(fewest - 1, n, share) >= 0.8 > stats.binom.sf(fewest - 1, n, share - 0.005)


@pytest.mark.parametrize(
    ("f", "between", "within", "shift"), [(0.3, 7, 28, 0.0), (1.2, 7, 28, 18.0), (40.0, 2, 3, 90.0)]
)
def test_noncentral_f_is_a_mixture_of_central_ones(f, between, within, shift):
    expected = clusters.noncentral_f_below(f, between, within, shift)
    assert float(shifted_f_below(f, between, within, shift)) == pytest.approx(expected, rel=1e-9)


def test_where_the_library_has_no_answer_the_mixture_is_summed(monkeypatch):
    """`ncfdtr(12, 36, 3000, 4.66)` is not a number on some processors."""
    monkeypatch.setattr(distributions, "ncfdtr", lambda *of: np.full(np.broadcast(*of).shape, np.nan))
    f = np.array([0.3, 1.2, 40.0])
    expected = [clusters.noncentral_f_below(one, 7, 28, 18.0) for one in f.tolist()]
    assert shifted_f_below(f, 7, 28, 18.0) == pytest.approx(expected, rel=1e-9)
    assert 0.0 <= float(shifted_f_below(4.66, 12, 36, 3000.0)) < 1e-100
    assert float(shifted_f_below(1e4, 12, 36, 3000.0)) == pytest.approx(1.0)


@pytest.mark.parametrize("shift", [1e2, 1e3, 3e3, 1e4, 1e6])
def test_the_noncentral_f_is_a_share_far_in_its_tail(shift):
    found = shifted_f_below(np.geomspace(0.01, 100.0, 200), 12, 36, shift)
    assert ((found >= 0.0) & (found <= 1.0)).all()


@given(st.floats(0.05, 50.0), st.integers(1, 14), st.integers(1, 60), shares)
def test_a_shift_puts_a_share_below(f, between, within, share):
    shift = f_shift(f, between, within, share)
    below = float(shifted_f_below(f, between, within, shift))
    assert below == pytest.approx(share, abs=1e-6) if shift > 0.0 else below <= share + 1e-9


@pytest.mark.parametrize(
    ("share", "between", "within", "shift"), [(0.05, 7, 28, 18.0), (0.95, 1, 2, 37.0), (0.95, 17, 1, 13.0)]
)
def test_a_quantile_of_the_noncentral_f_leaves_its_share_below(share, between, within, shift):
    found = float(shifted_f_quantile(share, between, within, shift))
    assert clusters.noncentral_f_below(found, between, within, shift) == pytest.approx(share, abs=1e-6)
