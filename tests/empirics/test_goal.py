import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import empirics_plain as plain
from reference.empirics_networks import SMALL_CNN

from empirics.convolutional import ConvolutionalNetwork
from empirics.goal import GoalTest, goal_count


@dataclass(frozen=True)
class Goal:
    """A goal error, the size of the validation set and the errors that reach it; in floats 0.29 x 100 < 29."""

    error: float
    examples: int
    count: int


GOALS = [
    Goal(0.02, 6000, 120),
    Goal(0.12, 6000, 720),
    Goal(0.14, 6000, 840),
    Goal(0.08, 179, 14),
    Goal(0.29, 100, 29),
    Goal(0.57, 100, 57),
    Goal(0.001, 179, 0),
    Goal(0.999, 10, 9),
]


@pytest.mark.parametrize("goal", GOALS, ids=str)
def test_the_errors_that_still_reach_a_goal(goal):
    assert goal_count(goal.error, goal.examples) == goal.count


@given(st.integers(1, 9999), st.integers(1, 60_000))
def test_the_count_is_that_of_the_decimal_number_typed(tenthousandths, examples):
    exact = math.floor(Fraction(tenthousandths, 10_000) * examples)
    assert goal_count(tenthousandths / 10_000, examples) == exact


def validation(examples):
    *_, images, labels = plain.split_digits()
    return images[:examples].float(), labels[:examples]


def errors_of(weights, images, labels):
    networks = [plain.plain_network(plain.SmallCnn, row, torch.float32) for row in weights]
    return [plain.count_errors(network, images, labels) for network in networks]


def drawn_weights(trials, seed, scale):
    random = np.random.default_rng(seed)
    rows = [plain.initial_weights(plain.SmallCnn, random) for _ in range(trials)]
    return torch.from_numpy(scale * np.stack(rows)).float()


@settings(max_examples=40)
@given(st.integers(1, 16), st.integers(1, 179), st.integers(0, 2**31), st.floats(0.1, 10), st.data())
def test_deciding_early_answers_like_a_full_evaluation(trials, examples, seed, scale, data):
    images, labels = validation(examples)
    weights = drawn_weights(trials, seed, scale)
    errors = errors_of(weights, images, labels)
    most = data.draw(st.sampled_from([*errors, *(count - 1 for count in errors), 0, examples]))
    test = GoalTest(SMALL_CNN, images, labels, [most])
    assert test.reached(weights)[0].tolist() == [count <= most for count in errors]
    assert test.errors(weights).tolist() == errors


@pytest.mark.parametrize("trials", [1, 2, 16])
def test_every_goal_is_answered_like_by_a_full_evaluation(trials):
    images, labels = validation(60)
    weights = drawn_weights(trials, 1, 1.0)
    errors = errors_of(weights, images, labels)
    for most in range(61):
        assert GoalTest(SMALL_CNN, images, labels, [most]).reached(weights)[0].tolist() == [
            count <= most for count in errors
        ]


@settings(max_examples=20)
@given(st.integers(12, 16), st.lists(st.integers(0, 60), min_size=1, max_size=4))
def test_several_goals_are_answered_like_one_by_one(trials, most_errors):
    # Twelve trials and more are tested in at least three chunks of sixty examples.
    images, labels = validation(60)
    weights = drawn_weights(trials, 2, 1.0)
    answers = GoalTest(SMALL_CNN, images, labels, most_errors).reached(weights)
    errors = errors_of(weights, images, labels)
    assert answers.tolist() == [[count <= most for count in errors] for most in most_errors]


def test_a_hopeless_block_is_decided_on_the_first_chunk(monkeypatch):
    images, labels = validation(179)
    seen, logits = [], ConvolutionalNetwork.logits

    def watched(network, parameters, part):
        seen.append(len(part))
        return logits(network, parameters, part)

    monkeypatch.setattr(ConvolutionalNetwork, "logits", watched)
    GoalTest(SMALL_CNN, images, labels, [0]).reached(drawn_weights(16, 0, 1.0))
    assert sum(seen) < 30


def test_one_promising_trial_keeps_the_whole_block_under_test():
    images, labels = validation(179)
    weights = drawn_weights(4, 0, 1.0)
    errors = errors_of(weights, images, labels)
    best = min(errors)
    assert errors.count(best) == 1
    assert GoalTest(SMALL_CNN, images, labels, [best]).reached(weights)[0].tolist() == [
        count == best for count in errors
    ]


def overflowing_weights():
    """Return finite weights whose logits are not: 1e20 x 1e20 exceeds float32."""
    weights = torch.full((1, SMALL_CNN.size), 1e20)
    weights[:, ::2] *= -1
    return weights


def test_logits_that_are_not_numbers_are_errors_and_not_class_0():
    images, labels = validation(50)
    weights = overflowing_weights()
    assert bool(torch.isfinite(weights).all())
    assert bool(SMALL_CNN.logits(SMALL_CNN.views(weights), images).isnan().any())
    test = GoalTest(SMALL_CNN, images, torch.zeros_like(labels), most_errors=[10])
    assert test.reached(weights)[0].tolist() == [False]
    assert test.errors(weights).tolist() == [50]


def test_testing_takes_no_gradients_and_changes_no_weight():
    images, labels = validation(20)
    weights = drawn_weights(2, 0, 1.0)
    before = weights.clone()
    answer = GoalTest(SMALL_CNN, images, labels, [10]).reached(weights)
    assert torch.equal(weights, before)
    assert not answer.requires_grad
    assert answer.dtype == torch.bool
