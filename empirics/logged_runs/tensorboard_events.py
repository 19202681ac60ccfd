"""Runs from TensorBoard's event files, by TensorBoard's own reader."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from empirics.errors import InputError, describe
from empirics.logged_runs.hparams import read_hparams
from empirics.logged_runs.logged_run import LoggedRun
from empirics.reading.outside import MOST_BYTES, read_bytes

_HOME = "tensorboard.backend.event_processing.event_file_loader"
# Kinds of number in a tensor: float, double, half, bfloat16 and the integers.
_NUMBERS = frozenset({1, 2, 3, 4, 5, 6, 9, 14, 19, 22, 23})


def is_event_file(path: Path) -> bool:
    """Return whether a file has a name that TensorBoard looks for.

    Example:
        >>> is_event_file(Path("bs64/events.out.tfevents.1790000000.host")), is_event_file(Path("events.csv"))
        (True, False)
    """
    return "tfevents" in path.name


def read_event_files(root: Path, files: Sequence[Path]) -> list[LoggedRun]:
    """Return the runs of event files: a folder is a run, and is called as it lies below the root.

    Args:
        root: Where they were looked for.
        files: In any order; those of one folder are read by name, which begins with their time.

    Raises:
        InputError: If one cannot be read, or TensorBoard is not installed.
    """
    histories: dict[Path, dict[str, list[tuple[float, float | str]]]] = {}
    for path in sorted(files):
        of_run = histories.setdefault(path.parent, {})
        for tag, step, value in _scalars(path):
            of_run.setdefault(tag, []).append((float(step), value))
    return [
        LoggedRun(_name(root, folder), str(folder), read_hparams(folder), of_run)
        for folder, of_run in histories.items()
    ]


def _name(root: Path, folder: Path) -> str:
    """Return what TensorBoard calls the run of a folder; that of the root itself by the root's name."""
    name = folder.relative_to(root).as_posix()
    return root.resolve().name if name == "." else name


def _scalars(path: Path) -> Iterator[tuple[str, int, float]]:
    """Yield tag, step and value of the scalars of a file."""
    try:
        content = read_bytes(path, MOST_BYTES)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    if not content:
        return
    try:
        loader, tensors = importlib.import_module(_HOME), importlib.import_module("tensorboard.util.tensor_util")
    except ImportError:
        raise InputError(
            f"{path}: TensorBoard reads event files: pip install tensorboard, or the extra kstar-scaling[tensorboard]"
        ) from None
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    seen = 0
    try:
        for event in loader.EventFileLoader(str(path)).Load():
            seen += 1
            for value in event.summary.value:
                if (number := _number(value, tensors)) is not None:
                    yield value.tag, event.step, number
    except Exception as error:  # noqa: BLE001 - whatever the library makes of a spoilt file
        raise InputError(f"{path}: TensorBoard cannot read it ({describe(error)})") from None
    if not seen:
        raise InputError(f"{path}: it holds no event that TensorBoard can read; is it whole?")


def _number(value: Any, tensors: Any) -> float | None:  # noqa: ANN401 - messages of TensorBoard's
    """Return a scalar, None for whatever else is logged: pictures, histograms, texts."""
    if not value.HasField("tensor") or value.tensor.dtype not in _NUMBERS:
        return None
    found = tensors.make_ndarray(value.tensor)
    return float(found.item()) if found.size == 1 else None
