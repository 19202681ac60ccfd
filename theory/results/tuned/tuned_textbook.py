"""Result 9: the textbook bound at its best rate, and its distance from the hyperbola."""

from functools import partial

import sympy
from sympy.core.relational import Relational

from theory.checking.assumptions import SAME_GOAL
from theory.checking.bounds import C1, C2, ETA_MAX, NOISE, NOISE_SCALE, STEPS_AT_RATE
from theory.checking.operations import solve_for
from theory.checking.proof import Certificate, Derived, Kind, Premises, Result, Step, eq, le, lt
from theory.laws import TUNED_TEXTBOOK
from theory.symbols import (
    B_0,
    B,
    Delta,
    K,
    K_capped,
    K_free,
    K_knee,
    K_star,
    K_text,
    L,
    M,
    beta,
    c1,
    c2,
    epsilon,
    eta,
    eta_free,
    eta_max,
    mu,
    slope_knee,
    x,
)

algebra = partial(Step, "tuned", Kind.ALGEBRA)
inequality = partial(Step, "tuned", Kind.INEQUALITY)

ONE, HALF = sympy.Integer(1), sympy.Rational(1, 2)
STEPS = eq(K_text, STEPS_AT_RATE)
LARGEST = eq(eta_max, ETA_MAX)
SCALE = eq(B_0, NOISE_SCALE)
FREE_RATE = eq(eta_free, mu * epsilon * B / (2 * L * beta))
SMALL, LARGE = (branch for branch, _ in TUNED_TEXTBOOK.expression.args)
NAMED = (eq(c1, C1), eq(c2, C2), SCALE)


def _free_rate(premises: Premises) -> Relational:
    return eq(eta_free, solve_for(eq(sympy.diff(1 / premises["9.1"].rhs, eta), 0), eta).rhs)


def _over_hyperbola(name: sympy.Symbol, steps: sympy.Expr, premises: Premises) -> Relational:
    """Return the ratio to 8.12, with c1/B = x c2."""
    return eq(name / K_star, (steps / premises["8.12"].rhs).subs(c1, x * c2 * B))


def _slope_at_the_knee(premises: Premises) -> Relational:
    return eq(slope_knee, sympy.diff(premises["9.5"].rhs, B).subs(B, 2 * B_0))


RATE_STEPS = (
    algebra(
        "9.1",
        "Steps that the textbook bound asks for at the rate eta, M = beta/B.",
        STEPS,
        "Lee et al. 2021, Eq. (6), first form",
        ("3.4", "4.4"),
        Derived(
            "set the right side of 3.4 to epsilon, M = beta/B, and solve for K",
            lambda p: eq(K_text, solve_for(eq(p["3.4"].rhs.subs(M, NOISE), epsilon), K).rhs),
        ),
    ),
    algebra(
        "9.2",
        "Its best rate, were there no cap.",
        FREE_RATE,
        "docs/theory.md, result 9",
        ("9.1",),
        Derived("differentiate 1/K of 9.1, solve for eta", _free_rate),
    ),
    inequality(
        "9.3",
        "Up to twice the noise scale that rate keeps the cap,",
        le(eta_free, eta_max),
        "docs/theory.md, result 9",
        (),
        Certificate({"given": mu * epsilon / (2 * L * beta)}, reading="right - left = μ ε/(2 L β) (2 B_0 - B)"),
        given=(le(B, 2 * B_0),),
        definitions=(FREE_RATE, LARGEST, SCALE),
    ),
    inequality(
        "9.4",
        "and no rate does better: 1/K is a parabola with its peak there.",
        le(1 / K_text, 1 / K_free),
        "docs/theory.md, result 9",
        ("9.1", "9.2"),
        Certificate(
            remainder=(L * beta * (eta - eta_free) ** 2 / (B * Delta),), reading="right - left = L β (η - η_f)²/(B Δ)"
        ),
        definitions=(STEPS, FREE_RATE, eq(K_free, STEPS_AT_RATE.subs(eta, FREE_RATE.rhs))),
    ),
    algebra(
        "9.5",
        "Steps at it: four times linear scaling with the paper's c1.",
        eq(K_free, SMALL),
        "docs/theory.md, result 9",
        ("9.1", "9.2", SAME_GOAL.id),
        Derived("put 9.2 into 9.1", lambda p: eq(K_free, p["9.1"].rhs.subs(eta, p["9.2"].rhs))),
        definitions=(eq(c1, C1),),
    ),
    inequality(
        "9.6",
        "Beyond twice the noise scale the largest rate is the best;",
        le(1 / K_text, 1 / K_capped),
        "docs/theory.md, result 9",
        ("9.1",),
        Certificate(
            {"given.2": mu * epsilon * (eta_max - eta) / (B * Delta)},
            (L * beta * (eta_max - eta) ** 2 / (B * Delta),),
            positive=("given",),
            reading="right - left = (η_max - η)/(B Δ) (μ ε (B - 2 B_0) + L β (η_max - η))",
        ),
        given=(lt(eta, eta_max), le(2 * B_0, B)),
        definitions=(STEPS, LARGEST, SCALE, eq(K_capped, STEPS_AT_RATE.subs(eta, ETA_MAX))),
    ),
    algebra(
        "9.7",
        "steps at it.",
        eq(K_capped, LARGE),
        "docs/theory.md, result 9",
        ("9.1", SAME_GOAL.id),
        Derived("put eta = eta_max into 9.1", lambda p: eq(K_capped, p["9.1"].rhs.subs(eta, ETA_MAX))),
        definitions=(eq(c1, C1), eq(c2, C2)),
    ),
)

SHAPE_STEPS = (
    algebra(
        "9.8",
        "The two branches differ by a double zero at B = 2 B_0: value and slope agree there.",
        eq(K_free - K_capped, -c2 * (1 - 2 * B_0 / B) ** 2 / (1 - B_0 / B)),
        "docs/theory.md, result 9",
        ("9.5", "9.7"),
        Derived("subtract 9.7 from 9.5", lambda p: eq(K_free - K_capped, p["9.5"].rhs - p["9.7"].rhs)),
        definitions=NAMED,
    ),
    algebra(
        "9.9",
        "The value at this knee;",
        eq(K_knee, 2 * c2),
        "docs/theory.md, result 9",
        ("9.5",),
        Derived("put B = 2 B_0 into 9.5", lambda p: eq(K_knee, p["9.5"].rhs.subs(B, 2 * B_0))),
        definitions=NAMED,
    ),
    algebra(
        "9.10",
        "the slope there.",
        eq(slope_knee, -c2 / B_0),
        "docs/theory.md, result 9",
        ("9.5",),
        Derived("differentiate 9.5 at B = 2 B_0", _slope_at_the_knee),
        definitions=NAMED,
    ),
    algebra(
        "9.11",
        "Over the hyperbola of result 8, with x = B_0/B = c1/(B c2): before the knee,",
        eq(K_free / K_star, 4 * x / (1 + x)),
        "docs/theory.md, result 9",
        ("9.5", "8.12"),
        Derived("divide 9.5 by 8.12", lambda p: _over_hyperbola(K_free, p["9.5"].rhs, p)),
    ),
    algebra(
        "9.12",
        "and after it.",
        eq(K_capped / K_star, 1 / (1 - x**2)),
        "docs/theory.md, result 9",
        ("9.7", "8.12"),
        Derived("divide 9.7 by 8.12", lambda p: _over_hyperbola(K_capped, p["9.7"].rhs, p)),
    ),
    algebra(
        "9.13",
        "At the knee the price of the lossy step is a third,",
        eq(K_knee / K_star, sympy.Rational(4, 3)),
        "docs/theory.md, result 9",
        ("9.11",),
        Derived("put x = 1/2 into 9.11", lambda p: eq(K_knee / K_star, p["9.11"].rhs.subs(x, HALF))),
    ),
    inequality(
        "9.14",
        "before it more than a third,",
        le(sympy.Rational(4, 3), 4 * x / (1 + x)),
        "docs/theory.md, result 9",
        (),
        Certificate({"given": 8 / (3 * (1 + x))}, reading="right - left = 8/(3 (1+x)) (x - 1/2)"),
        given=(le(HALF, x),),
    ),
    inequality(
        "9.15",
        "at most a factor 4, which is approached for small batches;",
        lt(4 * x / (1 + x), sympy.Integer(4)),
        "docs/theory.md, result 9",
        (),
        Certificate(remainder=(4 / (1 + x),), reading="right - left = 4/(1+x)"),
    ),
    inequality(
        "9.16",
        "after it",
        lt(0, 1 - x),
        "docs/theory.md, result 9",
        (),
        Certificate({"given": ONE}, (HALF,), reading="right - left = (1/2 - x) + 1/2"),
        given=(le(x, HALF),),
    ),
    inequality(
        "9.17",
        "more than nothing",
        lt(ONE, 1 / (1 - x**2)),
        "docs/theory.md, result 9",
        ("9.16",),
        Certificate(remainder=(x**2 / ((1 - x) * (1 + x)),), positive=("9.16",), reading="right - left = x²/(1 - x²)"),
        given=(le(x, HALF),),
    ),
    inequality(
        "9.18",
        "and at most a third.",
        le(1 / (1 - x**2), sympy.Rational(4, 3)),
        "docs/theory.md, result 9",
        ("9.16",),
        Certificate(
            {"given": 2 * (1 + 2 * x) / ((1 - x) * (1 + x) * 3)},
            positive=("9.16",),
            reading="right - left = 2 (1+2x)/(3 (1 - x²)) (1/2 - x)",
        ),
        given=(le(x, HALF),),
    ),
)

TUNED_TEXTBOOK_BOUND = Result(
    "9",
    "tuned",
    "What tuning the textbook bound gives instead",
    "Minimised over rates up to eta_max, Eq. (2) reads K = 4 c1/B up to B = 2 B_0 and c2 B/(B - B_0) beyond, once "
    "continuously differentiable: between 1 and 4 times the hyperbola of result 8, 4/3 at the knee. A rival shape, "
    "and the price of replacing the bracket by mu/2.",
    RATE_STEPS + SHAPE_STEPS,
)
