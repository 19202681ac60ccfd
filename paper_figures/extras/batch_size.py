"""Which batch size to use: steps and examples against batch size, with the critical one and the zones about it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from paper_figures.drawing.curve_panels import draw_law, ends_of, law_at
from paper_figures.drawing.curve_rows import Column, draw_columns
from paper_figures.drawing.points import draw_points, points_told
from paper_figures.drawing.rows import Row
from paper_figures.drawing.sheet import SHEET, Page, Sheet
from paper_figures.drawing.style import log2_axis, mark, plain, room, small
from paper_figures.run import Run
from theory import batch_size_for_efficiency
from verification.cells import estimate_text
from verification.fits.curves import FittedLaw
from verification.fits.fit import OPEN
from verification.records.curves import Curve
from verification.report.card import Card, card_remarks, card_table
from verification.report.recommend import card_of

HEIGHT = 3.1
# Doubling the batch saves half the parallel efficiency: 40% of the steps at 0.8, 10% at 0.2.
LINEAR, WASTED = 0.8, 0.2
ZONES = (("nearly linear", "#CDE8D3"), ("knee", "#F7E6AE"), ("wasted", "#F2C9C4"))
CAPTION = (
    "Above: steps to result. Below: examples to result, B times the steps. Open triangles: at the budget where the "
    "goal was not reached. Curves: $K = c_1/B + c_2$ by maximum likelihood. Dotted and shaded: the critical batch "
    "size $B_{crit} = c_1/c_2$ with its 95% interval; an open end reaches the edge of the panel. Strip: nearly linear, "
    "where twice the batch saves 40% of the steps or more; wasted, where it saves 10% or less; the knee between. Ring: "
    "the batch size to use."
)
SHADE = 0.13
_RING: Mapping[str, Any] = {
    "marker": "o",
    "markerfacecolor": "none",
    "markeredgecolor": "#D55E00",
    "markeredgewidth": 2.0,
    "linestyle": "none",
}


def extra_batch_size(runs: Sequence[Run], sheet: Sheet = SHEET) -> Page:
    """Draw two panels per curve.

    Args:
        runs: One or more runs.
        sheet: How the figure is to stand on a page.

    Returns:
        The figure, one row per workload and goal.
    """
    return draw_columns(
        runs, sheet, lambda rows: [f"{points_told(rows)} {CAPTION}"], _told, _draw_row, HEIGHT, panels=2
    )


def _draw_row(row: Row, columns: Sequence[Column]) -> None:
    """Draw every curve of a row, on the same axes."""
    sizes = [point.batch_size for curve in row.curves for point in curve.points]
    for column in columns:
        found, fit = _card(row.run, column.curve), row.run.fit(column.curve)
        for panel, axes in enumerate(column.panels):
            unit = partial(_unit, panel)
            axes.set_xlabel("batch size $B$")
            axes.set_ylabel(("steps to result $K$", "examples to result $B K$")[panel])
            points = [point for curve in row.curves for point in curve.points]
            ends = [end * point.batch_size**panel for point in points for end in ends_of(point)]
            ends += _law_ends(row, unit)
            log2_axis(axes.xaxis, min(sizes) / 1.5, max(sizes) * 1.5)
            log2_axis(axes.yaxis, min(ends) / 1.6, max(ends) * 1.6)
            draw_points(axes, column.curve, column.look, unit)
            if isinstance(fit, FittedLaw):
                draw_law(axes, column.curve, fit, column.look, unit)
            _draw_critical(axes, found, column.look[0])
            if found.use is not None:
                height = found.use.examples if panel else found.use.steps
                axes.plot([found.use.batch_size], [height], markersize=mark(2.6), zorder=4, label="use this", **_RING)
        _draw_zones(column.panels[0], found)


def _unit(panel: int, batch_size: float) -> float:
    """Return the unit of steps in a panel: steps above, examples below."""
    return 1.0 / batch_size if panel else 1.0


def _law_ends(row: Row, unit: Callable[[float], float]) -> list[float]:
    """Return where the fitted laws of a row begin and end."""
    fits = [(curve, row.run.fit(curve)) for curve in row.curves]
    sizes = [(curve.points[at].batch_size, fit) for curve, fit in fits if isinstance(fit, FittedLaw) for at in (0, -1)]
    return [law_at(fit, size) / unit(size) for size, fit in sizes]


def _card(run: Run, curve: Curve) -> Card:
    """Return the card of a curve."""
    return card_of(run.analysis.fitted(curve), run.analysis.rejected, run.step_time)


def _draw_critical(axes: Axes, found: Card, colour: str) -> None:
    """Shade the interval of the critical batch size, and dot the estimate; nothing where it is not known."""
    if found.interval == OPEN:
        return
    left, right = axes.get_xlim()
    low = left if found.interval.low is None else found.interval.low
    high = right if found.interval.high is None else found.interval.high
    shade = axes.axvspan(max(low, left), min(high, right), color=colour, alpha=SHADE, linewidth=0.0, zorder=0)
    shade.set_label("$B_{crit}$, 95%")
    if found.b_crit is not None and left < found.b_crit < right:
        axes.axvline(found.b_crit, linestyle=":", color=colour, zorder=1, label="critical batch size")


def _draw_zones(axes: Axes, found: Card) -> None:
    """Name the zones in a strip above a panel; a zone too narrow for its name shows its colour alone."""
    if found.interval == OPEN:
        return
    left, right = np.log2(axes.get_xlim())
    if found.b_crit is None:  # all of it lies on one side of where the curve bends
        inner = [float(found.interval.high is None)] * 2
    else:
        edges = [batch_size_for_efficiency(one, found.b_crit, 1.0) for one in (LINEAR, WASTED)]
        inner = np.clip((np.log2(edges) - left) / (right - left), 0.0, 1.0).tolist()
    across, up = room(axes)
    letters, height = across * 110.0 / small(), 0.024 * small() / up
    for (name, colour), start, end in zip(ZONES, [0.0, *inner], [*inner, 1.0], strict=True):
        if end <= start:
            continue
        axes.add_patch(
            Rectangle(
                (start, 1.0), end - start, height, transform=axes.transAxes, color=colour, clip_on=False, zorder=0
            )
        )
        fitting = [word for word in (name, name.split()[-1]) if (end - start) * letters > len(word) + 1]
        if fitting:
            middle = (start + end) / 2.0
            axes.text(
                middle,
                1.0 + height / 2.0,
                fitting[0],
                transform=axes.transAxes,
                fontsize=small(),
                ha="center",
                va="center",
            )
    axes.set_title(axes.get_title(), pad=2.4 * small())


def _told(row: Row) -> str:
    """Return the answer of every curve with its caveats."""
    found = [_card(row.run, curve) for curve in row.curves]
    told = []
    for one in found:
        _, rows = card_table([one])
        use = f"use {rows[0][1]}" if rows else "no answer"
        critical = "" if one.interval == OPEN else f", $B_{{crit}}$ {estimate_text(one.b_crit, one.interval)}"
        told.append(f"sparsity {one.sparsity:g}% {use}{critical}")
    return " ".join([f"{'; '.join(told)}.", *map(plain, card_remarks(found))]).removesuffix(".")
