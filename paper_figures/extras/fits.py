"""The fitted law of every curve with its band."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from paper_figures.drawing.curve_panels import draw_law, ends_of, law_at
from paper_figures.drawing.curve_rows import Column, draw_columns
from paper_figures.drawing.intervals import draw_band
from paper_figures.drawing.pairs import QUANTITIES
from paper_figures.drawing.points import STEPS, draw_points, points_told
from paper_figures.drawing.rows import Row
from paper_figures.drawing.sheet import SHEET, Page, Sheet
from paper_figures.drawing.style import log2_axis
from paper_figures.run import Run
from verification.cells import estimate_text
from verification.fits.curves import FittedLaw
from verification.inference.bands import law_band
from verification.missing import Missing, each_once
from verification.records.curves import Curve

ROW_HEIGHT = 3.0
CAPTION = (
    "Open triangles: at the budget where the goal was not reached. Curves: $K = c_1/B + c_2$ by maximum likelihood. "
    "Bands: 95% profile-likelihood intervals of K at each batch size, one at a time; they are of the law, the points "
    "scatter about it by $\\sigma$."
)


def extra_fits(runs: Sequence[Run], sheet: Sheet = SHEET) -> Page:
    """Draw one panel per curve.

    Args:
        runs: One or more runs with verdicts.
        sheet: How the figure is to stand on a page.

    Returns:
        The figure, one row per workload and goal.
    """
    return draw_columns(runs, sheet, lambda rows: [f"{points_told(rows)} {CAPTION}"], _fits, _draw_row, ROW_HEIGHT)


def _draw_row(row: Row, columns: Sequence[Column]) -> None:
    """Draw every curve of a row."""
    for column in columns:
        draw_curve(column.panels[0], row.run, column.curve, column.look, row.curves)


def draw_curve(axes: Axes, run: Run, curve: Curve, look: tuple[str, str], shown: Sequence[Curve]) -> None:
    """Draw one curve with its law and band.

    Args:
        axes: The panel.
        run: Whose curve it is.
        curve: The curve.
        look: Colour and marker.
        shown: The curves that the panel is made wide enough for.
    """
    axes.set_xlabel("batch size $B$")
    axes.set_ylabel(f"steps to result {STEPS[curve.quantity]}")
    sizes = [point.batch_size for one in shown for point in one.points]
    steps = [end for one in shown for point in one.points for end in ends_of(point)]
    laws = [(one, fit) for one in shown if isinstance(fit := run.fit(one), FittedLaw)]
    steps += [law_at(fit, one.points[place].batch_size) for one, fit in laws for place in (0, -1)]
    log2_axis(axes.xaxis, min(sizes) / 1.3, max(sizes) * 1.3)
    log2_axis(axes.yaxis, min(steps) / 1.8, max(steps) * 1.8)
    draw_points(axes, curve, look)
    fit = run.fit(curve)
    if isinstance(fit, Missing):
        return
    draw_law(axes, curve, fit, look)
    band = law_band(run.analysis.fitted(curve))
    if band is not None:
        draw_band(axes, band, look[0])


def _fits(row: Row) -> str | Missing:
    """Return the constants of every curve with their intervals, or why there is no fit."""
    told = []
    for curve in row.curves:
        fit = row.run.fit(curve)
        if isinstance(fit, FittedLaw):
            ends = [
                f"{QUANTITIES[key]} {estimate_text(fit.estimates[key], fit.intervals[key])}" for key in ("c1", "c2")
            ]
            told.append(f"{curve.sparsity:g}% (n = {curve.reached}) {', '.join(ends)}")
    reasons = (fit for curve in row.curves if isinstance(fit := row.run.fit(curve), Missing))
    return "; ".join(told) or Missing(f"{row.title}: {each_once(reasons, 'no fits')}")
