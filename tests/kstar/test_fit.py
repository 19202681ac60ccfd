"""`kstar.fit`: what it says is what verification says, and can be checked by hand."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

import kstar
from kstar.given import curve
from verification.fits.curves import fit_curve
from verification.records.curves import Curve, CurvePoint

SIZES = [16, 32, 64, 128, 256, 512]
STEPS = [5210, 2688, 1452, 810, 501, 352]
LOWER = [steps - 10 for steps in STEPS]
EXACT = [25600 / size + 100 for size in SIZES]  # c1 = 25600, c2 = 100, B_crit = 256
NOT_SEEDS = "Intervals are between batch sizes only, not between seeds."


@pytest.fixture(autouse=True)
def _no_window():
    with mpl.rc_context({"backend": "agg"}):
        yield
    plt.close("all")


@pytest.fixture(scope="module")
def fit():
    return kstar.fit(SIZES, STEPS)


@pytest.mark.parametrize(
    "steps", [[800, 400, 200, 100], [800, 401, 200, 100], [100, 100, 100, 100], [400, 250, 175, 138]]
)
def test_exact_scaling_of_any_kind_is_fitted(steps):
    """K = c1/B alone, on whose last batch size law I has its pole; a plateau alone; and both."""
    found = kstar.fit([1, 2, 4, 8], steps)
    assert found.law.fit.converged
    assert found.law.fit.worst_residual < 0.005
    assert str(found.card())


def plain(lower=STEPS):
    """Return the law as verification fits it."""
    points = [CurvePoint(*known) for known in zip(SIZES, [0] * 6, map(float, lower), map(float, STEPS), strict=True)]
    return fit_curve(Curve(points=tuple(points))).hyperbola


def interval(estimate):
    return estimate.low, estimate.high


@pytest.mark.parametrize("lower", [None, LOWER])
def test_constants_and_intervals_are_those_of_verification(lower):
    fit, law = kstar.fit(SIZES, STEPS, lower), plain(lower or STEPS)
    for name, found in {"c1": fit.c1, "c2": fit.c2, "b_crit": fit.critical_batch_size}.items():
        assert found.value == law.estimates[name]
        assert interval(found) == (law.intervals[name].low, law.intervals[name].high)
        assert found.low < float(found) < found.high


def test_an_exact_curve_gives_its_constants_back():
    fit = kstar.fit(SIZES, EXACT)
    assert [float(one) for one in (fit.c1, fit.c2, fit.critical_batch_size)] == pytest.approx([25600, 100, 256])
    half = fit.batch_size_for(efficiency=0.5)
    assert (half.batch_size.value, half.steps, half.caveats) == (pytest.approx(256), pytest.approx(200), (NOT_SEEDS,))
    fastest = fit.batch_size_for(step_time=(0.04, 0.01))  # sqrt(256 * 4) = 32, (16 + 2)^2 by result 18
    assert (fastest.batch_size.value, fastest.total_time) == (pytest.approx(32), pytest.approx(324))


KINDS = {
    "arrays": np.array,
    "tuples": tuple,
    "generators": lambda values: (one for one in values),
    "tensors": torch.tensor,
    "columns": lambda values: pd.DataFrame({"x": values}, index=range(5, 11))["x"],
    "nullable columns": lambda values: pd.Series(values, dtype="Int64"),
    "decimals": lambda values: [Decimal(one) for one in values],
    "fractions": lambda values: [Fraction(one) for one in values],
    "numbers of numpy": lambda values: list(np.array(values)),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_whatever_holds_numbers_is_taken(fit, kind):
    assert curve(kind(SIZES), kind(STEPS)) == fit.fitted.curve
    assert curve(kind(SIZES), kind(STEPS), kind(STEPS)) == fit.fitted.curve


def test_the_order_does_not_matter_and_equal_batch_sizes_are_repetitions(fit):
    assert curve(SIZES[::-1], STEPS[::-1]) == fit.fitted.curve
    assert [point.replicate for point in curve(SIZES * 2, [*STEPS, *(k + 1 for k in STEPS)]).points] == [0, 1] * 6


@pytest.mark.parametrize("missing", [None, float("nan"), float("inf"), pd.NA])
def test_a_goal_that_was_not_met_is_a_bound(missing):
    points = curve(SIZES, [missing, *STEPS[1:]], lower=[4000, *[None] * 5]).points
    assert points[:2] == (CurvePoint(16, 0, 4000.0, None), CurvePoint(32, 0, 2688.0, 2688.0))


@pytest.mark.parametrize("seeds", [[7, 3], ["late", "early"], np.array([2.0, 1.0])])
def test_runs_of_one_seed_are_one_replicate_in_any_order(seeds):
    slower = [1.1 * k for k in STEPS]
    crossed = [*STEPS[:3], *slower[3:], *slower[:3], *STEPS[3:]]
    named = np.asarray(seeds)[[0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0]]
    expected = kstar.fit(SIZES * 2, STEPS + slower).c1
    assert kstar.fit(SIZES * 2, crossed, replicate=named).c1 == expected
    assert kstar.fit(SIZES * 2, crossed).c1 != expected
    assert [p.upper for p in curve(SIZES * 2, crossed, replicate=named).points if p.replicate == 0] == STEPS


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        ([0] * 5, "batch_sizes and replicate have 6 and 5 values"),
        (0, "batch_sizes and replicate have 6 and 1 values"),
        ([None, *range(5)], r"replicate\[0\] is None: give a number"),
        ([*range(5), float("nan")], r"replicate\[5\] is missing: give the seed"),
        (["", *"abcde"], r"replicate\[0\] is missing: give the seed"),
        (set(range(6)), "replicate is a set: give a list"),
    ],
)
def test_seeds_that_do_not_fit_are_one_sentence(seeds, said):
    with pytest.raises(ValueError, match=said):
        kstar.fit(SIZES, STEPS, replicate=seeds)


def test_a_seed_twice_at_one_batch_size_is_refused():
    with pytest.raises(ValueError, match="batch size 16 has a replicate twice: give each of its runs another"):
        kstar.fit([16, *SIZES], [5000, *STEPS], replicate=[1] * 7)


REFUSED = [
    ([], [], None, "batch_sizes is empty: give"),
    (SIZES, STEPS[1:], None, "6 and 5 values: give one of each"),
    (SIZES, STEPS, LOWER[1:], "batch_sizes and lower have 6 and 5 values"),
    (16, 5210, None, "a fit needs 3 batch sizes that reached the goal, there is 1"),
    (SIZES, STEPS, 0, "the goal was met at the first test"),
    (SIZES, [None, *STEPS[1:]], None, r"steps\[0\] is missing: give lower\[0\]"),
    (SIZES, ["5210", *STEPS[1:]], None, r"steps\[0\] is '5210': give a number"),
    (SIZES, [True, *STEPS[1:]], None, r"steps\[0\] is True: give a number"),
    (SIZES, [0, *STEPS[1:]], None, r"steps\[0\] is 0: give a number in"),
    (SIZES, [1e300, *STEPS[1:]], None, r"steps\[0\] is 1e\+300: give a number in"),
    ([16.5, *SIZES[1:]], STEPS, None, r"batch_sizes\[0\] is 16.5: give a whole number"),
    ([0, *SIZES[1:]], STEPS, None, r"batch_sizes\[0\] is 0: give"),
    ([10**400, *SIZES[1:]], STEPS, None, r"batch_sizes\[0\] is 1000+\.\.\.0+: give a number"),
    (SIZES, STEPS, [400] * 6, r"lower\[5\] is 400, above steps\[5\] = 352: give"),
    (SIZES, STEPS, [-1] * 6, r"lower\[0\] is -1: give"),
    (np.array(SIZES)[:, None], STEPS, None, "batch_sizes has 2 axes: give one list"),
    (pd.DataFrame({"B": SIZES}), STEPS, None, "one column of the table"),
    ("batch", "steps", None, "batch_sizes is a str: give a list"),
    (set(SIZES), STEPS, None, "batch_sizes is a set: give a list of numbers in order"),
    (SIZES, [[1]] * 6, None, r"steps\[0\] is \[1\]: give a number"),
]


@pytest.mark.parametrize(("sizes", "steps", "lower", "said"), REFUSED)
def test_what_cannot_be_fitted_is_one_sentence(sizes, steps, lower, said):
    with pytest.raises(ValueError, match=said) as error:
        kstar.fit(sizes, steps, lower)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "give one of the two"),
        ({"efficiency": 0.5, "step_time": (1, 1)}, "give one of the two"),
        *(
            ({"efficiency": one}, "efficiency is .*: give a number between 0 and 1")
            for one in (0, 1, "0.5", True, [0.5])
        ),
        *(({"step_time": one}, "two numbers > 0") for one in (3, (1,), (1, 2, 3), (0, 1), (1, float("inf")), "ab")),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(fit, asked, said):
    with pytest.raises(ValueError, match=said):
        fit.batch_size_for(**asked)


def test_advice_says_where_it_has_no_number_and_why(fit):
    far = fit.batch_size_for(0.01)
    assert far.batch_size.value > 512
    assert far.caveats == ("Outside the batch sizes measured, an extrapolation of the law.", NOT_SEEDS)
    bent = kstar.fit(SIZES, [steps**2 / 1000 for steps in STEPS]).batch_size_for(0.5)
    assert bent.batch_size == kstar.Estimate(None, None, None)
    assert bent.caveats[0].startswith("No number: the law is rejected here by alpha = 1, p < 0.001")
    with pytest.raises(ValueError, match="measure smaller or larger batch sizes"):
        float(bent.batch_size)


def test_advice_does_not_contradict_a_report_that_rejects_the_law():
    fit = kstar.fit(2 * SIZES, [*STEPS, *(steps + 4 for steps in STEPS)])
    assert fit.caveats == ("Intervals are between 2 replicates.",)
    claims = [replace(one, against=("sparsity 0%",)) if one.id == "C1" else one for one in fit.analysis.claims]
    judged = replace(fit, analysis=replace(fit.analysis, claims=tuple(claims)))
    assert fit.batch_size_for(0.5).batch_size.value is not None
    assert judged.batch_size_for(0.5).batch_size.value is None


def test_coarse_counts_are_a_caveat():
    caveat, units = kstar.fit(SIZES, [400, 200, 100, 50, 25, 2]).caveats
    assert units == NOT_SEEDS
    assert caveat.startswith("K* is 3 steps or fewer at B = 512")


def test_fits_and_advice_show_themselves_in_a_line(fit):
    assert repr(fit) == "Fit(c1 79900 [78600, 81300], c2 193 [176, 210], critical batch size 414 [375, 460], n 6)"
    assert "<td>79900 [78600, 81300]</td>" in fit._repr_html_()
    advice = fit.batch_size_for(0.5)
    assert repr(advice) == f"batch size 414 [375, 460], steps 386\n{NOT_SEEDS}"
    assert "<th>batch size [95%]</th>" in advice._repr_html_()
    assert f"{fit.c2:.1f}, {fit.c2}" == "193.0, 193 [176, 210]"


def test_a_plot_shows_points_law_band_and_critical_batch_size(fit):
    axes = fit.plot()
    assert {line.get_label() for line in axes.lines} >= {"fit", "critical batch size"}
    (law,) = [line for line in axes.lines if line.get_label() == "fit"]
    found = np.asarray(law.get_ydata())
    assert found == pytest.approx(float(fit.c1) / np.asarray(law.get_xdata()) + float(fit.c2))
    assert [one.get_label() for one in axes.collections if one.get_label() == "band"] == ["band"]


def test_a_plot_goes_where_it_is_told_to_and_leaves_what_is_there_in_sight(fit):
    _, axes = plt.subplots()
    assert fit.plot(ax=axes) is axes
    kstar.fit([1, 2, 4, 8], [10000, 6000, 4000, 3000]).plot(axes, color="red")
    assert all(axes.viewLim.contains(*point) for point in ((1, 10000), (8, 3000), (16, 5210), (512, 352)))
    with pytest.raises(ValueError, match="ax is a ndarray: give one matplotlib Axes"):
        fit.plot(ax=plt.subplots(1, 2)[1])
