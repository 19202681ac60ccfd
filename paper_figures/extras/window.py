"""K over multiples of the best rate against 1/(r (2 - r)): how much a mistuned rate costs."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from paper_figures.drawing.curve_rows import Column, draw_columns
from paper_figures.drawing.rows import Row, without_losers
from paper_figures.drawing.sheet import SHEET, Page, Sheet
from paper_figures.drawing.style import REFERENCE_LINE, blank, decade_axis, log2_axis
from paper_figures.run import Run
from verification.cells import estimate_text
from verification.inference.rates import Window, fitted_window
from verification.missing import Missing

ROW_HEIGHT = 3.0
CAPTION = (
    "Every trial that reached the goal, over the best rate of its study: $r = \\eta/\\eta^*$, with $\\eta^*$ and "
    "$K^*$ of each study and one power w for all of a curve's studies fitted, $K/K^* = (1/(r(2-r)))^w$ (full). Dashed: "
    "theory, w = 1. With momentum m the rate is $\\eta/(1-m)$."
)


def extra_window(runs: Sequence[Run], sheet: Sheet = SHEET) -> Page:
    """Draw one panel per curve.

    Args:
        runs: One or more runs with verdicts whose losing trials went on.
        sheet: How the figure is to stand on a page.

    Returns:
        The figure, one row per workload and goal.
    """
    return draw_columns(runs, sheet, lambda _: [CAPTION], _powers, _draw_row, ROW_HEIGHT)


def _draw_row(row: Row, columns: Sequence[Column]) -> None:
    """Draw every curve of a row."""
    found = [fitted_window(column.curve) for column in columns]
    known = [window for window in found if isinstance(window, Window)]
    low = min(0.5, *(multiple for window in known for multiple in window.multiple))
    slowdowns = [1.0, 4.0, *(slowdown for window in known for slowdown in window.slowdown)]
    for column, window in zip(columns, found, strict=True):
        axes = column.panels[0]
        axes.set_xlabel("rate over the best, $r$")
        axes.set_ylabel("slowdown $K/K^*$")
        if isinstance(window, Missing):
            blank(axes, window.reason)
        else:
            _draw(axes, window, column.look, low)
            decade_axis(axes.xaxis, low / 1.2, 2.3)
            log2_axis(axes.yaxis, min(slowdowns) / 1.3, max(slowdowns) * 1.5)


def _draw(axes: Axes, window: Window, look: tuple[str, str], low: float) -> None:
    """Draw the trials of one curve, the theory and the fitted power."""
    colour, marker = look
    r = np.geomspace(low, 1.995, 400)
    theory = 1.0 / (r * (2.0 - r))
    axes.plot(r, theory, "--", color=REFERENCE_LINE, linewidth=1.3, label="theory", zorder=1)
    axes.plot(r, theory**window.power.value, color=colour, linewidth=1.3, label="fitted power", zorder=2)
    axes.plot(window.multiple, window.slowdown, marker, color=colour, label="trials", zorder=3)


def _powers(row: Row) -> str | Missing:
    """Return the power of every curve with its interval, or why no window is known."""
    told = []
    for curve in row.curves:
        window = fitted_window(curve)
        if isinstance(window, Window):
            power = estimate_text(window.power.value, window.power.interval())
            told.append(f"{curve.sparsity:g}% w {power} (n = {len(window.multiple)} trials)")
    reasons = (window for curve in row.curves if isinstance(window := fitted_window(curve), Missing))
    return "; ".join(told) or Missing(without_losers(row, reasons))
