import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from samples.verification_runs import DIGITS, Truth, write_run

from verification.claims.analysis import analyse
from verification.claims.judge import Verdict
from verification.claims.on_pairs import log_ratios_between
from verification.claims.rules import RULES
from verification.findings.__main__ import BEGIN, END, gather, main, renewed
from verification.findings.consequences import Direction, held
from verification.findings.kept_runs import KeptRun, repeats
from verification.findings.page import Page, readme_part, verdict_table
from verification.fits.fit import Interval
from verification.inference.rates import Slope, line
from verification.records.constants_file import Constant
from verification.records.measured_constants import MeasuredConstants
from verification.records.trials import SmoothnessRun

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


def sure(page, factor):
    """A page whose constants come from three seeds that leave the prediction open by a factor to either side.

    beta of the sparse networks is x below, at and x above its mean: an error of x/sqrt(3), and t(2) is 4.302653.
    """
    run = page.runs[0]
    x = math.log(factor) * math.sqrt(3) / 4.302653
    measured = {}
    for (workload, sparsity), (one,) in run.analysis.records.measured.items():
        known = {**one.values, "epsilon": 1.0 - sparsity / 180.0}
        betas = [known["beta"] * (1.0 + x * at * (sparsity > 0.0)) for at in (-1, 0, 1)]
        measured[workload, sparsity] = [MeasuredConstants(j, known | {"beta": beta}) for j, beta in enumerate(betas)]
    return Page((KeptRun("sure", analyse(replace(run.analysis.records, measured=measured)), {}),), ())


def test_the_direction_that_the_constants_predict_is_held_against_the_curves(page):
    lines = [line for line in sure(page, 1.2).markdown().splitlines() if line.startswith("- The product")]
    (line,) = [line for line in lines if " at 90% " in line]
    # .9957 x .6721 x .4810, and 1.2 to either side; with epsilon 1/2: 4 times.
    assert "is 0.322 [0.268, 0.386] at 90% in `sure`, with the measured epsilon 1.29 [1.07, 1.54], where" in line
    assert line.endswith("the other direction; the paper: 1.67.")


@pytest.mark.parametrize("told", [lambda page: page, lambda page: sure(page, 4.0)])
def test_a_direction_that_may_be_none_is_held_against_nothing(page, told):
    assert "- The product" not in told(page).markdown()


def test_paper_and_measurement_stand_in_one_table(page):
    text = page.markdown()
    assert "| paper, MNIST Simple-CNN | 90 | 1.76 | 4.68 | 107.39 | - | - | - |" in text
    assert "| `plain` | 90 | 4.1 | 4.6 | 10.1 | - | - | - |" in text
    assert "| paper, all workloads | 90 | 1.5 to 4.5 | - | - | - | - | - | - |" in text
    assert "| paper, MNIST Simple-CNN | 90 | - | - | 1.67 | - | - | - | - |" in text
    assert "| paper, the same with momentum | 90 | - | - | - | - | - | about 512 | about 2048 |" in text


def test_the_steps_at_which_a_mean_was_measured_are_counted(page):
    run = page.runs[0]
    along = [(90.0, 0, (1, 6, 9)), (90.0, 1, (1, 6, 11, 14)), (50.0, 0, (1, 4))]
    runs = tuple(
        SmoothnessRun(
            sparsity=level,
            replicate=i,
            values={},
            smoothness=(),
            loss=(),
            along={"L": dict.fromkeys(steps, 1.0)},
            goal_step=max(steps),
        )
        for level, i, steps in along
    )
    analysis = replace(run.analysis, records=replace(run.analysis.records, smoothness=runs))
    text = Page((KeptRun("plain", analysis, {}),), ()).markdown()
    assert "| `plain` | 90 | 4.1 | 4.6 | 10.1 | - | - | 2 to 3 |" in text
    assert "| `plain` | 50 | 5.6 | 4.61 | 18.5 | - | - | 1 |" in text
    assert "| `plain` | 0 | 6.1 | 4.62 | 21 | - | - | - |" in text


def test_runs_that_repeat_another_are_named(page, tmp_path):
    part = gather([write_run(tmp_path / "part", sigma=0.02, batch_sizes=(1, 2, 4, 8), constants=False)], 0).runs[0]
    other = gather([write_run(tmp_path / "other", sigma=0.02, seed=1)], 0).runs[0]
    text = repeats([part, page.runs[0], page.runs[1]])
    # Noise is drawn curve by curve: only the first is the same.
    assert text.startswith(
        "\n\nStudies of `plain` that came out again with the same winner at the same step: `part` (4 of 16)"
    )
    assert repeats([page.runs[0], page.runs[1]]) == ""
    assert repeats([part]) == ""
    assert text in readme_part(Page((part, page.runs[0]), ()))
    same = [one for one in (other, page.runs[0]) if repeats([one, page.runs[0]])]
    assert same == []


def test_curves_of_one_run_are_told_apart_by_their_goals(tmp_path):
    folder = write_run(tmp_path / "goals", sigma=0.02, constants=False)
    rows = (folder / "curves.csv").read_text().splitlines()
    easier = [row.replace(",0.08,", ",0.12,", 1) for row in rows[1:]]
    assert easier != rows[1:]
    (folder / "curves.csv").write_text("\n".join([*rows, *easier]) + "\n")
    text = gather([folder], 0).markdown()
    assert "| `goals` †, goal 0.08 | 90 |" in text
    assert "| `goals` †, goal 0.12 | 90 |" in text


def test_what_follows_is_counted_over_curves():
    slopes = [Interval(-1.0, 1.0), Interval(None, None), Interval(0.1, 2.0), Interval(None, -0.1)]
    assert held("slope", 0.0, slopes) == ["slope", "0", "4", "2", "1", "1"]


@pytest.mark.parametrize(("rises", "sure", "word"), [(True, True, "rises"), (False, False, "falls?")])
def test_a_direction_is_turned_the_way_it_should_go(rises, sure, word):
    found = Direction(slope=Slope(-1.0, 0.1, 4), rises=rises, sure=sure)
    assert found.predicted == word
    low, high = found.interval.low, found.interval.high
    assert (low < high < 0.0) if rises else (0.0 < low < high)


def test_every_curve_with_a_slope_is_counted(page):
    rows = [line.split(" | ") for line in page.markdown().splitlines() if line.startswith("| eta\\* K\\* is the same")]
    (counts,) = ([int(cell.strip(" |")) for cell in row[2:]] for row in rows)
    known = [slope for run in page.runs for rates in run.analysis.rates if isinstance(slope := rates.product, Slope)]
    assert counts[0] == len(known) == sum(counts[1:])


def test_a_curve_measured_twice_counts_once_by_the_larger_run(page, folders, tmp_path):
    def counted(runs):
        return [line for line in Page(runs, ()).markdown().splitlines() if line.startswith("| eta\\* K\\* is the same")]

    poor = gather([write_run(tmp_path / "poor", sigma=0.5, seed=3, batch_sizes=(1, 2, 4, 8))], 0).runs
    assert counted((*poor, *page.runs)) == counted(page.runs) != counted((*poor, page.runs[1]))


def with_noise_scales(page, dense, sparse):
    """A run with four sparsities whose noise scales, three sparse ones alike, have intervals over replicates."""
    run = page.runs[0]
    levels = {0.0: dense, 50.0: sparse, 70.0: sparse, 90.0: sparse}
    constants = tuple(
        Constant(workload=DIGITS, sparsity=at, quantity="noise_scale", value=v, low=low, high=high, n=3)
        for at, (v, low, high) in levels.items()
    )
    return KeptRun("plain", replace(run.analysis, records=replace(run.analysis.records, constants=constants)), {})


def test_the_direction_of_a_ratio_is_held_against_the_noise_scales(page):
    # B_crit is 38 dense and 35, 32, 29 sparse: in truth the ratio rises with B, by little beside the scatter.
    ratios = [log_ratios_between(pair.dense, pair.sparse) for pair in page.runs[0].analysis.pairs]
    slopes = [line([math.log(size) for size in found], found.values()) for found in ratios]
    rising = sum(slope.value > 0.0 for slope in slopes)
    clear = sum(slope.interval().low > 0.0 for slope in slopes)
    assert rising > 0
    for (dense, sparse), agree, word, told_apart in [
        (((40.0, 39.0, 41.0), (30.0, 29.0, 31.0)), rising, "rises", 3),
        (((40.0, 29.0, 51.0), (30.0, 20.0, 40.0)), rising, "rises?", 0),
        (((30.0, 29.0, 31.0), (40.0, 39.0, 41.0)), 3 - rising, "falls", 3),
        (((30.0, None, None), (40.0, None, None)), 3 - rising, "falls?", 0),
    ]:
        text = Page((with_noise_scales(page, dense, sparse),), ()).markdown()
        sides = (clear, 0) if word.startswith("rises") else (0, clear)
        said = re.search(
            r"have it in (\d) of 3 pairs .* on that side of 0 in (\d), on the other in (\d).*apart in (\d)", text
        )
        assert tuple(map(int, said.groups())) == (agree, *sides, told_apart)
        assert text.count(f"| {word} |") == 3
    assert "Of no pair of curves are both noise scales known." in page.markdown()


def test_a_run_that_one_search_point_won_is_marked(page):
    table = verdict_table(page)
    assert table.startswith("| claim | plain † | momentum † | all together |")
    assert re.search(r"^\| C9 .* \| - \| - \| supported † \|$", table, re.MULTILINE)
    assert "\n† One search point won every study of this run" in table
    several = replace(page.runs[0].analysis.records.curves[0], points=two_winners(page.runs[0]))
    run = page.runs[0]
    other = replace(run.analysis, records=replace(run.analysis.records, curves=(several,)))
    assert "†" not in verdict_table(Page((KeptRun("plain", other, {}),), ()))


def two_winners(run):
    first, *rest = run.analysis.records.curves[0].points
    return (replace(first, metaparameters={"learning_rate": 0.3}), *rest)


def test_what_no_run_measured_is_named_with_what_would(page):
    missing = page.markdown().split("## Not measured")[1]
    assert "- C10, L grows with sparsity: " in missing
    assert "C1, " not in missing
    assert "- No run has CIFAR-10.\n- No run has ResNet-8.\n- No run has a decaying rate: C17 speaks" in missing
    assert "- One replicate alone, which says nothing of other seeds: `plain`, `momentum`.\n" in missing


def test_what_was_measured_is_not_called_missing(tmp_path):
    folder = write_run(tmp_path / "decay", truths=MOMENTUM, replicates=2, batch_sizes=(1, 4, 16, 64))
    for name in ("curves.csv", "constants.csv"):
        text = (folder / name).read_text().replace("digits/small-cnn/sgd", "cifar-10/resnet-8/nesterov/linear")
        (folder / name).write_text(text)
    missing = gather([folder], 0).markdown().split("## Not measured")[1]
    assert "No run has" not in missing
    assert "One replicate" not in missing


def test_a_test_without_an_interval_shows_none(page):
    without = tuple(
        replace(c, verdict=Verdict.REJECTED, estimate=0.5, interval=None) for c in page.runs[0].analysis.claims
    )
    run = KeptRun("plain", replace(page.runs[0].analysis, claims=without), {})
    text = Page((run,), ()).markdown()
    assert "| `plain` | **rejected** | 0.5 | " in text
    assert "0.5 [" not in text.split("## Claim by claim")[1]


def test_no_star_is_left_to_markdown(page):
    assert not re.search(r"[^\\*]\*_", page.markdown())


def test_a_run_without_provenance_is_shown_all_the_same(page):
    bare = Page(tuple(KeptRun(run.name, run.analysis, {}) for run in page.runs), page.across)
    assert "not recorded" in bare.markdown()


def test_the_machine_is_named_as_far_as_the_run_tells(page):
    older = {"processor": "A", "device": "cpu", "versions": {"torch": "2"}}
    run = page.runs[0]
    made = KeptRun(run.name, run.analysis, {"sessions": [older, older, older | {"vector_instructions": "AVX2"}]})
    assert "as far as recorded: A (cpu), torch 2; A, AVX2 (cpu), torch 2.\n" in Page((made,), ()).markdown()
    foreign = KeptRun(run.name, run.analysis, {"sessions": [older | {"processor": 7}]})
    assert "as far as recorded: 7 (cpu), torch 2.\n" in Page((foreign,), ()).markdown()


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
    parts = (
        r"\| claim \| plain † \|\n(\|.*\n)+",
        r"A dash: .*\n†[^|]*",
        r"\|  \| S, % \|.*\n(\|.*\n)+",
        r"Ratios are [^|]*",
    )
    assert re.match("\n".join((*parts, "Time of one process")), tables)
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


ROOT = Path(__file__).parents[3]
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
