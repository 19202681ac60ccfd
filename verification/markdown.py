"""Pieces of Markdown."""

from collections.abc import Iterable, Sequence


def escaped(text: str) -> str:
    r"""Return plain text with the stars of K* as Markdown wants them.

    Example:
        >>> escaped("K*_sparse")
        'K\\*_sparse'
    """
    return text.replace("*", "\\*")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; bars within a cell are escaped.

    Example:
        >>> print(table(["a", "b"], [["1", "2"]]))
        | a | b |
        | --- | --- |
        | 1 | 2 |
    """
    cells = [header, ["---"] * len(header), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)
