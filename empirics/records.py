"""The records of finished units of work, as plain values without torch."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np

from empirics.best_rate import BestRate, effective_rate, steps_at_best_rate
from empirics.stopping import RACE, StopRule, hits_of_points, last_step_again

Status = Literal["complete", "incomplete", "infeasible", "censored"]
# How a trial ended, by its own word and by those of older stores and of others' tables.
STATUSES: Mapping[str, Status] = MappingProxyType(
    {
        **{status: status for status in get_args(Status)},
        "reached": "complete",
        "running": "incomplete",
        "not_reached": "incomplete",
    }
)
# So few steps to a goal are counted too coarsely: one more or less is a third of them, and none takes less than one.
FEW_STEPS = 3
RepeatKind = Literal["draw", "jitter"]


@dataclass(frozen=True, order=True)
class Study:
    """The metaparameter search for one sparsity, replicate and batch size: the unit of work."""

    sparsity: float
    replicate: int
    batch_size: int

    def __str__(self) -> str:
        """Return e.g. `S=90 B=16`, with the replicate when it is not the first."""
        replicate = f" r={self.replicate}" if self.replicate else ""
        return f"S={number_text(self.sparsity)} B={self.batch_size}{replicate}"


@dataclass(frozen=True)
class TrialRecord:
    """How one trial ended in the race.

    Args:
        trial: Index of the search point.
        metaparameters: Name -> value.
        ending: How it ended by itself, whenever its study was over: it reached its goal (complete), diverged
            (infeasible), or was still training at `step` (incomplete). `StudyRecord.status` judges it within its study.
        step: Last step the trial took, or at which it was seen to have reached the goal.
        short: Last goal test before `step`, or at it, that saw the trial short of the goal, where tests are not
            regular; None where they are.
        draw: Which draw of initial weights and mask it trained from.
    """

    trial: int
    metaparameters: dict[str, float]
    ending: Status
    step: int
    short: int | None = None
    draw: int = 0


@dataclass(frozen=True)
class RepeatRecord:
    """A winner trained once more, to its goals or its budget.

    Args:
        study: Whose winner.
        goal: Of which it is the winner.
        kind: From another draw of initial weights and mask, or with each weight moved by one unit in the last place.
        number: Of the draw, or which such move; from 1.
        trial: How it ended.
    """

    study: Study
    goal: float
    kind: RepeatKind
    number: int
    trial: TrialRecord


@dataclass(frozen=True)
class StudyRecord:
    """The outcome of one study.

    Args:
        study: Which study.
        goal: The goal error it is the outcome for.
        trials: One record a search point, ascending, each from draw 0; K* is the least over them.
        max_steps: Budget of a trial.
        eval_interval: Steps between two goal tests.
        best_error: Where no trial reached the goal: the best validation error at the end, None if all diverged.
        seconds: Wall time.
        stop: When the study was over.
        draws: D, from how many draws every point was trained.
        redrawn: Draws 1 to D - 1 of all points, draw by draw.
        repeats: The winner alone, trained again.
    """

    study: Study
    goal: float
    trials: tuple[TrialRecord, ...]
    max_steps: int
    eval_interval: int
    best_error: float | None
    seconds: float
    stop: StopRule = RACE
    draws: int = 1
    redrawn: tuple[TrialRecord, ...] = ()
    repeats: tuple[RepeatRecord, ...] = ()

    @cached_property
    def winner(self) -> TrialRecord | None:
        """The trial that reached the goal first; of several the lowest index."""
        reached = [trial for trial in self.trials if trial.ending == "complete"]
        return min(reached, key=lambda trial: (trial.step, trial.trial), default=None)

    @property
    def steps_to_result(self) -> int | None:
        """K*, the fewest steps to the goal, or None when no trial reached it."""
        return self.winner.step if self.winner else None

    @cached_property
    def stopping_step(self) -> int:
        """The step at which the study was over."""
        return self._over(self.stop)

    def _over(self, rule: StopRule) -> int:
        """Return the step at which a rule ends the study."""
        every = enumerate((*self.trials, *self.redrawn))
        reached = {number: trial.step for number, trial in every if trial.ending == "complete"}
        hits = hits_of_points(reached, len(self.trials), self.draws)
        step = rule.step(hits, self.max_steps, self.eval_interval)
        return self.max_steps if step is None else step

    @cached_property
    def best_rate(self) -> BestRate | None:
        """K_rate, from all draws as they stood when a race would have ended; None where no trial was drawn again.

        Where the winner alone was drawn again it is the median over these draws, at the winner's rate.
        """
        if self.draws > 1:
            every, points, end = (*self.trials, *self.redrawn), len(self.trials), self._over(RACE)
        else:
            every, points, end = self._repeated("draw"), 1, self._last_again
        if not every:
            return None
        upper = np.array([trial.step if trial.ending == "complete" else np.inf for trial in every])
        lower = np.array([self.seen_short(trial) for trial in every], dtype=np.float64)
        rates = [effective_rate(trial.metaparameters) for trial in every[:points]] if points > 1 else [1.0]
        return steps_at_best_rate(rates, lower.reshape(-1, points).T, upper.reshape(-1, points).T, end)

    @property
    def rounding_spread(self) -> float | None:
        """Standard deviation of log K of the winner and of itself with weights moved by one unit in the last place.

        Those that missed the goal are left out; None where fewer than two are left.
        """
        moved = self._repeated("jitter")
        every = (*((self.winner,) if self.winner else ()), *moved)
        logs = [math.log(trial.step) for trial in every if trial.ending == "complete"]
        return statistics.stdev(logs) if moved and len(logs) > 1 else None

    @property
    def _last_again(self) -> int:
        """Up to which step the winner is watched when it is trained again; the budget where there is none."""
        return last_step_again(self.winner.step, self.max_steps) if self.winner else self.max_steps

    def _repeated(self, kind: RepeatKind) -> tuple[TrialRecord, ...]:
        """Return how the winner had ended at its last step when it was trained again in some way."""
        end = self._last_again
        return tuple(
            trial if trial.step <= end else replace(trial, ending="incomplete", step=end, short=None)
            for trial in (repeat.trial for repeat in self.repeats if repeat.kind == kind)
        )

    @property
    def lower(self) -> int:
        """The last step at which no trial was known to have reached the goal.

        A trial that never saw a goal test says nothing; where no other is left, nothing is known and this is 0.
        """
        if self.winner is not None:
            return self.seen_short(self.winner)
        seen = [self.seen_short(trial) for trial in self.trials if trial.ending == "incomplete"]
        return min((step for step in seen if step), default=0 if seen else self.max_steps)

    def seen_short(self, trial: TrialRecord) -> int:
        """Return the last step at which a trial was seen short of the goal, 0 where it never was."""
        if trial.short is not None:
            return trial.short
        if trial.ending == "incomplete" and trial.step >= self.max_steps:
            return self.max_steps
        before = trial.step if trial.ending == "incomplete" else trial.step - 1
        return before // self.eval_interval * self.eval_interval

    def status(self, trial: TrialRecord) -> Status:
        """Return a trial's status as it stands at the step at which the study was over."""
        stop = self.stopping_step
        if trial.step <= stop and trial.ending == "complete":
            return "complete"
        if trial.step <= stop and trial.ending == "infeasible":
            return "infeasible"
        return "incomplete" if trial.step >= self.max_steps <= stop else "censored"

    def count(self, status: Status) -> int:
        """Return how many trials have that status."""
        return sum(self.status(trial) == status for trial in self.trials)


@dataclass(frozen=True)
class TraceRecord:
    """What was measured along one trial of a study.

    Args:
        study: Which study.
        trial: Index of the search point.
        metric: What was measured, e.g. `val/classification_error`.
        steps: When, ascending.
        values: What it was, one a step.
        draw: Which draw of it.
    """

    study: Study
    trial: int
    metric: str
    steps: tuple[int, ...]
    values: tuple[float, ...]
    draw: int = 0


@dataclass(frozen=True)
class StudyOutcome:
    """What one study leaves behind.

    Args:
        records: One a goal.
        traces: The error of trials when they reached a goal; at every goal test where traces were asked for.
        halvings: How often fewer trials were trained at once than planned, for lack of memory.
    """

    records: tuple[StudyRecord, ...]
    traces: tuple[TraceRecord, ...] = ()
    halvings: int = 0


@dataclass(frozen=True)
class StartRecord:
    """What was found of one trial under one mask before anything is trained; not stored.

    Args:
        replicate: Which independent repetition.
        trial: Index of the search point.
        sparsity: Percent of weights pruned.
        fault: Why it cannot be trained, None where it can.
        emptied: Names of the weights of which the mask leaves none.
    """

    replicate: int
    trial: int
    sparsity: float
    fault: str | None
    emptied: tuple[str, ...]


@dataclass(frozen=True)
class MaskRecord:
    """The packed mask of one draw of a trial: which of its weights a sparsity keeps."""

    replicate: int
    trial: int
    sparsity: float
    bits: bytes
    draw: int = 0


def at_edge(winner: Mapping[str, float], tried: Sequence[Mapping[str, float]]) -> tuple[str, ...]:
    """Return the metaparameters of which a winner has the smallest or the largest value that its study tried.

    Only where at least three distinct values were tried: of two values, each is at an edge.

    Args:
        winner: Its metaparameters, name -> value.
        tried: Those of every trial that was searched, the winner among them.

    Returns:
        Names, in the winner's order.

    Example:
        >>> tried = [{"learning_rate": rate} for rate in (0.01, 0.1, 0.001)]
        >>> [at_edge(one, tried) for one in tried]
        [(), ('learning_rate',), ('learning_rate',)]
    """
    values = {name: {point[name] for point in tried if name in point} for name in winner}
    return tuple(name for name, of in values.items() if len(of) > 2 and winner[name] in {min(of), max(of)})


def number_text(value: float) -> str:
    """Return a goal error or a sparsity as it is written in tables.

    Example:
        >>> number_text(0.02), number_text(90.0)
        ('0.02', '90')
    """
    return f"{value:.15g}"


def duration_text(seconds: float) -> str:
    """Return a time in the unit that suits it.

    Example:
        >>> duration_text(12.34), duration_text(414.0), duration_text(90_000.0), duration_text(1e6)
        ('12.3 s', '6.9 min', '25 h', '11.6 d')
    """
    units = (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0), ("s", 1.0))
    unit, size = next(((unit, size) for unit, size in units if seconds >= 2 * size), units[-1])
    return f"{float(f'{seconds / size:.3g}'):g} {unit}"
