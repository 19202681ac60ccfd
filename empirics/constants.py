"""`python -m empirics.constants`: measure L, Delta, beta and more along one run for each sparsity."""

from __future__ import annotations

import dataclasses
import math
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from empirics.command_ending import run_command
from empirics.command_line import parse
from empirics.errors import InputError
from empirics.executors.placement import Placement, placed
from empirics.executors.resources import Resources
from empirics.run.running import Prepared, folder_of, inputs_of, prepare, run_stages
from empirics.run.stages import Measurement
from empirics.run.summary import describe_constants
from empirics.search.ranges import MOST, MOST_REPLICATES, check_counts
from empirics.specification.request import BaseRequest, Request
from empirics.specification.runs_to_follow import needs_search
from empirics.specification.specification import nearest_128
from empirics.store.schema import FILE_NAME
from empirics.store.store import read_store
from empirics.workloads.find import find_workload
from kstar.ending import command, say

_PROGRAM = "python -m empirics.constants"
_PURPOSE = (
    "Measure the constants behind K*(B): L, Delta, beta and more, along each sparsity's own winner at the batch size "
    "nearest 128. If the run folder lacks it, the command searches for it first."
)


@dataclass(frozen=True)
class ConstantsRequest(BaseRequest):
    """What a user asks `python -m empirics.constants` for."""

    seeds: Annotated[int, "independent repetitions, each with a search of its own"] = 1
    batch_size: Annotated[int | None, "batch size of the runs; default the measured one nearest 128"] = None
    learning_rate: Annotated[
        float | None, "rate of the runs; default each winner's; skips a search for the rate alone"
    ] = None

    def __post_init__(self) -> None:
        """Check the ranges of what is its own, too."""
        super().__post_init__()
        check_counts(self, {"seeds": (1, MOST_REPLICATES), "batch_size": (1, MOST)})
        rate = self.learning_rate
        if rate is not None and not 0 < rate < math.inf:
            raise InputError(f"--learning-rate {rate:g}: must be a finite number above 0")

    def request(self, batch_size: int) -> Request:
        """Return the measurement whose winners at a batch size are followed."""
        shared = {field.name: getattr(self, field.name) for field in dataclasses.fields(BaseRequest)}
        return Request(**shared, batch_sizes=(batch_size,), replicates=self.seeds)


@dataclass(frozen=True)
class ConstantsExecution(Placement):
    """How it is carried out; none of it changes a result."""

    out: Annotated[Path | None, "run folder, shared with empirics.measure; default runs/<workload>-<digest>"] = None


def measure_constants(request: ConstantsRequest, execution: ConstantsExecution) -> Path:
    """Measure the constants the request asks for and return the run folder.

    Args:
        request: What to measure.
        execution: Where to and with how many processes.

    Returns:
        The run folder, whose `constants.csv` and `study.sqlite` hold them.

    Raises:
        InputError: If something in the request cannot be used.
    """
    _check(request)
    with placed(request, execution) as (resources, open_executor):
        prepared = _prepared(request, execution, resources)
        probe = dataclasses.replace(
            prepared.specification.probe, batch_size=request.batch_size, learning_rate=request.learning_rate
        )
        specification = dataclasses.replace(prepared.specification, probe=probe)
        prepared = dataclasses.replace(prepared, specification=specification)
        inputs = inputs_of(request, execution.protocol)
        show = not execution.quiet
        return run_stages(prepared, execution.out, _stages, open_executor, inputs, show=show, log=execution.log)


def _prepared(request: ConstantsRequest, execution: ConstantsExecution, resources: Resources) -> Prepared:
    """Check the request at the batch size asked for, or else the one nearest 128 that the run folder has measured."""

    def at(batch_size: int) -> Prepared:
        wanted = request.request(batch_size)
        return prepare(wanted, execution.jobs, execution.memory_limit, resources, execution.out)

    first = request.batch_size or nearest_128(_measured(execution.out) or _by_default(request))
    prepared = at(first)
    if request.batch_size is not None or execution.out is not None:
        return prepared
    # Only what the request resolves to tells its own folder, which may hold other batch sizes than the workload has.
    measured = nearest_128(_measured(folder_of(prepared.specification, None)) or (first,))
    return prepared if measured == first else at(measured)


def _stages(run: Measurement) -> None:
    """Search for what is not given, then measure."""
    if needs_search(run.specification):
        run.measure_masks()
        run.measure_studies()
    run.measure_constants()


def _check(request: ConstantsRequest) -> None:
    """Refuse a rate where the workload searches none."""
    rate = request.learning_rate
    names = [axis.name for axis in find_workload(request.workload).search_space]
    if rate is not None and "learning_rate" not in names:
        raise InputError(f"--learning-rate {rate:g}: {request.workload} has none; it searches {', '.join(names)}")


def _measured(folder: Path | None) -> Iterable[int]:
    """Return the batch sizes that a run folder holds."""
    if folder is None or not (folder / FILE_NAME).is_file():
        return ()
    with read_store(folder) as store:
        return {study.batch_size for study in store.studies()}


def _by_default(request: ConstantsRequest) -> Iterable[int]:
    """Return the batch sizes of the workload."""
    return find_workload(request.workload).batch_sizes


@command
def main(
    arguments: Sequence[str] | None = None, prog: str = _PROGRAM, then: Callable[[Path], str] | None = None
) -> int:
    """Run the command.

    Args:
        arguments: The command line, without the program's name; None reads sys.argv.
        prog: The name it is called by.
        then: What to print of the run folder once it is measured, for who sees more than this package.

    Returns:
        The exit code.
    """
    words = prog, _PURPOSE, ConstantsRequest, ConstantsExecution
    return run_command(lambda: _show(measure_constants(*parse(arguments, *words)), then))


def _show(folder: Path, then: Callable[[Path], str] | None) -> None:
    """Print the constants, what follows, and where they are."""
    say(describe_constants(folder))
    if then is not None:
        say(then(folder))
    say(f"\nResults: {folder}/")
    say(f"Next:    python -m verification.report {shlex.quote(str(folder))}")


if __name__ == "__main__":
    sys.exit(main())
