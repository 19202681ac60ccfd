"""Draw the paper's figures for measured runs, or for your own logs.

python -m paper_figures DIR... [--figure 1 4 12 ratio] [--to OUT]
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from kstar.command_line import OneLineParser
from kstar.ending import command, say
from paper_figures.catalogue import FIGURES, figure_of, find_name, refuse_others, write
from paper_figures.drawing.sheet import Page
from paper_figures.run import Run, figures_folder, read_run
from paper_figures.unmeasured import reasons, unmeasured


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
    options = parser.parse_args(arguments)
    try:
        names = [find_name(text) for text in options.figure]
        runs = [read_run(source) for source in options.runs]
        for run in runs:
            if run.note:
                print(f"notice: {run.note}", file=sys.stderr)
        jobs = [(runs, options.to)] if options.to else [([run], figures_folder(run.source)) for run in runs]
        for folder in (folder for together, folder in jobs if options.to or together[0].is_table):
            for name in names if folder.is_dir() else ():
                refuse_others(name, folder)
        drawn = [_draw(names, together, folder) for together, folder in jobs]
        every = [figure for figures in drawn for figure in figures.values()]
        if not any(figure.axes for figure in every):
            raise ValueError(f"nothing to draw: {'; '.join(dict.fromkeys(map(reasons, every)))}")
    except (ValueError, OSError) as error:
        parser.refuse(error)
    for line in (line for figures in drawn for line in unmeasured(figures)):
        print(line, file=sys.stderr)
    return 0


def _draw(names: Sequence[str], runs: Sequence[Run], folder: Path) -> dict[str, Page]:
    """Draw figures into a folder, and name their files."""
    figures = {}
    for name in names:
        figures[name] = figure_of(name, runs)
        for path in write(figures[name], name, folder):
            say(str(path))
    return figures


if __name__ == "__main__":
    sys.exit(main())
