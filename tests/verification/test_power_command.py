"""`python -m verification.power`: the table that decides R, and what it refuses."""

import math

import numpy as np
import pytest

from benchmarks import verdicts
from benchmarks.simulated import Design, Noise
from theory import HYPERBOLA
from verification.power import Plan, main


def test_the_table_has_a_row_a_claim_and_says_how_many_replicates(capsys):
    assert main(["--replicates", "3", "5", "--sd", "0.15", "--between", "0.2"]) == 0
    told = capsys.readouterr().out
    lines = told.splitlines()
    assert max(map(len, lines)) <= 100
    assert told.startswith("9 batch sizes, dense B_crit 16, effect x 4, sd of log K 0.15 within and 0.2 between")
    (law,) = (line.split() for line in lines if line.startswith("C1 law"))
    assert law[2:] == ["0.51", "0.00", "0.85", "0.00", "5"]
    (knee,) = (line.split() for line in lines if line.startswith("C7"))
    assert int(knee[-1]) <= 3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--replicates", "1"], "--replicates: one replicate tells nothing of seeds, give 2 or more"),
        (["--sd", "0"], "argument --sd: must be > 0, got 0"),
        (["--sd", "1e-9"], "--sd: give 0.001 or more, the scatter of log K that replicates of a study show"),
        (["--between", "-1"], "argument --between: must be > 0, got -1"),
        (["--shared", "1e200"], "argument --shared: must be 100 or less, got 1e200"),
        (["--effect", "nan"], "argument --effect: must be a finite number, got 'nan'"),
        (["--batch-sizes", "1", "2", "2", "4"], "--batch-sizes: need 4 different ones"),
        (["--batch-sizes", "0.5", "2", "3", "4"], "argument --batch-sizes: must be a whole number >= 1, got '0.5'"),
    ],
)
def test_what_is_no_plan_is_refused_in_one_line(words, told, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(words)
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_a_slope_needs_two_batch_sizes_and_a_knee_sizes_near_it(capsys):
    """Without information a direction is found by chance alone, in at most 2.5% either way."""
    assert main(["--batch-sizes", "1", "2", "3", "1000000000", "--effect", "1e300", "--sd", "5"]) == 0
    told = capsys.readouterr().out
    assert "C2" in told
    assert "C3" not in told
    (knee,) = (line.split() for line in told.splitlines() if line.startswith("C7"))
    assert knee[4] == knee[5] <= "0.03"
    assert knee[-2:] == [">", "100"]


def test_the_variance_of_a_knee_is_that_of_least_squares():
    """1000 curves of nine exact points, 2% noise and a slope of their own: log B_crit by Gauss and Newton."""
    plan = Plan(within=0.02, shape=0.01, effect=1.0)
    rng, x, truth = np.random.default_rng(0), plan.x, np.array([math.log(16.0), 0.0])
    off = 0.02 * rng.standard_normal((1000, 9)) + 0.01 * rng.standard_normal((1000, 1)) * (x - x.mean())
    shares = HYPERBOLA.log_steps_jacobian(x, truth)
    found = np.linalg.lstsq(shares, off.T, rcond=None)[0]
    of_both, by_slopes = plan._knees()  # the effect is 1 in both curves
    assert np.var(found[0] - found[1]) == pytest.approx(0.02**2 * np.square(of_both[0]).sum() + by_slopes / 2, rel=0.15)


def test_more_noise_replicates_and_effect_do_what_they_should():
    few, many = (Plan().chances(count) for count in (3, 10))
    assert all(many[claim].decided >= few[claim].decided - 1e-9 for claim in few)
    noisy = Plan(within=0.4, between=0.4, shape=0.1).chances(3)
    for claim in ("C1 law", "C5 sparse needs more", "C6 ratio falls", "C7 B_crit no smaller"):
        assert noisy[claim].supported < few[claim].supported
    assert Plan(effect=1.0).chances(5)["C7 B_crit no smaller"].supported < 0.025
    assert Plan(misfit=0.3).chances(5)["C1 law"].rejected > 0.9


def test_what_a_search_shares_does_not_fall_with_the_replicates():
    few, many = (Plan(within=0.3, shared=0.1)._error([np.full(9, 1.0 / 3.0)], 0.0, count) for count in (3, 1000))
    assert few.true == pytest.approx(math.hypot(0.3 / math.sqrt(3.0), 0.1))
    assert many.true == pytest.approx(0.1, rel=5e-3)
    assert Plan(effect=2.0, shared=0.3).chances(1000)["C7 B_crit no smaller"].supported < 0.4
    assert Plan(effect=2.0).chances(1000)["C7 B_crit no smaller"].supported > 0.99


@pytest.mark.slow
@pytest.mark.parametrize(
    ("effect", "replicates", "noise"),
    [
        (2, 5, Noise(within=0.15)),
        (4, 2, Noise(within=0.15, between=0.15, shape=0.03)),
        (4, 3, Noise(within=0.15, between=0.15, shape=0.03)),
        (2, 5, Noise(within=0.15, between=0.15, shape=0.03, shared=0.1)),
    ],
)
def test_the_chances_are_those_of_the_pipeline(effect, replicates, noise, monkeypatch):
    """C7, 200 draws: within three binomial deviations, 0.1."""
    for side in ("DENSE", "SPARSE"):
        monkeypatch.setattr(verdicts, side, noise)
    case = next(case for case in verdicts.CASES if case.claim == "C7" and case.truth == f"B_crit x {effect}")
    supported, rejected = verdicts.rate(case, Design(replicates=replicates), 200)
    scatter = {name: getattr(noise, name) for name in ("within", "between", "shape", "shared")}
    plan = Plan(b_crit=500.0 / 14.0, effect=effect, **scatter).chances(replicates)["C7 B_crit no smaller"]
    assert supported == pytest.approx(plan.supported, abs=0.1)
    assert rejected <= 0.02
