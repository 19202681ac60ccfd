"""Figure 1 shows what the records and verdicts say, and says what it cannot show."""

import json
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from samples.verification_runs import DIGITS_TRUTHS, write_run

from paper_figures.drawing.curve_panels import steps_at
from paper_figures.drawing.rows import rows_of
from paper_figures.figures.figure_01 import figure_01
from paper_figures.run import read_run
from verification.records.curves import Curve, CurvePoint
from verification.report.__main__ import main as report

SIZES = [2**i for i in range(9)]


def drawn(figure):
    """Lay a figure out for real and return its panels, row by row."""
    figure.draw_without_rendering()
    return figure.axes


# The file has five digits, of constants as of their logarithms.
ROUNDED = 2e-4


@pytest.fixture(scope="module")
def run(digits_run):
    return read_run(digits_run)


@pytest.fixture(scope="module")
def panels(run):
    """The panels of that run, which no test changes."""
    return drawn(figure_01([run]))


def line(axes, label):
    return next(one for one in axes.lines if one.get_label() == label)


def bars(axes, label):
    return next(one for one in axes.containers if one.get_label() == label)


def texts(axes):
    return "\n".join(text.get_text() for text in axes.texts)


def test_points_and_bars_are_the_measured_intervals(run, panels):
    dense = panels[0]
    reached = [point for point in run.records.curves[0].points if point.reached]
    container = bars(dense, "0%")
    x, y = container.lines[0].get_data()
    assert list(x) == [point.batch_size for point in reached]
    assert list(y) == [point.upper for point in reached]
    ends = [segment[:, 1].tolist() for segment in container.lines[2][0].get_segments()]
    assert ends == [[point.lower, point.upper] for point in reached]


def test_what_was_not_reached_is_an_open_triangle_at_the_budget(panels):
    sparsest = panels[1]
    marks = line(sparsest, "not reached")
    assert marks.get_data()[0].tolist() == [1, 2]
    assert marks.get_data()[1].tolist() == [500.0, 500.0]
    assert marks.get_marker() == "^"
    assert marks.get_markerfacecolor() == "none"


def test_the_curve_is_the_fitted_law_of_the_verdicts(digits_run, panels):
    law = json.loads((digits_run / "verdicts.json").read_text())["curves"][3]["laws"]["H"]
    sparsest = panels[1]
    x, y = line(sparsest, "fit").get_data()
    assert (x[0], x[-1]) == (1, 256)
    assert y == pytest.approx(law["c1"] / x + law["c2"], rel=ROUNDED)
    critical = line(sparsest, "critical batch size").get_data()
    assert critical[0] == pytest.approx([law["b_crit"]] * 2, rel=ROUNDED)
    assert critical[1][1] == pytest.approx(2 * law["c2"], rel=ROUNDED)
    told = " ".join(sparsest.get_figure(root=True).told)
    assert "90% (n = 7) $c_1$ = 1070 [824, 1420]" in told


def test_linear_scaling_starts_at_the_law_where_the_goal_was_first_reached(run, panels):
    sparsest = panels[1]
    x, y = line(sparsest, "linear scaling").get_data()
    assert x.tolist() == [4.0, 256.0]
    law = run.fit(run.records.curves[3]).parameters
    assert y == pytest.approx([law["c1"] / 4 + law["c2"], (law["c1"] / 4 + law["c2"]) / 64])


def test_all_sparsities_are_together_each_with_its_colour_and_marker(panels):
    every = panels[2]
    labels = ["0%", "50%", "70%", "90%"]
    (key,) = every.get_figure(root=False).legends
    named = [text.get_text() for text in key.get_texts()]
    assert named[:4] == labels
    assert set(named[4:]) == {"linear scaling", "fitted law", "$B_{crit}$", "goal not reached"}
    looks = {(bars(every, label).lines[0].get_color(), bars(every, label).lines[0].get_marker()) for label in labels}
    assert len({colour for colour, _ in looks}) == len({marker for _, marker in looks}) == 4
    assert bars(panels[0], "0%").lines[0].get_color() == bars(every, "0%").lines[0].get_color()


def test_curves_are_normalised_by_their_laws_and_not_by_a_point(run, panels):
    normalised = panels[3]
    assert normalised.get_ylabel() == r"$K^*(B)\,/\,K_{law}(1)$"
    laws = [one for one in normalised.lines if one.get_label() == "fit"]
    assert [one.get_ydata()[0] for one in laws] == pytest.approx([1.0] * 4)
    for curve in run.records.curves:
        _, y = bars(normalised, f"{curve.sparsity:g}%").lines[0].get_data()
        law = run.fit(curve).parameters
        assert y[-1] == pytest.approx(curve.points[-1].upper / (law["c1"] + law["c2"]))
    assert line(normalised, "linear scaling").get_data()[1] == pytest.approx([1.0, 1 / 256])


def test_bars_stick_out_of_their_marks(panels):
    points, caps, _ = bars(panels[0], "0%").lines
    assert all(cap.get_markersize() > points.get_markersize() for cap in caps)
    assert all(cap.get_zorder() >= points.get_zorder() for cap in caps)


def test_axes_are_log2_with_whole_powers_of_two(panels):
    for axes in panels[:4]:
        assert axes.get_xscale() == axes.get_yscale() == "log"
        assert axes.xaxis.get_transform().base == 2
    assert [tick.get_text() for tick in panels[0].get_xticklabels()] == ["1", "4", "16", "64", "256"]
    assert "1/16" in [tick.get_text() for tick in panels[3].get_yticklabels()]
    assert panels[0].get_ylim() == panels[1].get_ylim() == panels[2].get_ylim()


def test_every_point_and_curve_is_inside_its_panel(panels):
    for axes in panels[:4]:
        low, high = axes.get_ylim()
        for one in axes.lines:
            if one.get_label() not in {"linear scaling", "critical batch size"}:
                assert ((np.asarray(one.get_ydata()) > low) & (np.asarray(one.get_ydata()) < high)).all()


def test_verdicts_that_are_missing_are_computed_and_that_is_said(tmp_path):
    folder = write_run(tmp_path / "r")
    told = []
    run = read_run(folder, tell=told.append)
    assert len(run.analysis.curves) == len(run.records.curves)
    assert told == [
        f"{folder}/verdicts.json is missing: computed here; python -m verification.report {folder} --save keeps it"
    ]
    assert not (folder / "verdicts.json").exists()
    assert report([str(folder), "--draws", "20", "--save"]) == 0
    kept = read_run(folder, tell=pytest.fail)
    assert [fit.estimates for fit in map(kept.fit, kept.records.curves)] == [
        pytest.approx(fit.estimates, rel=ROUNDED) for fit in map(run.fit, run.records.curves)
    ]
    dense = drawn(figure_01([run]))[0]
    assert len([one for one in dense.lines if one.get_label() == "fit"]) == 1


def test_verdicts_older_than_the_records_are_computed_anew(tmp_path):
    folder = write_run(tmp_path / "r", truths=DIGITS_TRUTHS[:1])
    assert report([str(folder), "--draws", "0", "--save"]) == 0
    old = (folder / "verdicts.json").read_bytes()
    before = read_run(folder).fit(read_run(folder).records.curves[0])
    write_run(folder, truths=DIGITS_TRUTHS[:1], seed=5)
    told = []
    run = read_run(folder, tell=told.append)
    assert run.fit(run.records.curves[0]) != before
    assert len(told) == 1
    assert "verdicts.json is older than the records" in told[0]
    assert (folder / "verdicts.json").read_bytes() == old


def test_a_panel_without_curves_is_not_drawn_and_a_curve_without_a_law_says_why(tmp_path):
    folder = write_run(tmp_path / "r", truths=DIGITS_TRUTHS[:1], budget=10)
    assert report([str(folder)]) == 0
    panels = drawn(figure_01([read_run(folder)]))
    assert "no fit: a fit needs 3 batch sizes that" in " ".join(panels[0].get_figure(root=True).told)
    assert len(panels) == 1


def test_each_workload_and_run_has_a_row_of_its_own(run, tmp_path):
    other = write_run(tmp_path / "other", truths=DIGITS_TRUTHS[:2], replicates=2)
    figure = figure_01([run, read_run(other)])
    assert len(drawn(figure)) == 8
    titles = [part.get_suptitle() for part in figure.subfigs]
    assert titles[:2] == [
        "digits/small-cnn/sgd, goal error <= 0.08 (digits)",
        "digits/small-cnn/sgd, goal 0.08 (other)",
    ]


def test_a_row_is_headed_by_how_weights_were_pruned_where_that_is_unusual():
    """Runs that differ in their masks alone have one workload and goal."""
    evidence = Path(__file__).parents[2] / "evidence"
    usual, random = (read_run(evidence / name) for name in ("digits-sgd", "digits-sgd-random"))
    titles = [row.title for row in rows_of([usual, random])]
    assert titles == [
        "digits/small-cnn/sgd, goal error <= 0.08 (digits-sgd)",
        "digits/small-cnn/sgd, goal error <= 0.08; weights are pruned at random (digits-sgd-random)",
    ]


def test_replicates_are_averaged_only_to_normalise():
    points = (CurvePoint(1, 0, 99, 100), CurvePoint(1, 1, 399, 400), CurvePoint(1, 2, 500, None))
    assert steps_at(Curve(points=points), 1) == pytest.approx(200.0)


def test_drawing_leaves_matplotlib_as_it_was(run):
    before = dict(mpl.rcParams)
    drawn(figure_01([run]))
    assert dict(mpl.rcParams) == before
