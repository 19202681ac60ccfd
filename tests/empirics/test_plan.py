import dataclasses
import re

import pytest

from empirics import plan
from empirics.plan import _duration, describe_plan
from empirics.specification import Request, resolve


def test_a_plan_lists_every_study_with_time_and_memory(digits):
    request = Request(sparsity=(0.0, 90.0), batch_sizes=(8, 64), trials=3, max_steps=100)
    specification, _ = resolve(request, cuda_available=False)
    text = describe_plan(specification, digits, jobs=2)
    for study in specification.studies():
        assert re.search(rf"^{study} +\d+ ", text, re.MULTILINE)
    assert re.search(r"4 studies, 2 at once: [\d.]+ \w+ expected, [\d.]+ \w+ at most", text)
    assert re.search(r"Memory: about \d+\.\d GB", text)
    assert text.endswith("Nothing was measured or written.")


@pytest.mark.parametrize(
    ("stop", "steps", "words", "told"),
    [
        (("race",), 46, "1 at once: 2.3 min expected", "a guess from earlier runs; times are timed here"),
        (("factor", "2"), 92, "1 at once: 4.6 min expected", "2 times those to the first hit, at most the budget"),
        (("factor", "9"), 100, "1 at once: 5.0 min expected", "9 times those to the first hit, at most the budget"),
        (("never",), 100, "1 at once: 5.0 min expected", "every trial to its budget (--stop never)"),
        (("hits", "1"), 46, "1 at once: 2.3 min expected", "a guess from earlier runs; times are timed here"),
        (("hits", "3"), 46, "1 at once: at least 2.3 min expected", "hit 3 comes at it or later (--stop hits 3)"),
    ],
)
def test_a_plan_expects_what_the_stop_rule_asks_for(stop, steps, words, told, digits, monkeypatch):
    monkeypatch.setattr(plan, "_seconds_per_step", lambda *_: 1.0)
    monkeypatch.setattr(plan, "_seconds_per_evaluation", lambda *_: 0.0)
    monkeypatch.setattr(plan, "expected_steps", lambda *_: 46.0)
    monkeypatch.setattr("empirics.cost.expected_steps", lambda *_: 46.0)
    request = Request(sparsity=(0.0,), batch_sizes=(16,), trials=3, max_steps=100, stop=stop)
    specification, _ = resolve(request, cuda_available=False)
    text = describe_plan(specification, digits, jobs=1)
    assert re.search(rf"^S=0 B=16 +{steps} ", text, re.MULTILINE)
    assert words in text
    assert "5.0 min at most" in text
    assert told in text


def test_full_traces_are_expected_to_evaluate_fully(digits, monkeypatch):
    monkeypatch.setattr(plan, "_seconds_per_step", lambda *_: 0.0)
    monkeypatch.setattr(plan, "_seconds_per_evaluation", lambda *_: 10.0)
    request = Request(sparsity=(0.0,), batch_sizes=(16,), trials=1, max_steps=100, eval_interval=10, stop=("never",))
    for trace, seconds in (("none", "10.0 s"), ("full", "100.0 s")):
        specification, _ = resolve(dataclasses.replace(request, trace=trace), cuda_available=False)
        assert f"1 at once: {seconds} expected, 100.0 s at most" in describe_plan(specification, digits, jobs=1)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (119.0, "119.0 s"), (120.0, "2.0 min"), (7200.0, "2.0 h"), (172_800.0, "2.0 d")],
)
def test_durations_in_the_unit_that_suits(seconds, text):
    assert _duration(seconds) == text
