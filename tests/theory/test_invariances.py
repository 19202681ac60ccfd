"""What must hold for any constants: units, limits, order of the bounds; and a first passage followed exactly."""

import math

import numpy as np
import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from theory.checking.bounds import (
    B_LOW,
    C1,
    C2,
    C2_AT_RATE,
    ETA_MAX,
    NOISE_SCALE,
    SHARP_BOUND,
    STEPS_AT_RATE,
    TEXTBOOK_BOUND,
)
from theory.laws import HYPERBOLA, TUNED_TEXTBOOK
from theory.symbols import M_G, B, Delta, K, L, M, beta, epsilon, eta, mu

positive = st.floats(1e-3, 1e3)
batch_sizes = st.floats(1e-2, 1e6)
# products and quotients of a few doubles
ROUNDING = 1e-12
SYMBOLS = (L, Delta, beta, epsilon, mu, M_G, B, K, M, eta)
constants = st.fixed_dictionaries(dict.fromkeys(("L", "Delta", "beta", "epsilon", "B", "K", "M", "eta"), positive))


def compiled(expression):
    return sympy.lambdify([*SYMBOLS], expression, modules="math")


FORMULAS = {
    name: compiled(expression)
    for name, expression in {
        "c1": C1,
        "c2": C2,
        "c2_at_rate": C2_AT_RATE,
        "steps_at_rate": STEPS_AT_RATE,
        "b_low": B_LOW,
        "b_crit": NOISE_SCALE,
        "eta_max": ETA_MAX,
        "textbook": TEXTBOOK_BOUND,
        "sharp": SHARP_BOUND,
    }.items()
}


def value(name, problem, **changed):
    return FORMULAS[name](**({"mu": 0.8, "M_G": 1.5} | problem | changed))


def rescaled(problem, loss=1.0, weight=1.0, example=1.0):
    """The same problem with loss, weights and examples counted in other units."""
    gradient = (loss / weight) ** 2
    return problem | {
        "L": problem["L"] * loss / weight**2,
        "Delta": problem["Delta"] * loss,
        "beta": problem["beta"] * gradient * example,
        "epsilon": problem["epsilon"] * gradient,
        "M": problem["M"] * gradient,
        "B": problem["B"] * example,
        "eta": problem["eta"] * weight**2 / loss,
    }


@given(problem=constants, loss=positive, weight=positive, example=positive)
def test_units_of_loss_weights_and_data(problem, loss, weight, example):
    """Steps are pure numbers, batch sizes go with the examples, bounds with the squared gradient."""
    other = rescaled(problem, loss, weight, example)
    gradient = (loss / weight) ** 2
    factors = {"c1": example, "c2": 1, "c2_at_rate": 1, "b_low": example, "b_crit": example, "textbook": gradient}
    for name, factor in (factors | {"eta_max": weight**2 / loss}).items():
        assert value(name, other) == pytest.approx(factor * value(name, problem), rel=ROUNDING), name
    # where brackets cancel the relative error grows: away from their zeros
    assume(abs(1 - value("b_low", problem) / problem["B"]) > 1e-3)
    assert value("steps_at_rate", other) == pytest.approx(value("steps_at_rate", problem), rel=1e3 * ROUNDING)
    assume(abs(2 - problem["eta"] / value("eta_max", problem)) > 1e-3)
    assert value("sharp", other) == pytest.approx(gradient * value("sharp", problem), rel=1e3 * ROUNDING)


@given(c1=positive, c2=positive)
def test_limits(c1, c2):
    """At a millionth of B_crit, and a million times it, the other term is a millionth."""
    critical = c1 / c2
    small, large = HYPERBOLA.steps([1e-6 * critical, 1e6 * critical], c1=c1, c2=c2)
    assert small * 1e-6 * critical == pytest.approx(c1 * (1 + 1e-6), rel=ROUNDING)
    assert large == pytest.approx(c2 * (1 + 1e-6), rel=ROUNDING)


@given(problem=constants, share=st.floats(1e-3, 1.0))
def test_the_sharp_bound_is_below_the_textbook_bound_and_meets_it_at_the_cap_only(problem, share):
    at = {"eta": share * value("eta_max", problem)}
    sharp, textbook = value("sharp", problem, **at), value("textbook", problem, **at)
    # textbook/sharp = (2 mu - eta L M_G)/mu = 2 - share
    assert textbook / sharp == pytest.approx(2 - share, rel=ROUNDING)
    assert sharp <= textbook * (1 + ROUNDING)
    assert share == 1.0 or sharp < textbook or 1 - share < ROUNDING


@given(c1=positive, c2=positive, x=st.floats(1e-6, 1e6))
def test_the_price_of_the_textbook_bound(c1, c2, x):
    """x = B_crit/B: 4x/(1+x) before the knee at x = 1/2, 1/(1-x^2) after it."""
    size = c1 / c2 / x
    ratio = float(TUNED_TEXTBOOK.steps(size, c1=c1, c2=c2) / HYPERBOLA.steps(size, c1=c1, c2=c2))
    assert 1 - ROUNDING < ratio < 4
    assert ratio > 1 or x < 1e-5
    assert (ratio <= 4 / 3 * (1 + ROUNDING)) == (x <= 0.5) or abs(x - 0.5) < 1e-9
    assert ratio == pytest.approx(4 * x / (1 + x) if x > 0.5 else 1 / (1 - x**2), rel=1e3 * ROUNDING)


def test_the_price_at_the_knee_is_a_third_and_the_slope_is_continuous():
    c1, c2, width = 1000.0, 10.0, 1e-4
    knee = 2 * c1 / c2
    left, middle, right = TUNED_TEXTBOOK.steps(knee * (1 + width * np.array([-1, 0, 1])), c1=c1, c2=c2)
    assert middle / HYPERBOLA.steps(knee, c1=c1, c2=c2) == pytest.approx(4 / 3, rel=ROUNDING)
    slopes = np.array([middle - left, right - middle]) / (knee * width)
    # one-sided differences of a function with |K''| <= 2 K/B^2: an error of K/B^2 times the width
    np.testing.assert_allclose(slopes, -c2 / (c1 / c2), rtol=4 * width)


@given(sparse=st.tuples(positive, positive), dense=st.tuples(positive, positive))
def test_the_ratio_of_two_curves_is_monotone_between_its_limits_and_never_steep(sparse, dense):
    critical_s, critical_d = sparse[0] / sparse[1], dense[0] / dense[1]
    log_b = np.linspace(-30, 30, 241)
    theta_s, theta_d = np.log(sparse), np.log(dense)
    log_ratio = HYPERBOLA.log_steps(log_b, theta_s) - HYPERBOLA.log_steps(log_b, theta_d)
    change = np.diff(log_ratio)
    root = math.sqrt(max(critical_s, critical_d) / min(critical_s, critical_d))
    rounding = 1e-13 * (1 + np.abs(log_ratio).max())
    assert np.all(change <= rounding) if critical_s >= critical_d else np.all(change >= -rounding)
    assert np.abs(change).max() <= (root - 1) / (root + 1) * (log_b[1] - log_b[0]) + 2 * rounding
    ends = (math.log(sparse[0] / dense[0]), math.log(sparse[1] / dense[1]))
    # at exp(+-30) the other term is below exp(-30) times the largest ratio of critical batch sizes, 1e6
    np.testing.assert_allclose(log_ratio[[0, -1]], ends, rtol=0, atol=1e-6)


@given(noise=st.floats(0.0, 3.0), goal=st.floats(0.05, 0.5), start=st.floats(1.0, 4.0))
@settings(max_examples=40)
def test_the_mean_first_passage_on_a_line_is_below_the_hyperbola(noise, goal, start):
    """f = w²/2 with noise ±sqrt(M): E(tau - 1) as the sum of the probabilities of not having arrived, on a tree."""
    spread = math.sqrt(noise)
    rate = goal / (goal + noise)  # the best rate, L = mu = M_G = 1
    points = {start: 1.0}
    mean = 0.0
    for _ in range(14):
        points = {w: p for w, p in points.items() if w**2 > goal}
        mean += sum(points.values())
        moved = {}
        for w, p in points.items():
            for sign in (1, -1):
                after = w - rate * (w + sign * spread)
                moved[after] = moved.get(after, 0.0) + p / 2
        points = moved
    # cut off after 14 steps: a lower bound on the mean, so the law must still be above it
    assert mean <= float(HYPERBOLA.steps(1.0, c1=max(start**2 * noise / goal**2, 1e-300), c2=start**2 / goal))
