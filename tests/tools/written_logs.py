"""Logs of runs of known steps to the goal, 5120/B + 20, as tests write and import them."""

import csv
import io

from tools.commands import code_of

from empirics.logs.__main__ import main

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


def decayed(step):
    return 0.1 * (1.0 - step / 800.0)
