"""One look for every figure: colours and markers per sparsity, log2 axes, fonts, files that never change by chance."""

import contextlib
import logging
import math
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter

# Of the colours of published palettes the four that are furthest apart for the closest pair, over normal vision and
# the three kinds of colour blindness, with at least 3:1 contrast on white; the markers tell them apart once more.
PAPER_SPARSITIES: Mapping[float, tuple[str, str]] = MappingProxyType(
    {0.0: ("#000000", "o"), 50.0: ("#0C7BDC", "s"), 70.0: ("#B8860B", "D"), 90.0: ("#EE3377", "v")}
)
OTHER_SPARSITIES = (("#009E73", "P"), ("#882255", "X"), ("#56B4E9", "p"), ("#7F7F7F", "h"))
# Of whatever else than sparsities a figure tells apart, one after the other.
IN_TURN = (*PAPER_SPARSITIES.values(), *OTHER_SPARSITIES)
REFERENCE_LINE = "#555555"

RC: Mapping[Any, Any] = MappingProxyType(
    {
        "font.family": "DejaVu Sans",
        "font.size": 10.0,
        "axes.titlesize": "medium",
        "xtick.labelsize": "small",
        "ytick.labelsize": "small",
        "legend.fontsize": "small",
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
        "pdf.fonttype": 42,
    }
)
# What differs in a figure that is made for the column of a paper.
PAPER: Mapping[Any, Any] = MappingProxyType(
    {
        "font.size": 8.0,
        "lines.linewidth": 1.1,
        "lines.markersize": 4.0,
        "axes.linewidth": 0.6,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "xtick.minor.width": 0.4,
        "ytick.minor.width": 0.4,
        "xtick.major.pad": 2.0,
        "ytick.major.pad": 2.0,
        "axes.labelpad": 2.0,
        "axes.titlepad": 4.0,
        "legend.columnspacing": 1.2,
        "legend.handletextpad": 0.5,
        "legend.handlelength": 1.6,
        "legend.labelspacing": 0.25,
        "legend.borderpad": 0.1,
        "savefig.dpi": 300.0,
    }
)
# No date in a file, so that equal records give equal bytes; the maker, so that the command knows its own files.
MAKER = "kstar figures"
METADATA: Mapping[str, Mapping[str, str | None]] = MappingProxyType(
    {
        "svg": {"Date": None, "Creator": MAKER},
        "png": {"Software": MAKER},
        "pdf": {"CreationDate": None, "Creator": MAKER, "Producer": None},
    }
)


def read_style(file: Path) -> dict[Any, Any]:
    """Return what a style file of matplotlib sets.

    Args:
        file: Lines of `name: value`.

    Raises:
        ValueError: If it is no style file, or asks for what figures cannot do.
        OSError: If it cannot be read.
    """
    if not file.is_file():
        raise ValueError(f"--style {file}: no such file")
    with warnings.catch_warnings(), _told_as_errors(file):
        warnings.simplefilter("ignore")
        found = dict(mpl.rc_params_from_file(file, use_default_template=False))
    if not found:
        raise ValueError(f"--style {file}: sets nothing; give lines such as 'font.size: 7'")
    if found.get("text.usetex"):
        raise ValueError(f"--style {file}: text.usetex is not supported; set mathtext.fontset and font.family")
    return {name: value for name, value in found.items() if name != "savefig.bbox"}


@contextlib.contextmanager
def _told_as_errors(file: Path) -> Iterator[None]:
    """Make an error of what matplotlib only logs of a style file."""
    told: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("matplotlib")
    before = log.propagate
    log.addHandler(handler)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.propagate = before
    if told:
        raise ValueError(f"--style {file} is no style file of matplotlib: {' '.join(told[0].split())}")


def small() -> float:
    """Return the size of captions and notes, points."""
    return 0.85 * float(mpl.rcParams["font.size"])


def mark(times: float) -> float:
    """Return so many times the size of a mark, points."""
    return times * float(mpl.rcParams["lines.markersize"])


def line_height() -> float:
    """Return the inches of one line of a caption, a formula in it."""
    return 0.0228 * small()


def room(axes: Axes) -> tuple[float, float]:
    """Return about how wide and high a panel is, inches, before it is laid out."""
    box, dpi = axes.get_window_extent(), axes.get_figure(root=True).dpi  # type: ignore[union-attr]
    return box.width / dpi, box.height / dpi


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
    every = max(1, -(-len(powers) // min(most_labels, _fitting(axis, [power_of_two(2.0**k) for k in powers]))))
    anchor = 0 if powers and powers[0] <= 0 <= powers[-1] else (powers[0] if powers else 0)
    chosen = [k for k in powers if (k - anchor) % every == 0]
    axis.set_major_locator(FixedLocator([2.0**k for k in chosen]))
    axis.set_minor_locator(FixedLocator([2.0**k for k in powers if k not in chosen]))
    axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda value, _: power_of_two(value)))


def _fitting(axis: Axis, labels: Sequence[str]) -> int:
    """Return how many labels of ticks fit on an axis, at least 2."""
    across, up = room(axis.axes)
    size = float(mpl.rcParams["font.size"]) / 72.0
    longest = max(map(len, labels), default=1)
    fitting = across / ((0.55 * longest + 0.8) * size) if axis is axis.axes.xaxis else up / (2.0 * size)
    return max(2, math.floor(fitting))


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
    fitting = min(most_labels, _fitting(axis, [f"{v:.12g}" for v in major]))
    if len(major) > fitting:
        major = [v for v in every if f"{v:e}"[0] == "1"]
        major = major[:: -(-len(major) // fitting)]
    if len(major) < 2:  # a narrow axis
        ticks = MaxNLocator(min(4, fitting), steps=[1, 2, 5, 10]).tick_values(low, high)
        major = [float(v) for v in ticks if low <= v <= high]
    axis.set_major_locator(FixedLocator(major))
    axis.set_minor_locator(FixedLocator([v for v in every if v not in major]))
    axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.12g}"))


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


def blank(axes: Axes, text: str) -> None:
    """Say in a panel why it shows nothing.

    Args:
        axes: The panel; loses its ticks.
        text: One or more lines, without formulas; broken to fit.
    """
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator([]))
        axis.set_minor_locator(FixedLocator([]))
    width = max(8, math.floor(room(axes)[0] * 119.0 / small()))
    lines = [part for line in plain(text).split("\n") for part in textwrap.wrap(line, width)]
    axes.text(0.03, 0.03, "\n".join(lines), transform=axes.transAxes, fontsize=small(), va="bottom", ha="left")
