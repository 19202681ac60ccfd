"""What a decay changes, against a loop over steps and against the tables of two kept runs."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from tools.checkout import ROOT
from tools.commands import rows

from verification.fits.curves import fit_curve
from verification.own_claims.decays import beside_constant, equivalent_steps, first_rates_changed, steps_changed
from verification.records.curves import Curve, CurvePoint
from verification.records.records import read_records

EVIDENCE = ROOT / "evidence"
SGD = "digits/small-cnn/sgd"


def sums(decay, end, steps):
    """A_K and H_K of a linear decay at each K from 1, one step after the other."""
    total = squares = 0.0
    found = []
    for k in range(steps):
        rate = 1.0 + (end - 1.0) * min(k / decay, 1.0)
        total, squares = total + rate, squares + rate * rate
        found.append((total, squares))
    return found


@given(st.floats(1.0, 500.0), st.floats(0.05, 1.0), st.integers(1, 300))
def test_equivalent_steps_are_those_of_a_loop(decay, end, steps):
    """At whole K: as many effective steps as K has give K back, and the first rate A/H."""
    total, squares = sums(decay, end, steps)[-1]
    found, first = equivalent_steps({"decay_steps": decay, "end_learning_rate_factor": end}, total**2 / squares)
    assert found == pytest.approx(steps, rel=1e-9)
    assert first == pytest.approx(total / squares, rel=1e-9)


def test_the_decay_of_the_kept_run_needs_what_the_protocol_says():
    """A rate falls to a tenth over the steps of a constant one: 1.63 times these, and a first rate as much larger."""
    found, first = equivalent_steps({"decay_steps": 1000.0, "end_learning_rate_factor": 0.1}, 1000.0)
    assert (round(found / 1000, 2), round(first, 2)) == (1.63, 1.63)


def test_a_rate_that_falls_to_nothing_may_never_get_there():
    """Its effective steps end at 3/4 of its length."""
    point = {"decay_steps": 100.0, "end_learning_rate_factor": 0.0}
    effective = [total**2 / squares for total, squares in sums(100.0, 0.0, 100)]
    assert max(effective) < 76.0
    assert equivalent_steps(point, 77.0) is None
    found, _ = equivalent_steps(point, 50.0)
    assert effective[math.floor(found) - 1] <= 50.0 <= effective[math.ceil(found) - 1]


def test_a_long_way_is_found_and_the_least_one_where_sums_stand_still():
    """A rate that falls to 1/500 makes up for it after 39 times the steps; one that falls to nothing adds none."""
    found, first = equivalent_steps({"decay_steps": 100.0, "end_learning_rate_factor": 0.002}, 100.0)
    (total, squares), (more, more_squares) = sums(100.0, 0.002, 4000)[math.floor(found) - 1 : math.ceil(found)]
    assert total**2 / squares <= 100.0 <= more**2 / more_squares
    assert 39.0 < found / 100.0 < 40.0
    assert min(total / squares, more / more_squares) <= first <= max(total / squares, more / more_squares)
    assert equivalent_steps({"decay_steps": 1.0, "end_learning_rate_factor": 0.0}, 1.0) == (1.0, 1.0)


def curve(workload, rates, steps, sparsity=0.0, goal="0.08", decay=None):
    """A curve of points (steps, rate) by batch size and replicate."""
    added = {} if decay is None else {"decay_steps": decay, "end_learning_rate_factor": 0.1}
    points = [
        CurvePoint(size, j, k, k, {"learning_rate": rate, **added})
        for size in (1, 2, 4, 8)
        for j, (rate, k) in enumerate(zip(rates, [(1 + j / 10) * steps / size + 9.0 for j in range(3)], strict=True))
    ]
    return Curve(workload=workload, goal=goal, sparsity=sparsity, points=tuple(points))


def test_what_belongs_together():
    """The same place, optimiser, goal and sparsity, one at a constant rate."""
    constant, falling = (curve(f"{SGD}{end}", (1, 1, 1), 80.0) for end in ("", "/linear"))
    others = [
        curve(f"{SGD}/linear", (1, 1, 1), 80.0, sparsity=90.0),
        curve(f"{SGD}/linear", (1, 1, 1), 80.0, goal="0.1"),
        curve("digits/small-cnn/momentum/linear", (1, 1, 1), 80.0),
        curve("mine", (1, 1, 1), 80.0),
    ]
    assert beside_constant([constant, falling, *others]) == [(falling, constant)]
    assert beside_constant([falling, *others]) == []


def test_changes_by_hand():
    """Rates twice, three times and four times as large; steps alike but for the replicates' own levels."""
    constant, falling = curve(SGD, (1, 1, 1), 800.0), curve(f"{SGD}/linear", (2, 3, 4), 1600.0, decay=1000.0)
    over, under = fit_curve(falling), fit_curve(constant)
    at_one = steps_changed(over, under)[0]
    logs = [math.log((1600 * (1 + j / 10) + 9) / (800 * (1 + j / 10) + 9)) for j in range(3)]
    half = stats.t.ppf(0.975, 2) * np.std(logs, ddof=1) / math.sqrt(3)
    assert at_one.batch_size == 1
    assert math.log(at_one.ratio) == pytest.approx(np.mean(logs))
    assert math.log(at_one.interval.high / at_one.interval.low) == pytest.approx(2 * half)
    mean = math.exp(np.mean([math.log(800 * (1 + j / 10) + 9) for j in range(3)]))
    assert at_one.theory == pytest.approx(equivalent_steps(falling.points[0].metaparameters, mean)[0] / mean)
    assert [one.ratio for one in first_rates_changed(over, under)] == [pytest.approx(24 ** (1 / 3))] * 4


def test_batch_sizes_that_a_replicate_did_not_reach_are_left_out():
    constant, falling = curve(SGD, (1, 1, 1), 800.0), curve(f"{SGD}/linear", (2, 3, 4), 1600.0, decay=400.0)
    missed = CurvePoint(1, 0, 4000.0, None, {})
    cut = Curve(workload=falling.workload, goal="0.08", sparsity=0.0, points=(missed, *falling.points[1:]))
    for changed in (steps_changed, first_rates_changed):
        assert [one.batch_size for one in changed(fit_curve(cut), fit_curve(constant))] == [2, 4, 8]


def test_a_replicate_that_is_no_unit_counts_where_it_reached():
    """It has two of four batch sizes; at the others the mean would be of the fast."""
    constant, falling = curve(SGD, (1, 1, 1), 800.0), curve(f"{SGD}/linear", (2, 3, 4), 1600.0, decay=400.0)
    points = tuple(
        CurvePoint(p.batch_size, p.replicate, 4000.0, None, {}) if p.replicate == 0 and p.batch_size < 4 else p
        for p in falling.points
    )
    cut = Curve(workload=falling.workload, goal="0.08", sparsity=0.0, points=points)
    found, every = (steps_changed(fit_curve(one), fit_curve(constant)) for one in (cut, falling))
    assert found == every[2:]


def test_theory_speaks_of_sgd_with_positive_weights():
    """Not of momentum, nor where the first rate would be twice the constant one or more."""
    constant, falling = curve(SGD, (1, 1, 1), 800.0), curve(f"{SGD}/linear", (2, 3, 4), 1600.0, decay=20.0)
    assert [one.theory for one in steps_changed(fit_curve(falling), fit_curve(constant))] == [None] * 4
    pair = (curve("digits/small-cnn/momentum/linear", (1, 1, 1), 80.0, decay=400.0), constant)
    assert [one.theory for one in steps_changed(*map(fit_curve, pair))] == [None] * 4


@pytest.mark.parametrize("sparsity", [0.0, 90.0])
def test_kept_runs_change_as_their_tables_say(sparsity):
    """Read from curves.csv: K_rate and the winners' rates, geometric means over ten replicates."""
    read = [read_records(EVIDENCE / run).curves for run in ("digits-sgd-decay-seen", "digits-sgd")]
    over, under = (fit_curve(next(one for one in curves if one.sparsity == sparsity)) for curves in read)
    tables = [
        {
            (int(row["batch_size"]), int(row["replicate"])): row
            for row in rows(EVIDENCE / run / "curves.csv")
            if float(row["sparsity"]) == sparsity
        }
        for run in ("digits-sgd-decay-seen", "digits-sgd")
    ]

    def expected(value):
        return [
            math.exp(np.mean([math.log(value(tables[0][b, r]) / value(tables[1][b, r])) for r in range(10)]))
            for b in (2**i for i in range(9))
        ]

    steps, rates = steps_changed(over, under), first_rates_changed(over, under)
    assert [one.ratio for one in steps] == pytest.approx(
        expected(lambda row: float(row["steps_at_best_rate"])), rel=3e-3
    )
    rate = expected(lambda row: json.loads(row["metaparameters"])["learning_rate"])
    assert [one.ratio for one in rates] == pytest.approx(rate)
    assert all(1.58 < one.theory < 1.65 for one in (*steps, *rates))
