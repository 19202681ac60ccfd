"""Trajectories as rows of a table: a quantity each, its numbers compressed to a third of what a row a number takes."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Final

import numpy as np

from empirics.records import TrajectoryPoint

STEP: Final = "<i8"
NUMBER: Final = "<f8"
MOST_BYTES: Final = 2**28  # of one value of a store


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
    reader = zlib.decompressobj()
    try:
        plain = reader.decompress(content, MOST_BYTES)
    except zlib.error as error:
        raise ValueError(f"no packed numbers ({error})") from error
    if not reader.eof or reader.unused_data:
        raise ValueError("no packed numbers, or too many")
    return tuple(np.frombuffer(plain, kind).tolist())


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
