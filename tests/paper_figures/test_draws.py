"""How draws spread in the figures of curves and trials, and steps against the number of trials."""

import math
from dataclasses import replace

import numpy as np
import pytest
from samples.searched_runs import judged_run, searched_records

from empirics.best_rate import steps_at_best_rate
from paper_figures.catalogue import FIGURES
from paper_figures.report.chart import chart as draw_chart
from verification.fits.curves import fit_curve
from verification.inference.by_trials import by_trials
from verification.inference.rates import RACED
from verification.missing import Missing

SPREADS = (0.7, 1.6)  # of two more draws over the first


def redrawn(one, *, missing=False):
    """Return a trial with two more draws, the last of which misses the goal where that is asked for."""
    if one.upper is None:
        return replace(one, redrawn=((one.lower, None), (one.lower, None)))
    ends = [2.0 * math.ceil(one.upper * spread / 2.0) for spread in SPREADS]
    pairs = [(end - 2.0, end) for end in ends]
    return replace(one, redrawn=(pairs[0], (3000.0, None)) if missing else tuple(pairs))


def drawn_run(workload, *, missing=False):
    records = searched_records((workload,))
    curves = tuple(
        replace(
            curve,
            draws=3,
            trials=tuple(redrawn(one, missing=missing) for one in curve.trials),
            points=tuple(replace(p, interval=(0.8 * p.upper, 1.5 * p.upper), least=p.upper) for p in curve.points),
        )
        for curve in records.curves
    )
    return judged_run(replace(records, curves=curves))


def lines_of(axes, label):
    return [(list(one.get_xdata()), list(one.get_ydata())) for one in axes.lines if one.get_label() == label]


def test_bars_reach_from_the_first_draw_at_the_goal_to_the_last(panels):
    run = drawn_run("digits/small-cnn/sgd")
    for figure in ("figure_05", "figure_13"):
        drawn = panels(FIGURES[figure].draw([run]))
        axes = drawn.titled("$S$ = 90%, $B$ = 16")
        curve = next(curve for curve in run.records.curves if curve.sparsity == 90.0)
        hits = [one for one in curve.trials if one.batch_size == 16 and one.upper]
        assert lines_of(axes, "draws") == [
            ([one.metaparameters["learning_rate"]] * 2, [one.redrawn[0][1], one.redrawn[1][1]]) for one in hits
        ]
        assert not lines_of(axes, "draws missing")
        assert "3 draws of each point, whose first is the trial: bars reach from the first draw" in drawn.caption


def test_the_star_stays_at_the_winner(panels, drawn_data):
    run = drawn_run("digits/small-cnn/sgd")
    curves = tuple(
        replace(one, points=tuple(replace(p, lower=2 * p.upper, upper=2 * p.upper) for p in one.points))
        for one in run.records.curves
    )
    axes = panels(FIGURES["figure_05"].draw([judged_run(replace(run.records, curves=curves))])).titled(
        "$S$ = 0%, $B$ = 4"
    )
    point = curves[0].points[0]
    assert drawn_data(axes, "best") == ([point.metaparameters["learning_rate"]], [point.least])


def test_a_draw_that_missed_leaves_the_bar_open(panels):
    axes = panels(FIGURES["figure_05"].draw([drawn_run("digits/small-cnn/sgd", missing=True)])).titled(
        "$S$ = 90%, $B$ = 16"
    )
    ((x, y), *rest) = lines_of(axes, "draws missing")
    assert y[1] == 3000.0
    assert (x, y[0]) == (lines_of(axes, "draws")[0][0], lines_of(axes, "draws")[0][1][1])
    assert len(rest) + 1 == len(lines_of(axes, "draws"))


def test_where_steps_are_not_drawn_a_ring_is_around_points_whose_draws_differ(panels):
    for missing in (False, True):
        run = drawn_run("digits/small-cnn/momentum", missing=missing)
        axes = panels(FIGURES["figure_03"].draw([run])).titled("$S$ = 0%, $B$ = 64")
        hits = [one for one in run.records.curves[0].trials if one.batch_size == 64 and one.upper]
        rings = [(x[0], y[0]) for x, y in lines_of(axes, "draws differ")]
        places = [(one.metaparameters["learning_rate"], 1.0 - one.metaparameters["momentum"]) for one in hits]
        assert rings == (places if missing else [])


def test_points_of_k_rate_bear_its_interval_and_axes_its_name(panels):
    run = drawn_run("digits/small-cnn/sgd")
    drawn = panels(FIGURES["figure_01"].draw([run]))
    (bar,) = drawn.titled("sparsity 0%").containers
    ends = [segment[:, 1].tolist() for segment in bar.lines[2][0].get_segments()]
    assert ends == [pytest.approx(point.interval) for point in run.records.curves[0].points]
    assert drawn.axes[0].get_ylabel() == "steps to result $K_{rate}$"
    assert "the median over 3 draws at the best rate, with its 95% interval" in drawn.caption
    assert "$K^*$" not in drawn.caption


def test_ratios_of_k_rate_are_called_so(panels):
    run = drawn_run("digits/small-cnn/sgd")
    for figure in ("figure_12", "extra_ratio"):
        caption = panels(FIGURES[figure].draw([run])).caption
        assert r"$K_{rate}(\mathrm{sparse})\,/\,K_{rate}(\mathrm{dense})$" in caption
        assert "K^*" not in caption
    both = panels(FIGURES["figure_12"].draw([run, judged_run(searched_records())]))
    assert both.axes[0].get_ylabel() == "$K$, sparse over dense"


def test_the_page_calls_points_by_what_they_are_and_shows_their_intervals():
    run = drawn_run("digits/small-cnn/sgd")
    curves = [run.analysis.fitted(curve) for curve in run.records.curves]
    chart = draw_chart("one", curves)
    point = run.records.curves[0].points[0]
    ends = "[{:.0f}, {:.0f}]".format(*point.interval)
    assert (chart.quantity, chart.intervals) == ("K_rate", "its 95% interval")
    assert chart.rows[0][1][0] == ((f"{point.upper:.0f}", ends),)
    mark = chart.curves[0].marks[0]
    assert f"K_rate = {point.upper:.0f} steps, in {ends}" in mark.text
    assert float(mark.high) < float(mark.y) < float(mark.low)
    plain = draw_chart("one", [fit_curve(searched_records().curves[0])])
    assert (plain.quantity, plain.curves[0].marks[0].high) == ("K*", plain.curves[0].marks[0].y)


def test_steps_by_trials_are_those_of_the_first_trials():
    """Eight of nine trials by hand: K* by its definition, K_rate from the same draws."""
    (curve, *_) = drawn_run("digits/small-cnn/sgd").records.curves
    eight = replace(curve, trials=tuple(one for one in curve.trials if one.trial < 8 and one.batch_size == 16))
    found = by_trials(eight)
    assert (found.trials, found.studies) == ((4, 8), 1)
    for count, least, rate in zip(found.trials, found.least, found.rate, strict=True):
        first = [one for one in eight.trials if one.trial < count]
        assert least == pytest.approx(min(one.upper for one in first if one.upper))
        draws = [[(one.lower, one.upper), *one.redrawn] for one in first]
        lower, upper = (np.array([[pair[end] or math.inf for pair in of] for of in draws]) for end in (0, 1))
        over = max(upper[:, 0].min(), np.sort(upper, axis=1)[:, 1].min())
        rates = [one.metaparameters["learning_rate"] for one in first]
        assert rate == pytest.approx(steps_at_best_rate(rates, lower, upper, over).steps)
    assert found.least[1] <= found.least[0]


def test_the_first_trials_of_a_race_are_not_known():
    curve = searched_records(stop="race").curves[0]
    assert by_trials(curve) == Missing(RACED)
    few = replace(curve, stop="never", trials=curve.trials[:3])
    assert "needs 8 trials" in by_trials(few).reason


def test_least_and_rate_stand_against_the_number_of_trials(panels, drawn_data):
    run = drawn_run("digits/small-cnn/sgd")
    drawn = panels(FIGURES["extra_trials"].draw([run]))
    found = by_trials(run.records.curves[1])
    axes = drawn.titled("sparsity 90%")
    assert drawn_data(axes, "$K^*$") == (list(found.trials), list(found.least))
    assert drawn_data(axes, "$K_{rate}$") == (list(found.trials), list(found.rate))
    assert "0% from 4 to 9 trials $K^*$" in drawn.caption
