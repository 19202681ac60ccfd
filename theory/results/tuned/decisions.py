"""Results 17 and 18: one parameter that separates the theories, and the choice of a batch size."""

from functools import partial

import sympy
from sympy.core.relational import Relational

from theory.checking.operations import solve_for
from theory.checking.proof import Certificate, Derived, Kind, Premises, Result, Step, eq, le
from theory.laws import HYPERBOLA, SHARPNESS
from theory.symbols import (
    B_20,
    K_S,
    B,
    B_crit,
    B_efficient,
    B_fastest,
    B_ref,
    bend,
    c1,
    c2,
    efficiency,
    fixed_time,
    h,
    s,
    slope_sharpness,
    time_per_example,
    total_time,
)

algebra = partial(Step, "tuned", Kind.ALGEBRA)
inequality = partial(Step, "tuned", Kind.INEQUALITY)

CRITICAL = eq(B_crit, c1 / c2)
STEPS = HYPERBOLA.expression
SHARP = c2 * (1 + (B_crit / B) ** (1 / h)) ** h
TIME = eq(total_time, STEPS * (fixed_time + time_per_example * B))


def _factored(_: Premises) -> Relational:
    """Take c2 out of law S."""
    inside = sympy.factor(sympy.expand_power_base(SHARPNESS.expression.base.subs(c1, B_crit * c2)))
    return eq(K_S, sympy.powdenest(sympy.expand_power_base(inside**h)))


def _sharpest(sign: int) -> Relational:
    """Return the limit as h falls to 0, for B_c/B = exp(s) or exp(-s), s > 0, with 1/h growing."""
    grown = sympy.Symbol("grown", positive=True)
    limit = sympy.limit((1 + sympy.exp(sign * s * grown)) ** (1 / grown), grown, sympy.oo)
    return eq(sympy.Limit(K_S, h, 0), c2 * limit.subs(s, sign * sympy.log(B_crit / B)))


def _bend(premises: Premises) -> Relational:
    return eq(bend, (B * sympy.diff(premises["17.6"].rhs, B)).subs(B, B_crit))


def _examples(size: sympy.Symbol) -> sympy.Expr:
    return sympy.expand(size * STEPS.subs(B, size))


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
            "docs/theory.md, result 17",
            (),
            Derived("take c2 out of the law", _factored),
        ),
        algebra(
            "17.2",
            "h = 1 is Proposition 4.1 (c2 and c1 are the S_min and E_min of McCandlish et al. 2018).",
            eq(K_S, STEPS),
            "docs/theory.md, result 17; McCandlish et al. 2018",
            ("17.1",),
            Derived("put h = 1 into 17.1", lambda p: eq(K_S, p["17.1"].rhs.subs(h, 1))),
            definitions=(CRITICAL,),
        ),
        algebra(
            "17.3",
            "At the knee it is 2^h floors.",
            eq(K_S / c2, 2**h),
            "docs/theory.md, result 17",
            ("17.1",),
            Derived("put B = B_crit into 17.1", lambda p: eq(K_S / c2, p["17.1"].rhs.subs(B, B_crit) / c2)),
        ),
        algebra(
            "17.4",
            "h to 0: linear scaling below the critical batch size,",
            eq(sympy.Limit(K_S, h, 0), c2 * B_crit / B),
            "docs/theory.md, result 17",
            ("17.1",),
            Derived("limit of 17.1, B_crit/B = exp(s), s > 0", lambda _: _sharpest(1)),
        ),
        algebra(
            "17.5",
            "the floor above it.",
            eq(sympy.Limit(K_S, h, 0), c2),
            "docs/theory.md, result 17",
            ("17.1",),
            Derived("limit of 17.1, B_crit/B = exp(-s), s > 0", lambda _: _sharpest(-1)),
        ),
        algebra(
            "17.6",
            "Its slope of log K on log B turns from -1 to 0",
            eq(slope_sharpness, -1 / (1 + (B / B_crit) ** (1 / h))),
            "docs/theory.md, result 17",
            ("17.1",),
            Derived(
                "B d/dB of the logarithm of 17.1",
                lambda p: eq(slope_sharpness, B * sympy.diff(sympy.log(p["17.1"].rhs), B)),
            ),
        ),
        algebra(
            "17.7",
            "the faster the smaller h is: at the knee it rises by this per unit of log B.",
            eq(bend, 1 / (4 * h)),
            "docs/theory.md, result 17",
            ("17.6",),
            Derived("B d/dB of 17.6 at B = B_crit", _bend),
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
            "docs/theory.md, result 18; theory.parallel_efficiency",
            ("8.12",),
            Derived("divide c1/B by 8.12", lambda p: eq(efficiency, c1 / B / p["8.12"].rhs)),
            definitions=(CRITICAL,),
        ),
        algebra(
            "18.2",
            "The batch size that keeps it.",
            eq(B_efficient, B_crit * (1 - efficiency) / efficiency),
            "docs/theory.md, result 18; theory.batch_size_for_efficiency",
            ("18.1",),
            Derived("solve 18.1 for B", lambda p: eq(B_efficient, solve_for(p["18.1"], B).rhs)),
        ),
        algebra(
            "18.3",
            "The batch size that takes 20% more examples than B_ref.",
            eq(B_20, B_crit / 5 + 6 * B_ref / 5),
            "docs/theory.md, result 18; theory.critical_batch_size_20_percent",
            ("8.12",),
            Derived(
                "solve B K(B) = 6/5 B_ref K(B_ref) for B",
                lambda _: solve_for(eq(_examples(B_20), sympy.Rational(6, 5) * _examples(B_ref)), B_20),
            ),
            definitions=(CRITICAL,),
        ),
        algebra(
            "18.4",
            "If a step takes t0 + t1 B, the time to the goal is least here: free of L and Delta.",
            eq(B_fastest, sympy.sqrt(B_crit * fixed_time / time_per_example)),
            "docs/theory.md, result 18; theory.fastest_batch_size",
            ("8.12",),
            Derived(
                "differentiate K(B) (t0 + t1 B), solve for B",
                lambda _: eq(B_fastest, solve_for(eq(sympy.diff(TIME.rhs, B), 0), B).rhs),
            ),
            definitions=(CRITICAL,),
        ),
        inequality(
            "18.5",
            "No batch size takes less time than this,",
            le((sympy.sqrt(c1 * time_per_example) + sympy.sqrt(c2 * fixed_time)) ** 2, total_time),
            "docs/theory.md, result 18; theory.least_total_time",
            ("8.12",),
            Certificate(
                remainder=((sympy.sqrt(c1 * fixed_time / B) - sympy.sqrt(c2 * time_per_example * B)) ** 2,),
                reading="right - left = (√(c1 t0/B) - √(c2 t1 B))²",
            ),
            definitions=(TIME,),
        ),
        algebra(
            "18.6",
            "and this one takes it.",
            eq(total_time, (sympy.sqrt(c1 * time_per_example) + sympy.sqrt(c2 * fixed_time)) ** 2),
            "docs/theory.md, result 18; theory.least_total_time",
            ("18.4",),
            Derived(
                "put 18.4 into K(B) (t0 + t1 B)",
                lambda p: eq(total_time, TIME.rhs.subs(B, p["18.4"].rhs).subs(B_crit, c1 / c2)),
            ),
        ),
    ),
)
