"""Waterfalls of what K* over the dense network's is made of: factor after factor, from 1 to the ratio."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from paper_figures.drawing.rows import title_of
from paper_figures.drawing.sheet import SHEET, Block, Page, Sheet, page
from paper_figures.drawing.style import REFERENCE_LINE, decade_axis, looks, small
from paper_figures.run import Run
from verification.account.splits import TOLD, Split, split
from verification.cells import known_text
from verification.missing import Missing
from verification.prediction.prediction import Predicted

PANEL_WIDTH, PANEL_HEIGHT = 5.4, 2.7
CAPTION = (
    "Each bar multiplies the steps by its factor, sparse over dense; the last is $K^*$ over the dense network's, at "
    "the batch size of the runs. $K^* = c\\,T/\\eta$: T the time of the noise-free flow to the run's loss at its "
    "goal, $\\eta$ the flow time of a step. $K^* = N/(e\\,a)$: N the steps of a descent without loss, e the "
    "share of the promised decrease that is kept. Thin lines: 95% over seeds, where they fit. T and $1/\\eta$, each "
    "alone, change when one network is rewritten in other units of weights or loss; their product and the other "
    "factors do not."
)
FACTORS = "; ".join(f"{name}: {told}" for name, told in TOLD.items()) + "."
_WAYS = {"flow": "$K^* = c\\,T/\\eta$", "descent": "$K^* = N/(e\\,a)$"}
_TOTAL = "$K^*$ over dense"
_FAR = 5.0  # Intervals that leave a bar by more than this factor end at the panel's border.


def extra_account(runs: Sequence[Run], sheet: Sheet = SHEET) -> Page:
    """Draw one row of two panels per run folder and sparsity.

    Args:
        runs: One or more runs whose constants were measured.
        sheet: How the figure is to stand on a page.

    Returns:
        The figure.
    """
    rows, missing = [], []
    for run in runs:
        for sparsity in _sparsities(run):
            ways = {by: split(run.records.smoothness, sparsity, by) for by in _WAYS}
            known = {by: found for by, found in ways.items() if isinstance(found, Split)}
            rows += [(run, sparsity, known)] if known else []
            missing += [f"{title_of(run)}: {found}" for found in ways.values() if isinstance(found, Missing)]
        if not _sparsities(run):
            missing.append(f"{title_of(run)}: no account, no pruned run was followed to its goal")
    blocks = [Block(f"{title_of(run)}: {sparsity:g}% over dense", len(known)) for run, sparsity, known in rows]
    figure, parts = page(sheet, (PANEL_WIDTH, PANEL_HEIGHT), blocks, [CAPTION, FACTORS], missing, least=3.2)
    for part, (_, sparsity, known) in zip(parts, rows, strict=True):
        for axes, (by, found) in zip(part.panels, known.items(), strict=True):
            axes.set_title(_WAYS[by], loc="left")
            _waterfall(axes, found, looks([0.0, sparsity])[sparsity][0])
        part.key()
    return figure


def _sparsities(run: Run) -> list[float]:
    """Return the sparsities of a run with an account, without the dense."""
    return sorted({one.sparsity for one in run.records.smoothness if one.account is not None and one.sparsity})


def _waterfall(axes: Axes, found: Split, colour: str) -> None:
    """Draw factor after factor, top to bottom, and the ratio that they make."""
    start, ends = 1.0, [1.0]
    for place, (name, factor) in enumerate(_bars(found)):
        begin = 1.0 if name == _TOTAL else start
        start = begin * factor.ratio
        shade = 1.0 if name == _TOTAL else 0.55 if start >= begin else 0.25
        axes.barh(place, start - begin, left=begin, height=0.55, color=colour, alpha=shade)
        if name != _TOTAL:
            axes.plot([start, start], [place, place + 1], "-", color=REFERENCE_LINE, linewidth=0.8, label="_step")
        low, high = factor.interval.low, factor.interval.high
        if low is not None and high is not None:
            axes.plot(
                [begin * low, begin * high], [place, place], "-", color="black", linewidth=1.0, label="95% over seeds"
            )
            ends += [max(begin * low, start / _FAR), min(begin * high, start * _FAR)]
        ends.append(start)
        text = known_text(factor.ratio, factor.interval)
        axes.annotate(text, (1.02, place), xycoords=("axes fraction", "data"), va="center", fontsize=small())
    decade_axis(axes.xaxis, min(ends) / 1.25, max(ends) * 1.25)
    axes.axvline(1.0, color=REFERENCE_LINE, linewidth=0.8, label="no difference")
    axes.set_yticks(range(len(_bars(found))), [name for name, _ in _bars(found)])
    axes.set_ylim(len(_bars(found)) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("steps over the dense network's")


def _bars(found: Split) -> list[tuple[str, Predicted]]:
    """Return what is drawn, top to bottom: the factors by name, then their product."""
    return [*found.factors.items(), (_TOTAL, found.total)]
