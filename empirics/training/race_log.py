"""A log of the events of a race."""

from __future__ import annotations

from dataclasses import dataclass, field

from empirics.records import Status
from empirics.stopping import StopRule, hits_of_points


@dataclass
class RaceLog:
    """What happened in a race so far.

    Args:
        reached: For each goal, trial -> the first step at which it was seen there.
        diverged: Trial -> the first step with a loss or weight that is not finite.
        step: Steps taken by those that did not diverge.
        seen: Trial -> (step, error) at the goal tests that saw it reach a goal, at all where traces are asked for.
        halvings: How often a block of trials was halved because the device's memory did not hold it.
        points: Search points; training number d x points + r is draw d of trial r.
        draws: Of each.
        seconds: Spent on it before this process took it up from a checkpoint.
    """

    reached: list[dict[int, int]]
    diverged: dict[int, int] = field(default_factory=dict)
    step: int = 0
    seen: dict[int, list[tuple[int, float]]] = field(default_factory=dict)
    halvings: int = 0
    points: int = 1
    draws: int = 1
    seconds: float = 0.0

    def over(self, rule: StopRule, max_steps: int, eval_interval: int) -> bool:
        """Whether the rule leaves nothing to run for."""
        hits = [hits_of_points(of, self.points, self.draws) for of in self.reached]
        ends = [rule.step(of, max_steps, eval_interval) for of in hits]
        return all(self.step >= (max_steps if end is None else end) for end in ends)

    def found(self, goal: int) -> bool:
        """Return whether K* of a goal is known: some trial's draw 0 has reached it."""
        return any(number < self.points for number in self.reached[goal])

    def ending(self, goal: int, trial: int) -> tuple[Status, int]:
        """Return what became of a trial on its way to a goal, and at which step."""
        if trial in self.reached[goal]:
            return "complete", self.reached[goal][trial]
        return ("infeasible", self.diverged[trial]) if trial in self.diverged else ("incomplete", self.step)
