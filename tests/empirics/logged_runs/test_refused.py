"""A log that cannot be read is refused in one line that says what to do."""

from dataclasses import dataclass

import pytest
from tools.commands import assert_one_line, code_of
from tools.written_logs import GOAL

from empirics.logs.__main__ import main


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
    Bad("where.csv", CHART.replace(b"loss", b"thing"), "does thing fall to 0.5 or rise to it? say --direction below"),
    Bad("words.csv", CHART.replace(b"loss", b"answer_em"), "does answer_em fall to 0.5 or rise to it?"),
    Bad(
        "from.csv",
        b"run,steps,bs\na,9,16\n",
        "--steps-from stesp: no run has a value, perhaps steps",
        ("--steps-from", "stesp"),
    ),
    Bad("both.csv", b"run,n,bs\na,9,16\n", "--goal: --steps-from tells steps already", (*GOAL, "--steps-from", "n")),
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
