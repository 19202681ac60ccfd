"""verdicts.json as figures and the report read it: there and current, and every value of the kind it should be."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from empirics.reading.outside import read_json
from verification.fits.fit import Interval
from verification.report.verdicts import FILE_NAME, input_digests

Entry = Mapping[str, object]
Key = tuple[str, str, float]  # workload, goal and sparsity of a curve
Found = TypeVar("Found")
Lacking = Literal["missing", "older than the records"]


def load_verdicts(folder: Path, read: Callable[[Any], Found], command: str) -> Found | Lacking:
    """Return what a reader makes of a run's verdicts, or what is wrong with them.

    Args:
        folder: The run folder.
        read: Takes what the file holds.
        command: What makes the file.

    Returns:
        What the reader returned; in words where there is no file, or the records have changed since it was written.

    Raises:
        ValueError: If the file is there and is no verdicts file.
    """
    file = folder / FILE_NAME
    if not file.exists():
        return "missing"
    try:
        verdicts = read_json(file)
        return read(verdicts) if verdicts["inputs"] == input_digests(folder) else "older than the records"
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"{file} is no verdicts file ({error!r}); make it again: {command}") from None


def entry_key(entry: Entry) -> Key:
    """Return which curve an entry is about; names are empty where the records do not say."""
    return str(entry["workload"] or ""), str(entry["goal"] or ""), number(entry["sparsity"])


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


def number_or_none(value: object) -> float | None:
    """Return a finite number, or null."""
    return None if value is None else number(value)


def numbers(value: object) -> tuple[float, ...]:
    """Return a list of numbers."""
    return tuple(map(number, sequence(value)))


def interval(value: object) -> Interval:
    """Return a pair of ends; open at both where it is null."""
    low, high = sequence((None, None) if value is None else value)
    return Interval(number_or_none(low), number_or_none(high))
