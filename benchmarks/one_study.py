"""The command line of benchmarks that look at one study, and that study."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from empirics.datasets.arrays import Dataset
from empirics.records import Study
from empirics.specification.request import Request
from empirics.specification.specification import Specification, resolve
from kstar.command_line import OneLineParser


def study_parser(prog: str, description: str, *, batch_size: int, trials: int) -> OneLineParser:
    """Return a parser that asks which study.

    Args:
        prog: Name of the command.
        description: What it does.
        batch_size: Default.
        trials: Default.
    """
    parser = OneLineParser(prog=prog, description=description)
    parser.add_argument("--workload", default="digits/small-cnn/sgd")
    parser.add_argument("--data-dir", type=Path, default=None)
    parser.add_argument("--batch-size", type=int, default=batch_size)
    parser.add_argument("--sparsity", type=float, default=0.0)
    parser.add_argument("--trials", type=int, default=trials)
    parser.add_argument("--goal-error", type=float, default=None)
    parser.add_argument("--json", type=Path, default=None)
    return parser


def request_of(options: Namespace) -> Request:
    """Return the request for the study that was asked for, on the CPU."""
    return Request(
        workload=options.workload,
        sparsity=(options.sparsity,),
        batch_sizes=(options.batch_size,),
        trials=options.trials,
        goal_error=None if options.goal_error is None else (options.goal_error,),
        data_dir=options.data_dir,
        device="cpu",
        engine="torch",
    )


def only_study(request: Request) -> tuple[Specification, Dataset, Study]:
    """Return the specification, the data and the one study of a request.

    Raises:
        InputError: If something in the request cannot be used.
    """
    specification, dataset = resolve(request, cuda_available=False)
    (study,) = specification.studies()
    return specification, dataset, study
