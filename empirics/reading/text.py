"""The cells of a table as people have it: bounded bytes, text, separator, comments; no column has a meaning yet.

Every refusal is an InputError of one line that names the file.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from empirics.errors import InputError
from empirics.reading.names import STEPS_OF_LOGS
from empirics.reading.outside import MOST_BYTES, read_bytes

MOST_ROWS = 500_000
# Lines above a header that are looked at to say where it is.
_PREAMBLE = 20
_SEPARATORS = (",", ";", "\t", "|", " ")
_SEPARATOR_LINE = re.compile(r"\"?sep=(.|\\t)\"?", re.IGNORECASE)
# Blanks and marks that a program puts into names and numbers and nobody sees: breaks, joiners, directions of writing.
_UNSEEN = str.maketrans(
    {
        **dict.fromkeys("\u00a0\u202f\u2007\u2009", " "),
        **dict.fromkeys("\u00ad\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"),
    }
)
_KINDS = {
    b"PK\x03\x04": "an Excel workbook or another archive: save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an Excel workbook: save the sheet as CSV",
    b"\x1f\x8b": "compressed: unpack it first",
    b"SQLite format 3": "an SQLite database: write its table as CSV",
    b"PAR1": "a Parquet file: write it as CSV",
    b"%PDF": "a PDF: write its table as CSV",
}


@dataclass(frozen=True)
class Cells:
    """The lines of a table.

    Attributes:
        path: The file.
        separator: What stands between its cells; a blank stands for any number of them.
        header: Its number, the first line being 1, and its cells without surrounding blanks.
        rows: Number and cells of every filled line below the header, lines of comment among them.
    """

    path: Path
    separator: str
    header: tuple[int, list[str]]
    rows: list[tuple[int, list[str]]]


def read_cells(path: Path, is_header: Callable[[Sequence[str]], bool]) -> Cells:
    """Return the cells of a table, whatever separates them.

    Args:
        path: The file: UTF-8 with or without a byte order mark, or UTF-16 with one; `sep=;` may stand on its first
            line, and lines that begin with # above the header, or before the header itself.
        is_header: Whether some cells are names that a table needs.

    Raises:
        InputError: If it is missing, no regular file, too large, no text or no table; what it is instead.
    """
    text = _text(path)
    lines = list(itertools.islice(io.StringIO(text, newline=""), _PREAMBLE + 1))
    _refuse_other_kinds(path, lines)
    told = _SEPARATOR_LINE.fullmatch(lines[0].strip("\r\n ")) if lines else None
    separators = (told[1].replace("\\t", "\t"),) if told else _SEPARATORS
    found = _find_header(path, text, separators, 1 if told else 0, is_header)
    number, separator = found
    records = _records(path, text, separator, number - 1)
    _, header = next(records)
    header = [name.strip() for name in header]
    if separator == " " and header[0] == "#":
        del header[0]
    header[0] = header[0].lstrip("#").strip() or header[0]
    rows = [(n, cells) for n, cells in records if any(cell.strip() for cell in cells)]
    return Cells(path, separator, (number, header), rows)


def _text(path: Path) -> str:
    """Return the text of a file, its byte order mark and what nobody sees left out."""
    try:
        content = read_bytes(path, MOST_BYTES)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    for start, kind in _KINDS.items():
        if content.startswith(start):
            raise InputError(f"{path}: is {kind}")
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        row = content[: error.start].count(b"\n") + 1
        byte = f"byte 0x{content[error.start]:02x} is no {'UTF-16' if wide else 'UTF-8 (Latin-1, Windows-1252?)'}"
        raise InputError(f"{path}, row {row}: not a readable CSV file ({byte}); save it as UTF-8") from None
    if "\0" in text:
        raise InputError(f"{path}: not a readable CSV file (it holds NUL bytes); save it as UTF-8 text")
    return text.translate(_UNSEEN)


def _refuse_other_kinds(path: Path, lines: Sequence[str]) -> None:
    """Say so where a file is JSON, JSON lines or of marks."""
    filled = [line.strip() for line in lines if line.strip()]
    if not filled or filled[0][0] not in "{[<":
        return
    if filled[0][0] == "<":
        raise InputError(f"{path}: holds HTML or XML, which is not read; save its table as CSV")
    try:
        whole = isinstance(json.loads(filled[0]), dict | list)
    except (ValueError, RecursionError):
        whole = False
    if whole or filled[0] in {"{", "["}:
        if whole and len(filled) > 1 and filled[1][0] == filled[0][0]:
            raise InputError(f"{path}: holds JSON lines: {STEPS_OF_LOGS}; where a line is a run, give --steps-from KEY")
        raise InputError(f"{path}: holds JSON, which is not read; write a CSV table with the columns batch_size,steps")


def _find_header(
    path: Path, text: str, separators: Sequence[str], start: int, is_header: Callable[[Sequence[str]], bool]
) -> tuple[int, str]:
    """Return the number of the header's line and the separator under which it is one.

    Where none is, the first line without # and the separator that makes most of it.
    """
    known: list[tuple[int, str]] = []
    first: int | None = None
    lines = itertools.islice(enumerate(io.StringIO(text, newline=""), start=1), start, None)
    for seen, (number, line) in enumerate(line for line in lines if line[1].strip()):
        commented = line.lstrip().startswith("#")
        if first is not None and seen > _PREAMBLE:
            break
        separator = next(
            (s for s in separators if is_header(_split(line.lstrip("# \t" if s != "\t" else "# "), s))), ""
        )
        if separator and commented and first is None:
            known.append((number, separator))
        elif separator and not commented:
            if first is not None:
                raise InputError(f"{path}, row {number}: looks like the header; put # before the lines above it")
            return number, separator
        if first is None and not commented:
            first = number
    if known:
        return known[-1]
    if first is None:
        raise InputError(f"{path}: the file is empty")
    line = next(itertools.islice(io.StringIO(text, newline=""), first - 1, None))
    return first, max(separators[:4], key=lambda s: len(_split(line, s)))


def _split(line: str, separator: str) -> list[str]:
    """Return the cells of one line; of one that ends within quotes, what is there."""
    if separator == " ":
        return line.split()
    try:
        return next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    except csv.Error:
        return []


def _records(path: Path, text: str, separator: str, before: int) -> Iterator[tuple[int, list[str]]]:
    """Yield number and cells of every line after some; an error within names the file."""
    lines = itertools.islice(io.StringIO(text, newline=""), before, None)
    if separator == " ":
        found: Iterator[tuple[int, list[str]]] = ((n, line.split()) for n, line in enumerate(lines, start=before + 1))
    else:
        reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
        found = ((before + reader.line_num, cells) for cells in reader)
    try:
        for seen, record in enumerate(found):
            if seen >= MOST_ROWS:
                raise InputError(f"{path}: more than {MOST_ROWS} lines, the most that are read")
            yield record
    except csv.Error as error:
        raise InputError(f"{path}: not a readable CSV file ({' '.join(str(error).split())})") from None
