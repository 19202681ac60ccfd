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


def broken_expressions(expression):
    """Yield the expression with one change, at its top or at any sum within it."""
    yield from (-expression, 2 * expression, sympy.Integer(0))
    for node in sympy.preorder_traversal(expression):
        if node.is_Add:
            for term in node.args:
                for changed in (-term, 2 * term, sympy.Integer(0)):
                    yield expression.xreplace({node: node - term + changed})
