"""Examples to result, B K*(B), against batch size: what the parallelism costs."""

from collections.abc import Sequence

import numpy as np

from paper_figures.drawing.rows import rows_of
from paper_figures.drawing.sheet import Page, page
from paper_figures.drawing.style import headline, log2_axis, looks, sparsity_legend
from paper_figures.run import Run
from theory import HYPERBOLA
from verification.fits.curves import FittedLaw

WIDTH, ROW_HEIGHT = 7.5, 3.8
CAPTION = (
    "Examples to result, $B K^*$: constant under linear scaling, rising with B on the plateau. Points: $K^*$ times B, "
    "bars what the evaluation grid leaves, open triangles at the budget where the goal was not reached. Curves: "
    "$B K = c_1 + c_2 B$ by maximum likelihood."
)


def extra_examples(runs: Sequence[Run]) -> Page:
    """Draw one panel per workload and goal.

    Args:
        runs: One or more runs.

    Returns:
        The figure.
    """
    rows = rows_of(runs)
    counts = [f"{row.title}: n = {sum(len(curve.points) for curve in row.curves)} studies." for row in rows]
    figure, parts = page(WIDTH, [ROW_HEIGHT] * len(rows), [CAPTION, *counts])
    for part, row in zip(parts, rows, strict=True):
        headline(part, row.title)
        axes = part.subplots()
        axes.set_xlabel("batch size $B$")
        axes.set_ylabel("examples to result $B K^*$")
        colours = looks(curve.sparsity for curve in row.curves)
        every = []
        for curve in row.curves:
            colour, marker = colours[curve.sparsity]
            hit = [(p.batch_size, p.lower * p.batch_size, p.upper * p.batch_size) for p in curve.points if p.upper]
            spent = [(p.batch_size, p.lower * p.batch_size) for p in curve.points if not p.reached]
            every += [end for _, *ends in (*hit, *spent) for end in ends if end > 0.0]
            if hit:
                x, low, high = (np.array(column) for column in zip(*hit, strict=True))
                axes.errorbar(
                    x,
                    high,
                    yerr=[high - low, np.zeros_like(high)],
                    fmt=marker,
                    color=colour,
                    label=f"{curve.sparsity:g}%",
                )
            if spent:
                axes.plot(*zip(*spent, strict=True), "^", color=colour, markerfacecolor="none", label="not reached")
            fit = row.run.fit(curve)
            if isinstance(fit, FittedLaw):
                grid = np.geomspace(curve.points[0].batch_size, curve.points[-1].batch_size, 129)
                examples = grid * HYPERBOLA.steps(grid, **fit.parameters)
                every += [float(examples[0]), float(examples[-1])]
                axes.plot(grid, examples, color=colour, label="fit")
        sizes = [point.batch_size for curve in row.curves for point in curve.points]
        log2_axis(axes.xaxis, min(sizes) / 1.3, max(sizes) * 1.3, 14)
        log2_axis(axes.yaxis, min(every) / 1.6, max(every) * 1.6)
        part.legend(handles=sparsity_legend(colours), loc="outside right center")
    return figure
