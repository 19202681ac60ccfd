"""Rows as a table: pandas' where it is installed, else rows with a readable form."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from verification.cells import columns

Row = Mapping[str, Any]


@dataclass(frozen=True, repr=False)
class Rows(Sequence[Row]):
    """Rows of a table, each a mapping from column to value.

    Attributes:
        names: The columns, in order.
        rows: One mapping a row.

    Example:
        >>> table = Rows(("B", "K"), ({"B": 16, "K": 5210.0},))
        >>> table[0]["K"], len(table)
        (5210.0, 1)
        >>> table
        B   K
        16  5210
    """

    names: tuple[str, ...]
    rows: tuple[Row, ...]

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - a row, or rows
        return self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __repr__(self) -> str:
        return "\n".join(columns(self.names, self._cells()))

    def _repr_html_(self) -> str:
        return html_table(self.names, self._cells())

    def _cells(self) -> list[list[str]]:
        return [[cell(row[name]) for name in self.names] for row in self.rows]


def table(names: Sequence[str], rows: Sequence[Row]) -> Any:  # noqa: ANN401 - pandas is optional
    """Return rows as a DataFrame of pandas, or as `Rows` where pandas is not installed.

    Args:
        names: The columns, in order.
        rows: Each with a value for every column.
    """
    try:
        pandas = importlib.import_module("pandas")
    except ImportError:
        return Rows(tuple(names), tuple(rows))
    filled = [{name: math.nan if value is None else value for name, value in row.items()} for row in rows]
    return pandas.DataFrame(filled, columns=list(names))


def cell(value: object) -> str:
    """Return a value as short text, nothing for None.

    Example:
        >>> cell(5210.0), cell(1.25), cell(None), cell("digits")
        ('5210', '1.25', '', 'digits')
    """
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def html_table(names: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str] = ()) -> str:
    """Return a table, with remarks below it, as HTML for a notebook.

    Args:
        names: The columns.
        rows: Texts, each as long as `names`.
        notes: One paragraph each.

    Example:
        >>> html_table(["B"], [["<16>"]])
        '<table><tr><th>B</th></tr><tr><td>&lt;16&gt;</td></tr></table>'
    """
    lines = [("th", names), *(("td", row) for row in rows)]
    told = "".join(f"<tr>{''.join(f'<{kind}>{escape(one)}</{kind}>' for one in row)}</tr>" for kind, row in lines)
    return f"<table>{told}</table>" + "".join(f"<p>{escape(note)}</p>" for note in notes)
