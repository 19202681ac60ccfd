"""Result 14: heavy ball (j = 1) and Nesterov momentum (j = 2) at a fixed rate."""

from functools import partial

import sympy
from sympy.core.relational import Relational

from theory.checking.assumptions import (
    BOUNDED,
    GRAD,
    MOMENTUM,
    MOVE,
    SAME_GOAL,
    SECOND_MOMENT,
    SMOOTH,
    UNBIASED,
)
from theory.checking.assumptions import DIFFERENCE as SMOOTH_DIFFERENCE
from theory.checking.bounds import C1, C2, NOISE, NOISE_SCALE
from theory.checking.inner import base, inner
from theory.checking.operations import solve_for, substitute, sum_over_steps
from theory.checking.proof import Certificate, Derived, Kind, NormSquare, Premises, Result, Step, eq, le, lt
from theory.results.fixed.descent import GRADIENT_SQUARED, MEAN
from theory.results.rules.momentum_buffer import AVERAGE, BUFFER_STEPS, BUFFERS, GRADIENTS
from theory.symbols import (
    B_0,
    M_G,
    B,
    B_crit,
    Buffer,
    Delta,
    F,
    Fz,
    G,
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
    epsilon,
    eta,
    f_inf,
    f_next,
    f_now,
    f_z,
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

algebra = partial(Step, "momentum", Kind.ALGEBRA)
inequality = partial(Step, "momentum", Kind.INEQUALITY)
argument = partial(Step, "momentum", Kind.ARGUMENT)

ONE = sympy.Integer(1)
DIFFERENCE = base("y")
RATE_SUM = eq(a_rate, eta / (1 - m))
LAG = L * m**lead * a_rate / (1 - m)
ROOT = sympy.sqrt(M_G)
NOISE_FACTOR = 1 + m**lead / ROOT
BRACKET = 2 - L * a_rate * M_G - 2 * LAG * ROOT


def _next_z(order: int) -> Relational:
    """Make one step of the method and of its buffer, and form z again."""
    buffer = m * v_before + g_sample
    move = buffer if order == 1 else g_sample + m * buffer
    return eq(z_next, w - eta * move - m**order * a_rate * buffer)


def _plain(order: int) -> Step:
    return algebra(
        f"14.{order}",
        "Heavy ball, v <- m v + g, w <- w - eta v: z = w - m a v makes plain steps of rate a = eta/(1-m);"
        if order == 1
        else "so does z = w - m² a v for Nesterov momentum, w <- w - eta (g + m v).",
        eq(z_next, z_now - a_rate * g_sample),
        "Yang, Lin, Li 2016",
        (),
        Derived("make one step and form z again", lambda _: _next_z(order)),
        definitions=(eq(z_now, w - m**order * a_rate * v_before), RATE_SUM),
    )


def _descent(premises: Premises) -> Relational:
    """Put d = -a g into the descent lemma at z, where the gradient is grad f(w) + the difference, and take the mean."""
    meaning = {
        f_now: f_z,
        f_next: mean_f_z_next,
        inner(GRAD, MOVE): -a_rate * (GRADIENT_SQUARED + inner(GRAD, DIFFERENCE)),
        inner(MOVE, MOVE): a_rate**2 * mean_square,
    }
    return substitute(premises["1.3"], meaning)


def _lipschitz(premises: Premises) -> Relational:
    distance = m**lead * a_rate / (1 - m)
    meaning = {
        inner(SMOOTH_DIFFERENCE, SMOOTH_DIFFERENCE): inner(DIFFERENCE, DIFFERENCE),
        inner(MOVE, MOVE): distance**2 * inner(AVERAGE, AVERAGE),
        t: ONE,
    }
    return substitute(premises[SMOOTH.id], meaning)


def _steps(premises: Premises) -> Relational:
    """Solve for K with heavy ball and M_G = 1."""
    bound = premises["14.16"].rhs.subs({lead: 1, M_G: 1}).subs(M, NOISE)
    return eq(K_eta, solve_for(eq(bound, epsilon), K).rhs)


def _tuned(premises: Premises) -> Relational:
    inverse = 1 / premises["14.17"].rhs
    best = solve_for(eq(sympy.diff(inverse, a_rate), 0), a_rate).rhs
    return eq(K_star, 1 / inverse.subs(a_rate, best))


def _crossing(premises: Premises) -> Relational:
    steps = premises["14.18"].rhs
    return eq(B_crit, sympy.limit(B * steps, B, 0) / sympy.limit(steps, B, sympy.oo))


DESCENT_STEPS = (
    _plain(1),
    _plain(2),
    inequality(
        "14.3",
        "The descent lemma at z, in the mean given the past.",
        le(
            mean_f_z_next, f_z - a_rate * (GRADIENT_SQUARED + inner(GRAD, DIFFERENCE)) + L * a_rate**2 * mean_square / 2
        ),
        "docs/theory.md, result 14",
        ("1.3", "14.1", "14.2", UNBIASED.id),
        Derived("put d = -a g into 1.3 at z; ∇f(z) = ∇f(w) + (∇f(z) - ∇f(w)) and E g = ∇f(w)", _descent),
    ),
    inequality(
        "14.4",
        "z is m^j a |v| from w; name u = (1-m) v, an average of past gradients.",
        le(inner(DIFFERENCE, DIFFERENCE), LAG**2 * inner(AVERAGE, AVERAGE)),
        "docs/theory.md, result 14",
        (SMOOTH.id,),
        Derived("smoothness from w to z, |z - w| = m^j a |u|/(1-m)", _lipschitz),
    ),
    inequality(
        "14.5",
        "So the gradient at z costs at most this (Young).",
        le(
            -inner(GRAD, DIFFERENCE),
            LAG * (inner(AVERAGE, AVERAGE) / ROOT + ROOT * GRADIENT_SQUARED) / 2,
        ),
        "docs/theory.md, result 14",
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
        "docs/theory.md, result 14",
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
        "docs/theory.md, result 14",
        ("14.12",),
        Derived(
            "take the full expectation of 14.12",
            lambda p: substitute(
                p["14.12"],
                {
                    mean_f_z_next: Fz(k + 1),
                    f_z: Fz(k),
                    GRADIENT_SQUARED: G(k),
                    inner(AVERAGE, AVERAGE): Buffer(k),
                },
            ),
        ),
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
        "docs/theory.md, result 14",
        ("14.13",),
        Derived("sum 14.13 over k = 1..K", lambda p: sum_over_steps(p["14.13"])),
    ),
    inequality(
        "14.15",
        "f is bounded below at z too.",
        le(f_inf, Fz(K + 1)),
        "Lee et al. 2021, Sec. 4.1",
        (BOUNDED.id,),
        Derived("the bound below, at z", lambda p: substitute(p[BOUNDED.id], {F(K + 1): Fz(K + 1)})),
    ),
    inequality(
        "14.16",
        "The bound, while the denominator is positive; z_1 = w_1. With m = 0 it is the sharp bound of result 8.",
        le(G_mean, (Delta / (K * a_rate) + NOISE_FACTOR * L * a_rate * M) / BRACKET),
        "docs/theory.md, result 14",
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
        definitions=(eq(Delta, 2 * (Fz(1) - f_inf)), MEAN),
    ),
)

TUNED_STEPS = (
    algebra(
        "14.17",
        "Heavy ball with M_G = 1: steps that the bound asks for.",
        eq(K_eta, Delta / (a_rate * (2 * epsilon - L * a_rate * ((1 + m) / (1 - m) * epsilon + (1 + m) * beta / B)))),
        "docs/theory.md, result 14",
        ("14.16", "4.4"),
        Derived("put j = 1, M_G = 1, M = beta/B into 14.16, set it to epsilon and solve for K", _steps),
        given=(lt(0, BRACKET),),
    ),
    algebra(
        "14.18",
        "At the best rate a hyperbola again: with momentum the bound asks for more in both terms, most in the floor.",
        eq(K_star, (1 + m) * c1 / B + (1 + m) / (1 - m) * c2),
        "docs/theory.md, result 14",
        ("14.17", SAME_GOAL.id),
        Derived("minimise 14.17 over a", _tuned),
        given=(lt(0, BRACKET),),
        definitions=(eq(c1, C1.subs(mu, 1)), eq(c2, C2.subs({mu: 1, M_G: 1}))),
    ),
    algebra(
        "14.19",
        "So the bound has a smaller critical batch size, where experiments find a larger one.",
        eq(B_crit, (1 - m) * B_0),
        "docs/theory.md, result 14",
        ("14.18",),
        Derived("the noise term of 14.18 over its floor", _crossing),
        given=(lt(0, BRACKET),),
        definitions=(eq(c1, C1.subs(mu, 1)), eq(c2, C2.subs({mu: 1, M_G: 1})), eq(B_0, NOISE_SCALE.subs(M_G, 1))),
    ),
    algebra(
        "14.20",
        "Without momentum 14.16 is the sharp bound with mu = 1, whose right side is",
        eq(S_bound, (Delta / (K * a_rate) + L * a_rate * M) / (2 - L * a_rate * M_G)),
        "docs/theory.md, result 14",
        ("14.16",),
        Derived("put m = 0 into the right side of 14.16", lambda p: eq(S_bound, p["14.16"].rhs.subs(m, 0))),
        given=(lt(0, BRACKET),),
    ),
    argument(
        "14.21",
        "Nothing follows from that about what smoothness can explain: this is a bound, not the worst case. Performance "
        "estimation without noise, at the best rate and K = 20, has K epsilon/(L Delta) = 1.34 for heavy ball at "
        "m = 0.5, 4.7 at m = 0.9 and 1.04 for Nesterov at m = 0.5; the bound has 3, 19 and 2. On a quadratic with many "
        "curvatures momentum does serve larger batches.",
        None,
        "Goujaud et al. 2024; Zhang et al. 2019, Sec. 3",
        ("14.19",),
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
