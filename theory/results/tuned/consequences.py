"""Result 8, continued: consequences of the tuned law for measurements, and the assembled result."""

from functools import partial

import sympy
from sympy.core.relational import Relational

from theory.checking.assumptions import SAME_GOAL
from theory.checking.bounds import NOISE_SCALE
from theory.checking.operations import substitute
from theory.checking.proof import Certificate, Derived, Kind, Premises, Result, Step, eq, le
from theory.laws import HYPERBOLA
from theory.results.tuned.tuned import BEST, LAW_STEPS, SHARP_STEPS
from theory.symbols import (
    B_0,
    M_G,
    B,
    B_crit,
    Delta,
    K_eta,
    K_max,
    K_more_beta,
    K_more_Delta,
    K_more_L,
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

algebra = partial(Step, "tuned", Kind.ALGEBRA)
inequality = partial(Step, "tuned", Kind.INEQUALITY)

GROWING = mu_g**2 + beta_v / B


def _crossing(steps: sympy.Expr) -> sympy.Expr:
    """Return where both terms of c1/B + c2 are equal, the constants read off as limits."""
    return sympy.limit(B * steps, B, 0) / sympy.limit(steps, B, sympy.oo)


def _limit(name: sympy.Symbol, premises: Premises, at: sympy.Expr) -> Relational:
    """Return the limit of K* with beta times a factor, over K*."""
    steps = premises["8.10"].rhs
    ratio = sympy.cancel(steps.subs(beta, scale * beta) / steps)
    return eq(sympy.Limit(name / K_star, B, at), sympy.limit(ratio, B, at))


def _multiple(premises: Premises) -> Relational:
    steps = premises["8.7"].rhs
    return eq(K_eta / K_star, steps.subs(eta, r * premises["8.9"].rhs) / premises["8.10"].rhs)


def _window(premises: Premises) -> tuple[sympy.Expr, ...]:
    """Return both multiples of the best rate at which K is exactly the budget, the smaller first."""
    ratio = sympy.Symbol("ratio", positive=True)
    roots = sympy.solve(premises["8.22"].rhs - 1 / ratio, r)
    return tuple(root.subs(ratio, K_star / K_max) for root in sorted(roots, key=lambda s: s.subs(ratio, 0.5)))


RATE_STEPS = (
    algebra(
        "8.18",
        "The critical batch size is free of L and Delta: it is the noise scale B_0.",
        eq(B_crit, NOISE_SCALE),
        "docs/theory.md, result 8; McCandlish et al. 2018",
        ("8.10", SAME_GOAL.id),
        Derived("solve c1/B = c2 in 8.10", lambda p: eq(B_crit, _crossing(p["8.10"].rhs))),
    ),
    algebra(
        "8.19",
        "Rate times steps is the same at every batch size.",
        eq(eta_star * K_star, Delta / (mu * epsilon)),
        "docs/theory.md, result 8",
        ("8.9", "8.10", SAME_GOAL.id),
        Derived("multiply 8.9 and 8.10", lambda p: eq(eta_star * K_star, p["8.9"].rhs * p["8.10"].rhs)),
    ),
    algebra(
        "8.20",
        "Slope of the best rate: 1 at small batches, 0 at large ones.",
        eq(slope, 1 / (1 + B / B_0)),
        "docs/theory.md, result 8",
        ("8.16", SAME_GOAL.id),
        Derived("B d/dB of the logarithm of 8.16", lambda p: eq(slope, B * sympy.diff(sympy.log(p["8.16"].rhs), B))),
    ),
    algebra(
        "8.21",
        "A rate r times the best one, as its 1/K(eta):",
        eq(1 / K_eta, r * (2 - r) / K_star),
        "docs/theory.md, result 8",
        ("8.7", "8.9"),
        Derived("put eta = r eta* into 8.7", lambda p: eq(1 / K_eta, 1 / p["8.7"].rhs.subs(eta, r * p["8.9"].rhs))),
        definitions=(BEST,),
    ),
    algebra(
        "8.22",
        "so that missing the best rate costs this factor.",
        eq(K_eta / K_star, 1 / (r * (2 - r))),
        "docs/theory.md, result 8; Lee et al. 2021, Fig. 5",
        ("8.7", "8.9", "8.10"),
        Derived("put eta = r eta* into 8.7 and divide by 8.10", _multiple),
    ),
    inequality(
        "8.23",
        "With a budget, every rate in this window succeeds:",
        le(1 / K_max, 1 / K_eta),
        "docs/theory.md, result 8; Lee et al. 2021, Fig. 5",
        ("8.21",),
        Certificate(
            {"8.21": sympy.Integer(-1), "given": 1 / K_star},
            reading="right - left = -[8.21] + (1 - K*/K_max - (1-r)²)/K*",
        ),
        given=(le((1 - r) ** 2, 1 - K_star / K_max),),
    ),
    algebra(
        "8.24",
        "its lower end",
        eq(r_low, 1 - sympy.sqrt(1 - K_star / K_max)),
        "docs/theory.md, result 8",
        ("8.22",),
        Derived("solve 8.22 = K_max/K* for r", lambda p: eq(r_low, _window(p)[0])),
    ),
    algebra(
        "8.25",
        "and its upper end, as multiples of eta*.",
        eq(r_high, 1 + sympy.sqrt(1 - K_star / K_max)),
        "docs/theory.md, result 8",
        ("8.22",),
        Derived("solve 8.22 = K_max/K* for r", lambda p: eq(r_high, _window(p)[1])),
    ),
)

CONSTANT_STEPS = (
    algebra(
        "8.26",
        "A larger L shifts the whole curve,",
        eq(K_more_L, scale * K_star),
        "docs/theory.md, result 8",
        ("8.10", SAME_GOAL.id),
        Derived("put lambda L into 8.10", lambda p: eq(K_more_L, p["8.10"].rhs.subs(L, scale * L))),
        definitions=(BEST,),
    ),
    algebra(
        "8.27",
        "and so does a larger Delta;",
        eq(K_more_Delta, scale * K_star),
        "docs/theory.md, result 8",
        ("8.10", SAME_GOAL.id),
        Derived("put lambda Delta into 8.10", lambda p: eq(K_more_Delta, p["8.10"].rhs.subs(Delta, scale * Delta))),
        definitions=(BEST,),
    ),
    algebra(
        "8.28",
        "beta shifts the small batches",
        eq(sympy.Limit(K_more_beta / K_star, B, 0), scale),
        "docs/theory.md, result 8",
        ("8.10", SAME_GOAL.id),
        Derived(
            "put lambda beta into 8.10, divide, let B tend to 0", lambda p: _limit(K_more_beta, p, sympy.Integer(0))
        ),
    ),
    algebra(
        "8.29",
        "and leaves the large ones.",
        eq(sympy.Limit(K_more_beta / K_star, B, sympy.oo), sympy.Integer(1)),
        "docs/theory.md, result 8",
        ("8.10", SAME_GOAL.id),
        Derived("put lambda beta into 8.10, divide, let B grow", lambda p: _limit(K_more_beta, p, sympy.oo)),
    ),
    algebra(
        "8.30",
        "Noise that grows with the gradient changes the constants, not the law;",
        eq(K_star, HYPERBOLA.expression),
        "docs/theory.md, result 8",
        ("8.10", "4.4", SAME_GOAL.id),
        Derived("put M_G = mu_G² + beta_V/B into 8.10", lambda p: substitute(p["8.10"], {M_G: GROWING})),
        definitions=(
            eq(c1, Delta * L * (beta + beta_v * epsilon) / (mu * epsilon) ** 2),
            eq(c2, Delta * L * mu_g**2 / (mu**2 * epsilon)),
        ),
    ),
    algebra(
        "8.31",
        "the critical batch size is then this;",
        eq(B_crit, (beta / epsilon + beta_v) / mu_g**2),
        "docs/theory.md, result 8",
        ("8.10", "4.4", SAME_GOAL.id),
        Derived(
            "solve c1/B = c2 in 8.10 with that M_G",
            lambda p: eq(B_crit, _crossing(p["8.10"].rhs.subs(M_G, GROWING))),
        ),
    ),
    algebra(
        "8.32",
        "and with beta = 0 (interpolation) a hyperbola remains.",
        eq(K_star, c2 * (1 + beta_v / (mu_g**2 * B))),
        "docs/theory.md, result 8",
        ("8.10", "4.4", SAME_GOAL.id),
        Derived(
            "put beta = 0 and that M_G into 8.10",
            lambda p: substitute(p["8.10"], {M_G: GROWING, beta: sympy.Integer(0)}),
        ),
        definitions=(eq(c2, Delta * L * mu_g**2 / (mu**2 * epsilon)),),
    ),
    algebra(
        "8.33",
        "The slope of the best rate keeps its form, with the critical batch size of 8.31.",
        eq(slope, 1 / (1 + B / B_crit)),
        "docs/theory.md, result 8",
        ("8.9", "4.4", SAME_GOAL.id),
        Derived(
            "B d/dB of the logarithm of 8.9 with that M_G",
            lambda p: eq(slope, B * sympy.diff(sympy.log(p["8.9"].rhs.subs(M_G, GROWING)), B)),
        ),
        definitions=(eq(B_crit, (beta / epsilon + beta_v) / mu_g**2),),
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
