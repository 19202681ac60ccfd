"""The frame of figures that give every curve a column of its own: a row per workload and goal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from paper_figures.drawing.rows import Row, rows_of
from paper_figures.drawing.sheet import Block, Page, Sheet, page
from paper_figures.drawing.style import looks
from paper_figures.run import Run
from verification.missing import Missing
from verification.records.curves import Curve

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
    sheet: Sheet,
    caption: Callable[[Sequence[Row]], Sequence[str]],
    tell: Callable[[Row], str | Missing],
    draw: Callable[[Row, Sequence[Column]], None],
    height: float,
    panels: int = 1,
) -> Page:
    """Draw a column of panels per curve, which share their axes.

    Args:
        runs: One or more runs.
        sheet: How the figure is to stand on a page.
        caption: What is drawn of some rows.
        tell: The numbers of a row, for the caption; or what was not measured for it, as a whole line.
        draw: Draws the columns of a row, on the same scales.
        height: Inches of a panel.
        panels: Panels a curve, >= 1.

    Returns:
        The figure.
    """
    told = [(row, tell(row)) for row in rows_of(runs)]
    rows = [row for row, numbers in told if isinstance(numbers, str)]
    lines = [*caption(rows), *(f"{row.title}: {numbers}." for row, numbers in told if isinstance(numbers, str))]
    missing = [numbers.reason for _, numbers in told if isinstance(numbers, Missing)]
    blocks = [Block(row.title, len(row.curves), panels) for row in rows]
    figure, parts = page(sheet, (COLUMN_WIDTH, height), blocks, lines, missing)
    for part, row in zip(parts, rows, strict=True):
        colours = looks(curve.sparsity for curve in row.curves)
        drawn = [
            Column(curve, colours[curve.sparsity], below) for curve, below in zip(row.curves, part.columns, strict=True)
        ]
        for column in drawn:
            column.panels[0].set_title(f"sparsity {column.curve.sparsity:g}%")
        draw(row, drawn)
        part.label_outer()
        part.key()
    return figure
