"""`python -m verification.account RUN`: what the K* of pruned networks is made of, and a prediction of their curves."""

import sys
from collections.abc import Sequence
from pathlib import Path

from kstar.command_line import OneLineParser
from kstar.ending import command, say
from verification.account.text import describe_account
from verification.records.records import read_records


@command
def main(arguments: Sequence[str] | None = None, prog: str = "python -m verification.account") -> int:
    """Run the command.

    Args:
        arguments: Command line, without the program's name; None for the process's own.
        prog: How the program was called.

    Returns:
        Exit code 0; errors of the user exit with code 2.
    """
    parser = OneLineParser(prog=prog, description="What the K* of pruned networks is made of, beside the dense one's.")
    parser.add_argument("input", type=Path, help="a run folder whose constants were measured")
    options = parser.parse_args(arguments)
    try:
        say(describe_account(read_records(options.input)))
    except (ValueError, OSError) as error:
        parser.refuse(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
