"""`kstar import`: the steps that logged runs took to a goal, as a CSV file that every other command reads."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from empirics.errors import InputError
from empirics.logs.steps import import_steps
from empirics.logs.wanted import Wanted
from kstar.command_line import OneLineParser
from kstar.ending import command, one_line, say
from kstar.files import write_atomically


@command
def main(arguments: Sequence[str] | None = None, prog: str = "python -m empirics.logs") -> int:
    """Run the command; return its exit code."""
    parser = _parser(prog)
    options = parser.parse_args(arguments)
    wanted = Wanted(**{name: value for name, value in vars(options).items() if name not in {"source", "to"}})
    try:
        if options.to is not None and options.to.exists():
            raise InputError(f"--to {options.to}: is there already; name another file")
        if options.to is not None and not options.to.absolute().parent.is_dir():
            raise InputError(f"--to {options.to}: its folder is not there; make it, or name another file")
        text, notes = import_steps(options.source, wanted)
        for note in notes:
            print(one_line(f"notice: {note}"), file=sys.stderr)
        if options.to is None:
            say(text, end="")
        else:
            write_atomically(options.to, text)
            say(f"Wrote {text.count(chr(10)) - 1} runs to {options.to}")
    except (InputError, OSError) as error:
        parser.refuse(error)
    return 0


def _parser(prog: str) -> OneLineParser:
    """Return the parser of the command line."""
    parser = OneLineParser(
        prog=prog,
        description="Steps to a goal from logs: W&B, TensorBoard, MLflow, Optuna, Lightning, Hugging Face, JSON lines, "
        "CSV.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "source", type=Path, nargs="+", metavar="LOGS", help="files, or a folder: mlruns, event files, files of logs"
    )
    parser.add_argument("--goal", type=float, metavar="X", help="the value of the metric that counts as reached")
    parser.add_argument("--metric", metavar="NAME", help="whose value; needed where several were logged")
    parser.add_argument(
        "--direction", choices=("below", "above"), help="where the goal is reached (default: by the metric's name)"
    )
    parser.add_argument(
        "--batch-size-from",
        metavar="KEY",
        help="what holds the batch size: a key of the config, several as A*B, or `name` "
        "(default: a key such as batch_size, else bs64 in the run's name)",
    )
    parser.add_argument(
        "--unit", choices=("examples", "tokens"), default="examples", help="of batch sizes; tokens may be 512k or 0.5M"
    )
    parser.add_argument("--runs", type=Path, metavar="FILE", help="a table of the runs, for what histories do not say")
    parser.add_argument("--by", nargs="+", default=(), metavar="KEY", help="a curve for each value of these")
    parser.add_argument("--step", metavar="COLUMN", help="the column that counts steps (default: step, _step, ...)")
    parser.add_argument(
        "--examples-per-epoch",
        type=float,
        metavar="N",
        help="logs count epochs, in tables in a column epoch, of N examples each",
    )
    parser.add_argument(
        "--first-epoch",
        type=int,
        choices=(0, 1),
        help="how logs call the first epoch that was trained (default: by them)",
    )
    parser.add_argument("--steps-from", metavar="KEY", help="what holds the steps to the goal, in a table of runs")
    parser.add_argument(
        "--repeated-steps", choices=("first", "last"), default="", help="which of several values at one step counts"
    )
    parser.add_argument("--to", type=Path, metavar="FILE", help="a new CSV file (default: print it)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
