"""The ratio R(B) of steps, sparse over dense, with both its limits."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from paper_figures.drawing.intervals import draw_band, error_bars
from paper_figures.drawing.rows import Row, rows_of, without_sparse
from paper_figures.drawing.sheet import Page, page
from paper_figures.drawing.style import REFERENCE_LINE, blank, decade_axis, headline, log2_axis, looks, note, plain
from paper_figures.run import Run
from verification.fits.fit import OPEN
from verification.inference.bands import Band, ratio_band
from verification.inference.pairs import Pair
from verification.inference.ratios import MeasuredRatio, measured_ratios
from verification.missing import Missing
from verification.prediction.prediction import Prediction
from verification.records.records import Curve
from verification.report.tables import estimate_text, number

COLUMN_WIDTH, ROW_HEIGHT = 3.9, 3.5
CAPTION = (
    "R(B) = $K^*_{sparse}/K^*_{dense}$. Points: measured, bars what the evaluation grids allow. Curve and band: law H "
    "fitted to both networks jointly, 95% profile-likelihood interval at each batch size. Dotted: its limits, "
    "$c_{1,s}/c_{1,d}$ for small B on the left, $c_{2,s}/c_{2,d}$ for large B on the right. Dash-dotted: the limit for "
    "small B that the measured constants predict. Dashed: no difference."
)


def extra_ratio(runs: Sequence[Run]) -> Page:
    """Draw one panel per sparse curve.

    Args:
        runs: One or more runs with verdicts.

    Returns:
        The figure, one row per workload and goal.
    """
    rows = [(row, [curve for curve in row.curves if curve.sparsity > 0.0]) for row in rows_of(runs)]
    known = [(row, sparse) for row, sparse in rows if sparse]
    columns = max((len(sparse) for _, sparse in known), default=1)
    missing = [without_sparse(row) for row, sparse in rows if not sparse]
    lines = [CAPTION, *(line for row, sparse in known for line in _told(row, sparse))]
    figure, parts = page(max(COLUMN_WIDTH * columns, 7.0), [ROW_HEIGHT] * len(known), lines, missing)
    for part, (row, sparse) in zip(parts, known, strict=True):
        headline(part, row.title)
        panels = np.ravel(np.asarray(part.subplots(1, columns)))
        for axes in panels[len(sparse) :]:
            axes.set_visible(False)
        colours = looks(curve.sparsity for curve in row.curves)
        for axes, curve in zip(panels, sparse, strict=False):
            _draw(axes, row, curve, colours[curve.sparsity])
    return figure


def _draw(axes: Axes, row: Row, curve: Curve, look: tuple[str, str]) -> None:
    """Draw one ratio."""
    axes.set_title(f"{curve.sparsity:g}% over 0%")
    axes.set_xlabel("batch size $B$")
    axes.set_ylabel("R(B)")
    pair = row.run.pair(curve)
    if isinstance(pair, Missing):
        blank(axes, pair.reason)
        return
    measured, band = measured_ratios(pair), ratio_band(pair)
    sizes = [point.batch_size for point in curve.points]
    log2_axis(axes.xaxis, min(sizes) / 2.5, max(sizes) * 2.5)
    decade_axis(axes.yaxis, *_limits(pair, measured, band))
    axes.axhline(1.0, color=REFERENCE_LINE, linestyle="--", linewidth=1.2, zorder=1)
    colour, marker = look
    if measured:
        x, y = [one.batch_size for one in measured], [one.ratio for one in measured]
        axes.errorbar(
            x,
            y,
            yerr=error_bars(measured),
            fmt=marker,
            color=colour,
            capsize=2.5,
            elinewidth=1.0,
            label="measured",
        )
    if band is None:
        note(axes, f"no fit: {pair.reason}")
    else:
        axes.plot(band.batch_size, band.value, color=colour, label="fit", zorder=2)
        draw_band(axes, band, colour)
    ends = axes.get_xlim()
    middle = (ends[0] * ends[1]) ** 0.5
    for name, span in (("c1", (ends[0], middle)), ("c2", (middle, ends[1]))):
        limit = pair.ratios.get(name)
        if limit is not None:
            axes.plot(span, [limit, limit], ":", color=colour, linewidth=1.4, label=f"limit {name}", zorder=2)
    if isinstance(pair.prediction, Prediction):
        axes.plot(
            (ends[0], middle),
            [pair.prediction.c1.ratio] * 2,
            "-.",
            color=REFERENCE_LINE,
            linewidth=1.4,
            label="predicted",
            zorder=2,
        )
    axes.set_xlim(ends)


def _limits(pair: Pair, measured: Sequence[MeasuredRatio], band: Band | None) -> tuple[float, float]:
    """Return the ends of the y axis."""
    limits = [pair.ratios.get(name) for name in ("c1", "c2")]
    values = [1.0, *(one.ratio for one in measured), *(limit for limit in limits if limit)]
    if band is not None:
        values += [end for end in (*band.low, *band.high) if end is not None and 0.01 < end < 100.0]
    if isinstance(pair.prediction, Prediction):
        values.append(pair.prediction.c1.ratio)
    return max(min(values), 1e-3) / 1.4, min(max(values), 1e3) * 1.4


def _told(row: Row, sparse: Sequence[Curve]) -> list[str]:
    """Return the limits of every ratio with their intervals."""
    told = []
    for curve in sparse:
        pair = row.run.pair(curve)
        if isinstance(pair, Pair):
            ends = [f"{q} {estimate_text(pair.ratios.get(q), pair.intervals.get(q, OPEN))}" for q in ("c1", "c2")]
            made, n = pair.prediction, len(measured_ratios(pair))
            predicted = plain(f"none ({made})") if isinstance(made, Missing) else number(made.c1.ratio)
            told.append(f"{curve.sparsity:g}% (n = {n}) {', '.join(ends)}, c1 predicted {predicted}")
    return [f"{row.title}, limits [95%]: {'; '.join(told)}."] if told else []
