"""The page as plain data says what records, verdicts and provenance say."""

import json
import math
import re

import pytest
from samples.report_runs import write_judged
from samples.verification_runs import DIGITS, DIGITS_CONSTANTS, DIGITS_TRUTHS, write_run

from paper_figures.report.chart import chart, point_text, powers_of_two
from paper_figures.report.page import claim_row, drawn_figures, page
from verification.claims.judge import Claim, Verdict
from verification.fits.curves import fit_curve
from verification.fits.fit import Interval
from verification.records.curves import Curve, CurvePoint, curve_groups
from verification.records.records import read_records


@pytest.fixture(scope="module")
def run(digits_run):
    return page([digits_run]).runs[0]


def scale(ticks):
    """Return a function from positions to the values that the labels of an axis give them, log2 between them."""
    (at0, label0), *_, (at1, label1) = ticks
    low, high = math.log2(float(label0)), math.log2(float(label1))
    return lambda at: 2 ** (low + (float(at) - float(at0)) * (high - low) / (float(at1) - float(at0)))


def points_of(path):
    return [tuple(map(float, pair.split())) for pair in path.removeprefix("M").split("L")]


def test_points_lie_where_the_axes_say_their_values_are(digits_run, run):
    """Positions have one decimal: 0.05 of at least 35 units per factor 2 is 0.1%, and three are read."""
    drawn = run.charts[0]
    x, y = scale(drawn.x_ticks), scale(drawn.y_ticks)
    curves = read_records(digits_run).curves
    for shown, curve in zip(drawn.curves, curves, strict=True):
        for mark, point in zip(shown.marks, curve.points, strict=True):
            assert x(mark.x) == pytest.approx(point.batch_size, rel=5e-3)
            assert y(mark.y) == pytest.approx(point.upper or point.lower, rel=5e-3)
            assert y(mark.low) == pytest.approx(point.lower, rel=5e-3)
            assert mark.reached == point.reached


def test_lines_are_the_fitted_law_its_critical_batch_size_and_linear_scaling(digits_run, run):
    drawn = run.charts[0]
    x, y = scale(drawn.x_ticks), scale(drawn.y_ticks)
    fitted = json.loads((digits_run / "verdicts.json").read_text())["curves"]
    for shown, entry in zip(drawn.curves, fitted, strict=True):
        law = entry["laws"]["H"]
        line = [(x(a), y(b)) for a, b in points_of(shown.law)]
        assert [steps for _, steps in line] == pytest.approx([law["c1"] / b + law["c2"] for b, _ in line], rel=1e-2)
        (foot, _), (size, top) = [(x(a), y(b)) for a, b in points_of(shown.critical)]
        assert (foot, size, top) == pytest.approx((law["b_crit"], law["b_crit"], 2 * law["c2"]), rel=1e-2)
        (b0, k0), (b1, k1) = [(x(a), y(b)) for a, b in points_of(shown.scaling)]
        assert b0 * k0 == pytest.approx(b1 * k1, rel=1e-2)
        assert b1 > b0


def test_everything_drawn_is_inside_the_frame(run):
    for shown in run.charts[0].curves:
        for path in (shown.law, shown.critical, shown.scaling):
            assert all(86 <= x <= 626 and 14 <= y <= 366 for x, y in points_of(path))
        assert all(86 < float(mark.x) < 626 and 14 < float(mark.y) < 366 for mark in shown.marks)


def test_points_tell_their_values(digits_run, run):
    sparsest = read_records(digits_run).curves[3]
    texts = [mark.text for mark in run.charts[0].curves[3].marks]
    assert texts[0].startswith("sparsity 90%, B = 1: goal not reached in 500 steps; law ")
    point = sparsest.points[3]
    assert point.reached
    start = f"sparsity 90%, B = 8: K* = {point.upper:g} steps, in ({point.lower:g}, {point.upper:g}]; law "
    assert texts[3].startswith(start)
    assert texts[3].endswith("; learning_rate 0.21")


def test_replicates_exact_counts_and_trials_are_told():
    points = (CurvePoint(8, 0, 100, 100), CurvePoint(8, 1, 98, 100))
    curve = Curve(workload="w", goal="0.1", sparsity=0.0, points=points)
    assert point_text(curve, points[0], None) == "sparsity 0%, B = 8, replicate 0: K* = 100 steps, exact"
    assert chart("c", [fit_curve(curve)]).rows == ((8, ((("100", "exact"), ("100", "(98, 100]")),)),)


def test_a_single_point_and_a_lower_end_of_0_can_be_drawn():
    drawn = chart("c", [fit_curve(Curve(points=(CurvePoint(1, 0, 0, 2),)))])
    assert drawn.title == "unnamed workload"
    assert drawn.curves[0].law == ""
    assert float(drawn.curves[0].marks[0].low) == 366.0


@pytest.mark.parametrize(("low", "high"), [(0.7, 1.4), (1.5, 16384 * 1.35), (0.1, 5e5)])
def test_ticks_are_few_whole_powers_of_two_inside_the_axis(low, high):
    ticks = powers_of_two(low, high)
    assert 1 <= len(ticks) <= 6
    assert all(low <= tick <= high and math.log2(tick).is_integer() for tick in ticks)


def test_a_law_without_a_trace_of_a_constant_is_still_drawn():
    curve = Curve(points=tuple(CurvePoint(b, 0, k - 1, k) for b, k in ((1, 64), (2, 32), (4, 16))))
    fitted = fit_curve(curve)
    assert fitted.hyperbola.estimates["b_crit"] is None
    drawn = chart("c", [fitted]).curves[0]
    assert drawn.law
    assert not drawn.critical


def test_the_verdict_table_has_every_claim_in_the_words_of_verification(digits_run, run):
    claims = json.loads((digits_run / "verdicts.json").read_text())["claims"]
    assert [row.id for row in run.claims] == [f"C{i}" for i in range(1, 19)]
    assert [row.verdict for row in run.claims] == [claim["verdict"] for claim in claims]
    assert sum(count for _, _, count in run.counts) == 18
    assert all(row.meaning.text for row in run.claims)


def claim(**options):
    return Claim(**{"id": "C4", "statement": "s", "verdict": Verdict.NOT_MEASURED, "detail": "", **options})


def test_a_measured_claim_shows_estimate_interval_p_and_detectable_effect():
    found = {"estimate": 4.261, "interval": Interval(2.51, None), "p": 1e-5, "p_holm": 2e-4, "detectable": 1.91}
    row = claim_row(claim(verdict=Verdict.SUPPORTED, supported=1, of=2, subject="w, 90%", detail="seeds", **found))
    assert (row.estimate, row.p, row.detectable) == ("4.26 [> 2.51]", "< 0.001", "1.91")
    assert (row.verdict, row.detail) == ("supported for 1 of 2, none rejected", "w, 90%; seeds")


def test_a_claim_not_measured_shows_its_reason_alone():
    row = claim_row(claim(detail="needs momentum"))
    assert (row.estimate, row.p, row.detectable, row.detail) == ("", "", "", "needs momentum")


def test_fits_constants_and_ratios_are_those_measured(digits_run, run):
    verdicts = json.loads((digits_run / "verdicts.json").read_text())
    rows = run.fits[0].rows
    assert [row[0] for row in rows] == ["0%", "50%", "70%", "90%"]
    assert rows[3][1] == "7/9"
    assert [float(row[2].split()[0]) for row in rows] == pytest.approx(
        [entry["laws"]["H"]["c1"] for entry in verdicts["curves"]], rel=5e-3
    )
    constants = {row[0].partition(":")[0]: row[1:] for row in run.constants[0].rows}
    assert [float(cell) for cell in constants["beta"]] == [DIGITS_CONSTANTS[s]["beta"] for s in (0, 50, 70, 90)]
    for row, pair in zip(run.ratios[0].rows, verdicts["pairs"], strict=True):
        assert float(row[1].split()[0]) == pytest.approx(pair["c1_ratio"], rel=5e-3)
        assert float(row[4].split()[0]) == pytest.approx(pair["predicted_c1_ratio"], rel=5e-3)
        factors = [float(factor) for factor in row[5].split(" * ")]
        assert math.prod(factors) == pytest.approx(pair["predicted_c1_ratio"], rel=1.5e-2)


def test_equal_remarks_are_made_once(run):
    told = "the constants predict that c1 will fall; the fit says the opposite"
    assert [one for one in run.ratios[0].remarks if "opposite" in one] == [
        f"Sparsity 50%, 70%: {told} (though its interval includes 1).",
        f"Sparsity 90%: {told} (its interval excludes 1).",
    ]


def test_without_verdicts_they_are_computed_and_nothing_is_written(tmp_path):
    folder = write_run(tmp_path / "r", truths=DIGITS_TRUTHS[:1])
    run = page([folder]).runs[0]
    assert run.notes[0].startswith(f"{folder}/verdicts.json is missing: computed here; python -m verification.report")
    assert len(run.claims) == 18
    assert run.fits[0].rows
    assert not (folder / "verdicts.json").exists()
    assert run.ratios[0].remarks == ("No ratio to the dense network: a sparse curve is missing.",)


def test_a_curve_too_short_to_fit_says_so(tmp_path):
    folder = write_judged(tmp_path / "r", truths=DIGITS_TRUTHS[:1], batch_sizes=(1, 2, 4), budget=400)
    run = page([folder]).runs[0]
    assert not run.fits[0].rows
    assert run.fits[0].remarks[0].startswith("Sparsity 0%: no fit (a fit needs 3 batch sizes")
    assert run.charts[0].curves[0].law == ""


def test_each_workload_and_goal_has_a_chart_of_its_own(tmp_path):
    folder = write_run(tmp_path / "r", truths=DIGITS_TRUTHS[:1])
    text = (folder / "curves.csv").read_text()
    more = "".join(f"{line}\n" for line in text.replace(",0.08,", ",0.1,").splitlines()[1:])
    (folder / "curves.csv").write_text(text + more)
    run = page([folder]).runs[0]
    assert [one.title for one in run.charts] == [f"{DIGITS}, goal {goal}" for goal in ("0.08", "0.1")]
    assert len(curve_groups(read_records(folder).curves)) == len(run.fits) == len(run.ratios) == 2
    assert len({curve.key for one in run.charts for curve in one.curves}) == 2


def test_several_runs_are_seen_side_by_side(digits_run, dense_run):
    several = page([digits_run, dense_run])
    assert several.glance.columns == ("claim", str(digits_run), str(dense_run))
    assert len(several.glance.rows) == 18
    assert [row[1] for row in several.glance.rows] == [row.verdict for row in several.runs[0].claims]
    assert page([dense_run]).glance is None


def test_figures_are_found_in_order_and_named(tmp_path):
    (tmp_path / "figures").mkdir()
    for name in ("extra_rate", "figure_10", "figure_02", "figure_02_notes"):
        (tmp_path / "figures" / f"{name}.svg").write_text("<svg/>")
    (tmp_path / "figures" / "figure_03.png").write_bytes(b"")
    names = [figure.name for figure in drawn_figures(tmp_path)]
    assert names == ["Figure 2", "Figure figure_02_notes", "Figure 10", "Extra figure: rate"]
    assert drawn_figures(tmp_path)[0].url == "data:image/svg+xml;base64,PHN2Zy8+"
    assert drawn_figures(tmp_path / "nowhere") == ()


def test_keys_come_from_no_data(run):
    assert all(re.fullmatch(r"run1-chart0-\d", curve.key) for curve in run.charts[0].curves)


def test_logs_have_a_page_too(tmp_path, monkeypatch):
    monkeypatch.setattr("paper_figures.report.page.DRAWS", 0)
    logs = tmp_path / "logs.csv"
    logs.write_text("batch_size,steps\n16,5210\n32,2688\n64,1452\n128,810\n")
    (tmp_path / "logs-figures").mkdir()
    (tmp_path / "logs-figures" / "figure_01.svg").write_text("<svg/>")
    run = page([logs]).runs[0]
    assert (run.name, run.notes, len(run.fits[0].rows)) == ("logs.csv", (), 1)
    assert [figure.name for figure in run.figures] == ["Figure 1"]
    assert run.measured.missing == "logs.csv is a table: nothing here says how the run was measured"
    assert [step.command for step in run.steps] == [
        f"python -m verification.report {logs}",
        f"python -m paper_figures {logs}",
        f"python -m paper_figures.report {logs} --to report.html",
    ]
