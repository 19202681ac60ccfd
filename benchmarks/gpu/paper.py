"""As much of the paper's MNIST/SGD workload as the time holds, by the command that a user types; the rest estimated."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence

from benchmarks.gpu.bench import Bench
from benchmarks.gpu.estimate import BATCH_SIZES, FLOAT32, INTERVAL, LAWS, TRIALS, minutes, steps_of
from empirics.errors import InputError
from empirics.records import Study, StudyRecord
from empirics.store.schema import FILE_NAME
from empirics.store.store import read_store

_TO_END = 20.0  # seconds for a run that is interrupted to write what it has
_REFUSED, _INTERRUPTED = 2, (130, -signal.SIGINT)  # exit codes; the last of a run that had not begun
_FIRST = 5  # batch sizes that one command measures first


def paper(bench: Bench) -> None:
    """Measure studies, of the batch sizes first that take the least time, until they are done or the time is over.

    The run folder stays: the next time goes on from there.
    """
    for sizes in _batch_sizes(bench):
        if bench.left < 2 * _TO_END:
            break
        code = _measure(bench, _options(bench, sizes))
        if code == _REFUSED:
            bench.fact("workload", "not measured; the line above says why, the data set may be missing")
        elif code and code not in _INTERRUPTED:
            bench.check("studies of the workload are measured", held=False, detail=f"exit code {code}")
        if code:
            break
    found = _studies(bench)
    for study, record in found.items():
        bench.fact(f"{study}: steps to result, seconds", (record.steps_to_result, round(record.seconds, 2)))
    _extrapolate(bench, found)


def _batch_sizes(bench: Bench) -> Iterator[Sequence[int]]:
    """Yield the batch sizes of each command, which are those of the one before and more; none that is done."""
    if bench.quick:
        yield (16,)
        return
    cheapest = sorted(BATCH_SIZES, key=lambda size: minutes(FLOAT32, [size]))
    for number in range(_FIRST, len(cheapest) + 1):
        found = _studies(bench)
        if any(Study(sparsity, 0, size) not in found for sparsity in LAWS for size in cheapest[:number]):
            yield sorted(cheapest[:number])


def _options(bench: Bench, sizes: Sequence[int]) -> list[str]:
    """Return the options of a command."""
    words = ["--device", bench.device.type, "--engine", "torch", "--no-constants", "--jobs", "1"]
    words += ["--out", str(bench.out), "--batch-sizes", *map(str, sizes)]
    if bench.quick:
        return [*words, "--sparsity", "0", "90", "--trials", "2", "--max-steps", "8", "--pruning-examples", "100"]
    words += ["--workload", "mnist/simple-cnn/sgd", "--trials", str(TRIALS), "--sparsity", *map(str, LAWS)]
    return words if bench.data_dir is None else [*words, "--data-dir", str(bench.data_dir)]


def _measure(bench: Bench, options: Sequence[str]) -> int:
    """Run the command until it ends or the time is over; return its exit code."""
    process = subprocess.Popen([sys.executable, "-m", "empirics.measure", *options], stdout=subprocess.DEVNULL)
    try:
        try:
            return process.wait(max(bench.left - _TO_END, 1.0))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        except KeyboardInterrupt:
            bench.deadline = 0.0  # the terminal has told the command too
        return process.wait(_TO_END)
    except subprocess.TimeoutExpired:
        return _INTERRUPTED[0]  # it is at a step that takes long; what is done is in its folder
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _studies(bench: Bench) -> dict[Study, StudyRecord]:
    """Return what is in the run folder."""
    if not (bench.out / FILE_NAME).is_file():
        return {}
    try:
        with read_store(bench.out) as store:
            return dict(store.studies())
    except InputError as error:
        bench.check("the run folder can be read", held=False, detail=str(error))
        return {}


def _extrapolate(bench: Bench, found: dict[Study, StudyRecord]) -> None:
    """Note what the whole workload takes: what was measured, and for the rest expected steps as they were timed."""
    if bench.test_seconds is None:
        bench.fact("workload", "steps and goal tests were not timed; nothing to extrapolate from")
        return
    each = {size: step + bench.test_seconds / INTERVAL for size, step in bench.step_seconds.items()}
    timed = [one for one in found if one.batch_size in each]
    if timed:
        expected = sum((found[one].steps_to_result or found[one].max_steps) * each[one.batch_size] for one in timed)
        took = sum(found[one].seconds for one in timed)
        bench.fact("seconds of studies, as timed in parts over as measured", expected / took)
    rest = [Study(sparsity, 0, size) for sparsity in LAWS for size in each if Study(sparsity, 0, size) not in found]
    measured, total = sum(one.seconds for one in found.values()), len(LAWS) * len(BATCH_SIZES)
    bench.fact(f"workload, minutes, {len(found)} of {total} studies measured", measured / 60)
    seconds = sum(steps_of(one.sparsity, one.batch_size) * each[one.batch_size] for one in rest)
    bench.fact(f"workload, minutes, {len(rest)} studies EXTRAPOLATED from expected steps", seconds / 60)
