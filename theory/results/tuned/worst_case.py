"""Result 10: the exact worst case at a fixed rate, with noise, and its distance from the sharp bound."""

import sympy

from theory.checking.assumptions import BOUNDED, CONSTANT_RATE, GRAD, MEAN, MOMENTS_ORDERED, SAMPLED
from theory.checking.checks import Certificate, Identity, Telescopes, by
from theory.checking.inner import inner
from theory.checking.moments import AtStep, Mean, Move, Square
from theory.checking.operations import Put, RightSide, Solve, Times, Using, With
from theory.checking.proof import Result, algebra, argument, inequality
from theory.checking.relations import eq, le, put
from theory.results.fixed.descent import GRADIENT_SQUARED
from theory.results.tuned.tuned import BRACKET
from theory.results.tuned.worst_case_tuned import EXCEEDS, TUNED_STEPS, Q
from theory.sequences import F, G, Powers, PowerSums, Window
from theory.symbols import (
    M_G,
    Delta,
    G_mean,
    K,
    L,
    M,
    S_bound,
    contraction,
    eta,
    f_inf,
    f_next,
    f_now,
    i,
    k,
    mean_square,
    mu,
    n,
    residue,
    w,
    worst_sum,
)

ONE = sympy.Integer(1)
CONTRACTION = eq(contraction, 1 - 2 * eta * L * mu + eta**2 * L**2 * M_G)
POWER = contraction**n
SUM_OF_POWERS = eq(Powers(n), sympy.Sum(contraction**i, (i, 0, n - 1)))
SUM_OF_SUMS = eq(PowerSums(n), sympy.Sum(Powers(i), (i, 0, n - 1)))
FLOOR = eta**2 * L**2 * M
EXCESS = F(k) - f_inf
WORST = L * Delta * Powers(K) + FLOOR * PowerSums(K)
CLOSED = tuple(by(id_, Put({n: K}), Solve(name)) for id_, name in (("10.8", Powers(K)), ("10.9", PowerSums(K))))


BOUND_STEPS = (
    inequality(
        "10.1",
        "The descent lemma for a move of -1/L times the gradient,",
        le(f_next, f_now - GRADIENT_SQUARED / (2 * L)),
        ("1.3",),
        by("1.3", Move({"d": (-1 / L) * GRAD})),
        reference="Nesterov 2018, Lectures on Convex Optimization, Eq. (1.2.19)",
    ),
    inequality(
        "10.2",
        "where f is not below f_inf either;",
        le(f_inf, f_next),
        (BOUNDED.id,),
        by(BOUNDED.id, Move({}, {f_now: f_next})),
        reference="Lee et al. 2021, Sec. 4.1",
    ),
    inequality(
        "10.3",
        "so the gradient is small where f is close to f_inf,",
        le(GRADIENT_SQUARED, 2 * L * (f_now - f_inf)),
        ("10.1", "10.2"),
        Certificate({"10.1": 2 * L, "10.2": 2 * L}, reading="right - left = 2 L ([10.1] + [10.2])"),
        reference="Nesterov 2018, Lectures on Convex Optimization, Eq. (1.2.19)",
    ),
    inequality(
        "10.4",
        "at step k, in full expectation.",
        le(G(k), 2 * L * EXCESS),
        ("10.3", "2.2"),
        by("10.3", AtStep("2.2")),
    ),
    inequality(
        "10.5",
        "Name q = 1 - 2 eta L mu + eta² L² M_G; it is a square or more, so not negative.",
        le(0, contraction),
        (MOMENTS_ORDERED.id,),
        Certificate(
            {MOMENTS_ORDERED.id: eta**2 * L**2},
            ((1 - eta * L * mu) ** 2,),
            reading="right - left = η² L² [moments-ordered] + (1 - η L μ)²",
        ),
        definitions=(CONTRACTION,),
    ),
    algebra(
        "10.6",
        "S_n is the sum of the first n powers of q,",
        eq(Powers(n + 1), Powers(n) + POWER),
        check=Identity(),
        definitions=(SUM_OF_POWERS, put(SUM_OF_POWERS, {n: n + 1})),
    ),
    algebra(
        "10.7",
        "T_n the sum of the first n of these,",
        eq(PowerSums(n + 1), PowerSums(n) + Powers(n)),
        check=Identity(),
        definitions=(SUM_OF_SUMS, put(SUM_OF_SUMS, {n: n + 1})),
    ),
    algebra(
        "10.8",
        "both are geometric:",
        eq((1 - contraction) * Powers(n), 1 - POWER),
        check=Telescopes(n),
        definitions=(SUM_OF_POWERS,),
    ),
    algebra(
        "10.9",
        "and (polynomials in q, so for q = 1, too)",
        eq((1 - contraction) * PowerSums(n), n - Powers(n)),
        ("10.8",),
        Telescopes(n, (by("10.8", Solve(Powers(n))),)),
        definitions=(SUM_OF_SUMS,),
    ),
    inequality(
        "10.10",
        "Suppose n steps from any point on have at most this sum W_n of E G; then n + 1 steps have.",
        le(G(k) + Window(k + 1), 2 * L * EXCESS * Powers(n + 1) + FLOOR * PowerSums(n + 1)),
        ("2.5", "10.4", "10.5", "10.6", "10.7", "10.8"),
        Certificate(
            {
                "given": ONE,
                "2.5": 2 * L * Powers(n),
                "10.4": POWER,
                "10.6": -2 * L * EXCESS,
                "10.7": -FLOOR,
                "10.8": -G(k),
            },
            positive=("10.5",),
            reading="right - left = [given] + 2 L S_n [2.5] + qⁿ [10.4] - 2 L (E f(w_k) - f_inf) [10.6] "
            "- η² L² M [10.7] - E G_k [10.8]",
        ),
        given=(le(Window(k + 1), 2 * L * (F(k + 1) - f_inf) * Powers(n) + FLOOR * PowerSums(n)),),
        definitions=(CONTRACTION,),
    ),
    argument(
        "10.11",
        "One step has at most this sum by 10.4 (S_1 = 1, T_1 = 0); by induction on n, K steps from w_1 have at most",
        le(sympy.Sum(G(k), (k, 1, K)), WORST),
        ("10.4", "10.10"),
    ),
)

ATTAINED_STEPS = (
    algebra(
        "10.12",
        "Name the right side W;",
        eq(worst_sum, WORST),
        ("10.11",),
        by("10.11", RightSide(sympy.Sum(G(k), (k, 1, K)), worst_sum)),
    ),
    algebra(
        "10.13",
        "on f = L|w|²/2, f_inf = 0, 10.4 holds with equality,",
        eq(GRADIENT_SQUARED / f_now, 2 * L),
        check=Identity(),
        definitions=(eq(f_now, L * w**2 / 2), eq(GRADIENT_SQUARED, sympy.Derivative(L * w**2 / 2, w) ** 2)),
    ),
    algebra(
        "10.14",
        "and so does 2.5, if E g = mu ∇f and E|g|² = M + M_G |∇f|²: then E G follows the recursion of the bound, and "
        "the induction is one of equalities. W is attained, for every K and every rate.",
        eq(G(k + 1), contraction * G(k) + FLOOR),
        ("2.2", CONSTANT_RATE.id, "10.5"),
        by(
            Square("after", GRAD - (eta * L) * SAMPLED),
            *(Mean("2.2"), Using("given"), Using("given.2"), AtStep("2.2"), Using(CONSTANT_RATE.id)),
            using=(Q,),
        ),
        given=(
            eq(inner(GRAD, MEAN), mu * GRADIENT_SQUARED),
            eq(mean_square, M + M_G * GRADIENT_SQUARED),
        ),
    ),
    algebra(
        "10.15",
        "What the sharp bound exceeds it by does not grow with K: a term in q^K, and the noise left at the end.",
        EXCEEDS,
        ("8.3", "10.5", "10.8", "10.9", "10.12"),
        by(
            by("8.3", RightSide(G_mean, S_bound), Times(K)),
            With("-", "10.12"),
            using=(*CLOSED, Q),
        ),
        definitions=(eq(residue, M / BRACKET**2),),
    ),
)

WORST_CASE = Result(
    "10",
    "worst-case",
    "The exact worst case, noise included",
    "Over all f and gradients that meet the assumptions, the largest sum of E G_k over K steps is L Delta S_K + eta²"
    " L² M T_K, reached on f = L|w|²/2. It is K times the sharp bound up to a term in q^K and a noise that does not "
    "grow with K, so the tuned law is the worst case up to a relative epsilon/(2 L Delta) (1 + o(1)) + "
    "exp(-L Delta/epsilon).",
    BOUND_STEPS + ATTAINED_STEPS + TUNED_STEPS,
)
