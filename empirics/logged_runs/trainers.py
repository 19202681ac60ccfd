"""Runs as trainers keep them: Lightning's `metrics.csv` beside `hparams.yaml`, `trainer_state.json` of Hugging Face."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from empirics.errors import InputError
from empirics.logged_runs.csv_logs import read_rows
from empirics.logged_runs.hparams import HPARAMS, read_hparams
from empirics.logged_runs.json_lines import flat
from empirics.logged_runs.logged_run import LoggedRun
from empirics.logged_runs.rows_of_logs import LogRow, run_of_rows
from empirics.reading.names import listed
from empirics.reading.outside import MOST_BYTES, read_text

_METRICS, _STATE = "metrics.csv", "trainer_state.json"
_CHECKPOINT, _VERSION = re.compile(r"checkpoint-\d+"), re.compile(r"version_\d+")
_ONE_PROCESS = (
    "train_batch_size counts the examples of one process, without accumulation; where there is more, name the factors: "
    "--batch-size-from 'train_batch_size*8'"
)


def trainer_files(folders: Sequence[Path]) -> list[Path]:
    """Return what trainers keep in some folders."""
    return [path for folder in folders for name in (_METRICS, _STATE) if is_trainer_file(path := folder / name)]


def is_trainer_file(path: Path) -> bool:
    """Return whether a file is what a trainer keeps of a run."""
    of_lightning = path.name == _METRICS and (
        (path.parent / HPARAMS).is_file() or bool(_VERSION.fullmatch(path.resolve().parent.name))
    )
    return (path.name == _STATE or of_lightning) and path.is_file()


def read_trainer_files(found: Sequence[tuple[Path, Path]], step: str | None) -> tuple[list[LoggedRun], list[str]]:
    """Return the runs of some such files.

    Args:
        found: File, and the folder below which its run is called as the run's own folder lies there.
        step: The column that counts steps; None for `step`.

    Returns:
        The runs, of a run's checkpoints the one with the most steps; and what a user should know of how they were read.

    Raises:
        InputError: If one cannot be read.
    """
    of_runs: dict[Path, list[tuple[Path, Path]]] = {}
    for path, root in found:
        of_runs.setdefault(_run_folder(path), []).append((path, root))
    runs, notes = [], []
    for folder, files in of_runs.items():
        name = _name(files[0][1], folder)
        if folder / _METRICS in {path.resolve() for path, _ in files}:
            runs.append(_lightning(folder / _METRICS, name, step or "step"))
        if states := [(path, _state(path)) for path, _ in files if path.name == _STATE]:
            runs.append(_hugging_face(*max(states, key=lambda one: len(one[1]["log_history"])), name, step or "step"))
            notes = [_ONE_PROCESS]
    return runs, notes


def _run_folder(path: Path) -> Path:
    """Return the folder of the run whose file this is, absolute."""
    folder = path.resolve().parent
    return folder.parent if _CHECKPOINT.fullmatch(folder.name) else folder


def _name(root: Path, folder: Path) -> str:
    """Return what a run is called: as its folder lies below the root, else by itself, a version with its parent."""
    root = root.resolve()
    if folder != root and folder.is_relative_to(root):
        return folder.relative_to(root).as_posix()
    return f"{folder.parent.name}/{folder.name}" if _VERSION.fullmatch(folder.name) else folder.name


def _lightning(path: Path, name: str, step: str) -> LoggedRun:
    """Return a run of Lightning's CSV logger; training and validation are rows of their own, with the rest blank."""
    config = read_hparams(path.parent)
    if not any(line.strip() for line in read_text(path, MOST_BYTES).splitlines()[1:]):
        return LoggedRun(name, str(path), config)  # it was stopped before it logged
    columns, rows = read_rows(path)
    if step not in columns:
        raise InputError(f"{path}: no column {step} among: {listed(columns)}; name the steps by --step")
    return run_of_rows(path, rows, step, name, config)


def _state(path: Path) -> dict[str, Any]:
    """Return what Hugging Face's trainer kept."""
    try:
        state = json.loads(read_text(path, MOST_BYTES))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: no JSON object ({str(error)[:80]})") from None
    history = state.get("log_history") if isinstance(state, dict) else None
    if not isinstance(history, list) or not all(isinstance(one, dict) for one in history):
        raise InputError(f"{path}: no list of objects log_history, which Hugging Face's trainer writes")
    return dict(state)


def _hugging_face(path: Path, state: dict[str, Any], name: str, step: str) -> LoggedRun:
    """Return a run of Hugging Face's trainer."""
    rows = [LogRow(at, dict(flat(path, at, one, "", 0))) for at, one in enumerate(state["log_history"], start=1)]
    told = {key: state.get(key) for key in ("train_batch_size", "max_steps")}
    config = {key: str(value) for key, value in told.items() if isinstance(value, int) and not isinstance(value, bool)}
    return run_of_rows(path, rows, step, name, config)
