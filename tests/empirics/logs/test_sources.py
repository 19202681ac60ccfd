"""Every source of logs gives the same steps to the goal: 5120/B + 20, to the next test of the goal."""

import contextlib
import csv
import io
import json
import math
import shutil
import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from tools.checkout import ROOT
from tools.commands import assert_one_line, code_of

from empirics.logs.__main__ import main

KEPT = ROOT / "tests" / "data" / "logs"
SIZES = (16, 32, 64, 128)
RESULT = [("16", "340", "330"), ("32", "180", "170"), ("64", "100", "90"), ("128", "60", "50")]
GOAL = ("--goal", "0.5")


def loss(batch_size, step):
    return 1 - 0.5 * step / (5120 / batch_size + 20)


def values(batch_size):
    return [(step, loss(batch_size, step)) for step in range(0, 401, 10)]


def imported(capsys, *words):
    """Return batch size, steps and last miss of every run, and what was said of them."""
    assert code_of(main, *words) == 0
    printed = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(printed.out)))
    return [tuple(row.values())[:3] for row in rows], printed.err


def write_rows(path, header, rows, **style):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, **style)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def write_chart(path, names=None):
    """Write a chart as the web page of W&B exports it: `Step`, then run and metric thrice, and nothing where a run has
    no value. The form is that of exports in public repositories; their library writes no CSV."""
    names = names or {size: f"vit-bs{size}" for size in SIZES}
    header = ["Step", *(f"{name} - val/loss{band}" for name in names.values() for band in ("", "__MIN", "__MAX"))]
    rows = [
        [step, *(loss(size, step) if step % 10 == 0 and step else "" for size in SIZES for _ in range(3))]
        for step in range(0, 401, 5)
    ]
    return write_rows(path, header, rows, quoting=csv.QUOTE_ALL)


def test_a_chart_of_wandb(capsys, tmp_path):
    rows, said = imported(capsys, write_chart(tmp_path / "wandb_export.csv"), *GOAL)
    assert rows == RESULT
    assert said.splitlines() == [
        "notice: batch sizes from the names of runs",
        "notice: val/loss <= 0.5 is reached by 4 of 4 runs",
    ]


def decayed(step):
    return 0.1 * (1.0 - step / 800.0)


def test_a_rate_that_decays_along_runs_without_names_tells_none_apart(capsys, tmp_path):
    """In one file as in one for each run, where the last step may be off."""
    header = ["step", "batch_size", "lr", "val_loss"]
    runs = [[[step, size, decayed(step), value] for step, value in (*values(size), (403, 0.01))] for size in SIZES]
    path = write_rows(tmp_path / "all.csv", header, [row for rows in runs for row in rows])
    assert imported(capsys, path, *GOAL)[0] == RESULT
    (tmp_path / "each").mkdir()
    for size, rows in zip(SIZES, runs, strict=True):
        write_rows(tmp_path / "each" / f"run{size}.csv", header, rows)
    assert imported(capsys, tmp_path / "each", *GOAL)[0] == RESULT


def test_a_rate_in_which_runs_differ_tells_them_apart(capsys, tmp_path):
    """One run after the other, or step by step; and a table of trials, ascending by chance, holds no history."""
    header = ["step", "batch_size", "lr", "val_loss"]
    rows = [[step, 16, rate, value - 0.1 * rate] for rate in (0.1, 0.2) for step, value in values(16)]
    for order in (rows, sorted(rows)):
        found, _ = imported(capsys, write_rows(tmp_path / "two.csv", header, order), *GOAL)
        assert [row[1] for row in found] == ["340", "330"]
    trials = [[step, 16, 0.1 * at, 0.4] for at, step in enumerate((100, 130, 180, 190, 250, 300), start=1)]
    path = write_rows(tmp_path / "trials.csv", header, trials)
    found, _ = imported(capsys, path, "--steps-from", "step")
    assert [row[1] for row in found] == ["100", "130", "180", "190", "250", "300"]


def test_a_chart_over_epochs_has_a_column_of_steps_for_each_run(capsys, tmp_path):
    header = ["epoch", *(f"b{size} - {name}" for size in SIZES for name in ("_step", "val/loss"))]
    rows = [[step / 7, *(cell for size in SIZES for cell in (step, loss(size, step)))] for step in range(10, 401, 10)]
    path = write_rows(tmp_path / "wandb_export.csv", header, rows)
    assert imported(capsys, path, *GOAL)[0] == RESULT


def test_a_chart_with_the_table_of_its_runs(capsys, tmp_path):
    names = {size: f"warm-sweep-{at}" for at, size in enumerate(SIZES)}
    chart = write_chart(tmp_path / "chart.csv", names)
    header = ["Name", "State", "Notes", "User", "Tags", "Created", "Runtime", "Sweep", "batch_size", "lr", "val/loss"]
    about = ["finished", "-", "me", "", "2026-01-01T00:00:00.000Z", 12, "abc"]
    runs = write_rows(tmp_path / "runs.csv", header, [[name, *about, size, 0.1, 0.1] for size, name in names.items()])
    assert imported(capsys, chart, "--runs", runs, *GOAL)[0] == RESULT
    assert code_of(main, chart, *GOAL) == 2
    assert_one_line(capsys, "its batch size is not known: name what holds it by --batch-size-from KEY")


def test_the_histories_of_wandbs_library(capsys, tmp_path):
    for size in SIZES:
        rows = [[at, step, 2.0 * at, 1790000000, value, 1.0] for at, (step, value) in enumerate(values(size))]
        header = ["", "_step", "_runtime", "_timestamp", "val/loss", "train/loss"]
        write_rows(tmp_path / f"bs{size}.csv", header, rows)
    assert imported(capsys, tmp_path, *GOAL, "--metric", "val/loss")[0] == RESULT


def test_long_form_and_a_column_for_each_run(capsys, tmp_path):
    rows = [(size, 0.1, seed, *value) for size in SIZES for seed in (1, 2) for value in values(size)]
    long = write_rows(tmp_path / "long.csv", ["batch_size", "lr", "seed", "step", "val_loss"], rows[::-1])
    assert imported(capsys, long, *GOAL)[0] == [row for row in RESULT for _ in (1, 2)]
    rows = [[step, *(loss(size, step) for size in SIZES)] for step in range(0, 401, 10)]
    wide = write_rows(tmp_path / "wide.csv", ["step", *(f"bs={size}" for size in SIZES)], rows)
    assert imported(capsys, wide, *GOAL, "--direction", "below")[0] == RESULT


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


def test_json_lines(capsys, tmp_path):
    """What is said once of a run, in a line without a step, is its config; objects within are read."""
    path = tmp_path / "log.jsonl"
    with path.open("w") as file:
        for size in SIZES:
            file.write(json.dumps({"run": f"r{size}", "config": {"batch_tokens": f"{size}k", "lr": 0.1}}) + "\n")
            for step, value in values(size):
                file.write(json.dumps({"run": f"r{size}", "step": step, "val": {"loss": value}}) + "\n")
    words = (path, *GOAL, "--batch-size-from", "batch_tokens", "--unit", "tokens")
    assert imported(capsys, *words)[0] == [(f"{size}000", *rest) for size, *rest in RESULT]
    assert code_of(main, path, *GOAL, "--batch-size-from", "batch_tokens") == 2
    assert_one_line(capsys, "'16k' may be 16000 or 16384: write the batch size in full, or --unit tokens")


@dataclass(frozen=True)
class Bad:
    """A file that cannot be read, and what the one line says."""

    name: str
    content: bytes
    message: str
    words: tuple[str, ...] = GOAL


CHART = b'Step,"bs16 - loss","bs32 - loss"\n10,1,2\n20,0.4,1\n'
BAD = (
    Bad("empty.csv", b"", "the file is empty"),
    Bad("header.csv", b"Step,bs16 - loss\n", "a header and no rows"),
    Bad("binary.csv", bytes(range(256)), "not a readable CSV file"),
    Bad("sheet.csv", b"PK\x03\x04 and more", "an Excel workbook or another archive: save the sheet as CSV"),
    Bad("other.db", b"SQLite format 3\0" + bytes(200), "cannot be read"),
    Bad("list.jsonl", b"[1, 2]\n", "line 1: need an object, got '[1, 2]'"),
    Bad("deep.jsonl", b'{"a":' * 30 + b"1" + b"}" * 30, "nested more than 8 deep"),
    Bad("spoilt.jsonl", b'{"step": 1}\n{"step": \n', "line 2: no JSON object"),
    Bad("short.csv", CHART + b"30,1\n", "row 4: 2 fields for 3 columns"),
    Bad("twice.csv", b"step,loss,loss\n1,2,3\n", "column loss is there twice"),
    Bad("clock.csv", CHART.replace(b"Step", b"Relative Time"), "column Relative Time counts no steps"),
    Bad("epochs.csv", b"batch_size,epoch,loss\n16,1,2\n16,2,1\n", "counts epochs and no steps: say how many"),
    Bad("runs.csv", b"batch_size,run,loss\n16,a,2\n32,b,1\n", "holds a row a run and no values step by step"),
    Bad("two.csv", b"run,step,a_loss,b_loss\nb9,1,2,3\nb9,2,1,2\n", "one of 2 metrics by --metric: a_loss, b_loss"),
    Bad("text.csv", b"run,step,loss\nb16,1,2\nb16,2,oops\n", "loss is 'oops' at step 2: need a number"),
    Bad("again.csv", b"run,step,loss\nb16,1,2\nb16,1,1\n", "loss is 2 and 1 at step 1: say by --repeated-steps first"),
    Bad(
        "ramp.csv",
        b"run,step,bs,loss\na,1,16,2\na,2,16,1\na,3,64,1\na,4,64,0\n",
        "run a changes from 16 to 64",
    ),
    Bad("half.csv", b"run,step,loss\nb16,1.5,2\nb16,2,1\n", "a value at step 1.5: steps must be whole numbers"),
    Bad("start.csv", b"run,step,loss\nb16,0,0.2\nb16,2,0.1\n", "loss <= 0.5 at step 0, before it trained"),
    Bad("signs.csv", b"step;bs16;bs32\n1;0,25;0.5\n2;0,5;0.25\n", "write every fraction with a point"),
    Bad("never.csv", CHART, "none of 2 runs reached loss <= 0.1; the best value is 0.4", ("--goal", "0.1")),
    Bad("goal.csv", CHART, "say what counts as reached: --goal X", ()),
    Bad("nan.csv", CHART, "--goal X, a finite number", ("--goal", "nan")),
    Bad("wrong.csv", CHART, "no run has a metric los, perhaps loss: loss", (*GOAL, "--metric", "los")),
    Bad("where.csv", CHART.replace(b"loss", b"thing"), "say by --direction whether thing reaches 0.5"),
    Bad("words.csv", CHART.replace(b"loss", b"answer_em"), "say by --direction whether answer_em reaches 0.5"),
    Bad(
        "from.csv",
        b"run,steps,bs\na,9,16\n",
        "--steps-from stesp: no run has a value, perhaps steps",
        ("--steps-from", "stesp"),
    ),
    Bad("step.csv", b"n,run,loss\n1,b16,2\n2,b16,1\n", "no column t among: n, run, loss", (*GOAL, "--step", "t")),
    Bad("key.csv", CHART, "it has no B: its config is empty", (*GOAL, "--batch-size-from", "B")),
    Bad("by.csv", CHART, "--by seed: take another key of the runs' configs", (*GOAL, "--by", "seed")),
    Bad("steps.csv", b"run,n,bs\na,,16\nb,9,32\n", "n is blank: give max_steps", ("--steps-from", "n")),
    Bad("lower.csv", b"run,n,lower,bs\na,200,500,16\n", "lower is 500, n 200: give the last", ("--steps-from", "n")),
)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_what_cannot_be_read_is_one_line(bad, capsys, tmp_path):
    (tmp_path / bad.name).write_bytes(bad.content)
    assert code_of(main, tmp_path / bad.name, *bad.words) == 2
    assert_one_line(capsys, bad.message)


def test_an_empty_folder_and_a_missing_file_are_one_line(capsys, tmp_path):
    assert code_of(main, tmp_path, *GOAL) == 2
    assert_one_line(capsys, "holds no logs; name a CSV file, JSON lines, mlruns or mlflow.db")
    assert code_of(main, tmp_path / "nowhere.csv", *GOAL) == 2
    assert_one_line(capsys, "no such file or folder")


def test_a_table_is_written_whole_into_a_new_file(capsys, tmp_path):
    chart, table = write_chart(tmp_path / "chart.csv"), tmp_path / "steps.csv"
    assert code_of(main, chart, *GOAL, "--to", table) == 0
    assert capsys.readouterr().out == f"Wrote 4 runs to {table}\n"
    for there, message in (
        (table, "is there already"),
        (tmp_path / "no" / "a.csv", "its folder is not there; make it"),
    ):
        assert code_of(main, chart, *GOAL, "--to", there) == 2
        assert_one_line(capsys, message)
    imported(capsys, chart, *GOAL)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chart.csv", "steps.csv"]


def test_how_epochs_are_counted_is_asked_where_logs_do_not_agree(capsys, tmp_path):
    """A metric at some epochs alone says nothing of the first; a test before training makes it epoch 1."""
    header, epochs = ["epoch", "train_loss", "val_loss"], ("--examples-per-epoch", "2560", "--metric", "val_loss")
    for size in SIZES:
        rows = [[e, loss(size, 0), loss(size, (e + 1) * 2560 / size) if e % 2 else ""] for e in range(8)]
        write_rows(tmp_path / f"b{size}.csv", header, rows)
    assert imported(capsys, tmp_path, *GOAL, *epochs)[0][0] == ("16", "640", "320")
    before, _ = imported(capsys, tmp_path, *GOAL, *epochs, "--first-epoch", "1")
    assert before[0] == ("16", "480", "160")
    write_rows(tmp_path / "b16.csv", header, [[e, loss(16, 0), loss(16, e * 160)] for e in range(1, 8)])
    for words, told in (
        (epochs, "run b128 has values at epoch 0, run b16 has none: give --first-epoch"),
        (("--first-epoch", "1"), "--first-epoch: say how many examples an epoch has"),
        ((*epochs, "--steps-from", "x"), "--steps-from x: no run has a value"),
    ):
        assert code_of(main, tmp_path, *GOAL, *words) == 2
        assert_one_line(capsys, told)
    table = write_rows(tmp_path / "runs.csv", ["batch_size", "epoch", "seed"], [[16, 3, 1], [32, 4, 1], [64, 5, 1]])
    assert code_of(main, table, "--steps-from", "epoch", "--examples-per-epoch", "10") == 2
    assert_one_line(capsys, "--steps-from tells steps already; use one of them")


@pytest.mark.parametrize(
    "steps",
    [
        (1, *range(20, 401, 20)),
        [2**at for at in range(9)],
        [*range(10, 101, 10), *range(200, 401, 10)],
        sorted({*range(50, 401, 50), *range(120, 401, 120)}),
    ],
    ids=["the first step, too", "powers of two", "some missing", "two intervals"],
)
def test_a_rate_that_falls_tells_runs_not_apart_at_other_steps(steps, capsys, tmp_path):
    """One run ends early; what it leaves changes nothing for the others."""
    rows = [
        [size, step, 0.1 if step <= 100 else 0.01, loss(size, step)]
        for size in SIZES
        for step in (steps if size < 128 else steps[:3])
    ]
    path = write_rows(tmp_path / "a.csv", ["batch_size", "step", "lr", "val_loss"], rows)
    found, _ = imported(capsys, path, "--goal", "0.7")
    assert [row[0] for row in found] == ["16", "32", "64", "128"]


def test_a_rate_that_falls_in_two_runs_without_names_is_refused(capsys, tmp_path):
    rows = [[16, step, peak if step <= 100 else peak / 10, value] for peak in (0.1, 0.2) for step, value in values(16)]
    path = write_rows(tmp_path / "a.csv", ["batch_size", "step", "lr", "val_loss"], rows)
    assert code_of(main, path, *GOAL) == 2
    assert_one_line(capsys, "lr tells runs apart, yet one goes on where another ends: give each run a name in a column")


@pytest.mark.parametrize("first", [0, 1])
def test_epochs_are_counted_in_steps(first, capsys, tmp_path):
    """2560 examples: an epoch is 160, 80, 40 and 20 steps. The loss after e epochs is met at the test after K."""
    for size in SIZES:
        rows = [[epoch - 1 + first, size, loss(size, epoch * 2560 / size), 0.1 / epoch] for epoch in range(1, 6)]
        write_rows(tmp_path / f"b{size}.csv", ["Epoch", "batch_size", "val_loss", "lr"], rows)
    rows, said = imported(capsys, tmp_path, *GOAL, "--examples-per-epoch", "2560")
    assert rows == [("16", "480", "320"), ("32", "240", "160"), ("64", "120", "80"), ("128", "60", "40")]
    told = "steps are epochs x 2560/batch size"
    counted = "; values of epoch 0 are taken for those after one epoch, else say --first-epoch 1"
    assert f"notice: {told}{counted if first == 0 else ''}\n" in said
    for number in ("0", "-1", "nan", "inf"):
        assert code_of(main, tmp_path, *GOAL, "--examples-per-epoch", number) == 2
        assert_one_line(capsys, f"--examples-per-epoch {number}: give a number above 0")


def test_the_folders_of_lightning(capsys, tmp_path):
    """Rows of training and validation, a rate in some, and hyperparameters beside; one with tags, which nobody runs."""
    for size in SIZES:
        (folder := tmp_path / "logs" / f"sweep{size}" / "version_0").mkdir(parents=True)
        rows = [
            row
            for step, value in values(size)
            for row in ([step // 50, "", step, value / 2, ""], [step // 50, decayed(step), step, "", value])
        ]
        write_rows(folder / "metrics.csv", ["epoch", "lr-SGD", "step", "train_loss", "val_loss"], rows)
        tagged = "model: !!python/object:os.system\n  echo: 1\nseeds: [1, 2]\n"
        (folder / "hparams.yaml").write_text(f"{tagged}data:\n  name: 'x'\n  batch_size: {size}\nlr: 0.1\n")
    words = (*GOAL, "--metric", "val_loss")
    assert imported(capsys, tmp_path / "logs", *words)[0] == RESULT
    files = sorted(tmp_path.rglob("metrics.csv"), key=lambda path: int(path.parent.parent.name[5:]))
    assert imported(capsys, *files, *words)[0] == RESULT
    (files[0].parent / "hparams.yaml").write_text("x" * 2**21)
    assert code_of(main, tmp_path / "logs", *words) == 2
    assert_one_line(capsys, "the most that is read")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("batch_size: 16\nnotes: 'as before, but not\n\n  batch_size: 512'\n", "16"),
        ("batch_size: 16\nval_loader: !!python/object:argparse.Namespace\n  batch_size: 512\n", "16"),
        ("batch_size: 16\nval: &id001\n  batch_size: 512\n", "16"),
        ("batch_size: 16  # examples\nnotes: |\n  batch_size: 512\n", "16"),
        ("eval:\n  batch_size: 512\ndata: {batch_size: 16}\n", "16"),
        ("data:\n  init_args:\n    'batch_size': 16\n", "16"),
        ("model:\n  name: vit-b512\n", None),
        ("train: {batch_size: 16}\ndata: {batch_size: 512}\n", None),
        ("batch_size: auto\n", None),
        ("a: [b: c\n", None),
    ],
)
def test_hyperparameters_are_read_as_yaml(text, size, capsys, tmp_path):
    (folder := tmp_path / "logs" / "version_0").mkdir(parents=True)
    write_rows(folder / "metrics.csv", ["step", "val_loss"], values(16))
    (folder / "hparams.yaml").write_text(text)
    if size is not None:
        assert imported(capsys, tmp_path, *GOAL)[0] == [(size, "340", "330")]
        return
    assert code_of(main, tmp_path, *GOAL) == 2
    assert_one_line(capsys, "version_0")


def test_what_a_folder_of_several_kinds_leaves_out_is_said(capsys, tmp_path):
    """Lightning beside a table; a run that ended before it logged; two models, which are two curves."""
    for at, (size, model) in enumerate((size, model) for size in SIZES for model in ("vit", "cnn")):
        (folder := tmp_path / "logs" / f"version_{at}").mkdir(parents=True)
        write_rows(folder / "metrics.csv", ["step", "val_loss"], values(size) if at else [])
        (folder / "hparams.yaml").write_text(f"model:\n  name: {model}\ndata:\n  batch_size: {size}\n")
    write_rows(tmp_path / "b256.csv", ["step", "val_loss"], values(256))
    rows, said = imported(capsys, tmp_path, *GOAL)
    assert [row[0] for row in rows] == ["16", "32", "64", "128", "32", "64", "128"]
    assert "only trainers' files were read, not b256.csv: name these alone" in said
    assert "left out, without values of val_loss <= 0.5: logs/version_0" in said


def test_the_states_of_hugging_faces_trainer(capsys, tmp_path):
    """Of several checkpoints the last; a run that saved its state at the end, too; NaN in what is no goal."""
    for size in SIZES:
        history = [{"step": step, "loss": value / 2, "grad_norm": math.nan} for step, value in values(size)]
        history += [{"step": step, "eval_loss": value, "epoch": step / 7} for step, value in values(size)]
        for folder, last in (("checkpoint-90", 90), ("checkpoint-400", 400), *([("", 400)] if size == 64 else [])):
            seen = [row for row in history if row["step"] <= last]
            (path := tmp_path / f"run{size}" / folder).mkdir(parents=True, exist_ok=True)
            state = {"global_step": last, "train_batch_size": size // 8, "log_history": seen}
            (path / "trainer_state.json").write_text(json.dumps(state))
    words = (*GOAL, "--metric", "eval_loss", "--batch-size-from", "train_batch_size*8")
    rows, said = imported(capsys, tmp_path, *words)
    assert rows == RESULT
    assert "train_batch_size counts the examples of one process, without accumulation" in said
    one = tmp_path / "run64" / "trainer_state.json"
    assert imported(capsys, one, *words)[0] == [RESULT[2]]
    steps = tmp_path / "run16" / "checkpoint-400", tmp_path / "run16" / "checkpoint-90" / "trainer_state.json"
    assert imported(capsys, *steps, *words)[0] == [RESULT[0]]
    epochs = ("--goal", "0.5", "--metric", "eval_loss", "--examples-per-epoch", "448")
    assert imported(capsys, one, *epochs, "--batch-size-from", "64")[0] == [RESULT[2]]  # 7 steps of 64
    for spoilt, told in (("{", "no JSON object"), ("[]", "no list of objects"), ('{"log_history": [1]}', "no list")):
        one.write_text(spoilt)
        assert code_of(main, one, *words) == 2
        assert_one_line(capsys, told)


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


def test_other_spellings_of_the_same_chart(capsys, tmp_path):
    """A byte order mark, semicolons with decimal commas, UTF-16."""
    plain = write_chart(tmp_path / "a.csv").read_text()
    spellings = (
        plain.encode("utf-8-sig"),
        plain.replace('","', '";"').replace(".", ",").encode(),
        plain.encode("utf-16"),
    )
    for content in spellings:
        Path(tmp_path / "a.csv").write_bytes(content)
        assert imported(capsys, tmp_path / "a.csv", *GOAL)[0] == RESULT
