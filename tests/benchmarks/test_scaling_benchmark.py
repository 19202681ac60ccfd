import contextlib

import pytest

from benchmarks import scaling
from benchmarks.scaling import Nothing, _dispatched, _ignore, _specified, main
from empirics.executor import SerialExecutor


def test_a_task_of_nothing_comes_back_from_an_executor():
    specification, dataset = _specified((0.0,), (16,), 2, quick=True)
    executor = SerialExecutor(specification, dataset)
    assert list(executor.run([Nothing(3)], _ignore)) == [(Nothing(3), [])]
    assert _dispatched(executor, 5) > 0


@pytest.mark.slow
def test_the_quick_tables_have_all_their_rows(capsys, monkeypatch):
    specified = _specified((0.0,), (16,), 2, quick=True)
    executor = contextlib.nullcontext(SerialExecutor(*specified))
    monkeypatch.setattr(scaling, "_executors", lambda: [("this process", executor)])
    assert main(["--quick"]) == 0
    studies, workers, rates = capsys.readouterr().out.strip().split("\n\n")
    rows = [row.split(" | ") for row in studies.splitlines()[2:]]
    assert [(row[0], row[1]) for row in rows] == [("| 0", "4"), ("| 0", "16")]
    assert all(float(row[4]) > 0 for row in rows)
    assert [row[:4] for row in workers.splitlines()[2:]] == ["| 1 ", "| 2 "]
    assert workers.splitlines()[2] == "| 1 | 1.00 | 1.00 | 4 |"
    assert [row.split(" | ")[0] for row in rates.splitlines()[2:]] == [
        "| studies stored",
        "| tasks sent and answered, this process",
    ]
