"""The derived laws against a search over rates, and the sharp bound against the run that attains it."""

import numpy as np
import pytest
from reference.theory.bounds import sharp, steps_by_bisection, textbook, tuned_steps
from reference.theory.simulation import mean_squared_gradients

from theory.checking.bounds import B_LOW, C1, C2, C2_AT_RATE, ETA_MAX, SHARP_BOUND, STEPS_AT_RATE
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


def test_the_sharp_bound_is_attained_in_the_limit_of_many_steps():
    """f = L w^2/2, the worst case: what is missing is of the order q^K, q = (1 - eta L)^2."""
    steps, rate = 40, 0.5
    at = {L: 1, Delta: 1, M: 0.3, mu: 1, M_G: 1, K: steps, eta: rate}
    mean = np.mean(mean_squared_gradients(np.eye(1), np.ones(1), 0.3 * np.eye(1), rate, steps))
    bound = float(SHARP_BOUND.subs(at))
    # f(w_K+1) stays at the noise floor eta M/(2 (2 - eta)), which the bound counts as lost
    floor = 2 * rate * 0.3 / (2 * (2 - rate)) / (steps * rate * (2 - rate))
    assert bound - mean == pytest.approx(floor, rel=1e-9)
