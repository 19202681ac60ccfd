"""Every figure by its name, and how one becomes files."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import matplotlib as mpl
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from paper_figures.drawing.latex import latex
from paper_figures.drawing.sheet import SHEET, Page, Sheet
from paper_figures.drawing.style import MAKER, METADATA
from paper_figures.extras.account import extra_account
from paper_figures.extras.batch_size import extra_batch_size
from paper_figures.extras.decay import extra_decay
from paper_figures.extras.examples import extra_examples
from paper_figures.extras.fits import extra_fits
from paper_figures.extras.forest import extra_forest
from paper_figures.extras.predicted import extra_predicted
from paper_figures.extras.rates import extra_rates
from paper_figures.extras.ratio import extra_ratio
from paper_figures.extras.residuals import extra_residuals
from paper_figures.extras.smoothness import extra_smoothness
from paper_figures.extras.trials import extra_trials
from paper_figures.extras.window import extra_window
from paper_figures.figures.figure_01 import figure_01
from paper_figures.figures.figure_02 import figure_02
from paper_figures.figures.figure_03 import figure_03
from paper_figures.figures.figure_05 import figure_05
from paper_figures.figures.figure_12 import figure_12
from paper_figures.figures.figures_04_and_06 import FIGURE_04, FIGURE_06, HESSIAN
from paper_figures.figures.figures_07_to_11 import FIGURES_07_TO_11
from paper_figures.figures.figures_13_to_18 import FIGURES_13_TO_18, WORKLOADS
from paper_figures.run import Run
from paper_figures.unmeasured import short
from verification.report.target_file import Target, check_targets, holds, write_whole


@dataclass(frozen=True)
class FigureEntry:
    """One figure.

    Attributes:
        title: What it shows, one line.
        draw: Makes it from one run or several; without panels where nothing was measured for it.
    """

    title: str
    draw: Callable[[Sequence[Run], Sheet], Page]


CARD = "extra_batch_size"
FORMATS = ("svg", "png")
_CURVES = "steps-to-result against batch size"
_ENTRIES = {
    1: FigureEntry(_CURVES, figure_01),
    **{
        number: FigureEntry(f"{_CURVES}, {workloads}", FIGURES_07_TO_11[number])
        for number, workloads in {
            7: "MNIST and what is not of the paper",
            8: "Fashion-MNIST, goal error 0.12",
            9: "Fashion-MNIST, goal error 0.14",
            10: "CIFAR-10, decaying rate",
            11: "CIFAR-10, constant rate",
        }.items()
    },
    4: FigureEntry("smoothness L over training", FIGURE_04),
    6: FigureEntry("training loss of the runs behind figure 4", FIGURE_06),
    12: FigureEntry("steps of the sparsest network over the dense one's", figure_12),
    2: FigureEntry("the optimisers together", figure_02),
    3: FigureEntry("how trials end over learning rate and momentum", figure_03),
    5: FigureEntry("steps against the learning rate", figure_05),
    **{
        number: FigureEntry(f"how trials end: {workload}", shown)
        for (number, shown), workload in zip(FIGURES_13_TO_18.items(), WORKLOADS, strict=True)
    },
}
_EXTRAS = {
    "batch_size": FigureEntry("which batch size to use, and what it costs", extra_batch_size),
    "account": FigureEntry("what K* over the dense network's is made of", extra_account),
    "fits": FigureEntry("the fitted law of every curve, with its band", extra_fits),
    "rates": FigureEntry("the best rate and eta* K* against theory", extra_rates),
    "window": FigureEntry("K over multiples of the best rate against theory", extra_window),
    "ratio": FigureEntry("the ratio R(B) with both limits", extra_ratio),
    "forest": FigureEntry("the ratios of c1, c2 and B_crit over all runs, with their verdicts", extra_forest),
    "predicted": FigureEntry("predicted ratios against measured ones", extra_predicted),
    "decay": FigureEntry("steps and first rates under a decay over those at a constant rate", extra_decay),
    "examples": FigureEntry("examples to result against batch size", extra_examples),
    "hessian": FigureEntry("L and the Hessian's top eigenvalue along a run", HESSIAN),
    "trials": FigureEntry("K* and K_rate against the number of trials", extra_trials),
    "smoothness": FigureEntry("L against the rate of the run it was measured along", extra_smoothness),
    "residuals": FigureEntry("residuals of the rival laws", extra_residuals),
}
FIGURES: Mapping[str, FigureEntry] = MappingProxyType(
    {
        **{f"figure_{number:02d}": entry for number, entry in sorted(_ENTRIES.items())},
        **{f"extra_{name}": entry for name, entry in _EXTRAS.items()},
    }
)


def write(figure: Page, name: str, folder: Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write one figure into a folder; nothing where nothing was measured for it.

    Args:
        figure: Laid out.
        name: A key of `FIGURES`.
        folder: Made when it does not exist.
        formats: Keys of `METADATA`.

    Returns:
        The files written.

    Raises:
        OSError: If the folder cannot be written to.
    """
    if not figure.axes:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for kind in formats:
        written.append(folder / f"{name}.{kind}")
        write_whole(written[-1], drawn(figure, kind))
    if not figure.sheet.caption:
        written.append(folder / f"{name}.tex")
        write_whole(written[-1], f"% The caption of {name}, by {MAKER}.\n{latex(figure.told)}\n")
    return written


def drawn(figure: Page, kind: str) -> bytes:
    """Return a figure as the content of a file.

    Args:
        figure: Laid out.
        kind: A key of `METADATA`.
    """
    content = io.BytesIO()
    with mpl.rc_context(figure.sheet.settings):
        figure.savefig(content, format=kind, metadata=dict(METADATA[kind]))
    return _in_few_colours(content) if kind == "png" else content.getvalue()


def _in_few_colours(content: io.BytesIO) -> bytes:
    """Return a PNG in 256 colours, a third as large; a style may have made it transparent: that stays as it is."""
    image = Image.open(content)
    ((least_opacity, _),) = image.getextrema()[3:]
    if least_opacity < 255:
        return content.getvalue()
    told = PngInfo()
    for name, text in METADATA["png"].items():
        told.add_text(name, str(text))
    smaller = io.BytesIO()
    image.convert("RGB").quantize().save(smaller, "png", optimize=True, pnginfo=told, dpi=image.info["dpi"])
    return smaller.getvalue()


def figure_of(name: str, runs: Sequence[Run], sheet: Sheet = SHEET) -> Page:
    """Return one figure, laid out; without panels where nothing was measured for it.

    Args:
        name: A key of `FIGURES`.
        runs: What it shows, one or more.
        sheet: How it is to stand on a page.
    """
    with mpl.rc_context(sheet.settings):
        figure = FIGURES[name].draw(runs, sheet)
        _settle(figure)
    return figure


def refuse_others(name: str, folder: Path, endings: Sequence[str] = FORMATS) -> None:
    """Refuse to draw over files that `write` did not write: ours name their maker.

    Args:
        name: A key of `FIGURES`.
        folder: Where it is to be drawn.
        endings: Of the files that are to be written.

    Raises:
        ValueError: If one of the figure's files is there and is none of ours.
    """
    files = [folder / f"{name}.{kind}" for kind in endings]
    check_targets([Target("--to", file, "figure of this command", holds(MAKER)) for file in files])


def _settle(figure: Page) -> None:
    """Lay a figure out, once for all its files, and round where panels stand: the solver's last digits vary."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        left, bottom, width, height = (round(float(value), 6) for value in axes.get_position().bounds)
        axes.set_position((left, bottom, width, height))


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
    raise ValueError(f"--figure {text} is none of {', '.join(map(short, FIGURES))}")
