"""The cost of measuring constants, in gradients of one example and in seconds on this machine."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np
import torch

from empirics.datasets.arrays import Dataset
from empirics.probes.smoothness import GAMMAS, full_gradient
from empirics.records import Study, duration_text
from empirics.run.cost import expected_steps
from empirics.specification.probe import BUDGET, FollowedRun, Probe
from empirics.specification.specification import Specification, nearest_128
from empirics.training.laboratory import engine_of

_NOISE_PASSES = 1.0  # timed on Simple-CNN and one core: per-example sums take 0.6 to 0.9 of a plain gradient's time
_SPECTRUM_PASSES = 33.0  # two for each of 16 products of the Hessian, and the gradient
_FORM_PASSES = 3.0  # for each sign vector: both halves of the examples, and a product
_FLOW_GRADIENTS = 5.0  # of the flow for each step of the run: 3 to 6 on digits
_SHORT_FLOW_GRADIENTS = 50.0  # to 40% of the first loss: 15 and 23 steps on MNIST, some of them halved
_TIMED_EXAMPLES = 64
_DEAR_SECONDS = 600.0  # from which on a cheaper way is named
_FEWER_EXAMPLES = 2000  # the cheaper way


def example_gradients(probe: Probe, goal_step: float, steps: float, *, sampled: bool) -> float:
    """Return what measuring along a run costs, in double-precision gradients of one example.

    Args:
        probe: How it is measured.
        goal_step: Steps to its goal.
        steps: Steps over which L is averaged, where that was not turned off.
        sampled: Whether the examples are some of the training set.

    Example:
        >>> probe = Probe(examples=1000, every=100, flow_gradients=500)
        >>> example_gradients(probe, 200, 300, sampled=False)  # 2 points of 11 + 1 passes, 3 of 11, and the flow's
        557000.0
    """
    points = len(probe.to_goal(max(int(goal_step), 1)))
    passes = points * (1 + len(GAMMAS) + _NOISE_PASSES + _FORM_PASSES * probe.quadratic_forms)
    passes += min(probe.hessian_points, points) * _SPECTRUM_PASSES
    if probe.steps != 0:
        passes += len(probe.over_budget(int(steps))) * (1 + len(GAMMAS))
    flow = _SHORT_FLOW_GRADIENTS if sampled else _FLOW_GRADIENTS * goal_step
    flow = min(flow, math.inf if probe.flow_gradients is None else probe.flow_gradients)
    return (passes + flow) * probe.examples


def seconds_per_gradient(specification: Specification, dataset: Dataset, sparsity: float) -> float:
    """Return the time of one example's gradient in double precision, timed on one core for a moment."""
    network, random = specification.workload.build_network(dataset), np.random.default_rng(0)
    weights = torch.from_numpy(network.initial_weights(random)[None])
    gradient_of = engine_of(specification, network).gradient_of(random.random(network.size) >= sparsity / 100)
    images, labels = (torch.from_numpy(part[:_TIMED_EXAMPLES]) for part in (dataset.images, dataset.labels))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    times = []
    for _ in range(2):  # the first warms up
        start = time.perf_counter()
        full_gradient(network, weights, torch.ones_like(weights), images, labels, gradient_of)
        times.append(time.perf_counter() - start)
    torch.set_num_threads(threads)
    return min(times) / len(labels)


def expected_seconds(specification: Specification, dataset: Dataset, runs: Sequence[tuple[float, int]]) -> float:
    """Return the expected time of L, Delta, beta and what goes with them, before it is known how long the runs are.

    Args:
        specification: How they are measured.
        dataset: On what.
        runs: (sparsity, replicate) of each run.

    Returns:
        Seconds of one process.
    """
    if not runs:
        return 0.0
    workload, probe, size = specification.workload, specification.probe, nearest_128(specification.batch_sizes)
    second = {sparsity: seconds_per_gradient(specification, dataset, sparsity) for sparsity in {s for s, _ in runs}}
    dense = expected_steps(workload, Study(min(second), 0, size))
    steps = BUDGET * dense if probe.steps is None else probe.steps
    sampled = probe.examples < dataset.training_examples
    total = 0.0
    for sparsity, replicate in runs:
        goal_step = round(expected_steps(workload, Study(sparsity, replicate, size)))
        total += example_gradients(probe, goal_step, steps, sampled=sampled) * second[sparsity]
    return total


def describe_cost(specification: Specification, dataset: Dataset, runs: Sequence[FollowedRun], jobs: int) -> str:
    """Return one line a run: how many measurements, what each takes, and how long that is on this machine.

    Args:
        specification: How it is measured.
        dataset: On what.
        runs: Along what.
        jobs: Processes at once.
    """
    probe = specification.probe
    sampled = probe.examples < dataset.training_examples
    lines, total = [], 0.0
    for run in runs:
        goal_step = run.goal_step or run.steps or specification.workload.max_steps
        gradients = example_gradients(probe, goal_step, run.steps or goal_step, sampled=sampled)
        seconds = gradients * seconds_per_gradient(specification, dataset, run.sparsity)
        bound = "" if run.steps or run.goal_step else "at most "
        study = Study(run.sparsity, run.replicate, run.batch_size)
        lines.append(
            f"constants of {study}: {bound}{len(probe.to_goal(goal_step))} measurements "
            f"of 11 gradient passes and more over {probe.examples} examples, {bound}{duration_text(seconds)}"
        )
        total += seconds
    lines.append(f"constants: about {duration_text(total / min(jobs, len(runs)))} in all{cheaper(probe, total)}")
    return "\n".join(lines)


def cheaper(probe: Probe, seconds: float) -> str:
    """Return how to spend less than some seconds on constants, where they are many."""
    if seconds < _DEAR_SECONDS or probe.examples <= _FEWER_EXAMPLES:
        return ""
    fewer = duration_text(seconds * _FEWER_EXAMPLES / probe.examples)
    return f" (--examples {_FEWER_EXAMPLES}: {fewer}, with standard errors; --no-constants: none)"
