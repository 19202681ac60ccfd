"""Figure 3: where in the search space trials succeed, dense and at 90%, at four batch sizes."""

from collections.abc import Sequence

from paper_figures.drawing.rows import prefer, rows_of
from paper_figures.drawing.scatter import nearest, scatter_rows
from paper_figures.drawing.sheet import SHEET, Page, Sheet
from paper_figures.run import Run

SPARSITIES, BATCH_SIZES = (0.0, 90.0), (16, 128, 1024, 8192)


def figure_03(runs: Sequence[Run], sheet: Sheet = SHEET) -> Page:
    """Draw figure 3.

    Args:
        runs: One or more runs; where none is of MNIST with momentum, those with momentum or all they hold.
        sheet: How the figure is to stand on a page.

    Returns:
        The figure, one panel per sparsity and batch size; batch sizes that were not measured give way to others.
    """
    rows = prefer(rows_of(runs), lambda row: "/momentum" in row.workload)
    rows = prefer(rows, lambda row: row.workload == "mnist/simple-cnn/momentum")
    return scatter_rows(rows, sheet, lambda sizes: nearest(sizes, BATCH_SIZES), SPARSITIES)
