"""Draw the paper's figures for measured runs.

python -m paper_figures DIR... [--figure 1] [--to OUT]
"""

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

import matplotlib as mpl
from matplotlib.figure import Figure

from paper_figures.figure_01 import figure_01
from paper_figures.sources import Run, read_run
from paper_figures.style import METADATA, RC

FIGURES: Mapping[int, Callable[[Sequence[Run]], Figure]] = MappingProxyType({1: figure_01})


class _Parser(ArgumentParser):
    """A parser whose errors take one line."""

    def error(self, message: str) -> NoReturn:
        """Print the error on one line and exit with code 2."""
        self.exit(2, f"{self.prog}: {message}\n")


def draw(number: int, runs: Sequence[Run], folder: Path) -> list[Path]:
    """Draw one figure into a folder, as SVG and PNG.

    Args:
        number: A key of `FIGURES`.
        runs: What it shows.
        folder: Made when it does not exist.

    Returns:
        The files written.

    Raises:
        OSError: If the folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with mpl.rc_context(dict(RC)):
        figure = FIGURES[number](runs)
        for kind, metadata in METADATA.items():
            path = folder / f"figure_{number:02d}.{kind}"
            figure.savefig(path, metadata=dict(metadata))
            written.append(path)
    return written


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Command line, without the program's name; None for the process's own.

    Returns:
        Exit code 0; errors of the user exit with code 2.
    """
    parser = _Parser(prog="python -m paper_figures", description="Draw the paper's figures for measured runs.")
    parser.add_argument("runs", nargs="+", type=Path, metavar="DIR", help="run folders")
    parser.add_argument("--figure", nargs="+", type=int, default=sorted(FIGURES), metavar="N", help="which ones")
    parser.add_argument(
        "--to", type=Path, metavar="OUT", help="draw all runs together into this folder, not each into its own"
    )
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.figure) - set(FIGURES))
    if unknown:
        parser.error(f"--figure {unknown[0]} is not drawn by this version, only {', '.join(map(str, FIGURES))}")
    try:
        runs = [read_run(folder) for folder in options.runs]
        jobs = [(runs, options.to)] if options.to else [([run], run.folder / "figures") for run in runs]
        for number in options.figure:
            for together, folder in jobs:
                for path in draw(number, together, folder):
                    print(path)
    except (ValueError, OSError) as error:
        parser.error(" ".join(str(error).split()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
