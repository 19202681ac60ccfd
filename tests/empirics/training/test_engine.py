"""Studies of the engine beside their trials trained one by one."""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from reference.empirics import plain
from samples.networks import SMALL_CNN

from empirics.errors import InputError
from empirics.networks.convolutional import ConvolutionalNetwork
from empirics.records import Study, TrialRecord
from empirics.search.space import Metaparameter, search_points
from empirics.specification.request import Request
from empirics.specification.specification import resolve
from empirics.training.laboratory import Laboratory
from empirics.training.race import measure_study, repeat_winner, trial_block
from empirics.training.torch_engine import TorchEngine

BATCH_SIZE, INTERVAL, BUDGET = 16, 3, 40
# Rates 31, 5600, 0.18, 2.4, 75000, 0.013, 420 of which some train, some stall and some diverge.
WIDE_SPACE = (Metaparameter("learning_rate", 1e-3, 1e6, "log"),)
HOPELESS_SPACE = (Metaparameter("learning_rate", 1e19, 1e25, "log"),)


def laboratory_with(digits, space=None, **request):
    specification, _ = resolve(Request(**{"engine": "torch"} | request), cuda_available=False)
    if space:
        workload = dataclasses.replace(specification.workload, search_space=space)
        points = search_points(space, specification.trials)
        specification = dataclasses.replace(specification, workload=workload, points=points)
    return Laboratory(specification, digits)


def plain_masks(trials, sparsity, replicate=0, seed=0):
    starts = [plain.initial_weights(plain.SmallCnn, plain.draws(seed, plain.INIT, replicate, t)) for t in range(trials)]
    if sparsity == 0:
        return np.stack(starts), np.ones((trials, 6090), dtype=bool)
    images, labels, *_ = plain.split_digits(seed)
    masks = [plain.snip_mask(plain.snip_scores(plain.SmallCnn, start, images, labels), sparsity) for start in starts]
    return np.stack(starts), np.stack(masks)


@dataclass(frozen=True)
class StudyCase:
    """A study, how many trials train as one, and in which precision its twin trains.

    The twin needs float32 where divergence depends on the largest number.
    """

    name: str
    sparsity: float
    goal_error: float
    space: tuple | None
    trials: int
    dtype: torch.dtype
    at_once: int = 16


# Moving every starting weight by a relative 1e-6, sixteen roundings, changes none of these outcomes.
STUDIES = [
    StudyCase("dense", 0.0, 0.2, None, 5, torch.float64),
    StudyCase("sparse", 80.0, 0.4, None, 5, torch.float64),
    StudyCase("with diverging rates", 0.0, 0.3, WIDE_SPACE, 7, torch.float32),
    StudyCase("dense in blocks of two", 0.0, 0.2, None, 5, torch.float64, at_once=2),
    StudyCase("sparse in blocks of three", 80.0, 0.4, None, 5, torch.float64, at_once=3),
    StudyCase("goal not reached", 0.0, 0.01, None, 3, torch.float64),
    StudyCase("all diverge", 0.0, 0.3, HOPELESS_SPACE, 3, torch.float32),
]


@pytest.mark.parametrize("case", STUDIES, ids=lambda case: case.name)
def test_a_study_ends_like_its_trials_one_by_one(case, digits):
    laboratory = laboratory_with(
        digits, case.space, goal_error=(case.goal_error,), max_steps=BUDGET, eval_interval=INTERVAL, trials=case.trials
    )
    network = dataclasses.replace(SMALL_CNN, trials_at_once_examples=case.at_once * BATCH_SIZE)
    laboratory.engine = dataclasses.replace(laboratory.engine, network=network)
    points = search_points(laboratory.specification.workload.search_space, case.trials)
    starts, masks = plain_masks(case.trials, case.sparsity)
    ends = [
        plain.plain_trial(
            plain.SmallCnn,
            starts[trial],
            masks[trial],
            points[trial]["learning_rate"],
            seed=0,
            replicate=0,
            batch_size=BATCH_SIZE,
            max_steps=BUDGET,
            interval=INTERVAL,
            most_errors=math.floor(case.goal_error * 179),
            dtype=case.dtype,
        )
        for trial in range(case.trials)
    ]
    (record,) = measure_study(laboratory, Study(case.sparsity, 0, BATCH_SIZE), masks, lambda _: None).records

    fewest = min((step for event, step in ends if event == "complete"), default=None)
    stop = BUDGET if fewest is None else fewest
    diverged = [event == "infeasible" and step <= stop for event, step in ends]
    winners = [trial for trial, end in enumerate(ends) if end == ("complete", fewest)]
    assert record.steps_to_result == fewest
    assert (record.winner.trial if record.winner else None) == (winners[0] if winners else None)
    assert record.count("complete") == len(winners)
    assert record.count("infeasible") == sum(diverged)
    assert record.count("censored") == (0 if fewest is None else case.trials - len(winners) - sum(diverged))
    assert record.count("incomplete") == (case.trials - sum(diverged) if fewest is None else 0)
    for trial, end in zip(record.trials, ends, strict=True):
        assert trial.metaparameters == points[trial.trial]
        if diverged[trial.trial]:
            assert (trial.ending, trial.step) == end
    assert (record.max_steps, record.eval_interval) == (BUDGET, INTERVAL)
    check_that_the_case_is_what_its_name_says(case, record)


def check_that_the_case_is_what_its_name_says(case, record):
    if case.name == "with diverging rates":
        assert record.count("infeasible") >= 2
        assert record.winner is not None
    elif case.name == "goal not reached":
        assert record.winner is None
        assert 0.01 < record.best_error < 1
    elif case.name == "all diverge":
        assert record.count("infeasible") == case.trials
        assert record.best_error is None
    else:
        assert record.winner is not None
        assert record.best_error is None


def test_the_best_error_of_a_study_without_winner_is_that_at_its_end(digits):
    laboratory = laboratory_with(digits, goal_error=(0.01,), max_steps=20, eval_interval=7)
    starts, masks = plain_masks(3, 0.0)
    (record,) = measure_study(laboratory, Study(0.0, 0, 16), masks, lambda _: None).records
    images, labels, validation_images, validation_labels = plain.split_digits()
    stream = plain.example_stream(0, (0,), len(labels), 320)
    batches = [(images[stream[row : row + 16]], labels[stream[row : row + 16]]) for row in range(0, 320, 16)]
    errors = []
    for trial, point in enumerate(search_points(laboratory.specification.workload.search_space, 3)):
        *_, (_, _, network) = plain.train(plain.SmallCnn, starts[trial], masks[trial], point["learning_rate"], batches)
        errors.append(plain.count_errors(network, validation_images, validation_labels))
    assert record.best_error == pytest.approx(min(errors) / 179, abs=1.5 / 179)  # float32 may turn one borderline digit


def outcome(record):
    """Return what `curves.csv` tells of a study."""
    counts = [record.count(status) for status in ("complete", "incomplete", "infeasible", "censored")]
    winner = record.winner.trial if record.winner else None
    return record.goal, record.steps_to_result, record.lower, winner, counts, record.best_error


@pytest.mark.parametrize("goals", [(0.3, 0.6), (0.6, 0.3), (0.01, 0.5, 0.3)], ids=str)
def test_a_study_of_several_goals_is_one_study_a_goal(goals, digits):
    masks = np.ones((7, 6090), dtype=bool)

    def measured(asked):
        laboratory = laboratory_with(digits, WIDE_SPACE, goal_error=asked, max_steps=BUDGET, eval_interval=INTERVAL)
        return measure_study(laboratory, Study(0.0, 0, BATCH_SIZE), masks, lambda _: None).records

    together = measured(goals)
    assert [outcome(record) for record in together] == [outcome(*measured((goal,))) for goal in goals]
    assert len({record.steps_to_result for record in together}) == len(goals)


def test_a_study_is_the_same_twice(digits):
    laboratory = laboratory_with(digits, goal_error=(0.3,), max_steps=30)
    masks = plain_masks(4, 50.0)[1]
    first, second = (measure_study(laboratory, Study(50.0, 0, 8), masks, lambda _: None).records[0] for _ in range(2))
    assert dataclasses.replace(first, seconds=0) == dataclasses.replace(second, seconds=0)


def test_replicates_start_from_their_own_weights_and_orders(digits):
    laboratory = laboratory_with(digits, goal_error=(0.3,), max_steps=60)
    masks = np.ones((3, 6090), dtype=bool)
    outcomes = [measure_study(laboratory, Study(0.0, r, 8), masks, lambda _: None) for r in range(3)]
    ends = [[(trial.ending, trial.step) for trial in outcome.records[0].trials] for outcome in outcomes]
    assert ends[0] != ends[1] != ends[2] != ends[0]


def test_a_trial_starts_from_its_masked_initial_weights(laboratory):
    mask = np.arange(6090) % 2 == 0
    block = trial_block(laboratory, 1, TrialRecord(4, {"learning_rate": 0.5}, "complete", 10), mask)
    expected = plain.initial_weights(plain.SmallCnn, plain.draws(0, plain.INIT, 1, 4)) * mask
    assert block.trials == [0]
    np.testing.assert_allclose(block.weights[0], expected, rtol=2.0**-23, atol=1e-10)
    assert bool((block.weights[0, ~torch.from_numpy(mask)] == 0).all())


def start_of_draw(trial, draw, sparsity):
    """Return initial weights and mask of a draw by the slow way; draw 0 is the trial's own."""
    path = (0, trial, draw) if draw else (0, trial)
    start = plain.initial_weights(plain.SmallCnn, plain.draws(0, plain.INIT, *path))
    images, labels, *_ = plain.split_digits()
    return start, plain.snip_mask(plain.snip_scores(plain.SmallCnn, start, images, labels), sparsity)


def test_every_draw_of_a_study_trains_from_its_own_start_and_draw_0_as_if_alone(digits):
    words = {"goal_error": (0.5,), "max_steps": BUDGET, "eval_interval": INTERVAL, "trials": 2, "stop": ("never",)}
    starts = {(draw, trial): start_of_draw(trial, draw, 70.0) for draw in range(3) for trial in range(2)}
    masks = np.stack([mask for _, mask in starts.values()])
    drawn, alone = laboratory_with(digits, draws=3, **words), laboratory_with(digits, **words)
    (record,) = measure_study(drawn, Study(70.0, 0, BATCH_SIZE), masks, lambda _: None).records
    (first,) = measure_study(alone, Study(70.0, 0, BATCH_SIZE), masks[:2], lambda _: None).records
    assert (record.trials, record.draws, len(record.redrawn)) == (first.trials, 3, 4)
    for trial in (*record.trials, *record.redrawn):
        rate = drawn.specification.points[trial.trial]["learning_rate"]
        assert (trial.ending, trial.step) == trained_by_hand(*starts[trial.draw, trial.trial], rate)
    assert len({trial.step for trial in record.redrawn}) > 1


def test_a_winner_drawn_again_trains_from_that_draw(digits):
    laboratory = laboratory_with(digits, goal_error=(0.5, 0.4), max_steps=BUDGET, eval_interval=INTERVAL)
    winner, study = TrialRecord(3, {"learning_rate": 0.2}, "complete", 12), Study(70.0, 0, BATCH_SIZE)
    found = []
    for number in (1, 2, 3):
        start, mask = start_of_draw(3, number, 70.0)
        repeats = repeat_winner(laboratory, study, winner, mask, "draw", number, lambda _: None)
        assert [(one.study, one.goal, one.kind, one.number) for one in repeats] == [
            (study, goal, "draw", number) for goal in (0.5, 0.4)
        ]
        trial = repeats[0].trial
        assert (trial.ending, trial.step) == trained_by_hand(start, mask, 0.2)
        assert (trial.trial, trial.metaparameters, trial.draw) == (3, {"learning_rate": 0.2}, number)
        assert repeats[1].trial.step >= trial.step
        found.append(trial.step)
    assert len(set(found)) > 1


def test_a_winner_drawn_again_is_given_up_after_ten_times_its_steps(digits):
    laboratory = laboratory_with(digits, goal_error=(0.001,), max_steps=BUDGET, eval_interval=INTERVAL)
    _, mask = start_of_draw(3, 1, 70.0)
    for won_at, last in ((INTERVAL, 10 * INTERVAL), (BUDGET, BUDGET)):
        winner, reports = TrialRecord(3, {"learning_rate": 0.01}, "complete", won_at), []
        (repeat,) = repeat_winner(laboratory, Study(70.0, 0, BATCH_SIZE), winner, mask, "draw", 1, reports.append)
        assert (repeat.trial.ending, repeat.trial.step, reports[-1]) == ("incomplete", last, last)


def test_a_jittered_winner_starts_one_unit_in_the_last_place_away(digits, monkeypatch):
    laboratory = laboratory_with(digits, goal_error=(0.5,), max_steps=BUDGET, eval_interval=INTERVAL)
    starts, real = [], TorchEngine.block

    def block(engine, trials, weights, masks, points):
        starts.append(weights[0])
        return real(engine, trials, weights, masks, points)

    monkeypatch.setattr(TorchEngine, "block", block)
    winner, mask = TrialRecord(3, {"learning_rate": 0.2}, "complete", 12), np.ones(6090, dtype=bool)
    for number in (1, 2, 1):
        (repeat,) = repeat_winner(laboratory, Study(0.0, 0, BATCH_SIZE), winner, mask, "jitter", number, lambda _: None)
        assert (repeat.kind, repeat.number, repeat.trial.draw) == ("jitter", number, 0)
    own = laboratory.initial_weights(0, 3)
    up, down = np.nextafter(own, np.float32(np.inf)), np.nextafter(own, np.float32(-np.inf))
    assert all(((start == up) | (start == down)).all() for start in starts)
    assert all(0.45 < np.mean(start == up) < 0.55 for start in starts)
    assert (starts[0] == starts[2]).all()
    assert not (starts[0] == starts[1]).all()


def trained_by_hand(start, mask, rate):
    images, labels, validation_images, validation_labels = plain.split_digits()
    stream = plain.example_stream(0, (0,), len(labels), BUDGET * BATCH_SIZE)
    rows = [stream[step * BATCH_SIZE : (step + 1) * BATCH_SIZE] for step in range(BUDGET)]
    steps = plain.train(plain.SmallCnn, start, mask, rate, [(images[row], labels[row]) for row in rows])
    for step, _, network in steps:
        due = step % INTERVAL == 0 or step == BUDGET
        if due and plain.count_errors(network, validation_images, validation_labels) <= 89:  # of 179, goal error 0.5
            return "complete", step
    return "incomplete", BUDGET


class NarrowNetwork(ConvolutionalNetwork):
    """A network on a device whose memory holds three trials."""

    def logits(self, parameters, images):
        if len(parameters[0]) > 3:
            raise torch.OutOfMemoryError("tried to allocate 1 GiB")
        return super().logits(parameters, images)


class TinyNetwork(ConvolutionalNetwork):
    """A network on a device whose memory holds no trial."""

    def logits(self, parameters, images):
        raise torch.OutOfMemoryError("tried to allocate 1 GiB")


def on_device(digits, kind, at_once):
    laboratory = laboratory_with(digits, WIDE_SPACE, goal_error=(0.3,), max_steps=BUDGET, eval_interval=INTERVAL)
    fields = dataclasses.asdict(SMALL_CNN) | {"trials_at_once_examples": at_once * BATCH_SIZE}
    laboratory.engine = dataclasses.replace(laboratory.engine, network=kind(**fields))
    return measure_study(laboratory, Study(0.0, 0, BATCH_SIZE), np.ones((7, 6090), dtype=bool), lambda _: None)


def test_a_study_that_memory_does_not_hold_goes_on_in_halves(digits):
    # Seven trials are halved to three and four, the four to two and two.
    halved = on_device(digits, NarrowNetwork, at_once=16)
    whole = on_device(digits, ConvolutionalNetwork, at_once=16)
    assert (halved.halvings, whole.halvings) == (2, 0)
    assert [outcome(record) for record in halved.records] == [outcome(record) for record in whole.records]
    assert halved.records[0].count("infeasible") >= 1


def test_a_trial_that_memory_does_not_hold_ends_in_one_line(digits):
    with pytest.raises(InputError, match="the device's memory does not hold one trial at B = 16: tried to allocate"):
        on_device(digits, TinyNetwork, at_once=16)
