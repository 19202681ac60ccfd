"""Results 5 and 6: the textbook bound solved for K at a fixed rate, and the paper's Proposition 4.1."""

import sympy

from theory.checking.analysis import Best, BestValue, Limited, Taylor
from theory.checking.assumptions import SAME_GOAL, SAME_RATE, TIGHT
from theory.checking.bounds import B_LOW, C1, C2_AT_RATE, NOISE, STEPS_AT_RATE
from theory.checking.checks import Certificate, Telescopes, by
from theory.checking.operations import Inverted, Put, RightSide, Solve, Times, Using, Where, With
from theory.checking.proof import Result, algebra, inequality
from theory.checking.relations import eq, le, lt
from theory.laws import HYPERBOLA
from theory.results.fixed.variance import M_OF_BATCH
from theory.sequences import goal, rate_of
from theory.symbols import (
    K_1,
    B,
    B_crit,
    B_least,
    B_low,
    Delta,
    G_mean,
    K,
    K_doubled,
    L,
    T_bound,
    beta,
    c1,
    c2,
    epsilon,
    eta,
    examples_fixed,
    examples_least,
    j,
    mu,
    n,
    r,
    x,
)

BRACKET = mu * epsilon - eta * L * NOISE
FLOOR = eq(c2, C2_AT_RATE)
ITS_OWN = {eta: rate_of(B), epsilon: goal(B)}
"""Rate and goal that may be another at each batch size."""


PROPOSITION_4_1 = eq(K_1, HYPERBOLA.expression)

EXACT = Result(
    "5",
    "fixed",
    "Steps at a fixed rate, exactly and to first order",
    "Taken as tight, the textbook bound gives K = c2/(1-x) with x = c1/(B c2), for B > B_low only; the paper's "
    "first-order form is c2 (1+x). The expansion converges only for B above its own critical batch size c1/c2.",
    (
        algebra(
            "5.1",
            "Eq. (2) with equality at the goal, M = beta/B; rate and goal may be others at another batch size.",
            eq(goal(B), rate_of(B) * L * beta / (B * mu) + Delta / (K * mu * rate_of(B))),
            ("3.4", "4.4", TIGHT.id),
            by("3.4", RightSide(G_mean, T_bound, {eta: rate_of(B)}), Using(TIGHT.id), Using(M_OF_BATCH)),
            reference="Lee et al. 2021, Eqs. (4), (5)",
        ),
        algebra(
            "5.2",
            "Solved for K.",
            eq(K, STEPS_AT_RATE.subs(ITS_OWN)),
            ("5.1",),
            by("5.1", Solve(K)),
            reference="Lee et al. 2021, Eq. (6), first form",
        ),
        algebra(
            "5.3",
            "At one rate and one goal the bracket in 5.2 vanishes at this batch size.",
            eq(B_low, B_LOW),
            ("5.2", SAME_RATE.id, SAME_GOAL.id),
            by(
                "5.2",
                Using(SAME_RATE.id),
                Using(SAME_GOAL.id),
                Inverted(),
                Where(1 / K, sympy.Integer(0), B, B_low),
                Solve(B_low),
            ),
        ),
        inequality(
            "5.4",
            "Above it the bracket is positive and K is finite;",
            lt(0, BRACKET),
            ("5.3",),
            Certificate({"given": mu * epsilon / B}, using=("5.3",), reading="right - left = (μ ε/B) (B - B_low)"),
            given=(lt(B_low, B),),
        ),
        inequality(
            "5.5",
            "up to it no K reaches the goal: the bound is vacuous.",
            le(BRACKET, 0),
            ("5.3",),
            Certificate({"given": mu * epsilon / B}, using=("5.3",), reading="right - left = (μ ε/B) (B_low - B)"),
            given=(le(B, B_low),),
        ),
        algebra(
            "5.6",
            "In units of the floor.",
            eq(K, c2 / (1 - x)),
            ("5.2", "5.3", SAME_RATE.id, SAME_GOAL.id),
            by("5.2", using=(SAME_RATE.id, SAME_GOAL.id, "5.3")),
            definitions=(FLOOR, eq(x, B_low / B)),
        ),
        algebra(
            "5.7",
            "x is the ratio of the two terms of Proposition 4.1.",
            eq(x, c1 / (B * c2)),
            ("5.3",),
            by("5.3", Times(1 / B)),
            definitions=(eq(c1, C1), FLOOR, eq(x, B_low / B)),
        ),
        algebra(
            "5.8",
            "First-order expansion in x, named K_1.",
            eq(K_1, c2 * (1 + x)),
            ("5.6",),
            by("5.6", Taylor(K, x, K_1)),
            reference="Lee et al. 2021, Eq. (6), second form",
        ),
        algebra(
            "5.9",
            "What the expansion leaves out.",
            eq(K - K_1, c2 * x**2 / (1 - x)),
            ("5.6", "5.8"),
            by("5.6", With("-", "5.8")),
        ),
        inequality(
            "5.10",
            "The paper's form is too small wherever the bound says anything.",
            lt(K_1, K),
            ("5.9",),
            Certificate(
                {"5.9": sympy.Integer(-1)},
                (c2 * x**2 / (1 - x),),
                positive=("given",),
                reading="right - left = c2 x²/(1-x)",
            ),
            given=(lt(x, 1),),
        ),
        algebra(
            "5.11",
            "Error relative to the exact K,",
            eq((K - K_1) / K, x**2),
            ("5.9", "5.6"),
            by("5.9", With("/", "5.6")),
        ),
        algebra(
            "5.12",
            "and relative to the paper's.",
            eq((K - K_1) / K_1, x**2 / (1 - x**2)),
            ("5.9", "5.8"),
            by("5.9", With("/", "5.8")),
        ),
        algebra(
            "5.13",
            "Remainder of the expansion to order n: it tends to 0 only for x < 1,",
            eq(K - c2 * sympy.Sum(x**j, (j, 0, n)), c2 * x ** (n + 1) / (1 - x)),
            ("5.6",),
            Telescopes(n, ("5.6",)),
        ),
        algebra(
            "5.14",
            "that is, above the critical batch size c1/c2, where x = 1.",
            eq(B_crit, c1 / c2),
            ("5.7",),
            by("5.7", Where(x, sympy.Integer(1), B, B_crit), Solve(B_crit)),
        ),
    ),
)

PROPOSITION = Result(
    "6",
    "fixed",
    "Proposition 4.1 for a fixed rate",
    "To first order K = c1/B + c2 with c1 = Delta L beta/(mu epsilon)², c2 = Delta/(eta mu epsilon).",
    (
        algebra(
            "6.1",
            "Proposition 4.1.",
            PROPOSITION_4_1,
            ("5.8", "5.7"),
            by("5.8", using=("5.7",)),
            definitions=(eq(c1, C1), FLOOR),
            reference="Lee et al. 2021, Eq. (3)",
        ),
        algebra(
            "6.2",
            "Small batches: linear scaling.",
            eq(sympy.Limit(B * K_1, B, 0), c1),
            ("6.1",),
            by("6.1", Times(B), Limited(B, sympy.Integer(0))),
            reference="Lee et al. 2021, Sec. 4.1",
        ),
        algebra(
            "6.3",
            "Large batches: maximal data parallelism.",
            eq(sympy.Limit(K_1, B, sympy.oo), c2),
            ("6.1",),
            by("6.1", Limited(B, sympy.oo)),
            reference="Lee et al. 2021, Sec. 4.1",
        ),
        algebra(
            "6.4",
            "In between, r doublings of B: diminishing returns.",
            eq(K_doubled, K_1 / 2**r + (1 - 2**-r) * c2),
            ("6.1",),
            by("6.1", Put({B: 2**r * B, K_1: K_doubled}), With("-", by("6.1", Times(2**-r)))),
            reference="Lee et al. 2021, Sec. 4.1",
        ),
    ),
)

LEAST_EXAMPLES = Result(
    "25",
    "fixed",
    "The fewest examples at a fixed rate",
    "Below its critical batch size the fixed-rate law has no K, and near it K is large: the examples seen, B K, are "
    "fewest at twice that batch size.",
    (
        algebra(
            "25.1",
            "Examples seen up to K",
            eq(examples_fixed, B * c2 / (1 - B_low / B)),
            ("5.2", SAME_RATE.id, SAME_GOAL.id),
            by("5.2", Using(SAME_RATE.id), Using(SAME_GOAL.id), Times(B)),
            definitions=(eq(examples_fixed, B * K), FLOOR, eq(B_low, B_LOW)),
        ),
        algebra(
            "25.2",
            "are fewest at twice the batch size up to which there is none,",
            eq(B_least, 2 * B_low),
            ("25.1",),
            by("25.1", Best(examples_fixed, B, B_least)),
        ),
        algebra(
            "25.3",
            "four times as many as c1 = B_low c2, which small batches come near if each has its own rate.",
            eq(examples_least, 4 * B_low * c2),
            ("25.1",),
            by("25.1", BestValue(examples_fixed, B, examples_least)),
        ),
    ),
)
