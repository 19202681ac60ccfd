"""A store with a torn, zeroed or altered page: told in one line by whoever reads it, and nothing else touched."""

import contextlib
import random
import shutil
from pathlib import Path

import pytest

from empirics import measure
from empirics.errors import InputError
from empirics.exchange import __main__ as exchange
from empirics.records import Study, StudyOutcome, StudyRecord, TrialRecord
from empirics.store.schema import FILE_NAME
from empirics.store.store import open_store, read_store
from verification.records.records import read_records
from verification.report.__main__ import main as report

PAGE, SECTOR = 4096, 512
CASES, SEED = 100, 20210504
IDENTITY = {"workload": "digits/small-cnn/sgd", "goal_error": [0.08], "seed": 0, "stop": "race"}


@pytest.fixture(scope="module")
def at_rest(tmp_path_factory):
    """A run at rest of several pages."""
    folder = tmp_path_factory.mktemp("at_rest") / "run"
    with open_store(folder, IDENTITY) as store:
        for batch_size in range(1, 200):
            trials = tuple(TrialRecord(i, {"learning_rate": 0.1 + i}, "complete", 8 + i) for i in range(4))
            store.add_study(
                StudyOutcome((StudyRecord(Study(0.0, 0, batch_size), 0.08, trials, 100, 2, None, 1.0),)),
            )
    return folder


def spoil(content, case):
    """Return a store's bytes with one fault: a sector or page of zeros or noise, one bit, a torn or missing end."""
    draw, spoilt = random.Random(SEED + case), bytearray(content)
    kind = case % 5
    if kind < 2:
        size = (SECTOR, PAGE)[kind]
        at = draw.randrange(len(content) // size) * size
        spoilt[at : at + size] = bytes(size) if draw.random() < 0.5 else draw.randbytes(size)
    elif kind == 2:
        spoilt[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    elif kind == 3:  # half of a page is that of another time
        at, other = (draw.randrange(len(content) // PAGE) * PAGE for _ in range(2))
        spoilt[at + PAGE // 2 : at + PAGE] = content[other : other + PAGE // 2]
    else:
        del spoilt[draw.randrange(1, len(content)) :]
    return bytes(spoilt)


def everything(folder):
    with read_store(folder) as store:
        return store.studies(), store.masks(), store.constants(), store.sessions()


def test_damage_is_one_line_or_some_altered_values_and_nothing_is_touched(at_rest, tmp_path):
    content = (at_rest / FILE_NAME).read_bytes()
    folder, found = tmp_path / "run", 0
    folder.mkdir()
    for case in range(CASES):
        spoilt = spoil(content, case)
        (folder / FILE_NAME).write_bytes(spoilt)
        try:
            with read_store(folder):
                pass
        except InputError:
            found += 1
            with pytest.raises(InputError, match=r"\A[^\n]+\Z"), open_store(folder, IDENTITY):
                pass
        else:
            with contextlib.suppress(InputError):
                everything(folder)
        assert (folder / FILE_NAME).read_bytes() == spoilt
        assert [path.name for path in folder.iterdir()] == [FILE_NAME]
    assert found > CASES / 3


@pytest.fixture
def damaged(tmp_path):
    """The evidence, with noise in the middle of its store."""
    folder = Path(shutil.copytree(Path(__file__).parents[2] / "evidence" / "digits", tmp_path / "run"))
    content = bytearray((folder / FILE_NAME).read_bytes())
    middle = len(content) // 2 // PAGE * PAGE
    content[middle : middle + 4 * PAGE] = random.Random(SEED).randbytes(4 * PAGE)
    (folder / FILE_NAME).write_bytes(content)
    return folder


def test_every_command_that_meets_a_damaged_store_says_so_in_one_line(damaged, tmp_path, capsys):
    before = {path: path.read_bytes() for path in damaged.rglob("*") if path.is_file()}
    assert measure.main(["--out", str(damaged), "--jobs", "1"]) == 2
    assert exchange.main(["export", str(damaged), "--to", str(tmp_path / "tree")]) == 2
    assert exchange.main(["export", str(damaged), "--to", str(tmp_path / "table.csv")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == err.count("study.sqlite is damaged (") == 3
    assert {path: path.read_bytes() for path in damaged.rglob("*") if path.is_file()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


def test_curves_are_read_without_a_damaged_store_and_that_is_said(damaged):
    (note,) = read_records(damaged).notes
    assert note.startswith("run/study.sqlite is damaged (")
    assert note.endswith("; read from curves.csv, without trials")


@pytest.mark.slow
def test_a_report_without_the_store_says_that_it_is_damaged(damaged, capsys):
    assert report([str(damaged), "--draws", "0"]) == 0
    assert "study.sqlite is damaged (" in capsys.readouterr().out
