"""Numbers near the ends of the doubles: the right value, as mpmath has it, or one line that refuses."""

import itertools
import math

import mpmath
import numpy as np
import pytest
from tools.at_rate import expected_loss, steps_at_rate
from tools.commands import assert_one_line, code_of

import theory
from theory.derive import main as derive_main
from theory.evaluation.evaluate import evaluate
from theory.laws import LAWS
from theory.noisy_quadratic.__main__ import main as quadratic_main
from theory.noisy_quadratic.modes import MomentumModes
from theory.noisy_quadratic.steps import NoisyQuadratic, steps_to_result
from theory.numbers.doubles import ratio, require_doubles
from theory.worst_case import compare, worst_case_minimum, worst_case_sum
from theory.worst_case import main as worst_main

EXTREMES = (5e-324, 1e-310, 1e-200, 1e-20, 1e20, 1e200, 1.7e308)
BEYOND = "leaves the range of double precision: choose other units"
NO_NUMBERS = ("0", "-1", "-0.0", "nan", "inf", "-inf", "1e400", "1e-400", "1" * 400, "", "x")


def mpf(*values):
    return [mpmath.mpf(value) for value in values]


def exact_tuned(size, L, Delta, beta, epsilon, mu=1.0, M_G=1.0):
    """Return c1, c2, K and the rate of result 8."""
    B, L, Delta, beta, epsilon, mu, M_G = mpf(size, L, Delta, beta, epsilon, mu, M_G)
    c1, c2 = Delta * L * beta / (mu * epsilon) ** 2, Delta * L * M_G / (mu**2 * epsilon)
    return c1, c2, c1 / B + c2, mu / (L * M_G) / (1 + beta / (epsilon * M_G * B))


def agrees(found, expected, rel=1e-15):
    return found == pytest.approx(float(expected), rel=rel, abs=0.0)


@pytest.mark.parametrize("name", ["L", "Delta", "beta", "epsilon", "size", "mu", "M_G"])
@pytest.mark.parametrize("value", EXTREMES)
def test_evaluations_are_result_8_or_refused(name, value):
    numbers = {"L": 2.0, "Delta": 3.0, "beta": 5.0, "epsilon": 0.125, "size": 16.0, name: value}
    call = {key: number for key, number in numbers.items() if key != "size"}
    c1, c2, steps, eta = exact_tuned(**numbers)
    met = numbers["epsilon"] >= numbers["L"] * numbers["Delta"]
    try:
        found = evaluate("tuned", numbers["size"], **call)
    except ValueError:
        fits = all(2.3e-308 < v < 1.79e308 for v in (c1, c2, c1 / c2, steps, eta))
        assert not fits or mpmath.mpf(numbers.get("mu", 1.0)) ** 2 > numbers.get("M_G", 1.0)
        return
    assert agrees(found.c1, c1)
    assert agrees(found.c2, c2)
    assert agrees(float(found.eta), eta)
    assert agrees(float(found.steps), 1 if met else steps)
    assert met == (found.note is not None)


def test_a_bound_just_above_its_lowest_batch_size_keeps_its_digits():
    """B_low is 2.5 here: K = Delta/(eta (epsilon - eta L beta/B)), whose difference cancels to 1e-12."""
    size, numbers = 2.5 * (1.0 + 1e-12), {"L": 1.0, "Delta": 2.0, "beta": 5.0, "epsilon": 0.5}
    found = evaluate("fixed", size, **numbers, eta=0.25, bound="textbook")
    B, L, Delta, beta, epsilon, eta = mpf(size, *numbers.values(), 0.25)
    with mpmath.workdps(40):
        assert agrees(float(found.steps), Delta / (eta * (epsilon - eta * L * beta / B)))


@pytest.mark.parametrize("many", [1, 2000])
def test_few_and_many_batch_sizes_agree(many):
    sizes = np.geomspace(3.0, 1e6, 7)
    numbers = {"L": 2.0, "Delta": 3.0, "beta": 5.0, "epsilon": 0.125, "without_replacement": 2_000_000}
    for model, more in (
        ("tuned", {}),
        ("tuned", {"bound": "textbook"}),
        ("fixed", {"eta": 0.01}),
        ("paper", {"eta": 0.3}),
    ):
        few, found = (evaluate(model, s, **numbers, **more) for s in (sizes, np.tile(sizes, many)))
        np.testing.assert_allclose(found.steps, np.tile(few.steps, many), rtol=1e-13)
        np.testing.assert_allclose(found.eta, np.tile(few.eta, many), rtol=1e-13)


@pytest.mark.parametrize(
    ("model", "more", "words"),
    [
        ("tuned", {}, "epsilon is at least L Delta"),
        ("tuned", {"bound": "textbook"}, "epsilon is at least L Delta"),
        ("fixed", {"eta": 0.1}, "epsilon is at least L Delta"),
        ("paper", {"eta": 0.1}, "epsilon is at least L Delta"),
        ("decaying", {"H": 1.0}, "epsilon is at least the first rate times L Delta"),
    ],
)
def test_a_goal_that_the_start_meets_takes_one_step(model, more, words):
    found = evaluate(model, [1e-6, 100.0], L=2.0, Delta=3.0, beta=50.0, epsilon=6.0, **more)
    assert found.steps.tolist() == [1.0, 1.0]
    assert found.note.startswith(f"the first step meets the goal: {words}")
    assert found.reason is None
    assert all(row["note"] == found.note for row in found.rows())
    less = evaluate(model, [1e-6, 100.0], L=2.0, Delta=3.0, beta=50.0, epsilon=2.5, **more)
    assert less.note is None
    assert (less.steps > 1.0).all()


@pytest.mark.parametrize("option", ["L", "Delta", "beta", "epsilon", "mu", "M-G", "eta", "H", "batch-sizes"])
def test_options_of_an_evaluation_end_in_numbers_or_in_one_line(option, capsys):
    given = {"L": "1.5", "Delta": "4", "beta": "100", "epsilon": "0.125", "batch-sizes": "16"}
    model = {"eta": "paper", "H": "decaying"}.get(option, "tuned")
    for value in (*map(str, EXTREMES), *NO_NUMBERS):
        words = [f"--{name}={number}" for name, number in (given | {option: value}).items()]
        code = code_of(derive_main, "--evaluate", model, *words)
        out, err = capsys.readouterr()
        assert (code, err.count("\n")) in {(0, 0), (2, 1)}, value
        assert not {"nan", "inf"} & set(out.split()), value
        assert code == 0 or len(err) < 600, value
        assert code == 2 or value not in NO_NUMBERS, value


def test_a_picture_from_end_to_end_of_the_doubles(tmp_path, capsys):
    words = "--evaluate tuned --L 1 --Delta 2 --beta 1 --epsilon 0.01 --batch-sizes 1e-300 1e300"
    assert derive_main([*words.split(), "--plot", str(tmp_path / "steps.png")]) == 0
    assert (tmp_path / "steps.png").stat().st_size > 1000
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("value", ["1", "0", "9" * 30, "9" * 5000, "1.5", "-2", "nan", "9007199254740993"])
def test_examples_of_a_subset_end_in_one_line(value, capsys):
    words = "--evaluate tuned --L 1 --Delta 1 --beta 1 --epsilon 0.1 --batch-sizes 1"
    assert code_of(derive_main, *words.split(), f"--without-replacement={value}") == 2
    assert_one_line(capsys, "error: ")


RULES = {
    "critical_batch_size": (lambda c1, c2: c1 / c2, ()),
    "critical_batch_size_20_percent": (lambda c1, c2: c1 / c2 / 5 + mpmath.mpf(6) / 5, ()),
    "batch_size_for_efficiency": (lambda e, c1, c2: c1 / c2 * (1 - e) / e, (0.25,)),
    "parallel_efficiency": (lambda B, c1, c2: 1 / (1 + B * c2 / c1), (3.0,)),
    "fastest_batch_size": (lambda c1, c2, t0, t1: mpmath.sqrt(c1 / c2 * t0 / t1), (7.0, 0.5)),
    "least_total_time": (
        lambda c1, c2, t0, t1: (mpmath.sqrt(c1 * t1) + mpmath.sqrt(c2 * t0)) ** 2,
        (7.0, 0.5),
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_rules_for_batch_sizes(name):
    exact, more = RULES[name]
    first = name in {"batch_size_for_efficiency", "parallel_efficiency"}
    for constants in itertools.product(EXTREMES, repeat=2):
        arguments = (*more, *constants) if first else (*constants, *more)
        expected = exact(*mpf(*arguments))
        try:
            found = float(getattr(theory, name)(*arguments))
        except ValueError:
            assert not 2.3e-308 < expected < 1.79e308, constants
            continue
        assert agrees(found, expected, 4e-15), constants


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_laws(law):
    shapes = (5e-324, 1e-310, 1e-12, 1.0, 50.0, 1e308) if law.shape else (1.0,)
    pairs = ((1e-300, 1e-300), (1e300, 1.0), (5e-324, 1e308), (3.0, 3.0))
    for shape, (c1, c2), size in itertools.product(shapes, pairs, (1e-300, 0.25, 1.0, 4.0, 1e300)):
        own = {"c1": c1, "c2": c2} | ({law.shape: shape} if law.shape else {})
        numbers = {symbol: own[str(symbol)] for symbol in law.parameters}
        expected = exact_law(law.id, size, *numbers.values())
        try:
            found = float(law.steps(size, **own))
        except ValueError:
            assert not 2.3e-308 < expected < 1.79e308, (size, own)
            continue
        assert found == pytest.approx(float(expected), rel=1e-12, abs=0.0), (size, own)


def exact_law(name, size, c1, c2, shape=1.0):
    """Return K; logarithms where a power would have more digits than time."""
    B, c1, c2, shape = mpf(size, c1, c2, shape)
    knee = c1 / c2
    if name == "S":
        high, low = max(c1 / B, c2), min(c1 / B, c2)
        part = mpmath.log(low / high) / shape
        total = mpmath.log1p(mpmath.exp(part)) if part > -1e4 else mpmath.mpf(0)
        return high * mpmath.exp(min(shape * total, mpmath.mpf(1e4)))
    if name == "P":
        power = -shape * mpmath.log(B)
        return c2 + c1 * mpmath.exp(max(min(power, mpmath.mpf(1e4)), mpmath.mpf(-1e4)))
    return {
        "H": lambda: c1 / B + c2,
        "PW": lambda: c1 / B if knee >= B else c2,
        "X": lambda: 4 * c1 / B if 2 * knee >= B else c2 / (1 - knee / B),
        "I": lambda: c2 / (1 - knee / B) if knee < B else mpmath.inf,
    }[name]()


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, -1.0, 10**400])
def test_arguments_that_are_no_positive_doubles_are_refused(value):
    calls = (
        lambda: LAWS["H"].steps(value, c1=1.0, c2=1.0),
        lambda: LAWS["H"].steps(1.0, c1=value, c2=1.0),
        lambda: LAWS["S"].steps(1.0, c1=1.0, c2=1.0, h=value),
        lambda: theory.critical_batch_size(1.0, value),
        lambda: theory.parallel_efficiency(value, 1.0, 1.0),
        lambda: theory.fastest_batch_size(1.0, 1.0, 1.0, value),
        lambda: evaluate("tuned", value, L=1.0, Delta=1.0, beta=1.0, epsilon=0.1),
        lambda: evaluate("tuned", 1.0, L=value, Delta=1.0, beta=1.0, epsilon=0.1),
        lambda: evaluate("fixed", 1.0, L=1.0, Delta=1.0, beta=1.0, epsilon=0.1, eta=value),
        lambda: evaluate("tuned", 1.0, L=1.0, Delta=1.0, beta=1.0, epsilon=0.1, without_replacement=value),
        lambda: worst_case_sum(value, 0.5, L=1.0, Delta=1.0),
        lambda: worst_case_sum(1, value, L=1.0, Delta=1.0),
        lambda: worst_case_minimum(1, value, L=1.0, Delta=1.0),
        lambda: next(compare([value], [1.0])),
        lambda: next(compare([2], [value])),
        lambda: steps_to_result(NoisyQuadratic.harmonic(3), 0.1, value),
        lambda: steps_to_result(NoisyQuadratic.harmonic(3), value, 1.0),
        lambda: NoisyQuadratic.harmonic(value),
        lambda: theory.self_consistent_steps(theory.Schedule("constant", 1.0, {}), 0.5, value),
    )
    for call in calls:
        with pytest.raises(ValueError) as error:  # noqa: PT011  (each names its own argument)
            call()
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("steps", "eta", "L", "Delta", "M"),
    [
        (10**15, 1e-20, 1.0, 2.0, 1.0),
        (10, 5e-324, 1.0, 2.0, 0.0),
        (10, 5e-324, 1e308, 1e-308, 1e10),
        (1, 1e300, 1.0, 2.0, 1.0),
        (3, 1e100, 1e-98, 2.0, 1e50),
        (2, 1e-8, 1.0, 2.0, 1e300),
        (200, 0.5, 2.0, 2.0, 7.0),
    ],
)
def test_worst_cases_are_sums_of_powers(steps, eta, L, Delta, M):
    with mpmath.workdps(900):
        rate, smooth, start, noise = mpf(eta, L, Delta, M)
        gap = rate * smooth * (2 - rate * smooth)

        def power_sum(n):
            return (1 - (1 - gap) ** n) / gap if gap not in {0, 1} else mpmath.mpf(n if gap == 0 else min(n, 1))

        double = (steps - power_sum(steps)) / gap if gap not in {0, 1} else mpmath.mpf(steps - 1)
        expected = smooth * start * power_sum(steps) + (rate * smooth) ** 2 * noise * double
    assert agrees(float(worst_case_sum(steps, eta, L=L, Delta=Delta, M=M)), expected, 1e-14)


@pytest.mark.parametrize(("steps", "eta"), [(1000, 1e5), (10**15, 3.0)])
def test_worst_cases_beyond_the_doubles_are_refused(steps, eta):
    with pytest.raises(ValueError, match=BEYOND):
        worst_case_sum(steps, eta, L=1.0, Delta=1.0)


@pytest.mark.parametrize(
    "words",
    [
        "--steps 201",
        "--steps 99999999999999999999",
        "--eta-times-L 5e-324 --steps 0",
        "--eta-times-L 2",
        "--eta-times-L 5e-324",
        "--eta-times-L 1e308",
    ],
)
def test_worst_case_command_refuses_in_one_line(words, capsys):
    assert code_of(worst_main, *words.split()) == 2
    assert_one_line(capsys, "error: ")


@pytest.mark.parametrize(
    "words",
    [
        "--batch-sizes 1e-20",
        "--batch-sizes 1e-20 --momentum 0.9",
        "--batch-sizes 1e-308",
        "--batch-sizes 5e-324 4 --momentum 0.5 --nesterov",
        "--batch-sizes 4 --momentum 0.9999999999999999",
        "--batch-sizes 4 --dimension 99999999999",
        "--batch-sizes 4 --dimension " + "9" * 400,
    ],
)
def test_quadratics_out_of_reach_are_refused_in_one_line(words, capsys):
    assert code_of(quadratic_main, "--goal", "0.1", "--dimension", "30", *words.split()) == 2
    assert_one_line(capsys, "error: ")


@pytest.mark.parametrize("momentum", [0.0, 5e-324, 0.5])
def test_noise_starts_at_nothing_and_is_added_up(momentum):
    """The loss of the noise so far was a difference of sums, below 0 where a batch is small."""
    problem = NoisyQuadratic.harmonic(20)
    for size, eta in ((1e-20, 1.9), (1e-20, 1e-6), (1e-9, 0.3)):
        found = expected_loss(problem, range(4), size, eta, momentum)
        means, squares = np.ones(20), np.zeros(20)
        h, expected = problem.curvature, []
        before, response = np.ones(20), [np.ones(20)]
        for step in range(4):
            expected.append(0.5 * float(h @ (means**2 + squares)))
            following = (1.0 + momentum - eta * h) * means - momentum * before if step else (1.0 - eta * h) * means
            before, means = means, following
            squares = squares + eta**2 * problem.noise / size * response[-1] ** 2
            last = response[-2] if step else np.zeros(20)
            response.append((1.0 + momentum - eta * h) * response[-1] - momentum * last)
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_few_noisy_steps_are_counted():
    """One mode of curvature 1 at the rate 1/2: 1/8 and 1/32 are left of the start, the noise is no more than 1e-9."""
    problem = NoisyQuadratic(np.ones(1), np.full(1, 1e-9), np.ones(1))
    assert steps_at_rate(problem, 0.04, 1.0, 0.5) == 2
    assert steps_at_rate(problem, 0.04, 1e300, 0.5) == 2
    assert steps_at_rate(problem, 0.04, 1e-20, 0.5) is None
    assert expected_loss(problem, [0, 1e308], 1.0, 1e-300) == pytest.approx([0.5, 0.0], abs=1e-9)


@pytest.mark.parametrize("scale", [1e-20, 1e20])
def test_units_of_a_quadratic_do_not_matter(scale):
    plain = steps_to_result(NoisyQuadratic.harmonic(10), 0.1, 2.0)
    h = scale / np.arange(1.0, 11.0)
    found = steps_to_result(NoisyQuadratic(h, h * scale, np.ones(10)), 0.1 * scale, 2.0)
    assert int(found.steps) == int(plain.steps)
    with pytest.raises(ValueError, match="choose other units"):
        NoisyQuadratic(h * scale**3, h, np.ones(10))


def test_early_noise_is_a_sum_of_squares():
    modes = MomentumModes(NoisyQuadratic.harmonic(5).spectrum(1.0), 1e-6, 0.9, nesterov=False)
    losses = [modes.state(step).noise for step in range(70)]
    assert losses[0] == 0.0
    assert (np.diff(losses) > 0.0).all()


def test_ratios_leave_the_doubles_on_the_way_only():
    assert float(ratio([1e300, 1e300, 3.0], [1e300, 1e300])) == pytest.approx(3.0, rel=1e-15)
    assert float(ratio([1e-300, 1e-300], [1e-300, 1e-300])) == pytest.approx(1.0, rel=1e-15)
    assert float(ratio([0.0, 1e300], [1e-300])) == 0.0
    for value in (math.inf, math.nan, 0.0, 1e-320):
        with pytest.raises(ValueError, match="the number leaves the range of double precision"):
            require_doubles([1.0, value], "the number")
