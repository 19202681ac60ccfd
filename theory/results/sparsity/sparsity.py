"""Result 7: Proposition 4.1 for a sparse network against the dense one."""

from functools import partial

import sympy
from sympy.core.relational import Relational

from theory.checking.assumptions import SAME_GOAL, SAME_MOMENTS
from theory.checking.bounds import C1, C2
from theory.checking.proof import Derived, Kind, Premises, Result, Step, eq
from theory.symbols import (
    Delta,
    Delta_d,
    Delta_s,
    L,
    L_d,
    L_s,
    beta,
    beta_d,
    beta_s,
    ratio_c1,
    ratio_c2,
    rounded_c1,
    rounded_c2,
)

algebra = partial(Step, "sparsity", Kind.ALGEBRA)

SPARSE = {Delta: Delta_s, L: L_s, beta: beta_s}
DENSE = {Delta: Delta_d, L: L_d, beta: beta_d}

# Simple-CNN on MNIST at 90% sparsity and dense (Lee et al. 2021, Sec. 4.2)
REPORTED = {
    Delta_s: sympy.Rational("4.68"),
    Delta_d: sympy.Rational("4.66"),
    beta_s: sympy.Rational("107.39"),
    beta_d: sympy.Rational("197.06"),
    L_s: sympy.Rational("1.76"),
    L_d: sympy.Rational("0.57"),
}


def _ratio(name: sympy.Symbol, constant: sympy.Expr) -> Relational:
    return eq(name, constant.subs(SPARSE) / constant.subs(DENSE))


def _logarithms(premises: Premises) -> Relational:
    return eq(sympy.log(ratio_c1), sympy.expand_log(sympy.log(premises["7.1"].rhs)))


def _rounded(name: sympy.Symbol, relation: Relational) -> Relational:
    return eq(name, sympy.Rational(round(1000 * relation.rhs.subs(REPORTED)), 1000))


SPARSE_OVER_DENSE = Result(
    "7",
    "sparsity",
    "Sparse over dense",
    "log(c1_s/c1_d) is the sum of the log ratios of Delta, L and beta; with the paper's numbers the ratio is 1.690 "
    "(1.67 comes from rounded factors), and that of c2, for rates at eta_max, is 3.101.",
    (
        algebra(
            "7.1",
            "Ratio of the noise terms.",
            eq(ratio_c1, (Delta_s / Delta_d) * (L_s / L_d) * (beta_s / beta_d)),
            "Lee et al. 2021, Sec. 4.2",
            ("6.1", SAME_GOAL.id, SAME_MOMENTS.id),
            Derived("divide c1 of Proposition 4.1 by itself", lambda _: _ratio(ratio_c1, C1)),
        ),
        algebra(
            "7.2",
            "The same in logarithms.",
            eq(
                sympy.log(ratio_c1),
                sympy.log(Delta_s / Delta_d) + sympy.log(L_s / L_d) + sympy.log(beta_s / beta_d),
            ),
            "docs/theory.md, result 7",
            ("7.1",),
            Derived("take the logarithm of 7.1", _logarithms),
        ),
        algebra(
            "7.3",
            "Ratio of the serial floors, each at its own largest rate mu/(L M_G).",
            eq(ratio_c2, (Delta_s / Delta_d) * (L_s / L_d)),
            "docs/theory.md, result 7",
            ("6.1", SAME_GOAL.id, SAME_MOMENTS.id),
            Derived("divide c2 at eta_max by itself", lambda _: _ratio(ratio_c2, C2)),
        ),
        algebra(
            "7.4",
            "With the paper's unrounded inputs: 1.690.",
            eq(rounded_c1, sympy.Rational("1.690")),
            "Lee et al. 2021, Sec. 4.2",
            ("7.1",),
            Derived("insert the reported numbers into 7.1", lambda p: _rounded(rounded_c1, p["7.1"])),
        ),
        algebra(
            "7.5",
            "and 3.101 for the floors.",
            eq(rounded_c2, sympy.Rational("3.101")),
            "docs/theory.md, result 7",
            ("7.3",),
            Derived("insert the reported numbers into 7.3", lambda p: _rounded(rounded_c2, p["7.3"])),
        ),
    ),
)
