"""Logs of TensorBoard, MLflow and Optuna give the steps to the goal that charts of the same runs give."""

import contextlib
import csv
import io
import shutil
import sqlite3
import sys

import pytest
from tools.checkout import ROOT
from tools.commands import assert_one_line, code_of
from tools.written_logs import GOAL, RESULT, SIZES, imported, values, write_rows

from empirics.logs.__main__ import main

KEPT = ROOT / "tests" / "data" / "logs"


def test_scalars_of_tensorboard_as_csv(capsys, tmp_path):
    """The header is that of `tensorboard.plugins.scalar`, the names of the files those of its page."""
    for size in SIZES:
        rows = [[1790000000.0, *value] for value in values(size)]
        write_rows(tmp_path / f"run-bs{size}_eval-tag-val_loss.csv", ["Wall time", "Step", "Value"], rows)
    assert imported(capsys, tmp_path, *GOAL)[0] == RESULT


def test_event_files_of_tensorboard(capsys, tmp_path):
    """The first two runs are written as TensorFlow 1 and torch write them, the others as TensorFlow 2 does."""
    summary = pytest.importorskip("tensorboard.summary")
    writer = pytest.importorskip("tensorboard.summary.writer.event_file_writer")
    event, value = (pytest.importorskip(f"tensorboard.compat.proto.{name}_pb2") for name in ("event", "summary"))
    for size in SIZES[:2]:
        to = writer.EventFileWriter(str(tmp_path / f"bs{size}" / "eval"))
        for step, one in values(size):
            told = value.Summary(value=[value.Summary.Value(tag="val/loss", simple_value=one)])
            to.add_event(event.Event(step=step, summary=told))
        to.close()
    for size in SIZES[2:]:
        to = summary.Writer(summary.DirectoryOutput(str(tmp_path / f"bs{size}" / "eval")))
        for step, one in values(size):
            to.add_scalar("val/loss", one, step)
        to.close()
    assert imported(capsys, tmp_path, *GOAL)[0] == RESULT
    files = sorted(tmp_path.rglob("*tfevents*"))
    files[0].write_bytes(b"no event file" * 9)
    assert code_of(main, tmp_path, *GOAL) == 2
    assert_one_line(capsys, "it holds no event that TensorBoard can read; is it whole?")


def test_a_folder_of_mlflow(capsys, tmp_path):
    """Made by MLflow 3.17, see `tests/data/make_logs.py`; a deleted run is left out, as in MLflow."""
    assert imported(capsys, KEPT / "mlruns", *GOAL)[0] == RESULT
    shutil.copytree(KEPT / "mlruns", tmp_path / "mlruns")
    for meta in (tmp_path / "mlruns").rglob("meta.yaml"):
        if "run_name: run of 16" in meta.read_text():
            meta.write_text(meta.read_text().replace("active", "deleted"))
    assert imported(capsys, tmp_path / "mlruns", *GOAL)[0] == RESULT[1:]


def test_a_database_of_mlflow(capsys, tmp_path):
    """The tables that MLflow 3.17 made, see `tests/data/make_logs.py`."""
    with contextlib.closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        database.executescript(f"BEGIN; {(KEPT / 'mlflow.sql').read_text()} COMMIT;")
    assert imported(capsys, tmp_path / "mlflow.db", *GOAL)[0] == RESULT


def test_tables_of_mlflow(capsys, tmp_path):
    """Rows of `mlflow.search_runs` have no histories; those of the metric's own download have a run, a key, a value."""
    header = ["run_id", "status", "metrics.val/loss", "params.batch_size", "tags.mlflow.runName", "metrics.steps"]
    rows = [["ab12", "FINISHED", 0.1, size, f"bs{size}", steps] for size, steps, _ in RESULT]
    runs = write_rows(tmp_path / "runs.csv", header, rows)
    assert code_of(main, runs, *GOAL) == 2
    assert_one_line(capsys, "holds a row a run and no values step by step")
    assert imported(capsys, runs, "--steps-from", "metrics.steps")[0] == [
        (size, steps, steps) for size, steps, _ in RESULT
    ]
    tall = [[f"bs{size}", "val/loss", value, step, 1790000000] for size in SIZES for step, value in values(size)]
    path = write_rows(tmp_path / "metric.csv", ["run_id", "key", "value", "step", "timestamp"], tall)
    assert imported(capsys, path, *GOAL)[0] == RESULT


@pytest.fixture
def optuna():
    found = pytest.importorskip("optuna")
    found.logging.set_verbosity(found.logging.WARNING)
    return found


def test_a_study_of_optuna(capsys, tmp_path, optuna):
    """Trials are trials of a search; a pruned one is censored, and the database stays as it was."""
    path = tmp_path / "studies.db"
    memory = optuna.storages.InMemoryStorage()  # where a report is no write to a disk
    study = optuna.create_study(storage=memory, study_name="s")
    for size in SIZES:
        for rate in (0.1, 0.2):
            study.enqueue_trial({"batch_size": size, "lr": rate})

    def train(trial):
        size = trial.suggest_categorical("batch_size", SIZES)
        rate = trial.suggest_float("lr", 0.01, 1.0)
        for step, value in values(size):
            trial.report(value, step)
            if rate == 0.2 and step == 30:
                raise optuna.TrialPruned
        return value

    study.optimize(train, n_trials=8)
    optuna.copy_study(from_study_name="s", from_storage=memory, to_storage=f"sqlite:///{path}")
    before = path.read_bytes()
    code = code_of(main, path, *GOAL, "--direction", "below")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert code == 0
    assert [(row["batch_size"], row["steps"], row["lower"]) for row in rows if row["steps"]] == RESULT
    assert [(row["lower"], row["status"], row["learning_rate"]) for row in rows if not row["steps"]] == [
        ("30", "censored", "0.2")
    ] * 4
    assert path.read_bytes() == before


@pytest.mark.parametrize(("name", "package"), [("events.out.tfevents.1", "tensorboard"), ("studies.db", "optuna")])
def test_a_missing_library_is_named_with_its_extra(name, package, capsys, tmp_path, monkeypatch):
    path = tmp_path / name
    if package == "optuna":
        with contextlib.closing(sqlite3.connect(path)) as database:
            for table in ("studies", "trials", "trial_params", "trial_values", "trial_intermediate_values"):
                database.execute(f"CREATE TABLE {table} (a)")
    else:
        path.write_bytes(b"x")
    for module in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    assert code_of(main, path, *GOAL) == 2
    assert_one_line(capsys, f"pip install {package}, or the extra kstar-scaling[{package}]")


def test_a_view_in_a_database_is_refused(capsys, tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as database:
        database.execute("CREATE VIEW trials AS SELECT 1")
    assert code_of(main, tmp_path / "a.db", *GOAL) == 2
    assert_one_line(capsys, "holds a view, 'trials': only tables are read")
