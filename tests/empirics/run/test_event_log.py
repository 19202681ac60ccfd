"""`--log`: a line of JSON a study, once each, whatever happens between."""

import json

import pytest
from samples.measured_runs import QUICK, run
from tools.commands import assert_one_line, code_of, rows

from empirics.measure import main
from empirics.run.event_log import EventLog

SHORT = (*QUICK, "--no-constants", "--trials", "1", "--max-steps", "40", "--goal-error", "0.6")


def events(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_log_has_a_line_a_study_and_goes_on_after_a_resume(tmp_path, capsys):
    folder, log = tmp_path / "run", tmp_path / "log.jsonl"
    assert run(*SHORT, "--out", folder, "--log", log, "--quiet") == 0
    assert capsys.readouterr().err == ""
    (first,) = events(log)
    (row,) = rows(folder / "curves.csv")
    assert (first["event"], first["run"], first["workload"]) == ("study", str(folder), "digits/small-cnn/sgd")
    assert (first["sparsity"], first["replicate"], first["batch_size"]) == (0.0, 0, 128)
    assert (first["done"], first["studies"]) == (1, 1)
    (goal,) = first["goals"]
    assert [goal["goal"], goal["lower"], goal["steps_to_result"]] == [
        float(row[name]) for name in ("goal", "lower", "steps_to_result")
    ]
    assert goal["metaparameters"] == json.loads(row["metaparameters"])
    more = (*SHORT, "--sparsity", "0", "90", "--out", folder)
    assert run(*more, "--log", log) == 0
    again = events(log)
    assert again[0] == first
    assert [(one["sparsity"], one["done"], one["studies"]) for one in again] == [(0.0, 1, 1), (90.0, 2, 2)]
    assert run(*more, "--log", log) == 0  # nothing was measured
    assert events(log) == again
    torn = tmp_path / "torn.jsonl"
    torn.write_text(json.dumps(first) + '\n{"event": "stu')  # as a full disk leaves it
    assert run(*more, "--log", torn) == 0  # what is there and was not told is told now
    assert [json.loads(line)["sparsity"] for line in torn.read_text().splitlines() if "}" in line] == [0.0, 90.0]
    inside = folder / "log.jsonl"
    assert run(*more, "--log", inside) == 0
    assert [one["sparsity"] for one in events(inside)] == [0.0, 90.0]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "is a folder; name a file"),
        ("none/log.jsonl", "there is no folder"),
        ("mine.csv", "exists and holds no log of this command; name another file"),
        ("run/curves.csv", "in the run folder its name must end in .jsonl"),
    ],
)
def test_a_log_that_cannot_be_kept_is_refused_before_anything_is_measured(tmp_path, capsys, name, said):
    (tmp_path / "mine.csv").write_text("batch_size,steps\n16,5210\n")
    assert code_of(main, *SHORT, "--jobs", 1, "--out", tmp_path / "run", "--log", tmp_path / name) == 2
    assert_one_line(capsys, said)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]
    assert (tmp_path / "mine.csv").read_text() == "batch_size,steps\n16,5210\n"


def test_every_line_is_there_as_soon_as_it_is_written(tmp_path):
    from tests.empirics.run.test_progress import study

    path = tmp_path / "log.jsonl"
    with path.open("ab", buffering=0) as file:
        log = EventLog(file, "run", "mine")
        for done, size in enumerate((16, 64), 1):
            log.add(study(size, 0 if done == 2 else 12), done, 2)
            assert len(events(path)) == done
    assert [one["goals"][0]["steps_to_result"] for one in events(path)] == [12, None]
    assert events(path)[1]["goals"][0]["metaparameters"] is None
