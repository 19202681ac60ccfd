"""Files made to hurt: bombs, claims of size, databases that compute, paths that lead out, calls that run code."""

import ast
import contextlib
import gzip
import json
import os
import sqlite3
import struct
import time
from pathlib import Path

import pytest
from tools.allocated import at_most
from tools.untrusted import IMPOSSIBLE_JSON, make_store

import theory
from empirics.datasets.arrays import load_dataset
from empirics.errors import InputError
from empirics.reading import text as table_text
from empirics.reading.outside import MOST_BYTES, read_json
from empirics.search.space import read_points
from empirics.store import schema as store_schema
from empirics.store.store import open_store, read_store
from empirics.training.checkpoint import resume
from paper_figures.reading.run import read_run
from paper_figures.report.page import drawn_figures
from verification.findings.__main__ import _write as write_findings
from verification.records.provenance_file import read_provenance
from verification.records.records import read_curves
from verification.report.__main__ import main as report

ROOT = Path(theory.__file__).parents[1]


def write_mnist(folder, images):
    (folder / "MNIST").mkdir()
    (folder / "MNIST" / "train-images-idx3-ubyte.gz").write_bytes(images)
    (folder / "MNIST" / "train-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, 10) + bytes(10))


@pytest.mark.parametrize("items", [60_001, 2**31, 2**32 - 1])
def test_a_header_that_declares_more_images_than_there_can_be_is_refused(items, tmp_path):
    write_mnist(tmp_path, gzip.compress(struct.pack(">4I", 2051, items, 28, 28) + bytes(7840)))
    with at_most(64), pytest.raises(InputError, match=rf"{items} items of shape \(28, 28\), not 10..60000"):
        load_dataset("mnist", tmp_path)


def test_a_gzip_bomb_is_unpacked_no_further_than_the_largest_data_set(tmp_path):
    zeros = gzip.compress(bytes(2**26), 9)
    write_mnist(tmp_path, gzip.compress(struct.pack(">4I", 2051, 60_000, 28, 28)) + zeros * 64)  # 4 GiB in 4 MB
    with at_most(144), pytest.raises(InputError, match="too long for the 60000 items"):  # 47 MB, twice, are joined
        load_dataset("mnist", tmp_path)


def sparse(path, size):
    """Make a file that says it is large and takes no room."""
    with path.open("wb") as file:
        file.truncate(size)


@pytest.mark.parametrize("read", [read_curves, read_json], ids=["CSV", "JSON"])
def test_a_file_of_a_hundred_gigabytes_is_refused_by_its_size(read, tmp_path):
    sparse(tmp_path / "large", 10**11)
    with at_most(256), pytest.raises(ValueError, match=r"larger than \d+ bytes, the most that is read"):
        read(tmp_path / "large")
    assert MOST_BYTES == 2**26


def test_a_number_of_a_hundred_million_digits_is_refused(tmp_path):
    (tmp_path / "points.csv").write_bytes(b"momentum\n" + b"9" * 10**8)
    with at_most(1024), pytest.raises(InputError, match="field larger than field limit"):
        read_points(tmp_path / "points.csv", ())
    (tmp_path / "curves.csv").write_bytes(b"batch_size,steps\n16," + b"9" * 10**7)
    with at_most(256), pytest.raises(ValueError, match="field larger than field limit"):
        read_curves(tmp_path / "curves.csv")


def test_ten_million_rows_are_refused_with_the_limit_that_is_read(tmp_path, capsys, monkeypatch):
    (tmp_path / "curves.csv").write_bytes(b"batch_size,steps\n" + b"16,700\n" * 10**7)
    assert_refused([str(tmp_path / "curves.csv")], f"larger than {table_text.MOST_BYTES} bytes", capsys)
    (tmp_path / "curves.csv").write_bytes(b"batch_size,steps\n" + b"16,70\n" * table_text.MOST_ROWS)
    assert_refused([str(tmp_path / "curves.csv")], f"more than {table_text.MOST_ROWS} lines, the most", capsys)


def assert_refused(words, message, capsys):
    with at_most(1024), pytest.raises(SystemExit) as leaving:
        report(words)
    assert leaving.value.code == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err


@pytest.mark.parametrize("content", IMPOSSIBLE_JSON, ids=lambda content: repr(content[:12]))
def test_json_that_no_program_of_ours_writes_is_one_line(content, tmp_path):
    (tmp_path / "curves.csv").write_text("batch_size,steps\n16,70\n")
    for name, read in (("verdicts.json", read_run), ("provenance.json", read_provenance)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=rf"\A[^\n]*{name} is no (verdicts|provenance) file \([^\n]+\Z"):
            read(tmp_path)


@pytest.fixture
def stored(tmp_path):
    make_store(tmp_path / "run")
    return tmp_path / "run"


HOSTILE_SQL = {
    "a view that never ends": "DROP TABLE studies; CREATE VIEW studies AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
    "SELECT i + 1 FROM n) SELECT i FROM n",
    "a trigger": "CREATE TRIGGER t AFTER INSERT ON sessions BEGIN DELETE FROM studies; END",
    "another table": "CREATE TABLE more (x)",
    "an index of its own": "CREATE INDEX i ON trials (abs(step))",
    "a text where a number belongs": "UPDATE trials SET step = 'soon'",
    "a blob where a text belongs": "UPDATE studies SET goal = x'00ff'",
    "an interval of zero": "UPDATE studies SET eval_interval = 0",
    "a negative step": "UPDATE trials SET step = -5",
    "two rows of identity": "INSERT INTO run SELECT * FROM run",
    "no identity": "DELETE FROM run",
    "an identity that is a list": "UPDATE run SET identity = '[]'",
    "goals that are words": """UPDATE run SET identity = '{"goal_error": ["x"], "workload": "a", "stop": "race"}'""",
    "a stop rule of its own": """UPDATE run SET identity = '{"goal_error": [0.08], "workload": "a", "stop": "rm"}'""",
    "an identity that is deep": f"UPDATE run SET identity = '{'[' * 100_000}'",
}


@pytest.mark.parametrize("sql", HOSTILE_SQL.values(), ids=HOSTILE_SQL)
def test_a_store_that_is_not_exactly_ours_is_refused_and_left_alone(sql, stored):
    with contextlib.closing(sqlite3.connect(stored / "study.sqlite")) as connection:
        connection.executescript(f"PRAGMA user_version = 0; {sql}")
    before, start = (stored / "study.sqlite").read_bytes(), time.monotonic()
    identity = {"workload": "digits/small-cnn/sgd", "goal_error": [0.08], "stop": "race"}
    for opened in (read_store(stored), open_store(stored, identity)):
        with pytest.raises(InputError, match=r"\A[^\n]*(is damaged|--stop|use another --out)[^\n]*\Z"), opened:
            pass
    assert (stored / "study.sqlite").read_bytes() == before
    assert time.monotonic() - start < 20


def test_a_value_larger_than_any_run_writes_is_refused(stored, monkeypatch):
    monkeypatch.setattr(store_schema, "MOST_VALUE_BYTES", 10**6)
    with contextlib.closing(sqlite3.connect(stored / "study.sqlite")) as connection, connection:
        connection.execute("PRAGMA user_version = 0")
        connection.execute("UPDATE masks SET bits = zeroblob(2000000)")
    with pytest.raises(InputError, match="is damaged"), read_store(stored) as store:
        store.masks()


def program_files():
    return [p for name in ("theory", "empirics", "verification", "paper_figures") for p in (ROOT / name).rglob("*.py")]


def test_nothing_runs_or_unpickles_what_a_file_says():
    forbidden = {"eval", "exec", "compile", "__import__", "yaml.load", "os.system", "os.popen", "pickle.load"}
    seen = set()
    for path in program_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                seen.add(called)
                assert called not in forbidden, f"{path.name}: {ast.unparse(node)[:80]}"
                keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                assert keywords.get("shell", "False") == "False", path.name
                if called == "np.load":
                    assert keywords["allow_pickle"] == "False", path.name
    assert "np.load" in seen, "nothing was looked at"


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "a/../../out", "..", "a\0b"])
def test_no_name_in_a_store_leads_out_of_the_target(name, tmp_path):
    from empirics.exchange.export_tree import export_tree

    layout = {"0/0/16": {"path": [name, "b", "c", "16"]}}
    identity = {"workload": "a/b/c", "goal_error": [0.08], "stop": "race", "imported": {"layout": layout}}
    make_store(tmp_path / "run", identity)
    with pytest.raises(InputError, match="would lead out of --to"):
        export_tree(tmp_path / "run", tmp_path / "target")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    "layout", [[], {"0/0/16": []}, {"0/0/16": {"trials": [1]}}, {"0/0/16": {"set": 3}}, "x"], ids=json.dumps
)
def test_a_layout_that_no_import_writes_is_one_line(layout, tmp_path):
    from empirics.exchange.export_tree import export_tree

    identity = {"workload": "a/b/c", "goal_error": [0.08], "stop": "race", "imported": {"layout": layout}}
    make_store(tmp_path / "run", identity)
    with pytest.raises(InputError, match=r"\A[^\n]*is damaged[^\n]*\Z"):
        export_tree(tmp_path / "run", tmp_path / "target")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


NO_FILE = "it is no regular file"


def resumed(path):
    return resume(path, {}, [], None, None)


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize("reader", ["provenance", "verdicts", "points", "cifar-10", "readme", "figures", "checkpoint"])
def test_what_is_no_regular_file_is_not_waited_for(reader, kind, tmp_path):
    """A pipe never ends where nobody writes into it, and neither does /dev/zero."""
    names = {
        "provenance": "provenance.json",
        "verdicts": "verdicts.json",
        "points": "points.csv",
        "readme": "README.md",
        "cifar-10": "cifar-10-batches-bin/data_batch_1.bin",
        "figures": "figures/figure_01.svg",
    }
    path = tmp_path / names.get(reader, "checkpoint")
    path.parent.mkdir(exist_ok=True)
    make = {"pipe": lambda: os.mkfifo(path), "device": lambda: path.symlink_to("/dev/zero"), "folder": path.mkdir}
    make[kind]()
    (tmp_path / "curves.csv").write_text("batch_size,steps\n16,70\n")
    silent = {"figures": lambda: drawn_figures(tmp_path) == (), "checkpoint": lambda: resumed(path) == NO_FILE}
    if reader in silent:
        assert silent[reader]()
        return
    read = {
        "provenance": lambda: read_provenance(tmp_path),
        "verdicts": lambda: read_run(tmp_path),
        "points": lambda: read_points(path, ()),
        "cifar-10": lambda: load_dataset("cifar-10", tmp_path),
        "readme": lambda: write_findings(None, tmp_path / "findings.md", path),
    }[reader]
    with pytest.raises(ValueError, match=r"\A[^\n]*is no regular file[^\n]*\Z"):
        read()
