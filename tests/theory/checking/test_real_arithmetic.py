"""The second prover on small statements: what it proves, what it refutes, and when it says nothing."""

import importlib.util

import pytest
import sympy

from theory.checking.real_arithmetic import decide
from theory.checking.relations import eq, le, lt
from theory.checking.statement import Query

pytestmark = pytest.mark.skipif(importlib.util.find_spec("z3") is None, reason="z3 is not installed (extra smt)")

a, b = sympy.symbols("a b", positive=True)
x, y = sympy.symbols("x y", real=True)
n, i = sympy.symbols("n i", integer=True, nonnegative=True)


def outcome(conclusion, *hypotheses):
    return decide([Query(hypotheses, (conclusion,))])


@pytest.mark.parametrize(
    ("conclusion", "hypotheses"),
    [
        (le(2 * x * y, x**2 + y**2), ()),
        (lt(x, y), (lt(a * x, a * y),)),
        (le(sympy.sqrt(a * b), (a + b) / 2), ()),
        (eq(x, a / b), (eq(b * x, a),)),
        (lt(1 / a, 1 / b), (lt(b, a),)),
        (eq(y, a * x), (eq(y, (1 + a) * x - x),)),  # a name is written out
        (le(0, x**n), (le(0, x),)),
        (eq(sympy.sqrt(x**2 + 2 * x + 1), x + 1), (le(-1, x),)),
    ],
)
def test_what_is_true_is_proved(conclusion, hypotheses):
    assert outcome(conclusion, *hypotheses).proved is True


@pytest.mark.parametrize(
    ("conclusion", "hypotheses"),
    [
        (le(3 * x * y, x**2 + y**2), ()),
        (lt(x, y), (lt(x * a, y * b),)),
        (lt(x, y), (le(x, y),)),
        (lt(1 / x, 1 / y), (lt(y, x),)),  # the signs of x and y are open
        (eq(sympy.sqrt(x**2 + 2 * x + 1), x + 1), ()),
        (le(0, x**n), ()),
    ],
)
def test_what_is_false_has_a_counterexample(conclusion, hypotheses):
    found = outcome(conclusion, *hypotheses)
    assert found.proved is False
    assert found.counterexample


def test_a_counterexample_names_its_numbers():
    found = outcome(eq(x, 1), eq(2 * x, 4))
    assert found.counterexample == {"x": "2"}


def test_hypotheses_that_nothing_meets_prove_nothing():
    found = outcome(eq(x, 1), lt(x, 0), lt(0, x))
    assert (found.proved, found.reason) == (None, "nothing meets its hypotheses")


@pytest.mark.parametrize(
    ("conclusion", "reason"),
    [
        (lt(sympy.log(a), a), "a logarithm"),
        (lt(sympy.Derivative(a**2, a), a), "a derivative"),
        (eq(sympy.Sum(i, (i, 0, n)), n * (n + 1) / 2), "a sum over steps"),
        (le(0, x ** (n / 2)), "powers with symbols in the exponent"),
    ],
)
def test_what_is_beyond_it_has_a_reason(conclusion, reason):
    found = outcome(conclusion)
    assert (found.proved, found.reason) == (None, reason)
