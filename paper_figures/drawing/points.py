"""What measured points are, in words and as marks."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes

from paper_figures.drawing.rows import Row
from paper_figures.drawing.style import mark
from verification.records.records import Curve, CurvePoint

# What points are, as axes name it.
STEPS: Mapping[str, str] = MappingProxyType({"K*": "$K^*$", "K_rate": "$K_{rate}$"})


def symbol(rows: Sequence[Row]) -> str:
    """Return what the points of some rows are, as axes name it; K where they differ.

    Args:
        rows: At least one.
    """
    found = {curve.quantity for row in rows for curve in row.curves}
    return STEPS[found.pop()] if len(found) == 1 else "$K$"


def ratio_symbol(rows: Sequence[Row]) -> str:
    """Return what steps of sparse networks over the dense one's are called."""
    steps = symbol(rows).strip("$")
    base = steps if "^" not in steps and "_" not in steps else f"{{{steps}}}"
    return f"${base}(sparse)\\,/\\,{base}(dense)$"


def points_told(rows: Sequence[Row]) -> str:
    """Return what the points of some rows are and what their bars reach over, for a caption.

    Args:
        rows: Any.
    """
    told: dict[str, list[str]] = {}
    for row in rows:
        told.setdefault(_told(row), []).append(row.title)
    if len(told) < 2:
        return f"Points: {''.join(told)}."
    several = (f"{what} ({', '.join(titles)})" for what, titles in told.items())
    return f"Points: {'; '.join(several)}."


def _told(row: Row) -> str:
    """Return what the points of one row are."""
    draws = max(curve.draws for curve in row.curves)
    if draws > 1:
        return f"$K_{{rate}}$, the median over {draws} draws at the best rate, with its 95% interval"
    return "steps-to-result $K^*$, with a bar over the interval that the evaluation grid leaves"


def interval_of(point: CurvePoint) -> tuple[float, float]:
    """Return what the bar of a point that reached its goal reaches over: the interval of K_rate, or the grid's."""
    return point.interval or (point.lower, point.upper or point.lower)


def draw_points(
    axes: Axes,
    curve: Curve,
    look: tuple[str, str],
    unit: Callable[[int], float] = lambda _: 1.0,
    label: str = "",
) -> None:
    """Draw measured points with their intervals, and the budget where the goal was not reached.

    Args:
        axes: The panel.
        curve: Whose points.
        look: Colour and marker.
        unit: Of the steps, at a batch size.
        label: For the key; its sparsity where it is empty.
    """
    reached = [(p.batch_size, p.upper, *interval_of(p)) for p in curve.points if p.upper is not None]
    if reached:
        drawn = [(x, y / unit(x), low / unit(x), high / unit(x)) for x, y, low, high in reached]
        draw_bars(axes, drawn, look, label or f"{curve.sparsity:g}%")
    spent = [(p.batch_size, p.lower / unit(p.batch_size)) for p in curve.points if not p.reached]
    if spent:
        x, y = zip(*spent, strict=True)
        axes.plot(x, y, "^", color=look[0], markerfacecolor="none", markersize=mark(1.4), label="not reached", zorder=3)


def draw_bars(
    axes: Axes, points: Sequence[tuple[float, float, float, float]], look: tuple[str, str], label: str
) -> None:
    """Draw points with bars that stick out of their marks, however short they are; an exact point has none.

    Args:
        axes: The panel.
        points: x, y, and the ends of the bar.
        look: Colour and marker.
        label: For the key.
    """
    x, y, low, high = (np.array(column, dtype=np.float64) for column in zip(*points, strict=True))
    down, up = y - low, high - y
    exact = (down == 0.0) & (up == 0.0)
    width = 0.7 * float(mpl.rcParams["lines.linewidth"])
    axes.errorbar(
        x,
        y,
        yerr=np.where(exact, np.nan, [down, up]),
        fmt=look[1],
        color=look[0],
        markeredgecolor="white",
        markeredgewidth=0.6,
        elinewidth=width,
        capsize=mark(0.7),
        barsabove=True,
        label=label,
        zorder=3,
    )
