"""Rates of verdicts at known truths: a small version of the benchmark."""

import json

import pytest

from benchmarks import verdicts
from benchmarks.simulated import Design, Noise
from benchmarks.verdicts import CASES, main, rate

DRAWS = 60
# 5% and three binomial standard deviations of 60 draws.
SELDOM = 0.05 + 3.0 * (0.05 * 0.95 / DRAWS) ** 0.5


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.claim}, {case.truth}")
def test_a_verdict_is_seldom_wrong(case):
    """Nine batch sizes, five replicates: no truth is rejected and no falsehood supported in more than 5%."""
    supported, rejected = rate(case, Design(replicates=5), DRAWS)
    assert rejected <= SELDOM or case.holds is False
    assert supported <= SELDOM or case.holds is True


@pytest.mark.parametrize("claim", list(dict.fromkeys(case.claim for case in CASES)))
def test_every_verdict_can_be_won_and_lost(claim, monkeypatch):
    """With little noise and ten replicates, of eight draws where it holds and where it fails by most."""
    for side in ("DENSE", "SPARSE"):
        monkeypatch.setattr(verdicts, side, Noise(within=0.02, between=0.02))
    monkeypatch.setattr(verdicts, "_off", lambda rng, _: 1.0 + 0.01 * rng.standard_normal())
    every = [case for case in CASES if case.claim == claim]
    won, lost = every[0], [case for case in every if case.holds is False][-1]
    assert rate(won, Design(replicates=10), 8) == (1.0, 0.0)
    assert rate(lost, Design(replicates=10), 8) == (0.0, 1.0)


def test_the_command_prints_a_row_a_truth(tmp_path, capsys):
    to = tmp_path / "found.json"
    assert main(["--draws", "2", "--claims", "C11", "--json", str(to)]) == 0
    lines = capsys.readouterr().out.splitlines()
    rates = [one["rates"] for one in json.loads(to.read_text())]
    assert len(lines) == 2 + len(rates) == 2 + sum(case.claim == "C11" for case in CASES)
    assert all(of_design[-1] is None for of_design in rates)  # one seed of the constants has no error
