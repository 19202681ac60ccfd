"""Figure 12: steps of the sparsest network over those of the dense one, against batch size, for all workloads."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import SubFigure

from paper_figures.drawing.intervals import error_bars
from paper_figures.drawing.rows import Row, rows_of, without_sparse
from paper_figures.drawing.sheet import Page, page
from paper_figures.drawing.style import (
    OTHER_SPARSITIES,
    PAPER_SPARSITIES,
    REFERENCE_LINE,
    decade_axis,
    log2_axis,
)
from paper_figures.run import Run
from verification.inference.pairs import Pair
from verification.inference.ratios import MeasuredRatio, measured_ratios
from verification.missing import Missing
from verification.prediction.paper import STEPS_RATIO

LOOKS = (*PAPER_SPARSITIES.values(), *OTHER_SPARSITIES)
CAPTION = (
    "$K^*_{sparse}/K^*_{dense}$ at the middles of both measured intervals; bars: the least and the most that the two "
    "evaluation grids allow, which is not the error of the search. Grey: the range that the paper reports; "
    "dashed: no difference."
)

_NO_RATIO = "no batch size at which both networks reached the goal"


def figure_12(runs: Sequence[Run]) -> Page:
    """Draw figure 12.

    Args:
        runs: One or more runs with verdicts.

    Returns:
        The figure, one line per workload and goal.
    """
    rows = rows_of(runs)
    pairs = [(row, row.run.pair(row.curves[-1])) for row in rows]
    found = [(row, [] if isinstance(pair, Missing) else measured_ratios(pair)) for row, pair in pairs]
    known = [(row, measured) for row, measured in found if measured]
    missing = [_why(row, pair) for (row, pair), (_, measured) in zip(pairs, found, strict=True) if not measured]
    counts = [f"{row.title}: {row.curves[-1].sparsity:g}% over 0%, n = {len(measured)}." for row, measured in known]
    figure, parts = page(8.5, [4.2] if known else [], [CAPTION, *counts], missing)
    for part in parts:
        _draw(part, known)
    return figure


def _draw(part: SubFigure, known: Sequence[tuple[Row, Sequence[MeasuredRatio]]]) -> None:
    """Draw the ratios of every row."""
    axes = part.subplots()
    axes.set_xlabel("batch size $B$")
    axes.set_ylabel("steps-to-result, sparse over dense")
    axes.axhspan(*STEPS_RATIO, color="#EEEEEE", zorder=0)
    axes.axhline(1.0, color=REFERENCE_LINE, linestyle="--", linewidth=1.2, zorder=1)
    for i, (row, measured) in enumerate(known):
        colour, marker = LOOKS[i % len(LOOKS)]
        x = [one.batch_size for one in measured]
        y = [one.ratio for one in measured]
        axes.errorbar(
            x, y, yerr=error_bars(measured), fmt=marker, color=colour, capsize=2.5, elinewidth=1.0, label=row.title
        )
        means = {size: np.exp(np.mean([np.log(b) for a, b in zip(x, y, strict=True) if a == size])) for size in set(x)}
        axes.plot(sorted(means), [means[size] for size in sorted(means)], color=colour, linewidth=1.0, label="_line")
    every = [end for _, measured in known for one in measured for end in (one.low, one.high or one.ratio)]
    sizes = [one.batch_size for _, measured in known for one in measured]
    log2_axis(axes.xaxis, min(sizes) / 1.3, max(sizes) * 1.3, 14)
    decade_axis(axes.yaxis, min([*every, 1.0]) / 1.25, max([*every, STEPS_RATIO[1]]) * 1.25)
    part.legend(loc="outside upper left", ncols=2)


def _why(row: Row, pair: Pair | Missing) -> str:
    """Return why a workload has no ratio, and what makes one."""
    if row.curves[-1].sparsity == 0.0:
        return without_sparse(row)
    return f"{row.title}: {pair.reason if isinstance(pair, Missing) else _NO_RATIO}"
