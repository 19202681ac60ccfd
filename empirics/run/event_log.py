"""`--log`: a line of JSON for each study that is done, for people who follow a run with tools of their own."""

from __future__ import annotations

import contextlib
import datetime
import json
from collections.abc import Iterable, Iterator, Sequence
from io import FileIO
from pathlib import Path
from typing import Any

from empirics.errors import InputError
from empirics.records import Study, StudyRecord

_KEY = ("run", "sparsity", "replicate", "batch_size")


class EventLog:
    """Lines that are appended to a file, each at once: nothing is kept back."""

    def __init__(self, file: FileIO, run: str, workload: str, told: Iterable[tuple[Any, ...]] = ()) -> None:
        self._file, self._run, self._workload = file, run, workload
        self._told = set(told)

    def has(self, study: Study) -> bool:
        """Return whether the file tells of a study of this run."""
        return (self._run, study.sparsity, study.replicate, study.batch_size) in self._told

    def add(self, records: Sequence[StudyRecord], done: int, total: int) -> None:
        """Append one study.

        Args:
            records: Its outcome for each goal.
            done: How many studies of the run are done now.
            total: How many there are.

        Raises:
            OSError: If the file cannot be written.
        """
        study = records[0].study
        event = {
            "event": "study",
            "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "run": self._run,
            "workload": self._workload,
            "sparsity": study.sparsity,
            "replicate": study.replicate,
            "batch_size": study.batch_size,
            "goals": [_outcome(record) for record in records],
            "seconds": round(sum(record.seconds for record in records), 3),
            "done": done,
            "studies": total,
        }
        try:
            self._file.write(f"{json.dumps(event)}\n".encode())
        except OSError as error:
            raise OSError(error.errno, error.strerror, self._file.name) from None


def _outcome(record: StudyRecord) -> dict[str, object]:
    """Return what came out for one goal."""
    winner = record.winner
    return {
        "goal": record.goal,
        "steps_to_result": record.steps_to_result,
        "lower": record.lower,
        "metaparameters": dict(winner.metaparameters) if winner else None,
    }


def check_log(path: Path | None, folder: Path) -> None:
    """Refuse a log that cannot be appended to, before anything is measured.

    Args:
        path: As asked for; None for no log.
        folder: The run folder, which may still have to be made.

    Raises:
        InputError: If it is a folder, lies in none, cannot be read, or is a file of another kind.
    """
    if path is None:
        return
    if path.is_dir():
        raise InputError(f"--log {path}: is a folder; name a file")
    if not path.parent.is_dir() and path.parent.resolve() != folder.resolve():
        raise InputError(f"--log {path}: there is no folder {path.parent}")
    if path.parent.resolve() == folder.resolve() and path.suffix != ".jsonl":
        raise InputError(f"--log {path}: in the run folder its name must end in .jsonl")
    if path.is_file() and path.stat().st_size and not _told(path):
        raise InputError(f"--log {path}: exists and holds no log of this command; name another file")


@contextlib.contextmanager
def event_log(path: Path | None, folder: Path, workload: str) -> Iterator[EventLog | None]:
    """Provide a log to append to, None where none is asked for.

    Args:
        path: As asked for.
        folder: The run folder.
        workload: What is measured.

    Raises:
        InputError: If the file cannot be opened.
    """
    if path is None:
        yield None
        return
    told = _told(path) if path.is_file() else []
    try:
        file = path.open("ab", buffering=0)
    except OSError as error:
        raise InputError(f"--log {path}: {error.strerror}") from None
    with file:
        if path.is_file() and _is_cut_short(path):
            file.write(b"\n")
        yield EventLog(file, str(folder.resolve()), workload, (tuple(one.get(key) for key in _KEY) for one in told))


def _told(path: Path) -> list[dict[str, Any]]:
    """Return the events of a file; of what is none nothing.

    Raises:
        InputError: If it cannot be read.
    """
    found = []
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                with contextlib.suppress(ValueError):
                    event = json.loads(line)
                    if isinstance(event, dict) and event.get("event") == "study":
                        found.append(event)
    except OSError as error:
        raise InputError(f"--log {path}: {error.strerror}") from None
    return found


def _is_cut_short(path: Path) -> bool:
    """Return whether the last line of a file has no end."""
    content = path.read_bytes()[-1:]
    return content not in {b"", b"\n"}
