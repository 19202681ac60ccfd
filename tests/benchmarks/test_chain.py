"""The replayed chain search: its costs by hand, and what it may find on any traces."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.chain import MOST_COST, Rules, Search, Study, best_of, chain, choose, race_cost, read_studies, score
from empirics.measure import Execution, measure
from empirics.specification.request import Request

# Six trials by rate, tested every 2 steps up to 20; the last diverges at step 5.
REACHED = (math.inf, 18.0, 12.0, 8.0, 14.0, math.inf)
ALIVE = (20.0, 20.0, 20.0, 20.0, 20.0, 5.0)


def study(reached=REACHED, alive=ALIVE, errors=None):
    n, steps = len(reached), np.arange(2.0, 21.0, 2.0)
    # Errors rank trials by where they reach the goal, the earliest best.
    error = np.array([[min(k, 40.0) / 40.0 + 1.0 / s for s in steps] for k in reached]) if errors is None else errors
    error[np.array(alive)[:, None] < steps] = np.inf
    return Study(steps, error, np.array(reached), np.array(alive), np.arange(n))


def test_a_race_costs_every_trial_until_the_first_hit():
    assert race_cost(study()) == 5 * 8 + 5


def test_halving_pauses_the_worse_half_and_resumes_the_best_of_them():
    """Rungs at 2, 4 and 8 of an expected 16: 6 trials to 2, then 3 to 4, then 2 to 8, where one of them hits."""
    search = Search(study())
    search.halve(Rules(fewest=1, resumed=0), 16.0)
    assert (search.least, search.spent) == (8.0, 6 * 2 + 3 * 2 + 2 * 4)
    assert search.until.tolist() == [2, 2, 8, 8, 4, 2]
    resumed = Search(study())
    resumed.halve(Rules(fewest=1, resumed=1), 16.0)
    assert resumed.until.tolist() == [2, 2, 8, 8, 8, 2]  # the one that was paused last
    assert resumed.spent == search.spent + 4


def test_neighbours_are_added_until_the_winner_has_losers_on_either_side():
    search = Search(study())
    search.race([1, 2])  # to the first hit of the two, at 12
    assert (search.least, search.winner, search.spent) == (12.0, 2, 24.0)
    search.around_the_winner(1)  # trial 3 hits at 8, then trial 4 is its other neighbour
    assert (search.least, search.winner) == (8.0, 3)
    assert search.until.tolist() == [0, 12, 12, 8, 8, 0]
    assert search.spent == 24 + 8 + 8


def test_an_audit_counts_what_would_have_won():
    search = Search(study())
    search.race([1, 2])
    found = search.audit(99, np.random.default_rng(0))
    assert (found.steps, found.missed, found.audited) == (8.0, 1, 4)


def test_the_next_batch_size_starts_with_those_that_stood_best_and_their_neighbours():
    search = Search(study())
    search.race([0, 1, 2, 3])
    assert best_of(search, Rules(best=2, reach=1)) == [3, 2, 4]


traces = st.lists(st.sampled_from((4.0, 8.0, 10.0, 16.0, math.inf)), min_size=6, max_size=6).filter(
    lambda of: min(of) < math.inf
)


@given(st.lists(traces, min_size=2, max_size=4), st.integers(1, 6), st.integers(1, 3), st.integers(0, 9))
def test_what_is_found_is_never_less_than_the_least_and_a_whole_audit_finds_it(reached, best, reach, seed):
    studies = {2**i: study(tuple(of), (20.0,) * 6) for i, of in enumerate(reached)}
    for audited in (0, 6):
        found = chain(studies, Rules(anchor=2, fewest=2, best=best, reach=reach, audited=audited), seed)
        assert found.keys() == studies.keys()
        for size, one in found.items():
            assert min(studies[size].reached) <= one.steps < math.inf
            assert one.cost <= 6 * 20
            assert one.steps == min(studies[size].reached) or not audited


def test_kept_traces_are_read_and_scored(tmp_path):
    words = {"sparsity": 90, "batch_sizes": (32, 64), "trials": 6, "max_steps": 160, "goal_error": 0.4}
    request = Request(**words, trace="full", stop=("never",), constants=False)
    folder = measure(request, Execution(out=tmp_path / "run", jobs=1))
    (studies,) = read_studies(folder).values()
    assert set(studies) == {32, 64}
    found = score([studies], Rules(anchor=32, fewest=2, audited=6))
    assert found.regret == pytest.approx([1.0, 1.0])
    assert found.cost <= 1.0


def test_rules_are_chosen_by_regret_among_those_within_the_cost(monkeypatch):
    studies = {16: study(), 32: study(tuple(k - 2.0 for k in REACHED))}
    cheap, whole = Rules(fewest=2, best=1, reach=1, audited=0), Rules(fewest=6, best=6, reach=6, audited=0)
    monkeypatch.setattr("benchmarks.chain.candidates", lambda: iter((whole, cheap, Rules(audited=4))))
    assert choose([studies], 0) == min((cheap, whole), key=lambda rules: score([studies], rules).cost)
    monkeypatch.setattr("benchmarks.chain.MOST_COST", 2.0)
    assert score([studies], choose([studies], 0)).regret.mean() == 1.0
    assert score([studies], whole).cost > MOST_COST
