"""Result 14: heavy ball (j = 1) and Nesterov momentum (j = 2) at a fixed rate."""

import sympy

from theory.checking.analysis import BestValue, Limited, Summed
from theory.checking.assumptions import (
    BOUNDED,
    CONSTANT_RATE,
    GRAD,
    MOMENTUM,
    SAME_GOAL,
    SECOND_MOMENT,
    SMOOTH,
    UNBIASED,
)
from theory.checking.bounds import C1, C2, NOISE_SCALE
from theory.checking.checks import Certificate, Identity, NormSquare, by
from theory.checking.inner import base, inner
from theory.checking.moments import AtStep, Equal, Mean, Move
from theory.checking.operations import Put, RightSide, Solve, Times, Using, Where, With
from theory.checking.proof import Result, Step, algebra, argument, inequality
from theory.checking.relations import eq, le, lt
from theory.results.fixed.descent import GRADIENT_SQUARED, MEAN_OF_STEPS
from theory.results.fixed.variance import M_OF_BATCH
from theory.results.rules.momentum_buffer import AVERAGE, BUFFER_STEPS, BUFFERS, GRADIENTS
from theory.sequences import Buffer, Fz, G, goal, rate
from theory.symbols import (
    B_0,
    M_G,
    B,
    B_crit,
    Delta,
    G_mean,
    K,
    K_eta,
    K_star,
    L,
    M,
    S_bound,
    a_rate,
    beta,
    c1,
    c2,
    eta,
    f_inf,
    f_next,
    f_now,
    f_z,
    f_z_next,
    g_sample,
    k,
    lead,
    m,
    mean_f_z_next,
    mean_square,
    mu,
    t,
    v_before,
    w,
    z_next,
    z_now,
)

ONE = sympy.Integer(1)
DIFFERENCE = base("y")
RATE_SUM = eq(a_rate, eta / (1 - m))
LAG = L * m**lead * a_rate / (1 - m)
ROOT = sympy.sqrt(M_G)
NOISE_FACTOR = 1 + m**lead / ROOT
BRACKET = 2 - L * a_rate * M_G - 2 * LAG * ROOT


ENDS = sympy.Limit(B * K_star, B, 0) / sympy.Limit(K_star, B, sympy.oo)


def _plain(order: int) -> Step:
    """Return that z makes plain steps: one step of the method and of its buffer, and z formed again."""
    buffer = m * v_before + g_sample
    move = buffer if order == 1 else g_sample + m * buffer
    now, after = rate(k), rate(k + 1)
    return algebra(
        f"14.{order}",
        "Heavy ball, v <- m v + g, w <- w - eta v: z = w - m a v makes plain steps of rate a = eta/(1-m);"
        if order == 1
        else "so does z = w - m² a v for Nesterov momentum, w <- w - eta (g + m v).",
        eq(z_next, z_now - a_rate * g_sample),
        (CONSTANT_RATE.id,),
        Identity((CONSTANT_RATE.id, by(CONSTANT_RATE.id, Put({k: k + 1})))),
        definitions=(
            eq(z_now, w - m**order * now / (1 - m) * v_before),
            eq(z_next, w - now * move - m**order * after / (1 - m) * buffer),
            RATE_SUM,
        ),
        reference="Yang, Lin, Li 2016",
    )


DESCENT_STEPS = (
    _plain(1),
    _plain(2),
    inequality(
        "14.3",
        "The descent lemma at z, in the mean given the past.",
        le(
            mean_f_z_next, f_z - a_rate * (GRADIENT_SQUARED + inner(GRAD, DIFFERENCE)) + L * a_rate**2 * mean_square / 2
        ),
        ("1.3", "2.2", "14.1", "14.2", UNBIASED.id),
        by(
            "1.3",
            Move({"grad": GRAD + DIFFERENCE}, {f_now: f_z, f_next: f_z_next}, steps=("14.1", "14.2")),
            Mean("2.2"),
            Equal(UNBIASED.id),
        ),
    ),
    inequality(
        "14.4",
        "z is m^j a |v| from w; name u = (1-m) v, an average of past gradients.",
        le(inner(DIFFERENCE, DIFFERENCE), LAG**2 * inner(AVERAGE, AVERAGE)),
        (SMOOTH.id,),
        by(SMOOTH.id, Move({"d": (-(m**lead) * a_rate / (1 - m)) * AVERAGE, "u": DIFFERENCE}), Put({t: ONE})),
    ),
    inequality(
        "14.5",
        "So the gradient at z costs at most this (Young).",
        le(
            -inner(GRAD, DIFFERENCE),
            LAG * (inner(AVERAGE, AVERAGE) / ROOT + ROOT * GRADIENT_SQUARED) / 2,
        ),
        ("14.4", MOMENTUM.id),
        Certificate(
            {"14.4": (1 - m) / (L * m**lead * a_rate * ROOT * 2)},
            (
                NormSquare(
                    (1 - m) / (L * m**lead * a_rate * ROOT * 2),
                    DIFFERENCE + (LAG * ROOT) * GRAD,
                ),
            ),
            positive=(MOMENTUM.id,),
            reading="with κ = L m^j a/(1-m): right - left = ([14.4] + |∇f(z) - ∇f(w) + κ √M_G ∇f|²)/(2 κ √M_G)",
        ),
    ),
)

BOUND_STEPS = (
    inequality(
        "14.12",
        "One step, together.",
        le(
            mean_f_z_next - f_z,
            -a_rate * (1 - LAG * ROOT / 2 - L * a_rate * M_G / 2) * GRADIENT_SQUARED
            + a_rate * LAG * inner(AVERAGE, AVERAGE) / (2 * ROOT)
            + L * a_rate**2 * M / 2,
        ),
        ("14.3", "14.5", SECOND_MOMENT.id),
        Certificate(
            {"14.3": ONE, "14.5": a_rate, SECOND_MOMENT.id: L * a_rate**2 / 2},
            reading="right - left = [14.3] + a [14.5] + (L a²/2) [second-moment]",
        ),
    ),
    inequality(
        "14.13",
        "The same at step k, in full expectation.",
        le(
            Fz(k + 1) - Fz(k),
            -a_rate * (1 - LAG * ROOT / 2 - L * a_rate * M_G / 2) * G(k)
            + a_rate * LAG * Buffer(k) / (2 * ROOT)
            + L * a_rate**2 * M / 2,
        ),
        ("14.12", "2.2"),
        by("14.12", AtStep("2.2")),
    ),
    inequality(
        "14.14",
        "Summed over the steps.",
        le(
            Fz(K + 1) - Fz(1),
            -a_rate * (1 - LAG * ROOT / 2 - L * a_rate * M_G / 2) * GRADIENTS
            + a_rate * LAG * BUFFERS / (2 * ROOT)
            + K * L * a_rate**2 * M / 2,
        ),
        ("14.13",),
        by("14.13", Summed()),
    ),
    inequality(
        "14.15",
        "f is bounded below at z too.",
        le(f_inf, Fz(K + 1)),
        (BOUNDED.id, "2.2"),
        by(BOUNDED.id, Move({}, {f_now: f_z}), AtStep("2.2"), Put({k: K + 1})),
        reference="Lee et al. 2021, Sec. 4.1",
    ),
    inequality(
        "14.16",
        "The bound, while the denominator is positive; z_1 = w_1. With m = 0 it is the sharp bound of result 8.",
        le(G_mean, (Delta / (K * a_rate) + NOISE_FACTOR * L * a_rate * M) / BRACKET),
        ("14.14", "14.11", MOMENTUM.id, "14.15"),
        Certificate(
            {
                "14.14": 2 / (K * a_rate * BRACKET),
                "14.15": 2 / (K * a_rate * BRACKET),
                "14.11": L * m**lead * a_rate / (K * ROOT * (1 - m) * BRACKET),
            },
            positive=("given", MOMENTUM.id),
            reading="right - left = 2/(K a D) ([14.14] + [14.15] + a κ/(2 √M_G) [14.11]), D the denominator, "
            "κ = L m^j a/(1-m)",
        ),
        given=(lt(0, BRACKET),),
        definitions=(eq(Delta, 2 * (Fz(1) - f_inf)), MEAN_OF_STEPS),
    ),
)

TUNED_STEPS = (
    algebra(
        "14.17",
        "Heavy ball with M_G = 1: steps that the bound asks for.",
        eq(K_eta, Delta / (a_rate * (2 * goal(B) - L * a_rate * ((1 + m) / (1 - m) * goal(B) + (1 + m) * beta / B)))),
        ("14.16", "4.4"),
        by(
            "14.16",
            RightSide(G_mean, S_bound, {lead: 1, M_G: 1}),
            Where(S_bound, goal(B), K, K_eta),
            Using(M_OF_BATCH),
            Solve(K_eta),
        ),
    ),
    algebra(
        "14.18",
        "At the best rate a hyperbola again: with momentum the bound asks for more in both terms, most in the floor.",
        eq(K_star, (1 + m) * c1 / B + (1 + m) / (1 - m) * c2),
        ("14.17", SAME_GOAL.id, MOMENTUM.id),
        by("14.17", Using(SAME_GOAL.id), BestValue(K_eta, a_rate, K_star, positive=(MOMENTUM.id,))),
        definitions=(eq(c1, C1.subs(mu, 1)), eq(c2, C2.subs({mu: 1, M_G: 1}))),
    ),
    algebra(
        "14.19",
        "So the bound has a smaller critical batch size, where experiments find a larger one.",
        eq(B_crit, (1 - m) * B_0),
        ("14.18",),
        by(by("14.18", Times(B), Limited(B, sympy.Integer(0))), With("/", by("14.18", Limited(B, sympy.oo)))),
        definitions=(
            eq(B_crit, ENDS),
            eq(c1, C1.subs(mu, 1)),
            eq(c2, C2.subs({mu: 1, M_G: 1})),
            eq(B_0, NOISE_SCALE.subs(M_G, 1)),
        ),
    ),
    algebra(
        "14.20",
        "Without momentum 14.16 is the sharp bound with mu = 1, whose right side is",
        eq(S_bound, (Delta / (K * a_rate) + L * a_rate * M) / (2 - L * a_rate * M_G)),
        ("14.16",),
        by("14.16", RightSide(G_mean, S_bound, {m: 0})),
    ),
    argument(
        "14.21",
        "Nothing follows from that about what smoothness can explain: this is a bound, not the worst case. Performance "
        "estimation without noise, at the best rate and K = 20, has K epsilon/(L Delta) = 1.34 for heavy ball at "
        "m = 0.5, 4.7 at m = 0.9 and 1.04 for Nesterov at m = 0.5; the bound has 3, 19 and 2. On a quadratic with many "
        "curvatures momentum does serve larger batches.",
        None,
        ("14.19",),
        reference="Goujaud et al. 2024; Zhang et al. 2019, Sec. 3",
    ),
)

MOMENTUM_BOUND = Result(
    "14",
    "momentum",
    "Momentum",
    "For unbiased gradients, heavy ball (j = 1) and Nesterov (j = 2) at a = eta/(1-m) obey a bound that is the sharp"
    " one at m = 0. Tuned at fixed m, heavy ball with M_G = 1 needs at most (1+m) c1/B + (1+m)/(1-m) c2 steps, with "
    "B_crit = (1-m) B_0. It is a bound, not the worst case: 14.21.",
    DESCENT_STEPS + BUFFER_STEPS + BOUND_STEPS + TUNED_STEPS,
)
