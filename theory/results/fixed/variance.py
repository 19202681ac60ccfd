"""Result 4: why M = beta/B, and how drawing without replacement changes it."""

import sympy

from theory.checking.assumptions import (
    GRAD,
    INDEPENDENT,
    INDEPENDENT_EPOCHS,
    MEAN,
    MEAN_GROWTH,
    NOISE_GROWTH,
    SAMPLED,
    SECOND_MOMENT,
    WITHOUT_REPLACEMENT,
)
from theory.checking.bounds import GROWTH, NOISE
from theory.checking.checks import Certificate, Identity, by
from theory.checking.inner import inner
from theory.checking.moments import Mean, Square
from theory.checking.operations import Meaning, Put, Solve, Using
from theory.checking.proof import Result, algebra, argument, inequality
from theory.checking.relations import eq, le, lt
from theory.symbols import (
    M_G,
    V_1,
    V_2,
    V_12,
    V_B,
    V_N,
    B,
    M,
    N,
    covariance,
    covariance_12,
    i,
    j,
    mean_square,
    n1,
    n2,
    variance,
)

ONE = sympy.Integer(1)


# every draw with itself, and every pair of draws twice
ALL_PAIRS = sympy.Sum(variance, (i, 1, B)) + 2 * sympy.Sum(sympy.Sum(covariance, (j, i + 1, B)), (i, 1, B))


M_OF_BATCH, M_G_OF_BATCH = (Meaning("4.4", symbol, SECOND_MOMENT.claim) for symbol in (M, M_G))
"""Results that assume a second moment of at most M, and M_G times the squared gradient, hold for a batch with these."""

MINIBATCH = Result(
    "4",
    "fixed",
    "Noise of a batch, M = beta/B",
    "The mean of B independent draws has the second moment the bound needs, with M = beta/B and "
    "M_G = mu_G² + beta_V/B; without replacement the variance is (N-B)/(N-1) times that.",
    (
        algebra(
            "4.1",
            "Variance of the mean of B draws of variance V(1), any two with covariance κ.",
            eq(V_B, (variance + (B - 1) * covariance) / B),
            check=Identity(),
            definitions=(eq(V_B, ALL_PAIRS / B**2),),
        ),
        algebra(
            "4.2",
            "Independent draws.",
            eq(V_B, variance / B),
            ("4.1", INDEPENDENT.id),
            by("4.1", Using(INDEPENDENT.id)),
            reference="Bottou, Curtis, Nocedal 2018, Sec. 4.2",
        ),
        algebra(
            "4.3",
            "Second moment of a vector.",
            eq(mean_square, inner(MEAN, MEAN) + V_B),
            ("2.2",),
            by(Square("noise", SAMPLED - MEAN), Mean("2.2")),
            reference="Bottou, Curtis, Nocedal 2018, Eq. (4.6)",
        ),
        inequality(
            "4.4",
            "So the second moment is bounded as the results above assume.",
            le(mean_square, M + M_G * inner(GRAD, GRAD)),
            ("4.3", "4.2", MEAN_GROWTH.id, NOISE_GROWTH.id),
            Certificate(
                {"4.3": ONE, "4.2": ONE, MEAN_GROWTH.id: ONE, NOISE_GROWTH.id: 1 / B},
                reading="right - left = [4.3] + [4.2] + [mean-growth] + [noise-growth]/B",
            ),
            definitions=(eq(M, NOISE), eq(M_G, GROWTH)),
            reference="Bottou, Curtis, Nocedal 2018, Eq. (4.9); M = beta/B: Lee et al. 2021, App. A.1",
        ),
        algebra(
            "4.5",
            "Without replacement, two draws are negatively correlated.",
            eq(covariance, -variance / (N - 1)),
            ("4.1", WITHOUT_REPLACEMENT.id),
            by("4.1", Put({B: N, V_B: V_N}), Using(WITHOUT_REPLACEMENT.id), Solve(covariance)),
        ),
        algebra(
            "4.6",
            "Variance without replacement: (N-B)/(N-1) times that of independent draws.",
            eq(V_B, variance * (N - B) / (B * (N - 1))),
            ("4.1", "4.5"),
            by("4.1", Using("4.5")),
        ),
        inequality(
            "4.7",
            "which is a variance for every batch up to the whole set.",
            le(0, V_B),
            ("4.6",),
            Certificate(
                {"4.6": -ONE, "given": variance / (B * (N - 1))},
                positive=("given.2",),
                reading="right - left = -[4.6] + V(1)/(B (N - 1)) (N - B)",
            ),
            given=(le(B, N), lt(1, N)),
        ),
        algebra(
            "4.8",
            "A batch across an epoch border: n1 draws from the old epoch, n2 from the new, B = n1 + n2.",
            eq(V_12, variance * (n1 * (N - n1) + n2 * (N - n2)) / (B**2 * (N - 1))),
            ("4.6", INDEPENDENT_EPOCHS.id),
            Identity(
                (INDEPENDENT_EPOCHS.id, *(by("4.6", Put({B: n, V_B: V_n})) for n, V_n in ((n1, V_1), (n2, V_2)))),
            ),
            definitions=(eq(V_12, (n1**2 * V_1 + n2**2 * V_2 + 2 * n1 * n2 * covariance_12) / B**2),),
        ),
        argument(
            "4.9",
            "4.6 and 4.8 are variances over the random order of an epoch, not given the past as 2.2 asks: given the "
            "earlier batches of its epoch, a later batch is biased. They replace M in result 2 only if every batch "
            "is a fresh random subset.",
            None,
            ("4.6", "4.8"),
        ),
    ),
)
