"""Report on a run or a CSV file: fits, ratios, and a verdict on each of the paper's claims.

python -m verification.report INPUT [--save] [--json FILE] [--markdown FILE] [--batch-size-for-efficiency E]
    [--step-time T0 T1]
"""

import argparse
import gc
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from kstar.ending import command, say
from verification.claims.analysis import Analysis, analyse
from verification.claims.needs import remedies, remedy_lines
from verification.claims.rules import NEEDS
from verification.command_line import Parser, checked
from verification.fits.curves import FittedCurve
from verification.inference.curve_tests import DRAWS
from verification.prediction.table import describe
from verification.records.records import read_records, too_few_batch_sizes
from verification.report.advice import check_efficiency, check_time, efficiency_lines, step_time_lines
from verification.report.details import MARK, detail_lines, markdown
from verification.report.tables import WIDTH, claim_lines, fits_and_ratios, note_lines, steps_lines, wrapped
from verification.report.target_file import Target, check_targets, holds, write_whole
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
    parser = Parser(prog=prog, description="Fits, ratios and verdicts of a run.")
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
    parser.add_draws(DRAWS)
    options = parser.parse_args(arguments)
    try:
        _report(options)
    except (ValueError, OSError) as error:
        parser.error(" ".join(str(error).split()))
    return 0


def _report(options: argparse.Namespace) -> None:
    """Analyse, write what was asked for, print the tables and the next command."""
    source: Path = options.input
    targets = _targets(options)
    check_targets(targets)
    records = read_records(source)
    analysis = analyse(records, options.draws, _with_progress)
    for target in targets:
        write_whole(target.path, markdown(analysis) if target.option == "--markdown" else dump(to_json(analysis)))
    say("\n".join(_lines(analysis, options)))
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
        if options.input.is_file():
            raise ValueError(f"--save keeps verdicts in a run folder, and {options.input} is a file; use --json FILE")
        # Whatever stands under this name in a run folder is ours, and made again where it is damaged.
        targets.append(Target("--save", options.input / FILE_NAME, "verdicts", lambda _: True))
    if options.markdown is not None:
        targets.append(Target("--markdown", options.markdown, "report of this command", holds(MARK)))
    return targets


def _lines(analysis: Analysis, options: argparse.Namespace) -> list[str]:
    """Return what is printed: how the input was read, the verdicts, the fits, what was asked for, then the details."""
    records = analysis.records
    too_few = too_few_batch_sizes(records)
    lines = note_lines(records)
    lines += [] if too_few is None else [*steps_lines(analysis), wrapped(too_few), ""]
    found = remedies(records, analysis.claims, NEEDS)
    lines += [*claim_lines(analysis.claims), *remedy_lines(found, WIDTH), "", fits_and_ratios(analysis)]
    rejected = next(claim.against for claim in analysis.claims if claim.id == "C1")
    if options.batch_size_for_efficiency is not None:
        lines += ["", *efficiency_lines(analysis.curves, options.batch_size_for_efficiency, rejected)]
    if options.step_time is not None:
        fixed, per_example = options.step_time
        lines += ["", *step_time_lines(analysis.curves, fixed, per_example, rejected)]
    if options.input.is_dir() and analysis.records.constants:
        lines.append(describe(options.input))
    return [*lines, "", *detail_lines(analysis)]


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
