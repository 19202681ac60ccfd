"""One look for every figure: colours and markers per sparsity, log2 axes, fonts, files that never change by chance."""

import math
import textwrap
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter

# Of the colours of published palettes the four that are furthest apart for the closest pair, over normal vision and
# the three kinds of colour blindness, with at least 3:1 contrast on white; the markers tell them apart once more.
PAPER_SPARSITIES: Mapping[float, tuple[str, str]] = MappingProxyType(
    {0.0: ("#000000", "o"), 50.0: ("#0C7BDC", "s"), 70.0: ("#B8860B", "D"), 90.0: ("#EE3377", "v")}
)
OTHER_SPARSITIES = (("#009E73", "P"), ("#882255", "X"), ("#56B4E9", "p"), ("#7F7F7F", "h"))
REFERENCE_LINE = "#555555"

RC: Mapping[Any, Any] = MappingProxyType(
    {
        "font.family": "DejaVu Sans",
        "font.size": 10.0,
        "axes.titlesize": 10.5,
        "axes.labelsize": 10.0,
        "legend.fontsize": 9.0,
        "legend.frameon": False,
        "lines.linewidth": 1.6,
        "lines.markersize": 5.0,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#DDDDDD",
        "grid.linewidth": 0.6,
        "figure.dpi": 100.0,
        "savefig.dpi": 160.0,
        "svg.hashsalt": "kstar",
    }
)
# No date in a file, so that equal records give equal bytes.
METADATA: Mapping[str, Mapping[str, str | None]] = MappingProxyType(
    {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}
)
SMALL = 8.5
NOTE_WIDTH = 44  # characters in SMALL across a panel of 3.5 inches
LINE_HEIGHT = 0.22  # inches of one line in SMALL, a formula in it
CHARACTERS_PER_INCH = 14.0  # in SMALL, of running text


def looks(sparsities: Iterable[float]) -> dict[float, tuple[str, str]]:
    """Return colour and marker of each sparsity.

    The paper's four sparsities look the same in every figure; others take what is left, in ascending order.

    Args:
        sparsities: In percent.

    Returns:
        Sparsity to (colour, marker).

    Example:
        >>> looks([90.0, 0.0])[0.0]
        ('#000000', 'o')
    """
    wanted = sorted(set(sparsities))
    others = [sparsity for sparsity in wanted if sparsity not in PAPER_SPARSITIES]
    extra = {one: OTHER_SPARSITIES[i % len(OTHER_SPARSITIES)] for i, one in enumerate(others)}
    return {sparsity: PAPER_SPARSITIES.get(sparsity) or extra[sparsity] for sparsity in wanted}


def log2_axis(axis: Axis, low: float, high: float, most_labels: int = 6) -> None:
    """Make an axis log2 from low to high with whole powers of two as labels.

    Args:
        axis: The x or y axis of a panel.
        low: Lower end, > 0.
        high: Upper end, > low.
        most_labels: Powers are skipped evenly until no more than these are left.
    """
    axes = axis.axes
    set_scale = axes.set_xscale if axis is axes.xaxis else axes.set_yscale
    set_limits = axes.set_xlim if axis is axes.xaxis else axes.set_ylim
    set_scale("log", base=2)
    set_limits(low, high)
    powers = [k for k in range(-40, 60) if low <= 2.0**k <= high]
    every = max(1, -(-len(powers) // most_labels))
    anchor = 0 if powers and powers[0] <= 0 <= powers[-1] else (powers[0] if powers else 0)
    chosen = [k for k in powers if (k - anchor) % every == 0]
    axis.set_major_locator(FixedLocator([2.0**k for k in chosen]))
    axis.set_minor_locator(FixedLocator([2.0**k for k in powers if k not in chosen]))
    axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda value, _: power_of_two(value)))


def power_of_two(value: float) -> str:
    """Return a power of two as a whole number, or as one over a whole number.

    Args:
        value: A power of two.

    Returns:
        Short text.

    Example:
        >>> power_of_two(256.0), power_of_two(0.125)
        ('256', '1/8')
    """
    return f"{value:.0f}" if value >= 1.0 else f"1/{1.0 / value:.0f}"


def decade_axis(axis: Axis, low: float, high: float, most_labels: int = 8) -> None:
    """Make an axis logarithmic from low to high with plain numbers as labels: 1, 2, 5 of each power of ten, or 1.

    Args:
        axis: The x or y axis of a panel.
        low: Lower end, > 0.
        high: Upper end, > low.
        most_labels: With more, powers of ten alone are labelled.
    """
    axes = axis.axes
    (axes.set_xscale if axis is axes.xaxis else axes.set_yscale)("log")
    (axes.set_xlim if axis is axes.xaxis else axes.set_ylim)(low, high)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = [k * 10.0**d for d in decades for k in range(1, 10) if low <= k * 10.0**d <= high]
    major = [v for v in every if f"{v:e}"[0] in "125"]
    if len(major) > most_labels:
        major = [v for v in every if f"{v:e}"[0] == "1"]
    if len(major) < 2:  # a narrow axis
        major = [float(v) for v in MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(low, high) if low <= v <= high]
    axis.set_major_locator(FixedLocator(major))
    axis.set_minor_locator(FixedLocator([v for v in every if v not in major]))
    axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.12g}"))


def sparsity_legend(colours: Mapping[float, tuple[str, str]]) -> list[Line2D]:
    """Return one legend entry per sparsity.

    Args:
        colours: Sparsity to (colour, marker), from `looks`.

    Returns:
        Handles for a legend.
    """
    return [
        Line2D([], [], color=colour, marker=marker, label=f"{sparsity:g}%")
        for sparsity, (colour, marker) in colours.items()
    ]


def plain(text: str) -> str:
    r"""Return a text from the data so that no part of it is read as a formula or breaks a picture's file.

    Args:
        text: A name, a reason, a command; it may have several lines.

    Returns:
        The text with its dollar signs escaped, and a mark in place of control characters.

    Example:
        >>> print(plain("a$b"))
        a\$b
    """
    shown = "".join(c if c == "\n" or c.isprintable() else "\ufffd" for c in text)
    return shown.replace("$", r"\$")


def headline(part: SubFigure, text: str) -> None:
    """Head a part of a figure.

    Args:
        part: The part.
        text: One line.
    """
    part.suptitle(text, fontsize=11.5, fontweight="bold", x=0.01, ha="left")


def blank(axes: Axes, text: str, width: int = NOTE_WIDTH) -> None:
    """Say in a panel why it shows nothing.

    Args:
        axes: The panel; loses its ticks.
        text: See `note`.
        width: Likewise.
    """
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator([]))
        axis.set_minor_locator(FixedLocator([]))
    note(axes, text, width)


def note(axes: Axes, text: str, width: int = NOTE_WIDTH) -> None:
    """Write a remark into the lower left corner of a panel, broken to fit a column.

    Args:
        axes: The panel.
        text: One or more lines, without formulas.
        width: Characters across the panel.
    """
    lines = [part for line in plain(text).split("\n") for part in textwrap.wrap(line, width)]
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5}
    axes.text(0.03, 0.03, "\n".join(lines), transform=axes.transAxes, fontsize=SMALL, va="bottom", ha="left", bbox=box)
