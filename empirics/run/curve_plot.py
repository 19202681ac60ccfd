"""The curve so far as a small plot in text."""

from __future__ import annotations

import math
from collections.abc import Sequence

MARKS = "ox+#%@"
HEIGHT = 8
Point = tuple[float, int, int]


def curve_plot(points: Sequence[Point], width: int) -> str:
    """Return steps against batch size, both on a log scale, a mark a sparsity.

    Args:
        points: (sparsity in percent, batch size, K*); a later one hides an earlier one that it meets.
        width: Columns of the panel, >= 1.

    Returns:
        Lines; empty where there are fewer than two batch sizes.

    Example:
        >>> print(curve_plot([(0.0, 1, 64), (0.0, 8, 8), (90.0, 1, 128), (90.0, 8, 16)], 20))
        128 |x
            |
            |o
            |
            |
            |                   x
            |
          8 |                   o
            +--------------------
             1                  8  batch size
        K*: o 0%, x 90%
    """
    sizes = sorted({size for _, size, _ in points})
    if len(sizes) < 2:
        return ""
    steps = [k for *_, k in points]
    marks = {sparsity: MARKS[i % len(MARKS)] for i, sparsity in enumerate(sorted({one for one, *_ in points}))}
    rows = [[" "] * width for _ in range(HEIGHT)]
    for sparsity, size, k in points:
        across = _place(size, sizes[0], sizes[-1], width)
        rows[_place(k, max(steps), min(steps), HEIGHT)][across] = marks[sparsity]
    labels = [str(max(steps)), *[""] * (HEIGHT - 2), str(min(steps)) if min(steps) < max(steps) else ""]
    margin = max(map(len, labels))
    panel = [f"{label:>{margin}} |{''.join(row)}".rstrip() for label, row in zip(labels, rows, strict=True)]
    legend = ", ".join(f"{mark} {sparsity:g}%" for sparsity, mark in marks.items())
    blank = " " * margin
    return "\n".join([*panel, f"{blank} +{'-' * width}", f"{blank}  {_axis(sizes, width)}", f"K*: {legend}"])


def _place(value: float, first: float, last: float, cells: int) -> int:
    """Return the cell of a value between the first and the last one on a log scale."""
    if first == last:
        return 0
    return round((cells - 1) * math.log(value / first) / math.log(last / first))


def _axis(sizes: Sequence[int], width: int) -> str:
    """Return the batch sizes below their columns, those that fit."""
    line = ""
    for size in sizes:
        text = str(size)
        at = min(_place(size, sizes[0], sizes[-1], width), width - len(text))
        if not line or at > len(line):
            line += " " * (at - len(line)) + text
    return f"{line}  batch size"
