"""Studies: all trials of a search advance together until the first one reaches the goal."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from empirics.goal import GoalTest
from empirics.laboratory import Laboratory
from empirics.networks import initial_weights
from empirics.records import Event, RerunRecord, StudyRecord, TrialRecord
from empirics.search import search_points
from empirics.specification import Study
from empirics.streams import ExampleOrder, Stream, generator
from empirics.training import TrialBlock

Report = Callable[[int], None]


def race(
    blocks: Sequence[TrialBlock],
    order: ExampleOrder,
    images: Tensor,
    labels: Tensor,
    goal: GoalTest,
    *,
    batch_size: int,
    max_steps: int,
    eval_interval: int,
    report: Report,
) -> dict[int, tuple[Event, int]]:
    """Advance all trials in step until one reaches the goal, all have diverged, or the budget is spent.

    K* is a minimum over trials, so nothing that happens to the others after the first hit can change it.

    Args:
        blocks: The trials; consumed.
        order: The data order, the same for every trial.
        images: Training images, shape (n, channels, height, width).
        labels: Shape (n,).
        goal: The goal test.
        batch_size: Examples per step.
        max_steps: Budget, steps.
        eval_interval: Steps between goal tests; the last test is at the budget.
        report: Called with the step after each goal test.

    Returns:
        Trial -> what happened to it and at which step.
    """
    outcome: dict[int, tuple[Event, int]] = {}
    step, decided = 0, False
    while step < max_steps and blocks and not decided:
        for _ in range(min(eval_interval, max_steps - step)):
            rows = torch.from_numpy(order.batch(step, batch_size)).to(labels.device)
            batch_images, batch_labels = images[rows], labels[rows]
            step += 1
            for block in blocks:
                finite = block.step(batch_images, batch_labels)
                if not bool(finite.all()):
                    outcome |= _events(block.trials, ~finite, "infeasible", step)
                    block.keep(finite)
            blocks = [block for block in blocks if block.trials]
        for block in blocks:
            reached = goal.reached(block.weights)
            outcome |= _events(block.trials, reached, "reached", step)
            decided = decided or bool(reached.any())
        report(step)
    still_running: Event = "running"
    return outcome | {
        trial: (still_running, step) for block in blocks for trial in block.trials if trial not in outcome
    }


def _events(trials: Sequence[int], where: Tensor, event: Event, step: int) -> dict[int, tuple[Event, int]]:
    """Return the trials that something happened to."""
    return {trial: (event, step) for trial, happened in zip(trials, where.tolist(), strict=True) if happened}


def measure_study(laboratory: Laboratory, study: Study, masks: NDArray[np.bool_], report: Report) -> StudyRecord:
    """Run one study.

    Args:
        laboratory: The data and network at hand.
        study: Which study.
        masks: Kept weights of each trial, shape (trials, P).
        report: Called with the step after each goal test.

    Returns:
        The outcome; the same for the same specification, device class, threads and versions.
    """
    start = time.perf_counter()
    workload = laboratory.specification.workload
    data = laboratory.split(study.replicate)
    points = search_points(workload.search_space, len(masks))
    weights = np.stack([_init(laboratory, study.replicate, trial) for trial in range(len(masks))])
    at_once = laboratory.network.trials_at_once(study.batch_size)
    blocks = [
        _block(laboratory, range(first, min(first + at_once, len(masks))), weights, masks, points)
        for first in range(0, len(masks), at_once)
    ]
    goal = laboratory.goal_test(study.replicate)
    order = ExampleOrder(laboratory.specification.seed, (study.replicate,), len(data.training_labels))
    outcome = race(
        blocks,
        order,
        data.training_images,
        data.training_labels,
        goal,
        batch_size=study.batch_size,
        max_steps=workload.max_steps,
        eval_interval=workload.eval_interval,
        report=report,
    )
    trials = tuple(TrialRecord(trial, points[trial], *outcome[trial]) for trial in range(len(masks)))
    best = None
    if not any(trial.event == "reached" for trial in trials):
        counts = [int(goal.errors(block.weights).min()) for block in blocks if block.trials]
        best = min(counts) / len(data.validation_labels) if counts else None
    return StudyRecord(study, trials, workload.max_steps, workload.eval_interval, best, time.perf_counter() - start)


def rerun_winner(laboratory: Laboratory, study: Study, winner: TrialRecord, rerun: int, report: Report) -> RerunRecord:
    """Train the winner of a study again with its own metaparameters and a new seed.

    Args:
        laboratory: The data and network at hand.
        study: Whose winner.
        winner: The winning trial.
        rerun: Which retraining, >= 1; 0 would be the winner's own streams.
        report: Called with the step after each goal test.

    Returns:
        Where the retraining reached the goal, or that it did not within the budget.
    """
    workload = laboratory.specification.workload
    data = laboratory.split(study.replicate)
    weights = _init(laboratory, study.replicate, winner.trial, rerun)[None]
    masks = laboratory.masks(study.replicate, weights, (study.sparsity,))[:, 0]
    block = _block(laboratory, range(1), weights, masks, (winner.metaparameters,))
    seed, path = laboratory.specification.seed, (study.replicate, winner.trial, rerun)
    outcome = race(
        [block],
        ExampleOrder(seed, path, len(data.training_labels)),
        data.training_images,
        data.training_labels,
        laboratory.goal_test(study.replicate),
        batch_size=study.batch_size,
        max_steps=workload.max_steps,
        eval_interval=workload.eval_interval,
        report=report,
    )
    return RerunRecord(study, rerun, winner.trial, winner.metaparameters, *outcome[0])


def trial_block(laboratory: Laboratory, replicate: int, trial: TrialRecord, mask: NDArray[np.bool_]) -> TrialBlock:
    """Return one trial alone at its start, with its own seed and metaparameters."""
    weights = _init(laboratory, replicate, trial.trial)[None]
    return _block(laboratory, range(1), weights, mask[None], (trial.metaparameters,))


def _init(laboratory: Laboratory, replicate: int, trial: int, *rerun: int) -> NDArray[np.float32]:
    """Draw a trial's initial weights, shape (P,)."""
    random = generator(laboratory.specification.seed, Stream.INIT, replicate, trial, *rerun)
    return initial_weights(laboratory.network, random)


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
    return TrialBlock(laboratory.network, trials, start, mask, points[rows])
