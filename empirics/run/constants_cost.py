"""The cost of measuring constants, in gradients of one example and in seconds on this machine."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np
import torch

from empirics.datasets.arrays import Dataset
from empirics.probes.curvature import HESSIAN_EXAMPLES
from empirics.probes.smoothness import GAMMAS, full_gradient
from empirics.records import Study, duration_text
from empirics.specification.probe import FollowedRun, Probe
from empirics.specification.specification import Specification
from empirics.training.laboratory import engine_of

_NOISE_PASSES = 1.0  # timed on Simple-CNN and one core: per-example sums take 0.6 to 0.9 of a plain gradient's time
_PRODUCTS = 12  # Hessian-vector products until Lanczos agrees, as seen on digits and MNIST
_PRODUCT_PASSES = 2.0  # one of them in gradients, likewise
_FLOW_GRADIENTS = 5.0  # of the flow for each step of the run: 3 to 6 on digits
_TIMED_EXAMPLES = 64
_DEAR_SECONDS = 600.0  # from which on a cheaper way is named
_FEWER_EXAMPLES = 2000  # the cheaper way


def example_gradients(probe: Probe, steps: float) -> float:
    """Return what measuring along a run of so many steps costs, in double-precision gradients of one example.

    Example:
        >>> probe = Probe(examples=1000, every=100, flow_gradients=500)
        >>> example_gradients(probe, 200)  # 3 points of 11 + 1 passes, and the flow's
        536000.0
    """
    points = probe.points(max(int(steps), 1))
    flow = min(_FLOW_GRADIENTS * steps, math.inf if probe.flow_gradients is None else probe.flow_gradients)
    hessians = min(probe.hessian_points, points) * _PRODUCTS * _PRODUCT_PASSES * min(probe.examples, HESSIAN_EXAMPLES)
    return points * (1 + len(GAMMAS) + _NOISE_PASSES) * probe.examples + hessians + flow * probe.examples


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


def describe_cost(specification: Specification, dataset: Dataset, runs: Sequence[FollowedRun], jobs: int) -> str:
    """Return one line a run: how many measurements, what each takes, and how long that is on this machine.

    Args:
        specification: How it is measured.
        dataset: On what.
        runs: Along what.
        jobs: Processes at once.
    """
    probe = specification.probe
    lines, total = [], 0.0
    for run in runs:
        steps = probe.steps or run.goal_step or specification.workload.max_steps
        seconds = example_gradients(probe, steps) * seconds_per_gradient(specification, dataset, run.sparsity)
        bound = "" if probe.steps or run.goal_step else "at most "
        study = Study(run.sparsity, run.replicate, run.batch_size)
        lines.append(
            f"constants of {study}: {bound}{probe.points(steps)} measurements "
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
