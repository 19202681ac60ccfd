"""`--plan`: what a measurement would do, with an estimate from steps timed on this machine."""

from __future__ import annotations

import time

import numpy as np
import torch

from empirics.constants_cost import DEAR_SECONDS, FEWER_EXAMPLES, example_gradients
from empirics.cost import expected_end, expected_steps
from empirics.datasets import Dataset
from empirics.goal_label import goal_label
from empirics.laboratory import Laboratory
from empirics.memory import expected_bytes
from empirics.specification import Specification, Study, nearest_128, number_text
from empirics.streams import Stream, generator
from empirics.training import TrialBlock

_TIMED_SECONDS = 0.5
_MOST_TIMED_EXAMPLES = 256
_SHARE_OF_EVALUATION = 0.1  # of the validation set, looked at by the average goal test before it is decided
_DOUBLE = 3.0  # a gradient in double precision over one in training, timed on Simple-CNN


def describe_plan(specification: Specification, dataset: Dataset, jobs: int) -> str:
    """Return the studies, the expected time and the expected memory of a measurement.

    Args:
        specification: What would be measured.
        dataset: Its data.
        jobs: Processes at once.
    """
    laboratory = Laboratory(specification, dataset)
    workload = specification.workload
    per_step = {size: _seconds_per_step(laboratory, size) for size in specification.batch_sizes}
    test = _seconds_per_evaluation(laboratory) / workload.eval_interval
    goals = " and ".join(map(number_text, specification.goals))
    goal = goal_label(goals, workload.goal_sign)
    lines = [
        f"{workload.name}: {goal}, {specification.trials} trials a study, budget "
        f"{workload.max_steps} steps, goal test every {workload.eval_interval}, device {specification.device}",
        "",
        f"{'study':<24} {'expected steps':>14} {'expected time':>14} {'at most':>14}",
    ]
    share = 1.0 if specification.trace == "full" else _SHARE_OF_EVALUATION
    expected, most = 0.0, 0.0
    for study in specification.studies():
        steps, step = expected_end(specification, study), per_step[study.batch_size]
        likely = specification.trials * steps * (step + share * test)
        limit = specification.trials * workload.max_steps * (step + test)
        lines.append(f"{study!s:<24} {steps:>14.0f} {_duration(likely):>14} {_duration(limit):>14}")
        expected, most = expected + likely, most + limit
    masks = _masks_seconds(laboratory, per_step)
    constants = _constants_seconds(specification, per_step) if specification.constants else 0.0
    how = f"{jobs} at once" if specification.data_parallel == 1 else f"each by {jobs} processes together"
    return "\n".join(
        (
            *lines,
            "",
            f"{len(specification.studies())} studies, {how}: {_at_least(specification)}"
            f"{_duration(expected / jobs)} expected, {_duration(most / jobs)} at most; before them masks, "
            f"{_duration(masks / jobs)}; after them constants, {_duration(constants / jobs)}"
            f"{_cheaper_constants(specification, constants)}.",
            f"Expected steps are a guess from earlier runs{_of_rule(specification)}; times are timed here and scaled.",
            f"Memory: about {expected_bytes(specification, dataset, laboratory.network) * jobs / 1e9:.1f} GB.",
            "Nothing was measured or written.",
        )
    )


def _at_least(specification: Specification) -> str:
    """Return what stands before an expected time that is only that of the first hits."""
    return "at least " if specification.stop.kind == "hits" and specification.stop.amount > 1 else ""


def _of_rule(specification: Specification) -> str:
    """Return what they are steps to, where it is not the first hit."""
    kind, amount = specification.stop.kind, specification.stop.amount
    if kind == "never":
        return ": every trial to its budget (--stop never)"
    if kind == "factor":
        return f": {amount:g} times those to the first hit, at most the budget (--stop factor {amount:g})"
    return f" of the first hit; hit {amount:g} comes at it or later (--stop hits {amount:g})" if amount > 1 else ""


def _cheaper_constants(specification: Specification, seconds: float) -> str:
    """Return how to spend less on the constants, where they are dear."""
    if seconds < DEAR_SECONDS or specification.probe.examples <= FEWER_EXAMPLES:
        return ""
    part = _duration(seconds * FEWER_EXAMPLES / specification.probe.examples)
    return f" (--examples {FEWER_EXAMPLES}: {part}; --no-constants: none)"


def _seconds_per_step(laboratory: Laboratory, batch_size: int) -> float:
    """Return the time of one step of one trial, timed on at most some hundred examples and scaled from there."""
    examples = min(batch_size, _MOST_TIMED_EXAMPLES)
    trials = min(laboratory.network.trials_at_once(examples), laboratory.specification.trials)
    block = _random_block(laboratory, trials)
    data = laboratory.split(0)
    images, labels = data.training_images[:examples], data.training_labels[:examples]
    block.step(images, labels)
    steps, start = 0, time.perf_counter()
    while steps == 0 or time.perf_counter() - start < _TIMED_SECONDS / len(laboratory.specification.batch_sizes):
        block.step(images, labels)
        steps += 1
    return (time.perf_counter() - start) / steps / trials * batch_size / examples


def _seconds_per_evaluation(laboratory: Laboratory) -> float:
    """Return the time of one full evaluation of one trial."""
    block, test = _random_block(laboratory, 1), laboratory.goal_test(0)
    start = time.perf_counter()
    test.values(block.weights)
    return time.perf_counter() - start


def _random_block(laboratory: Laboratory, trials: int) -> TrialBlock:
    """Return trials at their start with a small rate."""
    random = generator(0, Stream.PROBE, 0)
    weights = laboratory.tensor(np.stack([laboratory.network.initial_weights(random) for _ in range(trials)]))
    workload = laboratory.specification.workload
    points = laboratory.specification.points[:trials]
    return TrialBlock(laboratory.network, workload, range(trials), weights, torch.ones_like(weights), points)


def _masks_seconds(laboratory: Laboratory, per_step: dict[int, float]) -> float:
    """Return the expected time of one epoch of gradients for every trial."""
    specification = laboratory.specification
    if not any(specification.sparsities):
        return 0.0
    examples = len(laboratory.split(0).training_labels)
    return specification.replicates * specification.trials * examples * _seconds_per_example(per_step)


def _constants_seconds(specification: Specification, per_step: dict[int, float]) -> float:
    """Return the expected time of L, Delta, beta and what goes with them."""
    total = 0.0
    for sparsity in specification.sparsities:
        study = Study(sparsity, 0, nearest_128(specification.batch_sizes))
        steps = specification.probe.steps or expected_steps(specification.workload, study)
        total += _DOUBLE * example_gradients(specification.probe, steps) * _seconds_per_example(per_step)
    return total * specification.replicates


def _seconds_per_example(per_step: dict[int, float]) -> float:
    """Return the time of one example's gradient at the largest batch size timed."""
    largest = max(per_step)
    return per_step[largest] / largest


def _duration(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    for unit, size in (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"
