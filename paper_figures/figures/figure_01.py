"""Figure 1: steps-to-result against batch size, on the paper's four workloads where they were measured."""

from collections.abc import Sequence

from paper_figures.drawing.curve_panels import curve_columns
from paper_figures.drawing.rows import Family, prefer, rows_of
from paper_figures.drawing.sheet import SHEET, Page, Sheet
from paper_figures.run import Run

FOUR = (
    Family(("mnist/simple-cnn/sgd", "mnist/simple-cnn/momentum")),
    Family(("fashion-mnist/simple-cnn/momentum",), "0.12"),
    Family(("cifar-10/resnet-8/nesterov/linear",)),
)


def figure_01(runs: Sequence[Run], sheet: Sheet = SHEET) -> Page:
    """Draw figure 1.

    Args:
        runs: One or more runs; where none is of the paper's four workloads, all they hold is shown.
        sheet: How the figure is to stand on a page.

    Returns:
        The figure, one row per workload and goal.
    """
    rows = prefer(rows_of(runs), lambda row: any(family.holds(row) for family in FOUR))
    of_paper = any(family.holds(row) for family in FOUR for row in rows)
    return curve_columns(rows, sheet, [line for family in FOUR for line in family.missing(rows)] if of_paper else [])
