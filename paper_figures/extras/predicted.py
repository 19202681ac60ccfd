"""What the measured constants predict of sparse networks against what was measured, with the line of equality."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from paper_figures.drawing.intervals import near_ends
from paper_figures.drawing.pairs import QUANTITIES, Named, pairs_of
from paper_figures.drawing.sheet import SHEET, Block, Page, Sheet, page
from paper_figures.drawing.style import IN_TURN, REFERENCE_LINE, decade_axis, mark
from paper_figures.run import Run
from verification.cells import known_text
from verification.fits.fit import OPEN, Interval
from verification.missing import Missing
from verification.prediction.prediction import Prediction

SIZE = 3.2
CAPTION = (
    "Ratios of $c_1$, $c_2$ and $B_{crit}$, sparse over dense. Across: predicted by the measured $\\Delta$, L and "
    "$\\beta$, the paper's way; up: fitted to the curves. Bars: 95% intervals; across none where there is one seed. "
    "Dashed: equality. A point a pruned network."
)
Measured = tuple[float, Interval, float, Interval]


def extra_predicted(runs: Sequence[Run], sheet: Sheet = SHEET) -> Page:
    """Draw one panel per constant.

    Args:
        runs: One or more runs with sparse networks whose constants were measured.
        sheet: How the figure is to stand on a page.

    Returns:
        The figure.
    """
    pairs, missing = pairs_of(runs)
    known = [one for one in pairs if isinstance(one.pair.prediction, Prediction)]
    missing += [f"{one.row.title}: {one.pair.prediction}" for one in pairs if isinstance(one.pair.prediction, Missing)]
    blocks = [Block("predicted and measured", len(QUANTITIES))] if known else []
    told = [CAPTION, *(f"{one.title}: {_told(one)}." for one in known)]
    figure, parts = page(sheet, (SIZE, SIZE), blocks, told, list(dict.fromkeys(missing)))
    for part in parts:
        found = {quantity: [(one, _measured(one, quantity)) for one in known] for quantity in QUANTITIES}
        both = [measured for of in found.values() for _, measured in of if measured]
        ends = [end for one, across, other, up in both for end in (*near_ends(one, across), *near_ends(other, up))]
        limits = (min([*ends, 1.0]) / 1.3, max([*ends, 1.0]) * 1.3)
        for axes, (quantity, of) in zip(part.panels, found.items(), strict=True):
            axes.set_title(f"{QUANTITIES[quantity]} ratio")
            axes.set_xlabel("predicted")
            axes.set_ylabel("measured")
            decade_axis(axes.xaxis, *limits)
            decade_axis(axes.yaxis, *limits)
            axes.plot(limits, limits, "--", color=REFERENCE_LINE, label="equality", zorder=1)
            _draw(axes, [(one, measured) for one, measured in of if measured])
        part.label_outer()
        part.key()
    return figure


def _draw(axes: Axes, found: Sequence[tuple[Named, Measured]]) -> None:
    """Draw the pairs, each row of curves in a look of its own."""
    titles = list(dict.fromkeys(one.row.title for one, _ in found))
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    for one, (predicted, across, fitted, up) in found:
        colour, marker = IN_TURN[titles.index(one.row.title) % len(IN_TURN)]
        if across != OPEN:
            ends = (across.low or left, across.high or right)
            axes.plot(ends, (fitted, fitted), "-", color=colour, label="95% interval", zorder=2)
        ends = (up.low or bottom, up.high or top)
        axes.plot((predicted, predicted), ends, "-", color=colour, label="95% interval", zorder=2)
        axes.plot([predicted], [fitted], marker, color=colour, markersize=mark(1.2), label=one.row.title, zorder=3)


def _measured(one: Named, quantity: str) -> Measured | None:
    """Return what is predicted of a pair and what was fitted, each with its interval; None where one is not known."""
    fitted, made = one.pair.ratios.get(quantity), one.pair.prediction
    if fitted is None or isinstance(made, Missing) or quantity not in made.ratios:
        return None
    predicted = made.ratios[quantity]
    return predicted.ratio, predicted.interval, fitted, one.pair.intervals.get(quantity, OPEN)


def _told(one: Named) -> str:
    """Return what is predicted of a pair and what was fitted."""
    told = []
    for quantity, name in QUANTITIES.items():
        measured = _measured(one, quantity)
        if measured:
            predicted, across, fitted, up = measured
            told.append(f"{name} predicted {known_text(predicted, across)}, fitted {known_text(fitted, up)}")
    return "; ".join(told)
