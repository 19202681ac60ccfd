"""Result 8: the sharp bound, its best rate, and why Proposition 4.1 is exact for a tuned rate."""

from functools import partial

import sympy
from sympy.core.relational import Relational

from theory.checking.assumptions import BOUNDED, DOUBLE_CAP, SAME_GOAL
from theory.checking.bounds import C1, C2, ETA_MAX, NOISE, NOISE_SCALE, SHARP_BOUND, TEXTBOOK_BOUND
from theory.checking.operations import solve_for, sum_over_steps
from theory.checking.proof import Certificate, Derived, Kind, Premises, Step, eq, le, lt
from theory.laws import HYPERBOLA
from theory.results.fixed.descent import GRADIENT_SQUARED, MEAN, START
from theory.symbols import (
    B_0,
    M_G,
    B,
    Delta,
    F,
    G,
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
    eta_max,
    eta_star,
    k,
    mu,
)

algebra = partial(Step, "tuned", Kind.ALGEBRA)
inequality = partial(Step, "tuned", Kind.INEQUALITY)

BRACKET = 2 * mu - eta * L * M_G
NUMERATOR = Delta / (K * eta) + eta * L * M
MOMENT = NOISE + M_G * epsilon
STEPS = eq(K_eta, Delta / (eta * (2 * mu * epsilon - eta * L * MOMENT)))
BEST_RATE = eq(eta_star, mu * epsilon / (L * MOMENT))
BEST = eq(K_star, Delta * L * MOMENT / (mu * epsilon) ** 2)
BEST_DECREASE = eq(decrease_star, (mu * epsilon) ** 2 / (2 * L * (M + M_G * epsilon)))


def _stationary(function: sympy.Expr) -> sympy.Expr:
    """Return the one rate at which the derivative vanishes."""
    return solve_for(eq(sympy.diff(function, eta), 0), eta).rhs


def _decrease_at_goal(premises: Premises) -> Relational:
    return eq(decrease, -premises["2.4"].rhs.subs(GRADIENT_SQUARED, epsilon))


def _largest_decrease(premises: Premises) -> Relational:
    function = premises["8.13"].rhs
    return eq(decrease_star, function.subs(eta, _stationary(function)))


SHARP_STEPS = (
    inequality(
        "8.1",
        "Below twice the cap the bracket stays positive.",
        lt(0, BRACKET),
        "docs/theory.md, result 8",
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
        "docs/theory.md, result 8",
        ("2.5",),
        Derived("sum 2.5 over k = 1..K", lambda p: sum_over_steps(p["2.5"])),
    ),
    inequality(
        "8.3",
        "The sharp bound.",
        le(MEAN.lhs, SHARP_BOUND),
        "docs/theory.md, result 8",
        ("8.2", "8.1", BOUNDED.id),
        Certificate(
            {"8.2": 2 / (K * eta * BRACKET), BOUNDED.id: 2 / (K * eta * BRACKET)},
            positive=("8.1",),
            reading="right - left = 2/(K η (2 μ - L M_G η)) ([8.2] + [bounded])",
        ),
        definitions=(START, MEAN),
    ),
    algebra(
        "8.4",
        "What the textbook bound loses.",
        eq(T_bound - S_bound, (mu - eta * L * M_G) * NUMERATOR / (mu * BRACKET)),
        "docs/theory.md, result 8",
        ("8.3",),
        Derived("subtract 8.3 from Eq. (2)", lambda p: eq(T_bound - S_bound, T_bound - p["8.3"].rhs)),
        definitions=(eq(T_bound, TEXTBOOK_BOUND),),
    ),
    inequality(
        "8.5",
        "Wherever Eq. (2) holds, the sharp bound is never above it;",
        le(S_bound, T_bound),
        "docs/theory.md, result 8",
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
        eq(eta, ETA_MAX),
        "docs/theory.md, result 8",
        ("8.4",),
        Derived("solve 8.4 = 0 for eta", lambda p: solve_for(eq(p["8.4"].rhs, 0), eta)),
    ),
)

LAW_STEPS = (
    algebra(
        "8.7",
        "Steps that the sharp bound asks for at the rate eta, M = beta/B.",
        STEPS,
        "docs/theory.md, result 8",
        ("8.3", "4.4"),
        Derived(
            "set the right side of 8.3 to epsilon, M = beta/B, and solve for K",
            lambda p: eq(K_eta, solve_for(eq(p["8.3"].rhs.subs(M, NOISE), epsilon), K).rhs),
        ),
    ),
    algebra(
        "8.8",
        "The bound is at most epsilon exactly for K ≥ K(eta).",
        eq(S_bound - epsilon, Delta / (eta * BRACKET) * (1 / K - 1 / K_eta)),
        "docs/theory.md, result 8",
        ("8.3", "8.7"),
        Derived(
            "subtract epsilon from 8.3, M = beta/B",
            lambda p: eq(S_bound - epsilon, p["8.3"].rhs.subs(M, NOISE) - epsilon),
        ),
        definitions=(STEPS,),
    ),
    algebra(
        "8.9",
        "The best rate.",
        BEST_RATE,
        "docs/theory.md, result 8",
        ("8.7",),
        Derived(
            "differentiate 1/K(eta) of 8.7, solve for eta",
            lambda p: eq(eta_star, _stationary(1 / p["8.7"].rhs)),
        ),
    ),
    algebra(
        "8.10",
        "Steps at the best rate.",
        BEST,
        "docs/theory.md, result 8",
        ("8.7", "8.9"),
        Derived("put 8.9 into 8.7", lambda p: eq(K_star, p["8.7"].rhs.subs(eta, p["8.9"].rhs))),
    ),
    inequality(
        "8.11",
        "No rate does better: 1/K(eta) is a parabola with its peak at eta*.",
        le(1 / K_eta, 1 / K_star),
        "docs/theory.md, result 8",
        ("8.7", "8.9", "8.10"),
        Certificate(
            remainder=(L * MOMENT * (eta - eta_star) ** 2 / Delta,),
            reading="right - left = L (β/B + M_G ε) (η - η*)²/Δ",
        ),
        definitions=(STEPS, BEST_RATE, BEST),
    ),
    algebra(
        "8.12",
        "Proposition 4.1, exact for every B > 0 and without a Taylor step.",
        eq(K_star, HYPERBOLA.expression),
        "Lee et al. 2021, Eq. (3); docs/theory.md, result 8",
        ("8.10", SAME_GOAL.id),
        Derived("name the two terms of 8.10", lambda p: p["8.10"]),
        definitions=(eq(c1, C1), eq(c2, C2)),
    ),
    algebra(
        "8.13",
        "Read in one line: a step at |∇f|² = epsilon lowers f by at least this;",
        eq(decrease, eta * mu * epsilon - L * eta**2 * (M + M_G * epsilon) / 2),
        "docs/theory.md, result 8",
        ("2.4",),
        Derived("put |∇f|² = epsilon into 2.4", _decrease_at_goal),
    ),
    algebra(
        "8.14",
        "at the best rate by this;",
        BEST_DECREASE,
        "docs/theory.md, result 8",
        ("8.13",),
        Derived("maximise 8.13 over eta", _largest_decrease),
    ),
    algebra(
        "8.15",
        "and K* is the whole decrease Delta/2 over that of one step.",
        eq(K_star, Delta / (2 * decrease_star)),
        "docs/theory.md, result 8",
        ("8.10", "8.14"),
        Derived("compare 8.10 with 8.14, M = beta/B", lambda p: p["8.10"]),
        definitions=(BEST_DECREASE, eq(M, NOISE)),
    ),
    algebra(
        "8.16",
        "The best rate in terms of the largest.",
        eq(eta_star, eta_max / (1 + B_0 / B)),
        "docs/theory.md, result 8",
        ("8.9",),
        Derived("name eta_max and B_0 in 8.9", lambda p: p["8.9"]),
        definitions=(eq(eta_max, ETA_MAX), eq(B_0, NOISE_SCALE)),
    ),
    inequality(
        "8.17",
        "It is below eta_max, so both bounds hold at it.",
        lt(eta_star, eta_max),
        "docs/theory.md, result 8",
        ("8.16",),
        Certificate(
            {"8.16": sympy.Integer(1)},
            (eta_max * B_0 / (B + B_0),),
            reading="right - left = [8.16] + η_max B_0/(B + B_0)",
        ),
    ),
)
