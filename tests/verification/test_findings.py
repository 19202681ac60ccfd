import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from reference.verification_runs import Truth, write_run

from verification.claims import Verdict
from verification.findings import BEGIN, END, gather, main, renewed
from verification.findings_numbers import held
from verification.findings_page import Page, verdict_table
from verification.fit import Interval
from verification.kept_runs import KeptRun
from verification.rates import Slope
from verification.rules import RULES

MOMENTUM = (Truth(0, 500.0, 4.0), Truth(90, 1000.0, 9.0))


def write_momentum(folder, **options):
    write_run(folder, truths=MOMENTUM, constants=False, sigma=0.02, **options)
    curves = folder / "curves.csv"
    curves.write_text(curves.read_text().replace("small-cnn/sgd", "small-cnn/momentum"))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    where = tmp_path_factory.mktemp("evidence")
    return [write_run(where / "plain", sigma=0.02), write_momentum(where / "momentum")]


@pytest.fixture(scope="module")
def page(folders):
    return gather(folders, 0)


def test_every_claim_has_a_row_and_a_section(page):
    text = page.markdown()
    for rule in RULES:
        assert re.search(rf"^\| {rule.id} ", text, re.MULTILINE)
        assert re.search(rf"^### {rule.id}: ", text, re.MULTILINE)
    assert text.endswith("in `evidence/README.md`.\n")


def test_a_table_has_as_many_cells_in_every_row(page):
    for block in re.findall(r"(?:^\|.*\n?)+", page.markdown(), re.MULTILINE):
        assert len({row.count(" | ") for row in block.splitlines() if not row.startswith("|---")}) == 1, block


def test_momentum_is_judged_by_both_runs_together(page):
    verdicts = dict(page.verdicts("C9"))
    assert verdicts["plain"].verdict is verdicts["momentum"].verdict is Verdict.NOT_MEASURED
    assert verdicts["all together"].verdict is Verdict.SUPPORTED  # B_crit 125 against 38, c2 4 against 13


def test_the_larger_run_of_a_workload_speaks_for_it(folders, tmp_path):
    poor = write_momentum(tmp_path / "poor", batch_sizes=(1, 2))
    together = gather([folders[0], poor, folders[1]], 0).across
    assert together == gather(folders, 0).across


def test_the_direction_that_the_constants_predict_is_held_against_the_curves(page):
    (line,) = [line for line in page.markdown().splitlines() if "ratios is 0.322" in line]  # .9957 x .6721 x .4810
    assert "at 90% in `plain`" in line


def test_paper_and_measurement_stand_in_one_table(page):
    text = page.markdown()
    assert "| paper, MNIST Simple-CNN | 90 | 1.76 | 4.68 | 107.39 | - | - |" in text
    assert "| `plain` | 90 | 4.1 | 4.6 | 10.1 | - | - |" in text
    assert "| paper, all workloads | 90 | 1.5 to 4.5 | - | 1.67 | - | - | - |" in text


def test_curves_of_one_run_are_told_apart_by_their_goals(tmp_path):
    folder = write_run(tmp_path / "goals", sigma=0.02, constants=False)
    rows = (folder / "curves.csv").read_text().splitlines()
    easier = [row.replace(",0.08,", ",0.12,", 1) for row in rows[1:]]
    assert easier != rows[1:]
    (folder / "curves.csv").write_text("\n".join([*rows, *easier]) + "\n")
    text = gather([folder], 0).markdown()
    assert "| `goals`, 0.08 | 90 |" in text
    assert "| `goals`, 0.12 | 90 |" in text


def test_what_follows_is_counted_over_curves():
    def told(*rows):
        return {row[0]: row[1:] for row in rows}

    rows = told(
        held("slope", 0.0, [Interval(-1.0, 1.0), Interval(None, None), Interval(0.1, 2.0), Interval(None, -0.1)]),
        held("sign", None, [Interval(-1.0, 1.0), Interval(0.1, 2.0), Interval(-2.0, -0.1)]),
    )
    assert rows == {"slope": ["0", "4", "2", "1", "1"], "sign": ["> 0", "3", "2", "1", "-"]}


def test_every_curve_with_a_slope_is_counted(page):
    rows = [line.split(" | ") for line in page.markdown().splitlines() if line.startswith("| eta\\* K\\* is the same")]
    (counts,) = ([int(cell.strip(" |")) for cell in row[2:]] for row in rows)
    known = [slope for run in page.runs for rates in run.analysis.rates if isinstance(slope := rates.product, Slope)]
    assert counts[0] == len(known) == sum(counts[1:])


def test_what_no_run_measured_is_named_with_what_would(page):
    missing = page.markdown().split("## Not measured")[1]
    assert "- C10, L grows with sparsity: " in missing
    assert "C1, " not in missing


def test_no_star_is_left_to_markdown(page):
    assert not re.search(r"[^\\*]\*_", page.markdown())


def test_a_run_without_provenance_is_shown_all_the_same(page):
    bare = Page(tuple(KeptRun(run.name, run.analysis, {}) for run in page.runs), page.across)
    assert "not recorded" in bare.markdown()


def test_the_machine_is_named_as_far_as_the_run_tells(page):
    older = {"processor": "A", "device": "cpu", "versions": {"torch": "2"}}
    run = page.runs[0]
    made = KeptRun(run.name, run.analysis, {"sessions": [older, older, older | {"vector_instructions": "AVX2"}]})
    assert "the machine: A (cpu), torch 2; A, AVX2 (cpu), torch 2.\n" in Page((made,), ()).markdown()
    foreign = KeptRun(run.name, run.analysis, {"sessions": [older | {"processor": 7}]})
    assert "the machine: 7 (cpu), torch 2.\n" in Page((foreign,), ()).markdown()


@pytest.mark.parametrize(
    ("workload", "note"),
    [("digits/small-cnn/momentum", "; one search point won every study of `momentum`"), ("digits/small-cnn", "")],
)
def test_a_rejection_says_which_run_was_searched_too_coarsely(page, workload, note):
    across = tuple(replace(c, verdict=Verdict.REJECTED, subject=f"{workload}, sparsity 90%") for c in page.across)
    lines = Page(page.runs, across).markdown().splitlines()
    (line,) = [one for one in lines if one.startswith("- **C9**")]
    assert line.endswith(f"extend linear scaling{note}.")


def test_the_command_writes_the_page_and_renews_the_table(folders, tmp_path, capsys):
    readme = tmp_path / "README.md"
    readme.write_text(f"above\n{BEGIN}\nof yesterday\n{END}\nbelow\n")
    words = [str(folders[0]), "--to", str(tmp_path / "findings.md"), "--readme", str(readme), "--draws", "0"]
    assert main(words) == 0
    assert "yesterday" not in readme.read_text()
    above, tables, below = re.split(f"{BEGIN}\n|{END}\n", readme.read_text())
    assert (above, below) == ("above\n", "below\n")
    assert re.match(r"\| claim \| plain \|\n(\|.*\n)+\n\|  \| S, % \|.*\n(\|.*\n)+\nTime of one process", tables)
    assert capsys.readouterr().out == f"Wrote {tmp_path / 'findings.md'}, {readme}\n"
    before = (tmp_path / "findings.md").read_text(), readme.read_text()
    assert main(words) == 0
    assert before == ((tmp_path / "findings.md").read_text(), readme.read_text())


def test_one_run_alone_has_nothing_to_say_together(folders):
    assert "all together" not in verdict_table(gather(folders[:1], 0))


@pytest.mark.parametrize("text", ["", BEGIN, f"{END}\n{BEGIN}", f"{BEGIN}{BEGIN}{END}"])
def test_a_readme_without_its_marks_is_refused(text, tmp_path):
    with pytest.raises(ValueError, match=r"README.md: needs one line <!-- findings: begin --> and below it"):
        renewed(text, "table", tmp_path / "README.md")


def test_nothing_is_written_when_the_readme_is_refused(folders, tmp_path, capsys):
    (tmp_path / "README.md").write_text("no marks")
    words = [
        str(folders[0]),
        "--to",
        str(tmp_path / "findings.md"),
        "--readme",
        str(tmp_path / "README.md"),
        "--draws",
        "0",
    ]
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "needs one line" in capsys.readouterr().err
    assert not (tmp_path / "findings.md").exists()


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda folder: None, "no such run folder"),
        (lambda folder: folder.mkdir(), "is no run folder: it has no curves.csv"),
        (lambda folder: (write_run(folder), (folder / "provenance.json").write_text("[]")), "need a JSON object"),
        (
            lambda folder: (write_run(folder), (folder / "provenance.json").write_text("{")),
            "provenance.json: Expecting",
        ),
    ],
)
def test_what_is_no_run_is_one_line(prepare, said, tmp_path, capsys):
    prepare(tmp_path / "run")
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / "run"), "--to", str(tmp_path / "findings.md"), "--draws", "0"])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_run_given_twice_is_refused(folders):
    with pytest.raises(ValueError, match="given twice"):
        gather([folders[0], folders[0]], 0)


ROOT = Path(__file__).parents[2]
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def same_but_for_rounding(one, other):
    """Whether two texts have the same words, and numbers that another machine's rounding may have moved.

    A number of three digits moves by one in its last digit, at most one in a hundred; a p-value counts draws, and may
    move by some of 1000.
    """
    if NUMBER.sub("#", one) != NUMBER.sub("#", other):
        return False
    pairs = zip(map(float, NUMBER.findall(one)), map(float, NUMBER.findall(other)), strict=True)
    return all(math.isclose(a, b, rel_tol=0.0101, abs_tol=0.006) for a, b in pairs)


@pytest.mark.parametrize(
    ("other", "same"),
    [("c1 101 [99, 3e5], p < 0.001", True), ("c1 103 [99, 3e5], p < 0.001", False), ("c2 100 [99, 3e5], p 1", False)],
)
def test_the_comparison_sees_what_matters(other, same):
    assert same_but_for_rounding("c1 100 [99, 3e5], p < 0.001", other) is same


@pytest.mark.slow
def test_the_kept_page_and_readme_are_what_the_command_makes(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text((ROOT / "README.md").read_text(encoding="utf-8"), encoding="utf-8")
    runs = sorted(str(file.parent) for file in ROOT.glob("evidence/*/curves.csv"))
    assert main([*runs, "--to", str(tmp_path / "findings.md"), "--readme", str(readme)]) == 0
    for made, kept in ((tmp_path / "findings.md", ROOT / "docs" / "findings.md"), (readme, ROOT / "README.md")):
        pairs = zip(made.read_text("utf-8").splitlines(), kept.read_text("utf-8").splitlines(), strict=True)
        assert [(new, old) for new, old in pairs if not same_but_for_rounding(new, old)] == []
