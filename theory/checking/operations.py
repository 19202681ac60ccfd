"""The operations that a derivation uses on claims; they work on both sides and never evaluate the relation."""

from collections.abc import Mapping

import sympy
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from theory.symbols import K, k


def substitute(relation: Relational, meaning: Mapping[sympy.Expr, sympy.Expr]) -> Relational:
    """Return the relation with terms replaced on both sides, all at once."""
    sides = (side.subs(dict(meaning), simultaneous=True) for side in (relation.lhs, relation.rhs))
    return relation.func(*sides, evaluate=False)


def solve_for(relation: Relational, symbol: sympy.Expr) -> Relational:
    """Return symbol = the one positive or only solution of an equation."""
    solutions = sympy.solve(relation.lhs - relation.rhs, symbol)
    if len(solutions) != 1:
        raise ValueError(f"{len(solutions)} solutions for {symbol}")
    return sympy.Eq(symbol, solutions[0], evaluate=False)


def sum_over_steps(relation: Relational) -> Relational:
    """Return the relation summed over k = 1..K; neighbouring differences telescope."""
    return relation.func(_sum(relation.lhs), _sum(relation.rhs), evaluate=False)


def _sum(expression: sympy.Expr) -> sympy.Expr:
    """Return the sum over k = 1..K by linearity, constants pulled out of each sum."""
    differences = [a for a in expression.atoms(AppliedUndef) if a.args == (k + 1,)]
    telescoped = sympy.Integer(0)
    for after in differences:
        before = after.func(k)
        coefficient = sympy.expand(expression).coeff(after)
        expression = sympy.expand(expression - coefficient * (after - before))
        telescoped += coefficient * sympy.Sum(after - before, (k, 1, K)).doit()
    constant, dependent = sympy.expand(expression).as_independent(k, as_Add=True)
    for term in sympy.Add.make_args(dependent):
        factor, summand = term.as_independent(k, as_Add=False)
        telescoped += factor * sympy.Sum(summand, (k, 1, K)) if summand != 1 else K * factor
    return telescoped + K * constant
