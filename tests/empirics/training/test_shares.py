"""A batch in shares: one process by turns, and threads that stand for processes, whose sums arrive all the same."""

import dataclasses
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from reference.empirics import plain
from samples.networks import SMALL_CNN

from empirics.networks.convolutional import ConvolutionalNetwork
from empirics.networks.gradient import loss_and_gradient
from empirics.training.block import TrialBlock
from empirics.training.shares import SharesAtOnce, SharesInTurn, joined, share
from empirics.workloads.find import find_workload

# As in test_training: rounding 40 x 64 products of sums of at most 281 terms, of values ten times the largest gradient.
# Here the same products are added in another order, so this bounds each way and twice this their difference.
GRADIENT_TOLERANCE = 2 * 4e-12


@given(ranks=st.integers(1, 300), examples=st.integers(0, 300))
def test_shares_are_the_whole_batch_in_order_and_as_equal_as_can_be(ranks, examples):
    rows = [list(range(examples))[share(rank, ranks, examples)] for rank in range(ranks)]
    assert [*itertools.chain(*rows)] == list(range(examples))
    sizes = [len(some) for some in rows]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("ranks", [1, 3, 41])
def test_the_shares_add_up_to_the_twins_loss_and_gradient(ranks, small_batch, random_weights):
    images, labels = small_batch
    weights = random_weights(plain.SmallCnn, 2)
    losses, gradients = SharesInTurn(ranks)(SMALL_CNN, weights, images, labels)
    for trial, flat in enumerate(weights):
        loss, gradient = plain.loss_and_gradient(plain.SmallCnn, flat, images, labels)
        assert float(losses[trial]) == pytest.approx(loss, rel=GRADIENT_TOLERANCE)
        tolerance = GRADIENT_TOLERANCE * np.abs(gradient).max()
        np.testing.assert_allclose(gradients[trial], gradient, rtol=0, atol=tolerance)


def test_shares_of_one_micro_batch_each_give_the_bits_of_the_whole(small_batch, random_weights):
    images, labels = small_batch
    weights = random_weights(plain.SmallCnn, 2).float()
    network = dataclasses.replace(SMALL_CNN, examples_at_once=2 * 20)
    expected = loss_and_gradient(network, weights, images, labels)
    for found, value in zip(SharesInTurn(2)(network, weights, images, labels), expected, strict=True):
        assert torch.equal(found, value)


def at_once(ranks, work):
    """Do `work(rank, gather)` in a thread a rank; return the results, or raise the first rank's error."""
    slots, barrier = [None] * ranks, threading.Barrier(ranks)

    def of(rank):
        def gather(values):
            slots[rank] = values.clone()
            barrier.wait(60)
            found = [slot.clone() for slot in slots]
            barrier.wait(60)
            return found

        return work(rank, gather)

    with ThreadPoolExecutor(ranks) as pool:
        return [future.result() for future in [pool.submit(of, rank) for rank in range(ranks)]]


def block_of(network, weights, gradient):
    point = {"learning_rate": 0.05, "momentum": 0.9}
    workload = find_workload("mnist/simple-cnn/nesterov")
    return TrialBlock(network, workload, range(3), weights.clone(), torch.ones_like(weights), [point] * 3, gradient)


@pytest.mark.parametrize("ranks", [2, 3])
def test_shares_at_once_and_in_turn_train_the_same_weights_to_the_bit(ranks, small_batch, random_weights):
    images, labels = small_batch
    weights = random_weights(plain.SmallCnn, 3).float()
    weights[1] *= 1e20  # diverges

    def train(gradient):
        block = block_of(SMALL_CNN, weights, gradient)
        finite = [block.step(images[:size], labels[:size]) for size in (40, 7, 1, 2)]
        block.keep([trial for trial, is_finite in enumerate(finite[-1].tolist()) if is_finite])
        finite.append(block.step(images, labels))
        return [*finite, *block.state().values()]

    expected = train(SharesInTurn(ranks))
    assert [row.tolist() for row in expected[:1]] == [[True, False, True]]
    for found in at_once(ranks, lambda rank, gather: train(SharesAtOnce(rank, ranks, gather))):
        assert all(torch.equal(value, other) for value, other in zip(found, expected, strict=True))


class TooLarge(ConvolutionalNetwork):
    """Runs out of memory with more than one trial."""

    def logits(self, parameters, images):
        if len(parameters[0]) > 1:
            raise torch.OutOfMemoryError("no more")
        return super().logits(parameters, images)


def test_where_one_process_lacks_memory_all_refuse_the_step_and_halve_alike(small_batch, random_weights):
    images, labels = small_batch
    weights = random_weights(plain.SmallCnn, 3)
    small = TooLarge(**{field.name: getattr(SMALL_CNN, field.name) for field in dataclasses.fields(SMALL_CNN)})

    def work(rank, gather):
        block = block_of(small if rank == 1 else SMALL_CNN, weights, SharesAtOnce(rank, 2, gather))
        with pytest.raises(torch.OutOfMemoryError, match="the share of 1 of 2 processes is too large"):
            block.step(images, labels)
        assert torch.equal(block.weights, weights)
        part = block.part([1])
        part.step(images, labels)
        return part.weights

    first, second = at_once(2, work)
    assert torch.equal(first, second)
    expected = block_of(SMALL_CNN, weights, SharesInTurn(2)).part([1])
    expected.step(images, labels)
    assert torch.equal(first, expected.weights)


@pytest.mark.parametrize(("device", "backend"), [("cuda:1", "nccl"), ("cpu", "gloo")])
def test_a_group_of_gpus_knows_which_one_each_process_has(device, backend, tmp_path, monkeypatch):
    begun = []
    monkeypatch.setattr("torch.distributed.FileStore", lambda *_: None)
    monkeypatch.setattr("torch.distributed.init_process_group", lambda *names, **words: begun.append((names, words)))
    monkeypatch.setattr("torch.distributed.destroy_process_group", lambda: None)
    with joined(1, 2, tmp_path / "meeting", torch.device(device)):
        ((names, words),) = begun
    assert names == (backend,)
    assert words["device_id"] == (torch.device(device) if backend == "nccl" else None)
