"""Proofs as data: steps that carry a claim and a check that recomputes it from their premises.

Two checks exist. `Derived` repeats an operation (substitute, solve, integrate, sum, expand, ...) on the
claims of the premises and compares the outcome with the step's own claim, side by side, by simplification to
zero. `Certificate` proves an inequality: the difference of its sides must be identical to a combination of
the premises' differences and of further terms, every factor and term having a sign that follows from the
assumptions on the symbols. Nothing is sampled. A step without a check, an assumption or an argument in words,
is never reported as verified.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import sympy
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from theory.checking.inner import Vector, inner
from theory.checking.notation import text

Premises = Mapping[str, Relational]


class Kind(StrEnum):
    """What a step is; only the first two are verified."""

    ALGEBRA = "algebra"
    INEQUALITY = "inequality"
    ASSUMPTION = "assumption"
    ARGUMENT = "argument"


def eq(left: sympy.Expr, right: sympy.Expr) -> Relational:
    """Return left = right, unevaluated."""
    return sympy.Eq(left, right, evaluate=False)


def le(left: sympy.Expr, right: sympy.Expr) -> Relational:
    """Return left <= right, unevaluated."""
    return sympy.Le(left, right, evaluate=False)


def lt(left: sympy.Expr, right: sympy.Expr) -> Relational:
    """Return left < right, unevaluated."""
    return sympy.Lt(left, right, evaluate=False)


class Check(Protocol):
    """Something that can decide whether a claim follows from its premises."""

    def holds(self, claim: Relational, premises: Premises, definitions: tuple[Relational, ...]) -> bool:
        """Return whether the claim follows."""
        ...

    def describe(self) -> str:
        """Return how, in one line."""
        ...


@dataclass(frozen=True)
class Derived:
    """The claim is what an operation makes of the premises.

    For an inequality the operation must keep the order: an instance, an integral, a sum, an expectation.
    """

    operation: str
    compute: Callable[[Premises], Relational]

    def holds(self, claim: Relational, premises: Premises, definitions: tuple[Relational, ...]) -> bool:
        """Return whether both sides of the claim equal those recomputed."""
        derived = self.compute(premises)
        if not isinstance(derived, Relational) or derived.func is not claim.func:
            return False
        pairs = ((claim.lhs, derived.lhs), (claim.rhs, derived.rhs))
        return all(is_zero(expand_definitions(a - b, definitions)) for a, b in pairs)

    def describe(self) -> str:
        """Return the operation."""
        return self.operation


@dataclass(frozen=True)
class Telescopes:
    """The claim gives a sum in closed form: it has the right value at the start and grows by the right term.

    The closed form at `start` is `value`; from `index` to the next it grows by `term`, whole index from start on.
    """

    name: sympy.Expr
    index: sympy.Symbol
    term: sympy.Expr
    start: sympy.Expr = field(default=sympy.Integer(0))
    value: sympy.Expr = field(default=sympy.Integer(0))

    def holds(self, claim: Relational, premises: Premises, definitions: tuple[Relational, ...]) -> bool:
        """Return whether value and growth are right; sines and sums of powers are unfolded by their recursions."""
        if claim.rel_op != "==" or not is_zero(claim.lhs - self.name):
            return False
        here, after = (claim.rhs.subs(self.index, place) for place in (self.index, self.index + 1))
        growth = unfold(expand_definitions(after - here - self.term, definitions))
        return is_zero(growth) and is_zero(claim.rhs.subs(self.index, self.start) - self.value)

    def describe(self) -> str:
        """Return the argument."""
        return f"it is right at {self.index} = {text(self.start)}, and grows by the term of the next step"


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
    and under `positive`, premises of the form 0 < expression whose expression occurs in them.
    """

    multipliers: Mapping[str, sympy.Expr] = field(default_factory=dict)
    remainder: tuple[sympy.Expr | NormSquare, ...] = ()
    positive: tuple[str, ...] = ()
    reading: str = ""

    def holds(self, claim: Relational, premises: Premises, definitions: tuple[Relational, ...]) -> bool:
        """Return whether the identity and every sign hold, strictly if the claim is strict."""
        if claim.rel_op not in {"<=", "<"}:
            return False
        terms = [r.expression if isinstance(r, NormSquare) else r for r in self.remainder]
        total = sympy.Add(*(m * gap(premises[p]) for p, m in self.multipliers.items()), *terms)
        if not is_zero(expand_definitions(gap(claim) - total, definitions)):
            return False
        signs = list(self._signs(premises))
        return all(sign is not None for sign in signs) and (claim.rel_op == "<=" or "+" in signs)

    def _signs(self, premises: Premises) -> Iterator[str | None]:
        """Yield per term "+" if it is positive, "0" if it is not negative, None if that is not shown."""
        known = {gap(premises[p]): sympy.Dummy(p, positive=True) for p in self.positive}
        if any(premises[p].rel_op != "<" for p in self.positive):
            yield None
        for premise, multiplier in self.multipliers.items():
            sign = _sign(multiplier.xreplace(known))
            relation = premises[premise].rel_op
            yield "0" if relation == "==" or (relation == "<=" and sign) else sign
        for term in self.remainder:
            if isinstance(term, NormSquare):
                yield "0" if _sign(term.factor.xreplace(known)) else None
            else:
                yield _sign(term.xreplace(known))

    def describe(self) -> str:
        """Return the reading of the certificate."""
        return self.reading or "the difference of the sides is a sum of non-negative terms"


@dataclass(frozen=True)
class Step:
    """One step of a proof.

    `given` restricts the claim ("for every eta with ..."); its relations may serve as premises under the names
    given, given.2, ... `definitions` explain symbols that the claim introduces.
    """

    case: str
    kind: Kind
    id: str
    statement: str
    claim: Relational | None
    reference: str
    follows_from: tuple[str, ...] = ()
    check: Check | None = None
    given: tuple[Relational, ...] = ()
    definitions: tuple[Relational, ...] = ()

    def __post_init__(self) -> None:
        checkable = self.kind in {Kind.ALGEBRA, Kind.INEQUALITY}
        if checkable != (self.check is not None) or (checkable and self.claim is None):
            raise ValueError(f"step {self.id}: algebra and inequality need a claim and a check, others have none")

    def verify(self, claims: Mapping[str, Relational | None]) -> bool | None:
        """Return whether the check confirms the claim from the premises' claims; None without a check."""
        if self.check is None or self.claim is None:
            return None
        cited = {p: claims[p] for p in self.follows_from}
        premises = {p: claim for p, claim in cited.items() if claim is not None}
        for number, relation in enumerate(self.given, start=1):
            premises["given" if number == 1 else f"given.{number}"] = relation
        return self.check.holds(self.claim, premises, self.definitions)


@dataclass(frozen=True)
class Result:
    """A numbered result: what it says, and the steps that prove it."""

    number: str
    case: str
    title: str
    statement: str
    steps: tuple[Step, ...]


def gap(relation: Relational) -> sympy.Expr:
    """Return right - left."""
    return relation.rhs - relation.lhs


def expand_definitions(expression: sympy.Expr, definitions: tuple[Relational, ...]) -> sympy.Expr:
    """Return the expression with every defined term replaced, repeatedly: definitions may use each other."""
    meaning = {d.lhs: d.rhs for d in definitions}
    for _ in range(len(definitions)):
        expression = expression.subs(meaning, simultaneous=True)
    return expression


def is_zero(expression: sympy.Expr) -> bool:
    """Return whether an expression simplifies to zero; for rational functions cancelling decides.

    Undefined and special functions, sums, integrals and limits are names here: each must cancel against itself.
    """
    opaque = expression.atoms(AppliedUndef, sympy.Sum, sympy.Integral, sympy.Limit, sympy.harmonic, sympy.polygamma)
    expression = expression.xreplace({part: sympy.Dummy(positive=True) for part in opaque})
    if _refuted(expression):
        return False
    if sympy.cancel(sympy.together(sympy.expand(expression))) == 0:
        return True
    return not expression.is_rational_function() and bool(sympy.simplify(expression) == 0)


def _refuted(expression: sympy.Expr) -> bool:
    """Return whether the value at one point, to 30 digits, is not zero; this spares a simplification that must fail."""
    symbols = sorted(expression.free_symbols, key=str)
    point = {q: sympy.Rational(*((2 + n, 1) if q.is_integer else (11 + 2 * n, 97))) for n, q in enumerate(symbols)}
    value = expression.subs(point, simultaneous=True).evalf(30)
    return bool(value.is_number and value.is_finite and abs(value) > 1e-9)


def unfold(expression: sympy.Expr) -> sympy.Expr:
    """Return the expression with digammas and sums of powers brought to equal arguments, waves to exponentials."""
    expression = sympy.expand_func(expression)
    for larger in expression.atoms(sympy.harmonic):
        number, exponent = larger.args
        smaller = sympy.harmonic(number - 1, exponent)
        if expression.has(smaller):
            expression = expression.xreplace({smaller: larger - number**-exponent})
    if expression.has(sympy.sin, sympy.cos) and not _refuted(expression):
        waves = sympy.expand(expression.rewrite(sympy.exp), power_exp=True)
        expression = sympy.cancel(sympy.together(waves))
    return expression


def _sign(expression: sympy.Expr) -> str | None:
    """Return "+" for a positive expression, "0" for a non-negative one, None when neither is shown."""
    forms = (expression, sympy.factor(sympy.together(expression)))
    if any(form.is_positive for form in forms):
        return "+"
    return "0" if any(form.is_nonnegative for form in forms) else None
