"""What a falling rate costs on a noisy quadratic, against a loop over its modes and against every other first rate."""

import json
import math

import numpy as np
import pytest
from reference.theory.noisy_quadratic import first_step_with_decay
from tools.commands import assert_one_line, code_of

from theory.noisy_quadratic.__main__ import main
from theory.noisy_quadratic.decays import cost_of_decay
from theory.noisy_quadratic.problem import NoisyQuadratic, largest_rate

WIDE = NoisyQuadratic(np.geomspace(1e-2, 3.0, 8), np.geomspace(1.0, 0.01, 8), np.geomspace(10.0, 1.0, 8))
CASES = {
    "noise": (NoisyQuadratic.harmonic(8), 0.1, 2.0, 0.1),
    "curvature": (NoisyQuadratic.harmonic(8), 0.1, 1e4, 0.1),
    "wide": (WIDE, 0.2, 16.0, 0.3),
    "nearly constant": (WIDE, 0.2, 16.0, 0.9),
}


def of(problem):
    return problem.curvature, problem.noise, problem.initial


@pytest.mark.parametrize("name", CASES)
def test_no_first_rate_of_a_grid_is_earlier(name):
    problem, goal, batch_size, end_factor = CASES[name]
    cost = cost_of_decay(problem, goal, batch_size, end_factor)
    decay_steps, steps, eta = int(cost.constant.steps), int(cost.decaying.steps), float(cost.decaying.eta)

    def passage(first_rate, most):
        return first_step_with_decay(*of(problem), batch_size, first_rate, decay_steps, end_factor, goal, most)

    assert passage(eta, steps) == steps
    # Between two of the rates tried, 0.05% apart, K changes by no more than two tenths of a percent, or a step.
    largest = min(4.0 * float(cost.constant.eta), largest_rate(problem))
    grid = np.geomspace(0.5 * float(cost.constant.eta), largest, 400, endpoint=False)
    assert all(passage(rate, math.ceil(0.998 * steps) - 2) is None for rate in grid)


def test_a_decay_to_nearly_the_same_rate_costs_nothing():
    cost = cost_of_decay(NoisyQuadratic.harmonic(50), 0.1, [2.0, 64.0, 1e5], 1.0)
    # Steps of a constant rate are least to 0.1%, those of a decay over rates 0.05% apart.
    assert cost.steps_ratio == pytest.approx(1.0, abs=0.002)
    assert cost.rate_ratio == pytest.approx(1.0, abs=0.03)


def test_units_and_noise_over_batch_size_do_not_matter():
    """Powers of two scale exactly: lambda = 64, c = 4, and eight times the noise at eight times the batch size."""
    plain = cost_of_decay(WIDE, 0.2, [4.0, 64.0], 0.1)
    scaled = NoisyQuadratic(WIDE.curvature * 4.0, WIDE.noise * 8 * 256.0, WIDE.initial * 16.0)
    found = cost_of_decay(scaled, 0.2 * 64.0, [32.0, 512.0], 0.1)
    assert found.decaying.steps.tolist() == plain.decaying.steps.tolist()
    assert found.rate_ratio == pytest.approx(plain.rate_ratio, rel=1e-12)


def test_two_steps_by_hand():
    """h = n = s = 1, B = 4, first rate 1/2 that falls by a quarter of itself a step: 1/2, then 3/8."""
    problem = NoisyQuadratic(np.ones(1), np.ones(1), np.ones(1))
    left = (5 / 8) ** 2 * ((1 / 2) ** 2 + 1 / 16) + (3 / 8) ** 2 / 4
    assert first_step_with_decay(*of(problem), 4.0, 0.5, 3, 0.25, left / 2 * (1 + 1e-12), 5) == 2
    assert first_step_with_decay(*of(problem), 4.0, 0.5, 3, 0.25, left / 2 * (1 - 1e-12), 2) is None


def test_small_batches_gain_by_a_decay_and_large_ones_lose():
    """Where noise rules, a run forgets that of its early steps; without noise only the sum of rates counts."""
    cost = cost_of_decay(NoisyQuadratic.harmonic(200), 0.1, [4.0, 64.0, 1e6], 0.1)
    assert cost.steps_ratio[0] < 0.75
    assert (np.diff(cost.steps_ratio) > 0).all()
    # The first rate can hardly be larger: 0.55 of a constant rate's sum is there after K*, the rest by a tenth a step.
    assert 1.0 <= cost.rate_ratio[2] < 1.1
    assert cost.steps_ratio[2] == pytest.approx(1 + (1 / cost.rate_ratio[2] - 0.55) / 0.1, rel=0.15)


@pytest.mark.slow
def test_the_page_tells_the_default_problem():
    """`docs/evaluate.md` tells these."""
    cost = cost_of_decay(NoisyQuadratic.harmonic(10_000), 0.1, [16.0, 256.0, 4096.0], 0.1)
    assert cost.steps_ratio.round(2).tolist() == [0.64, 2.84, 4.93]
    assert cost.rate_ratio.round(2).tolist() == [2.23, 1.14, 1.03]


def test_shape_of_the_batch_sizes_is_kept():
    cost = cost_of_decay(NoisyQuadratic.harmonic(5), 0.2, [[1.0, 2.0], [3.0, 4.0]], 0.5)
    assert cost.decaying.steps.shape == cost.rate_ratio.shape == (2, 2)
    assert cost_of_decay(NoisyQuadratic.harmonic(5), 0.2, 4, 0.5).steps_ratio.shape == ()


@pytest.mark.parametrize("end_factor", [0.0, -0.1, 1.1, float("nan")])
def test_end_factors_outside_their_range_are_refused(end_factor):
    with pytest.raises(ValueError, match=r"end_factor must be in \(0, 1\]"):
        cost_of_decay(NoisyQuadratic.harmonic(5), 0.2, 4.0, end_factor)


def test_decays_of_more_steps_than_are_followed_are_refused():
    with pytest.raises(ValueError, match="takes more than 1000000 steps with a decay at batch size 1"):
        cost_of_decay(NoisyQuadratic.harmonic(3), 1e-7, 1.0, 0.1)


def test_command_prints_both(capsys):
    arguments = ["--goal", "0.1", "--dimension", "50", "--batch-sizes", "4", "16.5", "--decay-to", "0.1"]
    cost = cost_of_decay(NoisyQuadratic.harmonic(50), 0.1, [4.0, 16.5], 0.1)
    assert main([*arguments, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["steps_with_decay"] for row in found] == cost.decaying.steps.tolist()
    assert [row["first_eta"] for row in found] == cost.decaying.eta.tolist()
    assert [row["steps"] for row in found] == cost.constant.steps.tolist()
    assert main(arguments) == 0
    last = capsys.readouterr().out.splitlines()[-1].split()
    assert last[:3] == ["16.5", str(cost.constant.steps[1]), str(cost.decaying.steps[1])]
    assert float(last[3]) == pytest.approx(cost.steps_ratio[1], abs=5e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--decay-to", "0"], "must be above 0 and below 1"),
        (["--decay-to", "1"], "must be above 0 and below 1"),
        (["--decay-to", "a"], "must be a finite number"),
        (["--decay-to", "0.1", "--momentum", "0.9"], "--decay-to is of SGD: leave out --momentum"),
    ],
)
def test_command_refuses_in_one_line(options, message, capsys):
    assert code_of(main, "--goal", "0.1", "--dimension", "5", "--batch-sizes", "4", *options) == 2
    assert_one_line(capsys, message)
