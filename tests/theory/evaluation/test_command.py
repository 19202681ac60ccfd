import itertools
import json
import time
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kstar.__main__ import main as kstar_main
from theory.derive import main
from theory.evaluation.evaluate import evaluate

CONSTANTS = {"L": 1.5, "Delta": 4.0, "beta": 100.0, "epsilon": 0.125}
WORDS = [word for name, value in CONSTANTS.items() for word in (f"--{name}", str(value))]
SIZES = (1, 16, 256, 4096)
# Numbers come through logarithms of at most 20 or a dozen operations.
RELATIVE = 1e-13


def run(capsys, *words):
    assert main(["--evaluate", *words, *WORDS, "--batch-sizes", *map(str, SIZES), "--format", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def exact():
    return [Fraction(CONSTANTS[name]) for name in ("L", "Delta", "beta", "epsilon")]


def test_tuned_is_result_8_in_fractions(capsys):
    L, Delta, beta, epsilon = exact()
    c1, c2, knee = Delta * L * beta / epsilon**2, Delta * L / epsilon, beta / epsilon
    for row, size in zip(run(capsys, "tuned"), SIZES, strict=True):
        assert row["batch_size"] == size
        assert row["steps"] == pytest.approx(float(c1 / size + c2), rel=RELATIVE)
        assert (row["c1"], row["c2"]) == pytest.approx((float(c1), float(c2)), rel=RELATIVE)
        assert row["critical_batch_size"] == pytest.approx(float(knee), rel=RELATIVE)
        assert row["eta"] == pytest.approx(float(1 / L / (1 + knee / size)), rel=RELATIVE)


def test_tuned_textbook_is_result_9_in_fractions(capsys):
    L, Delta, beta, epsilon = exact()
    c1, c2, knee = Delta * L * beta / epsilon**2, Delta * L / epsilon, beta / epsilon
    for row, size in zip(run(capsys, "tuned", "--bound", "textbook"), SIZES, strict=True):
        small = size <= 2 * knee
        assert row["steps"] == pytest.approx(float(4 * c1 / size if small else c2 * size / (size - knee)), rel=RELATIVE)
        assert row["eta"] == pytest.approx(float(epsilon * size / (2 * L * beta) if small else 1 / L), rel=RELATIVE)


def test_paper_and_decaying_are_equations_3_and_10(capsys):
    L, Delta, beta, epsilon = exact()
    for row, size in zip(run(capsys, "paper", "--eta", "0.5"), SIZES, strict=True):
        assert row["steps"] == pytest.approx(
            float(Delta * L * beta / epsilon**2 / size + 2 * Delta / epsilon), rel=1e-13
        )
    for row, size in zip(run(capsys, "decaying", "--H", "2"), SIZES, strict=True):
        assert row["steps"] == pytest.approx(float(2 * L * beta / epsilon / size + Delta / epsilon), rel=RELATIVE)


@pytest.mark.parametrize("bound", ["sharp", "textbook"])
def test_at_a_fixed_rate_the_bound_is_met_or_vacuous(capsys, bound):
    L, Delta, beta, epsilon = exact()
    eta = Fraction(1, 4)
    for row, size in zip(run(capsys, "fixed", "--eta", "0.25", "--bound", bound), SIZES, strict=True):
        room = epsilon * (2 - eta * L) - eta * L * beta / size if bound == "sharp" else epsilon - eta * L * beta / size
        if room <= 0:
            assert row["steps"] is None
            assert "says nothing up to B = " in row["reason"]
        else:
            assert row["steps"] == pytest.approx(float(Delta / (eta * room)), rel=RELATIVE)
            assert "reason" not in row


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.floats(1.0, 1e4))
def test_the_units_of_loss_and_weights_do_not_matter(loss, weight, size):
    # with loss in units of f and weights in units of w: L ~ f/w^2, Delta ~ f, beta and epsilon ~ (f/w)^2, eta ~ w^2/f
    def steps(l, w):  # noqa: E741
        found = evaluate(
            "tuned", [size], L=1.5 * l / w**2, Delta=4 * l, beta=100 * (l / w) ** 2, epsilon=(l / w) ** 2 / 8
        )
        return float(found.steps[0]), float(found.eta[0]) * l / w**2

    assert steps(loss, weight) == pytest.approx(steps(1.0, 1.0), rel=1e-12)


@pytest.mark.parametrize(("model", "more"), [("tuned", {}), ("fixed", {"eta": 0.25}), ("decaying", {"H": 2.0})])
def test_a_million_batch_sizes_in_under_a_second(model, more):
    sizes = np.geomspace(1, 1e6, 10**6)
    evaluate(model, sizes[:2], **CONSTANTS, **more)
    start = time.process_time()
    assert len(evaluate(model, sizes, **CONSTANTS, **more).steps) == 10**6
    assert time.process_time() - start < 1.0


def test_subsets_without_replacement_have_no_noise_at_the_whole_set():
    found = evaluate("tuned", [1, 500, 1000], without_replacement=1000, **CONSTANTS)
    fresh = evaluate("tuned", [1, 500, 1000], **CONSTANTS)
    noise, noise_fresh = found.steps - fresh.c2, fresh.steps - fresh.c2
    assert noise / noise_fresh == pytest.approx([1.0, 500 / 999, 0.0], abs=1e-12)


BAD = {
    "eta beyond its cap": (["fixed", "--eta", "5"], "eta must be below 2 mu/"),
    "eta beyond the textbook cap": (["fixed", "--eta", "1", "--bound", "textbook"], "eta must be at most"),
    "no rate": (["paper"], "eta is needed for paper"),
    "no H": (["decaying"], "H"),
    "subset larger than the set": (["tuned", "--without-replacement", "8"], "batch_size must be at most"),
    "negative L": (["tuned", "--L", "-1"], "must be > 0"),
    "text": (["tuned", "--L", "abc"], "must be a finite number"),
    "nan": (["tuned", "--mu", "nan"], "must be a finite number"),
    "moments in the wrong order": (["tuned", "--mu", "2"], "M_G"),
    "unknown model": (["newton"], "invalid choice"),
    "latex": (["tuned", "--format", "latex"], "text or json"),
    "a picture that cannot be written": (["tuned", "--plot", "no/such/folder/a.png"], "cannot write the picture"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_exit_code_2(name, capsys):
    words, message = BAD[name]
    model, *rest = words
    try:
        code = main(["--evaluate", model, *WORDS, "--batch-sizes", "1", "16", *rest])
    except SystemExit as stop:
        code = stop.code
    error = capsys.readouterr().err
    assert code == 2
    assert error.count("\n") == 1
    assert message in error


@pytest.mark.parametrize(
    ("command", "words", "prog"),
    [
        (main, ["--evaluate", "paper"], "python -m theory.derive"),
        (kstar_main, ["derive", "--evaluate", "paper"], "kstar derive"),
        (kstar_main, ["evaluate", "paper"], "kstar evaluate"),
    ],
)
def test_a_refusal_names_the_command_that_was_typed(command, words, prog, capsys):
    assert command(words) == 2
    needs = "paper needs --L, --Delta, --beta, --epsilon, --batch-sizes"
    assert capsys.readouterr().err == f"error: {needs} (see {prog} --help)\n"


@pytest.mark.parametrize("name", CONSTANTS)
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_from_python_the_argument_and_its_range_are_named(name, value):
    with pytest.raises(ValueError, match=name):
        evaluate("tuned", [1.0], **(CONSTANTS | {name: value}))


def test_the_picture_is_drawn_and_named(tmp_path, capsys):
    words = ["--evaluate", "tuned", *WORDS, "--batch-sizes", *map(str, SIZES)]
    for suffix in ("png", "svg"):
        path = tmp_path / f"steps.{suffix}"
        assert main([*words, "--plot", str(path)]) == 0
        assert path.stat().st_size > 1000
        assert capsys.readouterr().out.endswith(f"picture: {path}\n")


def test_the_order_of_batch_sizes_is_kept():
    for order in itertools.permutations(SIZES[:3]):
        found = evaluate("tuned", order, **CONSTANTS)
        assert [row["batch_size"] for row in found.rows()] == list(order)
