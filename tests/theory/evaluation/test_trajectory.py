"""Constants of a path and the account of a run, from files."""

import csv
import json

import numpy as np
import pytest
from tools.commands import assert_one_line

from theory.derive import main
from theory.evaluation.trajectory import account, path_constants

NU, SMOOTH, NOISE = 0.5, 3.0, 7.0


def written(path, **columns):
    with path.open("w", newline="") as opened:
        rows = csv.writer(opened)
        rows.writerow(columns)
        rows.writerows(zip(*columns.values(), strict=True))
    return str(path)


def steep(count=60):
    """Return a path with G = 2 nu phi: c1 and c2 of result 15."""
    losses = np.geomspace(2.0, 0.1, count)
    return {
        "loss": losses,
        "gradient_square": 2 * NU * losses,
        "variance": np.full(count, NOISE),
        "L": np.full(count, SMOOTH),
    }


def test_a_steep_path_has_the_constants_of_result_15():
    found = path_constants(**steep(400))
    assert found.c1 == pytest.approx(SMOOTH * NOISE / (2 * NU**2) * (1 / 0.1 - 1 / 2.0), rel=0.05)
    assert found.c2 == pytest.approx(SMOOTH / NU * np.log(20.0), rel=0.01)
    assert found.critical_batch_size == pytest.approx(found.c1 / found.c2)


def test_the_constants_depend_on_units_as_they_should():
    """A network rewritten with a = 2 and s = 4: exponents (a, s) of c1 and c2 are 0, those of the loss (0, 1)."""
    plain, scale = path_constants(**steep()), {"loss": 4, "gradient_square": 64, "variance": 64, "L": 16}
    there = path_constants(**{name: values * scale[name] for name, values in steep().items()})
    assert (there.c1, there.c2) == pytest.approx((plain.c1, plain.c2))
    assert there.start == pytest.approx(4 * plain.start)


def test_the_account_of_gradient_descent_on_a_quadratic():
    """f = h w²/2: each step keeps 1 - eta h/2 of what its slope promises."""
    h, eta = 2.0, 0.3
    steps = np.arange(1, 12)
    w = 5.0 * (1 - eta * h) ** (steps - 1)
    found = account(steps, h * w**2 / 2, (h * w) ** 2, eta)
    assert found.K == 10
    assert found.e == pytest.approx(1 - eta * h / 2)
    assert found.s == pytest.approx(eta * h)
    assert found.N / found.e == pytest.approx(10)


def test_the_error_between_measured_steps_is_told():
    steps = np.arange(0, 101, 10)
    found = account(steps, np.exp(-steps / 50), np.exp(-steps / 25), 0.1)
    every = account(np.arange(101), np.exp(-np.arange(101) / 50), np.exp(-np.arange(101) / 25), 0.1)
    assert 0 < abs(found.e / every.e - 1) < 2 * found.relative_error < 0.2


def test_both_commands(tmp_path, capsys):
    path = written(tmp_path / "path.csv", **steep(), step=range(60))
    assert main(["--evaluate", "path", "--trajectory", path, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["c2"] == pytest.approx(path_constants(**steep()).c2)
    assert main(["--evaluate", "account", "--trajectory", path, "--eta", "0.01"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("K = 59 steps = N/e (result 20)\nN = ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["path"], "path needs --trajectory"),
        (["account", "--trajectory", "FILE"], "account needs --trajectory and --eta"),
        (["path", "--trajectory", "FILE", "--eta", "1"], "--eta: not for path"),
        (["tuned", "--trajectory", "FILE"], "--trajectory: not for tuned"),
        (["path", "--trajectory", "nowhere.csv"], "cannot read nowhere.csv: No such file or directory"),
        (["path", "--trajectory", "EMPTY"], "has no column loss, gradient_square, variance, L"),
        (["path", "--trajectory", "WORDS"], "must hold a number in every row"),
        (["path", "--trajectory", "FILE", "--f-inf", "1"], "loss - f_inf must be finite and > 0"),
        (["path", "--trajectory", "FILE", "--format", "latex"], "--evaluate prints text or json, not latex"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(tmp_path, capsys, words, message):
    columns = steep(3)
    files = {
        "FILE": written(tmp_path / "file.csv", **columns, step=range(3)),
        "EMPTY": written(tmp_path / "empty.csv"),
        "WORDS": written(tmp_path / "words.csv", **{**columns, "L": ["1", "", "x"]}),
    }
    assert main(["--evaluate", *(files.get(word, word) for word in words)]) == 2
    assert_one_line(capsys, message)


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_no_magnitude_is_lost_on_the_way(scale):
    """eta G stays the same; neither eta G^2 nor G/eta is a double."""
    found = account([1, 2, 3], [1.0, 0.9, 0.8], [scale, scale, scale], eta=0.1 / scale)
    assert (found.N, found.e) == pytest.approx((2.0, 1.0))
    steeply = path_constants([2.0, 1.0], [scale**2] * 2, [scale**2] * 2, [scale**2] * 2)
    assert steeply.c2 == pytest.approx(2.0, rel=0.01)


@pytest.mark.parametrize(
    ("loss", "square", "eta"), [([1e308, -1e308], 1.0, 1.0), ([1.0, 0.5], 1e300, 1e300), ([1.0, 0.5], 1e-300, 1e-300)]
)
def test_what_is_no_double_is_refused(loss, square, eta):
    with pytest.raises(ValueError, match=r"N|fall of the loss"):
        account([1, 2], loss, [square, square], eta)


@pytest.mark.parametrize(
    ("step", "loss", "square"),
    [
        ([1, 2], [1, 1], [1, 1]),
        ([2, 1], [1, 0.5], [1, 1]),
        ([1, 2.5], [1, 0.5], [1, 1]),
        ([1, 2], [1, 0.5], [1, 0]),
        ([1, 2], [1, np.nan], [1, 1]),
        ([1], [1], [1]),
        ([0, 1e9], [1, 0.5], [1, 1]),
    ],
)
def test_no_account_of_what_is_no_descent(step, loss, square):
    with pytest.raises(ValueError, match=r"step|loss|gradient_square"):
        account(step, loss, square, 0.1)
