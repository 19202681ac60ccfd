"""What a step says, as a statement of real arithmetic: these hypotheses imply this conclusion.

It is made of the same objects as the step's check: claims of the premises, conditions, definitions and instances. What
algebra does to an equation (solve, divide, rewrite) leaves no trace here: the prover has to find that out for itself.
"""

from dataclasses import dataclass, replace
from functools import singledispatch

import sympy
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from theory.checking import analysis, moments, operations
from theory.checking.checks import Certificate, Check, Derived, Identity, NormSquare, Telescopes
from theory.checking.inner import PRODUCTS, RANDOM, Vector, base, inner
from theory.checking.operations import Claim, Fact, Meaning, fact
from theory.checking.premises import Known, Premises
from theory.checking.proof import Step
from theory.checking.relations import eq, le, put
from theory.checking.relations import replace as put_in
from theory.sequences import rate
from theory.symbols import eta, k


class BeyondArithmeticError(Exception):
    """What of a step no statement of real arithmetic says."""


@dataclass(frozen=True)
class Query:
    """Hypotheses and what follows from all of them."""

    hypotheses: tuple[Relational, ...]
    conclusions: tuple[Relational, ...]


@dataclass(frozen=True)
class Said:
    """What is said so far: further facts, and the relation that the operations have made."""

    relation: Relational
    facts: tuple[Relational, ...] = ()

    def at(self, meaning: dict[sympy.Expr, sympy.Expr]) -> "Said":
        """Return what it says with terms replaced in the relation."""
        sides = (put_in(side, meaning) for side in self.relation.args)
        return replace(self, relation=self.relation.func(*sides, evaluate=False))

    def also(self, other: "Said") -> "Said":
        """Return this, with what the other says as further facts."""
        return replace(self, facts=(*self.facts, *other.facts, other.relation))


def statement(step: Step, premises: Premises) -> tuple[Query, ...]:
    """Return what a step says, as queries that all must hold.

    Args:
        step: A step with a check.
        premises: What it cites.

    Returns:
        One query; two for a proof by growth, start and step.

    Raises:
        BeyondArithmeticError: If the step uses sums, limits, derivatives or logarithms.
    """
    assert step.claim is not None
    assert step.check is not None
    unfolded = step.claim.lhs if isinstance(step.check, Telescopes) else sympy.Integer(0)  # a sum that has no name left
    known = (*step.given, *(d for d in step.definitions if not unfolded.has(d.lhs)))
    return tuple(
        replace(query, hypotheses=(*known, *query.hypotheses)) for query in _of_check(step.check, step.claim, premises)
    )


@singledispatch
def _of_check(check: Check, claim: Relational, premises: Premises) -> tuple[Query, ...]:
    raise BeyondArithmeticError(type(check).__name__)


@_of_check.register
def _(check: Derived, claim: Relational, premises: Premises) -> tuple[Query, ...]:
    said = _said(check, premises)
    if check.operations and isinstance(rounding := check.operations[-1], analysis.Rounded):
        off = sympy.Rational(1, 2 * 10**rounding.decimals)
        value = said.relation.rhs
        return (Query((*said.facts, claim), (le(rounding.name - off, value), le(value, rounding.name + off))),)
    return (Query((*said.facts, said.relation), (claim,)),)


@_of_check.register
def _(check: Identity, claim: Relational, premises: Premises) -> tuple[Query, ...]:
    return (Query(_used(check.using, premises), (claim,)),)


@_of_check.register
def _(check: Telescopes, claim: Relational, premises: Premises) -> tuple[Query, ...]:
    """Return start and step of the induction over the index; S stands for the sum before the next term."""
    meaning = premises.definitions
    left = put_in(claim.lhs, meaning)
    sums = [s for s in left.atoms(sympy.Sum) if s.limits[0][2].has(check.index)]
    if len(sums) != 1:
        raise BeyondArithmeticError("a sum over steps")
    (whole,) = sums
    running, low, high = whole.limits[0]
    total, further = sympy.Symbol("S", real=True), {check.index: check.index + 1}
    before = eq(left.xreplace({whole: total}), claim.rhs)
    following = total + put_in(whole.function, {running: high + 1})
    after = eq(put_in(left.xreplace({whole: total}), further).xreplace({total: following}), put_in(claim.rhs, further))
    start = {check.index: low - 1 - (high - check.index)}
    first = eq(*(put_in(side, {**start, total: sympy.Integer(0)}) for side in before.args))
    used = _used(check.using, premises)
    at_start, next_ = (tuple(put(one, at) for one in used) for at in (start, further))
    if first.atoms(AppliedUndef):
        raise BeyondArithmeticError("a sum over steps")  # another one, whose start is not said
    return (Query(at_start, (first,)), Query((*used, *next_, before), (after,)))


@_of_check.register
def _(check: Certificate, claim: Relational, premises: Premises) -> tuple[Query, ...]:
    facts: list[Relational] = list(_used(check.using, premises))
    for name in dict.fromkeys((*check.multipliers, *check.positive)):
        said = _said(check.facts[name], premises) if name in check.facts else Said(premises[name])
        facts += [*said.facts, said.relation]
    norms = [inner(r.vector, r.vector) for r in check.remainder if isinstance(r, NormSquare)]
    return (Query((*facts, *(le(sympy.Integer(0), norm) for norm in norms)), (claim,)),)


def _used(sources: tuple[str | Fact, ...], premises: Premises) -> tuple[Relational, ...]:
    found: tuple[Relational, ...] = ()
    for source in sources:
        said = _said(fact(source), premises)
        found += (*said.facts, said.relation)
    return found


@singledispatch
def _said(source: Fact, premises: Premises) -> Said:
    """Return what a fact says."""
    raise BeyondArithmeticError(_REASONS.get(type(source), type(source).__name__))


@_said.register
def _(source: Claim, premises: Premises) -> Said:
    return Said(premises[source.name])


@_said.register
def _(source: Meaning, premises: Premises) -> Said:
    return Said(source.known(premises).relation, (premises[source.name],))


@_said.register
def _(source: moments.Square, premises: Premises) -> Said:
    return Said(source.known(premises).relation)


@_said.register
def _(source: Derived, premises: Premises) -> Said:
    said, known = _said(fact(source.start), premises), fact(source.start).known(premises)
    for operation in source.operations:
        said, known = _after(operation, said, premises, known), operation.apply(known, premises)
    return replace(said, facts=(*said.facts, *_used(source.using, premises)))


@singledispatch
def _after(operation: operations.Operation, said: Said, premises: Premises, known: Known) -> Said:
    """Return what is said after an operation; `known` is what the check knows before it."""
    raise BeyondArithmeticError(_REASONS.get(type(operation), type(operation).__name__))


_REASONS = {
    analysis.Summed: "a sum over steps",
    analysis.Integrated: "an integral",
    analysis.Evaluated: "an integral",
    analysis.Split: "an integral",
    analysis.Limited: "a limit",
    analysis.Sharpest: "a limit",
    analysis.Logs: "a logarithm",
    analysis.Slope: "a derivative",
    analysis.Derivative: "a derivative",
    analysis.Taylor: "an expansion",
    analysis.TakenOut: "powers with symbols in the exponent",
    analysis.Itself: "an integral or a sum, carried out",
}


@_after.register(operations.Solve)
@_after.register(operations.Times)
@_after.register(operations.Name)
@_after.register(analysis.Simplified)
def _(operation: operations.Operation, said: Said, premises: Premises, known: Known) -> Said:
    return said


@_after.register
def _(operation: operations.Put, said: Said, premises: Premises, known: Known) -> Said:
    return said.at(dict(operation.meaning))


@_after.register
def _(operation: operations.Using, said: Said, premises: Premises, known: Known) -> Said:
    """Return what is said with a name written out, so that an instance of it takes its meaning along."""
    source = _said(fact(operation.source), premises)
    name, value = source.relation.args
    written = said.at({name: value}) if isinstance(name, sympy.Symbol | AppliedUndef) else said
    return written.also(source)


@_after.register
def _(operation: operations.With, said: Said, premises: Premises, known: Known) -> Said:
    return said.also(_said(fact(operation.source), premises))


@_after.register
def _(operation: operations.RightSide, said: Said, premises: Premises, known: Known) -> Said:
    """Return name = right side; facts keep what was said of the old left side."""
    return replace(said, relation=eq(operation.name, put_in(_right_of(said, operation.left), operation.at)))


@_after.register
def _(operation: operations.Where, said: Said, premises: Premises, known: Known) -> Said:
    right = put_in(_right_of(said, operation.left), {operation.symbol: operation.name})
    return replace(said, relation=eq(operation.value, right))


@_after.register
def _(operation: operations.Inverted, said: Said, premises: Premises, known: Known) -> Said:
    return replace(said, relation=eq(*(1 / side for side in said.relation.args)))


def _right_of(said: Said, left: sympy.Expr) -> sympy.Expr:
    """Return the right side over the left one, as the relation has it after what algebra did to it."""
    if said.relation.lhs == left:
        return said.relation.rhs
    if said.relation.rel_op == "==" and said.relation.lhs != 0:
        return said.relation.rhs * left / said.relation.lhs
    raise BeyondArithmeticError("a name for a side that algebra has changed")


@_after.register
def _(operation: operations.Roots, said: Said, premises: Premises, known: Known) -> Said:
    """Return that no solution is beyond this one: it says so of the one that the check finds."""
    found = operation.apply(known, premises).relation.rhs
    here = sympy.Symbol("found", real=True)
    other = said.at({operation.symbol: here})
    beyond = le(here, operation.symbol) if operation.larger else le(operation.symbol, here)
    return replace(said, facts=(*said.facts, eq(here, found), other.relation, beyond))


@_after.register(analysis.Best)
@_after.register(analysis.BestValue)
def _(operation: analysis.Best | analysis.BestValue, said: Said, premises: Premises, known: Known) -> Said:
    """Return that no rate does better than the one named: it says so of the one that the check finds."""
    at_best = isinstance(operation, analysis.Best)
    found = operation.place(known, premises)
    where = operation.name if at_best else sympy.Symbol("best", positive=True)
    best, other = (sympy.Symbol(f"value_{at}", **operation.left.assumptions0) for at in ("best", "found"))
    values = tuple(
        said.at({operation.symbol: at, operation.left: value}).relation for at, value in ((where, best), (found, other))
    )
    facts = (*said.facts, *values, le(other, best) if operation.most else le(best, other))
    return Said(eq(where, where) if at_best else eq(operation.name, best), facts)


@_after.register
def _(operation: analysis.Rounded, said: Said, premises: Premises, known: Known) -> Said:
    return said.at({name: sympy.sympify(number) for name, number in operation.numbers.items()})


@_after.register
def _(operation: moments.Mean, said: Said, premises: Premises, known: Known) -> Said:
    crossed = {
        symbol: inner(*(base("m" if name == "g" else name) for name in names))
        for symbol, names in PRODUCTS.items()
        if "g" in names and len(set(names) & set(RANDOM)) == 1 and names[0] != names[1]
    }
    return said.at({**crossed, **moments.MEANS})


@_after.register
def _(operation: moments.AtStep, said: Said, premises: Premises, known: Known) -> Said:
    return said.at({**moments.AT_STEP, eta: rate(k)})


@_after.register
def _(operation: moments.Move, said: Said, premises: Premises, known: Known) -> Said:
    return said.at({**_products(operation.moved(premises)), **operation.values})


@_after.register
def _(operation: moments.Equal, said: Said, premises: Premises, known: Known) -> Said:
    (((name, _),), right) = operation.pair(premises)
    return said.at(_products({name: right}))


def _products(meaning: dict[str, Vector]) -> dict[sympy.Expr, sympy.Expr]:
    """Return the inner products that change where base vectors are replaced."""
    return {
        symbol: inner(*(meaning.get(name, base(name)) for name in names))
        for symbol, names in PRODUCTS.items()
        if set(names) & meaning.keys()
    }
