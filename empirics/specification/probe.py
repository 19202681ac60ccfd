"""The plan for measuring the constants: which examples, which steps, which run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from empirics.records import ConstantsRecord, Study


@dataclass(frozen=True)
class Probe:
    """The settings of a measurement of constants.

    Args:
        examples: How many training examples f is the loss of.
        every: Steps between two measurements along a run, from the first step on.
        steps: How far a run is followed; None: to the step at which it reached its goal.
        hessian_points: At how many of the measurements the top Hessian eigenvalue is taken too.
        flow_gradients: Most gradients of the flow from the run's start; None: `GRADIENTS_A_STEP` times the run's steps
            to its goal; 0: no flow.
        repeats: Mini-batch gradients drawn at w_1 for each batch size that beta/B is checked at; 0: no check.
        batch_size: Of the run that is followed; None: of the study nearest 128.
        learning_rate: Of that run; None: the study's winner's.
    """

    examples: int
    every: int
    steps: int | None = None
    hessian_points: int = 0
    flow_gradients: int | None = None
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


# A run that is tuned takes half as many steps as a flow at a quarter of its rate, and some of those are halved: 3 to 6
# gradients a step of the run on digits.
GRADIENTS_A_STEP = 20
_SHORTER = 4.0  # no step of the flow is longer than the run's by a quarter
COMMON_SHARE = 0.4  # of its first loss; the flow's time to there can be compared between networks


@dataclass(frozen=True)
class PlannedFlow:
    """A flow to be followed from the start of a run.

    Args:
        study: Whose run.
        trial: Whose initial weights.
        losses: Quantity -> training loss to whose time it is; the flow ends at the lowest.
        longest: No step is longer.
        gradients: It ends after so many.
    """

    study: Study
    trial: int
    losses: dict[str, float]
    longest: float
    gradients: int


def flow_of(known: ConstantsRecord, probe: Probe) -> PlannedFlow | None:
    """Return the flow from the start of a run, None where it is not asked for or the run does not say how far and fast.

    Args:
        known: What was measured along the run.
        probe: How it is measured.
    """
    if probe.flow_gradients == 0 or not {"Delta", "eta"} <= known.values.keys():
        return None
    losses = {"T_at_40": COMMON_SHARE * known.values["Delta"] / 2}
    if known.goal_step is not None:
        losses["T_at_goal"] = known.along("training_loss")[known.goal_step + 1]
    most = probe.flow_gradients or GRADIENTS_A_STEP * (known.goal_step or known.steps)
    return PlannedFlow(known.study, known.trial, losses, known.values["eta"] / _SHORTER, most)


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
