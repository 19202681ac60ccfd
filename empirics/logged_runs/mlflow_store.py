"""Runs from MLflow's file store: a folder `mlruns`, or any part of it."""

from __future__ import annotations

import re
from pathlib import Path

from empirics.errors import InputError
from empirics.logged_runs.logged_run import LoggedRun
from empirics.reading.outside import MOST_BYTES, MOST_JSON_BYTES, read_text

_DEEPEST_METRIC = 6  # `val/top5/loss` is a file in two folders
_META = re.compile(r"^(name|run_name|lifecycle_stage):[ \t]*['\"]?(.*?)['\"]?[ \t]*$", re.MULTILINE)


def is_mlflow_run(folder: Path) -> bool:
    """Return whether a folder is that of a run."""
    return (folder / "meta.yaml").is_file() and ((folder / "metrics").is_dir() or (folder / "params").is_dir())


def read_mlflow_run(folder: Path) -> LoggedRun | None:
    """Return the run of a folder, None where it was deleted.

    Args:
        folder: With `meta.yaml`, `params/KEY` and `metrics/NAME`, whose lines are `TIME VALUE STEP`.

    Raises:
        InputError: If a file is too large, or a line is no value of a metric.
    """
    about = _meta(folder / "meta.yaml")
    if about.get("lifecycle_stage") == "deleted":
        return None
    tag = folder / "tags" / "mlflow.runName"
    name = read_text(tag, MOST_JSON_BYTES).strip() if tag.is_file() else about.get("run_name", "")
    config = {
        key: read_text(path, MOST_JSON_BYTES).strip() for key, path in _files(folder / "params") if path.is_file()
    }
    experiment = folder.parent / "meta.yaml"
    if experiment.is_file() and (told := _meta(experiment).get("name")):
        config.setdefault("experiment", told)
    histories = {key: _history(path) for key, path in _files(folder / "metrics")}
    return LoggedRun(name or folder.name, str(folder), config, histories)


def _meta(path: Path) -> dict[str, str]:
    """Return what is needed of a file of MLflow's own YAML, which has one plain key a line."""
    return dict(_META.findall(read_text(path, MOST_JSON_BYTES)))


def _files(folder: Path) -> list[tuple[str, Path]]:
    """Return the files below a folder by their names within it; links are left out."""
    if not folder.is_dir():
        return []
    found = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    within = [(path.relative_to(folder), path) for path in found]
    return [(name.as_posix(), path) for name, path in within if len(name.parts) <= _DEEPEST_METRIC]


def _history(path: Path) -> list[tuple[float, float | str]]:
    """Return the values of a metric."""
    values: list[tuple[float, float | str]] = []
    for number, line in enumerate(read_text(path, MOST_BYTES).splitlines(), start=1):
        parts = line.split()
        if not parts:
            continue
        try:
            values.append((float(parts[2]), float(parts[1])))
        except (IndexError, ValueError):
            raise InputError(f"{path}, line {number}: need TIME VALUE STEP, got {line[:40]!r}") from None
    return values
