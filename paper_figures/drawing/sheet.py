"""A figure with its caption and what was not measured for it."""

import math
import re
import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure, SubFigure

from paper_figures.drawing.style import CHARACTERS_PER_INCH, LINE_HEIGHT, SMALL

# A formula is not broken between lines.
_FORMULA, _GLUE = re.compile(r"\$[^$]*\$"), "\x00"


class Page(Figure):
    """A figure of parts one below the other; without parts nothing was measured for it.

    Attributes:
        missing: What was not measured, and the command that measures it, one line each.
    """

    missing: tuple[str, ...] = ()


def page(
    width: float, heights: Sequence[float], lines: Sequence[str], missing: Sequence[str] = ()
) -> tuple[Page, list[SubFigure]]:
    """Make a figure of parts one below the other, with a caption below them all.

    Args:
        width: Inches.
        heights: Of each part, inches; there may be none.
        lines: The caption, broken to the width.
        missing: What was not measured for the figure.

    Returns:
        The figure and its parts, the caption's left out.
    """
    across = math.floor(width * CHARACTERS_PER_INCH)
    glued = [_FORMULA.sub(lambda formula: formula[0].replace(" ", _GLUE), line) for line in lines]
    broken = [part for line in glued for part in textwrap.wrap(line, across, break_on_hyphens=False)]
    foot = LINE_HEIGHT * (len(broken) + 1)
    figure = Page(figsize=(width, sum(heights) + foot), layout="constrained")
    figure.missing = tuple(missing)
    parts = np.ravel(np.asarray(figure.subfigures(len(heights) + 1, 1, height_ratios=[*heights, foot])))
    told = "\n".join(broken).replace(_GLUE, " ")
    parts[-1].text(0.01, 0.95, told, fontsize=SMALL, va="top", ha="left", linespacing=1.4)
    return figure, list(parts[:-1])
