import dataclasses
import json
import math
import statistics
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from tools.commands import rows

from empirics.followed import QUANTITIES, ConstantsRecord, TrajectoryPoint
from empirics.records import RepeatRecord, Study, StudyOutcome, StudyRecord, TrialRecord
from empirics.specification.request import Request
from empirics.specification.specification import resolve
from empirics.store.store import open_store
from empirics.store.tables import mean_and_interval, write_constants, write_curves, write_tables

WORKLOAD = "digits/small-cnn/sgd"


def record(study, *endings, max_steps=100, eval_interval=8, best_error=None):
    trials = tuple(
        TrialRecord(index, {"learning_rate": 0.25 * (index + 1)}, event, step)
        for index, (event, step) in enumerate(endings)
    )
    return StudyRecord(study, 0.08, trials, max_steps, eval_interval, best_error, 1.0)


RECORDS = [
    record(Study(0.0, 0, 16), ("incomplete", 24), ("complete", 24), ("infeasible", 3), ("complete", 24)),
    record(Study(0.0, 1, 16), ("complete", 100)),
    record(Study(90.0, 0, 8), ("incomplete", 100), ("infeasible", 50), best_error=0.4),
    record(Study(99.5, 0, 8), ("infeasible", 2), ("infeasible", 7)),
]

CURVES = """\
workload,goal,sparsity,replicate,batch_size,steps_to_result,lower,upper,status,stop,trials,complete,incomplete,\
infeasible,censored,winner,metaparameters,draws,redrawn,steps_at_best_rate,steps_at_best_rate_low,steps_at_best_rate_high,\
reached_share,log_spread,rounding_spread
digits/small-cnn/sgd,0.08,0,0,16,24,16,24,reached,race,4,2,0,1,1,1,"{""learning_rate"": 0.5}",1,,,,,,,
digits/small-cnn/sgd,0.08,0,1,16,100,96,100,reached,race,1,1,0,0,0,0,"{""learning_rate"": 0.25}",1,,,,,,,
digits/small-cnn/sgd,0.08,90,0,8,,100,,not_reached,race,2,0,1,1,0,,,1,,,,,,,
digits/small-cnn/sgd,0.08,99.5,0,8,,100,,not_reached,race,2,0,0,2,0,,,1,,,,,,,
"""


def test_curves_to_the_letter(tmp_path):
    write_curves(tmp_path, WORKLOAD, RECORDS)
    assert (tmp_path / "curves.csv").read_bytes().decode() == CURVES


def test_the_columns_of_draws_and_rounding(tmp_path):
    """Three draws of two points, of which the first is decided at 48; jitters at 24 and 96 about K* = 48."""
    study = Study(90.0, 0, 16)
    first = record(study, ("complete", 48), ("incomplete", 48))
    again = [(1, 0, "complete", 40), (1, 1, "infeasible", 3), (2, 0, "incomplete", 48), (2, 1, "incomplete", 48)]
    redrawn = tuple(
        TrialRecord(trial, first.trials[trial].metaparameters, *ending, draw=draw) for draw, trial, *ending in again
    )
    jitters = tuple(
        RepeatRecord(study, 0.08, "jitter", number, replace(first.trials[0], step=step))
        for number, step in ((1, 24), (2, 96))
    )
    drawn = replace(first, draws=3, redrawn=redrawn, repeats=jitters)
    write_curves(tmp_path, WORKLOAD, [drawn, replace(first, repeats=jitters)])
    many, one = rows(tmp_path / "curves.csv")
    assert (many["draws"], many["redrawn"], many["reached_share"]) == ("3", "points", "0.6667")
    assert (one["draws"], one["redrawn"]) == ("1", "")
    assert many["rounding_spread"] == one["rounding_spread"] == "0.6931"  # log 2: of log 24, log 48, log 96
    assert many["steps_at_best_rate"] == f"{drawn.best_rate.steps:.4g}"
    assert one["steps_at_best_rate"] == one["log_spread"] == one["reached_share"] == ""
    assert 40 < float(many["steps_at_best_rate"]) < float(many["steps_at_best_rate_high"])


def test_metaparameters_are_one_json_object_with_sorted_keys_and_all_digits(tmp_path):
    point = {"momentum": 1 - 10**-2.5, "learning_rate": 0.1 + 0.2}
    trial = TrialRecord(0, point, "complete", 8)
    write_curves(tmp_path, WORKLOAD, [replace(RECORDS[0], trials=(trial,))])
    (row,) = rows(tmp_path / "curves.csv")
    assert row["metaparameters"].index("learning_rate") < row["metaparameters"].index("momentum")
    assert json.loads(row["metaparameters"]) == point


@pytest.mark.parametrize("sparsity", [33.3333333, 99.99915, 12.5, 1e-5])
def test_a_sparsity_is_written_so_that_it_can_be_read_back(tmp_path, sparsity):
    write_curves(tmp_path, WORKLOAD, [record(Study(sparsity, 0, 16), ("complete", 8))])
    (row,) = rows(tmp_path / "curves.csv")
    assert float(row["sparsity"]) == sparsity


def constants(sparsity, replicate, first, errors=None):
    values = dict(zip(QUANTITIES[:5], (first, 2.0, 3.0, 4.6, 100.0), strict=True))
    return ConstantsRecord(Study(sparsity, replicate, 128), 1618, 0, {}, values, (), 1.0, errors or {})


CONSTANTS = """\
workload,sparsity,quantity,value,low,high,n,standard_error,exponents
digits/small-cnn/sgd,0,L_mean,0.571235,,,1,,2 1
digits/small-cnn/sgd,0,L_max,2,,,1,,2 1
digits/small-cnn/sgd,0,L_at_goal,3,,,1,,2 1
digits/small-cnn/sgd,0,Delta,4.6,,,1,,0 1
digits/small-cnn/sgd,0,beta,100,,,1,,2 2
"""


def test_constants_of_one_replicate_to_the_letter(tmp_path):
    write_constants(tmp_path, WORKLOAD, [constants(0.0, 0, 0.57123456)])
    assert (tmp_path / "constants.csv").read_bytes().decode() == CONSTANTS


def test_constants_of_three_replicates_have_students_interval(tmp_path):
    replicates = [constants(90.0, replicate, value) for replicate, value in enumerate((1.0, 2.0, 4.0))]
    write_constants(tmp_path, WORKLOAD, [*replicates, constants(0.0, 0, 7.0)])
    written = rows(tmp_path / "constants.csv")
    assert [row["sparsity"] for row in written] == ["0"] * 5 + ["90"] * 5
    (row,) = (row for row in written if row["sparsity"] == "90" and row["quantity"] == "L_mean")
    error = statistics.stdev((1, 2, 4)) / math.sqrt(3) / (7 / 3)
    low, high = np.exp(scipy.stats.t.interval(0.95, 2, loc=math.log(7 / 3), scale=error))
    six_digits = 5e-6
    assert float(row["value"]) == pytest.approx(7 / 3, rel=six_digits)
    assert float(row["low"]) == pytest.approx(low, rel=six_digits)
    assert float(row["high"]) == pytest.approx(high, rel=six_digits)
    # by hand: t(0.975, 2) = 4.3027, s/sqrt(3) = 0.88192, over the mean 0.37797; e^-1.6263 = 0.19666
    assert float(row["low"]) == pytest.approx(2.33333 * 0.19666, abs=1e-4)
    assert row["n"] == "3"


def test_the_interval_of_a_constant_holds_its_mean_as_often_as_it_says():
    """Gamma, as variances are, spread by half its mean; 4000 means, whose share within has an error of 0.0035.

    The symmetric interval reaches below zero in half of them and holds the mean in 93.5%.
    """
    samples = np.random.default_rng(0).gamma(4.0, 0.25, (4000, 3))
    found = [mean_and_interval(sample) for sample in samples.tolist()]
    assert min(low for _, low, _ in found) > 0.0
    assert 0.939 < np.mean([low < 1.0 < high for _, low, high in found]) < 0.961


def test_a_constant_whose_mean_is_not_positive_has_a_symmetric_interval():
    mean, low, high = mean_and_interval([-2.0, 0.0])
    assert (mean, high - mean) == (-1.0, mean - low)
    assert high == pytest.approx(-1.0 + 12.7062)
    assert mean_and_interval([0.0, 0.0]) == (0.0, 0.0, 0.0)


def test_the_error_of_a_mean_over_replicates_is_that_of_independent_values(tmp_path):
    errors = ({"beta": 3.0, "Delta": 1.0}, {"beta": 4.0})
    write_constants(tmp_path, WORKLOAD, [constants(0.0, replicate, 1.0, errors[replicate]) for replicate in range(2)])
    found = {row["quantity"]: row["standard_error"] for row in rows(tmp_path / "constants.csv")}
    assert found["beta"] == "2.5"  # sqrt(3^2 + 4^2)/2
    assert found["Delta"] == found["L_mean"] == ""


def test_delta_best_takes_the_lowest_loss_seen_by_any_sparsity_of_the_replicate(tmp_path):
    def seeing(record, *losses):
        points = tuple(TrajectoryPoint("training_loss", step, loss) for step, loss in enumerate(losses, start=1))
        return dataclasses.replace(record, trajectory=points)

    records = [
        seeing(constants(0.0, 0, 1.0), 2.3, 0.5),
        seeing(constants(90.0, 0, 1.0), 2.3, 0.3, 0.4),
        seeing(constants(0.0, 1, 1.0), 2.3, 0.1),
    ]
    write_constants(tmp_path, WORKLOAD, records)
    best = [row for row in rows(tmp_path / "constants.csv") if row["quantity"] == "Delta_best"]
    found = {(row["sparsity"], row["n"]): row["value"] for row in best}
    assert found == {("0", "2"): "4.2", ("90", "1"): "4"}  # (4.6 - 2 x 0.3 + 4.6 - 2 x 0.1)/2; 4.6 - 2 x 0.3


def test_all_tables_come_from_the_store(tmp_path):
    specification, _ = resolve(Request(rerun_winner=0), cuda_available=False)
    with open_store(tmp_path / "run", specification.identity()) as store:
        store.add_session("2026-01-01T00:00:00+00:00", {"jobs": 1})
        for each in RECORDS:
            store.add_study(StudyOutcome((each,)))
        (tmp_path / "run" / "constants.csv").write_text("of winners that more trials have replaced")
        write_tables(tmp_path / "run", store, identity=specification.identity(), asked_for=specification.additions())
        assert not (tmp_path / "run" / "constants.csv").exists()
        earlier = constants(0.0, 0, 1.0)
        store.add_constants(replace(earlier, study=replace(earlier.study, batch_size=4)))
        store.add_constants(constants(0.0, 0, 0.57123456))
        write_tables(tmp_path / "run", store, identity=specification.identity(), asked_for=specification.additions())
    assert (tmp_path / "run" / "curves.csv").read_bytes().decode() == CURVES
    assert (tmp_path / "run" / "constants.csv").read_bytes().decode() == CONSTANTS
    provenance = json.loads((tmp_path / "run" / "provenance.json").read_text())
    assert provenance["identity"] == specification.identity()
    assert provenance["asked_for"]["batch_sizes"] == [2**power for power in range(9)]
    assert provenance["study_seconds"] == 4.0
    assert provenance["constants_seconds"] == 2.0  # of every run that was followed
    assert provenance["sessions"] == [{"started": "2026-01-01T00:00:00+00:00", "jobs": 1}]
