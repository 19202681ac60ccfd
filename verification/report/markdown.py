"""Pieces of Markdown."""

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\`*_\[\]~$|]|<(?=[A-Za-z/!?])|&(?=[#A-Za-z])|^[#>])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# One that is not escaped yet.
_BAR = re.compile(r"(?<!\\)\|")
_TICKS = re.compile("`+")


def escaped(text: str) -> str:
    r"""Return plain text with the stars of K* as Markdown wants them.

    Args:
        text: Of our own; see `literal` for what comes from a file.

    Example:
        >>> escaped("K*_sparse")
        'K\\*_sparse'
    """
    return text.replace("*", "\\*")


def literal(text: str) -> str:
    r"""Return a text of somebody else's so that Markdown shows it as it is, on one line.

    Args:
        text: A name, a goal, a note: anything read from a file.

    Example:
        >>> print(literal("a|b *c* <d> $e$\nf"))
        a\|b \*c\* \<d> \$e\$ f
    """
    line = _CONTROL.sub(" ", text).strip()
    return _SPECIAL.sub(r"\\\1", line)


def code(text: str) -> str:
    r"""Return a text as code within a line.

    Example:
        >>> print(code("digits"), code("a`b"))
        `digits` ``a`b``
    """
    line = _CONTROL.sub(" ", text)
    ticks = "`" * (max(map(len, _TICKS.findall(line)), default=0) + 1)
    blank = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{blank}{line}{blank}{ticks}"


def fenced(text: str, language: str = "text") -> str:
    """Return lines of plain text as a block, whatever fences stand in them.

    Example:
        >>> print(fenced("a"))
        ```text
        a
        ```
    """
    fence = "`" * max(3, max(map(len, _TICKS.findall(text)), default=0) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; bars within a cell are escaped.

    Args:
        header: Markdown.
        rows: Markdown, each as long; what comes from a file must have been made `literal`.

    Example:
        >>> print(table(["a", "b"], [["1", "2"]]))
        | a | b |
        | --- | --- |
        | 1 | 2 |
    """
    cells = [header, ["---"] * len(header), *([_BAR.sub(r"\\|", cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)
