"""A training run repeated, with L, Delta, beta and more measured along it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from empirics.followed import BatchVariance, ConstantsRecord, TrajectoryPoint
from empirics.probes.batch_variance import check_batch_variances
from empirics.probes.curvature import gradient_spectrum, product_at
from empirics.probes.gradient_noise import gradient_noise
from empirics.probes.quadratic_forms import noise_directions, quadratic_forms
from empirics.probes.sample import Replicates, Sample
from empirics.probes.smoothness import StepMeasurement, full_gradient, local_smoothness
from empirics.probes.windows import Point, Run, constants_of
from empirics.records import Study, TrialRecord
from empirics.specification.probe import COMMON_SHARE, FollowedRun
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

    Reference:
        Lee et al. 2021, Eq. (3), (11) and Appendix C.
    """
    start = time.perf_counter()
    probe, workload = laboratory.specification.probe, laboratory.specification.workload
    sample = laboratory.sample(run.replicate)
    end = _end_of(laboratory, run, mask)
    variances = _batch_variances(laboratory, run, mask, sample)
    eta = _mean_rate(laboratory, run, end.goal_step or end.steps)
    found = _measure_along(laboratory, run, end, mask, sample, report)
    followed = Run(end.goal_step, run.batch_size, eta, workload.optimizer == "sgd", COMMON_SHARE)
    constants = constants_of(found.points, found.over_budget(end), followed)
    errors = {name: sample.standard_error(value) for name, value in constants.items() if len(value) > 1}
    return ConstantsRecord(
        study=Study(run.sparsity, run.replicate, run.batch_size),
        examples=sample.examples,
        trial=run.trial,
        metaparameters=run.metaparameters,
        values={**{name: float(value[0]) for name, value in constants.items()}, **({"eta": eta} if eta else {})},
        trajectory=_trajectory(found, end.budget, followed, sample),
        seconds=time.perf_counter() - start,
        errors={name: error for name, error in errors.items() if error is not None},
        goal_step=end.goal_step,
        steps=end.steps,
        skipped=sum(along.smoothness is None for along in found.every.values()),
        diverged=found.diverged,
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
    """Where a run ends: the last step that is measured along, the goal's, and when L is measured over all of it."""

    steps: int
    goal_step: int | None
    budget: frozenset[int]


def _end_of(laboratory: Laboratory, run: FollowedRun, mask: NDArray[np.bool_]) -> _End:
    """Return where a run ends; where its goal step is not known it is trained to there without measurements first."""
    probe, goal, diverged = laboratory.specification.probe, run.goal_step, None
    if goal is None:
        goal, diverged = _trained_to_goal(laboratory, run, mask)
    steps = diverged or run.steps or goal or 1
    budget = probe.over_budget(steps) if run.steps and probe.steps != 0 else ()
    return _End(steps, goal if goal is not None and goal <= steps else None, frozenset(budget))


def _trained_to_goal(
    laboratory: Laboratory, run: FollowedRun, mask: NDArray[np.bool_]
) -> tuple[int | None, int | None]:
    """Train a run to its goal; return the step that reached it, and the one at which it diverged."""
    workload = laboratory.specification.workload
    block, goals = _start_of(laboratory, run, mask), laboratory.goal_test(run.replicate)
    for step in _train(laboratory, run, block, run.steps or workload.max_steps):
        if step.diverged:
            return None, step.number
        due = step.number % workload.eval_interval == 0 or step.number == workload.max_steps
        if due and bool(goals.reached(block.weights, block.trials)[0, 0]):
            return step.number, None
    return None, None


@dataclass(frozen=True)
class _Step:
    """A step of a run that has just been taken: its number from 1, its examples, and the weights before, if kept."""

    number: int
    rows: NDArray[np.int64]
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
        rows = order.batch(number - 1, run.batch_size)
        before = block.weights.clone() if wanted(number) else None
        diverged = bool(block.advance(data, rows[None]).diverged)
        yield _Step(number, rows, before, diverged)
        if diverged:
            return


@dataclass
class _Found:
    """What was measured along a run: at each step, on the way to its goal, and when it diverged."""

    every: dict[int, StepMeasurement] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    diverged: int | None = None

    def over_budget(self, end: _End) -> list[StepMeasurement]:
        """Return the measurements over the whole training; none where the run did not come to its end."""
        return [self.every[step] for step in sorted(end.budget)] if end.budget <= self.every.keys() else []


def _measure_along(
    laboratory: Laboratory, run: FollowedRun, end: _End, mask: NDArray[np.bool_], sample: Sample, report: Report
) -> _Found:
    """Repeat a run and measure at its regular steps, at the goal's and over the whole training."""
    probe = laboratory.specification.probe
    regular = probe.to_goal(end.goal_step or end.steps)
    on_the_way = {*regular, *([end.goal_step] if end.goal_step else [])}
    hessian_steps = probe.hessian_steps(end.goal_step or end.steps)
    measure = _PointMeasurement(laboratory, run, mask, sample, hessian_steps, report)
    block, found = _start_of(laboratory, run, mask), _Found()
    for step in _train(laboratory, run, block, end.steps, lambda number: number in on_the_way | end.budget):
        if step.diverged:
            found.diverged = step.number
            break
        if step.before is None:
            continue
        along = measure.along(step, block.weights)
        report(step.number)
        point = measure.point(step, along, regular) if step.number in on_the_way else None
        report(step.number)
        if not along.finite or (point is not None and not point.noise.finite):
            break
        found.every[step.number] = along
        found.points += [point] if point is not None else []
    return found


class _PointMeasurement:
    """What measures at one step of a run.

    Args:
        laboratory: The data, network and settings at hand.
        run: Which run.
        mask: Its kept weights, shape (P,).
        sample: The examples f is the loss of.
        hessian_steps: At which steps the Hessian is looked at.
        report: Called with the step after each part of a measurement.
    """

    def __init__(
        self,
        laboratory: Laboratory,
        run: FollowedRun,
        mask: NDArray[np.bool_],
        sample: Sample,
        hessian_steps: frozenset[int],
        report: Report,
    ) -> None:
        self._report = report
        self._network, self._sample = laboratory.network, sample
        self._kept, self._data = laboratory.mask_tensor(mask), laboratory.split(run.replicate)
        self._device = laboratory.device
        self._gradient_of, self._sums_of = laboratory.engine.gradient_of(mask), laboratory.engine.sums_of(mask)
        self._field, self._hessian_steps = laboratory.field(run.replicate, mask), hessian_steps
        self._vectors = laboratory.specification.probe.quadratic_forms
        self._random = generator(laboratory.specification.seed, Stream.SIGNS, run.replicate)

    def along(self, step: _Step, after: Tensor) -> StepMeasurement:
        """Return what the step itself says, its mini-batch gradient included."""
        assert step.before is not None
        rows = torch.from_numpy(step.rows).to(self._device)
        images, labels = self._data.training_images[rows], self._data.training_labels[rows]
        _, batch = full_gradient(self._network, step.before, self._kept, images, labels, self._gradient_of)
        return local_smoothness(
            self._network, step.before, after, self._kept, self._sample, batch[0], self._gradient_of
        )

    def point(self, step: _Step, along: StepMeasurement, regular: range) -> Point:
        """Return what the weights before a step on the way to the goal say, too."""
        assert step.before is not None
        tick = partial(self._report, step.number)
        noise = gradient_noise(self._network, step.before, self._kept, self._sample, tick, self._sums_of)
        spectrum = forms = None
        if step.number in self._hessian_steps or self._vectors:
            weights = step.before[0].double().cpu().numpy()
            product, gradient = product_at(self._field, weights), self._field(weights)[1]
            if step.number in self._hessian_steps:
                spectrum = gradient_spectrum(product, gradient)
                tick()
            if self._vectors and gradient.any():
                directions = noise_directions(
                    self._network, weights, self._kept, self._sample, self._gradient_of, self._vectors, self._random
                )
                forms = quadratic_forms(product, gradient, directions)
                tick()
        return Point(step.number, step.number in regular, along, noise, spectrum, forms)


def _batch_variances(
    laboratory: Laboratory, run: FollowedRun, mask: NDArray[np.bool_], sample: Sample
) -> tuple[BatchVariance, ...]:
    """Return the check of beta/B at the run's start, where it was asked for."""
    specification, engine = laboratory.specification, laboratory.engine
    if not specification.probe.repeats:
        return ()
    return check_batch_variances(
        laboratory.network,
        _start_of(laboratory, run, mask).weights,
        laboratory.mask_tensor(mask),
        sample,
        specification.probe.repeats,
        generator(specification.seed, Stream.BATCHES, run.replicate),
        engine.gradient_of(mask),
        engine.sums_of(mask),
    )


def _trajectory(found: _Found, budget: Iterable[int], run: Run, sample: Sample) -> tuple[TrajectoryPoint, ...]:
    """Return all that was measured along a run, sorted by quantity and step; the loss is taken after each step too."""
    columns: dict[str, dict[int, Replicates | float | None]] = {
        "training_loss": {step + 1: along.after for step, along in found.every.items()},
        "L_budget": {step: found.every[step].smoothness for step in budget if step in found.every},
    }
    columns["training_loss"] |= {step: along.before for step, along in found.every.items()}
    for point in found.points:
        for quantity, value in _at(point, run).items():
            columns.setdefault(quantity, {})[point.step] = value
    rows = [
        TrajectoryPoint(quantity, step, value)
        if isinstance(value, float)
        else TrajectoryPoint(quantity, step, float(value[0]), sample.standard_error(value))
        for quantity, column in columns.items()
        for step, value in column.items()
        if value is not None
    ]
    return tuple(sorted(rows, key=lambda point: (point.quantity, point.step)))


def _at(point: Point, run: Run) -> dict[str, Replicates | float | None]:
    """Return the quantities of one point on the way to the goal."""
    moved, noise, spectrum, forms = point.along.moved, point.noise, point.spectrum, point.forms
    square, rate = noise.gradient_square, run.eta if run.plain else None
    of_step: dict[str, Replicates | float | None] = {}
    if moved is not None:
        of_step = {
            "L": moved.smoothness,
            "gamma": moved.gamma,
            "norm_before": moved.norms[:, 0],
            "norm_after": moved.norms[:, 1],
            "step_square": moved.square,
            "step_slope": moved.slope,
            "batch_square": moved.batch_square,
            "batch_slope": moved.batch_slope,
            "lambda": moved.bend / moved.square,
            "s": moved.bend / (rate * square) if rate is not None and (square > 0).all() else None,
        }
    of_weights = {
        "variance": noise.variance,
        "gradient_square": square,
        "hessian_top": None if spectrum is None else spectrum.top,
        "gradient_curvature": None if spectrum is None else spectrum.mean,
        "share_above_edge": None if spectrum is None or run.eta is None else spectrum.share_above(1.0 / run.eta),
        "gradient_H_gradient": None if forms is None else forms.gradient,
        "trace_H_Sigma": None if forms is None else forms.noise,
    }
    return {**of_step, **of_weights}
