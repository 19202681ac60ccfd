"""Folders of Lightning and Hugging Face's trainer, and logs that count epochs, give the steps to the goal."""

import json
import math

import pytest
from tools.commands import assert_one_line, code_of
from tools.written_logs import GOAL, RESULT, SIZES, decayed, imported, loss, values, write_rows

from empirics.logs.__main__ import main


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
