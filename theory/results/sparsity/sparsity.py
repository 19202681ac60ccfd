"""Result 7: Proposition 4.1 for a sparse network against the dense one."""

import sympy

from theory.checking.analysis import Logs, Rounded
from theory.checking.assumptions import EQUAL_GOALS, EQUAL_M_G, EQUAL_MU
from theory.checking.bounds import ETA_MAX
from theory.checking.checks import by
from theory.checking.operations import Meaning, Put, With
from theory.checking.proof import Result, algebra
from theory.checking.relations import eq
from theory.results.fixed.fixed_rate import PROPOSITION_4_1
from theory.symbols import (
    M_G,
    Delta,
    Delta_d,
    Delta_s,
    L,
    L_d,
    L_s,
    M_Gd,
    M_Gs,
    beta,
    beta_d,
    beta_s,
    c1,
    c1_d,
    c1_s,
    c2,
    c2_d,
    c2_s,
    epsilon,
    epsilon_d,
    epsilon_s,
    eta,
    mu,
    mu_d,
    mu_s,
    ratio_c1,
    ratio_c2,
    rounded_c1,
    rounded_c2,
)

NETWORKS = ((L_s, mu_s, M_Gs), (L_d, mu_d, M_Gd))
SPARSE = {Delta: Delta_s, L: L_s, beta: beta_s, epsilon: epsilon_s, mu: mu_s}
DENSE = {Delta: Delta_d, L: L_d, beta: beta_d, epsilon: epsilon_d, mu: mu_d}

LARGEST_S, LARGEST_D = (ETA_MAX.subs({L: at, mu: first, M_G: second}) for at, first, second in NETWORKS)

# Simple-CNN on MNIST at 90% sparsity and dense (Lee et al. 2021, Sec. 4.2)
REPORTED = {
    Delta_s: sympy.Rational("4.68"),
    Delta_d: sympy.Rational("4.66"),
    beta_s: sympy.Rational("107.39"),
    beta_d: sympy.Rational("197.06"),
    L_s: sympy.Rational("1.76"),
    L_d: sympy.Rational("0.57"),
}


NOISE, FLOOR = (Meaning("6.1", constant, PROPOSITION_4_1) for constant in (c1, c2))

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
            ("6.1", EQUAL_GOALS.id, EQUAL_MU.id),
            by(
                by(NOISE, Put({**SPARSE, c1: c1_s})),
                With("/", by(NOISE, Put({**DENSE, c1: c1_d}))),
                using=(EQUAL_GOALS.id, EQUAL_MU.id),
            ),
            definitions=(eq(ratio_c1, c1_s / c1_d),),
            reference="Lee et al. 2021, Sec. 4.2",
        ),
        algebra(
            "7.2",
            "The same in logarithms.",
            eq(
                sympy.log(ratio_c1),
                sympy.log(Delta_s / Delta_d) + sympy.log(L_s / L_d) + sympy.log(beta_s / beta_d),
            ),
            ("7.1",),
            by("7.1", Logs()),
        ),
        algebra(
            "7.3",
            "Ratio of the serial floors, each at its own largest rate mu/(L M_G).",
            eq(ratio_c2, (Delta_s / Delta_d) * (L_s / L_d)),
            ("6.1", EQUAL_GOALS.id, EQUAL_MU.id, EQUAL_M_G.id),
            by(
                by(FLOOR, Put({Delta: Delta_s, epsilon: epsilon_s, mu: mu_s, c2: c2_s, eta: LARGEST_S})),
                With("/", by(FLOOR, Put({Delta: Delta_d, epsilon: epsilon_d, mu: mu_d, c2: c2_d, eta: LARGEST_D}))),
                using=(EQUAL_GOALS.id, EQUAL_MU.id, EQUAL_M_G.id),
            ),
            definitions=(eq(ratio_c2, c2_s / c2_d),),
        ),
        algebra(
            "7.4",
            "With the paper's unrounded inputs: 1.690.",
            eq(rounded_c1, sympy.Rational("1.690")),
            ("7.1",),
            by("7.1", Rounded(ratio_c1, rounded_c1, 3, REPORTED)),
            reference="Lee et al. 2021, Sec. 4.2",
        ),
        algebra(
            "7.5",
            "and 3.101 for the floors.",
            eq(rounded_c2, sympy.Rational("3.101")),
            ("7.3",),
            by("7.3", Rounded(ratio_c2, rounded_c2, 3, {s: REPORTED[s] for s in (Delta_s, Delta_d, L_s, L_d)})),
        ),
    ),
)
