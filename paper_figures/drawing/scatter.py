"""One study's trials over its metaparameters: how each ended, and which was best."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from empirics.records import Status
from paper_figures.drawing.rows import Row, without_losers
from paper_figures.drawing.sheet import Block, Page, Part, Sheet, page
from paper_figures.drawing.style import decade_axis, log2_axis, mark
from verification.inference.rates import why_no_losers
from verification.records.curves import Curve, CurvePoint
from verification.records.trials import Trial

Place = Callable[[Trial | CurvePoint], tuple[float, float] | None]

# Blue, grey, vermilion: apart for every kind of vision, and so are the shapes.
LOOKS: Mapping[Status, tuple[str, str, str]] = MappingProxyType(
    {
        "complete": ("o", "#0C7BDC", "complete"),
        "incomplete": ("^", "#7F7F7F", "incomplete (budget spent)"),
        "infeasible": ("x", "#D55E00", "infeasible (diverged)"),
        "censored": (".", "#A0A0A0", "cut short when the study was over"),
    }
)
STAR: Mapping[str, Any] = MappingProxyType(
    {"marker": "*", "color": "#FFC20A", "markeredgecolor": "black", "markeredgewidth": 0.7, "linestyle": "none"}
)
PANEL, LEAST = 2.1, 0.95  # inches
STATUSES = (
    "Circles: goal reached; triangles: budget spent; crosses: diverged; dots: cut short when the study was over, at "
    "the last step seen; star: the winner, $K^*$."
)


# What shows how draws spread, by what trials are drawn against.
SPREAD: Mapping[str, str] = MappingProxyType(
    {
        "steps": "bars reach from the first draw at its goal to the last, dotted on where some missed it",
        "momentum": "a ring is around points of which some draws reached the goal and others did not",
    }
)


@dataclass(frozen=True)
class Study:
    """The trials of one curve at one batch size, all replicates."""

    curve: Curve
    batch_size: int
    trials: tuple[Trial, ...]

    @property
    def best(self) -> list[CurvePoint]:
        """The winner of each replicate, known also where the trials are not."""
        return [p for p in self.curve.points if p.batch_size == self.batch_size and p.won and p.metaparameters]

    @property
    def cut_short(self) -> int:
        """How many trials were."""
        return sum(trial.status == "censored" for trial in self.trials)


@dataclass(frozen=True)
class Searched:
    """The panels of one row: sparsities down, batch sizes across."""

    row: Row
    sparsities: tuple[float, ...]
    batch_sizes: tuple[int, ...]
    against: str
    measured: int

    @classmethod
    def of(
        cls,
        row: Row,
        batch_sizes: Callable[[Sequence[int]], list[int]],
        sparsities: Sequence[float] | None,
        against: str | None,
    ) -> "Searched":
        """Return what is shown of a row."""
        there = [curve.sparsity for curve in row.curves]
        known = there if sparsities is None else [s for s in there if s in sparsities]
        wanted = tuple(known or dict.fromkeys((there[0], there[-1])))
        sizes = sorted({point.batch_size for curve in row.curves for point in curve.points})
        searched = any("momentum" in point.metaparameters for curve in row.curves for point in curve.points)
        shown = tuple(batch_sizes(sizes))
        return cls(row, wanted, shown, against or ("momentum" if searched else "steps"), len(sizes))

    def studies(self) -> list[Study]:
        """Return the studies shown, sparsity by sparsity."""
        curves = [curve for curve in self.row.curves if curve.sparsity in self.sparsities]
        return [
            Study(curve, size, tuple(trial for trial in curve.trials if trial.batch_size == size))
            for curve in curves
            for size in self.batch_sizes
        ]

    @property
    def known(self) -> bool:
        """Whether any trial or winner can be shown."""
        return any(study.trials or study.best for study in self.studies())

    def draw(self, part: Part) -> None:
        """Draw the panels."""
        panels = [column[place] for place in range(len(self.sparsities)) for column in part.columns]
        for axes, study in zip(panels, self.studies(), strict=True):
            axes.set_xlabel("learning rate $\\eta$")
            axes.set_ylabel("steps $K$" if self.against == "steps" else "1 - momentum")
            draw_study(axes, study, _place_in_steps if self.against == "steps" else _place_by_momentum)
        set_axes(panels, self.against)
        part.label_outer()
        part.key()

    def caption(self) -> list[str]:
        """Return what the panels are of, and what they lack."""
        studies = self.studies()
        counts = sorted({len(study.trials) for study in studies})
        each = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
        sizes = f"{len(self.batch_sizes)} of {self.measured} batch sizes shown"
        told = [f"{self.row.title}: n = {each} trials a panel, {sizes}."] if counts[-1] else []
        if draws := max((len(trial.redrawn) for study in studies for trial in study.trials), default=0):
            told.append(f"{draws + 1} draws of each point, whose first is the trial: {SPREAD[self.against]}.")
        return [*told, *(f"{self.row.title}: {text}." for text in [cut_short(self.row, studies)] if text)]

    def missing(self) -> list[str]:
        """Return what is not known of its trials and what measures it; empty where every trial went on to its end."""
        reasons = [why for curve in self.row.curves if (why := why_no_losers(curve))]
        return [without_losers(self.row, reasons)] if reasons else []


def evenly(values: Sequence[int], most: int) -> list[int]:
    """Return at most so many of some values: every second, third, ... from the first on.

    Args:
        values: Ascending.
        most: At least 1.

    Returns:
        Some of them, ascending.

    Example:
        >>> evenly([1, 2, 4, 8, 16], 3), evenly([1, 2, 4], 3)
        ([1, 4, 16], [1, 2, 4])
    """
    return list(values[:: -(-len(values) // most)])


def nearest(values: Sequence[int], wanted: Sequence[int]) -> list[int]:
    """Return the wanted values where all are there, else as many of those there, evenly spread.

    Args:
        values: Ascending.
        wanted: Ascending, two or more.

    Returns:
        Some of the values, ascending.

    Example:
        >>> nearest([1, 2, 4, 8, 16, 32], [2, 8]), nearest([1, 2, 4], [2, 8])
        ([2, 8], [1, 4])
    """
    return list(wanted) if set(wanted) <= set(values) else evenly(values, len(wanted))


def draw_study(axes: Axes, study: Study, place: Place) -> None:
    """Draw the trials of a study.

    Args:
        axes: The panel.
        study: Whose trials.
        place: Where a trial or a winner stands, None where it has no place in this panel.
    """
    for status, (marker, colour, label) in LOOKS.items():
        found = [at for trial in study.trials if trial.status == status and (at := place(trial)) is not None]
        if found:
            x, y = zip(*found, strict=True)
            axes.plot(x, y, marker, color=colour, markerfacecolor="none" if marker == "^" else colour, label=label)
    draw_spread(axes, study, place)
    best = [at for point in study.best if (at := place(point)) is not None]
    if best:
        axes.plot(*zip(*best, strict=True), label="best", markersize=mark(2.4), **STAR)
    remark = "" if best else "\ngoal not reached"
    if not study.trials:
        remark += "\nlosing trials unknown"
    axes.set_title(f"$S$ = {study.curve.sparsity:g}%, $B$ = {study.batch_size}{remark}", fontsize="small")


def draw_spread(axes: Axes, study: Study, place: Place) -> None:
    """Draw how the draws of each search point spread, where there are several.

    In steps a bar reaches from the first draw at the goal to the last, dotted on to the last step seen where some
    missed it. Elsewhere a ring is around the points of which some draws reached the goal and others did not.

    Args:
        axes: The panel.
        study: Whose trials.
        place: As for `draw_study`.
    """
    for trial in study.trials:
        draws = [(trial.lower, trial.upper), *trial.redrawn]
        hits = [upper for _, upper in draws if upper is not None]
        at = place(trial)
        if len(draws) < 2 or not hits or at is None:
            continue
        missed = [lower for lower, upper in draws if upper is None]
        if place is _place_in_steps:
            ends = (at[0], at[0])
            axes.plot(ends, (min(hits), max(hits)), color=LOOKS["complete"][1], linewidth=1.0, label="draws", zorder=1)
            if missed and max(missed) > max(hits):
                last = (max(hits), max(missed))
                axes.plot(ends, last, ":", color=LOOKS["incomplete"][1], linewidth=1.0, label="draws missing", zorder=1)
        elif missed:
            axes.plot(
                *at,
                "o",
                color="black",
                markerfacecolor="none",
                markersize=mark(1.8),
                label="draws differ",
                zorder=1,
            )


def _place_by_momentum(trial: Trial | CurvePoint) -> tuple[float, float] | None:
    """Return (learning rate, 1 - momentum) of a trial."""
    return _at(trial, 1.0 - trial.metaparameters.get("momentum", 1.0))


def _place_in_steps(trial: Trial | CurvePoint) -> tuple[float, float] | None:
    """Return (learning rate, steps) of a trial: to its goal, or the last seen without it."""
    steps = trial.won if isinstance(trial, CurvePoint) else trial.upper
    return _at(trial, trial.lower if steps is None else steps)


def set_axes(panels: Sequence[Axes], against: str) -> None:
    """Give panels the same axes, a little wider than all that was drawn in them.

    Args:
        panels: Of one workload and goal.
        against: `momentum` or `steps`.
    """
    x, y = ([v for axes in panels for line in axes.lines for v in _coordinates(line, i)] for i in (0, 1))
    for axes in panels:
        if x:
            decade_axis(axes.xaxis, min(x) / 1.5, max(x) * 1.5, 4)
            if against == "steps":
                log2_axis(axes.yaxis, min(y) / 1.6, max(y) * 1.6)
            else:
                decade_axis(axes.yaxis, min(y) / 1.5, max(y) * 1.5)


def cut_short(row: Row, studies: Sequence[Study]) -> str:
    """Return how many trials were cut short; empty where every trial went on to its end.

    Args:
        row: Whose they are.
        studies: The ones drawn.
    """
    cut = sum(study.cut_short for study in studies)
    every = sum(len(study.trials) for study in studies)
    stop = row.curves[0].stop or "race"
    told = f"{cut} of {every} trials were cut short (--stop {stop}), so how they would have ended is not known"
    return told if cut else ""


def _at(trial: Trial | CurvePoint, y: float) -> tuple[float, float] | None:
    """Return where a trial stands, None where it has no place on log axes."""
    rate = trial.metaparameters.get("learning_rate", 0.0)
    return (rate, y) if rate > 0.0 and y > 0.0 else None


def _coordinates(line: Line2D, axis: int) -> list[float]:
    """Return the x or y of what was drawn."""
    values = np.asarray(line.get_xdata() if axis == 0 else line.get_ydata(), dtype=np.float64)
    return [float(value) for value in values]


def scatter_rows(
    figure_rows: Sequence[Row],
    sheet: Sheet,
    batch_sizes: Callable[[Sequence[int]], list[int]],
    sparsities: Sequence[float] | None,
    missing: Sequence[str] = (),
    against: str | None = None,
) -> Page:
    """Draw one panel per sparsity and batch size of every row.

    Args:
        figure_rows: One per workload and goal.
        sheet: How the figure is to stand on a page; a narrow one shows fewer batch sizes.
        batch_sizes: Which of a row's batch sizes to show.
        sparsities: Which sparsities, None for all; where a row has none of them, its least and its largest.
        missing: What was not measured besides.
        against: `steps` to put steps against the learning rate, None for what was searched beside it.

    Returns:
        The figure.
    """
    most = 99 if sheet.width is None else max(2, math.floor((sheet.width - 0.3) / LEAST))
    every = [
        Searched.of(row, lambda sizes: evenly(batch_sizes(sizes), most), sparsities, against) for row in figure_rows
    ]
    blocks = [block for block in every if block.known]
    told = [STATUSES, *(line for block in blocks for line in block.caption())]
    lacks = [*(line for block in every for line in block.missing()), *missing]
    parts_of = [Block(block.row.title, len(block.batch_sizes), len(block.sparsities)) for block in blocks]
    figure, parts = page(sheet, (PANEL, PANEL), parts_of, told, lacks, least=LEAST)
    for part, block in zip(parts, blocks, strict=True):
        block.draw(part)
    return figure
