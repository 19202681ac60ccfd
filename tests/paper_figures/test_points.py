"""Measured points as marks: a few replicates with bars, more of them side by side."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from paper_figures.drawing.points import draw_bars, draw_points
from verification.records.curves import Curve, CurvePoint


def bars_of(container):
    _, _, (bars,) = container
    return [ends for ends in bars.get_segments() if ends.size and np.isfinite(ends).all()]


def drawn(replicates):
    points = tuple(
        CurvePoint(batch_size=size, replicate=r, lower=900.0 / size, upper=1000.0 / size + r)
        for size in (4, 16)
        for r in range(replicates)
    )
    axes = Figure().subplots()
    draw_points(axes, Curve(points=points), ("black", "o"))
    (container,) = axes.containers
    return container[0].get_xydata(), bars_of(container)


def test_three_replicates_stand_at_their_batch_size_with_bars():
    marks, bars = drawn(3)
    assert sorted(set(marks[:, 0])) == [4.0, 16.0]
    assert len(bars) == 6


def test_four_replicates_stand_side_by_side_without_bars():
    marks, bars = drawn(4)
    for size in (4, 16):
        near = marks[np.abs(np.log2(marks[:, 0] / size)) < 0.5]
        assert np.log2(near[:, 0] / size) == pytest.approx([-0.2, -0.2 / 3, 0.2 / 3, 0.2])
        assert near[:, 1] == pytest.approx([1000.0 / size + r for r in range(4)])
    assert bars == []


def test_an_exact_ratio_whose_ends_round_to_the_wrong_side_has_no_bar():
    axes = Figure().subplots()
    draw_bars(axes, [(16.0, 1.1, np.nextafter(1.1, 2.0), np.nextafter(1.1, 0.0))], ("black", "o"), "measured")
    assert bars_of(axes.containers[0]) == []
