"""Right answers of the whole: masks, steps to result, errors and constants as a CPU has them."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from benchmarks.gpu.bench import SHAPES, Bench
from empirics.networks.gradient import loss_and_gradient
from empirics.probes.curvature import gradient_spectrum, product_at
from empirics.probes.field import loss_field
from empirics.probes.gradient_noise import gradient_noise
from empirics.probes.sample import Sample
from empirics.probes.smoothness import local_smoothness
from empirics.records import Study
from empirics.specification.request import Request
from empirics.specification.specification import resolve
from empirics.training.laboratory import Laboratory
from empirics.training.race import measure_study
from empirics.workloads.goal import GoalTest

_SPARSITIES = (0.0, 90.0)
# Relative to the CPU in double precision: L, f, the variance, the gradient's square, the largest eigenvalue. A pass in
# single precision comes before the third and fourth; Lanczos stops at 1e-3.
_CLOSE = np.array([1e-6, 1e-9, 1e-4, 1e-4, 2e-3])


def _laboratories(bench: Bench) -> tuple[Laboratory, Laboratory, tuple[int, ...]]:
    """Return the digits on the CPU and on the device, both by the torch engine, and batch sizes."""
    sizes = (16,) if bench.quick else (4, 32, 256)
    trials = 3 if bench.quick else 8
    request = Request(sparsity=_SPARSITIES, batch_sizes=sizes, trials=trials, device="cpu", engine="torch")
    if bench.quick:
        request = dataclasses.replace(request, goal_error=(0.5,), max_steps=60, pruning_examples=200)
    specification, dataset = resolve(request, cuda_available=False)
    there = dataclasses.replace(specification, device="cuda" if bench.on_gpu else "cpu")
    return Laboratory(specification, dataset), Laboratory(there, dataset), sizes


def digits(bench: Bench) -> None:
    """Compare masks, steps to result and errors of whole studies."""
    cpu, device, sizes = _laboratories(bench)
    trials = cpu.specification.trials
    masks, others = (
        np.stack([laboratory.masks(_SPARSITIES, 0, trial) for trial in range(trials)], axis=1)
        for laboratory in (cpu, device)
    )
    alike = float((masks == others).mean())
    bench.check("SNIP keeps the CPU's weights", alike > 0.9995, f"{100 * alike:.3f}% alike")
    near = []
    for kept, sparsity in zip(masks, _SPARSITIES, strict=True):
        for size in sizes:
            found = []
            for laboratory in (cpu, device):
                (record,) = measure_study(laboratory, Study(sparsity, 0, size), kept, lambda _: None).records
                found.append(record.steps_to_result)
            bench.fact(f"steps to result at S={sparsity:g} B={size}, CPU and device", found)
            near.append(_near(*found))
    bench.check("steps to result are the CPU's, to a quarter", all(near), "rounding alone moves some by a fifth")
    weights = device.tensor(np.stack([device.initial_weights(0, trial) for trial in range(trials)]))
    goals, known = device.goal_test(0), cpu.goal_test(0)
    assert isinstance(goals, GoalTest)
    assert isinstance(known, GoalTest)
    errors = goals.errors(weights)
    off = int((errors - known.errors(weights.cpu())).abs().max())
    bench.check("errors are the CPU's, to one image", off <= 1, f"{off} apart")


def _near(expected: int | None, steps: int | None) -> bool:
    """Return whether steps to result are within a quarter of those expected, or missing like them."""
    return expected == steps if expected is None or steps is None else abs(steps - expected) <= 0.25 * expected


def own_module(bench: Bench) -> None:
    """Race the example of a user's own module, whose layers are batched over trials and whose metric is its own."""
    request = Request(workload="examples.own_model:make_workload", batch_sizes=(16,), trials=4, device="cpu")
    if bench.quick:
        request = dataclasses.replace(request, max_steps=20)
    specification, dataset = resolve(request, cuda_available=False)
    there = dataclasses.replace(specification, device="cuda" if bench.on_gpu else "cpu")
    kept = np.ones((4, Laboratory(specification, dataset).network.size), dtype=np.bool_)
    ends = []
    for one in (specification, there):
        laboratory = Laboratory(one, dataset)
        (record,) = measure_study(laboratory, Study(0.0, 0, 16), kept, lambda _: None).records
        ends.append(record.steps_to_result)
    told = " and ".join(map(str, ends))
    bench.check("a module of one's own needs the CPU's steps, to a quarter", _near(*ends), told)


def constants(bench: Bench) -> None:
    """Compare L, f, the gradient's variance and square, and the largest eigenvalue of the Hessian."""
    for name in list(SHAPES)[: 1 if bench.quick else None]:
        expected, found = (_constants(bench, name, device) for device in (torch.device("cpu"), bench.device))
        off = np.abs(found / expected - 1)
        held = bool((off < _CLOSE).all())
        bench.check(f"L, f, variance, square, eigenvalue of {name}", held, ", ".join(f"{value:.1e}" for value in off))


def _constants(bench: Bench, name: str, device: torch.device) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return them at the initial weights, along a step that the CPU takes."""
    cpu, data = torch.device("cpu"), bench.examples(name, 24 if bench.quick else 96, torch.device("cpu"))
    network, weights = bench.network(name, device), bench.weights(name, 1, cpu)
    mask = (torch.arange(network.size) % 3 != 0).float()[None]
    weights = weights * mask
    given = data.training_images, data.training_labels
    gradient = loss_and_gradient(bench.network(name, cpu), weights.double(), *given)[1] * mask
    before, after, kept = (one.to(device) for one in (weights, weights - 0.05 * gradient.float(), mask))
    sample = Sample(given[0].to(device), given[1].to(device), len(given[1]))
    step = local_smoothness(network, before, after, kept, sample, gradient[0].to(device))
    noise = gradient_noise(network, before, kept, sample)
    field = loss_field(network, kept, sample.images, sample.labels, loss_and_gradient)
    spectrum = gradient_spectrum(product_at(field, weights[0].double().numpy()), gradient[0].numpy())
    assert step.smoothness is not None
    assert spectrum is not None
    top = spectrum.values.max()
    return np.array([step.smoothness[0], step.before[0], noise.variance[0], noise.gradient_square[0], top])
