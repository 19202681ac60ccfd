"""The race of a study: when it ends and what became of every trial, on trials whose fate is written down."""

import math
from types import SimpleNamespace

import torch
from hypothesis import given
from hypothesis import strategies as st

from empirics.records import Study, StudyRecord, TrialRecord
from empirics.stopping import RACE, StopRule
from empirics.streams import ExampleOrder
from empirics.training.engine import Advance
from empirics.training.race import race


class ScriptedBlock:
    """A block whose trials diverge at steps written down; its weights say trial and step."""

    def __init__(self, trials, diverge_at):
        self.trials = list(trials)
        self.weights = torch.tensor([[trial, 0.0] for trial in trials])
        self._diverge_at = diverge_at

    def advance(self, _data, rows):
        diverged = {}
        for number in range(1, len(rows) + 1):
            assert self.trials, "a block without trials was stepped"
            self.weights[:, 1] += 1
            finite = [int(trial) for trial, step in self.weights.tolist() if step < self._diverge_at[int(trial)]]
            diverged |= {trial: number for trial in self.trials if trial not in finite}
            self.keep(finite)
            if not self.trials:
                return Advance([], diverged)
        return Advance([self], diverged)

    def keep(self, trials):
        self.weights = self.weights[[trial in trials for trial in self.trials]]
        self.trials = [trial for trial in self.trials if trial in trials]


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


def scripted_race(diverge_at, reach_at, block_size, *, max_steps, eval_interval, stop=RACE, trace="none", draws=1):
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
    order = ExampleOrder(0, (0,), 4)
    log, _ = race(laboratory, Study(0.0, 0, 2), blocks, order, reports.append, draws=draws)
    events = [[log.ending(goal, trial) for trial in trials] for goal in range(len(reach_at))]
    return events, reports, log.seen


def race_by_definition(diverge_at, reach_at, max_steps, eval_interval, stop, trace, draws):
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
    end = max(over_at(sorted(decided(of_goal, draws)), stop, tests) for of_goal in hits)

    def became(diverge, hit):
        if hit <= end:
            return "complete", hit
        return ("infeasible", diverge) if diverge <= end else ("incomplete", min(end, next_test(at_work, tests)))

    return [[became(*pair) for pair in zip(diverge_at, of_goal, strict=True)] for of_goal in hits]


def decided(hits, draws):
    """Return when each point was decided: K* of draw 0 known, and more than half of its draws at the goal."""
    points = len(hits) // draws
    known = min(hits[:points])
    return [max(known, sorted(hits[point::points])[draws // 2]) for point in range(points)]


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
    st.tuples(st.integers(1, 7), st.integers(1, 3), st.integers(1, 4), st.sampled_from((1, 1, 3, 5))),
    st.integers(1, 25),
    st.integers(1, 8),
    rules,
    st.sampled_from(("none", "full")),
    st.data(),
)
def test_a_race_ends_as_defined(sizes, max_steps, eval_interval, stop, trace, data):
    trials, goals, block_size, draws = sizes
    one_a_trial = st.lists(steps_or_never, min_size=trials * draws, max_size=trials * draws)
    diverge_at, reach_at = data.draw(one_a_trial), [data.draw(one_a_trial) for _ in range(goals)]
    grid = {"max_steps": max_steps, "eval_interval": eval_interval}
    found, _, seen = scripted_race(diverge_at, reach_at, block_size, **grid, stop=stop, trace=trace, draws=draws)
    assert found == race_by_definition(diverge_at, reach_at, max_steps, eval_interval, stop, trace, draws)
    hits = {(trial, step) for of_goal in found for trial, (event, step) in enumerate(of_goal) if event == "complete"}
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
    assert found[0] == [("complete", 4), ("complete", 8), ("complete", 12)]
    assert found[1] == [("incomplete", 20), ("incomplete", 20), ("complete", 20)]
