"""The store: one SQLite file a run, one transaction a finished unit, written by one process.

It survives a kill at any moment. After a run it is left in rollback-journal mode, one plain file that opens from
read-only media.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from empirics.errors import InputError
from empirics.files import remove_partial
from empirics.store_records import Store
from empirics.store_schema import (
    FILE_NAME,
    SCHEMA,
    SCHEMA_VERSION,
    break_seal,
    canonical_json,
    seal,
    stored_identity,
)


@contextlib.contextmanager
def open_store(folder: Path, identity: dict[str, object]) -> Iterator[Store]:
    """Open the store of a run folder for writing, and make both where there are none.

    Args:
        folder: The run folder.
        identity: What must not change within it.

    Yields:
        The store; this process is its only writer until the end of the block.

    Raises:
        InputError: If the folder belongs to another run, is in use, is damaged, or is not a run folder.
    """
    path = folder / FILE_NAME
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder with --out")
    if not path.exists() and folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty and holds no run; name another folder with --out")
    folder.mkdir(parents=True, exist_ok=True)
    with _only_writer(folder), contextlib.closing(sqlite3.connect(path)) as connection:
        try:
            stored = _prepare(connection, folder, identity)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            break_seal(connection)
        except sqlite3.OperationalError as error:
            remedy = "make room or permit writing there and run the same command again"
            raise InputError(f"{path} cannot be written ({error}); {remedy}") from error
        except sqlite3.DatabaseError as error:
            raise InputError(f"{path} cannot be used ({error}); move it away or use another --out") from error
        remove_partial(folder)
        try:
            yield Store(connection, path, stored)
        finally:
            with contextlib.suppress(sqlite3.Error):  # a reader is still there: it stays in two files
                seal(connection)
                connection.execute("PRAGMA journal_mode=DELETE")


@contextlib.contextmanager
def read_store(folder: Path) -> Iterator[Store]:
    """Open the store of a run folder for reading; works on read-only media.

    Raises:
        InputError: If there is none, or it is damaged or of another version.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise InputError(f"{folder} holds no {FILE_NAME}; name a run folder")
    at_rest = not path.with_name(f"{FILE_NAME}-wal").exists()
    uri = f"{path.resolve().as_uri()}?mode=ro{'&immutable=1' if at_rest else ''}"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
        try:
            identity = stored_identity(connection, path)
        except sqlite3.DatabaseError as error:
            raise InputError(f"{path} cannot be read ({error})") from error
        if identity is None:
            raise InputError(f"{folder} holds an empty run; measure into it again")
        yield Store(connection, path, identity)


@contextlib.contextmanager
def _only_writer(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the system lets go of it when the process ends, however it ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{folder} is being written by another run; wait for it or use another --out") from None
        yield
    finally:
        os.close(descriptor)


def _prepare(connection: sqlite3.Connection, folder: Path, identity: dict[str, object]) -> dict[str, Any]:
    """Make the tables, or check that the ones there belong to the same run; return the identity as it is read."""
    stored = stored_identity(connection, folder / FILE_NAME)
    if stored is None:
        with connection as transaction:
            transaction.execute("BEGIN")
            for statement in SCHEMA.split(";"):
                transaction.execute(statement)
            transaction.execute("INSERT INTO run VALUES (?, ?)", (SCHEMA_VERSION, canonical_json(identity)))
        read: dict[str, Any] = json.loads(canonical_json(identity))
        return read
    for name in (*identity, *stored):
        before, now = stored.get(name), identity.get(name)
        if before != now:
            raise InputError(
                f"{folder} was measured with {name} = {_short(before)}, this asks for {_short(now)}; use another --out"
            )
    return stored


def _short(value: object) -> str:
    """Return a value as it fits into one line."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
