"""`python -m verification.report`: fits, ratios and a verdict on each claim, for a run or a CSV file.

python -m verification.report INPUT [--save] [--json FILE] [--markdown FILE] [--batch-size-for-efficiency E]
    [--step-time T0 T1] [--minimum]
"""

import argparse
import gc
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from kstar.command_line import OneLineParser
from kstar.ending import command, say
from verification.claims.analysis import analyse
from verification.command_line import add_draws, checked
from verification.fits.curves import FittedCurve
from verification.inference.curve_tests import DRAWS
from verification.records.records import read_records
from verification.report.advice import check_efficiency, check_time
from verification.report.details import MARK, markdown
from verification.report.target_file import Target, check_targets, holds, write_whole
from verification.report.text import report_text
from verification.report.verdicts import FILE_NAME, dump, is_verdicts, to_json


@command
def main(arguments: Sequence[str] | None = None, prog: str = "python -m verification.report") -> int:
    """Run the command.

    Args:
        arguments: Command line, without the program's name; None for the process's own.
        prog: How the program was called.

    Returns:
        Exit code 0; errors of the user exit with code 2.
    """
    parser = OneLineParser(prog=prog, description="Fits, ratios and verdicts of a run.")
    parser.add_argument("input", type=Path, help="a run folder, or a CSV file with batch_size,steps_to_result")
    parser.add_argument("--save", action="store_true", help="keep the verdicts in the run folder, as verdicts.json")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the verdicts here")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the report here")
    parser.add_argument(
        "--batch-size-for-efficiency",
        type=checked(check_efficiency, "a number between 0 and 1"),
        metavar="E",
        help="print the batch size at which a share E of linear scaling is left",
    )
    parser.add_argument(
        "--step-time",
        type=checked(check_time, "a number > 0"),
        nargs=2,
        metavar=("T0", "T1"),
        help="print the fastest batch size if a step takes T0 + T1 B",
    )
    parser.add_argument(
        "--minimum", action="store_true", help="judge K*, the least over trials, also where K_rate is known"
    )
    add_draws(parser, DRAWS)
    options = parser.parse_args(arguments)
    try:
        _report(options)
    except (ValueError, OSError) as error:
        parser.refuse(error)
    return 0


def _report(options: argparse.Namespace) -> None:
    """Analyse, write what was asked for, print the tables and the next command."""
    source: Path = options.input
    targets = _targets(options)
    check_targets(targets)
    records = read_records(source, minimum=options.minimum)
    analysis = analyse(records, options.draws, _with_progress)
    for target in targets:
        write_whole(target.path, markdown(analysis) if target.option == "--markdown" else dump(to_json(analysis)))
    say(report_text(analysis, options.batch_size_for_efficiency, options.step_time))
    if targets:
        say("\nWrote " + ", ".join(str(target.path) for target in targets))
    if source.is_dir():
        say(f"Next: python -m paper_figures {shlex.quote(str(source))}")


def _targets(options: argparse.Namespace) -> list[Target]:
    """Return the files that are asked for."""
    targets = []
    if options.json is not None:
        targets.append(Target("--json", options.json, "verdicts of this command", is_verdicts))
    if options.save:
        if options.minimum:
            raise ValueError("--save keeps the verdicts that figures and pages show; with --minimum use --json FILE")
        if options.input.is_file():
            raise ValueError(f"--save keeps verdicts in a run folder, and {options.input} is a file; use --json FILE")
        # Whatever stands under this name in a run folder is ours, and made again where it is damaged.
        targets.append(Target("--save", options.input / FILE_NAME, "verdicts", lambda _: True))
    if options.markdown is not None:
        targets.append(Target("--markdown", options.markdown, "report of this command", holds(MARK)))
    return targets


def _with_progress(curves: Iterable[FittedCurve]) -> Iterator[FittedCurve]:
    """Yield curves while a bar on stderr shows how many were tested, where a person looks."""
    listed = list(curves)
    if not sys.stderr.isatty():
        yield from listed
        return
    from rich.console import Console  # noqa: PLC0415 - only people see it
    from rich.progress import track  # noqa: PLC0415

    yield from track(listed, description="testing curves", console=Console(stderr=True), transient=True)


if __name__ == "__main__":
    # What was imported stays; to look for garbage in it again and again takes a tenth of a report.
    gc.freeze()
    sys.exit(main())
