"""Examples to result, B K(B), against batch size: what the parallelism costs."""

from collections.abc import Sequence

from paper_figures.drawing.curve_panels import draw_law, ends_of, law_at
from paper_figures.drawing.points import draw_points, points_told, symbol
from paper_figures.drawing.rows import Row, rows_of
from paper_figures.drawing.sheet import SHEET, Block, Page, Part, Sheet, page
from paper_figures.drawing.style import log2_axis, looks
from paper_figures.run import Run
from verification.fits.curves import FittedLaw

WIDTH, HEIGHT = 7.5, 3.6
CAPTION = (
    "Steps are multiplied by B: examples to result are constant under linear scaling, and rise with B on the plateau. "
    "Open triangles: at the budget where the goal was not reached. Curves: $B K = c_1 + c_2 B$ by maximum likelihood."
)


def extra_examples(runs: Sequence[Run], sheet: Sheet = SHEET) -> Page:
    """Draw one panel per workload and goal.

    Args:
        runs: One or more runs.
        sheet: How the figure is to stand on a page.

    Returns:
        The figure.
    """
    rows = rows_of(runs)
    counts = [f"{row.title}: n = {sum(len(curve.points) for curve in row.curves)} studies." for row in rows]
    told = [f"{points_told(rows)} {CAPTION}", *counts]
    figure, parts = page(sheet, (WIDTH, HEIGHT), [Block(row.title) for row in rows], told)
    for part, row in zip(parts, rows, strict=True):
        _draw(part, row)
    return figure


def _draw(part: Part, row: Row) -> None:
    """Draw the curves of one row."""
    (axes,) = part.panels
    axes.set_xlabel("batch size $B$")
    axes.set_ylabel(f"examples to result $B$ {symbol([row])}")
    colours = looks(curve.sparsity for curve in row.curves)
    every = [end * point.batch_size for curve in row.curves for point in curve.points for end in ends_of(point)]
    for curve in row.curves:
        draw_points(axes, curve, colours[curve.sparsity], _unit)
        fit = row.run.fit(curve)
        if isinstance(fit, FittedLaw):
            every += [point.batch_size * law_at(fit, point.batch_size) for point in (curve.points[0], curve.points[-1])]
            draw_law(axes, curve, fit, colours[curve.sparsity], _unit)
    sizes = [point.batch_size for curve in row.curves for point in curve.points]
    log2_axis(axes.xaxis, min(sizes) / 1.3, max(sizes) * 1.3, 14)
    log2_axis(axes.yaxis, min(every) / 1.6, max(every) * 1.6)
    part.key()


def _unit(batch_size: float) -> float:
    """Return the unit of steps in which they are examples."""
    return 1.0 / batch_size
