"""The plan for measuring the constants: which examples, which steps, which run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True)
class Probe:
    """The settings of a measurement of constants.

    Args:
        examples: How many training examples f is the loss of.
        every: Steps between two measurements along a run, from the first step on.
        steps: How far a run is followed; None: to the step at which it reached its goal.
        hessian_points: At how many of the measurements the top Hessian eigenvalue is taken too.
        repeats: Mini-batch gradients drawn at w_1 for each batch size that beta/B is checked at; 0: no check.
        batch_size: Of the run that is followed; None: of the study nearest 128.
        learning_rate: Of that run; None: the study's winner's.
    """

    examples: int
    every: int
    steps: int | None = None
    hessian_points: int = 0
    repeats: int = 0
    batch_size: int | None = None
    learning_rate: float | None = None

    def settings(self) -> dict[str, object]:
        """Return all of it as plain JSON values; the same settings give the same constants."""
        return dataclasses.asdict(self)

    def points(self, steps: int) -> int:
        """Return how many measurements a run of so many steps gets, the one at its goal included.

        Example:
            >>> Probe(examples=100, every=5).points(13)
            4
        """
        return -(-steps // self.every) + 1

    def hessian_indices(self, steps: int) -> frozenset[int]:
        """Return at which regular measurements of a run of so many steps the Hessian is looked at, evenly spread.

        Example:
            >>> sorted(Probe(examples=100, every=5, hessian_points=3).hessian_indices(41))
            [0, 4, 8]
        """
        last = (steps - 1) // self.every
        wanted = min(self.hessian_points, last + 1)
        if wanted < 2 or last == 0:
            return frozenset(range(min(wanted, 1)))
        return frozenset(round(number * last / (wanted - 1)) for number in range(wanted))


@dataclass(frozen=True)
class FollowedRun:
    """A training run to be done again and measured along.

    Args:
        sparsity: Percent of weights pruned.
        replicate: Which independent repetition.
        batch_size: Examples per step.
        trial: Whose initial weights.
        metaparameters: Name -> value.
        goal_step: The step at which it reaches the first goal, None where that is not known yet.
    """

    sparsity: float
    replicate: int
    batch_size: int
    trial: int
    metaparameters: dict[str, float]
    goal_step: int | None
