"""How a figure stands on its page: its width, its panels, its caption, and what was not measured for it."""

import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.gridspec import GridSpec

from paper_figures.drawing.key import key_of
from paper_figures.drawing.style import PAPER, RC, line_height, small

# A formula is not broken between lines.
_FORMULA, _GLUE = re.compile(r"\$[^$]*\$"), "\x00"
# Inches of a figure whose panels need less, so that its caption can be read.
_NARROWEST = 7.0
# A panel of fewer inches from top to bottom shows nothing.
_LOWEST = 1.5


@dataclass(frozen=True)
class Sheet:
    """How a figure is to stand on a page.

    Attributes:
        width: Inches; None is as wide as its panels like.
        caption: Whether the caption stands below it.
        title: Whether its parts are headed by what they are of.
        style: Settings of matplotlib.
    """

    width: float | None = None
    caption: bool = True
    title: bool = True
    style: Mapping[Any, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def settings(self) -> dict[Any, Any]:
        """All settings of matplotlib."""
        return {**RC, **(PAPER if self.width is not None else {}), **self.style}


SHEET = Sheet()


@dataclass(frozen=True)
class Block:
    """What a part of a figure is to hold.

    Attributes:
        title: What it is of.
        columns: Panels side by side, which may be broken into lines.
        rows: Panels of one column, one below the other.
    """

    title: str
    columns: int = 1
    rows: int = 1


class Page(Figure):
    """A figure of parts one below the other; without parts nothing was measured for it.

    Attributes:
        sheet: How it stands on the page.
        told: The caption, a sentence or more each.
        missing: What was not measured, and the command that measures it, one line each.
    """

    sheet: Sheet = SHEET
    told: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


Page.set.__doc__ = "Set properties, as of any artist."  # matplotlib's own text has roles that only its site knows


@dataclass(frozen=True)
class Part:
    """A part of a figure.

    Attributes:
        figure: Where it is drawn.
        columns: The panels of each column, from above; column by column.
        across: Columns in one line.
        place: Where it stands on the page, and which of its rows.
    """

    figure: SubFigure
    columns: tuple[tuple[Axes, ...], ...]
    across: int
    place: tuple[GridSpec, int]

    @property
    def panels(self) -> list[Axes]:
        """The uppermost panel of each column."""
        return [column[0] for column in self.columns]

    def label_outer(self) -> None:
        """Label axes that panels share once: at the left of a line, and below the lowest panel of a column."""
        for place, column in enumerate(self.columns):
            lowest = place + self.across >= len(self.columns)
            for axes in column:
                if place % self.across:
                    axes.set_ylabel("")
                    axes.tick_params(labelleft=False)
                if axes is not column[-1] or not lowest:
                    axes.set_xlabel("")
                if axes is not column[-1]:
                    axes.tick_params(labelbottom=False)

    def key(self) -> None:
        """Name every kind of line and point below the panels."""
        width = self.figure.bbox.width / self.figure.dpi
        handles, ncols, lines = key_of([axes for column in self.columns for axes in column], width)
        self.figure.legend(handles=handles, loc="outside lower center", ncols=ncols)
        grid, place = self.place
        heights = np.asarray(grid.get_height_ratios(), dtype=np.float64)
        heights[place] += line_height() * lines * 1.15 + 0.06
        grid.set_height_ratios(heights)
        figure = self.figure.get_figure(root=True)
        figure.set_figheight(float(heights.sum()))


def page(
    sheet: Sheet,
    size: tuple[float, float],
    blocks: Sequence[Block],
    told: Sequence[str],
    missing: Sequence[str] = (),
    least: float = 1.5,
) -> tuple[Page, list[Part]]:
    """Make a figure of parts one below the other, with a caption below them all.

    Args:
        sheet: How it is to stand on the page.
        size: Width and height of a panel, inches, where the sheet leaves both open.
        blocks: The parts; there may be none.
        told: The caption, broken to the width.
        missing: What was not measured for the figure.
        least: Inches that a panel needs across, with its labels.

    Returns:
        The figure and its parts.
    """
    most = max((block.columns for block in blocks), default=1)
    width = max(size[0] * most, _NARROWEST) if sheet.width is None else sheet.width
    across = most if sheet.width is None else evenly_across(most, width, least)
    low = size[1] if sheet.width is None else min(size[1], max(_LOWEST, size[1] * width / across / size[0]))
    titles = [_title_lines(block.title, width) if sheet.title else [] for block in blocks]
    heights = [
        -(-block.columns // across) * block.rows * low + 1.5 * line_height() * len(title)
        for block, title in zip(blocks, titles, strict=True)
    ]
    names = list(dict.fromkeys(block.title for block in blocks))
    told = [*([] if sheet.title else ["; then ".join(names) + "."]), *told] if blocks else []
    lines = _broken(told, width) if sheet.caption else []
    foot = [line_height() * (len(lines) + 0.5)] if lines else []
    figure = Page(figsize=(width, sum([*heights, *foot]) or 1.0), layout="constrained")
    figure.sheet, figure.told, figure.missing = sheet, tuple(told), tuple(missing)
    if not blocks:
        return figure, []
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)  # type: ignore[union-attr, call-arg]
    grid = GridSpec(len([*heights, *foot]), 1, figure=figure, height_ratios=[*heights, *foot])
    parts = [_part((grid, i), *one, across) for i, one in enumerate(zip(blocks, titles, strict=True))]
    if lines:
        below = figure.add_subfigure(grid[-1])
        below.text(0.01, 0.95, "\n".join(lines), fontsize=small(), va="top", ha="left", linespacing=1.4)
    return figure, parts


def evenly_across(columns: int, width: float, least: float) -> int:
    """Return how many of some columns to put in a line, so that lines are few and as long as each other.

    Args:
        columns: At least 1.
        width: Inches of a line.
        least: Inches that a column needs.

    Example:
        >>> evenly_across(4, 6.75, 1.5), evenly_across(4, 3.25, 1.5), evenly_across(5, 6.75, 1.5)
        (4, 2, 3)
    """
    lines = -(-columns // max(1, math.floor(width / least)))
    return -(-columns // lines)


def _part(place: tuple[GridSpec, int], block: Block, title: Sequence[str], across: int) -> Part:
    """Make the panels of a part, and head it."""
    figure = place[0].figure.add_subfigure(place[0][place[1]])  # type: ignore[union-attr]
    lines = -(-block.columns // across)
    grid = np.asarray(figure.subplots(lines * block.rows, across, squeeze=False))
    for axes in grid[-block.rows :, block.columns - (lines - 1) * across :].ravel():
        axes.set_visible(False)
    places = [(i // across * block.rows, i % across) for i in range(block.columns)]
    columns = tuple(tuple(grid[first : first + block.rows, column]) for first, column in places)
    if title:
        figure.suptitle("\n".join(title), fontsize="large", fontweight="bold", x=0.01, ha="left")
    return Part(figure, columns, across, place)


def _title_lines(title: str, width: float) -> list[str]:
    """Return a heading broken to a width."""
    return textwrap.wrap(title, math.floor(width * 72.0 / (0.8 * mpl.rcParams["font.size"])))


def _broken(told: Sequence[str], width: float) -> list[str]:
    """Return a caption broken to a width."""
    across = math.floor((width - 0.1) * 119.0 / small())
    glued = [_FORMULA.sub(lambda formula: formula[0].replace(" ", _GLUE), line) for line in told]
    broken = [part for line in glued for part in textwrap.wrap(line, across, break_on_hyphens=False)]
    return [part.replace(_GLUE, " ") for part in broken]
