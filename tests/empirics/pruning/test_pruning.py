import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from reference.empirics import plain
from samples.networks import SIMPLE_CNN, SMALL_CNN

from empirics.networks.gradient import loss_and_gradient
from empirics.pruning.methods import keep_mask, kept_weights
from empirics.pruning.scores import connection_sensitivity

# Gradients as in test_training, once a batch of 100: 2^-53 x (6400 + 2 x 281) x 10 of the largest score.
SCORE_TOLERANCE = 2.0**-53 * (6400 + 2 * 281) * 10


@pytest.fixture(scope="module")
def examples():
    """Two and a half batches of digits."""
    images, labels, *_ = plain.split_digits()
    return images[:250], labels[:250]


@pytest.mark.parametrize("trials", [1, 3])
def test_scores_are_those_of_explicit_masks(trials, examples, random_weights):
    weights = random_weights(plain.SmallCnn, trials)
    scores = connection_sensitivity(SMALL_CNN, weights, *examples)
    assert scores.shape == (trials, 6090)
    for row, flat in zip(scores, weights, strict=True):
        expected = plain.snip_scores(plain.SmallCnn, flat, *examples)
        np.testing.assert_allclose(row, expected, rtol=0, atol=SCORE_TOLERANCE * expected.max())


def test_masks_are_those_of_explicit_masks_on_the_training_set(laboratory):
    images, labels, *_ = plain.split_digits()
    random = plain.draws(0, plain.INIT, 0, 3)
    flat = plain.initial_weights(plain.SmallCnn, random).astype(np.float32)
    scores = plain.snip_scores(plain.SmallCnn, flat, images, labels)
    records = laboratory.mask_records(0, 3, (50.0, 90.0))
    for record, mask in zip(records, laboratory.unpack([record.bits for record in records]), strict=True):
        expected = plain.snip_mask(scores, record.sparsity)
        # Gradients in float32 can swap only weights whose scores are within 1e-4 of the last one kept.
        last_kept = scores[expected].min()
        clear = np.abs(scores - last_kept) > 1e-4 * last_kept
        assert clear.mean() > 0.99
        np.testing.assert_array_equal(mask[clear], expected[clear])
        assert mask.sum() == expected.sum()


def test_scores_sum_with_their_sign_over_the_epoch():
    # Two batches that pull a weight in opposite directions cancel. Images of -x with linear-only logits do that: with
    # all convolution weights 0 and bias 1 the features are constant, and labels 0 and 1 swap the gradient's sign.
    weights = torch.zeros(1, 6090, dtype=torch.float64)
    biases = slice(160 + 4608, 160 + 4608 + 32)
    weights[0, biases] = 1.0
    last = weights[:, 160 + 4608 + 32 : -10].view(1, 10, 128)
    last[:] = 1.0
    images = torch.zeros(200, 1, 8, 8, dtype=torch.float64)
    zeros, ones = torch.zeros(100, dtype=torch.int64), torch.ones(100, dtype=torch.int64)
    # equal logits: softmax 1/10 each; batch of label 0: gradient -0.9 for class 0 and 0.1 for all others, a feature
    one_batch = connection_sensitivity(SMALL_CNN, weights, images[:100], zeros)[0]
    both = connection_sensitivity(SMALL_CNN, weights, images, torch.cat([zeros, ones]))[0]
    linear = slice(160 + 4608 + 32, 6080)
    per_class = one_batch[linear].reshape(10, 128)[:, 0], both[linear].reshape(10, 128)[:, 0]
    np.testing.assert_allclose(per_class[0], [0.9, *[0.1] * 9], rtol=1e-12)
    np.testing.assert_allclose(per_class[1], [0.8, 0.8, *[0.2] * 8], rtol=1e-12)


def test_every_example_counts_once(examples, random_weights):
    seen = []

    def record(_network, weights, images, labels):
        seen.append(len(labels))
        return torch.zeros(len(weights)), torch.zeros_like(weights)

    connection_sensitivity(SMALL_CNN, random_weights(plain.SmallCnn, 2), *examples, record)
    assert seen == [100, 100, 50]


@pytest.mark.parametrize(("network", "size", "kept"), [(SIMPLE_CNN, 62346, 6235), (SMALL_CNN, 6090, 609)])
def test_ninety_percent_of_the_networks(network, size, kept):
    assert network.size == size
    assert kept_weights(size, 90.0) == kept


@given(st.integers(1, 100_000), st.floats(0, 100, exclude_max=True))
def test_the_number_kept_is_the_rounded_share(size, sparsity):
    kept = kept_weights(size, sparsity)
    assert kept == round(size * (1 - sparsity / 100))
    assert 0 <= kept <= size


score_arrays = hnp.arrays(np.float64, st.integers(1, 60), elements=st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.5]))
sparsities = st.floats(0, 100, exclude_max=True)


@given(score_arrays, sparsities)
def test_the_best_scores_are_kept_and_of_equals_the_first(scores, sparsity):
    np.testing.assert_array_equal(keep_mask(scores, sparsity), plain.snip_mask(scores, sparsity))


@given(score_arrays, sparsities, sparsities)
def test_masks_are_nested(scores, one, other):
    low, high = sorted((one, other))
    assert not (keep_mask(scores, high) & ~keep_mask(scores, low)).any()


@given(score_arrays, sparsities, st.floats(1e-3, 1e3))
def test_scaling_the_scores_leaves_the_mask(scores, sparsity, factor):
    np.testing.assert_array_equal(keep_mask(scores * factor, sparsity), keep_mask(scores, sparsity))


def test_scaling_the_loss_leaves_the_mask(examples, random_weights):
    weights = random_weights(plain.SmallCnn, 1)
    plainly = connection_sensitivity(SMALL_CNN, weights, *examples)

    def scaled_gradient(*arguments):
        return tuple(64 * part for part in loss_and_gradient(*arguments))

    scaled = connection_sensitivity(SMALL_CNN, weights, *examples, scaled_gradient)
    np.testing.assert_array_equal(scaled, 64 * plainly)  # a power of two is exact
    np.testing.assert_array_equal(keep_mask(scaled[0], 90.0), keep_mask(plainly[0], 90.0))


def test_no_sparsity_keeps_everything():
    assert keep_mask(np.zeros(7), 0.0).all()


BIASES = torch.cat([torch.full((p.size,), p.fan_in == 0) for p in SMALL_CNN.parameters]).numpy()


@pytest.mark.parametrize("sparsity", [10.0, 50.0, 90.0])
def test_initial_biases_are_pruned(laboratory, sparsity):
    (record,) = laboratory.mask_records(0, 0, (sparsity,))
    mask = laboratory.unpack([record.bits])[0]
    assert BIASES.sum() == 58
    assert not mask[BIASES].any()
    assert mask.sum() == round(6090 * (1 - sparsity / 100))


def test_the_first_percent_takes_only_weights_without_effect(laboratory):
    # 61 of 6090; biases are among them as far as weights of dead units leave room
    (record,) = laboratory.mask_records(0, 0, (1.0,))
    mask = laboratory.unpack([record.bits])[0]
    images, labels, *_ = plain.split_digits()
    scores = plain.snip_scores(
        plain.SmallCnn, plain.initial_weights(plain.SmallCnn, plain.draws(0, 0, 0, 0)), images, labels
    )
    assert (~mask).sum() == 61
    assert (scores[~mask] == 0).all()
    assert (scores[BIASES] == 0).all()
