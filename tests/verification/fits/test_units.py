"""Replicates as units of a curve, and the intercept of each, against a likelihood climbed by finite differences."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.verification import clusters as twin

from verification.fits.likelihood import observe
from verification.fits.units import NO_UNITS, units_of
from verification.records.curves import CurvePoint

SIZES = (1, 4, 16, 64)


def points(seed=0, replicates=3, sizes=SIZES, width=2.0, budget=math.inf, between=0.3, within=0.1):
    rng = np.random.default_rng(seed)
    found = []
    for replicate in range(replicates):
        level = between * rng.standard_normal()
        for size in sizes:
            upper = math.ceil((400 / size + 20) * math.exp(level + within * rng.standard_normal()) / width) * width
            ends = (upper - width, upper) if upper <= budget else (budget, None)
            found.append(CurvePoint(size, replicate, *ends))
    return found


def units(listed):
    return units_of(listed, observe(listed))


@pytest.mark.parametrize(("budget", "spent"), [(math.inf, 0), (410.0, 2)])
def test_intercepts_are_those_of_the_likelihood(budget, spent):
    listed = points(budget=budget)
    assert sum(not point.reached for point in listed) == spent
    found = units(listed)
    expected = twin.additive([(p.batch_size, p.replicate, p.lower, p.upper) for p in listed])
    assert found.offset == pytest.approx([expected[j] for j in found.replicates], abs=2e-5)
    assert found.offset.sum() == pytest.approx(0.0, abs=1e-12)


def test_intercepts_of_whole_exact_replicates_are_differences_of_means():
    listed = [CurvePoint(p.batch_size, p.replicate, p.upper, p.upper) for p in points()]
    logs = np.log([p.upper for p in listed]).reshape(3, 4)
    assert units(listed).offset == pytest.approx(logs.mean(axis=1) - logs.mean(), abs=1e-9)


def test_alignment_leaves_what_replicates_do_not_explain():
    listed = [CurvePoint(size, j, k, k) for j in range(3) for size in SIZES for k in [2.0**j * (400 / size + 20)]]
    data = observe(listed)
    aligned = units(listed).aligned(data)
    assert aligned.log_upper.reshape(3, 4) == pytest.approx(np.tile(np.log([800 / b + 40 for b in SIZES]), (3, 1)))
    assert aligned.log_batch_size is data.log_batch_size


@pytest.mark.parametrize(
    ("listed", "why"),
    [
        (points(replicates=1), "one replicate"),
        (points(sizes=(1, 4)), "two batch sizes each"),
        ([p for p in points() if p.replicate == 0 or p.batch_size == 4], "one whole replicate"),
        (
            points(replicates=1, sizes=(1, 4, 16)) + [CurvePoint(b, 1, 5.0, 6.0) for b in (2, 8, 32)],
            "no batch size in common",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_no_units(listed, why):
    assert units(listed) is NO_UNITS, why
    data = observe(listed)
    assert NO_UNITS.aligned(data) is data


def test_points_of_a_replicate_that_is_none_stay_where_they_are():
    listed = [p for p in points() if p.replicate < 2 or p.batch_size == 4]
    found, data = units(listed), observe(listed)
    assert found.replicates == (0, 1)
    assert found.index.tolist() == [p.replicate if p.replicate < 2 else -1 for p in listed]
    assert found.aligned(data).log_upper[-1] == data.log_upper[-1]


@given(st.permutations(range(12)), st.integers(0, 5))
def test_the_order_and_the_labels_of_replicates_do_not_matter(order, seed):
    listed = points(seed, width=1.0)
    turned = [CurvePoint(p.batch_size, 7 - p.replicate, p.lower, p.upper) for p in (listed[i] for i in order)]
    before, after = units(listed), units(turned)
    assert after.replicates == (5, 6, 7)
    assert after.offset == pytest.approx(before.offset[::-1], abs=1e-6)
