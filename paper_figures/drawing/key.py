"""The key of some panels: every kind of line and point, named once."""

import math
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.container import ErrorbarContainer
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from paper_figures.drawing.style import REFERENCE_LINE

# What is drawn in several colours is named in this one.
_ANY = REFERENCE_LINE
# How a reader calls what panels call otherwise.
_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "fit": "fitted law",
        "band": "95% band",
        "critical batch size": "$B_{crit}$",
        "not reached": "goal not reached",
        "limit c1": "limit for small B",
        "limit c2": "limit for large B",
        "complete": "goal reached",
        "incomplete (budget spent)": "budget spent",
        "infeasible (diverged)": "diverged",
        "cut short when the study was over": "cut short",
        "best": "best trial",
        "draws": "draws at the goal",
        "draws missing": "draws that missed it",
    }
)


def key_of(panels: Sequence[Axes], width: float) -> tuple[list[Artist], int, int]:
    """Return an entry for every kind of line, point and band in some panels, how many columns fit, and their lines.

    Args:
        panels: In whatever they hold, a label names the kind; one that begins with `_` names none.
        width: Inches.

    Returns:
        Handles of a legend, its columns, and how many lines of text it is high.
    """
    found: dict[str, list[Artist]] = {}
    for axes in panels:
        for label, artist in _labelled(axes):
            found.setdefault(label, []).append(artist)
    handles = [_entry(_NAMES.get(label, label), found[label]) for label in sorted(found, key=_place)]
    letters = [len(str(handle.get_label()).replace("$", "")) for handle in handles]
    size = mpl.rcParams["font.size"] / 72.0
    ncols = max(1, min(len(handles), math.floor(width / ((0.47 * max(letters, default=1) + 3.4) * size))))
    if ncols == 1:
        _break(handles, math.floor((width / size - 3.4) / 0.5))
        return handles, 1, sum(str(handle.get_label()).count("\n") + 1 for handle in handles)
    return handles, ncols, -(-len(handles) // ncols)


def _break(handles: Sequence[Artist], letters: int) -> None:
    """Break labels into lines of so many letters."""
    for handle in handles:
        handle.set_label("\n".join(textwrap.wrap(str(handle.get_label()), letters, break_on_hyphens=False)))


def _place(label: str) -> tuple[bool, float]:
    """Return where an entry comes: sparsities first and ascending, others as they were drawn."""
    sparsity = re.fullmatch(r"([0-9.]+)%", label)
    return (sparsity is None, float(sparsity[1]) if sparsity else 0.0)


def _labelled(axes: Axes) -> Iterator[tuple[str, Artist]]:
    """Return what bears a label in a panel."""
    bars = [(str(one.get_label()), one.lines[0]) for one in axes.containers if isinstance(one, ErrorbarContainer)]
    shades = [one for one in axes.collections if isinstance(one, PolyCollection)]
    others = [(str(one.get_label()), one) for one in (*axes.lines, *shades, *axes.patches)]
    for label, artist in (*bars, *others):
        if isinstance(artist, Artist) and label and not label.startswith("_"):
            yield label, artist


def _entry(name: str, artists: Sequence[Artist]) -> Artist:
    """Return the entry of all that is of one kind."""
    first = artists[0]
    if not isinstance(first, Line2D):
        shades = {str(one.get_facecolor()) for one in artists if isinstance(one, PolyCollection | Patch)}
        entry = Patch(label=name)
        entry.set_facecolor(_ANY if len(shades) > 1 else first.get_facecolor())  # type: ignore[attr-defined]
        entry.set_alpha(0.25 if len(shades) > 1 else None)
        return entry
    lines = [one for one in artists if isinstance(one, Line2D)]
    same = len({str(one.get_color()) for one in lines}) == 1
    markers = {str(one.get_marker()) for one in lines}
    line = Line2D([], [])
    line.update_from(first)
    line.set_label(name)
    if not same:
        line.set_color(_ANY)
        line.set_markeredgecolor(_ANY)
        face = str(first.get_markerfacecolor())
        line.set_markerfacecolor(face if face in {"none", "white"} else _ANY)
    if len(markers) > 1:
        line.set_marker("o")
    return line
