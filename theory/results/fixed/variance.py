"""Result 4: why M = beta/B, and how drawing without replacement changes it."""

from functools import partial

import sympy

from theory.checking.assumptions import (
    GRAD,
    INDEPENDENT,
    INDEPENDENT_EPOCHS,
    MEAN,
    MEAN_GROWTH,
    NOISE_GROWTH,
    SAMPLED,
    WITHOUT_REPLACEMENT,
)
from theory.checking.inner import inner
from theory.checking.operations import solve_for, substitute
from theory.checking.proof import Certificate, Derived, Kind, Premises, Result, Step, eq, le, lt
from theory.symbols import (
    M_G,
    V_B,
    B,
    M,
    N,
    beta,
    beta_v,
    covariance,
    i,
    j,
    mean_square,
    mu_g,
    n1,
    n2,
    variance,
)

algebra = partial(Step, "fixed", Kind.ALGEBRA)
inequality = partial(Step, "fixed", Kind.INEQUALITY)
argument = partial(Step, "fixed", Kind.ARGUMENT)

ONE = sympy.Integer(1)


def _pairs(_: Premises) -> sympy.core.relational.Relational:
    own = sympy.Sum(variance, (i, 1, B)).doit()
    crossed = sympy.Sum(sympy.Sum(covariance, (j, i + 1, B)).doit(), (i, 1, B)).doit()
    return eq(V_B, (own + 2 * crossed) / B**2)


def _without_replacement(premises: Premises) -> sympy.core.relational.Relational:
    return solve_for(substitute(premises["4.1"], {V_B: sympy.Integer(0), B: N}), covariance)


def _two_epochs(premises: Premises) -> sympy.core.relational.Relational:
    share = premises["4.6"].rhs
    return eq(V_B, sum(size**2 * share.subs(B, size) for size in (n1, n2)) / B**2)


def _about_the_mean(_: Premises) -> sympy.core.relational.Relational:
    """Expand |g - E g|^2 and take the mean: <g, E g> has the mean |E g|^2."""
    square = inner(SAMPLED - MEAN, SAMPLED - MEAN)
    mean = {inner(SAMPLED, SAMPLED): mean_square, inner(SAMPLED, MEAN): inner(MEAN, MEAN)}
    return solve_for(eq(V_B, square.subs(mean)), mean_square)


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
            "docs/theory.md, result 4",
            (),
            Derived("add the covariances of all pairs of draws, divide by B²", _pairs),
        ),
        algebra(
            "4.2",
            "Independent draws.",
            eq(V_B, variance / B),
            "Bottou, Curtis, Nocedal 2018, Sec. 4.2",
            ("4.1", INDEPENDENT.id),
            Derived(
                "put κ = 0 into 4.1",
                lambda p: substitute(p["4.1"], {p[INDEPENDENT.id].lhs: p[INDEPENDENT.id].rhs}),
            ),
        ),
        algebra(
            "4.3",
            "Second moment of a vector.",
            eq(mean_square, inner(MEAN, MEAN) + V_B),
            "Bottou, Curtis, Nocedal 2018, Eq. (4.6)",
            (),
            Derived("expand |g - E g|² and take its mean", _about_the_mean),
        ),
        inequality(
            "4.4",
            "So the second moment is bounded as the results above assume.",
            le(mean_square, M + M_G * inner(GRAD, GRAD)),
            "Bottou, Curtis, Nocedal 2018, Eq. (4.9); M = beta/B: Lee et al. 2021, App. A.1",
            ("4.3", "4.2", MEAN_GROWTH.id, NOISE_GROWTH.id),
            Certificate(
                {"4.3": ONE, "4.2": ONE, MEAN_GROWTH.id: ONE, NOISE_GROWTH.id: 1 / B},
                reading="right - left = [4.3] + [4.2] + [mean-growth] + [noise-growth]/B",
            ),
            definitions=(eq(M, beta / B), eq(M_G, mu_g**2 + beta_v / B)),
        ),
        algebra(
            "4.5",
            "Without replacement, two draws are negatively correlated.",
            eq(covariance, -variance / (N - 1)),
            "docs/theory.md, result 4",
            ("4.1", WITHOUT_REPLACEMENT.id),
            Derived("solve 4.1 with B = N and V(N) = 0 for κ", _without_replacement),
        ),
        algebra(
            "4.6",
            "Variance without replacement: (N-B)/(N-1) times that of independent draws.",
            eq(V_B, variance * (N - B) / (B * (N - 1))),
            "docs/theory.md, result 4",
            ("4.1", "4.5"),
            Derived("put 4.5 into 4.1", lambda p: substitute(p["4.1"], {p["4.5"].lhs: p["4.5"].rhs})),
        ),
        inequality(
            "4.7",
            "which is a variance for every batch up to the whole set.",
            le(0, V_B),
            "docs/theory.md, result 4",
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
            eq(V_B, variance * (n1 * (N - n1) + n2 * (N - n2)) / (B**2 * (N - 1))),
            "docs/theory.md, result 4",
            ("4.6", INDEPENDENT_EPOCHS.id),
            Derived("add n² V(n) of both parts, divide by B²", _two_epochs),
        ),
        argument(
            "4.9",
            "4.6 and 4.8 are variances over the random order of an epoch, not given the past as 2.2 asks: given the "
            "earlier batches of its epoch, a later batch is biased. They replace M in result 2 only if every batch "
            "is a fresh random subset.",
            None,
            "docs/theory.md, result 4",
            ("4.6", "4.8"),
        ),
    ),
)
