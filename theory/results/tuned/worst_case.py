"""Result 10: the exact worst case at a fixed rate, with noise, and its distance from the sharp bound."""

from functools import partial

import sympy
from sympy.core.relational import Relational

from theory.checking.assumptions import BOUNDED, GRAD, MOMENTS_ORDERED, MOVE, SAMPLED
from theory.checking.bounds import NOISE, NOISE_SCALE, SHARP_BOUND
from theory.checking.inner import inner
from theory.checking.operations import substitute
from theory.checking.proof import Certificate, Derived, Kind, Premises, Result, Step, eq, le, lt
from theory.results.fixed.descent import GRADIENT_SQUARED
from theory.results.tuned.tuned import BRACKET
from theory.symbols import (
    M_G,
    B,
    Delta,
    Delta_lost,
    F,
    G,
    K,
    K_star,
    L,
    M,
    Powers,
    PowerSums,
    S_bound,
    Window,
    contraction,
    epsilon,
    eta,
    f_inf,
    f_next,
    f_now,
    i,
    k,
    mu,
    n,
    residue,
    w,
    worst_sum,
    x,
)

algebra = partial(Step, "worst-case", Kind.ALGEBRA)
inequality = partial(Step, "worst-case", Kind.INEQUALITY)
argument = partial(Step, "worst-case", Kind.ARGUMENT)

ONE = sympy.Integer(1)
CONTRACTION = eq(contraction, 1 - 2 * eta * L * mu + eta**2 * L**2 * M_G)
POWER = contraction**n
SUM_OF_POWERS = sympy.Sum(contraction**i, (i, 0, n - 1))
SUM_OF_SUMS = sympy.Sum(Powers(i), (i, 0, n - 1))
FLOOR = eta**2 * L**2 * M
NOISE_OVER_B = eq(x, NOISE_SCALE / B)
EXCESS = F(k) - f_inf


def _steepest(premises: Premises) -> Relational:
    step = {inner(GRAD, MOVE): -GRADIENT_SQUARED / L, inner(MOVE, MOVE): GRADIENT_SQUARED / L**2}
    return substitute(premises["1.3"], step)


def _last_term(summand: sympy.Expr, total: sympy.Expr) -> Relational:
    """Return sum over i <= n = sum over i < n, plus the last term."""
    return eq(sympy.Sum(summand, (i, 0, n)), total + summand.subs(i, n))


def _geometric(_: Premises) -> Relational:
    closed = SUM_OF_POWERS.doit().args[-1][0]  # the branch for q != 1; at 1 both sides are 0
    return eq((1 - contraction) * Powers(n), (1 - contraction) * closed)


def _quadratic(_: Premises) -> Relational:
    value, slope = L * w**2 / 2, sympy.diff(L * w**2 / 2, w)
    return eq(GRADIENT_SQUARED / f_now, slope**2 / value)


def _step_on_quadratic(_: Premises) -> Relational:
    """Expand L²|w - eta g|² with w = grad f/L and take the mean."""
    move = GRAD - (eta * L) * SAMPLED
    means = {inner(GRAD, SAMPLED): mu * GRADIENT_SQUARED, inner(SAMPLED, SAMPLED): M + M_G * GRADIENT_SQUARED}
    return eq(G(k + 1), inner(move, move).subs(means).subs(GRADIENT_SQUARED, G(k)))


def _closed(premises: Premises) -> Relational:
    """Insert S_K and T_K of 10.8 and 10.9 into the worst case."""
    powers, sums = (premises[step].rhs.subs(n, K) / (1 - contraction) for step in ("10.8", "10.9"))
    value = premises["10.12"].rhs.subs(PowerSums(K), sums).subs(Powers(K), powers)
    return eq(K * SHARP_BOUND - worst_sum, K * SHARP_BOUND - value)


def _exponent(premises: Premises) -> Relational:
    rate = {eta: premises["8.9"].rhs}
    return eq((1 - contraction) * K_star, (1 - CONTRACTION.rhs.subs(rate)) * premises["8.10"].rhs)


def _residue(premises: Premises) -> Relational:
    left = NOISE / BRACKET.subs(eta, premises["8.9"].rhs) ** 2
    return eq(residue / (epsilon * K_star), left / (epsilon * premises["8.10"].rhs))


BOUND_STEPS = (
    inequality(
        "10.1",
        "The descent lemma for a move of -1/L times the gradient,",
        le(f_next, f_now - GRADIENT_SQUARED / (2 * L)),
        "Nesterov 2018, Lectures on Convex Optimization, Eq. (1.2.19)",
        ("1.3",),
        Derived("put d = -∇f/L into 1.3", _steepest),
    ),
    inequality(
        "10.2",
        "where f is not below f_inf either;",
        le(f_inf, f_next),
        "Lee et al. 2021, Sec. 4.1",
        (BOUNDED.id,),
        Derived("the bound below, at w + d", lambda p: substitute(p[BOUNDED.id], {F(K + 1): f_next})),
    ),
    inequality(
        "10.3",
        "so the gradient is small where f is close to f_inf,",
        le(GRADIENT_SQUARED, 2 * L * (f_now - f_inf)),
        "Nesterov 2018, Lectures on Convex Optimization, Eq. (1.2.19)",
        ("10.1", "10.2"),
        Certificate({"10.1": 2 * L, "10.2": 2 * L}, reading="right - left = 2 L ([10.1] + [10.2])"),
    ),
    inequality(
        "10.4",
        "at step k, in full expectation.",
        le(G(k), 2 * L * EXCESS),
        "docs/theory.md, result 10",
        ("10.3",),
        Derived(
            "take the full expectation of 10.3 at w = w_k",
            lambda p: substitute(p["10.3"], {GRADIENT_SQUARED: G(k), f_now: F(k)}),
        ),
    ),
    inequality(
        "10.5",
        "Name q = 1 - 2 eta L mu + eta² L² M_G; it is a square or more.",
        le((1 - eta * L * mu) ** 2, contraction),
        "docs/theory.md, result 10",
        (MOMENTS_ORDERED.id,),
        Certificate({MOMENTS_ORDERED.id: eta**2 * L**2}, reading="right - left = η² L² [moments-ordered]"),
        definitions=(CONTRACTION,),
    ),
    algebra(
        "10.6",
        "S_n is the sum of the first n powers of q,",
        eq(Powers(n + 1), Powers(n) + POWER),
        "docs/theory.md, result 10",
        (),
        Derived(
            "take the last term out of the sum",
            lambda _: _last_term(contraction**i, SUM_OF_POWERS),
        ),
        definitions=(
            eq(Powers(n), SUM_OF_POWERS),
            eq(Powers(n + 1), sympy.Sum(contraction**i, (i, 0, n))),
        ),
    ),
    algebra(
        "10.7",
        "T_n the sum of the first n of these,",
        eq(PowerSums(n + 1), PowerSums(n) + Powers(n)),
        "docs/theory.md, result 10",
        (),
        Derived(
            "take the last term out of the sum",
            lambda _: _last_term(Powers(i), SUM_OF_SUMS),
        ),
        definitions=(
            eq(PowerSums(n), SUM_OF_SUMS),
            eq(PowerSums(n + 1), sympy.Sum(Powers(i), (i, 0, n))),
        ),
    ),
    algebra(
        "10.8",
        "both are geometric:",
        eq((1 - contraction) * Powers(n), 1 - POWER),
        "docs/theory.md, result 10",
        (),
        Derived("geometric sum, times 1 - q", _geometric),
    ),
    algebra(
        "10.9",
        "and",
        eq((1 - contraction) * PowerSums(n), n - Powers(n)),
        "docs/theory.md, result 10",
        ("10.8",),
        Derived(
            "sum 10.8 over i < n",
            lambda _: eq((1 - contraction) * SUM_OF_SUMS, n - SUM_OF_POWERS),
        ),
        definitions=(
            eq(Powers(n), SUM_OF_POWERS),
            eq(PowerSums(n), SUM_OF_SUMS),
        ),
    ),
    inequality(
        "10.10",
        "Suppose n steps from any point on have at most this sum W_n of E G; then n + 1 steps have.",
        le(G(k) + Window(k + 1), 2 * L * EXCESS * Powers(n + 1) + FLOOR * PowerSums(n + 1)),
        "docs/theory.md, result 10",
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
            reading="right - left = [given] + 2 L S_n [2.5] + qⁿ [10.4] - 2 L (E f(w_k) - f_inf) [10.6] "
            "- η² L² M [10.7] - E G_k [10.8]",
        ),
        given=(le(Window(k + 1), 2 * L * (F(k + 1) - f_inf) * Powers(n) + FLOOR * PowerSums(n)),),
        definitions=(CONTRACTION,),
    ),
    argument(
        "10.11",
        "One step has at most this sum by 10.4 (S_1 = 1, T_1 = 0); by induction on n, K steps from w_1 have at most",
        le(sympy.Sum(G(k), (k, 1, K)), L * Delta * Powers(K) + FLOOR * PowerSums(K)),
        "docs/theory.md, result 10",
        ("10.4", "10.10"),
    ),
)

ATTAINED_STEPS = (
    algebra(
        "10.12",
        "Name the right side W;",
        eq(worst_sum, L * Delta * Powers(K) + FLOOR * PowerSums(K)),
        "docs/theory.md, result 10",
        ("10.11",),
        Derived("the right side of 10.11", lambda p: eq(worst_sum, p["10.11"].rhs)),
    ),
    algebra(
        "10.13",
        "on f = L|w|²/2, f_inf = 0, 10.4 holds with equality,",
        eq(GRADIENT_SQUARED / f_now, 2 * L),
        "docs/theory.md, result 10",
        (),
        Derived("differentiate L w²/2, square and divide", _quadratic),
    ),
    algebra(
        "10.14",
        "and so does 2.5, if E g = mu ∇f and E|g|² = M + M_G |∇f|²: then E G follows the recursion of the bound, and "
        "the induction is one of equalities. W is attained, for every K and every rate.",
        eq(G(k + 1), contraction * G(k) + FLOOR),
        "docs/theory.md, result 10",
        ("10.13",),
        Derived("expand |∇f - η L g|² and take the mean", _step_on_quadratic),
        definitions=(CONTRACTION,),
    ),
    algebra(
        "10.15",
        "What the sharp bound exceeds it by does not grow with K: a term in q^K, and the noise left at the end.",
        eq(
            K * SHARP_BOUND - worst_sum,
            Delta * contraction**K / (eta * BRACKET) + M * (1 - contraction**K) / BRACKET**2,
        ),
        "docs/theory.md, result 10",
        ("8.3", "10.8", "10.9", "10.12"),
        Derived("put 10.8 and 10.9 at n = K into 10.12, subtract from K times 8.3", _closed),
        definitions=(CONTRACTION,),
    ),
)

TUNED_STEPS = (
    algebra(
        "10.16",
        "At the tuned rate and its K*, with x = B_0/B and q that of this rate:",
        eq((1 - contraction) * K_star, (L * Delta / epsilon) * (1 + 2 * x) / (1 + x)),
        "docs/theory.md, result 10",
        ("8.9", "8.10", "10.5"),
        Derived("multiply 8.10 by 1 - q at the rate 8.9", _exponent),
        definitions=(NOISE_OVER_B,),
    ),
    inequality(
        "10.17",
        "so that q^K*, which is at most exp(-(1-q) K*), is at most exp(-L Delta/epsilon);",
        le(L * Delta / epsilon, (1 - contraction) * K_star),
        "docs/theory.md, result 10",
        ("10.16",),
        Certificate(
            {"10.16": -ONE}, (L * Delta / epsilon * x / (1 + x),), reading="right - left = -[10.16] + L Δ x/(ε (1+x))"
        ),
    ),
    algebra(
        "10.18",
        "the other term, M/(2 mu - L M_G eta)², relative to the sum K* epsilon:",
        eq(residue / (epsilon * K_star), epsilon / (L * Delta) * x * (1 + x) / (1 + 2 * x) ** 2),
        "docs/theory.md, result 10",
        ("8.9", "8.10", "10.15"),
        Derived("put 8.9 into M/(2 μ - L M_G η)², divide by ε times 8.10", _residue),
        definitions=(NOISE_OVER_B,),
    ),
    inequality(
        "10.19",
        "is below epsilon/(4 L Delta).",
        lt(residue / (epsilon * K_star), epsilon / (4 * L * Delta)),
        "docs/theory.md, result 10",
        ("10.18",),
        Certificate(
            {"10.18": ONE},
            (epsilon / (4 * L * Delta * (1 + 2 * x) ** 2),),
            reading="right - left = [10.18] + ε/(4 L Δ (1+2x)²)",
        ),
    ),
    algebra(
        "10.20",
        "Up to q^K the worst case is the sharp bound with Delta less this:",
        eq(Delta_lost, eta * M / BRACKET),
        "docs/theory.md, result 10",
        ("10.15",),
        Derived(
            "solve K times 8.3 with Delta less Delta_lost = worst case, q^K put to 0, for Delta_lost",
            lambda p: eq(Delta_lost, sympy.cancel(p["10.15"].rhs.subs(contraction**K, 0) * eta * BRACKET)),
        ),
    ),
    algebra(
        "10.21",
        "at the tuned rate this part of Delta.",
        eq(Delta_lost / Delta, epsilon / (L * Delta) * x / (1 + 2 * x)),
        "docs/theory.md, result 10",
        ("8.9", "10.20"),
        Derived(
            "put 8.9 into 10.20",
            lambda p: eq(Delta_lost / Delta, p["10.20"].rhs.subs(eta, p["8.9"].rhs).subs(M, NOISE) / Delta),
        ),
        definitions=(NOISE_OVER_B,),
    ),
    inequality(
        "10.22",
        "So to leading order in epsilon/(L Delta) c1/B + c2 is the worst-case tuned law up to a relative epsilon/(2 "
        "L Delta), 1/(2 c2) if M_G = mu². With its q^K the worst case may be a little further below: by 0.252 "
        "instead of 0.25 at epsilon = L Delta/2 and B = 0.3 B_0.",
        lt(Delta_lost / Delta, epsilon / (2 * L * Delta)),
        "docs/theory.md, result 10",
        ("10.21",),
        Certificate(
            {"10.21": ONE},
            (epsilon / (2 * L * Delta * (1 + 2 * x)),),
            reading="right - left = [10.21] + ε/(2 L Δ (1+2x))",
        ),
    ),
    algebra(
        "10.23",
        "Without noise, mu = M_G = 1 and eta = 1/L, where q = 0 and S_K = 1, the bound is W/K = L Delta/K: tight.",
        eq(S_bound, L * Delta / K),
        "docs/theory.md, result 10",
        ("8.3",),
        Derived(
            "put M = 0, mu = M_G = 1, eta = 1/L into 8.3",
            lambda p: eq(S_bound, p["8.3"].rhs.subs({M: 0, mu: 1, M_G: 1}).subs(eta, 1 / L)),
        ),
    ),
)

WORST_CASE = Result(
    "10",
    "worst-case",
    "The exact worst case, noise included",
    "Over all f and gradients that meet the assumptions, the largest sum of E G_k over K steps is L Delta S_K + eta²"
    " L² M T_K, reached on f = L|w|²/2. It is K times the sharp bound up to a term in q^K and a noise that does not "
    "grow with K, so the tuned law is the worst case up to a relative epsilon/(2 L Delta), to leading order in "
    "epsilon/(L Delta).",
    BOUND_STEPS + ATTAINED_STEPS + TUNED_STEPS,
)
