"""`python -m verification.findings`: write the findings page from the kept runs.

python -m verification.findings RUN [RUN ...] --to FILE

The page holds nothing that this command does not compute.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kstar.command_line import OneLineParser
from kstar.ending import command, say
from verification.claims.analysis import Analysis, analyse
from verification.claims.evidence import Material
from verification.claims.judge import Claim, judge_all
from verification.claims.rules import RULES
from verification.command_line import add_draws
from verification.findings.page import MARK, Page
from verification.findings.tables import KeptRun
from verification.inference.curve_tests import DRAWS
from verification.inference.pairs import compare_all
from verification.records.provenance_file import read_provenance
from verification.records.records import Records, read_records
from verification.report.target_file import Target, check_targets, holds, write_whole

# What no single run can answer, because a run has one workload.
ACROSS = frozenset(rule.id for rule in RULES if rule.across)


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Command line, without the program's name; None for the process's own.

    Returns:
        Exit code 0; errors of the user exit with code 2.
    """
    parser = OneLineParser(prog="python -m verification.findings", description="What the kept runs say, on one page.")
    parser.add_argument("run", type=Path, nargs="+", help="a run folder")
    parser.add_argument("--to", type=Path, required=True, metavar="FILE", help="the page, Markdown")
    add_draws(parser, DRAWS)
    options = parser.parse_args(arguments)
    try:
        check_targets([Target("--to", options.to, "findings of this command", holds(MARK))])
        write_whole(options.to, gather(options.run, options.draws).markdown())
    except (ValueError, OSError) as error:
        parser.refuse(error)
    say(f"Wrote {options.to}")
    return 0


def gather(folders: Sequence[Path], draws: int) -> Page:
    """Analyse every run by itself, and what they say together of the claims that need several workloads.

    Args:
        folders: Run folders.
        draws: Bootstrap draws a curve.

    Returns:
        What the page is made of.

    Raises:
        ValueError: If a folder is no run, or given twice.
    """
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise ValueError("a run folder is given twice")
    read = [(folder, *_read(folder)) for folder in folders]
    runs = tuple(KeptRun(folder.name, analyse(records, draws), provenance) for folder, records, provenance in read)
    return Page(runs, across([run.analysis for run in runs]))


def across(analyses: Sequence[Analysis]) -> tuple[Claim, ...]:
    """Return the verdicts on the claims that need several workloads, from all runs taken together.

    Of a workload and goal that was measured more than once, the run with most studies speaks.

    Args:
        analyses: Of every run.
    """

    def speaks(group: tuple[str, str]) -> Analysis:
        return max(analyses, key=lambda one: one.studies(group))  # of equals the first

    chosen = [
        (fitted, rates)
        for one in analyses
        for fitted, rates in zip(one.curves, one.rates, strict=True)
        if speaks(fitted.curve.group) is one
    ]
    curves = [fitted for fitted, _ in chosen]
    claims = judge_all(Material(curves=curves, pairs=compare_all(curves, {}), rates=[rates for _, rates in chosen]))
    return tuple(claim for claim in claims if claim.id in ACROSS)


def _read(folder: Path) -> tuple[Records, dict[str, Any]]:
    """Read a run with its provenance; it must be a folder, because a table has no cost and no provenance."""
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such run folder")
    return read_records(folder), dict(read_provenance(folder) or {})


if __name__ == "__main__":
    sys.exit(main())
