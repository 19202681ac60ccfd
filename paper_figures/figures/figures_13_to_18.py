"""Figures 13 to 18: how every trial ended over the search space, one workload each.

They differ in nothing but the workload, so they share one function and this file is a table.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from paper_figures.drawing.rows import CIFAR_DECAY, MNIST, Family, Row, outside_the_paper, rows_of
from paper_figures.drawing.scatter import evenly, scatter_rows
from paper_figures.drawing.sheet import SHEET, Page, Sheet
from paper_figures.run import Run

MOST = 7
WORKLOADS = (*MNIST.workloads, *CIFAR_DECAY.workloads)


def searched(workload: str, runs: Sequence[Run], sheet: Sheet = SHEET) -> Page:
    """Draw the searches of one workload.

    Args:
        workload: Of the paper; figures 13 to 15 also take in what is of no workload of the paper, by its optimiser.
        runs: One or more runs.
        sheet: How the figure is to stand on a page.

    Returns:
        The figure, one panel per sparsity and batch size, at most seven batch sizes evenly spread over all.
    """
    family = Family((workload,))
    rows = [row for row in rows_of(runs) if family.holds(row) or _stands_in(row, workload)]
    return scatter_rows(rows, sheet, lambda sizes: evenly(sizes, MOST), None, [] if rows else family.missing(rows))


def _stands_in(row: Row, workload: str) -> bool:
    """Return whether a row outside the paper is shown with a workload: its optimiser's, SGD's where it has another."""
    if workload not in MNIST.workloads or not outside_the_paper(row):
        return False
    optimisers = [name.rpartition("/")[2] for name in MNIST.workloads]
    own = next((name for name in optimisers if name in row.workload.split("/")), "sgd")
    return workload.endswith(f"/{own}")


FIGURES_13_TO_18: Mapping[int, Callable[[Sequence[Run], Sheet], Page]] = MappingProxyType(
    {number: partial(searched, workload) for number, workload in enumerate(WORKLOADS, start=13)}
)
