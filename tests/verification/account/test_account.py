"""What K* over the dense network's is made of, the curve that one flow and one rate predict, and how they are told."""

import math
from dataclasses import replace

import numpy as np
import pytest
from reference.empirics.account import quadratic_account
from samples.accounts import CURVATURES, START, descent
from scipy import stats

from empirics.records import Study, StudyOutcome, StudyRecord, TrialRecord
from empirics.store.store import open_store
from kstar.__main__ import main as kstar
from verification.account.__main__ import main
from verification.account.predicted_steps import predicted_steps
from verification.account.splits import PARTS, split
from verification.records.curves import Curve, CurvePoint
from verification.records.trials import smoothness_run

SGD = "digits/small-cnn/sgd"
# (rate, K) of the dense network and of the sparse one, whose curvatures are a quarter, in three replicates
RATES = {0: ((0.30, 20), (0.9, 41)), 1: ((0.20, 24), (1.2, 40)), 2: ((0.25, 18), (0.7, 60))}


def records(**changes):
    dense = [descent(0.0, r, rate=rate, steps=steps, **changes) for r, ((rate, steps), _) in RATES.items()]
    sparse = [
        descent(90.0, r, rate=rate, steps=steps, curvatures=CURVATURES / 4, **changes)
        for r, (_, (rate, steps)) in RATES.items()
    ]
    return dense + sparse


def runs(**changes):
    return [smoothness_run(one, SGD) for one in records(**changes)]


def closed(replicate):
    (rate, steps), (other, more) = RATES[replicate]
    dense, sparse = (
        quadratic_account(curvatures, START, *of)
        for curvatures, of in ((CURVATURES, (rate, steps)), (CURVATURES / 4, (other, more)))
    )
    logs = {name: math.log(sparse[name] / dense[name]) for name in dense}
    return {"T": logs["T"], "1/eta": math.log(rate / other), "c": logs["c"], "N": logs["N"], "1/e": -logs["e"]}


def test_its_factors_are_those_of_closed_forms_with_students_interval():
    flow, descent_ = (split(runs(), 90.0, by) for by in ("flow", "descent"))
    factors = dict(flow.factors) | dict(descent_.factors)
    assert set(factors) == {"T", "1/eta", "c", "N", "1/e"}
    for name, factor in factors.items():
        logs = [closed(replicate)[name] for replicate in RATES]
        low, high = stats.t.interval(0.95, 2, np.mean(logs), stats.sem(logs))
        found = (factor.ratio, factor.interval.low, factor.interval.high)
        assert found == pytest.approx(np.exp([np.mean(logs), low, high]), rel=1e-6)
    for found in (flow, descent_):
        assert found.total.ratio == pytest.approx((41 * 40 * 60 / (20 * 24 * 18)) ** (1 / 3))
    assert (flow.batch_size, flow.quadrature, descent_.quadrature) == (32, None, 0.0)


@pytest.mark.parametrize("by", PARTS)
@pytest.mark.parametrize("momentum", [None, 0.5])
def test_the_factors_multiply_to_the_whole(by, momentum):
    workload = "digits/small-cnn/sgd" if momentum is None else "digits/small-cnn/momentum"
    found = split([smoothness_run(one, workload) for one in records(momentum=momentum)], 90.0, by)
    assert math.prod(factor.ratio for factor in found.factors.values()) == pytest.approx(found.total.ratio)
    assert ("1/a" in found.factors) == (momentum is not None and by == "descent")


def test_steps_between_measurements_leave_an_error():
    found = split(runs(every=4), 90.0, "descent")
    errors = [one.account.slope.relative_error for one in runs(every=4)]
    assert found.quadrature == pytest.approx(math.hypot(*errors) / 3)
    few = [replace(one, account=replace(one.account, slope=replace(one.account.slope, error=None))) for one in runs()]
    assert split(few, 90.0, "descent").quadrature is None


def test_only_replicates_with_both_flows_enter():
    some = runs()
    some[0] = replace(some[0], account=replace(some[0].account, flow_time=None, common_time=None))
    flow, whole = split(some, 90.0, "flow"), split(some, 90.0, "descent")
    assert (flow.total.seeds, whole.total.seeds) == (2, 3)
    assert flow.total.ratio == pytest.approx(math.sqrt(40 * 60 / (24 * 18)))
    assert predicted_steps(some, curves(), 90.0).factor.seeds == 2


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda one: None if one.sparsity == 0.0 else one, "no runs of 90% and of the dense network"),
        (lambda one: replace(one, account=None), "no runs of 90%"),
        (lambda one: replace(one, batch_size=int(one.sparsity)), "different batch sizes"),
        (lambda one: replace(one, account=replace(one.account, flow_time=None, common_time=None)), "no flow"),
    ],
)
def test_what_cannot_be_split_says_why(spoil, reason):
    spoilt = [one for one in map(spoil, runs()) if one is not None]
    assert reason in split(spoilt, 90.0, "flow").reason
    assert reason in predicted_steps(spoilt, curves(), 90.0).reason


def curves(factor=4.0):
    """Return dense curves of 640/B + 20, 24 and 18 steps, and sparse ones that many times as large."""
    points = [CurvePoint(size, r, 0.0, 640.0 / size + end) for size in (8, 32) for r, end in enumerate((20, 24, 18))]
    larger = [replace(point, upper=point.upper * factor) for point in points]
    return [
        Curve(workload=SGD, goal="0.08", sparsity=level, points=tuple(of), trials=(), stop="never")
        for level, of in ((0.0, points), (90.0, larger))
    ]


def test_a_curve_is_the_dense_one_times_flow_over_rate():
    """A quarter of the curvature: four times the flow's time."""
    found = predicted_steps(runs(), curves(), 90.0)
    factors = [4.0 * dense / sparse for (dense, _), (sparse, _) in RATES.values()]
    assert found.factor.ratio == pytest.approx(stats.gmean(factors), rel=1e-6)
    assert [point.batch_size for point in found.points] == [8, 32]
    for point, dense in zip(found.points, ((100, 104, 98), (40, 44, 38)), strict=True):
        assert point.measured == pytest.approx(4.0 * stats.gmean(dense))
        assert point.predicted == pytest.approx(stats.gmean(dense) * stats.gmean(factors), rel=1e-6)
        assert point.ratio.ratio == pytest.approx(point.measured / point.predicted)


def test_points_that_missed_the_goal_are_left_out():
    dense, sparse = curves()
    missed = replace(sparse, points=tuple(replace(p, upper=None) if p.batch_size == 8 else p for p in sparse.points))
    assert [point.batch_size for point in predicted_steps(runs(), [dense, missed], 90.0).points] == [32]
    nowhere = replace(sparse, points=tuple(replace(point, upper=None) for point in sparse.points))
    assert "reached the goal" in predicted_steps(runs(), [dense, nowhere], 90.0).reason
    assert "no curves" in predicted_steps(runs(), [dense], 90.0).reason


@pytest.fixture
def folder_of(tmp_path):
    def write(found, workload=SGD):
        with open_store(tmp_path / "a run", {"workload": workload, "goal_error": [0.08], "stop": "race"}) as store:
            for one in found:
                trial = TrialRecord(0, one.metaparameters, "complete", one.goal_step)
                for size in (8, 32):
                    study = Study(one.study.sparsity, one.study.replicate, size)
                    store.add_study(StudyOutcome((StudyRecord(study, 0.08, (trial,), 100, 1, None, 0.5),)))
                store.add_constants(one)
        return tmp_path / "a run"

    return write


def test_the_command_tells_the_whole_account(folder_of, capsys):
    assert kstar(["account", str(folder_of(records()))]) == 0
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert max(map(len, lines)) <= 100
    order = [
        "K* = c T/eta: 2.25",
        "K* = N/(e a): 2.25",
        "N = gap/(eta <G>)",
        "Predicted: ",
        "  B = 8 ",
        "  B = 32",
        "T how long",
    ]
    places = [next(i for i, line in enumerate(lines) if line.startswith(start)) for start in order]
    assert places == sorted(places)
    assert "quadrature error 0%" in lines[places[1]]
    assert "Not invariant: T, 1/eta, gap and 1/<G>, each alone" in text
    assert "empirics.constants" not in text


@pytest.mark.parametrize("sampled", [False, True])
def test_a_time_to_the_goal_over_a_sample_is_not_used(sampled, folder_of, capsys):
    """Such a flow fits its examples; its time to 40% of the first loss still predicts the curve."""
    found = [replace(one, errors={"L_mean": 0.1} if sampled else {}) for one in records()]
    assert main([str(folder_of(found))]) == 0
    text = capsys.readouterr().out
    assert ("T and c are not known: flows ended" in text) == ("K* = c T/eta: not known" in text) == sampled
    assert "Predicted: " in text


@pytest.mark.parametrize(
    ("changes", "workload", "line"),
    [
        ({"flow": False}, SGD, "No flow to the goals, so T and c are not known: "),
        (
            {},
            "digits/small-cnn/adamw",
            "No account of the steps: no run by SGD or momentum was measured in full to a goal: ",
        ),
    ],
)
def test_a_run_that_lacks_something_says_in_one_line_what_to_run(changes, workload, line, folder_of, capsys):
    folder = folder_of(records(**changes), workload)
    assert main([str(folder)]) == 0
    told = [one for one in capsys.readouterr().out.splitlines() if "empirics.constants" in one]
    assert told == [f"{line}python -m empirics.constants --out '{folder}'"]


def test_a_table_is_told_what_it_lacks(tmp_path, capsys):
    (tmp_path / "steps.csv").write_text("batch_size,steps\n8,90\n16,60\n32,40\n")
    assert main([str(tmp_path / "steps.csv")]) == 0
    assert "a table has no gradients; measure a run folder by python -m empirics.measure" in capsys.readouterr().out


def test_what_is_no_run_is_refused_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path)])
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
