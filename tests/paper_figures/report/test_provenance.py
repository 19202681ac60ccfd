"""How a run was measured is told whole, and the commands that measure it again mean the same run."""

import json
import shlex
from pathlib import Path

import pytest
from samples.report_runs import PROVENANCE

from empirics.command_line import parse
from empirics.measure import Execution
from empirics.specification.request import Request
from empirics.specification.specification import resolve
from paper_figures.report.provenance import measured, steps_to_reproduce
from verification.records.provenance_file import read_provenance
from verification.records.run_command import measure_command

ROOT = Path(__file__).resolve().parents[3]


def specification_of(command):
    """Read a command as `python -m empirics.measure` does."""
    words = shlex.split(command)
    assert words[:3] == ["python", "-m", "empirics.measure"]
    request, execution = parse(words[3:], "empirics.measure", "", Request, Execution)
    return resolve(request, cuda_available=False)[0], execution


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--sparsity", "0", "92.5", "--batch-sizes", "3", "64", "--goal-error", "0.12", "0.14"],
        ["--stop", "factor", "2.5", "--trace", "full", "--max-steps", "320", "--eval-interval", "4"],
        ["--pruning", "random", "--pruning-examples", "500", "--biases", "none", "--seed", "7"],
        ["--replicates", "3", "--rerun-winner", "2", "--trials", "5", "--stop", "hits", "3"],
        ["--no-constants", "--workload", "digits/small-cnn/momentum"],
        ["--examples", "400", "--stop", "never"],
        ["--draws", "3", "--jitter", "2"],
    ],
)
def test_the_command_asks_for_the_same_run(options):
    asked, _ = parse(options, "empirics.measure", "", Request, Execution)
    wanted = resolve(asked, cuda_available=False)[0]
    provenance = json.loads(json.dumps({"identity": wanted.identity(), "asked_for": wanted.additions()}))
    again, _ = specification_of(measure_command(provenance))
    assert again.identity() == wanted.identity()
    assert again.additions()["sparsities"] == wanted.additions()["sparsities"]
    if wanted.constants:
        assert again.additions() == wanted.additions()
    else:
        assert not again.constants


def test_the_kept_run_can_be_asked_for_again():
    kept = ROOT / "evidence" / "digits"
    provenance = read_provenance(kept)
    steps = steps_to_reproduce(kept, provenance)
    command = next(step.command for step in steps if step.command and "empirics.measure" in step.command)
    specification, execution = specification_of(command)
    identity = specification.identity()
    assert {name: provenance["identity"][name] for name in identity} == identity
    assert execution.out == Path("runs/digits-again")


def test_steps_go_from_the_commit_to_this_page(tmp_path):
    folder = tmp_path / "a run"
    commands = [step.command for step in steps_to_reproduce(folder, PROVENANCE)]
    assert commands[0] == "git checkout a23eab6749bd"
    assert commands[1] == "pip install -c constraints.txt -e ."
    assert commands[2].endswith("--out 'runs/a run-again'")
    assert shlex.split(commands[3]) == ["diff", "runs/a run-again/curves.csv", str(folder / "curves.csv")]
    assert commands[4:] == [
        "python -m verification.report 'runs/a run-again' --save",
        "python -m paper_figures 'runs/a run-again'",
        "python -m paper_figures.report 'runs/a run-again' --to report.html",
    ]


@pytest.mark.parametrize("commits", [["a23eab6749bd-dirty"], ["a23eab6749bd", "bbbbbbbbbbbb"], ["$(rm -rf /)"]])
def test_no_checkout_where_no_single_clean_commit_is_known(tmp_path, commits):
    provenance = PROVENANCE | {"sessions": [{"commit": commit} for commit in commits]}
    first = steps_to_reproduce(tmp_path, provenance)[0]
    assert first.command is None
    assert all(commit in first.what for commit in commits)


@pytest.mark.parametrize("provenance", [None, {"simulated": True}, {"identity": {"workload": 3}, "asked_for": []}])
def test_a_run_that_does_not_say_how_it_was_measured_says_that(tmp_path, provenance):
    steps = steps_to_reproduce(tmp_path, provenance)
    assert steps[0].what == "provenance.json does not say how it was measured."
    assert [step.command for step in steps[1:3]] == [
        f"python -m verification.report {tmp_path} --save",
        f"python -m paper_figures {tmp_path}",
    ]


def test_what_a_workload_needs_is_said():
    def of(workload, **more):
        provenance = PROVENANCE | {"identity": PROVENANCE["identity"] | {"workload": workload} | more}
        return steps_to_reproduce(Path("r"), provenance)[2]

    assert of("mnist/simple-cnn/sgd").command == "python -m empirics.datasets fetch mnist"
    assert "my_module:make" in of("my_module:make").what
    assert of("digits/small-cnn/sgd", points="table").what == "Have its search points as POINTS.csv."


def test_a_table_of_search_points_is_named_as_the_run_names_it():
    kept = ROOT / "evidence" / "digits-sgd-decay"
    provenance = read_provenance(kept)
    assert provenance["identity"]["points"] == "table"
    told = [step.what for step in steps_to_reproduce(kept, provenance)]
    assert "Have its search points, digits-decay-points.csv, as POINTS.csv." in told


def test_words_of_a_command_are_quoted():
    hostile = PROVENANCE | {"identity": PROVENANCE["identity"] | {"workload": "a; rm -rf /"}}
    assert shlex.split(measure_command(hostile))[4] == "a; rm -rf /"


def test_everything_the_file_says_is_told(tmp_path):
    (tmp_path / "curves.csv").write_text("batch_size,steps\n1,2\n")
    told = measured(tmp_path, PROVENANCE | {"later": {"deep": {"er": [1.5, None, True]}}})
    facts = dict(told.facts)
    assert facts["workload"] == "digits/small-cnn/sgd"
    assert facts["sparsities"] == "0 90"
    assert facts["search space"] == "learning_rate 0.01 2 log"
    assert facts["study time, summed over processes"] == "6.9 min"
    assert facts["deep: er"] == "1.5 none yes"
    assert dict(told.sessions[0]) == {"started": "2026-11-23T06:25:58+00:00", "commit": "a23eab6749bd", "jobs": "2"}
    assert told.notices == ("notice: pieces",)
    assert told.digests[0][0] == "curves.csv"
    assert len(told.digests[0][1]) == 64


def test_numbers_keep_all_their_digits():
    assert dict(measured(Path(), {"x": 0.30000000000000004, "y": 12345678901234567890}).facts) == {
        "x": "0.30000000000000004",
        "y": "12345678901234567890",
    }


def test_without_the_file_nothing_is_made_up(tmp_path):
    told = measured(tmp_path, read_provenance(tmp_path))
    assert told.missing == "provenance.json is missing: nothing here says how the run was measured"


@pytest.mark.parametrize("text", ["[]", "{", '{"a": ' * 100_000, "\xff"])
def test_a_file_that_is_no_provenance_is_refused(tmp_path, text):
    (tmp_path / "provenance.json").write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=r"provenance\.json is no provenance file .* writes it"):
        read_provenance(tmp_path)
