"""No number from a law that its own curve rejects, and none where nothing is known; a number where the law holds."""

import math
from dataclasses import replace

import numpy as np
import pytest
from samples.verification_runs import curve_of

from verification.fits.curves import fit_curve, fit_curves
from verification.fits.fit import OPEN
from verification.inference.curve_tests import with_tests
from verification.report.advice import answer_lines, efficiency_question, step_time_question
from verification.report.rejection import beyond_which_nothing_improved, why_rejected

SIZES = tuple(2**i for i in range(4, 12))


def judged(points):
    """A curve with the tests that need no draws."""
    return with_tests(fit_curve(curve_of(points)), 0)


def noisy(law, sizes=SIZES, replicates=1, sigma=0.03, seed=0):
    rng = np.random.default_rng(seed)
    return [(b, law(b) * math.exp(sigma * rng.standard_normal())) for b in sizes for _ in range(replicates)]


def hyperbola(size):
    return 20_000.0 / size + 50.0


UP_AND_DOWN = [*zip(SIZES, (5210, 2688, 1452, 810, 501, 352, 600, 1500), strict=True)]
RISING = [*zip(SIZES[:5], (100, 200, 400, 800, 1600), strict=True)]
FALLS_THEN_RISES = [(16, 1000), (32, 500), (64, 250), (128, 600), (256, 1400)]
STEP = noisy(lambda b: hyperbola(b) * (2.0 if b == 64 else 1.0), replicates=3)
WITHIN = noisy(lambda b: hyperbola(b) * (1.15 if b == 64 else 1.0), replicates=3)


@pytest.mark.parametrize(
    ("points", "by", "measured"),
    [
        (UP_AND_DOWN, "rainbow, p < 0.001", "no batch size measured above 512 took fewer steps than its 352"),
        (RISING, "K falls with B, p < 0.001", "no batch size measured above 16 took fewer steps than its 100"),
        (
            FALLS_THEN_RISES,
            "K falls with B, p < 0.001",
            "no batch size measured above 64 took fewer steps than its 250",
        ),
        (STEP, "misfit of 25% between replicates", "the largest batch size measured, 2048, took the fewest steps"),
    ],
    ids=["down and up", "up", "few points, down and up", "one batch size off, replicates"],
)
def test_no_number_from_a_law_that_its_curve_rejects(points, by, measured):
    curve = judged(points)
    for question in (efficiency_question(0.5), step_time_question(1.0, 0.01)):
        text = " ".join(" ".join(answer_lines(question, [curve])).split())
        assert "No number for sparsity 0%: the law is rejected here by " in text
        assert by in text
        assert measured in text
        assert "batch size [95%]" not in text


@pytest.mark.parametrize("points", [noisy(hyperbola, replicates=2), WITHIN], ids=["no misfit", "less than a tenth"])
def test_a_curve_that_keeps_the_law_has_its_number(points):
    text = "\n".join(answer_lines(efficiency_question(0.5), [judged(points)]))
    assert "sparsity 0%  4" in text  # B_crit = 400
    assert "No number" not in text


def test_where_the_claim_is_rejected_no_answer_contradicts_it():
    curve = judged(noisy(hyperbola, replicates=3))
    assert why_rejected(curve) is None
    assert why_rejected(curve, {"sparsity 0%"}).startswith("misfit of ")
    assert "No number for sparsity 0%" in answer_lines(efficiency_question(0.5), [curve], {"sparsity 0%"})[1]


@pytest.mark.parametrize(
    ("points", "told"),
    [
        ([(b, 0, 5) for b in (2, 4, 16, 64)], "sparsity 0%."),
        ([(b, 6000, None) for b in (2, 4, 16)], "sparsity 0%."),
        ([(1, 80, 85), (2, 40, 45), (4, 0, 5), (8, 0, 5)], "sparsity 0%."),
        (
            [(b, 200.0 + b % 3) for b in SIZES[:5]],
            "sparsity 0%; no batch size measured above 16 took fewer steps than its 201",
        ),
    ],
    ids=["first tests", "spent budgets", "two points and first tests", "flat"],
)
def test_no_answer_where_nothing_is_known(points, told):
    text = " ".join(" ".join(answer_lines(efficiency_question(0.5), [judged(points)])).split())
    assert f"No answer, the critical batch size is not known: {told}" in text
    assert "batch size [95%]" not in text


def test_a_critical_batch_size_open_on_both_sides_is_no_answer():
    curve = judged(noisy(hyperbola))
    law = curve.laws["H"]
    blind = replace(law, intervals={**law.intervals, "b_crit": OPEN})
    lines = answer_lines(efficiency_question(0.5), [replace(curve, laws={**curve.laws, "H": blind})])
    assert lines[1].startswith("No answer, the critical batch size is not known: sparsity 0%")


def test_no_batch_size_below_one_is_recommended():
    """B_crit = 400: at an efficiency of 0.999 the law asks for 0.4 examples."""
    lines = answer_lines(efficiency_question(0.999), [judged(noisy(hyperbola))])
    assert lines[-1] == "No answer, the law puts it below one example a step: sparsity 0%."


@pytest.mark.parametrize(
    ("points", "told"),
    [
        ([(4, 90), (8, 50), (16, 50), (32, 60)], "no batch size measured above 8 took fewer steps than its 50"),
        ([(4, 90), (8, 50), (8, 72), (16, 70)], "no batch size measured above 8 took fewer steps than its 60"),
        ([(4, 85, 90), (8, 45, 50), (16, 400, None)], "no batch size measured above 8 took fewer steps than its 47.4"),
        ([(4, 85, 90), (8, 45, 50), (16, 0, 5), (32, 5, 10)], ""),
        ([(4, 85, 90), (8, 45, 50), (16, 0, 64)], ""),
        ([(4, 85, 90), (8, 45, 50), (8, 400, None), (16, 20, 25), (16, 40, None)], ""),
        ([(4, 90), (8, 50), (16, 20)], "the largest batch size measured, 16, took the fewest steps, 20"),
    ],
)
def test_beyond_which_batch_size_nothing_improved(points, told):
    assert beyond_which_nothing_improved(judged(points)) == told


@pytest.mark.slow
@pytest.mark.parametrize("replicates", [1, 3])
def test_a_law_that_holds_is_seldom_refused(replicates):
    """60 hyperbolas: 5%, with replicates at most twice that; 13 or more of 60 have a probability of .005 at 10%."""
    drawn = [curve_of(noisy(hyperbola, replicates=replicates, sigma=0.1, seed=seed)) for seed in range(60)]
    refused = [why_rejected(with_tests(one, 0)) is not None for one in fit_curves(drawn)]
    assert sum(refused) < 13
