"""Steps under a decaying rate, and best first rates, over those at a constant one, with what theory says of both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from paper_figures.drawing.intervals import near_ends
from paper_figures.drawing.points import draw_bars, symbol
from paper_figures.drawing.rows import Row, rows_of
from paper_figures.drawing.sheet import SHEET, Block, Page, Sheet, page
from paper_figures.drawing.style import REFERENCE_LINE, decade_axis, log2_axis, looks
from paper_figures.run import Run
from verification.cells import known_text
from verification.fits.curves import FittedCurve
from verification.missing import Missing, each_once
from verification.own_claims.decays import Changed, beside_constant, first_rates_changed, steps_changed

COLUMN_WIDTH, ROW_HEIGHT = 4.4, 3.4
CAPTION = (
    "Points: geometric means over replicates. Bars: 95% intervals between them, without what one search adds to all. "
    "Dotted: what result 13 of the theory says of SGD, if gradient and noise stay the same along a run. Dashed: no "
    "change."
)
_PANELS: dict[str, Callable[[FittedCurve, FittedCurve], list[Changed]]] = {
    "steps to result": steps_changed,
    "best first rate": first_rates_changed,
}
_ALONE = "no run at a constant rate beside it; name both, with --to"
_BESIDE = 2.0**0.12  # batch sizes of two sparsities stand so far apart


@dataclass(frozen=True)
class _Beside:
    """A row with a decay beside one at a constant rate: sparsity to what changes, one list a panel."""

    decaying: Row
    constant: Row
    changed: dict[float, list[list[Changed]]]


def extra_decay(runs: Sequence[Run], sheet: Sheet = SHEET) -> Page:
    """Draw a panel of steps and one of rates for each run with a decay that stands beside one without.

    Args:
        runs: Two or more, of which some have a linear decay.
        sheet: How the figure is to stand on a page.

    Returns:
        The figure, one row per workload and goal.
    """
    rows = rows_of(runs)
    falling = [row for row in rows if row.workload.endswith("/linear")]
    compared = {row.title: [_beside(row, other) for other in rows] for row in falling}
    found = [one for of in compared.values() for one in of if isinstance(one, _Beside)]
    missing = [
        f"{title}: {each_once((one for one in of if isinstance(one, Missing)), _ALONE).reason}"
        for title, of in compared.items()
        if not any(isinstance(one, _Beside) for one in of)
    ]
    missing += [] if falling else ["no run of a workload whose rate decays, with a name that ends in /linear"]
    blocks = [Block(one.decaying.title, len(_PANELS)) for one in found]
    told = [CAPTION, *(line for one in found for line in _told(one))]
    figure, parts = page(sheet, (COLUMN_WIDTH, ROW_HEIGHT), blocks, told, missing)
    for part, one in zip(parts, found, strict=True):
        for place, (axes, name) in enumerate(zip(part.panels, _PANELS, strict=True)):
            axes.set_title(name if place else f"{name}, {symbol([one.decaying])}")
            axes.set_ylabel("decaying over constant")
            _draw(axes, {sparsity: panels[place] for sparsity, panels in one.changed.items()})
        part.key()
    return figure


def _beside(decaying: Row, constant: Row) -> _Beside | Missing | None:
    """Return what changes from one row to another; why nothing does, or None where they are of other workloads."""
    pairs = [pair for pair in beside_constant([*decaying.curves, *constant.curves]) if pair[0] in decaying.curves]
    if not pairs:
        return None
    if decaying.run.records.masks != constant.run.records.masks:
        return Missing(f"{constant.title} has other masks")
    for over, under in pairs:
        if over.quantity != under.quantity:
            return Missing(f"{constant.title} is of {under.quantity}, not {over.quantity}")
    changed = {}
    for over, under in pairs:
        fits = decaying.run.analysis.fitted(over), constant.run.analysis.fitted(under)
        changed[over.sparsity] = [compared(*fits) for compared in _PANELS.values()]
    if not any(one for panels in changed.values() for one in panels):
        return Missing(f"{constant.title} has no batch size that all replicates of both reached")
    return _Beside(decaying, constant, changed)


def _draw(axes: Axes, changed: dict[float, list[Changed]]) -> None:
    """Draw the ratios of every sparsity, side by side."""
    every = [one for of in changed.values() for one in of]
    sizes = [one.batch_size for one in every] or [1]
    ends = [1.0, *(end for one in every for end in (*near_ends(one.ratio, one.interval), one.theory) if end)]
    axes.set_xlabel("batch size $B$")
    log2_axis(axes.xaxis, min(sizes) / 1.6, max(sizes) * 1.6)
    decade_axis(axes.yaxis, min(ends) / 1.15, max(ends) * 1.15)
    axes.axhline(1.0, color=REFERENCE_LINE, linestyle="--", zorder=1, label="no change")
    for place, (sparsity, of) in enumerate(changed.items()):
        colour, _ = look = looks(changed)[sparsity]
        shift = _BESIDE ** (place - (len(changed) - 1) / 2.0)
        points = [
            (one.batch_size * shift, one.ratio, one.interval.low or one.ratio, one.interval.high or one.ratio)
            for one in of
        ]
        if points:
            draw_bars(axes, points, look, f"{sparsity:g}%")
        theory = [(one.batch_size, one.theory) for one in of if one.theory]
        if theory:
            axes.plot(*zip(*theory, strict=True), ":", color=colour, label="theory", zorder=2)


def _told(one: _Beside) -> list[str]:
    """Return the ratios at the smallest and the largest batch size, for a caption."""
    told = []
    for place, name in enumerate(_PANELS):
        for sparsity, panels in one.changed.items():
            ends = dict.fromkeys((panels[place][0], panels[place][-1]) if panels[place] else ())
            parts = [f"{known_text(end.ratio, end.interval)} at B = {end.batch_size}" for end in ends]
            told += [f"{name}, {sparsity:g}%: {', '.join(parts)}"] if parts else []
    return [f"{one.decaying.title} over {one.constant.title} [95%]: {'; '.join(told)}."]
