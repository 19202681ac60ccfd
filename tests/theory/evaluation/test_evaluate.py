"""Evaluations against bounds solved by bisection and by trying rates, and the laws' invariances on them."""

import argparse
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.theory.bounds import sharp, steps_by_bisection, textbook
from tools.commands import assert_one_line

from theory.evaluation.command import add_evaluation_arguments, evaluate_main, wants_evaluation
from theory.evaluation.evaluate import BOUNDS, MODELS, evaluate

PROBLEM = {"L": 3.0, "Delta": 5.0, "beta": 40.0, "epsilon": 0.02, "mu": 0.7, "M_G": 1.3}
CAP = 0.7 / (3.0 * 1.3)
SIZES = (1.0, 30.0, 1538.0, 1e4, 1e6)
ROUNDING = 1e-12
BISECTION = 1e-11  # 200 halvings of 42 decades end at rounding; the bound then loses a digit at small batches


def solved(bound, eta, noise):
    """Return the K at which a bound at a rate meets the goal, infinite if it never does."""
    L, delta, goal, mu, m_g = (PROBLEM[name] for name in ("L", "Delta", "epsilon", "mu", "M_G"))
    if bound == "sharp":
        return steps_by_bisection(lambda steps: sharp(eta, steps, L, delta, noise, mu, m_g), goal)
    return steps_by_bisection(lambda steps: textbook(eta, steps, L, delta, noise, mu), goal)


def noise_of(size, examples):
    independent = PROBLEM["beta"] / size
    return independent if examples is None else independent * (examples - size) / (examples - 1)


@pytest.mark.parametrize("examples", [None, 10**6])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.99])
@pytest.mark.parametrize("bound", BOUNDS)
def test_fixed_is_the_bound_solved_for_steps(bound, share, examples):
    eta = share * CAP * (2 if bound == "sharp" else 1)
    found = evaluate("fixed", SIZES, **PROBLEM, eta=eta, bound=bound, without_replacement=examples)
    expected = [solved(bound, eta, noise_of(size, examples)) for size in SIZES]
    assert found.steps == pytest.approx(np.array(expected), rel=BISECTION)
    assert found.eta.tolist() == [eta] * len(SIZES)
    assert np.isinf(found.steps).any() == (found.reason is not None)


@pytest.mark.parametrize("examples", [None, 10**6])
@pytest.mark.parametrize("bound", BOUNDS)
def test_tuned_rate_is_the_best_of_the_fixed_ones(bound, examples):
    """K(eta) is met at the tuned rate, and rates on either side ask for more."""
    for size in SIZES:
        found = evaluate("tuned", size, **PROBLEM, bound=bound, without_replacement=examples)
        eta, noise = float(found.eta), noise_of(size, examples)
        assert float(found.steps) == pytest.approx(solved(bound, eta, noise), rel=BISECTION)
        for factor in (0.5, 0.99, 1.01, 1.9):
            if bound == "sharp" or factor * eta <= CAP:
                assert solved(bound, factor * eta, noise) > float(found.steps)


@pytest.mark.parametrize("examples", [None, 5000])
@pytest.mark.parametrize(("model", "more"), [("tuned", {}), ("paper", {"eta": 0.1}), ("decaying", {"H": 2.0})])
def test_where_k_is_a_hyperbola_c1_and_c2_say_it_all(model, more, examples):
    sizes = np.geomspace(1, 5000, 9)
    found = evaluate(model, sizes, **PROBLEM, **more, without_replacement=examples)
    assert found.steps == pytest.approx(found.c1 / sizes + found.c2, rel=1e-9)
    independent = evaluate(model, sizes, **PROBLEM, **more)
    if examples is not None:
        assert found.c1 == pytest.approx(independent.c1 * examples / (examples - 1), rel=ROUNDING)
        assert found.c2 == pytest.approx(independent.c2 - independent.c1 / (examples - 1), rel=1e-9)
        assert found.steps[-1] == pytest.approx(independent.c2, rel=ROUNDING)  # the whole set has no noise


@pytest.mark.parametrize("examples", [None, 10**6])
@pytest.mark.parametrize("bound", BOUNDS)
def test_at_a_fixed_rate_c1_and_c2_say_it_all(bound, examples):
    """K = c2/(1 - B_c/B), and nothing up to B_c = c1/c2."""
    found = evaluate("fixed", SIZES, **PROBLEM, eta=0.1, bound=bound, without_replacement=examples)
    share = 1 - found.critical_batch_size / np.array(SIZES)
    expected = np.where(share > 0, found.c2 / np.where(share > 0, share, 1.0), np.inf)
    assert found.steps == pytest.approx(expected, rel=1e-9)
    just = found.critical_batch_size * np.array([1 - 1e-9, 1 + 1e-9])
    assert np.isinf(
        evaluate("fixed", just, **PROBLEM, eta=0.1, bound=bound, without_replacement=examples).steps
    ).tolist() == [
        True,
        False,
    ]


def test_decaying_by_hand():
    """K = L H beta/(mu eps B) + Delta/(mu eps)."""
    found = evaluate("decaying", [4.0], L=2.0, Delta=3.0, beta=8.0, epsilon=0.5, mu=0.5, M_G=0.25, H=0.75)
    assert (found.c1, found.c2, found.steps.tolist()) == (48.0, 12.0, [24.0])


def test_a_floor_below_zero_has_no_critical_batch_size():
    """With more noise scale than examples the law in 1/B meets no floor within the data."""
    found = evaluate("tuned", [1, 100], L=1.0, Delta=1.0, beta=100.0, epsilon=0.1, without_replacement=100)
    assert found.c2 < 0
    assert found.critical_batch_size is None
    assert found.note.startswith("c2 is not positive: subsets of 100 examples")
    assert all(row["note"] == found.note for row in found.rows())
    assert found.steps[-1] == pytest.approx(10.0)  # Delta L M_G/(mu^2 epsilon)


positive = st.floats(1e-3, 1e3)
# The goal is below L Delta, which the start meets.
constants = st.fixed_dictionaries(
    {"L": positive, "Delta": positive, "beta": positive, "epsilon": st.floats(1e-4, 0.99)}
).map(lambda c: c | {"epsilon": c["epsilon"] * c["L"] * c["Delta"]})
sizes = st.floats(1e-2, 1e6)


@given(constants, sizes, positive, positive)
def test_units_do_not_matter(given_constants, size, loss, weight):
    """Loss in units of 1/lambda, weights of 1/c: L lambda/c^2, Delta lambda, beta and epsilon (lambda/c)^2."""
    units = {"L": loss / weight**2, "Delta": loss, "beta": (loss / weight) ** 2, "epsilon": (loss / weight) ** 2}
    scaled = {name: value * units[name] for name, value in given_constants.items()}
    for bound in BOUNDS:
        before = evaluate("tuned", size, **given_constants, bound=bound)
        after = evaluate("tuned", size, **scaled, bound=bound)
        assert float(after.steps) == pytest.approx(float(before.steps), rel=ROUNDING)
        assert float(after.eta) == pytest.approx(float(before.eta) * weight**2 / loss, rel=ROUNDING)


@given(constants, sizes, positive)
def test_only_the_noise_per_batch_matters(given_constants, size, factor):
    """Examples counted in groups: beta and B scale together."""
    noisier = given_constants | {"beta": factor * given_constants["beta"]}
    for bound in BOUNDS:
        before = evaluate("tuned", size, **given_constants, bound=bound)
        after = evaluate("tuned", factor * size, **noisier, bound=bound)
        assert float(after.steps) == pytest.approx(float(before.steps), rel=ROUNDING)


@given(constants, st.floats(1e-4, 1e4))
def test_what_the_lossy_step_costs(given_constants, over):
    """Result 9: between 1 and 4 times the hyperbola, 4/3 at the knee, where the rate reaches its cap."""
    scale = given_constants["beta"] / given_constants["epsilon"]
    for size, expected in ((over * scale, None), (2 * scale, 4 / 3)):
        found = {bound: evaluate("tuned", size, **given_constants, bound=bound) for bound in BOUNDS}
        ratio = float(found["textbook"].steps / found["sharp"].steps)
        assert 1.0 - ROUNDING < ratio < 4.0
        assert expected is None or ratio == pytest.approx(expected, rel=ROUNDING)
        assert (float(found["textbook"].eta) < (1 - ROUNDING) / given_constants["L"]) == (
            size < 2 * scale * (1 - ROUNDING)
        )


@pytest.mark.parametrize(
    ("model", "more", "message"),
    [
        ("newton", {}, "model must be one of paper, fixed, tuned, decaying, got newton"),
        ("fixed", {"eta": 0.1, "bound": "best"}, "bound must be one of sharp, textbook, got best"),
        ("paper", {"eta": 0.1, "bound": "sharp"}, "bound is for fixed and tuned only, not for paper"),
        ("fixed", {}, "eta is needed for fixed"),
        ("tuned", {"eta": 0.1}, "eta is for paper and fixed only, not for tuned"),
        ("fixed", {"eta": 0.0}, "eta must be finite and > 0"),
        ("fixed", {"eta": 2 * CAP}, r"eta must be below 2 mu/\(L M_G\) = 0.358974 for the sharp bound"),
        ("paper", {"eta": 1.001 * CAP}, r"eta must be at most mu/\(L M_G\) = 0.179487 for the textbook bound"),
        ("decaying", {}, "H is needed for decaying"),
        ("tuned", {"H": 1.0}, "H is for decaying only, not for tuned"),
        ("decaying", {"H": -1.0}, "H must be finite and > 0"),
        ("tuned", {"mu": 1.5}, r"M_G must be >= mu\^2 = 2.25, got 1.3"),
        ("tuned", {"without_replacement": 1}, "without_replacement must be a whole number >= 2, got 1"),
        ("tuned", {"without_replacement": 29}, "batch_size must be at most without_replacement = 29, got 30"),
        ("tuned", {"epsilon": 1e-200}, "choose other units"),
    ],
)
def test_arguments_outside_their_range_are_refused(model, more, message):
    with pytest.raises(ValueError, match=message):
        evaluate(model, [1.0, 30.0], **(PROBLEM | more))


@pytest.mark.parametrize("size", [0.0, -1.0, np.nan, np.inf])
def test_batch_sizes_outside_their_range_are_refused(size):
    with pytest.raises(ValueError, match="batch_size must be finite and > 0"):
        evaluate("tuned", [1.0, size], **PROBLEM)


def test_a_rate_typed_as_its_cap_is_allowed():
    assert evaluate("paper", 1.0, **PROBLEM, eta=np.nextafter(CAP, 1.0)).c2 == pytest.approx(5.0 / (CAP * 0.7 * 0.02))


def parsed(words):
    parser = argparse.ArgumentParser()
    parser.add_argument("--format", default="text")
    add_evaluation_arguments(parser)
    return parser.parse_args(words.split())


NUMBERS = "--L 2 --Delta 3 --beta 50 --epsilon 0.1 --batch-sizes 16 256 500.5"


def test_json_is_what_python_returns(capsys):
    assert evaluate_main(parsed(f"--evaluate fixed --eta 0.2 {NUMBERS} --format json")) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == evaluate("fixed", [16, 256, 500.5], L=2, Delta=3, beta=50, epsilon=0.1, eta=0.2).rows()
    assert found[0]["steps"] is None
    assert found[0]["reason"] == "at eta = 0.2 the sharp bound says nothing up to B = 125"
    assert [type(row["batch_size"]) for row in found] == [int, int, float]
    assert set(found[1]) == {"batch_size", "steps", "c1", "c2", "critical_batch_size", "eta"}
    more = "--bound textbook --mu 0.7 --M-G 1.3 --without-replacement 1000"
    assert evaluate_main(parsed(f"--evaluate tuned {more} {NUMBERS} --format json")) == 0
    given_all = {"L": 2, "Delta": 3, "beta": 50, "epsilon": 0.1, "mu": 0.7, "M_G": 1.3, "without_replacement": 1000}
    expected = evaluate("tuned", [16, 256, 500.5], **given_all, bound="textbook").rows()
    assert json.loads(capsys.readouterr().out) == expected


def test_table_says_what_it_is(capsys):
    assert evaluate_main(parsed(f"--evaluate fixed --eta 0.2 {NUMBERS}")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Steps by the sharp bound, solved for K at η = 0.2"
    assert lines[1] == "c1 = 11718.7, c2 = 93.75, critical batch size c1/c2 = 125"  # the double 0.1 is above 0.1
    assert [line.split() for line in lines[4:6]] == [["16", "-", "0.2"], ["256", "183.206", "0.2"]]
    assert lines[-1] == "-: at eta = 0.2 the sharp bound says nothing up to B = 125"
    assert evaluate_main(parsed(f"--evaluate decaying --H 2 {NUMBERS} --without-replacement 1000")) == 0
    assert capsys.readouterr().out.startswith("Steps by Eq. (10) with H = 2, subsets of 1000 examples\n")


def test_a_picture_leaves_json_alone(capsys, tmp_path):
    picture = tmp_path / "steps.svg"
    assert evaluate_main(parsed(f"--evaluate fixed --eta 0.2 {NUMBERS} --format json --plot {picture}")) == 0
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)) == 3
    assert captured.err == f"picture: {picture}\n"
    assert "<path" in picture.read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--L 2", "--evaluate is missing: one of paper, fixed, tuned, decaying"),
        ("--plot x.png", "--evaluate is missing"),
        ("--evaluate tuned --L 2 --beta 1", "tuned needs --Delta, --epsilon, --batch-sizes"),
        (f"--evaluate tuned {NUMBERS} --format markdown", "--evaluate prints text or json, not markdown"),
        (f"--evaluate tuned {NUMBERS} --plot steps.foo", "Format 'foo' is not supported"),
    ],
)
def test_command_refuses_in_one_line(capsys, words, message):
    options = parsed(words)
    assert wants_evaluation(options)
    assert evaluate_main(options) == 2
    assert_one_line(capsys, f"error: {message}")


def test_a_case_is_no_evaluation(capsys):
    options = parsed(f"--evaluate tuned {NUMBERS}")
    options.case = "fixed"
    assert evaluate_main(options) == 2
    assert "--case is for derivations" in capsys.readouterr().err
    assert not wants_evaluation(parsed("--format json"))


def test_every_model_has_a_rate_or_says_that_it_has_none():
    more = {"paper": {"eta": 0.1}, "fixed": {"eta": 0.1}, "tuned": {}, "decaying": {"H": 1.0}}
    for model in MODELS:
        rows = evaluate(model, [1e5], **PROBLEM, **more[model]).rows()
        assert (rows[0]["eta"] is None) == (model == "decaying")
