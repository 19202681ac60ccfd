"""L, Delta and beta of a sparsity, measured along the run of a study's winner."""

from __future__ import annotations

import time

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from empirics.engine import Report, trial_block
from empirics.laboratory import Laboratory
from empirics.records import ConstantsRecord, SmoothnessPoint, StudyRecord
from empirics.smoothness import full_gradient, gradient_variance, local_smoothness
from empirics.training import TrialBlock

# f_inf = 0 for every sparsity: the cross-entropy's own lower bound, so that Delta's ratio is not a fitted quantity.
_LOWEST_LOSS = 0.0


def measure_constants(
    laboratory: Laboratory, record: StudyRecord, mask: NDArray[np.bool_], report: Report
) -> ConstantsRecord:
    """Measure L along the run of a study's winner, and Delta and beta at its start.

    `L_mean` and `L_max` are over every `smoothness_interval`-th step up to K*, from the first; `L_at_goal` belongs to
    the step that reached the goal. A step that moves nothing has no L and is left out. Delta = 2 (f(w_1) - f_inf).
    f is the loss on the laboratory's probe examples.

    Args:
        laboratory: The data and network at hand.
        record: The study whose winner is followed.
        mask: The winner's kept weights, shape (P,).
        report: Called with the step after each measurement.

    Returns:
        The constants and the trajectory they come from.

    Raises:
        ValueError: If no trial of the study reached its goal.

    Reference:
        Lee et al. 2021, Eq. (3), (11) and Appendix C.
    """
    start = time.perf_counter()
    winner, study = record.winner, record.study
    if winner is None:
        raise ValueError(f"record: study {study} reached no goal, so it has no winner to follow")
    block = trial_block(laboratory, study.replicate, winner, mask)
    images, labels = laboratory.probe(study.replicate)
    kept = laboratory.mask_tensor(mask)
    loss, _ = full_gradient(laboratory.network, block.weights, kept, images, labels)
    beta = gradient_variance(laboratory.network, block.weights, kept, images, labels)
    points = _follow(laboratory, block, record, winner.step, kept, report)
    interval = laboratory.specification.workload.smoothness_interval
    regular = [point.smoothness for point in points if (point.step - 1) % interval == 0]
    values = {"Delta": 2 * (float(loss[0]) - _LOWEST_LOSS), "beta": beta}
    if regular:
        values |= {"L_mean": float(np.mean(regular)), "L_max": max(regular), "L_at_goal": points[-1].smoothness}
    seconds = time.perf_counter() - start
    return ConstantsRecord(study, len(labels), winner.trial, winner.metaparameters, values, points, seconds)


def _follow(
    laboratory: Laboratory, block: TrialBlock, record: StudyRecord, steps: int, kept: Tensor, report: Report
) -> tuple[SmoothnessPoint, ...]:
    """Repeat the winner's run; return L at regular steps and at the last one."""
    study, data = record.study, laboratory.split(record.study.replicate)
    order = laboratory.order(study.replicate)
    interval = laboratory.specification.workload.smoothness_interval
    images, labels = laboratory.probe(study.replicate)
    points = []
    for step in range(steps):
        rows = laboratory.tensor(order.batch(step, study.batch_size))
        before = block.weights.clone()
        block.step(data.training_images[rows], data.training_labels[rows])
        moved = not torch.equal(before, block.weights)
        if moved and (step % interval == 0 or step == steps - 1):
            points.append(
                SmoothnessPoint(
                    step + 1,
                    *local_smoothness(laboratory.network, before, block.weights, kept, images, labels),
                )
            )
            report(step + 1)
    return tuple(points)
