"""What data parallelism gains: the time of a step against B for one and two processes, and which B is best for each.

Run `python -m benchmarks.data_parallel [--json]`; it takes some minutes. One network is trained, with the batch on one
process or in halves on two; rounds take turns, so that a busy machine is busy for both. Each number is a median over
steps and rounds; beside it stand the fastest single step, and the processor time of a step in one process, which grows
far less while others use the machine, but leaves out what is spent waiting. Each is fitted by t0 + t1 B (least squares
on relative errors, both at least 0), and with the law K = c1/B + c2 of a measured run the time to the result is
(c1/B + c2)(t0 + t1 B), least at sqrt(c1 t0/(c2 t1)). The exchange is timed inside the step, where a process also waits
for a slower one, and bare, where all it does is exchange.
`docs/data_parallel.md` holds what was seen.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import scipy.optimize
import torch
from torch import Tensor

from empirics.command_line import OneLineParser
from empirics.errors import InputError, WorkerError
from empirics.executors.data_parallel import RankTask
from empirics.executors.processes import ProcessExecutor
from empirics.records import TrialRecord
from empirics.specification.request import Request
from empirics.specification.specification import Specification, resolve
from empirics.store.provenance import provenance
from empirics.training.laboratory import Laboratory
from empirics.training.race import trial_block
from empirics.training.shares import SharesAtOnce
from theory import fastest_batch_size, least_total_time
from verification import analyse, read_records

RUN = Path("evidence/digits")
_STEPS, _WARM_UPS = 20, 3


@dataclass(frozen=True)
class Cell:
    """A step at one batch size on so many processes: median seconds over steps and rounds, and the least.

    Args:
        processes: How many share the batch.
        batch_size: Examples of the whole batch.
        step: Seconds of a step.
        least: Seconds of the fastest step.
        busy: Processor seconds of a step in the process of the slowest step, its threads that exchange included.
        exchange: Seconds of a step spent in the exchange, waiting for the others included.
        bare: Seconds of an exchange with nothing to wait for.
    """

    processes: int
    batch_size: int
    step: float
    least: float
    busy: float
    exchange: float
    bare: float


@dataclass(frozen=True)
class Line:
    """What follows for one number of processes.

    Args:
        by: The times it is fitted to, `step`, `least` or `busy`.
        processes: How many.
        fixed: t0, seconds.
        per_example: t1, seconds an example of the whole batch.
        batch_size: Where the time to the result is least; None where no time is fixed or none depends on B.
        seconds: The time to the result there.
    """

    by: str
    processes: int
    fixed: float
    per_example: float
    batch_size: float | None
    seconds: float | None


@dataclass(frozen=True)
class TimedSteps:
    """Times steps of one trial; each process returns what `_summary` takes, in seconds."""

    batch_size: int

    @property
    def label(self) -> str:
        """What the unit is, for people."""
        return f"steps at B = {self.batch_size}"

    def run(self, laboratory: Laboratory, _report: Callable[[int], None]) -> Any:  # noqa: ANN401 - no Result of a run
        """Train and time."""
        exchanges = Exchanges(laboratory.gradient) if isinstance(laboratory.gradient, SharesAtOnce) else None
        trial = TrialRecord(0, laboratory.specification.points[0], "running", 0)
        block = trial_block(laboratory, 0, trial, np.ones(laboratory.network.size, dtype=np.bool_))
        data, order, steps = laboratory.split(0), laboratory.order(0), []
        busy = []
        for step in range(_WARM_UPS + _STEPS):
            start, spent = time.perf_counter(), time.process_time()
            rows = laboratory.tensor(order.batch(step, self.batch_size))
            block.step(data.training_images[rows], data.training_labels[rows])
            steps.append(time.perf_counter() - start)
            busy.append(time.process_time() - spent)
        known = median(steps[_WARM_UPS:]), min(steps[_WARM_UPS:]), median(busy[_WARM_UPS:])
        if exchanges is None:
            return *known, 0.0, 0.0
        inside = median(exchanges.seconds[_WARM_UPS:])
        del exchanges.seconds[:]
        for _ in range(_STEPS):
            exchanges.gather(torch.zeros(laboratory.network.size + 2))
        return *known, inside, median(exchanges.seconds)


class Exchanges:
    """Times the exchanges of a gradient that several processes take together."""

    def __init__(self, gradient: SharesAtOnce) -> None:
        self.seconds: list[float] = []
        self._plain = gradient.gather
        gradient.gather = self.gather

    def gather(self, values: Tensor) -> Sequence[Tensor]:
        """Exchange, and note how long it took; comparisons of digests are no part of a step's."""
        start = time.perf_counter()
        found = self._plain(values)
        if values.is_floating_point():
            self.seconds.append(time.perf_counter() - start)
        return found


def measure(
    specification: Specification, executor: ProcessExecutor, rounds: int, processes: Sequence[int]
) -> list[Cell]:
    """Return a cell for each number of processes and batch size.

    Args:
        specification: Whose workload and batch sizes.
        executor: With at least the largest number of processes.
        rounds: How often each is timed.
        processes: How many share a batch.
    """
    seen: dict[tuple[int, int], list[tuple[float, ...]]] = {}
    for _ in range(rounds):
        for batch_size in specification.batch_sizes:
            for ranks in processes:
                seen.setdefault((ranks, batch_size), []).append(_timed(executor, TimedSteps(batch_size), ranks))
    return [Cell(ranks, batch_size, *_summary(np.array(times))) for (ranks, batch_size), times in sorted(seen.items())]


def _summary(times: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, ...]:
    """Return step, least step, processor time, exchange and bare exchange of rounds, shape (rounds, 5)."""
    middle = np.median(times, axis=0)
    middle[1] = times[:, 1].min()
    return tuple(middle.tolist())


def _timed(executor: ProcessExecutor, task: TimedSteps, ranks: int) -> tuple[float, ...]:
    """Return what the process of the slowest step tells."""
    with tempfile.TemporaryDirectory(prefix="kstar-") as folder:
        meeting = Path(folder) / "meeting"
        parts = [RankTask(task, rank, ranks, meeting) for rank in range(ranks)] if ranks > 1 else [task]
        found: list[Any] = [result for _, result in executor.run(parts, lambda *_: None)]
    slowest: tuple[float, ...] = max(found)
    return slowest


def step_time(batch_sizes: Sequence[int], seconds: Sequence[float]) -> tuple[float, float]:
    r"""Return t0 and t1 of the step time t0 + t1 B.

    Minimises :math:`\sum_i ((t_0 + t_1 B_i)/t_i - 1)^2` over :math:`t_0, t_1 \ge 0`.

    Args:
        batch_sizes: B_i, examples, at least two different ones.
        seconds: t_i > 0.

    Example:
        >>> [round(value, 9) for value in step_time([1, 2, 4], [3.5, 4.0, 5.0])]
        [3.0, 0.5]
    """
    sizes, times = np.asarray(batch_sizes, dtype=np.float64), np.asarray(seconds, dtype=np.float64)
    (fixed, per_example), _ = scipy.optimize.nnls(np.stack([1 / times, sizes / times], axis=1), np.ones(len(times)))
    return float(fixed), float(per_example)


def lines_of(cells: Sequence[Cell], c1: float, c2: float) -> list[Line]:
    """Return what the cells say for each number of processes, by each of the times.

    Args:
        cells: What was timed.
        c1: Of K = c1/B + c2, steps x examples.
        c2: Likewise, steps.
    """
    lines = []
    for by, processes in itertools.product(("step", "least", "busy"), sorted({cell.processes for cell in cells})):
        own = [cell for cell in cells if cell.processes == processes]
        fixed, per_example = step_time([cell.batch_size for cell in own], [getattr(cell, by) for cell in own])
        best: tuple[float | None, float | None] = (
            (fastest_batch_size(c1, c2, fixed, per_example), least_total_time(c1, c2, fixed, per_example))
            if fixed > 0 and per_example > 0
            else (None, None)
        )
        lines.append(Line(by, processes, fixed, per_example, *best))
    return lines


def describe(found: dict[str, Any]) -> str:
    """Return the tables of what `main` measured or read."""
    cells, lines = [Cell(**cell) for cell in found["cells"]], [Line(**line) for line in found["lines"]]
    names = ("step, ms", "least", "busy", "exchange", "bare")
    rows = [f"{'B':>6} {'W':>2} {' '.join(f'{name:>9}' for name in names)} {'share':>6} {'gain':>6}"]
    alone = {cell.batch_size: cell.step for cell in cells if cell.processes == 1}
    for cell in sorted(cells, key=lambda cell: (cell.batch_size, cell.processes)):
        times = [1e3 * value for value in (cell.step, cell.least, cell.busy, cell.exchange, cell.bare)]
        rows.append(
            f"{cell.batch_size:>6} {cell.processes:>2} {' '.join(f'{value:>9.2f}' for value in times)} "
            f"{cell.exchange / cell.step:>6.2f} {alone[cell.batch_size] / cell.step:>6.2f}"
        )
    rows += ["", f"{'by':>6} {'W':>2} {'t0, ms':>8} {'t1, us':>8} {'best B':>8} {'s to the result':>16}"]
    for line in lines:
        best = f"{line.batch_size:>8.0f} {line.seconds:>16.3f}" if line.batch_size and line.seconds else "-"
        rows.append(f"{line.by:>6} {line.processes:>2} {1e3 * line.fixed:>8.3f} {1e6 * line.per_example:>8.2f} {best}")
    return "\n".join(
        (
            f"{found['workload']}, one trial of {found['weights']} weights, {found['rounds']} rounds of {_STEPS} steps,"
            f" {found['cores']} cores of {found['processor']}, load {found['load']:.1f}, torch {found['torch']}",
            *rows,
            f"K = c1/B + c2 with c1 = {found['c1']:.4g}, c2 = {found['c2']:.4g} (dense, {found['run']})",
        )
    )


def _everything(workload: str, data_dir: Path | None, batch_sizes: Sequence[int], rounds: int, run: Path) -> Any:  # noqa: ANN401
    """Measure and return all that is written down, as plain JSON values."""
    request = Request(workload=workload, data_dir=data_dir, batch_sizes=tuple(batch_sizes))
    if rounds < 1 or len(set(batch_sizes)) < 2:
        raise InputError("need --rounds >= 1 and at least two --batch-sizes")
    specification, dataset = resolve(request, cuda_available=False)
    dense = analyse(read_records(run)).curves[0].hyperbola
    c1, c2 = (None, None) if dense is None else (dense.estimates["c1"], dense.estimates["c2"])
    if c1 is None or c2 is None:
        raise InputError(f"--run {run}: its first curve has no fit of c1/B + c2; name a run with more batch sizes")
    with contextlib.closing(ProcessExecutor(specification, dataset, 2)) as executor:
        cells = measure(specification, executor, rounds, (1, 2))
    known = provenance()
    versions = known["versions"]
    assert isinstance(versions, dict)
    return {
        "workload": specification.workload.name,
        "weights": Laboratory(specification, dataset).network.size,
        "rounds": rounds,
        "cores": os.cpu_count(),
        "processor": known["processor"],
        "load": os.getloadavg()[0],
        "torch": versions["torch"],
        "run": str(run),
        "c1": c1,
        "c2": c2,
        "cells": [dataclasses.asdict(cell) for cell in cells],
        "lines": [dataclasses.asdict(line) for line in lines_of(cells, c1, c2)],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure or read, and print tables or JSON; return the exit code."""
    parser = OneLineParser(prog="python -m benchmarks.data_parallel", description=__doc__)
    parser.add_argument("--workload", default="digits/small-cnn/sgd")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[4, 16, 64, 256, 1024])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--run", type=Path, default=RUN, help="run folder whose first curve gives c1 and c2")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--read", type=Path, help="such JSON, instead of measuring")
    parser.add_argument("--picture", type=Path, help="also draw it, as PNG or SVG")
    options = parser.parse_args(arguments)
    try:
        if options.read:
            found = json.loads(options.read.read_text(encoding="utf-8"))
        else:
            found = _everything(options.workload, options.data_dir, options.batch_sizes, options.rounds, options.run)
    except (InputError, WorkerError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(json.dumps(found, indent=1) if options.json else describe(found))
    if options.picture:
        from benchmarks.data_parallel_picture import draw  # noqa: PLC0415 - matplotlib is slow to load

        draw(found, options.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
