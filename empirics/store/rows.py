"""The records of a run as rows of its tables, in and out."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np

from empirics.followed import BatchVariance, ConstantsRecord, FlowRecord, TrajectoryPoint
from empirics.records import (
    STATUSES,
    MaskRecord,
    RepeatKind,
    RepeatRecord,
    Study,
    StudyOutcome,
    StudyRecord,
    TraceRecord,
    TrialRecord,
    number_text,
)
from empirics.stopping import read_stop_rule
from empirics.store.packing import packed_trajectory, packed_trials, unpacked_trajectory, unpacked_trials
from empirics.store.schema import canonical_json, numbers, told_as_damage

_OF_CONSTANTS = ("constants", "trajectories", "batch_variances")
_POINTS = "SELECT metaparameters, point FROM points"
_OF_STUDY = ("max_steps", "eval_interval", "best_error", "seconds", "draws")


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
        connection.row_factory = sqlite3.Row
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
            _insert(transaction, "sessions", [{"started": started, "provenance": canonical_json(provenance)}])

    def amend_session(self, facts: dict[str, object]) -> None:
        """Add facts to what is known of the process that began last."""
        with self._transaction() as transaction:
            (row,) = transaction.execute(
                "SELECT rowid, provenance FROM sessions ORDER BY rowid DESC LIMIT 1"
            ).fetchall()
            now = canonical_json({**json.loads(row["provenance"]), **facts})
            transaction.execute("UPDATE sessions SET provenance = ? WHERE rowid = ?", (now, row["rowid"]))

    def add_masks(self, masks: Iterable[MaskRecord]) -> None:
        """Store packed masks."""
        with self._transaction() as transaction:
            _insert(transaction, "masks", map(vars, masks), replace=True)

    def drop(self, table: Literal["masks", "traces"]) -> None:
        """Empty a table that no verdict needs."""
        with self._transaction() as transaction:
            _delete(transaction, table, {})

    def add_study(self, outcome: StudyOutcome) -> None:
        """Store a study's outcome for every goal; replaces one of fewer trials, and what came from its winner."""
        with self._transaction() as transaction:
            for record in outcome.records:
                key = self._key(record.study, record.goal)
                for table in ("studies", "repeats", *_OF_CONSTANTS):
                    _delete(transaction, table, key)
                trials = (*record.trials, *record.redrawn)
                points = _points(transaction, trials)
                packed = packed_trials({**_ending(one, points), "short": one.short, "draw": one.draw} for one in trials)
                of = {name: getattr(record, name) for name in _OF_STUDY}
                _insert(transaction, "studies", [{**key, **of, "trials": packed}])
            for study in {record.study for record in outcome.records}:
                _delete(transaction, "traces", vars(study))
            _insert(transaction, "traces", [_packed(trace) for trace in outcome.traces])

    def add_repeats(self, records: Iterable[RepeatRecord]) -> None:
        """Store retrainings of winners."""
        repeats = list(records)
        with self._transaction() as transaction:
            points = _points(transaction, (one.trial for one in repeats))
            rows = [
                {**self._key(one.study, one.goal), **_ending(one.trial, points), "kind": one.kind, "number": one.number}
                for one in repeats
            ]
            _insert(transaction, "repeats", rows, replace=True)

    def add_constants(self, record: ConstantsRecord) -> None:
        """Store the constants along a study's winner with their trajectory, in the place of older ones."""
        key = self._key(record.study)
        own = {
            **{
                name: getattr(record, name)
                for name in ("examples", "trial", "seconds", "goal_step", "steps", "skipped")
            },
            "diverged": record.diverged,
            "quantities": canonical_json(record.values),
            **{name: canonical_json(getattr(record, name)) for name in ("metaparameters", "errors", "settings")},
        }
        with self._transaction() as transaction:
            for table in _OF_CONSTANTS:
                _delete(transaction, table, key)
            _insert(transaction, "constants", [{**key, **own}])
            _insert(transaction, "trajectories", _trajectory(key, record.trajectory))
            variances = [{"examples": one.batch_size, **vars(one), **key} for one in record.batch_variances]
            _insert(transaction, "batch_variances", variances)

    def show_constants(self, studies: Iterable[Study]) -> None:
        """Let constants stand for their sparsity and replicate, as if they had been measured last."""
        last = "UPDATE constants SET rowid = (SELECT max(rowid) + 1 FROM constants)"
        with self._transaction() as transaction:
            for key in map(self._key, studies):
                transaction.execute(f"{last} WHERE {_is(key)}", key)

    def add_flow(self, record: FlowRecord) -> None:
        """Store the flow of a run whose constants are there."""
        key = self._key(record.study)
        with self._transaction() as transaction:
            (row,) = transaction.execute(f"SELECT quantities, seconds FROM constants WHERE {_is(key)}", key).fetchall()  # noqa: S608
            quantities = canonical_json(numbers(row["quantities"]) | record.values)
            changed = {**key, "quantities": quantities, "seconds": row["seconds"] + record.seconds}
            transaction.execute(
                f"UPDATE constants SET quantities = :quantities, seconds = :seconds WHERE {_is(key)}",  # noqa: S608
                changed,
            )
            _insert(transaction, "trajectories", _trajectory(key, record.trajectory), replace=True)

    def masks(self) -> dict[tuple[int, int, int, float], bytes]:
        """Return (replicate, trial, draw, sparsity) -> packed mask."""
        with told_as_damage(self._path):
            rows = self._connection.execute("SELECT replicate, trial, draw, sparsity, bits FROM masks")
            return {(row["replicate"], row["trial"], row["draw"], row["sparsity"]): row["bits"] for row in rows}

    def studies(self, goal: float | None = None) -> dict[Study, StudyRecord]:
        """Return every finished study for one goal, the first by default, in the order of `curves.csv`."""
        with told_as_damage(self._path):
            goal = self.goals[0] if goal is None else goal
            points = {row["point"]: numbers(row["metaparameters"]) for row in self._connection.execute(_POINTS)}
            repeats: dict[Study, list[RepeatRecord]] = {}
            for row in self._rows("repeats", "kind, number", goal):
                kind, number = _kind(row["kind"]), _count(row["number"], 1)
                trial = TrialRecord(**_ended(row, points), draw=number if kind == "draw" else 0)
                repeats.setdefault(_study(row), []).append(RepeatRecord(_study(row), goal, kind, number, trial))
            found = {}
            for row in self._rows("studies", "batch_size", goal):
                study, draws = _study(row), _count(row["draws"], 1)
                first, redrawn = _by_draw((_trial(one, points) for one in unpacked_trials(row["trials"])), draws)
                found[study] = StudyRecord(
                    study=study,
                    goal=goal,
                    trials=first,
                    max_steps=_count(row["max_steps"], 1),
                    eval_interval=_count(row["eval_interval"], 1),
                    best_error=None if row["best_error"] is None else float(row["best_error"]),
                    seconds=float(row["seconds"]),
                    stop=self.stop,
                    draws=draws,
                    redrawn=redrawn,
                    repeats=tuple(repeats.get(study, ())),
                )
            return found

    def outcomes(self) -> list[StudyRecord]:
        """Return every finished study for every goal, goal by goal."""
        return [record for goal in self.goals for record in self.studies(goal).values()]

    def traces(self, study: Study, draw: int = 0) -> list[TraceRecord]:
        """Return what was measured along the trials of a study from one draw, by trial and metric."""
        with told_as_damage(self._path):
            key = {**vars(study), "draw": draw}
            query = f"SELECT * FROM traces WHERE {_is(key)} ORDER BY trial, metric"  # noqa: S608 - fixed names
            rows = self._connection.execute(query, key)
            return [TraceRecord(study, row["trial"], row["metric"], **_unpacked(row), draw=draw) for row in rows]

    def constants(self) -> list[ConstantsRecord]:
        """Return the constants of every sparsity and replicate: of the runs followed, those asked for last."""
        shown = self.shown()
        return [one for one in self.followed() if one.study in shown]

    def shown(self) -> set[Study]:
        """Return the studies whose constants stand for their sparsity and replicate."""
        with told_as_damage(self._path):
            by_age = self._connection.execute("SELECT sparsity, replicate, batch_size FROM constants ORDER BY rowid")
            return set({(study.sparsity, study.replicate): study for study in map(_study, by_age)}.values())

    def followed(self) -> list[ConstantsRecord]:
        """Return the constants along every run that was followed, perhaps several a sparsity and replicate."""
        with told_as_damage(self._path):
            trajectories: dict[Study, list[TrajectoryPoint]] = {}
            for row in self._rows("trajectories", "quantity"):
                trajectories.setdefault(_study(row), []).extend(unpacked_trajectory(dict(row)))
            variances: dict[Study, list[BatchVariance]] = {}
            for row in self._rows("batch_variances", "examples, drawing"):
                found = [float(row[name]) for name in ("measured", "error", "expected")]
                variance = BatchVariance(_count(row["examples"]), row["drawing"], *found)
                variances.setdefault(_study(row), []).append(variance)
            return [
                ConstantsRecord(
                    study=(study := _study(row)),
                    examples=_count(row["examples"]),
                    trial=_count(row["trial"]),
                    metaparameters=numbers(row["metaparameters"]),
                    values=numbers(row["quantities"]),
                    trajectory=tuple(trajectories.get(study, ())),
                    seconds=float(row["seconds"]),
                    errors=numbers(row["errors"]),
                    goal_step=row["goal_step"],
                    steps=_count(row["steps"]),
                    skipped=_count(row["skipped"]),
                    diverged=row["diverged"],
                    settings=json.loads(row["settings"]),
                    batch_variances=tuple(variances.get(study, ())),
                )
                for row in self._rows("constants", "batch_size")
            ]

    def sessions(self) -> list[dict[str, object]]:
        """Return the provenance of every process that worked on this run, oldest first."""
        with told_as_damage(self._path):
            rows = self._connection.execute("SELECT started, provenance FROM sessions ORDER BY rowid")
            return [{"started": row["started"], **json.loads(row["provenance"])} for row in rows]

    def _key(self, study: Study, goal: float | None = None) -> dict[str, object]:
        """Return the columns that name a study and a goal, the first by default."""
        return {"goal": number_text(self.goals[0] if goal is None else goal), **vars(study)}

    def _rows(self, table: str, last: str, goal: float | None = None) -> Iterator[sqlite3.Row]:
        """Yield the rows of a table for one goal, sorted by study and then by one more column."""
        query = f"SELECT * FROM {table} WHERE goal = ? ORDER BY sparsity, replicate, batch_size, {last}"  # noqa: S608
        yield from self._connection.execute(query, (number_text(self.goals[0] if goal is None else goal),))


def _insert(
    transaction: sqlite3.Connection, table: str, rows: Iterable[Mapping[str, object]], *, replace: bool = False
) -> None:
    """Write rows, each column -> value, all of the same columns."""
    written = list(rows)
    if written:
        values = ", ".join(f":{name}" for name in written[0])
        statement = f"INSERT {'OR REPLACE ' if replace else ''}INTO {table} ({', '.join(written[0])})"
        transaction.executemany(f"{statement} VALUES ({values})", written)


def _trajectory(key: Mapping[str, object], points: Iterable[TrajectoryPoint]) -> list[dict[str, object]]:
    """Return the rows of a run's trajectory."""
    return [{**key, **quantity} for quantity in packed_trajectory(points)]


def _points(transaction: sqlite3.Connection, trials: Iterable[TrialRecord]) -> dict[str, int]:
    """Write each point that trials were trained at, once, and return all of them with their numbers."""
    texts = [(canonical_json(one.metaparameters),) for one in trials]
    transaction.executemany("INSERT OR IGNORE INTO points (metaparameters) VALUES (?)", texts)
    return dict(transaction.execute(_POINTS).fetchall())


def _delete(transaction: sqlite3.Connection, table: str, key: Mapping[str, object]) -> None:
    """Remove the rows of a key, all of them where it names nothing."""
    transaction.execute(f"DELETE FROM {table} WHERE {_is(key) or 'true'}", key)  # noqa: S608


def _is(key: Mapping[str, object]) -> str:
    """Return the condition that a row is of a key."""
    return " AND ".join(f"{name} = :{name}" for name in key)


def _by_draw(trainings: Iterable[TrialRecord], draws: int) -> tuple[tuple[TrialRecord, ...], tuple[TrialRecord, ...]]:
    """Return the trainings of draw 0, and those of the others.

    Raises:
        ValueError: If a point is there twice, or has not every draw.
    """
    every = tuple(trainings)
    first = tuple(one for one in every if not one.draw)
    if sorted({one.trial for one in first}) != [one.trial for one in first]:
        raise ValueError("its trials do not follow each other")
    if [(one.draw, one.trial) for one in every] != [(draw, one.trial) for draw in range(draws) for one in first]:
        raise ValueError(f"not {draws} draws of each point")
    return first, every[len(first) :]


def _trial(row: Mapping[str, Any], points: Mapping[int, dict[str, float]]) -> TrialRecord:
    """Return the trial that a row of packed trials holds."""
    short = None if row["short"] is None else _count(row["short"])
    return TrialRecord(**_ended(row, points), short=short, draw=_count(row["draw"]))


def _ending(record: TrialRecord, points: Mapping[str, int]) -> dict[str, object]:
    """Return the columns that say how a trial ended."""
    point = points[canonical_json(record.metaparameters)]
    return {"trial": record.trial, "point": point, "event": record.ending, "step": record.step}


def _ended(row: Mapping[str, Any] | sqlite3.Row, points: Mapping[int, dict[str, float]]) -> dict[str, Any]:
    """Return what the columns of `_ending` say, by the fields of a record."""
    return {
        "trial": _count(row["trial"]),
        "metaparameters": dict(points[row["point"]]),
        "ending": STATUSES[row["event"]],
        "step": _count(row["step"]),
    }


def _kind(value: object) -> RepeatKind:
    """Return in which way a winner was trained again."""
    for kind in get_args(RepeatKind):
        if value == kind:
            return cast("RepeatKind", kind)
    raise ValueError(f"{str(value)[:40]!r} in the place of a kind of retraining")


def _study(row: sqlite3.Row) -> Study:
    """Return the study that a row is of."""
    return Study(float(row["sparsity"]), _count(row["replicate"]), _count(row["batch_size"], 1))


def _count(value: object, least: int = 0) -> int:
    """Return a whole number that a column holds; SQLite itself takes anything anywhere."""
    if not isinstance(value, int) or value < least:
        raise ValueError(f"{str(value)[:40]!r} in the place of a whole number >= {least}")
    return value


def _packed(trace: TraceRecord) -> dict[str, object]:
    """Return the row of a trace, its steps and values as little-endian int64 and float64."""
    steps, values = np.array(trace.steps, "<i8").tobytes(), np.array(trace.values, "<f8").tobytes()
    of = {**vars(trace.study), "trial": trace.trial, "draw": trace.draw, "metric": trace.metric}
    return {**of, "steps": steps, "metric_values": values}


def _unpacked(row: sqlite3.Row) -> dict[str, Any]:
    """Return the steps and values that `_packed` packed."""
    steps, values = np.frombuffer(row["steps"], "<i8"), np.frombuffer(row["metric_values"], "<f8")
    return {"steps": tuple(steps.tolist()), "values": tuple(values.tolist())}
