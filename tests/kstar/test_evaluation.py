"""`kstar.evaluate` and `kstar.critical_batch_size`: theory's own numbers, from whatever holds them."""

import numpy as np
import pandas as pd
import pytest

import kstar
from theory.evaluation.evaluate import evaluate

KNOWN = {"L": 1.76, "Delta": 4.68, "beta": 107, "epsilon": 0.1}


@pytest.mark.parametrize("sizes", [[16, 256], np.array([16, 256]), pd.Series([16, 256]), (16.0, 256.0)])
def test_numbers_are_those_of_theory(sizes):
    found, theirs = kstar.evaluate("tuned", batch_sizes=sizes, **KNOWN), evaluate("tuned", [16, 256], **KNOWN)
    assert found.steps.tolist() == theirs.steps.tolist()
    assert (found.c1, found.c2, found.critical_batch_size) == (theirs.c1, theirs.c2, theirs.critical_batch_size)
    assert found.table["steps"].tolist() == theirs.steps.tolist()


def test_one_batch_size_is_enough_and_is_shown():
    found = kstar.evaluate("tuned", 10, L=1, Delta=2, beta=1, epsilon=0.01)  # 20000/B + 200
    assert repr(found).splitlines()[0] == "c1 20000, c2 200, critical batch size 100"
    assert found.steps.tolist() == [2200.0]
    assert "<td>2200</td>" in found._repr_html_()


def test_where_the_bound_says_nothing_there_is_a_caveat():
    found = kstar.evaluate("fixed", [16, 256], eta=0.1, **KNOWN)
    assert np.isnan(found.table["steps"][0])
    assert found.caveats == ("at eta = 0.1 the sharp bound says nothing up to B = 103.246",)
    assert found.caveats[0] in repr(found)


@pytest.mark.parametrize(
    ("model", "sizes", "more", "said"),
    [
        ("nope", [1], {}, "model must be one of paper, fixed, tuned, decaying"),
        (None, [1], {}, "model must be one of"),
        ("tuned", [], {}, "batch_sizes is empty"),
        ("tuned", ["a"], {}, r"batch_sizes\[0\] is 'a': give a number"),
        ("tuned", -1, {}, "must be finite and > 0"),
        ("tuned", [1], {"L": None}, "L is None: give a number"),
        ("tuned", [1], {"eta": "a"}, "eta is 'a': give a number"),
        ("fixed", [1], {}, "eta is needed for fixed"),
    ],
)
def test_what_cannot_be_evaluated_is_one_sentence(model, sizes, more, said):
    with pytest.raises(ValueError, match=said):
        kstar.evaluate(model, sizes, **{**KNOWN, **more})


def test_a_critical_batch_size_is_a_ratio_of_numbers_or_estimates():
    assert kstar.critical_batch_size(51_200, 200) == 256.0
    fit = kstar.fit([16, 32, 64, 128], [2 * 800 / size + 2 for size in (16, 32, 64, 128)])
    assert kstar.critical_batch_size(fit.c1, fit.c2) == pytest.approx(800)
    for wrong in ("a", -1, None, float("nan")):
        with pytest.raises(ValueError, match="c1"):
            kstar.critical_batch_size(wrong, 200)
