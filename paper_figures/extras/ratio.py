"""The ratio R(B) of steps, sparse over dense, with both its limits."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from paper_figures.drawing.intervals import draw_band, draw_ratios
from paper_figures.drawing.points import ratio_symbol
from paper_figures.drawing.rows import Row, rows_of, without_sparse
from paper_figures.drawing.sheet import SHEET, Block, Page, Sheet, page
from paper_figures.drawing.style import REFERENCE_LINE, blank, decade_axis, log2_axis, looks, plain
from paper_figures.run import NO_DENSE, Run
from verification.cells import estimate_text, number
from verification.fits.fit import OPEN
from verification.inference.bands import ratio_band
from verification.inference.pairs import Pair
from verification.inference.ratios import measured_ratios
from verification.missing import Missing
from verification.prediction.prediction import Prediction
from verification.records.curves import Curve

COLUMN_WIDTH, ROW_HEIGHT = 3.9, 3.5
CAPTION = (
    "Points: measured, bars what the evaluation grids allow. Curve and band: law H "
    "fitted to both networks jointly, 95% profile-likelihood interval at each batch size. Dotted: its limits, "
    "$c_{1,s}/c_{1,d}$ for small B on the left, $c_{2,s}/c_{2,d}$ for large B on the right. Dash-dotted: the limit for "
    "small B that the measured constants predict. Dashed: no difference."
)


def extra_ratio(runs: Sequence[Run], sheet: Sheet = SHEET) -> Page:
    """Draw one panel per sparse curve.

    Args:
        runs: One or more runs with verdicts.
        sheet: How the figure is to stand on a page.

    Returns:
        The figure, one row per workload and goal.
    """
    rows = [(row, [curve for curve in row.curves if curve.sparsity > 0.0]) for row in rows_of(runs)]
    known = [(row, sparse) for row, sparse in rows if sparse and row.curves[0].sparsity == 0.0]
    missing = [without_sparse(row) for row, sparse in rows if not sparse]
    missing += [f"{row.title}: {NO_DENSE}" for row, sparse in rows if sparse and row.curves[0].sparsity > 0.0]
    named = f"R(B) = {ratio_symbol([row for row, _ in known])}. " if known else ""
    lines = [named + CAPTION, *(line for row, sparse in known for line in _told(row, sparse))]
    blocks = [Block(row.title, len(sparse)) for row, sparse in known]
    figure, parts = page(sheet, (COLUMN_WIDTH, ROW_HEIGHT), blocks, lines, missing)
    for part, (row, sparse) in zip(parts, known, strict=True):
        _draw_row(part.panels, row, sparse)
        part.label_outer()
        part.key()
    return figure


def _draw_row(panels: Sequence[Axes], row: Row, sparse: Sequence[Curve]) -> None:
    """Draw the ratios of a row, on one scale."""
    colours = looks(curve.sparsity for curve in row.curves)
    pairs = [row.run.pair(curve) for curve in sparse]
    ends = [end for pair in pairs if isinstance(pair, Pair) for end in _limits(pair)]
    sizes = [point.batch_size for curve in sparse for point in curve.points]
    for axes, curve, pair in zip(panels, sparse, pairs, strict=True):
        axes.set_title(f"{curve.sparsity:g}% over 0%")
        axes.set_xlabel("batch size $B$")
        axes.set_ylabel("R(B)")
        if isinstance(pair, Missing):
            blank(axes, pair.reason)
        else:
            log2_axis(axes.xaxis, min(sizes) / 2.5, max(sizes) * 2.5)
            decade_axis(axes.yaxis, max(min(ends), 1e-3) / 1.4, min(max(ends), 1e3) * 1.4)
            _draw(axes, pair, colours[curve.sparsity])


def _draw(axes: Axes, pair: Pair, look: tuple[str, str]) -> None:
    """Draw one ratio."""
    measured, band = measured_ratios(pair), ratio_band(pair)
    axes.axhline(1.0, color=REFERENCE_LINE, linestyle="--", zorder=1, label="no difference")
    colour, _ = look
    if measured:
        draw_ratios(axes, measured, look, "measured")
    if band is not None:
        axes.plot(band.batch_size, band.value, color=colour, label="fit", zorder=2)
        draw_band(axes, band, colour)
    ends = axes.get_xlim()
    middle = (ends[0] * ends[1]) ** 0.5
    for name, span in (("c1", (ends[0], middle)), ("c2", (middle, ends[1]))):
        limit = pair.ratios.get(name)
        if limit is not None:
            axes.plot(span, [limit, limit], ":", color=colour, label=f"limit {name}", zorder=2)
    if isinstance(pair.prediction, Prediction):
        axes.plot(
            (ends[0], middle),
            [pair.prediction.c1.ratio] * 2,
            "-.",
            color=REFERENCE_LINE,
            label="predicted for small B",
            zorder=2,
        )
    axes.set_xlim(ends)


def _limits(pair: Pair) -> tuple[float, float]:
    """Return the least and the most that is drawn of a ratio."""
    limits, band = [pair.ratios.get(name) for name in ("c1", "c2")], ratio_band(pair)
    ends = [end for one in measured_ratios(pair) for end in (one.low, one.ratio, one.high) if end]
    values = [1.0, *ends, *(limit for limit in limits if limit)]
    if band is not None:
        values += [end for end in (*band.low, *band.high) if end is not None and 0.01 < end < 100.0]
    if isinstance(pair.prediction, Prediction):
        values.append(pair.prediction.c1.ratio)
    return min(values), max(values)


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
