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
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from empirics.errors import InputError
from empirics.store.held_folder import HeldFolder, held_folder
from empirics.store.rows import Store
from empirics.store.schema import (
    FILE_NAME,
    SCHEMA,
    SCHEMA_VERSION,
    bring_up,
    canonical_json,
    is_older,
    stored_identity,
    told_as_damage,
)
from kstar.files import remove_partial

_PATIENCE_SECONDS = 60.0  # for whoever reads when a run begins, and for a run that begins or ends when one reads
_AT_END_SECONDS = 5.0  # for whoever reads then: the store may stay in two files
_WITH_LOG = b"\x02\x02"  # the two bytes of SQLite's header that say so


@contextlib.contextmanager
def open_run(folder: Path) -> Iterator[HeldFolder]:
    """Hold a run folder, made where there is none, as its only writer.

    Args:
        folder: The run folder.

    Raises:
        InputError: If the folder is in use or is not a run folder.
    """
    _refuse_no_run(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with held_folder(folder) as held:
        yield held


def _refuse_no_run(folder: Path) -> None:
    """Refuse what no run can be in."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder with --out")
    if folder.exists() and not (folder / FILE_NAME).exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty and holds no run; name another folder with --out")


@contextlib.contextmanager
def open_store(folder: Path, identity: dict[str, object]) -> Iterator[Store]:
    """Open the store of a run folder for writing, and make both where there are none.

    Args:
        folder: The run folder.
        identity: What must not change within it.

    Yields:
        The store; this process is its only writer until the end of the block.

    Raises:
        InputError: If the folder belongs to another run, is in use, is damaged, or is not a run folder; or was renamed,
            removed or replaced meanwhile.
    """
    with open_run(folder) as held, store_in(held, identity) as store:
        yield store


@contextlib.contextmanager
def store_in(held: HeldFolder, identity: dict[str, object]) -> Iterator[Store]:
    """Open the store of a folder that is held; arguments, result and refusals are those of `open_store`."""
    path = held.path / FILE_NAME
    with contextlib.closing(sqlite3.connect(path, timeout=_PATIENCE_SECONDS)) as connection:
        stored = _begun(connection, held, identity)
        remove_partial(held.path)
        try:
            yield Store(connection, path, stored, held.check_store)
        finally:
            _bring_to_rest(connection, held)
            connection.close()
            if not held.is_there():
                _tidy_after_rename(held)
            held.check()


def _begun(connection: sqlite3.Connection, held: HeldFolder, identity: dict[str, object]) -> dict[str, Any]:
    """Prepare a store to be written; return the identity as it is read."""
    path = held.path / FILE_NAME
    try:
        stored = _prepare(connection, held.path, identity)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
    except sqlite3.OperationalError as error:
        remedy = "make room or permit writing there and run the same command again"
        if "locked" in str(error):
            remedy = "another program reads or writes it: wait for it and run the same command again"
        raise InputError(f"{path} cannot be written ({error}); {remedy}") from error
    except sqlite3.DatabaseError as error:
        raise InputError(f"{path} cannot be used ({error}); move it away or use another --out") from error
    held.hold_store(_place_of_identity(connection))
    return stored


def _place_of_identity(connection: sqlite3.Connection) -> slice:
    """Return where in the file the page is that says what the run is; nothing is written to it once it is made."""
    ((size,),) = connection.execute("PRAGMA page_size").fetchall()
    ((page,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'run'").fetchall()
    return slice((page - 1) * size, page * size)


def _bring_to_rest(connection: sqlite3.Connection, held: HeldFolder) -> None:
    """Leave the store as one plain file, or whole at least; where a reader is still there it stays in two."""
    if held.overwritten:
        held.empty_log()
        return
    with contextlib.suppress(sqlite3.Error):
        connection.execute(f"PRAGMA busy_timeout = {_AT_END_SECONDS * 1000:.0f}")
        if held.is_there():
            connection.execute("PRAGMA journal_mode=DELETE")
        else:  # which would remove the log by its old name, and that may be another run's now
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _tidy_after_rename(held: HeldFolder) -> None:
    """Leave no log beside a store of another name, and none where there is no store of ours any more."""
    if not held.has_store():
        held.remove_logs()
        return
    found = held.present_name()
    if found is not None:
        there = f"{(found / FILE_NAME).resolve().as_uri()}?mode=rw"
        with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(there, uri=True)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")


class EmptyRunError(InputError):
    """A store that was begun and holds nothing yet."""


@contextlib.contextmanager
def planned_store(folder: Path, identity: dict[str, object]) -> Iterator[Store | None]:
    """Open what a run would go on from, None where it would begin anew; nothing is written.

    Args:
        folder: The run folder.
        identity: Of the run.

    Raises:
        InputError: For whatever `open_store` would refuse.
    """
    _refuse_no_run(folder)
    path = folder / FILE_NAME
    there = next(place for place in (path, folder, *folder.absolute().parents) if place.exists())
    if not os.access(there, os.W_OK) or (there == path and not os.access(folder, os.W_OK)):
        raise InputError(f"{there} cannot be written; permit writing there or use another --out")
    if there != path:
        yield None
        return
    with held_folder(folder):
        pass  # nobody else is writing there
    try:
        with read_store(folder) as store:
            _refuse_other_run(folder, store.identity, identity)
            yield store
    except EmptyRunError:
        yield None


@contextlib.contextmanager
def read_store(folder: Path) -> Iterator[Store]:
    """Open the store of a run folder for reading; works on read-only media.

    All is read as it was at one moment. A run in progress goes on meanwhile. One that begins waits for the
    reader; it is refused where a copy without its log is read.

    Raises:
        InputError: If there is none, or it is damaged or of another version.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise InputError(f"{folder} holds no {FILE_NAME}; name a run folder")
    with _connected(path) as connection:
        try:
            connection.execute("BEGIN")
            identity = stored_identity(connection, path)
        except sqlite3.DatabaseError as error:
            raise InputError(f"{path} cannot be read ({error})") from error
        if identity is None:
            raise EmptyRunError(f"{folder} holds an empty run; measure into it again")
        if not is_older(connection):
            yield Store(connection, path, identity)
            return
        with contextlib.closing(sqlite3.connect(":memory:")) as copy:
            with told_as_damage(path):
                connection.backup(copy)
                bring_up(copy)
            yield Store(copy, path, identity)


@contextlib.contextmanager
def _connected(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a store for reading.

    A copy that was taken of the one file of a run in progress lacks its log. It is read without SQLite's locks, which
    would make a log beside it; no run can begin there meanwhile.
    """
    with contextlib.ExitStack() as opened:
        alone = _lacks_log(path) and _kept_from_writers(path, opened)
        address = f"{path.resolve().as_uri()}?mode=ro{'&immutable=1' if alone else ''}"
        connection = sqlite3.connect(address, uri=True, timeout=_PATIENCE_SECONDS)
        yield opened.enter_context(contextlib.closing(connection))


def _kept_from_writers(path: Path, opened: contextlib.ExitStack) -> bool:
    """Keep runs from a store that lacks its log until the stack ends; return False where one is there or was.

    Where the medium knows no locks, no run can hold the folder either.
    """
    real = path.resolve()
    with contextlib.ExitStack() as locks:
        for place in dict.fromkeys((path.parent, real.parent, real)):  # all that `held_folder` may lock
            try:
                descriptor = os.open(place, os.O_RDONLY)
                locks.callback(os.close, descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            except OSError:
                continue
        if not _lacks_log(path):
            return False
        opened.enter_context(locks.pop_all())
    return True


def _lacks_log(path: Path) -> bool:
    """Whether a store goes with a write-ahead log that is not there."""
    real = path.resolve()
    return not real.with_name(f"{real.name}-wal").exists() and _needs_log(real)


def _needs_log(path: Path) -> bool:
    """Whether a store's header says that it goes with a write-ahead log."""
    with path.open("rb") as file:
        return file.read(20)[18:] == _WITH_LOG


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
    _refuse_other_run(folder, stored, identity)
    if is_older(connection):
        with told_as_damage(folder / FILE_NAME), connection as transaction:
            transaction.execute("BEGIN")
            bring_up(transaction)
        # A killed run leaves a log, where this is now; it must be in the file before what is there is remembered.
        connection.execute("PRAGMA wal_checkpoint(FULL)")
    return stored


def _refuse_other_run(folder: Path, stored: Mapping[str, object], identity: Mapping[str, object]) -> None:
    """Refuse to go on with another run, naming the first difference."""
    for name in (*identity, *stored):
        before, now = stored.get(name), identity.get(name)
        if before != now:
            if isinstance(before, Mapping) and isinstance(now, Mapping):
                _refuse_other_run(folder, before, now)
            told = "goal" if name == "goal_error" and {"metric"} & {*identity, *stored} else name
            raise InputError(
                f"{folder} was measured with {told} = {_short(before)}, this asks for {_short(now)}; use another --out"
            )


def _short(value: object) -> str:
    """Return a value as it fits into one line."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
