"""Winners at an edge of the search, counted by hand."""

from verification.claims.on_trials import winners_at_edge
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
    assert winners_at_edge(Curve(points=(), trials=tuple(trial for one in studies for trial in one))) == [
        True,
        False,
        True,
    ]
