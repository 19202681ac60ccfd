import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.empirics.best_rate import slow_best_rate

from empirics.best_rate import BestRate, decided, effective_rate, steps_at_best_rate

INF = math.inf
RATES = [0.1, 0.2, 0.4]
MET = np.array([[150.0, 190.0, INF], [80.0, 120.0, 260.0], [100.0, 170.0, INF]])
END = 120.0
counts = st.integers(2, 30).map(lambda number: 8.0 * number)
studies = st.integers(2, 4).flatmap(
    lambda points: st.lists(
        st.lists(st.one_of(counts, st.just(INF)), min_size=3, max_size=3), min_size=points, max_size=points
    )
)


def found(met, rates=RATES, end=END, interval=8.0):
    return steps_at_best_rate(rates, met - interval, met, end)


def test_it_is_what_the_slow_way_finds():
    """The slow way's own error: the standard deviation over the root of the samples that count, 3 of them allowed."""
    mean, low, high, log_spread, counting = slow_best_rate(RATES, MET - 8.0, MET, END)
    one = found(MET)
    deviation = (high - low) / 4.0
    tolerance = 3.0 * deviation / math.sqrt(counting) + 0.01  # 0.01: the quick way's error, `benchmarks/RESULTS.md`
    assert counting > 10_000
    assert math.log(one.steps) == pytest.approx(mean, abs=tolerance)
    assert math.log(one.low) == pytest.approx(low, abs=0.25 * deviation)
    assert math.log(one.high) == pytest.approx(high, abs=0.25 * deviation)
    assert math.log(one.log_spread) == pytest.approx(log_spread, abs=0.05)
    assert (one.draws, one.reached_share) == (3, 1.0)


def test_a_point_is_decided_when_half_its_draws_are_there():
    assert decided(MET).tolist() == [190.0, 120.0, 170.0]
    assert decided(np.array([[4.0, INF, INF], [INF, 9.0, 3.0]])).tolist() == [INF, 9.0]


@pytest.mark.parametrize(
    ("met", "share"),
    [
        pytest.param([[100.0, INF, INF], [INF, INF, INF]], 1 / 3, id="no point is decided"),
        pytest.param([[8.0, 8.0, INF], [8.0, INF, INF]], 2 / 3, id="all at the first test"),
    ],
)
def test_where_the_median_has_no_upper_or_no_lower_end_nothing_is_estimated(met, share):
    nothing = BestRate(steps=None, low=None, high=None, draws=3, reached_share=share, log_spread=None)
    assert found(np.array(met), RATES[:2]) == nothing


@settings(max_examples=20)
@given(studies, st.sampled_from([2.0, 1000.0]), st.permutations(range(3)))
def test_units_and_order_do_not_matter(rows, unit, order):
    """Sums are taken in another order, so the last digits of weights differ, and a little more does."""
    met, rates = np.array(rows), [0.1 * 1.5**index for index in range(len(rows))]
    end = float(np.min(decided(met)))
    if math.isinf(end) or end == 8.0:
        return
    one = found(met, rates, end)
    scaled = steps_at_best_rate([rate * unit for rate in rates], (met - 8.0) * unit, met * unit, end * unit)
    turned = found(met[:, order], rates, end)
    back = found(met[::-1], rates[::-1], end) if len(set(decided(met))) == len(met) else one
    for other, factor in ((scaled, unit), (turned, 1.0), (back, 1.0)):
        assert other.steps == pytest.approx(one.steps * factor, rel=1e-6)
        assert other.high == pytest.approx(one.high * factor, rel=1e-6)
        assert other.log_spread == pytest.approx(one.log_spread, rel=1e-6)


def test_what_comes_after_the_end_is_not_looked_at():
    later = MET.copy()
    later[later > END] = INF
    shares = found(MET).reached_share, found(later).reached_share
    assert dataclasses.replace(found(later), reached_share=1.0) == found(MET)
    assert shares == (1.0, 2 / 3)


@pytest.mark.parametrize(
    ("met", "interval"),
    [
        pytest.param(np.full((3, 3), 120.0), 8.0, id="all at one test"),
        pytest.param(np.full((3, 3), 120.0), 1e-6, id="all at one step"),
        pytest.param(np.array([[120.0] * 3, [INF] * 3, [INF] * 3]), 8.0, id="one rate only"),
        pytest.param(np.array([[1.0, 120.0, INF], [INF] * 3, [INF] * 3]), 1.0, id="wide apart"),
    ],
)
def test_whatever_is_seen_there_is_a_finite_estimate_inside_its_interval(met, interval):
    one = found(met, interval=interval)
    assert 0.0 < one.low < one.steps < one.high < INF
    assert 0.0 < one.log_spread < INF


def test_rates_far_from_the_leader_are_left_out():
    near = found(MET)
    assert found(np.vstack([MET, [[INF] * 3]]), [*RATES, 100.0]) == near
    assert found(np.vstack([MET, [[90.0, INF, INF]]]), [*RATES, 100.0]) == near


def test_one_rate_has_an_estimate_without_a_parabola():
    """Nine draws known to 1%: the mean of log K within its standard error of the logarithms' mean."""
    met = np.array([[70.0, 80.0, 90.0, 95.0, 100.0, 105.0, 110.0, 125.0, 140.0]])
    one = steps_at_best_rate([0.3], met - 1.0, met, 1000.0)
    logs = np.log(met)
    assert abs(math.log(one.steps) - logs.mean()) < logs.std() / 3.0
    assert one.log_spread == pytest.approx(logs.std(ddof=1), rel=0.2)
    assert one.reached_share == 1.0


def test_shapes_that_do_not_agree_are_refused():
    with pytest.raises(ValueError, match="one rate for each point"):
        steps_at_best_rate([0.1], MET - 8.0, MET, END)


def test_momentum_makes_the_effective_rate():
    assert effective_rate({"learning_rate": 0.1, "momentum": 0.9}) == pytest.approx(1.0)
    assert effective_rate({"momentum": 0.9}) is None
