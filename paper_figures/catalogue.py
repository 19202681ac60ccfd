"""Every figure by its name, and how one becomes files."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import matplotlib as mpl
from matplotlib.figure import Figure

from paper_figures.figure_01 import figure_01
from paper_figures.sources import Run
from paper_figures.style import METADATA, RC

MEASURE = "python -m empirics.measure"
REPORT = "python -m verification.report RUN"


@dataclass(frozen=True)
class FigureEntry:
    """One figure.

    Attributes:
        title: What it shows, one line.
        command: What makes the data that it may find missing.
        draw: Makes it from one run or several; what is missing is said in its place.
    """

    title: str
    command: str
    draw: Callable[[Sequence[Run]], Figure]


FIGURES: Mapping[str, FigureEntry] = MappingProxyType(
    {"figure_01": FigureEntry("steps-to-result against batch size", REPORT, figure_01)}
)


def draw(name: str, runs: Sequence[Run], folder: Path) -> list[Path]:
    """Draw one figure into a folder, as SVG and PNG.

    Args:
        name: A key of `FIGURES`.
        runs: What it shows, one or more.
        folder: Made when it does not exist.

    Returns:
        The files written.

    Raises:
        OSError: If the folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with mpl.rc_context(dict(RC)):
        figure = FIGURES[name].draw(runs)
        for kind, metadata in METADATA.items():
            path = folder / f"{name}.{kind}"
            figure.savefig(path, metadata=dict(metadata))
            written.append(path)
    return written


def draw_all(runs: Sequence[Run], folder: Path, names: Iterable[str] = tuple(FIGURES)) -> list[Path]:
    """Draw several figures, all by default; see `draw`.

    Args:
        runs: What they show, one or more.
        folder: Made when it does not exist.
        names: Keys of `FIGURES`.

    Returns:
        The files written.

    Raises:
        OSError: If the folder cannot be written to.
    """
    return [path for name in names for path in draw(name, runs, folder)]


def find_name(text: str) -> str:
    """Return the name of the figure that a user asks for by number or by name.

    Args:
        text: `1`, `figure_01`, `extra_ratio` or `ratio`.

    Returns:
        A key of `FIGURES`.

    Raises:
        ValueError: If there is no such figure; lists those there are.

    Example:
        >>> find_name("1")
        'figure_01'
    """
    number = f"figure_{int(text):02d}" if text.isdecimal() and len(text) < 4 else ""
    for name in (text, number, f"extra_{text}"):
        if name in FIGURES:
            return name
    known = [str(int(name[7:])) if name.startswith("figure_") else name[6:] for name in FIGURES]
    raise ValueError(f"--figure {text} is none of {', '.join(known)}")
