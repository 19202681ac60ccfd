import contextlib
import dataclasses

import pytest

from benchmarks import scaling
from benchmarks.scaling import Nothing, _dispatched, _ignore, _specified, expected_costs, main
from empirics.executors.processes import SerialExecutor
from empirics.workloads.find import find_workload


def test_a_task_of_nothing_comes_back_from_an_executor():
    specification, dataset = _specified((0.0,), (16,), 2, quick=True)
    executor = SerialExecutor(specification, dataset)
    assert list(executor.run([Nothing(3)], _ignore)) == [(Nothing(3), [])]
    assert _dispatched(executor, 5) > 0


def test_expected_costs_by_hand():
    # (600/B + 20) (1 - S)^(-3/4) steps of B examples: 620 and 800 dense, 10^(3/4) = 5.62 times that at 90%.
    law = dataclasses.replace(find_workload("digits"), expected_c1=600.0, expected_c2=20.0, batch_sizes=(1, 10))
    costs = expected_costs(dataclasses.replace(law, max_steps=10**6))
    assert (costs[0], costs[-1]) == pytest.approx((800 * 10**0.75, 620))
    assert len(costs) == 8


@pytest.mark.slow
def test_the_quick_tables_have_all_their_rows(capsys, monkeypatch):
    specified = _specified((0.0,), (16,), 2, quick=True)
    executor = contextlib.nullcontext(SerialExecutor(*specified))
    monkeypatch.setattr(scaling, "_executors", lambda: [("this process", executor)])
    assert main(["--quick"]) == 0
    studies, grids, workers, rates = capsys.readouterr().out.strip().split("\n\n")
    rows = [row.split(" | ") for row in studies.splitlines()[2:]]
    assert [(row[0], row[1]) for row in rows] == [("| 0", "4"), ("| 0", "16")]
    assert all(float(row[4]) > 0 for row in rows)
    assert len(grids.splitlines()) == 5
    assert [row[:4] for row in workers.splitlines()[2:]] == ["| 1 ", "| 2 "]
    assert workers.splitlines()[2] == "| 1 | 1.00 | 1.00 | 4 |"
    assert [row.split(" | ")[0] for row in rates.splitlines()[2:]] == [
        "| studies stored",
        "| tasks sent and answered, this process",
    ]
