"""The checks of a step: each recomputes its claim from the premises, or proves an inequality by an identity.

`Derived` applies operations, one after another, to the claim of a premise and compares the outcome with the step's own
claim. `Identity` expands definitions, `Telescopes` proves a sum in closed form by its growth. `Certificate` proves an
inequality: the difference of its sides must be identical to a combination of the premises' differences and of further
terms, every factor and term having a sign that is shown. Nothing is sampled.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import sympy
from sympy.core.relational import Relational

from theory.checking.inner import Vector, inner
from theory.checking.notation import text
from theory.checking.operations import Fact, Operation, Write, fact
from theory.checking.premises import Known, Premises, Signs, UnprovenError
from theory.checking.relations import gap, is_zero, put, refuted, replace

Conditions = frozenset[Relational]
Sources = tuple[str | Fact, ...]


class Check(Protocol):
    """Something that can decide whether a claim follows from its premises."""

    def prove(self, claim: Relational, premises: Premises, definitions: tuple[Relational, ...]) -> Conditions:
        """Return the conditions under which the claim follows; UnprovenError if it does not."""
        ...

    def describe(self, write: Write = text) -> str:
        """Return how, in one line."""
        ...


class Names:
    """What names stand for in a comparison: definitions, and equations among the premises; each must be of use."""

    def __init__(self, premises: Premises, using: Sources, definitions: tuple[Relational, ...]) -> None:
        self._meaning = {d.lhs: d.rhs for d in definitions}
        self._unused = {d.lhs: f"the definition of {d.lhs}" for d in definitions}
        self.conditions: Conditions = frozenset()
        for source in using:
            known = fact(source).known(premises)
            if known.relation.rel_op != "==":
                raise UnprovenError(f"{fact(source).words()} is no equation")
            self._meaning[known.relation.lhs] = known.relation.rhs
            self._unused[known.relation.lhs] = fact(source).words()
            self.conditions |= known.conditions

    def expand(self, expression: sympy.Expr) -> sympy.Expr:
        """Return the expression with every name replaced, repeatedly."""
        for _ in self._meaning:
            present = {name: value for name, value in self._meaning.items() if expression.has(name)}
            if not present:
                break
            for name in present:
                self._unused.pop(name, None)
            expression = replace(expression, present)
        return expression

    def require_used(self) -> None:
        """Refuse names that changed nothing."""
        if self._unused:
            raise UnprovenError(f"{', '.join(self._unused.values())} changes nothing")


@dataclass(frozen=True)
class Derived:
    """The claim is what operations make of a premise; equations among the premises may rewrite both."""

    start: str | Fact
    operations: tuple[Operation, ...] = ()
    using: Sources = ()

    def known(self, premises: Premises) -> Known:
        """Return what the operations make of the start."""
        known = fact(self.start).known(premises)
        for operation in self.operations:
            known = operation.apply(known, premises)
        for source in self.using:
            equation = fact(source).known(premises)
            rewritten = put(known.relation, {equation.relation.lhs: equation.relation.rhs})
            known = Known(rewritten, known.conditions | equation.conditions)
        return known

    def prove(self, claim: Relational, premises: Premises, definitions: tuple[Relational, ...]) -> Conditions:
        """Return the conditions if both sides of the claim, or their difference, are those derived."""
        known = Derived(self.start, self.operations).known(premises)
        if known.relation.rel_op != claim.rel_op:
            raise UnprovenError(f"{known.relation} is another relation")
        names = Names(premises, self.using, definitions)
        said, derived = ([names.expand(side) for side in relation.args] for relation in (claim, known.relation))
        names.require_used()
        if not _same_sides(said, derived) and not (claim.rel_op == "==" and _same_sides(said, derived[::-1])):
            raise UnprovenError(f"derived is {known.relation}")
        return known.conditions | names.conditions

    def words(self, write: Write = text) -> str:
        """Return start and operations in one line."""
        return ", ".join((fact(self.start).words(write), *(one.words(write) for one in self.operations)))

    def describe(self, write: Write = text) -> str:
        """Return start and operations in one line."""
        return self.words(write) if self.operations else "write out the names"


def _same_sides(said: list[sympy.Expr], derived: list[sympy.Expr]) -> bool:
    """Return whether sides agree one by one, or once all terms are on one side."""
    differences = [a - b for a, b in zip(said, derived, strict=True)]
    return all(is_zero(d) for d in differences) or is_zero(differences[0] - differences[1])


def by(start: str | Fact, *operations: Operation, using: Sources = ()) -> Derived:
    """Return what operations make of a premise."""
    return Derived(start, operations, using)


@dataclass(frozen=True)
class Identity:
    """Both sides are the same once definitions are written out, and derivatives and integrals carried out."""

    using: Sources = ()

    def prove(self, claim: Relational, premises: Premises, definitions: tuple[Relational, ...]) -> Conditions:
        """Return the conditions of the equations used if the sides are identical."""
        names = Names(premises, self.using, definitions)
        difference = names.expand(claim.lhs) - names.expand(claim.rhs)
        names.require_used()
        if claim.rel_op != "==" or not is_zero(joined(difference.doit(sums=False))):
            raise UnprovenError("the sides differ")
        return names.conditions

    def describe(self, write: Write = text) -> str:
        """Return the argument."""
        return "write out the definitions"


def joined(expression: sympy.Expr) -> sympy.Expr:
    """Return the expression with sums that differ in length alone written by the shorter one."""
    sums = sorted(expression.atoms(sympy.Sum), key=str)
    for longer in sums:
        index, low, high = longer.limits[0]
        for shorter in sums:
            excess = high - shorter.limits[0][2]
            if (
                longer.func(longer.function, (index, low, high - excess)) == shorter
                and excess.is_Integer
                and excess > 0
            ):
                rest = sympy.Add(*(longer.function.subs(index, high - i) for i in range(excess)))
                expression = expression.xreplace({longer: shorter + rest})
    return expression


@dataclass(frozen=True)
class Telescopes:
    """The claim gives a sum in closed form: it is right for the empty sum and grows by the term that comes next.

    The left side, its definitions written out, contains one sum that ends with the index, or just before.
    """

    index: sympy.Symbol
    using: Sources = ()

    def prove(self, claim: Relational, premises: Premises, definitions: tuple[Relational, ...]) -> Conditions:
        """Return the conditions if start and growth are right; sines and sums of powers unfold by their recursions."""
        names = Names(premises, self.using, definitions)
        left, closed = names.expand(claim.lhs), names.expand(claim.rhs)
        sums = [s for s in left.atoms(sympy.Sum) if s.limits[0][2].has(self.index)]
        if claim.rel_op != "==" or len(sums) != 1:
            raise UnprovenError("there is no one sum to compare")
        (whole,) = sums
        running, low, high = whole.limits[0]
        total = sympy.Dummy("total")
        counted = left.xreplace({whole: total})
        factor = sympy.diff(counted, total)
        value = (closed - counted.subs(total, 0)) / factor
        start = low - 1 - (high - self.index)
        growth = value.subs(self.index, self.index + 1) - value - whole.function.subs(running, high + 1)
        growth = unfold(names.expand(growth))
        first = names.expand(value.subs(self.index, start))
        names.require_used()
        if not is_zero(growth) or not is_zero(first):
            raise UnprovenError("the closed form has the wrong start or growth")
        return names.conditions

    def describe(self, write: Write = text) -> str:
        """Return the argument."""
        return f"right for the empty sum, and growing with {write(self.index)} by the next term"


@dataclass(frozen=True)
class NormSquare:
    """A non-negative factor times the squared norm of a vector."""

    factor: sympy.Expr
    vector: Vector

    @property
    def expression(self) -> sympy.Expr:
        """The term, expanded into inner products of base vectors."""
        return self.factor * inner(self.vector, self.vector)


@dataclass(frozen=True)
class Certificate:
    """A proof that right - left >= 0 (or > 0), by an identity whose terms show their sign.

    The identity is right - left = sum of multiplier x (right - left of that premise) + sum of the remainder.
    Multipliers of inequalities and the remainder must be non-negative under the assumptions on their symbols
    and under `positive`, premises of the form 0 < expression whose expression occurs in them. `facts` are further
    premises, derived from those cited; `using` are equations by which both sides are rewritten first.
    """

    multipliers: Mapping[str, sympy.Expr] = field(default_factory=dict)
    remainder: tuple[sympy.Expr | NormSquare, ...] = ()
    positive: tuple[str, ...] = ()
    reading: str = ""
    using: Sources = ()
    facts: Mapping[str, Derived] = field(default_factory=dict)

    def prove(self, claim: Relational, premises: Premises, definitions: tuple[Relational, ...]) -> Conditions:
        """Return the conditions of what is used if the identity and every sign hold, strictly if the claim is so."""
        if claim.rel_op not in {"<=", "<"}:
            raise UnprovenError("only an inequality has a certificate")
        names = Names(premises, self.using, definitions)
        known = {name: self._known(name, premises) for name in (*self.multipliers, *self.positive)}
        terms = [r.expression if isinstance(r, NormSquare) else r for r in self.remainder]
        total = sympy.Add(*(m * gap(known[p].relation) for p, m in self.multipliers.items()), *terms)
        difference = names.expand(gap(claim) - total)
        names.require_used()
        if not is_zero(difference):
            raise UnprovenError("the identity does not hold")
        signs = list(self._signs(known))
        if None in signs or (claim.rel_op == "<" and "+" not in signs):
            raise UnprovenError("a term has no sign, or none is strict")
        return names.conditions.union(*(one.conditions for one in known.values()))

    def _known(self, name: str, premises: Premises) -> Known:
        return self.facts[name].known(premises) if name in self.facts else premises.known(name)

    def _signs(self, known: Mapping[str, Known]) -> Iterator[str | None]:
        """Yield per term "+" if it is positive, "0" if it is not negative, None if that is not shown."""
        shown = Signs([known[p].relation for p in self.positive])
        for premise, multiplier in self.multipliers.items():
            relation = known[premise].relation.rel_op
            found = "0" if relation == "==" else shown.sign(multiplier)
            yield "0" if relation == "<=" and found else found
        for term in self.remainder:
            found = shown.sign(term.factor if isinstance(term, NormSquare) else term)
            yield "0" if isinstance(term, NormSquare) and found else found
        shown.require_used()

    def describe(self, write: Write = text) -> str:
        """Return the reading of the certificate."""
        return self.reading or "the difference of the sides is a sum of non-negative terms"


CHECKS = (Derived, Identity, Telescopes, Certificate)
"""All kinds of check there are; a step takes no other."""


def unfold(expression: sympy.Expr) -> sympy.Expr:
    """Return the expression with digammas and sums of powers brought to equal arguments, waves to exponentials."""
    expression = sympy.expand_func(expression)
    for larger in expression.atoms(sympy.harmonic):
        number, exponent = larger.args
        smaller = sympy.harmonic(number - 1, exponent)
        if expression.has(smaller):
            expression = expression.xreplace({smaller: larger - number**-exponent})
    if expression.has(sympy.sin, sympy.cos) and not refuted(expression):
        waves = sympy.expand(expression.rewrite(sympy.exp), power_exp=True)
        expression = sympy.cancel(sympy.together(waves))
    return expression
