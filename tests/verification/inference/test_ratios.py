"""Ratios batch size by batch size: replicates are units, and what a search shares is added."""

import math
from dataclasses import replace

import numpy as np
import pytest
from reference.verification import clusters as twin
from scipy import stats

from verification.fits.curves import fit_curve
from verification.inference.known import Slope, mean_of
from verification.inference.ratios import at_each_size, log_ratios
from verification.missing import Missing
from verification.records.curves import Curve, CurvePoint

SIZES = tuple(2**i for i in range(6))


def curve(logs, sparsity=0.0, first=0):
    """Exact counts, log K a row a replicate."""
    points = [
        CurvePoint(size, first + j, math.exp(k), math.exp(k))
        for j, row in enumerate(np.asarray(logs).tolist())
        for size, k in zip(SIZES, row, strict=True)
    ]
    return fit_curve(Curve(points=tuple(sorted(points)), workload="w", goal="g", sparsity=sparsity))


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(2)
    law = np.log(900 / np.array(SIZES) + 30)
    return [law + 0.2 * rng.standard_normal((4, 1)) + 0.05 * rng.standard_normal((4, 6)) for _ in range(2)]


def test_a_mean_and_a_slope_of_replicates(table):
    """Of each replicate; a variance v of each batch size enters with v/6, or over the squares."""
    dense, sparse = curve(table[0]), curve(table[1] + 1.0, 90.0)
    ratios, x = log_ratios(dense, sparse), np.log(SIZES) - np.log(SIZES).mean()
    assert ratios.logs == pytest.approx(table[1] - table[0] + 1.0)
    misfits = [side.misfit("H") for side in (dense, sparse)]
    for found, values, weight in (
        (ratios.mean(), ratios.logs.mean(axis=1), 1 / 6),
        (ratios.slope(), ratios.logs @ x / (x @ x), 1 / (x @ x)),
    ):
        single = [weight * one.pure / one.within / 4 for one in misfits]
        noise = (sum(single), sum(single) ** 2 / sum(n**2 / one.within for n, one in zip(single, misfits, strict=True)))
        search = [(weight * one.lack / one.between / 4, one.between, n) for n, one in zip(single, misfits, strict=True)]
        variance, freedom = twin.summed(noise, [(stats.sem(values) ** 2, 3, sum(single)), *search])
        assert (found.value, found.error, found.freedom) == pytest.approx((np.mean(values), variance**0.5, freedom))


def test_without_replicates_batch_sizes_are_the_units(table):
    dense, sparse = curve(table[0][:1]), curve(table[1][:1] + 1.0, 90.0)
    ratios = log_ratios(dense, sparse)
    assert not ratios.replicated
    line = stats.linregress(np.log(SIZES), ratios.logs[0])
    assert (ratios.slope().value, ratios.slope().error) == (pytest.approx(line.slope), pytest.approx(line.stderr))
    assert ratios.slope().freedom == 4
    assert ratios.mean().error == pytest.approx(stats.sem(ratios.logs[0]))


def test_only_replicates_that_both_have_are_compared(table):
    dense, sparse = curve(table[0]), curve(table[1], 90.0, first=2)
    assert log_ratios(dense, sparse).logs == pytest.approx(table[1][:2] - table[0][2:])
    apart = log_ratios(dense, curve(table[1], 90.0, first=9))
    assert apart.logs == pytest.approx(table[1].mean(axis=0)[None] - table[0].mean(axis=0))


def test_a_batch_size_that_a_replicate_missed_is_left_out_of_means(table):
    dense, sparse = curve(table[0]), curve(table[1], 90.0)
    points = [replace(p, upper=None) if (p.batch_size, p.replicate) == (4, 1) else p for p in sparse.curve.points]
    missed = fit_curve(replace(sparse.curve, points=tuple(points)))
    assert log_ratios(dense, missed).sizes == (1, 2, 8, 16, 32)
    # There its budget is a bound.
    assert at_each_size(dense, missed)[4].value == pytest.approx(float((table[1] - table[0])[:, 2].mean()))


def test_noise_that_rises_with_the_batch_size_widens_the_ratio_there():
    rng = np.random.default_rng(3)
    law, spread = np.log(900 / np.array(SIZES) + 30), 0.02 * 2.0 ** np.arange(6)
    dense, sparse = (curve(law + spread * rng.standard_normal((8, 6)), s) for s in (0.0, 90.0))
    shared = sum(max(side.misfit("H").shared, 0.0) for side in (dense, sparse))
    own = [math.sqrt(one.error**2 - shared) for one in at_each_size(dense, sparse).values()]
    assert own == sorted(own)
    # The truth is 32; what the level of replicates scatters by chance is a floor.
    assert own[-1] / own[0] > 4.0


def test_equal_ratios_have_no_error():
    law = np.log(900 / np.array(SIZES) + 30)
    dense, sparse = (curve(np.tile(law, (3, 1)) + level, s) for level, s in ((0.0, 0.0), (1.0, 90.0)))
    assert isinstance(log_ratios(dense, sparse).mean(), Missing)
    assert mean_of([1.0], "few") == Missing("few")


def test_an_error_beside_another():
    """25 = 9 + 16, and Satterthwaite: 625/(81/4 + 256/8)."""
    both = Slope(1.0, 3.0, 4).plus(16.0, 8)
    assert (both.value, both.error, both.freedom) == (1.0, 5.0, pytest.approx(625 / (81 / 4 + 256 / 8)))
    assert Slope(1.0, 3.0, 4).plus(0.0, 1.0) == Slope(1.0, 3.0, 4)
