"""Measurements along the winners' runs, one line per sparsity and replicate: figures 4 and 6 and an extra."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import matplotlib as mpl
from matplotlib.axes import Axes

from paper_figures.drawing.rows import title_of
from paper_figures.drawing.sheet import SHEET, Block, Page, Sheet, page
from paper_figures.drawing.style import decade_axis, looks, mark
from paper_figures.run import Run
from verification.cells import constant_text
from verification.records.run_command import measured_run
from verification.records.trials import SmoothnessRun

PANEL_WIDTH, PANEL_HEIGHT = 5.2, 3.6
NAMES: Mapping[str, str] = {
    "L": "smoothness $L$",
    "training_loss": "training loss $f$",
    "hessian_top": "top Hessian eigenvalue",
}


def trajectories(
    runs: Sequence[Run],
    sheet: Sheet = SHEET,
    *,
    quantities: Sequence[str],
    told: str,
    constants: Mapping[str, str] = MappingProxyType({}),
) -> Page:
    """Draw quantities along the winners' runs, one panel per quantity and run folder.

    Args:
        runs: One or more runs.
        sheet: How the figure is to stand on a page.
        quantities: Keys of `NAMES`.
        told: The first line of the caption.
        constants: Quantities of constants.csv whose values the caption gives, each with its words there.

    Returns:
        The figure.
    """
    lacks = [(run, _lacks(run, quantities)) for run in runs]
    known = [run for run, lack in lacks if not lack]
    lines = [told, *(line for run in known for line in _told(run, constants))]
    missing = [lack for _, lack in lacks if lack]
    blocks = [Block(title_of(run), len(quantities)) for run in known]
    figure, parts = page(sheet, (PANEL_WIDTH, PANEL_HEIGHT), blocks, lines, missing, least=2.5)
    for part, run in zip(parts, known, strict=True):
        for axes, quantity in zip(part.panels, quantities, strict=True):
            _draw(axes, run, quantity)
        part.key()
    return figure


def _draw(axes: Axes, run: Run, quantity: str) -> None:
    """Draw one quantity over the steps of all runs followed; both fall most in the first steps, so axes are in logs."""
    axes.set_xlabel("step $k$")
    axes.set_ylabel(NAMES[quantity])
    followed = run.records.smoothness
    colours = looks(one.sparsity for one in followed)
    steps, values = [1], []
    for one in followed:
        along = {step: value for step, value in one.along.get(quantity, {}).items() if value > 0.0}
        steps += list(along)
        values += list(along.values())
        colour, marker = colours[one.sparsity]
        few = len(along) <= 40
        axes.plot(
            list(along),
            list(along.values()),
            marker=marker if few else "none",
            markersize=mark(0.7),
            linewidth=0.75 * mpl.rcParams["lines.linewidth"],
            color=colour,
            label=f"{one.sparsity:g}%",
        )
        if one.goal_step in along:
            axes.plot(
                [one.goal_step],
                [along[one.goal_step]],
                "*",
                color=colour,
                markersize=mark(2.4),
                markeredgecolor="white",
                zorder=3,
                label="goal reached",
            )
    decade_axis(axes.xaxis, 1 / 1.3, max(steps) * 1.3)
    decade_axis(axes.yaxis, min(values) / 1.3, max(values) * 1.6)


def _lacks(run: Run, quantities: Sequence[str]) -> str:
    """Return what was not measured along a run's winners, and the command that measures it; empty where all was."""
    followed = run.records.smoothness
    missing = [q for q in quantities if not any(v > 0.0 for one in followed for v in one.along.get(q, {}).values())]
    if not missing:
        return ""
    if followed:
        return f"{title_of(run)}: {NAMES[missing[0]]} was not kept along the runs{_measured_by(run, missing[0])}"
    return f"{title_of(run)}: nothing was kept along a run (no constants measured){_measured_by(run, 'constants')}"


def _told(run: Run, constants: Mapping[str, str]) -> list[str]:
    """Return which runs were followed and the means along them."""
    lines = [f"{title_of(run)}: {_runs(run.records.smoothness)}."]
    for quantity, words in constants.items():
        means = [
            f"{one.sparsity:g}%: {constant_text(one)} (n = {one.n})"
            for one in run.records.constants
            if one.quantity == quantity
        ]
        lines += [f"{words} by sparsity, mean [95%, Student's t]: {'; '.join(means)}."] if means else []
    return lines


def _measured_by(run: Run, what: str) -> str:
    """Return the command that measures what was not asked for, to be appended; empty where it was or cannot be."""
    measured = measured_run(run.records)
    if measured is None:
        return "; logs hold none, measure your model (docs/own_model.md)" if run.is_table else ""
    command = None
    if what == "constants" and measured.asked("constants") is False:
        command = measured.command(constants=True)
    elif what == "hessian_top" and not measured.probe.get("hessian_points"):
        command = measured.command(constants=True, hessian_points=4)
    return f"; {command}" if command else ""


def _runs(followed: Sequence[SmoothnessRun]) -> str:
    """Return how many runs were followed, at which batch sizes."""
    sizes = sorted({one.batch_size for one in followed if one.batch_size is not None})
    replicates = len({one.replicate for one in followed})
    at = f", at B = {', '.join(map(str, sizes))}" if sizes else ""
    return f"the winner's run of each sparsity{at}, n = {replicates} replicate{'s' if replicates > 1 else ''}"
