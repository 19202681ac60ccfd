import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.empirics import plain
from samples.networks import SMALL_CNN
from tools.checkout import ROOT

from empirics.networks.build import build_network
from empirics.networks.convolutional import ConvolutionalNetwork
from empirics.store.store import read_store
from empirics.training.block import TrialBlock
from empirics.workloads.find import find_workload
from empirics.workloads.goal import GoalTest, wrong_images
from empirics.workloads.goal_label import goal_count

PAPER_SHAPES = {"small-cnn": (1, 8, 8), "simple-cnn": (1, 28, 28), "resnet-8": (3, 32, 32)}


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


@dataclass(frozen=True)
class PaperGoal:
    """A workload, a goal of the paper's for its data, the size of its validation set and the errors that reach it."""

    workload: str
    error: float
    examples: int
    count: int


@pytest.mark.parametrize(
    "goal",
    [
        PaperGoal("mnist/simple-cnn/sgd", 0.02, 6000, 120),
        PaperGoal("fashion-mnist/simple-cnn/sgd", 0.12, 6000, 719),
        PaperGoal("fashion-mnist/simple-cnn/nesterov", 0.12, 6000, 719),
        PaperGoal("fashion-mnist/simple-cnn/sgd", 0.14, 6000, 840),
        PaperGoal("cifar-10/resnet-8/momentum/linear", 0.4, 5000, 2000),
    ],
    ids=str,
)
def test_the_papers_goals_are_reached_at_the_counts_of_its_authors(goal):
    assert goal_count(goal.error, goal.examples, find_workload(goal.workload).goal_counts) == goal.count
    theirs = [n for n in range(goal.examples) if 1 - np.float32((goal.examples - n) / goal.examples) <= goal.error]
    assert theirs[-1] == goal.count


def test_other_goals_and_sizes_keep_their_share():
    known = find_workload("fashion-mnist/simple-cnn/sgd").goal_counts
    assert [goal_count(goal, size, known) for goal, size in ((0.12, 200), (0.13, 6000), (0.12, 5999))] == [24, 780, 719]
    assert goal_count(0.12, 6000, find_workload("mnist/simple-cnn/sgd").goal_counts) == 720


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


def goals_on(images, labels, most_errors):
    return GoalTest(SMALL_CNN, wrong_images(SMALL_CNN, images, labels), labels, most_errors)


def answers(test, weights):
    """Return goal -> trial -> whether it is reached."""
    return test.reached(weights, range(len(weights))).tolist()


@cache
def learned_weights():
    """Return five trials trained for a few steps, of which none gets everything right."""
    images, labels, *_ = plain.split_digits()
    block = TrialBlock(
        SMALL_CNN,
        find_workload("digits"),
        range(5),
        drawn_weights(5, 3, 1.0),
        torch.ones(5, SMALL_CNN.size),
        [{"learning_rate": rate} for rate in (0.2, 0.1, 0.05, 0.03, 0.02)],
    )
    for step in range(60):
        rows = slice(16 * step, 16 * step + 16)
        block.step(images[rows].float(), labels[rows])
    return block.weights


def drawn_weights(trials, seed, scale):
    random = np.random.default_rng(seed)
    rows = [plain.initial_weights(plain.SmallCnn, random) for _ in range(trials)]
    return torch.from_numpy(scale * np.stack(rows)).float()


@settings(max_examples=15)
@given(st.integers(1, 16), st.integers(1, 179), st.integers(0, 2**31), st.floats(0.1, 10), st.data())
def test_deciding_early_answers_like_a_full_evaluation(trials, examples, seed, scale, data):
    images, labels = validation(examples)
    weights = drawn_weights(trials, seed, scale)
    errors = errors_of(weights, images, labels)
    most = data.draw(st.sampled_from([*errors, *(count - 1 for count in errors), 0, examples]))
    test = goals_on(images, labels, [most])
    assert answers(test, weights)[0] == [count <= most for count in errors]
    assert test.errors(weights).tolist() == errors


@pytest.mark.parametrize("trials", [1, 2, 16])
def test_every_goal_is_answered_like_by_a_full_evaluation(trials):
    images, labels = validation(60)
    weights = drawn_weights(trials, 1, 1.0)
    errors = errors_of(weights, images, labels)
    for most in sorted({0, 60, *errors, *(count - 1 for count in errors)}):
        assert answers(goals_on(images, labels, [most]), weights)[0] == [count <= most for count in errors]


@settings(max_examples=8)
@given(st.integers(1, 5), st.lists(st.integers(0, 179), min_size=1, max_size=4))
def test_several_goals_are_answered_like_one_by_one(trials, most_errors):
    images, labels = validation(179)
    weights = drawn_weights(trials, 2, 1.0)
    errors = errors_of(weights, images, labels)
    expected = [[count <= most for count in errors] for most in most_errors]
    assert answers(goals_on(images, labels, most_errors), weights) == expected


@settings(max_examples=10)
@given(st.integers(0, 2**31), st.lists(st.integers(0, 179), min_size=1, max_size=3), st.data())
def test_what_was_seen_before_changes_no_answer(seed, most_errors, data):
    images, labels = validation(179)
    test = goals_on(images, labels, most_errors)
    for _ in range(3):
        trials = data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=5, unique=True))
        weights = learned_weights()[trials] + 0.05 * drawn_weights(len(trials), seed, 1.0)
        errors = test.errors(weights)
        assert test.reached(weights, trials).tolist() == [(errors <= most).tolist() for most in most_errors]
        assert errors.tolist() == errors_of(weights, images, labels)


NETWORKS = [pytest.param(*pair, id=pair[0]) for pair in PAPER_SHAPES.items()]


@pytest.mark.parametrize(("name", "shape"), NETWORKS)
@pytest.mark.parametrize("rows", [8, 64])
def test_an_images_outputs_depend_neither_on_its_place_nor_on_its_neighbours(name, shape, rows):
    network = build_network(name, shape)
    draw = torch.Generator().manual_seed(0)
    images = torch.randn(4 * rows, *shape, generator=draw)
    weights = torch.from_numpy(network.initial_weights(np.random.default_rng(0)))[None]
    shuffled = torch.randperm(len(images), generator=draw)

    def outputs(order):
        with torch.no_grad():
            return torch.cat([network.logits(network.views(weights), images[part])[0] for part in order.split(rows)])

    assert torch.equal(outputs(shuffled), outputs(torch.arange(len(images)))[shuffled])


def test_a_hopeless_trial_is_decided_by_one_pass_and_a_hopeful_one_by_all(monkeypatch):
    images, labels = validation(179)
    seen, logits = [], ConvolutionalNetwork.logits

    def watched(network, parameters, part):
        seen.append(len(part))
        return logits(network, parameters, part)

    monkeypatch.setattr(ConvolutionalNetwork, "logits", watched)
    hopeful = learned_weights()[:1]
    (errors,) = errors_of(hopeful, images, labels)
    test = goals_on(images, labels, [errors])
    assert answers(test, torch.cat([drawn_weights(1, 0, 1.0), hopeful])) == [[False, True]]
    assert seen == [64, 64, 64, 64], "one pass of the first trial, three of the second, the last filled up"
    assert (test.tests, test.images_seen) == (2, 64 + 179)


def test_images_a_trial_got_wrong_last_time_are_looked_at_first():
    images, labels = validation(179)
    weights = learned_weights()[:1]
    (errors,) = errors_of(weights, images, labels)
    assert errors <= 64, "they fit into one pass"
    test = goals_on(images, labels, [errors - 1])
    assert answers(test, weights) == [[False]]
    assert test.images_seen > 64, "its errors lie apart"
    before = test.images_seen
    assert answers(test, weights) == [[False]]
    assert test.images_seen - before == 64, "now they come first"


def test_images_that_others_got_wrong_come_before_those_that_nobody_did():
    images, labels = validation(179)
    weights = learned_weights()[:1]
    (errors,) = errors_of(weights, images, labels)
    test = goals_on(images, labels, [errors - 1])
    test.reached(weights, [0])
    before = test.images_seen
    assert not test.reached(weights, [1])
    assert test.images_seen - before == 64


def test_going_on_from_a_state_looks_at_the_same_images():
    images, labels = validation(179)
    weights = learned_weights()[:3]
    first, second = (goals_on(images, labels, [20]) for _ in range(2))
    first.reached(weights, [0, 2, 5])
    second.load(first.state())
    for test in (first, second):
        test.images_seen = 0
        test.reached(weights + 0.01, [5, 0, 1])
    assert first.images_seen == second.images_seen
    assert all(torch.equal(value, second.state()[name]) for name, value in first.state().items())
    second.load(goals_on(images, labels, [20]).state())  # one that has not begun


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
    test = goals_on(images, torch.zeros_like(labels), [10])
    assert answers(test, weights) == [[False]]
    assert test.errors(weights).tolist() == [50]


def test_testing_takes_no_gradients_and_changes_no_weight():
    images, labels = validation(20)
    weights = drawn_weights(2, 0, 1.0)
    before = weights.clone()
    answer = goals_on(images, labels, [10]).reached(weights, range(2))
    assert torch.equal(weights, before)
    assert not answer.requires_grad
    assert answer.dtype == torch.bool


def test_the_kept_run_on_fashion_mnist_met_its_goal_at_the_authors_count():
    with read_store(ROOT / "evidence" / "fashion-mnist-sgd") as store:
        found = {}
        for study, record in store.studies(0.12).items():
            (trace,) = (trace for trace in store.traces(study) if trace.trial == record.winner.trial)
            found[study.batch_size] = (trace.steps[-1], round(6000 * trace.values[-1]))
    assert found == {16: (3200, 719), 32: (1760, 710), 64: (1056, 714), 128: (496, 711), 256: (352, 717)}
