"""What a check may know: the claims its step cites, and the record of what it read of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import sympy
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from theory.checking.bounds import GROWTH
from theory.checking.inner import Vector, inner
from theory.checking.relations import eq, gap, is_zero, replace, sign
from theory.symbols import M_G


class UnprovenError(Exception):
    """Why a claim does not follow."""


class Cited(Protocol):
    """A step as those that cite it see it."""

    @property
    def claim(self) -> Relational | None:
        """What it says; None for words."""
        ...

    @property
    def given(self) -> tuple[Relational, ...]:
        """Under which conditions."""
        ...

    @property
    def definitions(self) -> tuple[Relational, ...]:
        """Names that it introduces."""
        ...

    @property
    def vectors(self) -> tuple[Vector, Vector] | None:
        """Two vectors that it says are equal."""
        ...


@dataclass(frozen=True)
class Known:
    """A relation, and the conditions under which it is known."""

    relation: Relational
    conditions: frozenset[Relational] = frozenset()


class Premises(Mapping[str, Relational]):
    """The claims that a step cites, by id, and its conditions as given, given.2, ...

    Reading is recorded: a step that cites what its check does not read fails.
    `meanings` are the names of the premises: what each stands for, for everything that follows from them. `definitions`
    are those of the step itself.
    """

    def __init__(
        self,
        cited: Mapping[str, Cited],
        given: tuple[Relational, ...] = (),
        meanings: Mapping[sympy.Expr, sympy.Expr] = MappingProxyType({}),
        definitions: tuple[Relational, ...] = (),
    ) -> None:
        self._cited = dict(cited)
        self._given = {"given" if n == 1 else f"given.{n}": relation for n, relation in enumerate(given, start=1)}
        self.meanings = {M_G: GROWTH, **meanings}
        self.definitions = {definition.lhs: definition.rhs for definition in definitions}
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Relational:
        return self.known(name).relation

    def __iter__(self) -> Iterator[str]:
        return iter([*self._cited, *self._given])

    def __len__(self) -> int:
        return len(self._cited) + len(self._given)

    def known(self, name: str) -> Known:
        """Return a claim with the conditions it holds under; KeyError if it is not cited."""
        if name in self._given:
            self.read.add(name)
            return Known(self._given[name])
        step = self._cited[name]
        if step.claim is None:
            raise UnprovenError(f"{name} is an argument in words")
        self.read.add(name)
        return Known(step.claim, frozenset(step.given))

    def definition(self, name: str, symbol: sympy.Expr) -> Known:
        """Return what a cited step means by a symbol."""
        step = self._cited[name]
        self.read.add(name)
        for definition in step.definitions:
            if definition.lhs == symbol:
                return Known(eq(symbol, definition.rhs), frozenset(step.given))
        raise UnprovenError(f"{name} does not define {symbol}")

    def licence(self, name: str) -> None:
        """Note that an operation rests on a cited argument in words."""
        if self._cited[name].claim is not None:
            raise UnprovenError(f"{name} is no argument in words")
        self.read.add(name)

    def vectors(self, name: str, said: tuple[Vector, Vector] | None) -> tuple[Vector, Vector]:
        """Return two vectors that a cited step, or a condition for those that are said, says are equal."""
        vectors = said if name in self._given else self._cited[name].vectors
        if vectors is None or not says_equal(self[name], vectors):
            raise UnprovenError(f"{name} says of no two vectors that they are equal")
        return vectors

    def depends(self, symbol: sympy.Expr) -> set[sympy.Expr]:
        """Return the symbols that a name is made of, through the names in between."""
        found: set[sympy.Expr] = set()
        waiting = [symbol]
        while waiting:
            meaning = self.meanings.get(waiting.pop())
            made_of = set() if meaning is None else meaning.free_symbols | meaning.atoms(AppliedUndef)
            waiting += made_of - found
            found |= made_of
        return found

    def require_conditions(self, conditions: frozenset[Relational]) -> None:
        """Refuse conditions that are neither given, nor a cited claim, nor true by the signs of their symbols."""
        for condition in sorted(conditions, key=str):
            named = [n for n in self._given if same(self._given[n], condition)]
            named += [n for n, step in self._cited.items() if step.claim is not None and same(step.claim, condition)]
            shown = {"<": ("+",), "<=": ("+", "0")}.get(condition.rel_op, ())
            if not named and sign(gap(condition)) not in shown:
                raise UnprovenError(f"the condition {condition} does not travel along")
            self.read.update(named)

    def require_all_read(self) -> None:
        """Refuse premises and conditions that played no part."""
        unread = [name for name in self if name not in self.read]
        if unread:
            raise UnprovenError(f"{', '.join(unread)} cited and not read")


class Signs:
    """Signs shown by the symbols and by premises of the form 0 < or <= expression; each of these must be of use."""

    def __init__(self, premises: list[Relational]) -> None:
        if any(premise.rel_op == "==" for premise in premises):
            raise UnprovenError("an equation gives no sign")
        self._shown = {
            gap(p): sympy.Dummy(positive=True) if p.rel_op == "<" else sympy.Dummy(nonnegative=True) for p in premises
        }
        self._unused = set(self._shown)

    def sign(self, expression: sympy.Expr) -> str | None:
        """Return "+" for a positive expression, "0" for a non-negative one, None when neither is shown."""
        plain = sign(expression)
        if plain == "+" or not self._shown:
            return plain
        factors = sympy.Mul.make_args(expression)
        found = [self._of_factor(factor) for factor in factors]
        if None in found or found.count("-") % 2:
            return plain
        return "0" if "0" in found else "+"

    def _of_factor(self, factor: sympy.Expr) -> str | None:
        """Return the sign of a factor, "-" for a negative one."""
        base, exponent = factor.as_base_exp()
        forms = (base, replace(base, self._shown), self._rewritten(base))
        signs = [sign(form**exponent) or ("-" if exponent.is_odd and sign(-form) == "+" else None) for form in forms]
        found = next((one for one in ("+", "0", "-") if one in signs), None)
        if found and forms[signs.index(found)] != base:
            self._unused -= {shown for shown in self._shown if base.free_symbols & shown.free_symbols}
        return found

    def _rewritten(self, expression: sympy.Expr) -> sympy.Expr:
        """Return the expression with one symbol of each premise in terms of what the premise says is positive."""
        for difference, dummy in self._shown.items():
            for symbol in sorted(difference.free_symbols, key=str):
                if difference.coeff(symbol) in {1, -1} and not (difference - difference.coeff(symbol) * symbol).has(
                    symbol
                ):
                    expression = expression.subs(symbol, symbol + (dummy - difference) * difference.coeff(symbol))
                    break
        return expression

    def require_used(self) -> None:
        """Refuse premises that showed no sign."""
        if self._unused:
            raise UnprovenError(f"that {', '.join(map(str, self._unused))} has a sign is of no use")


def says_equal(claim: Relational, vectors: tuple[Vector, Vector]) -> bool:
    """Return whether a claim is that the square of the difference of two vectors is 0."""
    difference = vectors[0] - vectors[1]
    return claim.rel_op == "==" and claim.rhs == 0 and is_zero(claim.lhs - inner(difference, difference))


def same(one: Relational, other: Relational) -> bool:
    """Return whether two relations say the same, side by side."""
    return one == other or (
        one.rel_op == other.rel_op and is_zero(one.lhs - other.lhs) and is_zero(one.rhs - other.rhs)
    )
