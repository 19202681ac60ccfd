"""Figure 1: steps-to-result against batch size.

Four columns: the dense network and the sparsest one, each with the line of linear scaling; all sparsities; all
sparsities normalised by their first point. One row per workload and goal.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from paper_figures.sources import FittedLaw, Run
from paper_figures.style import REFERENCE_LINE, SMALL, log2_axis, looks, note
from theory import HYPERBOLA
from verification.fit import Interval
from verification.records import Curve, CurvePoint, curve_groups
from verification.tables import estimate_text

COLUMN_WIDTH, ROW_HEIGHT, CAPTION_HEIGHT = 3.5, 3.3, 0.55
CAPTION = (
    "Points: steps-to-result $K^*$, with a bar over the interval that the evaluation grid leaves; open triangles: goal "
    "not reached within the budget, drawn at the budget.\nCurves: $K = c_1/B + c_2$, fitted by maximum likelihood to n "
    "points, [95% profile-likelihood intervals]; dotted: critical batch size $B_{crit} = c_1/c_2$. Dashed: linear "
    "scaling from the first point."
)
SYMBOLS = {"c1": "$c_1$", "c2": "$c_2$", "b_crit": "$B_{crit}$"}


@dataclass(frozen=True)
class Row:
    """The curves of one workload and goal, ascending in sparsity, and the run they are from."""

    run: Run
    title: str
    curves: tuple[Curve, ...]


def figure_01(runs: Sequence[Run]) -> Figure:
    """Draw figure 1.

    Args:
        runs: One or more runs.

    Returns:
        The figure, one row per workload and goal.
    """
    rows = [row for run in runs for row in _rows(run, named=len(runs) > 1)]
    height = ROW_HEIGHT * len(rows) + CAPTION_HEIGHT
    figure = Figure(figsize=(4 * COLUMN_WIDTH, height), layout="constrained")
    ratios = [*[ROW_HEIGHT] * len(rows), CAPTION_HEIGHT]
    *parts, foot = np.ravel(np.asarray(figure.subfigures(len(rows) + 1, 1, height_ratios=ratios)))
    for part, row in zip(parts, rows, strict=True):
        _draw_row(part, row)
    foot.text(0.01, 0.95, CAPTION, fontsize=SMALL, va="top", ha="left", linespacing=1.4)
    return figure


def _rows(run: Run, named: bool) -> list[Row]:
    """Return the rows of a run; their titles name its folder where there are several runs."""
    rows = []
    for (workload, goal), curves in curve_groups(run.records.curves).items():
        known = ", ".join(text for text in (workload, f"goal error {goal}" if goal else "") if text)
        title = f"{known} ({run.folder.name})" if named else known
        rows.append(Row(run, title, tuple(curves)))
    return rows


def _draw_row(part: SubFigure, row: Row) -> None:
    """Draw the four panels of a row."""
    part.suptitle(row.title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    dense, sparsest, every, normalised = np.ravel(np.asarray(part.subplots(1, 4)))
    colours = looks(curve.sparsity for curve in row.curves)
    first, last = row.curves[0], row.curves[-1]
    _draw_single(dense, row, first if first.sparsity == 0.0 else None, colours, "no curve at sparsity 0%")
    missing = "no curve of a sparse network"
    _draw_single(sparsest, row, last if last.sparsity > 0.0 else None, colours, missing)
    units = dict.fromkeys((curve.sparsity for curve in row.curves), 1.0)
    _draw_all(every, row, colours, units)
    every.set_title("all sparsities")
    every.legend(handles=_legend(row, colours), loc="upper right", handlelength=1.6)
    for axes in (dense, sparsest, every):
        _set_limits(axes, row, units)
    _draw_normalised(normalised, row, colours)


def _draw_single(
    axes: Axes, row: Row, curve: Curve | None, colours: Mapping[float, tuple[str, str]], missing: str
) -> None:
    """Draw one curve with its fit, its critical batch size and linear scaling."""
    axes.set_xlabel("batch size $B$")
    axes.set_ylabel("steps to result $K^*$")
    if curve is None:
        note(axes, missing)
        return
    axes.set_title(f"sparsity {curve.sparsity:g}%")
    if curve.reached_batch_sizes:
        start = curve.reached_batch_sizes[0]
        _draw_scaling(axes, start, curve.points[-1].batch_size, steps_at(curve, start))
    _draw_points(axes, curve, colours[curve.sparsity], 1.0)
    fit = row.run.fit(curve)
    if isinstance(fit, str):
        note(axes, fit)
        return
    _draw_law(axes, curve, fit, colours[curve.sparsity], 1.0)
    _draw_critical_batch_size(axes, fit, colours[curve.sparsity][0])
    axes.text(0.98, 0.98, _constants(fit), transform=axes.transAxes, fontsize=SMALL, va="top", ha="right")


def _draw_normalised(axes: Axes, row: Row, colours: Mapping[float, tuple[str, str]]) -> None:
    """Draw all curves in units of their steps at the first batch size at which all of them reached the goal."""
    common = set.intersection(*(set(curve.reached_batch_sizes) for curve in row.curves))
    if not common:
        axes.set_title("normalised by the first point")
        axes.set_axis_off()
        note(axes, "no batch size at which every curve reached its goal")
        return
    reference = min(common)
    units = {curve.sparsity: steps_at(curve, reference) for curve in row.curves}
    _draw_all(axes, row, colours, units)
    largest = max(curve.points[-1].batch_size for curve in row.curves)
    _draw_scaling(axes, reference, largest, 1.0)
    axes.set_title(f"normalised at $B$ = {reference}")
    axes.set_ylabel(f"$K^*(B)\\,/\\,K^*({reference})$")
    _set_limits(axes, row, units)


def _draw_critical_batch_size(axes: Axes, fit: FittedLaw, colour: str) -> None:
    """Draw a dotted line from the critical batch size up to the fitted curve."""
    b_crit = fit.estimates["b_crit"]
    if b_crit is not None:
        top = float(HYPERBOLA.steps(b_crit, **fit.parameters))
        axes.plot([b_crit, b_crit], [top / 2.0**40, top], ":", color=colour, label="critical batch size", zorder=1)


def _draw_all(axes: Axes, row: Row, colours: Mapping[float, tuple[str, str]], units: Mapping[float, float]) -> None:
    """Draw every curve of a row, each in its own unit of steps."""
    axes.set_xlabel("batch size $B$")
    axes.set_ylabel("steps to result $K^*$")
    for curve in row.curves:
        _draw_points(axes, curve, colours[curve.sparsity], units[curve.sparsity])
        fit = row.run.fit(curve)
        if isinstance(fit, FittedLaw):
            _draw_law(axes, curve, fit, colours[curve.sparsity], units[curve.sparsity])


def steps_at(curve: Curve, batch_size: int) -> float:
    """Return the steps-to-result of a curve at a batch size at which it reached its goal.

    Args:
        curve: Any curve.
        batch_size: One of its `reached_batch_sizes`.

    Returns:
        Steps, the geometric mean over the replicates that reached the goal.
    """
    logs = [math.log(point.upper) for point in curve.points if point.batch_size == batch_size and point.upper]
    return math.exp(sum(logs) / len(logs))


def _draw_points(axes: Axes, curve: Curve, look: tuple[str, str], unit: float) -> None:
    """Draw measured points with their intervals, and the budget where the goal was not reached."""
    colour, marker = look
    reached = [(p.batch_size, p.lower / unit, p.upper / unit) for p in curve.points if p.upper is not None]
    if reached:
        batch_size, lower, upper = (np.array(column) for column in zip(*reached, strict=True))
        axes.errorbar(
            batch_size,
            upper,
            yerr=[upper - lower, np.zeros_like(upper)],
            fmt=marker,
            color=colour,
            markeredgecolor="white",
            markeredgewidth=0.5,
            elinewidth=1.2,
            capsize=2.5,
            label=f"{curve.sparsity:g}%",
            zorder=3,
        )
    spent = [point for point in curve.points if not point.reached]
    if spent:
        sizes, budgets = [p.batch_size for p in spent], [p.lower / unit for p in spent]
        axes.plot(
            sizes, budgets, "^", color=colour, markerfacecolor="none", markersize=7, label="not reached", zorder=3
        )


def _draw_law(axes: Axes, curve: Curve, fit: FittedLaw, look: tuple[str, str], unit: float) -> None:
    """Draw the fitted law over the measured batch sizes."""
    sizes = [point.batch_size for point in curve.points]
    grid = np.geomspace(min(sizes), max(sizes), 129)
    axes.plot(grid, HYPERBOLA.steps(grid, **fit.parameters) / unit, color=look[0], label="fit", zorder=2)


def _draw_scaling(axes: Axes, first: int, last: int, steps: float) -> None:
    """Draw linear scaling, K B constant, from a point on."""
    sizes = np.array([first, last], dtype=np.float64)
    line = steps * first / sizes
    axes.plot(sizes, line, "--", color=REFERENCE_LINE, linewidth=1.2, label="linear scaling", zorder=1)


def _set_limits(axes: Axes, row: Row, units: Mapping[float, float]) -> None:
    """Give a panel log2 axes, a little wider than all the points and fitted curves of its row."""
    sizes = [point.batch_size for curve in row.curves for point in curve.points]
    steps = [_drawn_at(point) / units[curve.sparsity] for curve in row.curves for point in curve.points]
    for curve in row.curves:
        fit = row.run.fit(curve)
        if isinstance(fit, FittedLaw):
            top = HYPERBOLA.steps(curve.points[0].batch_size, **fit.parameters)
            steps.append(float(top) / units[curve.sparsity])
    log2_axis(axes.xaxis, min(sizes) / 1.3, max(sizes) * 1.3)
    log2_axis(axes.yaxis, min(steps) / 2.0, max(steps) * 2.0)


def _drawn_at(point: CurvePoint) -> float:
    """Return where a point is drawn: its steps-to-result, or the budget."""
    return point.lower if point.upper is None else point.upper


def _constants(fit: FittedLaw) -> str:
    """Return the fitted constants with intervals and the number of points."""
    lines = [
        f"{symbol} = {estimate_text(fit.estimates[name], Interval(*fit.intervals[name]))}"
        for name, symbol in SYMBOLS.items()
    ]
    return "\n".join([*lines, f"n = {fit.n}"])


def _legend(row: Row, colours: Mapping[float, tuple[str, str]]) -> list[Line2D]:
    """Return one legend entry per sparsity."""
    return [
        Line2D([], [], color=colours[c.sparsity][0], marker=colours[c.sparsity][1], label=f"{c.sparsity:g}%")
        for c in row.curves
    ]
