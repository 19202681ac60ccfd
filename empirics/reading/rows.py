"""The rows of a table, each by itself; every error names file, row and column."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from empirics.columns import CURVES_COLUMNS, share_for_percent
from empirics.errors import InputError
from empirics.reading.endings import bound_of, flags_of, read_ending
from empirics.reading.names import NEEDED, Names, is_header, meaning_of, read_names
from empirics.reading.numbers import Decimal, decimal_sign, looks_like_number, plain_number
from empirics.reading.text import Cells, read_cells

_COUNTS = ("batch_size", "steps_to_result", "lower", "upper", "max_steps")
_NUMBERS = (*_COUNTS, "eval_interval", "sparsity", "learning_rate")
_INDEX_NAMES = frozenset({"", "#", "index", "unnamed: 0", "row", "no", "nr", "id", "idx"})


# What a batch size or a count of steps may be: whole numbers beyond are not exact in doubles.
MOST_EXACT = 2.0**53


@dataclass(frozen=True)
class Row:
    """One row of a table; the header is row 1.

    Example:
        >>> Row(Path("runs/a.csv"), 5, {"batch_size": "x"}).whole("batch_size", low=1)
        Traceback (most recent call last):
        empirics.errors.InputError: runs/a.csv, row 5, column batch_size: need a whole number >= 1, got 'x'
    """

    path: Path
    number: int
    fields: Mapping[str, str]

    def refuse(self, column: str, reason: str) -> InputError:
        """Return the error that names this row and the given column."""
        return InputError(f"{self.path}, row {self.number}, column {column}: {reason}")

    def text(self, column: str) -> str:
        """Return a field without surrounding blanks; empty where the table lacks the column."""
        return self.fields.get(column, "").strip()

    def number_in(self, column: str, low: float = -math.inf, high: float = math.inf) -> float | None:
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
            raise self.refuse(column, f"need {wanted}, got {text[:60]!r}")
        if value > high:
            raise self.refuse(column, f"need a number <= {high:.16g}, got {text[:60]!r}")
        return value

    def steps(self, column: str) -> float | None:
        """Return a count of steps, whole or a mean of several, None where the field is blank."""
        return self.number_in(column, low=0.0, high=MOST_EXACT)

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
            raise self.refuse(column, f"need a whole number >= {low}, got {text[:60]!r}")
        if value > MOST_EXACT:
            raise self.refuse(column, f"need a whole number <= {MOST_EXACT:.16g}, got {text[:60]!r}")
        return int(value)

    def percentage(self, column: str) -> float:
        """Return a percentage in [0, 100), 0 where the field is blank; a share is refused."""
        value = self.number_in(column, low=0.0) or 0.0
        if share := share_for_percent(value):
            raise self.refuse(column, share)
        if value >= 100.0:
            raise self.refuse(column, f"need a percentage in [0, 100), got {value:g}")
        return value


@dataclass(frozen=True)
class Table:
    """The rows of one file.

    Attributes:
        path: The file.
        columns: Names in the order of the file, those with a meaning here by the name they have here.
        rows: Their fields, numbers written plainly; blank where a file had none.
        notes: What a reader should know of how it was read, one short line each, without the file's name.
        names: How the columns were found.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    names: Names


def read_plain_table(path: Path, required: Sequence[str]) -> Table:
    """Read a table that this program wrote: every name stands for itself.

    Args:
        path: The file.
        required: Columns it must have.

    Raises:
        InputError: If it cannot be read, or lacks a column, or has a row of another length.
    """
    cells = read_cells(path, lambda found: set(required) <= {cell.strip() for cell in found})
    number, header = cells.header
    for name in header:
        if header.count(name) > 1:
            raise InputError(f"{path}, row {number}: column {name} is there twice")
    for name in required:
        if name not in header:
            raise InputError(f"{path}, row {number}: column {name} is missing")
    rows = tuple(
        Row(path, n, dict(zip(header, _of_length(cells, n, line), strict=True)))
        for n, line in cells.rows
        if not line[0].startswith("#")
    )
    if not rows:
        raise InputError(f"{path}: the file has a header and no rows")
    return Table(path, tuple(header), rows, (), Names(tuple(header), {}, own=True))


def read_rows(path: Path) -> Table:
    """Read a table of curves or of trials as people have it, each row by itself.

    Args:
        path: The file, see `docs/own_logs.md`.

    Returns:
        The table, at least one row. A column of indices, one without name and content, and lines of comment left out;
        numbers and words for the end of a run written as here.

    Raises:
        InputError: If it cannot be read, or something in it has two readings.
    """
    cells = read_cells(path, is_header)
    number, header = cells.header
    read_names(f"{path}, row {number}", header)  # refuses what is no such table before its rows are looked at
    lines, notes = _filled(cells)
    lines, header = _without_index(lines, header)
    names = read_names(f"{path}, row {number}", header)
    rows = [Row(path, n, dict(zip(names.columns, line, strict=True))) for n, line in lines]
    notes += _taken(names)
    if not names.own:
        rows, changed = _written_plainly(cells, names, rows)
        notes += [f"read {old} as {new}" for old, new in changed.items()]
        flags = flags_of(names.columns, [(row.fields, row.refuse) for row in rows])
        notes += [f"read column {name} as status" for name in flags]
        rows = [_ended(row, flags) for row in rows]
        names = replace(names, columns=tuple(name for name in names.columns if name not in flags))
    return Table(path, names.columns, tuple(rows), tuple(notes), names)


def _ended(row: Row, flags: Mapping[str, bool]) -> Row:
    """Return a row with its end written as here."""
    fields = dict(row.fields)
    if fields.get("sparsity", "").lower() == "dense":
        fields["sparsity"] = "0"
    read_ending(fields, flags, row.refuse)
    return Row(row.path, row.number, fields)


def _filled(cells: Cells) -> tuple[list[tuple[int, list[str]]], list[str]]:
    """Return the rows without comments and repeated headers, and a note on what was left out below the header."""
    _, header = cells.header
    counts = [at for at, name in enumerate(header) if meaning_of(name) in NEEDED]
    rows, left_out = [], []
    for n, raw in cells.rows:
        line = [cell.strip() for cell in raw]
        if line[0].startswith("#"):
            if len(line) == len(header) and all(looks_like_number(line[at]) for at in counts):
                raise InputError(f"{cells.path}, row {n}: begins with # and reads like a run; take one of the two away")
            left_out.append(str(n))
        elif line == header:
            left_out.append(str(n))
        else:
            rows.append((n, _of_length(cells, n, line)))
    if not rows:
        raise InputError(f"{cells.path}: the file has a header and no rows")
    lines = ", ".join(left_out[:5]) + (" ..." if len(left_out) > 5 else "")
    return rows, [f"left out as comment or repeated header: row {lines}"] if left_out else []


def _of_length(cells: Cells, number: int, line: list[str]) -> list[str]:
    """Return a row without blank cells beyond the header's."""
    width = len(cells.header[1])
    if len(line) < width or any(cell.strip() for cell in line[width:]):
        hint = "; a number with a comma needs quotes" if len(line) > width and cells.separator == "," else ""
        raise InputError(f"{cells.path}, row {number}: {len(line)} fields for {width} columns{hint}")
    return line[:width]


def _without_index(
    rows: list[tuple[int, list[str]]], header: list[str]
) -> tuple[list[tuple[int, list[str]]], list[str]]:
    """Return rows and header without columns that count the rows or are blank from top to bottom."""
    kept, names = [], []
    for at, name in enumerate(header):
        column = [line[at] for _, line in rows]
        counts = name.lower() in _INDEX_NAMES and _counts(column)
        if not counts and (name or any(column)):
            kept.append(at)
            names.append(name or f"column {at + 1}")
    return [(n, [line[at] for at in kept]) for n, line in rows], names


def _counts(column: Sequence[str]) -> bool:
    """Return whether some cells are whole numbers one after the other."""
    if not all(cell.isascii() and cell.isdigit() and len(cell) < 10 for cell in column):
        return False
    return [int(cell) for cell in column] == list(range(int(column[0]), int(column[0]) + len(column)))


def _taken(names: Names) -> list[str]:
    """Return a note on the columns that were taken for one of another name."""
    told = ", ".join(f"{name} as {meaning}" for meaning, name in names.taken.items())
    return [f"read column {told}"] if told else []


def _written_plainly(cells: Cells, names: Names, rows: list[Row]) -> tuple[list[Row], dict[str, str]]:
    """Return rows with their numbers written plainly, and one that was not to what it became."""
    known = {*_NUMBERS, *CURVES_COLUMNS, "trial"}
    free = [name for name in names.columns if name not in known and _holds_numbers(name, rows)]
    counts = [name for name in _COUNTS if name in names.columns]
    rest = [name for name in (*_NUMBERS[len(_COUNTS) :], *free) if name in names.columns]
    signs = {name: _sign(cells, rows, counts) for name in counts}
    if rest:  # whole numbers say less of themselves than fractions do: they are told by their like alone
        signs |= dict.fromkeys(rest, _sign(cells, rows, [*counts, *rest]))
    changed: dict[str, str] = {}
    written = []
    for row in rows:
        fields = dict(row.fields)
        for name, sign in signs.items():
            text = fields[name]
            fields[name] = _plain(row, name, sign)
            if fields[name] != text and not text.endswith("%") and not changed:
                changed[text] = fields[name]
        written.append(Row(row.path, row.number, fields))
    return written, changed


def _holds_numbers(name: str, rows: Sequence[Row]) -> bool:
    """Return whether every filled cell of a column looks like a number."""
    return all(looks_like_number(row.fields[name]) for row in rows if row.fields[name])


def _sign(cells: Cells, rows: Sequence[Row], columns: Sequence[str]) -> Decimal | None:
    """Return the decimal sign of some columns."""
    try:
        return decimal_sign(
            ((row.number, _bare(row.fields[name])) for row in rows for name in columns), cells.separator
        )
    except InputError as error:
        raise InputError(f"{cells.path}: {error}") from None


def _bare(text: str) -> str:
    """Return a number without the signs of a bound and of percent."""
    bound = bound_of(text)
    return (bound[2] or bound[3] or "" if bound else text).removesuffix("%").rstrip()


def _plain(row: Row, name: str, sign: Decimal | None) -> str:
    """Return a cell with its number written plainly."""
    text = row.fields[name]
    bare = _bare(text) if name == "steps_to_result" else text
    if name == "sparsity":
        bare = text.removesuffix("%").rstrip()
    try:
        plain = plain_number(bare, sign)
    except InputError as error:
        tokens = "; `kstar import` reads tokens" if name == "batch_size" and text[-1].isalpha() else ""
        raise row.refuse(name, f"{error}{tokens}") from None
    if name != "sparsity":
        return text.replace(bare, plain, 1)
    if bare != text and (share := _share_of_percent(plain)):
        raise row.refuse(name, f"{text!r} is {share}")
    return plain


def _share_of_percent(plain: str) -> str:
    """Return what to say of less than one percent, given with its sign; nothing of any other text."""
    try:
        value = float(plain)
    except ValueError:
        return ""
    if not share_for_percent(value):
        return ""
    return (
        f"under 1%, and no such sparsity is read: write 0 for dense, or {100 * value:.12g}% if {value:.12g} is a share"
    )
