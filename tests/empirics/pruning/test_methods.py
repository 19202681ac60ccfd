import numpy as np
import pytest
import torch
from reference.empirics import plain, protocol
from samples.networks import SMALL_CNN

from empirics.networks.gradient import loss_and_gradient
from empirics.pruning.methods import PRUNING_METHODS, Untrained, prune
from empirics.pruning.scores import gradient_flow

BIASES = 16 + 32 + 10


@pytest.fixture
def untrained(small_batch):
    weights = torch.from_numpy(
        np.stack([plain.initial_weights(plain.SmallCnn, plain.draws(0, plain.INIT, 0, trial)) for trial in range(2)])
    )
    return Untrained(
        SMALL_CNN, weights, *small_batch, [np.random.default_rng(trial) for trial in range(2)], loss_and_gradient
    )


def test_gradient_flow_is_the_hessian_times_the_gradient(untrained):
    scores = gradient_flow(SMALL_CNN, untrained.weights, untrained.images, untrained.labels)
    for row, flat in zip(scores, untrained.weights, strict=True):
        expected = protocol.grasp_scores(plain.SmallCnn, flat, untrained.images, untrained.labels, step=1e-5)
        # A central difference errs by step^2 times a third derivative and by rounding over the step: about 1e-7 here;
        # a kink of relu or pooling within the step adds to single entries what one example of forty contributes.
        assert np.median(np.abs(row - expected)) <= 1e-6 * np.abs(expected).max()
        assert np.corrcoef(row, expected)[0, 1] > 0.9999


@pytest.mark.parametrize("sparsity", [50.0, 90.0])
def test_synaptic_flow_prunes_in_a_hundred_rounds(untrained, sparsity):
    masks = prune(untrained, "synflow", "prune", (sparsity,))[:, 0]
    for mask, flat in zip(masks, untrained.weights.numpy(), strict=True):
        expected = protocol.synflow_mask(plain.SmallCnn, flat, SMALL_CNN.is_bias, sparsity, (1, 8, 8))
        assert mask.sum() == expected.sum()
        assert (mask != expected).mean() < 1e-3  # scores that differ by rounding may change places


def test_magnitude_keeps_the_largest(untrained):
    (mask,) = prune(untrained, "magnitude", "prune", (80.0,))[0]
    sizes = untrained.weights[0].abs().numpy()
    assert sizes[mask].min() >= sizes[~mask].max()


def test_random_keeps_a_fair_share_of_every_layer(untrained):
    # 4608 weights of conv2, half kept: the kept share has sd 0.0074; five of them fail once in two million seeds.
    (mask,) = prune(untrained, "random", "keep", (50.0,))[0]
    assert mask[160 : 160 + 4608].mean() == pytest.approx(0.5, abs=5 * 0.0074)


@pytest.mark.parametrize("method", PRUNING_METHODS)
@pytest.mark.parametrize("sparsity", [0.0, 30.0, 90.0])
def test_what_becomes_of_biases(untrained, method, sparsity):
    counts = {}
    for biases in ("prune", "keep", "none"):
        (mask,) = prune(untrained, method, biases, (sparsity,))[0]
        counts[biases] = (int(mask.sum()), int(mask[SMALL_CNN.is_bias].sum()))
    total, weights = 6090, 6090 - BIASES
    kept = round(total * (1 - sparsity / 100))
    assert counts["prune"] == ((kept, 0) if sparsity else (total, BIASES))
    assert counts["keep"] == (round(weights * (1 - sparsity / 100)) + BIASES, BIASES)
    assert counts["none"] == ((kept, 0) if sparsity else (weights, 0))


@pytest.mark.parametrize("method", ["snip", "grasp", "magnitude", "random"])
def test_one_shot_masks_are_nested(untrained, method):
    masks = prune(untrained, method, "prune", (20.0, 60.0, 95.0))
    assert (masks[:, 2] <= masks[:, 1]).all()
    assert (masks[:, 1] <= masks[:, 0]).all()


@pytest.mark.parametrize("method", PRUNING_METHODS)
def test_masks_do_not_depend_on_the_other_sparsities_or_trials(laboratory_of, method):
    laboratory = laboratory_of(pruning=method, pruning_examples=40)
    together = laboratory.masks((30.0, 80.0), 0, 1)
    assert np.array_equal(together[1], laboratory.masks((80.0,), 0, 1)[0])
    assert not np.array_equal(together[1], laboratory.masks((80.0,), 0, 2)[0])


def test_snip_sees_the_examples_it_is_told_to(laboratory_of):
    few, more = (laboratory_of(pruning_examples=count).masks((80.0,), 0, 0)[0] for count in (100, 1618))
    images, labels, *_ = plain.split_digits()
    flat = plain.initial_weights(plain.SmallCnn, plain.draws(0, plain.INIT, 0, 0)).astype(np.float32)
    expected = plain.snip_mask(plain.snip_scores(plain.SmallCnn, flat, images[:100], labels[:100]), 80.0)
    assert (few != expected).mean() < 2e-3  # single precision may swap a few of nearly equal score
    assert (few != more).mean() > 0.01
