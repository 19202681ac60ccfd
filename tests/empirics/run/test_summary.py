import dataclasses
import re

from empirics.followed import QUANTITIES, ConstantsRecord
from empirics.records import RepeatRecord, Study, StudyOutcome, StudyRecord, TrialRecord
from empirics.run.summary import describe_run, describe_study
from empirics.specification.request import Request
from empirics.specification.specification import resolve
from empirics.store.store import open_store

RATES = (0.1, 0.2, 0.05)  # trial 0 lies inside, 1 and 2 at the edges


def record(study, *endings, best_error=None):
    trials = tuple(
        TrialRecord(i, {"learning_rate": rate}, *ending)
        for i, (rate, ending) in enumerate(zip(RATES, endings, strict=False))
    )
    return StudyRecord(study, 0.08, trials, 400, 2, best_error, 1.25)


RACE = ("incomplete", 30)
INSIDE = record(Study(0.0, 0, 16), ("complete", 30), RACE, RACE)
AT_EDGE = record(Study(90.0, 0, 16), RACE, ("complete", 50), RACE)
NOT_REACHED = record(Study(90.0, 0, 2), ("incomplete", 400), ("infeasible", 3), ("incomplete", 400), best_error=0.2514)
DIVERGED = record(Study(0.0, 0, 2), *[("infeasible", 3)] * 3)
UNKNOWN = record(Study(0.0, 0, 2), ("infeasible", 3), ("incomplete", 400))


def test_a_line_a_study():
    assert describe_study((INSIDE,)) == "S=0 B=16: K* = 30 (trial 0: learning_rate 0.1), 1.2 s"
    assert describe_study((NOT_REACHED,)) == "S=90 B=2: not reached in 400 steps (best at the end 0.251), 1.2 s"
    assert describe_study((DIVERGED,)) == "S=0 B=2: not reached in 400 steps (all trials diverged), 1.2 s"
    assert describe_study((UNKNOWN,)) == "S=0 B=2: not reached in 400 steps (best value not known), 1.2 s"


def described(tmp_path, *records, constants=(), **identity):
    specification, _ = resolve(Request(), cuda_available=False)
    with open_store(tmp_path / "run", specification.identity() | identity) as store:
        for each in records:
            store.add_study(StudyOutcome((each,)))
        for each in constants:
            store.add_constants(each)
    return describe_run(tmp_path / "run")


def test_the_table_has_a_row_a_batch_size_and_a_column_a_sparsity(tmp_path):
    lines = described(tmp_path, INSIDE, AT_EDGE, NOT_REACHED).splitlines()
    rows = [line.split() for line in lines if line.strip()]
    assert ["B", "S=0%", "S=90%"] in rows
    assert ["2", "-", ">", "400"] in rows
    assert ["16", "30", "50*"] in rows


def test_winners_at_the_edge_and_studies_without_winner_are_pointed_out(tmp_path):
    text = described(tmp_path, INSIDE, AT_EDGE, NOT_REACHED)
    assert "* the winner is the lowest or highest learning_rate tried" in text
    assert "! S=90 B=2: not reached in 400 steps (best at the end 0.251): try more --trials" in text


def test_a_run_without_either_has_no_warning(tmp_path):
    text = described(tmp_path, INSIDE)
    assert "*" not in text.replace("K*", "")
    assert "!" not in text


FIRST = record(Study(0.0, 0, 16), ("complete", 2), ("complete", 2), RACE)
AT_ONE = dataclasses.replace(record(Study(0.0, 0, 32), ("complete", 1)), eval_interval=1)


def test_a_goal_met_at_the_first_test_is_a_bound_and_no_winner_at_an_edge(tmp_path):
    assert describe_study((FIRST,)) == (
        "S=0 B=16: K* <= 2, met at the first goal test (trial 0: learning_rate 0.1), 1.2 s"
    )
    at_edge = record(Study(0.0, 0, 32), RACE, ("complete", 2), RACE)
    text = described(tmp_path, FIRST, at_edge)
    assert ["16", "<=", "2"] in [line.split() for line in text.splitlines()]
    assert "*" not in text.replace("K*", "")
    assert (
        "! S=0 B=16, S=0 B=32: the goal was met at the first test, so K* is only known from above: "
        "take a harder goal or a smaller --eval-interval\n" in text
    )


def test_where_every_step_is_tested_no_smaller_interval_is_asked_for(tmp_path):
    text = described(tmp_path, AT_ONE)
    assert "so K* is only known from above: take a harder goal\n" in text
    assert "--eval-interval" not in text


def test_a_metric_that_may_be_counted_the_wrong_way_is_pointed_out(tmp_path):
    text = described(tmp_path, AT_ONE, metric="r_squared <=")
    assert "take a harder goal; if r_squared should rise, give maximise=True\n" in text
    assert "maximise" not in described(tmp_path / "other", AT_ONE, metric="r_squared >=")


def test_few_steps_are_called_coarse_and_many_studies_are_not_all_named(tmp_path):
    few = [dataclasses.replace(record(Study(0.0, 0, 2**i), ("complete", 3)), eval_interval=1) for i in range(8)]
    text = described(tmp_path, *few, dataclasses.replace(INSIDE, study=Study(0.0, 0, 512)))
    assert "S=0 B=32 and 2 more: K* is 3 steps or fewer, which counts coarsely: take a harder goal" in text
    assert "512" not in text.partition("!")[2]


def test_replicates_have_columns_of_their_own(tmp_path):
    text = described(tmp_path, INSIDE, record(Study(0.0, 1, 16), ("complete", 44), RACE, RACE))
    assert "S=0% r=1" in text
    assert "44" in text


def constants(sparsity, batch_size, value):
    values = dict.fromkeys(QUANTITIES, value)
    return ConstantsRecord(Study(sparsity, 0, batch_size), 1618, 0, {}, values, (), 1.0)


def test_constants_are_shown_with_where_they_were_measured(tmp_path):
    text = described(tmp_path, INSIDE, constants=[constants(0.0, 16, 1.5), constants(90.0, 16, 2.5)])
    assert "B = 16" in text
    assert "1618 training examples" in text
    (head,) = (line.split() for line in text.splitlines() if line.split()[:1] == ["S=0%"] and ":" not in line)
    (row,) = (line.split() for line in text.splitlines() if line.strip().startswith("beta_V"))
    assert (head, row) == (["S=0%", "S=90%"], ["beta_V", "1.5", "2.5"])


def test_goals_are_called_by_their_metric_on_every_line(tmp_path):
    both = (INSIDE, dataclasses.replace(INSIDE, goal=0.45))
    told = "S=0 B=16: goal r_squared >= 0.08: K* = 30 (trial 0: learning_rate 0.1), goal r_squared >= 0.45: K* = 30"
    assert describe_study(both, "r_squared >=").startswith(told)
    identity = {"workload": "mine:make", "goal_error": [0.45], "stop": "race"}
    wanted = {
        "own": ({"metric": "r_squared >="}, "mine:make, goal r_squared >= 0.45: steps"),
        "errors": ({}, "mine:make, goal error <= 0.45: steps"),
        "imported": ({"imported": {"format": "csv"}}, "mine:make, goal 0.45: steps"),
    }
    for name, (more, label) in wanted.items():
        with open_store(tmp_path / name, identity | more) as store:
            store.add_study(StudyOutcome((dataclasses.replace(INSIDE, goal=0.45),)))
        assert label in describe_run(tmp_path / name)


def test_draws_and_rounding_have_tables_of_their_own(tmp_path):
    redrawn = tuple(
        dataclasses.replace(trial, ending="complete", step=step, draw=draw)
        for draw, step in ((1, 40), (2, 36))
        for trial in INSIDE.trials
    )
    moved = (RepeatRecord(INSIDE.study, 0.08, "jitter", 1, dataclasses.replace(INSIDE.trials[0], step=60)),)
    drawn = dataclasses.replace(INSIDE, draws=3, redrawn=redrawn)
    specification, _ = resolve(Request(draws=3), cuda_available=False)
    with open_store(tmp_path / "run", specification.identity()) as store:
        store.add_study(StudyOutcome((drawn,)))
        store.add_repeats(moved)
    again = dataclasses.replace(INSIDE, study=dataclasses.replace(INSIDE.study, batch_size=32))
    winner = again.winner
    repeats = [RepeatRecord(again.study, 0.08, "draw", n, dataclasses.replace(winner, step=36, draw=n)) for n in (1, 2)]
    with open_store(tmp_path / "run", specification.identity()) as store:
        store.add_study(StudyOutcome((again,)))
        store.add_repeats(repeats)
    text, found = describe_run(tmp_path / "run"), drawn.best_rate
    assert re.search(r"Steps of the winner drawn again: median over 2 draws, \[95%\]\n\n.*\n +32  ", text)
    assert "(a lucky draw chose that rate" in text
    cell = f"{found.steps:.0f} [{found.low:.0f}, {found.high:.0f}]"
    assert "Steps at the best rate: median over 3 draws, [95%]" in text
    assert f"16  {cell}" in text
    assert "Standard deviation of log K* by rounding alone" in text
    assert re.search(r"^ +16 +0\.49$", text, re.MULTILINE)  # of log 30 and log 60: log 2 / sqrt 2
    assert f"{cell} at the best rate, 1.2 s" in describe_study((drawn,))
