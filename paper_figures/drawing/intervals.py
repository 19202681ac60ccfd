"""Intervals as figures show them: a band about a curve, bars about points."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from paper_figures.drawing.points import draw_bars
from verification.fits.fit import Interval
from verification.inference.bands import Band
from verification.inference.ratios import MeasuredRatio

_FAR = 30.0


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
    """Draw ratios with their intervals; none towards an end that is open.

    Args:
        axes: The panel.
        measured: At least one.
        look: Colour and marker.
        label: For the key.
    """
    points = [(one.batch_size, one.ratio, one.low or one.ratio, one.high or one.ratio) for one in measured]
    draw_bars(axes, points, look, label)


def near_ends(ratio: float, interval: Interval) -> list[float]:
    """Return a ratio and the ends of its interval, which an axis is to show; ends too far from it are moved nearer.

    Args:
        ratio: > 0.
        interval: Its interval; what is open has no end.

    Example:
        >>> near_ends(2.0, Interval(1.5, 500.0)), near_ends(2.0, Interval(None, 3.0))
        ([2.0, 1.5, 60.0], [2.0, 3.0])
    """
    ends = [end for end in (interval.low, interval.high) if end is not None]
    return [ratio, *(min(max(end, ratio / _FAR), ratio * _FAR) for end in ends)]
