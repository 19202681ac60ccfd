"""A goal is called by its metric, its direction and its value wherever it is printed; an unknown metric by none."""

import json
from dataclasses import dataclass

import pytest
from samples.verification_runs import DIGITS, DIGITS_TRUTHS, write_run

from paper_figures.drawing.rows import rows_of
from paper_figures.figures.figure_02 import figure_02
from paper_figures.report.page import page
from paper_figures.run import read_run
from verification.claims.analysis import analyse
from verification.findings.tables import KeptRun, runs_table
from verification.records.provenance_file import known_provenance
from verification.records.records import read_records
from verification.report.details import markdown

OWN = "mine:make"


@dataclass(frozen=True)
class Case:
    """What a run says of itself, and what its goal is called."""

    name: str
    workload: str
    identity: object
    label: str


CASES = (
    Case("classification error", DIGITS, {"workload": DIGITS}, "goal error <= 0.4321"),
    Case("maximised", OWN, {"workload": OWN, "metric": "r_squared >="}, "goal r_squared >= 0.4321"),
    Case("minimised", OWN, {"workload": OWN, "metric": "perplexity <="}, "goal perplexity <= 0.4321"),
    Case("imported", DIGITS, {"workload": DIGITS, "imported": {"format": "csv"}}, "goal 0.4321"),
    Case("imported errors", DIGITS, {"workload": DIGITS, "imported": {}, "metric": "error <="}, "goal error <= 0.4321"),
    Case("rows of another workload", DIGITS, {"workload": OWN, "metric": "r_squared >="}, "goal 0.4321"),
    Case("no identity", DIGITS, None, "goal 0.4321"),
    Case("a list for an identity", DIGITS, [], "goal 0.4321"),
    Case("a number for a metric", DIGITS, {"workload": DIGITS, "metric": 7}, "goal error <= 0.4321"),
)
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def write(folder, case):
    """Write a run of one goal, 0.4321, of a workload; return the folder."""
    write_run(folder, truths=(DIGITS_TRUTHS[0], DIGITS_TRUTHS[3]), batch_sizes=(1, 4, 16, 64, 256), constants=False)
    table = folder / "curves.csv"
    table.write_text(table.read_text().replace(f"{DIGITS},0.08,", f"{case.workload},0.4321,"))
    identity = case.identity | {"goal_error": [0.4321]} if isinstance(case.identity, dict) else case.identity
    (folder / "provenance.json").write_text(json.dumps({"identity": identity}))
    return folder


def unescaped(text):
    r"""Return Markdown without the backslashes that keep its signs from being read as marks: `r\_squared`."""
    return text.replace("\\", "")


def goals_told(text):
    """Return the labels that a text gives to the goal 0.4321: what stands between `goal` and the value."""
    return {f"goal{part.partition(' 0.4321')[0]} 0.4321" for part in text.split("goal")[1:] if " 0.4321" in part[:30]}


@every_case
def test_records_call_the_goal_by_what_it_is(tmp_path, case):
    curves = read_records(write(tmp_path / "run", case)).curves
    assert {curve.title for curve in curves} == {f"{case.workload}, {case.label}"}


@pytest.mark.parametrize("case", CASES[1:4:2], ids=lambda case: case.name)
def test_whatever_shows_a_run_calls_the_goal_by_what_it_is(tmp_path, case, monkeypatch):
    monkeypatch.setattr("paper_figures.report.page.DRAWS", 0)
    folder = write(tmp_path / "run", case)
    analysis = analyse(read_records(folder), draws=0)
    told = unescaped(markdown(analysis))
    assert goals_told(told) == {case.label}
    assert "0.4321" not in told.replace(case.label, "")
    subjects = [claim.subject for claim in analysis.claims if claim.subject]
    assert subjects
    assert all(subject.startswith(f"{case.workload}, {case.label}, ") for subject in subjects)
    row = unescaped(runs_table([KeptRun("run", analysis, known_provenance(folder))]))
    assert f"| {case.label.removeprefix('goal ')} |" in row
    run = read_run(folder)
    assert [row.title for row in rows_of([run])] == [f"{case.workload}, {case.label}"]
    assert goals_told(figure_02([run]).subfigs[0].get_suptitle()) == {case.label}
    view = page([folder]).runs[0]
    assert [chart.title for chart in view.charts] == [f"{case.workload}, {case.label}"]
    assert all(goals_told(table.caption) == {case.label} for table in (*view.fits, *view.ratios))
    facts = dict(view.measured.facts)
    assert f"goal {facts['goal']}" == case.label


def test_a_file_says_nothing_of_the_metric_of_its_goals(tmp_path):
    path = tmp_path / "two.csv"
    rows = "".join(f"{name},0.4321,{size},{9000 // size + 40}\n" for name in (OWN, DIGITS) for size in (4, 16, 64, 256))
    path.write_text(f"workload,goal,batch_size,steps\n{rows}")
    assert goals_told(markdown(analyse(read_records(path), draws=0))) == {"goal 0.4321"}
