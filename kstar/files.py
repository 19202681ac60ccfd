"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
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


def write_atomically(path: Path, text: str, within: int | None = None) -> None:
    """Write a text file so that a reader sees the old content or the new, never a part.

    Args:
        path: Where to; its folder must exist.
        text: The whole content.
        within: Descriptor of that folder, where it must be this one whatever its name leads to now.
    """
    write_bytes_atomically(path, text.encode(), within)


def write_bytes_atomically(path: Path, content: bytes, within: int | None = None) -> None:
    """Write a file so that a reader sees the old content or the new, never a part.

    Args:
        path: Where to; its folder must exist.
        content: The whole content.
        within: Descriptor of that folder, where it must be this one whatever its name leads to now.
    """
    partial, whole = f".{path.name}.{os.getpid()}", path.name
    if within is None:
        partial, whole = str(path.with_name(partial)), str(path)
    try:
        with open(partial, "wb", opener=lambda name, flags: os.open(name, flags, 0o666, dir_fd=within)) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, whole, src_dir_fd=within, dst_dir_fd=within)
    except OSError as error:
        if error.filename is not None:
            error.filename = str(path)  # the whole of it, for people
        raise
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial, dir_fd=within)


def remove(path: Path, within: int | None = None) -> None:
    """Remove a file, where it is there.

    Args:
        path: Which.
        within: As for `write_atomically`.
    """
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path if within is None else path.name, dir_fd=within)


def remove_partial(folder: Path) -> None:
    """Remove the files that a killed process had begun to write in a folder; nobody else may be writing in it.

    Args:
        folder: Where; nothing happens where there is none.
    """
    for path in folder.glob(".*"):
        if _PARTIAL.fullmatch(path.name):
            path.unlink(missing_ok=True)
