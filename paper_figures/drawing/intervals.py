"""Intervals as figures show them: a band about a curve, bars about points."""

from collections.abc import Sequence

from matplotlib.axes import Axes

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


def error_bars(measured: Sequence[MeasuredRatio]) -> list[list[float]]:
    """Return the lengths of error bars, downwards and upwards; none upwards where the interval is open.

    Args:
        measured: Ratios with their intervals.

    Returns:
        Two lists.
    """
    return [[one.ratio - one.low for one in measured], [(one.high or one.ratio) - one.ratio for one in measured]]
