"""Trees that others wrote, strange but valid ones among them."""

import shutil
import struct
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference.empirics.batch_science_reader import load_study, steps_to_result
from samples.foreign_studies import METRIC, plain_study, records_of, run, write_json, write_trial

from empirics.records import Study, StudyOutcome, StudyRecord, TrialRecord
from empirics.stopping import StopRule
from empirics.store.store import open_store, read_store
from verification import read_records

OTHERS = ("train/cross_entropy_error", "test/classification_error")
ALL = ("COMPLETE", "INCOMPLETE", "INFEASIBLE")


def test_a_study_by_hand(tmp_path, capsys):
    plain_study(tmp_path / "tree")
    assert run("import", tmp_path / "tree", "--goal-error", 0.2, 0.01, "--to", tmp_path / "run") == 0
    (record,), (hard,) = records_of(tmp_path / "run"), records_of(tmp_path / "run", 0.01)
    assert [(t.trial, t.ending, t.step, t.short) for t in record.trials] == [
        (1, "complete", 25, 10),
        (2, "complete", 25, 10),
        (3, "infeasible", 11, 10),
    ]
    assert (record.winner.trial, record.lower, record.steps_to_result, record.best_error) == (1, 10, 25, None)
    assert [(t.ending, t.step, t.short) for t in hard.trials] == [
        ("incomplete", 100, 100),
        ("incomplete", 100, 100),
        ("infeasible", 11, 10),
    ]
    assert (hard.winner, hard.lower, hard.best_error) == (None, 100, 0.05)
    (easy_curve, hard_curve) = read_records(tmp_path / "run").curves
    assert (easy_curve.workload, easy_curve.points[0].upper) == ("mnist/simple-cnn-base/momentum", 25)
    assert (hard_curve.points[0].lower, hard_curve.points[0].upper) == (100, None)
    rows = (tmp_path / "run/curves.csv").read_text().splitlines()
    assert ",64,25,10,25,reached,never,3,2,0,1,0,1," in rows[1]
    assert ",64,,100,,not_reached,never,3,0,2,1,0,," in rows[2]
    assert run("export", tmp_path / "run", "--to", tmp_path / "again") == 0
    assert run("import", tmp_path / "again", "--to", tmp_path / "back") == 0
    assert records_of(tmp_path / "back") == [record]
    assert records_of(tmp_path / "back", 0.01) == [hard]
    assert capsys.readouterr().err == ""


errors = st.integers(0, 54).map(lambda wrong: wrong / 60)


def float32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


@st.composite
def trials(draw, columns):
    steps = sorted(draw(st.sets(st.integers(1, 300), max_size=5)) | draw(st.sampled_from([set(), {0}])))
    values = errors.map(draw(st.sampled_from([lambda v: v, float32])))
    rows = []
    for step in steps:
        error = 0.95 if step == 0 else draw(values | st.sampled_from(["nan", ""]))
        rows.append((step, *(error if name == METRIC else draw(errors | st.just("")) for name in columns)))
    metadata = {
        "parameters": {"learning_rate": draw(st.floats(1e-4, 1)), "learning_rate_decay_steps": draw(st.integers(1, 9))},
        "status": draw(st.sampled_from(ALL)),
        "steps": (steps[-1] if steps else 0) + draw(st.integers(0, 3)),
        "_internal_study_name": draw(st.text(max_size=3)),
    }
    for name in draw(st.sets(st.sampled_from(["steps", "_internal_study_name"]))):
        del metadata[name]
    return metadata, rows


@st.composite
def trees(draw):
    """Studies of one workload: names, facts and trials."""
    facts = {
        "dataset": draw(st.sampled_from(["mnist", "fashion_mnist", "lm1b"])),
        "model": draw(st.sampled_from(["simple_cnn", "simple_cnn_s90", "resnet_8_s12.5_r1"])),
        "optimizer": draw(st.sampled_from(["sgd", "nesterov_momentum", "momentum_linear"])),
    }
    optional = {
        "early_stopping": draw(st.booleans()),
        "train_steps": draw(st.sampled_from([0, 100, 300])),
        "parameter_configs": draw(st.sampled_from([{}, {"learning_rate_decay_steps": {"type": "INTEGER"}}])),
        "note": draw(st.text(max_size=3)),
    }
    left_out = draw(st.sets(st.sampled_from(["early_stopping", "train_steps", "parameter_configs", "note"])))
    facts |= {name: value for name, value in optional.items() if name not in left_out}
    columns = draw(st.permutations((METRIC, *draw(st.sets(st.sampled_from(OTHERS))))))
    studies = {}
    for batch_size in draw(st.sets(st.sampled_from([1, 16, 1024]), min_size=1)):
        numbers = draw(st.sets(st.integers(0, 99), min_size=1, max_size=3))
        studies[batch_size] = {number: draw(trials(columns)) for number in numbers}
    return facts, columns, studies


def write_tree(tree, facts, columns, studies):
    for batch_size, of in studies.items():
        study = tree / facts["dataset"] / facts["model"] / facts["optimizer"] / str(batch_size)
        write_json(study / "study.json", facts | {"batch_size": batch_size})
        for number, (metadata, rows) in of.items():
            write_trial(study, number, metadata | {"trial_id": number}, rows, columns)
        yield batch_size, study


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trees(), st.integers(0, 54))
def test_strange_trees_say_what_the_original_reader_finds(tmp_path_factory, a_tree, wrong):
    here = tmp_path_factory.mktemp("tree")
    folders = dict(write_tree(here / "tree", *a_tree))
    code = run("import", here / "tree", "--goal-error", wrong / 60, "--to", here / "run")
    found = {record.study.batch_size: record for record in records_of(here / "run")} if code == 0 else {}
    for batch_size, folder in folders.items():
        _, frame = load_study(folder, ALL)
        expected = steps_to_result(frame, METRIC, (wrong + 0.5) / 60)
        if batch_size not in found:  # nothing known: nobody reached the goal, and nobody was ever seen short of it
            assert expected is None
            running = {t for t, (metadata, _) in a_tree[2][batch_size].items() if metadata["status"] != "INFEASIBLE"}
            seen = {trial for trial, step in frame[METRIC].dropna().index if step > 0} if frame is not None else set()
            assert running
            assert not running & seen
            continue
        record = found[batch_size]
        assert (record.winner and (record.winner.step, record.winner.trial)) == expected
        assert record.lower < record.steps_to_result if record.winner else record.lower > 0
        if record.winner:
            own = frame.loc[record.winner.trial][METRIC].dropna()
            assert record.lower == max(own.index[own.index < record.winner.step], default=0)
    if found:
        assert run("export", here / "run", "--to", here / "again") == 0
        assert run("import", here / "again", "--to", here / "back") == 0
        assert records_of(here / "back") == list(found.values())


def test_step_zero_does_not_count_as_a_goal_test(tmp_path, capsys):
    plain_study(tmp_path / "tree")
    assert run("import", tmp_path / "tree", "--goal-error", 0.9, "--to", tmp_path / "run") == 2
    assert "goal 0.9 is met at step 0, before training; choose a harder one" in capsys.readouterr().err


def test_a_study_of_which_nothing_is_known_is_left_out_with_a_notice(tmp_path, capsys):
    plain_study(tmp_path / "tree")
    study = plain_study(tmp_path / "tree", batch_size=8)
    shutil.rmtree(study / "2")
    shutil.rmtree(study / "3")
    (study / "1/measurements.csv").write_text("step\n")
    assert run("import", tmp_path / "tree", "--goal-error", 0.2, "--to", tmp_path / "run") == 0
    assert f"notice: {study}: no goal test is known of any trial; left out" in capsys.readouterr().err
    assert [record.study.batch_size for record in records_of(tmp_path / "run")] == [64]
    assert run("import", study, "--goal-error", 0.2, "--to", tmp_path / "other") == 2
    assert not (tmp_path / "other").exists()


def test_a_trial_that_diverged_nobody_knows_when_may_have_done_so_up_to_the_budget(tmp_path):
    study = plain_study(tmp_path / "tree")
    write_trial(study, 3, {"parameters": {}, "status": "INFEASIBLE"}, [(10, 0.9)])
    assert run("import", tmp_path / "tree", "--goal-error", 0.2, "--to", tmp_path / "run") == 0
    diverged = records_of(tmp_path / "run")[0].trials[2]
    assert (diverged.ending, diverged.short, diverged.step) == ("infeasible", 10, 100)


def test_a_trial_without_measurements_does_not_hide_what_the_others_say(tmp_path):
    study = plain_study(tmp_path / "tree")
    (study / "2/measurements.csv").write_text("")
    assert run("import", tmp_path / "tree", "--goal-error", 0.01, "--to", tmp_path / "run") == 0
    assert records_of(tmp_path / "run")[0].lower == 100


@pytest.mark.parametrize("train_steps", [0, ...])
def test_a_time_budget_is_as_long_as_its_longest_trial(train_steps, tmp_path):
    study = plain_study(tmp_path / "tree", train_steps=train_steps)
    write_trial(study, 2, {"parameters": {}, "status": "COMPLETE", "steps": 140, "trial_id": 2}, [(130, 0.5)])
    assert run("import", tmp_path / "tree", "--goal-error", 0.01, "--to", tmp_path / "run") == 0
    (record,) = records_of(tmp_path / "run")
    assert (record.max_steps, record.lower) == (140, 100)
    assert run("import", tmp_path / "tree", "--goal-error", 0.01, "--max-steps", 500, "--to", tmp_path / "longer") == 0
    assert records_of(tmp_path / "longer")[0].max_steps == 500


def test_a_goal_reached_beyond_the_budget_is_kept(tmp_path):
    plain_study(tmp_path / "tree", train_steps=20)
    assert run("import", tmp_path / "tree", "--goal-error", 0.2, "--to", tmp_path / "run") == 0
    (record,) = records_of(tmp_path / "run")
    assert (record.steps_to_result, record.max_steps, record.count("complete")) == (25, 25, 2)


def test_a_winner_that_the_original_reader_leaves_out_is_told(tmp_path, capsys):
    study = plain_study(tmp_path / "tree")
    write_trial(study, 3, {"parameters": {}, "status": "infeasible", "trial_id": 3}, [(5, 0.1), (10, "nan")])
    assert run("import", tmp_path / "tree", "--goal-error", 0.2, "--to", tmp_path / "run") == 0
    assert "the winner reached its goal but is marked INCOMPLETE or INFEASIBLE" in capsys.readouterr().err
    assert records_of(tmp_path / "run")[0].winner.trial == 3


def test_trials_may_stand_in_folders_of_other_numbers(tmp_path):
    study = plain_study(tmp_path / "tree")
    (study / "1").rename(study / "007")
    assert run("import", tmp_path / "tree", "--goal-error", 0.2, "--to", tmp_path / "run") == 0
    assert records_of(tmp_path / "run")[0].winner.trial == 1


def test_names_come_from_the_folders_where_study_json_has_none(tmp_path):
    plain_study(tmp_path / "tree", dataset=..., model=..., optimizer=..., batch_size=64)
    study = plain_study(tmp_path / "tree")
    write_json(study / "study.json", {})
    assert run("import", tmp_path / "tree", "--goal-error", 0.2, "--to", tmp_path / "run") == 0
    with read_store(tmp_path / "run") as store:
        assert store.identity["workload"] == "mnist/simple-cnn-base/momentum"
        assert [study.batch_size for study in store.studies()] == [64]


def test_several_workloads_make_a_run_folder_each(tmp_path):
    for name in ("one", "two"):  # the same studies twice, kept apart by the folders above them
        plain_study(tmp_path / "tree" / name)
    sgd = tmp_path / "tree/mnist/simple_cnn/sgd/64"
    shutil.copytree(tmp_path / "tree/one/mnist/simple_cnn_base/momentum/64", sgd)
    write_json(sgd / "study.json", {"dataset": "mnist", "model": "simple_cnn", "optimizer": "sgd", "batch_size": 64})
    assert run("import", tmp_path / "tree", "--goal-error", 0.2, "--to", tmp_path / "runs") == 0
    names = ["mnist-simple-cnn-sgd", "one-mnist-simple-cnn-base-momentum", "two-mnist-simple-cnn-base-momentum"]
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == names
    for name in names:
        assert records_of(tmp_path / "runs" / name)


def test_the_same_study_twice_is_refused(tmp_path, capsys):
    study = plain_study(tmp_path / "tree")
    shutil.copytree(study, study.with_name("65"))
    assert run("import", tmp_path / "tree", "--goal-error", 0.2, "--to", tmp_path / "run") == 2
    assert "are the same study of mnist/simple-cnn-base/momentum; import one" in capsys.readouterr().err


def test_another_metric_can_be_held_against_a_goal(tmp_path, capsys):
    study = plain_study(tmp_path / "tree")
    for trial in (1, 2, 3):
        write_trial(study, trial, {"parameters": {}}, [(10, 5.0), (20, 3.9), (30, 3.0)], ("val/cross_entropy_error",))
    words = ("import", tmp_path / "tree", "--goal-error", 3.9)
    assert run(*words, "--to", tmp_path / "run") == 2
    assert "pass --metric with one of val/cross_entropy_error" in capsys.readouterr().err
    assert run(*words, "--metric", "val/cross_entropy_error", "--to", tmp_path / "run") == 0
    assert records_of(tmp_path / "run")[0].steps_to_result == 20


def test_the_goal_is_the_workloads_where_none_is_given(tmp_path, capsys):
    plain_study(tmp_path / "tree")
    assert run("import", tmp_path / "tree", "--to", tmp_path / "run") == 2
    assert "has no goal of its own; pass --goal-error" in capsys.readouterr().err
    study = plain_study(tmp_path / "named", model="simple_cnn")
    write_trial(study, 1, {"parameters": {}}, [(10, 0.0201), (20, 0.02)])
    assert run("import", tmp_path / "named", "--to", tmp_path / "run") == 0
    assert (records_of(tmp_path / "run")[0].goal, records_of(tmp_path / "run")[0].steps_to_result) == (0.02, 20)


def test_links_are_not_followed(tmp_path, capsys):
    study = plain_study(tmp_path / "tree")
    plain_study(tmp_path / "elsewhere", batch_size=8)
    (study.parent / "8").symlink_to(tmp_path / "elsewhere/mnist/simple_cnn_base/momentum/8")
    assert run("import", tmp_path / "tree", "--goal-error", 0.2, "--to", tmp_path / "run") == 0
    assert f"notice: {study.parent / '8'} is a link and was not followed" in capsys.readouterr().err
    assert [record.study.batch_size for record in records_of(tmp_path / "run")] == [64]


@dataclass(frozen=True)
class Sign:
    """What a study says of its goal, and what the goal of its run is held against."""

    study: dict[str, object]
    options: tuple[object, ...]
    sign: str


@pytest.mark.parametrize(
    "case",
    [
        Sign({}, ("--goal-error", 0.2), "error <="),
        Sign({"goal_error": [0.2]}, (), "error <="),
        Sign({"goal_error": [0.2]}, ("--metric", "val/perplexity"), "perplexity <="),
    ],
)
def test_an_imported_goal_is_called_by_the_column_it_was_looked_for_in(case, tmp_path, capsys):
    metric = case.options[-1] if "--metric" in case.options else METRIC
    plain_study(tmp_path / "tree", **case.study)
    for path in (tmp_path / "tree").rglob("measurements.csv"):
        path.write_text(path.read_text().replace(METRIC, str(metric)))
    assert run("import", tmp_path / "tree", *case.options, "--to", tmp_path / "run") == 0
    assert f", goal {case.sign} 0.2: steps to result" in capsys.readouterr().out
    assert [curve.goal_label for curve in read_records(tmp_path / "run").curves] == [f"goal {case.sign} 0.2"]


def test_a_goal_that_is_reached_from_below_is_looked_for_so(tmp_path):
    study = plain_study(tmp_path / "tree", metric="r_squared >=")
    for trial in (1, 2, 3):
        write_trial(study, trial, {"parameters": {}}, [(10, 0.1), (20, 0.5), (30, 0.7)], ("val/r_squared",))
    words = ("import", tmp_path / "tree", "--metric", "val/r_squared", "--goal-error")
    for goal, folder in ((0.5, "met"), (0.8, "missed")):
        assert run(*words, goal, "--to", tmp_path / folder) == 0
    (met,), (missed,) = records_of(tmp_path / "met"), records_of(tmp_path / "missed")
    assert (met.lower, met.steps_to_result, missed.winner, missed.best_error) == (10, 20, None, 0.7)
    assert [curve.goal_label for curve in read_records(tmp_path / "met").curves] == ["goal r_squared >= 0.5"]


@pytest.mark.parametrize(
    ("workload", "metric", "sign"),
    [("mine:make", "r_squared >=", "r_squared >="), ("mine:make", None, ""), ("a/b/c", None, "error <=")],
)
def test_a_run_keeps_its_metric_on_the_way_out_and_back(workload, metric, sign, tmp_path):
    endings = (TrialRecord(0, {"learning_rate": 0.1}, "complete", 4),)
    record = StudyRecord(Study(0.0, 0, 16), 0.45, endings, 10, 2, None, 0.0, StopRule("race"))
    identity = {"workload": workload, "goal_error": [0.45], "stop": "race"} | ({"metric": metric} if metric else {})
    with open_store(tmp_path / "run", identity) as store:
        store.add_study(StudyOutcome((record,)))
    assert run("export", tmp_path / "run", "--to", tmp_path / "tree") == 0
    assert run("import", tmp_path / "tree", "--to", tmp_path / "back") == 0
    (curve,) = read_records(tmp_path / "back").curves
    assert (curve.sign, curve.goal) == (sign, "0.45")
