"""`kstar.read` and `kstar.measure`: tables, fits, report and figures of a run."""

import importlib
import sys

import pandas as pd
import pytest
from tools.checkout import ROOT
from tools.commands import code_of
from tools.once import once

import kstar
from empirics.specification.request import Request
from kstar.tables import Rows
from paper_figures.__main__ import main as figures_main
from verification.report.__main__ import main as report_main

ASKED = {
    "sparsity": [0, 90],
    "trials": 2,
    "batch_sizes": (16, 64, 256),
    "max_steps": 60,
    "goal_error": 0.5,
    "examples": 64,
    "hessian_points": 0,
    "jobs": 1,
    "progress": False,
}
LOGS = "batch_size,steps\n16,5210\n32,2688\n64,1452\n128,810\n256,501\n512,352\n"


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return once(tmp_path_factory, "front", lambda folder: kstar.measure("digits", out=folder / "run", **ASKED)) / "run"


@pytest.fixture
def logs(tmp_path):
    path = tmp_path / "logs.csv"
    path.write_text(LOGS)
    return path


def test_curves_and_constants_are_the_files_of_the_run(folder):
    run = kstar.read(str(folder))
    kept = pd.read_csv(folder / "curves.csv")
    shared = ["workload", "goal", "sparsity", "replicate", "batch_size", "steps_to_result", "lower", "upper"]
    for name in shared:
        assert run.curves[name].astype(kept[name].dtype).tolist() == kept[name].tolist()
    assert list(run.curves.columns) == [*shared, "learning_rate"]
    constants = pd.read_csv(folder / "constants.csv")
    assert run.constants["value"].tolist() == constants["value"].tolist()


def test_the_same_call_again_reads_the_run_and_says_nothing(folder, capfd):
    before = (folder / "curves.csv").read_bytes()
    run = kstar.measure("digits", out=str(folder), **ASKED)
    assert (folder / "curves.csv").read_bytes() == before
    assert run.sources == (folder,)
    assert capfd.readouterr() == ("", "")


def test_more_is_added_to_what_is_there_and_shown(tmp_path, capfd):
    few = {**ASKED, "sparsity": 0, "batch_sizes": 64, "constants": False}
    kstar.measure(out=tmp_path / "run", **few)
    assert capfd.readouterr() == ("", "")
    run = kstar.measure(out=tmp_path / "run", **{**few, "batch_sizes": [64, 256], "progress": True})
    assert run.curves["batch_size"].tolist() == [64, 256]
    assert len(run.constants) == 0
    assert "[1/1]  S=0 B=256" in capfd.readouterr().err


def test_a_workload_may_be_a_function(tmp_path):
    from examples.own_model import make_workload

    few = {**ASKED, "sparsity": 0, "batch_sizes": 16, "goal_error": 0.1, "constants": False}
    run = kstar.measure(make_workload, out=tmp_path / "run", **few)
    assert run.curves["workload"].tolist() == ["examples.own_model:make_workload"]


def test_a_function_of_a_notebook_is_measured_in_this_process(tmp_path, monkeypatch):
    from examples.own_model import make_workload

    def in_notebook():
        return make_workload()

    main = sys.modules["__main__"]
    monkeypatch.delattr(main, "__file__", raising=False)
    in_notebook.__module__, in_notebook.__qualname__ = "__main__", "in_notebook"
    monkeypatch.setattr(main, "in_notebook", in_notebook, raising=False)
    few = {**ASKED, "sparsity": 0, "batch_sizes": [8, 16], "goal_error": 0.1, "constants": False}
    del few["jobs"]  # two cores would take two processes
    assert len(kstar.measure(in_notebook, out=tmp_path / "run", **few).curves) == 2


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"trails": 3}, "there is no option trails: perhaps trials"),
        ({"sparsity": 120}, "^sparsity 120: must be a percentage"),
        ({"batch_sizes": 16.5}, "^batch_sizes 16.5: must be an integer"),
        ({"replicates": None}, "^replicates None: must be an integer"),
        ({"device": "tpu"}, "^device tpu: choose one of auto, cpu, cuda"),
        ({"biases": "x"}, "^biases x: choose one of prune, keep, none"),
        ({"trace": True}, "^trace True: choose one of none, full"),
        ({"executor": "dask"}, "^executor dask: choose one of local, ray"),
        ({"jobs": "2"}, "^jobs 2: must be an integer"),
        ({"memory_limit": "a"}, "^memory_limit a: must be a number"),
        ({"out": 3}, "^out 3: must be the name of a file or folder"),
        ({"workload": 3}, "workload is a int: give a name or a function"),
        ({"workload": lambda: 3}, "<lambda>"),
        ({"workload": "digitz"}, "unknown workload 'digitz'"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(asked, said, tmp_path):
    with pytest.raises(ValueError, match=said) as error:
        kstar.measure(**{"out": tmp_path / "run", **ASKED, **asked})
    assert "\n" not in str(error.value)


def test_a_stale_function_is_refused(monkeypatch):
    import examples.own_model

    stale = examples.own_model.make_workload
    monkeypatch.setattr(examples.own_model, "make_workload", lambda: None)
    with pytest.raises(ValueError, match="is now something else"):
        kstar.measure(stale)


def test_every_option_is_in_the_signature():
    import inspect

    options = inspect.signature(kstar.measure).parameters
    assert {"workload", "sparsity", "trials", "out", "jobs", "progress"} <= options.keys()
    assert options["hessian_points"].default == Request.hessian_points


def test_a_csv_file_is_read_and_fitted(logs):
    run = kstar.read(logs)
    (fit,) = run.fits
    assert fit.c1 == kstar.fit([16, 32, 64, 128, 256, 512], [5210, 2688, 1452, 810, 501, 352]).c1
    assert run.curves["steps_to_result"].tolist() == [5210, 2688, 1452, 810, 501, 352]
    assert repr(run) == f"Run({logs}: curves 1, points 6, constants 0)"


def test_several_sources_are_one_run(folder, logs):
    run = kstar.read(logs, folder)
    assert run.sources == kstar.read([str(logs), folder]).sources == (logs, folder)
    assert run.curves["source"].tolist() == [str(logs)] * 6 + [str(folder)] * 6
    assert set(run.constants["source"]) == {str(folder)}
    assert len(run.fits) == 3
    text = str(run.report())
    assert text.startswith(f"{logs}\n")
    assert f"\n{folder}\n" in text
    assert "<tr><td>" in run._repr_html_()


def test_the_report_is_that_of_the_command(folder, tmp_path, capsys):
    report = kstar.read(folder).report()
    assert code_of(report_main, folder, "--markdown", tmp_path / "said.md") == 0
    assert capsys.readouterr().out.startswith(f"{report}\n\nWrote")
    assert (tmp_path / "said.md").read_text() == report._repr_markdown_()


def test_a_figure_is_that_of_the_command(folder, tmp_path):
    figure = kstar.read(folder).draw("ratio", to=tmp_path / "ours")
    assert figure.axes
    assert code_of(figures_main, folder, "--figure", "ratio", "--to", tmp_path / "theirs") == 0
    for name in ("extra_ratio.svg", "extra_ratio.png"):
        assert (tmp_path / "ours" / name).read_bytes() == (tmp_path / "theirs" / name).read_bytes()


def test_logs_can_be_drawn(logs):
    run = kstar.read(logs)
    assert [axes.get_title() for axes in run.draw(1).axes] == ["sparsity 0%"]
    with pytest.raises(ValueError, match=r"nothing was measured for figure 12: logs\.csv: no sparse network"):
        run.draw(12)


def test_figures_of_others_are_left_alone(logs, tmp_path):
    (tmp_path / "figure_01.svg").write_text("mine")
    with pytest.raises(ValueError, match=r"figure_01\.svg"):
        kstar.read(logs).draw(1, to=str(tmp_path))
    with pytest.raises(ValueError, match="figure nope is none of"):
        kstar.read(logs).draw("nope")
    assert (tmp_path / "figure_01.svg").read_text() == "mine"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "there is nothing to read"),
        ([[]], "there is nothing to read"),
        (["nope"], "nope: no such file or folder"),
        ([""], "'' names no file or folder"),
        ([3], "3 names no file or folder"),
        ([pd.DataFrame({"batch_size": [16]})], "a table names no file or folder: give its columns to kstar.fit"),
        ([{"batch_size": [16]}], "a table names no file or folder: give its columns to kstar.fit"),
        ([[pd.DataFrame({"batch_size": [16]})]], "a table names no file or folder: give its columns to kstar.fit"),
        ([None], "None names no file or folder"),
        ([ROOT / "tests"], "is no run folder"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(given, said):
    with pytest.raises(ValueError, match=said):
        kstar.read(*given)


def test_without_pandas_tables_are_rows(folder, monkeypatch):
    def without(name, *rest):
        if name == "pandas":
            raise ImportError(name)
        return importlib.__import__(name, *rest)

    monkeypatch.setattr(importlib, "import_module", without)
    curves = kstar.read(folder).curves
    assert isinstance(curves, Rows)
    assert curves[0]["batch_size"] == 16
    assert [row["sparsity"] for row in curves] == [0.0] * 3 + [90.0] * 3
    assert "<td>16</td>" in curves._repr_html_()
    assert repr(curves).splitlines()[0].split()[:3] == ["workload", "goal", "sparsity"]
