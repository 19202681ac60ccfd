"""Result 12: the ratio of steps, sparse over dense, as a function of the batch size."""

import sympy

from theory.checking.analysis import Limited, Rounded, Slope
from theory.checking.assumptions import EQUAL_GOALS, EQUAL_GROWTH, EQUAL_MU, SAME_GOAL
from theory.checking.checks import Certificate, by
from theory.checking.operations import Put, RightSide, Solve, Using, With
from theory.checking.proof import Result, algebra, argument, inequality
from theory.checking.relations import eq, le, lt
from theory.results.fixed.variance import M_G_OF_BATCH
from theory.results.sparsity.sparsity import DENSE, REPORTED, SPARSE
from theory.symbols import (
    B,
    B_crit,
    B_crit_d,
    B_crit_s,
    Delta_d,
    Delta_s,
    K_d,
    K_s,
    K_star,
    L_d,
    L_s,
    beta,
    beta_d,
    beta_s,
    beta_v,
    beta_v_d,
    beta_v_s,
    epsilon,
    epsilon_d,
    epsilon_s,
    mu_g,
    mu_g_d,
    mu_g_s,
    ratio_steps,
    rho,
    rounded_rho,
    slope_middle,
    slope_ratio,
)

ONE = sympy.Integer(1)
SHIFT = (Delta_s / Delta_d) * (L_s / L_d)
CRITICAL_S = eq(B_crit_s, (beta_s / epsilon_d + beta_v_s) / mu_g_d**2)
CRITICAL_D = eq(B_crit_d, (beta_d / epsilon_d + beta_v_d) / mu_g_d**2)
FACTORED = by("12.4", Solve(B_crit_s))
PRODUCT = (B + B_crit_s) * (B + B_crit_d)
STEEPEST = (rho - 1) / (sympy.sqrt(rho) + 1) ** 2
FROM_MIDDLE = (B - sympy.sqrt(rho) * B_crit_d) ** 2 / ((B + rho * B_crit_d) * (B + B_crit_d))


AT_ONE_GOAL = by("8.10", Using(SAME_GOAL.id), Using(M_G_OF_BATCH))
STEPS_S, STEPS_D = (
    by(AT_ONE_GOAL, Put({**network, beta_v: growth, mu_g: mean, K_star: steps}))
    for network, growth, mean, steps in ((SPARSE, beta_v_s, mu_g_s, K_s), (DENSE, beta_v_d, mu_g_d, K_d))
)
EQUAL = (EQUAL_GOALS.id, EQUAL_MU.id, EQUAL_GROWTH.id)
EQUAL_AT_GOAL = (EQUAL_GOALS.id, EQUAL_GROWTH.id)

CRITICAL_OF_S, CRITICAL_OF_D = (
    by("8.31", Put({beta: noise, beta_v: growth, mu_g: mean, epsilon: at, B_crit: size}))
    for noise, growth, mean, at, size in (
        (beta_s, beta_v_s, mu_g_s, epsilon_s, B_crit_s),
        (beta_d, beta_v_d, mu_g_d, epsilon_d, B_crit_d),
    )
)
ENDS = sympy.Limit(ratio_steps, B, 0) / sympy.Limit(ratio_steps, B, sympy.oo)

NOISE_REPORTED = {beta_s: REPORTED[beta_s], beta_d: REPORTED[beta_d], beta_v_s: 0, beta_v_d: 0}

LIMIT_STEPS = (
    algebra(
        "12.1",
        "Ratio of the tuned steps, noise growing with the gradient included.",
        eq(ratio_steps, SHIFT * (B_crit_s + B) / (B_crit_d + B)),
        ("8.10", "4.4", SAME_GOAL.id, *EQUAL),
        by(STEPS_S, With("/", STEPS_D), using=EQUAL),
        definitions=(eq(ratio_steps, K_s / K_d), CRITICAL_S, CRITICAL_D),
    ),
    algebra(
        "12.2",
        "Small batches: the ratio of the noise terms,",
        eq(sympy.Limit(ratio_steps, B, 0), SHIFT * B_crit_s / B_crit_d),
        ("12.1",),
        by("12.1", Limited(B, sympy.Integer(0))),
    ),
    algebra(
        "12.3",
        "large batches: the ratio of the floors.",
        eq(sympy.Limit(ratio_steps, B, sympy.oo), SHIFT),
        ("12.1",),
        by("12.1", Limited(B, sympy.oo)),
    ),
    algebra(
        "12.4",
        "The one over the other is the ratio of the critical batch sizes, rho.",
        eq(rho, B_crit_s / B_crit_d),
        ("12.2", "12.3"),
        by("12.2", With("/", "12.3")),
        definitions=(eq(rho, ENDS),),
    ),
)

SLOPE_STEPS = (
    algebra(
        "12.5",
        "Slope of log R on log B.",
        eq(slope_ratio, B * (B_crit_d - B_crit_s) / PRODUCT),
        ("12.1",),
        by("12.1", Slope(ratio_steps, B, slope_ratio)),
    ),
    inequality(
        "12.6",
        "So R falls at every B if the sparse critical batch size is the larger one,",
        lt(slope_ratio, 0),
        ("12.5",),
        Certificate(
            {"12.5": ONE, "given": B / PRODUCT}, reading="right - left = [12.5] + B/((B+B_s)(B+B_d)) (B_s - B_d)"
        ),
        given=(lt(B_crit_d, B_crit_s),),
    ),
    inequality(
        "12.7",
        "rises at every B if it is the smaller one,",
        lt(0, slope_ratio),
        ("12.5",),
        Certificate(
            {"12.5": -ONE, "given": B / PRODUCT}, reading="right - left = -[12.5] + B/((B+B_s)(B+B_d)) (B_d - B_s)"
        ),
        given=(lt(B_crit_s, B_crit_d),),
    ),
    algebra(
        "12.8",
        "and which it is, the noise at the goal alone decides.",
        eq(
            B_crit_s - B_crit_d,
            (beta_s + beta_v_s * epsilon_d - beta_d - beta_v_d * epsilon_d) / (epsilon_d * mu_g_d**2),
        ),
        ("8.31", *EQUAL_AT_GOAL),
        by(CRITICAL_OF_S, With("-", CRITICAL_OF_D), using=EQUAL_AT_GOAL),
    ),
    inequality(
        "12.9",
        "The fall is bounded by (√rho - 1)/(√rho + 1);",
        le(-slope_ratio, STEEPEST),
        ("12.4", "12.5"),
        Certificate(
            {"12.5": -ONE},
            (STEEPEST * FROM_MIDDLE,),
            positive=("given",),
            using=(FACTORED,),
            reading="right - left = -[12.5] + (rho-1)/(√rho+1)² (B - √(B_s B_d))²/((B+B_s)(B+B_d))",
        ),
        given=(lt(1, rho),),
    ),
    inequality(
        "12.10",
        "so is the rise, with 1/rho for rho;",
        le(slope_ratio, (1 - rho) / (1 + sympy.sqrt(rho)) ** 2),
        ("12.4", "12.5"),
        Certificate(
            {"12.5": ONE},
            ((1 - rho) / (sympy.sqrt(rho) + 1) ** 2 * FROM_MIDDLE,),
            positive=("given",),
            using=(FACTORED,),
            reading="right - left = [12.5] + (1-rho)/(1+√rho)² (B - √(B_s B_d))²/((B+B_s)(B+B_d))",
        ),
        given=(lt(rho, 1),),
    ),
    algebra(
        "12.11",
        "both are reached half-way between the critical batch sizes, at B = √(B_s B_d).",
        eq(slope_middle, (1 - sympy.sqrt(rho)) / (1 + sympy.sqrt(rho))),
        ("12.4", "12.5"),
        by("12.5", Using(FACTORED), RightSide(slope_ratio, slope_middle, {B: sympy.sqrt(rho) * B_crit_d})),
    ),
    algebra(
        "12.12",
        "With the paper's numbers and its constant noise (beta_V = 0), rho is below 1:",
        eq(rounded_rho, sympy.Rational("0.545")),
        ("12.4", "8.31", *EQUAL_AT_GOAL),
        by(
            "12.4",
            *(Using(one) for one in (CRITICAL_OF_S, CRITICAL_OF_D, *EQUAL_AT_GOAL)),
            Rounded(rho, rounded_rho, 3, NOISE_REPORTED),
        ),
        reference="Lee et al. 2021, Sec. 4.2",
    ),
    argument(
        "12.13",
        "so that R should rise with B, from the 1.690 of 7.4 to the 3.101 of 7.5, and the sparse critical batch size "
        "should be the smaller one; the experiments of the paper show the opposite of both.",
        None,
        ("7.4", "7.5", "12.7", "12.12"),
        reference="docs/theory.md, result 12; Lee et al. 2021, Fig. 12",
    ),
)

RATIO_OF_CURVES = Result(
    "12",
    "sparsity",
    "Sparse over dense at every batch size",
    "R(B) runs monotonically from the ratio of the noise terms to that of the floors; their quotient is the ratio rho "
    "of the critical batch sizes. R falls with B exactly if the sparse critical batch size is the larger one, and "
    "never faster than B to the power (√rho - 1)/(√rho + 1).",
    LIMIT_STEPS + SLOPE_STEPS,
)
