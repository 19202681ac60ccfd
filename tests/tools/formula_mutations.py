"""Every way to break a formula by one sign, one factor 2 or one dropped term."""

import sympy


def mutations(relation):
    """Yield the relation reversed, and with one summand or one side negated, doubled or dropped."""
    if relation.rel_op in {"<", "<="}:
        yield relation.func(relation.rhs, relation.lhs, evaluate=False)
    for side in (0, 1):
        for broken in broken_expressions(relation.args[side]):
            if broken != relation.args[side]:
                sides = [broken if side == s else relation.args[s] for s in (0, 1)]
                yield relation.func(*sides, evaluate=False)


def broken_expressions(expression, whole=(-1, 2, 0), summands=(-1, 2, 0)):
    """Yield the expression times each factor, and with one summand, at its top or within it, times each factor."""
    yield from (factor * expression for factor in whole)
    for node in sympy.preorder_traversal(expression):
        if node.is_Add:
            for term in node.args:
                yield from (expression.xreplace({node: node - term + factor * term}) for factor in summands)
