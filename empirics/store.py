"""The store: one SQLite file a run, one transaction a finished unit, written by one process.

It survives a kill at any moment. After a run it is left in rollback-journal mode, one plain file that opens from
read-only media.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from empirics.errors import InputError
from empirics.files import remove_partial
from empirics.records import (
    BatchVariance,
    ConstantsRecord,
    Event,
    MaskRecord,
    RerunRecord,
    StudyOutcome,
    StudyRecord,
    TraceRecord,
    TrajectoryPoint,
    TrialRecord,
)
from empirics.specification import Study, number_text
from empirics.stopping import read_stop_rule
from empirics.store_schema import (
    FILE_NAME,
    SCHEMA,
    SCHEMA_VERSION,
    break_seal,
    numbers,
    seal,
    stored_identity,
    told_as_damage,
)


class Store:
    """The records of one run folder.

    Args:
        connection: An open connection to its `study.sqlite`.
        path: That file, for messages.
        identity: What must not change within the run.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, identity: dict[str, Any]) -> None:
        self._connection = connection
        self._path = path
        self.identity = identity
        self.goals = tuple(identity["goal_error"])
        with told_as_damage(path):
            self.stop = read_stop_rule(identity["stop"].split())

    def add_session(self, started: str, provenance: dict[str, object]) -> None:
        """Note that a process began to work on this run."""
        with self._connection as transaction:
            transaction.execute("INSERT INTO sessions VALUES (?, ?)", (started, _json(provenance)))

    def amend_session(self, facts: dict[str, object]) -> None:
        """Add facts to what is known of the process that began last."""
        with self._connection as transaction:
            ((row, known),) = transaction.execute(
                "SELECT rowid, provenance FROM sessions ORDER BY rowid DESC LIMIT 1"
            ).fetchall()
            transaction.execute(
                "UPDATE sessions SET provenance = ? WHERE rowid = ?", (_json({**json.loads(known), **facts}), row)
            )

    def add_masks(self, masks: Iterable[MaskRecord]) -> None:
        """Store packed masks."""
        rows = [(mask.replicate, mask.trial, mask.sparsity, mask.bits) for mask in masks]
        with self._connection as transaction:
            transaction.executemany("INSERT OR REPLACE INTO masks VALUES (?, ?, ?, ?)", rows)

    def add_study(self, outcome: StudyOutcome) -> None:
        """Store a study's outcome for every goal; replaces one of fewer trials, and what came from its winner."""
        with self._connection as transaction:
            for record in outcome.records:
                key = self._key(record.study, record.goal)
                ending = (record.max_steps, record.eval_interval, record.best_error, record.seconds)
                for table in ("studies", "trials", "reruns", *_OF_CONSTANTS):
                    transaction.execute(f"DELETE FROM {table} WHERE {_WHERE_STUDY}", key)  # noqa: S608 - fixed names
                transaction.execute("INSERT INTO studies VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*key, *ending))
                transaction.executemany(
                    "INSERT INTO trials VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [
                        (*key, row.trial, _json(row.metaparameters), row.event, row.step, row.short)
                        for row in record.trials
                    ],
                )
            for study in {record.study for record in outcome.records}:
                transaction.execute(f"DELETE FROM traces WHERE {_WHERE_TRACES}", dataclasses.astuple(study))  # noqa: S608
            transaction.executemany(
                "INSERT INTO traces VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (*dataclasses.astuple(trace.study), trace.trial, trace.metric, *_packed(trace))
                    for trace in outcome.traces
                ],
            )

    def add_rerun(self, record: RerunRecord) -> None:
        """Store one retraining of a winner."""
        row = (record.rerun, record.trial, _json(record.metaparameters), record.event, record.step)
        with self._connection as transaction:
            transaction.execute(
                "INSERT OR REPLACE INTO reruns VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*self._key(record.study), *row),
            )

    def add_constants(self, record: ConstantsRecord) -> None:
        """Store the constants of a sparsity and replicate with their trajectory, in the place of older ones."""
        key = self._key(record.study)
        row = (
            record.examples,
            record.trial,
            _json(record.metaparameters),
            _json(record.values),
            record.seconds,
            _json(record.errors),
            record.goal_step,
            record.steps,
            record.skipped,
            record.diverged,
            _json(record.settings),
        )
        with self._connection as transaction:
            for table in _OF_CONSTANTS:
                transaction.execute(
                    f"DELETE FROM {table} WHERE goal = ? AND sparsity = ? AND replicate = ?",  # noqa: S608
                    key[:3],
                )
            places = ", ".join("?" * (len(key) + len(row)))
            transaction.execute(f"INSERT INTO constants VALUES ({places})", (*key, *row))  # noqa: S608 - question marks
            transaction.executemany(
                "INSERT INTO trajectories VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [(*key, *dataclasses.astuple(point)) for point in record.trajectory],
            )
            transaction.executemany(
                "INSERT INTO batch_variances VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(*key, *dataclasses.astuple(variance)) for variance in record.batch_variances],
            )

    def masks(self) -> dict[tuple[int, int, float], bytes]:
        """Return (replicate, trial, sparsity) -> packed mask."""
        with told_as_damage(self._path):
            rows = self._connection.execute("SELECT replicate, trial, sparsity, bits FROM masks")
            return {(replicate, trial, sparsity): bits for replicate, trial, sparsity, bits in rows}

    def studies(self, goal: float | None = None) -> dict[Study, StudyRecord]:
        """Return every finished study for one goal, the first by default, in the order of `curves.csv`."""
        with told_as_damage(self._path):
            goal = self.goals[0] if goal is None else goal
            trials: dict[Study, list[TrialRecord]] = {}
            for *key, trial, metaparameters, event, step, short in self._rows("trials", "trial", goal):
                record = TrialRecord(trial, numbers(metaparameters), _EVENTS[event], step, short)
                trials.setdefault(Study(*key), []).append(record)
            found = {}
            for *key, max_steps, eval_interval, best, seconds in self._rows("studies", "batch_size", goal):
                study = Study(*key)
                ending = (tuple(trials[study]), max_steps, eval_interval, best, seconds, self.stop)
                found[study] = StudyRecord(study, goal, *ending)
            return found

    def traces(self, study: Study) -> list[TraceRecord]:
        """Return what was measured along the trials of a study, by trial and metric."""
        with told_as_damage(self._path):
            rows = self._connection.execute(
                f"SELECT trial, metric, steps, metric_values FROM traces WHERE {_WHERE_TRACES} ORDER BY trial, metric",  # noqa: S608
                dataclasses.astuple(study),
            )
            return [TraceRecord(study, trial, metric, *_unpacked(*packed)) for trial, metric, *packed in rows]

    def reruns(self) -> list[RerunRecord]:
        """Return every retraining, by study and number."""
        with told_as_damage(self._path):
            return [
                RerunRecord(Study(*row[:3]), row[3], row[4], numbers(row[5]), _EVENTS[row[6]], row[7])
                for row in self._rows("reruns", "rerun")
            ]

    def constants(self) -> list[ConstantsRecord]:
        """Return the constants of every sparsity and replicate."""
        with told_as_damage(self._path):
            trajectories: dict[Study, list[TrajectoryPoint]] = {}
            for row in self._rows("trajectories", "quantity, step"):
                trajectories.setdefault(Study(*row[:3]), []).append(TrajectoryPoint(*row[3:]))
            variances: dict[Study, list[BatchVariance]] = {}
            for row in self._rows("batch_variances", "examples, drawing"):
                variances.setdefault(Study(*row[:3]), []).append(BatchVariance(*row[3:]))
            found = []
            for (
                *key,
                examples,
                trial,
                point,
                values,
                seconds,
                errors,
                goal,
                steps,
                skipped,
                diverged,
                settings,
            ) in self._rows("constants", "batch_size"):
                study, along = Study(*key), tuple(trajectories.get(Study(*key), ()))
                measured = examples, trial, numbers(point), numbers(values), along, seconds, numbers(errors)
                ending = goal, steps, skipped, diverged, json.loads(settings), tuple(variances.get(study, ()))
                found.append(ConstantsRecord(study, *measured, *ending))
            return found

    def sessions(self) -> list[dict[str, object]]:
        """Return the provenance of every process that worked on this run, oldest first."""
        with told_as_damage(self._path):
            rows = self._connection.execute("SELECT started, provenance FROM sessions ORDER BY rowid")
            return [{"started": started, **json.loads(provenance)} for started, provenance in rows]

    def _key(self, study: Study, goal: float | None = None) -> tuple[str, float, int, int]:
        """Return the columns that name a study and a goal, the first by default."""
        text = number_text(self.goals[0] if goal is None else goal)
        return text, study.sparsity, study.replicate, study.batch_size

    def _rows(self, table: str, last: str, goal: float | None = None) -> Iterator[list[Any]]:
        """Yield the rows of a table for one goal, without it, sorted by study and then by one more column."""
        query = f"SELECT * FROM {table} WHERE goal = ? ORDER BY sparsity, replicate, batch_size, {last}"  # noqa: S608
        for row in self._connection.execute(query, (number_text(self.goals[0] if goal is None else goal),)):
            yield list(row[1:])


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
            transaction.execute("INSERT INTO run VALUES (?, ?)", (SCHEMA_VERSION, _json(identity)))
        read: dict[str, Any] = json.loads(_json(identity))
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


_OF_CONSTANTS = ("constants", "trajectories", "batch_variances")
_WHERE_TRACES = "sparsity = ? AND replicate = ? AND batch_size = ?"
_WHERE_STUDY = f"goal = ? AND {_WHERE_TRACES}"


_EVENTS: dict[str, Event] = {"reached": "reached", "infeasible": "infeasible", "running": "running"}


def _packed(trace: TraceRecord) -> tuple[bytes, bytes]:
    """Return steps and values as little-endian int64 and float64."""
    return np.array(trace.steps, "<i8").tobytes(), np.array(trace.values, "<f8").tobytes()


def _unpacked(steps: bytes, values: bytes) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return what `_packed` packed."""
    return tuple(np.frombuffer(steps, "<i8").tolist()), tuple(np.frombuffer(values, "<f8").tolist())


def _json(value: object) -> str:
    """Return canonical JSON."""
    return json.dumps(value, sort_keys=True)
