"""What each operation makes of a relation, and what it refuses: whatever would not keep it true."""

from dataclasses import dataclass
from typing import Any

import pytest
import sympy

from theory.checking import analysis, moments, operations
from theory.checking.analysis import (
    Best,
    BestValue,
    Derivative,
    Integrated,
    Limited,
    Logs,
    Rounded,
    Sharpest,
    Slope,
    Split,
    Summed,
    Taylor,
)
from theory.checking.assumptions import FIRST_MOMENT, SGD, SMOOTH
from theory.checking.inner import base, inner
from theory.checking.moments import AtStep, Equal, Mean, Move
from theory.checking.operations import (
    Inverted,
    Meaning,
    Name,
    Put,
    RightSide,
    Roots,
    Solve,
    Times,
    Using,
    Where,
    With,
)
from theory.checking.premises import Known, Premises, UnprovenError
from theory.checking.proof import argument
from theory.checking.relations import eq, le, lt
from theory.sequences import F, G, G_of, goal, rate
from theory.symbols import (
    K_1,
    B,
    G_mean,
    K,
    K_doubled,
    L,
    M,
    beta,
    c1,
    c2,
    eta,
    f_next,
    f_now,
    k,
    mean_square,
    mu,
    n,
    nu,
    r,
    x,
)

ONE, TWO = sympy.Integer(1), sympy.Integer(2)
y = sympy.Symbol("y", real=True)
GRAD, SAMPLE, MOVE = base("grad"), base("g"), base("d")


def words(claim=None, given=(), definitions=()):
    return argument("", "", claim, given=given, definitions=definitions)


PREMISES = {
    "words": words(),
    "c1 is": words(eq(c1, 3 * c2)),
    "M at most": words(le(M, beta)),
    "defines M": words(le(G_mean, M), definitions=(eq(M, beta / B),)),
    "conditional": words(eq(c1, 3 * c2), given=(lt(B, K),)),
    SGD.id: SGD,
    FIRST_MOMENT.id: FIRST_MOMENT,
}
NAMES = {K_1: c1 / B + c2, c1: beta, c2: L}


def applied(operation, relation):
    return operation.apply(Known(relation), Premises(PREMISES, (lt(x, 1),), NAMES, (eq(r, c1 / B),)))


@dataclass
class Case:
    operation: Any
    relation: Any
    expected: Any
    conditions: frozenset = frozenset()


CASES = [
    Case(Put({B: 2 * B, K_1: K_doubled}), eq(K_1, c1 / B + c2), eq(K_doubled, c1 / (2 * B) + c2)),
    Case(Put({k: k + 1}), le(F(k + 1), F(k)), le(F(k + 2), F(k + 1))),
    Case(Put({beta: 0}), le(M, beta), le(M, 0)),  # the limit of positive values
    Case(Using("c1 is"), eq(K, c1 / B), eq(K, 3 * c2 / B)),
    Case(Using("conditional"), eq(K, c1 / B), eq(K, 3 * c2 / B), frozenset({lt(B, K)})),
    Case(Using(Meaning("defines M", M, le(G_mean, M))), eq(K, M), eq(K, beta / B)),
    Case(RightSide(G_mean, x, {M: 0}), le(G_mean, M + beta), eq(x, beta)),
    Case(Where(G_mean, goal(B), K, K_1), le(G_mean, M / K), eq(goal(B), M / K_1)),
    Case(Name(r), eq(K, c2 + c1 / B), eq(K, c2 + r)),
    Case(Solve(K), eq(c1, c2 / K), eq(K, c2 / c1)),
    Case(Roots(r, larger=True), eq(ONE, r * (3 - r)), eq(r, (3 + sympy.sqrt(5)) / 2)),
    Case(Roots(r, larger=False), eq(ONE, r * (3 - r)), eq(r, (3 - sympy.sqrt(5)) / 2)),
    Case(Times(L), le(M, beta), le(L * M, L * beta)),
    Case(Inverted(), eq(K, c1), eq(1 / K, 1 / c1)),
    Case(With("-", "c1 is"), le(K, c1), le(K - c1, c1 - 3 * c2)),
    Case(With("/", "c1 is"), eq(K, c2), eq(K / c1, sympy.Rational(1, 3))),
    Case(Best(K, eta, x), eq(K, eta + L / eta), eq(x, sympy.sqrt(L))),
    Case(BestValue(K, eta, x, most=True), eq(K, eta * (L - eta)), eq(x, L**2 / 4)),
    Case(Taylor(K, x, K_1), eq(K, 1 / (1 - x)), eq(K_1, 1 + x)),
    Case(Slope(K, B, r), eq(K, B**2), eq(r, TWO)),
    Case(Derivative(K, B, r, TWO, times=B), eq(K, B**2), eq(r, sympy.Integer(8))),
    Case(Limited(B, sympy.oo), eq(K, L + M / B), eq(sympy.Limit(K, B, sympy.oo), L)),
    Case(Limited(n, sympy.oo, below_one=x), eq(K, x**n), eq(sympy.Limit(K, n, sympy.oo), 0), frozenset({lt(x, 1)})),
    Case(Sharpest(x, L, M), eq(K, (1 + (L / M) ** (1 / x)) ** x), eq(sympy.Limit(K, x, 0), 1), frozenset({lt(L, M)})),
    Case(Logs(), eq(K, c1 / B), eq(sympy.log(K), sympy.log(c1) - sympy.log(B))),
    Case(Rounded(K, x, 1, {c1: ONE, c2: sympy.Integer(3)}), eq(K, c1 / c2), eq(x, sympy.Rational(3, 10))),
    Case(Integrated(x, sympy.Integer(0), ONE), le(K, L * x), le(K, L / 2)),
    Case(
        Split(),
        eq(K, sympy.Integral(L * G_of(x) + G_of(x) ** 2 / B, (x, ONE, TWO))),
        eq(K, L * sympy.Integral(G_of(x), (x, ONE, TWO)) + sympy.Integral(G_of(x) ** 2, (x, ONE, TWO)) / B),
    ),
    Case(Summed(), le(F(k + 1) - F(k), M), le(F(K + 1) - F(1), K * M)),
    Case(Equal(SGD.id), le(0, inner(GRAD, MOVE)), le(0, -eta * inner(GRAD, SAMPLE))),
    Case(Move({"d": TWO * GRAD}, {f_now: f_next}), le(f_now, inner(GRAD, MOVE)), le(f_next, 2 * inner(GRAD, GRAD))),
    Case(Mean("words"), le(M, L * inner(SAMPLE, SAMPLE)), le(M, L * mean_square)),
    Case(AtStep("words"), le(eta, f_now + inner(GRAD, GRAD)), le(rate(k), F(k) + G(k))),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: type(case.operation).__name__)
def test_an_operation_keeps_the_relation(case):
    found = applied(case.operation, case.relation)
    assert found.relation.rel_op == case.expected.rel_op
    assert [sympy.simplify(a - b) for a, b in zip(found.relation.args, case.expected.args, strict=True)] == [0, 0]
    assert found.conditions == case.conditions
    assert case.operation.words()


REFUSALS = [
    # a run's own parameters do not change under it
    Case(Put({nu: 2 * nu}), le(F(k + 1), (1 - nu) * F(k)), "is about a run"),
    Case(Put({eta: L}), le(inner(GRAD, GRAD), eta), "is about a run"),
    # what is made of a parameter goes along with it
    Case(Put({B: 2 * B}), eq(K_1, c1 / B), "K_1 depends on what is changed"),
    Case(Put({beta: 2 * beta}), eq(K_1, beta), "K_1 depends on what is changed"),
    Case(Put({beta: -beta}), le(M, beta), "not shown to be positive"),
    Case(Put({beta: beta - M}), le(M, beta), "not shown to be positive"),
    Case(Put({beta: 0}), lt(M, beta), "not shown to be positive"),
    Case(Put({beta: 0}), eq(M, 1 / beta), "has no value there"),
    Case(Put({nu: ONE}), le(M, beta), "nu does not occur"),
    Case(Using("M at most"), eq(K, M), "is no equation"),
    Case(Using("c1 is"), eq(K, M), "changes nothing"),
    Case(Using(Meaning("defines M", M, le(G_mean, 2 * M))), eq(K, M), "not G_mean <= 2"),
    Case(Using(Meaning("defines M", L, le(G_mean, M))), eq(K, L), "does not define L"),
    Case(RightSide(K, x), le(G_mean, M), "the left side is G_mean, not K"),
    Case(RightSide(G_mean, x, {nu: 2 * nu}), le(G_mean, nu), "nu would change under its own name"),
    Case(Where(G_mean, ONE, K, x), le(2 * G_mean, M / K), "the left side is 2"),
    Case(Name(x), eq(K, c1), "x is not defined here"),
    Case(Solve(x), eq(ONE, (x - 2) * (x - 3)), "2 solutions"),
    Case(Solve(K), le(K, c1), "only an equation"),
    Case(Solve(L), eq(M, L * inner(GRAD, GRAD)), "may be 0"),
    Case(Roots(x, larger=True), eq(ONE, x), "1 solutions"),
    Case(Times(y), le(M, beta), "not shown to be positive"),
    Case(Times(-L), le(M, beta), "not shown to be positive"),
    Case(Inverted(), le(M, beta), "only an equation"),
    Case(With("/", "c1 is"), le(M, beta), "only an equation"),
    Case(With("-", "M at most"), le(K, c1), "only an equation"),
    Case(Best(K, eta, x), eq(K, eta), "0 extremes"),
    Case(Best(K, eta, x), eq(K, eta * (L - eta)), "no least value"),
    Case(BestValue(K, eta, x, most=True), eq(K, eta + L / eta), "no largest value"),
    Case(Best(K_1, eta, x), eq(K, eta + L / eta), "the left side is K, not K_1"),
    Case(Slope(K, B, r), eq(K, c1 * B + K_1), "K_1 depends on B"),
    Case(Derivative(K, B, r, ONE), eq(K, K_1), "K_1 depends on B"),
    Case(Limited(B, sympy.oo), eq(K, K_1), "K_1 depends on B"),
    Case(Limited(B, sympy.oo), le(K, c1), "only an equation"),
    Case(Rounded(K_1, x, 1, {c1: ONE}), eq(K, c1), "the left side is K, not K_1"),
    Case(Rounded(K, x, 1, {c1: ONE}), eq(K, c1 / c2), "is no number"),
    Case(Rounded(K, x, 1, {c1: ONE, c2: ONE}), eq(K, c1), "c2 does not occur"),
    Case(Integrated(x, ONE, sympy.Integer(0)), le(K, L * x), "the interval has no length"),
    Case(Equal("c1 is"), le(0, inner(GRAD, MOVE)), "says of no two vectors"),
    Case(Equal(SGD.id), le(0, inner(GRAD, GRAD)), "changes nothing"),
    Case(Equal("given", (MOVE, GRAD)), le(0, inner(GRAD, MOVE)), "says of no two vectors"),
    Case(Move({"g": GRAD}), le(0, inner(GRAD, SAMPLE)), "only the point and the move are free"),
    Case(Move({}, {mu: L}), le(0, mu), "only the point and the move are free"),
    Case(Mean("words"), le(0, f_next**2), "is not linear"),
    Case(Mean("words"), le(0, inner(GRAD, SAMPLE) * f_next), "is not linear"),
    Case(Mean("c1 is"), le(0, f_next), "no argument in words"),
    Case(AtStep("words"), le(0, f_now * inner(GRAD, GRAD)), "is not linear"),
]


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: f"{type(case.operation).__name__}-{case.expected[:20]}")
def test_an_operation_refuses_what_would_not_keep_it_true(case):
    with pytest.raises(UnprovenError, match=case.expected):
        applied(case.operation, case.relation)


def test_a_condition_that_changes_with_the_step_stops_a_sum():
    with pytest.raises(UnprovenError, match="changes with k"):
        Summed().apply(Known(le(F(k + 1), F(k)), frozenset({lt(G(k), 1)})), Premises({}))


def test_the_smoothness_of_a_segment_stays_an_integral():
    along = le(inner(base("u"), MOVE), L * x * inner(MOVE, MOVE))
    found = applied(Integrated(x, sympy.Integer(0), ONE), along).relation
    assert found.lhs == sympy.Integral(inner(base("u"), MOVE), (x, 0, 1))
    assert found.rhs == L * inner(MOVE, MOVE) / 2
    assert SMOOTH.claim is not None


def test_every_operation_is_tried():
    known = {
        item
        for module in (operations, moments, analysis)
        for item in vars(module).values()
        if isinstance(item, type) and item.__module__ == module.__name__ and "apply" in vars(item)
    }
    left_to_the_results = {"Operation", "Evaluated", "Simplified", "TakenOut"}
    assert {item.__name__ for item in known} - left_to_the_results == {type(case.operation).__name__ for case in CASES}
