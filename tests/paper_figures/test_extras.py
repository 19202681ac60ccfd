"""Figures 2, 4, 6 and 12 and the extras show what records and verdicts say, and say what they cannot show."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from samples.accounts import CURVATURES, descent
from samples.searched_runs import followed, judged_run, searched_records
from samples.verification_runs import write_run

from paper_figures.catalogue import FIGURES
from paper_figures.report.tables import account_tables
from paper_figures.run import read_run
from theory import HYPERBOLA
from verification.account.splits import split
from verification.inference.bands import law_band, ratio_band
from verification.inference.rates import fitted_window
from verification.inference.ratios import measured_ratios
from verification.inference.smoothness_and_rate import OTHER_STEPS
from verification.records.records import Records
from verification.records.trials import smoothness_run


def curve_of(run, sparsity):
    return next(curve for curve in run.records.curves if curve.sparsity == sparsity)


def test_optimisers_stand_together_in_one_panel_a_sparsity(sgd, momentum, shown):
    drawn = shown("figure_02", [sgd, momentum])
    assert [axes.get_title() for axes in drawn.axes] == ["sparsity 0%", "sparsity 90%"]
    (key,) = drawn.figure.subfigs[0].legends
    assert [text.get_text() for text in key.get_texts()] == ["sgd", "momentum", "nesterov", "fitted law"]
    dense = drawn.titled("sparsity 0%")
    curves = [curve for run in (sgd, momentum) for curve in run.records.curves if curve.sparsity == 0.0]
    drawn_points = [bar.lines[0].get_ydata().tolist() for bar in dense.containers]
    assert drawn_points == [[point.upper for point in curve.points] for curve in curves]
    assert len({bar.lines[0].get_color() for bar in dense.containers}) == 3
    assert "n = 24 studies" in drawn.caption
    assert not drawn.missing


def test_an_optimiser_that_was_not_measured_is_named_with_its_command(sgd, shown):
    missing = shown("figure_02", [sgd]).missing
    for name in ("digits/small-cnn/momentum", "digits/small-cnn/nesterov"):
        assert f"no run of {name}; python -m empirics.measure --workload {name} --sparsity 0 50 70 90" in missing
        assert f"--goal-error 0.08 --out runs/{name.replace('/', '-')}-0.08" in missing


@pytest.mark.parametrize(("figure", "quantity"), [("figure_04", "L"), ("figure_06", "training_loss")])
def test_trajectories_are_those_along_the_winners_runs(sgd, shown, drawn_data, figure, quantity):
    drawn = shown(figure, [sgd])
    (axes,) = drawn.axes
    for sparsity in (0.0, 90.0):
        along = followed(sparsity).along[quantity]
        assert drawn_data(axes, f"{sparsity:g}%") == (list(along), list(along.values()))
    stars = [one.get_xydata().tolist() for one in axes.lines if one.get_label() == "goal reached"]
    assert stars == [[[41, followed(s).along[quantity][41]]] for s in (0.0, 90.0)]
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert "at B = 64, n = 1 replicate" in drawn.caption
    if quantity == "L":
        assert "0%: 2 [1.8, 2.2] (n = 3); 90%: 11 [9.9, 12.1] (n = 3)" in drawn.caption


@pytest.mark.parametrize("figure", ["figure_04", "figure_06", "extra_hessian"])
def test_trajectories_are_drawn_without_fitting_a_law(sgd, shown, figure):
    """So what was measured along runs can be looked at before any law is."""
    assert shown(figure, [replace(sgd, analysed=lambda: pytest.fail("a law was fitted"))]).axes


def test_l_and_the_hessian_stand_side_by_side(sgd, shown, drawn_data):
    smooth, hessian = shown("extra_hessian", [sgd]).axes
    assert drawn_data(smooth, "90%")[1] == list(followed(90.0).along["L"].values())
    assert drawn_data(hessian, "90%") == ([1, 21], [7.5, 7.5])


def test_what_was_not_kept_along_a_run_is_said(shown):
    run = judged_run(searched_records(hessian=False))
    drawn = shown("extra_hessian", [run])
    assert not drawn.axes
    assert "top Hessian eigenvalue was not kept along the runs" in drawn.missing
    bare = judged_run(replace(run.records, smoothness=()))
    for figure in ("figure_04", "figure_06", "extra_hessian"):
        drawn = shown(figure, [bare])
        assert not drawn.axes
        assert "nothing was kept along a run (no constants measured)" in drawn.missing


def test_ratios_are_those_of_the_verdicts(sgd, momentum, shown):
    (axes,) = (drawn := shown("figure_12", [sgd, momentum])).axes
    pairs = [measured_ratios(pair) for run in (sgd, momentum) for pair in run.analysis.pairs]
    assert len(axes.containers) == len(pairs) == 3
    for bar, measured in zip(axes.containers, pairs, strict=True):
        x, y = bar.lines[0].get_data()
        assert list(x) == [one.batch_size for one in measured]
        assert list(y) == [one.ratio for one in measured]
        ends = [segment[:, 1].tolist() for segment in bar.lines[2][0].get_segments()]
        assert ends == [pytest.approx([one.low, one.high]) for one in measured]
    sparse, dense = curve_of(sgd, 90.0), curve_of(sgd, 0.0)
    middles = [math.sqrt(p.lower * p.upper) for curve in (sparse, dense) for p in curve.points]
    assert axes.containers[0].lines[0].get_ydata()[0] == pytest.approx(middles[0] / middles[4])
    assert "digits/small-cnn/sgd, goal 0.08 (run): 90% over 0%, n = 4." in drawn.caption


def test_a_ratio_that_is_known_from_above_alone_is_drawn(tmp_path, shown):
    """At B = 512 the sparse network met the goal at its first test: the bar of that ratio has no lower half."""
    steps = {0: (440, 180, 80, 50), 90: (600, 300, 100, 10)}
    rows = [f"{s},{b},{k},10\n" for s, counts in steps.items() for b, k in zip((8, 32, 128, 512), counts, strict=True)]
    (tmp_path / "logs.csv").write_text("sparsity,batch_size,steps,eval_interval\n" + "".join(rows))
    run = read_run(tmp_path / "logs.csv")
    last = measured_ratios(run.analysis.pairs[0])[-1]
    assert last.low == 0.0
    for figure in ("figure_12", "extra_ratio"):
        (bar,) = shown(figure, [run]).axes[0].containers[:1]
        assert bar.lines[2][0].get_segments()[-1][:, 1].tolist() == pytest.approx([last.ratio, last.high])


def test_a_workload_without_a_ratio_says_why(shown):
    dense = judged_run(searched_records(sparsities=(0.0,)))
    sparse = judged_run(searched_records(sparsities=(95.0,)))
    for figure in ("figure_12", "extra_ratio"):
        for run, why in ((dense, "no sparse network"), (sparse, "no curve at sparsity 0%")):
            drawn = shown(figure, [run])
            assert not drawn.axes
            assert why in drawn.missing


def test_fits_have_their_bands(sgd, shown, drawn_data):
    fit, band = sgd.fit(curve_of(sgd, 90.0)), law_band(sgd.analysis.fitted(curve_of(sgd, 90.0)))
    drawn = shown("extra_fits", [sgd])
    axes = drawn.titled("sparsity 90%")
    x, y = drawn_data(axes, "fit")
    assert y == pytest.approx(HYPERBOLA.steps(x, **fit.parameters).tolist())
    (shade,) = axes.collections[-1:]
    corners = shade.get_paths()[0].vertices
    assert corners[:, 1].min() == pytest.approx(min(band.low))
    assert corners[:, 1].max() == pytest.approx(max(band.high))
    assert set(band.low) | set(band.high) <= set(corners[:, 1].tolist())
    assert "90% (n = 4) $c_1$ " in drawn.caption


def test_the_ratio_stands_between_its_limits(sgd, shown, drawn_data):
    pair = sgd.pair(curve_of(sgd, 90.0))
    band = ratio_band(pair)
    (axes,) = (drawn := shown("extra_ratio", [sgd])).axes
    assert drawn_data(axes, "fit") == (list(band.batch_size), list(band.value))
    assert drawn_data(axes, "measured")[1] == [one.ratio for one in measured_ratios(pair)]
    for name in ("c1", "c2"):
        assert drawn_data(axes, f"limit {name}")[1] == [pair.ratios[name]] * 2
    assert drawn_data(axes, "limit c1")[0][1] == drawn_data(axes, "limit c2")[0][0]
    assert drawn_data(axes, "predicted for small B")[1] == [pair.prediction.c1.ratio] * 2
    assert "c1 predicted 5.5" in drawn.caption


def test_rates_stand_beside_both_bounds(sgd, shown, drawn_data):
    rates = sgd.best_rates(curve_of(sgd, 0.0))
    drawn = shown("extra_rates", [sgd])
    above, _, below, _ = drawn.axes
    assert drawn_data(above, "winners") == (list(rates.batch_size), list(rates.rate))
    assert drawn_data(above, "sharp bound") == (list(rates.grid), list(rates.sharp))
    assert drawn_data(above, "textbook bound") == (list(rates.grid), list(rates.textbook))
    assert drawn_data(below, "winners") == (list(rates.batch_size), list(rates.product))
    assert drawn_data(below, "geometric mean")[1] == [rates.level] * 2
    assert "0% (n = 4) slope of" in drawn.caption


def test_trials_stand_over_multiples_of_the_best_rate(sgd, shown, drawn_data):
    window = fitted_window(curve_of(sgd, 0.0))
    drawn = shown("extra_window", [sgd])
    axes = drawn.titled("sparsity 0%")
    assert drawn_data(axes, "trials") == (list(window.multiple), list(window.slowdown))
    r, theory = (np.array(column) for column in drawn_data(axes, "theory"))
    assert theory == pytest.approx(1.0 / (r * (2.0 - r)))
    assert drawn_data(axes, "fitted power")[1] == pytest.approx((theory**window.power.value).tolist())
    assert f"(n = {len(window.multiple)} trials)" in drawn.caption


def test_a_race_has_no_window_and_says_why(shown):
    run = judged_run(searched_records(stop="race"))
    drawn = shown("extra_window", [run])
    assert not drawn.axes
    assert "losing trials were cut short" in drawn.missing


def test_smoothness_stands_over_the_rate_with_what_the_rate_sets(shown, drawn_data):
    run = judged_run(searched_records(seeds=3))
    (axes,) = (drawn := shown("extra_smoothness", [run])).axes
    assert drawn_data(axes, "90%") == (pytest.approx([0.1, 0.4, 1.6]), pytest.approx([11.0, 5.5, 2.75]))
    for name, top in (("$2/\\eta$", 2.0), ("$1/\\eta$", 1.0)):
        rates, levels = drawn_data(axes, name)
        assert [rate * level for rate, level in zip(rates, levels, strict=True)] == pytest.approx([top] * 2)
    assert [line.get_label() for line in axes.lines].count("a power of the rate") == 2
    # both networks' L halves where the rate is four times as large; 11 over 2 at one rate
    assert "p = -0.5 [" in drawn.caption
    assert "L over the dense network's at one rate: 90% 5.5 [" in drawn.caption


def test_one_seed_gives_points_without_a_power(sgd, shown, drawn_data):
    (axes,) = (drawn := shown("extra_smoothness", [sgd])).axes
    assert drawn_data(axes, "0%") == (pytest.approx([0.1]), pytest.approx([2.0]))
    assert "a power of the rate" not in [line.get_label() for line in axes.lines]
    assert "more replicates" in drawn.caption
    assert "0% 0.2 (n = 1)" in drawn.caption


def test_runs_whose_steps_are_no_rate_times_a_gradient_are_not_drawn(shown):
    records = searched_records()
    runs = (followed(0.0, metaparameters={"learning_rate": 0.1, "momentum": 0.9}),)
    drawn = shown("extra_smoothness", [judged_run(replace(records, smoothness=runs))])
    assert not drawn.axes
    assert OTHER_STEPS in drawn.missing


def test_examples_are_steps_times_batch_size(sgd, shown, drawn_data):
    curve = curve_of(sgd, 90.0)
    (axes,) = shown("extra_examples", [sgd]).axes
    x, y = drawn_data(axes, "90%")
    assert (x, y) == ([p.batch_size for p in curve.points], [p.batch_size * p.upper for p in curve.points])


def test_residuals_are_those_of_every_law(sgd, shown, drawn_data):
    laws = [sgd.analysis.fitted(curve_of(sgd, s)).laws for s in (0.0, 90.0)]
    drawn = shown("extra_residuals", [sgd])
    assert [axes.get_title().partition(":")[0] for axes in drawn.axes] == ["H", "P", "S", "PW", "X", "I", "Q"]
    for axes in drawn.axes:
        law = axes.get_title().partition(":")[0]
        near = [r for r in laws[1][law].fit.residuals if abs(r) <= math.log(4.0)]
        if near:
            assert drawn_data(axes, "90%")[1] == pytest.approx(np.exp(near).tolist())
        arrows = [one for one in axes.lines if one.get_label() == "farther off"]
        all_of = [r for one in laws for r in one[law].fit.residuals]
        assert len(arrows) == sum(abs(r) > math.log(4.0) for r in all_of)
    assert "0% n = 4, 90% n = 4" in drawn.caption


@pytest.mark.slow
def test_dollar_signs_in_names_are_no_formula(panels):
    records = searched_records(("my$own^$/net/sgd",))
    run = judged_run(Records(source=records.source, curves=records.curves))
    for name, entry in FIGURES.items():
        drawn = panels(entry.draw([run]))
        words = [part.get_suptitle() for part in drawn.figure.subfigs[:-1]]
        told = " ".join([*words, drawn.caption, drawn.missing])
        assert "own^" in told or "no run of " in told, name
        assert "my$own" not in " ".join([*words, drawn.caption]), name


@pytest.mark.slow
def test_a_run_from_files_draws_every_figure(tmp_path, panels):
    run = read_run(write_run(tmp_path / "run"))
    for name, entry in FIGURES.items():
        drawn = panels(entry.draw([run]))
        assert drawn.axes or drawn.missing, name


def accounted(flow=True):
    """A run whose dense and sparse network were followed in two replicates, one of curvatures a quarter as large."""
    ways = {0.0: {"steps": 20}, 90.0: {"steps": 50, "curvatures": CURVATURES / 4}}
    found = [descent(s, r, rate=0.3 + 0.1 * r, flow=flow, **ways[s]) for s in ways for r in (0, 1)]
    runs = tuple(smoothness_run(one, "digits/small-cnn/sgd") for one in found)
    return judged_run(replace(searched_records(), smoothness=runs))


def test_an_account_is_a_waterfall_from_one_to_the_ratio(shown):
    run = accounted()
    drawn = shown("extra_account", [run])
    for axes, by in zip(drawn.axes, ("flow", "descent"), strict=True):
        found = split(run.records.smoothness, 90.0, by)
        bars = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in axes.patches]
        ratios = [factor.ratio for factor in found.factors.values()]
        starts = np.cumprod([1.0, *ratios])
        assert bars[:-1] == [pytest.approx(ends) for ends in itertools.pairwise(starts)]
        assert bars[-1] == (1.0, pytest.approx(2.5))
        assert bars[-2][1] == pytest.approx(2.5)
        assert [text.get_text().split()[0] for text in axes.texts] == [f"{ratio:.3g}" for ratio in (*ratios, 2.5)]
    assert [text.get_text() for text in drawn.axes[0].get_yticklabels()][:2] == ["T", "1/eta"]
    assert "T: how long the flow takes" in drawn.caption
    assert "T and $1/\\eta$, each alone, change" in drawn.caption


def test_an_account_that_lacks_flows_or_runs_says_so(sgd, shown):
    (right,) = (without := shown("extra_account", [accounted(flow=False)])).axes
    assert "no flow came down" in without.missing
    assert len(right.patches) == 3
    drawn = shown("extra_account", [sgd])
    assert not drawn.axes
    assert "no account, no pruned run was followed to its goal" in drawn.missing


def test_the_pages_tables_hold_account_and_prediction():
    account, prediction = account_tables(accounted().records)
    cells = dict(zip(account.columns, account.rows[0], strict=True))
    assert (cells["sparsity"], cells["K*"].split()[0]) == ("90%", "2.5")
    assert [name.split(":")[0] for name in account.columns[2:]] == [
        "T",
        "1/eta",
        "c",
        "N",
        "1/e",
        "1/a",
        "gap",
        "1/<G>",
    ]
    assert "Not invariant" in account.remarks[0]
    assert prediction.columns == ("sparsity", "over dense", "B = 4", "B = 16", "B = 64", "B = 256")
    assert prediction.rows[0][0] == "90%"
    (bare,) = account_tables(accounted(flow=False).records)
    assert any("python -m empirics.constants --out run" in one for one in bare.remarks)
    assert account_tables(searched_records()) == ()
