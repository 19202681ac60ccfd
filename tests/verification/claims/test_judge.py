"""The rule that turns evidence into a verdict, and the correction for the number of tests."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from verification.claims.evidence import Evidence, Material, equal_evidence, sign_evidence
from verification.claims.judge import Corrected, Verdict, corrected, holm, judge, judge_all, uncorrected
from verification.claims.rules import RULES, STATEMENTS
from verification.inference.known import Slope

RULE = {rule.id: rule for rule in RULES}
p_values = st.floats(0.0, 1.0)


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_holm_is_that_of_statsmodels(n):
    """Four times only: `multipletests` collects garbage, which takes a second in a large process."""
    listed = np.random.default_rng(n).permutation([0.0, *np.geomspace(1e-4, 1.0, n)])[:n].tolist()
    assert holm(listed) == pytest.approx(multipletests(listed, method="holm")[1], abs=1e-12)


@given(st.lists(st.lists(p_values, min_size=1, max_size=3), min_size=1, max_size=6))
@settings(max_examples=50)
def test_a_p_value_is_significant_where_its_interval_says_so(questions):
    """An interval at 1 - 0.05/factor leaves out what p < 0.05/factor rejects: no row contradicts itself."""
    for members, found in zip(questions, corrected(questions), strict=True):
        for p, one in zip(members, found, strict=True):
            assert (one.p < 0.05) == (p * one.factor < 0.05)
            assert one.p >= p


def test_claims_of_one_question_count_as_one():
    """Two questions: the smallest p-value counts twice, and whatever else its question asked by the same factor."""
    found = corrected([[0.02, 0.001, 0.3], [0.03]])
    assert found == [[Corrected(0.04, 2), Corrected(0.002, 2), Corrected(0.6, 2)], [Corrected(0.03, 1)]]
    alone = corrected([[0.02], [0.001], [0.3], [0.03]])
    assert [one.p for (one,) in alone] == pytest.approx([0.06, 0.004, 0.3, 0.06])


def evidence(p_for, p_against, **more):
    return Evidence(subject="a curve", estimate=1.0, interval=None, p_for=p_for, p_against=p_against, **more)


@pytest.mark.parametrize(
    ("claim", "p_for", "p_against", "factor", "verdict", "p"),
    [
        ("C8", 0.04, 0.9, 20, Verdict.SUPPORTED, 0.04),
        ("C8", 0.06, 0.9, 1, Verdict.INCONCLUSIVE, 0.9),
        ("C8", 0.9, 0.04, 1, Verdict.REJECTED, 0.04),
        ("C8", 0.9, 0.04, 2, Verdict.INCONCLUSIVE, 0.08),
        ("C1", 0.04, 0.96, 20, Verdict.SUPPORTED, 0.04),
        ("C1", 0.96, 0.04, 1, Verdict.REJECTED, 0.04),
        ("C7", 0.02, 0.98, 1, Verdict.SUPPORTED, 0.04),
        ("C7", 0.03, 0.97, 1, Verdict.INCONCLUSIVE, 0.06),
        ("C7", 0.98, 0.02, 1, Verdict.REJECTED, 0.04),
        ("C7", 0.98, 0.02, 2, Verdict.INCONCLUSIVE, 0.08),
        ("C1", None, None, 1, Verdict.INCONCLUSIVE, None),
    ],
)
def test_the_rule(claim, p_for, p_against, factor, verdict, p):
    found = evidence(p_for, p_against)
    asked = uncorrected(RULE[claim], found)
    judged = judge(RULE[claim], found, None if asked is None else Corrected(min(asked * factor, 1.0), factor))
    assert (judged.verdict, judged.p_holm) == (verdict, p if p is None else pytest.approx(p))


@given(st.floats(-1.0, 1.0), st.floats(0.01, 0.5), st.integers(1, 30), st.integers(1, 20))
@settings(max_examples=100)
def test_the_interval_shown_says_what_the_verdict_says(value, error, freedom, factor):
    known, margin = Slope(value, error, freedom), (-0.2, 0.2)
    for rule, found in (
        (RULE["C8"], equal_evidence("x", known, margin)),
        (RULE["C7"], sign_evidence("x", known, 1)),
        (RULE["C6"], sign_evidence("x", known, -1)),
    ):
        judged = judge(rule, found, Corrected(min(uncorrected(rule, found) * factor, 1.0), factor))
        ends = found.interval(judged.level)
        if rule.kind == "direction":
            decided = ends.excludes(0.0)
            claimed = (value > 0.0) == (rule.id == "C7")
            expected = (Verdict.SUPPORTED if claimed else Verdict.REJECTED) if decided else Verdict.INCONCLUSIVE
        else:
            outside = ends.high < margin[0] or ends.low > margin[1]
            expected = Verdict.REJECTED if outside else Verdict.INCONCLUSIVE
            if known.interval(0.9).inside(*margin):
                expected = Verdict.SUPPORTED
                assert judged.level == pytest.approx(0.9)
        assert judged.verdict is expected


def test_of_several_against_the_interval_counts_them():
    """Three batch sizes, one of which is sure to lie below: p-values against count three times, the interval too."""
    found = replace(sign_evidence("x", Slope(-1.0, 0.3, 10**6), 1), p_against=3 * 0.000429, tests=3)
    judged = judge(RULE["C4"], found, Corrected(2 * 3 * 0.000429, 1))
    assert judged.verdict is Verdict.REJECTED
    assert judged.level == pytest.approx(1.0 - 0.05 / 3)


def claimed(*pieces):
    """Claim C8 on curves with these p-values for and against."""
    listed = [replace(evidence(*p), subject=str(i), estimate=float(i)) for i, p in enumerate(pieces)]
    return judge_all(Material(), (replace(RULE["C8"], evidence=lambda _: listed),))[0]


@pytest.mark.parametrize(
    ("pieces", "found", "brief", "shown"),
    [
        ([(0.01, 0.9), (0.04, 0.9), (0.4, 0.6)], "supported for 2 of 3, none rejected", "supported 2 of 3", "1"),
        ([(0.01, 0.9), (0.02, 0.9)], "supported for 2 of 2", "supported 2 of 2", "1"),
        ([(0.01, 0.9), (0.9, 0.001), (0.9, 0.002)], "rejected for 2 of 3, supported for 1", "rejected 2 of 3", "2"),
        ([(0.9, 0.001), (0.5, 0.5)], "rejected for 1 of 2", "rejected 1 of 2", "0"),
        ([(0.4, 0.6), (0.3, 0.7)], "inconclusive for all 2", "inconclusive", "0"),
        ([(0.01, 0.9)], "supported", "supported", "0"),
        ([(None, None), (0.4, 0.6)], "inconclusive for all 2", "inconclusive", "1"),
    ],
)
def test_a_claim_tells_its_curves_apart_and_shows_the_weakest_that_decides(pieces, found, brief, shown):
    claim = claimed(*pieces)
    assert (claim.found, claim.brief, claim.subject) == (found, brief, shown)


def test_curves_against_are_named():
    assert claimed((0.9, 0.001), (0.01, 0.9), (0.9, 0.001)).against == ("0", "2")


def test_c6_c7_and_c8_ask_one_question_of_a_pair():
    assert [rule.id for rule in RULES if rule.question] == ["C6", "C7", "C8"]
    assert len({rule.question for rule in RULES if rule.question}) == 1


def test_what_cannot_be_tested_is_not_measured_and_says_why():
    claims = judge_all(Material())
    assert [claim.id for claim in claims] == list(STATEMENTS) == [f"C{i}" for i in range(1, 19)]
    assert {claim.verdict for claim in claims} == {Verdict.NOT_MEASURED}
    assert {(claim.brief, claim.found) for claim in claims} == {("not measured", "not measured")}
    reasons = {claim.id: claim.detail for claim in claims}
    assert reasons["C1"] == "needs a curve with 4 batch sizes that reached the goal"
    assert all(reason and "python -m" not in reason and "--" not in reason for reason in reasons.values())


def test_verdict_words_are_the_four():
    assert {str(verdict) for verdict in Verdict} == {"supported", "rejected", "inconclusive", "not measured"}
