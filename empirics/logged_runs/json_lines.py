"""Runs from JSON lines: an object a step, or a run."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

from empirics.errors import InputError
from empirics.logged_runs.logged_run import LoggedRun
from empirics.logged_runs.rows_of_logs import LogRow, runs_of_rows
from empirics.reading.outside import MOST_BYTES, read_text
from empirics.reading.text import MOST_ROWS

_DEEPEST = 8


def read_json_lines(path: Path, step: str | None) -> list[LoggedRun]:
    """Return the runs of a file of JSON lines.

    Args:
        path: UTF-8, an object a line; objects within objects are read as `config.batch_size`, lists are left out. NaN
            and Infinity are values that diverged.
        step: The field that counts steps; None for one that is known.

    Raises:
        InputError: If a line is no object, or there are too many.
    """
    rows = list(_rows(path))
    if not rows:
        raise InputError(f"{path}: the file is empty")
    columns = list(dict.fromkeys(column for row in rows for column in row.fields))
    return runs_of_rows(path, columns, rows, step)


def _rows(path: Path) -> Iterator[LogRow]:
    """Yield the filled lines."""
    for number, line in enumerate(read_text(path, MOST_BYTES).splitlines(), start=1):
        if number > MOST_ROWS:
            raise InputError(f"{path}: more than {MOST_ROWS} lines, the most that are read")
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}, line {number}: no JSON object ({str(error)[:80]}); write one a line") from None
        if not isinstance(found, dict):
            raise InputError(f"{path}, line {number}: need an object, got {line[:40]!r}")
        yield LogRow(number, dict(flat(path, number, found, "", 0)))


def flat(
    path: Path, number: int, found: dict[str, object], prefix: str, depth: int
) -> Iterator[tuple[str, float | str]]:
    """Yield the numbers and texts of an object, and of those within it.

    Args:
        path: The file, for messages.
        number: Its line, likewise.
        found: The object.
        prefix: Of the names of its fields.
        depth: How deep it lies.

    Raises:
        InputError: If it lies too deep.
    """
    if depth > _DEEPEST:
        raise InputError(f"{path}, line {number}: objects are nested more than {_DEEPEST} deep")
    for key, value in found.items():
        if isinstance(value, dict):
            yield from flat(path, number, value, f"{prefix}{key}.", depth + 1)
        elif isinstance(value, bool | str):
            yield f"{prefix}{key}", str(value)
        elif isinstance(value, int | float):
            yield f"{prefix}{key}", float(value) if abs(value) < 1e300 else math.inf
