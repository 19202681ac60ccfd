"""`python -m empirics.exchange`: convert run folders to and from the formats of others."""

from __future__ import annotations

import argparse
import math
import shlex
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

from empirics.errors import InputError
from empirics.exchange.authors_runs import read_authors_runs
from empirics.exchange.export_table import export_table
from empirics.exchange.export_tree import export_tree
from empirics.exchange.import_table import read_trials
from empirics.exchange.import_tree import read_tree
from empirics.exchange.imported_runs import ImportOptions, group_runs, write_runs
from empirics.exchange.layout import DEFAULT_METRIC
from empirics.reading.outside import MOST_STEPS, find_study_folders, subfolders
from empirics.run.summary import describe_run
from empirics.store.whole_folder import refuse_taken
from kstar.command_line import OneLineParser
from kstar.ending import INTERRUPTED, command, one_line, say

_PROGRAM = "python -m empirics.exchange"
_READERS = {"batch-science": read_tree, "csv": read_trials, "authors": read_authors_runs}


def export_run(run: Path, target: Path, target_format: str) -> str:
    """Write a run folder in a format that others read.

    Args:
        run: The run folder.
        target: Absent; for a tree an empty folder will do.
        target_format: `batch-science` or `csv`.

    Returns:
        What was written, for a person.

    Raises:
        InputError: If there is no run, or the target is taken.
    """
    if target_format == "csv":
        return f"Wrote {export_table(run, target)} trials to {target}"
    counts = export_tree(run, target)
    lacking = counts.trials - counts.full_curves
    text = f"Wrote {counts.studies} studies of {counts.trials} trials to {target}"
    if not lacking:
        return f"{text}; all have full curves"
    return f"{text}\n{lacking} of the trials have no full curve; a run measured with --trace full has them all"


def import_runs(source: Path, target: Path, source_format: str, options: ImportOptions) -> tuple[list[Path], list[str]]:
    """Make run folders of what others measured.

    Args:
        source: A folder, or a CSV file.
        target: Absent, or an empty folder; holds a folder a run where there are several.
        source_format: `batch-science`, `csv` or `authors`.
        options: What the source may leave open.

    Returns:
        The run folders, and what a user should know of them.

    Raises:
        InputError: If the source cannot be used, or the target is taken.
    """
    refuse_taken(target)
    studies, notices = _READERS[source_format](source, options)
    silent = [study.source for study in studies if not study.says_something]
    if len(silent) == len(studies):
        raise InputError(f"{source}: nothing in it says when a goal was reached, or for how long it was not")
    notices += [f"notice: {place}: no goal test is known of any trial; left out" for place in silent]
    runs = group_runs([study for study in studies if study.says_something])
    return write_runs(runs, source, source_format, target), notices


def guess_format(source: Path) -> str:
    """Return the format of a source by its look: a file is CSV, `run-<i>` folders in a study are the authors'."""
    if source.is_file():
        return "csv"
    folders, _ = find_study_folders(source)
    runs = any(path.name.startswith("run-") for path in subfolders(folders[0])[0])
    return "authors" if runs else "batch-science"


@command
def main(arguments: Sequence[str] | None = None, prog: str = _PROGRAM) -> int:
    """Run the command; return its exit code."""
    options = _parser(prog).parse_args(arguments)
    try:
        if options.action == "export":
            target_format = options.format or ("csv" if options.to.suffix == ".csv" else "batch-science")
            done = export_run(options.run, options.to, target_format)
        else:
            done = _import(options)
    except InputError as error:
        return _fail(str(error))
    except (OSError, sqlite3.Error) as error:
        return _fail(f"{error}; nothing was written")
    except KeyboardInterrupt:
        _fail("interrupted; nothing was written")
        return INTERRUPTED
    say(done)
    return 0


def _import(options: argparse.Namespace) -> str:
    """Import; return what came in and what to do next."""
    for goal in options.goal_error:
        if not math.isfinite(goal):
            raise InputError(f"--goal-error {goal:g}: must be a finite number")
    if options.max_steps is not None and not 1 <= options.max_steps <= MOST_STEPS:
        raise InputError(f"--max-steps {options.max_steps}: must be an integer in 1..{MOST_STEPS}")
    asked = ImportOptions(tuple(dict.fromkeys(options.goal_error)), options.metric, options.max_steps)
    source_format = options.format or guess_format(options.source)
    runs, notices = import_runs(options.source, options.to, source_format, asked)
    for notice in notices:
        print(one_line(notice), file=sys.stderr)
    told = [describe_run(run) for run in runs]
    following = "\n".join(f"Next:    python -m verification.report {shlex.quote(str(run))}" for run in runs)
    return "\n".join([*told, f"\nResults: {' '.join(map(str, runs))}", following])


def _parser(prog: str) -> OneLineParser:
    """Return the parser of the command line."""
    parser = OneLineParser(prog=prog, description="Run folders to and from other formats.", allow_abbrev=False)
    actions = parser.add_subparsers(dest="action", required=True, metavar="export|import")
    export = actions.add_parser("export", help="write a run folder in another format", allow_abbrev=False)
    export.add_argument("run", type=Path, metavar="DIR", help="the run folder")
    export.add_argument(
        "--format", choices=("batch-science", "csv"), help="default: csv where PATH ends in .csv, else batch-science"
    )
    export.add_argument("--to", type=Path, required=True, metavar="PATH", help="a new folder, or a new CSV file")
    bring = actions.add_parser("import", help="make run folders of what others measured", allow_abbrev=False)
    bring.add_argument("source", type=Path, metavar="SOURCE", help="a folder, or a CSV file of trials")
    bring.add_argument("--format", choices=tuple(_READERS), help="default: by the look of SOURCE")
    bring.add_argument("--to", type=Path, required=True, metavar="DIR", help="a new folder")
    bring.add_argument(
        "--goal-error", type=float, nargs="+", default=(), metavar="X", help="default: the source's, or the workload's"
    )
    bring.add_argument(
        "--metric", default=DEFAULT_METRIC, metavar="NAME", help="column held against the goal (default: %(default)s)"
    )
    bring.add_argument(
        "--max-steps", type=int, default=None, metavar="N", help="budget of a trial where the source does not tell"
    )
    return parser


def _fail(message: str) -> int:
    """Print one line on stderr and return the exit code."""
    print(f"error: {one_line(message)}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
