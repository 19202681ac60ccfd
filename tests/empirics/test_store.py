import contextlib
import math
import signal
import sqlite3
import subprocess
import sys
import textwrap
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from empirics.errors import InputError
from empirics.records import (
    QUANTITIES,
    BatchVariance,
    ConstantsRecord,
    MaskRecord,
    RerunRecord,
    StudyOutcome,
    StudyRecord,
    TraceRecord,
    TrajectoryPoint,
    TrialRecord,
)
from empirics.specification import Study
from empirics.stopping import StopRule
from empirics.store import open_store, read_store
from empirics.store_schema import FILE_NAME, SCHEMA_VERSION

IDENTITY = {
    "workload": "digits/small-cnn/sgd",
    "goal_error": [0.08],
    "seed": 0,
    "stop": "race",
    "search_space": [["learning_rate", 1.0]],
}
GOAL = 0.08


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "runs" / "one"


def opened(folder, **changes):
    return open_store(folder, IDENTITY | changes)


finite = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(0, 2**40)
positive = st.integers(1, 2**40)
events = st.sampled_from(("reached", "infeasible", "running"))
points = st.dictionaries(st.sampled_from(("learning_rate", "momentum")), finite, min_size=1)
studies = st.builds(Study, st.floats(0, 100, exclude_max=True).map(abs), st.integers(0, 9), st.integers(1, 16384))


@st.composite
def study_records(draw):
    trials = tuple(
        TrialRecord(index, draw(points), draw(events), draw(counts)) for index in range(draw(st.integers(1, 4)))
    )
    best = draw(st.none() | st.floats(0, 1))
    return StudyRecord(draw(studies), GOAL, trials, draw(positive), draw(positive), best, draw(finite))


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


rerun_records = st.builds(RerunRecord, studies, st.integers(1, 9), st.integers(0, 99), points, events, counts)
mask_records = st.builds(MaskRecord, counts, counts, st.floats(0, 99), st.binary(min_size=1, max_size=20))
round_trip = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@round_trip
@given(
    st.lists(study_records(), max_size=3, unique_by=lambda record: record.study),
    st.lists(rerun_records, max_size=3, unique_by=lambda record: (record.study, record.rerun)),
    st.lists(constants_records(), max_size=3, unique_by=lambda record: (record.study.sparsity, record.study.replicate)),
    st.lists(mask_records, max_size=3, unique_by=lambda mask: (mask.replicate, mask.trial, mask.sparsity)),
)
def test_what_is_written_is_read(tmp_path_factory, study_list, reruns, constants, masks):
    folder = tmp_path_factory.mktemp("run")
    with opened(folder) as store:
        store.add_masks(masks)
        for record in study_list:
            store.add_study(StudyOutcome((record,)))
        for record in reruns:
            store.add_rerun(record)
        for record in constants:
            store.add_constants(record)
    with read_store(folder) as store:
        found = store.studies()
        assert list(found.items()) == [(r.study, r) for r in sorted(study_list, key=lambda r: r.study)]
        assert store.reruns() == sorted(reruns, key=lambda r: (r.study, r.rerun))
        assert store.constants() == sorted(constants, key=lambda r: r.study)
        assert store.masks() == {(m.replicate, m.trial, m.sparsity): m.bits for m in masks}
        assert store.identity == IDENTITY


def study(*, trials=2, sparsity=0.0, batch_size=16, event="reached", step=8):
    records = tuple(TrialRecord(i, {"learning_rate": 0.1 + i}, event, step) for i in range(trials))
    return StudyRecord(Study(sparsity, 0, batch_size), GOAL, records, 100, 2, None, 0.5)


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
    with opened(folder) as store:
        store.add_study(StudyOutcome((first,), tuple(reversed(traces))))
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


def test_a_study_of_more_trials_takes_the_place_of_the_old_one_and_of_its_reruns(folder):
    old, other = study(trials=2), study(trials=2, batch_size=32)
    with opened(folder) as store:
        for record in (old, other):
            store.add_study(StudyOutcome((record,)))
            store.add_rerun(RerunRecord(record.study, 1, 0, {"learning_rate": 0.1}, "reached", 10))
        new = study(trials=4, step=6)
        store.add_study(StudyOutcome((new,)))
        assert store.studies() == {new.study: new, other.study: other}
        assert [rerun.study for rerun in store.reruns()] == [other.study]


def test_a_study_of_more_trials_takes_the_constants_of_the_old_winner_away(folder):
    with opened(folder) as store:
        store.add_study(StudyOutcome((study(trials=2, step=8),)))
        store.add_constants(constants(study(trials=2, step=8)))
        store.add_study(StudyOutcome((study(trials=4, step=6),)))
        assert store.constants() == []


def test_new_constants_replace_those_of_the_sparsity_with_their_trajectory(folder):
    with opened(folder) as store:
        for record in (study(batch_size=64), study(sparsity=90.0), study(batch_size=128)):
            store.add_study(StudyOutcome((record,)))
            store.add_constants(constants(record))
        assert store.constants() == [constants(study(batch_size=128)), constants(study(sparsity=90.0))]


def test_a_unit_is_written_whole_or_not_at_all(folder):
    broken = replace(study(batch_size=32), trials=(study().trials[0], study().trials[0]))  # one trial twice
    with opened(folder) as store:
        store.add_study(StudyOutcome((study(),)))
        with pytest.raises(sqlite3.IntegrityError):
            store.add_study(StudyOutcome((broken,)))
        assert list(store.studies()) == [Study(0.0, 0, 16)]
    with read_store(folder) as store:
        assert list(store.studies()) == [Study(0.0, 0, 16)]


@dataclass(frozen=True)
class Difference:
    name: str
    value: object
    message: str


DIFFERENCES = [
    Difference("workload", "mnist/simple-cnn/sgd", r'workload = "digits/small-cnn/sgd", this asks for "mnist'),
    Difference("goal_error", [0.05], r"goal_error = \[0\.08\], this asks for \[0\.05\]"),
    Difference("seed", 1, r"seed = 0, this asks for 1"),
    Difference("search_space", [["momentum", 1.0]], r'search_space = \[\["learning_rate", 1\.0\]\], this asks for'),
    Difference("new", 1, r"new = null, this asks for 1"),
]


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.name)
def test_another_run_is_refused_by_its_first_difference(folder, difference):
    with opened(folder) as store:
        store.add_study(StudyOutcome((study(),)))
    before = (folder / FILE_NAME).read_bytes()
    expected = f"{folder} was measured with {difference.message}.*; use another --out"
    with pytest.raises(InputError, match=expected), opened(folder, **{difference.name: difference.value}):
        pass
    assert (folder / FILE_NAME).read_bytes() == before
    assert [path.name for path in folder.iterdir()] == [FILE_NAME]


def test_of_two_differences_the_first_is_named(folder):
    with opened(folder):
        pass
    with pytest.raises(InputError, match="with workload = "), opened(folder, seed=5, workload="mnist"):
        pass


def test_a_long_difference_stays_on_one_short_line(folder):
    with opened(folder):
        pass
    with pytest.raises(InputError) as refusal, opened(folder, search_space=["x" * 500]):
        pass
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 400


def test_a_second_writer_is_refused_while_the_first_is_there(folder):
    with opened(folder) as store:
        store.add_study(StudyOutcome((study(),)))
        with pytest.raises(InputError, match="is being written by another run; wait for it or"), opened(folder):
            pass
        assert len(store.studies()) == 1
    with opened(folder) as store:
        assert len(store.studies()) == 1


def test_an_error_while_writing_is_not_taken_for_a_second_writer(folder):
    with pytest.raises(BlockingIOError, match="the terminal"), opened(folder):
        raise BlockingIOError("the terminal is busy")


def test_a_run_at_rest_is_one_plain_file(folder):
    with opened(folder) as store:
        store.add_study(StudyOutcome((study(),)))
    assert [path.name for path in folder.iterdir()] == [FILE_NAME]
    with contextlib.closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_reading_a_run_at_rest_writes_nothing(folder):
    with opened(folder) as store:
        store.add_study(StudyOutcome((study(),)))
    before = (folder / FILE_NAME).read_bytes()
    with read_store(folder) as store:
        assert len(store.studies()) == 1
        assert [path.name for path in folder.iterdir()] == [FILE_NAME]
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            store.add_study(StudyOutcome((study(batch_size=2),)))
    assert (folder / FILE_NAME).read_bytes() == before
    assert [path.name for path in folder.iterdir()] == [FILE_NAME]


def test_a_run_being_measured_can_be_read(folder):
    with opened(folder) as writer:
        writer.add_study(StudyOutcome((study(),)))
        with read_store(folder) as reader:
            assert len(reader.studies()) == 1
            writer.add_study(StudyOutcome((study(batch_size=32),)))
            assert len(reader.studies()) == 2


def test_a_reader_does_not_fail_the_writer_that_ends(folder):
    with contextlib.ExitStack() as readers, opened(folder) as writer:
        writer.add_study(StudyOutcome((study(),)))
        readers.enter_context(read_store(folder))
    with read_store(folder) as store:
        assert len(store.studies()) == 1
    with opened(folder) as store:
        assert len(store.studies()) == 1


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from empirics.records import StudyOutcome, StudyRecord, TrialRecord
    from empirics.specification import Study
    from empirics.store import open_store
    with open_store(Path(sys.argv[1]), {identity!r}) as store:
        trials = (TrialRecord(0, {{}}, "reached", 2),)
        store.add_study(StudyOutcome((StudyRecord(Study(0.0, 0, 16), {goal!r}, trials, 10, 2, None, 1.0),)))
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def killed_folder(folder):
    """A run whose writer was killed after its first study."""
    script = textwrap.dedent(KILLED.format(identity=IDENTITY, goal=GOAL))
    done = subprocess.run([sys.executable, "-c", script, str(folder)], check=False)
    assert done.returncode == -signal.SIGKILL
    return folder


def test_a_killed_run_can_be_read_and_then_written(killed_folder):
    with read_store(killed_folder) as store:
        assert list(store.studies()) == [Study(0.0, 0, 16)]
    with opened(killed_folder) as store:
        assert list(store.studies()) == [Study(0.0, 0, 16)]
        store.add_study(StudyOutcome((study(batch_size=32),)))
    assert [path.name for path in killed_folder.iterdir()] == [FILE_NAME]
    with read_store(killed_folder) as store:
        assert len(store.studies()) == 2


def test_a_run_killed_while_it_was_made_is_begun_anew(folder):
    folder.mkdir(parents=True)
    (folder / FILE_NAME).touch()
    with pytest.raises(InputError, match="holds an empty run; measure into it again"), read_store(folder):
        pass
    with opened(folder) as store:
        store.add_study(StudyOutcome((study(),)))
    with read_store(folder) as store:
        assert len(store.studies()) == 1


def test_an_empty_folder_is_taken(folder):
    folder.mkdir(parents=True)
    with opened(folder) as store:
        assert store.studies() == {}


def test_a_folder_of_other_things_is_refused_and_left_alone(folder):
    folder.mkdir(parents=True)
    (folder / "thesis.tex").write_text("x")
    with (
        pytest.raises(InputError, match=r"is not empty and holds no run; name another folder with --out"),
        opened(folder),
    ):
        pass
    assert [path.name for path in folder.iterdir()] == ["thesis.tex"]


def test_a_file_in_the_folders_place_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match=r"file is a file; name a folder with --out"), opened(tmp_path / "file"):
        pass


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"SQLite format 3\0" + bytes(84) + b"\xff" * 4000, b"short"])
def test_a_file_that_is_no_store_is_refused_and_left_alone(folder, content):
    folder.mkdir(parents=True)
    (folder / FILE_NAME).write_bytes(content)
    with pytest.raises(InputError, match=r"study\.sqlite cannot be used \(.*\); move it away or"), opened(folder):
        pass
    with pytest.raises(InputError, match=r"study\.sqlite cannot be read"), read_store(folder):
        pass
    assert (folder / FILE_NAME).read_bytes() == content


def test_another_programs_database_is_refused_and_left_alone(folder):
    folder.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(folder / FILE_NAME)) as connection, connection:
        connection.execute("CREATE TABLE experiments (name TEXT)")
    before = (folder / FILE_NAME).read_bytes()
    with pytest.raises(InputError, match="is another program's database; use another --out"), opened(folder):
        pass
    assert (folder / FILE_NAME).read_bytes() == before


def test_a_store_of_another_version_is_refused(folder):
    with opened(folder):
        pass
    with contextlib.closing(sqlite3.connect(folder / FILE_NAME)) as connection, connection:
        connection.execute("UPDATE run SET schema_version = 99")
    message = rf"was written by another version \(schema 99, not {SCHEMA_VERSION}\)"
    with pytest.raises(InputError, match=message), opened(folder):
        pass
    with pytest.raises(InputError, match=message), read_store(folder):
        pass


def test_reading_where_there_is_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"holds no study\.sqlite; name a run folder"), read_store(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
