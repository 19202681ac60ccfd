"""Result 9: the textbook bound at its best rate, and its distance from the hyperbola."""

import sympy

from theory.checking.analysis import Best, Derivative
from theory.checking.assumptions import NOISE_CONSTANT, SAME_GOAL
from theory.checking.bounds import C1, C2, ETA_MAX, STEPS_AT_RATE
from theory.checking.checks import Certificate, by
from theory.checking.operations import Meaning, Put, RightSide, Solve, Using, Where, With
from theory.checking.proof import Result, algebra, inequality
from theory.checking.relations import eq, le, lt
from theory.laws import TUNED_TEXTBOOK
from theory.results.fixed.variance import M_OF_BATCH
from theory.results.tuned.tuned import CONSTANT_M_G, SCALE_AT_ITS_GOAL
from theory.sequences import goal
from theory.symbols import (
    B_0,
    B,
    Delta,
    G_mean,
    K,
    K_capped,
    K_free,
    K_knee,
    K_star,
    K_text,
    L,
    beta,
    c1,
    c2,
    epsilon,
    eta,
    eta_free,
    eta_max,
    mu,
    price,
    slope_knee,
    x,
)

ONE, HALF = sympy.Integer(1), sympy.Rational(1, 2)
STEPS = eq(K_text, STEPS_AT_RATE.subs(epsilon, goal(B)))
LARGEST = eq(eta_max, ETA_MAX)
FREE_RATE = eq(eta_free, mu * goal(B) * B / (2 * L * beta))
SMALL, LARGE = (branch for branch, _ in TUNED_TEXTBOOK.expression.args)
BEFORE_KNEE = eq(K_free / K_star, 4 * x / (1 + x))
KNEE = eq(B_0, c1 / c2)
AT_FREE_RATE = by("9.1", Put({eta: eta_free, K_text: K_free}))
AT_LARGEST_RATE = by("9.1", Put({eta: eta_max, K_text: K_capped}))

RATE_STEPS = (
    algebra(
        "9.1",
        "Steps that the textbook bound asks for at the rate eta, M = beta/B.",
        STEPS,
        ("3.4", "4.4"),
        by("3.4", Where(G_mean, goal(B), K, K_text), Using(M_OF_BATCH), Solve(K_text)),
        reference="Lee et al. 2021, Eq. (6), first form",
    ),
    algebra(
        "9.2",
        "Its best rate, were there no cap.",
        FREE_RATE,
        ("9.1",),
        by("9.1", Best(K_text, eta, eta_free)),
    ),
    inequality(
        "9.3",
        "Up to twice the noise scale that rate keeps the cap,",
        le(eta_free, eta_max),
        ("9.2",),
        Certificate(
            {"given": mu * goal(B) / (2 * L * beta)},
            using=("9.2",),
            reading="right - left = μ ε_B/(2 L β) (2 B_0 - B)",
        ),
        given=(le(B, 2 * B_0),),
        definitions=(LARGEST, SCALE_AT_ITS_GOAL),
    ),
    inequality(
        "9.4",
        "and no rate does better: 1/K is a parabola with its peak there.",
        le(1 / K_text, 1 / K_free),
        ("9.1", "9.2"),
        Certificate(
            remainder=(L * beta * (eta - eta_free) ** 2 / (B * Delta),),
            using=("9.1", "9.2", AT_FREE_RATE),
            reading="right - left = L β (η - η_f)²/(B Δ)",
        ),
    ),
    algebra(
        "9.5",
        "Steps at it: four times linear scaling with the paper's c1.",
        eq(K_free, SMALL),
        ("9.1", "9.2", SAME_GOAL.id),
        by(AT_FREE_RATE, using=("9.2", SAME_GOAL.id)),
        definitions=(eq(c1, C1),),
    ),
    inequality(
        "9.6",
        "Beyond twice the noise scale the largest rate is the best;",
        le(1 / K_text, 1 / K_capped),
        ("9.1",),
        Certificate(
            {"given.2": mu * goal(B) * (eta_max - eta) / (B * Delta)},
            (L * beta * (eta_max - eta) ** 2 / (B * Delta),),
            positive=("given",),
            using=("9.1", AT_LARGEST_RATE),
            reading="right - left = (η_max - η)/(B Δ) (μ ε_B (B - 2 B_0) + L β (η_max - η))",
        ),
        given=(lt(eta, eta_max), le(2 * B_0, B)),
        definitions=(LARGEST, SCALE_AT_ITS_GOAL),
    ),
    algebra(
        "9.7",
        "steps at it.",
        eq(K_capped, LARGE),
        ("9.1", "4.4", SAME_GOAL.id, NOISE_CONSTANT.id),
        by(AT_LARGEST_RATE, using=(SAME_GOAL.id, *CONSTANT_M_G)),
        definitions=(LARGEST, eq(c1, C1), eq(c2, C2)),
    ),
)

SHAPE_STEPS = (
    algebra(
        "9.8",
        "The two branches differ by a double zero at B = 2 B_0: value and slope agree there.",
        eq(K_free - K_capped, -c2 * (1 - 2 * B_0 / B) ** 2 / (1 - B_0 / B)),
        ("9.5", "9.7"),
        by("9.5", With("-", "9.7")),
        definitions=(KNEE,),
    ),
    algebra(
        "9.9",
        "The value at this knee;",
        eq(K_knee, 2 * c2),
        ("9.5",),
        by("9.5", Put({B: 2 * B_0, K_free: K_knee})),
        definitions=(KNEE,),
    ),
    algebra(
        "9.10",
        "the slope there.",
        eq(slope_knee, -c2 / B_0),
        ("9.5",),
        by("9.5", Derivative(K_free, B, slope_knee, 2 * B_0)),
        definitions=(KNEE,),
    ),
    algebra(
        "9.11",
        "Over the hyperbola of result 8, with x = B_0/B = c1/(B c2): before the knee,",
        BEFORE_KNEE,
        ("9.5", "8.12"),
        by("9.5", With("/", "8.12")),
        definitions=(eq(x, c1 / (B * c2)),),
    ),
    algebra(
        "9.12",
        "and after it.",
        eq(K_capped / K_star, 1 / (1 - x**2)),
        ("9.7", "8.12", "9.11"),
        by("9.7", With("/", "8.12"), using=(Meaning("9.11", x, BEFORE_KNEE),)),
    ),
    algebra(
        "9.13",
        "At the knee the price of the lossy step is a third,",
        eq(price, sympy.Rational(4, 3)),
        ("9.11",),
        by("9.11", RightSide(K_free / K_star, price, {x: HALF})),
    ),
    inequality(
        "9.14",
        "before it more than a third,",
        le(sympy.Rational(4, 3), 4 * x / (1 + x)),
        check=Certificate({"given": 8 / (3 * (1 + x))}, reading="right - left = 8/(3 (1+x)) (x - 1/2)"),
        given=(le(HALF, x),),
    ),
    inequality(
        "9.15",
        "at most a factor 4, which is approached for small batches;",
        lt(4 * x / (1 + x), sympy.Integer(4)),
        check=Certificate(remainder=(4 / (1 + x),), reading="right - left = 4/(1+x)"),
    ),
    inequality(
        "9.16",
        "after it",
        lt(0, 1 - x),
        check=Certificate({"given": ONE}, (HALF,), reading="right - left = (1/2 - x) + 1/2"),
        given=(le(x, HALF),),
    ),
    inequality(
        "9.17",
        "more than nothing",
        lt(ONE, 1 / (1 - x**2)),
        ("9.16",),
        Certificate(remainder=(x**2 / ((1 - x) * (1 + x)),), positive=("9.16",), reading="right - left = x²/(1 - x²)"),
        given=(le(x, HALF),),
    ),
    inequality(
        "9.18",
        "and at most a third.",
        le(1 / (1 - x**2), sympy.Rational(4, 3)),
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
