"""The look at a pruned network before training: what it finds in networks whose paths can be counted by hand."""

import numpy as np
import pytest
import torch
from samples import own_workloads
from tools.commands import code_of
from torch import nn
from torch.nn import functional

from empirics.errors import InputError
from empirics.measure import main
from empirics.networks.build import build_network
from empirics.networks.gradient import loss_and_gradient
from empirics.networks.module_network import module_network
from empirics.pruning.masked_start import masked_starts
from empirics.pruning.methods import Untrained, prune
from empirics.pruning.starts import judge_starts
from empirics.records import StartRecord

HERE = "samples.own_workloads"
INPUTS, CLASSES = torch.from_numpy(own_workloads.INPUTS), torch.from_numpy(own_workloads.CLASSES)


def starts_of(module, *masks):
    """Look at a module under masks given as one boolean array a parameter, in its order."""
    network = module_network(module, functional.cross_entropy, INPUTS[:8], CLASSES[:8])
    weights = torch.from_numpy(network.initial_weights(np.random.default_rng(0))[None])
    rows = np.stack([np.concatenate([np.ravel(part) for part in mask]).astype(bool) for mask in masks])
    return masked_starts(network, weights, rows, INPUTS, CLASSES)


def bare(*activation):
    """Return a factory of 6 - 4 - 3 without biases."""
    return lambda: nn.Sequential(nn.Linear(6, 4, bias=False), *activation, nn.Linear(4, 3, bias=False))


def entries(shape, *places):
    """Return a mask with some entries kept."""
    mask = np.zeros(shape, dtype=bool)
    for place in places:
        mask[place] = True
    return mask


@pytest.mark.parametrize("activation", [(), (nn.ReLU(),), (nn.Tanh(),), (nn.GELU(),)])
def test_one_chain_of_weights_is_a_path_and_two_halves_of_one_are_none(activation):
    first = entries((4, 6), (2, 5))
    chain, halves = ([first, entries((3, 4), (1, unit))] for unit in (2, 3))
    # In the chain 2 <- 5 is followed by 1 <- 2; in the halves nothing that leaves unit 2 is kept.
    joined, parted = starts_of(bare(*activation), chain, halves)
    assert (joined.fault, joined.emptied) == (None, ())
    assert (parted.fault, parted.emptied) == ("no path is left from inputs to outputs", ())


def test_a_layer_that_mixes_units_joins_two_halves():
    module = bare(nn.LayerNorm(4, elementwise_affine=False))
    (start,) = starts_of(module, [entries((4, 6), (2, 5)), entries((3, 4), (1, 3))])
    assert start.fault is None


def test_a_layer_taken_whole_is_named():
    (start,) = starts_of(bare(nn.Tanh()), [np.ones((4, 6)), np.zeros((3, 4))])
    assert start.fault == "no path is left from inputs to outputs"
    assert start.emptied == ("2.weight",)


def test_a_layer_beside_another_path_may_be_taken_whole():
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.block, self.out = nn.Linear(6, 6, bias=False), nn.Linear(6, 3, bias=False)

        def forward(self, inputs):
            return self.out(inputs + self.block(inputs))

    (start,) = starts_of(Residual, [np.zeros((6, 6)), np.ones((3, 6))])
    assert (start.fault, start.emptied) == (None, ("block.weight",))


def test_a_path_with_biases_alone_behind_it_is_none():
    module = own_workloads.perceptron
    (start,) = starts_of(module, [np.zeros((8, 6)), np.ones(8), np.ones(8), np.ones(8), np.ones((3, 8)), np.ones(3)])
    assert start.fault == "no path is left from inputs to outputs"


def test_weights_that_nothing_moves_are_told_from_a_path():
    def two_zeros():
        module = bare()()
        nn.init.zeros_(module[0].weight)
        nn.init.zeros_(module[1].weight)
        return module

    (start,) = starts_of(two_zeros, [np.ones((4, 6)), np.ones((3, 4))])
    assert start.fault == "no kept weight has a gradient, so no step would move one"


@pytest.mark.filterwarnings("ignore:.*is deprecated in favor of")
@pytest.mark.parametrize("normalised", [nn.utils.parametrizations.weight_norm, nn.utils.weight_norm])
def test_a_row_of_a_normalised_weight_may_be_pruned_whole(normalised):
    def factory():
        return nn.Sequential(normalised(nn.Linear(6, 4, bias=False)), nn.Tanh(), nn.Linear(4, 3, bias=False))

    row_gone = np.ones((4, 6))
    row_gone[1] = 0
    (start,) = starts_of(factory, [np.ones((4, 1)), row_gone, np.ones((3, 4))])
    assert (start.fault, start.emptied) == (None, ())


def test_a_norm_of_ones_own_that_nothing_is_left_of_is_named():
    class Normalised(nn.Module):
        def __init__(self):
            super().__init__()
            self.v, self.out = nn.Parameter(torch.randn(4, 6)), nn.Linear(4, 3, bias=False)

        def forward(self, inputs):
            return self.out(inputs @ (self.v / self.v.norm(dim=1, keepdim=True)).T)

    row_gone = np.ones((4, 6))
    row_gone[1] = 0
    fine, cut = starts_of(Normalised, [np.ones((4, 6)), np.ones((3, 4))], [row_gone, np.ones((3, 4))])
    assert fine.fault is None
    assert cut.fault == "the gradient of 'out.weight' is not finite before the first step"


def test_lengths_and_scales_are_never_pruned():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.utils.parametrizations.weight_norm(nn.Linear(6, 3))
            self.scale, self.column = nn.Parameter(torch.ones(1, 3)), nn.Parameter(torch.randn(3, 1))

        def forward(self, inputs):
            return self.inner(inputs) * self.scale * self.column.T

    network = module_network(Scaled, functional.cross_entropy, INPUTS[:8], CLASSES[:8])
    views = network.views(torch.from_numpy(network.never_pruned[None]))
    never = {parameter.name for parameter, view in zip(network.parameters, views, strict=True) if view.any()}
    assert never == {"inner.parametrizations.weight.original0", "scale"}
    thin = module_network(
        lambda: nn.Sequential(nn.Linear(6, 1), nn.Linear(1, 3)), functional.cross_entropy, INPUTS[:8], CLASSES[:8]
    )
    assert not thin.never_pruned.any()


@pytest.mark.parametrize(
    ("name", "shape"), [("small-cnn", (1, 8, 8)), ("simple-cnn", (1, 28, 28)), ("resnet-8", (3, 32, 32))]
)
def test_the_papers_networks_pass_at_ninety_percent(name, shape):
    network, random = build_network(name, shape), np.random.default_rng(5)
    images = torch.from_numpy(random.normal(size=(24, *shape)).astype(np.float32))
    labels = torch.from_numpy(random.integers(0, 10, size=24))
    weights = torch.from_numpy(network.initial_weights(random)[None])
    untrained = Untrained(network, weights, images, labels, (random,), loss_and_gradient)
    for method in ("snip", "random"):
        masks = prune(untrained, method, "prune", (0.0, 50.0, 90.0))[0]
        found = masked_starts(network, weights, masks, images, labels)
        assert [(start.fault, start.emptied) for start in found] == [(None, ())] * 3


@pytest.mark.parametrize("pruning", ["snip", "magnitude"])
def test_a_cut_network_is_refused_before_training_and_again(pruning, tmp_path, capsys):
    words = ("--workload", f"{HERE}:headless", "--sparsity", 0, 50, "--jobs", 1, "--out", tmp_path / "run")
    expected = {
        "snip": "--pruning snip: every weight has the score 0",
        "magnitude": "--sparsity 50: each of 3 trials cannot be trained: no path is left from inputs to outputs, and "
        "nothing of '3.weight'; use a lower sparsity or another --pruning than magnitude",
    }
    for _ in range(2):
        assert code_of(main, *words, "--pruning", pruning) == 2
        errors = capsys.readouterr().err
        assert expected[pruning] in errors.splitlines()[-1]
        assert "K* =" not in errors


def record(trial, fault=None, emptied=(), replicate=0):
    return StartRecord(replicate, trial, 90.0, fault, emptied)


def test_a_few_cut_trials_are_a_notice_and_all_of_a_replicate_a_refusal():
    found = [record(0), record(1, "no path", ("a", "b")), record(2), record(0, replicate=1), record(1, replicate=1)]
    (line,) = judge_starts(found, "random")
    assert line.startswith("notice: S=90: 1 of 3 trials cannot be trained: no path, and nothing of 'a', 'b'; ")
    found[3:] = [record(0, "no path", replicate=1), record(1, "no path", replicate=1)]
    with pytest.raises(
        InputError, match=r"^--sparsity 90: each of 2 trials of replicate 1 cannot be trained: no path;"
    ):
        judge_starts(found, "random")
    assert judge_starts([record(0), record(1)], "snip") == []
