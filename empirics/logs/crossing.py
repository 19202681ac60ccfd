"""The steps between which a logged run reached a goal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from empirics.logged_runs.logged_run import LoggedRun
from empirics.reading.outside import MOST_STEPS

Repeated = Literal["", "first", "last"]


@dataclass(frozen=True)
class Goal:
    """A value that a metric is to reach.

    Attributes:
        metric: Its name in the log.
        value: The goal. Finite.
        above: Whether it is reached from below.
    """

    metric: str
    value: float
    above: bool

    def met(self, value: float) -> bool:
        """Return whether a value reaches it."""
        return value >= self.value if self.above else value <= self.value

    def __str__(self) -> str:
        return f"{self.metric} {'>=' if self.above else '<='} {self.value:.12g}"


@dataclass(frozen=True)
class Crossing:
    """Between which steps a run reached its goal.

    Attributes:
        lower: The last step before that at which the goal was missed; where it was never reached, the last of all.
        upper: The first step at which it was reached; None where it never was.
        best: The value nearest to the goal, None without any.
        diverged: Whether the last value is no finite number.
    """

    lower: int
    upper: int | None
    best: float | None
    diverged: bool


def crossing(run: LoggedRun, goal: Goal, repeated: Repeated = "") -> Crossing:
    r"""Return between which steps a run reached its goal.

    .. math:: K \in (\text{last miss}, \text{first hit}]

    Values that are no finite numbers say nothing of the goal, and are left out.

    Args:
        run: With the metric of the goal.
        goal: What is to be reached.
        repeated: Which of several values at one step counts; empty rejects values that differ.

    Returns:
        The crossing; steps in 0..2^32-1.

    Raises:
        InputError: If a step or value is no number, two values of a step differ, or the goal was met at step 0.

    Example:
        >>> run = LoggedRun("a", "log.csv", histories={"loss": [(20, 0.4), (0, 2.0), (10, 0.9), (30, 0.6)]})
        >>> crossing(run, Goal("loss", 0.5, above=False))
        Crossing(lower=10, upper=20, best=0.4, diverged=False)
        >>> crossing(run, Goal("loss", 0.1, above=False))
        Crossing(lower=30, upper=None, best=0.4, diverged=False)
    """
    values = _by_step(run, goal.metric, repeated)
    finite = [(step, value) for step, value in values if math.isfinite(value)]
    best = (max if goal.above else min)((value for _, value in finite), default=None)
    diverged = bool(values) and not math.isfinite(values[-1][1])
    upper = next((step for step, value in finite if goal.met(value)), None)
    if upper == 0:
        raise run.refuse(f"{goal} at step 0, before it trained: take a goal that training has to reach")
    lower = max((step for step, _ in finite if upper is None or step < upper), default=0)
    return Crossing(lower, upper, best, diverged)


def _which_counts(run: LoggedRun, metric: str) -> str:
    """Return what to do about several values at a step; where the steps begin anew they may be of several runs."""
    steps = [step for step, _ in run.histories[metric]]
    anew = any(later < step for step, later in pairwise(steps))
    several = "if several runs are in it, name each in a column run; else " if anew else ""
    return f"{several}say by --repeated-steps first or last which counts"


def _by_step(run: LoggedRun, metric: str, repeated: Repeated) -> list[tuple[int, float]]:
    """Return the values of a metric, one a step, steps ascending."""
    found: dict[int, float] = {}
    for step, value in run.histories[metric]:
        if not (0 <= step <= MOST_STEPS and step == int(step)):
            raise run.refuse(f"{metric} has a value at step {step:g}: steps must be whole numbers in 0..{MOST_STEPS}")
        if isinstance(value, str):
            raise run.refuse(f"{metric} is {value[:40]!r} at step {step:g}: need a number")
        before = found.get(int(step))
        if before is None or repeated == "last":
            found[int(step)] = value
        elif not repeated and before != value and not (math.isnan(before) and math.isnan(value)):
            both = f"{metric} is {before:g} and {value:g} at step {step:g}"
            raise run.refuse(f"{both}: {_which_counts(run, metric)}")
    return sorted(found.items())
