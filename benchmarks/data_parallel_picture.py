"""The picture of `python -m benchmarks.data_parallel`: the time of a step and of a run against B."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from paper_figures.drawing.style import METADATA, RC, decade_axis, log2_axis
from theory import HYPERBOLA

_LOOKS = {1: ("#000000", "o"), 2: ("#0C7BDC", "s")}


def draw(found: dict[str, Any], path: Path) -> None:
    """Draw a step's processor time with t0 + t1 B, and the time to the result that follows, the least of each marked.

    Args:
        found: What the command measured, as plain JSON values.
        path: Where to; the same values give the same bytes.
    """
    with mpl.rc_context(dict(RC)):
        figure = Figure(figsize=(7.5, 3.4), layout="constrained")
        FigureCanvasAgg(figure)
        steps, runs = figure.subplots(1, 2)
        sizes = [cell["batch_size"] for cell in found["cells"]]
        grid = np.geomspace(min(sizes), max(sizes), 129)
        times, totals = [], []
        for line in (line for line in found["lines"] if line["by"] == "busy"):
            colour, marker = _LOOKS[line["processes"]]
            own = [cell for cell in found["cells"] if cell["processes"] == line["processes"]]
            seen = [1e3 * cell["busy"] for cell in own]
            curve = line["fixed"] + line["per_example"] * grid
            total = HYPERBOLA.steps(grid, c1=found["c1"], c2=found["c2"]) * curve
            label = f"W = {line['processes']}"
            steps.plot([cell["batch_size"] for cell in own], seen, marker, color=colour)
            steps.plot(grid, 1e3 * curve, color=colour, label=label)
            runs.plot(grid, total, color=colour, label=label)
            if line["batch_size"] and grid[0] <= line["batch_size"] <= grid[-1]:
                runs.plot([line["batch_size"]], [line["seconds"]], marker, color=colour)
            times += [*seen, *(1e3 * curve)]
            totals += [*total]
        for axes, values, label in (
            (steps, times, "processor time of a step, ms"),
            (runs, totals, "time to the result, s"),
        ):
            log2_axis(axes.xaxis, min(sizes) / 1.3, max(sizes) * 1.3)
            decade_axis(axes.yaxis, min(values) / 1.3, max(values) * 1.3)
            axes.set_xlabel("batch size $B$")
            axes.set_ylabel(label)
            axes.legend()
        kind = path.suffix.lstrip(".")
        figure.savefig(path, format=kind, metadata=dict(METADATA.get(kind, {})))
