"""Studies: all trials of a search advance together until the stop rule ends them."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from empirics.records import RepeatKind, RepeatRecord, Study, StudyOutcome, StudyRecord, TraceRecord, TrialRecord
from empirics.stopping import last_step_again
from empirics.streams import ExampleOrder, Stream, generator
from empirics.training.checkpoint import resume, write_checkpoint
from empirics.training.engine import Block, Split
from empirics.training.laboratory import Laboratory
from empirics.training.race_log import RaceLog
from empirics.workloads.goal import Goals

Report = Callable[[int], None]
CHECKPOINT_SECONDS = 60.0
# Bound the memory of the batches of steps taken at once, and the time until a checkpoint can be written.
_STEPS_AT_ONCE, _ROWS_AT_ONCE = 64, 2**17


def race(
    laboratory: Laboratory,
    study: Study,
    blocks: Sequence[Block],
    order: ExampleOrder,
    report: Report,
    checkpoint: Path | None = None,
    draws: int = 1,
    max_steps: int | None = None,
) -> tuple[RaceLog, list[Block]]:
    """Advance all trials in step until the stop rule is met, all have reached every goal or diverged, or the budget.

    K* is a minimum over trials, so nothing that happens to the others after the first hit can change it. With several
    draws the study goes on until some point has more than half of them at the goal.

    Args:
        laboratory: The data, goals and stop rule at hand.
        study: Whose batch size, and whose replicate's data.
        blocks: The trials at their start.
        order: The data order, the same for every trial.
        report: Called with the step after each goal test.
        checkpoint: File that says where the race stands, about once a minute; taken up where it is there already. It is
            not written where a user's own rule holds what it cannot.
        draws: D; block after block the trials are draw 0 of all points, then draw 1, and so on.
        max_steps: Budget of a trial, where it is not the workload's.

    Returns:
        What happened to each trial and when, and the trials that were still at work at the end.
    """
    specification, data = laboratory.specification, laboratory.split(study.replicate)
    workload, goals = specification.workload, laboratory.goal_test(study.replicate)
    last, interval = max_steps or workload.max_steps, workload.eval_interval
    points = sum(len(block.trials) for block in blocks) // draws
    log = RaceLog([{} for _ in specification.goals], points=points, draws=draws)
    at_once = max(min(_STEPS_AT_ONCE, _ROWS_AT_ONCE // study.batch_size), 1)
    kept = _Kept(laboratory, study, checkpoint, _which(laboratory, study, log)) if checkpoint else None
    if kept:
        blocks, goals, log = kept.taken_up(blocks, goals, log)
    while blocks and not log.over(specification.stop, last, interval):
        due = min((log.step // interval + 1) * interval, last)
        while log.step < due:
            steps = range(log.step, min(log.step + at_once, due))
            rows = np.stack([order.batch(step, study.batch_size) for step in steps])
            blocks = _advance(blocks, data, rows, log)
            if kept and log.step < due:  # at a test the race stands behind it
                kept.keep(blocks, goals, log)
        for block in blocks:
            _test(block, goals, log, traced=specification.trace == "full")
        report(log.step)
        if specification.trace != "full" and not log.over(specification.stop, last, interval):
            blocks = _unfinished(blocks, log)
        if kept:
            kept.keep(blocks, goals, log)
    return log, list(blocks)


class _Kept:
    """The checkpoint of a race, written about once a minute."""

    def __init__(self, laboratory: Laboratory, study: Study, path: Path, which: dict[str, object]) -> None:
        self._laboratory, self._study, self._path, self._which = laboratory, study, path, which
        self._start = self._written = time.monotonic()

    def taken_up(self, blocks: Sequence[Block], goals: Goals, log: RaceLog) -> tuple[Sequence[Block], Goals, RaceLog]:
        """Return where the race stands by the file, or its start where there is none that can be taken up."""
        resumed = resume(self._path, self._which, blocks, goals, log)
        if isinstance(resumed, str):
            goals = self._laboratory.goal_test(self._study.replicate)
            if not self._laboratory.rank:
                told = f"notice: {self._path} is not taken up ({resumed}); {self._study} begins anew"
                print(told, file=sys.stderr)
        elif resumed is not None:
            blocks, log = resumed
        return blocks, goals, log

    def keep(self, blocks: Sequence[Block], goals: Goals, log: RaceLog) -> None:
        """Write where the race stands, unless that was written less than a minute ago."""
        now = time.monotonic()
        if self._laboratory.rank or now - self._written <= CHECKPOINT_SECONDS:
            return
        if all(block.resumable for block in blocks):
            spent = dataclasses.replace(log, seconds=log.seconds + now - self._start)
            write_checkpoint(self._path, self._which, blocks, goals, spent)
        self._written = time.monotonic()


def _which(laboratory: Laboratory, study: Study, log: RaceLog) -> dict[str, object]:
    """Return what tells a race from all others, as plain JSON values."""
    specification = laboratory.specification
    searched = {"points": specification.points_of(study)[: log.points], "draws": log.draws}
    return {"run": specification.identity(), "study": dataclasses.astuple(study), **searched}


def _advance(blocks: Sequence[Block], data: Split, rows: NDArray[np.int64], log: RaceLog) -> list[Block]:
    """Take steps on batches, shape (steps, B); return the trials that go on."""
    advances = [block.advance(data, rows) for block in blocks]
    for advance in advances:
        log.diverged |= {trial: log.step + step for trial, step in advance.diverged.items()}
        log.halvings += advance.halvings
    log.step += len(rows)
    return [block for advance in advances for block in advance.blocks]


def _test(block: Block, goals: Goals, log: RaceLog, *, traced: bool) -> None:
    """Note which goals the trials of a block have reached, and the error of those that did; with traces of all."""
    if traced:
        values = goals.values(block.weights)
        reached, told = goals.reached_by(values), [True] * len(values)
    else:
        reached = goals.reached(block.weights, block.trials)
        fresh = [
            set(_where(block.trials, there)) - set(known) for known, there in zip(log.reached, reached, strict=True)
        ]
        told = [any(trial in of_goal for of_goal in fresh) for trial in block.trials]
        values = goals.values(block.weights[told]) if any(told) else torch.empty(0)
    seen = [trial for trial, is_told in zip(block.trials, told, strict=True) if is_told]
    for trial, value in zip(seen, values.tolist(), strict=True):
        log.seen.setdefault(trial, []).append((log.step, value))
    for known, there in zip(log.reached, reached, strict=True):
        known |= {trial: log.step for trial in _where(block.trials, there) if trial not in known}


def _unfinished(blocks: Sequence[Block], log: RaceLog) -> list[Block]:
    """Return the blocks without the trials that have reached every goal."""
    finished = set.intersection(*(set(of) for of in log.reached))
    for block in blocks:
        if finished.intersection(block.trials):
            block.keep([trial for trial in block.trials if trial not in finished])
    return [block for block in blocks if block.trials]


def _where(trials: Sequence[int], chosen: Tensor) -> list[int]:
    """Return the chosen ones of some trials."""
    return [trial for trial, is_chosen in zip(trials, chosen.tolist(), strict=True) if is_chosen]


def measure_study(
    laboratory: Laboratory, study: Study, masks: NDArray[np.bool_], report: Report, checkpoint: Path | None = None
) -> StudyOutcome:
    """Run one study.

    Args:
        laboratory: The data and network at hand.
        study: Which study.
        masks: Kept weights of each trial, draw 0 of all, then draw 1 and so on; shape (draws x trials, P).
        report: Called with the step after each goal test.
        checkpoint: File from which a study cut short goes on.

    Returns:
        The outcome for each goal; the same for the same specification, device class, threads and versions.
    """
    start, draws = time.perf_counter(), laboratory.specification.draws
    blocks, order = _blocks(laboratory, study, masks, len(masks) // draws), laboratory.order(study.replicate)
    log, blocks = race(laboratory, study, blocks, order, report, checkpoint, draws)
    goals = range(len(log.reached))
    best = None if all(map(log.found, goals)) else _best_error(laboratory, study, blocks, log.points)
    seconds = (log.seconds + time.perf_counter() - start) / len(goals)
    records = tuple(_record(laboratory, study, log, goal, best, seconds) for goal in goals)
    return StudyOutcome(records, _traces(study, laboratory.specification.workload.goal_metric, log), log.halvings)


def _blocks(laboratory: Laboratory, study: Study, masks: NDArray[np.bool_], trials: int) -> list[Block]:
    """Return all trainings of a study at their start; no block holds two draws, so draw 0 has the bits it has alone."""
    engine, numbers = laboratory.engine, range(len(masks))
    at_once, points = engine.trials_at_once(study.batch_size), laboratory.specification.points_of(study)
    weights = np.stack([laboratory.initial_weights(study.replicate, n % trials, n // trials) for n in numbers])
    parts = [
        numbers[first : min(first + at_once, end)]
        for end in range(trials, len(masks) + 1, trials)
        for first in range(end - trials, end, at_once)
    ]
    return [engine.block(part, weights[part], masks[part], [points[n % trials] for n in part]) for part in parts]


def _record(
    laboratory: Laboratory, study: Study, log: RaceLog, goal: int, best: float | None, seconds: float
) -> StudyRecord:
    """Return the outcome of a race for one goal."""
    specification, points = laboratory.specification, log.points
    tried = specification.points_of(study)
    every = tuple(
        TrialRecord(n % points, tried[n % points], *log.ending(goal, n), draw=n // points)
        for n in range(points * log.draws)
    )
    return StudyRecord(
        study=study,
        goal=specification.goals[goal],
        trials=every[:points],
        max_steps=specification.workload.max_steps,
        eval_interval=specification.workload.eval_interval,
        best_error=None if log.found(goal) else best,
        seconds=seconds,
        stop=specification.stop,
        draws=log.draws,
        redrawn=every[points:],
    )


def _traces(study: Study, metric: str, log: RaceLog) -> tuple[TraceRecord, ...]:
    """Return the goal tests of every trial that was still there at the first of them."""
    found = []
    for number, seen in sorted(log.seen.items()):
        steps, values = zip(*seen, strict=True)
        found.append(TraceRecord(study, number % log.points, metric, steps, values, number // log.points))
    return tuple(found)


def _best_error(laboratory: Laboratory, study: Study, blocks: Sequence[Block], trials: int) -> float | None:
    """Return the best validation error of draw 0 of trials at their end, None when all have diverged."""
    goals = laboratory.goal_test(study.replicate)
    first = [block for block in blocks if block.trials and block.trials[0] < trials]
    values = [value for block in first for value in goals.values(block.weights).tolist()]
    return goals.best(values) if values else None


def repeat_winner(
    laboratory: Laboratory,
    study: Study,
    winner: TrialRecord,
    mask: NDArray[np.bool_],
    kind: RepeatKind,
    number: int,
    report: Report,
) -> tuple[RepeatRecord, ...]:
    """Train the winner of a study again with its own metaparameters and data order, for at most ten times its steps.

    Args:
        laboratory: The data and network at hand.
        study: Whose winner.
        winner: The winning trial, of its hardest goal.
        mask: Its kept weights, of the draw it is trained from, shape (P,).
        kind: Whether from another draw, or from draw 0 with each weight moved by one unit in the last place.
        number: Which draw, or which move; from 1.
        report: Called with the step after each goal test.

    Returns:
        Where the retraining reached each goal, or that it did not in time, see `last_step_again`.
    """
    draw = number if kind == "draw" else 0
    weights = laboratory.initial_weights(study.replicate, winner.trial, draw)
    if kind == "jitter":
        random = generator(laboratory.specification.seed, Stream.JITTER, study.replicate, winner.trial, number)
        towards = np.where(random.random(weights.shape) < 0.5, -np.inf, np.inf).astype(np.float32)
        weights = np.nextafter(weights, towards)
    block = laboratory.engine.block(range(1), weights[None], mask[None], (winner.metaparameters,))
    last = last_step_again(winner.step, laboratory.specification.workload.max_steps)
    log, _ = race(laboratory, study, [block], laboratory.order(study.replicate), report, max_steps=last)
    endings = [
        TrialRecord(winner.trial, winner.metaparameters, *log.ending(goal, 0), draw=draw)
        for goal in range(len(log.reached))
    ]
    goals = laboratory.specification.goals
    return tuple(RepeatRecord(study, goal, kind, number, ending) for goal, ending in zip(goals, endings, strict=True))


def trial_block(laboratory: Laboratory, replicate: int, trial: TrialRecord, mask: NDArray[np.bool_]) -> Block:
    """Return one trial alone at its start, with its own seed and metaparameters."""
    weights = laboratory.initial_weights(replicate, trial.trial)[None]
    return laboratory.engine.block(range(1), weights, mask[None], (trial.metaparameters,))
