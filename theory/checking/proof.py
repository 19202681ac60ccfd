"""Proofs as data: steps that carry a claim and a check that recomputes it from their premises.

A step without a check, an assumption or an argument in words, is never reported as verified. What a check of another
step may use is what that step cites, and it must use all of it: claims, conditions and definitions travel along.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import sympy
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from theory.checking.checks import CHECKS, Check
from theory.checking.checks import Names as Using
from theory.checking.inner import Vector
from theory.checking.premises import Premises, UnprovenError
from theory.checking.relations import expand_definitions, is_zero
from theory.sequences import CONSTANTS_OF_A_CURVE
from theory.symbols import B


class Kind(StrEnum):
    """What a step is; only the first two are verified."""

    ALGEBRA = "algebra"
    INEQUALITY = "inequality"
    ASSUMPTION = "assumption"
    ARGUMENT = "argument"


@dataclass(frozen=True)
class Step:
    """One step of a proof.

    `given` restricts the claim ("for every eta with ..."); its relations may serve as premises under the names
    given, given.2, ... `definitions` explain symbols that the claim introduces. `vectors` are two that the claim says
    are equal. `reference` says where the claim is published, if elsewhere than in this derivation.
    """

    kind: Kind
    id: str
    statement: str
    claim: Relational | None
    follows_from: tuple[str, ...] = ()
    check: Check | None = None
    given: tuple[Relational, ...] = ()
    definitions: tuple[Relational, ...] = ()
    vectors: tuple[Vector, Vector] | None = None
    reference: str = ""

    def __post_init__(self) -> None:
        checkable = self.kind in {Kind.ALGEBRA, Kind.INEQUALITY}
        if checkable != (self.check is not None) or (checkable and self.claim is None):
            raise ValueError(f"step {self.id}: algebra and inequality need a claim and a check, others have none")
        if self.check is not None and type(self.check) not in CHECKS:
            raise ValueError(f"step {self.id}: {type(self.check).__name__} is no kind of check")
        if self.kind is Kind.ASSUMPTION and self.claim is None:
            raise ValueError(f"step {self.id}: an assumption needs a formula that checks can read")

    @property
    def source(self) -> str:
        """Where the claim is published: unless `reference` says more, as a step of its result."""
        return self.reference or f"docs/theory.md, result {self.id.split('.')[0]}"


algebra = partial(Step, Kind.ALGEBRA)
inequality = partial(Step, Kind.INEQUALITY)
argument = partial(Step, Kind.ARGUMENT)


@dataclass(frozen=True)
class Result:
    """A numbered result: what it says, and the steps that prove it."""

    number: str
    case: str
    title: str
    statement: str
    steps: tuple[Step, ...]


Names = Mapping[sympy.Expr, sympy.Expr]


def names_of(step: Step, inherited: Names) -> Names:
    """Return what each name in a step stands for, for the steps that cite it.

    Args:
        step: A step.
        inherited: The names of its premises.

    Returns:
        What each name stands for; the step's definitions, what its claim says a symbol is, and what it inherits.

    Raises:
        UnprovenError: If a definition contradicts one inherited.
    """
    names = dict(inherited)
    for definition in step.definitions:
        before = names.setdefault(definition.lhs, definition.rhs)
        if not is_zero(expand_definitions(before - definition.rhs, step.definitions)):
            raise UnprovenError(f"{definition.lhs} has another meaning in its premises")
    claim = step.claim
    if claim is not None and claim.rel_op == "==" and isinstance(claim.lhs, sympy.Symbol | AppliedUndef):
        names.setdefault(claim.lhs, claim.rhs)
    return names


def inherit(step: Step, steps: Mapping[str, Step], names: Mapping[str, Names]) -> Names:
    """Return the names that the claims cited by a step contain, with all that their meanings contain.

    Args:
        step: A step.
        steps: Every step, by id.
        names: The names of the steps it cites, by id.

    Returns:
        What each name stands for.

    Raises:
        UnprovenError: If two premises mean different things by one name.
    """
    found: dict[sympy.Expr, sympy.Expr] = {}
    for premise in step.follows_from:
        known, waiting = names[premise], _atoms(steps[premise].claim)
        while waiting:
            name = waiting.pop()
            if name in known and name not in found:
                found[name] = known[name]
                waiting |= _atoms(known[name])
    return found


def _atoms(expression: sympy.Basic | None) -> set[sympy.Expr]:
    return set() if expression is None else expression.free_symbols | expression.atoms(AppliedUndef)


def premises_for(step: Step, steps: Mapping[str, Step], inherited: Names) -> Premises:
    """Return what a step's check may read: the claims that it cites, its conditions and the names of both.

    Args:
        step: A step.
        steps: The steps it cites, by id.
        inherited: The names of its premises.

    Returns:
        The premises, none of them read yet.

    Raises:
        KeyError: If a premise is unknown.
    """
    return Premises({p: steps[p] for p in step.follows_from}, step.given, inherited, step.definitions)


def prove(step: Step, steps: Mapping[str, Step], inherited: Names) -> None:
    """Require that a step's claim follows from what it cites, under its own conditions.

    Args:
        step: A step with a check.
        steps: The steps it cites, by id.
        inherited: The names of its premises.

    Raises:
        UnprovenError: If the check fails, a premise is not read, a condition is lost, or a name has two meanings.
    """
    assert step.check is not None
    assert step.claim is not None
    premises = premises_for(step, steps, inherited)
    conditions = step.check.prove(step.claim, premises, step.definitions)
    premises.require_conditions(conditions)
    premises.require_all_read()
    _require_constant(step, premises)
    names_of(step, inherited)


def _require_constant(step: Step, premises: Premises) -> None:
    """Refuse constants of a curve that change with the batch size."""
    names = Using(premises, getattr(step.check, "using", ()), step.definitions)
    for definition in step.definitions:
        if definition.lhs in CONSTANTS_OF_A_CURVE:
            atoms = _atoms(names.expand(definition.rhs))
            if B in atoms.union(*(premises.depends(a) | _atoms(a) for a in atoms)):
                raise UnprovenError(f"{definition.lhs} changes with the batch size")
