"""A learning rate tells runs without names apart where they differ in it, and never where it falls along a run."""

import pytest
from tools.commands import assert_one_line, code_of
from tools.written_logs import GOAL, RESULT, SIZES, decayed, imported, loss, values, write_rows

from empirics.logs.__main__ import main


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
