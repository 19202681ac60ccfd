"""Files from outside: regular files of bounded size, JSON objects whose fields are checked as they are read.

Every refusal is an InputError of one line that names the file and what is wrong with it.
"""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from empirics.errors import InputError

MOST_JSON_BYTES = 2**20
MOST_STEPS = 2**32 - 1
MOST_STUDIES = 10_000
MOST_FOLDERS = 200_000
_DEEPEST = 8


@dataclass(frozen=True)
class Facts:
    """The fields of one JSON object.

    Args:
        path: The file it was read from.
        fields: Name -> value.

    Example:
        >>> Facts(Path("study.json"), {"batch_size": "x"}).whole("batch_size", low=1)
        Traceback (most recent call last):
        empirics.errors.InputError: study.json: batch_size = "x": must be a whole number in 1..4294967295
    """

    path: Path
    fields: dict[str, Any]

    def refuse(self, name: str, wanted: str) -> NoReturn:
        """Raise the error that names the file and the field."""
        text = json.dumps(self.fields[name]) if name in self.fields else "missing"
        raise InputError(f"{self.path}: {name} = {text if len(text) <= 60 else text[:57] + '...'}: must be {wanted}")

    def whole(self, name: str, low: int, high: int = MOST_STEPS, default: int | None = None) -> int:
        """Return a whole number in low..high; the default where there is no such field and there is a default."""
        if name not in self.fields and default is not None:
            return default
        value = self.fields.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
            self.refuse(name, f"a whole number in {low}..{high}")
        if not low <= value <= high:
            self.refuse(name, f"a whole number in {low}..{high}")
        return int(value)

    def number(self, name: str) -> float:
        """Return a finite number."""
        value = self.fields.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(name, "a number")
        if abs(value) > 1e300:
            self.refuse(name, "a number of ordinary size")
        return float(value)

    def numbers(self, name: str) -> list[float]:
        """Return one finite number or a list of some."""
        value = self.fields.get(name)
        if not isinstance(value, list):
            return [self.number(name)]
        if not value:
            self.refuse(name, "a number, or several")
        return [Facts(self.path, {name: item}).number(name) for item in value]

    def text(self, name: str, default: str | None = None) -> str:
        """Return a short printable text; the default where there is no such field and there is a default."""
        if name not in self.fields and default is not None:
            return default
        value = self.fields.get(name)
        if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= 200:
            self.refuse(name, "a printable text of 1..200 characters")
        return value

    def names(self) -> list[str]:
        """Return the names of all fields, each short and printable."""
        for name in self.fields:
            if not name.isprintable() or not 0 < len(name) <= 200:
                raise InputError(f"{self.path}: names of parameters must be printable texts of 1..200 characters")
        return list(self.fields)

    def table(self, name: str) -> Facts:
        """Return an object within; an empty one where there is none."""
        value = self.fields.get(name, {})
        if not isinstance(value, dict):
            self.refuse(name, "an object")
        return Facts(self.path, value)


def read_text(path: Path, most: int) -> str:
    """Return the text of a regular file, byte order mark left out; links are not followed.

    Args:
        path: The file.
        most: Bytes it may have.

    Raises:
        InputError: If it is missing, a link, no regular file, too large or no UTF-8.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        reason = "it is a link, and links are not followed" if path.is_symlink() else error.strerror
        raise InputError(f"{path} cannot be read: {reason}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InputError(f"{path} cannot be read: it is no regular file")
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise InputError(f"{path} is larger than {most} bytes, the most that is read")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no UTF-8 text ({error})") from error


def read_facts(path: Path) -> Facts:
    """Return the JSON object that a file holds.

    Raises:
        InputError: If it cannot be read, is no JSON, or is no object.
    """
    try:
        value = json.loads(read_text(path, MOST_JSON_BYTES), parse_float=_finite, parse_constant=_finite)
    except RecursionError as error:
        raise InputError(f"{path} is nested too deeply") from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is no JSON ({error})") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} holds no JSON object")
    return Facts(path, value)


def _finite(text: str) -> float:
    """Return a number that JSON can hold."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is no finite number")
    return value


def subfolders(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the folders in a folder and the links in it, each sorted by name; hidden ones are left out."""
    with os.scandir(folder) as entries:
        visible = [entry for entry in entries if not entry.name.startswith(".")]
    folders = [folder / entry.name for entry in visible if entry.is_dir(follow_symlinks=False)]
    links = [folder / entry.name for entry in visible if entry.is_symlink()]
    return sorted(folders), sorted(links)


def find_study_folders(source: Path) -> tuple[list[Path], list[Path]]:
    """Return the folders at or below a source that hold a `study.json`, and the links that were not followed.

    Raises:
        InputError: If there is no such folder, or there are more folders than `MOST_FOLDERS`.
    """
    if not source.is_dir():
        raise InputError(f"{source} is no folder; name one with study.json files at or below it")
    found: list[Path] = []
    ignored: list[Path] = []
    for seen, (folder, links) in enumerate(_walk(source, 0)):
        ignored += links
        if (folder / "study.json").is_file() and not (folder / "study.json").is_symlink():
            found.append(folder)
        if seen >= MOST_FOLDERS or len(found) > MOST_STUDIES:
            raise InputError(f"{source} holds more than {MOST_FOLDERS} folders or {MOST_STUDIES} studies; name a part")
    if not found:
        raise InputError(f"{source}: no study.json at or up to {_DEEPEST} folders below it")
    return found, ignored


def _walk(folder: Path, depth: int) -> Iterator[tuple[Path, list[Path]]]:
    """Yield folders with the links in them, never what lies below a study."""
    folders, links = subfolders(folder)
    yield folder, links
    if depth < _DEEPEST and not (folder / "study.json").exists():
        for below in folders:
            yield from _walk(below, depth + 1)
