"""Kinds of number that the options of `theory`'s commands take."""

import argparse
import math
from collections.abc import Callable

_COUNTED = 2**53


def number(text: str) -> float:
    """Return a finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"must be a finite number, got {text!r}")
    return value


def positive(text: str) -> float:
    """Return a finite number above 0."""
    value = number(text)
    if value <= 0.0:
        raise argparse.ArgumentTypeError(f"must be > 0, got {text}")
    return value


def count_up_to(most: int) -> Callable[[str], int]:
    """Return an argument type: a whole number from 1 to the most that can be worked with."""

    def count(text: str) -> int:
        shown = text if len(text) < 40 else f"{text[:20]}..."
        if not text.isdecimal() or not text.strip("0"):
            raise argparse.ArgumentTypeError(f"must be a whole number >= 1, got {shown!r}")
        # Python refuses to read some thousand digits
        if len(text.lstrip("0")) > len(str(most)) or int(text) > most:
            raise argparse.ArgumentTypeError(f"must be at most {most}, got {shown}")
        return int(text)

    return count


def plain(value: float) -> int | float:
    """Return a whole number as int, so that 64.0 is written 64; beyond 2^53 digits would be made up."""
    return int(value) if value.is_integer() and abs(value) <= _COUNTED else value
