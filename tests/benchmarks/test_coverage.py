"""Coverage of intervals where seeds and searches move many points together: a small version of the benchmark."""

import json

import numpy as np
import pytest

from benchmarks.coverage import ALONE, SETTINGS, coverage, main
from benchmarks.simulated import Design, Noise, measured

BY_NAME = {setting.name: setting for setting in (*SETTINGS, *ALONE)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "replicates"),
    [("seeds as Nesterov at 90%", 5), ("seeds, search shared, 10%", 5), ("seeds with a slope each", 3)],
)
def test_intervals_hold_the_truth_as_often_as_they_say(name, replicates):
    """300 pairs of curves: 91% at least; of a true 95% a share below it has a probability of 2 in 1000.

    Points taken as independent cover less than 85% of at least one constant in each of these settings.
    """
    found = coverage(BY_NAME[name], replicates, 300)
    assert min(now for _, now in found.values()) >= 0.91
    assert min(before for before, _ in found.values()) < 0.85


@pytest.mark.slow
@pytest.mark.parametrize("name", ["noise falls fourfold", "noise rises fourfold"])
def test_noise_that_varies_with_the_batch_size_costs_little_without_replicates(name):
    """600 pairs: 90% at least, where the scatter about the law alone covers some constant less than 88%."""
    found = coverage(BY_NAME[name], 1, 600)
    assert min(now for _, now in found.values()) >= 0.90
    assert min(before for before, _ in found.values()) < 0.91


def test_drawn_curves_scatter_as_they_should():
    """Seeds 0.3, single studies 0.1 at the middle and four times as much at the end, 2000 curves."""
    rng, noise = np.random.default_rng(0), Noise(within=0.1, between=0.3, rise=16.0)
    sizes = np.array([1.0, 2.0, 4.0])
    drawn = np.array([noise.drawn(rng, sizes, 2) for _ in range(2000)])
    assert drawn.std(axis=(0, 1)) == pytest.approx(np.sqrt(0.09 + np.array([0.025, 0.1, 0.4]) ** 2), rel=0.05)
    assert (drawn[:, 0] * drawn[:, 1]).mean() == pytest.approx(0.0, abs=0.01)
    shared = np.array([Noise(within=0.0, shared=0.2).drawn(rng, sizes, 3) for _ in range(500)])
    assert (shared == shared[:, :1]).all()
    assert shared.std() == pytest.approx(0.2, rel=0.1)


def test_counts_are_read_at_goal_tests_up_to_a_budget():
    design = Design(sizes=(1, 2), replicates=2, step=4.0, budget=90.0)
    curve = measured(np.random.default_rng(0), design, np.log([98.5, 49.0]), Noise(within=0.0), "w")
    assert [(p.batch_size, p.replicate, p.lower, p.upper) for p in curve.points] == [
        (1, 0, 90.0, None),
        (1, 1, 90.0, None),
        (2, 0, 48.0, 52.0),
        (2, 1, 48.0, 52.0),
    ]


def test_the_command_prints_a_row_a_setting(tmp_path, capsys):
    to = tmp_path / "found.json"
    assert main(["--curves", "4", "--replicates", "2", "--json", str(to)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(SETTINGS)
    assert json.loads(to.read_text()).keys() == {f"{setting.name}, R = 2" for setting in SETTINGS}
