"""Passes that training does not need and a run makes: each is tried before, and its option named where it fails."""

import dataclasses

import pytest
import torch
from samples import own_workloads
from torch import nn
from torch.nn import functional

from empirics.errors import InputError
from empirics.specification.request import Request
from empirics.specification.specification import resolve
from empirics.training.laboratory import check_network
from empirics.workloads.own import load_own_workload

HERE = "samples.own_workloads"


class Doubling(torch.autograd.Function):
    """Twice the input, with a gradient that has none."""

    @staticmethod
    def forward(context, inputs):
        return 2 * inputs

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context, slopes):
        return 2 * slopes


class OfFewExamples(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = own_workloads.perceptron()

    def forward(self, inputs):
        if len(inputs) > 20:
            raise ValueError("too many")
        return self.inner(inputs)


class MixesMany(OfFewExamples):
    def forward(self, inputs):
        return self.inner(inputs - inputs.mean(dim=0) * (len(inputs) > 20))


def changing(change):
    return lambda: own_workloads.Changed(change)


def symmetric():
    class Symmetric(nn.Module):
        def forward(self, weight):
            return weight + weight.T

    layer = nn.Linear(6, 6)
    nn.utils.parametrize.register_parametrization(layer, "weight", Symmetric())
    return nn.Sequential(layer, nn.Tanh(), nn.Linear(6, 3))


def dead():
    module = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    module[0].bias.data.fill_(-100.0)
    return module


CASES = {
    "casts": (changing(lambda m, x: m.inner(x.float())), {}, "fails in float64, .*RuntimeError.*--no-constants"),
    "autocast": (
        changing(lambda m, x: own_workloads.in_bfloat16(m, x).float()),
        {},
        "other outputs in float64, .*leave out autocast",
    ),
    "once, grasp": (
        changing(lambda m, x: Doubling.apply(m.inner(x))),
        {"pruning": "grasp", "constants": False, "sparsity": (50.0,)},
        "--pruning grasp: the module or loss fails: its second derivatives .*use another method",
    ),
    "many": (OfFewExamples, {}, r"fails on inputs of shape \(68, 6\): ValueError: too many"),
    "mixes many": (MixesMany, {}, "depends on the others in its batch"),
    "symmetric": (symmetric, {"sparsity": (50.0,)}, "'0.weight' is computed by Symmetric: .*nothing would be pruned"),
    "orthogonal": (
        lambda: nn.Sequential(nn.utils.parametrizations.orthogonal(nn.Linear(6, 6)), nn.Linear(6, 3)),
        {"sparsity": (50.0,)},
        "'0.weight' is computed by _Orthogonal",
    ),
    "zero head": (
        own_workloads.zero_head,
        {"sparsity": (50.0,)},
        r"--pruning snip: every weight has the score 0, .*\(at zero: 3.weight\)",
    ),
    "dead units": (dead, {"sparsity": (50.0,)}, "--pruning snip: every weight has the score 0, .*dead units"),
}


@pytest.fixture
def check(monkeypatch):
    """Check a network for a request, as a run or a plan does first."""

    def checked(factory, **request):
        monkeypatch.setattr(own_workloads, "plain", lambda: own_workloads.workload(module=factory))
        load_own_workload.cache_clear()
        words = {"workload": f"{HERE}:plain", "sparsity": (0.0,)} | request
        specification, dataset = resolve(Request(**words), cuda_available=False)
        check_network(specification, dataset, specification.workload.build_network(dataset))

    yield checked
    load_own_workload.cache_clear()


@pytest.mark.parametrize("case", CASES)
def test_a_pass_that_fails_is_refused_before_anything_is_trained(case, check):
    factory, request, message = CASES[case]
    with pytest.raises(InputError, match=message) as refusal:
        check(factory, **request)
    assert str(refusal.value).startswith(f"{HERE}:plain: ")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("case", "without"),
    [
        ("casts", {"constants": False}),
        ("autocast", {"constants": False}),
        ("symmetric", {"sparsity": (0.0,)}),
        ("zero head", {"pruning": "random"}),
    ],
)
def test_what_the_refusal_names_helps(case, without, check):
    factory, request, _ = CASES[case]
    check(factory, **(request | without))


@pytest.mark.parametrize("pruning", ["snip", "grasp", "synflow"])
def test_weights_in_two_parts_can_be_pruned(pruning, check):
    check(
        lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(6, 8)), nn.Tanh(), nn.Linear(8, 3)),
        sparsity=(10.0,),
        pruning=pruning,
    )


def test_built_in_networks_are_not_tried(laboratory, digits, monkeypatch):
    monkeypatch.setattr(functional, "conv2d", None)
    check_network(dataclasses.replace(laboratory.specification, sparsities=(90.0,)), digits, laboratory.network)
