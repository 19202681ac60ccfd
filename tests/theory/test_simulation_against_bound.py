"""No run on a quadratic whose constants are known exactly exceeds the bounds, and one kind attains the worst case.

Runs are exact moment recursions in full matrices, on random quadratics whose noise has nothing to do with the Hessian;
gradients may be biased (mu) and their noise may grow with the gradient (M_G > mu^2).
"""

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.theory.simulation import mean_squared_gradients, random_quadratic

from theory.checking.bounds import SHARP_BOUND, TEXTBOOK_BOUND
from theory.evaluation.evaluate import evaluate
from theory.results.rules.momentum import BRACKET, MOMENTUM_BOUND
from theory.symbols import M_G, Delta, K, L, M, a_rate, eta, lead, m, mu
from theory.worst_case import worst_case_sum

ROUNDING = 1 + 1e-10  # 150 products of matrices of some 10 numbers: below 1e-12, or the run diverges
LONGEST = 150
STEPS = np.arange(1.0, LONGEST + 1.0)

RIGHT = next(step.claim.rhs for step in MOMENTUM_BOUND.steps if step.id == "14.16")
sharp, textbook = (sympy.lambdify((K, eta, L, Delta, M, mu, M_G), e) for e in (SHARP_BOUND, TEXTBOOK_BOUND))
momentum_bound = sympy.lambdify((K, a_rate, L, Delta, M, M_G, m, lead), RIGHT)
slope = sympy.lambdify((L, M_G, m, lead), -sympy.diff(BRACKET, a_rate))  # the bound's denominator is 2 - a slope

seeds = st.integers(0, 2**32 - 1)
dimensions = st.integers(1, 5)
growths = st.sampled_from([0.0, 0.3, 4.0])


class Run:
    """A random quadratic and its exact constants."""

    def __init__(self, seed, dimension, bias, growth):
        self.hessian, self.start, self.covariance = random_quadratic(np.random.default_rng(seed), dimension)
        self.mu, self.growth = bias, growth
        self.smoothness = float(np.linalg.eigvalsh(self.hessian)[-1])
        self.excess = float(self.start @ self.hessian @ self.start)  # twice f(w_1)
        self.noise = float(np.trace(self.covariance))
        self.second = bias**2 + growth

    def constants(self):
        return self.smoothness, self.excess, self.noise, self.mu, self.second

    def averages(self, rate, **method):
        squares = mean_squared_gradients(
            self.hessian, self.start, self.covariance, rate, LONGEST, mu=self.mu, kappa=self.growth, **method
        )
        return np.cumsum(squares) / STEPS


@settings(max_examples=200)
@given(seeds, dimensions, st.sampled_from([1.0, 0.6, 2.0]), growths, st.floats(0.01, 2.5))
def test_sgd_never_exceeds_the_sharp_bound_nor_the_worst_case(seed, dimension, bias, growth, share):
    run = Run(seed, dimension, bias, growth)
    largest = run.mu / (run.smoothness * run.second)
    rate = share * largest
    averages = run.averages(rate)
    worst = worst_case_sum(STEPS, rate, L=run.smoothness, Delta=run.excess, M=run.noise, mu=run.mu, M_G=run.second)
    assert (averages <= worst / STEPS * ROUNDING).all()
    if share < 2:  # where the sharp bound ends
        assert (averages <= sharp(STEPS, rate, *run.constants()) * ROUNDING).all()
    if rate <= largest:
        assert (averages <= textbook(STEPS, rate, *run.constants()) * ROUNDING).all()


@given(seeds, dimensions, st.sampled_from([1.0, 0.6]), growths, st.floats(0.01, 2.5))
def test_the_worst_case_is_attained_where_all_curvatures_are_equal(seed, dimension, bias, growth, share):
    """f = L |w|^2/2, with any noise; rates beyond the sharp bound's cap included."""
    run = Run(seed, dimension, bias, growth)
    run.hessian = run.smoothness * np.eye(dimension)
    run.excess = float(run.start @ run.hessian @ run.start)
    rate = share * run.mu / (run.smoothness * run.second)
    worst = worst_case_sum(STEPS[:40], rate, L=run.smoothness, Delta=run.excess, M=run.noise, mu=run.mu, M_G=run.second)
    assert run.averages(rate)[:40] * STEPS[:40] == pytest.approx(worst, rel=1e-10)


def test_the_textbook_bound_fails_beyond_its_cap():
    """At 1.9 times the cap the run on f = w^2/2 is above it: the cap is necessary."""
    squares = mean_squared_gradients(np.eye(1), np.ones(1), np.zeros((1, 1)), 1.9, LONGEST)
    averages = np.cumsum(squares) / STEPS
    assert averages[-1] > textbook(LONGEST, 1.9, 1.0, 1.0, 0.0, 1.0, 1.0)
    assert averages[-1] <= sharp(LONGEST, 1.9, 1.0, 1.0, 0.0, 1.0, 1.0)


@settings(max_examples=200)
@given(seeds, dimensions, growths, st.floats(0.0, 0.97), st.booleans(), st.floats(0.01, 0.99))
def test_momentum_never_exceeds_its_bound(seed, dimension, growth, momentum, nesterov, share):
    """At rates up to where the bound's denominator vanishes."""
    run = Run(seed, dimension, 1.0, growth)
    order = 2 if nesterov else 1
    a = share * 2.0 / slope(run.smoothness, run.second, momentum, order)
    averages = run.averages(a * (1 - momentum), momentum=momentum, nesterov=nesterov)
    bound = momentum_bound(STEPS, a, run.smoothness, run.excess, run.noise, run.second, momentum, order)
    assert (averages <= bound * ROUNDING).all()


@given(seeds, dimensions, growths, st.booleans())
def test_without_momentum_both_methods_are_sgd(seed, dimension, growth, nesterov):
    run = Run(seed, dimension, 1.0, growth)
    rate = 0.5 / (run.smoothness * run.second)
    assert run.averages(rate, momentum=0.0, nesterov=nesterov) == pytest.approx(run.averages(rate), rel=1e-12)
    assert momentum_bound(STEPS, rate, run.smoothness, run.excess, run.noise, run.second, 0.0, 1) == pytest.approx(
        sharp(STEPS, rate, *run.constants()), rel=1e-12
    )


@given(seeds, dimensions, growths, st.floats(0.1, 1e4), st.floats(0.01, 1.0))
def test_the_tuned_law_suffices_on_every_quadratic(seed, dimension, growth, size, goal_share):
    """At the best rate, K* steps bring the average of E G to epsilon or below."""
    run = Run(seed, dimension, 1.0, growth)
    goal = goal_share * run.smoothness * run.excess  # no gradient is larger at the start
    found = evaluate("tuned", size, L=run.smoothness, Delta=run.excess, beta=run.noise, epsilon=goal, M_G=run.second)
    steps = int(np.ceil(float(found.steps)))
    if steps > 5000:
        return
    run.covariance = run.covariance / size
    squares = mean_squared_gradients(run.hessian, run.start, run.covariance, float(found.eta), steps, kappa=growth)
    assert squares.mean() <= goal * ROUNDING


@pytest.mark.parametrize("size", [1.0, 10.0, 100.0, 1e4])
@pytest.mark.parametrize("goal", [0.1, 0.01])
def test_the_tuned_law_is_the_worst_case_up_to_its_stated_error(size, goal):
    """No rate has a worst case that meets epsilon more than a relative epsilon/(2 L Delta) and one step earlier."""
    constants = {"L": 1.0, "Delta": 2.0}
    law = float(evaluate("tuned", size, **constants, beta=1.0, epsilon=goal).steps)
    rates = np.geomspace(1e-3, 1.5, 400) / (1 + 1 / (goal * size))
    steps = np.unique(np.geomspace(1, np.ceil(law), 2000).astype(int)).astype(float)
    averages = worst_case_sum(steps[:, None], rates, **constants, M=1.0 / size) / steps[:, None]
    fewest = steps[(averages <= goal).any(axis=1)][0]
    assert fewest <= np.ceil(law)
    assert (
        fewest >= law * (1 - goal / (2 * constants["L"] * constants["Delta"])) - 1 - law * 0.005
    )  # of the steps tried
