"""Results 5 and 6: the textbook bound solved for K at a fixed rate, and the paper's Proposition 4.1."""

from functools import partial

import sympy
from sympy.core.relational import Relational

from theory.checking.assumptions import SAME_GOAL, SAME_RATE, TIGHT
from theory.checking.bounds import B_LOW, C1, C2_AT_RATE, NOISE, STEPS_AT_RATE
from theory.checking.operations import solve_for, substitute
from theory.checking.proof import Certificate, Derived, Kind, Premises, Result, Step, eq, le, lt
from theory.laws import HYPERBOLA
from theory.symbols import (
    K_1,
    B,
    B_crit,
    B_low,
    Delta,
    K,
    K_doubled,
    L,
    M,
    beta,
    c1,
    c2,
    epsilon,
    eta,
    j,
    mu,
    n,
    r,
    scale,
    x,
)

algebra = partial(Step, "fixed", Kind.ALGEBRA)
inequality = partial(Step, "fixed", Kind.INEQUALITY)

BRACKET = mu * epsilon - eta * L * NOISE
LOW = eq(B_low, B_LOW)
FLOOR = eq(c2, C2_AT_RATE)


def _first_order(function: sympy.Expr, symbol: sympy.Symbol, at: sympy.Expr) -> sympy.Expr:
    """Return the Taylor polynomial of degree one at 0, evaluated."""
    return function.subs(symbol, 0) + sympy.diff(function, symbol).subs(symbol, 0) * at


def _paper_expansion(premises: Premises) -> Relational:
    noise_scaled = premises["5.2"].rhs.subs(beta, scale * beta)
    return eq(K_1, _first_order(noise_scaled, scale, sympy.Integer(1)))


def _geometric(premises: Premises) -> Relational:
    partial_sum = sympy.Sum(x**j, (j, 0, n))
    closed = partial_sum.doit().args[-1][0]  # the branch for x != 1
    return eq(K - c2 * partial_sum, premises["5.6"].rhs - c2 * closed)


def _doubling(premises: Premises) -> Relational:
    noise_term = solve_for(premises["6.1"], c1)
    return eq(K_doubled, premises["6.1"].rhs.subs(B, 2**r * B).subs(c1, noise_term.rhs))


EXACT = Result(
    "5",
    "fixed",
    "Steps at a fixed rate, exactly and to first order",
    "Taken as tight, the textbook bound gives K = c2/(1-x) with x = c1/(B c2), for B > B_low only; the paper's "
    "first-order form is c2 (1+x). The expansion converges only for B above its own critical batch size c1/c2.",
    (
        algebra(
            "5.1",
            "Eq. (2) with equality at the goal, M = beta/B.",
            eq(epsilon, eta * L * beta / (B * mu) + Delta / (K * mu * eta)),
            "Lee et al. 2021, Eqs. (4), (5)",
            ("3.4", "4.4", TIGHT.id),
            Derived("put epsilon and M = beta/B into 3.4", lambda p: eq(epsilon, p["3.4"].rhs.subs(M, NOISE))),
        ),
        algebra(
            "5.2",
            "Solved for K.",
            eq(K, STEPS_AT_RATE),
            "Lee et al. 2021, Eq. (6), first form",
            ("5.1",),
            Derived("solve 5.1 for K", lambda p: solve_for(p["5.1"], K)),
        ),
        algebra(
            "5.3",
            "The bracket in 5.2 vanishes at this batch size.",
            eq(B_low, B_LOW),
            "docs/theory.md, result 5",
            ("5.2",),
            Derived("solve 1/K = 0 for B", lambda p: eq(B_low, solve_for(eq(1 / p["5.2"].rhs, 0), B).rhs)),
        ),
        inequality(
            "5.4",
            "Above it the bracket is positive and K is finite;",
            lt(0, BRACKET),
            "docs/theory.md, result 5",
            (),
            Certificate({"given": mu * epsilon / B}, reading="right - left = (μ ε/B) (B - B_low)"),
            given=(lt(B_low, B),),
            definitions=(LOW,),
        ),
        inequality(
            "5.5",
            "up to it no K reaches the goal: the bound is vacuous.",
            le(BRACKET, 0),
            "docs/theory.md, result 5",
            (),
            Certificate({"given": mu * epsilon / B}, reading="right - left = (μ ε/B) (B_low - B)"),
            given=(le(B, B_low),),
            definitions=(LOW,),
        ),
        algebra(
            "5.6",
            "In units of the floor.",
            eq(K, c2 / (1 - x)),
            "docs/theory.md, result 5",
            ("5.2",),
            Derived("name c2 and x = B_low/B in 5.2", lambda p: p["5.2"]),
            definitions=(FLOOR, eq(x, B_low / B), LOW),
        ),
        algebra(
            "5.7",
            "x is the ratio of the two terms of Proposition 4.1.",
            eq(x, c1 / (B * c2)),
            "docs/theory.md, result 5",
            ("5.3",),
            Derived("divide 5.3 by B", lambda p: eq(x, p["5.3"].rhs / B)),
            definitions=(eq(c1, C1), FLOOR),
        ),
        algebra(
            "5.8",
            "First-order expansion in x, named K_1.",
            eq(K_1, c2 * (1 + x)),
            "Lee et al. 2021, Eq. (6), second form",
            ("5.6",),
            Derived("Taylor polynomial of 5.6 at x = 0", lambda p: eq(K_1, _first_order(p["5.6"].rhs, x, x))),
        ),
        algebra(
            "5.9",
            "What the expansion leaves out.",
            eq(K - K_1, c2 * x**2 / (1 - x)),
            "docs/theory.md, result 5",
            ("5.6", "5.8"),
            Derived("subtract 5.8 from 5.6", lambda p: eq(K - K_1, p["5.6"].rhs - p["5.8"].rhs)),
        ),
        inequality(
            "5.10",
            "The paper's form is too small wherever the bound says anything.",
            lt(K_1, K),
            "docs/theory.md, result 5",
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
            "docs/theory.md, result 5",
            ("5.6", "5.8"),
            Derived("divide", lambda p: eq((K - K_1) / K, 1 - p["5.8"].rhs / p["5.6"].rhs)),
        ),
        algebra(
            "5.12",
            "and relative to the paper's.",
            eq((K - K_1) / K_1, x**2 / (1 - x**2)),
            "docs/theory.md, result 5",
            ("5.6", "5.8"),
            Derived("divide", lambda p: eq((K - K_1) / K_1, p["5.6"].rhs / p["5.8"].rhs - 1)),
        ),
        algebra(
            "5.13",
            "Remainder of the expansion to order n: it tends to 0 only for x < 1,",
            eq(K - c2 * sympy.Sum(x**j, (j, 0, n)), c2 * x ** (n + 1) / (1 - x)),
            "docs/theory.md, result 5",
            ("5.6",),
            Derived("subtract the geometric sum from 5.6", _geometric),
        ),
        algebra(
            "5.14",
            "that is, above the critical batch size c1/c2, where x = 1.",
            eq(B_crit, c1 / c2),
            "docs/theory.md, result 5",
            ("5.7",),
            Derived("solve 5.7 with x = 1 for B", lambda p: eq(B_crit, solve_for(substitute(p["5.7"], {x: 1}), B).rhs)),
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
            eq(K_1, HYPERBOLA.expression),
            "Lee et al. 2021, Eq. (3)",
            ("5.2", SAME_RATE.id, SAME_GOAL.id),
            Derived("first-order Taylor polynomial of 5.2 in the noise beta", _paper_expansion),
            definitions=(eq(c1, C1), FLOOR),
        ),
        algebra(
            "6.2",
            "Small batches: linear scaling.",
            eq(sympy.Limit(B * K_1, B, 0), c1),
            "Lee et al. 2021, Sec. 4.1",
            ("6.1",),
            Derived(
                "limit of B times 6.1",
                lambda p: eq(sympy.Limit(B * K_1, B, 0), sympy.limit(B * p["6.1"].rhs, B, 0)),
            ),
        ),
        algebra(
            "6.3",
            "Large batches: maximal data parallelism.",
            eq(sympy.Limit(K_1, B, sympy.oo), c2),
            "Lee et al. 2021, Sec. 4.1",
            ("6.1",),
            Derived(
                "limit of 6.1",
                lambda p: eq(sympy.Limit(K_1, B, sympy.oo), sympy.limit(p["6.1"].rhs, B, sympy.oo)),
            ),
        ),
        algebra(
            "6.4",
            "In between, r doublings of B: diminishing returns.",
            eq(K_doubled, K_1 / 2**r + (1 - 2**-r) * c2),
            "Lee et al. 2021, Sec. 4.1",
            ("6.1",),
            Derived("put 2^r B into 6.1 and eliminate c1", _doubling),
        ),
    ),
)
