"""The command: what it prints, how it fails, and that it is quick."""

import json
import resource
import subprocess
import sys
import time

import pytest
from tools.needed import need

from theory.checking.premises import UnprovenError
from theory.derive import derive, main
from theory.formats import FORMATS
from theory.formats.latex_document import escape
from theory.formats.page import prose
from theory.results.all import CASES, RESULTS, results_of


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "theory.derive", *arguments], capture_output=True, text=True, check=False
    )


def time_of_children():
    """Processor time of finished subprocesses: what else the machine does is not counted."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def entries(capsys, *arguments):
    assert main([*arguments, "--format", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_without_options_it_derives_proposition_4_1_within_ten_seconds():
    start = time_of_children()
    done = run()
    assert time_of_children() - start < 10
    assert done.returncode == 0
    assert done.stderr == ""
    assert "✗" not in done.stdout.split("\n", 1)[1]
    for formula in ("avg E G ≤ L M η/μ + Δ/(K η μ)", "K_1 = c1/B + c2", "K* = c1/B + c2", "B_crit = β/(M_G ε)"):
        assert formula in done.stdout
    assert " 0 failed" in done.stdout
    assert "6   Proposition 4.1 for a fixed rate: smooth, bounded" in done.stdout


def test_json_has_a_verdict_per_step(capsys):
    found = entries(capsys)
    assert {result.split(".")[0] for e in found if (result := e["id"])[0].isdigit()} == set("1234568")
    for entry in found:
        assert set(entry) == {"id", "case", "claim", "follows_from", "reference", "kind", "verified"}
        assert entry["verified"] is (True if entry["kind"] in {"algebra", "inequality"} else None)
        assert entry["case"] in CASES
        assert entry["claim"]
        assert entry["reference"]
    by_id = {entry["id"]: entry for entry in found}
    assert by_id["3.4"]["reference"] == "Lee et al. 2021, Eq. (2)"
    assert by_id["3.4"]["follows_from"] == ["3.3", "2.6"]
    assert by_id["smooth"]["kind"] == "assumption"


@pytest.mark.parametrize("case", CASES)
def test_each_case_alone(case):
    pieces = derive(results_of(case), FORMATS["json"](), lambda step: step.check is not None)
    assert {entry["case"] for entry in json.loads("".join(piece for piece, _ in pieces))} == {case}


@pytest.mark.slow
def test_all_cases_within_twenty_seconds(capsys):
    start = time.process_time()  # one process, one thread
    found = entries(capsys, "--case", "all")
    assert time.process_time() - start < 20
    assert {entry["case"] for entry in found} == set(CASES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--case", "moon"), "invalid choice: 'moon' (choose from "),
        (("--format", "pdf"), "invalid choice: 'pdf' (choose from "),
        (("--cases",), "unrecognized arguments: --cases"),
    ],
)
def test_an_unknown_option_is_refused_in_one_line(arguments, message):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


@pytest.mark.parametrize("form", FORMATS)
def test_a_failed_check_is_shown_and_makes_the_derivation_unsound(form):
    broken = results_of("decaying")[0].steps[1]
    pieces = list(derive(results_of("decaying"), FORMATS[form](), lambda step: step.id != broken.id))
    assert [sound for _, sound in pieces] == sorted((sound for _, sound in pieces), reverse=True)
    assert pieces[-1][1] is False
    shown = {"text": "✗ 3d.2  THIS CHECK FAILED", "markdown": "CHECK FAILED", "latex": "CHECK FAILED"}
    assert shown.get(form, '"verified": false') in "".join(piece for piece, _ in pieces)


def test_a_failed_premise_that_is_not_printed_counts_too():
    """The tuned case rests on steps of results 1 and 2."""
    pieces = list(derive(results_of("tuned"), FORMATS["json"](), lambda step: step.id != "1.3"))
    assert pieces[-1][1] is False


def test_a_failed_check_gives_exit_code_1(capsys, monkeypatch):
    def refuse(*_):
        raise UnprovenError("no")

    monkeypatch.setattr("theory.checking.checks.Derived.prove", refuse)
    assert main(["--case", "sparsity"]) == 1
    captured = capsys.readouterr()
    assert captured.err == "theory.derive: a check failed; the derivation above does not hold\n"
    assert "13 failed" in captured.out  # all but the certificates


def test_a_reader_that_stops_early_sees_no_traceback():
    process = subprocess.Popen(
        [sys.executable, "-m", "theory.derive"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.readline()
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == ""
    assert process.wait() == 0


def test_latex_is_ascii_and_balanced():
    document = "".join(piece for piece, _ in derive(RESULTS, FORMATS["latex"](), lambda step: step.check is not None))
    assert document.isascii()
    assert document.count(r"\[") == document.count(r"\]")
    assert document.startswith(r"\documentclass")
    assert document.endswith("\\end{document}\n")


@pytest.mark.slow
def test_latex_compiles_as_it_is(tmp_path):
    need("pdflatex", package="texlive-latex-base")
    source = tmp_path / "derivation.tex"
    source.write_text(run("--case", "all", "--format", "latex").stdout)
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", source.name],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "derivation.pdf").stat().st_size > 0


def test_markdown_has_a_heading_per_result(capsys):
    assert main(["--case", "fixed", "--format", "markdown"]) == 0
    written = capsys.readouterr().out
    for result in results_of("fixed"):
        assert f"\n## Result {result.number}. " in written
    assert r"$$ K_{1} = \frac{c_{1}}{B} + c_{2} $$" in written


def test_a_character_without_latex_is_refused():
    with pytest.raises(ValueError, match="no LaTeX for"):
        escape("snow ☃")


def test_names_of_greek_letters_become_letters_and_words_stay():
    assert prose("eta_max, beta/B, the best eta; theta, meta, betas") == "η_max, β/B, the best η; theta, meta, betas"
