"""A user's data in every form: several inputs, data sets, loaders."""

import math

import numpy as np
import pytest
import torch
from samples.own_workloads import CLASSES, INPUTS, TOKENS, Batches, Moved, Pairs, TwoInputs
from torch.nn import functional
from torch.utils.data import DataLoader

from empirics.errors import InputError
from empirics.networks.gradient import loss_and_gradient
from empirics.networks.module_checks import trained
from empirics.workloads.own import load_own_workload
from empirics.workloads.own_data import read_data


class Nested(Pairs):
    """Pairs whose inputs are two."""

    def __init__(self, named=False):
        self.named = named

    def __getitem__(self, index):
        parts = {"numbers": INPUTS[index], "tokens": TOKENS[index]}
        return (parts if self.named else tuple(parts.values())), CLASSES[index]


@pytest.mark.parametrize("path", ["two_inputs", "named_inputs"])
def test_a_module_with_two_inputs_has_the_gradient_that_it_has_alone(path):
    """For two trials at once, in single and in double precision."""
    loaded = load_own_workload(f"samples.own_workloads:{path}")
    network = loaded.network
    rows = np.stack([network.initial_weights(np.random.default_rng(seed)) for seed in (0, 1)])
    packed, classes = (torch.from_numpy(part) for part in (loaded.dataset.images, loaded.dataset.labels))
    assert network.batched
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.float64, 1e-12)):
        weights = torch.from_numpy(rows).to(dtype)
        losses, gradients = loss_and_gradient(network, weights, packed, classes)
        for flat, loss, gradient in zip(weights, losses, gradients, strict=True):
            module = TwoInputs().to(dtype)
            torch.nn.utils.vector_to_parameters(flat, module.parameters())
            expected = functional.cross_entropy(
                module(torch.from_numpy(INPUTS).to(dtype), torch.from_numpy(TOKENS)), classes
            )
            slopes = torch.autograd.grad(expected, [value for _, value in trained(module)])
            assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=tolerance)
            alone = torch.cat([slope.flatten() for slope in slopes])
            assert torch.allclose(gradient, alone, rtol=0, atol=tolerance * float(alone.abs().max()))


FORMS = {
    "arrays": ((INPUTS, TOKENS), CLASSES),
    "a data set": Nested(),
    "a loader": DataLoader(Nested(), batch_size=7),
    "a loader of several workers": DataLoader(Nested(), batch_size=7, num_workers=1),
    "batches": Batches(*(((INPUTS[part], TOKENS[part]), CLASSES[part]) for part in (slice(40), slice(40, None)))),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_two_inputs_is_the_same_rows(form):
    inputs, classes, packing = read_data("data", FORMS[form])
    assert np.array_equal(inputs, np.concatenate([INPUTS, TOKENS], axis=1).astype(np.float32))
    assert inputs.dtype == np.float32
    assert np.array_equal(classes, CLASSES)
    assert packing.shapes == ((6,), (5,))
    assert packing.whole == (False, True)


def test_a_dictionary_of_inputs_keeps_its_names():
    for data in (({"numbers": INPUTS, "tokens": TOKENS}, CLASSES), Nested(named=True), DataLoader(Nested(named=True))):
        inputs, _, packing = read_data("data", data)
        assert packing.names == ("numbers", "tokens")
        assert inputs.shape == (60, 11)


def test_tokens_alone_stay_whole_numbers():
    inputs, _, packing = read_data("data", ((TOKENS, TOKENS[:, :2]), CLASSES))
    assert inputs.dtype == np.int64
    parts = packing.unpack(torch.from_numpy(inputs))
    assert [part.dtype for part in parts] == [torch.int64] * 2
    assert np.array_equal(parts[1], TOKENS[:, :2])


def test_what_torch_draws_in_a_data_set_is_the_same_in_every_process():
    """Processes read the data anew, each with torch's generator in another state."""
    first, second = (read_data("data", Moved(torch.rand(()).uniform_)) for _ in range(2))
    assert np.array_equal(first[0], second[0])
    assert not np.array_equal(first[0], INPUTS)


def test_a_value_that_is_no_number_in_a_data_set_is_told_as_such():
    with pytest.raises(InputError, match="data: holds values that are not finite"):
        read_data("data", Moved(lambda: math.nan))


def test_a_loader_with_one_input_is_its_data_set_and_a_shuffled_one_the_same_in_every_process():
    plain, shuffled = (
        read_data("data", DataLoader(Pairs(), batch_size=8, shuffle=shuffle)) for shuffle in (False, True)
    )
    assert np.array_equal(plain[0], INPUTS)
    assert plain[2] is None
    assert not np.array_equal(shuffled[0], INPUTS)
    again = read_data("data", DataLoader(Pairs(), batch_size=8, shuffle=True))
    assert np.array_equal(shuffled[0], again[0])
    assert np.array_equal(np.sort(shuffled[0], axis=0), np.sort(INPUTS, axis=0))
