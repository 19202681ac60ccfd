"""Every formula of the derivation is sound in its units: a check that knows nothing of the proofs."""

import pytest
import sympy
from sympy.core.function import AppliedUndef

from theory.checking.assumptions import ASSUMPTIONS
from theory.laws import LAWS
from theory.results.all import RESULTS
from theory.sequences import SEQUENCES
from theory.symbols import EXAMPLE, QUANTITIES, STEP

STEPS = [s for s in (*ASSUMPTIONS, *(s for r in RESULTS for s in r.steps)) if s.claim is not None]


def unit(expression):
    """Return the unit of an expression, counts being without one; ValueError if a sum mixes units."""
    if expression.is_Symbol:
        return QUANTITIES[expression].unit.subs({STEP: 1, EXAMPLE: 1})
    if isinstance(expression, AppliedUndef):
        return SEQUENCES[expression.func.__name__][0]
    if isinstance(expression, sympy.Sum | sympy.Limit):
        return unit(expression.args[0])
    if isinstance(expression, sympy.Integral):
        return unit(expression.function) * unit(expression.variables[0])
    if isinstance(expression, sympy.Derivative):
        return unit(expression.expr) / unit(expression.variables[0])
    return sympy.Integer(1) if expression.is_number else unit_of_operation(expression)


def unit_of_operation(expression):
    if expression.is_Mul:
        return sympy.Mul(*map(unit, expression.args))
    if expression.is_Pow:
        same([unit(expression.exp), sympy.Integer(1)], expression)
        return unit(expression.base) if unit(expression.base) == 1 else unit(expression.base) ** expression.exp
    if isinstance(expression, sympy.Function):  # logarithm, cosine, digamma, ...: of a number, and a number
        return same([*map(unit, expression.args), sympy.Integer(1)], expression)
    if expression.is_Add:
        return same([unit(term) for term in expression.args], expression)
    raise ValueError(f"no unit for {expression}")


def same(units, where):
    if len({sympy.powsimp(u) for u in units}) > 1:
        raise ValueError(f"{where} mixes {units}")
    return units[0]


def check(relation):
    sides = [side for side in relation.args if side not in {0, sympy.Integer(0)}]
    same([unit(side) for side in sides], relation)


def complaint(step):
    """Return what mixes units in a claim, a condition or a definition of a step, None where nothing does."""
    try:
        for relation in (step.claim, *step.given, *step.definitions):
            check(relation)
    except ValueError as error:
        return f"{step.id}: {error}"
    return None


def test_units_of_claims_conditions_and_definitions():
    assert len(STEPS) > 300
    assert [said for step in STEPS if (said := complaint(step)) is not None] == []


@pytest.mark.parametrize("law", [law for law in LAWS.values() if law.id in {"H", "S"}], ids=lambda law: law.id)
def test_units_of_laws(law):
    assert unit(law.expression) == 1


def test_a_formula_with_mixed_units_is_noticed():
    names = {q.symbol.name: q.symbol for q in QUANTITIES.values()}
    with pytest.raises(ValueError, match="mixes"):
        check(sympy.Eq(names["eta"], names["mu"] / names["L"] ** 2, evaluate=False))
