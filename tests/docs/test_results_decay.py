"""What the page of results says of decaying rates is what the runs and the noisy quadratic say."""

import json
import math

import numpy as np
import pytest
from tools.commands import rows
from tools.results_page import EVIDENCE, PAGE, cells, rates_of, ratio_told, with_ends

from theory.noisy_quadratic.__main__ import main as quadratic_main


def of_the_decay(value):
    """Return a value of the runs with and without the decay, by run, sparsity, batch size and replicate."""
    return {
        (run, float(row["sparsity"]), int(row["batch_size"]), int(row["replicate"])): value(row)
        for run in ("digits-sgd", "digits-sgd-decay-seen")
        for row in rows(EVIDENCE / run / "curves.csv")
    }


def first_rate(row):
    """Return the winner's rate, its first one where it falls."""
    return json.loads(row["metaparameters"])["learning_rate"]


@pytest.mark.parametrize(
    ("value", "name"),
    [(lambda row: float(row["steps_at_best_rate"]), "with a decay"), (first_rate, "first rate")],
    ids=["steps", "rates"],
)
def test_what_a_decay_changes_is_that_of_the_runs(value, name):
    """Those with the decay stand where `ratio_told` has the sparse ones, those at a constant rate for the dense."""
    sizes = [int(size) for size in cells("first rate at B =")[1:]]
    values = of_the_decay(value)
    sides = {90.0: "digits-sgd-decay-seen", 0.0: "digits-sgd"}
    for sparsity, subject in ((0.0, "dense"), (90.0, "90%")):
        both = [
            {(s, 1, r): values[run, sparsity, size, r] for s, run in sides.items() for r in range(10)} for size in sizes
        ]
        assert cells(f"{name}, {subject}")[1:] == [ratio_told(of, 1, 10) for of in both]


def test_slopes_of_first_rates_are_those_of_the_runs():
    """Of the logarithm on ln B, with the 90% interval that `evidence/PROTOCOL.md` asks for."""
    rates, sizes = of_the_decay(first_rate), [2**i for i in range(9)]
    paragraph = PAGE.split("**At 90% it agrees in direction.**")[1].split("The quadratic is")[0]
    for sparsity in (90.0, 0.0):
        slopes = [
            np.polyfit(
                np.log(sizes),
                [
                    math.log(rates["digits-sgd-decay-seen", sparsity, b, r] / rates["digits-sgd", sparsity, b, r])
                    for b in sizes
                ],
                1,
            )[0]
            for r in range(10)
        ]
        mean, low, high = (f"{end:.3f}" for end in with_ends(slopes, 0.90))
        assert f"slope of their logarithm is {mean}" in paragraph or f"slope is {mean}" in paragraph
        assert f"[{low}, {high}]" in paragraph


@pytest.mark.slow  # tens of thousands of steps of a thousand modes
def test_the_noisy_quadratic_of_the_page_is_that_of_the_command(capsys):
    sizes = [str(89 / 20 * 2**i) for i in range(9)]
    options = ["--goal", "0.1", "--decay-to", "0.1", "--format", "json", "--batch-sizes", *sizes]
    assert quadratic_main(options) == 0
    found = json.loads(capsys.readouterr().out)
    assert cells("on a noisy quadratic")[1:] == [f"{row['steps_with_decay'] / row['steps']:.3g}" for row in found]
    assert cells("first rate, noisy quadratic")[1:] == [f"{row['first_eta'] / row['eta']:.3g}" for row in found]


def test_sums_of_a_decays_rates_are_those_of_the_verdicts():
    slopes = [found["product"] for found in rates_of("digits-sgd-decay-seen").values()]
    dense, sparse = ("{:.3f} [{:.3f}, {:.3f}]".format(one["estimate"], *one["interval"]) for one in slopes)
    assert f"is {dense} dense and {sparse} at 90%" in " ".join(PAGE.split())
