"""Files that appear whole or not at all."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

_PARTIAL = re.compile(r"\..+\.(csv|json|npz)\.[0-9]+")


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    r"""Return a table as CSV text.

    Args:
        columns: The header.
        rows: Each as long.

    Example:
        >>> csv_text(["step", "note"], [(1, "a, b")])
        'step,note\n1,"a, b"\n'
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def write_atomically(path: Path, text: str) -> None:
    """Write a text file so that a reader sees the old content or the new, never a part.

    Args:
        path: Where to; its folder must exist.
        text: The whole content.
    """
    write_bytes_atomically(path, text.encode())


def write_bytes_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part.

    Args:
        path: Where to; its folder must exist.
        content: The whole content.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def remove_partial(folder: Path) -> None:
    """Remove the files that a killed process had begun to write in a folder; nobody else may be writing in it.

    Args:
        folder: Where; nothing happens where there is none.
    """
    for path in folder.glob(".*"):
        if _PARTIAL.fullmatch(path.name):
            path.unlink(missing_ok=True)
