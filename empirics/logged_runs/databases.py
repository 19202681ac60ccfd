"""Runs from SQLite: MLflow's database, and Optuna's studies by Optuna's own reader."""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from empirics.errors import InputError, describe
from empirics.logged_runs.logged_run import LoggedRun
from empirics.reading.outside import MOST_BYTES

_OPTUNA = {"studies", "trials", "trial_params", "trial_values", "trial_intermediate_values"}
_MLFLOW = {"experiments", "runs", "params", "metrics"}
_ENDED = {"COMPLETE", "PRUNED", "FAIL"}


def read_database(path: Path) -> list[LoggedRun]:
    """Return the runs of a database of MLflow, or the trials of one of Optuna.

    Args:
        path: The SQLite file. It is copied first, because Optuna may write into what it opens.

    Raises:
        InputError: If it is neither, or cannot be read.
    """
    with _copied(path) as (copy, tables):
        if tables >= _OPTUNA:
            return _optuna(path, copy)
        if tables >= _MLFLOW:
            return _mlflow(path, copy)
    raise InputError(f"{path}: is an SQLite database, and none of MLflow's or Optuna's; write its table as CSV")


@contextlib.contextmanager
def _copied(path: Path) -> Iterator[tuple[Path, set[str]]]:
    """Yield a copy of a database and its tables; one that computes by itself is refused."""
    with tempfile.TemporaryDirectory(prefix="kstar-") as folder:
        copy = Path(folder) / "copy.db"
        try:
            with (
                contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as source,
                contextlib.closing(sqlite3.connect(copy)) as target,
            ):
                source.execute("PRAGMA trusted_schema = OFF")
                kinds = {str(name): kind for name, kind in source.execute("SELECT name, type FROM sqlite_master")}
                ((pages,),), ((size,),) = source.execute("PRAGMA page_count"), source.execute("PRAGMA page_size")
                if pages * size > MOST_BYTES:
                    raise InputError(f"{path}: it is larger than {MOST_BYTES} bytes, the most that is read")
                if odd := next((name for name, kind in kinds.items() if kind == "view"), None):
                    raise InputError(f"{path}: holds a view, {odd[:40]!r}: only tables are read")
                source.backup(target)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise InputError(f"{path}: cannot be read ({describe(error)})") from None
        yield copy, {name for name, kind in kinds.items() if kind == "table"}


def _mlflow(path: Path, copy: Path) -> list[LoggedRun]:
    """Return the runs of MLflow that were not deleted."""
    try:
        with contextlib.closing(sqlite3.connect(copy)) as database:
            configs: dict[str, dict[str, str]] = {}
            names: dict[str, str] = {}
            for key, name, experiment in database.execute(
                "SELECT r.run_uuid, r.name, e.name FROM runs r JOIN experiments e USING (experiment_id) "
                "WHERE r.lifecycle_stage = 'active'"
            ):
                names[key], configs[key] = str(name or key), {"experiment": str(experiment)}
            for key, name, value in database.execute("SELECT run_uuid, key, value FROM params"):
                configs.setdefault(key, {})[str(name)] = str(value)
            histories: dict[str, dict[str, list[tuple[float, float | str]]]] = {}
            for key, name, value, step, is_nan in database.execute(
                "SELECT run_uuid, key, value, step, is_nan FROM metrics ORDER BY timestamp"
            ):
                values = histories.setdefault(key, {}).setdefault(str(name), [])
                values.append((float(step), math.nan if is_nan else float(value)))
    except (sqlite3.Error, ValueError, TypeError) as error:
        raise InputError(f"{path}: is no database of MLflow that can be read ({describe(error)})") from None
    return [LoggedRun(name, str(path), configs[key], histories.get(key, {})) for key, name in names.items()]


def _optuna(path: Path, copy: Path) -> list[LoggedRun]:
    """Return the trials of Optuna that ended; the history of each is what it reported."""
    try:
        optuna = importlib.import_module("optuna")
    except ImportError:
        raise InputError(
            f"{path}: Optuna reads its studies: pip install optuna, or the extra kstar-scaling[optuna]"
        ) from None
    try:
        storage = optuna.storages.RDBStorage(f"sqlite:///{copy}")
        names = optuna.get_all_study_names(storage)
        studies = [optuna.load_study(study_name=name, storage=storage) for name in names]
        found = [(study.study_name, trial) for study in studies for trial in study.get_trials(deepcopy=False)]
        storage.engine.dispose()
        return [_trial(path, name, trial) for name, trial in found if trial.state.name in _ENDED]
    except Exception as error:  # noqa: BLE001 - whatever the library makes of a spoilt file
        raise InputError(f"{path}: Optuna {optuna.__version__} cannot read it ({describe(error)})") from None


def _trial(path: Path, study: str, trial: Any) -> LoggedRun:  # noqa: ANN401 - Optuna's FrozenTrial
    """Return a trial as a run."""
    config = {
        **{f"user_attrs.{key}": _text(value) for key, value in trial.user_attrs.items()},
        **{key: _text(value) for key, value in trial.params.items()},
        "study": study,
    }
    if trial.state.name == "COMPLETE" and len(trial.values) == 1:
        config["value"] = _text(trial.values[0])
    values: list[tuple[float, float | str]] = [
        (float(step), float(value)) for step, value in trial.intermediate_values.items()
    ]
    histories = {"reported": values} if values else {}
    return LoggedRun(f"{study}/{trial.number}", str(path), config, histories, cut=trial.state.name == "PRUNED")


def _text(value: object) -> str:
    """Return a value as text, numbers as JSON has them."""
    return value if isinstance(value, str) else json.dumps(value, default=str)
