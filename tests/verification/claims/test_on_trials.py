"""Winners at an edge of the search, counted by hand."""

from dataclasses import replace

import pytest

from verification.claims.on_trials import winners_at_edge, winners_inside
from verification.fits.curves import fit_curve
from verification.records.curves import Curve
from verification.records.trials import Trial

RATES = (0.1, 0.2, 0.4)


def study(batch_size, steps, lower=1.0):
    """Return the trials of a study in which each rate takes so many steps; None does not reach the goal."""
    return [
        Trial(
            batch_size=batch_size,
            replicate=0,
            trial=trial,
            status="incomplete" if upper is None else "complete",
            lower=50.0 if upper is None else min(upper - 1.0, lower),
            upper=upper,
            metaparameters={"learning_rate": rate},
        )
        for trial, (rate, upper) in enumerate(zip(RATES, steps, strict=False))
    ]


def test_a_winner_with_the_smallest_or_largest_value_tried_is_at_an_edge():
    studies = (
        study(1, (9.0, 12.0, 15.0)),  # the smallest rate
        study(2, (15.0, 9.0, 12.0)),
        study(4, (None, 12.0, 9.0)),  # the largest
        study(8, (None, None, None)),  # no winner
        study(16, (9.0, 12.0)),  # two trials have no inside
        study(32, (1.0, 12.0, 15.0), lower=0.0),  # the first test says nothing
    )
    curve = Curve(points=(), trials=tuple(trial for one in studies for trial in one))
    assert winners_at_edge(curve) == {1: [True], 2: [False], 4: [True]}


def test_replicates_of_a_batch_size_count_as_one():
    """At 1 two of three winners are at an edge, at 2 one of three, at 4 one of two; more replicates change no count."""
    inner, outer = (15.0, 9.0, 12.0), (9.0, 12.0, 15.0)
    of_sizes = {1: (outer, outer, inner), 2: (inner, outer, inner), 4: (inner, outer)}
    trials = [
        replace(trial, replicate=5 * again + number)
        for again in range(2)
        for size, won in of_sizes.items()
        for number, steps in enumerate(won)
        for trial in study(size, steps)
    ]
    (found,) = winners_inside([fit_curve(Curve(points=(), trials=tuple(trials)))])
    assert found.estimate == 1 / 3
    assert found.p_against == pytest.approx(1.0 - 0.9**3)
