from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from empirics.records import Study, StudyRecord, TrialRecord


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
