"""The second prover: z3 decides statements of real arithmetic, from the same steps and by none of the same code.

A statement is turned into polynomials: fractions over products of factors that are not 0; roots, and powers with
symbols in the exponent, are numbers of their own. What follows from its hypotheses is what cannot fail: z3 looks for
numbers that meet them all and not the conclusion. If there are none the step is proved, whatever its check did; if
there are, they are the counterexample. Hypotheses that nothing meets would prove everything, so z3 must find numbers
for them, too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sympy
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from theory.checking.notation import text
from theory.checking.relations import le, lt
from theory.checking.statement import BeyondArithmeticError, Query
from theory.sequences import RUN, rate

if TYPE_CHECKING:
    import z3

_MILLISECONDS = 20_000  # for each question
_ATOMS = (sympy.Symbol, AppliedUndef, sympy.Sum)


@dataclass(frozen=True)
class Outcome:
    """What the second prover says: proved, refuted by numbers, or why it says nothing."""

    proved: bool | None
    reason: str = ""
    counterexample: Mapping[str, str] = field(default_factory=dict)


def decide(queries: Iterable[Query]) -> Outcome:
    """Return whether every query holds.

    Args:
        queries: Statements of real arithmetic.

    Returns:
        Proved if all are; refuted, with numbers, if one is not; neither if z3 cannot say.

    Raises:
        ModuleNotFoundError: If z3 is not installed.
    """
    for query in queries:
        try:
            outcome = _decide(query)
        except BeyondArithmeticError as reason:
            return Outcome(None, str(reason))
        if not outcome.proved:
            return outcome
    return Outcome(True)


def _decide(query: Query) -> Outcome:
    told = Polynomials()
    known = told.hypotheses(query.hypotheses)
    failing = told.fails(query.conclusions)
    known += told.conditions
    found, model = _asked([*known, failing])
    if found == "sat" and not told.has_free_sums:
        return Outcome(None, "a sum over steps")
    if found == "sat":
        return Outcome(False, "", told.numbers(model))
    if found == "unknown":
        return Outcome(None, "z3 gives up")
    possible, _ = _asked(known)
    if possible == "unsat":
        return Outcome(None, "nothing meets its hypotheses")
    return Outcome(True) if possible == "sat" else Outcome(None, "z3 finds no numbers that meet its hypotheses")


def _asked(statements: list["z3.BoolRef"]) -> tuple[str, "z3.ModelRef | None"]:
    """Return whether numbers meet all statements (sat, unsat, unknown), and such numbers."""
    import z3  # noqa: PLC0415  (an extra)

    solver = z3.SolverFor("QF_NRA")
    solver.set("timeout", _MILLISECONDS)
    solver.add(*statements)
    found = str(solver.check())
    return found, solver.model() if found == "sat" else None


@dataclass(frozen=True)
class Fraction:
    """A polynomial over a product of powers of others, none of which is 0."""

    over: "z3.ArithRef"
    under: Mapping["z3.ArithRef", int] = field(default_factory=dict)


class Polynomials:
    """Formulas of one query as polynomials, with what has to be true of the numbers in them.

    `conditions` are signs, what roots are roots of, and that no denominator is 0.
    """

    def __init__(self) -> None:
        import z3  # noqa: PLC0415  (an extra)

        self._z3 = z3
        self._meaning: dict[sympy.Expr, sympy.Expr] = {}
        self._numbers: dict[tuple[sympy.Expr | int, ...], z3.ArithRef] = {}
        self._positive: set[z3.ArithRef] = set()
        self.conditions: list[z3.BoolRef] = []

    def hypotheses(self, relations: Iterable[Relational]) -> list["z3.BoolRef"]:
        """Return what relations say; an equation that gives a symbol replaces the symbol by what it gives."""
        others = []
        for relation in dict.fromkeys(relations):
            name, value = relation.args
            if relation.rel_op == "==" and isinstance(name, sympy.Symbol | AppliedUndef) and self._is_new(name, value):
                self._meaning[name] = value
            else:
                others.append(relation)
        signed = [name for name in self._meaning if name.is_nonnegative]
        others += [lt(sympy.Integer(0), name) if name.is_positive else le(sympy.Integer(0), name) for name in signed]
        return [self._relation(relation) for relation in others]

    def fails(self, conclusions: Iterable[Relational]) -> "z3.BoolRef":
        """Return that one of the conclusions does not hold."""
        return self._z3.Not(self._z3.And(*map(self._relation, conclusions)))

    @property
    def has_free_sums(self) -> bool:
        """Whether all numbers for sums can be those of some terms: of rates and what a run does, each in one sum."""
        sums = [key[0] for key in self._numbers if isinstance(key[0], sympy.Sum)]
        summands = [sequence.func for one in sums for sequence in one.function.atoms(AppliedUndef)]
        return all(one.function.atoms(AppliedUndef) for one in sums) and (
            len(set(summands)) == len(summands) and {*RUN, rate}.issuperset(summands)
        )

    def numbers(self, model: "z3.ModelRef | None") -> dict[str, str]:
        """Return the numbers of a model, by the names of the symbols."""
        assert model is not None
        return {
            text(key[0]): model.eval(number, model_completion=True).as_decimal(6)
            for key, number in self._numbers.items()
            if len(key) == 1
        }

    def _is_new(self, name: sympy.Expr, value: sympy.Expr) -> bool:
        """Return whether a name may stand for a value: it has none yet, and the value is not made of it."""
        reached: set[sympy.Expr] = set()
        waiting = [value]
        while waiting:
            atoms = waiting.pop().atoms(*_ATOMS)
            if name in atoms:
                return False
            waiting += [self._meaning[a] for a in atoms - reached if a in self._meaning]
            reached |= atoms
        return name not in self._meaning

    def _relation(self, relation: Relational) -> "z3.BoolRef":
        """Return a relation: the difference of its sides over a common denominator, times what has no plain sign."""
        gap = self._sum([self._fraction(relation.rhs), self._fraction(-relation.lhs)])
        if relation.rel_op == "==":
            return gap.over == 0
        signed = gap.over
        for factor, power in gap.under.items():
            if power % 2 and factor not in self._positive:
                signed *= factor
        return signed >= 0 if relation.rel_op == "<=" else signed > 0

    def _number(self, *key: sympy.Expr | int, positive: bool | None, nonnegative: bool | None) -> "z3.ArithRef":
        """Return the number that stands for an atom, a root or a power."""
        if key not in self._numbers:
            number = self._z3.Real(f"x{len(self._numbers)}")
            self._numbers[key] = number
            if positive:
                self._positive.add(number)
            if positive or nonnegative:
                self.conditions.append(number > 0 if positive else number >= 0)
        return self._numbers[key]

    def _fraction(self, expression: sympy.Expr, power: int = 1) -> Fraction:
        """Return a whole power of an expression."""
        if expression.is_Mul:
            return self._product([self._fraction(factor, power) for factor in expression.args])
        if expression.is_Pow and expression.exp.is_Integer:
            return self._fraction(expression.base, int(expression.exp) * power)
        if expression in self._meaning:
            return self._fraction(self._meaning[expression], power)
        if expression.is_Pow and not expression.exp.is_Rational:
            return self._with_symbols(expression, power)
        plain = self._added(expression) if expression.is_Add else Fraction(self._atom(expression))
        return self._raised(plain, power)

    def _atom(self, expression: sympy.Expr) -> "z3.ArithRef":
        if expression.is_Rational:
            return self._z3.RealVal(str(expression))
        if isinstance(expression, _ATOMS):
            return self._number(expression, positive=expression.is_positive, nonnegative=expression.is_nonnegative)
        if expression.is_Pow and expression.exp.is_Rational:
            return self._root(expression)
        raise BeyondArithmeticError(_WORDS.get(type(expression), f"a {type(expression).__name__}"))

    def _root(self, expression: sympy.Expr) -> "z3.ArithRef":
        """Return the whole power of the root that an expression is."""
        base, degree = expression.base, int(expression.exp.q)
        new = (base, degree) not in self._numbers
        root = self._number(base, degree, positive=_is_plainly_positive(base), nonnegative=True)
        if new:
            radicand = self._fraction(base)
            self.conditions.append(root**degree * self._expanded(radicand.under) == radicand.over)
        return root ** int(expression.exp.p)

    def _with_symbols(self, expression: sympy.Expr, power: int) -> Fraction:
        """Return a power with symbols in the exponent: whole parts of the exponent are powers of what is left."""
        base = expression.base
        whole, rest = sympy.expand(expression.exp).as_coeff_Add()
        terms = [term.as_coeff_Mul() for term in sympy.Add.make_args(rest)]
        if not whole.is_Integer or not all(coefficient.is_Integer for coefficient, _ in terms):
            raise BeyondArithmeticError("powers with symbols in the exponent")
        factors = [self._fraction(base, int(whole) * power)] if whole else []
        for coefficient, exponent in terms:
            number = self._number(base, exponent, positive=_is_plainly_positive(base), nonnegative=None)
            self.conditions.append(self._z3.Implies(self._relation(le(sympy.Integer(0), base)), number >= 0))
            factors.append(self._raised(Fraction(number), int(coefficient) * power))
        return self._product(factors)

    def _added(self, expression: sympy.Expr) -> Fraction:
        total = self._sum([self._fraction(term) for term in expression.args])
        if _is_plainly_positive(expression) and all(factor in self._positive for factor in total.under):
            self._positive.add(total.over)
        return total

    def _raised(self, fraction: Fraction, power: int) -> Fraction:
        if power == 1:
            return fraction
        if power > 0:
            return Fraction(fraction.over**power, {f: p * power for f, p in fraction.under.items()})
        self.conditions.append(fraction.over != 0)
        return Fraction(self._expanded({f: -p * power for f, p in fraction.under.items()}), {fraction.over: -power})

    def _product(self, fractions: list[Fraction]) -> Fraction:
        over, under = self._z3.RealVal(1), dict["z3.ArithRef", int]()
        for fraction in fractions:
            over = over * fraction.over
            for factor, power in fraction.under.items():
                under[factor] = under.get(factor, 0) + power
        return Fraction(over, under)

    def _sum(self, fractions: list[Fraction]) -> Fraction:
        under: dict[z3.ArithRef, int] = {}
        for fraction in fractions:
            for factor, power in fraction.under.items():
                under[factor] = max(under.get(factor, 0), power)
        missing = [{factor: p - f.under.get(factor, 0) for factor, p in under.items()} for f in fractions]
        terms = [f.over * self._expanded(factors) for f, factors in zip(fractions, missing, strict=True)]
        return Fraction(self._z3.Sum(terms), under)

    def _expanded(self, factors: Mapping["z3.ArithRef", int]) -> "z3.ArithRef":
        product = self._z3.RealVal(1)
        for factor, power in factors.items():
            if power:
                product = product * factor**power
        return product


_WORDS = {
    sympy.log: "a logarithm",
    sympy.exp: "an exponential",
    sympy.sin: "sines",
    sympy.cos: "sines",
    sympy.harmonic: "harmonic numbers",
    sympy.polygamma: "digammas",
    sympy.Integral: "an integral",
    sympy.Limit: "a limit",
    sympy.Derivative: "a derivative",
}


def _is_plainly_positive(expression: sympy.Expr) -> bool:
    """Return whether an expression is made of positive things by sums, products and powers."""
    if expression.is_Symbol or isinstance(expression, AppliedUndef) or expression.is_Rational:
        return bool(expression.is_positive)
    if expression.is_Add or expression.is_Mul:
        return all(map(_is_plainly_positive, expression.args))
    return bool(expression.is_Pow and _is_plainly_positive(expression.base))
