"""Draw the paper's figures for measured runs, or for your own logs.

python -m paper_figures DIR... [--figure 1 4 12 ratio] [--to OUT] [--format pdf] [--width 1] [--no-caption]
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from kstar.command_line import OneLineParser
from kstar.ending import command, say
from paper_figures.catalogue import FIGURES, FORMATS, figure_of, find_name, refuse_others, write
from paper_figures.drawing.sheet import Page, Sheet
from paper_figures.drawing.style import METADATA, read_style
from paper_figures.run import Run, figures_folder, read_run
from paper_figures.unmeasured import reasons, unmeasured

# Inches of the columns of a two-column paper, and of the widest of both.
COLUMNS = {"1": 3.25, "2": 6.75}
NARROWEST, WIDEST = 2.5, 60.0


@command
def main(arguments: Sequence[str] | None = None, prog: str = "python -m paper_figures") -> int:
    """Run the command.

    Args:
        arguments: Command line, without the program's name; None for the process's own.
        prog: How the program was called.

    Returns:
        Exit code 0; errors of the user exit with code 2.
    """
    parser = OneLineParser(prog=prog, description="Draw the paper's figures for measured runs or logs.")
    parser.add_argument("runs", nargs="+", type=Path, metavar="DIR", help="run folders, or CSV files of your own logs")
    parser.add_argument(
        "--figure", nargs="+", default=list(FIGURES), metavar="N", help=f"which ones: {', '.join(FIGURES)}; 1 or ratio"
    )
    parser.add_argument(
        "--to",
        type=Path,
        metavar="OUT",
        help="draw all runs together into this folder, not each into its own "
        "(DIR/figures; FILE-figures beside FILE.csv)",
    )
    parser.add_argument(
        "--format", nargs="+", default=FORMATS, choices=METADATA, help="of the files (default: svg png)"
    )
    parser.add_argument(
        "--width",
        type=_width,
        metavar="W",
        help="inches, or 1 or 2: columns of a two-column paper, 3.25 and 6.75 inches",
    )
    parser.add_argument(
        "--no-caption", action="store_true", help="write the caption into a file beside the figure, for LaTeX"
    )
    parser.add_argument("--no-title", action="store_true", help="head no part of a figure; the caption says what it is")
    parser.add_argument("--style", type=Path, metavar="FILE", help="a style file of matplotlib, for fonts and sizes")
    options = parser.parse_args(arguments)
    try:
        style = {} if options.style is None else read_style(options.style)
        sheet = Sheet(options.width, caption=not options.no_caption, title=not options.no_title, style=style)
        names = [find_name(text) for text in options.figure]
        runs = [read_run(source, tell=_notice) for source in options.runs]
        jobs = [(runs, options.to)] if options.to else [([run], figures_folder(run.source)) for run in runs]
        for folder in (folder for together, folder in jobs if options.to or together[0].is_table):
            for name in names if folder.is_dir() else ():
                refuse_others(name, folder, [*options.format, *(["tex"] if options.no_caption else [])])
        drawn = [_draw(names, together, folder, sheet, options.format) for together, folder in jobs]
        every = [figure for figures in drawn for figure in figures.values()]
        if not any(figure.axes for figure in every):
            raise ValueError(f"nothing to draw: {'; '.join(dict.fromkeys(map(reasons, every)))}")
    except (ValueError, OSError) as error:
        parser.refuse(error)
    for line in (line for figures in drawn for line in unmeasured(figures)):
        print(line, file=sys.stderr)
    return 0


def _draw(
    names: Sequence[str], runs: Sequence[Run], folder: Path, sheet: Sheet, formats: Sequence[str]
) -> dict[str, Page]:
    """Draw figures into a folder, and name their files."""
    figures = {}
    for name in names:
        figures[name] = figure_of(name, runs, sheet)
        for path in write(figures[name], name, folder, formats):
            say(str(path))
    return figures


def _notice(line: str) -> None:
    """Print a notice beside the results."""
    print(f"notice: {line}", file=sys.stderr)


def _width(text: str) -> float:
    """Return a width in inches from inches, or from columns of a two-column paper."""
    try:
        width = COLUMNS.get(text) or float(text)
    except ValueError:
        width = 0.0
    if not NARROWEST <= width <= WIDEST:
        raise argparse.ArgumentTypeError(f"{text}: give 1 or 2 columns, or {NARROWEST:g} to {WIDEST:g} inches")
    return width


if __name__ == "__main__":
    sys.exit(main())
