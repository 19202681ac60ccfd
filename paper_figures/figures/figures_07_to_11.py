"""Figures 7 to 11: the columns of figure 1 for every workload of the paper.

They differ in nothing but the workloads, so they share one function and this file is a table.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from paper_figures.drawing.curve_panels import curve_columns
from paper_figures.drawing.rows import (
    CIFAR_CONSTANT,
    CIFAR_DECAY,
    FASHION_12,
    FASHION_14,
    MNIST,
    Family,
    outside_the_paper,
    rows_of,
)
from paper_figures.drawing.sheet import SHEET, Page, Sheet
from paper_figures.run import Run


def family_curves(family: Family, runs: Sequence[Run], sheet: Sheet = SHEET) -> Page:
    """Draw the curves of one family of workloads.

    Args:
        family: Which; figure 7's also takes in what is of no workload of the paper.
        runs: One or more runs.
        sheet: How the figure is to stand on a page.

    Returns:
        The figure; what of the family was not measured is missing, unless another workload stands in for it.
    """
    rows = [row for row in rows_of(runs) if family.holds(row) or (family is MNIST and outside_the_paper(row))]
    return curve_columns(rows, sheet, [] if rows and all(map(outside_the_paper, rows)) else family.missing(rows))


FIGURES_07_TO_11: Mapping[int, Callable[[Sequence[Run], Sheet], Page]] = MappingProxyType(
    {
        number: partial(family_curves, family)
        for number, family in enumerate((MNIST, FASHION_12, FASHION_14, CIFAR_DECAY, CIFAR_CONSTANT), start=7)
    }
)
