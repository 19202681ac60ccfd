import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from empirics.errors import InputError
from empirics.stopping import RACE, StopRule, hits_of_points, read_stop_rule

rules = st.one_of(
    st.sampled_from((RACE, StopRule("never"))),
    st.builds(StopRule, st.just("hits"), st.integers(1, 9).map(float)),
    st.builds(StopRule, st.just("factor"), st.floats(1, 100).map(lambda factor: float(f"{factor:g}"))),
)


@given(rules)
def test_a_rule_is_read_as_it_is_written(rule):
    assert read_stop_rule(str(rule).split()) == rule


@pytest.mark.parametrize(
    "words", [[], ["rac"], ["race", "2"], ["hits"], ["factor"], ["never", "1"], ["factor", "two"], ["hits", "2", "3"]]
)
def test_other_words_are_refused_with_the_choice(words):
    with pytest.raises(InputError, match="write one of race, hits M, factor F, never"):
        read_stop_rule(words)


@pytest.mark.parametrize(
    "words", [["hits", "0"], ["hits", "1.5"], ["factor", "0.9"], ["factor", "nan"], ["factor", "inf"]]
)
def test_amounts_outside_their_range_are_refused(words):
    with pytest.raises(InputError, match=r"must be an? (integer|number) >= 1"):
        read_stop_rule(words)


@given(rules, st.lists(st.integers(1, 30), max_size=9), st.integers(1, 7))
def test_no_study_is_over_before_its_first_hit_or_after_its_budget(rule, tests, eval_interval):
    budget = 30 * eval_interval
    hits = [test * eval_interval for test in tests]
    step = rule.step(hits, budget, eval_interval)
    if step is None:
        assert rule.kind != "never"
        assert len(hits) < rule.amount or not hits
    else:
        assert min(hits, default=0) <= step <= budget
        assert step % eval_interval == 0


@given(st.lists(st.integers(1, 30), min_size=1, max_size=9))
def test_one_hit_and_a_factor_of_one_are_a_race(hits):
    assert {rule.step(hits, 40, 1) for rule in (RACE, StopRule("hits", 1.0), StopRule("factor", 1.0))} == {min(hits)}
    assert StopRule("never").step(hits, 40, 1) == 40
    assert {StopRule("factor", factor).step(hits, 40, 1) for factor in (1e9, 1e308)} == {40}
    assert StopRule("hits", math.inf).step(hits, 40, 1) is None


@given(st.dictionaries(st.integers(0, 6), st.integers(1, 30)))
def test_with_one_draw_each_hit_decides_its_point(reached):
    assert sorted(hits_of_points(reached, 7, 1)) == sorted(reached.values())


def test_no_point_is_decided_before_the_first_draw_0_is_at_the_goal():
    """Of three draws of two points, draws 1 and 2 of the second are there at 4 and 6, draw 0 of the first at 10."""
    assert hits_of_points({3: 4, 5: 6}, 2, 3) == []
    assert hits_of_points({3: 4, 5: 6, 0: 10}, 2, 3) == [10]


@given(st.dictionaries(st.integers(0, 14), st.integers(1, 30)), st.integers(1, 30))
def test_a_hit_more_decides_no_point_later(reached, step):
    """Three draws of five points; number 14 is draw 2 of the last."""
    before = hits_of_points({number: at for number, at in reached.items() if number < 14}, 5, 3)
    after = hits_of_points({**reached, 14: step}, 5, 3)
    assert len(after) >= len(before)
    assert min(after, default=99) <= min(before, default=99)
