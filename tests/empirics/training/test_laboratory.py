import dataclasses

import numpy as np
import pytest
import torch
from reference.empirics import plain
from samples import on_gpu
from tools.pretend_gpu import PretendGpu

from empirics.errors import InputError
from empirics.pruning.methods import UnrankedError, prune
from empirics.training.laboratory import Laboratory, check_network
from empirics.workloads.goal_label import GoalCount


def test_the_split_is_the_twins(laboratory):
    data = laboratory.split(0)
    images, labels, validation_images, validation_labels = plain.split_digits()
    float32 = {"rtol": 0, "atol": 3 * 2.0**-24}
    torch.testing.assert_close(data.training_images.double(), images, **float32)
    torch.testing.assert_close(data.validation_images.double(), validation_images, **float32)
    assert torch.equal(data.training_labels, labels)
    assert torch.equal(data.validation_labels, validation_labels)


def test_replicates_have_splits_of_their_own(laboratory):
    assert not torch.equal(laboratory.split(0).validation_labels, laboratory.split(1).validation_labels)


def test_the_goal_counts_on_the_validation_set(laboratory_of):
    # 0.08 x 179 = 14.32
    test = laboratory_of(goal_error=(0.08,)).goal_test(0)
    weights = torch.zeros(1, 6090)  # predicts class 0 for everything
    *_, labels = plain.split_digits()
    assert test.errors(weights).tolist() == [int((labels != 0).sum())]
    assert not test.reached(weights, [0])


def test_a_goal_that_is_a_count_is_tested_by_it(laboratory_of):
    *_, labels = plain.split_digits()
    weights, errors = torch.zeros(1, 6090), int((labels != 0).sum())
    found = laboratory_of(goal_error=(errors / 179,))
    assert found.goal_test(0).reached(weights, [0])
    counts = (GoalCount(errors / 179, 179, errors - 1),)
    workload = dataclasses.replace(found.specification.workload, goal_counts=counts)
    found.specification = dataclasses.replace(found.specification, workload=workload)
    assert not found.goal_test(0).reached(weights, [0])


def test_the_probe_is_the_whole_training_set_unless_told_otherwise(laboratory, laboratory_of):
    everything = laboratory.sample(0)
    assert torch.equal(everything.images, laboratory.split(0).training_images)
    assert torch.equal(everything.labels, laboratory.split(0).training_labels)
    assert everything.whole
    few = laboratory_of(examples=50)
    rows = plain.draws(0, plain.PROBE, 0).permutation(1618)[:50]
    assert torch.equal(few.sample(0).images, few.split(0).training_images[rows])
    assert torch.equal(few.sample(0).labels, few.split(0).training_labels[rows])
    assert few.sample(0).population == 1618


def test_masks_survive_packing(laboratory):
    masks = laboratory.masks((0.0, 70.0), 1, 2)
    records = laboratory.mask_records(1, 2, (0.0, 70.0))
    assert [(record.replicate, record.trial, record.sparsity) for record in records] == [(1, 2, 0.0), (1, 2, 70.0)]
    unpacked = laboratory.unpack([record.bits for record in records])
    assert unpacked.shape == (2, 6090)
    assert np.array_equal(unpacked, masks)


def test_a_mask_does_not_depend_on_the_other_sparsities_asked_for(laboratory):
    (alone,) = laboratory.mask_records(0, 1, (70.0,))
    together = laboratory.mask_records(0, 1, (0.0, 50.0, 70.0, 90.0))
    assert alone in together


def test_without_pruning_every_weight_is_kept(laboratory):
    (record,) = laboratory.mask_records(0, 0, (0.0,))
    assert laboratory.unpack([record.bits]).all()


def test_mask_tensors_are_factors(laboratory):
    tensor = laboratory.mask_tensor(np.array([True, False]))
    assert tensor.tolist() == [[1.0, 0.0]]


def test_a_sparsity_that_keeps_nothing_is_refused(laboratory, digits):
    specification = dataclasses.replace(laboratory.specification, sparsities=(0.0, 99.999))
    with pytest.raises(
        InputError, match=r"--sparsity 99\.999: keeps none of the network's 6090 weights; use a lower one"
    ):
        check_network(specification, digits, laboratory.network)
    check_network(dataclasses.replace(specification, sparsities=(99.99,)), digits, laboratory.network)


def test_laboratories_of_one_specification_agree_to_the_bit(laboratory, digits):
    other = Laboratory(laboratory.specification, digits)
    assert other.mask_records(0, 0, (90.0,)) == laboratory.mask_records(0, 0, (90.0,))


def test_a_trial_whose_scores_rank_nothing_is_cut_and_ends_no_search(laboratory, monkeypatch):
    def ranks_nothing(trials, method, biases, sparsities):
        if any(sparsity > 0 for sparsity in sparsities):
            raise UnrankedError("every weight has the score 0")
        return prune(trials, method, biases, sparsities)

    monkeypatch.setattr("empirics.training.laboratory.prune", ranks_nothing)
    masks = laboratory.masks([0.0, 90.0], 0, 1)
    assert [int(mask.sum()) for mask in masks] == [laboratory.network.size, 0]
    (start,) = laboratory.start_records(0, 1, [(90.0, np.packbits(masks[1]).tobytes())])
    assert start.fault == "no path is left from inputs to outputs"


@pytest.mark.parametrize("precision", ["tf32", "float32"])
def test_tf32_is_used_on_request_alone(precision):
    flags = torch.backends.cudnn, torch.backends.cuda.matmul
    with PretendGpu():
        on_gpu.laboratory_on_gpu(precision=precision)
    assert {one.allow_tf32 for one in flags} == {precision == "tf32"}
