"""The noisy quadratic in closed form against its recursion, and its tuned steps against every other rate."""

import json
import math
import time
from dataclasses import dataclass

import mpmath
import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from reference.theory.noisy_quadratic import fewest_steps, first_step, losses, no_rate_is_earlier
from tools.at_rate import expected_loss, steps_at_rate
from tools.commands import assert_one_line, code_of

from theory.noisy_quadratic.__main__ import main
from theory.noisy_quadratic.modes import MomentumModes, PlainModes, Spectrum
from theory.noisy_quadratic.passage import _least_loss
from theory.noisy_quadratic.steps import NoisyQuadratic, largest_rate, steps_to_result

# 60 steps of some 10 roundings of 1.1e-16, amplified by at most 1/(1-m) = 100 where roots of the recursion meet
ROUNDING = 1e-11
FOUND = 1.001  # the tuned steps are found to 0.1%


@dataclass(frozen=True)
class Method:
    """SGD, heavy ball or Nesterov."""

    momentum: float
    nesterov: bool = False

    def keywords(self):
        return {"momentum": self.momentum, "nesterov": self.nesterov}


METHODS = (
    Method(0.0),
    Method(0.5),
    Method(0.9),
    Method(0.99),
    Method(0.5, True),
    Method(0.9, True),
    Method(0.99, True),
)
SPECTRA = {
    "harmonic": NoisyQuadratic.harmonic(12),
    "one mode": NoisyQuadratic(np.array([2.0]), np.array([3.0]), np.array([0.5])),
    "noise unlike curvature": NoisyQuadratic(
        np.array([5.0, 1.0, 0.1, 0.01]), np.array([0.1, 4.0, 0.0, 0.002]), np.array([0.3, 0.0, 7.0, 30.0])
    ),
}


def arrays(problem):
    return problem.curvature, problem.noise, problem.initial


def rates(problem, method):
    """Return ordinary rates and those at which the closed form changes its branch."""
    largest = largest_rate(problem, **method.keywords())
    m, h = method.momentum, problem.curvature[-1]
    meeting = ((1 - m) / (1 + m)) ** 2 if method.nesterov else (1 - math.sqrt(m)) ** 2
    special = [1 / h, meeting / h, (1 + m) / h]  # a root at 0, a double root, t = 0
    return [share * largest for share in (1e-4, 0.1, 0.6, 0.97)] + [rate for rate in special if rate < largest]


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize("name", SPECTRA)
def test_closed_form_is_the_recursion(name, method):
    problem = SPECTRA[name]
    for eta in rates(problem, method):
        expected = losses(*arrays(problem), 8.0, eta, method.momentum, method.nesterov, 60)
        found = expected_loss(problem, np.arange(61), 8.0, eta, **method.keywords())
        assert found == pytest.approx(expected.ravel(), rel=ROUNDING)


modes = st.lists(st.tuples(st.floats(0.01, 100), st.floats(0, 10), st.floats(0, 10)), min_size=1, max_size=5).filter(
    lambda rows: any(s > 0.01 for _, _, s in rows)
)
methods = st.sampled_from(METHODS)
shares = st.floats(1e-3, 0.999)


def built(rows):
    return NoisyQuadratic(*(np.array(column) for column in zip(*rows, strict=True)))


@given(modes, methods, shares, st.floats(0.5, 1000), st.floats(0.01, 0.99))
def test_first_passage_is_that_of_the_recursion(rows, method, share, batch_size, part):
    problem = built(rows)
    eta = share * largest_rate(problem, **method.keywords())
    history = losses(*arrays(problem), batch_size, eta, method.momentum, method.nesterov, 300).ravel()
    goal = part * history[0]
    assume(np.abs(history / goal - 1).min() > 1e-9)  # no step so close to the goal that rounding decides
    expected = first_step(history, goal)
    found = steps_at_rate(problem, goal, batch_size, eta, **method.keywords())
    assert found == expected if expected is not None else found is None or found > 300


@given(modes, methods, shares, st.integers(0, 100), st.integers(1, 100))
@example([(95.09375, 0.0, 1.0)], Method(momentum=0.99), 0.999, 1, 47)
@example([(1.0, 0.0, 1.0)], Method(momentum=0.99), 0.99609375, 0, 50)
def test_no_loss_on_the_way_is_below_the_bound(rows, method, share, first, stride):
    problem = built(rows)
    eta = share * largest_rate(problem, **method.keywords())
    half = 0.5 * problem.curvature
    spectrum = Spectrum(problem.curvature, half * problem.initial, half * problem.noise)
    built_modes = (
        MomentumModes(spectrum, eta, method.momentum, nesterov=method.nesterov)
        if method.momentum
        else PlainModes(spectrum, eta)
    )
    moments = losses(*arrays(problem), 1.0, eta, method.momentum, method.nesterov, first + stride, np.longdouble)
    history = moments.ravel().astype(float)
    rounding = 1e-12 * history.max()  # both sides may be the small rest of large numbers
    bound = _least_loss(built_modes.state(first), built_modes.state(first + stride), built_modes.angle)
    assert bound <= history[first:].min() * (1 + 1e-9) + rounding
    assert built_modes.walk(first, stride) == pytest.approx(history[first + 1 :], rel=1e-9, abs=rounding)


@dataclass(frozen=True)
class Case:
    """A problem to tune."""

    problem: NoisyQuadratic
    goal: float
    batch_size: float
    method: Method


WIDE = NoisyQuadratic(np.geomspace(1e-3, 3.0, 20), np.geomspace(1.0, 0.01, 20), np.geomspace(10.0, 1.0, 20))
SGD_CASES = (
    Case(NoisyQuadratic.harmonic(100), 0.1, 2.0, Method(0.0)),
    Case(NoisyQuadratic.harmonic(100), 0.1, 64.0, Method(0.0)),
    Case(NoisyQuadratic.harmonic(100), 0.1, 1e6, Method(0.0)),
    Case(NoisyQuadratic.harmonic(10), 1e-3, 16.0, Method(0.0)),
    Case(WIDE, 0.05, 5.0, Method(0.0)),
    Case(WIDE, 0.2, 1000.0, Method(0.0)),
    Case(SPECTRA["noise unlike curvature"], 0.3, 1.0, Method(0.0)),
)


@pytest.mark.parametrize("case", SGD_CASES, ids=lambda case: f"{len(case.problem.curvature)}-{case.batch_size:g}")
def test_no_rate_of_sgd_is_earlier(case):
    """Proven for every rate, not only for those of a grid."""
    found = steps_to_result(case.problem, case.goal, case.batch_size)
    steps = int(found.steps)
    at_best = losses(*arrays(case.problem), case.batch_size, float(found.eta), 0.0, False, steps).ravel()
    assert first_step(at_best, case.goal) == steps
    before = math.ceil(steps / FOUND) - 1
    largest = largest_rate(case.problem)
    assert no_rate_is_earlier(*arrays(case.problem), case.batch_size, case.goal, before, largest)
    # the proof is one: it fails where there is a rate that reaches the goal
    assert not no_rate_is_earlier(*arrays(case.problem), case.batch_size, case.goal, steps, largest)


MOMENTUM_CASES = (
    Case(NoisyQuadratic.harmonic(50), 0.1, 4.0, Method(0.9)),
    Case(NoisyQuadratic.harmonic(50), 0.1, 4096.0, Method(0.9)),
    Case(NoisyQuadratic.harmonic(50), 0.1, 64.0, Method(0.9, True)),
    Case(NoisyQuadratic.harmonic(38), 0.1, 8192.0, Method(0.95)),
    Case(NoisyQuadratic.harmonic(19), 0.1, 4096.0, Method(0.99)),
    Case(NoisyQuadratic.harmonic(13), 0.05, 6600.0, Method(0.5)),
    Case(WIDE, 0.2, 1000.0, Method(0.9, True)),
    Case(SPECTRA["one mode"], 0.05, 13.0, Method(0.97, True)),
)


@pytest.mark.parametrize("case", MOMENTUM_CASES, ids=lambda case: f"{len(case.problem.curvature)}-{case.method}")
def test_no_rate_of_a_grid_is_earlier_with_momentum(case):
    method = case.method
    found = steps_to_result(case.problem, case.goal, case.batch_size, **method.keywords())
    steps, eta = int(found.steps), float(found.eta)
    at_best = losses(*arrays(case.problem), case.batch_size, eta, method.momentum, method.nesterov, steps).ravel()
    assert first_step(at_best, case.goal) == steps
    largest = largest_rate(case.problem, **method.keywords())
    grid = largest / (1 + np.exp(-np.linspace(math.log(eta / largest) - 4, 8, 2000)))
    before = math.ceil(steps / FOUND) - 1
    earliest = fewest_steps(
        *arrays(case.problem), case.batch_size, method.momentum, method.nesterov, case.goal, grid, before
    )
    assert earliest is None


def test_default_problem_is_exact_and_quick():
    """10000 modes: the recursion agrees to the step, and a batch size takes under two seconds of processor time."""
    problem = NoisyQuadratic.harmonic(10_000)
    for method, batch_sizes in ((Method(0.0), (4.0, 16.0, 64.0)), (Method(0.9), (64.0,)), (Method(0.9, True), (64.0,))):
        start = time.process_time()
        found = steps_to_result(problem, 0.1, batch_sizes, **method.keywords())
        assert time.process_time() - start < 2.0 * len(batch_sizes)
        eta, steps = float(found.eta[-1]), int(found.steps[-1])
        history = losses(*arrays(problem), 64.0, eta, method.momentum, method.nesterov, steps).ravel()
        assert first_step(history, 0.1) == steps
    assert steps_to_result(problem, 0.1, [4.0, 16.0, 64.0]).steps.tolist() == [81196, 21017, 6454]


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_exact_to_the_step_over_a_billion_steps(momentum, nesterov):
    """One mode without noise: E w decays by the larger root of the characteristic equation, here in 50 digits."""
    eta, goal = 1e-9, 0.01
    with mpmath.workdps(50):
        a, m = mpmath.mpf(eta), mpmath.mpf(momentum)
        t, d = ((1 + m) * (1 - a), m * (1 - a)) if nesterov else (1 + m - a, m)
        root = mpmath.sqrt(t**2 - 4 * d)
        large, small = (t + root) / 2, (t - root) / 2
        second = 1 - a * (1 + m) if nesterov else 1 - a
        share = (second - small) / (large - small)
        expected = int(mpmath.ceil(mpmath.log(mpmath.sqrt(2 * mpmath.mpf(goal)) / share) / mpmath.log(large)))
    problem = NoisyQuadratic(np.ones(1), np.zeros(1), np.ones(1))
    assert expected > 9e8
    assert steps_at_rate(problem, goal, 1.0, eta, momentum, nesterov=nesterov) == expected


def test_one_mode_by_hand():
    """At eta = 1/h one step forgets the start and leaves n/(2 h B)."""
    problem = NoisyQuadratic(np.array([2.0]), np.array([12.0]), np.array([5.0]))
    assert expected_loss(problem, [0, 1, 7], 4.0, 0.5).tolist() == pytest.approx([5.0, 0.75, 0.75])
    assert steps_at_rate(problem, 0.75 * (1 + 1e-12), 4.0, 0.5) == 1
    assert steps_at_rate(problem, 0.75 * (1 - 1e-12), 4.0, 0.5) is None
    assert steps_at_rate(problem, 5.0 * (1 + 1e-12), 4.0, 0.5) == 0
    found = steps_to_result(problem, 0.8, [4.0, 1e9])
    assert found.steps.tolist() == [1, 1]


def test_constants_are_those_of_the_quadratic():
    problem = SPECTRA["noise unlike curvature"]
    assert problem.L == 5.0
    assert problem.Delta == pytest.approx(2 * float(expected_loss(problem, 0, 1.0, 0.1)))
    assert problem.beta == pytest.approx(4.102)


# One of each kind: how much momentum there is changes neither units nor noise, only how long a search takes.
KINDS = (Method(0.0), Method(0.5), Method(0.5, True))


@pytest.mark.parametrize("method", KINDS, ids=str)
def test_units_do_not_matter(method):
    """Powers of two scale exactly. Units lambda, c: h lambda/c^2, n (lambda/c)^2, s c^2, eta c^2/lambda."""
    problem = SPECTRA["noise unlike curvature"]
    plain = steps_to_result(problem, 0.2, [4.0, 100.0], **method.keywords())
    for loss, weight in ((0.25, 1.0), (64.0, 4.0)):
        scaled = NoisyQuadratic(
            problem.curvature * loss / weight**2, problem.noise * (loss / weight) ** 2, problem.initial * weight**2
        )
        found = steps_to_result(scaled, 0.2 * loss, [4.0, 100.0], **method.keywords())
        assert found.steps.tolist() == plain.steps.tolist()
        assert found.eta == pytest.approx(plain.eta * weight**2 / loss, rel=1e-12)


@pytest.mark.parametrize("method", KINDS, ids=str)
def test_only_noise_over_batch_size_matters(method):
    problem = SPECTRA["harmonic"]
    noisier = NoisyQuadratic(problem.curvature, 8 * problem.noise, problem.initial)
    plain = steps_to_result(problem, 0.2, 4.0, **method.keywords())
    found = steps_to_result(noisier, 0.2, 32.0, **method.keywords())
    assert (found.steps, found.eta) == (plain.steps, plain.eta)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_a_mode_may_be_split_in_two(method):
    h, n, s = arrays(SPECTRA["noise unlike curvature"])
    split = NoisyQuadratic(np.append(h, h[1]), np.append(n, 1.0), np.append(s, 0.0))
    split.noise[1] -= 1.0
    eta = 0.3 * largest_rate(split, **method.keywords())
    steps = np.arange(50)
    whole = expected_loss(SPECTRA["noise unlike curvature"], steps, 2.0, eta, **method.keywords())
    assert expected_loss(split, steps, 2.0, eta, **method.keywords()) == pytest.approx(whole, rel=1e-12)


def test_larger_batches_and_easier_goals_take_no_more_steps():
    problem = NoisyQuadratic.harmonic(200)
    by_batch = steps_to_result(problem, 0.1, 2.0 ** np.arange(0, 16)).steps
    assert (np.diff(by_batch) <= by_batch[:-1] * (FOUND - 1)).all()
    by_goal = [int(steps_to_result(problem, goal, 16.0).steps) for goal in (0.01, 0.03, 0.1, 0.3, 1.0)]
    assert (np.diff(by_goal) < 0).all()


def test_shape_of_the_batch_sizes_is_kept():
    found = steps_to_result(NoisyQuadratic.harmonic(5), 0.2, [[1.0, 2.0], [3.0, 4.0]])
    assert found.batch_size.shape == found.steps.shape == found.eta.shape == (2, 2)
    assert steps_to_result(NoisyQuadratic.harmonic(5), 0.2, 4).steps.shape == ()


ONE = np.ones(1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: NoisyQuadratic(-ONE, ONE, ONE), "curvature must be finite and > 0"),
        (lambda: NoisyQuadratic(ONE, -ONE, ONE), "noise must be finite and >= 0"),
        (lambda: NoisyQuadratic(ONE, ONE, np.array([np.nan])), "initial must be finite and >= 0"),
        (lambda: NoisyQuadratic(ONE, ONE, 0 * ONE), "initial must not be 0"),
        (lambda: NoisyQuadratic(ONE, np.ones(2), ONE), "one shape"),
        (lambda: NoisyQuadratic.harmonic(0), "dimension must be >= 1, got 0"),
        (
            lambda: steps_to_result(SPECTRA["harmonic"], 0.0, 4.0),
            "goal must be > 0 and below the loss at the start, 1.5",
        ),
        (
            lambda: steps_to_result(SPECTRA["harmonic"], 2.0, 4.0),
            "goal must be > 0 and below the loss at the start, 1.5",
        ),
        (lambda: steps_to_result(SPECTRA["harmonic"], 0.1, [4.0, 0.0]), "batch_size must be finite and > 0"),
        (lambda: steps_to_result(SPECTRA["harmonic"], 0.1, 4.0, 1.0), r"momentum must be in \[0, 1\), got 1"),
        (lambda: steps_to_result(SPECTRA["harmonic"], 1e-18, 1.0), "goal 1e-18 takes more than 9007199254740992 steps"),
    ],
)
def test_arguments_outside_their_range_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_command_prints_json(capsys):
    assert main(["--goal", "0.1", "--dimension", "50", "--batch-sizes", "4", "16.5", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    tuned = steps_to_result(NoisyQuadratic.harmonic(50), 0.1, [4.0, 16.5])
    assert found == [
        {"batch_size": size, "steps": int(steps), "eta": float(eta)}
        for size, steps, eta in zip((4, 16.5), tuned.steps, tuned.eta, strict=True)
    ]
    assert '"batch_size": 4,' in json.dumps(found)


@pytest.mark.parametrize(
    ("options", "method"),
    [("", "SGD"), ("--momentum 0.9", "heavy ball, m = 0.9"), ("--momentum 0.9 --nesterov", "Nesterov")],
)
def test_command_prints_a_table(capsys, options, method):
    assert main(f"--goal 0.1 --dimension 50 --batch-sizes 4 {options}".split()) == 0
    out = capsys.readouterr().out
    assert method in out.splitlines()[0]
    assert "L = 1, Δ = 4.49921, β = 4.49921" in out
    keywords = {"momentum": 0.9 if options else 0.0, "nesterov": "--nesterov" in options}
    tuned = steps_to_result(NoisyQuadratic.harmonic(50), 0.1, 4.0, **keywords)
    assert out.splitlines()[-1].split() == ["4", str(tuned.steps), f"{tuned.eta:.5g}"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--goal 0 --batch-sizes 4", "argument --goal: must be > 0, got 0"),
        ("--goal 7 --batch-sizes 4", "goal must be > 0 and below the loss at the start, 4.8938, got 7.0"),
        ("--goal abc --batch-sizes 4", "argument --goal: must be a finite number, got 'abc'"),
        ("--goal 0.1 --batch-sizes -4", "argument --batch-sizes: must be > 0, got -4"),
        (
            "--goal 0.1 --batch-sizes 4 --dimension 4294967295",
            "argument --dimension: must be at most 1000000, got 4294",
        ),
        ("--goal 0.1 --batch-sizes 4 --dimension 0", "argument --dimension: must be a whole number >= 1, got '0'"),
        ("--goal 0.1 --batch-sizes 4 --momentum 1", "argument --momentum: must be in [0, 1), got 1"),
        ("--goal 0.1 --batch-sizes 4 --nesterov", "--nesterov needs --momentum m with m > 0"),
        ("--batch-sizes 4", "the following arguments are required: --goal"),
    ],
)
def test_command_refuses_in_one_line(capsys, arguments, message):
    assert code_of(main, *arguments.split()) == 2
    assert_one_line(capsys, f"error: {message}")
