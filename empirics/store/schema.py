"""The tables of a store, and whether a file is one that can be trusted to hold what was written.

A store may have been damaged, or come from a stranger: nothing in it is used before its tables are known to be exactly
ours, without views or triggers, each value of its column's type, and, in a run at rest, the sum over all of them right.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from empirics.errors import InputError, describe

SCHEMA_VERSION = 3
FILE_NAME = "study.sqlite"
MOST_VALUE_BYTES = 2**28

_STUDY_KEY = "goal TEXT NOT NULL, sparsity REAL NOT NULL, replicate INTEGER NOT NULL, batch_size INTEGER NOT NULL"
SCHEMA = f"""
CREATE TABLE run (schema_version INTEGER NOT NULL, identity TEXT NOT NULL);
CREATE TABLE sessions (started TEXT NOT NULL, provenance TEXT NOT NULL);
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
CREATE TABLE constants (
    {_STUDY_KEY}, examples INTEGER NOT NULL, trial INTEGER NOT NULL, metaparameters TEXT NOT NULL,
    quantities TEXT NOT NULL, seconds REAL NOT NULL, errors TEXT NOT NULL, goal_step INTEGER, steps INTEGER NOT NULL,
    skipped INTEGER NOT NULL, diverged INTEGER, settings TEXT NOT NULL, PRIMARY KEY (goal, sparsity, replicate)
);
CREATE TABLE trajectories (
    {_STUDY_KEY}, quantity TEXT NOT NULL, step INTEGER NOT NULL, value REAL NOT NULL, error REAL,
    PRIMARY KEY (goal, sparsity, replicate, quantity, step)
);
CREATE TABLE batch_variances (
    {_STUDY_KEY}, examples INTEGER NOT NULL, drawing TEXT NOT NULL, measured REAL NOT NULL, error REAL NOT NULL,
    expected REAL NOT NULL, PRIMARY KEY (goal, sparsity, replicate, examples, drawing)
);
"""
_TABLES = {statement.split()[2]: statement.strip() for statement in SCHEMA.split(";") if statement.strip()}
_KEY_RULE = "sparsity >= 0 AND sparsity < 100 AND replicate >= 0 AND batch_size >= 1"
_RULES = {
    "studies": f"{_KEY_RULE} AND max_steps >= 1 AND eval_interval >= 1",
    "trials": f"{_KEY_RULE} AND trial >= 0 AND step >= 0 AND coalesce(short, 0) >= 0",
    "reruns": f"{_KEY_RULE} AND trial >= 0 AND step >= 0",
    "constants": f"{_KEY_RULE} AND trial >= 0 AND examples >= 0",
}
_STORED_AS = {"INTEGER": "integer", "REAL": "real", "TEXT": "text", "BLOB": "blob"}
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
    """Return what a store was made for, None if it was never begun; check all of it.

    Args:
        connection: To the file; nothing is written.
        path: Its name, for messages.

    Raises:
        InputError: If it is another program's or version's, or damaged.
        sqlite3.DatabaseError: If it is no database at all.
    """
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_VALUE_BYTES)
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
        if version != SCHEMA_VERSION:
            raise InputError(f"{path.parent} was written by another version (schema {version}, not {SCHEMA_VERSION})")
        if found != _TABLES:
            strange = sorted(set(found.items()) ^ set(_TABLES.items()))
            raise damaged(path, f"its {strange[0][0]!r} is no table of a run")
        _check_pages(connection, path)
        _check_types(connection, path)
        return _known(path, json.loads(identity))


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


def seal(connection: sqlite3.Connection) -> None:
    """Keep a sum over all values in the file's header, so that a reader of a run at rest sees any of them change."""
    connection.execute(f"PRAGMA user_version = {_sum(connection)}")


def break_seal(connection: sqlite3.Connection) -> None:
    """Say in the file's header that it is being written."""
    connection.execute("PRAGMA user_version = 0")


def _check_pages(connection: sqlite3.Connection, path: Path) -> None:
    """Check that pages and indices hang together and that a run at rest holds what was written."""
    ((answer,), *_) = connection.execute("PRAGMA integrity_check(1)").fetchall()
    if answer != "ok":
        raise damaged(path, " ".join(str(answer).split()))
    ((expected,),) = connection.execute("PRAGMA user_version").fetchall()
    if expected and expected != _sum(connection):
        raise damaged(path, "the sum over its values is not that of when it was closed")


def _sum(connection: sqlite3.Connection) -> int:
    """Return a checksum over every value of every table, 1..2^31 - 1; 0 stands for none."""
    total = 0
    for name in _TABLES:
        for row in connection.execute(f"SELECT * FROM {name} ORDER BY rowid"):  # noqa: S608 - our names
            for value in row:
                content = value if isinstance(value, bytes) else repr(value).encode(errors="surrogatepass")
                total = zlib.crc32(content, zlib.crc32(b"\0", total))
    return 1 + total % (2**31 - 1)


def _check_types(connection: sqlite3.Connection, path: Path) -> None:
    """Check that each value is of its column's type and range; SQLite itself takes anything anywhere."""
    for name in _TABLES:
        for _, column, kind, needed, _, key in connection.execute(f"PRAGMA table_info({name})").fetchall():
            wanted = [_STORED_AS[kind]] + ["null"] * (not needed and not key)
            places = ", ".join("?" * len(wanted))
            query = f"SELECT typeof({column}) FROM {name} WHERE typeof({column}) NOT IN ({places})"  # noqa: S608
            strange = connection.execute(f"{query} LIMIT 1", wanted).fetchone()
            if strange is not None:
                raise damaged(path, f"{strange[0]} in {name}.{column}")
    for name, rule in _RULES.items():
        if connection.execute(f"SELECT 1 FROM {name} WHERE NOT ({rule}) LIMIT 1").fetchone():  # noqa: S608
            raise damaged(path, f"a row of {name} that no run writes")


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
