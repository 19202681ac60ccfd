"""The records of a run as rows of its tables, in and out."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from empirics.records import (
    EVENTS,
    BatchVariance,
    ConstantsRecord,
    MaskRecord,
    RerunRecord,
    Study,
    StudyOutcome,
    StudyRecord,
    TraceRecord,
    TrajectoryPoint,
    TrialRecord,
    number_text,
)
from empirics.stopping import read_stop_rule
from empirics.store.schema import canonical_json, numbers, told_as_damage

_OF_CONSTANTS = ("constants", "trajectories", "batch_variances")
_WHERE_TRACES = "sparsity = ? AND replicate = ? AND batch_size = ?"
_WHERE_STUDY = f"goal = ? AND {_WHERE_TRACES}"


class Store:
    """The records of one run folder.

    Args:
        connection: An open connection to its `study.sqlite`.
        path: That file, for messages.
        identity: What must not change within the run.
        check: Refuses to write into a file that is another's now.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        identity: dict[str, Any],
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._connection = connection
        self._check = check
        self._path = path
        self.identity = identity
        self.goals = tuple(identity["goal_error"])
        with told_as_damage(path):
            self.stop = read_stop_rule(identity["stop"].split())

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Let a unit be written whole or not at all."""
        self._check()
        with self._connection:
            yield self._connection

    def add_session(self, started: str, provenance: dict[str, object]) -> None:
        """Note that a process began to work on this run."""
        with self._transaction() as transaction:
            transaction.execute("INSERT INTO sessions VALUES (?, ?)", (started, canonical_json(provenance)))

    def amend_session(self, facts: dict[str, object]) -> None:
        """Add facts to what is known of the process that began last."""
        with self._transaction() as transaction:
            ((row, known),) = transaction.execute(
                "SELECT rowid, provenance FROM sessions ORDER BY rowid DESC LIMIT 1"
            ).fetchall()
            now = canonical_json({**json.loads(known), **facts})
            transaction.execute("UPDATE sessions SET provenance = ? WHERE rowid = ?", (now, row))

    def add_masks(self, masks: Iterable[MaskRecord]) -> None:
        """Store packed masks."""
        rows = [(mask.replicate, mask.trial, mask.sparsity, mask.bits) for mask in masks]
        with self._transaction() as transaction:
            transaction.executemany("INSERT OR REPLACE INTO masks VALUES (?, ?, ?, ?)", rows)

    def add_study(self, outcome: StudyOutcome) -> None:
        """Store a study's outcome for every goal; replaces one of fewer trials, and what came from its winner."""
        with self._transaction() as transaction:
            for record in outcome.records:
                key = self._key(record.study, record.goal)
                ending = (record.max_steps, record.eval_interval, record.best_error, record.seconds)
                for table in ("studies", "trials", "reruns", *_OF_CONSTANTS):
                    transaction.execute(f"DELETE FROM {table} WHERE {_WHERE_STUDY}", key)  # noqa: S608 - fixed names
                transaction.execute("INSERT INTO studies VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*key, *ending))
                transaction.executemany(
                    "INSERT INTO trials VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [
                        (*key, row.trial, canonical_json(row.metaparameters), row.event, row.step, row.short)
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
        row = (record.rerun, record.trial, canonical_json(record.metaparameters), record.event, record.step)
        with self._transaction() as transaction:
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
            canonical_json(record.metaparameters),
            canonical_json(record.values),
            record.seconds,
            canonical_json(record.errors),
            record.goal_step,
            record.steps,
            record.skipped,
            record.diverged,
            canonical_json(record.settings),
        )
        with self._transaction() as transaction:
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
                record = TrialRecord(trial, numbers(metaparameters), EVENTS[event], step, short)
                trials.setdefault(Study(*key), []).append(record)
            found = {}
            for *key, max_steps, eval_interval, best, seconds in self._rows("studies", "batch_size", goal):
                study = Study(*key)
                ending = (tuple(trials[study]), max_steps, eval_interval, best, seconds, self.stop)
                found[study] = StudyRecord(study, goal, *ending)
            return found

    def outcomes(self) -> list[StudyRecord]:
        """Return every finished study for every goal, goal by goal."""
        return [record for goal in self.goals for record in self.studies(goal).values()]

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
                RerunRecord(Study(*row[:3]), row[3], row[4], numbers(row[5]), EVENTS[row[6]], row[7])
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


def _packed(trace: TraceRecord) -> tuple[bytes, bytes]:
    """Return steps and values as little-endian int64 and float64."""
    return np.array(trace.steps, "<i8").tobytes(), np.array(trace.values, "<f8").tobytes()


def _unpacked(steps: bytes, values: bytes) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return what `_packed` packed."""
    return tuple(np.frombuffer(steps, "<i8").tolist()), tuple(np.frombuffer(values, "<f8").tolist())
