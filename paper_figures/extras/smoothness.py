"""The mean of L along every run that was followed, against the rate it was trained with."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from paper_figures.drawing.rows import title_of
from paper_figures.drawing.sheet import SHEET, Block, Page, Sheet, page
from paper_figures.drawing.style import REFERENCE_LINE, decade_axis, looks, plain
from paper_figures.run import Run
from verification.cells import estimate_text, known_text
from verification.inference.known import Slope
from verification.inference.smoothness_and_rate import Level, SmoothnessAndRate
from verification.missing import Missing

PANEL_WIDTH, PANEL_HEIGHT = 6.4, 4.0
CAPTION = (
    "A point a run: the mean of L by equation (11) up to the goal, against its learning rate. Dashed: $2/\\eta$, the "
    "most that equation (11) finds at gamma = 1 where gradients do not grow, whatever the network. Dotted: $1/\\eta$, "
    "below which the sharp bound has the L of a network at its best rate. Full: L = a $\\eta^p$, one power for all "
    "sparsities."
)


def extra_smoothness(runs: Sequence[Run], sheet: Sheet = SHEET) -> Page:
    """Draw one panel per run folder.

    Args:
        runs: One or more runs with verdicts whose constants were measured.
        sheet: How the figure is to stand on a page.

    Returns:
        The figure.
    """
    every = [(run, run.analysis.smoothness_and_rate) for run in runs]
    known = [(run, found) for run, found in every if not isinstance(found, Missing)]
    missing = [f"{title_of(run)}: {found.reason}" for run, found in every if isinstance(found, Missing)]
    lines = [CAPTION, *(f"{title_of(run)}: {_told(found)}." for run, found in known)]
    figure, parts = page(sheet, (PANEL_WIDTH, PANEL_HEIGHT), [Block(title_of(run)) for run, _ in known], lines, missing)
    for part, (_, found) in zip(parts, known, strict=True):
        (axes,) = part.panels
        axes.set_xlabel("learning rate $\\eta$")
        axes.set_ylabel("mean of $L$")
        _draw(axes, found, looks(level.sparsity for level in found.levels))
        part.key()
    return figure


def _draw(axes: Axes, found: SmoothnessAndRate, colours: Mapping[float, tuple[str, str]]) -> None:
    """Draw the runs, the two lines that the rate sets, and the fitted power."""
    rates = [rate for level in found.levels for rate in level.rates]
    smoothness = [value for level in found.levels for value in level.smoothness]
    ends = np.array([min(rates) / 1.5, max(rates) * 1.5])
    for name, top, style in (("$2/\\eta$", 2.0, "--"), ("$1/\\eta$", 1.0, ":")):
        axes.plot(ends, top / ends, style, color=REFERENCE_LINE, label=name, zorder=1)
    for level in found.levels:
        colour, marker = colours[level.sparsity]
        if isinstance(found.power, Slope):
            _draw_power(axes, level, found.power.value, colour)
        axes.plot(level.rates, level.smoothness, marker, color=colour, label=f"{level.sparsity:g}%", zorder=3)
    decade_axis(axes.xaxis, *ends.tolist())
    decade_axis(axes.yaxis, min(*smoothness, 1.0 / ends[1]) / 1.2, max(*smoothness, 2.0 / ends[0]) * 1.2)


def _draw_power(axes: Axes, level: Level, power: float, colour: str) -> None:
    """Draw a level's power of the rate, through the geometric means of its runs."""
    rate, value = (float(np.exp(np.mean(np.log(numbers)))) for numbers in (level.rates, level.smoothness))
    ends = np.array([min(level.rates), max(level.rates)])
    axes.plot(ends, value * (ends / rate) ** power, "-", color=colour, label="a power of the rate", zorder=2)


def _told(found: SmoothnessAndRate) -> str:
    """Return power, product and ratio with their intervals."""
    power = found.power
    told = plain(power.reason) if isinstance(power, Missing) else f"p = {estimate_text(power.value, power.interval())}"
    products = [
        f"{level.sparsity:g}% {known_text(level.product, level.interval)} (n = {len(level.rates)})"
        for level in found.levels
    ]
    ratios = [f"{one.sparsity:g}% {estimate_text(*one.at_same_rate)}" for one in found.levels if one.at_same_rate]
    told = f"{told}; $\\eta L$, geometric mean [95%, Student's t]: {', '.join(products)}"
    return f"{told}; L over the dense network's at one rate: {', '.join(ratios)}" if ratios else told
