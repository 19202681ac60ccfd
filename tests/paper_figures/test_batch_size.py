"""The picture of which batch size to use: it shows the card, its interval and zones."""

from pathlib import Path

import numpy as np
import pytest

from paper_figures.extras.batch_size import extra_batch_size
from paper_figures.run import Run
from theory import HYPERBOLA
from verification.claims.analysis import analyse
from verification.records.curves import Curve, CurvePoint
from verification.records.records import Records
from verification.report.recommend import card_of, line_of_time

SIZES = tuple(2**k for k in range(4, 12))


def run_of(steps, **told):
    points = tuple(CurvePoint(size, 0, float(k), float(k)) for size, k in zip(SIZES, steps, strict=False))
    return Run.of(analyse(Records(source=Path("logs.csv"), curves=(Curve(points=points),)), 0), **told)


@pytest.fixture(scope="module")
def bent():
    return run_of((5210, 2688, 1452, 810, 501, 352, 260, 230))


def ring(axes):
    (found,) = [line for line in axes.lines if line.get_label() == "use this"]
    return found.get_xdata()[0], found.get_ydata()[0]


def strip(axes):
    """Return the zones as (name or nothing, left, right) in batch sizes."""
    left, right = np.log2(axes.get_xlim())
    patches = [patch for patch in axes.patches if patch.get_y() == 1.0]
    ends = [2 ** (left + np.array([p.get_x(), p.get_x() + p.get_width()]) * (right - left)) for p in patches]
    names = [text for text in axes.texts if text.get_text()]
    return [
        (next((t.get_text() for t in names if p.get_x() < t.get_position()[0] < p.get_x() + p.get_width()), ""), *e)
        for p, e in zip(patches, ends, strict=True)
    ]


def test_ring_interval_and_zones_are_those_of_the_card(bent, panels):
    drawn = panels(extra_batch_size([bent]))
    (fitted,), (steps, examples) = bent.analysis.curves, drawn.axes
    found = card_of(fitted)
    assert ring(steps) == (found.batch_size, found.use.steps)
    assert ring(examples) == (found.batch_size, found.use.examples)
    (shade,) = [one for one in steps.patches if one.get_y() != 1.0]
    assert (shade.get_x(), shade.get_x() + shade.get_width()) == pytest.approx(
        (found.interval.low, found.interval.high)
    )
    (first, _, one), (second, two, three), (third, four, _) = strip(steps)
    assert (first, second, third) == ("nearly linear", "knee", "wasted")
    law = fitted.hyperbola.parameters
    for edge, saved in ((one, 0.4), (two, 0.4), (three, 0.1), (four, 0.1)):
        assert 1.0 - HYPERBOLA.steps(2 * edge, **law) / HYPERBOLA.steps(edge, **law) == pytest.approx(saved)
    assert "use 512, $B_{crit}$ 4" in drawn.caption
    assert "not between seeds" in drawn.caption


def test_points_in_examples_are_batch_size_times_steps(bent, panels, drawn_data):
    steps, examples = panels(extra_batch_size([bent])).axes
    sizes, counted = drawn_data(examples, "0%")
    assert counted == [size * k for size, k in zip(*drawn_data(steps, "0%"), strict=True)]
    assert sizes == list(SIZES)


def test_a_step_time_moves_the_ring(bent, panels):
    slow = Run.of(bent.analysis, step_time=line_of_time(1e-6, 1.0))  # a step takes B: the cheapest is the fastest
    assert ring(panels(extra_batch_size([slow])).axes[0])[0] == 16


@pytest.mark.parametrize(
    ("steps", "zones", "legend"),
    [
        ([65_536 / size for size in SIZES], ["nearly linear"], ["0%", "fitted law", "use this", "$B_{crit}$, 95%"]),
        ([100.0] * len(SIZES), ["wasted"], ["0%", "fitted law", "use this", "$B_{crit}$, 95%"]),
        ((5210, 2688, 1452, 810, 501, 352, 600, 1500), [], ["0%", "fitted law", "use this"]),
        ((5210, 2688), [], ["0%", "use this"]),
    ],
    ids=["straight", "flat", "rejected", "two points"],
)
def test_what_is_not_known_is_not_drawn(panels, steps, zones, legend):
    drawn = panels(extra_batch_size([run_of(steps)]))
    assert [name for name, *_ in strip(drawn.axes[0])] == zones
    assert [text.get_text() for text in drawn.figure.subfigs[0].legends[0].texts] == legend
    assert not [shade for shade in drawn.axes[0].patches if shade.get_y() != 1.0 and not zones]
