"""Files made to hurt: bombs, claims of size, databases that compute, what is no file."""

import contextlib
import gzip
import os
import sqlite3
import struct
import zlib

import pytest
from samples.stored_studies import IDENTITY, opened, study
from tools.allocated import at_most

from empirics.datasets.arrays import load_dataset
from empirics.errors import InputError
from empirics.reading import text
from empirics.reading.outside import read_bytes, read_json
from empirics.records import MaskRecord, StudyOutcome
from empirics.search.point_table import read_points
from empirics.store import schema
from empirics.store.packing import packed_trials
from empirics.store.store import open_store, read_store
from empirics.training.checkpoint import resume
from paper_figures.report.page import drawn_figures
from verification.records.curve_tables import read_curves


def write_mnist(folder, images):
    (folder / "MNIST").mkdir()
    (folder / "MNIST" / "train-images-idx3-ubyte.gz").write_bytes(images)
    (folder / "MNIST" / "train-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, 10) + bytes(10))


@pytest.mark.parametrize("items", [60_001, 2**32 - 1])
def test_a_header_that_declares_more_images_than_there_can_be_is_refused(items, tmp_path):
    write_mnist(tmp_path, gzip.compress(struct.pack(">4I", 2051, items, 28, 28) + bytes(7840)))
    with at_most(64), pytest.raises(InputError, match=rf"{items} items of shape \(28, 28\), not 10..60000"):
        load_dataset("mnist", tmp_path)


def test_a_gzip_bomb_is_unpacked_no_further_than_the_largest_data_set(tmp_path):
    zeros = gzip.compress(bytes(2**24), 9)
    write_mnist(tmp_path, gzip.compress(struct.pack(">4I", 2051, 60_000, 28, 28)) + zeros * 64)  # a GiB in a MB
    with at_most(144), pytest.raises(InputError, match="too long for the 60000 items"):  # 47 MB, twice, are joined
        load_dataset("mnist", tmp_path)


@pytest.mark.parametrize("read", [read_curves, read_json], ids=["CSV", "JSON"])
def test_a_file_of_a_hundred_gigabytes_is_refused_by_its_size(read, tmp_path):
    with (tmp_path / "large").open("wb") as file:
        file.truncate(10**11)
    with at_most(256), pytest.raises(ValueError, match=r"larger than \d+ bytes, the most that is read"):
        read(tmp_path / "large")


def test_long_numbers_and_many_rows_are_refused_with_the_limit(tmp_path, monkeypatch):
    (tmp_path / "points.csv").write_bytes(b"momentum\n" + b"9" * 10**6)
    with pytest.raises(InputError, match="field larger than field limit"):
        read_points(tmp_path / "points.csv", ())
    monkeypatch.setattr(text, "MOST_ROWS", 100)
    (tmp_path / "curves.csv").write_bytes(b"batch_size,steps\n" + b"16,70\n" * 100)
    with pytest.raises(InputError, match="more than 100 lines, the most"):
        read_curves(tmp_path / "curves.csv")


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"a": ' * 900 + b"1" + b"}" * 900,
        b'{"a": ' + b"9" * 400 + b"}",
        b"NaN",
        b"\xff",
        b"[1e999]",
        b"",
    ],
    ids=lambda content: repr(content[:12]),
)
def test_json_that_no_program_of_ours_writes_is_one_line(content, tmp_path):
    (tmp_path / "verdicts.json").write_bytes(content)
    with pytest.raises(InputError, match=r"\Ait is [^\n]+\Z"):
        read_json(tmp_path / "verdicts.json")


HOSTILE_SQL = {
    "a view that never ends": "DROP TABLE studies; CREATE VIEW studies AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
    "SELECT i + 1 FROM n) SELECT i FROM n",
    "a trigger": "CREATE TRIGGER t AFTER INSERT ON sessions BEGIN DELETE FROM studies; END",
    "another table": "CREATE TABLE more (x)",
    "an index of its own": "CREATE INDEX i ON repeats (abs(step))",
    "two rows of identity": "INSERT INTO run SELECT * FROM run",
    "an identity that is a list": "UPDATE run SET identity = '[]'",
    "goals that are words": """UPDATE run SET identity = '{"goal_error": ["x"], "workload": "a", "stop": "race"}'""",
    "a stop rule of its own": """UPDATE run SET identity = '{"goal_error": [0.08], "workload": "a", "stop": "rm"}'""",
    "an identity that is deep": f"UPDATE run SET identity = '{'[' * 100_000}'",
}


@pytest.fixture
def stored(tmp_path):
    with opened(tmp_path / "run") as store:
        store.add_study(StudyOutcome((study(),)))
        store.add_masks([MaskRecord(0, 0, 0.0, bytes(8))])
    return tmp_path / "run"


def spoil(folder, sql):
    with contextlib.closing(sqlite3.connect(folder / "study.sqlite")) as connection:
        connection.executescript(sql)


@pytest.mark.parametrize("sql", HOSTILE_SQL.values(), ids=HOSTILE_SQL)
def test_a_store_of_other_tables_is_refused_and_left_alone(sql, stored):
    spoil(stored, sql)
    before = (stored / "study.sqlite").read_bytes()
    for at_work in (read_store(stored), open_store(stored, IDENTITY)):
        with pytest.raises(InputError, match=r"\A[^\n]*(is damaged|--stop|use another --out)[^\n]*\Z"), at_work:
            pass
    assert (stored / "study.sqlite").read_bytes() == before


def trials(**changed):
    """Return the statement that puts one trial in the place of those of a study."""
    trial = {"trial": 0, "draw": 0, "point": 1, "event": "complete", "step": 2, "short": None} | changed
    return f"UPDATE studies SET trials = x'{packed_trials([trial]).hex()}'"


@pytest.mark.parametrize(
    "sql",
    [
        trials(step="soon"),
        trials(step=-5),
        trials(step=2.0),
        trials(event="won"),
        trials(event=["complete"]),
        trials(point=99),
        trials(point={}),
        trials(draw=1),
        "UPDATE studies SET trials = 'plain'",
        "UPDATE studies SET trials = 7",
        f"UPDATE studies SET trials = x'{zlib.compress(b'[' * 10**5).hex()}'",
        "UPDATE points SET metaparameters = '[]' WHERE point = 1",
        "UPDATE studies SET eval_interval = 0",
        "UPDATE studies SET batch_size = 0",
    ],
)
def test_a_value_of_another_kind_is_one_line_where_it_is_read(sql, stored):
    with read_store(stored) as store:
        assert len(store.studies()) == 1
    spoil(stored, sql)
    with read_store(stored) as store, pytest.raises(InputError, match=r"\A[^\n]*is damaged \([^\n]*\Z"):
        store.studies()


def test_a_value_larger_than_any_run_writes_is_refused(stored, monkeypatch):
    monkeypatch.setattr(schema, "MOST_BYTES", 10**6)
    spoil(stored, "UPDATE masks SET bits = zeroblob(2000000)")
    with pytest.raises(InputError, match="is damaged"), read_store(stored) as store:
        store.masks()


READS = {
    "bounded": ("a.json", lambda path: read_bytes(path, 10)),
    "points": ("points.csv", lambda path: read_points(path, ())),
    "cifar-10": ("cifar-10-batches-bin/data_batch_1.bin", lambda path: load_dataset("cifar-10", path.parents[1])),
}


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize("reader", [*READS, "figures", "checkpoint"])
def test_what_is_no_regular_file_is_not_waited_for(reader, kind, tmp_path):
    """A pipe never ends where nobody writes into it, and neither does /dev/zero."""
    name, read = READS.get(reader, ("figures/figure_01.svg", None))
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    {"pipe": lambda: os.mkfifo(path), "device": lambda: path.symlink_to("/dev/zero"), "folder": path.mkdir}[kind]()
    if reader == "figures":
        assert drawn_figures(tmp_path) == ()
    elif reader == "checkpoint":
        assert resume(path, {}, [], None, None) == "it is no regular file"
    else:
        with pytest.raises(InputError, match=r"\A[^\n]*is no regular file[^\n]*\Z"):
            read(path)
