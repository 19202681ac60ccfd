"""Result 13, first part: sums of the rates and of their squares, in closed form, and which converge."""

import sympy

from theory.checking.analysis import Evaluated, Itself, Limited
from theory.checking.checks import Telescopes, by
from theory.checking.operations import Times
from theory.checking.proof import Step, algebra, argument
from theory.checking.relations import eq, lt
from theory.numbers.schedules import SHAPES
from theory.symbols import A_D, A_K, H_D, H_K, K, decay_steps, end_factor, eta, gamma, i, k, rest, s, stages, tau, y

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
                    check=Telescopes(K),
                    definitions=(eq(total, sympy.Sum((eta * shape.rate) ** degree, (k, 0, K - 1))),),
                )
            )
    return tuple(steps)


def _number(name: str, degree: int) -> str:
    return f"13.{2 * list(_WORDS).index(name) + degree}"


def _staged(id_: str, words: str, total: sympy.Symbol, degree: int) -> Step:
    """Return the step for D steps in each whole stage, and the rest in the next."""
    shape = SHAPES["step"]
    closed = shape.total if degree == 1 else shape.squares
    at_stages = closed.subs(sympy.floor(K / decay_steps), stages).subs(K, decay_steps * stages + rest)
    whole = sympy.Sum(decay_steps * gamma ** (degree * i), (i, 0, stages - 1))
    return algebra(
        id_,
        words,
        eq(total, eta**degree * at_stages),
        check=Telescopes(stages),
        definitions=(eq(total, eta**degree * (whole + rest * gamma ** (degree * stages))),),
    )


def _held(total: sympy.Symbol, at_D: sympy.Symbol, degree: int, words: str) -> Step:
    beyond = sympy.Sum((eta * end_factor) ** degree, (k, decay_steps, K - 1))
    return algebra(
        f"13.{_PAIRS + 2 + degree}",
        words,
        eq(total, at_D + (K - decay_steps) * (eta * end_factor) ** degree),
        check=Telescopes(K),
        definitions=(eq(total, at_D + beyond),),
    )


def _integral(exponent: sympy.Expr) -> sympy.Integral:
    return sympy.Integral(y**-exponent, (y, 1, K))


SUM_STEPS = (
    *_closed_forms(),
    _staged("13.15", "Step decay by gamma every D steps: after n_D whole stages and r_D steps of the next", A_K, 1),
    _staged("13.16", "and of the squares.", H_K, 2),
    _held(A_K, A_D, 1, "A decay that keeps its end rate, beyond D"),
    _held(H_K, H_D, 2, "and of the squares."),
)

CONVERGENCE_STEPS = (
    algebra(
        "13.19",
        "With a positive end rate the squares grow as K: linear, polynomial and cosine decay fail the second condition "
        "of Robbins and Monro.",
        eq(sympy.Limit(H_K / K, K, sympy.oo), (eta * end_factor) ** 2),
        ("13.18",),
        by("13.18", Times(1 / K), Limited(K, sympy.oo)),
    ),
    algebra(
        "13.20",
        "eta/(1 + k/tau) meets the first",
        eq(sympy.Limit(A_K / sympy.log(K), K, sympy.oo), eta * tau),
        (_number("inverse", 1),),
        by(_number("inverse", 1), Times(1 / sympy.log(K)), Limited(K, sympy.oo)),
    ),
    algebra(
        "13.21",
        "and the second.",
        eq(sympy.Limit(H_K, K, sympy.oo), (eta * tau) ** 2 * sympy.polygamma(1, tau)),
        (_number("inverse", 2),),
        by(_number("inverse", 2), Limited(K, sympy.oo)),
    ),
    algebra(
        "13.22",
        "Powers: below the exponent 1 the integral grows without bound,",
        eq(sympy.Limit(_integral(1 - s) / K**s, K, sympy.oo), 1 / s),
        check=by(Itself(_integral(1 - s) / K**s), Evaluated(), Limited(K, sympy.oo)),
    ),
    algebra(
        "13.23",
        "above it the integral converges.",
        eq(sympy.Limit(_integral(1 + s), K, sympy.oo), 1 / s),
        check=by(Itself(_integral(1 + s)), Evaluated(), Limited(K, sympy.oo)),
    ),
    algebra(
        "13.24",
        "Exponential decay fails the first condition,",
        eq(sympy.Limit(A_K, K, sympy.oo), eta / (1 - gamma)),
        (_number("exponential", 1),),
        by(_number("exponential", 1), Limited(K, sympy.oo, below_one=gamma)),
        given=(lt(gamma, 1),),
    ),
    algebra(
        "13.25",
        "and so does step decay.",
        eq(sympy.Limit(A_K, stages, sympy.oo), eta * decay_steps / (1 - gamma)),
        ("13.15",),
        by("13.15", Limited(stages, sympy.oo, below_one=gamma)),
        given=(lt(gamma, 1),),
    ),
    argument(
        "13.26",
        "By the integral test (k+1)^-p meets the first condition for p up to 1 and the second for p above 1/2. So of "
        "these schedules only eta/(1 + k/tau) and (k+1)^-p with 1/2 < p <= 1 meet both. A constant rate fails the "
        "second, and so does linear decay to a positive end rate, as in the paper's experiments. Decay to 0 in D steps "
        "fails the first: its sum stays.",
        None,
        ("13.17", "13.19", "13.20", "13.21", "13.22", "13.23", "13.24", "13.25"),
        reference="docs/theory.md, result 13; Robbins and Monro 1951",
    ),
)
