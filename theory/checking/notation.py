"""Formulas as one line of text or as LaTeX, with added terms before subtracted ones."""

import re

import sympy
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.printing.latex import LatexPrinter
from sympy.printing.precedence import precedence_traditional
from sympy.printing.str import StrPrinter

from theory.sequences import SEQUENCES
from theory.symbols import QUANTITIES

_SIGNS = {
    "==": ("=", "="),
    "<=": ("≤", r"\le"),
    "<": ("<", "<"),
}
_STAR = "\0"  # stands for the star of K* while the stars of products are turned into spaces
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def _ordered(terms: list[sympy.Expr]) -> list[sympy.Expr]:
    return sorted(terms, key=lambda term: bool(term.could_extract_minus_sign()))


class _Latex(LatexPrinter):  # type: ignore[misc]  # sympy ships no types
    def _as_ordered_terms(self, expr: sympy.Expr, order: str | None = None) -> list[sympy.Expr]:
        return _ordered(expr.as_ordered_terms(order="rev-lex"))

    def _print_Symbol(self, expr: sympy.Symbol, style: str = "plain") -> str:  # noqa: N802  (sympy's hook)
        quantity = QUANTITIES.get(expr)
        written = quantity.latex if quantity else ""
        return written or str(super()._print_Symbol(expr, style=style))

    def _print_Function(self, expr: AppliedUndef, exp: str | None = None) -> str:  # noqa: N802  (sympy's hook)
        if expr.func.__name__ not in SEQUENCES:
            return str(super()._print_Function(expr, exp))
        written = SEQUENCES[expr.func.__name__][2].format(sympy.latex(expr.args[0]))
        return f"{written}^{{{exp}}}" if exp else written

    def _print_Sum(self, expr: sympy.Sum) -> str:  # noqa: N802  (sympy's hook)
        """Return a sum over two indices as two signs: sympy stacks them, which a web page cannot."""
        if len(expr.limits) == 1:
            return str(super()._print_Sum(expr))
        *inner, outer = expr.limits
        index, low, high = map(self._print, outer)
        return rf"\sum_{{{index}={low}}}^{{{high}}} {self._print(sympy.Sum(expr.function, *inner))}"


class _Text(StrPrinter):  # type: ignore[misc]  # sympy ships no types
    def _as_ordered_terms(self, expr: sympy.Expr, order: str | None = None) -> list[sympy.Expr]:
        return _ordered(expr.as_ordered_terms(order="rev-lex"))

    def _print_Symbol(self, expr: sympy.Symbol) -> str:  # noqa: N802  (sympy's hook)
        quantity = QUANTITIES.get(expr)
        return ((quantity.text if quantity else "") or str(expr)).replace("*", _STAR)

    def _print_Function(self, expr: AppliedUndef) -> str:  # noqa: N802  (sympy's hook)
        if expr.func.__name__ not in SEQUENCES:
            return str(super()._print_Function(expr))
        index = str(self._print(expr.args[0])).replace(" ", "")
        return SEQUENCES[expr.func.__name__][1].format(index if index.isalnum() else f"({index})")

    def _print_Pi(self, _: sympy.Basic) -> str:  # noqa: N802  (sympy's hook)
        return "π"

    def _print_polygamma(self, expr: sympy.polygamma) -> str:  # (sympy's hook)
        order, argument = expr.args
        return f"ψ{chr(39) * int(order)}({self._print(argument)})"

    def _print_Sum(self, expr: sympy.Sum) -> str:  # noqa: N802  (sympy's hook)
        signs = [
            f"Σ_({self._print(index)}={self._print(low)}..{self._print(high)})"
            for index, low, high in reversed(expr.limits)
        ]
        return " ".join((*signs, self.parenthesize(expr.function, precedence_traditional(expr))))

    def _print_Limit(self, expr: sympy.Limit) -> str:  # noqa: N802  (sympy's hook)
        function, variable, point, _ = expr.args
        target = "∞" if point is sympy.oo else self._print(point)
        return f"lim_({self._print(variable)}→{target}) {self._print(function)}"

    def _print_Derivative(self, expr: sympy.Derivative) -> str:  # noqa: N802  (sympy's hook)
        return f"d/d{self._print(expr.variables[0])} ({self._print(expr.expr)})"

    def _print_Integral(self, expr: sympy.Integral) -> str:  # noqa: N802  (sympy's hook)
        variable, low, high = expr.limits[0]
        return f"∫_{self._print(low)}^{self._print(high)} {self._print(expr.function)} d{self._print(variable)}"


def text(expression: sympy.Basic) -> str:
    r"""Return a formula as one line of text.

    Args:
        expression: A sympy expression or relation in the symbols of `theory.symbols`.

    Returns:
        Unicode text, products by spaces, small powers as superscripts.

    Raises:
        ValueError: If a relation is not one of =, <=, <.

    Reference:
        Names as in Lee et al. 2021.

    Example:
        >>> from theory.symbols import B, c1, c2, eta
        >>> text(c1 / B + c2 - eta**2)
        'c1/B + c2 - η²'
        >>> i, j = sympy.symbols("i j")
        >>> text(sympy.Sum(sympy.Sum(c1, (j, i, B)), (i, 1, B)))
        'Σ_(i=1..B) Σ_(j=i..B) c1'
    """
    if isinstance(expression, Relational):
        return f"{text(expression.lhs)} {_SIGNS[expression.rel_op][0]} {text(expression.rhs)}"
    line = _Text().doprint(expression)
    line = re.sub(r"\*\*(\d)(?!\d)", lambda match: match[1].translate(_SUPERSCRIPTS), line)
    line = line.replace("**", "^").replace("sqrt(", "√(")
    return line.replace("*", " ").replace(_STAR, "*")


def latex(expression: sympy.Basic) -> str:
    r"""Return a formula as LaTeX, without surrounding dollars.

    Args:
        expression: A sympy expression or relation in the symbols of `theory.symbols`.

    Returns:
        LaTeX source for math mode.

    Raises:
        ValueError: If a relation is not one of =, <=, <.

    Reference:
        Names as in Lee et al. 2021.

    Example:
        >>> from theory.symbols import B, c1, c2
        >>> i, j = sympy.symbols("i j")
        >>> latex(sympy.Sum(sympy.Sum(c1, (j, i, B)), (i, 1, B)))
        '\\sum_{i=1}^{B} \\sum_{j=i}^{B} c_{1}'
        >>> latex(c1 / B + c2)
        '\\frac{c_{1}}{B} + c_{2}'
    """
    if isinstance(expression, Relational):
        return f"{latex(expression.lhs)} {_SIGNS[expression.rel_op][1]} {latex(expression.rhs)}"
    return str(_Latex().doprint(expression))
