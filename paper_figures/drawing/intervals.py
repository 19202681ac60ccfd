"""Intervals as figures show them: a band about a curve, bars about points."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from paper_figures.drawing.points import draw_bars
from verification.inference.bands import Band
from verification.inference.ratios import MeasuredRatio


def draw_band(axes: Axes, band: Band, colour: str) -> None:
    """Shade a band; an open end reaches the edge of the panel.

    Args:
        axes: The panel, its limits set.
        band: The band.
        colour: Of the shade.
    """
    bottom, top = axes.get_ylim()
    low = [bottom if end is None else end for end in band.low]
    high = [top if end is None else end for end in band.high]
    axes.fill_between(band.batch_size, low, high, color=colour, alpha=0.18, linewidth=0.0, label="band", zorder=1)


def draw_ratios(axes: Axes, measured: Sequence[MeasuredRatio], look: tuple[str, str], label: str) -> None:
    """Draw ratios with their intervals; none upwards where the interval is open.

    Args:
        axes: The panel.
        measured: At least one.
        look: Colour and marker.
        label: For the key.
    """
    draw_bars(axes, [(one.batch_size, one.ratio, one.low, one.high or one.ratio) for one in measured], look, label)
