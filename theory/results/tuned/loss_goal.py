"""Result 15: steps to a loss goal under the Polyak-Lojasiewicz condition."""

import sympy

from theory.checking.analysis import Best, Evaluated
from theory.checking.assumptions import BOUNDED, CAP_EACH, POLYAK_LOJASIEWICZ
from theory.checking.bounds import ETA_MAX
from theory.checking.checks import Certificate, by
from theory.checking.operations import Put, RightSide, Solve, Using
from theory.checking.proof import Result, algebra, argument, inequality
from theory.checking.relations import eq, le, lt
from theory.results.fixed.variance import M_OF_BATCH
from theory.sequences import F, rate
from theory.symbols import (
    M_G,
    B,
    K,
    L,
    M,
    beta,
    decrease_at,
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

LOSS_RATE = 2 * mu * nu * phi / (L * (M + 2 * nu * M_G * phi))
DECREASE = 2 * (mu * nu * phi) ** 2 / (L * (M + 2 * nu * M_G * phi))
BOUND = L * beta / (2 * mu**2 * nu**2) * (1 / phi_goal - 1 / phi_1) / B + L * M_G / (mu**2 * nu) * sympy.log(
    phi_1 / phi_goal
)


AT_CAP_OR_BELOW = mu + L * M_G * (ETA_MAX - rate(k))
NEXT = by("15.1", RightSide(F(k + 1) - f_inf, phi - decrease_at, {F(k): f_inf + phi, rate(k): eta}), Solve(decrease_at))
"""What 15.1 takes off an excess loss phi, at any rate."""
AT_START_TIME, AT_GOAL_TIME = (
    by("15.4", Put({phi: at, decrease_loss: 1 / time}), Solve(time))
    for at, time in ((phi_1, time_high), (phi_goal, time_low))
)

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
                (1 - rate(k) * (2 * mu - rate(k) * L * M_G) * nu) * (F(k) - f_inf) + rate(k) ** 2 * L * M / 2,
            ),
            ("3d.1", POLYAK_LOJASIEWICZ.id, CAP_EACH.id),
            Certificate(
                {"3d.1": sympy.Integer(1), POLYAK_LOJASIEWICZ.id: rate(k) * AT_CAP_OR_BELOW / 2},
                positive=(CAP_EACH.id,),
                reading="right - left = [3d.1] + η_k (μ + L M_G [cap-each])/2 [polyak-lojasiewicz]",
            ),
            reference="Bottou, Curtis, Nocedal 2018, Theorem 4.6",
        ),
        algebra(
            "15.2",
            "The rate that lowers an excess phi most.",
            eq(eta_loss, LOSS_RATE),
            ("15.1",),
            by(NEXT, Best(decrease_at, eta, eta_loss, most=True)),
        ),
        inequality(
            "15.3",
            "It keeps the cap.",
            lt(eta_loss, ETA_MAX),
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
            ("15.1", "15.2"),
            by(NEXT, Put({eta: eta_loss, decrease_at: decrease_loss}), using=("15.2",)),
        ),
        inequality(
            "15.5",
            "that is, from phi to at most phi - D(phi).",
            le(F(k + 1) - f_inf, phi - decrease_loss),
            ("15.1", "15.2", "15.4"),
            Certificate(
                {"15.1": sympy.Integer(1)},
                using=("given", "given.2", "15.2", "15.4"),
                reading="right - left = [15.1]",
            ),
            given=(eq(F(k), f_inf + phi), eq(rate(k), eta_loss)),
        ),
        inequality(
            "15.6",
            "A lower excess takes longer: 1/D falls in phi.",
            le(time_high, time_low),
            ("15.4",),
            Certificate(
                {
                    "given": L
                    * (M * (phi_1 + phi_goal) / (phi_1 * phi_goal) ** 2 + 2 * nu * M_G / (phi_1 * phi_goal))
                    / (2 * mu**2 * nu**2)
                },
                using=(AT_START_TIME, AT_GOAL_TIME),
                reading="right - left = L/(2 μ² nu²) (M (φ_1 + φ_g)/(φ_1 φ_g)² + 2 nu M_G/(φ_1 φ_g)) (φ_1 - φ_g)",
            ),
            given=(le(phi_goal, phi_1),),
        ),
        argument(
            "15.7",
            "Let y_1 = phi_1, y_(k+1) = y_k - D(y_k), and let step k have the rate of y_k, which keeps the cap (15.3): "
            "by 15.1, whose factor is not negative (nu <= L, by 1.3 and bounded, and 10.5), E f(w_k) - f_inf is at "
            "most y_k. By 15.6 every step above the goal takes at least 1 off the integral of 1/D from the goal to "
            "phi_1; the step that crosses it is one more.",
            le(K - 1, sympy.Integral(1 / decrease_loss, (phi, phi_goal, phi_1))),
            ("15.1", "15.3", "15.5", "15.6", "10.5", "1.3", BOUNDED.id),
        ),
        inequality(
            "15.8",
            "Carried out with M = beta/B; where M_G depends on B (4.4), so does the second term:",
            le(K - 1, BOUND),
            ("15.4", "15.7", "4.4"),
            by("15.7", Using("15.4"), Using(M_OF_BATCH), Evaluated()),
        ),
    ),
)
