"""Draw the paper's figures for measured runs.

python -m paper_figures DIR... [--figure 1 4 12 ratio] [--to OUT]
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from kstar.command_line import OneLineParser
from kstar.ending import command, say
from paper_figures.catalogue import FIGURES, draw, find_name, refuse_others
from paper_figures.run import read_run


@command
def main(arguments: Sequence[str] | None = None, prog: str = "python -m paper_figures") -> int:
    """Run the command.

    Args:
        arguments: Command line, without the program's name; None for the process's own.
        prog: How the program was called.

    Returns:
        Exit code 0; errors of the user exit with code 2.
    """
    parser = OneLineParser(prog=prog, description="Draw the paper's figures for measured runs.")
    parser.add_argument("runs", nargs="+", type=Path, metavar="DIR", help="run folders")
    parser.add_argument(
        "--figure", nargs="+", default=list(FIGURES), metavar="N", help=f"which ones: {', '.join(FIGURES)}; 1 or ratio"
    )
    parser.add_argument(
        "--to", type=Path, metavar="OUT", help="draw all runs together into this folder, not each into its own"
    )
    options = parser.parse_args(arguments)
    try:
        names = [find_name(text) for text in options.figure]
        runs = [read_run(folder) for folder in options.runs]
        for run in runs:
            if run.note:
                print(f"notice: {run.note}", file=sys.stderr)
        jobs = [(runs, options.to)] if options.to else [([run], run.folder / "figures") for run in runs]
        if options.to and options.to.is_dir():
            for name in names:
                refuse_others(name, options.to)
        for name in names:
            for together, folder in jobs:
                for path in draw(name, together, folder):
                    say(str(path))
    except (ValueError, OSError) as error:
        parser.refuse(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
