"""JSON files, perhaps a stranger's: bounded in size, depth and numbers before anything looks at them."""

import json
import math
from pathlib import Path
from typing import Any

MOST_BYTES = 2**26
_DEEPEST = 50
_MOST_DIGITS = 300


def read_json(path: Path) -> Any:  # noqa: ANN401 - JSON
    """Return what a JSON file holds.

    Args:
        path: The file, UTF-8.

    Returns:
        Objects, lists, texts, finite numbers that fit a float, true, false and null, at most 50 deep.

    Raises:
        ValueError: If it is larger than `MOST_BYTES` or holds anything else; one line without the file's name.
        OSError: If it cannot be read.
    """
    if path.exists() and not path.is_file():
        raise ValueError("it is no regular file")
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES} bytes, the most that is read")
    try:
        found = json.loads(content.decode(), parse_float=_number, parse_int=_whole, parse_constant=_number)
        _refuse_depth(found)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    return found


_TOO_DEEP = f"it is nested more than {_DEEPEST} deep"


def _number(text: str) -> float:
    """Return a finite number."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is no finite number")
    return value


def _whole(text: str) -> int:
    """Return an integer that fits a float."""
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"an integer of {len(text)} digits")
    return int(text)


def _refuse_depth(found: object) -> None:
    """Raise where something is nested deeper than what reads it may recurse."""
    level = [found]
    for _ in range(_DEEPEST):
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise ValueError(_TOO_DEEP)
