"""Runs as trainers keep them: Lightning's `metrics.csv` beside `hparams.yaml`, `trainer_state.json` of Hugging Face."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from empirics.errors import InputError
from empirics.logs.csv_logs import read_rows
from empirics.logs.json_lines import flat
from empirics.logs.logged_run import LoggedRun, name_below
from empirics.logs.rows_of_logs import LogRow, run_of_rows
from empirics.reading.outside import MOST_BYTES, MOST_JSON_BYTES, read_text

_LIGHTNING, HPARAMS, _STATE = "metrics.csv", "hparams.yaml", "trainer_state.json"
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")
# A key and a plain value; tags, anchors, lists and texts of several lines say nothing of a batch size.
_LINE = re.compile(r"( *)([\w.\-/]+):(?:[ \t]+([^!&*|>\[{\s].*?))?[ \t]*")
_ONE_PROCESS = (
    "train_batch_size counts the examples of one process, without accumulation; where there is more, name the factors: "
    "--batch-size-from 'train_batch_size*8'"
)


def trainer_files(folders: Sequence[Path]) -> list[Path]:
    """Return the file of each run that a trainer keeps in some folders; of a run's checkpoints the last."""
    found: dict[Path, Path] = {}
    for folder in sorted(folders, key=_steps_of_checkpoint):
        if (path := folder / _STATE).is_file():
            found[_run_folder(path)] = path
        elif (folder / HPARAMS).is_file() and (path := folder / _LIGHTNING).is_file():
            found[folder] = path
    return sorted(found.values())


def is_trainer_file(path: Path) -> bool:
    """Return whether a file is what a trainer keeps of a run."""
    return path.name == _STATE or (path.name == _LIGHTNING and (path.parent / HPARAMS).is_file())


def read_trainer_files(files: Sequence[Path], root: Path | None = None) -> tuple[list[LoggedRun], list[str]]:
    """Return the runs of some such files.

    Args:
        files: Each of one run.
        root: Where they were looked for: a run is called as its folder lies below it. None for one named by itself,
            which is called by its last two folders.

    Returns:
        The runs, and what a user should know of how they were read.

    Raises:
        InputError: If one cannot be read.
    """
    runs, notes = [], []
    for path in files:
        folder = _run_folder(path)
        name = name_below(root or folder.resolve().parent.parent, folder if root else folder.resolve())
        if path.name == _STATE:
            runs.append(_state(path, name))
            notes = [_ONE_PROCESS]
        else:
            runs.append(_lightning(path, name))
    return runs, notes


def read_hparams(path: Path) -> dict[str, str]:
    """Return the plain values of Lightning's `hparams.yaml`; empty without it.

    Args:
        path: The file. A key within others is called by its last part, where no other ends so, else as `data/name`.

    Raises:
        InputError: If it is too large.
    """
    if not path.is_file():
        return {}
    found: dict[str, str] = {}
    within: list[tuple[int, str]] = []
    for line in read_text(path, MOST_JSON_BYTES).splitlines():
        if (parts := _LINE.fullmatch(line)) is None:
            continue
        depth, key, value = len(parts[1]), parts[2], parts[3]
        within = [(at, name) for at, name in within if at < depth]
        if value is None:
            within.append((depth, key))
        elif value not in {"null", "~"}:
            found["/".join((*(name for _, name in within), key))] = value.strip("'\"")
    last = [key.rpartition("/")[2] for key in found]
    return {short if last.count(short) == 1 else key: found[key] for key, short in zip(found, last, strict=True)}


def _steps_of_checkpoint(folder: Path) -> float:
    """Return the steps of a checkpoint; a folder that is none holds the whole run."""
    found = _CHECKPOINT.fullmatch(folder.name)
    return float(found[1]) if found else float("inf")


def _run_folder(path: Path) -> Path:
    """Return the folder of the run whose file this is."""
    return path.parent.parent if _CHECKPOINT.fullmatch(path.parent.name) else path.parent


def _lightning(path: Path, name: str) -> LoggedRun:
    """Return a run of Lightning's CSV logger; training and validation are rows of their own, with the rest blank."""
    columns, rows = read_rows(path)
    if "step" not in columns:
        raise InputError(f"{path}: no column step among: {', '.join(columns)[:200]}")
    return run_of_rows(path, rows, "step", name, read_hparams(path.parent / HPARAMS))


def _state(path: Path, name: str) -> LoggedRun:
    """Return a run of Hugging Face's trainer."""
    try:
        state = json.loads(read_text(path, MOST_BYTES))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: no JSON object ({str(error)[:80]})") from None
    history = state.get("log_history") if isinstance(state, dict) else None
    if not isinstance(history, list) or not all(isinstance(one, dict) for one in history):
        raise InputError(f"{path}: no list of objects log_history, which Hugging Face's trainer writes")
    rows = [LogRow(at, dict(flat(path, at, one, "", 0))) for at, one in enumerate(history, start=1)]
    config = {key: str(state[key]) for key in ("train_batch_size", "max_steps") if isinstance(state.get(key), int)}
    return run_of_rows(path, rows, "step", name, config)
