"""Result 13, second part: the steps a schedule needs, and the assembled result."""

from functools import partial

import sympy
from sympy.core.relational import Relational

from theory.checking.assumptions import BOUNDED, NON_INCREASING, SAME_GOAL, SAME_SUM
from theory.checking.bounds import C1, C2, NOISE
from theory.checking.operations import solve_for, substitute, sum_over_steps
from theory.checking.proof import Certificate, Derived, Kind, Premises, Result, Step, eq, le, lt
from theory.laws import HYPERBOLA
from theory.results.fixed.decaying import SQUARES, WEIGHTED
from theory.results.fixed.descent import START
from theory.results.rules.schedule_sums import CONVERGENCE_STEPS, SUM_STEPS
from theory.symbols import (
    A_K,
    H_K,
    K_2,
    M_G,
    B,
    Delta,
    F,
    G,
    G_rated,
    G_sharp,
    H,
    K,
    L,
    M,
    beta,
    c1,
    c1_decay,
    c2,
    c2_decay,
    decay_steps,
    effective_steps,
    end_factor,
    epsilon,
    epsilon_eta,
    excess_1,
    excess_2,
    k,
    mu,
    noiseless,
    rate,
    rate_end,
    square_cost,
)

algebra = partial(Step, "schedules", Kind.ALGEBRA)
inequality = partial(Step, "schedules", Kind.INEQUALITY)
argument = partial(Step, "schedules", Kind.ARGUMENT)

ONE = sympy.Integer(1)
SQUARES_WEIGHTED = sympy.Sum(rate(k) ** 2 * G(k), (k, 1, K))
COST = eq(square_cost, L * beta / (mu * epsilon_eta * B))
SUM_OF_SQUARES = eq(H_K, SQUARES)
BRACKET = 2 * mu * A_K - L * M_G * H_K


def _growth(at: sympy.Expr) -> sympy.Expr:
    """Return how much K - a H_K - b grows with the step of that rate."""
    return 1 - square_cost * at**2


def _limit(value: sympy.Expr) -> sympy.Expr:
    return sympy.limit(value, K, sympy.oo)


def _literal(premises: Premises) -> Relational:
    steps = solve_for(premises["6d.1"], K).rhs
    return eq(c1_decay / c2_decay, sympy.limit(B * steps, B, 0) / sympy.limit(steps, B, sympy.oo))


def _effective(premises: Premises) -> Relational:
    """Scale the rates until the largest Delta meets the goal; A_K²/H_K does not depend on the scale."""
    factor = sympy.Symbol("factor", positive=True)
    bound = premises["13.38"].rhs.subs(M, NOISE).subs({A_K: factor * A_K, H_K: factor**2 * H_K}, simultaneous=True)
    allowed = solve_for(eq(bound, epsilon), Delta).rhs
    best = solve_for(eq(sympy.diff(allowed, factor), 0), factor).rhs
    squared = sympy.cancel(allowed.subs(factor, best) * H_K / A_K**2)  # Delta over the effective steps
    return eq(effective_steps, Delta / squared)


def _whole_decay(total: Relational, squares: Relational) -> Relational:
    """Return K over the effective steps of a decay to 0 that ends with K."""
    a, b = (sympy.simplify(sums.rhs.subs({end_factor: 0, decay_steps: K})) for sums in (total, squares))
    return eq(sympy.Limit(K / effective_steps, K, sympy.oo), _limit(sympy.cancel(K * b / a**2)))


ROOT_STEPS = (
    algebra(
        "13.27",
        "With H summed up to K, Eq. (10) is an equation for K.",
        eq(K, square_cost * H_K + noiseless),
        "docs/theory.md, result 13",
        ("6d.1",),
        Derived("solve 6d.1 for K, with H_K for H", lambda p: substitute(solve_for(p["6d.1"], K), {H: H_K})),
        definitions=(COST, eq(noiseless, Delta / (mu * epsilon_eta))),
    ),
    inequality(
        "13.28",
        "K - a H_K - b starts at -b and grows by 1 - a eta_k² per step; for rates that never rise, by ever more: it is "
        "convex.",
        le(_growth(rate(k)), _growth(rate(k + 1))),
        "docs/theory.md, result 13",
        (NON_INCREASING.id,),
        Certificate(
            {NON_INCREASING.id: square_cost * (rate(k) + rate(k + 1))},
            reading="right - left = a (η_k + η_(k+1)) [non-increasing]",
        ),
    ),
    argument(
        "13.29",
        "A convex function is below its chord: with g = K - a H_K - b at 0, at K and at a later K_2,",
        le(K_2 * excess_1, (K_2 - K) * (-noiseless) + K * excess_2),
        "convexity",
        ("13.28",),
    ),
    inequality(
        "13.30",
        "so beyond a root g is positive: there is at most one root.",
        lt(0, excess_2),
        "docs/theory.md, result 13",
        ("13.29",),
        Certificate(
            {"13.29": 1 / K, "given": K_2 / K},
            (noiseless * (K_2 - K) / K,),
            positive=("given.2",),
            reading="right - left = ([13.29] + K_2 g(K) + b (K_2 - K))/K",
        ),
        given=(le(0, excess_1), lt(K, K_2)),
    ),
    inequality(
        "13.31",
        "g grows for ever if the batch is large enough for the limit of the rate: then there is a root;",
        lt(0, _growth(rate_end)),
        "docs/theory.md, result 13",
        (),
        Certificate({"given": 1 / B}, reading="right - left = (B - L β η_∞²/(μ goal))/B"),
        given=(lt(L * beta * rate_end**2 / (mu * epsilon_eta), B),),
        definitions=(COST,),
    ),
    inequality(
        "13.32",
        "if not, the growth never turns positive, as eta_k is at least its limit,",
        le(_growth(rate_end), 0),
        "docs/theory.md, result 13",
        (),
        Certificate({"given": 1 / B}, reading="right - left = (L β η_∞²/(μ goal) - B)/B"),
        given=(le(B, L * beta * rate_end**2 / (mu * epsilon_eta)),),
        definitions=(COST,),
    ),
    inequality(
        "13.33",
        "and there is none.",
        le(_growth(rate(k)), _growth(rate_end)),
        "docs/theory.md, result 13",
        (),
        Certificate({"given": square_cost * (rate(k) + rate_end)}, reading="right - left = a (η_k + η_∞) (η_k - η_∞)"),
        given=(le(rate_end, rate(k)),),
    ),
    algebra(
        "13.34",
        "Eq. (10) taken literally has a critical batch size without epsilon, which only a fixed square-summable "
        "sequence has.",
        eq(c1_decay / c2_decay, L * H * beta / Delta),
        "docs/theory.md, result 13",
        ("6d.1", SAME_SUM.id),
        Derived("solve 6d.1 for K and c1'/B = c2' for B, H held fixed", _literal),
    ),
)

MEAN_STEPS = (
    argument(
        "13.35",
        "The goal of Eq. (7) is at most the largest E G_k times A_K/K, which tends to 0 with the rate (as log K/K in "
        "13.20) even if E G_k does not: reaching it says nothing about the gradient.",
        None,
        "docs/theory.md, result 13",
        ("3d.4", "13.20"),
    ),
    inequality(
        "13.36",
        "The meaningful mean is that with the rates as weights, over A_K;",
        le(G_rated, (L * M * H_K + Delta) / (mu * A_K)),
        "Bottou, Curtis, Nocedal 2018, Eq. (4.20)",
        ("3d.3", BOUNDED.id),
        Certificate(
            {"3d.3": 2 / (mu * A_K), BOUNDED.id: 2 / (mu * A_K)},
            reading="right - left = 2/(μ A_K) ([3d.3] + [bounded])",
        ),
        definitions=(START, eq(G_rated, WEIGHTED / A_K), SUM_OF_SQUARES),
    ),
    inequality(
        "13.37",
        "keep the bracket, as in result 8:",
        le(F(K + 1) - F(1), -mu * WEIGHTED + L * M_G * SQUARES_WEIGHTED / 2 + L * M * SQUARES / 2),
        "docs/theory.md, result 13",
        ("3d.1",),
        Derived("sum 3d.1 over k = 1..K", lambda p: sum_over_steps(p["3d.1"])),
    ),
    inequality(
        "13.38",
        "then the weights are eta_k (2 mu - L M_G eta_k), and the bound is sharp.",
        le(G_sharp, (Delta + L * M * H_K) / BRACKET),
        "docs/theory.md, result 13",
        ("13.37", BOUNDED.id),
        Certificate(
            {"13.37": 2 / BRACKET, BOUNDED.id: 2 / BRACKET},
            positive=("given",),
            reading="right - left = 2/(2 μ A_K - L M_G H_K) ([13.37] + [bounded])",
        ),
        given=(lt(0, BRACKET),),
        definitions=(START, eq(G_sharp, (2 * mu * WEIGHTED - L * M_G * SQUARES_WEIGHTED) / BRACKET), SUM_OF_SQUARES),
    ),
    algebra(
        "13.39",
        "A shape whose tuned peak is below 2 eta_max needs this many effective steps, K_eff = A_K²/H_K at any peak. "
        "That is so if A_K/H_K at the peak 1 is below 2 (1 + B_0/B): linear decay to 0 has 3/2 and cosine 4/3, slow "
        "decays like 1/(1 + k/tau) exceed it. Beyond, early steps get negative weight.",
        eq(effective_steps, HYPERBOLA.expression),
        "docs/theory.md, result 13",
        ("13.38", "4.4", SAME_GOAL.id),
        Derived("set the right side of 13.38 to epsilon, M = beta/B; the best factor of the rates", _effective),
        given=(lt(0, BRACKET),),
        definitions=(eq(c1, C1), eq(c2, C2)),
    ),
    algebra(
        "13.40",
        "A constant rate has K of them. Linear decay to 0 in K steps multiplies K by 4/3,",
        eq(sympy.Limit(K / effective_steps, K, sympy.oo), sympy.Rational(4, 3)),
        "docs/theory.md, result 13",
        ("13.3", "13.4"),
        Derived("put D = K, e = 0 into K H_K/A_K², let K grow", lambda p: _whole_decay(p["13.3"], p["13.4"])),
    ),
    algebra(
        "13.41",
        "cosine decay by 3/2; the critical batch size stays.",
        eq(sympy.Limit(K / effective_steps, K, sympy.oo), sympy.Rational(3, 2)),
        "docs/theory.md, result 13",
        ("13.7", "13.8"),
        Derived("put D = K, e = 0 into K H_K/A_K², let K grow", lambda p: _whole_decay(p["13.7"], p["13.8"])),
    ),
)

SCHEDULES = Result(
    "13",
    "schedules",
    "Schedules",
    "Sums of rates and squared rates in closed form; which schedules meet the conditions of Robbins and Monro; "
    "the steps Eq. (10) asks for when H is summed up to K; and the tuned law for shapes whose tuned peak is below "
    "2 eta_max, A_K²/H_K = c1/B + c2. The "
    "rate of step k, k from 0, is the peak rate eta times a shape, e is end rate over peak rate.",
    SUM_STEPS + CONVERGENCE_STEPS + ROOT_STEPS + MEAN_STEPS,
)
