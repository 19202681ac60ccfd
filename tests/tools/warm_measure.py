"""A process that has loaded everything `python -m empirics.measure` needs and forks a run whenever it is asked to.

A line of JSON in, a line of JSON out. `{"words": [...], "stderr": FILE, ...}` starts a run in a process group of its
own and answers with its pid; `{"wait": PID}` answers with how it ended. `"kill_at": N` kills the run before its N-th
event, an event being a statement that SQLite takes up or a file that is opened, renamed or removed; `"count": FILE`
writes how many there were. `"checkpoints": true` lets every goal test write one, `"most_bytes": N` lets no file grow
beyond N, `"clock": [...]` are the times that the clock shows one after another, `"as_nobody": true` gives up root.
"""

import contextlib
import datetime
import itertools
import json
import os
import resource
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from pathlib import Path

import torch

from empirics import measure
from empirics.training import race as engine

CONNECT = sqlite3.connect
EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir"}
NOBODY = 65534
TINY = ("--sparsity", "0", "--batch-sizes", "64", "--trials", "1", "--max-steps", "40", "--goal-error", "0.5")


def load():
    """Import and compile what every run uses, in a first run."""
    torch.set_num_threads(1)
    with (
        tempfile.TemporaryDirectory() as folder,
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        words = (*TINY, "--examples", "20", "--hessian-points", "1", "--jobs", "1", "--out", f"{folder}/run")
        code = measure.main(words)
    assert code == 0


class Events:
    """Counts what a run asks of SQLite and the file system, and kills the process before one of it."""

    def __init__(self, kill_at):
        self.seen, self.kill_at = 0, kill_at

    def count(self, *_):
        self.seen += 1
        if self.seen == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(self, event, _):
        if event in EVENTS:
            self.count()

    def connect(self, *arguments, **options):
        connection = CONNECT(*arguments, **options)
        connection.set_trace_callback(self.count)
        return connection


def show_times(times):
    """Let the clock show these times, one after another, over and over; what measures durations jumps along."""
    shown = itertools.cycle(times)

    class Clock(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls.fromtimestamp(next(shown), tz)

    datetime.datetime = Clock
    time.time = lambda: float(next(shown))
    time.monotonic = lambda: float(next(shown))


def run(request):
    """Be the run; never returns."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(os.open(request["stderr"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    if request.get("checkpoints"):
        engine.CHECKPOINT_SECONDS = -1.0
    if "most_bytes" in request:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["most_bytes"], resource.RLIM_INFINITY))
    if request.get("as_nobody") and os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    if "clock" in request:
        show_times(request["clock"])
    events = Events(request.get("kill_at"))
    sys.addaudithook(events.audit)
    sqlite3.connect = events.connect
    code = 70
    try:
        code = measure.main(request["words"])
    except BaseException:  # noqa: BLE001 - whatever it was, the test shows it
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        if "count" in request:
            Path(request["count"]).write_text(str(events.seen))
        os._exit(code)


def serve():
    load()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            _, status = os.waitpid(request["wait"], 0)
            answer = {"code": os.waitstatus_to_exitcode(status)}
        else:
            child = os.fork()
            if child == 0:
                run(request)
            answer = {"pid": child}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve()
