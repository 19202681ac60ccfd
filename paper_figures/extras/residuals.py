"""Residuals of each rival law against batch size, one panel per law."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from paper_figures.drawing.rows import Row, rows_of
from paper_figures.drawing.sheet import SHEET, Block, Page, Sheet, page
from paper_figures.drawing.style import REFERENCE_LINE, blank, log2_axis, looks
from paper_figures.run import Run
from verification.fits.curves import CANDIDATES
from verification.missing import Missing, each_once

PANEL_WIDTH, ROW_HEIGHT = 2.2, 2.9
NAMES = {law.id: law.name for law in CANDIDATES.values()}
# A factor of four: what lies beyond stands as an arrow at the edge.
FARTHEST = 4.0
CAPTION = (
    "Measured steps over the law's, 1 where the law lies inside the interval that the evaluation grid leaves; arrows "
    "at the edge: farther off than a factor of 4, or no finite K. Each law is fitted to each curve. "
    "w: AICc weights among the laws, by sparsity."
)


def extra_residuals(runs: Sequence[Run], sheet: Sheet = SHEET) -> Page:
    """Draw one panel per law.

    Args:
        runs: One or more runs with verdicts.
        sheet: How the figure is to stand on a page.

    Returns:
        The figure, one row per workload and goal.
    """
    every = rows_of(runs)
    reasons = [[fit for curve in row.curves if isinstance(fit := row.run.fit(curve), Missing)] for row in every]
    rows = [row for row, without in zip(every, reasons, strict=True) if len(without) < len(row.curves)]
    missing = [
        f"{row.title}: {each_once(without, 'no fit')}"
        for row, without in zip(every, reasons, strict=True)
        if row not in rows
    ]
    lines = [CAPTION, *(f"{row.title}: {_counts(row)}." for row in rows)]
    blocks = [Block(row.title, len(NAMES)) for row in rows]
    figure, parts = page(sheet, (PANEL_WIDTH, ROW_HEIGHT), blocks, lines, missing)
    for part, row in zip(parts, rows, strict=True):
        for axes, law in zip(part.panels, NAMES, strict=True):
            axes.set_ylabel("measured over law")
            _draw(axes, row, law)
        part.label_outer()
        part.key()
    return figure


def _draw(axes: Axes, row: Row, law: str) -> None:
    """Draw the residuals of one law."""
    sizes = [point.batch_size for curve in row.curves for point in curve.points]
    log2_axis(axes.xaxis, min(sizes) / 1.5, max(sizes) * 1.5, 5)
    log2_axis(axes.yaxis, 1.0 / FARTHEST / 1.15, FARTHEST * 1.15)
    axes.axhline(1.0, color=REFERENCE_LINE, linestyle="--", zorder=1, label="on the law")
    axes.set_xlabel("batch size $B$")
    colours = looks(curve.sparsity for curve in row.curves)
    weights, drawn = [], False
    for curve in row.curves:
        fit = row.run.analysis.fitted(curve).laws.get(law)
        if fit is None:
            continue
        colour, marker = colours[curve.sparsity]
        pairs = list(zip([p.batch_size for p in curve.points], fit.fit.residuals, strict=True))
        near = [(x, np.exp(r)) for x, r in pairs if abs(r) <= np.log(FARTHEST)]
        if near:
            axes.plot(*zip(*near, strict=True), marker, color=colour, label=f"{curve.sparsity:g}%")
        for x, r in pairs:
            if abs(r) > np.log(FARTHEST):
                edge, arrow = (FARTHEST, r"$\uparrow$") if r > 0.0 else (1.0 / FARTHEST, r"$\downarrow$")
                axes.plot([x], [edge], marker=arrow, color=colour, markersize=8, linestyle="none", label="farther off")
        weights.append("-" if fit.weight is None else f"{fit.weight:.2f}")
        drawn = True
    axes.set_title(f"{law}: {NAMES[law]}\nw = {', '.join(weights) or '-'}", fontsize="small")
    if not drawn:
        blank(axes, "not fitted: too few points")


def _counts(row: Row) -> str:
    """Return how many points each curve has, or why there are no fits."""
    told = []
    for curve in row.curves:
        fit = row.run.fit(curve)
        told.append(f"{curve.sparsity:g}% {'no fit' if isinstance(fit, Missing) else f'n = {curve.reached}'}")
    return ", ".join(told)
