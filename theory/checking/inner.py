"""Vectors as formal combinations of base vectors, so inner products stay algebra in any dimension."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sympy

from theory.symbols import GRADIENT, WEIGHT, define

# base vector: unit, text, LaTeX
BASE: Mapping[str, tuple[sympy.Expr, str, str]] = {
    "grad": (GRADIENT, "∇f", r"\nabla f"),
    "u": (GRADIENT, "∇f(w+td)-∇f(w)", r"\nabla f(w+td)-\nabla f(w)"),
    "after": (GRADIENT, "∇f(w+d)", r"\nabla f(w+d)"),
    "g": (GRADIENT, "g", "g"),
    "m": (GRADIENT, "E g", r"\mathrm{E} g"),
    "d": (WEIGHT, "d", "d"),
    "y": (GRADIENT, "∇f(z)-∇f", r"\nabla f(z)-\nabla f"),
    "ubar": (GRADIENT, "u", "u"),
    "unext": (GRADIENT, "u'", "u'"),
    "noise": (GRADIENT, "g-E g", r"g-\mathrm{E} g"),
}
RANDOM = ("g", "unext", "noise", "after")
"""Base vectors that the draw of a step decides; all others are fixed by the past."""
ALONG = ("u",)
"""Base vectors that depend on the position t on the segment from w to w + d."""


@dataclass(frozen=True)
class Vector:
    """A linear combination of base vectors with scalar coefficients."""

    terms: tuple[tuple[str, sympy.Expr], ...]

    def __add__(self, other: "Vector") -> "Vector":
        """Return the sum."""
        return Vector(self.terms + other.terms)

    def __sub__(self, other: "Vector") -> "Vector":
        """Return the difference."""
        return self + (-1) * other

    def __rmul__(self, factor: sympy.Expr) -> "Vector":
        """Return the vector times a scalar."""
        return Vector(tuple((name, factor * coefficient) for name, coefficient in self.terms))

    def words(self, write: Callable[[sympy.Basic], str]) -> str:
        """Return the combination, its coefficients written so."""
        return " + ".join(BASE[n][1] if c == 1 else f"({write(c)}) {BASE[n][1]}" for n, c in self.terms)


def base(name: str) -> Vector:
    """Return a base vector."""
    return Vector(((name, sympy.Integer(1)),))


def inner(u: Vector, v: Vector) -> sympy.Expr:
    """Return the inner product, expanded by bilinearity into inner products of base vectors."""
    return sympy.Add(*(a * b * _product(p, q) for p, a in u.terms for q, b in v.terms))


def _product(p: str, q: str) -> sympy.Symbol:
    p, q = sorted((p, q), key=list(BASE).index)
    (unit_p, text_p, latex_p), (unit_q, text_q, latex_q) = BASE[p], BASE[q]
    if p == q:
        return define(f"norm2_{p}", "squared norm", unit_p**2, f"|{text_p}|²", rf"|{latex_p}|^2", nonnegative=True)
    return define(
        f"inner_{p}_{q}",
        "inner product",
        unit_p * unit_q,
        f"⟨{text_p}, {text_q}⟩",
        rf"\langle {latex_p},\, {latex_q}\rangle",
        real=True,
    )


PRODUCTS: Mapping[sympy.Symbol, tuple[str, str]] = {
    _product(p, q): (p, q) for i, p in enumerate(BASE) for q in list(BASE)[i:]
}
"""Every inner product of two base vectors, and which they are."""


def replaced(expression: sympy.Expr, meaning: Mapping[str, Vector]) -> sympy.Expr:
    """Return an expression in inner products with base vectors replaced by other vectors."""
    vectors = {name: meaning.get(name, base(name)) for name in BASE}
    products = expression.free_symbols & PRODUCTS.keys()
    return expression.subs({s: inner(*(vectors[p] for p in PRODUCTS[s])) for s in products}, simultaneous=True)


def products_with(expression: sympy.Expr, names: tuple[str, ...]) -> set[sympy.Symbol]:
    """Return the inner products in an expression that contain any of these base vectors."""
    return {s for s in expression.free_symbols & PRODUCTS.keys() if set(PRODUCTS[s]) & set(names)}
