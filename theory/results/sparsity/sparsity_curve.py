"""Result 12: the ratio of steps, sparse over dense, as a function of the batch size."""

from functools import partial

import sympy
from sympy.core.relational import Relational

from theory.checking.assumptions import SAME_GOAL, SAME_MOMENTS
from theory.checking.proof import Certificate, Derived, Kind, Premises, Result, Step, eq, le, lt
from theory.results.sparsity.sparsity import DENSE, REPORTED, SPARSE
from theory.results.tuned.consequences import GROWING
from theory.symbols import (
    M_G,
    B,
    B_crit_d,
    B_crit_s,
    Delta_d,
    Delta_s,
    L_d,
    L_s,
    beta_d,
    beta_s,
    beta_v,
    beta_v_d,
    beta_v_s,
    epsilon,
    mu_g,
    ratio_steps,
    rho,
    rounded_rho,
    slope_ratio,
)

algebra = partial(Step, "sparsity", Kind.ALGEBRA)
inequality = partial(Step, "sparsity", Kind.INEQUALITY)
argument = partial(Step, "sparsity", Kind.ARGUMENT)

ONE = sympy.Integer(1)
SHIFT = (Delta_s / Delta_d) * (L_s / L_d)
CRITICAL_S = eq(B_crit_s, (beta_s / epsilon + beta_v_s) / mu_g**2)
CRITICAL_D = eq(B_crit_d, (beta_d / epsilon + beta_v_d) / mu_g**2)
FACTORED = eq(B_crit_s, rho * B_crit_d)
PRODUCT = (B + B_crit_s) * (B + B_crit_d)
STEEPEST = (rho - 1) / (sympy.sqrt(rho) + 1) ** 2
FROM_MIDDLE = (B - sympy.sqrt(rho) * B_crit_d) ** 2 / ((B + rho * B_crit_d) * (B + B_crit_d))


def _ratio(premises: Premises) -> Relational:
    steps = premises["8.10"].rhs.subs(M_G, GROWING)
    sparse, dense = steps.subs(SPARSE | {beta_v: beta_v_s}), steps.subs(DENSE | {beta_v: beta_v_d})
    return eq(ratio_steps, sparse / dense)


def _limit(premises: Premises, at: sympy.Expr) -> Relational:
    return eq(sympy.Limit(ratio_steps, B, at), sympy.limit(premises["12.1"].rhs, B, at))


def _slope(premises: Premises) -> Relational:
    return eq(slope_ratio, B * sympy.diff(sympy.log(premises["12.1"].rhs), B))


def _difference(premises: Premises) -> Relational:
    critical = premises["8.31"].rhs
    sparse, dense = critical.subs(SPARSE | {beta_v: beta_v_s}), critical.subs(DENSE | {beta_v: beta_v_d})
    return eq(B_crit_s - B_crit_d, sparse - dense)


def _at_the_middle(premises: Premises) -> Relational:
    middle = {B_crit_s: rho * B_crit_d, B: sympy.sqrt(rho) * B_crit_d}
    return eq(slope_ratio, premises["12.5"].rhs.subs(middle, simultaneous=True).subs(middle))


def _reported(premises: Premises) -> Relational:
    value = premises["12.4"].rhs.subs(REPORTED | {beta_v_s: 0, beta_v_d: 0})
    return eq(rounded_rho, sympy.Rational(round(1000 * value), 1000))


LIMIT_STEPS = (
    algebra(
        "12.1",
        "Ratio of the tuned steps, noise growing with the gradient included.",
        eq(ratio_steps, SHIFT * (B_crit_s + B) / (B_crit_d + B)),
        "docs/theory.md, result 12",
        ("8.10", "4.4", "8.31", SAME_GOAL.id, SAME_MOMENTS.id),
        Derived("divide 8.10, M_G = mu_G² + beta_V/B, by itself", _ratio),
        definitions=(CRITICAL_S, CRITICAL_D),
    ),
    algebra(
        "12.2",
        "Small batches: the ratio of the noise terms,",
        eq(sympy.Limit(ratio_steps, B, 0), SHIFT * B_crit_s / B_crit_d),
        "docs/theory.md, result 12",
        ("12.1",),
        Derived("let B tend to 0 in 12.1", lambda p: _limit(p, sympy.Integer(0))),
    ),
    algebra(
        "12.3",
        "large batches: the ratio of the floors.",
        eq(sympy.Limit(ratio_steps, B, sympy.oo), SHIFT),
        "docs/theory.md, result 12",
        ("12.1",),
        Derived("let B grow in 12.1", lambda p: _limit(p, sympy.oo)),
    ),
    algebra(
        "12.4",
        "The one over the other is the ratio of the critical batch sizes, rho.",
        eq(rho, (beta_s + beta_v_s * epsilon) / (beta_d + beta_v_d * epsilon)),
        "docs/theory.md, result 12",
        ("12.2", "12.3"),
        Derived("divide 12.2 by 12.3", lambda p: eq(rho, p["12.2"].rhs / p["12.3"].rhs)),
        definitions=(CRITICAL_S, CRITICAL_D),
    ),
)

SLOPE_STEPS = (
    algebra(
        "12.5",
        "Slope of log R on log B.",
        eq(slope_ratio, B * (B_crit_d - B_crit_s) / PRODUCT),
        "docs/theory.md, result 12",
        ("12.1",),
        Derived("B d/dB of the logarithm of 12.1", _slope),
    ),
    inequality(
        "12.6",
        "So R falls at every B if the sparse critical batch size is the larger one,",
        lt(slope_ratio, 0),
        "docs/theory.md, result 12",
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
        "docs/theory.md, result 12",
        ("12.5",),
        Certificate(
            {"12.5": -ONE, "given": B / PRODUCT}, reading="right - left = -[12.5] + B/((B+B_s)(B+B_d)) (B_d - B_s)"
        ),
        given=(lt(B_crit_s, B_crit_d),),
    ),
    algebra(
        "12.8",
        "and which it is, the noise at the goal alone decides.",
        eq(B_crit_s - B_crit_d, (beta_s + beta_v_s * epsilon - beta_d - beta_v_d * epsilon) / (epsilon * mu_g**2)),
        "docs/theory.md, result 12",
        ("8.31",),
        Derived("put both networks into 8.31 and subtract", _difference),
    ),
    inequality(
        "12.9",
        "The fall is bounded by (√rho - 1)/(√rho + 1);",
        le(-slope_ratio, STEEPEST),
        "docs/theory.md, result 12",
        ("12.5",),
        Certificate(
            {"12.5": -ONE},
            (STEEPEST * FROM_MIDDLE,),
            positive=("given",),
            reading="right - left = -[12.5] + (rho-1)/(√rho+1)² (B - √(B_s B_d))²/((B+B_s)(B+B_d))",
        ),
        given=(lt(1, rho),),
        definitions=(FACTORED,),
    ),
    inequality(
        "12.10",
        "so is the rise, with 1/rho for rho;",
        le(slope_ratio, (1 - rho) / (1 + sympy.sqrt(rho)) ** 2),
        "docs/theory.md, result 12",
        ("12.5",),
        Certificate(
            {"12.5": ONE},
            ((1 - rho) / (sympy.sqrt(rho) + 1) ** 2 * FROM_MIDDLE,),
            positive=("given",),
            reading="right - left = [12.5] + (1-rho)/(1+√rho)² (B - √(B_s B_d))²/((B+B_s)(B+B_d))",
        ),
        given=(lt(rho, 1),),
        definitions=(FACTORED,),
    ),
    algebra(
        "12.11",
        "both are reached half-way between the critical batch sizes, at B = √(B_s B_d).",
        eq(slope_ratio, (1 - sympy.sqrt(rho)) / (1 + sympy.sqrt(rho))),
        "docs/theory.md, result 12",
        ("12.5",),
        Derived("put B = √rho B_d, B_s = rho B_d into 12.5", _at_the_middle),
    ),
    algebra(
        "12.12",
        "With the paper's numbers and its constant noise (beta_V = 0), rho is below 1:",
        eq(rounded_rho, sympy.Rational("0.545")),
        "Lee et al. 2021, Sec. 4.2",
        ("12.4",),
        Derived("insert the reported numbers into 12.4", _reported),
    ),
    argument(
        "12.13",
        "so that R should rise with B, from the 1.690 of 7.4 to the 3.101 of 7.5, and the sparse critical batch size "
        "should be the smaller one; the experiments of the paper show the opposite of both.",
        None,
        "docs/theory.md, result 12; Lee et al. 2021, Fig. 12",
        ("7.4", "7.5", "12.7", "12.12"),
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
