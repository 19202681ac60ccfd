import dataclasses
import math
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from reference import empirics_plain as plain
from reference.empirics_networks import SMALL_CNN

from empirics.convolutional import ConvolutionalNetwork
from empirics.engine import measure_study, race, rerun_winner, trial_block
from empirics.errors import InputError
from empirics.laboratory import Laboratory
from empirics.records import StudyRecord, TrialRecord
from empirics.search import Metaparameter, search_points
from empirics.specification import Request, Study, resolve
from empirics.stopping import RACE, StopRule
from empirics.streams import ExampleOrder


class ScriptedBlock:
    """A block whose trials diverge at steps written down; its weights say trial and step."""

    def __init__(self, trials, diverge_at):
        self.trials = list(trials)
        self.weights = torch.tensor([[trial, 0.0] for trial in trials])
        self._diverge_at = diverge_at

    def step(self, _images, _labels):
        assert self.trials, "a block without trials was stepped"
        self.weights[:, 1] += 1
        return torch.tensor([step < self._diverge_at[int(trial)] for trial, step in self.weights.tolist()])

    def keep(self, wanted):
        self.trials = [trial for trial, keep in zip(self.trials, wanted.tolist(), strict=True) if keep]
        self.weights = self.weights[wanted]


class ScriptedGoals:
    """Goals that trials reach from steps written down on: goal -> trial -> step."""

    def __init__(self, reach_at):
        self._reach_at = reach_at

    def reached(self, weights, trials):
        assert [int(trial) for trial, _ in weights.tolist()] == list(trials)
        return self.reached_by(self.values(weights))

    def values(self, weights):
        return weights[:, 0] * 1000 + weights[:, 1]  # tells trial and step, both below 1000

    def reached_by(self, values):
        pairs = [divmod(value, 1000) for value in values.tolist()]
        return torch.tensor([[step >= of[int(trial)] for trial, step in pairs] for of in self._reach_at])


def scripted_race(diverge_at, reach_at, block_size, *, max_steps, eval_interval, stop=RACE, trace="none"):
    """Return goal -> trial -> what became of it, the steps reported, and what was seen of each trial."""
    trials, reports = range(len(diverge_at)), []
    blocks = [
        ScriptedBlock(trials[first : first + block_size], diverge_at) for first in range(0, len(trials), block_size)
    ]
    workload = SimpleNamespace(max_steps=max_steps, eval_interval=eval_interval)
    laboratory = SimpleNamespace(
        specification=SimpleNamespace(workload=workload, goals=tuple(range(len(reach_at))), stop=stop, trace=trace),
        split=lambda _: SimpleNamespace(training_images=torch.zeros(4), training_labels=torch.zeros(4)),
        goal_test=lambda _: ScriptedGoals(reach_at),
        tensor=torch.from_numpy,
    )
    log, _ = race(laboratory, Study(0.0, 0, 2), blocks, ExampleOrder(0, (0,), 4), reports.append)
    events = [[log.event(goal, trial) for trial in trials] for goal in range(len(reach_at))]
    return events, reports, log.seen


def race_by_definition(diverge_at, reach_at, max_steps, eval_interval, stop, trace):
    """Return goal -> trial -> what became of it, from every trial's fate under the full protocol."""
    tests = [step for step in range(1, max_steps + 1) if step % eval_interval == 0 or step == max_steps]
    hits = [
        [
            min((test for test in tests if reach <= test < diverge), default=math.inf)
            for diverge, reach in zip(diverge_at, of_goal, strict=True)
        ]
        for of_goal in reach_at
    ]
    # A test that finds nobody at work any more is not reached: every trial has diverged or is through with all goals.
    through = [math.inf if trace == "full" else max(of_trial) for of_trial in zip(*hits, strict=True)]
    at_work = max(min(diverge, done) for diverge, done in zip(diverge_at, through, strict=True))
    end = max(over_at(sorted(of_goal), stop, tests) for of_goal in hits)

    def became(diverge, hit):
        if hit <= end:
            return "reached", hit
        return ("infeasible", diverge) if diverge <= end else ("running", min(end, next_test(at_work, tests)))

    return [[became(*pair) for pair in zip(diverge_at, of_goal, strict=True)] for of_goal in hits]


def next_test(step, tests):
    return min((test for test in tests if test >= step), default=tests[-1])


def over_at(hits, stop, tests):
    """Return the test at which a rule is met by sorted hits."""
    if stop.kind == "never":
        return tests[-1]
    wanted = hits[int(stop.amount) - 1] if stop.kind == "hits" and stop.amount <= len(hits) else hits[0]
    if stop.kind == "hits" and stop.amount > len(hits):
        return tests[-1]
    return next_test(wanted * (stop.amount if stop.kind == "factor" else 1), tests)


steps_or_never = st.one_of(st.integers(1, 30), st.just(math.inf))
rules = st.one_of(
    st.sampled_from((RACE, StopRule("never"))),
    st.builds(StopRule, st.just("hits"), st.integers(1, 8).map(float)),
    st.builds(StopRule, st.just("factor"), st.sampled_from((1.0, 1.5, 2.0, 7.25))),
)


@given(
    st.tuples(st.integers(1, 7), st.integers(1, 3), st.integers(1, 4)),
    st.integers(1, 25),
    st.integers(1, 8),
    rules,
    st.sampled_from(("none", "full")),
    st.data(),
)
def test_a_race_ends_as_defined(sizes, max_steps, eval_interval, stop, trace, data):
    trials, goals, block_size = sizes
    one_a_trial = st.lists(steps_or_never, min_size=trials, max_size=trials)
    diverge_at, reach_at = data.draw(one_a_trial), [data.draw(one_a_trial) for _ in range(goals)]
    grid = {"max_steps": max_steps, "eval_interval": eval_interval}
    found, _, seen = scripted_race(diverge_at, reach_at, block_size, **grid, stop=stop, trace=trace)
    assert found == race_by_definition(diverge_at, reach_at, max_steps, eval_interval, stop, trace)
    hits = {(trial, step) for of_goal in found for trial, (event, step) in enumerate(of_goal) if event == "reached"}
    told = {(trial, step) for trial, points in seen.items() for step, _ in points}
    assert told == hits if trace == "none" else told >= hits


@given(st.lists(st.tuples(steps_or_never, steps_or_never), min_size=1, max_size=7), rules)
def test_no_rule_changes_the_steps_to_result_or_the_winner(fates, stop):
    diverge_at, reach_at = zip(*fates, strict=True)

    def study(rule):
        ((*events,), *_), *_ = scripted_race(diverge_at, [reach_at], 3, max_steps=25, eval_interval=3, stop=rule)
        trials = tuple(TrialRecord(trial, {}, *event) for trial, event in enumerate(events))
        return StudyRecord(Study(0.0, 0, 2), 0.1, trials, 25, 3, None, 0.0, rule)

    raced, other = study(RACE), study(stop)
    assert (raced.steps_to_result, raced.lower) == (other.steps_to_result, other.lower)
    assert (raced.winner and raced.winner.trial) == (other.winner and other.winner.trial)


@given(
    st.lists(st.tuples(steps_or_never, steps_or_never), min_size=1, max_size=7),
    st.sampled_from(("hits", "factor")),
    st.integers(1, 4),
)
def test_statuses_at_the_stopping_step_are_those_of_the_full_protocol_there(fates, kind, amount):
    diverge_at, reach_at = zip(*fates, strict=True)
    rule = StopRule(kind, float(amount))

    def study(carried_out):
        ((*events,), *_), *_ = scripted_race(diverge_at, [reach_at], 3, max_steps=24, eval_interval=3, stop=carried_out)
        trials = tuple(TrialRecord(trial, {}, *event) for trial, event in enumerate(events))
        return StudyRecord(Study(0.0, 0, 2), 0.1, trials, 24, 3, None, 0.0, rule)

    stopped, full = study(rule), study(StopRule("never"))
    assert [stopped.status(trial) for trial in stopped.trials] == [full.status(trial) for trial in full.trials]


def test_with_traces_everybody_is_seen_at_every_test():
    fates = [math.inf, 6, math.inf], [[5, 5, 9]]
    stop = StopRule("factor", 2.0)
    *_, seen = scripted_race(*fates, 2, max_steps=100, eval_interval=4, stop=stop, trace="full")
    assert seen == {
        0: [(4, 4.0), (8, 8.0), (12, 12.0), (16, 16.0)],
        1: [(4, 1004.0)],
        2: [(4, 2004.0), (8, 2008.0), (12, 2012.0), (16, 2016.0)],
    }


def test_the_goal_is_tested_every_interval_and_at_the_budget():
    _, reports, _ = scripted_race([math.inf], [[math.inf]], 1, max_steps=10, eval_interval=4)
    assert reports == [4, 8, 10]


def test_the_race_is_over_at_the_first_hit():
    _, reports, _ = scripted_race([math.inf] * 3, [[math.inf, 5, 9]], 2, max_steps=100, eval_interval=4)
    assert reports == [4, 8]


def test_with_several_goals_the_race_is_over_when_each_is_hit():
    easy, hard = [3, 5, 9], [math.inf, 30, 17]
    found, reports, _ = scripted_race([math.inf] * 3, [easy, hard], 2, max_steps=100, eval_interval=4)
    assert reports == [4, 8, 12, 16, 20]
    assert found == [[("reached", 4), ("reached", 8), ("reached", 12)], [("running", 20)] * 2 + [("reached", 20)]]


BATCH_SIZE, INTERVAL, BUDGET = 16, 3, 40
# Rates 31, 5600, 0.18, 2.4, 75000, 0.013, 420 of which some train, some stall and some diverge.
WIDE_SPACE = (Metaparameter("learning_rate", 1e-3, 1e6, "log"),)
HOPELESS_SPACE = (Metaparameter("learning_rate", 1e19, 1e25, "log"),)


def laboratory_with(digits, space=None, **request):
    specification, _ = resolve(Request(**request), cuda_available=False)
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
    laboratory.network = dataclasses.replace(SMALL_CNN, trials_at_once_examples=case.at_once * BATCH_SIZE)
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

    fewest = min((step for event, step in ends if event == "reached"), default=None)
    stop = BUDGET if fewest is None else fewest
    diverged = [event == "infeasible" and step <= stop for event, step in ends]
    winners = [trial for trial, end in enumerate(ends) if end == ("reached", fewest)]
    assert record.steps_to_result == fewest
    assert (record.winner.trial if record.winner else None) == (winners[0] if winners else None)
    assert record.count("complete") == len(winners)
    assert record.count("infeasible") == sum(diverged)
    assert record.count("censored") == (0 if fewest is None else case.trials - len(winners) - sum(diverged))
    assert record.count("incomplete") == (case.trials - sum(diverged) if fewest is None else 0)
    for trial, end in zip(record.trials, ends, strict=True):
        assert trial.metaparameters == points[trial.trial]
        if diverged[trial.trial]:
            assert (trial.event, trial.step) == end
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
    ends = [[(trial.event, trial.step) for trial in outcome.records[0].trials] for outcome in outcomes]
    assert ends[0] != ends[1] or ends[1] != ends[2]


def test_a_trial_starts_from_its_masked_initial_weights(laboratory):
    mask = np.arange(6090) % 2 == 0
    block = trial_block(laboratory, 1, TrialRecord(4, {"learning_rate": 0.5}, "reached", 10), mask)
    expected = plain.initial_weights(plain.SmallCnn, plain.draws(0, plain.INIT, 1, 4)) * mask
    assert block.trials == [0]
    np.testing.assert_allclose(block.weights[0], expected, rtol=2.0**-23, atol=1e-10)
    assert bool((block.weights[0, ~torch.from_numpy(mask)] == 0).all())


def test_a_rerun_trains_the_winner_on_new_streams(digits):
    laboratory = laboratory_with(digits, goal_error=(0.5,), max_steps=BUDGET, eval_interval=INTERVAL)
    winner = TrialRecord(3, {"learning_rate": 0.2}, "reached", 12)
    study = Study(70.0, 0, BATCH_SIZE)
    reruns = [rerun_winner(laboratory, study, winner, number, lambda _: None) for number in (1, 2, 3)]
    for rerun in reruns:
        images, labels, *_ = plain.split_digits()
        start = plain.initial_weights(plain.SmallCnn, plain.draws(0, plain.INIT, 0, 3, rerun.rerun))
        mask = plain.snip_mask(plain.snip_scores(plain.SmallCnn, start, images, labels), 70.0)
        end = rerun_by_hand(start, mask, 0.2, (0, 3, rerun.rerun))
        assert (rerun.event, rerun.step) == end
        assert (rerun.study, rerun.trial, rerun.metaparameters) == (study, 3, {"learning_rate": 0.2})
    assert len({rerun.step for rerun in reruns}) > 1


def rerun_by_hand(start, mask, rate, path):
    images, labels, validation_images, validation_labels = plain.split_digits()
    stream = plain.example_stream(0, path, len(labels), BUDGET * BATCH_SIZE)
    rows = [stream[step * BATCH_SIZE : (step + 1) * BATCH_SIZE] for step in range(BUDGET)]
    steps = plain.train(plain.SmallCnn, start, mask, rate, [(images[row], labels[row]) for row in rows])
    for step, _, network in steps:
        due = step % INTERVAL == 0 or step == BUDGET
        if due and plain.count_errors(network, validation_images, validation_labels) <= 89:  # of 179, goal error 0.5
            return "reached", step
    return "running", BUDGET


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
    laboratory.network = kind(**fields)
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
