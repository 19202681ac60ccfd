"""The command, its summary and verdicts, and the suite on a user's run."""

import json
import math
import re
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from samples.verification_runs import DIGITS_TRUTHS, write_run
from tools.fitted import fitted_anew

import verification
from verification.cells import estimate_text, p_text
from verification.claims.analysis import analyse
from verification.fits.fit import Interval
from verification.records.records import read_records
from verification.report.__main__ import main
from verification.report.differences import differences
from verification.report.tables import fits_and_ratios
from verification.report.verdicts import FILE_NAME, dump, to_json

# Numbers have five digits in the file.
ROUNDED = 1e-4
ROOT = Path(__file__).resolve().parents[3]
SHAPES = {
    "digits": {},
    "censored": {"budget": 500, "seed": 1},
    "no constants": {"constants": False},
    "sparse only": {"truths": DIGITS_TRUTHS[3:]},
    "dense only": {"truths": DIGITS_TRUTHS[:1]},
    "three batch sizes": {"batch_sizes": (1, 16, 64)},
    "short": {"batch_sizes": (1, 2, 4, 8)},
    "plateau": {"batch_sizes": (64, 128, 256, 512, 1024)},
    "never reached": {"budget": 10},
    "no noise": {"sigma": 0.0},
}


def run_suite(run):
    suite = ("-q", "verification/test_study.py", "-p", "no:cacheprovider")
    return run_module("pytest", *suite, "--study", run, "-k", run.name)


def run_module(*arguments):
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)], capture_output=True, text=True, cwd=ROOT, check=False
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_run_has_a_summary_and_verdicts(tmp_path, shape, capsys):
    options = {"truths": (DIGITS_TRUTHS[0], DIGITS_TRUTHS[3]), **SHAPES[shape]}
    run = write_run(tmp_path / "run", **options)
    assert main([str(run), "--draws", "20", "--save"]) == 0
    text = capsys.readouterr().out
    assert max(len(line) for line in text.splitlines() if str(tmp_path) not in line) <= 100
    assert "nan" not in text
    assert "inf" not in text
    verdicts = json.loads((run / "verdicts.json").read_text(), parse_constant=pytest.fail)
    assert len(verdicts["claims"]) == 18
    assert len(verdicts["curves"]) == len(options["truths"])


def test_the_summary_tells_constants_ratios_prediction_and_disagreement(tmp_path):
    text = verification.summary(write_run(tmp_path / "run"))
    assert "sparsity  reached  c1" in text
    assert "0%        9/9      508 [450, 574]" in text
    (row,) = (line for line in text.splitlines() if line.endswith("0.322 (one seed)"))
    assert row.startswith("90% ")
    assert "Sparsity 70%, 90%: the constants predict that c1 will fall; the fit says the opposite" in text


def test_the_summary_says_what_is_missing_and_why(tmp_path):
    without = write_run(tmp_path / "a", constants=False)
    assert "Sparsity 50%, 70%, 90%: no predicted ratio (no measured constants)." in verification.summary(without)
    sparse = write_run(tmp_path / "b", truths=DIGITS_TRUTHS[3:])
    assert "No ratio to the dense network: the dense (sparsity 0) curve is missing." in verification.summary(sparse)
    dense = write_run(tmp_path / "c", truths=DIGITS_TRUTHS[:1])
    assert "No ratio to the dense network: a sparse curve is missing." in verification.summary(dense)
    few = write_run(tmp_path / "d", batch_sizes=(4,))
    assert "no fit (a fit needs 3 batch sizes that reached the goal, there is 1)" in verification.summary(few)
    assert verification.summary(tmp_path / "nowhere") == f"No fit: {tmp_path}/nowhere: no such file or folder"


def test_the_summary_says_where_counts_are_bounds_or_coarse(tmp_path):
    source = tmp_path / "mine.csv"
    rows = ["1,80,85", "2,40,45", "4,20,25", "8,10,15", "16,0,5", "32,0,5", "64,2,3"]
    source.write_text("batch_size,lower,upper,steps\n" + "".join(f"{row},{row.split(',')[2]}\n" for row in rows))
    text = " ".join(verification.summary(source).split())
    assert "Sparsity 0%: at B = 16, 32 the goal was met at the first test, so K* is only known from above." in text
    assert "Sparsity 0%: K* is 3 steps or fewer at B = 64: one step more or less is a third of it" in text


def test_open_ends_show_as_bounds():
    assert estimate_text(40.0, Interval(12.0, None)) == "40 [> 12]"
    assert estimate_text(40.0, Interval(None, 55.0)) == "40 [< 55]"
    assert estimate_text(None, Interval(None, None)) == "- [open]"


def test_verdicts_have_the_promised_shape(tmp_path):
    run = write_run(tmp_path / "run")
    verdicts = to_json(analyse(read_records(run)))
    curve, pair, claim = verdicts["curves"][0], verdicts["pairs"][-1], verdicts["claims"][0]
    assert {"workload", "goal", "sparsity", "n", "laws", "tests"} <= curve.keys()
    law = curve["laws"]["H"]
    assert {"c1", "c2", "b_crit", "cbs20", "sigma", "loglik", "aicc", "max_residual", "intervals"} <= law.keys()
    assert law["b_crit"] == pytest.approx(law["c1"] / law["c2"], rel=ROUNDED)
    assert law["cbs20"] == pytest.approx(0.2 * law["b_crit"] + 1.2, rel=ROUNDED)  # from B = 1, the smallest measured
    assert law["intervals"].keys() == {"c1", "c2", "b_crit", "cbs20"}
    assert {"c1", "c2", "alpha"} <= curve["laws"]["P"].keys()
    assert curve["tests"]["alpha"].keys() == {"p"}
    assert pair["predicted_c1_ratio"] == pytest.approx(math.prod(pair["predicted_factors"].values()), rel=2 * ROUNDED)
    assert pair["direction_disagrees"] is True
    keys = {"id", "statement", "verdict", "estimate", "interval", "p", "p_holm", "detectable"}
    assert keys <= claim.keys()
    assert verdicts["inputs"].keys() == {"curves.csv", "constants.csv"}


def test_open_ends_are_null_in_the_verdicts(tmp_path):
    run = write_run(tmp_path / "run", batch_sizes=(1, 2, 4, 8), truths=DIGITS_TRUTHS[:1])
    law = to_json(analyse(read_records(run)))["curves"][0]["laws"]["H"]
    assert law["intervals"]["b_crit"][1] is None
    assert law["intervals"]["c2"][0] is None


def test_verdicts_are_reproduced_and_changes_are_named(tmp_path):
    run = write_run(tmp_path / "run")
    first = json.loads(dump(to_json(analyse(read_records(run)))))
    with fitted_anew():
        second = json.loads(dump(to_json(analyse(read_records(run)))))
    assert differences(first, second) == []
    second["curves"][0]["laws"]["H"]["c1"] *= 1.001
    second["claims"][0]["verdict"] = "rejected"
    lines = differences(first, second)
    assert len(lines) == 2
    assert lines[0].startswith("verdicts.claims[0].verdict: kept 'inconclusive'")
    assert lines[1].startswith("verdicts.curves[0].laws.H.c1: kept 508.")
    assert differences([1.0], [1.0, 2.0]) == ["verdicts: kept [1.0], computed [1.0, 2.0]"]


def test_the_command_on_a_foreign_csv(tmp_path):
    source = tmp_path / "mine.csv"
    source.write_text("batch_size,steps,gpu\n" + "".join(f"{2**i},{512 // 2**i + 16},a\n" for i in range(9)))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = run_module(
        "verification.report.__main__", source, "--json", tmp_path / "v.json", "--markdown", tmp_path / "v.md"
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Processor time: what a machine to itself would need, whatever else this one does.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 5.0
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith("Note: mine.csv: columns not read: gpu\n\n")
    law = json.loads((tmp_path / "v.json").read_text())["curves"][0]["laws"]["H"]
    assert (law["c1"], law["c2"]) == pytest.approx((512, 16), rel=1e-3)
    assert (tmp_path / "v.md").read_text().startswith("# Verdicts\n\nNote: mine.csv: columns not read: gpu\n\n|")
    assert not (tmp_path / "verdicts.json").exists()


def test_the_command_on_a_run_names_the_next_one(tmp_path):
    run = write_run(tmp_path / "run", truths=DIGITS_TRUTHS[:1])
    done = run_module("verification.report.__main__", run, "--save")
    assert done.stdout.endswith(f"Wrote {run}/verdicts.json\nNext: python -m paper_figures {run}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: no such file or folder"),
        (["{}/empty"], "is no run folder: it has neither study.sqlite nor curves.csv"),
        (["{}/bad.csv"], "bad.csv, row 2, column steps_to_result: need a finite number >= 0, got 'x'"),
        (["{}/a tree"], "make a run folder of it: python -m empirics.exchange import '{}/a tree' --to '{}/a tree-run'"),
        (["{}/good.csv", "--json", "{}/no/such.json"], "no/such.json: there is no folder "),
        (["{}/good.csv", "--markdown", "{}/empty"], "empty: is a folder; name a file"),
        (["{}/good.csv", "--json", "{}/bad.csv"], "bad.csv: exists and holds no verdicts of this command; name an"),
        (["{}/good.csv", "--json", "{}/good.csv"], "good.csv: exists and holds no verdicts of this command; name an"),
        (["{}/good.csv", "--markdown", "{}/bad.csv"], "bad.csv: exists and holds no report of this command; name an"),
        (["{}/good.csv", "--json", "{}/a", "--markdown", "{}/a"], "--json and --markdown need different files"),
        (["{}/good.csv", "--save"], "--save keeps verdicts in a run folder, and"),
        ([], "the following arguments are required: input"),
        (["{}", "--unknown"], "unrecognized arguments: --unknown"),
    ],
)
def test_errors_take_one_line_and_exit_code_2(tmp_path, capsys, arguments, message):
    (tmp_path / "bad.csv").write_text("batch_size,steps\n1,x\n")
    (tmp_path / "good.csv").write_text("batch_size,steps\n1,9\n2,5\n4,3\n")
    study = tmp_path / "a tree" / "mnist" / "cnn" / "sgd" / "64"
    study.mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    (study / "study.json").write_text("{}")
    with pytest.raises(SystemExit, match="2"):
        main([argument.format(tmp_path) for argument in arguments])
    error = capsys.readouterr().err
    assert message.format(tmp_path, tmp_path) in error
    assert error.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"bad.csv", "good.csv", "a tree", "empty"}


@pytest.mark.parametrize(
    ("rows", "table", "most"),
    [
        ("1,9,0\n1,8,1\n2,5,0\n", [["1", "9", "8"], ["2", "5"]], "2 distinct batch sizes;"),
        ("16,30,0\n", [["16", "30"]], "1 distinct batch size;"),
    ],
)
def test_too_few_batch_sizes_for_a_fit_are_shown_as_a_table(tmp_path, capsys, rows, table, most):
    (tmp_path / "few.csv").write_text(f"batch_size,steps,replicate\n{rows}")
    assert main([str(tmp_path / "few.csv"), "--draws", "0", "--step-time", "1", "2"]) == 0
    told = capsys.readouterr().out
    lines = told.partition("Steps to result: K*(B)\n")[2].splitlines()
    assert lines[0].split() == ["B", "S", "=", "0%"]
    assert [line.split() for line in lines[1 : 1 + len(table)]] == table
    assert f"No curve has more than {most} fits need 3 that reached the" in told
    assert "not measured" in told


def test_a_study_that_did_not_reach_its_goal_is_a_bound_in_the_table(tmp_path, capsys):
    (tmp_path / "few.csv").write_text(
        "batch_size,sparsity,steps,lower,status\n4,0,9,,\n4,50,,100,not_reached\n8,0,7,,\n"
    )
    assert main([str(tmp_path / "few.csv"), "--draws", "0"]) == 0
    lines = capsys.readouterr().out.partition("Steps to result: K*(B)\n")[2].splitlines()
    assert [line.split() for line in lines[:3]] == [
        ["B", "S", "=", "0%", "S", "=", "50%"],
        ["4", "9", ">", "100"],
        ["8", "7", "-"],
    ]


def test_a_fit_that_did_not_converge_is_called_so(tmp_path, monkeypatch):
    monkeypatch.setattr("verification.fits.newton.MAX_ITERATIONS", 1)
    run = write_run(tmp_path / "run", truths=DIGITS_TRUTHS[:1])
    with fitted_anew():
        text = fits_and_ratios(analyse(read_records(run)))
    assert "the fit did not converge; do not use its numbers." in text


@pytest.mark.slow
def test_the_suite_on_a_users_run_prints_findings_and_passes(tmp_path):
    run = write_run(tmp_path / "mine", truths=(DIGITS_TRUTHS[0], DIGITS_TRUTHS[3]))
    assert main([str(run), "--save"]) == 0
    done = run_suite(run)
    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout
    assert "/mine =" in done.stdout  # the title of its findings
    assert "C7   sparse critical batch size no smaller" in done.stdout


@pytest.mark.slow
def test_the_suite_fails_on_verdicts_that_do_not_follow_from_the_records(tmp_path):
    run = write_run(tmp_path / "mine", truths=(DIGITS_TRUTHS[0], DIGITS_TRUTHS[3]))
    assert main([str(run), "--save"]) == 0
    verdicts = run / FILE_NAME
    before = verdicts.read_text()
    verdicts.write_text(before.replace('"inconclusive"', '"supported"', 1))
    done = run_suite(run)
    assert done.returncode == 1
    assert "python -m verification.report" in done.stdout
    assert verdicts.read_text() != before  # no test writes it
    assert "kept 'supported', computed 'inconclusive'" in done.stdout


@pytest.mark.parametrize("folder", ["nowhere", pytest.param(".", marks=pytest.mark.slow)])
def test_the_suite_refuses_a_study_that_is_no_run(tmp_path, folder):
    done = run_module("pytest", "-q", "verification/test_study.py", "--study", tmp_path / folder)
    assert done.returncode == 4
    assert done.stderr.startswith(f"ERROR: --study: {tmp_path / folder} is no run folder")
    assert done.stderr.strip().count("\n") == 0


def test_the_details_name_laws_tests_and_ratios(tmp_path, capsys):
    run = write_run(tmp_path / "run", truths=(DIGITS_TRUTHS[0], DIGITS_TRUTHS[3]))
    assert main([str(run), "--draws", "50"]) == 0
    printed = capsys.readouterr().out
    assert "laws by AICc weight" in printed
    assert "Q  noisy quadratic" in printed
    assert "alpha = 1 p" in printed
    assert "isotonic regression, 50 draws" in " ".join(printed.split())
    assert "90%: c1 over its prediction" in printed
    order = ("Which batch size", "Law K(B) = c1/B + c2", "every curve follows", "\nDetails\n", "laws by AICc weight")
    assert [printed.index(words) for words in order] == sorted(printed.index(words) for words in order)


@pytest.mark.parametrize(
    ("replicates", "units"), [(1, "between batch sizes only, not between seeds"), (3, "3 replicates")]
)
def test_the_answer_and_the_verdicts_fill_one_screen(tmp_path, capsys, replicates, units):
    """50 lines of 100 columns: four sparsities, with and without replicates."""
    run = write_run(tmp_path / "run", replicates=replicates)
    assert main([str(run), "--draws", "0"]) == 0
    first, _, _ = capsys.readouterr().out.partition("\nDetails\n")
    assert len(first.splitlines()) <= 50
    assert f"Sparsity 0%, 50%, 70%, 90%: intervals are {'' if replicates == 1 else 'between '}{units}." in first
    assert re.search(
        r"^0% +32 \[32, 64\] +(\d\d(\.\d)?) \[\d\d(\.\d)?, \d\d(\.\d)?\] +\d+ +1: \d+ +256: ", first, re.MULTILINE
    )


def test_every_row_shows_the_interval_and_the_p_value_that_decided(tmp_path, capsys):
    run = write_run(tmp_path / "run", replicates=4, sigma=0.03)
    assert main([str(run), "--draws", "0"]) == 0
    words = " ".join(capsys.readouterr().out.split())
    claims = {claim.id: claim for claim in analyse(read_records(run)).claims}
    for id_ in ("C1", "C4", "C8"):
        claim = claims[id_]
        assert f"{claim.brief} {estimate_text(claim.estimate, claim.interval)} {p_text(claim.p_holm)}" in words
        assert f"{id_} {claim.found}: " in words
    assert "supported 4 of 4" in words
    assert "interval at 90%" in words


def test_the_json_holds_every_law_and_test(tmp_path):
    run = write_run(tmp_path / "run", truths=(DIGITS_TRUTHS[0], DIGITS_TRUTHS[3]))
    verdicts = json.loads(dump(to_json(analyse(read_records(run), 50))), parse_constant=pytest.fail)
    curve = verdicts["curves"][0]
    assert curve["laws"].keys() == {"H", "P", "S", "PW", "X", "I", "Q"}
    assert sum(law["weight"] for law in curve["laws"].values()) == pytest.approx(1.0, rel=ROUNDED)
    tests = {"alpha", "h", "reset", "rainbow", "harvey_collier", "monotone", "convex", "against", "rate", "search"}
    assert curve["tests"].keys() == tests
    assert curve["tests"]["against"].keys() == {"PW", "X", "I", "Q"}
    assert curve["robust"]["c1"] == pytest.approx(curve["laws"]["H"]["c1"], rel=0.3)
    pair = verdicts["pairs"][0]
    assert pair["tests"].keys() == {"c1", "c2", "b_crit", "prediction"}
    assert verdicts["combined"]["c1"] == {"reason": "needs two workloads"}


def test_progress_is_shown_to_people_alone(tmp_path, monkeypatch, capsys):
    source = tmp_path / "mine.csv"
    source.write_text("batch_size,steps\n" + "".join(f"{2**i},{2000 / 2**i + 20:.4f}\n" for i in range(12)))
    assert main([str(source), "--draws", "0"]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert main([str(source), "--draws", "0"]) == 0
    assert "testing curves" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(("curves", "limit"), [(4, 10.0), (60, 90.0)])
def test_a_report_with_profiles_and_a_thousand_draws_takes_the_processor_time_promised(tmp_path, curves, limit):
    rng = np.random.default_rng(0)
    rows = ["workload,sparsity,batch_size,steps,lower,upper,status"]
    for curve in range(curves):
        workload, level = divmod(curve, 4)
        for size in (2**i for i in range(1, 15)):
            law = 20_000 * (1 + 0.3 * level) / size + 60 * (1 + 0.2 * level)
            steps = math.ceil(law * math.exp(0.08 * rng.standard_normal()) / 16) * 16
            seen = f"{steps},{steps - 16},{steps},reached" if steps <= 9000 else ",9000,,not_reached"
            rows.append(f"w{workload},{30 * level},{size},{seen}")
    source = tmp_path / "curves.csv"
    source.write_text("\n".join(rows))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = run_module("verification.report.__main__", source)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < limit
