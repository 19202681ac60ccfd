"""Which batch size to use: steps and examples against batch size, with the critical one and the zones about it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from paper_figures.drawing.curve_panels import draw_points
from paper_figures.drawing.curve_rows import Column, draw_columns
from paper_figures.drawing.rows import Row
from paper_figures.drawing.sheet import Page
from paper_figures.drawing.style import SMALL, log2_axis, plain
from paper_figures.run import Run
from theory import HYPERBOLA, batch_size_for_efficiency
from verification.fits.curves import FittedLaw
from verification.fits.fit import OPEN
from verification.records.records import Curve, CurvePoint
from verification.report.card import Card, card_remarks, card_table
from verification.report.recommend import card_of
from verification.report.tables import estimate_text

ROW_HEIGHT = 6.2
# Doubling the batch saves half the parallel efficiency: 40% of the steps at 0.8, 10% at 0.2.
LINEAR, WASTED = 0.8, 0.2
ZONES = (("nearly linear", "#CDE8D3"), ("knee", "#F7E6AE"), ("wasted", "#F2C9C4"))
CAPTION = (
    "Above: steps to result K. Below: examples to result, B K. Points: measured, open triangles at the budget where "
    "the goal was not reached. Curves: $K = c_1/B + c_2$ by maximum likelihood. Dotted and shaded: the critical batch "
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
}
_INCHES_PER_LETTER = 0.075  # in SMALL, a margin included


def extra_batch_size(runs: Sequence[Run]) -> Page:
    """Draw two panels per curve.

    Args:
        runs: One or more runs.

    Returns:
        The figure, one row per workload and goal.
    """
    return draw_columns(runs, CAPTION, _told, _draw_row, ROW_HEIGHT, panels=2)


def _draw_row(row: Row, columns: Sequence[Column]) -> None:
    """Draw every curve of a row, on the same axes."""
    counted = [(curve, _in_examples(curve)) for curve in row.curves]
    sizes = [point.batch_size for curve in row.curves for point in curve.points]
    for column in columns:
        found, fit = _card(row.run, column.curve), row.run.fit(column.curve)
        for panel, axes in enumerate(column.panels):
            axes.set_xlabel("batch size $B$")
            axes.set_ylabel(("steps to result $K$", "examples to result $B K$")[panel])
            drawn = [pair[panel] for pair in counted]
            ends = [end for one in drawn for point in one.points for end in (point.lower, point.upper) if end]
            ends += _law_ends(row, examples=panel == 1)
            log2_axis(axes.xaxis, min(sizes) / 1.5, max(sizes) * 1.5)
            log2_axis(axes.yaxis, min(ends) / 1.6, max(ends) * 1.6)
            draw_points(axes, (column.curve, _in_examples(column.curve))[panel], column.look, 1.0)
            if isinstance(fit, FittedLaw):
                _draw_law(axes, column, fit, examples=panel == 1)
            _draw_critical(axes, found, column.look[0])
            if found.use is not None:
                height = found.use.examples if panel else found.use.steps
                axes.plot(found.use.batch_size, height, markersize=13, zorder=4, **_RING)
        _draw_zones(column.panels[0], found)
    figure = columns[0].panels[0].get_figure()
    if figure is not None:
        figure.legend(handles=_legend(row, columns[0].look[0]), loc="outside lower center", ncols=4)


def _law_ends(row: Row, *, examples: bool) -> list[float]:
    """Return where the fitted laws of a row begin and end."""
    fits = [(curve, row.run.fit(curve)) for curve in row.curves]
    sizes = [(curve.points[at].batch_size, fit) for curve, fit in fits if isinstance(fit, FittedLaw) for at in (0, -1)]
    return [float(HYPERBOLA.steps(b, **fit.parameters)) * (b if examples else 1) for b, fit in sizes]


def _card(run: Run, curve: Curve) -> Card:
    """Return the card of a curve."""
    return card_of(run.analysis.fitted(curve), run.analysis.rejected, run.step_time)


def _in_examples(curve: Curve) -> Curve:
    """Return a curve whose points are counted in examples."""

    def counted(point: CurvePoint) -> CurvePoint:
        b = point.batch_size
        upper = None if point.upper is None else point.upper * b
        interval = None if point.interval is None else (point.interval[0] * b, point.interval[1] * b)
        return replace(point, lower=point.lower * b, upper=upper, interval=interval)

    return replace(curve, points=tuple(map(counted, curve.points)))


def _draw_law(axes: Axes, column: Column, fit: FittedLaw, *, examples: bool) -> None:
    """Draw the fitted law in steps or in examples."""
    sizes = [point.batch_size for point in column.curve.points]
    grid = np.geomspace(min(sizes), max(sizes), 129)
    steps = HYPERBOLA.steps(grid, **fit.parameters)
    axes.plot(grid, steps * grid if examples else steps, color=column.look[0], label="fit", zorder=2)


def _draw_critical(axes: Axes, found: Card, colour: str) -> None:
    """Shade the interval of the critical batch size, and dot the estimate; nothing where it is not known."""
    if found.interval == OPEN:
        return
    left, right = axes.get_xlim()
    low = left if found.interval.low is None else found.interval.low
    high = right if found.interval.high is None else found.interval.high
    axes.axvspan(max(low, left), min(high, right), color=colour, alpha=SHADE, linewidth=0.0, zorder=0)
    if found.b_crit is not None and left < found.b_crit < right:
        axes.axvline(found.b_crit, linestyle=":", color=colour, zorder=1)


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
    figure = axes.get_figure(root=True)
    inches = 0.0 if figure is None else axes.get_position().width * figure.get_size_inches()[0]
    for (name, colour), start, end in zip(ZONES, [0.0, *inner], [*inner, 1.0], strict=True):
        if end <= start:
            continue
        axes.add_patch(
            Rectangle((start, 1.0), end - start, 0.07, transform=axes.transAxes, color=colour, clip_on=False, zorder=0)
        )
        fitting = [word for word in (name, name.split()[-1]) if (end - start) * inches > _INCHES_PER_LETTER * len(word)]
        if fitting:
            middle = (start + end) / 2.0
            axes.text(middle, 1.035, fitting[0], transform=axes.transAxes, fontsize=SMALL, ha="center", va="center")
    axes.set_title(axes.get_title(), pad=22.0)


def _legend(row: Row, colour: str) -> list[Artist]:
    """Return what the marks mean, of those that are drawn."""
    found = [_card(row.run, curve) for curve in row.curves]
    law = any(isinstance(row.run.fit(curve), FittedLaw) for curve in row.curves)
    marks: dict[str, tuple[bool, Artist]] = {
        "fitted law": (law, Line2D([], [], color=colour)),
        "$B_{crit}$": (any(one.b_crit for one in found), Line2D([], [], color=colour, linestyle=":")),
        "its 95% interval": (any(one.interval != OPEN for one in found), Patch(color=colour, alpha=SHADE, linewidth=0)),
        "use this": (
            any(one.use for one in found),
            Line2D([], [], linestyle="", markersize=9, **_RING),
        ),
    }
    for label, (_, handle) in marks.items():
        handle.set_label(label)
    return [handle for shown, handle in marks.values() if shown]


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
