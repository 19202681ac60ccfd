"""Relations between expressions that are never evaluated, and what can be shown of an expression: zero, or a sign."""

from collections.abc import Mapping
from functools import cache

import sympy
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

Values = Mapping[sympy.Expr, sympy.Expr]
_OPAQUE = (AppliedUndef, sympy.Sum, sympy.Integral, sympy.Limit, sympy.harmonic, sympy.polygamma)


def eq(left: sympy.Expr, right: sympy.Expr) -> Relational:
    """Return left = right, unevaluated."""
    return sympy.Eq(left, right, evaluate=False)


def le(left: sympy.Expr, right: sympy.Expr) -> Relational:
    """Return left <= right, unevaluated."""
    return sympy.Le(left, right, evaluate=False)


def lt(left: sympy.Expr, right: sympy.Expr) -> Relational:
    """Return left < right, unevaluated."""
    return sympy.Lt(left, right, evaluate=False)


def gap(relation: Relational) -> sympy.Expr:
    """Return right - left."""
    return relation.rhs - relation.lhs


def put(relation: Relational, meaning: Values) -> Relational:
    """Return the relation with terms replaced on both sides, all at once."""
    return relation.func(*(replace(side, meaning) for side in relation.args), evaluate=False)


def replace(expression: sympy.Expr, meaning: Values) -> sympy.Expr:
    """Return an expression with terms replaced, all at once; running indices of sums and integrals stay."""
    bound = expression.atoms(sympy.Symbol) - expression.free_symbols
    if bound & meaning.keys():
        return expression.subs(dict(meaning), simultaneous=True)
    return expression.xreplace({sympy.sympify(name): sympy.sympify(value) for name, value in meaning.items()})


def expand_definitions(expression: sympy.Expr, definitions: tuple[Relational, ...]) -> sympy.Expr:
    """Return the expression with every defined term replaced, repeatedly: definitions may use each other."""
    meaning = {d.lhs: d.rhs for d in definitions}
    for _ in meaning:
        expression = replace(expression, meaning)
    return expression


def is_zero(expression: sympy.Expr) -> bool:
    """Return whether an expression simplifies to zero; for rational functions cancelling decides.

    Undefined and special functions, sums, integrals and limits are names here: each must cancel against itself, and
    its name has the sign that it is known to have.
    """
    expression = expression.xreplace({part: _name_of(part) for part in expression.atoms(*_OPAQUE)})
    if expression == 0 or expression.has(sympy.zoo, sympy.nan):
        return bool(expression == 0)
    if expression.is_rational_function():
        return bool(sympy.polys.fields.sfield(expression)[1] == 0)
    if refuted(expression):
        return False
    return bool(sympy.cancel(sympy.together(sympy.expand(expression))) == 0 or sympy.simplify(expression) == 0)


@cache
def _name_of(part: sympy.Expr) -> sympy.Dummy:
    if part.is_positive:
        return sympy.Dummy(positive=True)
    return sympy.Dummy(nonnegative=True) if part.is_nonnegative else sympy.Dummy(real=True)


def refuted(expression: sympy.Expr) -> bool:
    """Return whether the value at one point, to 30 digits, is not zero; this spares a simplification that must fail."""
    symbols = sorted(expression.free_symbols, key=str)
    point = {q: sympy.Rational(*((2 + n, 1) if q.is_integer else (11 + 2 * n, 97))) for n, q in enumerate(symbols)}
    value = expression.evalf(30, subs=point)
    return bool(value.is_number and value.is_finite and abs(value) > 1e-9)


def sign(expression: sympy.Expr) -> str | None:
    """Return "+" for a positive expression, "0" for a non-negative one, None when neither is shown."""
    forms = (expression, sympy.factor(sympy.together(expression)))
    if any(form.is_positive for form in forms):
        return "+"
    return "0" if any(form.is_nonnegative for form in forms) else None
