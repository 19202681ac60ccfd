"""Whatever holds logs: which reader reads a file or folder, and the table of runs that goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from empirics.errors import InputError
from empirics.logged_runs.csv_logs import read_csv_log
from empirics.logged_runs.databases import read_database
from empirics.logged_runs.json_lines import read_json_lines
from empirics.logged_runs.logged_run import LoggedRun
from empirics.logged_runs.mlflow_store import is_mlflow_run, read_mlflow_run
from empirics.logged_runs.tensorboard_events import is_event_file, read_event_files
from empirics.logged_runs.trainers import is_trainer_file, read_trainer_files, trainer_files
from empirics.reading.names import listed
from empirics.reading.outside import MOST_BYTES, MOST_FOLDERS, read_bytes, subfolders

_DEEPEST = 8
_TABLES = (".csv", ".tsv")
_LINES = (".jsonl", ".ndjson")
_FORMS = (
    "a CSV file, JSON lines, mlruns or mlflow.db of MLflow, event files of TensorBoard, Optuna's database, metrics.csv "
    "beside hparams.yaml of Lightning, or trainer_state.json of Hugging Face"
)
_SQLITE = b"SQLite format 3\0"


def read_logs(sources: Sequence[Path], step: str | None = None) -> tuple[list[LoggedRun], list[str]]:
    """Return the runs of some files and folders.

    Args:
        sources: At least one.
        step: The column that counts steps in tables and JSON lines; None for one that is known.

    Returns:
        The runs, and what a user should know of how they were read.

    Raises:
        InputError: If one cannot be read, or none holds a run.
    """
    runs: list[LoggedRun] = []
    notes: list[str] = []
    kept: list[tuple[Path, Path]] = []
    for source in sources:
        if source.is_dir():
            found, said, files = _read_folder(source, step)
            kept += [(path, source) for path in files]
        elif is_trainer_file(source):
            kept.append((source, source))
            continue
        else:
            found, said = _read_file(source, step)
        runs += found
        notes += [f"{source}: {one}" for one in said]
    of_trainers, said = read_trainer_files(kept, step)
    return runs + of_trainers, notes + said


def with_configs(runs: Sequence[LoggedRun], table: Path) -> list[LoggedRun]:
    """Return runs with what a table of runs says of them, by name.

    Args:
        runs: Histories.
        table: A row a run, as the table of W&B or MLflow exports it.

    Raises:
        InputError: If it holds histories, names a run twice, or lacks one.
    """
    told, _ = read_logs([table])
    if any(run.histories for run in told):
        raise InputError(f"--runs {table}: holds histories; give the table with a row a run")
    known: dict[str, LoggedRun] = {}
    for one in told:
        if one.name in known:
            raise InputError(f"--runs {table}: names run {one.name[:80]} twice; rename one, or leave one out")
        known[one.name] = one
    for run in runs:
        if run.name not in known:
            raise InputError(f"--runs {table}: has no run {run.name[:80]!r}; it has {', '.join(list(known)[:3])} ...")
    return [replace(run, config={**run.config, **known[run.name].config}) for run in runs]


def _read_file(path: Path, step: str | None) -> tuple[list[LoggedRun], list[str]]:
    """Return the runs of one file."""
    if is_event_file(path):
        return read_event_files(path.parent, [path]), []
    try:
        content = read_bytes(path, MOST_BYTES)[:100]
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    if content.startswith(_SQLITE):
        return read_database(path), []
    if content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{" or path.suffix.lower() in _LINES:
        return read_json_lines(path, step), []
    return read_csv_log(path, step)


def _read_folder(folder: Path, step: str | None) -> tuple[list[LoggedRun], list[str], list[Path]]:
    """Return the runs of a folder, what to know of them, and files of trainers, which are read with those elsewhere."""
    folders = _below(folder)
    kept = trainer_files(folders)
    tables = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in {*_TABLES, *_LINES}]
    tables = [path for path in tables if path not in kept]
    stored = [one for one in folders if is_mlflow_run(one)]
    if stored:
        runs = [run for one in stored if (run := read_mlflow_run(one)) is not None]
        return runs, _left(folder, "MLflow's runs", [*kept, *tables]), []
    events = [path for one in folders for path in sorted(one.iterdir()) if is_event_file(path) and path.is_file()]
    if events:
        own = {path.parent for path in events}  # a run that was logged twice
        left = [*(path for path in kept if path.parent not in own), *tables]
        return read_event_files(folder, events), _left(folder, "TensorBoard's files", left), []
    if kept:
        return [], _left(folder, "trainers' files", tables), kept
    if not tables:
        raise InputError(f"{folder}: holds no logs; name {_FORMS}")
    return *read_logs(tables, step), []


def _left(folder: Path, read: str, left: Sequence[Path]) -> list[str]:
    """Return that some logs of a folder were not read."""
    names = [path.relative_to(folder).as_posix() for path in left]
    return [f"only {read} were read, not {listed(names)}: name these alone"] if names else []


def _below(folder: Path) -> list[Path]:
    """Return a folder and those below it, links and hidden ones left out."""
    found, level = [folder], [folder]
    for _ in range(_DEEPEST):
        level = [below for one in level for below in subfolders(one)[0]]
        found += level
        if len(found) > MOST_FOLDERS:
            raise InputError(f"{folder}: holds more than {MOST_FOLDERS} folders; name a part")
    return found
