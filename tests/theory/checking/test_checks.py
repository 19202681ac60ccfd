"""The kinds of check on small claims: what they accept and what they refuse."""

import pytest
import sympy

from theory.checking.checks import Certificate, Identity, NormSquare, Telescopes, by
from theory.checking.inner import base, inner
from theory.checking.premises import Premises, UnprovenError
from theory.checking.proof import Kind, Step, prove
from theory.checking.relations import eq, expand_definitions, is_zero, le, lt

a, b = sympy.symbols("a b", positive=True)
y, z = sympy.symbols("y z", real=True)
n, i = sympy.symbols("n i", integer=True, nonnegative=True)
ONE = sympy.Integer(1)


def step(claim, check=None, follows_from=(), given=(), definitions=()):
    kind = Kind.ARGUMENT if check is None else Kind.ALGEBRA if claim.rel_op == "==" else Kind.INEQUALITY
    return Step(kind, "s", "", claim, follows_from, check, given, definitions)


def holds(claim, check, premises=None, given=(), definitions=()):
    """Return whether a step holds that cites steps with these claims."""
    cited = {
        name: premise if isinstance(premise, Step) else step(premise) for name, premise in (premises or {}).items()
    }
    try:
        prove(step(claim, check, tuple(cited), given, definitions), cited, {})
    except UnprovenError:
        return False
    return True


def test_a_sum_of_squares_proves_the_mean_inequality():
    assert holds(le(2 * y * z, y**2 + z**2), Certificate(remainder=((y - z) ** 2,)))


def test_an_identity_that_does_not_match_is_refused():
    assert not holds(le(3 * y * z, y**2 + z**2), Certificate(remainder=((y - z) ** 2,)))


def test_a_term_of_unknown_sign_is_refused():
    assert not holds(le(0, y), Certificate(remainder=(y,)))


def test_a_negative_multiplier_is_refused_for_an_inequality_and_not_for_an_equation():
    claim, check = le(y, z), Certificate({"p": -ONE})
    assert not holds(claim, check, {"p": le(z, y)})
    assert holds(claim, check, {"p": eq(z, y)})


def test_a_strict_claim_needs_a_strict_term():
    strict, weak, check, scaled = lt(y, z), le(y, z), Certificate({"p": a}), lt(a * y, a * z)
    assert holds(scaled, check, {"p": strict})
    assert not holds(scaled, check, {"p": weak})
    assert holds(lt(0, a + y**2), Certificate(remainder=(a, y**2)))
    assert not holds(lt(0, y**2), Certificate(remainder=(y**2,)))


def test_a_sign_may_come_from_a_condition():
    claim = le(0, a / y)
    check = Certificate(remainder=(a / y,), positive=("given",))
    assert holds(claim, check, given=(lt(0, y),))
    assert not holds(claim, check, given=(le(0, y),))
    assert not holds(claim, check, given=(lt(0, z),))
    assert holds(le(0, a * y), Certificate(remainder=(a * y,), positive=("given",)), given=(le(0, y),))
    # the sign of 2 - y, where only the difference is known to be positive
    assert holds(
        le(0, a / (2 + 2 * a - y)),
        Certificate(remainder=(a / (2 + 2 * a - y),), positive=("given",)),
        given=(lt(y, 2),),
    )


def test_a_sign_of_no_use_is_refused():
    assert not holds(le(0, a), Certificate(remainder=(a,), positive=("given",)), given=(lt(0, y),))


def test_cauchy_schwarz_with_a_constant_by_a_norm_square():
    u, d = base("u"), base("d")
    young = le(2 * a * inner(u, d), inner(u, u) + a**2 * inner(d, d))
    assert holds(young, Certificate(remainder=(NormSquare(ONE, u - a * d),)))
    assert not holds(young, Certificate(remainder=(NormSquare(ONE, u + a * d),)))
    assert not holds(le(0, -inner(u, u)), Certificate(remainder=(NormSquare(-ONE, u),)))


def test_an_equation_has_no_certificate():
    assert not holds(eq(y, y), Certificate(remainder=(sympy.Integer(0),)))


def test_a_derived_claim_must_have_both_sides_and_the_relation_right():
    premise = {"p": eq(y, (a + b) ** 2)}
    assert holds(eq(y, a**2 + 2 * a * b + b**2), by("p"), premise)
    assert holds(eq(y - a**2, 2 * a * b + b**2), by("p"), premise)  # a term has changed sides
    assert not holds(eq(y, a**2 + a * b + b**2), by("p"), premise)
    assert not holds(eq(z, (a + b) ** 2), by("p"), premise)
    assert not holds(le(y, (a + b) ** 2), by("p"), premise)


def test_a_premise_that_is_cited_and_not_read_is_refused():
    assert not holds(eq(y, a), by("p"), {"p": eq(y, a), "q": eq(z, a)})


def test_a_check_sees_only_the_premises_it_cites():
    with pytest.raises(KeyError, match="q"):
        holds(eq(y, a), by("q"), {"p": eq(y, a)})


def test_an_equation_that_rewrites_nothing_is_refused():
    assert holds(eq(y, b), by("p", using=("q",)), {"p": eq(y, a), "q": eq(a, b)})
    assert not holds(eq(y, a), by("p", using=("q",)), {"p": eq(y, a), "q": eq(z, b)})
    assert not holds(eq(y, a), by("p", using=("q",)), {"p": eq(y, a), "q": le(a, b)})
    assert not holds(eq(y, a), by("p"), {"p": eq(y, a)}, definitions=(eq(z, b),))


def test_conditions_travel_along():
    conditional = step(eq(y, a), given=(lt(z, 1),))
    assert holds(eq(y, a), by("p"), {"p": conditional}, given=(lt(z, 1),))
    assert not holds(eq(y, a), by("p"), {"p": conditional})
    assert not holds(eq(y, a), by("p"), {"p": conditional}, given=(lt(z, 2),))
    assert not holds(eq(y, b), by("q", using=("p",)), {"p": step(eq(a, b), given=(lt(z, 1),)), "q": eq(y, a)})


def test_a_condition_may_be_the_claim_of_another_premise_or_plain():
    conditional = step(eq(y, a), given=(lt(z, 1),))
    assert holds(eq(y, a), by("p"), {"p": conditional, "q": lt(z, 1)})
    assert holds(eq(y, a), by("p"), {"p": step(eq(y, a), given=(lt(0, a + b),))})


def test_a_condition_of_no_use_is_refused():
    assert not holds(eq(y, a), by("p"), {"p": eq(y, a)}, given=(lt(z, 1),))


def test_a_name_has_one_meaning():
    naming = step(eq(y, a), definitions=(eq(a, 2 * b),))
    assert holds(eq(y, 2 * b), by("p"), {"p": naming}, definitions=(eq(a, 2 * b),))
    names = {a: 2 * b}
    with pytest.raises(UnprovenError, match="another meaning"):
        prove(step(eq(y, 3 * b), by("p"), ("p",), definitions=(eq(a, 3 * b),)), {"p": naming}, names)


def test_definitions_are_written_out():
    assert holds(eq(y, b**2), Identity(), definitions=(eq(y, sympy.Derivative(b**3, b) / 3),))
    assert not holds(eq(y, b**2), Identity(), definitions=(eq(y, sympy.Derivative(b**3, b)),))
    longer, shorter = (sympy.Sum(b**i, (i, 0, end)) for end in (n, n - 1))
    assert holds(eq(y, z + b**n), Identity(), definitions=(eq(y, longer), eq(z, shorter)))
    assert not holds(eq(y, z + b**i), Identity(), definitions=(eq(y, longer), eq(z, shorter)))


def test_a_sum_in_closed_form_has_the_right_start_and_growth():
    numbers = (eq(y, sympy.Sum(i, (i, 1, n))),)
    assert holds(eq(y, n * (n + 1) / 2), Telescopes(n), definitions=numbers)
    assert not holds(eq(y, n * (n + 1) / 2 + 1), Telescopes(n), definitions=numbers)  # wrong start
    assert not holds(eq(y, n**2), Telescopes(n), definitions=numbers)  # wrong growth
    assert not holds(eq(y, n), Telescopes(n), definitions=(eq(y, n),))  # no sum


def test_an_argument_in_words_licenses_and_says_nothing():
    premises = Premises({"words": step(None)})
    with pytest.raises(UnprovenError, match="in words"):
        premises.known("words")
    premises.licence("words")
    assert premises.read == {"words"}
    with pytest.raises(UnprovenError, match="no argument in words"):
        Premises({"p": step(eq(y, a))}).licence("p")


def test_definitions_may_use_each_other():
    definitions = (eq(y, 2 * z), eq(z, a + b))
    assert expand_definitions(y + 1, definitions).expand() == 2 * a + 2 * b + 1


F, P = sympy.Function("F", real=True), sympy.Function("P", positive=True)
EXPRESSIONS = [
    ((a + b) ** 2 - a**2 - 2 * a * b - b**2, True),
    (a / b - b / a, False),
    (sympy.sqrt(1 - a / b) - sympy.sqrt((b - a) / b), True),
    (2 ** (a + 1) - 2 * 2**a, True),
    (2**a - 3**a, False),
    (sympy.sqrt(a**2) - a, True),
    (sympy.log(a / b) - sympy.log(a) + sympy.log(b), True),
    (sympy.Sum(y * n, (n, 1, 3)) - sympy.Sum(y * n, (n, 1, 3)), True),
    (sympy.Sum(y * n, (n, 1, 3)) - sympy.Sum(z * n, (n, 1, 3)), False),
    # a name stands for what is positive only where it is
    (sympy.sqrt(F(a) ** 2) - F(a), False),
    (sympy.sqrt(P(a) ** 2) - P(a), True),
]


@pytest.mark.parametrize(("expression", "expected"), EXPRESSIONS, ids=str)
def test_is_zero(expression, expected):
    assert is_zero(expression) is expected


@pytest.mark.parametrize(
    ("kind", "claim", "check", "message"),
    [
        (Kind.ALGEBRA, eq(y, z), None, "need a claim and a check"),
        (Kind.ALGEBRA, None, Certificate(), "need a claim and a check"),
        (Kind.ARGUMENT, eq(y, z), Certificate(), "others have none"),
        (Kind.ASSUMPTION, eq(y, z), Certificate(), "others have none"),
        (Kind.ASSUMPTION, None, None, "an assumption needs a formula that checks can read"),
        (Kind.ALGEBRA, eq(y, z), "trust me", "str is no kind of check"),
    ],
)
def test_a_step_with_the_wrong_parts_is_refused(kind, claim, check, message):
    with pytest.raises(ValueError, match=f"step s: .*{message}"):
        Step(kind, "s", "", claim, check=check)
