"""Studies: all trials of a search advance together until one of them has reached the hardest goal."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from empirics.laboratory import Laboratory
from empirics.records import Event, RerunRecord, StudyRecord, TrialRecord
from empirics.search import search_points
from empirics.specification import Study
from empirics.streams import ExampleOrder
from empirics.training import TrialBlock

Report = Callable[[int], None]


@dataclass
class RaceLog:
    """What happened in a race, as it happened.

    Args:
        reached: For each goal, trial -> the first step at which it was seen there.
        diverged: Trial -> the first step with a loss or weight that is not finite.
        step: Steps taken by those that did not diverge.
    """

    reached: list[dict[int, int]]
    diverged: dict[int, int] = field(default_factory=dict)
    step: int = 0

    @property
    def decided(self) -> bool:
        """Whether every goal has been reached by some trial."""
        return all(self.reached)

    def event(self, goal: int, trial: int) -> tuple[Event, int]:
        """Return what became of a trial on its way to a goal, and at which step."""
        if trial in self.reached[goal]:
            return "reached", self.reached[goal][trial]
        return ("infeasible", self.diverged[trial]) if trial in self.diverged else ("running", self.step)


def race(
    laboratory: Laboratory, study: Study, blocks: Sequence[TrialBlock], order: ExampleOrder, report: Report
) -> RaceLog:
    """Advance all trials in step until every goal is reached, all have diverged, or the budget is spent.

    K* is a minimum over trials, so nothing that happens to the others after the first hit can change it.

    Args:
        laboratory: The data and goals at hand.
        study: Whose batch size, and whose replicate's data.
        blocks: The trials; their weights are those at the end afterwards.
        order: The data order, the same for every trial.
        report: Called with the step after each goal test.

    Returns:
        What happened to each trial and when.
    """
    data, workload = laboratory.split(study.replicate), laboratory.specification.workload
    goals = laboratory.goal_test(study.replicate)
    log = RaceLog([{} for _ in laboratory.specification.goals])
    while log.step < workload.max_steps and blocks and not log.decided:
        for _ in range(min(workload.eval_interval, workload.max_steps - log.step)):
            rows = laboratory.tensor(order.batch(log.step, study.batch_size))
            images, labels = data.training_images[rows], data.training_labels[rows]
            log.step += 1
            for block in blocks:
                finite = block.step(images, labels)
                if not bool(finite.all()):
                    log.diverged |= dict.fromkeys(_where(block.trials, ~finite), log.step)
                    block.keep(finite)
            blocks = [block for block in blocks if block.trials]
        for block in blocks:
            for known, there in zip(log.reached, goals.reached(block.weights), strict=True):
                known |= {trial: log.step for trial in _where(block.trials, there) if trial not in known}
        report(log.step)
    return log


def _where(trials: Sequence[int], chosen: Tensor) -> list[int]:
    """Return the chosen ones of some trials."""
    return [trial for trial, is_chosen in zip(trials, chosen.tolist(), strict=True) if is_chosen]


def measure_study(
    laboratory: Laboratory, study: Study, masks: NDArray[np.bool_], report: Report
) -> tuple[StudyRecord, ...]:
    """Run one study.

    Args:
        laboratory: The data and network at hand.
        study: Which study.
        masks: Kept weights of each trial, shape (trials, P).
        report: Called with the step after each goal test.

    Returns:
        The outcome for each goal; the same for the same specification, device class, threads and versions.
    """
    start = time.perf_counter()
    specification = laboratory.specification
    points = search_points(specification.workload.search_space, len(masks))
    weights = np.stack([laboratory.initial_weights(study.replicate, trial) for trial in range(len(masks))])
    at_once = laboratory.network.trials_at_once(study.batch_size)
    blocks = [
        _block(laboratory, range(first, min(first + at_once, len(masks))), weights, masks, points)
        for first in range(0, len(masks), at_once)
    ]
    order = laboratory.order(study.replicate)
    log = race(laboratory, study, blocks, order, report)
    best = None if log.decided else _lowest_error(laboratory, study, blocks)
    seconds = (time.perf_counter() - start) / len(specification.goals)
    return tuple(
        StudyRecord(
            study,
            goal,
            tuple(TrialRecord(trial, point, *log.event(index, trial)) for trial, point in enumerate(points)),
            specification.workload.max_steps,
            specification.workload.eval_interval,
            None if log.reached[index] else best,
            seconds,
        )
        for index, goal in enumerate(specification.goals)
    )


def _lowest_error(laboratory: Laboratory, study: Study, blocks: Sequence[TrialBlock]) -> float | None:
    """Return the lowest validation error of trials at their end, None when all have diverged."""
    goals, examples = laboratory.goal_test(study.replicate), len(laboratory.split(study.replicate).validation_labels)
    counts = [int(goals.errors(block.weights).min()) for block in blocks if block.trials]
    return min(counts) / examples if counts else None


def rerun_winner(laboratory: Laboratory, study: Study, winner: TrialRecord, rerun: int, report: Report) -> RerunRecord:
    """Train the winner of a study again with its own metaparameters and a new seed.

    Args:
        laboratory: The data and network at hand.
        study: Whose winner.
        winner: The winning trial.
        rerun: Which retraining, >= 1; 0 would be the winner's own streams.
        report: Called with the step after each goal test.

    Returns:
        Where the retraining reached the first goal, or that it did not within the budget.
    """
    weights = laboratory.initial_weights(study.replicate, winner.trial, rerun)[None]
    masks = laboratory.masks((study.sparsity,), study.replicate, winner.trial, rerun)
    block = _block(laboratory, range(1), weights, masks, (winner.metaparameters,))
    order = laboratory.order(study.replicate, winner.trial, rerun)
    log = race(laboratory, study, [block], order, report)
    return RerunRecord(study, rerun, winner.trial, winner.metaparameters, *log.event(0, 0))


def trial_block(laboratory: Laboratory, replicate: int, trial: TrialRecord, mask: NDArray[np.bool_]) -> TrialBlock:
    """Return one trial alone at its start, with its own seed and metaparameters."""
    weights = laboratory.initial_weights(replicate, trial.trial)[None]
    return _block(laboratory, range(1), weights, mask[None], (trial.metaparameters,))


def _block(
    laboratory: Laboratory,
    trials: range,
    weights: NDArray[np.float32],
    masks: NDArray[np.bool_],
    points: Sequence[dict[str, float]],
) -> TrialBlock:
    """Return some trials of a study at their start, on the laboratory's device."""
    rows = slice(trials.start, trials.stop)
    mask = laboratory.mask_tensor(masks[rows])
    start = laboratory.tensor(weights[rows]) * mask
    return TrialBlock(laboratory.network, laboratory.specification.workload, trials, start, mask, points[rows])
