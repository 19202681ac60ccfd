"""A picture of every law with its parts: c1/B, c2, the slopes between them and the critical batch size."""

from typing import TYPE_CHECKING

import numpy as np

from theory.laws import LAWS, Law

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

C1, C2 = 25_600.0, 100.0
"""The constants drawn: a critical batch size of 256."""
_SHAPES = {"alpha": 0.7, "h": 0.4}
_TOP = 2e4
_SIZES = np.geomspace(4.0, 16_384.0, 481)


def slope_at(law: Law, batch_size: float) -> float:
    r"""Return the slope of log K on log B of a law with the constants that are drawn.

    Args:
        law: One of `LAWS`.
        batch_size: B, scalar, examples. Finite, > 0, where the law has a K on both sides.

    Returns:
        Scalar, a difference over 0.2% of B. At a corner of the law it is the mean of both sides.

    Raises:
        ValueError: If the batch size is outside the range above.

    Reference:
        docs/theory.md, result 17.

    Example:
        >>> from theory.laws import HYPERBOLA
        >>> round(slope_at(HYPERBOLA, C1 / C2), 4)
        -0.5
    """
    sizes = batch_size * np.array([0.999, 1.001])
    return float(np.diff(np.log(law.steps(sizes, **_parameters(law))))[0] / np.diff(np.log(sizes))[0])


def draw_laws() -> "Figure":
    r"""Return a figure with a panel for every law.

    Returns:
        Panels in the order of `LAWS`, K against B, both on logarithmic axes.

    Reference:
        docs/theory.md.

    Example:
        >>> [panel.get_title()[:1] for panel in draw_laws().axes]
        ['H', 'P', 'S', 'P', 'X', 'I']
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  (only pictures need matplotlib)
    from matplotlib.figure import Figure  # noqa: PLC0415

    rows = -(-len(LAWS) // 3)
    figure = Figure(figsize=(9.6, 2.8 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, 3, sharex=True, sharey=True).ravel()
    for panel, law in zip(panels, LAWS.values(), strict=False):
        _draw(panel, law)
    for panel in panels[len(LAWS) :]:
        panel.remove()
    panels[0].legend(frameon=False, fontsize="small", loc="upper right")
    figure.supxlabel("batch size B (examples)")
    figure.supylabel("steps K")
    return figure


def _parameters(law: Law) -> dict[str, float]:
    shape = {} if law.shape is None else {law.shape: _SHAPES[law.shape]}
    return {"c1": C1, "c2": C2, **shape}


def _draw(panel: "Axes", law: Law) -> None:
    parameters = _parameters(law)
    steps, critical = law.steps(_SIZES, **parameters), C1 / C2
    has_k = np.isfinite(steps)
    power = parameters.get("alpha", 1.0)
    panel.plot(_SIZES, C1 / _SIZES**power, ":", color="0.35", label="$c_1/B$" if power == 1.0 else "$c_1/B^\\alpha$")
    panel.axhline(C2, ls="--", color="0.35", label="$c_2$")
    panel.axvline(critical, lw=0.8, color="#d55e00", label="$B_c = c_1/c_2$")
    panel.plot(_SIZES[has_k], steps[has_k], color="#0072b2", lw=2, label="$K(B)$")
    shape = {None: "", "alpha": f", $\\alpha$ = {_SHAPES['alpha']}", "h": f", h = {_SHAPES['h']}"}[law.shape]
    panel.set(xscale="log", yscale="log", ylim=(50.0, _TOP), title=f"{law.id}: {law.name}{shape}")
    knee = 2.0 * critical if law.id in {"X", "I"} else critical  # law I has no K at B_c
    first = float(_SIZES[has_k & (steps < _TOP / 2.0)][0])
    for size, offset, side in ((first, (6, 2), "left"), (knee, (7, 3), "left"), (_SIZES[-1], (0, 11), "right")):
        slope = f"{slope_at(law, size):.2f}".removesuffix(".00")
        panel.annotate(
            "slope 0" if slope == "-0" else f"slope {slope}",
            (size, float(law.steps([size], **parameters)[0])),
            textcoords="offset points",
            xytext=offset,
            ha=side,
            fontsize="x-small",
        )
