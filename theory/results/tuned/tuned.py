"""Result 8: the sharp bound, its best rate, and why Proposition 4.1 is exact for a tuned rate."""

import sympy

from theory.checking.analysis import Best, BestValue, Summed
from theory.checking.assumptions import DOUBLE_CAP, NOISE_CONSTANT, SAME_GOAL
from theory.checking.bounds import C1, C2, ETA_MAX, NOISE, NOISE_SCALE, SHARP_BOUND, TEXTBOOK_BOUND
from theory.checking.checks import Certificate, by
from theory.checking.operations import Put, RightSide, Solve, Using, Where
from theory.checking.proof import algebra, inequality
from theory.checking.relations import eq, le, lt
from theory.laws import HYPERBOLA
from theory.results.fixed.descent import GRADIENT_SQUARED, MEAN_OF_STEPS, START
from theory.results.fixed.variance import M_G_OF_BATCH, M_OF_BATCH
from theory.sequences import F, G, goal
from theory.symbols import (
    B_0,
    M_G,
    B,
    Delta,
    G_mean,
    K,
    K_eta,
    K_star,
    L,
    M,
    S_bound,
    T_bound,
    c1,
    c2,
    decrease,
    decrease_star,
    epsilon,
    eta,
    eta_equal,
    eta_max,
    eta_star,
    f_now,
    k,
    mean_f_next,
    mu,
)

BRACKET = 2 * mu - eta * L * M_G
NUMERATOR = Delta / (K * eta) + eta * L * M
MOMENT = NOISE + M_G * goal(B)
STEPS = eq(K_eta, Delta / (eta * (2 * mu * goal(B) - eta * L * MOMENT)))
BEST_RATE = eq(eta_star, mu * goal(B) / (L * MOMENT))
BEST = eq(K_star, Delta * L * MOMENT / (mu * goal(B)) ** 2)
SCALE_AT_ITS_GOAL = eq(B_0, NOISE_SCALE.subs(epsilon, goal(B)))


CONSTANT_M_G = (M_G_OF_BATCH, NOISE_CONSTANT.id)
"""M_G is the same at every batch size if the noise does not grow with the gradient."""

SHARP_STEPS = (
    inequality(
        "8.1",
        "Below twice the cap the bracket stays positive.",
        lt(0, BRACKET),
        (DOUBLE_CAP.id,),
        Certificate({DOUBLE_CAP.id: L * M_G}, reading="right - left = L M_G [double-cap]"),
    ),
    inequality(
        "8.2",
        "Sum the expected decrease over the steps and keep the bracket.",
        le(
            F(K + 1) - F(1),
            -eta * (mu - eta * L * M_G / 2) * sympy.Sum(G(k), (k, 1, K)) + K * eta**2 * L * M / 2,
        ),
        ("2.5",),
        by("2.5", Summed()),
    ),
    inequality(
        "8.3",
        "The sharp bound.",
        le(G_mean, SHARP_BOUND),
        ("8.2", "8.1", "2.6"),
        Certificate(
            dict.fromkeys(("8.2", "2.6"), 2 / (K * eta * BRACKET)),
            positive=("8.1",),
            reading="right - left = 2/(K η (2 μ - L M_G η)) ([8.2] + [2.6])",
        ),
        definitions=(START, MEAN_OF_STEPS),
    ),
    algebra(
        "8.4",
        "What the textbook bound loses.",
        eq(T_bound - S_bound, (mu - eta * L * M_G) * NUMERATOR / (mu * BRACKET)),
        ("8.3",),
        by("8.3", RightSide(G_mean, S_bound)),
        definitions=(eq(T_bound, TEXTBOOK_BOUND),),
    ),
    inequality(
        "8.5",
        "Wherever Eq. (2) holds, the sharp bound is never above it;",
        le(S_bound, T_bound),
        ("8.4", "8.1"),
        Certificate(
            {"8.4": sympy.Integer(-1), "given": L * M_G * NUMERATOR / (mu * BRACKET)},
            positive=("8.1",),
            reading="right - left = -[8.4] + L M_G (Δ/(K η) + L M η)/(μ (2 μ - L M_G η)) (η_max - η)",
        ),
        given=(le(eta, ETA_MAX),),
    ),
    algebra(
        "8.6",
        "they are equal at this rate only, so Eq. (2) can be tight at no other.",
        eq(eta_equal, ETA_MAX),
        ("8.4",),
        by("8.4", Where(T_bound - S_bound, sympy.Integer(0), eta, eta_equal), Solve(eta_equal)),
    ),
)

LAW_STEPS = (
    algebra(
        "8.7",
        "Steps that the sharp bound asks for at the rate eta, M = beta/B.",
        STEPS,
        ("8.3", "4.4"),
        by("8.3", Where(G_mean, goal(B), K, K_eta), Using(M_OF_BATCH), Solve(K_eta)),
    ),
    algebra(
        "8.8",
        "The bound is at most the goal exactly for K ≥ K(eta).",
        eq(S_bound - goal(B), Delta / (eta * BRACKET) * (1 / K - 1 / K_eta)),
        ("8.3", "4.4", "8.7"),
        by("8.3", RightSide(G_mean, S_bound), using=("8.7", M_OF_BATCH)),
    ),
    algebra(
        "8.9",
        "The best rate.",
        BEST_RATE,
        ("8.7",),
        by("8.7", Best(K_eta, eta, eta_star)),
    ),
    algebra(
        "8.10",
        "Steps at the best rate.",
        BEST,
        ("8.7", "8.9"),
        by("8.7", Put({eta: eta_star, K_eta: K_star}), using=("8.9",)),
    ),
    inequality(
        "8.11",
        "No rate does better: 1/K(eta) is a parabola with its peak at eta*.",
        le(1 / K_eta, 1 / K_star),
        ("8.7", "8.9", "8.10"),
        Certificate(
            remainder=(L * MOMENT * (eta - eta_star) ** 2 / Delta,),
            using=("8.7", "8.9", "8.10"),
            reading="right - left = L (β/B + M_G ε_B) (η - η*)²/Δ",
        ),
    ),
    algebra(
        "8.12",
        "Proposition 4.1, exact for every B > 0 and without a Taylor step.",
        eq(K_star, HYPERBOLA.expression),
        ("8.10", "4.4", SAME_GOAL.id, NOISE_CONSTANT.id),
        by("8.10", using=(SAME_GOAL.id, *CONSTANT_M_G)),
        definitions=(eq(c1, C1), eq(c2, C2)),
        reference="Lee et al. 2021, Eq. (3); docs/theory.md, result 8",
    ),
    algebra(
        "8.13",
        "Read in one line: a step at |∇f|² = epsilon lowers f by at least this;",
        eq(decrease, eta * mu * epsilon - L * eta**2 * (M + M_G * epsilon) / 2),
        ("2.4",),
        by("2.4", RightSide(mean_f_next - f_now, -decrease, {GRADIENT_SQUARED: epsilon})),
    ),
    algebra(
        "8.14",
        "at the best rate by this;",
        eq(decrease_star, (mu * epsilon) ** 2 / (2 * L * (M + M_G * epsilon))),
        ("8.13",),
        by("8.13", BestValue(decrease, eta, decrease_star, most=True)),
    ),
    algebra(
        "8.15",
        "and K* is the whole decrease Delta/2 over that of one step.",
        eq(K_star, Delta / (2 * decrease_star)),
        ("8.10", "8.14", "4.4", SAME_GOAL.id),
        by("8.10", using=("8.14", M_OF_BATCH, SAME_GOAL.id)),
    ),
    algebra(
        "8.16",
        "The best rate in terms of the largest.",
        eq(eta_star, eta_max / (1 + B_0 / B)),
        ("8.9",),
        by("8.9"),
        definitions=(eq(eta_max, ETA_MAX), SCALE_AT_ITS_GOAL),
    ),
    inequality(
        "8.17",
        "It is below eta_max, so both bounds hold at it.",
        lt(eta_star, eta_max),
        ("8.16",),
        Certificate(
            {"8.16": sympy.Integer(1)},
            (eta_max * B_0 / (B + B_0),),
            reading="right - left = [8.16] + η_max B_0/(B + B_0)",
        ),
    ),
)
