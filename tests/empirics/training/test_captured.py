"""The path that a GPU takes, on a CPU, where whatever repeats the same call on the same memory stands for a graph."""

import itertools

import pytest
import torch
from reference.empirics import plain
from samples.networks import SMALL_CNN

from empirics.training.block import TrialBlock
from empirics.training.captured import CapturedStep
from empirics.workloads.find import find_workload
from empirics.workloads.optimizers import OPTIMIZERS

POINT = {
    "learning_rate": 0.05,
    "momentum": 0.9,
    "decay_steps": 5.0,
    "end_learning_rate_factor": 0.1,
    "weight_decay": 0.1,
}
WORKLOADS = [f"mnist/simple-cnn/{rule}{schedule}" for rule in OPTIMIZERS for schedule in ("", "/linear")]


def repeat(kernels):
    """Stand for a capture: run as often as one does, then repeat the same call."""
    for _ in range(4):
        kernels()
    return kernels


def batches(sizes):
    images, labels, *_ = plain.split_digits()
    ends = itertools.accumulate(sizes)
    return [(images[end - size : end].float(), labels[end - size : end]) for end, size in zip(ends, sizes, strict=True)]


def block(workload, random_weights, capture):
    weights = random_weights(plain.SmallCnn, 3).float()
    masks = (torch.rand(3, 6090, generator=torch.Generator().manual_seed(0)) < 0.5).float()
    made = TrialBlock(SMALL_CNN, find_workload(workload), range(3), weights * masks, masks, [POINT] * 3)
    made.capture = capture
    return made


def trained(made):
    """Train on batches of two shapes, of which a trial leaves on the way; return what is left."""
    finite = [made.step(*batch) for batch in batches([8, 8, 8, 5, 5, 8])]
    made.keep(torch.tensor([True, False, True]))
    finite += [made.step(*batch) for batch in batches([8, 8])]
    return [*finite, *made.state().values()]


@pytest.mark.parametrize("workload", WORKLOADS)
def test_captured_steps_are_the_plain_ones(workload, random_weights):
    captured, made = [], CapturedStep.__init__

    def counted(self, *arguments):
        captured.append(self)
        made(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CapturedStep, "__init__", counted)
        found = trained(block(workload, random_weights, repeat))
    assert all(map(torch.equal, found, trained(block(workload, random_weights, None))))
    assert [step.agrees for step in captured] == [True] * 4, "one a shape of batch and number of trials"


def test_a_capture_that_does_something_else_is_not_believed(random_weights):
    def forgetful(kernels):
        result = kernels()
        return lambda: result

    found = trained(block("mnist/simple-cnn/momentum", random_weights, forgetful))
    assert all(map(torch.equal, found, trained(block("mnist/simple-cnn/momentum", random_weights, None))))


def test_results_are_copies_that_the_next_step_leaves_alone(random_weights):
    made = block("mnist/simple-cnn/sgd", random_weights, repeat)
    kept = torch.ones(3, dtype=torch.bool)

    def reused(kernels):
        def launch():
            kept.copy_(kernels())
            return kept

        return launch

    made.capture = reused
    first = made.step(*batches([8])[0])
    kept.zero_()
    assert first.tolist() == [True] * 3


def test_a_cpu_captures_nothing(random_weights):
    workload, weights = find_workload("digits"), random_weights(plain.SmallCnn, 1)
    assert TrialBlock(SMALL_CNN, workload, [0], weights, torch.ones_like(weights), [POINT]).capture is None
