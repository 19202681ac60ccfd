"""Operations of analysis: extremes, sums, integrals, limits, logarithms, slopes, expansions and rounding."""

from collections.abc import Mapping
from dataclasses import dataclass

import sympy
from sympy.core.function import AppliedUndef

from theory.checking.inner import ALONG, products_with
from theory.checking.notation import text
from theory.checking.operations import Write, require_equation, require_left_of_equation, solved
from theory.checking.premises import Known, Premises, Signs, UnprovenError
from theory.checking.relations import eq, lt, replace, sign
from theory.symbols import ONE, K, k


@dataclass(frozen=True)
class _Extreme:
    """The one place where a right side is least (or largest) over a symbol."""

    left: sympy.Expr
    symbol: sympy.Symbol
    name: sympy.Symbol
    most: bool = False
    positive: tuple[str, ...] = ()

    def place(self, known: Known, premises: Premises) -> sympy.Expr:
        """Return the one point where the derivative vanishes, if the second one has the right sign there."""
        require_left_of_equation(known.relation, self.left)
        shown, expression = Signs([premises[name] for name in self.positive]), known.relation.rhs
        slope = sympy.numer(sympy.together(sympy.diff(expression, self.symbol)))
        points = [p for p in solved(slope, self.symbol) if shown.sign(sympy.factor(p)) == "+"]
        if len(points) != 1:
            raise UnprovenError(f"{len(points)} extremes over {self.symbol}")
        bent = sympy.factor(sympy.together(sympy.diff(expression, self.symbol, 2).subs(self.symbol, points[0])))
        if shown.sign(-bent if self.most else bent) != "+":
            raise UnprovenError(f"no {'largest' if self.most else 'least'} value over {self.symbol}")
        return points[0]


@dataclass(frozen=True)
class Best(_Extreme):
    """A name for where a right side is least (or largest) over a symbol."""

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return name = the one extreme."""
        return Known(eq(self.name, self.place(known, premises)))

    def words(self, write: Write = text) -> str:
        """Return the operation."""
        return f"find where its right side is {'largest' if self.most else 'least'} over {write(self.symbol)}"


@dataclass(frozen=True)
class BestValue(_Extreme):
    """A name for the least (or largest) value of a right side over a symbol."""

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return name = the value at the one extreme."""
        return Known(eq(self.name, known.relation.rhs.subs(self.symbol, self.place(known, premises))))

    def words(self, write: Write = text) -> str:
        """Return the operation."""
        return f"{'maximise' if self.most else 'minimise'} its right side over {write(self.symbol)}"


@dataclass(frozen=True)
class Summed:
    """The sum over k = 1..K: neighbouring differences telescope."""

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return the relation between sums."""
        if any(c.has(k) for c in known.conditions):
            raise UnprovenError("a condition changes with k")
        sides = [_sum(side) for side in known.relation.args]
        return Known(known.relation.func(*sides, evaluate=False), known.conditions)

    def words(self, write: Write = text) -> str:
        """Return the operation."""
        return "sum over k = 1..K"


def _sum(expression: sympy.Expr) -> sympy.Expr:
    """Return the sum over k = 1..K by linearity, constants pulled out of each sum."""
    differences = [a for a in expression.atoms(AppliedUndef) if a.args == (k + 1,)]
    telescoped = sympy.Integer(0)
    for following in differences:
        before = following.func(k)
        coefficient = sympy.expand(expression).coeff(following)
        expression = sympy.expand(expression - coefficient * (following - before))
        telescoped += coefficient * sympy.Sum(following - before, (k, 1, K)).doit()
    constant, dependent = sympy.expand(expression).as_independent(k, as_Add=True)
    for term in sympy.Add.make_args(dependent):
        factor, summand = term.as_independent(k, as_Add=False)
        telescoped += factor * sympy.Sum(summand, (k, 1, K)) if summand != 1 else K * factor
    return telescoped + K * constant


@dataclass(frozen=True)
class Itself:
    """An expression as what it is: the start of evaluating it."""

    expression: sympy.Expr

    def known(self, premises: Premises) -> Known:
        """Return expression = expression."""
        return Known(eq(self.expression, self.expression))

    def words(self, write: Write = text) -> str:
        """Return the expression."""
        return f"take {write(self.expression)}"


@dataclass(frozen=True)
class Integrated:
    """The integral of both sides over an interval; what depends on the position in words stays an integral."""

    symbol: sympy.Symbol
    low: sympy.Expr
    high: sympy.Expr

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return the relation between integrals."""
        if sign(self.high - self.low) is None:
            raise UnprovenError("the interval has no length")
        sides = []
        for side in known.relation.args:
            whole = sympy.Integral(side, (self.symbol, self.low, self.high))
            sides.append(whole if products_with(side, ALONG) else whole.doit())
        return Known(known.relation.func(*sides, evaluate=False), known.conditions)

    def words(self, write: Write = text) -> str:
        """Return the interval."""
        return f"integrate over {write(self.symbol)} from {write(self.low)} to {write(self.high)}"


@dataclass(frozen=True)
class Split:
    """The right side with the integral of each sum as a sum of integrals, constants pulled out."""

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return the relation with its integrals split."""
        right = known.relation.rhs.replace(lambda e: isinstance(e, sympy.Integral), _split)
        return Known(known.relation.func(known.relation.lhs, right, evaluate=False), known.conditions)

    def words(self, write: Write = text) -> str:
        """Return the operation."""
        return "split the integral"


def _split(integral: sympy.Integral) -> sympy.Expr:
    terms = sympy.Add.make_args(sympy.expand(integral.function))
    parts = [term.as_independent(integral.variables[0], as_Add=False) for term in terms]
    return sympy.Add(*(factor * sympy.Integral(rest, *integral.limits) for factor, rest in parts))


@dataclass(frozen=True)
class Evaluated:
    """The right side with its integrals, derivatives and sums carried out."""

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return the relation with the right side evaluated."""
        right = known.relation.rhs.replace(
            lambda e: isinstance(e, sympy.Integral), lambda e: e.func(sympy.expand(e.function), *e.limits)
        )
        value = sympy.expand_log(right.doit())
        return Known(known.relation.func(known.relation.lhs, value, evaluate=False), known.conditions)

    def words(self, write: Write = text) -> str:
        """Return the operation."""
        return "evaluate"


@dataclass(frozen=True)
class TakenOut:
    """The right side, a power of a sum of powers, with the factor that its terms share taken out."""

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return the relation with the right side factored."""
        base, exponent = known.relation.rhs.as_base_exp()
        inside = sympy.factor(sympy.expand_power_base(base))
        right = sympy.powdenest(sympy.expand_power_base(inside**exponent))
        return Known(known.relation.func(known.relation.lhs, right, evaluate=False), known.conditions)

    def words(self, write: Write = text) -> str:
        """Return the operation."""
        return "take the common factor out"


@dataclass(frozen=True)
class Simplified:
    """The right side simplified."""

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return the relation with a simpler right side."""
        return Known(
            known.relation.func(known.relation.lhs, sympy.simplify(known.relation.rhs), evaluate=False),
            known.conditions,
        )

    def words(self, write: Write = text) -> str:
        """Return the operation."""
        return "simplify"


def _require_independent(expression: sympy.Expr, symbol: sympy.Symbol, premises: Premises) -> None:
    """Refuse an expression in which another name depends on a symbol."""
    for name in expression.free_symbols - {symbol}:
        if symbol in premises.depends(name):
            raise UnprovenError(f"{name} depends on {symbol}")


@dataclass(frozen=True)
class Limited:
    """The limit of both sides of an equation; `below_one` names a factor whose powers fall because it is below 1."""

    symbol: sympy.Symbol
    at: sympy.Expr
    below_one: sympy.Symbol | None = None

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return the limit of the left side, unevaluated, and that of the right side."""
        require_equation(known.relation)
        left, right = known.relation.args
        _require_independent(right, self.symbol, premises)
        if self.below_one is None:
            value, conditions = (
                sympy.limit(sympy.cancel(right) if right.is_rational_function() else right, self.symbol, self.at),
                known.conditions,
            )
        else:
            fall = sympy.Symbol("fall", positive=True)
            limit = sympy.limit(right.subs(self.below_one, sympy.exp(-fall)), self.symbol, self.at)
            value = limit.subs(fall, -sympy.log(self.below_one))
            conditions = known.conditions | {lt(self.below_one, sympy.Integer(1))}
        return Known(eq(sympy.Limit(left, self.symbol, self.at), value), conditions)

    def words(self, write: Write = text) -> str:
        """Return the limit."""
        symbol = write(self.symbol)  # the page sets formulas in the order in which they are written
        return f"let {symbol} tend to {'∞' if self.at is sympy.oo else write(self.at)}"


@dataclass(frozen=True)
class Sharpest:
    """The limit of both sides of an equation as an exponent h tends to 0, where powers 1/h of small/large vanish."""

    exponent: sympy.Symbol
    small: sympy.Symbol
    large: sympy.Symbol

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return the limit for small < large: with large/small = exp(s), s > 0, and 1/h growing."""
        require_equation(known.relation)
        left, right = known.relation.args
        apart, grown = sympy.symbols("apart grown", positive=True)
        written = sympy.powsimp(right.subs({self.large: self.small * sympy.exp(apart), self.exponent: 1 / grown}))
        value = sympy.limit(sympy.simplify(written), grown, sympy.oo)
        limit = sympy.Limit(left, self.exponent, 0)
        return Known(
            eq(limit, value.subs(apart, sympy.log(self.large / self.small))),
            known.conditions | {lt(self.small, self.large)},
        )

    def words(self, write: Write = text) -> str:
        """Return the limit."""
        return f"let {write(self.exponent)} tend to 0"


@dataclass(frozen=True)
class Logs:
    """The logarithm of both sides of an equation."""

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return log = log."""
        require_equation(known.relation)
        return Known(eq(*(sympy.expand_log(sympy.log(side)) for side in known.relation.args)), known.conditions)

    def words(self, write: Write = text) -> str:
        """Return the operation."""
        return "take the logarithm"


@dataclass(frozen=True)
class Slope:
    """A name for the slope of the logarithm of a right side on that of a symbol."""

    left: sympy.Expr
    symbol: sympy.Symbol
    name: sympy.Symbol

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return name = symbol d/dsymbol log(right side)."""
        require_left_of_equation(known.relation, self.left)
        _require_independent(known.relation.rhs, self.symbol, premises)
        return Known(eq(self.name, self.symbol * sympy.diff(sympy.log(known.relation.rhs), self.symbol)))

    def words(self, write: Write = text) -> str:
        """Return the operation."""
        return f"slope of its logarithm on log {write(self.symbol)}"


@dataclass(frozen=True)
class Derivative:
    """A name for the derivative of a right side by a symbol, at a value of it."""

    left: sympy.Expr
    symbol: sympy.Symbol
    name: sympy.Symbol
    at: sympy.Expr
    times: sympy.Expr = ONE

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return name = factor times derivative there."""
        require_left_of_equation(known.relation, self.left)
        _require_independent(known.relation.rhs, self.symbol, premises)
        slope = self.times * sympy.diff(known.relation.rhs, self.symbol)
        return Known(eq(self.name, slope.subs(self.symbol, self.at)))

    def words(self, write: Write = text) -> str:
        """Return the operation."""
        factor = "" if self.times == 1 else f", times {write(self.times)},"
        return f"differentiate by {write(self.symbol)}{factor} at {write(self.at)}"


@dataclass(frozen=True)
class Taylor:
    """A name for the Taylor polynomial of degree one of a right side, about 0."""

    left: sympy.Expr
    symbol: sympy.Symbol
    name: sympy.Symbol

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return name = value at 0 + derivative at 0 times symbol."""
        require_left_of_equation(known.relation, self.left)
        function = known.relation.rhs
        slope = sympy.diff(function, self.symbol).subs(self.symbol, 0)
        return Known(eq(self.name, function.subs(self.symbol, 0) + slope * self.symbol))

    def words(self, write: Write = text) -> str:
        """Return the operation."""
        return f"expand to first order in {write(self.symbol)}"


@dataclass(frozen=True)
class Rounded:
    """A name for the right side at given numbers, to so many decimals."""

    left: sympy.Expr
    name: sympy.Symbol
    decimals: int
    numbers: Mapping[sympy.Symbol, sympy.Rational]

    def apply(self, known: Known, premises: Premises) -> Known:
        """Return name = rounded value."""
        require_left_of_equation(known.relation, self.left)
        if unused := self.numbers.keys() - known.relation.rhs.free_symbols:
            raise UnprovenError(f"{', '.join(map(str, unused))} does not occur in {text(known.relation)}")
        value = replace(known.relation.rhs, self.numbers)
        if not value.is_Rational:
            raise UnprovenError(f"{value} is no number")
        return Known(eq(self.name, sympy.Rational(round(10**self.decimals * value), 10**self.decimals)))

    def words(self, write: Write = text) -> str:
        """Return the operation."""
        return "insert the reported numbers, round"
