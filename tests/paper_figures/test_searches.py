"""Figures 3, 5 and 13 to 18 show how each trial ended, where it stands, and what a race leaves unknown."""

from dataclasses import replace

import pytest
from samples.searched_runs import judged_run, searched_records

from paper_figures.drawing.scatter import evenly, nearest

ENDS = {"complete": "complete", "incomplete": "incomplete (budget spent)", "infeasible": "infeasible (diverged)"}


def trials(run, sparsity, size, status):
    (curve,) = [curve for curve in run.records.curves[:2] if curve.sparsity == sparsity]
    return [one for one in curve.trials if one.batch_size == size and one.status == status]


@pytest.mark.parametrize("status", ENDS)
def test_each_trial_stands_at_its_rate_and_steps_by_how_it_ended(sgd, shown, drawn_data, status):
    axes = shown("figure_05", [sgd]).titled("$S$ = 90%, $B$ = 4")
    x, y = drawn_data(axes, ENDS[status])
    expected = trials(sgd, 90.0, 4, status)
    assert x == [one.metaparameters["learning_rate"] for one in expected]
    assert y == [one.upper or one.lower for one in expected]
    assert expected


def test_the_star_is_the_winner(sgd, shown, drawn_data):
    point = next(point for point in sgd.records.curves[1].points if point.batch_size == 16)
    for figure in ("figure_05", "figure_13"):
        axes = shown(figure, [sgd]).titled("$S$ = 90%, $B$ = 16")
        assert drawn_data(axes, "best") == ([point.metaparameters["learning_rate"]], [point.upper])


def test_momentum_stands_against_the_rate(momentum, shown, drawn_data):
    for figure in ("figure_03", "figure_14"):
        axes = shown(figure, [momentum]).titled("$S$ = 0%, $B$ = 64")
        x, y = drawn_data(axes, "complete")
        expected = trials(momentum, 0.0, 64, "complete")
        assert x == [one.metaparameters["learning_rate"] for one in expected]
        assert y == [1.0 - one.metaparameters["momentum"] for one in expected]


def test_both_axes_are_logarithmic_with_plain_labels(momentum, sgd, shown):
    axes = shown("figure_03", [momentum]).axes[0]
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert "0.1" in [tick.get_text() for tick in axes.get_yticklabels()]
    axes = shown("figure_05", [sgd]).axes[0]
    assert "128" in [tick.get_text() for tick in axes.get_yticklabels()]


def test_each_workload_has_a_figure_of_its_own(momentum, shown):
    for figure, name in (("figure_14", "momentum"), ("figure_15", "nesterov")):
        drawn = shown(figure, [momentum])
        assert [part.get_suptitle() for part in drawn.figure.subfigs[:-1]] == [f"digits/small-cnn/{name}, goal 0.08"]
        assert not drawn.missing
    other = shown("figure_16", [momentum])
    assert not other.axes
    assert "python -m empirics.measure --workload cifar-10/resnet-8/sgd/linear" in other.missing


def test_a_workload_of_the_paper_is_shown_in_its_own_figure_alone(shown):
    run = judged_run(searched_records(("cifar-10/resnet-8/momentum/linear",), goal="0.4"))
    assert shown("figure_17", [run]).axes
    assert not shown("figure_17", [run]).missing
    assert not shown("figure_13", [run]).axes


def test_the_losers_of_a_race_are_where_they_were_cut_and_the_caption_says_so(raced, shown, drawn_data):
    drawn = shown("figure_05", [raced])
    x, y = drawn_data(drawn.titled("$S$ = 0%, $B$ = 4"), "cut short when the study was over")
    expected = trials(raced, 0.0, 4, "censored")
    assert (x, y) == ([one.metaparameters["learning_rate"] for one in expected], [one.lower for one in expected])
    count = sum(one.status == "censored" for curve in raced.records.curves for one in curve.trials)
    assert f"{count} of 72 trials were cut short (--stop race)" in drawn.caption
    assert "n = 9 trials a panel" in drawn.caption


def test_without_trials_the_winners_remain(sgd, shown, drawn_data):
    bare = tuple(replace(curve, trials=()) for curve in sgd.records.curves)
    run = judged_run(replace(sgd.records, curves=bare))
    drawn = shown("figure_13", [run])
    axes = drawn.titled("$S$ = 0%, $B$ = 4")
    assert axes.get_title().endswith("losing trials unknown")
    assert [one.get_label() for one in axes.lines] == ["best"]
    assert "no trials in the input" in drawn.missing


def test_a_study_without_a_winner_says_so(sgd, shown):
    curve = sgd.records.curves[0]
    spent = tuple(
        replace(p, lower=3000.0, upper=None, metaparameters={}) if p.batch_size == 4 else p for p in curve.points
    )
    tried = tuple(
        replace(one, status="incomplete", lower=3000.0, upper=None) if one.batch_size == 4 else one
        for one in curve.trials
    )
    records = replace(sgd.records, curves=(replace(curve, points=spent, trials=tried),))
    axes = shown("figure_05", [judged_run(records)]).titled("$S$ = 0%, $B$ = 4")
    assert axes.get_title().endswith("goal not reached")
    assert [one.get_label() for one in axes.lines] == ["incomplete (budget spent)"]


def test_a_row_of_one_other_sparsity_is_shown(shown):
    records = searched_records(sparsities=(95.0,))
    drawn = shown("figure_05", [judged_run(records)])
    assert [axes.get_title().partition(",")[0] for axes in drawn.axes] == ["$S$ = 95%"] * 4


def test_batch_sizes_are_the_papers_where_they_were_measured():
    assert nearest([2**i for i in range(1, 15)], (16, 128, 1024, 8192)) == [16, 128, 1024, 8192]
    assert nearest([1, 2, 4, 8, 16], (16, 128)) == [1, 8]
    assert evenly([2**i for i in range(1, 15)], 7) == [2, 8, 32, 128, 512, 2048, 8192]
