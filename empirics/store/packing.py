"""Many small records as one value of a table: the trials of a study, and each quantity of a trajectory.

A row for each would take three times the space of a trajectory and ten times that of trials.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Final

import numpy as np

from empirics.followed import TrajectoryPoint

STEP: Final = "<i8"
NUMBER: Final = "<f8"
MOST_BYTES: Final = 2**28  # of one value of a store
OF_TRIAL: Final = ("trial", "draw", "point", "event", "step", "short")


def packed(sequence: Iterable[float], kind: str) -> bytes:
    """Return numbers as bytes.

    Args:
        sequence: The numbers.
        kind: `STEP` or `NUMBER`.

    Example:
        >>> unpacked(packed([1, 258], STEP), STEP)
        (1, 258)
    """
    return zlib.compress(np.array(list(sequence), kind).tobytes())


def unpacked(content: bytes, kind: str) -> tuple[Any, ...]:
    """Return the numbers that `packed` packed.

    Raises:
        ValueError: If the bytes hold no such numbers, or more than a store may.
    """
    return tuple(np.frombuffer(_plain(content), kind).tolist())


def packed_trials(trials: Iterable[Mapping[str, object]]) -> bytes:
    """Return the trials of a study as bytes: JSON of a list for each column.

    Args:
        trials: Each column of `OF_TRIAL` -> its number or text.

    Example:
        >>> won = {"trial": 0, "draw": 0, "point": 1, "event": "complete", "step": 8, "short": None}
        >>> unpacked_trials(packed_trials([won])) == [won]
        True
    """
    rows = list(trials)
    columns = {name: [row[name] for row in rows] for name in OF_TRIAL}
    return zlib.compress(json.dumps(columns, separators=(",", ":")).encode())


def unpacked_trials(content: bytes) -> list[dict[str, Any]]:
    """Return the trials that `packed_trials` packed, their values unchecked.

    Raises:
        ValueError: If the bytes hold no such columns, or one is shorter than another.
    """
    columns = json.loads(_plain(content))
    if not isinstance(columns, dict) or set(columns) != set(OF_TRIAL):
        raise ValueError("no packed trials")
    rows = zip(*(columns[name] for name in OF_TRIAL), strict=True)
    return [dict(zip(OF_TRIAL, row, strict=True)) for row in rows]


def _plain(content: bytes) -> bytes:
    """Return what was compressed.

    Raises:
        ValueError: If nothing was, or more than a store may hold in one value.
    """
    reader = zlib.decompressobj()
    try:
        plain = reader.decompress(content, MOST_BYTES)
    except zlib.error as error:
        raise ValueError(f"nothing packed ({error})") from error
    if not reader.eof or reader.unused_data:
        raise ValueError("nothing packed, or too much")
    return plain


def packed_trajectory(points: Iterable[TrajectoryPoint]) -> Iterator[dict[str, object]]:
    """Yield a row for each quantity of a trajectory; a point without a standard error has NaN there."""
    ordered = sorted(points, key=lambda point: (point.quantity, point.step))
    for quantity, group in groupby(ordered, key=lambda point: point.quantity):
        found = list(group)
        errors = [math.nan if point.error is None else point.error for point in found]
        yield {
            "quantity": quantity,
            "steps": packed([point.step for point in found], STEP),
            "quantity_values": packed([point.value for point in found], NUMBER),
            "errors": None if all(map(math.isnan, errors)) else packed(errors, NUMBER),
        }


def unpacked_trajectory(row: Mapping[str, Any]) -> list[TrajectoryPoint]:
    """Return the points of the quantity that a row of a trajectory holds.

    Raises:
        ValueError: If steps, values and errors are not as many, or a step is below zero.
    """
    steps, values = unpacked(row["steps"], STEP), unpacked(row["quantity_values"], NUMBER)
    if any(step < 0 for step in steps):
        raise ValueError("a step below zero")
    errors = [math.nan] * len(steps) if row["errors"] is None else unpacked(row["errors"], NUMBER)
    return [
        TrajectoryPoint(row["quantity"], step, value, None if math.isnan(error) else error)
        for step, value, error in zip(steps, values, errors, strict=True)
    ]
