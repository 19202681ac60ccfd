"""Records as plain data and back: what JSON can hold, and every value of the kind its record says.

An interval is a pair of ends, null where open; what is missing is an object with its reason.
"""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeVar

from verification.fits.fit import Interval
from verification.missing import Missing

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Entry = Mapping[str, object]
T = TypeVar("T")
# Far finer than any interval is wide, far coarser than what another processor's rounding moves.
DIGITS = 5


def plain(value: object) -> Json:
    """Return a record, or a value of one, as plain data; numbers to `DIGITS` significant digits.

    Args:
        value: A dataclass, an interval, what is missing, or anything JSON has.

    Returns:
        The same as objects, lists, texts and finite numbers.

    Example:
        >>> plain(Interval(1.23456789, None)), plain(Missing("too few"))
        ([1.2346, None], {'reason': 'too few'})
    """
    if isinstance(value, Interval):
        return [plain(value.low), plain(value.high)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {f"{key:g}" if isinstance(key, float) else str(key): plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if value is None or isinstance(value, bool | int | str):
        return str(value) if isinstance(value, StrEnum) else value
    raise TypeError(f"{value!r:.40} has no plain form")


def record(kind: type[T], entry: object) -> T:
    """Return the record that plain data stand for.

    Args:
        kind: A dataclass.
        entry: From `plain`, or a stranger's.

    Returns:
        The record.

    Raises:
        LookupError: If something is missing.
        TypeError: If something is of another kind.
        ValueError: If a word or a count is none of its kind.

    Example:
        >>> record(Missing, {"reason": "too few"})
        Missing(reason='too few')
    """
    found, kinds = mapping(entry), typing.get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(typing.cast("Any", kind))]
    return kind(**{name: value_of(kinds[name], found[name]) for name in names})


def value_of(kind: Any, value: object) -> Any:  # noqa: ANN401, PLR0911 - a line a kind
    """Return a value of a kind from plain data; see `record`.

    Example:
        >>> value_of(tuple[float, ...], [1, 2]), value_of(float | None, None)
        ((1.0, 2.0), None)
    """
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        if value is None and type(None) in inner:
            return None
        if Missing in inner and isinstance(value, Mapping) and value.keys() == {"reason"}:
            return record(Missing, value)
        (rest,) = (one for one in inner if one not in {type(None), Missing})
        return value_of(rest, value)
    if origin is tuple:
        kinds = [inner[0]] * len(sequence(value)) if inner[-1] is Ellipsis else list(inner)
        return tuple(value_of(one, entry) for one, entry in zip(kinds, sequence(value), strict=True))
    if origin is Mapping:
        return {
            float(key) if inner[0] is float else key: value_of(inner[1], one) for key, one in mapping(value).items()
        }
    if kind is Interval:
        return Interval(*value_of(tuple[float | None, float | None], value))
    if dataclasses.is_dataclass(kind):
        return record(typing.cast("type[Any]", kind), value)
    return number(value) if kind is float else _word_or_count(kind, value)


def _word_or_count(kind: Any, value: object) -> object:  # noqa: ANN401 - bool, int, str or a StrEnum
    """Return true or false, a whole number, a text or a word."""
    wanted = str if issubclass(kind, StrEnum) else kind
    if not isinstance(value, wanted) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{kind.__name__} is missing, there is {value!r:.40}")
    return kind(value)


def mapping(value: object) -> Entry:
    """Return an object."""
    if not isinstance(value, Mapping):
        raise TypeError(f"an object is missing, there is {value!r:.40}")
    return value


def sequence(value: object) -> Sequence[object]:
    """Return a list."""
    if not isinstance(value, list | tuple):
        raise TypeError(f"a list is missing, there is {value!r:.40}")
    return value


def number(value: object) -> float:
    """Return a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(f"a number is missing, there is {value!r:.40}")
    return float(value)
