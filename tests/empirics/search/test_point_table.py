"""Tables of search points: what they may hold, and whose points these are."""

import itertools
import statistics

import pytest
from tools.checkout import ROOT
from tools.commands import rows

from empirics.errors import InputError
from empirics.search.point_table import read_points
from empirics.search.space import search_points
from empirics.workloads.catalogue import DECAY_STEPS, LEARNING_RATE, MOMENTUM
from empirics.workloads.find import find_workload


def written(tmp_path, text):
    path = tmp_path / "points.csv"
    path.write_text(text)
    return path


def test_a_table_of_points_is_read_in_any_order_of_columns(tmp_path):
    table = "momentum, learning_rate\n0.9,1e-3\n\n0.95,0.5\n"
    points = read_points(written(tmp_path, table), (LEARNING_RATE, MOMENTUM)).points(0.0, 16)
    assert points == ({"learning_rate": 0.001, "momentum": 0.9}, {"learning_rate": 0.5, "momentum": 0.95})
    spelled_otherwise = "learning_rate,momentum\n0.001,0.90\n0.5,.95\n"
    assert read_points(written(tmp_path, spelled_otherwise), (LEARNING_RATE, MOMENTUM)).points(90.0, 1) == points


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "its columns are none; they must be learning_rate"),
        ("momentum\n0.9\n", "its columns are momentum; they must be learning_rate"),
        ("learning_rate,learning_rate\n1,1\n", "its columns are learning_rate, learning_rate; they"),
        ("learning_rate\n", "holds no point below its header"),
        ("learning_rate\n0.1\nfast\n", "row 3, column learning_rate: 'fast' is not a finite number"),
        ("learning_rate\nnan\n", "row 2, column learning_rate: 'nan' is not a finite number"),
        ("learning_rate\n-0.1\n", "row 2, column learning_rate: -0.1 must be positive"),
        ("learning_rate\n0.1,0.2\n", "row 2: 2 values for 1 columns"),
        ("learning_rate\n1e300\n", "row 2, column learning_rate: '1e300' is not a finite number"),
        ("learning_rate\n\0\n", "row 2, column learning_rate"),
    ],
)
def test_a_table_that_is_none_is_refused_where_it_is_wrong(text, message, tmp_path):
    with pytest.raises(InputError, match=message):
        read_points(written(tmp_path, text), (LEARNING_RATE,))


@pytest.mark.parametrize("cell", ["0", "-5", "100.5"])
def test_a_count_in_a_table_is_an_integer_from_one(cell, tmp_path):
    with pytest.raises(InputError, match=f"column decay_steps: {cell} must be an integer >= 1"):
        read_points(written(tmp_path, f"decay_steps\n{cell}\n"), (DECAY_STEPS,))


def test_a_table_of_too_many_points_is_refused_and_not_cut(tmp_path, monkeypatch):
    monkeypatch.setattr("empirics.search.point_table.MOST_POINTS", 3)
    assert len(read_points(written(tmp_path, "learning_rate\n" + "0.1\n" * 3), (LEARNING_RATE,)).rows) == 3
    with pytest.raises(InputError, match="holds more than 3 points"):
        read_points(written(tmp_path, "learning_rate\n" + "0.1\n" * 4), (LEARNING_RATE,))


@pytest.mark.parametrize(
    "make", [lambda path: None, lambda path: path.mkdir(), lambda path: path.write_bytes(b"\xff\xfe\x00")]
)
def test_what_is_no_text_file_is_refused(make, tmp_path):
    make(tmp_path / "points.csv")
    with pytest.raises(InputError, match=r"cannot be read as CSV|is no regular file"):
        read_points(tmp_path / "points.csv", (LEARNING_RATE,))


def test_points_of_a_sparsity_and_a_batch_size_are_theirs_alone(tmp_path):
    text = "batch_size,learning_rate,sparsity\n8,0.1,0\n8,0.2,90.0\n16,0.3,0\n8,0.4,0\n"
    table = read_points(written(tmp_path, text), (LEARNING_RATE,))
    assert table.by == ("sparsity", "batch_size")
    rates = {cell: [point["learning_rate"] for point in table.points(*cell)] for cell in ((0.0, 8), (90.0, 8), (0, 16))}
    assert rates == {(0.0, 8): [0.1, 0.4], (90.0, 8): [0.2], (0, 16): [0.3]}
    assert table.points(0.0, 8)[0] == {"learning_rate": 0.1}
    with pytest.raises(InputError, match="holds no point of sparsity 90, batch_size 16"):
        table.points(90.0, 16)
    by_size = read_points(written(tmp_path, "batch_size,learning_rate\n8,0.1\n"), (LEARNING_RATE,))
    assert by_size.points(0.0, 8) == by_size.points(90.0, 8) == ({"learning_rate": 0.1},)


@pytest.mark.parametrize(
    ("cell", "needs"), [("8.5", "an integer >= 1"), ("0", "an integer >= 1"), ("all", "a finite number")]
)
def test_a_batch_size_in_a_table_is_one(cell, needs, tmp_path):
    with pytest.raises(InputError, match=f"row 2, column batch_size: '?{cell}'? .*{needs}"):
        read_points(written(tmp_path, f"learning_rate,batch_size\n0.1,{cell}\n"), (LEARNING_RATE,))


def test_the_forced_decays_end_where_a_constant_rate_was_at_the_goal():
    """The rates are those of `digits-sgd`, the decay steps its K_rate, the geometric mean over replicates."""
    workload = find_workload("digits/small-cnn/sgd/linear")
    table = read_points(ROOT / "evidence/digits-decays.csv", workload.search_space)
    rates = [point["learning_rate"] for point in search_points(workload.search_space[:1], 16)]
    steps = {}
    for row in rows(ROOT / "evidence/digits-sgd/curves.csv"):
        cell = float(row["sparsity"]), int(row["batch_size"])
        steps.setdefault(cell, []).append(float(row["steps_at_best_rate"]))
    for cell in itertools.product((0.0, 90.0), (2**power for power in range(9))):
        points = table.points(*cell)
        assert [point["learning_rate"] for point in points] == rates
        assert {point["decay_steps"] for point in points} == {round(statistics.geometric_mean(steps[cell]))}
        assert {point["end_learning_rate_factor"] for point in points} == {0.1}
