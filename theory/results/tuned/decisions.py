"""Results 17 and 18: one parameter that separates the theories, and the choice of a batch size."""

import sympy

from theory.checking.analysis import Best, Derivative, Itself, Sharpest, Slope, TakenOut
from theory.checking.checks import Certificate, by
from theory.checking.operations import Inverted, Put, RightSide, Solve, Times, Where, With
from theory.checking.proof import Result, algebra, inequality
from theory.checking.relations import eq, le, lt
from theory.laws import HYPERBOLA, SHARPNESS
from theory.symbols import (
    B_20,
    K_S,
    B,
    B_crit,
    B_efficient,
    B_fastest,
    B_ref,
    K_knee,
    K_soft,
    K_star,
    bend,
    c1,
    c2,
    efficiency,
    examples,
    fixed_time,
    h,
    least_time,
    slope_sharpness,
    time_per_example,
    total_time,
)

CRITICAL = eq(B_crit, c1 / c2)
STEPS = HYPERBOLA.expression
SHARP = c2 * (1 + (B_crit / B) ** (1 / h)) ** h
TIME = by(
    "8.12",
    Times(fixed_time + time_per_example * B),
    RightSide(K_star * (fixed_time + time_per_example * B), total_time),
)


SHARPNESS_FAMILY = Result(
    "17",
    "tuned",
    "The sharpness family",
    "Law S has one parameter more than Proposition 4.1: the softness h of the knee. h = 1 is the proposition, h to 0 "
    "linear scaling and then a plateau. Theories differ in h.",
    (
        algebra(
            "17.1",
            "Law S in units of its floor.",
            eq(K_S, SHARP),
            check=by(Itself(SHARPNESS.expression), Put({c1: B_crit * c2}), TakenOut()),
            definitions=(eq(K_S, SHARPNESS.expression), eq(c1, B_crit * c2)),
        ),
        algebra(
            "17.2",
            "h = 1 is Proposition 4.1 (c2 and c1 are the S_min and E_min of McCandlish et al. 2018).",
            eq(K_soft, STEPS),
            ("17.1",),
            by("17.1", RightSide(K_S, K_soft, {h: 1})),
            definitions=(eq(c1, B_crit * c2),),
            reference="docs/theory.md, result 17; McCandlish et al. 2018",
        ),
        algebra(
            "17.3",
            "At the knee it is 2^h floors.",
            eq(K_knee / c2, 2**h),
            ("17.1",),
            by("17.1", RightSide(K_S, K_knee, {B: B_crit}), Times(1 / c2)),
        ),
        algebra(
            "17.4",
            "h to 0: linear scaling below the critical batch size,",
            eq(sympy.Limit(K_S, h, 0), c2 * B_crit / B),
            ("17.1",),
            by("17.1", Sharpest(h, B, B_crit)),
            given=(lt(B, B_crit),),
        ),
        algebra(
            "17.5",
            "the floor above it.",
            eq(sympy.Limit(K_S, h, 0), c2),
            ("17.1",),
            by("17.1", Sharpest(h, B_crit, B)),
            given=(lt(B_crit, B),),
        ),
        algebra(
            "17.6",
            "Its slope of log K on log B turns from -1 to 0",
            eq(slope_sharpness, -1 / (1 + (B / B_crit) ** (1 / h))),
            ("17.1",),
            by("17.1", Slope(K_S, B, slope_sharpness)),
        ),
        algebra(
            "17.7",
            "the faster the smaller h is: at the knee it rises by this per unit of log B.",
            eq(bend, 1 / (4 * h)),
            ("17.6",),
            by("17.6", Derivative(slope_sharpness, B, bend, B_crit, times=B)),
        ),
    ),
)

BATCH_SIZE = Result(
    "18",
    "tuned",
    "Choosing a batch size",
    "What Proposition 4.1 says about the choice of B; theory.numbers.critical_batch has these as functions.",
    (
        algebra(
            "18.1",
            "Parallel efficiency: the share of linear scaling that is left.",
            eq(efficiency, 1 / (1 + B / B_crit)),
            ("8.12",),
            by("8.12", Inverted(), Times(c1 / B)),
            definitions=(eq(efficiency, c1 / (B * K_star)), CRITICAL),
            reference="docs/theory.md, result 18; theory.parallel_efficiency",
        ),
        algebra(
            "18.2",
            "The batch size that keeps it.",
            eq(B_efficient, B_crit * (1 - efficiency) / efficiency),
            ("18.1",),
            by("18.1", Where(efficiency, efficiency, B, B_efficient), Solve(B_efficient)),
            reference="docs/theory.md, result 18; theory.batch_size_for_efficiency",
        ),
        algebra(
            "18.3",
            "The batch size that takes 20% more examples than B_ref.",
            eq(B_20, B_crit / 5 + 6 * B_ref / 5),
            ("8.12",),
            by(
                by("8.12", Times(B), RightSide(B * K_star, examples, {B: B_ref}), Times(sympy.Rational(6, 5))),
                With("-", by("8.12", Times(B), RightSide(B * K_star, sympy.Rational(6, 5) * examples, {B: B_20}))),
                Solve(B_20),
            ),
            definitions=(CRITICAL,),
            reference="docs/theory.md, result 18; theory.critical_batch_size_20_percent",
        ),
        algebra(
            "18.4",
            "If a step takes t0 + t1 B, the time to the goal is least here: free of L and Delta.",
            eq(B_fastest, sympy.sqrt(B_crit * fixed_time / time_per_example)),
            ("8.12",),
            by(TIME, Best(total_time, B, B_fastest)),
            definitions=(CRITICAL,),
            reference="docs/theory.md, result 18; theory.fastest_batch_size",
        ),
        inequality(
            "18.5",
            "No batch size takes less time than this,",
            le((sympy.sqrt(c1 * time_per_example) + sympy.sqrt(c2 * fixed_time)) ** 2, total_time),
            ("8.12",),
            Certificate(
                using=(TIME,),
                remainder=((sympy.sqrt(c1 * fixed_time / B) - sympy.sqrt(c2 * time_per_example * B)) ** 2,),
                reading="right - left = (√(c1 t0/B) - √(c2 t1 B))²",
            ),
            reference="docs/theory.md, result 18; theory.least_total_time",
        ),
        algebra(
            "18.6",
            "and this one takes it.",
            eq(least_time, (sympy.sqrt(c1 * time_per_example) + sympy.sqrt(c2 * fixed_time)) ** 2),
            ("8.12", "18.4"),
            by(TIME, RightSide(total_time, least_time, {B: B_fastest}), using=("18.4",)),
            definitions=(CRITICAL,),
            reference="docs/theory.md, result 18; theory.least_total_time",
        ),
    ),
)
