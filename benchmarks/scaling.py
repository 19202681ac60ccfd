"""How the cost of a run grows with B, S, trials and workers, and how fast the parts that all workers share are.

Run `python -m benchmarks.scaling` (`--quick` in seconds); it prints the tables of `docs/scaling.md`. Studies of digits
are timed in CPU seconds of one thread, since other work may share the machine; only workers and rates, which are about
waiting, are timed by the clock, and workers as a ratio within one run.
"""

from __future__ import annotations

import contextlib
import importlib.util
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from empirics.command_line import OneLineParser
from empirics.datasets.arrays import Dataset
from empirics.executors.processes import Executor, ProcessExecutor
from empirics.records import Study, StudyOutcome
from empirics.run.cost import expected_steps
from empirics.specification.request import Request
from empirics.specification.specification import Specification, resolve
from empirics.store.store import open_store
from empirics.training.laboratory import Laboratory
from empirics.training.race import measure_study
from empirics.training.tasks import Result, StudyTask, Task
from empirics.workloads.find import find_workload
from empirics.workloads.workload import Workload

_GOAL = 0.14


@dataclass(frozen=True)
class Nothing:
    """A task that does nothing, so that only sending it takes time."""

    number: int

    @property
    def label(self) -> str:
        """Its number."""
        return str(self.number)

    def run(self, _laboratory: Laboratory, _report: Callable[[int], None]) -> Result:
        """Return nothing."""
        return []


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    parser = OneLineParser(prog="python -m benchmarks.scaling", description="Measure how the cost of a run grows.")
    parser.add_argument("--quick", action="store_true", help="few, small studies: whether it runs")
    quick = parser.parse_args(arguments).quick
    outcome = _print_studies(quick)
    print("\n| workload | studies | their sum over the largest | largest over median |\n|---|---|---|---|")
    for name in ("digits/small-cnn/sgd", "mnist/simple-cnn/sgd", "cifar-10/resnet-8/sgd"):
        costs = expected_costs(find_workload(name))
        print(f"| {name} | {len(costs)} | {sum(costs) / costs[0]:.1f} | {costs[0] / costs[len(costs) // 2]:.0f} |")
    _print_workers(quick)
    print(f"\n| shared by all workers | a second |\n|---|---|\n| studies stored | {_commits(outcome, quick):.0f} |")
    number = 20 if quick else 2000
    for name, opened in _executors():
        with opened as executor:
            print(f"| tasks sent and answered, {name} | {_dispatched(executor, number):.0f} |", flush=True)
    return 0


def _print_studies(quick: bool) -> StudyOutcome:
    """Print what single studies take, and return the outcome of the last."""
    print("| S | B | trials | K\\* | CPU s | microseconds a trial, step and example |\n|---|---|---|---|---|---|")
    grid = [(0.0, size, 8) for size in (4, 16, 64, 256)] + [(s, 16, 8) for s in (50.0, 90.0)]
    grid += [(0.0, 16, trials) for trials in (2, 4, 16, 32)]
    for sparsity, size, trials in grid[:2] if quick else grid:
        specification, dataset = _specified((sparsity,), (size,), trials, quick)
        laboratory = Laboratory(specification, dataset)
        study = Study(sparsity, 0, size)
        masks = laboratory.unpack(_packed(laboratory, sparsity))
        start = time.process_time()
        outcome = measure_study(laboratory, study, masks, lambda _step: None)
        seconds = time.process_time() - start
        (record,) = outcome.records
        unit = 1e6 * seconds / (sum(trial.step for trial in record.trials) * size)
        print(
            f"| {sparsity:g} | {size} | {trials} | {record.steps_to_result} | {seconds:.2f} | {unit:.1f} |", flush=True
        )
    return outcome


def expected_costs(workload: Workload) -> list[float]:
    """Return what the studies of the paper's grid are expected to take, in examples a trial, the largest first."""
    studies = (Study(sparsity, 0, size) for sparsity in (0.0, 50.0, 70.0, 90.0) for size in workload.batch_sizes)
    return sorted((expected_steps(workload, study) * study.batch_size for study in studies), reverse=True)


def _print_workers(quick: bool) -> None:
    """Print what a grid of studies takes one worker and two."""
    print("\n| workers | clock, relative | CPU, relative | studies |\n|---|---|---|---|")
    specification, dataset = _specified((0.0, 90.0), (8, 32) if quick else (4, 8, 16, 32, 64, 128), 4, quick)
    laboratory = Laboratory(specification, dataset)
    masks = {sparsity: _packed(laboratory, sparsity) for sparsity in specification.sparsities}
    tasks: list[Task] = [StudyTask(study, masks[study.sparsity]) for study in specification.studies()]
    one: tuple[float, float] | None = None
    for workers in (1, 2):
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        with contextlib.closing(ProcessExecutor(specification, dataset, workers)) as executor:
            list(executor.run([Nothing(number) for number in range(20 * workers)], _ignore))  # all are set up
            start = time.perf_counter()
            list(executor.run(tasks, _ignore))
            clock = time.perf_counter() - start
        taken = clock, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        one = one or taken
        print(f"| {workers} | {clock / one[0]:.2f} | {taken[1] / one[1]:.2f} | {len(tasks)} |", flush=True)


def _specified(
    sparsities: tuple[float, ...],
    sizes: tuple[int, ...],
    trials: int,
    quick: bool,
) -> tuple[Specification, Dataset]:
    """Return a measurement of digits."""
    steps = 20 if quick else None
    request = Request(
        sparsity=sparsities, batch_sizes=sizes, trials=trials, goal_error=(_GOAL,), max_steps=steps, device="cpu"
    )
    return resolve(request, cuda_available=False)


def _packed(laboratory: Laboratory, sparsity: float) -> tuple[bytes, ...]:
    """Return the masks of every trial at a sparsity."""
    trials = range(laboratory.specification.trials)
    return tuple(laboratory.mask_records(0, trial, (sparsity,))[0].bits for trial in trials)


def _commits(outcome: StudyOutcome, quick: bool) -> float:
    """Return how many studies a second the store keeps, each in a transaction of its own that waits for the disk."""
    specification, _ = _specified((0.0,), (16,), 8, quick)
    number = 5 if quick else 200
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "run", specification.identity()) as store:
        start = time.perf_counter()
        for _ in range(number):
            store.add_study(outcome)
        return number / (time.perf_counter() - start)


def _executors() -> Iterator[tuple[str, contextlib.AbstractContextManager[Executor]]]:
    """Yield executors of two workers with their names."""
    specification, dataset = _specified((0.0,), (16,), 2, quick=True)
    yield "two processes", contextlib.closing(ProcessExecutor(specification, dataset, 2))
    if importlib.util.find_spec("ray") is not None:
        from empirics.executors.ray_cluster import ray_cluster  # noqa: PLC0415 - Ray is optional

        with ray_cluster(None) as (_, opened):
            yield "two Ray workers", opened(specification, dataset, 2)


def _dispatched(executor: Executor, number: int) -> float:
    """Return how many tasks a second go to two workers and come back."""
    list(executor.run([Nothing(count) for count in range(40)], _ignore))
    start = time.perf_counter()
    list(executor.run([Nothing(count) for count in range(number)], _ignore))
    return number / (time.perf_counter() - start)


def _ignore(_task: Task, _step: int) -> None:
    """Watch nothing."""


if __name__ == "__main__":
    sys.exit(main())
