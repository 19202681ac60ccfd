"""The two kinds of check on small claims: what they accept and what they refuse."""

import pytest
import sympy

from theory.checking.inner import base, inner
from theory.checking.proof import Certificate, Derived, Kind, NormSquare, Step, eq, expand_definitions, is_zero, le, lt

a, b = sympy.symbols("a b", positive=True)
y, z = sympy.symbols("y z", real=True)
ONE = sympy.Integer(1)


def inequality(claim, check, follows_from=(), given=()):
    return Step("", Kind.INEQUALITY, "s", "", claim, "", follows_from, check, given)


def test_a_sum_of_squares_proves_the_mean_inequality():
    assert inequality(le(2 * y * z, y**2 + z**2), Certificate(remainder=((y - z) ** 2,))).verify({}) is True


def test_an_identity_that_does_not_match_is_refused():
    assert inequality(le(3 * y * z, y**2 + z**2), Certificate(remainder=((y - z) ** 2,))).verify({}) is False


def test_a_term_of_unknown_sign_is_refused():
    assert inequality(le(0, y), Certificate(remainder=(y,))).verify({}) is False


def test_a_negative_multiplier_is_refused_for_an_inequality_and_not_for_an_equation():
    claim, check = le(y, z), Certificate({"p": -ONE})
    assert inequality(claim, check, ("p",)).verify({"p": le(z, y)}) is False
    assert inequality(claim, check, ("p",)).verify({"p": eq(z, y)}) is True


def test_a_strict_claim_needs_a_strict_term():
    strict, weak = lt(y, z), le(y, z)
    check = Certificate({"p": a})
    scaled = lt(a * y, a * z)
    assert inequality(scaled, check, ("p",)).verify({"p": strict}) is True
    assert inequality(scaled, check, ("p",)).verify({"p": weak}) is False
    assert inequality(lt(0, a + y**2), Certificate(remainder=(a, y**2))).verify({}) is True
    assert inequality(lt(0, y**2), Certificate(remainder=(y**2,))).verify({}) is False


def test_a_sign_may_come_from_a_strict_premise_only():
    claim = le(0, a / y)
    check = Certificate(remainder=(a / y,), positive=("given",))
    assert inequality(claim, check, given=(lt(0, y),)).verify({}) is True
    assert inequality(claim, check, given=(le(0, y),)).verify({}) is False
    assert inequality(claim, check, given=(lt(0, z),)).verify({}) is False


def test_cauchy_schwarz_with_a_constant_by_a_norm_square():
    u, d = base("u"), base("d")
    young = le(2 * a * inner(u, d), inner(u, u) + a**2 * inner(d, d))
    assert inequality(young, Certificate(remainder=(NormSquare(ONE, u - a * d),))).verify({}) is True
    assert inequality(young, Certificate(remainder=(NormSquare(ONE, u + a * d),))).verify({}) is False
    assert inequality(le(0, -inner(u, u)), Certificate(remainder=(NormSquare(-ONE, u),))).verify({}) is False


def test_an_equation_has_no_certificate():
    assert Certificate(remainder=(sympy.Integer(0),)).holds(eq(y, y), {}, ()) is False


def test_a_derived_claim_must_have_both_sides_and_the_relation_right():
    check = Derived("expand", lambda _: eq(y, (a + b) ** 2))
    assert check.holds(eq(y, a**2 + 2 * a * b + b**2), {}, ()) is True
    assert check.holds(eq(y, a**2 + a * b + b**2), {}, ()) is False
    assert check.holds(eq(z, (a + b) ** 2), {}, ()) is False
    assert check.holds(le(y, (a + b) ** 2), {}, ()) is False


def test_an_operation_sees_only_the_premises_it_cites():
    step = Step("", Kind.ALGEBRA, "s", "", eq(y, a), "", ("p",), Derived("copy", lambda p: p["q"]))
    with pytest.raises(KeyError, match="q"):
        step.verify({"p": eq(y, a), "q": eq(y, a)})


def test_definitions_may_use_each_other():
    assert expand_definitions(y, (eq(y, 2 * z), eq(z, a + 1))) == 2 * a + 2


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ((a + b) ** 2 - a**2 - 2 * a * b - b**2, True),
        (a / b - b / a, False),
        (sympy.sqrt(1 - a / b) - sympy.sqrt((b - a) / b), True),
        (2 ** (a + 1) - 2 * 2**a, True),
        (2**a - 3**a, False),
        (sympy.log(a * b) - sympy.log(a) - sympy.log(b), True),
    ],
)
def test_is_zero(expression, expected):
    assert is_zero(expression) is expected


@pytest.mark.parametrize(
    ("kind", "claim", "check"),
    [
        (Kind.ALGEBRA, eq(y, z), None),
        (Kind.ALGEBRA, None, Certificate()),
        (Kind.ARGUMENT, eq(y, z), Certificate()),
        (Kind.ASSUMPTION, eq(y, z), Certificate()),
    ],
)
def test_a_step_with_the_wrong_parts_is_refused(kind, claim, check):
    with pytest.raises(ValueError, match="step s: algebra and inequality need a claim and a check"):
        Step("", kind, "s", "", claim, "", (), check)
