"""Files from outside: the one reader of regular files of bounded size, and JSON of bounded depth and numbers.

Every refusal is an InputError of one line that says what is wrong with the file.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from empirics.errors import InputError

MOST_BYTES = 2**26
MOST_JSON_BYTES = 2**20  # of one study or trial
MOST_STEPS = 2**32 - 1
MOST_STUDIES = 10_000
MOST_FOLDERS = 200_000
_DEEPEST = 8
_DEEPEST_JSON = 50
_TOO_DEEP = f"it is nested more than {_DEEPEST_JSON} deep"
_MOST_DIGITS = 300


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


def read_bytes(path: Path, most: int, *, follow_links: bool = True) -> bytes:
    """Return what a regular file of bounded size holds; a pipe or a device is not waited for.

    Args:
        path: The file.
        most: Bytes it may have.
        follow_links: Whether it may be a link.

    Raises:
        InputError: If it is missing, no regular file, too large or cannot be read; the message lacks the file's name.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | (0 if follow_links else os.O_NOFOLLOW))
    except FileNotFoundError:
        raise InputError("no such file or folder") from None
    except OSError as error:
        link = not follow_links and path.is_symlink()
        reason = "it is a link, and links are not followed" if link else f"it cannot be read ({error.strerror})"
        raise InputError(reason) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InputError("it is no regular file")
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise InputError(f"it is larger than {most} bytes, the most that is read")
    return content


def read_json(path: Path, most: int = MOST_BYTES, *, follow_links: bool = True) -> Any:  # noqa: ANN401 - JSON
    """Return what a JSON file holds: finite numbers that fit a float, at most 50 objects or lists within each other.

    Args:
        path: The file, UTF-8 with or without a byte order mark.
        most: Bytes it may have.
        follow_links: Whether it may be a link.

    Raises:
        InputError: If it cannot be read or holds anything else; the message lacks the file's name.
    """
    text = _decoded(read_bytes(path, most, follow_links=follow_links))
    try:
        found = json.loads(text, parse_float=_number, parse_int=_whole, parse_constant=_number)
    except RecursionError:
        raise InputError(_TOO_DEEP) from None
    except ValueError as error:
        raise InputError(f"it is no JSON ({error})") from None
    _refuse_depth(found)
    return found


def read_text(path: Path, most: int) -> str:
    """Return the text of a regular file, byte order mark left out; links are not followed.

    Args:
        path: The file.
        most: Bytes it may have.

    Raises:
        InputError: If it is missing, a link, no regular file, too large or no UTF-8.
    """
    with _naming(path):
        return _decoded(read_bytes(path, most, follow_links=False))


def read_facts(path: Path) -> Facts:
    """Return the JSON object that a file holds; links are not followed.

    Raises:
        InputError: If it cannot be read, is no JSON, or is no object.
    """
    with _naming(path):
        value = read_json(path, MOST_JSON_BYTES, follow_links=False)
        if not isinstance(value, dict):
            raise InputError("it holds no JSON object")
    return Facts(path, value)


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Put a file's name before what is said of it."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _decoded(content: bytes) -> str:
    """Return bytes as text."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"it is no UTF-8 text ({error})") from None


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
    for _ in range(_DEEPEST_JSON):
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise InputError(_TOO_DEEP)


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
