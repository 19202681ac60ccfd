"""Nothing overlaps, nothing is cut off and no legend lies over data, in any figure."""

import matplotlib as mpl
import pytest
from matplotlib.axis import Tick
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from paper_figures.catalogue import FIGURES
from paper_figures.drawing.style import RC

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


@pytest.mark.parametrize("name", FIGURES)
def test_no_two_words_overlap_and_all_are_on_the_page(sgd, momentum, raced, name):
    for runs in ([raced], [sgd, momentum]):
        with mpl.rc_context(dict(RC)):
            figure = FIGURES[name].draw(runs)
            FigureCanvasAgg(figure).draw()
        page = figure.bbox
        found = words(figure)
        assert found
        for text, box in found:
            inside = page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1
            assert inside, f"{text!r} leaves the page"
        for i, (one, first) in enumerate(found):
            for other, second in found[i + 1 :]:
                common = Bbox.intersection(first, second)
                overlap = common is not None and min(common.width, common.height) > TOUCH * figure.dpi / 72
                assert not overlap, f"{one!r} over {other!r}"


@pytest.mark.parametrize("name", FIGURES)
def test_no_legend_lies_over_data(sgd, momentum, name):
    for runs in ([sgd], [momentum]):
        with mpl.rc_context(dict(RC)):
            figure = FIGURES[name].draw(runs)
            FigureCanvasAgg(figure).draw()
        for axes in figure.axes:
            legend = axes.get_legend()
            if legend is None or not axes.get_visible():
                continue
            box = legend.get_window_extent()
            for line in axes.lines:
                points = axes.transData.transform(line.get_xydata())
                assert not any(box.contains(x, y) for x, y in points), f"{name}: {line.get_label()}"
