"""Chances of verdicts against draws of the same tests, and against the pipeline that they speak of."""

import math
from functools import partial

import numpy as np
import pytest
from scipy import stats

from verification.fits.variances import Source, total
from verification.inference.power import (
    NONE,
    Chances,
    direction_chances,
    equality_chances,
    error_of,
    law_chances,
    replicates_that_decide,
)

DRAWS = 40_000
# Three binomial standard deviations of a share of 40,000, at most 0.0075.
CLOSE = 0.0075


def estimates(effect, error, freedom, seed=0):
    """Draws of an estimate and of its estimated error."""
    rng = np.random.default_rng(seed)
    return effect + error * rng.standard_normal(DRAWS), error * np.sqrt(rng.chisquare(freedom, DRAWS) / freedom)


@pytest.mark.parametrize(("effect", "freedom", "tests"), [(0.0, 2, 1), (0.5, 2, 1), (0.5, 9, 20), (-0.7, 4, 1)])
def test_chances_of_a_direction(effect, freedom, tests):
    value, error = estimates(effect, 0.2, freedom)
    t = value / error
    edge = stats.t.ppf(1 - 0.025 / tests, freedom)
    found = direction_chances(effect, error_of([Source(0.04, freedom)], NONE), tests)
    assert found.supported == pytest.approx(np.mean(t > edge), abs=CLOSE)
    assert found.rejected == pytest.approx(np.mean(t < -edge), abs=CLOSE)


@pytest.mark.parametrize(
    ("effect", "error", "freedom", "tests"),
    [(0.0, 0.06, 4, 1), (0.2, 0.06, 4, 1), (0.5, 0.1, 2, 1), (-0.6, 0.1, 9, 20)],
)
def test_chances_of_an_equality(effect, error, freedom, tests):
    value, spread = estimates(effect, error, freedom)
    near, far = (stats.t.ppf(1 - 0.05 / count, freedom) * spread for count in (1, tests))
    found = equality_chances(effect, error_of([Source(error**2, freedom)], NONE), (-0.2, 0.2), tests)
    assert found.supported == pytest.approx(np.mean((value - near > -0.2) & (value + near < 0.2)), abs=CLOSE)
    assert found.rejected == pytest.approx(np.mean((value - far > 0.2) | (value + far < -0.2)), abs=CLOSE)


def test_chances_by_several_kinds_of_scatter():
    """Noise, replicates and a search drawn apart, joined as a run joins them: t at the freedom that each draw gives."""
    rng = np.random.default_rng(2)
    kinds = Source(1.0, 14), Source(3.0, 2, 1.0), Source(1.5, 7, 1.0)
    noise, own, search = (k.variance * rng.chisquare(k.freedom, DRAWS) / k.freedom for k in kinds)
    rows = zip(noise.tolist(), own.tolist(), search.tolist(), strict=True)
    joined = [total([Source(b, 2, a), Source(c, 7, a)], [Source(a, 14)]) for a, b, c in rows]
    variance, freedom = np.array(joined).T
    value = 4.0 + math.sqrt(1.0 + 2.0 + 0.5) * rng.standard_normal(DRAWS)
    expected = np.mean(value > stats.t.ppf(0.975, freedom) * np.sqrt(variance))
    found = direction_chances(4.0, error_of(kinds[1:], kinds[0]))
    assert found.supported == pytest.approx(expected, abs=CLOSE)


@pytest.mark.parametrize("misfit", [0.0, 0.05, math.log(1.1), 0.2])
def test_chances_of_the_law(misfit):
    """Nine sizes, five replicates, sd 0.15: 7 and 28 degrees of freedom, both sums of squares drawn; 4000 draws."""
    rng = np.random.default_rng(1)
    lack = 0.15**2 * rng.noncentral_chisquare(7, max(45 * (misfit / 0.15) ** 2, 1e-12), 4000)
    pure = 0.15**2 * rng.chisquare(28, 4000)
    shift = 45 * math.log(1.1) ** 2 / (pure / 28)
    below = stats.ncf.cdf((lack / 7) / (pure / 28), 7, 28, shift)
    found = law_chances(misfit, 0.15, 9, 5, math.log(1.1))
    assert found.supported == pytest.approx(np.mean(below < 0.05), abs=3 * CLOSE)
    assert found.rejected == pytest.approx(np.mean(below > 0.95), abs=3 * CLOSE)


def test_one_replicate_decides_nothing_about_the_law():
    assert law_chances(0.0, 0.15, 9, 1, 0.1) == Chances(0.0, 0.0)


def test_the_fewest_replicates_that_decide():
    def steep(wanted, count):
        return Chances(0.0, 0.81 if count >= wanted else 0.79)

    for wanted in (2, 3, 17, 100):
        assert replicates_that_decide(partial(steep, wanted)) == wanted
    assert replicates_that_decide(lambda _: Chances(0.5, 0.3), most=5) is None
