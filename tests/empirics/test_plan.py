import re

import pytest

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
    ("seconds", "text"),
    [(0.04, "0.0 s"), (119.0, "119.0 s"), (120.0, "2.0 min"), (7200.0, "2.0 h"), (172_800.0, "2.0 d")],
)
def test_durations_in_the_unit_that_suits(seconds, text):
    assert _duration(seconds) == text
