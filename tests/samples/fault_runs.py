"""Small digits runs in processes of their own, forked from one that has everything loaded."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tools import warm_measure

from empirics.errors import InputError
from empirics.store.schema import FILE_NAME
from empirics.store.store import read_store

SMALL = (
    *("--sparsity", "0", "90", "--batch-sizes", "32", "64", "--trials", "2", "--max-steps", "100"),
    *("--goal-error", "0.5", "--pruning-examples", "100", "--jobs", "1"),
    *("--examples", "20", "--hessian-points", "0", "--every", "20"),
)
# What may differ between two runs of one specification.
WALL_TIMES = {"studies": "seconds", "constants": "seconds"}


@dataclass
class Run:
    """A run under way or over."""

    warm: "Warm"
    pid: int
    log: Path
    start: float

    def wait(self):
        """Return the exit code, minus the signal where one ended it."""
        return self.warm.ask(wait=self.pid)["code"]

    def kill(self, number=signal.SIGKILL):
        os.kill(self.pid, number)

    @property
    def stderr(self):
        return self.log.read_text() if self.log.exists() else ""

    @property
    def reported(self):
        """The studies that a line said were done, as that line names them."""
        return [line.partition("]  ")[2].partition(":")[0] for line in self.stderr.splitlines() if "]  S=" in line]


class Warm:
    """The process that forks runs."""

    def __init__(self, logs):
        self._logs, self._number = logs, 0
        path = os.pathsep.join(folder for folder in sys.path if folder)
        self._process = subprocess.Popen(
            [sys.executable, warm_measure.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        )
        assert json.loads(self._process.stdout.readline()) == {"ready": True}

    def ask(self, **request):
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def start(self, *words, **more):
        self._number += 1
        log = self._logs / f"{self._number}.log"
        pid = self.ask(words=[str(word) for word in words], stderr=str(log), **more)["pid"]
        return Run(self, pid, log, time.monotonic())

    def run(self, *words, **more):
        """Start a run and wait for its end; return it with its exit code."""
        started = self.start(*words, **more)
        return started, started.wait()

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)


@dataclass(frozen=True)
class Undisturbed:
    """A run that nothing happened to: its folder, seconds and events."""

    folder: Path
    seconds: float
    events: int


def rows(folder):
    """Return the rows of a run's store, wall times and sessions left out."""
    with contextlib.closing(sqlite3.connect(f"file:{folder / 'study.sqlite'}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: sorted(
                repr({k: row[k] for k in row.keys() if k != WALL_TIMES.get(name)})  # noqa: SIM118 - no mapping
                for row in connection.execute(f"SELECT * FROM {name}")
            )
            for name in names
            if name != "sessions"
        }


def assert_as_undisturbed(folder, undisturbed):
    """Check that a run ended as one that nothing happened to: tables byte for byte, records, and no file more."""
    for name in ("curves.csv", "constants.csv"):
        assert (folder / name).read_bytes() == (undisturbed.folder / name).read_bytes()
    assert rows(folder) == rows(undisturbed.folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in undisturbed.folder.iterdir())


def left_of(group):
    """Return the processes of a process group that are there after 10 seconds at most."""
    deadline = time.monotonic() + 10.0
    while (found := _members(group)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def _members(group):
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[2]) == group and fields[0] != "Z":
                found.append(int(path.parent.name))
    return found


def children(pid):
    """Return the processes that a process started, each with its command line."""
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(OSError):
            found.append((int(child), Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()))
    return found


def stored(folder):
    """Return the studies that a run's store holds, as progress lines name them."""
    if not (folder / FILE_NAME).exists() or not (folder / FILE_NAME).stat().st_size:
        return set()
    try:
        with read_store(folder) as store:
            return {str(study) for study in store.studies()}
    except InputError as error:
        if "holds an empty run" in str(error):
            return set()
        raise
