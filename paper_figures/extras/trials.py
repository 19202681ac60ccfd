"""K* and K_rate against the number of trials: which of them is a property of the network."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from paper_figures.drawing.curve_rows import Column, draw_columns
from paper_figures.drawing.rows import Row, without_losers
from paper_figures.drawing.sheet import SHEET, Page, Sheet
from paper_figures.drawing.style import blank, log2_axis
from paper_figures.run import Run
from verification.cells import number
from verification.inference.by_trials import ByTrials, by_trials
from verification.missing import Missing
from verification.records.curves import Curve

ROW_HEIGHT = 3.0
CAPTION = (
    "What the first n trials of every study would have found: $K^*$, the least over them (dashed), and $K_{rate}$, the "
    "median over draws at the best rate (full, where every point was trained from several draws); geometric means over "
    "studies."
)


def extra_trials(runs: Sequence[Run], sheet: Sheet = SHEET) -> Page:
    """Draw one panel per curve.

    Args:
        runs: One or more runs whose losing trials went on.
        sheet: How the figure is to stand on a page.

    Returns:
        The figure, one row per workload and goal.
    """
    return draw_columns(runs, sheet, lambda _: [CAPTION], _told, _draw_row, ROW_HEIGHT)


def _draw_row(row: Row, columns: Sequence[Column]) -> None:
    """Draw every curve of a row, on one scale."""
    found = {column.curve: by_trials(column.curve) for column in columns}
    counts = [count for of in found.values() if isinstance(of, ByTrials) for count in of.trials]
    steps = [one for of in found.values() if isinstance(of, ByTrials) for one in (*of.least, *of.rate)]
    for column in columns:
        axes, of = column.panels[0], found[column.curve]
        axes.set_xlabel("trials")
        axes.set_ylabel("steps")
        if isinstance(of, Missing):
            blank(axes, of.reason)
        else:
            _draw(axes, of, column.look)
            log2_axis(axes.xaxis, min(counts) / 1.3, max(counts) * 1.3)
            log2_axis(axes.yaxis, min(steps) / 1.5, max(steps) * 1.5)


def _draw(axes: Axes, of: ByTrials, look: tuple[str, str]) -> None:
    """Draw the lines of one curve."""
    colour, marker = look
    axes.plot(of.trials, of.least, f"{marker}--", color=colour, markerfacecolor="white", label="$K^*$", zorder=2)
    if of.rate:
        axes.plot(of.trials, of.rate, f"{marker}-", color=colour, label="$K_{rate}$", zorder=3)


def _told(row: Row) -> str | Missing:
    """Return how far each falls from the fewest trials to the most, or why that is not known."""
    found = [(curve, by_trials(curve)) for curve in row.curves]
    told = [_falls(curve, of) for curve, of in found if isinstance(of, ByTrials)]
    return "; ".join(told) or Missing(without_losers(row, (of for _, of in found if isinstance(of, Missing))))


def _falls(curve: Curve, of: ByTrials) -> str:
    """Return the numbers of one curve."""
    rate = f", $K_{{rate}}$ {number(of.rate[0])} to {number(of.rate[-1])}" if of.rate else ""
    ends = f"$K^*$ {number(of.least[0])} to {number(of.least[-1])}{rate}"
    return f"{curve.sparsity:g}% from {of.trials[0]} to {of.trials[-1]} trials {ends} (n = {of.studies} studies)"
