"""Bands of K(B) and of the ratio of two curves, against an independent climb and where they must equal an interval."""

import math
from dataclasses import replace

import numpy as np
import pytest
from reference.verification import likelihood as twin

from verification.fits.curves import fit_curve
from verification.inference.bands import BAND_POINTS, law_band, ratio_band
from verification.inference.pairs import compare
from verification.inference.ratios import measured_ratios
from verification.records.curves import Curve, CurvePoint


def drawn(c1=500.0, c2=20.0, sigma=0.1, seed=3, width=2.0, sizes=tuple(2**i for i in range(8)), sparsity=0.0):
    """A curve drawn from law H."""
    rng = np.random.default_rng(seed)
    points = []
    for size in sizes:
        upper = math.ceil((c1 / size + c2) * math.exp(sigma * rng.standard_normal()) / width) * width
        points.append(CurvePoint(size, 0, upper - width, upper))
    return Curve(workload="w", goal="g", sparsity=sparsity, points=tuple(points))


@pytest.mark.parametrize("index", [0, 12, 24])
def test_both_ends_lose_what_the_threshold_allows(index):
    """Two climbs of 1e-11 in the log-likelihood at an end found to 1e-6 of its log, where the slope is below 30."""
    curve = drawn()
    fitted = fit_curve(curve)
    band = law_band(fitted)
    rows = [(point.batch_size, point.lower, point.upper) for point in curve.points]
    best = fitted.hyperbola.fit.log_likelihood
    for end in (band.low[index], band.high[index]):
        share = 1.0 / (
            1.0 + fitted.hyperbola.estimates["c2"] * band.batch_size[index] / fitted.hyperbola.estimates["c1"]
        )
        lost = twin.deviance_at_steps(rows, band.batch_size[index], end, (share, fitted.hyperbola.fit.sigma), best)
        # K at a batch size moves with log c1 by its share and with log c2 by the rest.
        limit = fitted.errors("H").of((share, 1.0 - share)).limit(8, 0.95)
        assert lost == pytest.approx(limit, abs=1e-4)


def test_the_band_is_the_fitted_law_over_the_measured_batch_sizes():
    fitted = fit_curve(drawn())
    band = law_band(fitted)
    c1, c2 = (fitted.hyperbola.estimates[name] for name in ("c1", "c2"))
    assert len(band.batch_size) == BAND_POINTS
    assert (band.batch_size[0], band.batch_size[-1]) == (1.0, pytest.approx(128.0))
    assert band.value == pytest.approx([c1 / size + c2 for size in band.batch_size], rel=1e-12)
    assert all(low < value < high for low, value, high in zip(band.low, band.value, band.high, strict=True))


def test_where_one_constant_rules_the_band_is_its_interval():
    """K(1) = c1 (1 + 1e-6) and K(2^40) = c2 (1 + 1e-6): ends agree to the tolerance of 1e-6 and these."""
    sizes = tuple(4**i for i in range(21))
    fitted = fit_curve(drawn(c1=2e9 * 1e3, c2=2e3, sizes=sizes))
    band, ends = law_band(fitted), fitted.hyperbola.intervals
    left, right = band.batch_size[0], band.batch_size[-1]
    assert [band.low[0] * left, band.high[0] * left] == pytest.approx([ends["c1"].low, ends["c1"].high], rel=1e-5)
    assert [band.low[-1], band.high[-1]] == pytest.approx([ends["c2"].low, ends["c2"].high], rel=2e-3)
    assert right == pytest.approx(4.0**20)


def test_the_ratio_has_the_ratios_of_c1_and_c2_as_its_ends():
    sizes = tuple(4**i for i in range(16))
    dense = fit_curve(drawn(c1=2e9, c2=2e3, sizes=sizes))
    sparse = fit_curve(drawn(c1=6e9, c2=4e3, sizes=sizes, seed=4, sparsity=90.0))
    pair = compare(dense, sparse, {})
    band = ratio_band(pair)
    for at, name in ((0, "c1"), (-1, "c2")):
        ends = pair.intervals[name]
        wanted = [ends.low, pair.ratios[name], ends.high]
        assert [band.low[at], band.value[at], band.high[at]] == pytest.approx(wanted, rel=3e-3)


def test_there_is_no_band_without_a_fit():
    short = fit_curve(drawn(sizes=(1, 2)))
    assert law_band(short) is None
    assert ratio_band(compare(short, fit_curve(drawn(sparsity=90.0)), {})) is None


def test_measured_ratios_hold_whatever_both_grids_allow():
    points = (CurvePoint(1, 0, 98.0, 100.0), CurvePoint(2, 0, 0.0, 2.0), CurvePoint(4, 0, 50.0, None))
    dense = fit_curve(Curve(workload="w", goal="g", sparsity=0.0, points=points))
    sparse = fit_curve(
        Curve(workload="w", goal="g", sparsity=90.0, points=tuple(replace(p, lower=300.0, upper=302.0) for p in points))
    )
    first, second = measured_ratios(compare(dense, sparse, {}))
    assert (first.batch_size, first.low, first.high) == (1, 3.0, pytest.approx(302.0 / 98.0))
    assert first.ratio == pytest.approx(math.sqrt(300.0 * 302.0 / (98.0 * 100.0)))
    assert (second.batch_size, second.low, second.high) == (2, 150.0, None)
