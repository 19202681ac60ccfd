"""Steps under a decaying rate, and best first rates, over those at a constant one, with what theory says of both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from paper_figures.drawing.points import draw_bars
from paper_figures.drawing.rows import Row, rows_of
from paper_figures.drawing.sheet import SHEET, Block, Page, Sheet, page
from paper_figures.drawing.style import REFERENCE_LINE, decade_axis, log2_axis, looks
from paper_figures.run import Run
from verification.cells import known_text
from verification.fits.curves import FittedCurve
from verification.own_claims.decays import Changed, beside_constant, first_rates_changed, steps_changed

COLUMN_WIDTH, ROW_HEIGHT = 4.4, 3.4
CAPTION = (
    "Points: geometric means over replicates, bars 95% intervals between them. Dotted: what result 13 of the theory "
    "says, which takes gradient and noise for constant along a run. Dashed: no change."
)
_PANELS: dict[str, Callable[[FittedCurve, FittedCurve], list[Changed]]] = {
    "steps to result": steps_changed,
    "best first rate": first_rates_changed,
}
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
    found = [beside for one in rows for other in rows if (beside := _beside(one, other)).changed]
    falling = [row for row in rows if row.workload.endswith("/linear")]
    missing = [
        f"{row.title}: no run at a constant rate beside it; name both, with --to"
        for row in falling
        if all(one.decaying is not row for one in found)
    ]
    missing += [] if falling else ["no run with a rate that decays, a workload whose name ends in /linear"]
    blocks = [Block(one.decaying.title, len(_PANELS)) for one in found]
    told = [CAPTION, *(line for one in found for line in _told(one))]
    figure, parts = page(sheet, (COLUMN_WIDTH, ROW_HEIGHT), blocks, told, missing)
    for part, one in zip(parts, found, strict=True):
        for place, (axes, name) in enumerate(zip(part.panels, _PANELS, strict=True)):
            axes.set_title(name)
            axes.set_ylabel("decaying over constant")
            _draw(axes, {sparsity: panels[place] for sparsity, panels in one.changed.items()})
        part.key()
    return figure


def _beside(decaying: Row, constant: Row) -> _Beside:
    """Return what changes from one row to another, nothing where they do not belong together."""
    same, changed = decaying.run.records.masks == constant.run.records.masks, {}
    for over, under in beside_constant([*decaying.curves, *constant.curves]) if same else ():
        if over in decaying.curves:
            fits = decaying.run.analysis.fitted(over), constant.run.analysis.fitted(under)
            changed[over.sparsity] = [compared(*fits) for compared in _PANELS.values()]
    return _Beside(decaying, constant, {level: panels for level, panels in changed.items() if any(panels)})


def _draw(axes: Axes, changed: dict[float, list[Changed]]) -> None:
    """Draw the ratios of every sparsity, side by side."""
    every = [one for of in changed.values() for one in of]
    sizes = [one.batch_size for one in every] or [1]
    ends = [end for one in every for end in (one.ratio, one.interval.low, one.interval.high, one.theory) if end]
    axes.set_xlabel("batch size $B$")
    log2_axis(axes.xaxis, min(sizes) / 1.6, max(sizes) * 1.6)
    decade_axis(axes.yaxis, max(min([1.0, *ends]), 0.05) / 1.15, min(max([1.0, *ends]), 20.0) * 1.15)
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
            ends = [panels[place][0], panels[place][-1]] if panels[place] else []
            parts = [f"{known_text(end.ratio, end.interval)} at B = {end.batch_size}" for end in ends]
            told += [f"{name}, {sparsity:g}%: {', '.join(parts)}"] if parts else []
    return [f"{one.decaying.title} over {one.constant.title} [95%]: {'; '.join(told)}."]
