"""`python -m empirics.measure`: measure K*(B) per sparsity, then L, Delta and beta."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from empirics.command_ending import run_command
from empirics.command_line import parse
from empirics.executors.placement import Placement, placed
from empirics.run.running import folder_of, inputs_of, prepare, run_stages
from empirics.run.stages import Measurement
from empirics.run.summary import describe_run
from empirics.specification.request import Request
from empirics.workloads.catalogue import describe_workloads
from kstar.ending import command, say

_PROGRAM = "python -m empirics.measure"
_PURPOSE = "Measure steps to result K*(B) per sparsity, then the constants L, Delta and beta behind it."


@dataclass(frozen=True)
class Execution(Placement):
    """How a measurement is carried out; none of it changes a result."""


@dataclass(frozen=True)
class _Command(Execution):
    """What the command is told beyond a measurement's request."""

    plan: Annotated[bool, "print the studies with an estimate of time and memory, and stop"] = False
    list: Annotated[bool, "print all workloads with their defaults, and stop"] = False


def measure(request: Request, execution: Execution, *, show: bool = True) -> Path:
    """Measure what the request asks for and return the run folder.

    What the folder already holds is not measured again, so an interrupted run goes on where it stopped.

    Args:
        request: What to measure.
        execution: Where to and with how many processes.
        show: Whether to show on stderr how far it is.

    Returns:
        The run folder, with `study.sqlite`, `curves.csv`, `provenance.json` and, unless declined, `constants.csv`.

    Raises:
        InputError: If something in the request cannot be used.
        Paused: If `execution.pause_after` is over first.
    """
    with placed(request, execution) as (resources, open_executor):
        prepared = prepare(request, execution.jobs, execution.memory_limit, resources, execution.out)
        inputs = inputs_of(request, execution.protocol)
        show = show and not execution.quiet
        return run_stages(prepared, execution.out, _everything, open_executor, inputs, show=show, log=execution.log)


def _everything(run: Measurement) -> None:
    """Measure curves and constants."""
    run.measure_masks()
    run.measure_studies()
    run.measure_repeats()
    if run.specification.constants:
        run.measure_constants()


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
    return run_command(lambda: _carry_out(*parse(arguments, prog, _PURPOSE, Request, _Command), then))


def _carry_out(request: Request, execution: _Command, then: Callable[[Path], str] | None) -> None:
    """List, plan or measure, as asked."""
    if execution.list:
        say(describe_workloads())
    elif execution.plan:
        from empirics.run.plan import describe_plan  # noqa: PLC0415 - loads torch

        with placed(request, execution) as (resources, _):
            prepared = prepare(request, execution.jobs, execution.memory_limit, resources, execution.out)
            specification = prepared.specification
            folder = folder_of(specification, execution.out)
            say(describe_plan(specification, prepared.dataset, prepared.jobs, folder))
    else:
        _show(measure(request, execution), then)


def _show(folder: Path, then: Callable[[Path], str] | None) -> None:
    """Print the run, what follows, and what to do next."""
    say(describe_run(folder))
    if then is not None:
        say(then(folder))
    files = sorted(path.name for path in folder.iterdir() if path.is_file())
    say(f"\nResults: {folder}/  ({', '.join(files)})")
    quoted = shlex.quote(str(folder))
    say(f"Next:    python -m verification.report {quoted} --save && python -m paper_figures {quoted}")


if __name__ == "__main__":
    sys.exit(main())
