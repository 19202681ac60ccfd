"""Masks that a user gives, in every form; each is the same vector."""

import numpy as np
import pytest
import torch
from samples import own_workloads
from samples.own_workloads import perceptron, pruned
from torch import nn
from torch.nn.utils import prune

from empirics.errors import InputError
from empirics.networks.own_masks import OwnMasks, flat_mask
from empirics.workloads.own import LoadedWorkload, load_own_workload


@pytest.fixture(scope="module")
def network():
    return load_own_workload("samples.own_workloads:masked").network


def removed():
    module = pruned()
    for at in (0, 3):
        prune.remove(module[at], "weight")
    return module


def with_seed(make):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return make()


MODULE = with_seed(pruned)
MASKS = {"0.weight": MODULE[0].weight_mask.bool(), "3.weight": MODULE[3].weight_mask.bool()}
FORMS = {
    "a pruned module": MODULE,
    "its state dict": MODULE.state_dict(),
    "a module whose pruning is made permanent": with_seed(removed),
    "masks by name": MASKS,
    "masks of numpy": {name: mask.numpy() for name, mask in MASKS.items()},
    "masks of zeros and ones": {name: mask.float() for name, mask in MASKS.items()},
    "a state dict with a buffer called a mask": {
        **{name: value for name, value in with_seed(removed).state_dict().items() if "weight" in name},
        "causal_mask": torch.ones(3, 3).tril(),
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_vector(form, network):
    """Biases, gains and what has no mask are kept; weights in the order of the module's parameters."""
    expected = torch.cat(
        [MASKS.get(name, torch.ones_like(value).bool()).flatten() for name, value in perceptron().named_parameters()]
    )
    assert np.array_equal(flat_mask(network, FORMS[form]), expected.numpy())
    assert "buffer" in form or OwnMasks(FORMS[form]).digest() == OwnMasks(MASKS).digest()


def test_a_function_is_given_the_trials_own_weights(network):
    """By magnitude the smaller half of each weight tensor goes."""
    weights = torch.from_numpy(network.initial_weights(np.random.default_rng(3)))
    kept = network.masks(weights, 50.0, seed=0)
    start = 0
    for parameter in network.parameters:
        part = slice(start, start := start + parameter.size)
        sizes, of_part = weights[part].abs().numpy(), kept[part]
        if parameter.name in MASKS:
            assert of_part.sum() == parameter.size / 2
            assert sizes[of_part].min() >= sizes[~of_part].max()
        else:
            assert of_part.all()


def test_a_function_that_draws_draws_by_its_seed_and_leaves_torchs_generator_alone():
    network = load_own_workload("samples.own_workloads:masked_at_random").network
    weights = torch.from_numpy(network.initial_weights(np.random.default_rng(3)))
    before = torch.random.get_rng_state()
    one, again, other = (network.masks(weights, 50.0, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_masks_by_sparsity_are_told_apart(network):
    def of(masks, sparsity):
        return OwnMasks(masks).of(network, perceptron, sparsity, 0)

    both = {50: MODULE, 75.0: own_workloads.by_magnitude}
    assert np.array_equal(of(both, 50.0), flat_mask(network, MODULE))
    assert (~of(both, 75.0)).sum() == 36 + 18
    with pytest.raises(InputError, match="there are none for --sparsity 90, only for 50, 75"):
        of(both, 90.0)


def test_other_masks_have_another_digest():
    changed = with_seed(pruned)
    changed[0].weight_mask[0, 0] = 1 - changed[0].weight_mask[0, 0]
    digests = [OwnMasks(given).digest() for given in (MODULE, changed, {50: MODULE}, own_workloads.by_magnitude)]
    assert len(set(digests)) == 4
    assert digests[3] != OwnMasks(own_workloads.at_random).digest()
    assert digests[3].startswith("by_magnitude, code ")


def raises(_module, _sparsity, _seed):
    raise KeyError("no such layer")


BAD = {
    "another sparsity": (
        MODULE,
        90.0,
        r"prune 50% of the weights, biases aside, where --sparsity asks for 90; use --s",
    ),
    "nothing": ({}, 50.0, "there are none in it; give a pruned module"),
    "an unknown name": (
        {"1.weigth": torch.ones(8).bool()},
        50.0,
        r"no parameter '1.weigth'; it has 0.bias, 0.weight, ",
    ),
    "another shape": ({"0.weight": torch.ones(6, 8).bool()}, 50.0, r"'0.weight' is of shape \(8, 6\), .*of \(6, 8\)"),
    "gains": ({"1.weight": torch.zeros(8).bool()}, 50.0, "take gains of a normalisation, which are never pruned"),
    "a function that raises": (raises, 50.0, r"called with \(module, 50, 0\), raised KeyError: 'no such layer'"),
    "a function of text": (lambda *_: "all", 50.0, "must be a pruned module, its state dict or a function, not str"),
    "an unpruned module": (perceptron(), 50.0, "prune 0% of the weights"),
}


def frozen_last():
    module = perceptron()
    module[3].requires_grad_(requires_grad=False)
    return module


def test_a_mask_may_leave_a_frozen_layer_whole_and_not_prune_it():
    network = LoadedWorkload("x:y", own_workloads.workload(module=frozen_last)).network
    whole = {"0.weight": MASKS["0.weight"], "3.weight": torch.ones(3, 8).bool()}
    kept = OwnMasks(whole).of(network, frozen_last, 50.0, 0)
    assert len(kept) == network.size == 6 * 8 + 8 + 8 + 8
    assert (~kept).sum() == 24
    with pytest.raises(InputError, match=r"masks: '3.weight' is frozen, so it is no part of what is pruned; leave its"):
        OwnMasks(MODULE).of(network, frozen_last, 50.0, 0)
    zeros = with_seed(removed).state_dict()  # of a state dict without masks the zeros of what is trained count
    assert np.array_equal(OwnMasks(zeros).of(network, frozen_last, 50.0, 0), kept)


@pytest.mark.parametrize("case", BAD)
def test_masks_that_do_not_fit_are_refused(case, network):
    given, sparsity, message = BAD[case]
    with pytest.raises(InputError, match=message):
        OwnMasks(given).of(network, perceptron, sparsity, 0)


def test_masks_of_biases_count_and_are_heeded(network):
    masks = {**MASKS, "0.bias": torch.tensor([True, False] * 4)}
    kept = OwnMasks(masks).of(network, perceptron, 50.0, 0)
    assert (~kept).sum() == 24 + 12 + 4


def test_a_network_with_only_one_pruned_layer_says_its_own_sparsity(network):
    with pytest.raises(InputError, match=r"prune 33.33% of the weights, .* use --sparsity 33.33, or other"):
        OwnMasks({"0.weight": MASKS["0.weight"]}).of(network, nn.Identity, 50.0, 0)
