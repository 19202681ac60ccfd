"""Operations on vectors and means: another point or move, equal vectors, the mean of a draw, the full expectation."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy

from theory.checking.inner import BASE, RANDOM, Vector, base, inner, products_with, replaced
from theory.checking.notation import text
from theory.checking.operations import Write, assigned
from theory.checking.premises import Known, Premises, UnprovenError, same
from theory.checking.relations import eq, put
from theory.sequences import Buffer, Curved, F, Fz, G, rate
from theory.symbols import (
    V_B,
    curved,
    eta,
    f_next,
    f_now,
    f_z,
    f_z_next,
    g_sample,
    k,
    mean_curved,
    mean_f_next,
    mean_f_z_next,
    mean_square,
    mean_square_after,
    mean_square_u,
    z_next,
    z_now,
)


def _square(name: str) -> sympy.Symbol:
    return inner(base(name), base(name))


MEANS: Mapping[sympy.Symbol, sympy.Symbol] = {
    f_next: mean_f_next,
    f_z_next: mean_f_z_next,
    curved: mean_curved,
    _square("g"): mean_square,
    _square("unext"): mean_square_u,
    _square("noise"): V_B,
    _square("after"): mean_square_after,
}
"""What is random given the past, and the name of its mean; inner products with g have E g in its place."""

AT_STEP: Mapping[sympy.Expr, sympy.Expr] = {
    mean_f_next: F(k + 1),
    f_now: F(k),
    mean_f_z_next: Fz(k + 1),
    f_z: Fz(k),
    mean_curved: Curved(k),
    mean_square_u: Buffer(k + 1),
    mean_square_after: G(k + 1),
    _square("ubar"): Buffer(k),
    _square("grad"): G(k),
}
"""What the past decides, and the name of its full expectation at step k."""


@dataclass(frozen=True)
class Move:
    """An instance of a claim about every point and every move: other vectors, and the names of f there."""

    vectors: Mapping[str, Vector]
    values: Mapping[sympy.Expr, sympy.Expr] = field(default_factory=dict)
    steps: tuple[str, ...] = ()
    """Premises that say of every coordinate: new = old + factor times g; they give the move."""

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return the instance."""
        vectors = self.moved(premises)
        if vectors.keys() - {"d", "grad", "u"} or any(s not in {f_now, f_next} for s in self.values):
            raise UnprovenError("only the point and the move are free")
        sides = [replaced(side, vectors).subs(dict(self.values)) for side in known.relation.args]
        return Known(known.relation.func(*sides, evaluate=False), known.conditions)

    def moved(self, premises: Premises) -> dict[str, Vector]:
        """Return what takes the place of each base vector."""
        vectors = dict(self.vectors)
        for name in self.steps:
            claim = premises[name]
            factor = sympy.diff(claim.rhs, g_sample)
            if not same(claim, eq(z_next, z_now + factor * g_sample)):
                raise UnprovenError(f"{name} is no plain step")
            if vectors.setdefault("d", factor * base("g")) != factor * base("g"):
                raise UnprovenError(f"{name} gives another move")
        return vectors

    def words(self, write: Write = text) -> str:
        """Return the vectors."""
        vectors = [f"{BASE[name][1]} = {vector.words(write)}" for name, vector in self.vectors.items()]
        values = [assigned(write, self.values)] if self.values else []
        moves = f", with the move of {' and '.join(self.steps)}" if self.steps else ""
        return f"put {', '.join((*vectors, *values))}{moves}"


@dataclass(frozen=True)
class Equal:
    """A vector replaced by the one that a premise says it equals."""

    name: str
    vectors: tuple[Vector, Vector] | None = None

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return the relation with the first vector replaced by the second."""
        ((left, _),), right = self.pair(premises)
        if not any(products_with(side, (left,)) for side in known.relation.args):
            raise UnprovenError(f"{self.name} changes nothing")
        sides = [replaced(side, {left: right}) for side in known.relation.args]
        return Known(known.relation.func(*sides, evaluate=False), known.conditions)

    def words(self, write: Write = text) -> str:
        """Return the premise."""
        return f"by {self.name}"

    def pair(self, premises: Premises) -> tuple[tuple[tuple[str, sympy.Expr], ...], Vector]:
        """Return the one term of the first vector, and the second."""
        one, other = premises.vectors(self.name, self.vectors)
        return one.terms, other


@dataclass(frozen=True)
class Mean:
    """The mean of both sides given the past: they must be linear in what the draw decides."""

    licence: str

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return the relation between means."""
        premises.licence(self.licence)
        sides = [_averaged(side) for side in known.relation.args]
        return Known(known.relation.func(*sides, evaluate=False), known.conditions)

    def words(self, write: Write = text) -> str:
        """Return the operation."""
        return "take the mean given the past"


def _averaged(side: sympy.Expr) -> sympy.Expr:
    random = (side.free_symbols & MEANS.keys()) | products_with(side, RANDOM)
    _require_linear(side, random)
    crossed = {s: replaced(s, {"g": base("m")}) for s in random - MEANS.keys()}
    if products_with(sympy.Add(*crossed.values()), RANDOM):
        raise UnprovenError(f"{text(side)} has a product whose mean has no name")
    return side.subs(dict(MEANS) | crossed, simultaneous=True)


def _require_linear(side: sympy.Expr, atoms: set[sympy.Expr]) -> None:
    for one in atoms:
        slope = sympy.diff(side, one)
        if any(slope.has(other) for other in atoms):
            raise UnprovenError(f"{text(side)} is not linear in {text(one)}")


@dataclass(frozen=True)
class AtStep:
    """The full expectation of both sides at w = w_k, where the rate is eta_k: they must be linear in what w decides."""

    licence: str

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return the relation between full expectations."""
        premises.licence(self.licence)
        for side in known.relation.args:
            _require_linear(side, side.free_symbols & AT_STEP.keys())
        return Known(put(known.relation, {**AT_STEP, eta: rate(k)}), known.conditions)

    def words(self, write: Write = text) -> str:
        """Return the operation."""
        return "take the full expectation at step k"


@dataclass(frozen=True)
class Square:
    """The square of a vector that is named here."""

    name: str
    vector: Vector

    def known(self, premises: Premises) -> Known:
        """Return the square in inner products of what the vector is made of."""
        return Known(eq(_square(self.name), inner(self.vector, self.vector)))

    def words(self, write: Write = text) -> str:
        """Return the square."""
        return f"expand |{self.vector.words(write)}|²"
