"""Values from a user of Python: accepted in every sensible form, or rejected in one sentence."""

from __future__ import annotations

import itertools
import math
import os
import re
import reprlib
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Any

from verification.records.curves import Curve, CurvePoint

# What a batch size or a count of steps may be; whole numbers beyond are not exact in doubles.
_MOST = 2.0**53


def numbers(name: str, given: Any) -> list[float]:  # noqa: ANN401 - that is what is looked at
    """Return what was given as numbers; what is missing (None, NaN, pandas' NA) is NaN.

    Args:
        name: Of the argument.
        given: A number or several, in a list, an array, a column of a table or whatever else holds them in order.

    Raises:
        ValueError: If it is anything else.

    Example:
        >>> numbers("steps", 16), numbers("steps", [16, None])
        ([16.0], [16.0, nan])
    """
    several = _in_order(name, given)
    return [math.nan if _missing(one) else number(f"{name}[{i}]", one) for i, one in enumerate(several)]


def _in_order(name: str, given: Any) -> list[Any]:  # noqa: ANN401 - likewise
    """Return what was given as a list: one value, or several in order."""
    axes = getattr(given, "ndim", None)
    if axes is not None and axes > 1:
        raise ValueError(f"{name} has {axes} axes: give one list of numbers, such as one column of the table")
    if isinstance(given, str | bytes | Mapping | Set):
        raise ValueError(f"{name} is a {type(given).__name__}: give a list of numbers in order")
    return list(given) if isinstance(given, Iterable) and axes != 0 else [given]


def _missing(given: object) -> bool:
    """Return whether something stands for a number that is not there."""
    return given is None or type(given).__name__ in {"NAType", "NaTType"}


def number(name: str, given: Any) -> float:  # noqa: ANN401 - likewise
    """Return one number.

    Raises:
        ValueError: If it is none.
    """
    try:
        if isinstance(given, bool | str | bytes):
            raise TypeError
        return float(given)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} is {reprlib.repr(given)}: give a number") from None


def curve(batch_sizes: object, steps: object, lower: object = None, replicate: object = None) -> Curve:
    """Return a measured curve from lists that belong together; equal batch sizes are repetitions.

    Args:
        batch_sizes: B, n whole numbers >= 1.
        steps: K, n numbers > 0; missing or infinite where the goal was not met.
        lower: n numbers >= 0, or one for all: the last goal test that was missed; where the goal was not met, the steps
            that were trained. Where it is missing the count is exact.
        replicate: n numbers or names, the seed of each run. None counts the runs of each batch size in order.

    Raises:
        ValueError: If they do not fit together or a value is outside its range; one sentence that says what to do.

    Example:
        >>> [(p.batch_size, p.lower, p.upper) for p in curve([32, 16], [30, 50], lower=[28, 45]).points]
        [(16, 45.0, 50.0), (32, 28.0, 30.0)]
    """
    sizes, counts = numbers("batch_sizes", batch_sizes), numbers("steps", steps)
    lowest = [math.nan] if lower is None else numbers("lower", lower)
    lowest = lowest * len(sizes) if len(lowest) == 1 else lowest
    if not sizes:
        raise ValueError("batch_sizes is empty: give at least 3 batch sizes and the steps at each")
    for name, values in (("steps", counts), ("lower", lowest)):
        if len(values) != len(sizes):
            raise ValueError(
                f"batch_sizes and {name} have {len(sizes)} and {len(values)} values: give one of each for every run"
            )
    points: list[CurvePoint] = []
    repeats: dict[int, int] = {}
    seeds = None if replicate is None else _seeds(replicate, len(sizes))
    for i, (size, count, least) in enumerate(zip(sizes, counts, lowest, strict=True)):
        if not 1.0 <= size <= _MOST or size != int(size):
            raise ValueError(f"batch_sizes[{i}] is {size:g}: give a whole number in 1..2^53")
        batch_size = int(size)
        repeats[batch_size] = repeats.get(batch_size, -1) + 1
        seed = repeats[batch_size] if seeds is None else seeds[i]
        points.append(CurvePoint(batch_size, seed, *_interval(i, count, least)))
    points.sort(key=lambda p: (p.batch_size, p.replicate))
    for one, other in itertools.pairwise(points):
        if (one.batch_size, one.replicate) == (other.batch_size, other.replicate):
            raise ValueError(f"batch size {one.batch_size} has a replicate twice: give each of its runs another")
    return Curve(points=tuple(points)).without_equal_repeats()


def _seeds(replicate: object, n: int) -> list[int]:
    """Return a number for each seed, in the order of their first runs."""
    several = _in_order("replicate", replicate)
    if len(several) != n:
        raise ValueError(
            f"batch_sizes and replicate have {n} and {len(several)} values: give one of each for every run"
        )
    labels = [one if isinstance(one, str) else number(f"replicate[{i}]", one) for i, one in enumerate(several)]
    for i, label in enumerate(labels):
        if label == "" if isinstance(label, str) else math.isnan(label):
            raise ValueError(f"replicate[{i}] is missing: give the seed of every run")
    order = {label: seed for seed, label in enumerate(dict.fromkeys(labels))}
    return [order[label] for label in labels]


def _interval(i: int, steps: float, lower: float) -> tuple[float, float | None]:
    """Return what is known of one run: K lies in (lower, upper], or at lower where both are equal."""
    if not (math.isnan(lower) or 0.0 <= lower <= _MOST):
        raise ValueError(f"lower[{i}] is {lower:g}: give the steps of the last goal test missed, in [0, 2^53]")
    if math.isnan(steps) or steps == math.inf:
        if not lower > 0.0:
            raise ValueError(f"steps[{i}] is missing: give lower[{i}], the steps trained without meeting the goal")
        return lower, None
    if not 0.0 < steps <= _MOST:
        raise ValueError(f"steps[{i}] is {steps:g}: give a number in (0, 2^53]")
    if lower > steps:
        raise ValueError(f"lower[{i}] is {lower:g}, above steps[{i}] = {steps:g}: give the last goal test missed")
    return (steps if math.isnan(lower) else lower), steps


def as_in_python(message: str) -> str:
    """Return a message with the options of the command line by the names of the arguments; commands stay.

    Example:
        >>> as_in_python("--batch-sizes 0: must be integers >= 1; or use another --out")
        'batch_sizes 0: must be integers >= 1; or use another out'
        >>> as_in_python("type `python -m empirics.measure --list`")
        'type `python -m empirics.measure --list`'
    """
    options = r"`[^`]*`|(?<!\S)--([a-z][a-z-]*)"
    return re.sub(options, lambda found: found[1].replace("-", "_") if found[1] else found[0], message)


def places(given: Any) -> list[Path]:  # noqa: ANN401 - likewise
    """Return what was given as names of files and folders.

    Args:
        given: A name or a path, or several of them.

    Raises:
        ValueError: If it is anything else, or nothing.

    Example:
        >>> [str(path) for path in places(["runs/digits", Path("logs.csv")])]
        ['runs/digits', 'logs.csv']
    """
    single = isinstance(given, str | bytes | os.PathLike | Mapping) or hasattr(given, "columns")
    several = given if isinstance(given, Iterable) and not single else [given]
    found = []
    for one in several:
        if isinstance(one, Mapping) or hasattr(one, "columns"):
            raise ValueError("a table names no file or folder: give its columns to kstar.fit(batch_sizes, steps)")
        if not isinstance(one, str | os.PathLike) or not os.fspath(one):
            raise ValueError(f"{one!r} names no file or folder: give a run folder or a CSV file")
        found.append(Path(os.fspath(one)))
    if not found:
        raise ValueError("there is nothing to read: give a run folder or a CSV file")
    return found
