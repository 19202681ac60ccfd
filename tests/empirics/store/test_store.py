"""The store: what is written is read, whole or not at all, and newer takes the place of older."""

import contextlib
import math
import sqlite3
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples.stored_studies import GOAL, IDENTITY, opened, study
from tools.commands import assert_one_line

from empirics.errors import InputError
from empirics.followed import QUANTITIES, BatchVariance, ConstantsRecord, TrajectoryPoint
from empirics.records import MaskRecord, RepeatRecord, Study, StudyOutcome, StudyRecord, TraceRecord, TrialRecord
from empirics.stopping import StopRule
from empirics.store.__main__ import main
from empirics.store.shrink import shrink
from empirics.store.store import read_store

finite = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(0, 2**40)
positive = st.integers(1, 2**40)
events = st.sampled_from(("complete", "infeasible", "incomplete"))
points = st.dictionaries(st.sampled_from(("learning_rate", "momentum")), finite, min_size=1)
studies = st.builds(Study, st.floats(0, 100, exclude_max=True).map(abs), st.integers(0, 9), st.integers(1, 16384))


@st.composite
def study_records(draw):
    draws, trials = draw(st.sampled_from((1, 3))), draw(st.integers(1, 4))
    every = tuple(
        TrialRecord(index, draw(points), draw(events), draw(counts), draw=number)
        for number in range(draws)
        for index in range(trials)
    )
    of, best = draw(studies), draw(st.none() | st.floats(0, 1))
    kinds = sorted(draw(st.sets(st.tuples(st.sampled_from(("draw", "jitter")), st.integers(1, 9)), max_size=3)))
    return StudyRecord(
        study=of,
        goal=GOAL,
        trials=every[:trials],
        max_steps=draw(positive),
        eval_interval=draw(positive),
        best_error=best,
        seconds=draw(finite),
        draws=draws,
        redrawn=every[trials:],
        repeats=tuple(RepeatRecord(of, GOAL, *kind, repeated(draw, *kind)) for kind in kinds),
    )


def repeated(draw, kind, number):
    drawn = number if kind == "draw" else 0
    return TrialRecord(draw(counts), draw(points), draw(events), draw(counts), draw=drawn)


@st.composite
def constants_records(draw):
    places = sorted(draw(st.sets(st.tuples(st.sampled_from(("L", "variance")), counts), max_size=4)))
    trajectory = tuple(TrajectoryPoint(*place, draw(finite), draw(st.none() | finite)) for place in places)
    drawn = sorted(draw(st.sets(st.tuples(counts, st.sampled_from(("border", "epoch", "replacement"))), max_size=3)))
    return ConstantsRecord(
        study=draw(studies),
        examples=draw(counts),
        trial=draw(counts),
        metaparameters=draw(points),
        values={quantity: draw(finite) for quantity in QUANTITIES},
        trajectory=trajectory,
        seconds=draw(finite),
        errors={quantity: draw(finite) for quantity in QUANTITIES[:2]},
        goal_step=draw(st.none() | counts),
        steps=draw(counts),
        skipped=draw(counts),
        diverged=draw(st.none() | counts),
        settings={"examples": draw(counts), "steps": draw(st.none() | counts), "learning_rate": draw(finite)},
        batch_variances=tuple(BatchVariance(*place, draw(finite), draw(finite), draw(finite)) for place in drawn),
    )


mask_records = st.builds(MaskRecord, counts, counts, st.floats(0, 99), st.binary(min_size=1, max_size=20), counts)
round_trip = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@round_trip
@given(
    st.lists(study_records(), max_size=3, unique_by=lambda record: record.study),
    st.lists(constants_records(), max_size=3, unique_by=lambda record: (record.study.sparsity, record.study.replicate)),
    st.lists(mask_records, max_size=3, unique_by=lambda mask: (mask.replicate, mask.trial, mask.draw, mask.sparsity)),
)
def test_what_is_written_is_read(tmp_path_factory, study_list, constants, masks):
    folder = tmp_path_factory.mktemp("run")
    with opened(folder) as store:
        store.add_masks(masks)
        for record in study_list:
            store.add_study(StudyOutcome((record,)))
            store.add_repeats(record.repeats)
        for record in constants:
            store.add_constants(record)
    with read_store(folder) as store:
        found = store.studies()
        assert list(found.items()) == [(r.study, r) for r in sorted(study_list, key=lambda r: r.study)]
        assert store.constants() == sorted(constants, key=lambda r: r.study)
        assert store.masks() == {(m.replicate, m.trial, m.draw, m.sparsity): m.bits for m in masks}
        assert store.identity == IDENTITY


def constants(record, *, smoothness=1.0):
    values = dict.fromkeys(QUANTITIES, smoothness)
    trajectory = (TrajectoryPoint("L", 1, smoothness), TrajectoryPoint("L", 6, smoothness, 0.1))
    winner = record.winner
    return ConstantsRecord(record.study, 1618, winner.trial, winner.metaparameters, values, trajectory, 0.5)


def test_the_stop_rule_of_a_run_is_that_of_its_records(folder):
    with opened(folder, stop="factor 2.5") as store:
        store.add_study(StudyOutcome((study(),)))
        assert store.studies()[study().study].stop == StopRule("factor", 2.5)


def test_traces_are_kept_by_study_trial_and_metric(folder):
    first, other = study(), study(batch_size=32)
    traces = [
        TraceRecord(first.study, 0, "val/classification_error", (2, 4, 5), (0.9, 0.5, math.nextafter(0.1, 1))),
        TraceRecord(first.study, 0, "val/other", (2,), (-math.inf,)),
        TraceRecord(first.study, 1, "val/classification_error", (2, 4), (0.9, 0.5)),
    ]
    elsewhere = TraceRecord(other.study, 0, "val/classification_error", (), ())
    redrawn = replace(traces[0], values=(0.8, 0.4, 0.1), draw=2)
    with opened(folder) as store:
        store.add_study(StudyOutcome((first,), (redrawn, *reversed(traces))))
        assert store.traces(first.study, draw=2) == [redrawn]
        store.add_study(StudyOutcome((other,), (elsewhere,)))
        assert store.traces(first.study) == traces
        assert store.traces(other.study) == [elsewhere]
        store.add_study(StudyOutcome((first,), tuple(traces[:1])))
        assert store.traces(first.study) == traces[:1]


def test_sessions_are_kept_in_their_order(folder):
    with opened(folder) as store:
        store.add_session("2026-01-02", {"jobs": 2})
    with opened(folder) as store:
        store.add_session("2026-01-01", {"jobs": 1})
        assert store.sessions() == [{"started": "2026-01-02", "jobs": 2}, {"started": "2026-01-01", "jobs": 1}]
        store.amend_session({"jobs": 3, "peak": 5})
        assert store.sessions()[0] == {"started": "2026-01-02", "jobs": 2}
        assert store.sessions()[1] == {"started": "2026-01-01", "jobs": 3, "peak": 5}


def test_studies_come_in_the_order_of_the_curves(folder):
    with opened(folder) as store:
        for sparsity, batch_size in ((90.0, 8), (0.0, 128), (90.0, 16), (0.0, 2), (50.0, 1024)):
            store.add_study(StudyOutcome((study(sparsity=sparsity, batch_size=batch_size),)))
        assert [(s.sparsity, s.batch_size) for s in store.studies()] == [
            (0.0, 2),
            (0.0, 128),
            (50.0, 1024),
            (90.0, 8),
            (90.0, 16),
        ]


def test_a_study_of_more_trials_takes_the_place_of_the_old_one_and_of_its_repeats(folder):
    old, other = study(trials=2), study(trials=2, batch_size=32)
    repeat = TrialRecord(0, {"learning_rate": 0.1}, "complete", 10)
    with opened(folder) as store:
        for record in (old, other):
            store.add_study(StudyOutcome((record,)))
            store.add_repeats([RepeatRecord(record.study, GOAL, "jitter", 1, repeat)])
        new = study(trials=4, step=6)
        store.add_study(StudyOutcome((new,)))
        found = store.studies()
        assert {of: replace(record, repeats=()) for of, record in found.items()} == {new.study: new, other.study: other}
        assert [len(record.repeats) for record in found.values()] == [0, 1]


def test_a_store_that_lacks_a_draw_is_damaged(folder):
    record = study(trials=2)
    redrawn = tuple(replace(trial, draw=draw) for draw in (1, 2) for trial in record.trials)
    with opened(folder) as store:
        store.add_study(StudyOutcome((replace(record, draws=3, redrawn=redrawn[:-1]),)))
    with read_store(folder) as store, pytest.raises(InputError, match=r"is damaged .*not 3 draws of each point"):
        store.studies()


def test_a_store_that_holds_a_trial_twice_is_damaged(folder):
    record = study()
    with opened(folder) as store:
        store.add_study(StudyOutcome((replace(record, trials=(record.trials[0], record.trials[0])),)))
    with read_store(folder) as store, pytest.raises(InputError, match=r"is damaged .*do not follow each other"):
        store.studies()


def test_a_study_of_more_trials_takes_the_constants_of_the_old_winner_away(folder):
    with opened(folder) as store:
        store.add_study(StudyOutcome((study(trials=2, step=8),)))
        store.add_constants(constants(study(trials=2, step=8)))
        store.add_study(StudyOutcome((study(trials=4, step=6),)))
        assert store.constants() == []


def test_of_several_runs_followed_the_constants_are_those_asked_for_last(folder):
    small, pruned, large = study(batch_size=64), study(sparsity=90.0), study(batch_size=128)
    with opened(folder) as store:
        for record in (small, pruned, large):
            store.add_study(StudyOutcome((record,)))
            store.add_constants(constants(record))
        assert store.followed() == [constants(record) for record in (small, large, pruned)]
        assert store.constants() == [constants(large), constants(pruned)]
        store.show_constants([small.study])
        assert store.constants() == [constants(small), constants(pruned)]
        changed = replace(constants(small), seconds=9.0)
        store.add_constants(changed)
        assert store.followed() == [changed, constants(large), constants(pruned)]


def test_a_unit_is_written_whole_or_not_at_all(folder):
    whole, broken = study(batch_size=32), replace(study(batch_size=64), eval_interval=None)
    with opened(folder) as store:
        store.add_study(StudyOutcome((study(),)))
        with pytest.raises(sqlite3.IntegrityError):
            store.add_study(StudyOutcome((whole, broken)))
        assert list(store.studies()) == [Study(0.0, 0, 16)]
    with read_store(folder) as store:
        assert list(store.studies()) == [Study(0.0, 0, 16)]


def test_a_point_of_many_studies_is_stored_once(folder):
    with opened(folder) as store:
        for size in (16, 32, 64):
            store.add_study(StudyOutcome((study(trials=2, batch_size=size),)))
    with contextlib.closing(sqlite3.connect(folder / "study.sqlite")) as connection:
        assert connection.execute("SELECT count(*) FROM points").fetchall() == [(2,)]


def test_a_trial_whose_point_is_missing_is_damage(folder):
    with opened(folder) as store:
        store.add_study(StudyOutcome((study(),)))
    with contextlib.closing(sqlite3.connect(folder / "study.sqlite")) as connection, connection:
        connection.execute("DELETE FROM points WHERE point = 1")
    with read_store(folder) as store, pytest.raises(InputError, match="is damaged"):
        store.studies()


def test_a_run_that_is_shrunk_loses_its_masks_and_nothing_else(folder):
    with opened(folder) as store:
        store.add_masks(MaskRecord(0, trial, 90.0, bytes(4096)) for trial in range(50))
        store.add_study(StudyOutcome((study(),)))
    before, after = shrink(folder)
    assert before - after > 50 * 4096
    assert after == (folder / "study.sqlite").stat().st_size
    with read_store(folder) as store:
        assert store.masks() == {}
        assert store.studies() == {study().study: study()}


def test_traces_are_dropped_where_that_is_asked_for(folder):
    of = study().study
    with opened(folder) as store:
        store.add_study(StudyOutcome((study(),), (TraceRecord(of, 0, "error", (2, 4), (0.5, 0.25)),)))
    assert main([str(folder)]) == 0
    with read_store(folder) as store:
        assert len(store.traces(of)) == 1
    assert main([str(folder), "--traces"]) == 0
    with read_store(folder) as store:
        assert store.traces(of) == []
        assert store.studies() == {of: study()}


def test_a_run_in_progress_is_not_shrunk(folder, capsys):
    with opened(folder) as store:
        store.add_masks([MaskRecord(0, 0, 90.0, bytes(10))])
        with pytest.raises(SystemExit) as ended:
            main([str(folder)])
        assert len(store.masks()) == 1
    assert ended.value.code == 2
    assert_one_line(capsys, "is being written by another run; wait for it or use another --out")
