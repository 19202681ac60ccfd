"""Figure 2: the optimisers together, one panel per sparsity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from matplotlib.figure import SubFigure
from matplotlib.lines import Line2D

from empirics.workloads.catalogue import WORKLOADS
from paper_figures.drawing.curve_panels import draw_law, draw_points, drawn_at
from paper_figures.drawing.rows import MNIST, Row, prefer, rows_of
from paper_figures.drawing.sheet import Page, page
from paper_figures.drawing.style import OTHER_SPARSITIES, PAPER_SPARSITIES, headline, log2_axis, note, plain
from paper_figures.run import Run
from verification.fits.curves import FittedLaw
from verification.records.run_command import new_run_command

COLUMN_WIDTH, ROW_HEIGHT = 3.5, 3.3
OPTIMISERS = ("sgd", "momentum", "nesterov")
CAPTION = (
    "Points: steps-to-result $K^*$ of one study each, nothing normalised or averaged; bars: what the evaluation grid "
    "leaves; open triangles: goal not reached, at the budget. Curves: $K = c_1/B + c_2$, maximum likelihood."
)
_LOOKS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"sgd": PAPER_SPARSITIES[0.0], "momentum": PAPER_SPARSITIES[50.0], "nesterov": PAPER_SPARSITIES[90.0]}
)


@dataclass(frozen=True)
class _Together:
    """What differs in the optimiser alone."""

    data: str
    schedule: str
    goal: str
    goal_label: str
    rows: tuple[tuple[str, Row], ...]

    @property
    def title(self) -> str:
        """What it is headed."""
        return plain(", ".join(text for text in (self.data, self.schedule, self.goal_label) if text))


def figure_02(runs: Sequence[Run]) -> Page:
    """Draw figure 2.

    Args:
        runs: One or more runs; where none is on MNIST, all they hold is shown.

    Returns:
        The figure, one row per data set, network, schedule and goal, one panel per sparsity.
    """
    groups = _groups(prefer(rows_of(runs), MNIST.holds))
    missing = [line for group in groups for line in _missing(group)]
    counts = [f"n = {_points(group)} studies ({group.title})." for group in groups]
    columns = max(len(_sparsities(group)) for group in groups)
    width = max(COLUMN_WIDTH * columns, 10.5)
    figure, parts = page(width, [ROW_HEIGHT] * len(groups), [CAPTION, *counts], missing)
    for part, group in zip(parts, groups, strict=True):
        _draw_group(part, group, columns)
    return figure


def _groups(rows: Sequence[Row]) -> list[_Together]:
    """Return rows that differ in the optimiser alone, together."""
    found: dict[tuple[str, str, str, str], list[tuple[str, Row]]] = {}
    for row in rows:
        parts = row.workload.split("/")
        known = len(parts) >= 3
        data = "/".join(parts[:2]) if known else row.workload
        key = (data, "/".join(parts[3:]), row.goal, row.curves[0].goal_label)
        found.setdefault(key, []).append((parts[2] if known else "", row))
    return [_Together(*key, tuple(members)) for key, members in found.items()]


def _draw_group(part: SubFigure, group: _Together, columns: int) -> None:
    """Draw one panel per sparsity."""
    headline(part, group.title)
    panels = np.ravel(np.asarray(part.subplots(1, columns)))
    every = [drawn_at(point) for _, row in group.rows for curve in row.curves for point in curve.points]
    sizes = [point.batch_size for _, row in group.rows for curve in row.curves for point in curve.points]
    for axes in panels:
        axes.set_visible(False)
    for axes, sparsity in zip(panels, _sparsities(group), strict=False):
        axes.set_visible(True)
        axes.set_title(f"sparsity {sparsity:g}%")
        axes.set_xlabel("batch size $B$")
        axes.set_ylabel("steps to result $K^*$")
        for i, (optimiser, row) in enumerate(group.rows):
            look = _LOOKS.get(optimiser, OTHER_SPARSITIES[i % len(OTHER_SPARSITIES)])
            for curve in row.curves:
                if curve.sparsity == sparsity:
                    draw_points(axes, curve, look, 1.0)
                    fit = row.run.fit(curve)
                    if isinstance(fit, FittedLaw):
                        draw_law(axes, curve, fit, look, 1.0)
                    else:
                        note(axes, fit.reason)
        log2_axis(axes.xaxis, min(sizes) / 1.3, max(sizes) * 1.3)
        log2_axis(axes.yaxis, min(every) / 2.0, max(every) * 3.0)
    panels[0].legend(handles=_legend(group), loc="upper right")


def _legend(group: _Together) -> list[Line2D]:
    """Return one entry per optimiser."""
    handles = []
    for i, (optimiser, row) in enumerate(group.rows):
        colour, marker = _LOOKS.get(optimiser, OTHER_SPARSITIES[i % len(OTHER_SPARSITIES)])
        handles.append(Line2D([], [], color=colour, marker=marker, label=optimiser or row.title))
    return handles


def _sparsities(group: _Together) -> list[float]:
    """Return the sparsities of a group, ascending."""
    return sorted({curve.sparsity for _, row in group.rows for curve in row.curves})


def _points(group: _Together) -> int:
    """Return how many studies a group has."""
    return sum(len(curve.points) for _, row in group.rows for curve in row.curves)


def _missing(group: _Together) -> list[str]:
    """Return one line per optimiser of the paper that was not measured."""
    there = {optimiser for optimiser, _ in group.rows}
    if not there & set(OPTIMISERS):
        return []
    names = [
        "/".join(text for text in (group.data, optimiser, group.schedule) if text)
        for optimiser in OPTIMISERS
        if optimiser not in there
    ]
    beside = group.rows[0][1].run.records
    return [f"no run of {name}; {new_run_command(name, group.goal, beside)}" for name in names if name in WORKLOADS]
