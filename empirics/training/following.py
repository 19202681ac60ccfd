"""A training run repeated, with L, Delta, beta and more measured along it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from empirics.probes.batch_variance import check_batch_variances
from empirics.probes.curvature import top_curvature
from empirics.probes.gradient_noise import gradient_noise
from empirics.probes.sample import Replicates, Sample
from empirics.probes.smoothness import local_smoothness
from empirics.probes.windows import Point, constants_of
from empirics.records import BatchVariance, ConstantsRecord, Study, TrajectoryPoint, TrialRecord
from empirics.specification.probe import FollowedRun
from empirics.streams import Stream, generator
from empirics.training.engine import Block
from empirics.training.laboratory import Laboratory
from empirics.training.race import Report, trial_block
from empirics.workloads.moved_time import moved_time


def measure_constants(
    laboratory: Laboratory, run: FollowedRun, mask: NDArray[np.bool_], report: Report
) -> ConstantsRecord:
    """Do a training run again; measure L, the loss and the gradient's noise along it, and Delta and beta at its start.

    The run is the same, bit for bit, as without measurements. A step that moves nothing has no L: it is left out and
    counted. Where loss or weights are no longer finite the run ends, and what was measured is kept. f is the loss on
    the laboratory's sample of examples.

    Args:
        laboratory: The data, network and settings at hand.
        run: Which run.
        mask: Its kept weights, shape (P,).
        report: Called with the step after each part of a measurement.

    Returns:
        The constants and the trajectory they come from.

    Raises:
        InputError: If the Hessian is asked for and the user's loss cannot be differentiated twice.

    Reference:
        Lee et al. 2021, Eq. (3), (11) and Appendix C.
    """
    start = time.perf_counter()
    probe = laboratory.specification.probe
    sample = laboratory.sample(run.replicate)
    end = _end_of(laboratory, run, mask)
    block = _start_of(laboratory, run, mask)
    variances = _batch_variances(laboratory, run, block.weights, mask, sample)
    points, diverged = _measure_along(laboratory, run, end, block, mask, sample, report)
    eta = _mean_rate(laboratory, run, end.goal_step or end.steps)
    constants = constants_of(points, end.goal_step, run.batch_size, whole_run=probe.steps is not None)
    errors = {name: sample.standard_error(value) for name, value in constants.items() if name != "hessian_top"}
    return ConstantsRecord(
        study=Study(run.sparsity, run.replicate, run.batch_size),
        examples=sample.examples,
        trial=run.trial,
        metaparameters=run.metaparameters,
        values={**{name: float(value[0]) for name, value in constants.items()}, **({"eta": eta} if eta else {})},
        trajectory=_trajectory(points, sample),
        seconds=time.perf_counter() - start,
        errors={name: error for name, error in errors.items() if error is not None},
        goal_step=end.goal_step,
        steps=end.steps,
        skipped=sum(point.along.smoothness is None for point in points),
        diverged=diverged,
        settings=probe.settings(),
        batch_variances=variances,
    )


def _mean_rate(laboratory: Laboratory, run: FollowedRun, steps: int) -> float | None:
    """Return the mean over its steps of the flow time that one moves a run; None for a rule that has none."""
    workload = laboratory.specification.workload
    time = moved_time(workload.optimizer, workload.schedule, run.metaparameters, steps)
    return None if time is None else time / steps


def _start_of(laboratory: Laboratory, run: FollowedRun, mask: NDArray[np.bool_]) -> Block:
    """Return a run before its first step."""
    trial = TrialRecord(run.trial, run.metaparameters, "incomplete", 0)
    return trial_block(laboratory, run.replicate, trial, mask)


@dataclass(frozen=True)
class _End:
    """Where a run ends: the last step that is measured along, and the one that reached the goal."""

    steps: int
    goal_step: int | None


def _end_of(laboratory: Laboratory, run: FollowedRun, mask: NDArray[np.bool_]) -> _End:
    """Return where a run ends; where its goal step is not known it is trained to there without measurements first."""
    wanted, workload = laboratory.specification.probe.steps, laboratory.specification.workload
    if run.goal_step is not None:
        steps = wanted or run.goal_step
        return _End(steps, run.goal_step if run.goal_step <= steps else None)
    block, goals = _start_of(laboratory, run, mask), laboratory.goal_test(run.replicate)
    for step in _train(laboratory, run, block, wanted or workload.max_steps):
        if step.diverged:
            return _End(step.number, None)
        due = step.number % workload.eval_interval == 0 or step.number == workload.max_steps
        if due and bool(goals.reached(block.weights, block.trials)[0, 0]):
            return _End(wanted or step.number, step.number)
    return _End(wanted or 1, None)


@dataclass(frozen=True)
class _Step:
    """A step of a run that has just been taken: its number from 1, and the weights before it where they were kept."""

    number: int
    before: Tensor | None
    diverged: bool


def _train(
    laboratory: Laboratory,
    run: FollowedRun,
    block: Block,
    steps: int,
    wanted: Callable[[int], bool] = lambda _: False,
) -> Iterator[_Step]:
    """Train a run step by step, to its divergence or for so many steps; copy the weights before the wanted ones."""
    data, order = laboratory.split(run.replicate), laboratory.order(run.replicate)
    for number in range(1, steps + 1):
        rows = order.batch(number - 1, run.batch_size)[None]
        before = block.weights.clone() if wanted(number) else None
        diverged = bool(block.advance(data, rows).diverged)
        yield _Step(number, before, diverged)
        if diverged:
            return


def _measure_along(
    laboratory: Laboratory,
    run: FollowedRun,
    end: _End,
    block: Block,
    mask: NDArray[np.bool_],
    sample: Sample,
    report: Report,
) -> tuple[list[Point], int | None]:
    """Repeat a run and measure at its regular steps and at the goal's; return also the step at which it diverged."""
    probe, network, engine = laboratory.specification.probe, laboratory.network, laboratory.engine
    kept, gradient_of, sums_of = laboratory.mask_tensor(mask), engine.gradient_of(mask), engine.sums_of(mask)
    at = probe.hessian_indices(end.steps)
    begin = generator(laboratory.specification.seed, Stream.LANCZOS, run.replicate).standard_normal(network.size)
    points: list[Point] = []

    def regular(number: int) -> bool:
        return (number - 1) % probe.every == 0

    for step in _train(laboratory, run, block, end.steps, lambda number: regular(number) or number == end.goal_step):
        if step.diverged:
            return points, step.number
        if step.before is None:
            continue
        along = local_smoothness(network, step.before, block.weights, kept, sample, gradient_of)
        report(step.number)
        noise = gradient_noise(network, step.before, kept, sample, partial(report, step.number), sums_of)
        if not (along.finite and noise.finite):
            return points, step.number
        top = None
        if regular(step.number) and (step.number - 1) // probe.every in at:
            top = top_curvature(network, step.before, kept, sample, begin)
            report(step.number)
        points.append(Point(step.number, regular(step.number), along, noise, top))
    return points, None


def _batch_variances(
    laboratory: Laboratory, run: FollowedRun, weights: Tensor, mask: NDArray[np.bool_], sample: Sample
) -> tuple[BatchVariance, ...]:
    """Return the check of beta/B at the run's start, where it was asked for."""
    specification = laboratory.specification
    if not specification.probe.repeats:
        return ()
    random = generator(specification.seed, Stream.BATCHES, run.replicate)
    kept = laboratory.mask_tensor(mask)
    return check_batch_variances(laboratory.network, weights, kept, sample, specification.probe.repeats, random)


def _trajectory(points: list[Point], sample: Sample) -> tuple[TrajectoryPoint, ...]:
    """Return all that was measured along a run, sorted by quantity and step; the loss is taken after each step too."""
    losses = {point.step + 1: point.along.after for point in points} | {p.step: p.along.before for p in points}
    columns: dict[str, list[tuple[int, Replicates | None]]] = {
        "L": [(point.step, point.along.smoothness) for point in points],
        "training_loss": [*losses.items()],
        "variance": [(point.step, point.noise.variance) for point in points],
        "gradient_square": [(point.step, point.noise.gradient_square) for point in points],
    }
    found = [
        TrajectoryPoint(quantity, step, float(value[0]), sample.standard_error(value))
        for quantity, column in columns.items()
        for step, value in column
        if value is not None
    ]
    found += [TrajectoryPoint("hessian_top", p.step, p.hessian_top) for p in points if p.hessian_top is not None]
    return tuple(sorted(found, key=lambda point: (point.quantity, point.step)))
