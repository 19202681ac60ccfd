"""A run folder that is renamed, removed or replaced under its run: no two runs mix, and where results are is told."""

import contextlib
import os
import shutil
import sqlite3

import pytest
from samples.measured_runs import QUICK
from samples.stored_studies import opened, study
from tools.commands import code_of

from empirics.errors import InputError
from empirics.measure import main
from empirics.records import StudyOutcome
from empirics.run.progress import Display
from empirics.store.schema import FILE_NAME
from empirics.store.store import read_store

OTHER = {"seed": 3}


def add(store, *batch_sizes):
    for batch_size in batch_sizes:
        store.add_study(StudyOutcome((study(batch_size=batch_size),)))


def held(folder):
    """Return the seed and the batch sizes of a run at rest."""
    assert [path.name for path in folder.iterdir()] == [FILE_NAME]
    with read_store(folder) as store:
        return store.identity["seed"], [one.batch_size for one in store.studies()]


@contextlib.contextmanager
def ending(folder, told):
    """Open a store that will not be in its place at the end, and check what is said of that."""
    with pytest.raises(InputError, match=told), opened(folder) as store:
        yield store


@pytest.fixture
def other(tmp_path):
    """Another run, at rest."""
    with opened(tmp_path / "other", **OTHER) as store:
        add(store, *range(1, 40))
    return tmp_path / "other"


def test_a_renamed_folder_keeps_its_run_and_is_told_by_its_new_name(folder):
    moved = folder.with_name("moved to")
    told = f"one was renamed while this run wrote it; the results are in {moved}: .* with --out '{moved}' to resume"
    with ending(folder, told) as store:
        add(store, 8)
        folder.rename(moved)
        add(store, 16)
    assert held(moved) == (0, [8, 16])
    assert not folder.exists()
    with opened(moved) as store:
        add(store, 32)
    assert held(moved) == (0, [8, 16, 32])


@pytest.mark.parametrize("ended", [True, False], ids=["at rest", "being written"])
def test_another_run_under_the_old_name_is_not_touched(ended, folder):
    moved = folder.with_name("moved")
    with ending(folder, f"the results are in {moved}") as first:
        add(first, 8)
        folder.rename(moved)
        second = opened(folder, **OTHER)
        store = second.__enter__()
        add(store, 5)
        if ended:
            second.__exit__(None, None, None)
        add(first, 16)
    if not ended:
        add(store, 6)
        second.__exit__(None, None, None)
    assert held(moved) == (0, [8, 16])
    assert held(folder) == (3, [5] if ended else [5, 6])


def test_a_removed_folder_is_not_called_kept(folder):
    told = r"/one was removed or replaced while this run wrote it, and what this run had stored is lost with it"
    with ending(folder, told) as store:
        add(store, 8)
        shutil.rmtree(folder)
    assert not folder.exists()


def test_a_folder_removed_and_made_anew_by_another_run_is_left_to_it(folder, other):
    with ending(folder, "is lost with it") as store:
        add(store, 8)
        shutil.rmtree(folder)
        shutil.copytree(other, folder)
    assert held(folder) == (3, list(range(1, 40)))


@pytest.mark.parametrize("link", ["to itself", "to another"])
def test_a_folder_replaced_by_a_link(link, folder, other):
    moved = folder.with_name("moved")
    if link == "to itself":
        with opened(folder) as store:
            folder.rename(moved)
            folder.symlink_to(moved)
            add(store, 8)
    else:
        with ending(folder, f"the results are in {moved}") as store:
            folder.rename(moved)
            folder.symlink_to(other)
            add(store, 8)
        assert held(folder) == (3, list(range(1, 40)))
    assert held(moved) == (0, [8])


def test_a_renamed_parent_and_a_link_that_leads_elsewhere_are_renamed_folders_too(folder, tmp_path, other):
    with ending(folder, rf"the results are in {tmp_path}/later/one") as store:
        add(store, 8)
        folder.parent.rename(tmp_path / "later")
    assert held(tmp_path / "later" / "one") == (0, [8])
    link, real = tmp_path / "link", tmp_path / "real"
    real.mkdir()
    link.symlink_to(real)
    with ending(link, f"the results are in {real}") as store:
        add(store, 8)
        link.unlink()
        link.symlink_to(other)
    assert held(real) == (0, [8])
    assert held(other) == (3, list(range(1, 40)))


def test_a_folder_that_is_a_link_is_an_ordinary_one(folder, tmp_path):
    folder.mkdir(parents=True)
    (tmp_path / "link").symlink_to(folder)
    with opened(tmp_path / "link") as store:
        add(store, 8)
        with pytest.raises(InputError, match="is being written by another run"), opened(folder):
            pass
    assert held(folder) == (0, [8])


def test_a_store_moved_out_of_its_folder_is_found_and_whole(folder, tmp_path):
    away = tmp_path / "away.sqlite"
    told = rf"study\.sqlite was renamed while this run wrote it; {away} holds the results: move it back"
    with ending(folder, told) as store:
        add(store, 8)
        (folder / FILE_NAME).rename(away)
        add(store, 16)
    assert list(folder.iterdir()) == []
    away.rename(folder / FILE_NAME)
    with opened(folder) as store:
        add(store, 32)
    assert held(folder) == (0, [8, 16, 32])


@pytest.mark.parametrize("how", ["renamed over it", "copied over it"])
def test_a_store_in_whose_place_another_is_put_is_not_mixed_with_it(how, folder, other):
    before = (other / FILE_NAME).read_bytes()
    with ending(folder, "is lost with it") as store:
        add(store, 8, 16)
        if how == "renamed over it":
            (other / FILE_NAME).rename(folder / FILE_NAME)
        else:
            (folder / FILE_NAME).write_bytes(before)
        add(store, 32)
    assert (folder / FILE_NAME).read_bytes() == before
    assert held(folder) == (3, list(range(1, 40)))


def test_a_store_that_is_a_link_is_locked_with_the_file_it_leads_to(folder, other, tmp_path):
    for name in ("b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / FILE_NAME).symlink_to(other / FILE_NAME)
    for first, second in (("other", "b"), ("b", "other"), ("b", "c")):
        with opened(tmp_path / first, **OTHER) as store:
            told = rf"{second} is being written by another run"
            with pytest.raises(InputError, match=told), opened(tmp_path / second, **OTHER):
                pass
            with read_store(tmp_path / second) as reader:
                assert len(reader.studies()) == len(store.studies())
    assert held(tmp_path / "b") == held(other) == (3, list(range(1, 40)))


def test_stores_that_are_links_into_one_folder_do_not_lock_each_other(tmp_path):
    (tmp_path / "disk").mkdir()
    for name in ("b", "c"):
        with opened(tmp_path / name):
            pass
        (tmp_path / name / FILE_NAME).rename(tmp_path / "disk" / name)
        (tmp_path / name / FILE_NAME).symlink_to(tmp_path / "disk" / name)
    with opened(tmp_path / "b") as one, opened(tmp_path / "c") as two:
        add(one, 8)
        add(two, 16)
    assert held(tmp_path / "b") == (0, [8])
    assert held(tmp_path / "c") == (0, [16])


def test_a_store_under_two_names_is_refused(folder, other):
    folder.mkdir(parents=True)
    os.link(other / FILE_NAME, folder / FILE_NAME)
    with pytest.raises(InputError, match="is one file under 2 names"), opened(folder, **OTHER):
        pass


def test_where_the_system_tells_no_names_the_inode_is_told(folder, monkeypatch):
    monkeypatch.setattr("empirics.store.held_folder._FOLLOWED", "/nowhere")
    with ending(folder, r"does not tell its new name; .* \(find / -inum \d+\)") as store:
        folder.rename(folder.with_name("moved"))
        add(store, 8)
    with read_store(folder.with_name("moved")) as store:
        assert len(store.studies()) == 1


def test_an_interruption_after_a_rename_tells_of_the_rename(folder):
    with ending(folder, "the results are in") as store:
        add(store, 8)
        folder.rename(folder.with_name("moved"))
        raise KeyboardInterrupt


def seed_in(folder):
    with contextlib.closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        return connection.execute("SELECT json_extract(identity, '$.seed') FROM run").fetchone()[0]


@pytest.mark.parametrize("fate", ["renamed", "removed"])
def test_a_measurement_ends_with_its_tables_beside_its_store(fate, tmp_path, monkeypatch, capsys):
    words = [*QUICK, "--no-constants", "--jobs", "1", "--out", tmp_path / "run"]
    real, done = Display.done, []

    def rename(self, task, line):
        real(self, task, line)
        if line and not done:
            done.append(task)
            if fate == "renamed":
                (tmp_path / "run").rename(tmp_path / "moved")
            else:
                shutil.rmtree(tmp_path / "run")
            with monkeypatch.context() as patch:
                patch.setattr(Display, "done", real)
                assert code_of(main, *words, "--seed", "3") == 0

    monkeypatch.setattr(Display, "done", rename)
    before = sorted(path.name for path in tmp_path.iterdir())
    assert code_of(main, *words) == 2
    assert before == []
    _, err = capsys.readouterr()
    *_, last = err.splitlines()
    assert last.startswith("error: ")
    assert "kept" not in last
    assert seed_in(tmp_path / "run") == 3
    assert '"seed": 3' in (tmp_path / "run" / "provenance.json").read_text()
    if fate == "renamed":
        assert f"the results are in {tmp_path / 'moved'}: " in last
        assert seed_in(tmp_path / "moved") == 0
        assert '"seed": 0' in (tmp_path / "moved" / "provenance.json").read_text()
        names = sorted(path.name for path in (tmp_path / "moved").iterdir())
        assert names == sorted(path.name for path in (tmp_path / "run").iterdir())
