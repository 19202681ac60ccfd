"""The plan for measuring the constants: which examples, which steps, which run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from empirics.followed import ConstantsRecord
from empirics.records import Study

POINTS = 30  # measurements on the way to the goal, and as many over the whole training
BUDGET = 10  # times the least pruned network's K*: the steps over which L is averaged at every sparsity
COMMON_SHARE = 0.4  # of its first loss: from there on down networks have the same loss, whatever their sparsity


@dataclass(frozen=True)
class Probe:
    """The settings of a measurement of constants.

    Args:
        examples: How many training examples f is the loss of.
        every: Steps between two measurements along a run; None: as many as make about `POINTS`.
        steps: How far a run is followed for the mean of L over the whole training; None: `BUDGET` times the K* of its
            replicate's least pruned network, or to the last goal of them all; 0: each to its own goal.
        hessian_points: At how many of the measurements the Hessian is looked at.
        quadratic_forms: Sign vectors for the quadratic forms of the Hessian at each measurement; 0: none.
        flow_gradients: Most gradients of the flow from the run's start; None: `GRADIENTS_A_STEP` times the run's steps
            to its goal; 0: no flow.
        repeats: Mini-batch gradients drawn at w_1 for each batch size that beta/B is checked at; 0: no check.
        batch_size: Of the run that is followed; None: of the study nearest 128.
        learning_rate: Of that run; None: the study's winner's.
    """

    examples: int
    every: int | None = None
    steps: int | None = None
    hessian_points: int = 0
    quadratic_forms: int = 0
    flow_gradients: int | None = None
    repeats: int = 0
    batch_size: int | None = None
    learning_rate: float | None = None

    def settings(self) -> dict[str, object]:
        """Return all of it as plain JSON values; the same settings give the same constants."""
        return dataclasses.asdict(self)

    def to_goal(self, steps: int) -> range:
        """Return the regular measurements on the way to a goal after so many steps, from the first on.

        Example:
            >>> list(Probe(examples=100, every=5).to_goal(13)), len(Probe(examples=100).to_goal(4000))
            ([1, 6, 11], 31)
        """
        return range(1, steps + 1, self._every(steps))

    def over_budget(self, steps: int) -> range:
        """Return the measurements of L over a whole training of so many steps, which leave out the first step.

        Example:
            >>> list(Probe(examples=100, every=5).over_budget(13)), len(Probe(examples=100).over_budget(4000))
            ([5, 10], 30)
        """
        every = self._every(steps)
        return range(max(every, 2), steps + 1, every)

    def _every(self, steps: int) -> int:
        """Return the steps between two measurements."""
        return self.every or max(steps // POINTS, 1)

    def hessian_steps(self, steps: int) -> frozenset[int]:
        """Return at which measurements on the way to a goal the Hessian is looked at, evenly spread.

        Example:
            >>> sorted(Probe(examples=100, every=5, hessian_points=3).hessian_steps(41))
            [1, 21, 41]
        """
        regular = self.to_goal(steps)
        last, wanted = len(regular) - 1, min(self.hessian_points, len(regular))
        if wanted < 2:
            return frozenset(regular[:wanted])
        return frozenset(regular[round(number * last / (wanted - 1))] for number in range(wanted))


# A run that is tuned takes half as many steps as a flow at a quarter of its rate, and some of those are halved: 3 to 6
# gradients a step of the run on digits.
GRADIENTS_A_STEP = 20
_SHORTER = 4.0  # no step of the flow is longer than the run's by a quarter


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

    Over a sample of the examples it ends at 40% of the first loss: going on, it would fit these and not the others.

    Args:
        known: What was measured along the run.
        probe: How it is measured.
    """
    if probe.flow_gradients == 0 or not {"Delta", "eta"} <= known.values.keys():
        return None
    losses = {"T_at_40": COMMON_SHARE * known.values["Delta"] / 2}
    at_goal = None if known.goal_step is None else known.along("training_loss").get(known.goal_step + 1)
    if at_goal is not None and not known.sampled:
        losses["T_at_goal"] = at_goal
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
        steps: How far it is followed; None where that follows from a goal that is not known yet.
    """

    sparsity: float
    replicate: int
    batch_size: int
    trial: int
    metaparameters: dict[str, float]
    goal_step: int | None
    steps: int | None = None
