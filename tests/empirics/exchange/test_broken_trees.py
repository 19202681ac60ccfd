"""Trees that cannot be read, hostile ones among them, and the bounds on what is read."""

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from samples.foreign_studies import METRIC, plain_study, run

from empirics.exchange import import_tree as batch_science_import
from empirics.exchange import measurements
from empirics.reading import outside as foreign


@dataclass(frozen=True)
class Broken:
    name: str
    spoil: Callable[[Path], object]
    message: str


def text(place, content):
    return lambda study: (study / place).write_text(content)


def fields(place, **changes):
    def spoil(study):
        value = json.loads((study / place).read_text())
        (study / place).write_text(json.dumps(value | changes))

    return spoil


def linked(place):
    def spoil(study):
        (study / place).rename(study / place.replace(".", "-moved."))
        (study / place).symlink_to(study / place.replace(".", "-moved."))

    return spoil


def fifo(study):
    (study / "1/measurements.csv").unlink()
    os.mkfifo(study / "1/measurements.csv")


STUDY, TRIAL, TABLE = "study.json", "1/metadata.json", "1/measurements.csv"
HEAD = f"step,{METRIC}\n"
BROKEN = [
    Broken("no JSON", text(STUDY, "{"), r"study.json: it is no JSON"),
    Broken("a list", text(STUDY, "[]"), r"study.json: it holds no JSON object"),
    Broken("deep", text(STUDY, "[" * 100_000), r"nested more than 50 deep"),
    Broken("infinity", text(STUDY, '{"batch_size": 1e999}'), r"1e999 is no finite number"),
    Broken("no number", text(STUDY, '{"batch_size": NaN}'), r"NaN is no finite number"),
    Broken("huge text", text(STUDY, '{"batch_size": ' + "9" * 5000 + "}"), r"study.json: it is no JSON"),
    Broken("huge", fields(STUDY, batch_size=10**300), r"it is no JSON \(an integer of 301 digits\)"),
    Broken("too large", text(STUDY, " " * (2**20 + 1)), r"study.json: it is larger than 1048576 bytes"),
    Broken("binary", lambda s: (s / STUDY).write_bytes(b"\xff\xfe"), r"study.json: it is no UTF-8 text"),
    Broken("flag", fields(STUDY, batch_size=True), r"batch_size = true: must be a whole number"),
    Broken("fraction", fields(STUDY, train_steps=0.5), r"train_steps = 0.5: must be a whole number in 0"),
    Broken("negative", fields(STUDY, train_steps=-1), r"train_steps = -1: must be"),
    Broken("null", fields(STUDY, dataset=None), r"dataset = null: must be a printable text"),
    Broken("newline", fields(STUDY, model="a\nb"), r'model = "a\\nb": must be a printable text'),
    Broken("sparsity", fields(STUDY, sparsity=100), r"a sparsity of 100 must be a percentage"),
    Broken("stop", fields(STUDY, stop="soon"), r'stop = "soon": must be one of race'),
    Broken("interval", fields(STUDY, check_interval=0), r"check_interval = 0: must be"),
    Broken("folder", lambda s: (s / "1").rename(s / "first"), r"first: a trial's folder must have its number"),
    Broken("study folder", lambda s: s.rename(s.with_name("x64")), r"a study's folder must have its batch size"),
    Broken("no trial", lambda s: [shutil.rmtree(s / n) for n in "123"], r"0 trials; a study has 1..100000"),
    Broken("no metadata", lambda s: (s / TRIAL).unlink(), r"metadata.json: no such file"),
    Broken("no table", lambda s: (s / TABLE).unlink(), r"measurements.csv: no such file"),
    Broken("twice", fields(TRIAL, trial_id=2), r"two trials have the same trial_id"),
    Broken("id", fields(TRIAL, trial_id="../../x"), r'trial_id = "../../x": must be a whole number'),
    Broken("status", fields(TRIAL, status="DONE"), r'status = "DONE": must be one of COMPLETE'),
    Broken("status type", fields(TRIAL, status=2), r"status = 2: must be a printable text"),
    Broken("parameters", fields(TRIAL, parameters=[1]), r"parameters = \[1\]: must be an object"),
    Broken("parameter", fields(TRIAL, parameters={"a": "b"}), r'a = "b": must be a number'),
    Broken("parameter name", fields(TRIAL, parameters={"a\n": 1}), r"names of parameters must be printable"),
    Broken("steps", fields(TRIAL, steps=2**33), r"steps = 8589934592: must be a whole number"),
    Broken("no step", text(TABLE, f"{METRIC}\n0.5\n"), r"must name a column step"),
    Broken("columns twice", text(TABLE, "step,a,a\n"), r"at most 100 different ones"),
    Broken("ragged", text(TABLE, HEAD + "1,0.5,3\n"), r"row 2: 3 values for 2 columns"),
    Broken("cell", text(TABLE, HEAD + "1,0.5\n2,x\n"), r"row 3, column val/classification_error: 'x' is no number"),
    Broken("step cell", text(TABLE, HEAD + "-1,0.5\n"), r"row 2, column step: '-1' must be a whole number"),
    Broken("late step", text(TABLE, HEAD + "9999999999,0.5\n"), r"'9999999999' must be a whole number in 0"),
    Broken("quote", text(TABLE, HEAD + '"1,0.5\n'), r"measurements.csv is no CSV"),
    Broken("linked study", linked(STUDY), r"no study.json at or up to 8 folders below it"),
    Broken("linked trial", linked(TRIAL), r"metadata.json: it is a link"),
    Broken("linked table", linked(TABLE), r"measurements.csv: it is a link"),
    Broken("fifo", fifo, r"measurements.csv: it is no regular file"),
    Broken("a folder's place", lambda s: [(s / TABLE).unlink(), (s / TABLE).mkdir()], r"it is no regular file"),
]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
def test_what_cannot_be_read_ends_in_one_line(broken, tmp_path, capsys):
    broken.spoil(plain_study(tmp_path / "tree"))
    words = ("import", tmp_path / "tree", "--format", "batch-science", "--goal-error", 0.2)
    assert run(*words, "--to", tmp_path / "run") == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    (line,) = printed.splitlines()
    assert len(line) < 1000
    assert re.search(broken.message, line), line
    assert [path.name for path in tmp_path.iterdir()] == ["tree"]


@pytest.mark.parametrize(
    "events", [[], "reached", [1], [{"event": "won", "step": 1}], [{"event": "reached"}], [{"event": 1, "step": 1}],
               [{"event": "reached", "step": 0}], [{"event": "reached", "step": 5, "short": 6}]]
)  # fmt: skip
def test_events_of_another_shape_are_refused(events, tmp_path, capsys):
    study = plain_study(tmp_path / "tree", goal_error=[0.2])
    for trial in "123":
        fields(f"{trial}/metadata.json", events=events)(study)
    assert run("import", tmp_path / "tree", "--to", tmp_path / "run") == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_bounds_on_what_is_read(tmp_path, capsys, monkeypatch):
    plain_study(tmp_path / "tree")
    words = ("import", tmp_path / "tree", "--goal-error", 0.2, "--to", tmp_path / "run")
    bounds = [
        (foreign, "MOST_STUDIES", 0, "holds more than 200000 folders or 0 studies"),
        (foreign, "MOST_FOLDERS", 2, "holds more than 2 folders"),
        (batch_science_import, "_MOST_TRIALS", 2, "3 trials; a study has 1..2"),
        (batch_science_import, "_MOST_VALUES", 17, "holds more than 17 measured values"),
        (measurements, "MOST_MEASUREMENT_BYTES", 20, "measurements.csv: it is larger than 20 bytes"),
    ]
    for module, name, value, message in bounds:
        with monkeypatch.context() as patch:
            patch.setattr(module, name, value)
            assert run(*words) == 2
        assert message in capsys.readouterr().err
    assert run(*words) == 0


def test_names_that_a_terminal_would_obey_are_shown_as_text(tmp_path, capsys):
    plain_study(tmp_path / "tree\x1b[2J\nx")
    assert run("import", tmp_path / "tree\x1b[2J\nx", "--to", tmp_path / "run") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.isprintable()
