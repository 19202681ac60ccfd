"""A store that is read while a run writes it, begins or ends: all of it as at one moment, and never called damaged."""

import contextlib
import errno
import itertools
import shutil
import subprocess
import sys
import textwrap
import threading

import pytest
from samples.stored_studies import opened, study

from empirics.errors import InputError
from empirics.records import StudyOutcome
from empirics.store import store as store_module
from empirics.store.rows import Store
from empirics.store.schema import FILE_NAME
from empirics.store.store import read_store


def add(store, *batch_sizes):
    for batch_size in batch_sizes:
        store.add_study(StudyOutcome((study(batch_size=batch_size),)))


def sizes(store):
    return [one.batch_size for one in store.studies()]


def test_a_study_added_between_two_tables_of_a_reader_is_not_there_yet(folder, monkeypatch):
    real = Store._rows

    def rows(self, table, *rest):
        if self is reader and table == "studies":
            add(writer, 32)
        yield from real(self, table, *rest)

    with opened(folder) as writer:
        add(writer, 8, 16)
        with read_store(folder) as reader:
            monkeypatch.setattr(Store, "_rows", rows)
            assert sizes(reader) == [8, 16]
            monkeypatch.undo()
        with read_store(folder) as reader:
            assert sizes(reader) == [8, 16, 32]


def test_a_run_that_begins_while_another_reads_waits(folder):
    with opened(folder) as store:
        add(store, 8)

    def begin():
        with opened(folder) as store:
            add(store, 16)

    writer = threading.Thread(target=begin)
    with read_store(folder) as reader:
        writer.start()
        writer.join(0.2)
        assert sizes(reader) == [8]
        assert writer.is_alive()
    writer.join()
    with read_store(folder) as reader:
        assert sizes(reader) == [8, 16]


def test_a_run_that_waits_in_vain_for_a_reader_says_so(folder, monkeypatch):
    with opened(folder) as store:
        add(store, 8)
    monkeypatch.setattr("empirics.store.store._PATIENCE_SECONDS", 0.1)
    told = r"cannot be written \(database is locked\); another program reads or writes it: wait for it"
    with read_store(folder), pytest.raises(InputError, match=told), opened(folder):
        pass


def test_a_copy_without_its_log_is_read_and_nothing_is_written_beside_it(folder, tmp_path):
    (tmp_path / "copy").mkdir()
    with opened(folder) as store:
        add(store, 8)
        shutil.copy(folder / FILE_NAME, tmp_path / "copy")
    with read_store(tmp_path / "copy") as reader:
        assert set(sizes(reader)) <= {8}
    assert [path.name for path in (tmp_path / "copy").iterdir()] == [FILE_NAME]


def test_a_run_that_begins_before_a_reader_sees_the_header_is_read_with_its_log(folder, monkeypatch):
    with opened(folder) as store:
        add(store, 8)
    real = store_module._needs_log
    with contextlib.ExitStack() as at_end:
        began = []

        def begins(path):
            if not began:
                began.append(at_end.enter_context(opened(folder)))
                add(began[0], 16)
            return real(path)

        monkeypatch.setattr(store_module, "_needs_log", begins)
        with read_store(folder) as reader:
            assert sizes(reader) == [8, 16]  # 16 is in the log alone
            add(began[0], 32)
            assert sizes(reader) == [8, 16]


def test_no_run_begins_while_a_copy_without_its_log_is_read(folder, tmp_path):
    (tmp_path / "copy").mkdir()
    (tmp_path / "link").mkdir()
    with opened(folder) as store:
        add(store, 8)
        shutil.copy(folder / FILE_NAME, tmp_path / "copy")
    (tmp_path / "link" / FILE_NAME).symlink_to(tmp_path / "copy" / FILE_NAME)
    for read, written in itertools.product(("copy", "link"), repeat=2):
        with (
            read_store(tmp_path / read),
            read_store(tmp_path / read),
            pytest.raises(InputError, match="wait for it"),
            opened(tmp_path / written),
        ):
            pass
    with opened(tmp_path / "copy") as store:
        add(store, 16)
    with read_store(tmp_path / "link") as reader:
        assert sizes(reader)[-1] == 16


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF])
def test_a_copy_on_a_medium_without_locks_is_read(number, folder, tmp_path, monkeypatch):
    (tmp_path / "copy").mkdir()
    with opened(folder) as store:
        add(store, 8)
        shutil.copy(folder / FILE_NAME, tmp_path / "copy")

    def flock(*_):
        raise OSError(number, "no locks here")

    monkeypatch.setattr("fcntl.flock", flock)
    with read_store(tmp_path / "copy") as reader:
        assert set(sizes(reader)) <= {8}
    assert [path.name for path in (tmp_path / "copy").iterdir()] == [FILE_NAME]


WRITING = """
    import sys
    from pathlib import Path
    from samples.stored_studies import opened, study
    from empirics.records import StudyOutcome
    for batch_size in range(1, 10**6):
        with opened(Path(sys.argv[1])) as store:
            for trials in range(2, 6):
                store.add_study(StudyOutcome((study(batch_size=batch_size, trials=trials),)))
        print(batch_size, flush=True)
"""


def test_a_store_that_another_process_opens_writes_and_closes_is_never_called_damaged(folder):
    command = [sys.executable, "-c", textwrap.dedent(WRITING), str(folder)]
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    seen = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as writer, contextlib.ExitStack() as at_end:
        at_end.callback(writer.kill)
        writer.stdout.readline()
        while len(seen) < 40 or seen[-1][-1] < 6:
            with read_store(folder) as reader:
                seen.append(sizes(reader))
    for before, after in itertools.pairwise(seen):
        assert after == list(range(1, len(after) + 1))
        assert len(before) <= len(after)
