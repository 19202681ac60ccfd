"""Results 3d and 6d: the textbook bound and Proposition 4.1 for rates that change with the step."""

import sympy

from theory.checking.analysis import Summed
from theory.checking.assumptions import CAP_EACH, SAME_GOAL_EACH, SAME_SUM, TIGHT_EACH
from theory.checking.checks import Certificate, by
from theory.checking.moments import AtStep
from theory.checking.operations import RightSide, Solve, Using
from theory.checking.proof import Result, algebra, inequality
from theory.checking.relations import eq, le
from theory.laws import HYPERBOLA
from theory.results.fixed.descent import START
from theory.results.fixed.variance import M_OF_BATCH
from theory.sequences import F, G, goal_each, rate
from theory.symbols import (
    H_K,
    M_G,
    B,
    Delta,
    G_weighted,
    H,
    K,
    L,
    M,
    T_each,
    beta,
    c1,
    c1_decay,
    c2,
    c2_decay,
    epsilon_eta,
    k,
    mu,
)

SQUARES = sympy.Sum(rate(k) ** 2, (k, 1, K))
WEIGHTED = sympy.Sum(rate(k) * G(k), (k, 1, K))


SUM_OF_SQUARES = eq(H_K, SQUARES)

DECAYING_LAW = eq(K, HYPERBOLA.expression.subs({c1: c1_decay, c2: c2_decay}))

TEXTBOOK_DECAYING = Result(
    "3d",
    "decaying",
    "Textbook bound for a decaying rate, Eq. (7)",
    "Every rate up to step K must keep the cap; no condition on the sums of the rates is needed.",
    (
        inequality(
            "3d.1",
            "Expected decrease at the rate of step k.",
            le(F(k + 1) - F(k), -rate(k) * (mu - rate(k) * L * M_G / 2) * G(k) + rate(k) ** 2 * L * M / 2),
            ("2.4", "2.2"),
            by("2.4", AtStep("2.2")),
            reference="docs/theory.md, result 2",
        ),
        inequality(
            "3d.2",
            "Under the cap, with mu/2 in place of the bracket.",
            le(F(k + 1) - F(k), -mu * rate(k) * G(k) / 2 + rate(k) ** 2 * L * M / 2),
            ("3d.1", CAP_EACH.id),
            Certificate(
                {"3d.1": sympy.Integer(1), CAP_EACH.id: rate(k) * G(k) * L * M_G / 2},
                reading="right - left = [3d.1] + (η_k E G_k L M_G/2) [cap-each]",
            ),
            reference="Bottou, Curtis, Nocedal 2018, proof of Theorem 4.10",
        ),
        inequality(
            "3d.3",
            "Summed over the steps.",
            le(F(K + 1) - F(1), -mu * WEIGHTED / 2 + L * M * SQUARES / 2),
            ("3d.2",),
            by("3d.2", Summed()),
            reference="Bottou, Curtis, Nocedal 2018, proof of Theorem 4.10",
        ),
        inequality(
            "3d.4",
            "Textbook bound for a decaying rate.",
            le(G_weighted, L * M * SQUARES / (K * mu) + Delta / (K * mu)),
            ("3d.3", "2.6"),
            Certificate(
                dict.fromkeys(("3d.3", "2.6"), 2 / (K * mu)),
                reading="right - left = 2/(K μ) ([3d.3] + [2.6])",
            ),
            definitions=(START, eq(G_weighted, WEIGHTED / K)),
            reference="Lee et al. 2021, Eq. (7)",
        ),
    ),
)

PROPOSITION_DECAYING = Result(
    "6d",
    "decaying",
    "Proposition 4.1 for a decaying rate, Eq. (10)",
    "K = c1'/B + c2' exactly, but for another goal than at a fixed rate: the mean of eta_k E G_k, in another unit. "
    "c1' = L H beta/(mu goal), c2' = Delta/(mu goal).",
    (
        algebra(
            "6d.1",
            "Eq. (7) with equality at the goal, M = beta/B, H_K the sum of the squared rates.",
            eq(goal_each(B), (L * H_K * beta / B + Delta) / (K * mu)),
            ("3d.4", "4.4", TIGHT_EACH.id),
            by("3d.4", RightSide(G_weighted, T_each), Using(TIGHT_EACH.id), Using(M_OF_BATCH)),
            definitions=(SUM_OF_SQUARES,),
            reference="Lee et al. 2021, Eqs. (8), (9)",
        ),
        algebra(
            "6d.2",
            "Solved for K; no expansion is needed.",
            DECAYING_LAW,
            ("6d.1", SAME_SUM.id, SAME_GOAL_EACH.id),
            by("6d.1", Using(SAME_SUM.id), Using(SAME_GOAL_EACH.id), Solve(K)),
            definitions=(
                eq(c1_decay, L * H * beta / (mu * epsilon_eta)),
                eq(c2_decay, Delta / (mu * epsilon_eta)),
            ),
            reference="Lee et al. 2021, Eq. (10)",
        ),
    ),
)
