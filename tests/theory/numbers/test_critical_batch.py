"""Decision quantities against a search over batch sizes and against their defining equations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from theory import (
    HYPERBOLA,
    batch_size_for_efficiency,
    critical_batch_size,
    critical_batch_size_20_percent,
    fastest_batch_size,
    least_total_time,
    parallel_efficiency,
)

positive = st.floats(1e-3, 1e6)
ROUNDING = 64 * np.finfo(float).eps


@given(c1=positive, c2=positive, reference=positive)
def test_a_fifth_more_examples(c1, c2, reference):
    size = critical_batch_size_20_percent(c1, c2, reference)
    examples = np.array([reference, size]) * HYPERBOLA.steps([reference, size], c1=c1, c2=c2)
    assert examples[1] == pytest.approx(1.2 * examples[0], rel=ROUNDING)


@given(c1=positive, c2=positive, efficiency=st.floats(0.01, 0.99))
def test_efficiency_and_its_batch_size_are_inverse(c1, c2, efficiency):
    size = batch_size_for_efficiency(efficiency, c1, c2)
    assert parallel_efficiency(size, c1, c2) == pytest.approx(efficiency, rel=ROUNDING)
    # against its definition: steps with perfect scaling over steps
    assert c1 / size / HYPERBOLA.steps(size, c1=c1, c2=c2) == pytest.approx(efficiency, rel=ROUNDING)


def test_the_fastest_batch_size_is_the_minimum_of_the_total_time():
    c1, c2, fixed, per_example = 5e4, 40.0, 0.2, 3e-4
    found = minimize_scalar(
        lambda log_size: (c1 * np.exp(-log_size) + c2) * (fixed + per_example * np.exp(log_size)),
        bounds=(0, 12),
        method="bounded",
        options={"xatol": 1e-9},
    )
    # at a minimum, an error e in the place is an error e^2 in the value: the place is known to sqrt(eps)
    assert fastest_batch_size(c1, c2, fixed, per_example) == pytest.approx(np.exp(found.x), rel=1e-7)
    assert least_total_time(c1, c2, fixed, per_example) == pytest.approx(found.fun, rel=ROUNDING)


@given(c1=positive, c2=positive, factor=positive)
def test_a_common_factor_of_both_constants_moves_no_decision(c1, c2, factor):
    """L and Delta multiply c1 and c2 alike."""
    for decide in (
        critical_batch_size,
        critical_batch_size_20_percent,
        lambda a, b: batch_size_for_efficiency(0.3, a, b),
        lambda a, b: fastest_batch_size(a, b, 1.0, 0.1),
    ):
        assert decide(factor * c1, factor * c2) == pytest.approx(decide(c1, c2), rel=ROUNDING)


@pytest.mark.parametrize("c1", [-1.0, np.inf, np.nan])
def test_noise_term_out_of_range(c1):
    with pytest.raises(ValueError, match="need finite c1 >= 0 and c2 > 0"):
        critical_batch_size(c1, 1.0)


@pytest.mark.parametrize("c2", [0.0, -1.0, np.inf, np.nan])
@pytest.mark.parametrize("function", [critical_batch_size, critical_batch_size_20_percent])
def test_floor_out_of_range(function, c2):
    with pytest.raises(ValueError, match="need finite c1 >= 0 and c2 > 0"):
        function(1.0, c2)


def test_no_noise_has_no_efficiency():
    with pytest.raises(ValueError, match="need c1 > 0"):
        parallel_efficiency(1.0, 0.0, 1.0)


@pytest.mark.parametrize("efficiency", [0.0, 1.0, -0.5, np.nan])
def test_efficiency_out_of_range(efficiency):
    with pytest.raises(ValueError, match=r"efficiency must be in \(0, 1\)"):
        batch_size_for_efficiency(efficiency, 1.0, 1.0)


@pytest.mark.parametrize("reference", [0.0, np.inf])
def test_reference_batch_size_out_of_range(reference):
    with pytest.raises(ValueError, match="need finite reference_batch_size > 0"):
        critical_batch_size_20_percent(1.0, 1.0, reference)


def test_batch_size_out_of_range():
    with pytest.raises(ValueError, match="batch_size must be finite and > 0"):
        parallel_efficiency([1.0, 0.0], 1.0, 1.0)


@pytest.mark.parametrize(("fixed", "per_example"), [(-1.0, 1.0), (1.0, 0.0), (np.inf, 1.0)])
@pytest.mark.parametrize("function", [fastest_batch_size, least_total_time])
def test_step_time_out_of_range(function, fixed, per_example):
    with pytest.raises(ValueError, match="need finite fixed >= 0 and per_example > 0"):
        function(1.0, 1.0, fixed, per_example)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.int32])
def test_numbers_of_numpy_count_as_their_values_without_a_word(kind):
    assert critical_batch_size(kind(48), kind(3)) == 16.0
