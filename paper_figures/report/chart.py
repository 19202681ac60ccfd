"""The curves of one workload and goal as a picture: coordinates, shapes and words, ready for a template.

Nothing is computed here but where on the page a measured or fitted value lies.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from paper_figures.drawing.curve_panels import drawn_at
from paper_figures.drawing.style import looks, power_of_two
from theory import HYPERBOLA
from verification.cells import number
from verification.fits.curves import FittedCurve, FittedLaw
from verification.records.curves import Curve, CurvePoint
from verification.report.tables import steps_text

WIDTH, HEIGHT = 640, 428
LEFT, RIGHT, TOP, BOTTOM = 86, 626, 14, 366
MOST_LABELS = 6
# Beyond e^300 steps a law is not drawn.
LARGEST_LOG = 300.0
# Matplotlib's markers as paths around the origin.
SHAPES: Mapping[str, str] = MappingProxyType(
    {
        "o": "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z",
        "s": "M-4.5 -4.5h9v9h-9z",
        "D": "M0 -6l6 6l-6 6l-6 -6z",
        "v": "M-5.8 -4.6h11.6l-5.8 10z",
        "P": "M-2 -6h4v4h4v4h-4v4h-4v-4h-4v-4h4z",
        "X": "M-5.5 -3l2.5 -2.5l3 3l3 -3l2.5 2.5l-3 3l3 3l-2.5 2.5l-3 -3l-3 3l-2.5 -2.5l3 -3z",
        "p": "M0 -6l5.7 4.1l-2.2 6.8h-7l-2.2 -6.8z",
        "h": "M0 -6l5.2 3v6l-5.2 3l-5.2 -3v-6z",
    }
)
NOT_REACHED = "M0 -6.5l6.5 11h-13z"
Cell = tuple[tuple[str, str], ...]


# What is said of the intervals of points, by what the points are.
INTERVALS: Mapping[str, str] = MappingProxyType(
    {"K*": "the interval that the goal tests leave", "K_rate": "its 95% interval"}
)


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A measured point: where it is drawn, and what it says.

    Attributes:
        x: Of its batch size, user units.
        y: Of its steps, or of the budget where the goal was not reached.
        low: y of the lower end of its interval, of K_rate or what the evaluation grid leaves.
        high: y of the upper end.
        shape: SVG path around the point.
        reached: Whether the goal was met.
        text: The measured values in words.
    """

    x: str
    y: str
    low: str
    high: str
    shape: str
    reached: bool
    text: str


@dataclass(frozen=True, kw_only=True)
class CurveDrawn:
    """A curve of the picture.

    Attributes:
        key: Names it in the page; not from the data.
        label: Its sparsity.
        colour: #rrggbb.
        shape: SVG path of its marker.
        marks: Its points.
        law: SVG path of the fitted law, empty when there is none.
        critical: SVG path from the critical batch size up to the law, empty when it is unknown or outside.
        scaling: SVG path of linear scaling from the first point that reached the goal, empty when none did.
    """

    key: str
    label: str
    colour: str
    shape: str
    marks: tuple[Mark, ...]
    law: str
    critical: str
    scaling: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A picture and the same points as a table.

    Attributes:
        key: Names it in the page; not from the data.
        title: Workload and goal.
        curves: Ascending in sparsity.
        x_ticks: (position, label) of powers of two.
        y_ticks: Likewise.
        rows: Batch size, then for each curve its points there as (steps, interval), one a replicate.
        quantity: What points are, `K*` or `K_rate`.
        intervals: What bars and intervals are.
    """

    key: str
    title: str
    curves: tuple[CurveDrawn, ...]
    x_ticks: tuple[tuple[str, str], ...]
    y_ticks: tuple[tuple[str, str], ...]
    rows: tuple[tuple[int, tuple[Cell, ...]], ...]
    quantity: str
    intervals: str


@dataclass(frozen=True)
class _Axes:
    """Log2 axes from (least batch size, least steps) to (largest, largest)."""

    x: tuple[float, float]
    y: tuple[float, float]

    def across(self, batch_size: float) -> float:
        low, high = self.x
        return LEFT + (RIGHT - LEFT) * math.log(batch_size / low) / math.log(high / low)

    def up(self, steps: float) -> float:
        low, high = self.y
        return BOTTOM - (BOTTOM - TOP) * math.log(max(steps, low) / low) / math.log(high / low)

    def path(self, points: Iterable[tuple[float, float]]) -> str:
        return "M" + "L".join(f"{self.across(x):.1f} {self.up(y):.1f}" for x, y in points)


def chart(key: str, fitted: Sequence[FittedCurve]) -> Chart:
    """Return the picture of the curves of one workload and goal.

    Args:
        key: Names it in the page.
        fitted: Ascending in sparsity, not empty.

    Returns:
        The picture.
    """
    curves, laws = [one.curve for one in fitted], [one.hyperbola for one in fitted]
    axes = _axes(curves, laws)
    chosen = looks(curve.sparsity for curve in curves)
    drawn = [
        _drawn(f"{key}-{i}", curve, law, axes, chosen[curve.sparsity])
        for i, (curve, law) in enumerate(zip(curves, laws, strict=True))
    ]
    sizes = sorted({point.batch_size for curve in curves for point in curve.points})
    rows = [(size, tuple(_cell(curve, size) for curve in curves)) for size in sizes]
    return Chart(
        key=key,
        title=title(curves[0]),
        curves=tuple(drawn),
        x_ticks=tuple((f"{axes.across(power):.1f}", power_of_two(power)) for power in powers_of_two(*axes.x)),
        y_ticks=tuple((f"{axes.up(power):.1f}", power_of_two(power)) for power in powers_of_two(*axes.y)),
        rows=tuple(rows),
        quantity=curves[0].quantity,
        intervals=INTERVALS[curves[0].quantity],
    )


def title(curve: Curve) -> str:
    """Return workload and goal of a curve as a heading.

    Example:
        >>> named = Curve(points=(), workload="digits/small-cnn/sgd", goal="0.08", sign="error <=")
        >>> title(named), title(Curve(points=()))
        ('digits/small-cnn/sgd, goal error <= 0.08', 'unnamed workload')
    """
    return curve.title or "unnamed workload"


def powers_of_two(low: float, high: float) -> list[float]:
    """Return whole powers of two from low to high, evenly thinned to few.

    Args:
        low: > 0.
        high: > low.

    Returns:
        At most `MOST_LABELS` of them.

    Example:
        >>> powers_of_two(0.8, 300.0)
        [1.0, 4.0, 16.0, 64.0, 256.0]
    """
    exponents = range(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)
    every = max(1, -(-len(exponents) // MOST_LABELS))
    return [2.0**k for k in exponents[::every]]


def _axes(curves: Sequence[Curve], laws: Sequence[FittedLaw | None]) -> _Axes:
    """Return axes a little wider than all points and fitted laws."""
    points = [point for curve in curves for point in curve.points]
    sizes = [point.batch_size for point in points]
    steps = [drawn_at(point) for point in points]
    for curve, law in zip(curves, laws, strict=True):
        if law is not None:
            steps += [value for _, value in _law_points(law, curve, 2)]
    return _Axes((min(sizes) / 1.35, max(sizes) * 1.35), (min(steps) / 1.6, max(steps) * 1.6))


def _law_points(law: FittedLaw, curve: Curve, many: int) -> list[tuple[float, float]]:
    """Return points of the fitted law over the measured batch sizes, where it is finite."""
    ends = curve.points[0].batch_size, curve.points[-1].batch_size
    sizes = np.geomspace(*ends, many) if ends[0] < ends[1] else np.array(ends[:1], dtype=np.float64)
    logs = HYPERBOLA.log_steps(np.log(sizes), law.theta)
    pairs = zip(sizes.tolist(), logs.tolist(), strict=True)
    return [(size, math.exp(log)) for size, log in pairs if abs(log) < LARGEST_LOG]


def _drawn(key: str, curve: Curve, law: FittedLaw | None, axes: _Axes, look: tuple[str, str]) -> CurveDrawn:
    """Return one curve of the picture."""
    fitted = [] if law is None else _law_points(law, curve, 65)
    return CurveDrawn(
        key=key,
        label=f"{curve.sparsity:g}%",
        colour=look[0],
        shape=SHAPES[look[1]],
        marks=tuple(_mark(curve, point, law, axes, SHAPES[look[1]]) for point in curve.points),
        law=axes.path(fitted) if len(fitted) > 1 else "",
        critical=_critical(law, axes),
        scaling=_scaling(curve, axes),
    )


def _mark(curve: Curve, point: CurvePoint, law: FittedLaw | None, axes: _Axes, shape: str) -> Mark:
    """Return one measured point of the picture."""
    return Mark(
        x=f"{axes.across(point.batch_size):.1f}",
        y=f"{axes.up(drawn_at(point)):.1f}",
        low=f"{axes.up(point.interval[0] if point.interval else point.lower):.1f}",
        high=f"{axes.up(point.interval[1] if point.interval else drawn_at(point)):.1f}",
        shape=shape if point.reached else NOT_REACHED,
        reached=point.reached,
        text=point_text(curve, point, law),
    )


def point_text(curve: Curve, point: CurvePoint, law: FittedLaw | None) -> str:
    """Return a measured point in words.

    Args:
        curve: The curve it is of.
        point: The point.
        law: The law fitted to the curve, None when there is none.

    Returns:
        One sentence.

    Example:
        >>> point = CurvePoint(64, 0, 58.0, 60.0, {"learning_rate": 0.25})
        >>> point_text(Curve(points=(point,), sparsity=90.0), point, None)
        'sparsity 90%, B = 64: K* = 60 steps, in (58, 60]; learning_rate 0.25'
    """
    several = len({one.replicate for one in curve.points}) > 1
    where = f"sparsity {curve.sparsity:g}%, B = {point.batch_size}" + (
        f", replicate {point.replicate}" if several else ""
    )
    parts = [f"{where}: {_measured(curve, point)}"]
    if law is not None:
        parts += [f"law {number(steps)}" for _, steps in _law_points(law, Curve(points=(point,)), 1)]
    parts += [f"{name} {number(value)}" for name, value in point.metaparameters.items()]
    trials = [one for one in curve.trials if (one.batch_size, one.replicate) == (point.batch_size, point.replicate)]
    if trials:
        ended = [one.status for one in trials]
        counts = ", ".join(f"{ended.count(status)} {status}" for status in dict.fromkeys(sorted(ended)))
        parts.append(f"{len(trials)} trials: {counts}")
    return "; ".join(parts)


def _measured(curve: Curve, point: CurvePoint) -> str:
    """Return the steps of a point with the interval they lie in."""
    if point.upper is None:
        return f"goal not reached in {point.lower:g} steps"
    known = _known(point)
    return f"{curve.quantity} = {steps_text(point)} steps, {known if known == 'exact' else f'in {known}'}"


def _known(point: CurvePoint) -> str:
    """Return the interval that the steps of a point lie in."""
    if point.interval is not None:
        return "[{:.0f}, {:.0f}]".format(*point.interval)
    return "exact" if point.lower == point.upper else f"({point.lower:g}, {point.upper:g}]"


def _cell(curve: Curve, batch_size: int) -> Cell:
    """Return the table's texts for one curve at one batch size."""
    return tuple(
        (steps_text(point), "not reached" if point.upper is None else _known(point))
        for point in curve.points
        if point.batch_size == batch_size
    )


def _critical(law: FittedLaw | None, axes: _Axes) -> str:
    """Return the path from the critical batch size up to the law."""
    size = None if law is None else law.estimates["b_crit"]
    if law is None or size is None or not axes.x[0] < size < axes.x[1]:
        return ""
    steps = math.exp(min(LARGEST_LOG, float(HYPERBOLA.log_steps([math.log(size)], law.theta)[0])))
    return axes.path([(size, axes.y[0]), (size, steps)]) if axes.y[0] < steps < axes.y[1] else ""


def _scaling(curve: Curve, axes: _Axes) -> str:
    """Return the path of linear scaling, K B constant, down to the edge of the picture."""
    first = next((point for point in curve.points if point.upper is not None), None)
    if first is None or first.upper is None:
        return ""
    product = first.upper * first.batch_size
    last = min(axes.x[1], product / axes.y[0])
    return axes.path([(first.batch_size, first.upper), (last, product / last)])
