"""Numbers as people write them: decimal commas, thousands separators, suffixes; read if only one reading exists."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from empirics.errors import InputError

Decimal = Literal[".", ","]
_GROUP = "[1-9][0-9]{0,2}"
_EXPONENT = "(?:[eE][+-]?[0-9]+)?"
_PLAIN = re.compile(rf"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+){_EXPONENT}")
_COMMA = re.compile(rf"[+-]?[0-9]*,[0-9]+{_EXPONENT}")
# 5.210 and 5,210: thousands to some, a fraction to others.
_EITHER = re.compile(rf"{_GROUP}[.,][0-9]{{3}}")
_BY_POINTS = re.compile(rf"{_GROUP}(?:\.[0-9]{{3}})+(?:,[0-9]+)?")
_BY_COMMAS = re.compile(rf"{_GROUP}(?:,[0-9]{{3}})+(?:\.[0-9]+)?")
_BY_OTHERS = re.compile(rf"{_GROUP}(?:[ _'\u2019\u00a0\u202f][0-9]{{3}})+([.,][0-9]+)?")
_SUFFIXED = re.compile(r"([0-9]+(?:[.,][0-9]+)?)\s*([kKmMbBgG])i?")
_POWERS = {"k": 1, "m": 2, "b": 3, "g": 3}


def looks_like_number(text: str) -> bool:
    """Return whether a text is a number in some notation, or one of the words for none.

    Example:
        >>> [looks_like_number(text) for text in ("5,210", "1e-3", "nan", "85M")]
        [True, True, True, False]
    """
    notations = (_PLAIN, _COMMA, _BY_POINTS, _BY_COMMAS, _BY_OTHERS)
    return text.lower().lstrip("+-") in {"nan", "inf", "infinity"} or any(n.fullmatch(text) for n in notations)


def decimal_sign(cells: Iterable[tuple[int, str]], separator: str) -> Decimal | None:
    """Return the sign before the fraction in a file.

    Args:
        cells: Row and text of the cells that should be numbers.
        separator: Between cells; after a comma it is a point unless a cell says otherwise.

    Returns:
        The sign, None where no cell tells.

    Raises:
        InputError: If two cells tell different ones; the message begins with the rows.

    Example:
        >>> decimal_sign([(2, "5210,0"), (3, "1.452")], ";"), decimal_sign([(2, "5.210")], ";")
        (',', None)
    """
    told: dict[Decimal, tuple[int, str]] = {}
    for row, text in cells:
        sign = _told_by(text)
        if sign is not None:
            told.setdefault(sign, (row, text))
    if len(told) == 2:
        (row, text), (other, another) = sorted(told.values())
        raise InputError(f"row {row} has {text!r}, row {other} {another!r}: write every fraction with a point")
    return next(iter(told), "." if separator == "," else None)


def _told_by(text: str) -> Decimal | None:
    """Return the decimal sign that a number tells of by itself."""
    if _EITHER.fullmatch(text):
        return None
    if _BY_COMMAS.fullmatch(text):
        return "."
    if _BY_POINTS.fullmatch(text) and not text.isdigit():
        return ","
    if _COMMA.fullmatch(text):
        return ","
    grouped = _BY_OTHERS.fullmatch(text)
    if grouped and grouped[1]:
        return "," if grouped[1][0] == "," else "."
    return "." if _PLAIN.fullmatch(text) and "." in text else None


def plain_number(text: str, decimal: Decimal | None) -> str:
    """Return a number without separators of thousands, its fraction after a point; any other text as it is.

    Args:
        text: A cell.
        decimal: The file's sign before a fraction.

    Raises:
        InputError: If there are two readings; the message names both.

    Example:
        >>> plain_number("5,210", "."), plain_number("1452,5", ","), plain_number("5 210", None), plain_number("x", ".")
        ('5210', '1452.5', '5210', 'x')
        >>> plain_number("5.210", None)
        Traceback (most recent call last):
        empirics.errors.InputError: '5.210' may be 5210 or 5.21: write the one that is meant
    """
    suffixed = _SUFFIXED.fullmatch(text)
    if suffixed:
        raise InputError(_both_powers(text, suffixed[1], _POWERS[suffixed[2].lower()]))
    if not any(n.fullmatch(text) for n in (_COMMA, _BY_POINTS, _BY_COMMAS, _BY_OTHERS)):
        return text
    if decimal is None:
        if _EITHER.fullmatch(text):
            whole, fraction = re.split("[.,]", text)
            raise InputError(f"{text!r} may be {whole}{fraction} or {whole}.{fraction.rstrip('0') or '0'}: {_MEANT}")
        decimal = "."
    thousands = "." if decimal == "," else ","
    if _EITHER.fullmatch(text) or not _PLAIN.fullmatch(text):
        text = re.sub("[ _'\u2019\u00a0\u202f]", "", text.replace(thousands, ""))
    return text.replace(",", ".")


_MEANT = "write the one that is meant"


def _both_powers(text: str, number: str, power: int) -> str:
    """Return what a number with a suffix may be."""
    value = float(number.replace(",", "."))
    return f"{text!r} may be {value * 1000**power:.15g} or {value * 1024**power:.15g}: {_MEANT}"
