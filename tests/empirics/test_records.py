import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from empirics.best_rate import steps_at_best_rate
from empirics.records import RepeatRecord, Study, StudyRecord, TrialRecord, at_edge
from empirics.search.sobol import unit_points
from empirics.search.space import search_points
from empirics.stopping import RACE, StopRule
from empirics.workloads.catalogue import LEARNING_RATE, MOMENTUM


def record(*endings, max_steps=40, eval_interval=3):
    """Return a study from one (event, step) a trial."""
    trials = tuple(
        TrialRecord(trial, {"learning_rate": 0.1 * (trial + 1)}, event, step)
        for trial, (event, step) in enumerate(endings)
    )
    return StudyRecord(Study(0.0, 0, 16), 0.08, trials, max_steps, eval_interval, None, 1.0)


@dataclass(frozen=True)
class Ending:
    name: str
    record: StudyRecord
    steps: int | None
    lower: int
    winner: int | None
    statuses: tuple[str, ...]


REACHED, DIVERGED, RUNNING = "complete", "infeasible", "incomplete"
ENDINGS = [
    Ending("one reaches", record((RUNNING, 9), (REACHED, 9)), 9, 6, 1, ("censored", "complete")),
    Ending("a tie", record((RUNNING, 9), (REACHED, 9), (REACHED, 9)), 9, 6, 1, ("censored", "complete", "complete")),
    Ending("at the first test", record((REACHED, 3)), 3, 0, 0, ("complete",)),
    Ending("at the budget, no multiple", record((REACHED, 40)), 40, 39, 0, ("complete",)),
    Ending("one diverges before", record((DIVERGED, 4), (REACHED, 6)), 6, 3, 1, ("infeasible", "complete")),
    Ending("one diverges at the last step", record((DIVERGED, 6), (REACHED, 6)), 6, 3, 1, ("infeasible", "complete")),
    Ending("none reaches", record((RUNNING, 40), (DIVERGED, 7)), None, 40, None, ("incomplete", "infeasible")),
    Ending("all diverge", record((DIVERGED, 2), (DIVERGED, 5)), None, 40, None, ("infeasible", "infeasible")),
    Ending("diverged after the stop", record((DIVERGED, 7), (REACHED, 6)), 6, 3, 1, ("censored", "complete")),
]


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_how_a_study_ended(ending):
    found = ending.record
    assert found.steps_to_result == ending.steps
    assert found.lower == ending.lower
    assert (found.winner.trial if found.winner else None) == ending.winner
    assert tuple(found.status(trial) for trial in found.trials) == ending.statuses


@given(st.lists(st.tuples(st.sampled_from((REACHED, DIVERGED, RUNNING)), st.integers(1, 40)), min_size=1, max_size=8))
def test_every_trial_has_one_status(endings):
    found = record(*endings)
    counts = [found.count(status) for status in ("complete", "incomplete", "infeasible", "censored")]
    assert sum(counts) == len(endings)
    assert (counts[0] == 0) == (found.winner is None)


@given(st.integers(1, 500), st.integers(1, 50))
def test_the_interval_ends_where_the_last_test_was(steps, eval_interval):
    lower = record((REACHED, steps), max_steps=steps, eval_interval=eval_interval).lower
    tests = [step for step in range(steps) if step % eval_interval == 0]
    assert lower == tests[-1]


def test_a_trial_that_saw_no_goal_test_says_nothing_of_where_the_goal_lies():
    untested, short, diverged = (
        TrialRecord(0, {}, "incomplete", 90, 0),
        TrialRecord(1, {}, "incomplete", 90, 80),
        TrialRecord(2, {}, "infeasible", 4),
    )
    for trials, lower in (
        ((untested, short), 80),
        ((untested, diverged), 0),
        ((untested,), 0),
        ((diverged,), 100),
        ((short, diverged), 80),
    ):
        assert StudyRecord(Study(0.0, 0, 16), 0.1, trials, 100, 2, None, 0.0).lower == lower


def drawn(*draws, repeats=(), stop=RACE):
    """Return a study from one list of steps a draw, None for a point that misses its goal."""
    every = tuple(
        TrialRecord(point, {"learning_rate": 0.1 * (point + 1)}, REACHED if step else RUNNING, step or 40, draw=draw)
        for draw, steps in enumerate(draws)
        for point, step in enumerate(steps)
    )
    points = len(draws[0])
    return StudyRecord(
        study=Study(0.0, 0, 16),
        goal=0.08,
        trials=every[:points],
        max_steps=40,
        eval_interval=2,
        best_error=None,
        seconds=1.0,
        stop=stop,
        draws=len(draws),
        redrawn=every[points:],
        repeats=tuple(
            RepeatRecord(Study(0.0, 0, 16), 0.08, kind, number, replace(every[0], step=step, draw=number))
            for number, (kind, step) in enumerate(repeats, start=1)
        ),
    )


def test_with_draws_the_least_is_that_of_draw_0_and_the_study_goes_on_until_a_point_is_decided():
    found = drawn([20, 10], [8, 30], [None, 28])
    assert (found.winner.trial, found.steps_to_result, found.lower) == (1, 10, 8)
    assert found.stopping_step == 20  # point 0 has draws 0 and 1 there at 20, point 1 has 0 and 2 at 28
    assert [found.status(trial) for trial in found.trials] == ["complete", "complete"]
    assert found.best_rate.draws == 3
    assert found.best_rate.reached_share == 2 / 3


@pytest.mark.parametrize("rule", [StopRule("never"), StopRule("factor", 1.5), StopRule("hits", 2)], ids=str)
def test_no_rule_changes_the_steps_at_the_best_rate(rule):
    draws = [20, 10], [8, 30], [None, 28]
    raced, other = drawn(*draws).best_rate, drawn(*draws, stop=rule).best_rate
    assert raced == other
    assert drawn(*draws, stop=rule).stopping_step > 20


def test_without_other_draws_there_are_no_steps_at_the_best_rate():
    assert drawn([20, 10]).best_rate is None
    assert drawn([20, 10], repeats=[("jitter", 12)]).best_rate is None


def test_draws_of_the_winner_alone_are_their_median_up_to_the_budget():
    found = drawn([10, 20], repeats=[("draw", 18), ("draw", 24), ("jitter", 2), ("draw", 30)]).best_rate
    alone = steps_at_best_rate([0.1], np.array([[16.0, 22.0, 28.0]]), np.array([[18.0, 24.0, 30.0]]), 40.0)
    assert found == alone
    assert (found.draws, found.reached_share) == (3, 1.0)


def test_rounding_spreads_the_winner_and_its_jitters():
    assert drawn([10, 20]).rounding_spread is None
    assert drawn([10, 20], repeats=[("jitter", 40), ("draw", 10)]).rounding_spread == pytest.approx(
        math.log(4.0) / math.sqrt(2.0)
    )
    assert drawn([None, None], repeats=[("jitter", 40)]).rounding_spread is None


def test_a_winner_trained_again_is_watched_for_ten_times_its_steps():
    """Trainings that were watched for longer count as those that were not."""
    watched = drawn([2, 20], repeats=[("draw", 4), ("draw", 6), ("draw", 40), ("jitter", 4), ("jitter", 40)])
    late = replace(watched.trials[0], ending="incomplete", step=20)
    repeats = (r if r.trial.step < 40 else replace(r, trial=late) for r in watched.repeats)
    stopped = replace(watched, repeats=tuple(repeats))
    assert watched.best_rate == stopped.best_rate
    assert watched.best_rate.reached_share == 2 / 3
    assert watched.rounding_spread == stopped.rounding_spread == pytest.approx(math.log(2.0) / math.sqrt(2.0))


def test_points_without_a_rate_have_no_steps_at_the_best_rate():
    found = drawn([20, 10], [8, 30], [None, 28])
    bare = [replace(trial, metaparameters={"width": 2.0}) for trial in (*found.trials, *found.redrawn)]
    found = replace(found, trials=tuple(bare[:2]), redrawn=tuple(bare[2:]))
    assert (found.best_rate.steps, found.best_rate.reached_share) == (None, 2 / 3)


def test_a_point_at_the_edge_is_one_with_no_other_beyond():
    # units 1/2, 3/4, 1/4, 3/8, 7/8: the lowest is trial 2, the highest trial 4
    tried = search_points((LEARNING_RATE,), 5)
    assert [at_edge(point, tried) for point in tried] == [
        (),
        (),
        ("learning_rate",),
        (),
        ("learning_rate",),
    ]


def test_edges_are_told_per_metaparameter():
    points = unit_points(7, 2)
    trial = int(points[:, 1].argmax())
    tried = search_points((LEARNING_RATE, MOMENTUM), 7)
    edges = at_edge(tried[trial], tried)
    assert "momentum" in edges
    assert ("learning_rate" in edges) == (points[trial, 0] in {points[:, 0].min(), points[:, 0].max()})


@pytest.mark.parametrize("trials", [1, 2])
def test_one_or_two_points_have_no_inside_to_be_at_the_edge_of(trials):
    tried = search_points((LEARNING_RATE,), trials)
    assert at_edge(tried[0], tried) == ()


@pytest.mark.parametrize(("rates", "edges"), [((0.1, 0.1, 0.2), ()), ((0.1, 0.15, 0.2), ("learning_rate",))])
def test_of_two_distinct_values_none_is_at_an_edge(rates, edges):
    tried = [{"learning_rate": rate} for rate in rates]
    assert at_edge(tried[-1], tried) == edges


def test_a_trial_that_lacks_a_metaparameter_is_at_no_edge_of_it():
    points = [{"learning_rate": 0.1, "momentum": 0.9}, {"learning_rate": 0.2}, {"learning_rate": 0.3, "momentum": 0.8}]
    points.append({"learning_rate": 0.25, "momentum": 0.85})
    assert [at_edge(point, points) for point in points] == [
        ("learning_rate", "momentum"),
        (),
        ("learning_rate", "momentum"),
        (),
    ]
