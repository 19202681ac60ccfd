"""The store's folder: whose run it is, who writes, what a kill leaves, and places that are none."""

import contextlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from dataclasses import dataclass

import pytest
from samples.stored_studies import GOAL, IDENTITY, opened, study
from tools.checkout import ROOT

from empirics.errors import InputError
from empirics.records import MaskRecord, Study, StudyOutcome
from empirics.store.schema import FILE_NAME, SCHEMA_VERSION
from empirics.store.store import open_store, read_store


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
            writer.add_study(StudyOutcome((study(batch_size=32),)))
            assert len(reader.studies()) == 1, "all is read as it was when it was opened"
        with read_store(folder) as reader:
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
    from empirics.specification.specification import Study
    from empirics.store.store import open_store
    with open_store(Path(sys.argv[1]), {identity!r}) as store:
        trials = (TrialRecord(0, {{}}, "complete", 2),)
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


def test_a_goal_of_ones_own_metric_is_not_refused_as_an_error(folder):
    with opened(folder, metric="r_squared >="):
        pass
    expected = r"was measured with goal = \[0\.08\], this asks for \[0\.05\]"
    with pytest.raises(InputError, match=expected), opened(folder, metric="r_squared >=", goal_error=[0.05]):
        pass


def test_a_store_of_an_earlier_version_that_a_kill_left_with_its_log_is_not_taken_for_anothers(tmp_path):
    earlier = shutil.copytree(ROOT / "tests/data/run-of-version-3", tmp_path / "earlier")
    with contextlib.closing(sqlite3.connect(earlier / FILE_NAME)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("INSERT INTO sessions VALUES ('2026-01-01', '{}')")
        connection.commit()
        killed = shutil.copytree(earlier, tmp_path / "killed")
    assert (killed / f"{FILE_NAME}-wal").exists()
    with read_store(killed) as store:
        identity = store.identity
    with open_store(killed, identity) as store:
        for draw in (0, 1):  # more than the log holds before it goes into the file
            store.add_masks(MaskRecord(0, trial, 90.0, bytes(100_000), draw) for trial in range(50))
    with read_store(killed) as store:
        assert len(store.masks()) == 100
