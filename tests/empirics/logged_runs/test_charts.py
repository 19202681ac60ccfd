"""Charts, histories and JSON lines give the steps to the goal: 5120/B + 20, to the next test of the goal."""

import json
from pathlib import Path

from tools.commands import assert_one_line, code_of
from tools.written_logs import GOAL, RESULT, SIZES, imported, loss, values, write_chart, write_rows

from empirics.logs.__main__ import main


def test_a_chart_of_wandb(capsys, tmp_path):
    rows, said = imported(capsys, write_chart(tmp_path / "wandb_export.csv"), *GOAL)
    assert rows == RESULT
    assert said.splitlines() == [
        "notice: batch sizes from the names of runs",
        "notice: val/loss <= 0.5 is reached by 4 of 4 runs",
    ]


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
