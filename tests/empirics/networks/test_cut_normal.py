import numpy as np
from reference.empirics import cut_normal as twin

from empirics.networks import cut_normal
from empirics.networks.cut_normal import quantiles

SHARES = np.concatenate(
    [
        np.random.default_rng(0).random(800),
        np.linspace(0, 1, 101)[:-1],
        [0.0, 2.0**-53, 0.5 - 2.0**-54, 0.5 + 2.0**-53, 1 - 2.0**-53],
        0.5 + 2.0 ** -np.arange(2, 53),
    ]
)


def test_quantiles_are_within_four_units_in_the_last_place_of_the_true_ones():
    found, true = quantiles(SHARES), [twin.quantile(share) for share in SHARES]
    units = [abs(x - y) / np.spacing(abs(float(y))) for x, y in zip(found, true, strict=True) if y != 0]
    assert max(units) < 4
    assert sum(units) / len(units) < 0.75


def test_quantiles_are_odd_and_rise_and_the_middle_is_zero():
    shares = np.linspace(0, 1, 10_001)
    assert (np.diff(quantiles(shares)) > 0).all()
    np.testing.assert_array_equal(quantiles(1 - SHARES), -quantiles(1 - (1 - SHARES)))
    assert quantiles(np.array([0.5])).tolist() == [0.0]


def test_the_polynomial_is_the_one_that_it_is_said_to_be():
    found = twin.coefficients(cut_normal._CENTRE, len(cut_normal._COEFFICIENTS) - 1)
    assert tuple(map(float, found)) == cut_normal._COEFFICIENTS
    assert (float(twin.INSIDE), float(twin.deviation())) == (cut_normal._INSIDE, cut_normal.DEVIATION)
