"""The frame of figures that give every curve a column of its own: a row per workload and goal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from paper_figures.drawing.rows import Row, rows_of
from paper_figures.drawing.sheet import Page, page
from paper_figures.drawing.style import headline, looks
from paper_figures.run import Run
from verification.missing import Missing
from verification.records.records import Curve

COLUMN_WIDTH = 3.5


@dataclass(frozen=True)
class Column:
    """The panels of one curve, from above.

    Attributes:
        curve: The curve.
        look: Its colour and marker.
        panels: Where it is drawn; the uppermost bears its sparsity.
    """

    curve: Curve
    look: tuple[str, str]
    panels: tuple[Axes, ...]


def draw_columns(
    runs: Sequence[Run],
    caption: str,
    tell: Callable[[Row], str | Missing],
    draw: Callable[[Row, Sequence[Column]], None],
    row_height: float,
    panels: int = 1,
) -> Page:
    """Draw a column of panels per curve.

    Args:
        runs: One or more runs.
        caption: What is drawn.
        tell: The numbers of a row, for the caption; or what was not measured for it, as a whole line.
        draw: Draws the columns of a row.
        row_height: Inches.
        panels: Panels a curve, >= 1.

    Returns:
        The figure.
    """
    told = [(row, tell(row)) for row in rows_of(runs)]
    rows = [row for row, numbers in told if isinstance(numbers, str)]
    lines = [caption, *(f"{row.title}: {numbers}." for row, numbers in told if isinstance(numbers, str))]
    missing = [numbers.reason for _, numbers in told if isinstance(numbers, Missing)]
    columns = max((len(row.curves) for row in rows), default=0)
    figure, parts = page(max(COLUMN_WIDTH * columns, 7.0), [row_height] * len(rows), lines, missing)
    for part, row in zip(parts, rows, strict=True):
        headline(part, row.title)
        grid = np.asarray(part.subplots(panels, columns, squeeze=False))
        for axes in grid[:, len(row.curves) :].ravel():
            axes.set_visible(False)
        colours = looks(curve.sparsity for curve in row.curves)
        drawn = [
            Column(curve, colours[curve.sparsity], tuple(below))
            for curve, below in zip(row.curves, grid.T, strict=False)
        ]
        for column in drawn:
            column.panels[0].set_title(f"sparsity {column.curve.sparsity:g}%")
        draw(row, drawn)
    return figure
