"""The tables of a store, and the check that a file is one.

A store may have been damaged: nothing in it is used before its tables are known to be exactly ours, without views or
triggers, and its pages to hang together.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from empirics.errors import InputError, describe
from empirics.followed import TrajectoryPoint
from empirics.store.packing import MOST_BYTES, OF_TRIAL, packed_trajectory, packed_trials
from kstar.ending import one_line

SCHEMA_VERSION = 4
FILE_NAME = "study.sqlite"

_STUDY = "goal, sparsity, replicate, batch_size"
_STUDY_KEY = "goal TEXT NOT NULL, sparsity REAL NOT NULL, replicate INTEGER NOT NULL, batch_size INTEGER NOT NULL"
SCHEMA = f"""
CREATE TABLE run (schema_version INTEGER NOT NULL, identity TEXT NOT NULL);
CREATE TABLE sessions (started TEXT NOT NULL, provenance TEXT NOT NULL);
CREATE TABLE masks (
    replicate INTEGER NOT NULL, trial INTEGER NOT NULL, draw INTEGER NOT NULL, sparsity REAL NOT NULL,
    bits BLOB NOT NULL, PRIMARY KEY (replicate, trial, draw, sparsity)
);
CREATE TABLE studies (
    {_STUDY_KEY}, max_steps INTEGER NOT NULL, eval_interval INTEGER NOT NULL, best_error REAL, seconds REAL NOT NULL,
    draws INTEGER NOT NULL, trials BLOB NOT NULL, PRIMARY KEY (goal, sparsity, replicate, batch_size)
);
CREATE TABLE points (point INTEGER PRIMARY KEY, metaparameters TEXT NOT NULL UNIQUE);
CREATE TABLE traces (
    sparsity REAL NOT NULL, replicate INTEGER NOT NULL, batch_size INTEGER NOT NULL, trial INTEGER NOT NULL,
    draw INTEGER NOT NULL, metric TEXT NOT NULL, steps BLOB NOT NULL, metric_values BLOB NOT NULL,
    PRIMARY KEY (sparsity, replicate, batch_size, trial, draw, metric)
);
CREATE TABLE repeats (
    {_STUDY_KEY}, kind TEXT NOT NULL, number INTEGER NOT NULL, trial INTEGER NOT NULL, point INTEGER NOT NULL,
    event TEXT NOT NULL, step INTEGER NOT NULL, PRIMARY KEY (goal, sparsity, replicate, batch_size, kind, number)
) WITHOUT ROWID;
CREATE TABLE constants (
    {_STUDY_KEY}, examples INTEGER NOT NULL, trial INTEGER NOT NULL, metaparameters TEXT NOT NULL,
    quantities TEXT NOT NULL, seconds REAL NOT NULL, errors TEXT NOT NULL, goal_step INTEGER, steps INTEGER NOT NULL,
    skipped INTEGER NOT NULL, diverged INTEGER, settings TEXT NOT NULL,
    PRIMARY KEY (goal, sparsity, replicate, batch_size)
);
CREATE TABLE trajectories (
    {_STUDY_KEY}, quantity TEXT NOT NULL, steps BLOB NOT NULL, quantity_values BLOB NOT NULL, errors BLOB,
    PRIMARY KEY (goal, sparsity, replicate, batch_size, quantity)
);
CREATE TABLE batch_variances (
    {_STUDY_KEY}, examples INTEGER NOT NULL, drawing TEXT NOT NULL, measured REAL NOT NULL, error REAL NOT NULL,
    expected REAL NOT NULL, PRIMARY KEY (goal, sparsity, replicate, batch_size, examples, drawing)
);
"""
# What version 3 had in the place of tables that know of draws; its `reruns` were draws of the winner in an own order,
# each trial was a row with its metaparameters, and one run a sparsity and replicate was followed.
_BEFORE_DRAWS = f"""
CREATE TABLE masks (
    replicate INTEGER NOT NULL, trial INTEGER NOT NULL, sparsity REAL NOT NULL, bits BLOB NOT NULL,
    PRIMARY KEY (replicate, trial, sparsity)
);
CREATE TABLE studies (
    {_STUDY_KEY}, max_steps INTEGER NOT NULL, eval_interval INTEGER NOT NULL, best_error REAL, seconds REAL NOT NULL,
    PRIMARY KEY (goal, sparsity, replicate, batch_size)
);
CREATE TABLE trials (
    {_STUDY_KEY}, trial INTEGER NOT NULL, metaparameters TEXT NOT NULL, event TEXT NOT NULL, step INTEGER NOT NULL,
    short INTEGER, PRIMARY KEY (goal, sparsity, replicate, batch_size, trial)
);
CREATE TABLE traces (
    sparsity REAL NOT NULL, replicate INTEGER NOT NULL, batch_size INTEGER NOT NULL, trial INTEGER NOT NULL,
    metric TEXT NOT NULL, steps BLOB NOT NULL, metric_values BLOB NOT NULL,
    PRIMARY KEY (sparsity, replicate, batch_size, trial, metric)
);
CREATE TABLE reruns (
    {_STUDY_KEY}, rerun INTEGER NOT NULL, trial INTEGER NOT NULL, metaparameters TEXT NOT NULL, event TEXT NOT NULL,
    step INTEGER NOT NULL, PRIMARY KEY (goal, sparsity, replicate, batch_size, rerun)
);
CREATE TABLE trajectories (
    {_STUDY_KEY}, quantity TEXT NOT NULL, step INTEGER NOT NULL, value REAL NOT NULL, error REAL,
    PRIMARY KEY (goal, sparsity, replicate, quantity, step)
);
CREATE TABLE constants (
    {_STUDY_KEY}, examples INTEGER NOT NULL, trial INTEGER NOT NULL, metaparameters TEXT NOT NULL,
    quantities TEXT NOT NULL, seconds REAL NOT NULL, errors TEXT NOT NULL, goal_step INTEGER, steps INTEGER NOT NULL,
    skipped INTEGER NOT NULL, diverged INTEGER, settings TEXT NOT NULL, PRIMARY KEY (goal, sparsity, replicate)
);
CREATE TABLE batch_variances (
    {_STUDY_KEY}, examples INTEGER NOT NULL, drawing TEXT NOT NULL, measured REAL NOT NULL, error REAL NOT NULL,
    expected REAL NOT NULL, PRIMARY KEY (goal, sparsity, replicate, examples, drawing)
);
"""


def _tables(schema: str) -> dict[str, str]:
    """Return the statement that makes each table."""
    return {statement.split()[2]: statement.strip() for statement in schema.split(";") if statement.strip()}


_TABLES = _tables(SCHEMA)
_OLDER = _tables(_BEFORE_DRAWS)
_OLDER_TABLES = {name: of for name, of in _TABLES.items() if name not in {"points", "repeats"}} | _OLDER
_POINT_OF = "(SELECT point FROM points WHERE points.metaparameters = {})"
_NEW_VALUES = {"masks": {"draw": "0"}, "traces": {"draw": "0"}, "reruns": {"kind": "'draw'"}}
_READ = {SCHEMA_VERSION: _TABLES, SCHEMA_VERSION - 1: _OLDER_TABLES}
_OF_CONTENT = (*(sqlite3.Error, LookupError, ArithmeticError, AttributeError, ValueError, TypeError, RecursionError),)


@contextlib.contextmanager
def told_as_damage(path: Path) -> Iterator[None]:
    """Let whatever reading a store stumbles over end in one line.

    Raises:
        InputError: In the place of any error that the content of a file can cause.
    """
    try:
        yield
    except InputError:
        raise
    except sqlite3.OperationalError as error:
        raise InputError(f"{path} cannot be read ({describe(error)})") from error
    except _OF_CONTENT as error:
        raise damaged(path, describe(error)) from error


def damaged(path: Path, reason: str) -> InputError:
    """Return what to say of a store that does not hold what was written."""
    return InputError(
        f"{path} is damaged ({reason[:200]}); put a copy of it there, or measure again with another --out"
    )


def stored_identity(connection: sqlite3.Connection, path: Path) -> dict[str, Any] | None:
    """Return what a store was made for, None if it was never begun; check its tables.

    Args:
        connection: To the file; nothing is written.
        path: Its name, for messages.

    Raises:
        InputError: If it is another program's or version's, or damaged.
        sqlite3.DatabaseError: If it is no database at all.
    """
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_BYTES)
    found = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    if not found:
        return None
    if found.get("run") != _TABLES["run"]:
        raise InputError(f"{path} is another program's database; use another --out")
    with told_as_damage(path):
        rows = connection.execute("SELECT schema_version, identity FROM run").fetchall()
        if len(rows) != 1:
            raise damaged(path, f"{len(rows)} rows of its table run")
        ((version, identity),) = rows
        if version not in _READ:
            raise InputError(f"{path.parent} was written by another version (schema {version}, not {SCHEMA_VERSION})")
        if found != _READ[version]:
            strange = sorted(set(found.items()) ^ set(_READ[version].items()))
            raise damaged(path, f"its {strange[0][0]!r} is no table of a run")
        _check_pages(connection, path)
        return _known(path, json.loads(identity))


def is_older(connection: sqlite3.Connection) -> bool:
    """Return whether a store that `stored_identity` has checked is of an older version."""
    ((version,),) = connection.execute("SELECT schema_version FROM run").fetchall()
    return bool(version < SCHEMA_VERSION)


def bring_up(connection: sqlite3.Connection) -> None:
    """Bring the tables of an older store to this version, in the transaction that is open."""
    connection.execute(_TABLES["points"])
    for name in ("trials", "reruns"):
        connection.execute(f"INSERT OR IGNORE INTO points (metaparameters) SELECT metaparameters FROM {name}")  # noqa: S608
    for name in (name for name in _OLDER if name != "trials"):
        connection.execute(f"ALTER TABLE {name} RENAME TO older")
        new = "repeats" if name == "reruns" else name
        connection.execute(_TABLES[new])
        if name == "trajectories":
            _pack_trajectories(connection)
        elif name == "studies":
            _pack_trials(connection)
        else:
            _copy_older(connection, name, new)
        connection.execute("DROP TABLE older")
    connection.execute("DROP TABLE trials")
    connection.execute("UPDATE run SET schema_version = ?", (SCHEMA_VERSION,))


def _copy_older(connection: sqlite3.Connection, name: str, new: str) -> None:
    """Copy the rows of an older table into the one of this version."""
    values = {column: column for _, column, *_ in connection.execute("PRAGMA table_info(older)")}
    values |= _NEW_VALUES.get(name, {})
    if name == "reruns":
        del values["metaparameters"]
        values["point"] = _POINT_OF.format("older.metaparameters")
        values["number"] = values.pop("rerun")
    into, taken = ", ".join(values), ", ".join(values.values())
    connection.execute(f"INSERT INTO {new} ({into}) SELECT {taken} FROM older")  # noqa: S608 - fixed names


def _pack_trials(connection: sqlite3.Connection) -> None:
    """Copy studies, and pack their trials that have a row each."""
    point = _POINT_OF.format("trials.metaparameters")
    of = f"SELECT trial, 0, {point}, event, step, short FROM trials WHERE ({_STUDY}) = (?, ?, ?, ?) ORDER BY trial"  # noqa: S608
    for study in connection.execute(f"SELECT {_STUDY}, max_steps, eval_interval, best_error, seconds FROM older"):  # noqa: S608
        trials = packed_trials(dict(zip(OF_TRIAL, row, strict=True)) for row in connection.execute(of, study[:4]))
        connection.execute("INSERT INTO studies VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?)", (*study, trials))


def _pack_trajectories(connection: sqlite3.Connection) -> None:
    """Copy trajectories that have a row for each point."""
    rows = connection.execute(f"SELECT {_STUDY}, quantity, step, value, error FROM older")  # noqa: S608
    runs: dict[tuple[object, ...], list[TrajectoryPoint]] = {}
    for *run, quantity, step, value, error in rows:
        runs.setdefault(tuple(run), []).append(TrajectoryPoint(quantity, step, value, error))
    packed = [(*run, *row.values()) for run, points in runs.items() for row in packed_trajectory(points)]
    connection.executemany("INSERT INTO trajectories VALUES (?, ?, ?, ?, ?, ?, ?, ?)", packed)


def canonical_json(value: object) -> str:
    """Return the one text of a JSON value, in which 1, 1.0 and true differ."""
    return json.dumps(value, sort_keys=True)


def numbers(text: str) -> dict[str, float]:
    """Return the JSON object of numbers that a column holds.

    Raises:
        ValueError: If it holds anything else.

    Example:
        >>> numbers('{"learning_rate": 0.5}')
        {'learning_rate': 0.5}
    """
    found: object = json.loads(text)
    if not isinstance(found, dict) or not all(type(value) in {int, float} for value in found.values()):
        raise ValueError("no object of numbers")
    for value in found.values():
        float(value)  # an integer may be too large to be one
    return found


def _check_pages(connection: sqlite3.Connection, path: Path) -> None:
    """Check that pages and indices hang together."""
    ((answer,), *_) = connection.execute("PRAGMA integrity_check(1)").fetchall()
    if answer != "ok":
        raise damaged(path, one_line(str(answer)))


def _known(path: Path, identity: object) -> dict[str, Any]:
    """Return an identity that has what every run's has."""
    if not isinstance(identity, dict):
        raise damaged(path, "its identity is no object")
    goals = identity.get("goal_error")
    if not isinstance(goals, list) or not goals or not all(type(goal) in {int, float} for goal in goals):
        raise damaged(path, "its identity has no goals")
    if not isinstance(identity.get("workload"), str) or not isinstance(identity.get("stop"), str):
        raise damaged(path, "its identity has no workload or stop rule")
    return identity
