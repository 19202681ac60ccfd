"""The extras over several runs: the forest of ratios with its verdicts, and prediction against measurement."""

from dataclasses import replace

import pytest
from samples.searched_runs import judged_run, searched_records

from paper_figures.extras.forest import VERDICTS, extra_forest
from paper_figures.extras.predicted import extra_predicted

QUANTITIES = ("c1", "c2", "b_crit")


def lines_of(axes, label):
    return [
        (list(one.get_xdata()), list(one.get_ydata()), one.get_marker())
        for one in axes.lines
        if one.get_label() == label
    ]


def test_the_forest_has_a_line_a_pair_and_a_mark_a_verdict(sgd, momentum, panels):
    drawn = panels(extra_forest([sgd, momentum]))
    pairs = [pair for run in (sgd, momentum) for pair in run.analysis.pairs]
    assert [" ".join(text.get_text().split()) for text in drawn.axes[0].get_yticklabels()] == [
        "run 90%",
        "momentum digits/small-cnn/momentum 90%",
        "momentum digits/small-cnn/nesterov 90%",
    ]
    for axes, quantity in zip(drawn.axes, QUANTITIES, strict=True):
        for verdict, (marker, label) in VERDICTS.items():
            assert lines_of(axes, label) == [
                ([pair.ratios[quantity]], [place], marker)
                for place, pair in enumerate(pairs)
                if pair.tests[quantity].verdict == verdict
            ]
        bars = [(x, y) for x, y, _ in lines_of(axes, "95% interval")]
        left, right = axes.get_xlim()
        for place, pair in enumerate(pairs):
            ends = pair.intervals[quantity]
            expected = [max(ends.low or left, left), min(ends.high or right, right)]
            assert bars[place] == (pytest.approx(expected), [place, place])
        assert axes.get_xlim() == drawn.axes[0].get_xlim()
    assert f"({pairs[0].tests['c1'].verdict})" in drawn.caption


def test_an_open_interval_ends_in_an_arrow_at_the_border(sgd, panels):
    (pair,) = sgd.analysis.pairs
    opened = replace(pair, intervals={**pair.intervals, "c1": replace(pair.intervals["c1"], low=None)})
    run = replace(sgd, analysis=replace(sgd.analysis, pairs=(opened,)))
    axes = panels(extra_forest([run])).axes[0]
    assert lines_of(axes, "_open") == [([axes.get_xlim()[0]], [0], "<")]


def test_what_constants_predict_stands_against_what_was_fitted(sgd, panels):
    drawn = panels(extra_predicted([sgd]))
    (pair,) = sgd.analysis.pairs
    for axes, quantity in zip(drawn.axes, QUANTITIES, strict=True):
        made = pair.prediction.ratios[quantity]
        ((x, y, _),) = lines_of(axes, "digits/small-cnn/sgd, goal 0.08")
        assert (x, y) == ([made.ratio], [pair.ratios[quantity]])
        ((equal_x, equal_y, _),) = lines_of(axes, "equality")
        assert equal_x == equal_y == list(axes.get_xlim()) == list(axes.get_ylim())
    assert "$c_1$ predicted 5.5" in drawn.caption


def test_without_sparse_networks_or_constants_neither_is_drawn(sgd, panels):
    dense = judged_run(searched_records(sparsities=(0.0,)))
    for extra in (extra_forest, extra_predicted):
        drawn = panels(extra([dense]))
        assert not drawn.axes
        assert "no sparse network" in drawn.missing
    records = sgd.records
    bare = judged_run(replace(records, constants=(), measured={}))
    drawn = panels(extra_predicted([bare]))
    assert not drawn.axes
    assert drawn.missing.startswith("digits/small-cnn/sgd, goal 0.08: ")
