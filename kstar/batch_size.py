"""`kstar batch-size`: which batch size to use, from a run or a CSV file, with a picture where one is asked for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from kstar.command_line import OneLineParser
from kstar.ending import command, say
from verification.cells import wrapped
from verification.claims.analysis import Analysis, analyse
from verification.command_line import checked
from verification.records.records import read_records
from verification.report.advice import check_time
from verification.report.card import card_text
from verification.report.recommend import StepTime, cards_of, line_of_time
from verification.report.tables import note_lines


@command
def main(arguments: Sequence[str] | None = None, prog: str = "python -m kstar.batch_size") -> int:
    """Run the command.

    Args:
        arguments: The command line, without the program's name; None reads sys.argv.
        prog: The name it is called by.

    Returns:
        Exit code 0; errors of the user exit with code 2.
    """
    parser = OneLineParser(prog=prog, description="Which batch size to use, what it costs, and what would change that.")
    parser.add_argument("input", type=Path, help="a run folder, or a CSV file with batch_size,steps")
    parser.add_argument(
        "--step-time",
        type=checked(check_time, "a number > 0"),
        nargs=2,
        metavar=("T0", "T1"),
        help="a step takes T0 + T1 B: pick the shortest run (default: the column seconds_per_step, if there is one)",
    )
    parser.add_argument("--to", type=Path, metavar="OUT", help="also draw it into this folder, as SVG and PNG")
    options = parser.parse_args(arguments)
    try:
        analysis = analyse(read_records(options.input))
        time = None if options.step_time is None else line_of_time(*options.step_time)
        found = cards_of(analysis, time)
        drawn = [] if options.to is None else _drawn(analysis, time, options.to)
    except (ValueError, OSError) as error:
        parser.refuse(error)
    titled = len(found) > 1 or analysis.curves[0].curve.title
    told = ["\n".join([*([wrapped(one.title)] if titled else []), card_text(one)]) for one in found]
    say("\n".join([*note_lines(analysis.records), "\n\n".join(told)]))
    if drawn:
        say(f"\nWrote {', '.join(map(str, drawn))}")
    return 0


def _drawn(analysis: Analysis, step_time: StepTime | None, folder: Path) -> list[Path]:
    """Draw the picture of an analysis into a folder and return the files."""
    from paper_figures.catalogue import CARD, figure_of, refuse_others, write  # noqa: PLC0415 - loads matplotlib
    from paper_figures.run import Run  # noqa: PLC0415 - likewise

    if folder.is_dir():
        refuse_others(CARD, folder)
    return write(figure_of(CARD, [Run.of(analysis, step_time=step_time)]), CARD, folder)


if __name__ == "__main__":
    sys.exit(main())
