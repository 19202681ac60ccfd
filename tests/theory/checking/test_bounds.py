"""The derived laws against a search over rates, and the bounds against exact runs of SGD on quadratics."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.theory.bounds import sgd_mean_gradients, sharp, steps_by_bisection, textbook, tuned_steps

from theory.checking.bounds import B_LOW, C1, C2, C2_AT_RATE, ETA_MAX, SHARP_BOUND, STEPS_AT_RATE, TEXTBOOK_BOUND
from theory.laws import FIXED_RATE, HYPERBOLA, TUNED_TEXTBOOK
from theory.symbols import M_G, B, Delta, K, L, M, beta, epsilon, eta, mu

PROBLEM = {L: 3.0, Delta: 5.0, beta: 40.0, epsilon: 0.02, mu: 0.7, M_G: 1.3}
BATCH_SIZES = (1.0, 30.0, 1538.0, 1e4, 1e6)
RATES = 4001
# bisection over 42 decades in 200 halvings of the logarithm ends at rounding
BISECTION = 1e-12


def value(expression, **more):
    named = {B: more.get("batch_size"), eta: more.get("rate")}
    return float(expression.subs(PROBLEM | {s: v for s, v in named.items() if v is not None}))


def constants():
    return {"c1": value(C1), "c2": value(C2)}


@pytest.mark.parametrize("batch_size", BATCH_SIZES)
def test_tuning_the_sharp_bound_gives_the_hyperbola(batch_size):
    """K(r eta*)/K* = 1/(r (2-r)): a grid of relative spacing d around eta* misses K* by less than d^2 of it."""
    largest = 2 * value(ETA_MAX)
    noise = PROBLEM[beta] / batch_size

    def bound(rate, steps):
        return sharp(rate, steps, PROBLEM[L], PROBLEM[Delta], noise, PROBLEM[mu], PROBLEM[M_G])

    # a grid that covers the best rate at this batch size: for small B it is a small fraction of the largest
    best_over_largest = 0.5 / (1 + value(C1) / value(C2) / batch_size)
    found, rate = tuned_steps(bound, min(largest, 3 * best_over_largest * largest), PROBLEM[epsilon], RATES)
    spacing = 3 / RATES
    exact = float(HYPERBOLA.steps(batch_size, **constants()))
    assert exact * (1 - BISECTION) <= found <= exact * (1 + spacing**2)
    assert rate == pytest.approx(best_over_largest * largest, rel=spacing)


@pytest.mark.parametrize("batch_size", BATCH_SIZES)
def test_tuning_the_textbook_bound_gives_law_x(batch_size):
    largest = value(ETA_MAX)
    noise = PROBLEM[beta] / batch_size

    def bound(rate, steps):
        return textbook(rate, steps, PROBLEM[L], PROBLEM[Delta], noise, PROBLEM[mu])

    critical = value(C1) / value(C2)
    best_over_largest = min(1.0, batch_size / (2 * critical))
    upper = min(1.0, 3 * best_over_largest)
    found, _ = tuned_steps(bound, upper * largest, PROBLEM[epsilon], RATES)
    exact = float(TUNED_TEXTBOOK.steps(batch_size, **constants()))
    # inside, a parabola in the rate; where the cap binds, the grid ends one spacing below it
    spacing = upper / best_over_largest / RATES
    assert exact * (1 - BISECTION) <= found <= exact * (1 + (2 * spacing if upper == best_over_largest else spacing**2))


@pytest.mark.parametrize("batch_size", [300.0, 1538.0, 1e5])
def test_a_fixed_rate_gives_law_i_with_the_papers_constants(batch_size):
    rate = 0.3 * value(ETA_MAX)
    found = steps_by_bisection(
        lambda steps: textbook(rate, steps, PROBLEM[L], PROBLEM[Delta], PROBLEM[beta] / batch_size, PROBLEM[mu]),
        PROBLEM[epsilon],
    )
    law = float(FIXED_RATE.steps(batch_size, c1=value(C1), c2=value(C2_AT_RATE, rate=rate)))
    assert law == pytest.approx(found, rel=BISECTION)
    if np.isfinite(law):
        assert value(STEPS_AT_RATE, rate=rate, batch_size=batch_size) == pytest.approx(found, rel=BISECTION)
    assert (batch_size <= value(B_LOW, rate=rate)) == np.isinf(found)


@given(
    curvatures=st.lists(st.floats(0.05, 1.0), min_size=1, max_size=5),
    start=st.floats(0.1, 3.0),
    noise=st.floats(0.0, 2.0),
    rate=st.floats(0.01, 1.99),
    steps=st.integers(1, 200),
)
@settings(max_examples=200)
def test_exact_runs_of_sgd_never_exceed_the_bounds(curvatures, start, noise, rate, steps):
    """On f = sum h_i w_i^2 / 2 all constants are known: L = max h, mu = M_G = 1, M = noise, f_inf = 0."""
    h = np.array(curvatures)
    w = np.full(h.shape, start)
    smoothness = h.max()
    at = {L: smoothness, Delta: float(np.sum(h * w**2)), M: noise, mu: 1, M_G: 1, K: steps, eta: rate / smoothness}
    mean = np.mean(sgd_mean_gradients(h, w, noise, rate / smoothness, steps))
    # sums of at most 200 positive terms
    rounding = 1 + 1e-12
    assert mean <= float(SHARP_BOUND.subs(at)) * rounding
    if rate <= 1:
        assert mean <= float(TEXTBOOK_BOUND.subs(at)) * rounding


def test_the_textbook_bound_fails_beyond_its_cap():
    """A single step on f = w^2/2 with exact gradients at 1.5 times the cap."""
    at = {L: 1, Delta: 1, M: 0, mu: 1, K: 1, eta: 1.5}
    assert np.mean(sgd_mean_gradients(np.array([1.0]), [1.0], 0.0, 1.5, 1)) > float(TEXTBOOK_BOUND.subs(at))


def test_the_sharp_bound_is_attained_in_the_limit_of_many_steps():
    """f = L w^2/2, the worst case: what is missing is of the order q^K, q = (1 - eta L)^2."""
    steps, rate = 40, 0.5
    at = {L: 1, Delta: 1, M: 0.3, mu: 1, M_G: 1, K: steps, eta: rate}
    mean = np.mean(sgd_mean_gradients(np.array([1.0]), [1.0], 0.3, rate, steps))
    bound = float(SHARP_BOUND.subs(at))
    # f(w_K+1) stays at the noise floor eta M/(2 (2 - eta)), which the bound counts as lost
    floor = 2 * rate * 0.3 / (2 * (2 - rate)) / (steps * rate * (2 - rate))
    assert bound - mean == pytest.approx(floor, rel=1e-9)
