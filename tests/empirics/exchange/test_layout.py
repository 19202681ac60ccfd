"""The layout of Shallue et al.: names and statuses."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples.foreign_studies import METRIC, run

from empirics.exchange.export_tree import has_full_curve
from empirics.exchange.layout import Names, names_of
from empirics.records import Study, StudyOutcome, StudyRecord, TraceRecord, TrialRecord
from empirics.stopping import read_stop_rule
from empirics.store.store import open_store


@pytest.mark.parametrize(("stop", "loser"), [("race", "INCOMPLETE"), ("never", "COMPLETE")])
def test_a_trials_status_and_steps_to_the_letter(stop, loser, tmp_path):
    study = Study(0.0, 0, 16)
    last = 4 if stop == "race" else 10
    endings = (("complete", 4), ("incomplete", last), ("infeasible", 3))
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


@pytest.mark.parametrize(
    ("ending", "measured", "is_full"),
    [
        (TrialRecord(0, {}, "complete", 6), (2, 4, 6), True),
        (TrialRecord(0, {}, "complete", 6), (6,), False),
        (TrialRecord(0, {}, "complete", 2), (2,), True),
        (TrialRecord(0, {}, "incomplete", 9), (2, 4, 6, 8, 9), True),
        (TrialRecord(0, {}, "incomplete", 9), (2, 4, 6, 8), False),
        (TrialRecord(0, {}, "incomplete", 4), (2, 4), True),
        (TrialRecord(0, {}, "infeasible", 1), (), True),
        (TrialRecord(0, {}, "infeasible", 4), (2,), True),
        (TrialRecord(0, {}, "infeasible", 5), (2,), False),
        (TrialRecord(0, {}, "incomplete", 9, 0), (), False),
        (TrialRecord(0, {}, "incomplete", 9, 7), (1, 7), True),
    ],
)
def test_a_curve_is_full_when_every_goal_test_is_there(ending, measured, is_full):
    record = StudyRecord(Study(0.0, 0, 1), 0.1, (ending,), 9, 2, None, 0.0)
    assert has_full_curve([record], [ending], measured) == is_full
