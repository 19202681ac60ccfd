"""Runs measured here, through every format and back, as a user does it."""

import csv
import json
import signal
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference.batch_science_reader import load_study, steps_to_result

from empirics.batch_science import Names, changed, changes, names_of
from empirics.batch_science_export import has_full_curve
from empirics.exchange import main
from empirics.measure import main as measure
from empirics.records import StudyOutcome, StudyRecord, TraceRecord, TrialRecord
from empirics.specification import Study
from empirics.stopping import StopRule, read_stop_rule
from empirics.store import Store, open_store, read_store
from empirics.tables import write_curves
from verification import read_records

METRIC = "val/classification_error"
VALIDATION_EXAMPLES = 179


def run(*words):
    """Run the command in this process; return its exit code."""
    try:
        return main([str(word) for word in words])
    except SystemExit as leaving:
        return leaving.code


def files(folder):
    """Return every file below a folder with its content."""
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def measured(folder, *words):
    assert measure([*words, "--jobs", "1", "--no-constants", "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def raced(tmp_path_factory):
    """Two goals, replicates, a stop rule after which trials go on, and a budget that the goal tests do not divide."""
    words = ("--sparsity", "0", "90", "--batch-sizes", "16", "128", "--trials", "3", "--max-steps", "61")
    goals = ("--goal-error", "0.3", "0.1", "--replicates", "2", "--stop", "factor", "1.5")
    return measured(tmp_path_factory.mktemp("raced") / "run", *words, *goals)


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """All curves to the budget, of a workload whose names differ in the layout."""
    words = ("--workload", "digits/small-cnn/nesterov", "--sparsity", "0", "90", "--batch-sizes", "16", "128")
    rest = ("--trials", "4", "--max-steps", "101", "--goal-error", "0.3", "--stop", "never", "--trace", "full")
    return measured(tmp_path_factory.mktemp("full") / "run", *words, *rest)


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
    assert run("export", tmp_path / "back", "--to", tmp_path / "tree-2") == 0
    assert files(tmp_path / "tree-2") == files(tmp_path / "tree")
    assert capsys.readouterr().err == ""


def test_a_run_comes_back_from_a_table_of_trials_as_it_was(one_run, tmp_path):
    assert run("export", one_run, "--to", tmp_path / "trials.csv") == 0
    assert run("import", tmp_path / "trials.csv", "--to", tmp_path / "back") == 0
    assert (tmp_path / "back/curves.csv").read_bytes() == (one_run / "curves.csv").read_bytes()
    assert run("export", tmp_path / "back", "--to", tmp_path / "again.csv") == 0
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "trials.csv").read_bytes()


def test_the_tables_k_star_is_the_curves(one_run, tmp_path):
    assert run("export", one_run, "--to", tmp_path / "trials.csv") == 0
    with (tmp_path / "trials.csv").open(newline="") as file:
        trials = list(csv.DictReader(file))
    with (one_run / "curves.csv").open(newline="") as file:
        curves = list(csv.DictReader(file))
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
    assert measure([*words, *rest]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "was measured with" in line
    assert line.endswith("use another --out")
    assert files(tmp_path / "back") == before


def test_an_imported_run_can_be_judged(raced, tmp_path):
    assert run("export", raced, "--to", tmp_path / "tree") == 0
    assert run("import", tmp_path / "tree", "--to", tmp_path / "back") == 0
    assert read_records(tmp_path / "back").curves == read_records(raced).curves


@pytest.mark.parametrize(("stop", "loser"), [("race", "INCOMPLETE"), ("never", "COMPLETE")])
def test_a_trials_status_and_steps_to_the_letter(stop, loser, tmp_path):
    study = Study(0.0, 0, 16)
    last = 4 if stop == "race" else 10
    endings = (("reached", 4), ("running", last), ("infeasible", 3))
    trials = tuple(TrialRecord(i, {"decay_steps": 30.0}, *ending) for i, ending in enumerate(endings))
    record = StudyRecord(study, 0.1, trials, 10, 2, None, 0.0, read_stop_rule([stop]))
    traces = (TraceRecord(study, 0, METRIC, (2, 4, 6), (0.5, 0.1, 0.2)),)
    space = [["decay_steps", 1.0, 40.0, "integer"]]
    identity = {"workload": "a/b/c", "goal_error": [0.1], "stop": stop, "search_space": space}
    with open_store(tmp_path / "run", identity) as store:
        store.add_study(StudyOutcome((record,), traces))
    assert run("export", tmp_path / "run", "--to", tmp_path / "tree") == 0
    folder = tmp_path / "tree/a/b/c/16"
    found = [json.loads((folder / str(trial) / "metadata.json").read_text()) for trial in range(3)]
    assert [(facts["status"], facts["steps"]) for facts in found] == [("COMPLETE", 6), (loser, last), ("INFEASIBLE", 3)]
    assert (folder / "0/metadata.json").read_text().count('"learning_rate_decay_steps": 30\n') == 1
    assert (folder / "0/measurements.csv").read_text() == f"step,{METRIC}\n2,0.5\n4,0.1\n6,0.2\n"
    assert (folder / "1/measurements.csv").read_text() == f"step,{METRIC}\n"
    assert run("export", tmp_path / "run", "--to", tmp_path / "trials.csv") == 0
    status = "censored" if stop == "race" else "incomplete"
    assert (tmp_path / "trials.csv").read_text().splitlines()[1:] == [
        f"a/b/c,0.1,0,0,0,16,4,2,4,complete,{stop},10,2,30.0",
        f"a/b/c,0.1,0,0,1,16,,{last},,{status},{stop},10,2,30.0",
        f"a/b/c,0.1,0,0,2,16,,3,3,infeasible,{stop},10,2,30.0",
    ]


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
            st.tuples(st.just("reached"), steps),
            st.tuples(st.just("infeasible"), st.integers(1, budget)),
            st.tuples(st.just("running"), st.just(budget)),
        )
        records = []
        for goal in (0.3, 0.1)[:goals]:
            trials = tuple(TrialRecord(i, point, *draw(endings)) for i, point in enumerate(points))
            best = None if any(t.event == "reached" for t in trials) else draw(st.none() | st.floats(0, 1))
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


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
    assert run("export", here / "back", "--to", here / "tree-2") == 0
    assert files(here / "tree-2") == files(here / "tree")
    assert run("export", here / "run", "--to", here / "trials.csv") == 0
    assert run("import", here / "trials.csv", "--to", here / "back-2") == 0
    assert (here / "back-2/curves.csv").read_bytes() == (here / "run/curves.csv").read_bytes()
    assert run("export", here / "back-2", "--to", here / "again.csv") == 0
    assert (here / "again.csv").read_bytes() == (here / "trials.csv").read_bytes()


@given(
    st.sampled_from(WORDS),
    st.sampled_from(["simple-cnn", "resnet-8"]),
    st.sampled_from(["sgd", "nesterov", "momentum", "adamw"]),
    st.booleans(),
    st.builds(Study, st.sampled_from([0.0, 90.0, 99.5, 1e-5, 33.3333333333]), st.integers(0, 12), st.just(1)),
)
def test_names_say_which_study_it_is(dataset, network, optimizer, linear, study):
    workload = "/".join([dataset, network, optimizer] + ["linear"] * linear)
    names = names_of(workload, study)
    assert names.workload == workload
    assert names.sparsity_and_replicate == (study.sparsity, study.replicate)
    assert not {"/", "-"} & set(names.dataset + names.optimizer)


def test_the_layouts_names_to_the_letter():
    assert names_of("cifar-10/resnet-8/nesterov/linear", Study(90.0, 0, 2)) == Names(
        "cifar_10", "resnet_8_s90", "nesterov_momentum_linear"
    )
    assert names_of("mnist/simple-cnn/sgd", Study(0.0, 0, 2)) == Names("mnist", "simple_cnn", "sgd")
    assert names_of("../../up:make", Study(0.0, 0, 2)).dataset == "unnamed"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)
objects = st.dictionaries(st.sampled_from("abcd"), json_values)


@given(objects, objects)
def test_changes_give_back_what_was_found(derived, found):
    again = changed(derived, json.loads(json.dumps(changes(derived, found))))
    assert json.dumps(again, sort_keys=True) == json.dumps(found, sort_keys=True)


def test_one_is_not_true_in_a_layout():
    assert changes({"early_stopping": True}, {"early_stopping": 1}) == {"set": {"early_stopping": 1}}


@pytest.mark.parametrize(
    ("ending", "measured", "is_full"),
    [
        (TrialRecord(0, {}, "reached", 6), (2, 4, 6), True),
        (TrialRecord(0, {}, "reached", 6), (6,), False),
        (TrialRecord(0, {}, "reached", 2), (2,), True),
        (TrialRecord(0, {}, "running", 9), (2, 4, 6, 8, 9), True),
        (TrialRecord(0, {}, "running", 9), (2, 4, 6, 8), False),
        (TrialRecord(0, {}, "running", 4), (2, 4), True),
        (TrialRecord(0, {}, "infeasible", 1), (), True),
        (TrialRecord(0, {}, "infeasible", 4), (2,), True),
        (TrialRecord(0, {}, "infeasible", 5), (2,), False),
        (TrialRecord(0, {}, "running", 9, 0), (), False),
        (TrialRecord(0, {}, "running", 9, 7), (1, 7), True),
    ],
)
def test_a_curve_is_full_when_every_goal_test_is_there(ending, measured, is_full):
    record = StudyRecord(Study(0.0, 0, 1), 0.1, (ending,), 9, 2, None, 0.0)
    assert has_full_curve([record], [ending], measured) == is_full


def test_nothing_is_written_over(raced, tmp_path, capsys):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/thesis.tex").write_text("x")
    (tmp_path / "taken.csv").write_text("x")
    for words in (
        ("export", raced, "--format", "batch-science", "--to", tmp_path / "taken"),
        ("export", raced, "--to", tmp_path / "taken.csv"),
        ("export", raced, "--format", "csv", "--to", tmp_path / "taken"),
        ("import", tmp_path / "taken.csv", "--to", tmp_path / "taken"),
        ("import", tmp_path / "taken", "--format", "batch-science", "--to", tmp_path / "taken.csv"),
    ):
        assert run(*words) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.endswith("name another --to")
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["thesis.tex"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken", "taken.csv"]


def test_an_empty_folder_is_taken(raced, tmp_path):
    (tmp_path / "empty").mkdir()
    assert run("export", raced, "--to", tmp_path / "empty") == 0
    assert (tmp_path / "empty/digits").is_dir()


@pytest.mark.parametrize("action", ["export", "import"])
def test_an_interruption_leaves_nothing(action, raced, tmp_path, monkeypatch, capsys):
    assert run("export", raced, "--to", tmp_path / "tree") == 0
    capsys.readouterr()
    calls = []

    def interrupted(self, *arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(self, *arguments)

    name = "traces" if action == "export" else "add_study"
    original = getattr(Store, name)
    monkeypatch.setattr(Store, name, interrupted)
    assert run(action, {"export": raced, "import": tmp_path / "tree"}[action], "--to", tmp_path / "out") == 130
    assert capsys.readouterr().err == "error: interrupted; nothing was written\n"
    assert [path.name for path in tmp_path.iterdir()] == ["tree"]


KILLED = """
    import os, signal, sys
    from empirics.exchange import main
    from empirics.store import Store
    original = Store.add_study
    def killed(self, outcome):
        original(self, outcome)
        os.kill(os.getpid(), signal.SIGKILL)
    Store.add_study = killed
    main(["import", sys.argv[1], "--to", sys.argv[2]])
"""


def test_a_killed_import_leaves_no_run_in_its_place(raced, tmp_path):
    assert run("export", raced, "--to", tmp_path / "tree") == 0
    words = [sys.executable, "-c", "\n".join(line[4:] for line in KILLED.splitlines())]
    done = subprocess.run([*words, str(tmp_path / "tree"), str(tmp_path / "out")], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    assert run("import", tmp_path / "tree", "--to", tmp_path / "out") == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "the following arguments are required: export|import"),
        (("export", "x"), "the following arguments are required: --to"),
        (("export", "absent", "--to", "y"), "absent holds no study.sqlite; name a run folder"),
        (("export", "absent", "--to", "y.csv"), "absent holds no study.sqlite; name a run folder"),
        (("import", "absent", "--to", "y"), "absent is no folder; name one with study.json files at or below it"),
        (("import", "absent.csv", "--format", "csv", "--to", "y"), "absent.csv cannot be read: No such file"),
        (("import", "x", "--to", "y", "--goal-error", "nan"), "--goal-error nan: must be a finite number"),
        (("import", "x", "--to", "y", "--max-steps", "0"), "--max-steps 0: must be an integer in 1..4294967295"),
        (("import", "x", "--to", "y", "--format", "pickle"), "invalid choice: 'pickle'"),
    ],
)
def test_wrong_words_end_in_one_line(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(*words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_layout_does_not_lead_out_of_the_target(tmp_path, capsys):
    trial = TrialRecord(0, {"learning_rate": 0.1}, "reached", 2)
    record = StudyRecord(Study(0.0, 0, 16), 0.1, (trial,), 10, 2, None, 0.0)
    for number, layout in enumerate(({"path": ["..", "up"]}, {"trials": {"0": {"folder": "../../up"}}})):
        identity = {"workload": "a/b/c", "goal_error": [0.1], "stop": "race"}
        folder = tmp_path / f"run-{number}"
        with open_store(folder, {**identity, "imported": {"layout": {"0/0/16": layout}}}) as store:
            store.add_study(StudyOutcome((record,)))
        assert run("export", folder, "--to", tmp_path / "deep" / "tree") == 2
        assert "would lead out of --to" in capsys.readouterr().err
        assert list((tmp_path / "deep").iterdir()) == []


def test_trials_that_differ_from_goal_to_goal_need_a_table(tmp_path, capsys):
    study = Study(0.0, 0, 16)
    records = tuple(
        StudyRecord(study, goal, (TrialRecord(0, {"learning_rate": goal}, "reached", 2),), 10, 2, None, 0.0)
        for goal in (0.2, 0.1)
    )
    with open_store(tmp_path / "run", {"workload": "a/b/c", "goal_error": [0.2, 0.1], "stop": "race"}) as store:
        store.add_study(StudyOutcome(records))
    assert run("export", tmp_path / "run", "--to", tmp_path / "tree") == 2
    assert "its trials differ from goal to goal; use --format csv" in capsys.readouterr().err
    assert run("export", tmp_path / "run", "--to", tmp_path / "trials.csv") == 0


def test_a_metaparameter_named_like_a_column_is_refused(tmp_path, capsys):
    trial = TrialRecord(0, {"lower": 0.1}, "reached", 2)
    with open_store(tmp_path / "run", {"workload": "a/b/c", "goal_error": [0.1], "stop": "race"}) as store:
        store.add_study(StudyOutcome((StudyRecord(Study(0.0, 0, 16), 0.1, (trial,), 10, 2, None, 0.0, StopRule()),)))
    assert run("export", tmp_path / "run", "--to", tmp_path / "trials.csv") == 2
    assert "its metaparameter lower has the name of a column" in capsys.readouterr().err
