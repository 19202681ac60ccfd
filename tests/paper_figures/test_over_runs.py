"""The extras over several runs: the forest of ratios with its verdicts, and prediction against measurement."""

from dataclasses import replace

import numpy as np
import pytest
from samples.searched_runs import judged_run, searched_records

from paper_figures.extras.decay import extra_decay
from paper_figures.extras.forest import VERDICTS, extra_forest
from paper_figures.extras.predicted import extra_predicted
from paper_figures.run import Run
from verification.claims.evidence import NOT_SEEDS
from verification.fits.fit import OPEN, Interval
from verification.fits.units import Units
from verification.own_claims.decays import first_rates_changed, steps_changed

QUANTITIES = ("c1", "c2", "b_crit")
WITHOUT_SEEDS = "95%, not between seeds"


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
        bars = [(x, y) for x, y, _ in lines_of(axes, WITHOUT_SEEDS)]
        left, right = axes.get_xlim()
        for place, pair in enumerate(pairs):
            ends = pair.intervals[quantity]
            expected = [max(ends.low or left, left), min(ends.high or right, right)]
            assert bars[place] == (pytest.approx(expected), [place, place])
        assert axes.get_xlim() == drawn.axes[0].get_xlim()
    assert f"({pairs[0].tests['c1'].verdict})" in drawn.caption
    assert drawn.caption.count(NOT_SEEDS) == len(pairs)


def test_an_interval_between_seeds_is_drawn_through(sgd, panels):
    (pair,) = sgd.analysis.pairs
    seeds = Units((0, 1), np.zeros(0, dtype=np.intp), np.zeros(2))
    with_seeds = replace(pair, dense=replace(pair.dense, units=seeds), sparse=replace(pair.sparse, units=seeds))
    drawn = panels(extra_forest([Run.of(replace(sgd.analysis, pairs=(with_seeds,)))]))
    assert lines_of(drawn.axes[0], "95% interval")
    assert not lines_of(drawn.axes[0], WITHOUT_SEEDS)
    assert NOT_SEEDS not in drawn.caption


def test_an_open_interval_ends_in_an_arrow_at_the_border(sgd, panels):
    (pair,) = sgd.analysis.pairs
    opened = replace(pair, intervals={**pair.intervals, "c1": replace(pair.intervals["c1"], low=None)})
    run = Run.of(replace(sgd.analysis, pairs=(opened,)))
    axes = panels(extra_forest([run])).axes[0]
    assert lines_of(axes, "_open") == [([axes.get_xlim()[0]], [0], "<")]


def test_a_ratio_that_is_bounded_from_above_alone_has_a_bar_and_no_mark(sgd, panels):
    (pair,) = sgd.analysis.pairs
    only = replace(
        pair,
        ratios={**pair.ratios, "c1": None, "c2": None},
        intervals={**pair.intervals, "c1": Interval(None, 0.99), "c2": OPEN},
    )
    c1, c2, _ = panels(extra_forest([Run.of(replace(sgd.analysis, pairs=(only,)))])).axes
    ((x, _, _),) = lines_of(c1, WITHOUT_SEEDS)
    assert x == [c1.get_xlim()[0], 0.99]
    assert lines_of(c1, "_open")
    assert not lines_of(c2, WITHOUT_SEEDS)
    assert not [one for axes in (c1, c2) for _, label in VERDICTS.values() for one in lines_of(axes, label)]


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


def decaying(**options):
    """A run with a decay, its winners at the rates of one without, whose points are in the same places."""
    records = searched_records(("digits/small-cnn/sgd/linear",), **options)
    added = {"decay_steps": 50.0, "end_learning_rate_factor": 0.1}
    curves = tuple(
        replace(one, points=tuple(replace(p, metaparameters=p.metaparameters | added) for p in one.points))
        for one in records.curves
    )
    return judged_run(replace(records, curves=curves), "falling")


def test_a_decay_stands_beside_a_constant_rate(sgd, panels):
    falling = decaying(seed=2)
    drawn = panels(extra_decay([sgd, falling]))
    assert [axes.get_title() for axes in drawn.axes] == ["steps to result, $K^*$", "best first rate"]
    assert not drawn.missing
    of = [run.analysis.curves for run in (falling, sgd)]
    for axes, changed in zip(drawn.axes, (steps_changed, first_rates_changed), strict=True):
        for label, over, under in (("0%", of[0][0], of[1][0]), ("90%", of[0][1], of[1][1])):
            expected = changed(over, under)
            (bars,) = [one for one in axes.containers if one.get_label() == label]
            assert list(bars.lines[0].get_ydata()) == [one.ratio for one in expected]
            theory = [list(one.get_ydata()) for one in axes.lines if one.get_label() == "theory"]
            assert [one.theory for one in expected if one.theory] in [[], *theory]
        assert any(one.get_label() == "theory" for one in axes.lines)
    assert "over digits/small-cnn/sgd, goal 0.08" in drawn.caption


def test_a_decay_alone_says_what_it_lacks(sgd, panels):
    alone, none = panels(extra_decay([decaying()])), panels(extra_decay([sgd]))
    assert not alone.axes
    assert not none.axes
    assert alone.missing.endswith("no run at a constant rate beside it; name both, with --to")
    assert none.missing == "no run of a workload whose rate decays, with a name that ends in /linear"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda records: replace(records, masks=("random",)), "has other masks"),
        (
            lambda records: replace(records, curves=tuple(replace(one, draws=5) for one in records.curves)),
            "is of K*, not K_rate",
        ),
    ],
)
def test_a_decay_that_cannot_be_compared_says_why(sgd, panels, change, told):
    falling = decaying()
    other = Run.of(replace(falling.analysis, records=change(falling.records)))
    drawn = panels(extra_decay([sgd, other]))
    assert not drawn.axes
    assert told in drawn.missing
