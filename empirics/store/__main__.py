"""`python -m empirics.store RUN...`: make finished runs small enough to be kept."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

from empirics.store.shrink import shrink
from kstar.command_line import OneLineParser
from kstar.ending import command, say


@command
def main(arguments: Sequence[str] | None = None, prog: str = "python -m empirics.store") -> int:
    """Run the command.

    Args:
        arguments: Command line, without the program's name; None for the process's own.
        prog: How the program was called.

    Returns:
        Exit code 0; errors of the user exit with code 2.
    """
    parser = OneLineParser(prog=prog, description="Make finished runs small: drop masks, which a run finds again.")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run folders")
    parser.add_argument(
        "--traces", action="store_true", help="drop the errors of trials, too; verdicts and figures need none"
    )
    options = parser.parse_args(arguments)
    try:
        for run in options.runs:
            before, after = shrink(run, traces=options.traces)
            say(f"{run}: {before / 1e6:.2f} MB before, {after / 1e6:.2f} MB now")
    except (ValueError, OSError, sqlite3.Error) as error:
        parser.refuse(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
