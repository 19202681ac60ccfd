"""No word lies over another or over data, none is cut off, and every line is named, in any figure at any width."""

import math

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axis import Tick
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from paper_figures.catalogue import FIGURES, figure_of
from paper_figures.drawing.sheet import Sheet

pytestmark = pytest.mark.slow
# Neighbouring words may touch by so much, in points.
TOUCH = 1.0


def words(figure):
    """Every visible piece of text and where it stands, in pixels."""
    renderer = figure.canvas.get_renderer()
    found, idle = [], idle_labels(figure)
    for text in figure.findobj(Text):
        hidden = text.axes is not None and not text.axes.get_visible()
        if text.get_visible() and text.get_text().strip() and not hidden and text not in idle:
            found.append((text.get_text(), text.get_window_extent(renderer)))
    return found


def idle_labels(figure):
    """Labels of ticks that are not drawn: beyond the limits of their axis, or left over."""
    found = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            shown = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
            every = {label for tick in axes.findobj(Tick) if tick.axes is axes for label in (tick.label1, tick.label2)}
            own = {label for tick in axis.get_major_ticks() for label in (tick.label1, tick.label2)}
            found |= (own - {tick.label1 for tick in shown}) | (every - all_major(axes))
    return found


def all_major(axes):
    """Labels of the major ticks in use on either axis."""
    return {tick.label1 for axis in (axes.xaxis, axes.yaxis) for tick in axis.get_major_ticks()}


def marks(axes):
    """Every point of every line, bar and mark in a panel, and points between them, in pixels; those that are seen."""
    lines = [line.get_transform().transform(line.get_xydata()) for line in axes.lines]
    for bars in (one for one in axes.collections if isinstance(one, LineCollection)):
        lines += [bars.get_transform().transform(ends) for ends in bars.get_segments()]
    for corners in lines:
        for (x0, y0), (x1, y1) in zip(corners, corners[1:] if len(corners) > 1 else corners, strict=False):
            count = max(2, math.ceil(math.hypot(x1 - x0, y1 - y0))) if np.isfinite([x0, x1, y0, y1]).all() else 0
            for x, y in zip(np.linspace(x0, x1, min(count, 5000)), np.linspace(y0, y1, min(count, 5000)), strict=True):
                if axes.bbox.contains(x, y):
                    yield x, y


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("width", [None, 3.25, 6.75])
def test_words_are_apart_on_the_page_and_off_the_data_and_name_every_line(sgd, momentum, raced, name, width):
    runs = [raced] if width is None else [sgd, momentum]
    figure = figure_of(name, runs, Sheet(width))
    if not figure.axes:
        assert figure.missing
        return
    with mpl.rc_context(figure.sheet.settings):
        FigureCanvasAgg(figure).draw()
    page = figure.bbox
    found = words(figure)
    for text, box in found:
        inside = page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1
        assert inside, f"{text!r} leaves the page"
    for i, (one, first) in enumerate(found):
        for other, second in found[i + 1 :]:
            common = Bbox.intersection(first, second)
            overlap = common is not None and min(common.width, common.height) > TOUCH * figure.dpi / 72
            assert not overlap, f"{one!r} over {other!r}"
    for axes in figure.axes:
        near = [(text, box) for text, box in found if axes.get_visible() and box.overlaps(axes.bbox)]
        for x, y in marks(axes) if near else ():
            assert not [text for text, box in near if box.contains(x, y)], f"{axes.get_title()}: text at {x}, {y}"
    for part in (part for part in figure.subfigs if part.axes):
        (key,) = part.legends
        named = {one.get_linestyle() for one in key.legend_handles if isinstance(one, Line2D)}
        assert not [text for text in key.get_texts() if text.get_text().startswith("_")]
        for axes in part.axes:
            drawn = {one.get_linestyle() for one in axes.lines if one.get_label() not in {"_step", "_open"}}
            assert drawn <= named | {"None"}, axes.get_title()
