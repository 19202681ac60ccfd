"""Trials: how each run of a study ended, from a run's store or from a CSV file with one row per trial."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from empirics.derived import Account, account_of
from empirics.reading.table import Row
from empirics.records import STATUSES, Status

if TYPE_CHECKING:
    from empirics.followed import ConstantsRecord
    from empirics.records import StudyRecord, TrialRecord


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One training run of a study.

    Attributes:
        batch_size: Examples per step, >= 1.
        replicate: Of the study, >= 0.
        trial: Index of the search point, >= 0: the same metaparameters and seed at every batch size and sparsity.
        status: complete (goal reached), incomplete (budget spent), infeasible (diverged) or censored (cut short).
        lower: Steps, the last evaluation that saw the goal missed.
        upper: Steps, the evaluation that met it; None when none did.
        metaparameters: Name to value; empty where the input does not say.
        redrawn: Lower and upper of the same search point from other draws of initial weights and mask; an upper None
            where the goal was not reached by the end of the study.
    """

    batch_size: int
    replicate: int
    trial: int
    status: Status
    lower: float
    upper: float | None
    metaparameters: Mapping[str, float] = field(default_factory=dict, hash=False)
    redrawn: tuple[tuple[float, float | None], ...] = ()


@dataclass(frozen=True, kw_only=True)
class SmoothnessRun:
    """L and training loss along the winner's run at one sparsity and replicate.

    Attributes:
        sparsity: Percent.
        replicate: >= 0.
        values: Constants of this run, name to value.
        smoothness: L at each probe on the way to the goal, in order.
        loss: Training loss there.
        along: Quantity (`L`, `training_loss`, `hessian_top`, ...) to step to value, steps ascending; L over the whole
            training.
        batch_size: Of the run, None where the input does not say.
        goal_step: The step that reached the goal; None where none did.
        metaparameters: Those it was trained with; empty where the input does not say.
        account: Of its steps; None where a part is missing.
    """

    sparsity: float
    replicate: int
    values: Mapping[str, float] = field(hash=False)
    smoothness: tuple[float, ...]
    loss: tuple[float, ...]
    along: Mapping[str, Mapping[int, float]] = field(default_factory=dict, hash=False)
    batch_size: int | None = None
    goal_step: int | None = None
    metaparameters: Mapping[str, float] = field(default_factory=dict, hash=False)
    account: Account | None = None


def stored_trial(record: "StudyRecord", one: "TrialRecord") -> Trial:
    """Return one trial of a study as it stood when the study was over.

    Args:
        record: The study.
        one: The trial.
    """
    lower, upper = _seen(record, one)
    return Trial(
        batch_size=record.study.batch_size,
        replicate=record.study.replicate,
        trial=one.trial,
        status=record.status(one),
        lower=lower,
        upper=upper,
        metaparameters=one.metaparameters,
        redrawn=tuple(_seen(record, other) for other in record.redrawn if other.trial == one.trial),
    )


def _seen(record: "StudyRecord", one: "TrialRecord") -> tuple[float, float | None]:
    """Return the last step that saw a training short of its goal, and the one that saw it there, when it was over."""
    status = record.status(one)
    lower = float(one.step if status == "infeasible" else record.seen_short(one))
    return lower, float(one.step) if status == "complete" else None


def drawn_interval(record: "StudyRecord") -> tuple[float, float | None] | None:
    """Return between which steps K_rate of a study lies, which is a number as a rule.

    Args:
        record: The study.

    Returns:
        (lower, upper]; upper None where the median draw of no point reached the goal. None where not every point was
        trained from several draws, or points have no rate.
    """
    found = record.best_rate
    if record.draws == 1 or found is None:
        return None
    if found.steps is not None:
        return found.steps, found.steps
    if found.reached_share <= 0.5:
        return float(record.stopping_step), None
    every = (*record.trials, *record.redrawn)
    hits = [one for one in every if one.ending == "complete" and one.step <= record.stopping_step]
    return None if any(map(record.seen_short, hits)) else (0.0, float(min(one.step for one in hits)))


def smoothness_run(record: "ConstantsRecord", workload: str) -> SmoothnessRun:
    """Return what was measured along one run.

    Args:
        record: Of one sparsity and replicate.
        workload: Its name.

    Raises:
        KeyError: If L was measured at a step without the loss.
    """
    along = {quantity: record.along(quantity) for quantity in sorted({point.quantity for point in record.trajectory})}
    smoothness, loss = along.get("L", {}), along.get("training_loss", {})
    along["L"] = dict(sorted((smoothness | along.pop("L_budget", {})).items()))
    return SmoothnessRun(
        sparsity=record.study.sparsity,
        replicate=record.study.replicate,
        values=record.values,
        smoothness=tuple(smoothness.values()),
        loss=tuple(loss[step] for step in smoothness),
        along=along,
        batch_size=record.study.batch_size,
        goal_step=record.goal_step,
        metaparameters=record.metaparameters,
        account=account_of(record, workload),
    )


def tested_last(row: Row, steps: float) -> float:
    """Return when the goal was tested before it was met: `steps` itself where a row has no evaluation interval."""
    return max(steps - (row.steps("eval_interval") or 0.0), 0.0)


def read_trial(row: Row, columns: Iterable[str]) -> Trial:
    """Read one row of a CSV file with a column `trial`.

    Args:
        row: With batch_size, trial, and steps_to_result where the goal was reached, else lower: the last step seen.
        columns: Which of its columns are metaparameters, see `metaparameter_columns`.

    Returns:
        The trial.

    Raises:
        ValueError: If its columns contradict each other; one line naming row and column.
    """
    steps, lower, upper = (row.steps(name) for name in ("steps_to_result", "lower", "upper"))
    word = row.text("status") or ("incomplete" if steps is None else "complete")
    if word not in STATUSES:
        raise row.refuse("status", f"need one of {', '.join(STATUSES)}, got {word!r}")
    status = STATUSES[word]
    if status == "complete":
        if not steps:
            raise row.refuse("steps_to_result", "need a number > 0")
        top = steps if upper is None else upper
        bottom = tested_last(row, top) if lower is None and upper is None else top if lower is None else lower
        if not bottom <= steps <= top:
            raise row.refuse("steps_to_result", f"need lower < {steps:g} <= upper, got ({bottom:g}, {top:g}]")
        ends: tuple[float, float | None] = (bottom, top)
    else:
        if steps is not None or upper is not None:
            raise row.refuse("status", f"{word}, yet steps_to_result or upper is given")
        if not lower and status != "infeasible":
            raise row.refuse(
                "lower", "need the steps trained (> 0) by a trial that did not reach its goal, or max_steps"
            )
        ends = (lower or 0.0, None)
    return Trial(
        batch_size=row.whole("batch_size", low=1),
        replicate=row.whole("replicate", low=0, default=0),
        trial=row.whole("trial", low=0),
        status=status,
        lower=ends[0],
        upper=ends[1],
        metaparameters=read_metaparameters(row, columns),
    )


def read_metaparameters(row: Row, columns: Iterable[str]) -> dict[str, float]:
    """Return the metaparameters of a row: those in columns of their own, and in one JSON object of numbers.

    Args:
        row: Of a table.
        columns: Which of its columns are metaparameters, see `metaparameter_columns`.

    Raises:
        ValueError: If the column holds anything else.
    """
    told = {name: row.number_in(name, low=0.0, high=1.0 if name == "momentum" else math.inf) for name in columns}
    point = {name: value for name, value in told.items() if value is not None}
    text = row.text("metaparameters")
    if not text:
        return point
    try:
        found = json.loads(text)
        values = {str(name): float(value) for name, value in found.items()}
    except (ValueError, AttributeError, TypeError, OverflowError, RecursionError):
        values = {"": math.nan}
    if not all(math.isfinite(value) for value in values.values()):
        raise row.refuse("metaparameters", f"need a JSON object of numbers, got {text!r}")
    return point | values


def study_interval(trials: Iterable[Trial]) -> tuple[float, float | None] | None:
    """Return the interval of steps-to-result of one study: the least over its trials.

    Args:
        trials: All trials of one study.

    Returns:
        (lower, upper] of the earliest hit, (shortest run without one, None) where no trial reached the goal, None
        where all diverged at an unknown step.
    """
    listed = list(trials)
    reached = [(one.upper, one.lower) for one in listed if one.upper is not None]
    if reached:
        upper, lower = min(reached)
        return lower, upper
    alive = [one.lower for one in listed if one.status != "infeasible"]
    spent = min(alive) if alive else max((one.lower for one in listed), default=0.0)
    return (spent, None) if spent > 0.0 else None


def winner(trials: Iterable[Trial]) -> Trial | None:
    """Return the trial that reached the goal first, of several the lowest index; None when none did."""
    reached = [one for one in trials if one.upper is not None]
    return min(reached, key=lambda one: (one.upper or 0.0, one.trial), default=None)
