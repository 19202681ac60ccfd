import importlib.util
import json

import numpy as np
import pytest

from theory import worst_case
from theory.worst_case import main, worst_case_minimum, worst_case_sum

# The solvers stop at a duality gap of about 1e-7.
SOLVER = 1e-5


def sum_by_recursion(steps, eta, L, Delta, M, mu, M_G):
    """Return the sum of E|grad|^2 on f = L w^2/2 by the second moment of w, one step at a time."""
    square, total = Delta / L, 0.0
    for _ in range(steps):
        gradient = L**2 * square
        total += gradient
        square = square - 2 * eta * mu * L * square + eta**2 * (M + M_G * gradient)
    return total


@pytest.mark.parametrize("steps", [1, 2, 7, 50])
@pytest.mark.parametrize("eta", [0.05, 0.5, 0.9])
@pytest.mark.parametrize(("M", "mu", "M_G"), [(0.0, 1.0, 1.0), (0.3, 1.0, 1.0), (0.3, 0.5, 1.5)])
def test_the_closed_form_is_attained_on_a_quadratic(steps, eta, M, mu, M_G):
    found = float(worst_case_sum(steps, eta, L=1.2, Delta=3.0, M=M, mu=mu, M_G=M_G))
    assert found == pytest.approx(sum_by_recursion(steps, eta, 1.2, 3.0, M, mu, M_G), rel=1e-12)


def test_the_smallest_gradient_at_the_inverse_smoothness():
    # 4 L df/(3K - 1) with Delta = 2 df
    for steps in (1, 2, 5, 10):
        assert float(worst_case_minimum(steps, 1.0, L=1.0, Delta=2.0)) == pytest.approx(4 / (3 * steps - 1), rel=1e-14)


@pytest.mark.skipif(importlib.util.find_spec("PEPit") is None, reason="PEPit is not installed (extra pepit)")
@pytest.mark.filterwarnings("default")
def test_semidefinite_programs_find_the_closed_forms(capsys):
    assert main(["--steps", "1", "2", "5", "--eta-times-L", "0.5", "1", "1.5", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 3 * 3 * 2
    for row in rows:
        assert row["semidefinite"] == pytest.approx(row["closed_form"], rel=SOLVER)
        assert row["semidefinite"] <= row["bound"] * (1 + SOLVER)
        if row["eta_times_L"] == 1 and row["measure"] == "average":
            assert row["bound"] == pytest.approx(row["closed_form"], rel=1e-13)


def test_without_pepit_one_line_says_how_to_install_it(capsys, monkeypatch):
    monkeypatch.setattr(worst_case.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SystemExit, match="2"):
        main(["--steps", "1"])
    error = capsys.readouterr().err
    assert "pip install 'kstar-scaling[pepit]'" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "words", [["--steps", "0"], ["--steps", "1.5"], ["--eta-times-L", "0"], ["--eta-times-L", "x"]]
)
def test_bad_input_is_one_line(words, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("name", ["L", "Delta"])
def test_the_argument_and_its_range_are_named(name):
    with pytest.raises(ValueError, match=name):
        worst_case_sum(1, 0.5, **({"L": 1.0, "Delta": 1.0} | {name: 0.0}))
    with pytest.raises(ValueError, match="steps"):
        worst_case_sum(0, 0.5, L=1.0, Delta=1.0)


def test_arrays_broadcast():
    found = worst_case_sum(np.array([1, 2, 3])[:, None], np.array([0.1, 0.2]), L=1.0, Delta=1.0)
    assert found.shape == (3, 2)
