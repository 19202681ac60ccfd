"""Every way to break what a check holds of its own: a value, a factor, a name, a vector, in any operation."""

import dataclasses
from collections.abc import Mapping

import sympy
from tools.formula_mutations import broken_expressions

from theory.checking.inner import Vector

_WHAT = {"symbol", "index", "exponent", "small", "large", "below_one"}  # no value, but what an operation is done to


def variants(part):
    """Yield a check, an operation or a value with one thing in it broken."""
    if isinstance(part, Vector):
        for number, (name, factor) in enumerate(part.terms):
            yield Vector((*part.terms[:number], (name, 2 * factor), *part.terms[number + 1 :]))
    elif isinstance(part, sympy.Expr):
        yield from (broken for broken in broken_expressions(part, (2,), (2, 0)) if part not in {0, broken})
    else:
        for key, value in parts(part).items():
            for broken in variants(value):
                yield with_part(part, key, broken)


def parts(whole):
    """Return what a check, an operation, a mapping or a tuple holds, by field, key or place."""
    if dataclasses.is_dataclass(whole):
        return {f.name: getattr(whole, f.name) for f in dataclasses.fields(whole) if f.name not in _WHAT}
    if isinstance(whole, Mapping):
        return whole
    return dict(enumerate(whole)) if isinstance(whole, tuple) else {}


def with_part(whole, key, part):
    """Return the whole with one of its parts another."""
    if dataclasses.is_dataclass(whole):
        return dataclasses.replace(whole, **{key: part})
    if isinstance(whole, Mapping):
        return {**whole, key: part}
    return (*whole[:key], part, *whole[key + 1 :])
