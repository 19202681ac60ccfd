"""Every command that a report prints about a run is of that run, and does what it says when it is typed."""

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from samples.asked_runs import never, reached, write_asked
from samples.verification_runs import write_run

from empirics.command_line import parse
from empirics.measure import Execution
from empirics.measure import main as measure
from empirics.specification.request import Request
from empirics.specification.specification import resolve
from paper_figures.drawing.rows import MNIST, measured_by, rows_of, without_sparse
from paper_figures.drawing.trajectories import _lacks
from paper_figures.report.page import page
from paper_figures.run import read_run
from verification.claims.analysis import analyse
from verification.claims.needs import Needs, lacking, remedies
from verification.claims.rules import NEEDS
from verification.records.records import read_records
from verification.records.run_command import measured_run, new_run_command
from verification.report.__main__ import main as report

OWN = "samples.own_workloads"
FEW = {"batch_sizes": (4, 8, 16, 32), "trials": 3, "constants": False}


@dataclass(frozen=True)
class Case:
    """A run: its folder, what was asked for, and what came out."""

    name: str
    asked: dict[str, object]
    folder: str = "run"
    steps: object = reached
    other: frozenset[str] = field(default_factory=frozenset)  # options that some command must ask for


CASES = (
    Case("one sparsity", {"sparsity": (0.0,), **FEW}, other=frozenset({"sparsity"})),
    Case("no dense network", {"sparsity": (50.0, 70.0), **FEW}, other=frozenset({"sparsity"})),
    Case(
        "one batch size",
        {"sparsity": (0.0, 90.0), "batch_sizes": (16,), "trials": 2},
        'a run\'s; $(x) "folder"',
        other=frozenset({"batch_sizes", "trials"}),
    ),
    Case("two batch sizes up to the data", {"sparsity": (0.0,), "batch_sizes": (1000, 1618), "trials": 2}),
    Case("nothing reached", {"sparsity": (0.0, 90.0), **FEW}, steps=never, other=frozenset({"max_steps"})),
    Case("first tests", {"sparsity": (0.0,), **FEW, "eval_interval": 8}, steps=lambda _: 8),
    Case("first tests at every step", {"sparsity": (0.0,), **FEW, "eval_interval": 1}, steps=lambda _: 1),
    Case("goals", {"sparsity": (0.0,), "goal_error": (0.3, 0.2), **FEW}, other=frozenset({"sparsity", "stop"})),
    Case("own, maximised", {"workload": f"{OWN}:maximised", "sparsity": (0.0, 50.0), "batch_sizes": (4, 8, 16)}),
    Case("own, goals", {"workload": f"{OWN}:maximised", "sparsity": (0.0,), "goal_error": (0.5, 0.45), **FEW}),
    Case(
        "own, first tests", {"workload": f"{OWN}:maximised", "sparsity": (0.0,), "eval_interval": 1}, steps=lambda _: 1
    ),
    Case(
        "nothing as by default",
        {
            "workload": "digits/small-cnn/momentum",
            "sparsity": (0.0, 92.5),
            "batch_sizes": (3, 5, 7),
            "trials": 3,
            "stop": ("factor", "2.5"),
            "max_steps": 333,
            "eval_interval": 3,
            "pruning": "random",
            "seed": 7,
            "pruning_examples": 500,
            "biases": "none",
            "replicates": 2,
            "trace": "full",
            "examples": 400,
            "every": 7,
        },
    ),
)
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture(autouse=True)
def quick(tmp_path, monkeypatch):
    """Time no steps, and stand where the runs are."""
    monkeypatch.setattr("empirics.run.plan.Times.step", lambda *_: 1.0)
    monkeypatch.setattr("empirics.run.plan.Times.evaluation", lambda *_: 1.0)
    monkeypatch.chdir(tmp_path)


def asked_by(command):
    """Return request and folder of a command as `python -m empirics.measure` reads them."""
    words = shlex.split(command)
    assert words[:3] == ["python", "-m", "empirics.measure"]
    request, execution = parse(words[3:], "empirics.measure", "", Request, Execution)
    return request, execution.out


def planned(command, capsys):
    """Type a command with --plan; return what it prints."""
    capsys.readouterr()
    assert measure([*shlex.split(command)[3:], "--plan"]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def commands_of(folder):
    """Return what a report of a folder would print to measure what was not measured."""
    records = read_records(folder)
    return remedies(records, analyse(records).claims, NEEDS)


@every_case
def test_every_command_of_a_report_is_of_its_run_and_can_be_typed(case, capsys):
    folder = Path("in here") / case.folder
    wanted = write_asked(folder, Request(**case.asked), case.steps)
    found = commands_of(folder)
    assert found
    changed = set()
    for one in found:
        request, out = asked_by(one.command)
        again = resolve(request, cuda_available=False)[0]
        before, now = wanted.identity(), again.identity()
        differ = {name for name in before.keys() | now.keys() if before.get(name) != now.get(name)}
        told = planned(one.command, capsys)
        assert f"{again.workload.name}: goal {again.workload.goal_sign} " in told
        assert set(wanted.sparsities) <= set(again.sparsities)
        assert set(wanted.batch_sizes) <= set(again.batch_sizes)
        assert again.replicates >= wanted.replicates
        if out == folder:
            assert not differ
            assert f"{len(wanted.studies())} of {len(again.studies())} studies are in {folder} already." in told or (
                again.trials > wanted.trials
            )
        else:
            assert differ
            assert not out.exists()
            assert out.parent == folder.parent
        first = Request(**case.asked)
        changed |= {name for name in vars(first) if getattr(request, name) != getattr(first, name)}
    assert case.other <= changed


@pytest.mark.parametrize("case", [case for case in CASES if "nothing" in case.name], ids=lambda case: case.name)
def test_what_a_report_prints_is_what_a_shell_is_given(case, capsys):
    write_asked(Path("run"), Request(**case.asked), case.steps)
    assert report(["run", "--draws", "0"]) == 0
    printed = capsys.readouterr().out
    blocks = re.split(r"To measure [^:]*:\n", printed.replace(" \\\n", " "))[1:]
    typed = [" ".join(shlex.split(block.partition("\n")[0])) for block in blocks]
    assert typed == [" ".join(shlex.split(one.command)) for one in commands_of(Path("run"))]
    assert all(len(line) <= 100 for line in printed.splitlines() if line.startswith("  python") or line.endswith("\\"))


def test_a_run_that_was_kept_or_cannot_be_written_is_measured_elsewhere(capsys):
    folder = Path("evidence/kept run")
    write_asked(folder, Request(sparsity=(0.0,), **FEW))
    found = commands_of(folder)
    outs = {asked_by(one.command)[1] for one in found}
    assert Path("runs/kept run-more") in outs
    assert all(out.parent == Path("runs") for out in outs)
    planned(found[0].command, capsys)


def test_the_folder_of_the_data_comes_along_while_it_is_there(tmp_path):
    (tmp_path / "my data").mkdir()
    write_asked(Path("run"), Request(sparsity=(0.0,), data_dir=Path("my data"), **FEW))
    commands = [one.command for one in commands_of(Path("run"))]
    assert {asked_by(command)[0].data_dir for command in commands} == {tmp_path / "my data"}
    beside = new_run_command("mnist/simple-cnn/sgd", "", read_records("run"))
    assert asked_by(beside)[0].data_dir == tmp_path / "my data"
    (tmp_path / "my data").rmdir()
    assert {asked_by(one.command)[0].data_dir for one in commands_of(Path("run"))} == {None}


def test_a_table_of_points_comes_along_and_without_it_nothing_is_suggested(tmp_path, capsys):
    points = tmp_path / "my points.csv"
    points.write_text("learning_rate\n0.1\n0.2\n0.4\n")
    write_asked(Path("run"), Request(sparsity=(0.0,), points=points, batch_sizes=(4, 16), constants=False))
    found = commands_of(Path("run"))
    assert [(request.points, request.workload) for request, _ in map(asked_by, (one.command for one in found))] == [
        *[(points, "digits/small-cnn/sgd")] * (len(found) - 1),
        (None, "digits/small-cnn/momentum"),  # whose search space is another
    ]
    for one in found:
        planned(one.command, capsys)
    points.unlink()
    assert commands_of(Path("run")) == []


@pytest.mark.parametrize(("rows", "asked", "trials"), [(2, None, None), (2, 1, None), (5, 2, 5), (30, 2, 16)])
def test_no_trials_are_asked_for_that_a_table_of_points_lacks(rows, asked, trials, tmp_path, capsys):
    points = tmp_path / "points.csv"
    points.write_text("learning_rate\n" + "".join(f"0.{n}\n\n" for n in range(10, 10 + rows)))
    request = Request(sparsity=(0.0, 90.0), points=points, trials=asked, batch_sizes=(4, 16), constants=False)
    write_asked(Path("run"), request)
    run = measured_run(read_records("run"))
    assert lacking(Needs(trials=3), run) == ({} if trials is None else {"trials": trials})
    for one in commands_of(Path("run")):
        planned(one.command, capsys)


def test_a_table_that_has_lost_points_gets_no_command(tmp_path):
    points = tmp_path / "points.csv"
    points.write_text("learning_rate\n0.1\n0.2\n")
    write_asked(Path("run"), Request(sparsity=(0.0,), points=points, batch_sizes=(4, 16), constants=False))
    assert commands_of(Path("run"))
    for left in ("learning_rate\n0.1\n", "", "\0\udcff"):
        points.write_text(left, errors="surrogateescape")
        assert commands_of(Path("run")) == []


@pytest.mark.parametrize(
    ("budget", "longer"), [(20_000_000, 80_000_000), (50_000_000, 100_000_000), (100_000_000, None)]
)
def test_no_budget_is_asked_for_that_is_refused(budget, longer, capsys):
    write_asked(Path("run"), Request(sparsity=(0.0,), max_steps=budget, **FEW), never)
    run = measured_run(read_records("run"))
    assert lacking(Needs(batch_sizes=4), run) == ({} if longer is None else {"max_steps": longer})
    for one in commands_of(Path("run")):
        planned(one.command, capsys)


@pytest.mark.parametrize(
    ("goals", "harder_ones"),
    [((0.005,), None), ((0.0056,), [0.0028]), ((0.3, 0.001), [0.15]), ((0.08,), [0.04]), ((0.005, 0.001), None)],
)
def test_no_goal_is_asked_for_that_as_many_errors_meet(goals, harder_ones):
    """Of 179 validation images 0.0055866 is one."""
    write_asked(Path("run"), Request(sparsity=(0.0,), goal_error=goals, eval_interval=1, **FEW), lambda _: 1)
    run = measured_run(read_records("run"))
    assert lacking(Needs(batch_sizes=4), run) == ({} if harder_ones is None else {"goal_error": harder_ones})


@pytest.mark.parametrize(
    ("goal", "other"), [(0.001, 0.01), (0.005, 0.0063), (0.006, 0.012), (0.08, 0.1), (0.99, 0.995), (0.995, None)]
)
def test_the_easier_goal_beside_another_is_met_at_more_errors(goal, other):
    write_asked(Path("run"), Request(sparsity=(0.0,), goal_error=(goal,), **FEW))
    run = measured_run(read_records("run"))
    assert lacking(Needs(beside="goal"), run) == ({} if other is None else {"goal_error": [goal, other]})


@pytest.mark.parametrize(
    "asked",
    [
        {"identity": {"workload": "w", "goal_error": [0.1], "imported": {}}},
        {"identity": [], "asked_for": {"sparsities": [0.0]}},
        {"identity": {"workload": "w"}, "asked_for": {"sparsities": []}},
        {"simulated": True},
        [],
    ],
)
def test_what_was_not_measured_here_gets_no_command(asked, tmp_path):
    folder = write_run(tmp_path / "run", constants=False, batch_sizes=(4, 16))
    (folder / "provenance.json").write_text(json.dumps(asked))
    assert measured_run(read_records(folder)) is None
    assert measured_run(read_records(folder / "curves.csv")) is None


def test_a_table_is_told_nothing_that_a_table_cannot_do(capsys):
    write_asked(Path("run"), Request(sparsity=(0.0, 90.0), batch_sizes=(4, 16), trials=2, constants=False))
    assert report(["run/curves.csv", "--draws", "0"]) == 0
    told = capsys.readouterr().out
    assert "not measured" in told
    assert "empirics" not in told
    assert " --" not in told


def test_a_measurement_of_constants_alone_does_not_narrow_what_is_asked_for():
    write_asked(Path("run"), Request(sparsity=(0.0, 90.0), batch_sizes=(4, 8, 16, 32), trials=3))
    provenance = json.loads(Path("run/provenance.json").read_text())
    provenance["asked_for"] |= {"batch_sizes": [16], "sparsities": [90.0]}
    provenance["asked_for"]["probe"] |= {"batch_size": 16, "learning_rate": 0.1}
    Path("run/provenance.json").write_text(json.dumps(provenance))
    run = measured_run(read_records("run"))
    request, out = asked_by(run.command(replicates=3))
    assert (request.batch_sizes, request.sparsity, request.constants) == ((4, 8, 16, 32), (0.0, 90.0), False)
    assert out == Path("run")


def test_a_run_that_has_what_a_claim_needs_is_asked_for_nothing():
    write_asked(Path("run"), Request(sparsity=(0.0, 90.0), batch_sizes=(4, 8, 16, 32), trials=3, stop=("never",)))
    run = measured_run(read_records("run"))
    assert lacking(Needs(levels=2, batch_sizes=4, trials=3, losers=True, constants=True), run) == {}
    assert lacking(Needs(levels=3), run) == {"sparsity": [0.0, 50.0, 70.0, 90.0]}
    assert lacking(Needs(beside="optimizer"), run) == {"workload": "digits/small-cnn/momentum"}
    assert lacking(Needs(batch_sizes=5), run) == {"batch_sizes": [4, 8, 16, 32, 64]}


@pytest.mark.parametrize(("end", "between"), [("smallest", 2), ("largest", 512)])
def test_an_end_with_one_batch_size_is_given_a_second(end, between):
    write_asked(Path("run"), Request(sparsity=(0.0,), batch_sizes=(1, 16, 32, 1024), trials=3))
    run = measured_run(read_records("run"))
    assert lacking(Needs(batch_sizes=4, end=end), run) == {"batch_sizes": sorted([1, 16, 32, 1024, between])}


def test_figures_give_the_run_s_own_commands(capsys):
    write_asked(Path("a run"), Request(workload=f"{OWN}:maximised", sparsity=(0.0,), **FEW))
    (row,) = rows_of([read_run("a run")])
    for told in (without_sparse(row), measured_by(row, "cut short", stop="never")):
        command = told.partition("; ")[2]
        assert asked_by(command)[0].workload == f"{OWN}:maximised"
        planned(command, capsys)


def test_a_workload_of_the_paper_is_asked_for_beside_a_run(tmp_path, capsys):
    _write_mnist(tmp_path / "data")
    asked = {"workload": "mnist/simple-cnn/sgd", "data_dir": Path("data"), "sparsity": (0.0,), "batch_sizes": (4, 8)}
    write_asked(Path("run"), Request(**asked, trials=2, constants=False))
    (missing,) = MNIST.missing(rows_of([read_run("run")]))
    told, _, command = missing.partition("; ")
    assert told == "no run of mnist/simple-cnn/momentum (nor with nesterov)"
    planned(command, capsys)
    request, out = asked_by(command)
    assert (request.workload, request.data_dir) == ("mnist/simple-cnn/momentum", tmp_path / "data")
    assert out == Path("runs/mnist-simple-cnn-momentum")


def _write_mnist(folder):
    """Write a data set of MNIST's shape, 200 images."""
    (folder / "MNIST").mkdir(parents=True)
    random = np.random.default_rng(0)
    for name, magic, shape in (("images", 0x803, (200, 28, 28)), ("labels", 0x801, (200,))):
        values = random.integers(0, 256 if name == "images" else 10, size=shape, dtype=np.uint8)
        header = np.array([magic, *shape], dtype=">u4").tobytes()
        rest = "3" if name == "images" else "1"
        (folder / "MNIST" / f"train-{name}-idx{rest}-ubyte").write_bytes(header + values.tobytes())


def test_constants_that_were_left_out_are_asked_for_by_figures_and_page(monkeypatch, capsys):
    monkeypatch.setattr("paper_figures.report.page.DRAWS", 0)
    write_asked(Path("run"), Request(sparsity=(0.0, 90.0), **FEW))
    missing = _lacks(read_run("run"), ["L"])
    for command in (missing.partition("; ")[2], page([Path("run")]).runs[0].commands["constants"]):
        request, out = asked_by(command)
        assert (request.constants, request.sparsity, out) == (True, (0.0, 90.0), Path("run"))
        assert "0 studies" in planned(command, capsys)
    write_asked(Path("other"), Request(sparsity=(0.0,), batch_sizes=(4, 8, 16, 32), trials=3), never)
    assert ";" not in _lacks(read_run("other"), ["L"])
    assert page([Path("other")]).runs[0].commands["constants"] == ""
