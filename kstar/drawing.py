"""Figures of fits and runs in memory, drawn by `paper_figures`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt  # lets notebooks show what is drawn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kstar import given
from paper_figures.catalogue import figure_of, find_name, refuse_others, write
from paper_figures.drawing.curve_panels import draw_critical_batch_size
from paper_figures.drawing.key import key_of
from paper_figures.drawing.style import log2_axis, looks
from paper_figures.extras.fits import draw_curve
from paper_figures.run import Run
from paper_figures.unmeasured import reasons
from verification.claims.analysis import Analysis
from verification.fits.curves import FittedCurve
from verification.missing import Missing
from verification.records.records import Records


def draw_fit(analysis: Analysis, fitted: FittedCurve, ax: Axes | None, color: str | None) -> Axes:
    """Draw one fitted curve; see `kstar.fitting.Fit.plot`."""
    axes = plt.subplots()[1] if ax is None else ax
    if not isinstance(axes, Axes):
        raise ValueError(f"ax is a {type(axes).__name__}: give one matplotlib Axes, such as plt.gca()")
    before = (axes.get_xlim(), axes.get_ylim()) if axes.has_data() else None
    run, curve = Run.of(analysis), fitted.curve
    colour, marker = looks([curve.sparsity])[curve.sparsity]
    look = (color or colour, marker)
    draw_curve(axes, run, curve, look, [curve])
    law = run.fit(curve)
    if not isinstance(law, Missing):
        draw_critical_batch_size(axes, law, look[0])
    handles, _, _ = key_of([axes], axes.get_window_extent().width / axes.figure.dpi)
    axes.legend(handles=handles, loc="best", frameon=False)
    if before is not None:
        now = (axes.get_xlim(), axes.get_ylim())
        for axis, old, new in zip((axes.xaxis, axes.yaxis), before, now, strict=True):
            log2_axis(axis, min(one for one in (*old, *new) if one > 0.0), max(*old, *new))
    return axes


def draw_runs(
    records: Sequence[Records], analyses: Callable[[], Sequence[Analysis]], name: object, to: Path | None
) -> Figure:
    """Draw a figure of the catalogue; see `kstar.runs.Run.draw`."""
    runs = [Run(one, partial(_nth, analyses, place)) for place, one in enumerate(records)]
    try:
        chosen = find_name(str(name))
        if to is not None and to.is_dir():
            refuse_others(chosen, to)
    except ValueError as error:
        raise ValueError(given.as_in_python(str(error))) from None
    figure = figure_of(chosen, runs)
    if not figure.axes:
        raise ValueError(f"nothing was measured for figure {name}: {reasons(figure)}")
    if to is not None:
        write(figure, chosen, to)
    return figure


def _nth(analyses: Callable[[], Sequence[Analysis]], place: int) -> Analysis:
    """Return one of some analyses, which are made where none was asked for before."""
    return analyses()[place]
