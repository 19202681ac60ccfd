"""Result 8, continued: consequences of the tuned law for measurements, and the assembled result."""

import sympy

from theory.checking.analysis import Limited, Slope
from theory.checking.assumptions import NOISE_CONSTANT, SAME_GOAL
from theory.checking.bounds import NOISE_SCALE
from theory.checking.checks import Certificate, by
from theory.checking.operations import Inverted, Meaning, Put, RightSide, Roots, Times, Using, Where, With
from theory.checking.proof import Result, algebra, inequality
from theory.checking.relations import eq, le
from theory.laws import HYPERBOLA
from theory.results.fixed.variance import M_G_OF_BATCH
from theory.results.tuned.tuned import CONSTANT_M_G, LAW_STEPS, SHARP_STEPS
from theory.symbols import (
    B_0,
    B,
    B_crit,
    Delta,
    K_clean,
    K_eta,
    K_max,
    K_more_beta,
    K_more_Delta,
    K_more_L,
    K_r,
    K_star,
    L,
    beta,
    beta_v,
    c1,
    c2,
    epsilon,
    eta,
    eta_star,
    mu,
    mu_g,
    r,
    r_high,
    r_low,
    scale,
    slope,
)

FREE_OF_B = (Using(SAME_GOAL.id), *(Using(source) for source in CONSTANT_M_G))
MORE_NOISE = by("8.10", Put({beta: scale * beta, K_star: K_more_beta}), With("/", "8.10"))

RATE_STEPS = (
    algebra(
        "8.18",
        "The critical batch size is free of L and Delta: it is the noise scale B_0.",
        eq(B_crit, NOISE_SCALE),
        ("8.12",),
        by(
            Meaning("8.12", c1, eq(K_star, HYPERBOLA.expression)),
            With("/", Meaning("8.12", c2, eq(K_star, HYPERBOLA.expression))),
        ),
        definitions=(eq(B_crit, c1 / c2),),
        reference="docs/theory.md, result 8; McCandlish et al. 2018",
    ),
    algebra(
        "8.19",
        "Rate times steps is the same at every batch size.",
        eq(eta_star * K_star, Delta / (mu * epsilon)),
        ("8.9", "8.10", SAME_GOAL.id),
        by("8.9", With("*", "8.10"), using=(SAME_GOAL.id,)),
    ),
    algebra(
        "8.20",
        "Slope of the best rate: 1 at small batches, 0 at large ones.",
        eq(slope, 1 / (1 + B / B_0)),
        ("8.9", "4.4", SAME_GOAL.id, NOISE_CONSTANT.id),
        by("8.9", *FREE_OF_B, Slope(eta_star, B, slope), using=CONSTANT_M_G),
        definitions=(eq(B_0, NOISE_SCALE),),
    ),
    algebra(
        "8.21",
        "A rate r times the best one, as its 1/K(eta):",
        eq(1 / K_r, r * (2 - r) / K_star),
        ("8.7", "8.9", "8.10"),
        by("8.7", Put({eta: r * eta_star, K_eta: K_r}), Inverted(), using=("8.9", "8.10")),
    ),
    algebra(
        "8.22",
        "so that missing the best rate costs this factor.",
        eq(K_r / K_star, 1 / (r * (2 - r))),
        ("8.21",),
        by("8.21", Inverted(), Times(1 / K_star)),
        reference="docs/theory.md, result 8; Lee et al. 2021, Fig. 5",
    ),
    inequality(
        "8.23",
        "With a budget, every rate in this window succeeds:",
        le(1 / K_max, 1 / K_r),
        ("8.21",),
        Certificate(
            {"8.21": sympy.Integer(-1), "given": 1 / K_star},
            reading="right - left = -[8.21] + (1 - K*/K_max - (1-r)²)/K*",
        ),
        given=(le((1 - r) ** 2, 1 - K_star / K_max),),
        reference="docs/theory.md, result 8; Lee et al. 2021, Fig. 5",
    ),
    algebra(
        "8.24",
        "its lower end",
        eq(r_low, 1 - sympy.sqrt(1 - K_star / K_max)),
        ("8.22",),
        by("8.22", Where(K_r / K_star, K_max / K_star, r, r_low), Roots(r_low, larger=False)),
    ),
    algebra(
        "8.25",
        "and its upper end, as multiples of eta*.",
        eq(r_high, 1 + sympy.sqrt(1 - K_star / K_max)),
        ("8.22",),
        by("8.22", Where(K_r / K_star, K_max / K_star, r, r_high), Roots(r_high, larger=True)),
    ),
)

CONSTANT_STEPS = (
    algebra(
        "8.26",
        "A larger L shifts the whole curve,",
        eq(K_more_L, scale * K_star),
        ("8.10",),
        by("8.10", Put({L: scale * L, K_star: K_more_L}), using=("8.10",)),
    ),
    algebra(
        "8.27",
        "and so does a larger Delta;",
        eq(K_more_Delta, scale * K_star),
        ("8.10",),
        by("8.10", Put({Delta: scale * Delta, K_star: K_more_Delta}), using=("8.10",)),
    ),
    algebra(
        "8.28",
        "beta shifts the small batches",
        eq(sympy.Limit(K_more_beta / K_star, B, 0), scale),
        ("8.10", "4.4", SAME_GOAL.id, NOISE_CONSTANT.id),
        by(MORE_NOISE, *FREE_OF_B, Limited(B, sympy.Integer(0))),
    ),
    algebra(
        "8.29",
        "and leaves the large ones.",
        eq(sympy.Limit(K_more_beta / K_star, B, sympy.oo), sympy.Integer(1)),
        ("8.10", "4.4", SAME_GOAL.id, NOISE_CONSTANT.id),
        by(MORE_NOISE, *FREE_OF_B, Limited(B, sympy.oo)),
    ),
    algebra(
        "8.30",
        "Noise that grows with the gradient changes the constants, not the law;",
        eq(K_star, HYPERBOLA.expression),
        ("8.10", "4.4", SAME_GOAL.id),
        by("8.10", using=(SAME_GOAL.id, M_G_OF_BATCH)),
        definitions=(
            eq(c1, Delta * L * (beta + beta_v * epsilon) / (mu * epsilon) ** 2),
            eq(c2, Delta * L * mu_g**2 / (mu**2 * epsilon)),
        ),
    ),
    algebra(
        "8.31",
        "the critical batch size is then this;",
        eq(B_crit, (beta / epsilon + beta_v) / mu_g**2),
        ("8.30",),
        by(
            Meaning("8.30", c1, eq(K_star, HYPERBOLA.expression)),
            With("/", Meaning("8.30", c2, eq(K_star, HYPERBOLA.expression))),
        ),
        definitions=(eq(B_crit, c1 / c2),),
    ),
    algebra(
        "8.32",
        "and with beta = 0 (interpolation) a hyperbola remains.",
        eq(K_clean, c2 * (1 + beta_v / (mu_g**2 * B))),
        ("8.10", "4.4", SAME_GOAL.id),
        by("8.10", Using(M_G_OF_BATCH), RightSide(K_star, K_clean, {beta: 0}), using=(SAME_GOAL.id,)),
        definitions=(eq(c2, Delta * L * mu_g**2 / (mu**2 * epsilon)),),
    ),
    algebra(
        "8.33",
        "The slope of the best rate keeps its form, with the critical batch size of 8.31.",
        eq(slope, 1 / (1 + B / B_crit)),
        ("8.9", "4.4", "8.31", SAME_GOAL.id),
        by("8.9", Using(SAME_GOAL.id), Using(M_G_OF_BATCH), Slope(eta_star, B, slope), using=("8.31",)),
    ),
)

TUNED = Result(
    "8",
    "tuned",
    "Proposition 4.1 is exact for the tuned rate",
    "Keeping the bracket of result 2 gives a bound that is never above Eq. (2). Set to epsilon and minimised over "
    "the rate it reads K*(B) = c1/B + c2 for every B > 0, with the paper's c1, c2 at eta_max, and "
    "B_crit = beta/(epsilon M_G).",
    SHARP_STEPS + LAW_STEPS + RATE_STEPS + CONSTANT_STEPS,
)
