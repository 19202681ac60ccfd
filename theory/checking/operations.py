"""The operations that a derivation may use, and no others: each keeps a relation true, and says when it would not.

A formula enters a derivation through the claims it starts from. An operation holds none of its own, but for the values
that it puts in; and it may put in a value for a parameter only where everything that depends on it goes along.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

import sympy
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from theory.checking.inner import PRODUCTS
from theory.checking.notation import text
from theory.checking.premises import Known, Premises, Signs, UnprovenError, same
from theory.checking.relations import eq, is_zero, put, replace, sign
from theory.sequences import INDICES, RUN

Write = Callable[[sympy.Basic], str]
"""How a formula is written."""


class Operation(Protocol):
    """Something done to both sides of a relation that keeps it true."""

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return what is known afterwards; UnprovenError where the operation does not apply."""
        ...

    def words(self, write: Write = text) -> str:
        """Return what it does."""
        ...


class Fact(Protocol):
    """Something derived from premises: an equation that others may use."""

    def known(self, premises: Premises) -> Known:
        """Return what it says."""
        ...

    def words(self, write: Write = text) -> str:
        """Return where it comes from."""
        ...


@dataclass(frozen=True)
class Claim:
    """The claim of a premise."""

    name: str

    def known(self, premises: Premises) -> Known:
        """Return the claim."""
        return premises.known(self.name)

    def words(self, write: Write = text) -> str:
        """Return its name."""
        return self.name


@dataclass(frozen=True)
class Meaning:
    """What a premise means by a symbol that it defines, for the claim in which the symbol plays its part."""

    name: str
    symbol: sympy.Expr
    claim: Relational

    def known(self, premises: Premises) -> Known:
        """Return symbol = meaning."""
        if not same(premises[self.name], self.claim):
            raise UnprovenError(f"{self.name} says {premises[self.name]}, not {self.claim}")
        return premises.definition(self.name, self.symbol)

    def words(self, write: Write = text) -> str:
        """Return both names."""
        return f"{write(self.symbol)} of {self.name}"


def fact(source: "str | Fact") -> Fact:
    """Return a premise's claim by its name, and any other fact as it is."""
    return Claim(source) if isinstance(source, str) else source


def assigned(write: Write, meaning: Mapping[sympy.Expr, sympy.Expr]) -> str:
    """Return values of symbols in words."""
    return ", ".join(write(eq(name, sympy.sympify(value))) for name, value in meaning.items())


@dataclass(frozen=True)
class Put:
    """An instance: values for parameters and indices, or other names for what depends on them.

    A claim about a run (its losses, gradients, means) holds at the run's own parameters, so only indices of steps and
    draws may change in it. In an equation between names every name made of a changed parameter must change, too.
    """

    meaning: Mapping[sympy.Expr, sympy.Expr]

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return the instance, of the conditions as well."""
        relation = known.relation
        atoms = relation.free_symbols | relation.atoms(AppliedUndef)
        if unused := self.meaning.keys() - atoms.union(*map(premises.depends, atoms)):
            raise UnprovenError(f"{', '.join(map(str, unused))} does not occur in {text(relation)}")
        changed = self.meaning.keys() - INDICES
        if changed & atoms and atoms & of_run(atoms):
            raise UnprovenError(f"{text(relation)} is about a run, whose parameters do not change")
        for name in atoms - self.meaning.keys():
            if premises.depends(name) & changed:
                raise UnprovenError(f"{name} depends on what is changed")
        for name, value in self.meaning.items():
            _require_sign(name, sympy.sympify(value), relation)
        instance = put(relation, self.meaning)
        if instance.has(sympy.zoo, sympy.nan, sympy.oo):
            raise UnprovenError(f"{text(relation)} has no value there")
        return Known(instance, frozenset(put(c, self.meaning) for c in known.conditions))

    def words(self, write: Write = text) -> str:
        """Return the assignments."""
        return f"put {assigned(write, self.meaning)}"


def of_run(atoms: set[sympy.Expr]) -> set[sympy.Expr]:
    """Return which of these are quantities of a run."""
    return {a for a in atoms if a in RUN or a in PRODUCTS or getattr(a, "func", None) in RUN}


def _require_sign(name: sympy.Expr, value: sympy.Expr, relation: Relational) -> None:
    """Refuse a value without the sign of what it stands for; 0 is the limit of positive values, where < becomes <=."""
    shown = sign(value)
    if name.is_positive and shown != "+" and not (value == 0 and relation.rel_op != "<"):
        raise UnprovenError(f"{value} is not shown to be positive, as {name} is")
    if name.is_nonnegative and not name.is_positive and shown is None:
        raise UnprovenError(f"{value} is not shown to be at least 0, as {name} is")


@dataclass(frozen=True)
class Using:
    """Left side replaced by right side of an equation among the premises; or a symbol by what it is there."""

    source: "str | Fact"

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return the relation rewritten; an equation that changes nothing is refused."""
        equation = fact(self.source).known(premises)
        if equation.relation.rel_op != "==":
            raise UnprovenError(f"{fact(self.source).words()} is no equation")
        rewritten = put(known.relation, {equation.relation.lhs: equation.relation.rhs})
        if rewritten == known.relation:
            raise UnprovenError(f"{fact(self.source).words()} changes nothing")
        return Known(rewritten, known.conditions | equation.conditions)

    def words(self, write: Write = text) -> str:
        """Return the source."""
        return f"by {fact(self.source).words(write)}"


@dataclass(frozen=True)
class RightSide:
    """A name for the right side at some values of its parameters; the left side is said and must be this one.

    A name for a formula asks for no conditions: they matter where the formula is to bound something.
    """

    left: sympy.Expr
    name: sympy.Expr
    at: Mapping[sympy.Expr, sympy.Expr] = field(default_factory=dict)

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return name = right side."""
        require_left(known.relation, self.left)
        for name, value in self.at.items():
            if sympy.sympify(value).has(name):
                raise UnprovenError(f"{name} would change under its own name")
        return Known(eq(self.name, replace(known.relation.rhs, self.at)))

    def words(self, write: Write = text) -> str:
        """Return the name."""
        values = f" at {assigned(write, self.at)}" if self.at else ""
        return f"name its right side{values}"


@dataclass(frozen=True)
class Where:
    """A name for the value of a symbol at which the right side is a given number; the left side is said."""

    left: sympy.Expr
    value: sympy.Expr
    symbol: sympy.Symbol
    name: sympy.Symbol

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return the equation that the name solves."""
        require_left(known.relation, self.left)
        return Known(eq(self.value, replace(known.relation.rhs, {self.symbol: self.name})))

    def words(self, write: Write = text) -> str:
        """Return the equation."""
        return f"set its right side to {write(self.value)}"


def require_left(relation: Relational, left: sympy.Expr) -> None:
    """Refuse a relation with another left side."""
    if not is_zero(relation.lhs - left):
        raise UnprovenError(f"the left side is {relation.lhs}, not {left}")


def require_left_of_equation(relation: Relational, left: sympy.Expr) -> None:
    """Refuse all but an equation with this left side."""
    require_equation(relation)
    require_left(relation, left)


def require_equation(relation: Relational) -> None:
    """Refuse an inequality."""
    if relation.rel_op != "==":
        raise UnprovenError("only an equation has this operation")


@dataclass(frozen=True)
class Name:
    """What a definition of the step stands for, called by its name."""

    name: sympy.Symbol

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return the relation with the name in place of its meaning."""
        if self.name not in premises.definitions:
            raise UnprovenError(f"{self.name} is not defined here")
        return Known(put(known.relation, {premises.definitions[self.name]: self.name}), known.conditions)

    def words(self, write: Write = text) -> str:
        """Return the name."""
        return f"name {write(self.name)}"


@dataclass(frozen=True)
class Solve:
    """An equation solved for a symbol: its one solution, or its one positive one; `positive` are what divides it."""

    symbol: sympy.Expr
    positive: tuple[str, ...] = ()

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return symbol = solution; what it is divided by must not be a square that may be 0."""
        require_equation(known.relation)
        difference = known.relation.lhs - known.relation.rhs
        solutions = solved(difference, self.symbol)
        if len(solutions) != 1:
            raise UnprovenError(f"{len(solutions)} solutions for {self.symbol}")
        shown = Signs([premises[name] for name in self.positive])
        leading = sympy.Poly(sympy.numer(sympy.together(difference)), self.symbol).LC()
        for factor in sympy.Mul.make_args(sympy.factor(leading)):
            if factor.is_nonnegative and shown.sign(factor) != "+":
                raise UnprovenError(f"{text(factor)} may be 0")
        shown.require_used()
        return Known(eq(self.symbol, solutions[0]), known.conditions)

    def words(self, write: Write = text) -> str:
        """Return the symbol."""
        return f"solve for {write(self.symbol)}"


def solved(expression: sympy.Expr, symbol: sympy.Expr) -> list[sympy.Expr]:
    """Return where an expression vanishes; without a solver if its numerator is linear in the symbol."""
    numerator = sympy.numer(sympy.together(expression))
    if not numerator.is_polynomial(symbol):
        raise UnprovenError(f"{text(numerator)} is no polynomial in {text(symbol)}")
    slope = sympy.diff(numerator, symbol)
    if slope.has(symbol) or slope == 0:
        return list(sympy.solve(numerator, symbol))
    return [sympy.cancel(-replace(numerator, {symbol: sympy.Integer(0)}) / slope)]


@dataclass(frozen=True)
class Roots:
    """An equation with two solutions, solved for a symbol: the smaller one or the larger."""

    symbol: sympy.Expr
    larger: bool

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return symbol = that solution; the two differ by a square root, which is not negative."""
        require_equation(known.relation)
        solutions = solved(known.relation.lhs - known.relation.rhs, self.symbol)
        if len(solutions) != 2:
            raise UnprovenError(f"{len(solutions)} solutions for {self.symbol}")
        if sympy.expand(solutions[1] - solutions[0]).could_extract_minus_sign():
            solutions = solutions[::-1]
        return Known(eq(self.symbol, solutions[self.larger]), known.conditions)

    def words(self, write: Write = text) -> str:
        """Return the symbol."""
        return f"solve for {write(self.symbol)}, the {'larger' if self.larger else 'smaller'} solution"


@dataclass(frozen=True)
class Times:
    """Both sides times a factor: a positive one in an inequality."""

    factor: sympy.Expr

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return the product."""
        if known.relation.rel_op != "==" and sign(self.factor) != "+":
            raise UnprovenError(f"{self.factor} is not shown to be positive")
        sides = [self.factor * side for side in known.relation.args]
        return Known(known.relation.func(*sides, evaluate=False), known.conditions)

    def words(self, write: Write = text) -> str:
        """Return the factor."""
        return f"times {write(self.factor)}"


@dataclass(frozen=True)
class Inverted:
    """Both sides of an equation as divisors of 1."""

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return 1/left = 1/right."""
        require_equation(known.relation)
        return Known(eq(*(1 / side for side in known.relation.args)), known.conditions)

    def words(self, write: Write = text) -> str:
        """Return the operation."""
        return "invert"


@dataclass(frozen=True)
class With:
    """Both sides combined with those of an equation: sum, difference, product or quotient."""

    sign: str
    source: "str | Fact"

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return the combination; an inequality takes sums and differences only."""
        other = fact(self.source).known(premises)
        require_equation(other.relation)
        if self.sign in "*/":
            require_equation(known.relation)
        _, combine = _COMBINED[self.sign]
        sides = [combine(a, b) for a, b in zip(known.relation.args, other.relation.args, strict=True)]
        return Known(known.relation.func(*sides, evaluate=False), known.conditions | other.conditions)

    def words(self, write: Write = text) -> str:
        """Return the combination."""
        return f"{_COMBINED[self.sign][0]} {fact(self.source).words(write)}"


_COMBINED: Mapping[str, tuple[str, Callable[[sympy.Expr, sympy.Expr], sympy.Expr]]] = MappingProxyType(
    {
        "+": ("add", operator.add),
        "-": ("subtract", operator.sub),
        "*": ("multiply by", operator.mul),
        "/": ("divide by", operator.truediv),
    }
)
