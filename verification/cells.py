"""Numbers as the text of a cell, and cells as lines of 100 columns."""

import textwrap
from collections.abc import Sequence

from verification.fits.fit import OPEN, Interval
from verification.records.constants_file import Constant

WIDTH = 100


def number(value: float | None) -> str:
    """Return a number to three digits, a dash for none.

    Args:
        value: Any finite number, or None.

    Returns:
        Short text.

    Example:
        >>> number(1234.5), number(0.01234), number(None)
        ('1230', '0.0123', '-')
    """
    return "-" if value is None else f"{float(f'{value:.3g}'):g}"


def known_text(value: float, interval: Interval) -> str:
    """Return a number, with its interval where there is one.

    Example:
        >>> known_text(33.3, OPEN), known_text(33.3, Interval(12.0, 50.0))
        ('33.3', '33.3 [12, 50]')
    """
    return number(value) if interval == OPEN else estimate_text(value, interval)


def constant_text(constant: Constant) -> str:
    """Return a measured constant, with its interval where replicates give one."""
    return known_text(constant.value, Interval(constant.low, constant.high))


def estimate_text(value: float | None, interval: Interval | None) -> str:
    """Return an estimate with its interval, if any; an open end shows as a bound, a missing estimate as a dash.

    Args:
        value: The estimate, None where the data hold no trace of it.
        interval: Its interval, None where none was computed.

    Returns:
        Short text.

    Example:
        >>> estimate_text(33.3, Interval(12.0, None)), estimate_text(None, Interval(None, 5.0))
        ('33.3 [> 12]', '- [< 5]')
    """
    if interval is None:
        return number(value)
    low, high = interval.low, interval.high
    if low is not None and high is not None:
        ends = f"{number(low)}, {number(high)}"
    elif low is None and high is None:
        ends = "open"
    else:
        ends = f"> {number(low)}" if high is None else f"< {number(high)}"
    return f"{number(value)} [{ends}]"


def percent(ratio: float) -> str:
    """Return a relative size in percent, two digits.

    Args:
        ratio: >= 0.

    Returns:
        Short text.

    Example:
        >>> percent(0.123), percent(0.0), percent(12.0)
        ('12%', '0%', '1200%')
    """
    return f"{float(f'{100.0 * ratio:.2g}'):g}%"


def p_text(p: float | None) -> str:
    """Return a p-value to two digits, a bound where it is tiny, a dash for none.

    Args:
        p: In [0, 1], or None.

    Returns:
        Short text.

    Example:
        >>> p_text(0.0123), p_text(1e-9), p_text(None)
        ('0.012', '< 0.001', '-')
    """
    if p is None:
        return "-"
    return "< 0.001" if p < 0.001 else f"{p:.2g}"


def wrapped(text: str) -> str:
    """Return text broken into lines of at most 100 columns.

    Args:
        text: One paragraph.

    Returns:
        The same words; all lines but the first are indented.
    """
    return textwrap.fill(text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of text in aligned columns, the first one flush left.

    Args:
        header: Column titles.
        rows: Each as long as the header.

    Returns:
        One line per row after the header, without trailing blanks.
    """
    table = [list(header), *[list(row) for row in rows]]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
