"""Numbers at the edges of what a float or a study can be: right, or refused in one line."""

import json
from dataclasses import dataclass

import pytest

from verification.report.__main__ import main as report

HEADER = "sparsity,batch_size,steps_to_result,lower,upper,status\n"
SIZES = (16, 32, 64, 128, 256)


def reached(sparsity, pairs, width=2.0):
    """Return rows of studies that reached the goal, K* known up to the width."""
    return "".join(f"{sparsity},{b},{k!r},{max(k - width, 0.0)!r},{k!r},reached\n" for b, k in pairs)


def hyperbola(scale=1.0):
    return [(b, scale * (6400 / b + 20)) for b in SIZES]


@dataclass(frozen=True)
class Edge:
    """A table, and what the report must say of it."""

    name: str
    rows: str
    says: str


ONE = reached(0, hyperbola())
FIRST = [(b, 2.0) for b in SIZES]
RANGE = [(b, 10.0 ** (33 * i - 117)) for i, b in enumerate(SIZES)]
DIVERGED = "".join(f"{{0}},{b},,200,,not_reached\n" for b in SIZES)
EDGES = [
    Edge("steps of 4e15", reached(0, hyperbola(1e13), 1e11), "c1"),
    Edge("steps of 1e-200", reached(0, hyperbola(1e-200), 1e-202), "c1"),
    Edge("steps over the whole range of a count", reached(0, RANGE), "c1"),
    Edge("batch sizes up to 1e15", reached(0, [(10**e, 1e16 / 10**e + 20) for e in (3, 6, 9, 12, 15)]), "c1"),
    Edge("K* at the first evaluation everywhere", reached(0, [(b, 2.0) for b in SIZES]), "c2"),
    Edge(
        "K* at the first evaluation in two curves",
        reached(0, [(b, 2.0) for b in SIZES]) + reached(90, hyperbola()),
        "c2",
    ),
    Edge("one curve twice", ONE + reached(90, hyperbola()), "c1"),
    Edge("every trial diverged", ONE + "".join(f"90,{b},,200,,not_reached\n" for b in SIZES), "c1"),
    Edge(
        "nothing but studies in which every trial diverged",
        "".join(f"0,{b},,200,,not_reached\n" for b in SIZES),
        "not measured",
    ),
    Edge("exact counts on an exact law", reached(0, hyperbola(), 0.0), "c1"),
]


@pytest.mark.slow
@pytest.mark.parametrize("edge", EDGES, ids=lambda edge: edge.name)
def test_an_edge_is_reported_without_a_warning(edge, tmp_path, capsys):
    (tmp_path / "curves.csv").write_text(HEADER + edge.rows)
    assert report([str(tmp_path / "curves.csv"), "--draws", "0"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert edge.says in out


@pytest.mark.slow
def test_two_curves_that_are_one_have_a_ratio_of_one(tmp_path, capsys):
    (tmp_path / "curves.csv").write_text(HEADER + ONE + reached(90, hyperbola()))
    assert report([str(tmp_path / "curves.csv"), "--draws", "0", "--json", str(tmp_path / "verdicts.json")]) == 0
    (pair,) = json.loads((tmp_path / "verdicts.json").read_text())["pairs"]
    assert pair["c1_ratio"] == pytest.approx(1.0, abs=1e-6)
    assert pair["c2_ratio"] == pytest.approx(1.0, abs=1e-6)


REFUSED = {
    "a count that overflows": (f"0,16,1{'0' * 400},,,reached\n", "column steps_to_result: need a finite number"),
    "a count beyond 2^53": ("0,16,1e16,,,reached\n", "column steps_to_result: need a number <= 9007199254740992"),
    "a batch size that overflows": (f"0,1{'0' * 400},70,,,reached\n", "column batch_size: need a whole number"),
    "a count of zero": ("0,16,0,,,reached\n", "column steps_to_result: need a number > 0"),
    "a count below the smallest float": ("0,16,1e-400,,,reached\n", "column steps_to_result: need a number > 0"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_judged_is_one_line(name, tmp_path, capsys):
    rows, message = REFUSED[name]
    (tmp_path / "curves.csv").write_text(HEADER + rows)
    with pytest.raises(SystemExit) as leaving:
        report([str(tmp_path / "curves.csv"), "--draws", "0"])
    assert leaving.value.code == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err
