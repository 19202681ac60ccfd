"""The exact worst case against its double sum in fractions, and against semidefinite programs."""

import importlib.util
import json
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.theory.worst_case import worst_sum
from tools.commands import assert_one_line, code_of
from tools.needed import give_up

import theory.worst_case
from theory.worst_case import (
    Comparison,
    compare,
    main,
    worst_case_minimum,
    worst_case_sum,
)

ROUNDING = 1e-12  # some 20 roundings; sums of positive terms


@pytest.fixture
def pepit():
    if importlib.util.find_spec("PEPit") is None:
        give_up("PEPit is not installed: pip install 'kstar-scaling[pepit]'")


def both(steps, eta, *, L=1.0, delta=2.0, noise=0.0, mu=1.0, m_g=1.0):
    found = worst_case_sum(steps, eta, L=L, Delta=delta, M=noise, mu=mu, M_G=m_g)
    return float(found), worst_sum(steps, eta, L, delta, noise, mu, m_g)


@pytest.mark.parametrize("steps", [1, 2, 7, 60])
@pytest.mark.parametrize(
    "eta",
    [
        0.5,  # 1/L with L = 2: q = 0
        0.25,
        0.9,
        1.0,  # q = 1, where the sharp bound ends
        1.1,  # q > 1
        1e-3,
        1e-9,  # q so close to 1 that the geometric sum cancels
    ],
)
def test_closed_form_is_the_double_sum(steps, eta):
    found, expected = both(steps, eta, L=2.0, delta=3.0, noise=0.7)
    assert found == pytest.approx(float(expected), rel=ROUNDING)


@given(
    st.integers(1, 30),
    st.floats(1e-6, 1.5),
    st.floats(0.01, 100),
    st.floats(0.01, 100),
    st.floats(0, 100),
    st.floats(0.1, 3),
    st.floats(1, 5),
)
def test_closed_form_is_the_double_sum_for_any_constants(steps, share, L, delta, noise, mu, excess):
    m_g = mu**2 * excess * (1 + 1e-15)
    eta = share * mu / (L * m_g)
    found, expected = both(steps, eta, L=L, delta=delta, noise=noise, mu=mu, m_g=m_g)
    assert found == pytest.approx(float(expected), rel=1e-10)  # K (1-q) >= 1e-2 may cancel two digits


def test_without_noise_it_is_the_sharp_bound_at_the_inverse_smoothness():
    found = worst_case_sum([1, 2, 5, 10], 0.25, L=4.0, Delta=3.0)
    assert found.tolist() == pytest.approx([12.0] * 4, rel=ROUNDING)


def test_smallest_gradient_by_hand():
    """4 L df/(3 K - 1) at 1/L, 16/(7 K + 1) of L df at 1/(2 L), and the first gradient alone at any rate."""
    steps = np.arange(1, 20)
    assert worst_case_minimum(steps, 0.25, L=4.0, Delta=6.0) == pytest.approx(4 * 4 * 3 / (3 * steps - 1))
    assert worst_case_minimum(steps, 0.5, L=1.0, Delta=2.0) == pytest.approx(16 / (7 * steps + 1))
    assert worst_case_minimum(1, [0.1, 1.0, 1.7], L=1.0, Delta=2.0).tolist() == [2.0] * 3


@given(st.integers(1, 100), st.floats(1e-3, 1.73))
def test_the_smallest_gradient_is_at_most_the_average(steps, eta):
    smallest = float(worst_case_minimum(steps, eta, L=1.0, Delta=2.0))
    assert smallest <= float(worst_case_sum(steps, eta, L=1.0, Delta=2.0)) / steps * (1 + ROUNDING)


def test_arrays_broadcast():
    found = worst_case_sum([[1], [2]], [0.5, 1.0, 1.5], L=1.0, Delta=2.0, M=0.1)
    assert found.shape == (2, 3)
    assert found[1, 2] == pytest.approx(float(Fraction(2) * (1 + Fraction(1, 4)) + Fraction(9, 4) * Fraction("0.1")))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: worst_case_sum(0, 1.0, L=1.0, Delta=1.0), "steps must be finite and > 0"),
        (lambda: worst_case_sum(1.5, 1.0, L=1.0, Delta=1.0), "steps must be whole numbers >= 1"),
        (lambda: worst_case_sum(1, -1.0, L=1.0, Delta=1.0), "eta must be finite and > 0"),
        (lambda: worst_case_sum(1, 1.0, L=0.0, Delta=1.0), "L must be finite and > 0, got 0"),
        (lambda: worst_case_sum(1, 1.0, L=1.0, Delta=np.inf), "Delta must be finite and > 0, got inf"),
        (lambda: worst_case_sum(1, 1.0, L=1.0, Delta=1.0, M=-1.0), "M must be finite and >= 0, got -1"),
        (lambda: worst_case_sum(1, 1.0, L=1.0, Delta=1.0, mu=2.0), r"M_G must be >= mu\^2 = 4, got 1"),
        (lambda: worst_case_minimum(1, 0.9, L=2.0, Delta=1.0), r"eta must be at most sqrt\(3\)/L = 0.866025, got 0.9"),
        (lambda: next(compare([1], [2.0])), "eta_times_L must be below 2"),
        (lambda: next(compare([101], [1.0])), "steps must be at most 100"),
    ],
)
def test_arguments_outside_their_range_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.usefixtures("pepit")
@pytest.mark.parametrize("eta_times_L", [0.5, 1.0, 1.5, 1.9])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_semidefinite_programs_find_the_closed_forms(steps, eta_times_L):
    """The solver stops at a gap of 1e-8 of the value."""
    for row in compare([steps], [eta_times_L]):
        assert row.semidefinite <= row.bound * (1 + 1e-6)
        if row.closed_form is None:
            assert (row.measure, eta_times_L) == ("minimum", 1.9)
        else:
            assert row.semidefinite == pytest.approx(row.closed_form, rel=1e-6)


def fake(steps, eta_times_L, measure):
    return 1.25


def test_command_prints_a_table(capsys, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(theory.worst_case, "_semidefinite", fake)
    assert main(["--steps", "2", "--eta-times-L", "0.5", "1.8"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Worst case of G = |∇f|² over K steps without noise, in units of L (f(w_1) - f_inf)"
    assert [line.split() for line in lines[3:]] == [
        ["2", "0.5", "average", "1.2500000", "1.2500000", "1.3333333"],
        ["2", "0.5", "minimum", "1.2500000", "1.0666667", "1.3333333"],
        ["2", "1.8", "average", "1.2500000", "1.6400000", "2.7777778"],
        ["2", "1.8", "minimum", "1.2500000", "unknown", "2.7777778"],
    ]


def test_command_prints_json(capsys, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(theory.worst_case, "_semidefinite", fake)
    assert main(["--steps", "2", "--eta-times-L", "1", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [Comparison(**row) for row in rows] == [
        Comparison(2, 1, "average", 1.25, 1.0, 1.0),
        Comparison(2, 1, "minimum", 1.25, 0.8, 1.0),
    ]


def test_command_without_pepit_says_how_to_install_it(capsys, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert code_of(main) == 2
    assert capsys.readouterr() == ("", "error: PEPit is not installed; pip install 'kstar-scaling[pepit]'\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--steps 4294967295", "argument --steps: must be at most 100, got 4294967295"),
        ("--steps 0", "argument --steps: must be a whole number >= 1, got '0'"),
        ("--steps 1.5", "argument --steps: must be a whole number >= 1, got '1.5'"),
        ("--eta-times-L 0", "argument --eta-times-L: must be > 0, got 0"),
        ("--eta-times-L x", "argument --eta-times-L: must be a finite number, got 'x'"),
        ("--eta-times-L 1 2.5", "eta_times_L must be below 2, where the sharp bound ends"),
    ],
)
def test_command_refuses_in_one_line(capsys, monkeypatch, arguments, message):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    assert code_of(main, *arguments.split()) == 2
    assert_one_line(capsys, f"error: {message}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("momentum", "lead", "rate", "expected", "bound"),
    [(0.5, 1, 4 / 3, 1.34, 3.0), (0.9, 1, 0.9, 4.73, 19.0), (0.5, 2, 1.25, 1.04, 2.0)],
)
def test_with_momentum_the_worst_case_is_far_below_the_bound(momentum, lead, rate, expected, bound):
    """14.21: K epsilon/(L Delta) over 20 steps without noise, by performance estimation at a rate near the best."""
    from PEPit import PEP, Expression
    from PEPit.functions import SmoothFunction

    problem = PEP()
    function, lowest = problem.declare_function(SmoothFunction, L=1.0), Expression()
    point, buffer, squares = problem.set_initial_point(), None, []
    for step in range(20):
        gradient, value = function.oracle(point)
        squares.append(gradient**2)
        problem.add_constraint(lowest <= value - gradient**2 / 2)
        if step == 0:
            problem.set_initial_condition(value - lowest <= 1)
        buffer = gradient if buffer is None else momentum * buffer + gradient
        point = point - rate * (1 - momentum) * (buffer if lead == 1 else gradient + momentum * buffer)
    problem.set_performance_metric(sum(squares) / 20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        worst = problem.solve(verbose=0, solver="CLARABEL")
    assert 20 * worst / 2 == pytest.approx(expected, rel=0.01)
    assert bound == pytest.approx(1 + 2 * momentum**lead / (1 - momentum))  # 14.16 at its best rate, M = 0
