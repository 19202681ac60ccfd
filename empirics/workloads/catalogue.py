"""The workloads listed by name: data set, network, optimiser, schedule and protocol."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from empirics.datasets.arrays import Dataset, load_dataset
from empirics.search.space import Metaparameter
from empirics.workloads.goal_label import GoalCount
from empirics.workloads.workload import Workload

if TYPE_CHECKING:
    from torch import Tensor

    from empirics.networks.network import Network
    from empirics.workloads.goal import Errors, Goals

# Ranges of Lee et al. 2021, Appendix B.
LEARNING_RATE = Metaparameter("learning_rate", 1e-4, 1.0, "log")
MOMENTUM = Metaparameter("momentum", 0.9, 0.9999, "reverse_log")
DECAY_STEPS = Metaparameter("decay_steps", 30_000, 60_000, "integer")
ADAMW_LEARNING_RATE = Metaparameter("learning_rate", 1e-5, 0.1, "log")
WEIGHT_DECAY = Metaparameter("weight_decay", 1e-4, 1.0, "log")
END_LEARNING_RATE_FACTOR = Metaparameter("end_learning_rate_factor", 1e-4, 0.1, "log")


@dataclass(frozen=True)
class ListedWorkload(Workload):
    """A workload of known data, network, optimiser and schedule."""

    @property
    def name(self) -> str:
        """E.g. `cifar-10/resnet-8/nesterov/linear`; a constant rate goes without saying."""
        schedule = "" if self.schedule == "constant" else f"/{self.schedule}"
        return f"{self.dataset}/{self.network}/{self.optimizer}{schedule}"

    def load_data(self, data_dir: Path | None) -> Dataset:
        """Read the data set."""
        return load_dataset(self.dataset, data_dir)

    def build_network(self, dataset: Dataset) -> Network:
        """Make the network for the data's images."""
        from empirics.networks.build import build_network  # noqa: PLC0415 - loads torch

        return build_network(self.network, dataset.image_shape)

    def goal_test(
        self, network: Network, inputs: Tensor, targets: Tensor, goals: Sequence[float], errors_of: Errors
    ) -> Goals:
        """Return the test by counts of errors."""
        from empirics.workloads.goal import error_goals  # noqa: PLC0415 - loads torch

        return error_goals(network, errors_of, targets, goals, self.goal_counts)


@dataclass(frozen=True)
class _PaperDataset:
    """What the paper fixes by data set: budget, interval, goals, and a guess of c1 and c2."""

    goals: dict[str, float]
    max_steps: int
    eval_interval: int
    expected_c1: float
    expected_c2: float
    goal_counts: tuple[GoalCount, ...] = ()


# The published code compares 1 - float32(correct / 6000) with 0.12: with 720 errors that is 0.12000000477, with 840 it
# is 0.13999998569 for 0.14, and likewise below the goal for MNIST's 120 and CIFAR-10's 2000 of 5000.
_FASHION_COUNTS = (GoalCount(0.12, 6000, 719),)
_PAPER_DATASETS = {
    "mnist": _PaperDataset({"simple-cnn/constant": 0.02}, 40_000, 16, 2e4, 100.0),
    "fashion-mnist": _PaperDataset({"simple-cnn/constant": 0.12}, 40_000, 16, 6e4, 300.0, _FASHION_COUNTS),
    "cifar-10": _PaperDataset({"resnet-8/linear": 0.4, "resnet-8/constant": 0.4}, 100_000, 32, 5e5, 1500.0),
}
_PAPER_SPACES = {
    "sgd": (LEARNING_RATE,),
    "momentum": (LEARNING_RATE, MOMENTUM),
    "nesterov": (LEARNING_RATE, MOMENTUM),
    "adamw": (ADAMW_LEARNING_RATE, WEIGHT_DECAY),
}
_SCHEDULES = {"constant": (), "linear": (DECAY_STEPS, END_LEARNING_RATE_FACTOR)}
_DIGITS_RATE = Metaparameter("learning_rate", 1e-3, 0.5, "log")
_DIGITS_DECAY = (Metaparameter("decay_steps", 20, 2_000, "integer"), END_LEARNING_RATE_FACTOR)
_DIGITS_MOMENTUM = Metaparameter("momentum", 0.5, 0.99, "reverse_log")
_DIGITS_SPACES = {
    "sgd": (Metaparameter("learning_rate", 1e-2, 2.0, "log"),),
    "momentum": (_DIGITS_RATE, _DIGITS_MOMENTUM),
    "nesterov": (_DIGITS_RATE, _DIGITS_MOMENTUM),
    "adamw": (ADAMW_LEARNING_RATE, WEIGHT_DECAY),
}
_NOT_IN_PAPER = {"cifar-10/resnet-8/nesterov"}


def _paper_workload(dataset: str, network: str, optimizer: str, schedule: str) -> ListedWorkload:
    """Return a workload by the paper's protocol (Appendix B): 100 trials, batch sizes 2^1..2^14."""
    paper = _PAPER_DATASETS[dataset]
    workload = ListedWorkload(
        dataset=dataset,
        network=network,
        optimizer=optimizer,
        schedule=schedule,
        search_space=_PAPER_SPACES[optimizer] + _SCHEDULES[schedule],
        goal_error=paper.goals.get(f"{network}/{schedule}"),
        max_steps=paper.max_steps,
        eval_interval=paper.eval_interval,
        batch_sizes=tuple(2**power for power in range(1, 15)),
        trials=100,
        expected_c1=paper.expected_c1,
        expected_c2=paper.expected_c2,
        direction_numbers="bratley-fox",
        goal_counts=paper.goal_counts,
    )
    if workload.name in _NOT_IN_PAPER or optimizer == "adamw":
        return dataclasses.replace(workload, goal_error=None)
    return workload


def _digits_workload(optimizer: str, schedule: str = "constant") -> ListedWorkload:
    """Return the embedded workload; goal, interval and range are explained in docs/digits.md."""
    return ListedWorkload(
        dataset="digits",
        network="small-cnn",
        optimizer=optimizer,
        schedule=schedule,
        search_space=_DIGITS_SPACES[optimizer] + (_DIGITS_DECAY if schedule == "linear" else ()),
        goal_error=0.08,
        max_steps=4_000,
        eval_interval=2,
        batch_sizes=tuple(2**power for power in range(9)),
        trials=16,
        expected_c1=400.0,
        expected_c2=30.0,
    )


WORKLOADS = {
    workload.name: workload
    for workload in (
        *(_digits_workload(optimizer) for optimizer in _DIGITS_SPACES),
        _digits_workload("sgd", "linear"),
        *(
            _paper_workload(*parts)
            for parts in itertools.product(_PAPER_DATASETS, ("simple-cnn", "resnet-8"), _PAPER_SPACES, _SCHEDULES)
        ),
    )
}


def describe_workloads() -> str:
    """Return a table of all workloads with their defaults."""
    lines = [f"{'workload':<41} {'goal error':>12} {'budget':>7} {'interval':>8} {'trials':>6}  searched"]
    for workload in WORKLOADS.values():
        goal = "--goal-error" if workload.goal_error is None else f"{workload.goal_error:g}"
        protocol = f"{goal:>12} {workload.max_steps:>7} {workload.eval_interval:>8} {workload.trials:>6}"
        searched = ", ".join(axis.name for axis in workload.search_space)
        lines.append(f"{workload.name:<41} {protocol}  {searched}")
    return "\n".join(lines)
