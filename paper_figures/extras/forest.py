"""The fitted ratios of c1, c2 and the critical batch size, sparse over dense, over all runs, with their verdicts."""

import textwrap
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from matplotlib.axes import Axes

from paper_figures.drawing.intervals import near_ends
from paper_figures.drawing.pairs import QUANTITIES, Named, pairs_of
from paper_figures.drawing.sheet import SHEET, Block, Page, Sheet, page
from paper_figures.drawing.style import REFERENCE_LINE, decade_axis, looks, mark
from paper_figures.run import Run
from verification.cells import estimate_text
from verification.claims.evidence import NOT_SEEDS
from verification.fits.fit import OPEN
from verification.inference.pairs import MARGIN, NO_TEST

WIDTH, LINE, FRAME = 3.2, 0.24, 0.9
# Marks by the verdict on the ratio being 1.
VERDICTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "supported": ("s", "no difference: supported"),
        "rejected": ("D", "no difference: rejected"),
        "inconclusive": ("o", "inconclusive"),
    }
)
CAPTION = (
    "Ratios of the fitted constants, sparse over dense, both curves fitted jointly; bars: 95% profile-likelihood "
    f"intervals, which an arrow leaves open; dashed where replicates are not compared. Grey: no difference within a "
    f"factor {MARGIN:g}. Marks: the verdict on that, by the 90% interval; inconclusive ones are hollow."
)
_LETTERS = 26


def extra_forest(runs: Sequence[Run], sheet: Sheet = SHEET) -> Page:
    """Draw one panel per constant, one line per pair.

    Args:
        runs: One or more runs with sparse networks.
        sheet: How the figure is to stand on a page.

    Returns:
        The figure.
    """
    pairs, missing = pairs_of(runs)
    blocks = [Block("sparse over dense", len(QUANTITIES))] if pairs else []
    told = [CAPTION, *(f"{one.title}: {_told(one)}." for one in pairs)]
    lines = max((len(_name(one).splitlines()) for one in pairs), default=1)
    height = FRAME + (LINE + 0.15 * (lines - 1)) * len(pairs)
    figure, parts = page(sheet, (WIDTH, height), blocks, told, missing, least=2.0)
    for part in parts:
        ends = [end for one in pairs for quantity in QUANTITIES for end in _ends(one, quantity)]
        for axes, (quantity, name) in zip(part.panels, QUANTITIES.items(), strict=True):
            axes.set_title(f"{name} ratio")
            decade_axis(axes.xaxis, min([*ends, 1.0 / MARGIN]) / 1.15, max([*ends, MARGIN]) * 1.15)
            _draw(axes, pairs, quantity)
        part.label_outer()
        part.key()
    return figure


def _draw(axes: Axes, pairs: Sequence[Named], quantity: str) -> None:
    """Draw the ratio of one constant for every pair, the first on top."""
    axes.axvspan(1.0 / MARGIN, MARGIN, color="#EEEEEE", zorder=0, label=f"within a factor {MARGIN:g}")
    axes.axvline(1.0, color=REFERENCE_LINE, linestyle="--", zorder=1, label="no difference")
    colours = looks(one.sparsity for one in pairs)
    for place, one in enumerate(pairs):
        ratio, interval = one.pair.ratios.get(quantity), one.pair.intervals.get(quantity, OPEN)
        if ratio is None and interval == OPEN:
            continue
        colour = colours[one.sparsity][0]
        left, right = axes.get_xlim()
        low, high = interval.low, interval.high
        ends = (left if low is None else max(low, left), right if high is None else min(high, right))
        line, label = ("-", "95% interval") if one.pair.replicated else ("--", "95%, not between seeds")
        axes.plot(ends, (place, place), line, color=colour, label=label, zorder=2)
        for end, beyond, arrow in ((left, low is None or low < left, "<"), (right, high is None or high > right, ">")):
            if beyond:
                axes.plot([end], [place], arrow, color=colour, label="_open", zorder=2, clip_on=False)
        if ratio is None:
            continue
        verdict = one.pair.tests.get(quantity, NO_TEST).verdict
        marker, label = VERDICTS[verdict]
        face = "white" if verdict == "inconclusive" else colour
        axes.plot(
            [ratio], [place], marker, color=colour, markerfacecolor=face, markersize=mark(1.2), label=label, zorder=3
        )
    axes.set_yticks(range(len(pairs)), [_name(one) for one in pairs])
    axes.set_ylim(len(pairs) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("sparse over dense")


def _name(one: Named) -> str:
    """Return what tells a pair from the others, in lines that leave room for the panel."""
    return textwrap.fill(one.short, _LETTERS, break_on_hyphens=False)


def _ends(one: Named, quantity: str) -> list[float]:
    """Return the ratio and the ends of its interval, as far as they are not too far from it."""
    ratio, interval = one.pair.ratios.get(quantity), one.pair.intervals.get(quantity, OPEN)
    return near_ends(ratio, interval) if ratio is not None else [end for end in (interval.low, interval.high) if end]


def _told(one: Named) -> str:
    """Return the ratios of a pair with their intervals and verdicts."""
    told = []
    for quantity, name in QUANTITIES.items():
        text = estimate_text(one.pair.ratios.get(quantity), one.pair.intervals.get(quantity, OPEN))
        told.append(f"{name} {text} ({one.pair.tests.get(quantity, NO_TEST).verdict})")
    return ", ".join([*told, *([] if one.pair.replicated else [f"intervals {NOT_SEEDS}"])])
