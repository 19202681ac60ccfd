import itertools
import json
import time
from fractions import Fraction

import numpy as np
import pytest
from tools.commands import assert_one_line, code_of

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


def test_paper_and_decaying_are_equations_3_and_10(capsys):
    L, Delta, beta, epsilon = exact()
    for row, size in zip(run(capsys, "paper", "--eta", "0.5"), SIZES, strict=True):
        assert row["steps"] == pytest.approx(
            float(Delta * L * beta / epsilon**2 / size + 2 * Delta / epsilon), rel=1e-13
        )
    for row, size in zip(run(capsys, "decaying", "--H", "2"), SIZES, strict=True):
        assert row["steps"] == pytest.approx(float(2 * L * beta / epsilon / size + Delta / epsilon), rel=RELATIVE)


@pytest.mark.parametrize(("model", "more"), [("tuned", {}), ("fixed", {"eta": 0.25}), ("decaying", {"H": 2.0})])
def test_a_million_batch_sizes_in_under_a_second(model, more):
    sizes = np.geomspace(1, 1e6, 10**6)
    evaluate(model, sizes[:2], **CONSTANTS, **more)
    start = time.process_time()
    assert len(evaluate(model, sizes, **CONSTANTS, **more).steps) == 10**6
    assert time.process_time() - start < 1.0


BAD = {
    "no rate": (["paper"], "eta is needed for paper"),
    "text": (["tuned", "--L", "abc"], "must be a finite number"),
    "nan": (["tuned", "--mu", "nan"], "must be a finite number"),
    "unknown model": (["newton"], "invalid choice"),
    "a picture that cannot be written": (["tuned", "--plot", "no/such/folder/a.png"], "cannot write the picture"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_exit_code_2(name, capsys):
    words, message = BAD[name]
    model, *rest = words
    assert code_of(main, "--evaluate", model, *WORDS, "--batch-sizes", "1", "16", *rest) == 2
    assert_one_line(capsys, message)


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
