"""Report on a run or a CSV file: fits, ratios, and a verdict on each of the paper's claims.

python -m verification.report INPUT [--json FILE] [--markdown FILE]
"""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from verification.analysis import analyse
from verification.records import read_records, refuse_too_few_batch_sizes
from verification.tables import claim_lines, fits_and_ratios, markdown
from verification.verdicts import dump, to_json, write_text_whole


class _Parser(ArgumentParser):
    """A parser whose errors take one line."""

    def error(self, message: str) -> NoReturn:
        """Print the error on one line and exit with code 2."""
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Command line, without the program's name; None for the process's own.

    Returns:
        Exit code 0; errors of the user exit with code 2.
    """
    parser = _Parser(prog="python -m verification.report", description="Fits, ratios and verdicts of a run.")
    parser.add_argument("input", type=Path, help="a run folder, or a CSV file with batch_size,steps_to_result")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the verdicts here")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the report here")
    options = parser.parse_args(arguments)
    try:
        _report(options.input, options.json, options.markdown)
    except (ValueError, OSError) as error:
        parser.error(" ".join(str(error).split()))
    return 0


def _report(source: Path, json_file: Path | None, markdown_file: Path | None) -> None:
    """Analyse, write what was asked for, print the tables and the next command."""
    records = read_records(source)
    refuse_too_few_batch_sizes(records)
    analysis = analyse(records)
    verdicts = dump(to_json(analysis))
    targets = [json_file] if json_file is not None else []
    if source.is_dir():
        targets.append(source / "verdicts.json")
    for target in targets:
        write_text_whole(target, verdicts)
    if markdown_file is not None:
        write_text_whole(markdown_file, markdown(analysis))
        targets.append(markdown_file)
    print("\n".join([fits_and_ratios(analysis), "", *claim_lines(analysis.claims)]))
    if targets:
        print("\nWrote " + ", ".join(str(target) for target in targets))
    if source.is_dir():
        print(f"Next: python -m paper_figures {source}")


if __name__ == "__main__":
    sys.exit(main())
