"""Steps-to-result against batch size, the columns of figures 1 and 7 to 11.

Four columns: the dense network and the sparsest one, each with the line of linear scaling; all sparsities; all
sparsities normalised by their first point. One row per workload and goal.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure

from paper_figures.drawing.rows import Row
from paper_figures.drawing.sheet import Page, page
from paper_figures.drawing.style import REFERENCE_LINE, SMALL, headline, log2_axis, looks, note, sparsity_legend
from theory import HYPERBOLA
from verification.fits.curves import FittedLaw
from verification.missing import Missing
from verification.records.records import Curve, CurvePoint
from verification.report.tables import estimate_text

COLUMN_WIDTH, ROW_HEIGHT = 3.5, 3.3
CAPTION = (
    "Points: steps-to-result $K^*$, with a bar over the interval that the evaluation grid leaves; open triangles: goal "
    "not reached within the budget, drawn at the budget. Curves: $K = c_1/B + c_2$, fitted by maximum likelihood to n "
    "points, [95% profile-likelihood intervals]; dotted: critical batch size $B_{crit} = c_1/c_2$. Dashed: linear "
    "scaling from the first point."
)
SYMBOLS = {"c1": "$c_1$", "c2": "$c_2$", "b_crit": "$B_{crit}$"}


# What points are, as axes name it.
STEPS = {"K*": "$K^*$", "K_rate": "$K_{rate}$"}


def curve_columns(rows: Sequence[Row], missing: Sequence[str] = ()) -> Page:
    """Draw rows of curves.

    Args:
        rows: One per workload and goal.
        missing: What was not measured, and what measures it.

    Returns:
        The figure.
    """
    lines = [CAPTION, *filter(None, map(of_draws, rows))]
    figure, parts = page(4 * COLUMN_WIDTH, [ROW_HEIGHT] * len(rows), lines, missing)
    for part, row in zip(parts, rows, strict=True):
        _draw_row(part, row)
    return figure


def of_draws(row: Row) -> str:
    """Return that the points of a row are not K*, where they are K_rate; empty where they are.

    Args:
        row: Whose points.
    """
    draws = max(curve.draws for curve in row.curves)
    told = f"$K_{{rate}}$, the median over {draws} draws at the best rate, with its 95% interval"
    return f"{row.title}: points are {told}." if draws > 1 else ""


def _draw_row(part: SubFigure, row: Row) -> None:
    """Draw the four panels of a row."""
    headline(part, row.title)
    dense, sparsest, every, normalised = np.ravel(np.asarray(part.subplots(1, 4)))
    colours = looks(curve.sparsity for curve in row.curves)
    first, last = row.curves[0], row.curves[-1]
    _draw_single(dense, row, first if first.sparsity == 0.0 else None, colours, "no curve at sparsity 0%")
    missing = "no curve of a sparse network"
    _draw_single(sparsest, row, last if last.sparsity > 0.0 else None, colours, missing)
    units = dict.fromkeys((curve.sparsity for curve in row.curves), 1.0)
    _draw_all(every, row, colours, units)
    every.set_title("all sparsities")
    every.legend(handles=sparsity_legend(colours), loc="upper right", handlelength=1.6)
    for axes in (dense, sparsest, every):
        _set_limits(axes, row, units)
    _draw_normalised(normalised, row, colours)


def _draw_single(
    axes: Axes, row: Row, curve: Curve | None, colours: Mapping[float, tuple[str, str]], missing: str
) -> None:
    """Draw one curve with its fit, its critical batch size and linear scaling."""
    axes.set_xlabel("batch size $B$")
    axes.set_ylabel(f"steps to result {STEPS[row.curves[0].quantity]}")
    if curve is None:
        note(axes, missing)
        return
    axes.set_title(f"sparsity {curve.sparsity:g}%")
    if curve.reached_batch_sizes:
        start = curve.reached_batch_sizes[0]
        _draw_scaling(axes, start, curve.points[-1].batch_size, steps_at(curve, start))
    draw_points(axes, curve, colours[curve.sparsity], 1.0)
    fit = row.run.fit(curve)
    if isinstance(fit, Missing):
        note(axes, fit.reason)
        return
    draw_law(axes, curve, fit, colours[curve.sparsity], 1.0)
    draw_critical_batch_size(axes, fit, colours[curve.sparsity][0])
    axes.text(0.98, 0.98, _constants(curve, fit), transform=axes.transAxes, fontsize=SMALL, va="top", ha="right")


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
    steps = STEPS[row.curves[0].quantity].strip("$")
    axes.set_ylabel(f"${steps}(B)\\,/\\,{steps}({reference})$")
    _set_limits(axes, row, units)


def draw_critical_batch_size(axes: Axes, fit: FittedLaw, colour: str) -> None:
    """Draw a dotted line from the critical batch size up to the fitted curve.

    Args:
        axes: The panel.
        fit: The law.
        colour: Of the line.
    """
    b_crit = fit.estimates["b_crit"]
    if b_crit is not None:
        top = float(HYPERBOLA.steps(b_crit, **fit.parameters))
        axes.plot([b_crit, b_crit], [top / 2.0**40, top], ":", color=colour, label="critical batch size", zorder=1)


def _draw_all(axes: Axes, row: Row, colours: Mapping[float, tuple[str, str]], units: Mapping[float, float]) -> None:
    """Draw every curve of a row, each in its own unit of steps."""
    axes.set_xlabel("batch size $B$")
    axes.set_ylabel(f"steps to result {STEPS[row.curves[0].quantity]}")
    for curve in row.curves:
        draw_points(axes, curve, colours[curve.sparsity], units[curve.sparsity])
        fit = row.run.fit(curve)
        if isinstance(fit, FittedLaw):
            draw_law(axes, curve, fit, colours[curve.sparsity], units[curve.sparsity])


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


def draw_points(axes: Axes, curve: Curve, look: tuple[str, str], unit: float) -> None:
    """Draw measured points with their intervals, and the budget where the goal was not reached.

    Bars are the interval of K_rate, or what the evaluation grid leaves.

    Args:
        axes: The panel.
        curve: Whose points.
        look: Colour and marker.
        unit: Of the steps.
    """
    colour, marker = look
    reached = [
        (p.batch_size, *(steps / unit for steps in (p.upper, *(p.interval or (p.lower, p.upper)))))
        for p in curve.points
        if p.upper is not None
    ]
    if reached:
        batch_size, steps, low, high = (np.array(column) for column in zip(*reached, strict=True))
        axes.errorbar(
            batch_size,
            steps,
            yerr=[steps - low, high - steps],
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


def draw_law(axes: Axes, curve: Curve, fit: FittedLaw, look: tuple[str, str], unit: float) -> None:
    """Draw the fitted law over the measured batch sizes.

    Args:
        axes: The panel.
        curve: What it was fitted to.
        fit: The law.
        look: Colour and marker.
        unit: Of the steps.
    """
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
    steps = [drawn_at(point) / units[curve.sparsity] for curve in row.curves for point in curve.points]
    for curve in row.curves:
        fit = row.run.fit(curve)
        if isinstance(fit, FittedLaw):
            top = HYPERBOLA.steps(curve.points[0].batch_size, **fit.parameters)
            steps.append(float(top) / units[curve.sparsity])
    log2_axis(axes.xaxis, min(sizes) / 1.3, max(sizes) * 1.3)
    log2_axis(axes.yaxis, min(steps) / 2.0, max(steps) * 2.0)


def drawn_at(point: CurvePoint) -> float:
    """Return where a point is drawn.

    Args:
        point: Any.

    Returns:
        Its steps-to-result, or the budget.
    """
    return point.lower if point.upper is None else point.upper


def _constants(curve: Curve, fit: FittedLaw) -> str:
    """Return the fitted constants with intervals and the number of points."""
    lines = [
        f"{symbol} = {estimate_text(fit.estimates[name], fit.intervals[name])}" for name, symbol in SYMBOLS.items()
    ]
    return "\n".join([*lines, f"n = {curve.reached}"])
