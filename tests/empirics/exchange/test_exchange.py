"""Runs measured here, through every format and back, as a user does it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference.empirics.batch_science_reader import load_study, steps_to_result
from samples.foreign_studies import METRIC, run
from tools.commands import code_of, rows

from empirics.measure import main as measure
from empirics.records import Study, StudyOutcome, StudyRecord, TraceRecord, TrialRecord
from empirics.stopping import read_stop_rule
from empirics.store.store import open_store, read_store
from empirics.store.tables import write_curves
from verification import read_records

VALIDATION_EXAMPLES = 179


def files(folder):
    """Return every file below a folder with its content."""
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(params=["raced", "full"])
def one_run(request):
    return request.getfixturevalue(request.param)


def test_a_run_comes_back_from_a_tree_as_it_was(one_run, tmp_path, capsys):
    assert run("export", one_run, "--format", "batch-science", "--to", tmp_path / "tree") == 0
    assert run("import", tmp_path / "tree", "--to", tmp_path / "back") == 0
    assert (tmp_path / "back/curves.csv").read_bytes() == (one_run / "curves.csv").read_bytes()
    assert sorted(path.name for path in (tmp_path / "back").iterdir()) == [
        "curves.csv",
        "provenance.json",
        "study.sqlite",
    ]
    with read_store(one_run) as before, read_store(tmp_path / "back") as after:
        for study in before.studies():
            traces = [trace for trace in after.traces(study) if trace.steps]
            assert traces == before.traces(study)
    assert capsys.readouterr().err == ""


def test_a_run_comes_back_from_a_table_of_trials_as_it_was(one_run, tmp_path):
    assert run("export", one_run, "--to", tmp_path / "trials.csv") == 0
    assert run("import", tmp_path / "trials.csv", "--to", tmp_path / "back") == 0
    assert (tmp_path / "back/curves.csv").read_bytes() == (one_run / "curves.csv").read_bytes()
    assert run("export", tmp_path / "back", "--to", tmp_path / "again.csv") == 0
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "trials.csv").read_bytes()


def test_the_tables_k_star_is_the_curves(one_run, tmp_path):
    assert run("export", one_run, "--to", tmp_path / "trials.csv") == 0
    trials, curves = rows(tmp_path / "trials.csv"), rows(one_run / "curves.csv")
    key = ("workload", "goal", "sparsity", "replicate", "batch_size")
    for curve in curves:
        own = [trial for trial in trials if all(trial[name] == curve[name] for name in key)]
        steps = [int(trial["steps_to_result"]) for trial in own if trial["steps_to_result"]]
        assert str(min(steps, default="")) == curve["steps_to_result"]
        for status in ("complete", "incomplete", "infeasible", "censored"):
            assert str(sum(trial["status"] == status for trial in own)) == curve[status]


def test_the_original_readers_steps_to_result_are_ours(full, tmp_path):
    assert run("export", full, "--to", tmp_path / "tree") == 0
    threshold = 53.5 / VALIDATION_EXAMPLES  # 53 errors of 179 reach 0.3, 54 do not
    found = 0
    with read_store(full) as store:
        for study, record in store.studies().items():
            model = "small_cnn" + ("_s90" if study.sparsity else "")
            folder = tmp_path / "tree/digits" / model / "nesterov_momentum" / str(study.batch_size)
            facts, frame = load_study(folder)
            winner = record.winner
            assert steps_to_result(frame, METRIC, threshold) == (winner and (winner.step, winner.trial))
            assert (facts["batch_size"], facts["train_steps"], facts["early_stopping"]) == (
                study.batch_size,
                101,
                False,
            )
            assert facts["parameter_configs"]["momentum"]["scale"] == "REVERSE_LOG_SCALE"
            found += winner is not None
    assert found > 0


def test_an_export_says_how_many_curves_are_whole(raced, full, tmp_path, capsys):
    assert run("export", raced, "--to", tmp_path / "raced") == 0
    assert "of the trials have no full curve; a run measured with --trace full has them all" in capsys.readouterr().out
    assert run("export", full, "--to", tmp_path / "full") == 0
    assert capsys.readouterr().out == f"Wrote 4 studies of 16 trials to {tmp_path / 'full'}; all have full curves\n"


def test_goals_can_be_looked_for_in_what_was_measured(full, tmp_path):
    assert run("export", full, "--to", tmp_path / "tree") == 0
    assert run("import", tmp_path / "tree", "--goal-error", "0.5", "--to", tmp_path / "back") == 0
    threshold = 89.5 / VALIDATION_EXAMPLES
    with read_store(tmp_path / "back") as store:
        for study, record in store.studies(0.5).items():
            model = "small_cnn" + ("_s90" if study.sparsity else "")
            _, frame = load_study(tmp_path / f"tree/digits/{model}/nesterov_momentum/{study.batch_size}")
            assert (record.winner.step, record.winner.trial) == steps_to_result(frame, METRIC, threshold)
            assert record.lower == record.winner.step - 2


def test_an_imported_run_is_not_measured_further(raced, tmp_path, capsys):
    assert run("export", raced, "--to", tmp_path / "tree") == 0
    assert run("import", tmp_path / "tree", "--to", tmp_path / "back") == 0
    before = files(tmp_path / "back")
    words = ("--sparsity", "0", "90", "--batch-sizes", "16", "--trials", "3", "--max-steps", "61", "--no-constants")
    rest = ("--goal-error", "0.3", "0.1", "--stop", "factor", "1.5", "--out", str(tmp_path / "back"))
    capsys.readouterr()
    assert code_of(measure, *words, *rest) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "was measured with" in line
    assert line.endswith("use another --out")
    assert files(tmp_path / "back") == before


def test_an_imported_run_can_be_judged(raced, tmp_path):
    assert run("export", raced, "--to", tmp_path / "tree") == 0
    assert run("import", tmp_path / "tree", "--to", tmp_path / "back") == 0
    assert read_records(tmp_path / "back").curves == read_records(raced).curves


WORDS = ["mnist", "fashion-mnist", "cifar-10"]
rates = st.floats(1e-4, 1.0)


@st.composite
def runs(draw):
    """Runs that the engine could have made: several goals, a stop rule, regular tests, traces or none."""
    interval, tests, goals = draw(st.integers(1, 5)), draw(st.integers(1, 6)), draw(st.integers(1, 2))
    budget = interval * tests + draw(st.integers(0, interval - 1))
    stop = draw(st.sampled_from(["race", "hits 2", "factor 2", "never"]))
    steps = st.sampled_from([*range(interval, budget + 1, interval)])
    studies = st.builds(Study, st.sampled_from([0.0, 50.0, 33.3333]), st.integers(0, 1), st.sampled_from([1, 16, 512]))
    outcomes = []
    for study in draw(st.lists(studies, min_size=1, max_size=3, unique=True)):
        points = [{"learning_rate": draw(rates), "decay_steps": float(n)} for n in range(draw(st.integers(1, 3)))]
        endings = st.one_of(
            st.tuples(st.just("complete"), steps),
            st.tuples(st.just("infeasible"), st.integers(1, budget)),
            st.tuples(st.just("incomplete"), st.just(budget)),
        )
        records = []
        for goal in (0.3, 0.1)[:goals]:
            trials = tuple(TrialRecord(i, point, *draw(endings)) for i, point in enumerate(points))
            best = None if any(t.ending == "complete" for t in trials) else draw(st.none() | st.floats(0, 1))
            record = StudyRecord(study, goal, trials, budget, interval, best, 0.0, read_stop_rule(stop.split()))
            records.append(record)
        traced = draw(st.lists(st.sampled_from(range(len(points))), unique=True))
        seen = [sorted(draw(st.sets(steps, min_size=1))) for _ in traced]
        values = [tuple(draw(st.floats(0, 1) | st.just(float("inf"))) for _ in of) for of in seen]
        traces = [TraceRecord(study, t, METRIC, tuple(of), v) for t, of, v in zip(traced, seen, values, strict=True)]
        outcomes.append(StudyOutcome(tuple(records), tuple(traces)))
    parts = [draw(st.sampled_from(WORDS)), "simple-cnn", draw(st.sampled_from(["sgd", "nesterov", "adamw"]))]
    workload = draw(st.sampled_from(["/".join(parts), "/".join([*parts, "linear"]), "my_module:make", "alone"]))
    space = [["learning_rate", 1e-4, 1.0, "log"], ["decay_steps", 0.0, 9.0, "integer"]]
    return {"workload": workload, "goal_error": [0.3, 0.1][:goals], "stop": stop, "search_space": space}, outcomes


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs())
def test_any_run_comes_back(tmp_path_factory, a_run):
    identity, outcomes = a_run
    here = tmp_path_factory.mktemp("round")
    with open_store(here / "run", identity) as store:
        for outcome in outcomes:
            store.add_study(outcome)
        records = [record for goal in store.goals for record in store.studies(goal).values()]
        write_curves(here / "run", identity["workload"], records)
    assert run("export", here / "run", "--to", here / "tree") == 0
    assert run("import", here / "tree", "--to", here / "back") == 0
    with read_store(here / "run") as before, read_store(here / "back") as after:
        for goal in before.goals:
            assert after.studies(goal) == before.studies(goal)
        for study in before.studies():
            assert [trace for trace in after.traces(study) if trace.steps] == before.traces(study)
    assert (here / "back/curves.csv").read_bytes() == (here / "run/curves.csv").read_bytes()
    assert run("export", here / "run", "--to", here / "trials.csv") == 0
    assert run("import", here / "trials.csv", "--to", here / "back-2") == 0
    assert (here / "back-2/curves.csv").read_bytes() == (here / "run/curves.csv").read_bytes()
    assert run("export", here / "back-2", "--to", here / "again.csv") == 0
    assert (here / "again.csv").read_bytes() == (here / "trials.csv").read_bytes()
