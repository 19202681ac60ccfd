"""Write the verdicts of a run that are kept: the only command that does.

python -m verification.record RUN [RUN ...]

`pytest verification/` compares what it computes with these files and fails where they differ, until someone has looked
at the lines this command prints and kept the new verdicts.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from empirics.reading.outside import read_json
from kstar.command_line import OneLineParser
from kstar.ending import command, say
from verification.claims.analysis import analyse
from verification.inference.curve_tests import DRAWS
from verification.records.records import read_records
from verification.report.target_file import write_whole
from verification.report.verdicts import differences, dump, recorded_part, to_json

FILE_NAME = "recorded_verdicts.json"


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Command line, without the program's name; None for the process's own.

    Returns:
        Exit code 0; errors of the user exit with code 2.
    """
    parser = OneLineParser(prog="python -m verification.record", description="Keep the verdicts of measured runs.")
    parser.add_argument("run", type=Path, nargs="+", help="a run folder")
    options = parser.parse_args(arguments)
    try:
        for run in options.run:
            _record(run)
    except (ValueError, OSError) as error:
        parser.refuse(error)
    return 0


def _record(run: Path) -> None:
    """Write one run's verdicts and print what changed; leave a file that `differences` finds the same."""
    if not run.is_dir():
        raise ValueError(f"{run}: no such run folder")
    text = dump(recorded_part(to_json(analyse(read_records(run), DRAWS))))
    target = run / FILE_NAME
    if target.is_file():
        try:
            kept = read_json(target)
        except ValueError as error:
            raise ValueError(f"{target} is no verdicts file ({error}); delete it to record anew") from None
        changes = differences(kept, json.loads(text))
        say("\n".join([f"{target}: {len(changes)} change(s)", *changes]))
        if not changes:
            return
    else:
        say(f"{target}: new")
    write_whole(target, text)


if __name__ == "__main__":
    sys.exit(main())
