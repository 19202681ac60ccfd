"""Figure 12: steps of the sparsest network over those of the dense one, against batch size, for all workloads."""

from collections.abc import Sequence

import numpy as np

from paper_figures.drawing.intervals import draw_ratios
from paper_figures.drawing.points import ratio_symbol, symbol
from paper_figures.drawing.rows import Row, rows_of, without_sparse
from paper_figures.drawing.sheet import SHEET, Block, Page, Part, Sheet, page
from paper_figures.drawing.style import IN_TURN, REFERENCE_LINE, decade_axis, log2_axis
from paper_figures.run import Run
from verification.inference.pairs import Pair
from verification.inference.ratios import MeasuredRatio, measured_ratios
from verification.missing import Missing
from verification.prediction.paper import STEPS_RATIO

CAPTION = (
    "at the middles of both measured intervals, with lines through the geometric means; bars: the least and the most "
    "that the two evaluation grids allow, which is not the error of the search. Grey: the range that the paper "
    "reports; dashed: no difference."
)

_NO_RATIO = "no batch size at which both networks reached the goal"


def figure_12(runs: Sequence[Run], sheet: Sheet = SHEET) -> Page:
    """Draw figure 12.

    Args:
        runs: One or more runs with verdicts.
        sheet: How the figure is to stand on a page.

    Returns:
        The figure, one line per workload and goal.
    """
    rows = rows_of(runs)
    pairs = [(row, row.run.pair(row.curves[-1])) for row in rows]
    found = [(row, [] if isinstance(pair, Missing) else measured_ratios(pair)) for row, pair in pairs]
    known = [(row, measured) for row, measured in found if measured]
    missing = [_why(row, pair) for (row, pair), (_, measured) in zip(pairs, found, strict=True) if not measured]
    counts = [f"{row.title}: {row.curves[-1].sparsity:g}% over 0%, n = {len(measured)}." for row, measured in known]
    shown = [row for row, _ in known]
    blocks = [Block("sparse over dense")] if known else []
    told = [f"{ratio_symbol(shown)} {CAPTION}", *counts] if known else []
    figure, parts = page(sheet, (8.5, 4.0), blocks, told, missing)
    for part in parts:
        _draw(part, known)
    return figure


def _draw(part: Part, known: Sequence[tuple[Row, Sequence[MeasuredRatio]]]) -> None:
    """Draw the ratios of every row."""
    (axes,) = part.panels
    axes.set_xlabel("batch size $B$")
    axes.set_ylabel(f"{symbol([row for row, _ in known])}, sparse over dense")
    axes.axhspan(*STEPS_RATIO, color="#EEEEEE", zorder=0, label="the paper's range")
    axes.axhline(1.0, color=REFERENCE_LINE, linestyle="--", zorder=1, label="no difference")
    for i, (row, measured) in enumerate(known):
        look = IN_TURN[i % len(IN_TURN)]
        draw_ratios(axes, measured, look, row.title)
        x = [one.batch_size for one in measured]
        y = [one.ratio for one in measured]
        means = {size: np.exp(np.mean([np.log(b) for a, b in zip(x, y, strict=True) if a == size])) for size in set(x)}
        axes.plot(sorted(means), [means[size] for size in sorted(means)], color=look[0], label="geometric mean")
    every = [end for _, measured in known for one in measured for end in (one.low, one.ratio, one.high) if end]
    sizes = [one.batch_size for _, measured in known for one in measured]
    log2_axis(axes.xaxis, min(sizes) / 1.3, max(sizes) * 1.3, 14)
    decade_axis(axes.yaxis, min([*every, 1.0]) / 1.25, max([*every, STEPS_RATIO[1]]) * 1.25)
    part.key()


def _why(row: Row, pair: Pair | Missing) -> str:
    """Return why a workload has no ratio, and what makes one."""
    if row.curves[-1].sparsity == 0.0:
        return without_sparse(row)
    return f"{row.title}: {pair.reason if isinstance(pair, Missing) else _NO_RATIO}"
