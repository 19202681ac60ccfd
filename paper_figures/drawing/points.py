"""What measured points are, in words and as marks."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes

from paper_figures.drawing.rows import Row
from paper_figures.drawing.style import mark
from verification.records.curves import Curve, CurvePoint

# What points are, as axes name it.
STEPS: Mapping[str, str] = MappingProxyType({"K*": "$K^*$", "K_rate": "$K_{rate}$"})
# Bars of more replicates than these would hide each other and the curve.
MOST_BARS = 3
_SPREAD = 0.4  # octaves of batch size over which more replicates stand side by side


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
    return f"${steps}(\\mathrm{{sparse}})\\,/\\,{steps}(\\mathrm{{dense}})$"


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
    what = "steps-to-result $K^*$" if draws == 1 else f"$K_{{rate}}$, the median over {draws} draws at the best rate"
    if any(map(is_crowded, row.curves)):
        return f"{what}; replicates stand side by side, without their intervals"
    bars = "its 95% interval" if draws > 1 else "a bar over the interval that the evaluation grid leaves"
    return f"{what}, with {bars}"


def is_crowded(curve: Curve) -> bool:
    """Return whether a curve has too many replicates for bars."""
    return max(Counter(point.batch_size for point in curve.points).values(), default=0) > MOST_BARS


def _beside(points: Sequence[tuple[float, float, float, float]]) -> list[tuple[float, float, float, float]]:
    """Return points without bars, those of one batch size side by side."""
    count, seen = Counter(x for x, *_ in points), Counter[float]()
    moved = []
    for x, y, *_ in points:
        share = seen[x] / max(count[x] - 1, 1) - 0.5
        seen[x] += 1
        moved.append((x * 2.0 ** (_SPREAD * share), y, y, y))
    return moved


def interval_of(point: CurvePoint) -> tuple[float, float]:
    """Return what the bar of a point that reached its goal reaches over: the interval of K_rate, or the grid's."""
    return point.interval or (point.lower, point.upper or point.lower)


def draw_points(
    axes: Axes,
    curve: Curve,
    look: tuple[str, str],
    unit: Callable[[float], float] = lambda _: 1.0,
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
        crowded = is_crowded(curve)
        draw_bars(axes, _beside(drawn) if crowded else drawn, look, label or f"{curve.sparsity:g}%", small=crowded)
    spent = [(p.batch_size, p.lower / unit(p.batch_size)) for p in curve.points if not p.reached]
    if spent:
        x, y = zip(*spent, strict=True)
        axes.plot(x, y, "^", color=look[0], markerfacecolor="none", markersize=mark(1.4), label="not reached", zorder=3)


def draw_bars(
    axes: Axes,
    points: Sequence[tuple[float, float, float, float]],
    look: tuple[str, str],
    label: str,
    *,
    small: bool = False,
) -> None:
    """Draw points with bars that stick out of their marks, however short they are; an exact point has none.

    Args:
        axes: The panel.
        points: x, y, and the ends of the bar.
        look: Colour and marker.
        label: For the key.
        small: Whether marks are small.
    """
    x, y, low, high = (np.array(column, dtype=np.float64) for column in zip(*points, strict=True))
    exact = np.isclose(low, high, rtol=1e-9, atol=0.0)  # of a ratio the ends may round to either side
    down, up = (np.where(exact, 0.0, bar) for bar in (y - low, high - y))
    width = 0.7 * float(mpl.rcParams["lines.linewidth"])
    drawn = axes.errorbar(
        x,
        y,
        yerr=np.where(exact, np.nan, [down, up]),
        fmt=look[1],
        color=look[0],
        markeredgecolor="white",
        markeredgewidth=mark(0.07),
        elinewidth=width,
        capsize=mark(0.7),
        barsabove=True,
        label=label,
        markersize=mark(0.7 if small else 1.0),
        zorder=3,
    )
    for cap in drawn.lines[1]:
        cap.set_markeredgewidth(width)
