"""Steps-to-result against batch size, the columns of figures 1 and 7 to 11.

Up to four columns: the dense network and the sparsest one, each with the line of linear scaling; all sparsities; all
sparsities normalised by their fitted laws at one batch size. One row per workload and goal.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes

from paper_figures.drawing.pairs import QUANTITIES
from paper_figures.drawing.points import STEPS, draw_points, interval_of, points_told
from paper_figures.drawing.rows import Row
from paper_figures.drawing.sheet import Block, Page, Part, Sheet, page
from paper_figures.drawing.style import REFERENCE_LINE, blank, log2_axis, looks, plain
from theory import HYPERBOLA
from verification.cells import estimate_text
from verification.fits.curves import FittedLaw
from verification.missing import Missing
from verification.records.curves import Curve, CurvePoint

COLUMN_WIDTH, ROW_HEIGHT = 3.5, 3.0
CAPTION = (
    "Open triangles: goal not reached within the budget, drawn at the budget. Curves: $K = c_1/B + c_2$, fitted by "
    "maximum likelihood to n points, [95% profile-likelihood intervals]; dotted: critical batch size "
    "$B_{crit} = c_1/c_2$. Dashed: linear scaling from the law's steps at the smallest batch size. Normalised: "
    "over the steps of each curve's own law at one batch size."
)


def curve_columns(rows: Sequence[Row], sheet: Sheet, missing: Sequence[str] = ()) -> Page:
    """Draw rows of curves.

    Args:
        rows: One per workload and goal.
        sheet: How the figure is to stand on a page.
        missing: What was not measured, and what measures it.

    Returns:
        The figure.
    """
    told = [f"{points_told(rows)} {CAPTION}", *map(laws_told, rows)]
    blocks = [Block(row.title, len(_columns(row))) for row in rows]
    figure, parts = page(sheet, (COLUMN_WIDTH, ROW_HEIGHT), blocks, told, missing)
    for part, row in zip(parts, rows, strict=True):
        _draw_row(part, row)
    return figure


def laws_told(row: Row) -> str:
    """Return the fitted constants of every curve of a row with their intervals, for a caption.

    Args:
        row: Any.
    """
    return f"{row.title}: {'; '.join(_law_told(row, curve) for curve in row.curves)}."


def _law_told(row: Row, curve: Curve) -> str:
    """Return the constants of one curve, or why it has none."""
    fit = row.run.fit(curve)
    if isinstance(fit, Missing):
        return f"{curve.sparsity:g}% {plain(fit.reason)}"
    known = [f"{name} = {estimate_text(fit.estimates[key], fit.intervals[key])}" for key, name in QUANTITIES.items()]
    return f"{curve.sparsity:g}% (n = {curve.reached}) {', '.join(known)}"


def _columns(row: Row) -> list[str]:
    """Return what the panels of a row show, as far as it has the curves for them."""
    dense, sparse = row.curves[0].sparsity == 0.0, row.curves[-1].sparsity > 0.0
    together = ["all sparsities", "normalised"] if len(row.curves) > 1 else []
    return [*(["dense"] if dense else []), *(["sparsest"] if sparse else []), *together]


def _draw_row(part: Part, row: Row) -> None:
    """Draw the panels of a row; those of steps share their axes."""
    colours = looks(curve.sparsity for curve in row.curves)
    units = dict.fromkeys(colours, 1.0)
    for place, (axes, shown) in enumerate(zip(part.panels, _columns(row), strict=True)):
        axes.set_xlabel("batch size $B$" if place + part.across >= len(part.panels) else "")
        if shown == "normalised":
            _draw_normalised(axes, row, colours)
            continue
        if shown == "all sparsities":
            axes.set_title(shown)
            _draw_all(axes, row, row.curves, colours, units)
        else:
            _draw_single(axes, row, row.curves[0 if shown == "dense" else -1], colours)
        _set_limits(axes, row, row.curves, units)
        if place % part.across:
            axes.tick_params(labelleft=False)
        else:
            axes.set_ylabel(f"steps to result {STEPS[row.curves[0].quantity]}")
    part.key()


def _draw_single(axes: Axes, row: Row, curve: Curve, colours: Mapping[float, tuple[str, str]]) -> None:
    """Draw one curve with its fit, its critical batch size and linear scaling."""
    axes.set_title(f"sparsity {curve.sparsity:g}%")
    fit = row.run.fit(curve)
    if curve.reached_batch_sizes:
        start = curve.reached_batch_sizes[0]
        steps = steps_at(curve, start) if isinstance(fit, Missing) else law_at(fit, start)
        _draw_scaling(axes, start, curve.points[-1].batch_size, steps)
    draw_points(axes, curve, colours[curve.sparsity])
    if isinstance(fit, FittedLaw):
        draw_law(axes, curve, fit, colours[curve.sparsity])
        draw_critical_batch_size(axes, fit, colours[curve.sparsity][0])


def _draw_normalised(axes: Axes, row: Row, colours: Mapping[float, tuple[str, str]]) -> None:
    """Draw all curves with a law in units of the law's steps at the smallest batch size that all were measured at."""
    fits = {curve: fit for curve in row.curves if isinstance(fit := row.run.fit(curve), FittedLaw)}
    common = set.intersection(*({p.batch_size for p in curve.points} for curve in fits)) if fits else set()
    if not common:
        axes.set_title("normalised")
        blank(axes, "no batch size at which every curve with a law was measured" if fits else "no curve has a law")
        return
    reference = min(common)
    units = {curve.sparsity: law_at(fit, reference) for curve, fit in fits.items()}
    _draw_all(axes, row, list(fits), colours, units)
    largest = max(curve.points[-1].batch_size for curve in fits)
    _draw_scaling(axes, reference, largest, 1.0)
    axes.set_title("normalised")
    steps = STEPS[row.curves[0].quantity].strip("$")
    axes.set_ylabel(f"${steps}(B)\\,/\\,K_{{law}}({reference})$")
    _set_limits(axes, row, list(fits), units)


def draw_critical_batch_size(axes: Axes, fit: FittedLaw, colour: str) -> None:
    """Draw a dotted line from the critical batch size up to the fitted curve.

    Args:
        axes: The panel.
        fit: The law.
        colour: Of the line.
    """
    b_crit = fit.estimates["b_crit"]
    if b_crit is not None:
        top = law_at(fit, b_crit)
        axes.plot([b_crit, b_crit], [top / 2.0**40, top], ":", color=colour, label="critical batch size", zorder=1)


def _draw_all(
    axes: Axes,
    row: Row,
    curves: Sequence[Curve],
    colours: Mapping[float, tuple[str, str]],
    units: Mapping[float, float],
) -> None:
    """Draw curves of a row, each in its own unit of steps."""
    for curve in curves:
        unit = partial(_constant, units[curve.sparsity])
        draw_points(axes, curve, colours[curve.sparsity], unit)
        fit = row.run.fit(curve)
        if isinstance(fit, FittedLaw):
            draw_law(axes, curve, fit, colours[curve.sparsity], unit)


def _constant(unit: float, _: float) -> float:
    """Return one unit at every batch size."""
    return unit


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


def law_at(fit: FittedLaw, batch_size: float) -> float:
    """Return the steps of a fitted law at a batch size."""
    return float(HYPERBOLA.steps(batch_size, **fit.parameters))


def draw_law(
    axes: Axes, curve: Curve, fit: FittedLaw, look: tuple[str, str], unit: Callable[[float], float] = lambda _: 1.0
) -> None:
    """Draw the fitted law over the measured batch sizes.

    Args:
        axes: The panel.
        curve: What it was fitted to.
        fit: The law.
        look: Colour and marker.
        unit: Of the steps, at a batch size.
    """
    sizes = [point.batch_size for point in curve.points]
    grid = np.geomspace(min(sizes), max(sizes), 129)
    units = np.array([unit(size) for size in grid.tolist()])
    axes.plot(grid, HYPERBOLA.steps(grid, **fit.parameters) / units, color=look[0], label="fit", zorder=2)


def _draw_scaling(axes: Axes, first: int, last: int, steps: float) -> None:
    """Draw linear scaling, K B constant, from a point on."""
    sizes = np.array([first, last], dtype=np.float64)
    line = steps * first / sizes
    axes.plot(sizes, line, "--", color=REFERENCE_LINE, label="linear scaling", zorder=1)


def _set_limits(axes: Axes, row: Row, curves: Sequence[Curve], units: Mapping[float, float]) -> None:
    """Give a panel log2 axes, a little wider than all points, bars and fitted curves that it is to hold."""
    sizes = [point.batch_size for curve in curves for point in curve.points]
    steps = [end / units[curve.sparsity] for curve in curves for point in curve.points for end in ends_of(point)]
    for curve in curves:
        fit = row.run.fit(curve)
        if isinstance(fit, FittedLaw):
            steps.append(law_at(fit, curve.points[0].batch_size) / units[curve.sparsity])
    log2_axis(axes.xaxis, min(sizes) / 1.3, max(sizes) * 1.3)
    log2_axis(axes.yaxis, min(steps) / 1.6, max(steps) * 1.6)


def drawn_at(point: CurvePoint) -> float:
    """Return where a point is drawn.

    Args:
        point: Any.

    Returns:
        Its steps-to-result, or the budget.
    """
    return point.lower if point.upper is None else point.upper


def ends_of(point: CurvePoint) -> list[float]:
    """Return where a point is drawn and the ends of its bar, those on a log axis."""
    return [end for end in (drawn_at(point), *(interval_of(point) if point.reached else ())) if end > 0.0]
