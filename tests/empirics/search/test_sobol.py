"""Sobol points: scipy's, the paper's authors', and none at all rather than wrong ones."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.empirics.sobol import bratley_fox
from scipy.stats import qmc
from tools.checkout import ROOT

from empirics.errors import InputError
from empirics.search.point_table import read_points
from empirics.search.sobol import unit_points
from empirics.search.space import search_points
from empirics.specification.request import Request
from empirics.specification.specification import resolve
from empirics.store.store import read_store
from empirics.workloads.catalogue import WORKLOADS
from empirics.workloads.find import find_workload

MOST = 53  # dimensions for which there are direction numbers
KEPT = sorted(path.parent.name for path in (ROOT / "evidence").glob("*/study.sqlite"))


@pytest.mark.parametrize("dimensions", [1, 2, 3, 4, MOST])
@pytest.mark.parametrize("trials", [1, 2, 15, 16, 100, 4096])
def test_points_are_scipys_unscrambled_ones_without_the_origin(dimensions, trials):
    sequence = qmc.Sobol(dimensions, scramble=False)
    sequence.fast_forward(1)
    np.testing.assert_array_equal(unit_points(trials, dimensions), sequence.random(trials))


@given(st.integers(1, 200), st.integers(1, 60), st.integers(1, 4), st.sampled_from(["joe-kuo", "bratley-fox"]))
def test_the_first_points_do_not_change_with_their_number(more, fewer, dimensions, numbers):
    fewer = min(more, fewer)
    np.testing.assert_array_equal(
        unit_points(more, dimensions, numbers)[:fewer], unit_points(fewer, dimensions, numbers)
    )


def test_no_point_comes_twice_and_none_is_the_corner():
    points = unit_points(100, 1).ravel()
    assert len(set(points)) == 100
    assert points.min() > 0


@pytest.mark.parametrize(("numbers", "most"), [("joe-kuo", MOST), ("bratley-fox", 4)])
def test_more_dimensions_than_direction_numbers_are_refused(numbers, most):
    assert unit_points(1, most, numbers).tolist() == [[0.5] * most]
    with pytest.raises(InputError, match=rf"over {most + 1} metaparameters: .* at most {most}; use --points FILE"):
        unit_points(1, most + 1, numbers)


def test_the_authors_first_eight_points_in_dimensions_three_and_four():
    points = unit_points(8, 4, "bratley-fox")
    assert points[:, 2].tolist() == [0.5, 0.75, 0.25, 0.625, 0.125, 0.375, 0.875, 0.3125]
    assert points[:, 3].tolist() == [0.5, 0.25, 0.75, 0.125, 0.625, 0.375, 0.875, 0.6875]


@pytest.mark.parametrize("dimension", range(4))
def test_the_authors_points_are_those_of_a_slow_twin(dimension):
    assert unit_points(1030, 4, "bratley-fox")[:, dimension].tolist() == list(bratley_fox(dimension, 1030))


def test_the_authors_points_far_along_are_those_of_a_published_program():
    """Points 100, 777 and 70000 of `sobol_seq` 0.2.0, a translation of Burkardt's of ACM Algorithm 659."""
    points = unit_points(70000, 4, "bratley-fox")
    assert (points[99] * 2**10).tolist() == [424, 264, 312, 488]
    assert (points[776] * 2**10).tolist() == [709, 959, 173, 377]
    assert (points[69999] * 2**30).tolist() == [82206720, 142729216, 229236736, 938450944]


def test_the_papers_first_decay_steps_are_the_third_dimension_of_its_authors():
    points = search_points(find_workload("cifar-10/resnet-8/nesterov/linear").search_space, 8, "bratley-fox")
    steps = [45000, 52500, 37500, 48750, 33750, 41250, 56250, 39375]
    assert [point["decay_steps"] for point in points] == steps
    # the end factor, in the fourth: 10^(-4 + 3 u) at u = 1/2, 1/4, 3/4, 1/8
    assert [point["end_learning_rate_factor"] for point in points[:4]] == pytest.approx(
        [10**-2.5, 10**-3.25, 10**-1.75, 10**-3.625], rel=1e-14
    )


def test_without_momentum_decay_takes_the_second_and_third_dimension():
    points = search_points(find_workload("cifar-10/resnet-8/sgd/linear").search_space, 4, "bratley-fox")
    assert [point["decay_steps"] for point in points] == [45000, 37500, 52500, 41250]
    assert [point["end_learning_rate_factor"] for point in points] == pytest.approx(
        [10**-2.5, 10**-1.75, 10**-3.25, 10**-2.125], rel=1e-14
    )


def test_workloads_on_the_papers_data_search_at_its_authors_points_and_digits_at_scipys():
    for workload in WORKLOADS.values():
        expected = "joe-kuo" if workload.dataset == "digits" else "bratley-fox"
        assert workload.direction_numbers == expected, workload.name


def test_a_run_belongs_to_its_direction_numbers_where_they_decide_its_points():
    digits = resolve(Request(), cuda_available=False)[0]

    def identity(workload, **changes):
        return dataclasses.replace(digits, workload=find_workload(workload), **changes).identity()

    decayed = identity("cifar-10/resnet-8/nesterov/linear")
    assert decayed["direction_numbers"] == "bratley-fox"
    for same in (
        digits.identity(),
        identity("mnist/simple-cnn/nesterov"),  # two axes
        identity("cifar-10/resnet-8/nesterov/linear", from_table=True),
    ):
        assert "direction_numbers" not in same


@pytest.mark.parametrize("name", KEPT)
def test_kept_runs_were_searched_at_these_points(name):
    with read_store(ROOT / "evidence" / name) as store:
        workload = find_workload(store.identity["workload"])
        records = store.studies().values()
        tables = {session["points"] for session in store.sessions() if "points" in session}
        assert len(tables) == (store.identity.get("points") == "table")
        assert "direction_numbers" not in store.identity
        table = read_points(ROOT / tables.pop(), workload.search_space) if tables else None
        most = max(len(record.trials) for record in records)
        sobol = search_points(workload.search_space, most, workload.direction_numbers)
        for record in records:
            points = table.points(record.study.sparsity, record.study.batch_size) if table else sobol
            assert [trial.metaparameters for trial in record.trials] == list(points[: len(record.trials)])


DISTURBED = """
import resource, signal, sys
from empirics.search.sobol import unit_points

def end(*_):
    raise KeyboardInterrupt

def disturb(kind, delay):
    if kind == "signal":
        signal.setitimer(signal.ITIMER_REAL, delay)
    elif kind == "files":
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    else:
        taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken, resource.getrlimit(resource.RLIMIT_AS)[1]))

signal.signal(signal.SIGALRM, end)
kind, trials, tries = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
outcomes = []
for number in range(tries):
    try:
        disturb(kind, 2e-6 * (number + 1))
        points = unit_points(trials, 4)
        signal.setitimer(signal.ITIMER_REAL, 0)
        outcomes.append("right" if points[:2, 0].tolist() == [0.5, 0.75] and points.min() > 0 else "wrong")
    except (KeyboardInterrupt, MemoryError, OSError):
        outcomes.append("raised")
print(*sorted(set(outcomes)))
"""


@pytest.mark.parametrize(
    ("kind", "trials", "tries", "outcomes"),
    [("signal", 100, 200, "raised right"), ("files", 100, 1, "right"), ("memory", 3_000_000, 1, "raised")],
)
def test_a_disturbance_ends_in_an_error_or_in_the_right_points(kind, trials, tries, outcomes):
    words = [sys.executable, "-c", DISTURBED, kind, str(trials), str(tries)]
    done = subprocess.run(words, check=False, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == (outcomes, "")
