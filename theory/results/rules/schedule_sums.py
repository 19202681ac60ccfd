"""Result 13, first part: sums of the rates and of their squares, in closed form, and which converge."""

from functools import partial

import sympy
from sympy.core.relational import Relational

from theory.checking.proof import Derived, Kind, Premises, Step, Telescopes, eq
from theory.numbers.schedules import SHAPES
from theory.symbols import A_D, A_K, H_D, H_K, K, decay_steps, end_factor, eta, gamma, k, rest, s, stages, tau, y

algebra = partial(Step, "schedules", Kind.ALGEBRA)
argument = partial(Step, "schedules", Kind.ARGUMENT)

_WORDS = {
    "constant": "Constant rate: the sum of the rates",
    "linear": "Linear decay to the end rate e eta in D steps, K up to D",
    "polynomial": "Polynomial decay of power p; H is the generalised harmonic number",
    "cosine": "Cosine decay",
    "inverse": "Rate eta/(1 + k/tau)",
    "power": "Rate eta/(k+1)^p",
    "exponential": "Exponential decay",
}
_PAIRS = 2 * len(_WORDS)


def _closed_forms() -> tuple[Step, ...]:
    """Return two steps per shape whose sum is checked by its growth."""
    steps: list[Step] = []
    for name, words in _WORDS.items():
        shape = SHAPES[name]
        for total, degree, told in ((A_K, 1, words), (H_K, 2, "and of the squares.")):
            closed = shape.total if degree == 1 else shape.squares
            steps.append(
                algebra(
                    f"13.{len(steps) + 1}",
                    told,
                    eq(total, eta**degree * closed),
                    "docs/theory.md, result 13",
                    (),
                    Telescopes(total, K, eta**degree * shape.rate.subs(k, K) ** degree),
                )
            )
    return tuple(steps)


def _number(name: str, degree: int) -> str:
    return f"13.{2 * list(_WORDS).index(name) + degree}"


def _staged(total: sympy.Symbol, factor: sympy.Expr, height: sympy.Expr) -> Relational:
    """Return D steps in each whole stage, and the rest in the next."""
    index = sympy.Dummy("stage", integer=True)
    whole = sympy.Sum(factor**index, (index, 0, stages - 1)).doit()
    whole = whole.args[-1][0] if isinstance(whole, sympy.Piecewise) else whole
    return eq(total, height * (decay_steps * whole + rest * factor**stages))


def _of_stages(closed: sympy.Expr) -> sympy.Expr:
    """Return a closed form at K = D stages + rest."""
    return closed.subs(sympy.floor(K / decay_steps), stages).subs(K, decay_steps * stages + rest)


def _held(total: sympy.Symbol, at_D: sympy.Symbol, degree: int, words: str) -> Step:
    return algebra(
        f"13.{_PAIRS + 2 + degree}",
        words,
        eq(total, at_D + (K - decay_steps) * (eta * end_factor) ** degree),
        "docs/theory.md, result 13",
        (),
        Telescopes(total, K, (eta * end_factor) ** degree, decay_steps, at_D),
    )


def _integral(exponent: sympy.Expr) -> sympy.Integral:
    return sympy.Integral(y**-exponent, (y, 1, K))


def _limit(name: sympy.Expr, value: sympy.Expr) -> Relational:
    return eq(sympy.Limit(name, K, sympy.oo), sympy.limit(value, K, sympy.oo))


def _power_limit(exponent: sympy.Expr, over: sympy.Expr) -> Relational:
    integral = _integral(exponent)
    return _limit(integral / over, integral.doit() / over)


def _falling(premises: Premises) -> Relational:
    """Return the limit of the exponential schedule's sum, its factor written exp(-s)."""
    limit = sympy.limit(premises["13.13"].rhs.subs(gamma, sympy.exp(-s)), K, sympy.oo)
    return eq(sympy.Limit(A_K, K, sympy.oo), limit.subs(s, -sympy.log(gamma)))


def _falling_stages(premises: Premises) -> Relational:
    limit = sympy.limit(premises["13.15"].rhs.subs(gamma, sympy.exp(-s)), stages, sympy.oo)
    return eq(sympy.Limit(A_K, stages, sympy.oo), limit.subs(s, -sympy.log(gamma)))


SUM_STEPS = (
    *_closed_forms(),
    algebra(
        "13.15",
        "Step decay by the factor gamma every D steps: after n_D whole stages and r_D steps of the next",
        eq(A_K, eta * _of_stages(SHAPES["step"].total)),
        "docs/theory.md, result 13",
        (),
        Derived("add D steps per whole stage, a geometric sum, and the rest", lambda _: _staged(A_K, gamma, eta)),
    ),
    algebra(
        "13.16",
        "and of the squares.",
        eq(H_K, eta**2 * _of_stages(SHAPES["step"].squares)),
        "docs/theory.md, result 13",
        (),
        Derived("the same with gamma² for gamma", lambda _: _staged(H_K, gamma**2, eta**2)),
    ),
    _held(A_K, A_D, 1, "A decay that keeps its end rate, beyond D"),
    _held(H_K, H_D, 2, "and of the squares."),
)

CONVERGENCE_STEPS = (
    algebra(
        "13.19",
        "With a positive end rate the squares grow as K: linear, polynomial and cosine decay fail the second condition "
        "of Robbins and Monro.",
        eq(sympy.Limit(H_K / K, K, sympy.oo), (eta * end_factor) ** 2),
        "docs/theory.md, result 13",
        ("13.18",),
        Derived("limit of 13.18 over K", lambda p: _limit(H_K / K, p["13.18"].rhs / K)),
    ),
    algebra(
        "13.20",
        "eta/(1 + k/tau) meets the first",
        eq(sympy.Limit(A_K / sympy.log(K), K, sympy.oo), eta * tau),
        "docs/theory.md, result 13",
        (_number("inverse", 1),),
        Derived("limit of 13.9 over log K", lambda p: _limit(A_K / sympy.log(K), p["13.9"].rhs / sympy.log(K))),
    ),
    algebra(
        "13.21",
        "and the second.",
        eq(sympy.Limit(H_K, K, sympy.oo), (eta * tau) ** 2 * sympy.polygamma(1, tau)),
        "docs/theory.md, result 13",
        (_number("inverse", 2),),
        Derived("limit of 13.10", lambda p: _limit(H_K, p["13.10"].rhs)),
    ),
    algebra(
        "13.22",
        "Powers: below the exponent 1 the integral grows without bound,",
        eq(sympy.Limit(_integral(1 - s) / K**s, K, sympy.oo), 1 / s),
        "docs/theory.md, result 13",
        (),
        Derived("integrate, divide by K^s, let K grow", lambda _: _power_limit(1 - s, K**s)),
    ),
    algebra(
        "13.23",
        "above it the integral converges.",
        eq(sympy.Limit(_integral(1 + s), K, sympy.oo), 1 / s),
        "docs/theory.md, result 13",
        (),
        Derived("integrate, let K grow", lambda _: _power_limit(1 + s, sympy.Integer(1))),
    ),
    algebra(
        "13.24",
        "Exponential decay fails the first condition,",
        eq(sympy.Limit(A_K, K, sympy.oo), eta / (1 - gamma)),
        "docs/theory.md, result 13",
        (_number("exponential", 1),),
        Derived("limit of 13.13, gamma = exp(-s), s > 0", _falling),
    ),
    algebra(
        "13.25",
        "and so does step decay.",
        eq(sympy.Limit(A_K, stages, sympy.oo), eta * decay_steps / (1 - gamma)),
        "docs/theory.md, result 13",
        ("13.15",),
        Derived("limit of 13.15, gamma = exp(-s), s > 0", _falling_stages),
    ),
    argument(
        "13.26",
        "By the integral test (k+1)^-p meets the first condition for p up to 1 and the second for p above 1/2. So of "
        "these schedules only eta/(1 + k/tau) and (k+1)^-p with 1/2 < p <= 1 meet both; linear decay to a positive end "
        "rate, as in the paper's experiments, does not.",
        None,
        "docs/theory.md, result 13; Robbins and Monro 1951",
        ("13.19", "13.20", "13.21", "13.22", "13.23", "13.24", "13.25"),
    ),
)
