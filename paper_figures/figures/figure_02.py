"""Figure 2: the optimisers together, one panel per sparsity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from empirics.workloads.catalogue import WORKLOADS
from paper_figures.drawing.curve_panels import draw_law, ends_of
from paper_figures.drawing.points import draw_points, points_told, symbol
from paper_figures.drawing.rows import MNIST, Row, prefer, rows_of
from paper_figures.drawing.sheet import SHEET, Block, Page, Part, Sheet, page
from paper_figures.drawing.style import OTHER_SPARSITIES, PAPER_SPARSITIES, log2_axis, plain
from paper_figures.run import Run
from verification.fits.curves import FittedLaw
from verification.records.run_command import new_run_command

COLUMN_WIDTH, ROW_HEIGHT = 3.5, 3.3
OPTIMISERS = ("sgd", "momentum", "nesterov")
CAPTION = (
    "One study each, nothing normalised or averaged; open triangles: goal not reached, at the budget. Curves: "
    "$K = c_1/B + c_2$, maximum likelihood."
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


def figure_02(runs: Sequence[Run], sheet: Sheet = SHEET) -> Page:
    """Draw figure 2.

    Args:
        runs: One or more runs; where none is on MNIST, all they hold is shown.
        sheet: How the figure is to stand on a page.

    Returns:
        The figure, one row per data set, network, schedule and goal, one panel per sparsity.
    """
    groups = _groups(prefer(rows_of(runs), MNIST.holds))
    missing = [line for group in groups for line in _missing(group)]
    counts = [f"n = {_points(group)} studies ({group.title})." for group in groups]
    told = [f"{points_told([row for group in groups for _, row in group.rows])} {CAPTION}", *counts]
    blocks = [Block(group.title, len(_sparsities(group))) for group in groups]
    figure, parts = page(sheet, (COLUMN_WIDTH, ROW_HEIGHT), blocks, told, missing)
    for part, group in zip(parts, groups, strict=True):
        _draw_group(part, group)
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


def _draw_group(part: Part, group: _Together) -> None:
    """Draw one panel per sparsity."""
    every = [end for _, row in group.rows for curve in row.curves for point in curve.points for end in ends_of(point)]
    sizes = [point.batch_size for _, row in group.rows for curve in row.curves for point in curve.points]
    for axes, sparsity in zip(part.panels, _sparsities(group), strict=True):
        axes.set_title(f"sparsity {sparsity:g}%")
        axes.set_xlabel("batch size $B$")
        axes.set_ylabel(f"steps to result {symbol([row for _, row in group.rows])}")
        for i, (optimiser, row) in enumerate(group.rows):
            look = _LOOKS.get(optimiser, OTHER_SPARSITIES[i % len(OTHER_SPARSITIES)])
            for curve in row.curves:
                if curve.sparsity == sparsity:
                    draw_points(axes, curve, look, label=optimiser or row.title)
                    fit = row.run.fit(curve)
                    if isinstance(fit, FittedLaw):
                        draw_law(axes, curve, fit, look)
        log2_axis(axes.xaxis, min(sizes) / 1.3, max(sizes) * 1.3)
        log2_axis(axes.yaxis, min(every) / 2.0, max(every) * 3.0)
    part.label_outer()
    part.key()


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
