import dataclasses

import pytest

from empirics.records import Study
from empirics.run.cost import expected_steps, longest_first
from empirics.specification.request import Request
from empirics.specification.specification import resolve
from empirics.workloads.find import find_workload

LAW = dataclasses.replace(find_workload("digits"), expected_c1=600.0, expected_c2=20.0, max_steps=4000)


def test_expected_steps_follow_the_law_and_grow_with_sparsity():
    assert expected_steps(LAW, Study(0.0, 0, 30)) == pytest.approx(40.0)
    assert expected_steps(LAW, Study(90.0, 0, 30)) == pytest.approx(40.0 * 10**0.75)


def test_expected_steps_stay_within_the_budget():
    assert expected_steps(dataclasses.replace(LAW, max_steps=25), Study(0.0, 0, 30)) == 25


@pytest.mark.parametrize(("engine", "longest", "next_one"), [("torch", 90.0, 0.0), ("sparse", 0.0, 90.0)])
def test_no_study_is_lost_and_the_longest_comes_first(engine, longest, next_one):
    """At 90% a study takes 5.6 times the dense steps, and the sparse engine a seventh of the time for each."""
    specification, _ = resolve(Request(sparsity=(0.0, 90.0), batch_sizes=(1, 256)), cuda_available=False)
    specification = dataclasses.replace(specification, engine=engine)
    ordered = longest_first(specification, specification.studies())
    assert sorted(ordered) == list(specification.studies())
    assert ordered[0] == Study(longest, 0, 256)  # 20 x 256 examples outweigh 620 x 5 at B = 1
    assert ordered.index(Study(longest, 0, 1)) < ordered.index(Study(next_one, 0, 1))


def test_the_budget_orders_studies_that_never_stop_before_it():
    # At B = 1 the race takes longer than at B = 8, 620 x 5 examples against 95 x 12; to the same budget it does not.
    studies = [Study(0.0, 0, 1), Study(0.0, 0, 8)]
    for stop, first in ((("race",), 1), (("never",), 8)):
        request = Request(batch_sizes=(1, 8), stop=stop, max_steps=4000)
        specification = dataclasses.replace(resolve(request, cuda_available=False)[0], workload=LAW)
        assert longest_first(specification, studies)[0].batch_size == first
