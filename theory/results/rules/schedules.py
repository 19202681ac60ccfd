"""Result 13, second part: the steps a schedule needs, and the assembled result."""

import sympy

from theory.checking.analysis import Best, BestValue, Limited, Simplified, Summed
from theory.checking.assumptions import NOISE_CONSTANT, NON_INCREASING, SAME_GOAL
from theory.checking.bounds import C1, C2, ETA_MAX
from theory.checking.checks import Certificate, Derived, by
from theory.checking.operations import Inverted, Meaning, RightSide, Solve, Times, Using, With
from theory.checking.proof import Result, algebra, argument, inequality
from theory.checking.relations import eq, le, lt
from theory.laws import HYPERBOLA
from theory.results.fixed.decaying import DECAYING_LAW, SQUARES, SUM_OF_SQUARES, WEIGHTED
from theory.results.fixed.descent import START
from theory.results.fixed.variance import M_OF_BATCH
from theory.results.rules.schedule_sums import CONVERGENCE_STEPS, SUM_STEPS
from theory.results.tuned.tuned import CONSTANT_M_G, SCALE_AT_ITS_GOAL
from theory.sequences import F, G, goal, goal_each, rate
from theory.symbols import (
    A_K,
    B_0,
    H_K,
    K_2,
    M_G,
    A_whole,
    B,
    Delta,
    G_rated,
    G_sharp,
    H,
    H_whole,
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
    eta_max,
    excess_1,
    excess_2,
    k,
    mu,
    noiseless,
    peak,
    peak_star,
    rate_end,
    shape_sum,
    square_cost,
    square_sum,
)

ONE = sympy.Integer(1)
SQUARES_WEIGHTED = sympy.Sum(rate(k) ** 2 * G(k), (k, 1, K))
COST = eq(square_cost, L * beta / (mu * goal_each(B) * B))
BRACKET = 2 * mu * A_K - L * M_G * H_K


def _growth(at: sympy.Expr) -> sympy.Expr:
    """Return how much K - a H_K - b grows with the step of that rate."""
    return 1 - square_cost * at**2


ALLOWED = by(
    "13.38",
    RightSide(G_sharp, goal(B), {A_K: peak * shape_sum, H_K: peak**2 * square_sum}),
    Using(M_OF_BATCH),
    Solve(Delta),
)
"""The largest Delta from which the goal is reached, at each peak rate of a shape."""


def _whole_decay(total: str, squares: str) -> Derived:
    """Return K over the effective steps of a decay to 0 that ends with K, in the limit of many steps."""
    whole = {end_factor: sympy.Integer(0), decay_steps: K}
    sums = by(total, RightSide(A_K, A_whole, whole)), by(squares, RightSide(H_K, H_whole, whole))
    ratio = by(sums[1], Times(K), With("/", by(sums[0], With("*", sums[0]))))
    return by(ratio, Simplified(), Limited(K, sympy.oo))


ROOT_STEPS = (
    algebra(
        "13.27",
        "With H summed up to K, Eq. (10) is an equation for K.",
        eq(K, square_cost * H_K + noiseless),
        ("6d.1",),
        by("6d.1", Solve(K)),
        definitions=(COST, eq(noiseless, Delta / (mu * goal_each(B)))),
    ),
    inequality(
        "13.28",
        "K - a H_K - b starts at -b and grows by 1 - a eta_k² per step; for rates that never rise, by ever more: it is "
        "convex.",
        le(_growth(rate(k)), _growth(rate(k + 1))),
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
        ("13.28",),
        reference="convexity",
    ),
    inequality(
        "13.30",
        "so beyond a root g is positive: there is at most one root.",
        lt(0, excess_2),
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
        check=Certificate({"given": 1 / B}, reading="right - left = (B - L β η_∞²/(μ goal))/B"),
        given=(lt(L * beta * rate_end**2 / (mu * goal_each(B)), B),),
        definitions=(COST,),
    ),
    inequality(
        "13.32",
        "if not, the growth never turns positive, as eta_k is at least its limit,",
        le(_growth(rate_end), 0),
        check=Certificate({"given": 1 / B}, reading="right - left = (L β η_∞²/(μ goal) - B)/B"),
        given=(le(B, L * beta * rate_end**2 / (mu * goal_each(B))),),
        definitions=(COST,),
    ),
    inequality(
        "13.33",
        "and there is none.",
        le(_growth(rate(k)), _growth(rate_end)),
        check=Certificate(
            {"given": square_cost * (rate(k) + rate_end)}, reading="right - left = a (η_k + η_∞) (η_k - η_∞)"
        ),
        given=(le(rate_end, rate(k)),),
    ),
    algebra(
        "13.34",
        "Eq. (10) taken literally has a critical batch size without epsilon, which only a fixed square-summable "
        "sequence has.",
        eq(c1_decay / c2_decay, L * H * beta / Delta),
        ("6d.2",),
        by(Meaning("6d.2", c1_decay, DECAYING_LAW), With("/", Meaning("6d.2", c2_decay, DECAYING_LAW))),
    ),
)

MEAN_STEPS = (
    argument(
        "13.35",
        "The goal of Eq. (7) is at most the largest E G_k times A_K/K, which tends to 0 with the rate (as log K/K in "
        "13.20) even if E G_k does not: by itself, as K grows, reaching it does not bound the gradient.",
        None,
        ("3d.4", "13.20"),
    ),
    inequality(
        "13.36",
        "The meaningful mean is that with the rates as weights, over A_K;",
        le(G_rated, (L * M * H_K + Delta) / (mu * A_K)),
        ("3d.3", "2.6"),
        Certificate(
            dict.fromkeys(("3d.3", "2.6"), 2 / (mu * A_K)),
            reading="right - left = 2/(μ A_K) ([3d.3] + [2.6])",
        ),
        definitions=(START, eq(G_rated, WEIGHTED / A_K), SUM_OF_SQUARES),
        reference="Bottou, Curtis, Nocedal 2018, Eq. (4.20)",
    ),
    inequality(
        "13.37",
        "keep the bracket, as in result 8:",
        le(F(K + 1) - F(1), -mu * WEIGHTED + L * M_G * SQUARES_WEIGHTED / 2 + L * M * SQUARES / 2),
        ("3d.1",),
        by("3d.1", Summed()),
    ),
    inequality(
        "13.38",
        "then the weights of the mean are eta_k (2 mu - L M_G eta_k).",
        le(G_sharp, (Delta + L * M * H_K) / BRACKET),
        ("13.37", "2.6"),
        Certificate(
            dict.fromkeys(("13.37", "2.6"), 2 / BRACKET),
            positive=("given",),
            reading="right - left = 2/(2 μ A_K - L M_G H_K) ([13.37] + [2.6])",
        ),
        given=(lt(0, BRACKET),),
        definitions=(START, eq(G_sharp, (2 * mu * WEIGHTED - L * M_G * SQUARES_WEIGHTED) / BRACKET), SUM_OF_SQUARES),
    ),
    algebra(
        "13.39",
        "For this mean to be epsilon, with a tuned peak that keeps the weights positive (13.43), the bound asks for so "
        "many effective steps, K_eff = A_K²/H_K at any peak.",
        eq(effective_steps, HYPERBOLA.expression),
        ("13.38", "4.4", SAME_GOAL.id, NOISE_CONSTANT.id),
        by(
            ALLOWED,
            BestValue(Delta, peak, Delta, most=True),
            *(Solve(square_sum), Inverted(), Times(shape_sum**2)),
            using=(SAME_GOAL.id, *CONSTANT_M_G),
        ),
        definitions=(eq(effective_steps, shape_sum**2 / square_sum), eq(c1, C1), eq(c2, C2)),
    ),
    algebra(
        "13.40",
        "A constant rate has K of them. Of a linear decay to 0 in K steps the bound asks for 4/3 as many,",
        eq(sympy.Limit(K / effective_steps, K, sympy.oo), sympy.Rational(4, 3)),
        ("13.3", "13.4"),
        _whole_decay("13.3", "13.4"),
        definitions=(eq(effective_steps, A_whole**2 / H_whole),),
    ),
    algebra(
        "13.41",
        "of a cosine for 3/2; the critical batch size stays. These are bounds on means with other weights than those "
        "of result 8, where a decay may need fewer: on L w²/2 it takes 0.73 as many at B = B_0, "
        "epsilon = Delta L/50.",
        eq(sympy.Limit(K / effective_steps, K, sympy.oo), sympy.Rational(3, 2)),
        ("13.7", "13.8"),
        _whole_decay("13.7", "13.8"),
        definitions=(eq(effective_steps, A_whole**2 / H_whole),),
    ),
    algebra(
        "13.42",
        "The tuned peak, for a shape whose rates and squares sum to a and h at the peak 1.",
        eq(peak_star, shape_sum / square_sum * eta_max / (1 + B_0 / B)),
        ("13.38", "4.4"),
        by(ALLOWED, Best(Delta, peak, peak_star, most=True)),
        definitions=(eq(eta_max, ETA_MAX), SCALE_AT_ITS_GOAL),
    ),
    inequality(
        "13.43",
        "It is below 2 eta_max, so that every step has positive weight, if a/h is below 2 (1 + B_0/B): linear decay to "
        "0 has 3/2 and cosine 4/3. Slow decays like 1/(1 + k/tau) exceed it once log(1 + K/tau) is above about that. "
        "Beyond, early steps get negative weight.",
        lt(peak_star, 2 * eta_max),
        ("13.42",),
        Certificate(
            {"13.42": ONE, "given": eta_max / (1 + B_0 / B)},
            reading="right - left = [13.42] + η_max/(1 + B_0/B) (2 (1 + B_0/B) - a/h)",
        ),
        given=(lt(shape_sum / square_sum, 2 * (1 + B_0 / B)),),
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
