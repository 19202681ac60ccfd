"""Results 22 and 23 on numbers: passages that are known exactly, and integrals by quadrature."""

import numpy as np
import pytest
import sympy

from theory import symbols as s
from theory.results.all import steps_by_id
from theory.sequences import G_of


def constants(gradient, noise, smoothness, start, goal):
    """Return c1 and c2 of the path bound by the trapezoid rule; no formula of the proof is used."""
    phi = np.geomspace(goal, start, 20001)
    g, v, smooth = gradient(phi), noise(phi), smoothness(phi)
    return np.trapezoid(2 * smooth * v / g**2, phi), np.trapezoid(2 * smooth / g, phi)


def claimed(step_id, **values):
    """Return the right side of a step at numbers."""
    right = steps_by_id()[step_id].claim.rhs
    return float(right.subs({getattr(s, name): value for name, value in values.items()}))


@pytest.mark.parametrize("start", [0.5, 8.0])
def test_the_constants_of_both_special_paths(start):
    nu, smooth, beta, goal, epsilon = 0.3, 2.0, 5.0, 0.1, 0.7
    shared = {"phi_1": start, "phi_goal": goal, "L": smooth, "beta": beta}
    flat = constants(lambda p: 0 * p + epsilon, lambda p: 0 * p + beta, lambda p: 0 * p + smooth, start, goal)
    steep = constants(lambda p: 2 * nu * p, lambda p: 0 * p + beta, lambda p: 0 * p + smooth, start, goal)
    assert flat == pytest.approx(
        (claimed("22.9", epsilon=epsilon, **shared), claimed("22.10", epsilon=epsilon, **shared))
    )
    assert steep == pytest.approx((claimed("22.11", nu=nu, **shared), claimed("22.12", nu=nu, **shared)), rel=1e-5)


def test_smoothness_that_goes_as_the_gradient():
    def gradient(phi):
        return phi**1.5

    noise_term, floor = constants(
        gradient, lambda p: 5.0 * np.sqrt(gradient(p)), lambda p: 3.0 * np.sqrt(gradient(p)), 2.0, 0.5
    )
    path = {
        G_of(s.phi): s.phi ** sympy.Rational(3, 2),
        s.L_1: 3,
        s.v_1: 5,
        s.phi_1: 2,
        s.phi_goal: sympy.Rational(1, 2),
    }
    said = [float(steps_by_id()[id_].claim.rhs.subs(path).doit()) for id_ in ("23.1", "23.2")]
    assert [noise_term, floor] == pytest.approx(said, rel=1e-6)


@pytest.mark.parametrize("chance", [0.1, 0.001])
def test_a_jump_below_the_goal_needs_the_last_term(chance):
    """f = w²/2 from just above the goal: with this chance a step ends at 0, else the weight stays nearly where it is.

    The mean number of steps is 1/chance, though the integrals from the goal are those of an empty range.
    """
    w, goal = 1.0, 0.5
    variance = (
        w**2 * (1.0 - chance) / chance
    )  # of noise that is w/eta - w with this chance and mean 0, at the best rate
    rate = w**2 / (variance + w**2)
    jump, other = w / rate - w, -chance / (1 - chance) * (w / rate - w)
    assert chance * jump**2 + (1 - chance) * other**2 == pytest.approx(variance, rel=1e-9)
    assert w - rate * (w + jump) == pytest.approx(0.0, abs=1e-12)
    decrease = w**4 / (2 * (variance + w**2))
    assert goal / decrease == pytest.approx(1.0 / chance)


def test_a_rate_along_the_mean_loss_gains_less():
    """22.13: G = phi, L = √phi, no noise; the rate that is best at phi = 1, used where phi is 0 or 2."""
    gains = [phi - np.sqrt(phi) * phi / 2 for phi in (0.0, 1.0, 2.0)]
    assert gains[1] == 0.5
    assert (gains[0] + gains[2]) / 2 == pytest.approx(1 - np.sqrt(2) / 2)
