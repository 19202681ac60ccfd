"""The best rate eta*(B) and eta* K* against theory."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from paper_figures.drawing.curve_rows import Column, draw_columns
from paper_figures.drawing.rows import Row
from paper_figures.drawing.sheet import SHEET, Page, Sheet
from paper_figures.drawing.style import blank, decade_axis, log2_axis
from paper_figures.run import Run
from verification.cells import estimate_text
from verification.inference.known import Slope
from verification.inference.rates import BestRates
from verification.missing import Missing, each_once

ROW_HEIGHT = 2.5
CAPTION = (
    "Winners' rates, with momentum m the effective $\\eta/(1-m)$. Above, $\\eta^*$: full line, the sharp bound's "
    "$B/(B+B_{crit})$; dotted, the textbook bound's min(B, 2 $B_0$), both at the critical batch size of the fit and "
    "the winners' level. Below, $\\eta^* K^*$: by theory constant in B (dashed: geometric mean). Slopes are of logs, "
    "[95%, Student's t]."
)


def extra_rates(runs: Sequence[Run], sheet: Sheet = SHEET) -> Page:
    """Draw two panels per curve.

    Args:
        runs: One or more runs with verdicts.
        sheet: How the figure is to stand on a page.

    Returns:
        The figure, one row per workload and goal.
    """
    return draw_columns(runs, sheet, lambda _: [CAPTION], _slopes, _draw_row, ROW_HEIGHT, panels=2)


def _draw_row(row: Row, columns: Sequence[Column]) -> None:
    """Draw every curve of a row, on scales that its panels share."""
    shown = [row.run.best_rates(column.curve) for column in columns]
    for column, rates in zip(columns, shown, strict=True):
        above, below = column.panels
        if isinstance(rates, Missing):
            blank(above, rates.reason)
            blank(below, rates.reason)
        else:
            _draw_rates(above, rates, column.look)
            _draw_products(below, rates, column.look)
    known = [rates for rates in shown if isinstance(rates, BestRates)]
    if not known:
        return
    every = [v for rates in known for v in (*rates.rate, *rates.sharp, *rates.textbook)]
    products = [v for rates in known for v in rates.product]
    sizes = [size for rates in known for size in rates.batch_size]
    for column, rates in zip(columns, shown, strict=True):
        if isinstance(rates, BestRates):
            for axes, values in zip(column.panels, (every, products), strict=True):
                log2_axis(axes.xaxis, min(sizes) / 1.3, max(sizes) * 1.3)
                decade_axis(axes.yaxis, min(values) / 1.5, max(values) * 1.5)


def _draw_rates(axes: Axes, rates: BestRates, look: tuple[str, str]) -> None:
    """Draw the best rates and the shapes of both bounds."""
    colour, marker = look
    axes.plot(rates.batch_size, rates.rate, marker, color=colour, label="winners", zorder=3)
    for name, shape, style in (("sharp bound", rates.sharp, "-"), ("textbook bound", rates.textbook, ":")):
        if shape:
            axes.plot(rates.grid, shape, style, color=colour, label=name)
    axes.set_ylabel("best rate $\\eta^*$")


def _draw_products(axes: Axes, rates: BestRates, look: tuple[str, str]) -> None:
    """Draw rate times steps."""
    colour, marker = look
    axes.plot(rates.batch_size, rates.product, marker, color=colour, label="winners", zorder=3)
    axes.plot([rates.grid[0], rates.grid[-1]], [rates.level] * 2, color=colour, linestyle="--", label="geometric mean")
    axes.set_xlabel("batch size $B$")
    axes.set_ylabel("$\\eta^* K^*$")


def _slopes(row: Row) -> str | Missing:
    """Return the slopes of every curve with intervals, or why no best rate is known."""
    told = []
    for curve in row.curves:
        best, slopes = row.run.best_rates(curve), row.run.analysis.rates_of(curve)
        if isinstance(best, BestRates):
            named = (("$\\eta^*$", slopes.rate), ("$\\eta^* K^*$", slopes.product))
            found = [f"{n} {estimate_text(one.value, one.interval())}" for n, one in named if isinstance(one, Slope)]
            told.append(f"{curve.sparsity:g}% (n = {len(best.rate)}) slope of {', of '.join(found) or '-'}")
    reasons = (rates for curve in row.curves if isinstance(rates := row.run.best_rates(curve), Missing))
    return "; ".join(told) or Missing(f"{row.title}: {each_once(reasons, 'no rates')}")
