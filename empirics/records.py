"""What a finished unit of work leaves behind; plain values, no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from empirics.specification import Study

Event = Literal["reached", "infeasible", "running"]
Status = Literal["complete", "incomplete", "infeasible", "censored"]
QUANTITIES = ("L_mean", "L_max", "L_at_goal", "Delta", "beta")


@dataclass(frozen=True)
class TrialRecord:
    """How one trial ended in the race.

    Args:
        trial: Index of the search point.
        metaparameters: Name -> value.
        event: What happened at `step`; `running` when the trial was still training there.
        step: Last step the trial took.
    """

    trial: int
    metaparameters: dict[str, float]
    event: Event
    step: int


@dataclass(frozen=True)
class StudyRecord:
    """The outcome of one study.

    Args:
        study: Which study.
        goal: The goal error it is the outcome for.
        trials: One record a trial, ascending.
        max_steps: Budget of a trial.
        eval_interval: Steps between two goal tests.
        best_error: Where no trial reached the goal: the lowest validation error at the end, None if all diverged.
        seconds: Wall time.
    """

    study: Study
    goal: float
    trials: tuple[TrialRecord, ...]
    max_steps: int
    eval_interval: int
    best_error: float | None
    seconds: float

    @property
    def winner(self) -> TrialRecord | None:
        """The trial that reached the goal first; of several the lowest index."""
        reached = [trial for trial in self.trials if trial.event == "reached"]
        return min(reached, key=lambda trial: (trial.step, trial.trial), default=None)

    @property
    def steps_to_result(self) -> int | None:
        """K*, the fewest steps to the goal, or None when no trial reached it."""
        return self.winner.step if self.winner else None

    @property
    def lower(self) -> int:
        """The last step at which the goal was seen not to be reached."""
        if self.steps_to_result is None:
            return self.max_steps
        return (self.steps_to_result - 1) // self.eval_interval * self.eval_interval

    def status(self, trial: TrialRecord) -> Status:
        """Return a trial's status as it stands at the step at which the study was decided."""
        stop = self.steps_to_result
        if trial.event == "infeasible" and (stop is None or trial.step <= stop):
            return "infeasible"
        if stop is None:
            return "incomplete"
        return "complete" if trial.event == "reached" and trial.step <= stop else "censored"

    def count(self, status: Status) -> int:
        """Return how many trials have that status."""
        return sum(self.status(trial) == status for trial in self.trials)


@dataclass(frozen=True)
class RerunRecord:
    """A winner trained again with a new seed, to its goal or its budget."""

    study: Study
    rerun: int
    trial: int
    metaparameters: dict[str, float]
    event: Event
    step: int


@dataclass(frozen=True)
class MaskRecord:
    """The packed mask of one trial: which of its weights a sparsity keeps."""

    replicate: int
    trial: int
    sparsity: float
    bits: bytes


@dataclass(frozen=True)
class SmoothnessPoint:
    """L by equation (11) and the training loss at one step of a run."""

    step: int
    smoothness: float
    training_loss: float


@dataclass(frozen=True)
class ConstantsRecord:
    """The constants of one sparsity and replicate, and the run along which they were measured.

    Args:
        study: Whose winner was followed.
        examples: How many training examples f is the loss of.
        trial: The winner.
        metaparameters: The winner's, name -> value.
        values: Quantity -> value, quantities as in `constants.csv`.
        trajectory: L and training loss along the run.
        seconds: Wall time.
    """

    study: Study
    examples: int
    trial: int
    metaparameters: dict[str, float]
    values: dict[str, float]
    trajectory: tuple[SmoothnessPoint, ...]
    seconds: float
