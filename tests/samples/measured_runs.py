"""Measurements on digits, seconds long, that several test files make, start from or stop."""

import contextlib
import subprocess
import sys
import time

from tools import slow_measure
from tools.commands import code_of

from empirics.measure import main

# Eight studies, and the constants of two sparsities.
MEASUREMENT = (
    *("--sparsity", "0", "90", "--batch-sizes", "8", "16", "32", "128", "--trials", "3"),
    *("--max-steps", "200", "--goal-error", "0.3", "--examples", "50"),
)
# One study of twenty steps.
QUICK = ("--sparsity", "0", "--batch-sizes", "128", "--trials", "3", "--max-steps", "200", "--goal-error", "0.3")


def run(*words):
    """Measure in this process with one job; return the exit code."""
    return code_of(main, *words, "--jobs", 1)


@contextlib.contextmanager
def measuring(folder, *words, environment=None):
    """Measure in a process group of its own, until a study is kept; give the process and a function that tells its log.

    Whatever is left of it in the end is killed.
    """
    log = folder.with_suffix(".log")
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, slow_measure.__file__, *words, "--out", str(folder)],
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
            env=environment,
        )
    try:
        while "[1/" not in log.read_text():
            assert process.poll() is None, f"the run ended before its first study: {log.read_text()}"
            time.sleep(0.01)
        yield process, log.read_text
    finally:
        process.kill()
        process.wait()
