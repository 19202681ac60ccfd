import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from empirics.errors import InputError
from empirics.records import Study, number_text
from empirics.specification import specification as module
from empirics.specification.request import Request
from empirics.specification.specification import nearest_128, resolve


def specify(**request):
    return resolve(Request(**request), cuda_available=False)[0]


@dataclass(frozen=True)
class Bad:
    name: str
    words: dict
    message: str


def asked(**words):
    """What is asked for, not yet a request: making one may be refused."""
    return words


BAD = [
    Bad("share", asked(sparsity=(0.0, 0.9)), r"--sparsity 0\.9 is 0\.9%: write 90"),
    Bad("sparsity 100", asked(sparsity=(0.0, 100.0)), r"--sparsity 100: must be a percentage in \[0, 100\)"),
    Bad("sparsity -1", asked(sparsity=(-1.0,)), r"--sparsity -1: must be a percentage in \[0, 100\)"),
    Bad("sparsity nan", asked(sparsity=(math.nan,)), r"--sparsity nan: must be a percentage"),
    Bad("sparsity inf", asked(sparsity=(math.inf,)), r"--sparsity inf: must be a percentage"),
    Bad("no sparsity", asked(sparsity=()), r"--sparsity: name at least one value in \[0, 100\)"),
    Bad("batch size 0", asked(batch_sizes=(8, 0)), r"--batch-sizes 0: must be integers >= 1"),
    Bad("batch size -8", asked(batch_sizes=(-8,)), r"--batch-sizes -8: must be integers >= 1"),
    Bad("no batch size", asked(batch_sizes=()), r"--batch-sizes: name at least one, an integer >= 1"),
    Bad("batch of too many", asked(batch_sizes=(8, 1619)), r"--batch-sizes 1619: more than the 1618 training"),
    Bad("goal 7", asked(goal_error=(7.0,)), r"--goal-error 7: must lie in \(0, 1\), e\.g\. 0\.08 for 8% errors"),
    Bad("goal 1", asked(goal_error=(1.0,)), r"--goal-error 1: must lie in \(0, 1\)"),
    Bad("goal 0", asked(goal_error=(0.0,)), r"--goal-error 0: must lie in \(0, 1\)"),
    Bad("goal nan", asked(goal_error=(math.nan,)), r"--goal-error nan: must lie in \(0, 1\)"),
    Bad("no trial", asked(trials=0), r"--trials 0: must be an integer >= 1"),
    Bad("no replicate", asked(replicates=0), r"--replicates 0: must be an integer >= 1"),
    Bad("even draws", asked(draws=4), r"--draws 4: must be odd, so that the median is one of them"),
    Bad("draws 0", asked(draws=0), r"--draws 0: must be an integer >= 1"),
    Bad("jitter -1", asked(jitter=-1), r"--jitter -1: must be an integer >= 0"),
    Bad("draws and reruns", asked(draws=3, rerun_winner=1), r"--rerun-winner 1: --draws 3 draws every point; use one"),
    Bad("reruns -1", asked(rerun_winner=-1), r"--rerun-winner -1: must be an integer >= 0"),
    Bad("no step", asked(max_steps=0), r"--max-steps 0: must be an integer >= 1"),
    Bad("budget no store can hold", asked(max_steps=2**63), r"--max-steps 9223372036854775808: must be"),
    Bad("interval 0", asked(eval_interval=0), r"--eval-interval 0: must be an integer >= 1"),
    Bad(
        "interval longer than can be stored",
        asked(eval_interval=2**63),
        r"--eval-interval 9223372036854775808: must be",
    ),
    Bad("seed -1", asked(seed=-1), r"--seed -1: must be an integer >= 0"),
    Bad("seed 2^32", asked(seed=2**32), r"--seed 4294967296: must be at most 4294967295"),
    Bad("trials beyond memory", asked(trials=2**32 - 1), r"--trials 4294967295: must be at most 100000"),
    Bad("trials of no limit", asked(trials=10**40), r"--trials 1(0{40}): must be at most 100000"),
    Bad("replicates beyond memory", asked(replicates=2**32 - 1), r"--replicates 4294967295: must be at most 10000"),
    Bad("reruns beyond memory", asked(rerun_winner=2**32 - 1), r"--rerun-winner 4294967295: must be at most 10000"),
    Bad("budget beyond any", asked(max_steps=2**32 - 1), r"--max-steps 4294967295: must be at most 100000000"),
    Bad("followed beyond any", asked(steps=2**32 - 1), r"--steps 4294967295: must be at most 100000000"),
    Bad("draws beyond any", asked(repeats=2**32 - 1), r"--repeats 4294967295: must be at most 100000"),
    Bad(
        "each allowed, too many together",
        asked(replicates=10_000, trials=100, batch_sizes=(8, 16)),
        r"80000 studies of 100 trials, 1 draws each, and 0 reruns: more than 1000000 trainings in one run; use fewer",
    ),
    Bad(
        "too many retrainings",
        asked(replicates=1000, rerun_winner=10_000, sparsity=(0.0,), batch_sizes=(8,), trials=1),
        r"1000 studies of 1 trials, 1 draws each, and 10000 reruns: more than 1000000 trainings",
    ),
    Bad("one example", asked(examples=1), r"--examples 1: must be an integer >= 2"),
    Bad(
        "unknown workload",
        asked(workload="cifar"),
        r"unknown workload 'cifar'; perhaps cifar-10/simple-cnn/sgd or cifar-10/.*; `python -m .* --list` shows them",
    ),
    Bad("unknown pruning", asked(pruning="topk"), r"--pruning topk: choose one of snip, grasp, .*, random, own$"),
    Bad("no GPU", asked(device="cuda"), r"--device cuda: this machine has no usable CUDA device; use --device cpu"),
    Bad("TF32 on a CPU", asked(precision="tf32"), r"--precision tf32: only a GPU has it; use --device cuda, or leave"),
    Bad("no data folder", asked(workload="mnist/simple-cnn/sgd"), r"missing .*; run .* fetch mnist`"),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_bad_input_is_refused_in_one_line_that_names_the_option(bad, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=bad.message) as refusal:
        resolve(Request(**bad.words), cuda_available=False)
    assert "\n" not in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_numbers_are_taken_in_whatever_holds_them():
    given = Request(
        sparsity=[0, np.float32(90)], batch_sizes=np.array([16, 32]), goal_error=0.1, stop="hits 5", data_dir="data"
    )
    assert (given.sparsity, given.batch_sizes, given.goal_error) == ((0.0, 90.0), (16, 32), (0.1,))
    assert (given.stop, given.data_dir) == (("hits", "5"), Path("data"))
    assert Request(sparsity=90, batch_sizes=16, trials=np.int64(3)) == Request(
        sparsity=(90.0,), batch_sizes=(16,), trials=3
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"sparsity": "90"}, "--sparsity 90: must be a number"),
        ({"sparsity": [0, None]}, "--sparsity None: must be a number"),
        ({"batch_sizes": (16.0, 32)}, r"--batch-sizes 16\.0: must be an integer"),
        ({"batch_sizes": True}, "--batch-sizes True: must be an integer"),
        ({"sparsity": 10**400}, "--sparsity 10*: must be a number"),
        ({"trials": 2.5}, r"--trials 2\.5: must be an integer"),
        ({"replicates": "3"}, "--replicates 3: must be an integer"),
        ({"seed": (0, 1)}, r"--seed \(0, 1\): must be an integer"),
        ({"goal_error": ["low"]}, "--goal-error low: must be a number"),
        ({"points": 7}, "--points 7: must be the name of a file or folder"),
        ({"stop": 3}, "--stop 3: "),
    ],
)
def test_what_is_no_number_is_refused_by_its_name(words, message):
    with pytest.raises(InputError, match=message):
        specify(**words)


@given(st.floats() | st.floats(0.0, 2.0) | st.sampled_from([0.0, 100.0, -0.0]))
def test_a_sparsity_is_taken_exactly_when_it_is_a_percentage_below_100_and_no_share(sparsity):
    if sparsity == 0 or 1 <= sparsity < 100:
        assert specify(sparsity=(sparsity,)).sparsities == (sparsity,)
    else:
        with pytest.raises(InputError, match="--sparsity"):
            specify(sparsity=(sparsity,))


def test_the_default_is_the_digits_workload_as_written():
    found = specify()
    assert found.workload.name == "digits/small-cnn/sgd"
    assert found.sparsities == (0.0, 50.0, 70.0, 90.0)
    assert found.batch_sizes == (1, 2, 4, 8, 16, 32, 64, 128, 256)
    assert (found.goals, found.trials, found.replicates, found.seed, found.device) == ((0.08,), 16, 1, 0, "cpu")
    assert (found.constants, found.probe.examples, found.rerun_winner) == (True, 1618, 0)
    assert found.workload.eval_interval == 2


def test_overrides_take_the_defaults_place():
    found = specify(goal_error=(0.05,), max_steps=10, eval_interval=3, trials=5, batch_sizes=(7,), examples=9, seed=3)
    assert (found.goals, found.workload.max_steps, found.workload.eval_interval) == ((0.05,), 10, 3)
    assert (found.trials, found.batch_sizes, found.probe.examples, found.seed) == (5, (7,), 9, 3)


def test_values_are_sorted_and_taken_once():
    found = specify(sparsity=(90, 0, 90.0), batch_sizes=(32, 8, 32, 1618))
    assert found.sparsities == (0.0, 90.0)
    assert found.batch_sizes == (8, 32, 1618)


def test_the_most_trainings_of_one_run_are_a_million():
    most = {"sparsity": (0.0,), "batch_sizes": (8,), "replicates": 10_000}
    assert specify(**most, trials=99, rerun_winner=1).trials == 99
    with pytest.raises(InputError, match="more than 1000000 trainings"):
        specify(**most, trials=99, rerun_winner=2)


def test_a_batch_may_be_a_single_example_or_the_whole_training_set():
    assert specify(batch_sizes=(1, 1618)).batch_sizes == (1, 1618)


def test_more_examples_than_there_are_means_all():
    assert specify(examples=10**6).probe.examples == 1618


@pytest.mark.parametrize(
    ("wanted", "available", "device"),
    [
        ("auto", True, "cuda"),
        ("auto", False, "cpu"),
        ("cpu", True, "cpu"),
        ("cpu", False, "cpu"),
        ("cuda", True, "cuda"),
    ],
)
def test_the_device(wanted, available, device):
    assert resolve(Request(device=wanted), cuda_available=available)[0].device == device


def test_studies_come_in_the_order_of_the_curves():
    found = specify(sparsity=(90.0, 0.0), batch_sizes=(32, 8), replicates=2)
    assert list(found.studies()) == sorted(found.studies())
    assert found.studies()[:3] == (Study(0.0, 0, 8), Study(0.0, 0, 32), Study(0.0, 1, 8))
    assert len(found.studies()) == 8


@pytest.mark.parametrize(
    ("batch_sizes", "nearest"),
    [((1, 2, 256, 128), 128), ((32, 512), 32), ((64, 256), 64), ((100, 140), 140), ((1,), 1), ((2, 1024), 1024)],
)
def test_constants_are_measured_at_the_batch_size_nearest_128(batch_sizes, nearest):
    # of two at the same ratio the smaller
    assert nearest_128(batch_sizes) == nearest


ADDITIONS = {
    "batch_sizes": (8,),
    "sparsity": (0.0, 12.5),
    "trials": 99,
    "replicates": 7,
    "draws": 5,
    "jitter": 2,
    "constants": False,
    "examples": 50,
    "every": 3,
    "steps": 40,
    "hessian_points": 0,
    "repeats": 2,
}
CHANGES = {
    "goal_error": (0.05,),
    "pruning": "random",
    "pruning_examples": 7,
    "biases": "keep",
    "max_steps": 77,
    "eval_interval": 5,
    "seed": 1,
}


@pytest.mark.parametrize("name", ADDITIONS)
def test_what_may_be_added_leaves_the_identity_and_the_folder(name):
    added = specify(**{name: ADDITIONS[name]})
    assert added.identity() == specify().identity()
    assert added.folder_name() == specify().folder_name()


@pytest.mark.parametrize("name", CHANGES)
def test_what_must_not_change_is_in_the_identity_and_the_folder(name):
    changed = specify(**{name: CHANGES[name]})
    differing = {key for key, value in changed.identity().items() if value != specify().identity()[key]}
    assert differing == {name}
    assert changed.folder_name() != specify().folder_name()


def test_data_device_and_space_are_in_the_identity():
    one = specify()
    axis = dataclasses.replace(one.workload.search_space[0], high=1.5)
    for changed in (
        dataclasses.replace(one, dataset_digest="other"),
        dataclasses.replace(one, device="cuda"),
        dataclasses.replace(one, precision="tf32"),
        dataclasses.replace(one, workload=dataclasses.replace(one.workload, search_space=(axis,))),
        dataclasses.replace(one, workload=dataclasses.replace(one.workload, schedule="linear")),
        dataclasses.replace(one, workload=dataclasses.replace(one.workload, optimizer="momentum")),
    ):
        assert changed.identity() != one.identity()


def test_the_identity_is_plain_json():
    identity = specify().identity()
    assert json.loads(json.dumps(identity)) == identity
    additions = specify().additions()
    assert json.loads(json.dumps(additions))["batch_sizes"] == list(additions["batch_sizes"])


def test_the_folder_is_named_after_the_workload():
    assert specify().folder_name().startswith("digits-small-cnn-sgd-")


@pytest.mark.parametrize(("goal", "text"), [(0.08, "0.08"), (0.1, "0.1"), (1e-5, "1e-05"), (0.1 + 0.2, "0.3")])
def test_the_goal_as_written(goal, text):
    assert number_text(goal) == text


def test_studies_are_named_for_people():
    assert [str(study) for study in (Study(90.0, 0, 16), Study(12.5, 2, 1))] == ["S=90 B=16", "S=12.5 B=1 r=2"]


def test_every_field_of_a_request_is_an_option_with_its_help():
    for hint in module.Request.__annotations__.values():
        assert hint.startswith("Annotated[")
