import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from empirics.probes.sample import Sample, with_each_left_out


def sample(examples, population):
    return Sample(torch.zeros(examples), torch.zeros(examples), population)


@given(st.integers(2, 200))
def test_groups_are_disjoint_nearly_equal_and_hold_every_example(examples):
    groups = sample(examples, 10_000).groups()
    assert [row for group in groups for row in range(group.start, group.stop)] == list(range(examples))
    sizes = {group.stop - group.start for group in groups}
    assert len(groups) == min(10, examples)
    assert max(sizes) - min(sizes) <= 1


def test_the_whole_training_set_is_one_group_without_error():
    assert sample(100, 100).groups() == [slice(0, 100)]
    assert sample(100, 100).standard_error(np.array([3.0])) is None


def test_the_error_of_a_mean_is_the_textbook_one():
    # groups of one: the jackknife of a mean is s/sqrt(n), here with the factor of draws without replacement
    values = np.random.default_rng(0).normal(size=10)
    replicates = with_each_left_out(values) / with_each_left_out(np.ones(10))
    expected = np.std(values, ddof=1) / np.sqrt(10) * np.sqrt(1 - 10 / 40)
    assert sample(10, 40).standard_error(replicates) == pytest.approx(expected, rel=1e-12)


def test_the_error_covers_the_truth_as_often_as_it_should():
    """600 samples of 50 out of 200: the truth lies within Student's 95% of the mean in 95% of them, +- 2.7 points.

    Three standard errors of a share of 600 are 2.7 points. An error that is off by a fifth would cover 89% or 98%.
    """
    random = np.random.default_rng(0)
    population = random.normal(size=200)
    inside = 0
    for _ in range(600):
        values = population[random.permutation(200)[:50]]
        groups = [values[group] for group in sample(50, 200).groups()]
        sums, counts = (with_each_left_out(np.array(part)) for part in ([g.sum() for g in groups], [5.0] * 10))
        error = sample(50, 200).standard_error(sums / counts)
        inside += abs(values.mean() - population.mean()) < 2.262 * error  # t with 9 degrees of freedom
    assert 0.923 <= inside / 600 <= 0.977
