"""Result 10, last part: how near the tuned law is to the worst case."""

import sympy

from theory.checking.bounds import NOISE_SCALE
from theory.checking.checks import Certificate, by
from theory.checking.operations import Meaning, Name, Put, RightSide, Solve, Times, Using, Where, With
from theory.checking.proof import algebra, argument, inequality
from theory.checking.relations import eq, le, lt
from theory.results.fixed.variance import M_OF_BATCH
from theory.results.tuned.tuned import BRACKET
from theory.sequences import Powers, PowerSums, goal
from theory.symbols import (
    M_G,
    B,
    Delta,
    G_mean,
    K,
    K_eta,
    K_r,
    K_star,
    K_worst,
    K_worst_r,
    L,
    M,
    S_bound,
    contraction,
    contraction_star,
    epsilon,
    eta,
    eta_star,
    left,
    left_r,
    lost,
    lost_r,
    mu,
    n,
    nearness,
    r,
    residue,
    residue_star,
    root,
    worst_sum,
    x,
)

ONE = sympy.Integer(1)
NOISE_OVER_B = eq(x, NOISE_SCALE.subs(epsilon, goal(B)) / B)
Q = Meaning("10.5", contraction, le(0, contraction))
EXCEEDS = eq(K * S_bound - worst_sum, Delta * contraction**K / (eta * BRACKET) + residue * (1 - contraction**K))
RESIDUE = Meaning("10.15", residue, EXCEEDS)
SHARE = eq(K_worst / K_eta, (1 - left) * (1 - lost))
LOST = Meaning("10.20", lost, SHARE)
AT_BEST_RATE = by(Q, Put({eta: eta_star, contraction: contraction_star}))

AT_WORST = (("10.9", PowerSums(K_worst)), ("10.8", Powers(K_worst)))
AT_R = {eta: r * eta_star, K_eta: K_r, K_worst: K_worst_r, left: left_r, lost: lost_r}
MARGIN = goal(B) * BRACKET - eta * L * M

TUNED_STEPS = (
    algebra(
        "10.16",
        "At the tuned rate and its K*, with x = B_0/B and q that of this rate:",
        eq((1 - contraction_star) * K_star, (L * Delta / goal(B)) * (1 + 2 * x) / (1 + x)),
        ("8.9", "8.10", "10.5"),
        by("8.10", Times(1 - contraction_star), using=("8.9", AT_BEST_RATE)),
        definitions=(NOISE_OVER_B,),
    ),
    inequality(
        "10.17",
        "so that q^K*, which is at most exp(-(1-q) K*), is at most exp(-L Delta/epsilon);",
        le(L * Delta / goal(B), (1 - contraction_star) * K_star),
        ("10.16",),
        Certificate(
            {"10.16": -ONE},
            (L * Delta / goal(B) * x / (1 + x),),
            reading="right - left = -[10.16] + L Δ x/(ε_B (1+x))",
        ),
    ),
    algebra(
        "10.18",
        "the other term, M/(2 mu - L M_G eta)², relative to the sum K* epsilon:",
        eq(residue_star / (goal(B) * K_star), goal(B) / (L * Delta) * x * (1 + x) / (1 + 2 * x) ** 2),
        ("8.9", "8.10", "4.4", "10.15"),
        by(
            by(RESIDUE, Put({eta: eta_star, residue: residue_star})),
            With("/", by("8.10", Times(goal(B)))),
            using=("8.9", M_OF_BATCH),
        ),
        definitions=(NOISE_OVER_B,),
    ),
    inequality(
        "10.19",
        "is below epsilon/(4 L Delta).",
        lt(residue_star / (goal(B) * K_star), goal(B) / (4 * L * Delta)),
        ("10.18",),
        Certificate(
            {"10.18": ONE},
            (goal(B) / (4 * L * Delta * (1 + 2 * x) ** 2),),
            reading="right - left = [10.18] + ε_B/(4 L Δ (1+2x)²)",
        ),
    ),
    algebra(
        "10.20",
        "The worst case itself asks for K_w steps, those at which W is K_w epsilon: a share of what the sharp bound "
        "asks for at the same rate.",
        SHARE,
        ("10.12", "10.8", "10.9", "10.5", "8.7", "4.4"),
        by(
            "10.12",
            Where(worst_sum, goal(B) * K_worst, K, K_worst),
            *(Using(by(id_, Put({n: K_worst}), Solve(name))) for id_, name in AT_WORST),
            Name(left),
            Solve(K_worst),
            With("/", "8.7"),
            using=(Q, M_OF_BATCH),
        ),
        definitions=(eq(lost, eta * M / (Delta * BRACKET)), eq(left, contraction**K_worst)),
    ),
    algebra(
        "10.21",
        "The share of Delta that the noise takes, at r times the best rate, with x = B_0/B as before:",
        eq(lost_r, goal(B) / (L * Delta) * r * x / (2 * (1 + x) - r)),
        ("8.9", "4.4", "10.20"),
        by(
            LOST,
            Put({eta: r * eta_star, lost: lost_r}),
            using=("8.9", M_OF_BATCH),
        ),
        definitions=(NOISE_OVER_B,),
    ),
    inequality(
        "10.22",
        "up to twice the best rate it is at most r epsilon/(2 L Delta): epsilon/(2 L Delta) at the best rate, which is "
        "1/(2 c2) if M_G = mu².",
        le(lost_r, r * goal(B) / (2 * L * Delta)),
        ("10.21",),
        Certificate(
            {"10.21": ONE, "given": r * goal(B) / (2 * L * Delta * (2 * (1 + x) - r))},
            positive=("given",),
            reading="right - left = [10.21] + r ε_B/(2 L Δ (2 (1+x) - r)) (2 - r)",
        ),
        given=(lt(r, 2),),
    ),
    algebra(
        "10.23",
        "Without noise, mu = M_G = 1 and eta = 1/L, where q = 0 and S_K = 1, the bound is W/K = L Delta/K: tight.",
        eq(S_bound, L * Delta / K),
        ("8.3",),
        by("8.3", RightSide(G_mean, S_bound, {M: 0, mu: 1, M_G: 1, eta: 1 / L})),
    ),
    algebra(
        "10.24",
        "Back to the worst case: its steps over K*, at r times the best rate.",
        eq(K_worst_r / K_star, (1 - left_r) * (1 - lost_r) / (r * (2 - r))),
        ("10.20", "8.22"),
        by("10.20", Put(AT_R), With("*", "8.22")),
    ),
    inequality(
        "10.25",
        "Over r that share is least near 1; name y = epsilon/(L Delta) = 1 - s².",
        le((1 + root) ** 2 / 4 * r * (2 - r), 1 - r * nearness / 2),
        check=Certificate(remainder=(((1 + root) * r / 2 - 1) ** 2,), reading="right - left = ((1 + s) r/2 - 1)²"),
        definitions=(eq(nearness, 1 - root**2),),
    ),
    inequality(
        "10.26",
        "So no rate lets the worst case meet the goal much sooner than in K* steps: (1 + s)²/4 is 1 - y/2 up to y²,",
        le((1 + root) ** 2 / 4 * (1 - left_r), K_worst_r / K_star),
        ("10.22", "10.24", "10.25"),
        Certificate(
            {"10.24": -ONE} | dict.fromkeys(("10.22", "10.25"), (1 - left_r) / (r * (2 - r))),
            positive=("given", "given.2"),
            reading="right - left = -[10.24] + (1 - q^K_w)/(r (2 - r)) ([10.22] + [10.25])",
        ),
        given=(lt(r, 2), lt(left_r, 1)),
        definitions=(eq(goal(B), nearness * L * Delta),),
    ),
    inequality(
        "10.27",
        "and what is left of the start is little, unless the start meets the goal:",
        le((1 - left) * L * Delta / goal(B), (1 - contraction) * K_worst),
        ("10.20", "10.5", "8.7", "4.4"),
        Certificate(
            {"given": (1 - left) * L * eta * M / (goal(B) * MARGIN)},
            positive=("given.2", "given.3"),
            using=(by("10.20", Times(K_eta)), Q, LOST, "8.7", M_OF_BATCH),
            reading="right - left = (1 - q^K_w) L η M/(ε_B m) (L Δ - ε_B), m = ε_B (2 μ - L M_G η) - L M η",
        ),
        given=(le(goal(B), L * Delta), lt(left, 1), lt(0, MARGIN)),
    ),
    argument(
        "10.28",
        "As -log q is at least 1 - q, the share p = q^K_w obeys -log p >= (1 - p) L Delta/epsilon, so it is at most "
        "the root of this equation below 1: exp(-L Delta/epsilon) to leading order. With 10.26, c1/B + c2 is the "
        "worst-case tuned law up to a relative epsilon/(2 L Delta) (1 + o(1)) + exp(-L Delta/epsilon). An example: "
        "0.252 of the steps less, where epsilon/(2 L Delta) is 0.25, at B = 0.3 B_0.",
        None,
        ("10.26", "10.27"),
    ),
)
