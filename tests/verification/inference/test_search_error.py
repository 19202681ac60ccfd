"""What losing trials say, on trials of known laws; and the refusal to speak for a race."""

import dataclasses
import itertools
import json
import math

import numpy as np
import pytest
from reference.verification import tests as twin
from samples.searched_curves import SIZES, searched

from verification.claims.analysis import analyse
from verification.claims.judge import Verdict
from verification.claims.on_trials import (
    region_grows,
    successful_range_shrinks,
    winners_inside,
)
from verification.fits.curves import fit_curve
from verification.inference.rates import (
    RACED,
    rates,
    trial_window,
)
from verification.inference.search_error import SearchError, ratio_by_trials, search_errors
from verification.missing import Missing
from verification.records.curves import Curve, CurvePoint
from verification.records.records import Records, read_records
from verification.records.trials import Trial
from verification.report.__main__ import main


def test_more_search_points_succeed_at_larger_batches_and_fewer_where_the_range_shrinks():
    dense = fit_curve(searched())
    sparse = fit_curve(searched(sparsity=90.0, peak=0.15, c1=6000.0, c2=90.0))
    (range_,) = successful_range_shrinks([dense, sparse])
    assert range_.p_for < 0.5
    assert range_.estimate < 0.0
    (mirrored,) = successful_range_shrinks([fit_curve(searched(peak=0.15, c1=6000.0, c2=90.0)), sparse_like(dense)])
    assert mirrored.p_against < 0.5
    (region,) = region_grows([dense])
    table = [[float(t.upper is not None) for t in dense.curve.trials if t.batch_size == size] for size in SIZES]
    x = np.log(SIZES) - np.mean(np.log(SIZES))
    slopes = x @ np.array(table) / (x @ x)
    assert region.estimate == pytest.approx(slopes.mean())
    ends = region.interval(0.95)
    assert (ends.low, ends.high) == pytest.approx(twin.t_interval(slopes, 0.95))


def sparse_like(fitted):
    curve = fitted.curve
    return fit_curve(
        Curve(
            workload=curve.workload,
            goal=curve.goal,
            sparsity=90.0,
            points=curve.points,
            trials=curve.trials,
            stop=curve.stop,
        )
    )


@pytest.mark.parametrize("stop", ["race", "hits 3"])
def test_a_race_says_nothing_about_losers(stop):
    curves = [fit_curve(searched(stop=stop)), fit_curve(searched(sparsity=90.0, stop=stop))]
    assert "--stop" not in RACED
    assert RACED.startswith("not measured (raced)")
    assert successful_range_shrinks(curves) == Missing(RACED)
    assert region_grows(curves) == Missing(RACED)
    assert trial_window(curves[0].curve) == Missing(RACED)
    assert rates(curves[0]).window == Missing(RACED)
    assert search_errors([curves[0].curve]) == (Missing(RACED),)
    analysis = analyse(Records(source=None, curves=tuple(one.curve for one in curves)))
    for claim in analysis.claims:
        if claim.id in {"C14", "C15"}:
            assert claim.verdict is Verdict.NOT_MEASURED
            assert claim.detail == RACED


def test_a_measured_race_says_so_in_report_and_json(stored_run, capsys):
    assert main([str(stored_run), "--draws", "0", "--save"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "C14, C15: not measured (raced)" in printed
    assert "--stop never" in printed
    verdicts = json.loads((stored_run / "verdicts.json").read_text())
    assert all(curve["tests"]["search"] == {"reason": RACED} for curve in verdicts["curves"])
    assert {"C16"} <= {claim["id"] for claim in verdicts["claims"] if claim["verdict"] != "not measured"}


@pytest.mark.slow
def test_a_run_whose_losers_went_on_is_measured(unhurried_run):
    analysis = analyse(read_records(unhurried_run))
    assert {curve.stop for curve in analysis.records.curves} == {"never"}
    assert all(isinstance(search, SearchError) for search in analysis.search)
    verdicts = {claim.id: claim.verdict for claim in analysis.claims}
    assert verdicts["C15"] is not Verdict.NOT_MEASURED


def test_half_a_search_is_that_of_all_halves():
    """400 random halves against all 70: the mean's error is the spread over sqrt(400)."""
    steps = np.random.default_rng(2).lognormal(5.0, 0.5, (3, 8)).round(1)
    found = search_errors([of_trials(0.0, steps)])[0]
    gain, spread = twin.half_searches(steps.tolist())
    assert math.log(found.penalty) == pytest.approx(gain, abs=4 * spread / math.sqrt(400))
    assert found.spread == pytest.approx(spread, rel=0.15)
    assert (found.trials, found.failed, found.ratio_spread) == (8, 0.0, None)


def test_ratios_of_curves_that_share_their_search_points_lose_the_search_error():
    dense, sparse = searched(), searched(sparsity=90.0, c1=4000.0, c2=60.0)
    found = search_errors([dense, sparse])
    assert found[1].ratio_spread < 0.3 * found[1].spread


def test_the_ratio_by_number_of_trials_is_that_of_all_subsets():
    """All subsets of 8 trials by hand; wide sparse steps make the ratio fall as trials are added."""
    draw = np.random.default_rng(3)
    steps = {0.0: draw.lognormal(5.0, 0.1, (2, 8)).round(1), 90.0: draw.lognormal(7.0, 0.6, (2, 8)).round(1)}
    curves = [of_trials(sparsity, of) for sparsity, of in steps.items()]
    (found,) = ratio_by_trials(curves).values()
    assert list(found) == [8, 4]
    for size, ratio in found.items():
        parts = [list(part) for part in itertools.combinations(range(8), size)]
        least = {of: [np.log(table[:, part].min(axis=1)).mean() for part in parts] for of, table in steps.items()}
        every = np.subtract(least[90.0], least[0.0])
        assert math.log(ratio) == pytest.approx(np.mean(every), abs=1e-9 + 4 * np.std(every) / math.sqrt(400))
    assert found[8] < found[4]
    assert ratio_by_trials([dataclasses.replace(one, stop="race") for one in curves]) == {}
    assert ratio_by_trials(curves[1:]) == {}


def of_trials(sparsity, steps):
    trials = [
        Trial(batch_size=2**b, replicate=0, trial=i, status="complete", lower=k, upper=k)
        for b, row in enumerate(steps)
        for i, k in enumerate(row)
    ]
    points = tuple(CurvePoint(2**b, 0, row.min(), row.min()) for b, row in enumerate(steps))
    return Curve(sparsity=sparsity, points=points, trials=tuple(trials), stop="never")


def test_winners_at_an_edge_are_counted():
    inside = fit_curve(searched())
    (evidence,) = winners_inside([inside])
    assert evidence.estimate == 0.0
    narrow = [t for t in inside.curve.trials if t.metaparameters["learning_rate"] < 0.006]
    (edge,) = winners_inside(
        [
            fit_curve(
                Curve(
                    workload="w", goal="g", sparsity=0.0, points=inside.curve.points, trials=tuple(narrow), stop="never"
                )
            )
        ]
    )
    assert edge.estimate == 1.0
    assert edge.p_against == pytest.approx(0.1 ** len({t.batch_size for t in narrow if t.upper}))
    assert edge.p_for == 1.0
    assert evidence.p_for == pytest.approx(0.9 ** len(SIZES))
    assert "study.sqlite" in winners_inside([fit_curve(Curve(points=inside.curve.points))]).reason
