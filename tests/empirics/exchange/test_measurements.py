"""Tables of measurements, and the first passage in one."""

import math

import pytest

from empirics.exchange.measurements import first_passage, measurements_text, read_measurements
from empirics.records import Study


def test_rows_in_any_order_and_steps_there_twice_are_kept(tmp_path):
    (tmp_path / "m.csv").write_text("a,step,b\n3,20,1\n1,10,\n4,20,nan\n2,5.0,7\n")
    measured = read_measurements(tmp_path / "m.csv")
    assert measured.steps == (5, 10, 20, 20)
    assert measured.columns["a"] == (2.0, 1.0, 3.0, 4.0)
    assert measured.seen("b") == [(5, 7.0), (20, 1.0)]
    text = measurements_text(["a", "b"], measured.traces(Study(0.0, 0, 1), 0))
    assert text == "step,a,b\n5,2.0,7.0\n10,1.0,nan\n20,3.0,1.0\n20,4.0,nan\n"


@pytest.mark.parametrize(
    ("seen", "goal", "expected"),
    [
        ([], 0.2, (None, 0)),
        ([(10, 0.2 + 1e-7)], 0.2, (10, 0)),
        ([(10, 0.2 + 1e-6)], 0.2, (None, 10)),
        ([(5, 1.0), (10, math.inf), (20, 0.1), (30, 0.9)], 0.2, (20, 10)),
        ([(10, 0.3), (10, 0.1)], 0.2, (10, 0)),
        ([(5, 0.0), (10, -1.0)], -1.0, (10, 5)),
    ],
)
def test_first_passage_by_hand(seen, goal, expected):
    assert first_passage(seen, goal) == expected
