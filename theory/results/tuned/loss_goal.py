"""Result 15: steps to a loss goal under the Polyak-Lojasiewicz condition."""

from functools import partial

import sympy
from sympy.core.relational import Relational

from theory.checking.assumptions import POLYAK_LOJASIEWICZ
from theory.checking.bounds import ETA_MAX, NOISE
from theory.checking.operations import solve_for
from theory.checking.proof import Certificate, Derived, Kind, Premises, Result, Step, eq, le, lt
from theory.results.tuned.tuned import BRACKET
from theory.symbols import (
    M_G,
    B,
    F,
    K,
    L,
    M,
    beta,
    decrease_loss,
    eta,
    eta_loss,
    f_inf,
    k,
    mu,
    nu,
    phi,
    phi_1,
    phi_goal,
    time_high,
    time_low,
)

algebra = partial(Step, "tuned", Kind.ALGEBRA)
inequality = partial(Step, "tuned", Kind.INEQUALITY)
argument = partial(Step, "tuned", Kind.ARGUMENT)

LOSS_RATE = 2 * mu * nu * phi / (L * (M + 2 * nu * M_G * phi))
DECREASE = 2 * (mu * nu * phi) ** 2 / (L * (M + 2 * nu * M_G * phi))
TIME = 1 / DECREASE
BOUND = L * beta / (2 * mu**2 * nu**2) * (1 / phi_goal - 1 / phi_1) / B + L * M_G / (mu**2 * nu) * sympy.log(
    phi_1 / phi_goal
)


def _gain(excess: sympy.Expr) -> sympy.Expr:
    """Return how much 15.1 lowers an excess loss."""
    return eta * BRACKET * nu * excess - eta**2 * L * M / 2


def _best_rate(_: Premises) -> Relational:
    return eq(eta_loss, solve_for(eq(sympy.diff(_gain(phi), eta), 0), eta).rhs)


def _largest_gain(premises: Premises) -> Relational:
    return eq(decrease_loss, _gain(phi).subs(eta, premises["15.2"].rhs))


def _total(premises: Premises) -> Relational:
    """Integrate 1/D from the goal to the start."""
    time = sympy.expand(1 / premises["15.4"].rhs.subs(M, NOISE))
    total = sympy.integrate(time, (phi, phi_goal, phi_1))
    return eq(K - 1, sympy.expand_log(total))


LOSS_GOAL = Result(
    "15",
    "tuned",
    "A loss goal under the Polyak-Lojasiewicz condition",
    "With the rate adapted to the excess loss phi, the number of steps is at most 1 + (L beta/(2 mu² nu²)) "
    "(1/phi_goal - 1/phi_1)/B + (L M_G/(mu² nu)) log(phi_1/phi_goal): a hyperbola in B again, with another "
    "dependence on the goal.",
    (
        inequality(
            "15.1",
            "The excess loss contracts up to the noise.",
            le(
                F(k + 1) - f_inf,
                (1 - eta * BRACKET * nu) * (F(k) - f_inf) + eta**2 * L * M / 2,
            ),
            "Bottou, Curtis, Nocedal 2018, Theorem 4.6",
            ("2.5", POLYAK_LOJASIEWICZ.id, "8.1"),
            Certificate(
                {"2.5": sympy.Integer(1), POLYAK_LOJASIEWICZ.id: eta * BRACKET / 2},
                positive=("8.1",),
                reading="right - left = [2.5] + η (2 μ - L M_G η)/2 [polyak-lojasiewicz]",
            ),
        ),
        algebra(
            "15.2",
            "The rate that lowers an excess phi most.",
            eq(eta_loss, LOSS_RATE),
            "docs/theory.md, result 15",
            ("15.1",),
            Derived("maximise what 15.1 takes off phi, over eta", _best_rate),
        ),
        inequality(
            "15.3",
            "It keeps the cap.",
            lt(eta_loss, ETA_MAX),
            "docs/theory.md, result 15",
            ("15.2",),
            Certificate(
                {"15.2": sympy.Integer(1)},
                (mu * M / (L * M_G * (M + 2 * nu * M_G * phi)),),
                reading="right - left = [15.2] + μ M/(L M_G (M + 2 nu M_G φ))",
            ),
        ),
        algebra(
            "15.4",
            "At it phi falls by D(phi).",
            eq(decrease_loss, DECREASE),
            "docs/theory.md, result 15",
            ("15.1", "15.2"),
            Derived(
                "put 15.2 into what 15.1 takes off phi",
                _largest_gain,
            ),
        ),
        inequality(
            "15.5",
            "A lower excess takes longer: 1/D falls in phi.",
            le(time_high, time_low),
            "docs/theory.md, result 15",
            ("15.4",),
            Certificate(
                {
                    "given": L
                    * (M * (phi_1 + phi_goal) / (phi_1 * phi_goal) ** 2 + 2 * nu * M_G / (phi_1 * phi_goal))
                    / (2 * mu**2 * nu**2)
                },
                reading="right - left = L/(2 μ² nu²) (M (φ_1 + φ_g)/(φ_1 φ_g)² + 2 nu M_G/(φ_1 φ_g)) (φ_1 - φ_g)",
            ),
            given=(le(phi_goal, phi_1),),
            definitions=(eq(time_high, TIME.subs(phi, phi_1)), eq(time_low, TIME.subs(phi, phi_goal))),
        ),
        argument(
            "15.6",
            "Let y_1 = phi_1, y_(k+1) = y_k - D(y_k), and let step k have the rate of y_k: by 15.1, whose factor is "
            "not negative (nu <= L, and 10.5), E f(w_k) - f_inf is at most y_k. By 15.5 every step above the goal "
            "takes at least 1 off the integral of 1/D from the goal to phi_1; the step that crosses it is one more.",
            None,
            "docs/theory.md, result 15",
            ("15.1", "15.3", "15.4", "15.5", "10.5"),
        ),
        algebra(
            "15.7",
            "So K, with M = beta/B, is at most 1 more than the integral:",
            eq(K - 1, BOUND),
            "docs/theory.md, result 15",
            ("15.4", "15.6", "4.4"),
            Derived("integrate 1/D of 15.4 from the goal to phi_1", _total),
        ),
    ),
)
