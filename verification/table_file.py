"""CSV tables whose refusals name the file, the row and the column."""

import csv
import io
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 2**25
MOST_ROWS = 100_000


@dataclass(frozen=True)
class Row:
    """One row of a table; the header is row 1.

    Example:
        >>> Row(Path("runs/a.csv"), 5, {"batch_size": "x"}).whole("batch_size", low=1)
        Traceback (most recent call last):
        ValueError: runs/a.csv, row 5, column batch_size: need a whole number >= 1, got 'x'
    """

    path: Path
    number: int
    fields: Mapping[str, str]

    def refuse(self, column: str, reason: str) -> ValueError:
        """Return the error that names this row and the given column."""
        return ValueError(f"{self.path}, row {self.number}, column {column}: {reason}")

    def text(self, column: str) -> str:
        """Return a field without surrounding blanks; empty where the table lacks the column."""
        return self.fields.get(column, "").strip()

    def number_in(self, column: str, low: float = -math.inf) -> float | None:
        """Return a finite number of at least `low`, None where the field is blank."""
        text = self.text(column)
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= low):
            wanted = "a finite number" if low == -math.inf else f"a finite number >= {low:g}"
            raise self.refuse(column, f"need {wanted}, got {text!r}")
        return value

    def whole(self, column: str, low: int, default: int | None = None) -> int:
        """Return a whole number of at least `low`; the default where the field is blank and there is one."""
        text = self.text(column)
        if not text and default is not None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value == int(value) and value >= low):
            raise self.refuse(column, f"need a whole number >= {low}, got {text!r}")
        return int(value)


@dataclass(frozen=True)
class Table:
    """The rows of one CSV file; `columns` holds the names after aliases were replaced."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_table(path: Path, aliases: Mapping[str, str], required: Sequence[str]) -> Table:
    """Read a CSV file with a header line.

    Args:
        path: The file, UTF-8 with or without a byte order mark.
        aliases: Other names a column may have, to its name here.
        required: Columns the file must have.

    Returns:
        The table, at least one row; blank lines are skipped.

    Raises:
        ValueError: If the file is missing, too large, not text, empty, lacks a column, or has a row of another length.
    """
    try:
        reader = csv.reader(io.StringIO(_read_text(path), newline=""), strict=True)
        lines = [(reader.line_num, fields) for fields in itertools.islice(reader, MOST_ROWS + 1)]
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file or folder") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: not a readable CSV file ({_one_line(error)})") from None
    if len(lines) > MOST_ROWS:
        raise ValueError(f"{path}: more than {MOST_ROWS} lines, the most that are read")
    filled = [(number, fields) for number, fields in lines if any(text.strip() for text in fields)]
    if not filled:
        raise ValueError(f"{path}: the file is empty")
    columns = _columns(path, filled[0][1], aliases, required)
    if len(filled) == 1:
        raise ValueError(f"{path}: the file has a header and no rows")
    rows = []
    for number, fields in filled[1:]:
        if len(fields) != len(columns):
            raise ValueError(f"{path}, row {number}: {len(fields)} fields for {len(columns)} columns")
        rows.append(Row(path, number, dict(zip(columns, fields, strict=True))))
    return Table(path, columns, tuple(rows))


def _read_text(path: Path) -> str:
    """Return the text of a file of bounded size."""
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"{path}: larger than {MOST_BYTES} bytes, the most that is read")
    return content.decode("utf-8-sig")


def _columns(path: Path, header: Sequence[str], aliases: Mapping[str, str], required: Sequence[str]) -> tuple[str, ...]:
    """Return the column names, refusing those that are missing or there twice."""
    columns = tuple(aliases.get(name.strip(), name.strip()) for name in header)
    for name in columns:
        if columns.count(name) > 1:
            raise ValueError(f"{path}, row 1: column {name} is there twice")
    for name in required:
        if name not in columns:
            also = "".join(f" (or {alias})" for alias, real in aliases.items() if real == name)
            raise ValueError(f"{path}, row 1: column {name}{also} is missing")
    return columns


def _one_line(error: Exception) -> str:
    """Return an error's message on one line."""
    return " ".join(str(error).split())
