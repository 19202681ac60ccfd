"""The interface of a workload: its protocol, data, network and goal test."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from empirics.datasets.arrays import Dataset
from empirics.errors import InputError
from empirics.search.ranges import COUNTS, check_batch_sizes, check_counts
from empirics.search.sobol import DirectionNumbers
from empirics.search.space import Metaparameter
from empirics.workloads.goal_label import CLASSIFICATION_ERROR, GoalCount, goal_sign

if TYPE_CHECKING:
    from torch import Tensor

    from empirics.networks.network import Network
    from empirics.workloads.goal import Errors, Goals


@dataclass(frozen=True)
class Workload(ABC):
    """One workload: its defaults, and where its data, network and goal test come from.

    Args:
        dataset: Name of a data set in `empirics.datasets.arrays`.
        network: Name of a network in `empirics.networks.build`.
        optimizer: Name of an update rule in `empirics.workloads.optimizers`.
        schedule: Name of a learning-rate schedule in `empirics.workloads.optimizers`.
        search_space: The metaparameters and their ranges.
        goal_error: Validation error that counts as the result, in (0, 1); None where the paper has none.
        max_steps: Budget of a trial, steps.
        eval_interval: Steps between two goal tests.
        batch_sizes: Batch sizes measured by default.
        trials: Search points a study by default.
        expected_c1: For estimates of time only: steps x examples in K ~ c1/B + c2, dense.
        expected_c2: For estimates of time only: steps in K ~ c1/B + c2, dense.
        metric: What the goal is a value of.
        maximise: Whether the goal is reached from below.
        direction_numbers: Whose the Sobol points of the search are.
        goal_counts: Goals that are met at fewer errors than their share.
        own_description: What a user's own workload is made of, part by part; None for those listed here.
        own_masks: Whether it brings masks of its own.
    """

    dataset: str
    network: str
    optimizer: str
    schedule: str
    search_space: tuple[Metaparameter, ...]
    goal_error: float | None
    max_steps: int
    eval_interval: int
    batch_sizes: tuple[int, ...]
    trials: int
    expected_c1: float
    expected_c2: float
    metric: str = CLASSIFICATION_ERROR
    maximise: bool = False
    direction_numbers: DirectionNumbers = "joe-kuo"
    goal_counts: tuple[GoalCount, ...] = ()
    own_description: tuple[tuple[str, str], ...] | None = None
    own_masks: bool = False

    def __post_init__(self) -> None:
        """Check the counts, whoever set them."""
        check_counts(self, {name: COUNTS[name] for name in ("trials", "max_steps", "eval_interval")})
        check_batch_sizes(self)

    @property
    def goal_metric(self) -> str:
        """The metric with the set it is taken on, e.g. `val/classification_error`."""
        return f"val/{self.metric}"

    @property
    def goal_sign(self) -> str:
        """What is compared with a goal and how, e.g. `error <=` or `r_squared >=`."""
        return goal_sign(self.metric, maximise=self.maximise)

    @property
    @abstractmethod
    def name(self) -> str:
        """The name that finds it."""

    @abstractmethod
    def load_data(self, data_dir: Path | None) -> Dataset:
        """Return its training set.

        Args:
            data_dir: Folder that holds published data; None for the user's cache.

        Raises:
            InputError: If the data are missing or not what they should be.
        """

    @abstractmethod
    def build_network(self, dataset: Dataset) -> Network:
        """Return the network it trains.

        Args:
            dataset: Its data.
        """

    @abstractmethod
    def goal_test(
        self, network: Network, inputs: Tensor, targets: Tensor, goals: Sequence[float], errors_of: Errors
    ) -> Goals:
        """Return what decides which trials reach which goals.

        Args:
            network: Its network.
            inputs: Of the validation set, on the device.
            targets: Likewise.
            goals: Values that count as the result.
            errors_of: What finds the images of that set that trials get wrong, for goals that are shares of errors.
        """

    def check_goal(self, goal: float, told: str) -> None:
        """Refuse a goal that its metric cannot have.

        Args:
            goal: Its value.
            told: Where it was given.

        Raises:
            InputError: If it is no error in (0, 1), or no finite value of another metric.
        """
        if self.metric != CLASSIFICATION_ERROR:
            if not math.isfinite(goal):
                raise InputError(f"{told} {goal:g}: must be a finite value of {self.metric}")
        elif not 0 < goal < 1:  # also true for nan
            raise InputError(f"{told} {goal:g}: must lie in (0, 1), e.g. 0.08 for 8% errors")
