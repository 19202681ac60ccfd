"""Figure 5: steps against the learning rate, dense and at 90%, one panel per batch size."""

from collections.abc import Sequence

from paper_figures.drawing.rows import prefer, rows_of
from paper_figures.drawing.scatter import evenly, scatter_rows
from paper_figures.drawing.sheet import SHEET, Page, Sheet
from paper_figures.run import Run

SPARSITIES, MOST = (0.0, 90.0), 7


def figure_05(runs: Sequence[Run], sheet: Sheet = SHEET) -> Page:
    """Draw figure 5.

    Args:
        runs: One or more runs; where none is of MNIST with SGD, those with SGD or all they hold.
        sheet: How the figure is to stand on a page.

    Returns:
        The figure, one panel per sparsity and batch size, at most seven batch sizes.
    """
    rows = prefer(rows_of(runs), lambda row: row.workload.endswith("/sgd"))
    rows = prefer(rows, lambda row: row.workload == "mnist/simple-cnn/sgd")
    return scatter_rows(rows, sheet, lambda sizes: evenly(sizes, MOST), SPARSITIES, against="steps")
