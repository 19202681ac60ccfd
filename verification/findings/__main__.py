"""What the kept runs say of the paper's claims, on one page.

python -m verification.findings RUN [RUN ...] --to FILE [--readme FILE]

The page holds nothing that this command does not compute. `--readme` renews the verdicts and ratios between the lines
`<!-- findings: begin -->` and `<!-- findings: end -->` of another file.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from empirics.reading.outside import read_json
from kstar.command_line import OneLineParser
from kstar.ending import command, say
from verification.claims.analysis import Analysis, analyse
from verification.claims.evidence import Material
from verification.claims.judge import Claim, judge_all
from verification.claims.rules import RULES
from verification.command_line import add_draws
from verification.findings.kept_runs import KeptRun
from verification.findings.page import MARK, Page, readme_part
from verification.inference.curve_tests import DRAWS
from verification.inference.pairs import compare_all
from verification.records.records import Records, read_records
from verification.report.target_file import Target, check_targets, holds, write_whole

BEGIN, END = "<!-- findings: begin -->", "<!-- findings: end -->"
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
    parser.add_argument("--readme", type=Path, metavar="FILE", help="also renew verdicts and ratios in this file")
    add_draws(parser, DRAWS)
    options = parser.parse_args(arguments)
    try:
        check_targets([Target("--to", options.to, "findings of this command", holds(MARK))])
        page = gather(options.run, options.draws)
        _write(page, options.to, options.readme)
    except (ValueError, OSError) as error:
        parser.refuse(error)
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
    records = [_read(folder) for folder in folders]
    runs = tuple(
        KeptRun(folder.name, analyse(one, draws), _provenance(folder))
        for folder, one in zip(folders, records, strict=True)
    )
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
    fitted_curves = [fitted for fitted, _ in chosen]
    claims = judge_all(
        Material(curves=fitted_curves, pairs=compare_all(fitted_curves, {}), rates=[rates for _, rates in chosen])
    )
    return tuple(claim for claim in claims if claim.id in ACROSS)


def _read(folder: Path) -> Records:
    """Read a run, which must be a folder: a table has no cost and no provenance."""
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such run folder")
    return read_records(folder)


def _provenance(folder: Path) -> dict[str, object]:
    """Return a run's provenance, empty where it has none."""
    file = folder / "provenance.json"
    if not file.is_file():
        return {}
    try:
        facts = read_json(file)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    if not isinstance(facts, dict):
        raise ValueError(f"{file}: need a JSON object")
    return facts


def _write(page: Page, target: Path, readme: Path | None) -> None:
    """Write the page and renew the tables, both whole."""
    if readme is not None and readme.exists() and not readme.is_file():
        raise ValueError(f"--readme {readme}: is no regular file")
    text = None if readme is None else renewed(readme.read_text(encoding="utf-8"), readme_part(page), readme)
    write_whole(target, page.markdown())
    written = [str(target)]
    if readme is not None and text is not None:
        write_whole(readme, text)
        written.append(str(readme))
    say(f"Wrote {', '.join(written)}")


def renewed(text: str, tables: str, name: Path) -> str:
    """Return a text with other tables between the two marks.

    Args:
        text: The old text.
        tables: In Markdown, without a final newline.
        name: Of the file, for the refusal.

    Raises:
        ValueError: If the two marks are not there, once each and in order.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"{name}: needs one line {BEGIN} and below it one line {END}")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{tables}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    sys.exit(main())
