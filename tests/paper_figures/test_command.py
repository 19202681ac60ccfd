"""`python -m paper_figures`: files, their bytes, and errors."""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from samples.searched_runs import judged_run, searched_records
from samples.verification_runs import DIGITS_TRUTHS, write_run

from paper_figures.__main__ import main
from paper_figures.catalogue import FIGURES, figure_of, find_name, write

ROOT = Path(__file__).resolve().parents[2]
PNG = b"\x89PNG\r\n\x1a\n"
LOGS = "batch_size,steps\n16,5210\n32,2688\n64,1452\n128,810\n256,501\n512,352\n"
# Of workloads that no sample is of.
OTHER_WORKLOADS = {f"figure_{number:02d}" for number in (8, 9, 10, 11, 14, 15, 16, 17, 18)}


def test_figures_go_into_each_run(dense_run, tmp_path, capsys):
    runs = [shutil.copytree(dense_run, tmp_path / name) for name in ("a", "b")]
    assert main([*[str(run) for run in runs], "--figure", "1", "examples"]) == 0
    names = ("figure_01", "extra_examples")
    files = [run / "figures" / f"{name}.{kind}" for run in runs for name in names for kind in ("svg", "png")]
    assert capsys.readouterr().out.splitlines() == [str(file) for file in files]
    assert files[1].read_bytes().startswith(PNG)
    assert files[0].read_text(encoding="utf-8").startswith("<?xml")


def test_to_draws_all_runs_together_elsewhere(dense_run, tmp_path, capsys):
    runs = [str(shutil.copytree(dense_run, tmp_path / name)) for name in ("a", "b")]
    assert main([*runs, "--figure", "1", "--to", str(tmp_path / "out")]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["figure_01.png", "figure_01.svg"]
    assert not (tmp_path / "a" / "figures").exists()
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_picture_that_is_another_s_is_not_drawn_over(dense_run, tmp_path, capsys):
    words = [str(dense_run), "--figure", "1", "--to", str(tmp_path)]
    for name, content in (("figure_01.png", PNG), ("figure_01.svg", b"<svg/>")):
        (tmp_path / name).write_bytes(content)
        capsys.readouterr()
        with pytest.raises(SystemExit, match="2"):
            main(words)
        assert f"{name}: exists and holds no figure of this command" in capsys.readouterr().err.splitlines()[-1]
        assert (tmp_path / name).read_bytes() == content
        (tmp_path / name).unlink()
    plot = Figure()
    plot.savefig(tmp_path / "figure_01.svg")  # a user's own
    with pytest.raises(SystemExit, match="2"):
        main(words)
    (tmp_path / "figure_01.svg").unlink()
    assert main(words) == main(words) == 0


@pytest.mark.slow
def test_equal_records_give_equal_bytes(tmp_path):
    """In two processes, so that nothing hangs on a hash seed or on memory."""
    run = write_run(tmp_path / "run", truths=DIGITS_TRUTHS[:2])
    for out in ("one", "two"):
        command = [sys.executable, "-m", "paper_figures", run, "--to", tmp_path / out, "--figure", "1", "13", "ratio"]
        subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    for name in ("figure_01.svg", "figure_01.png", "figure_13.svg", "figure_13.png", "extra_ratio.svg"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.slow
def test_all_are_drawn_by_default_in_less_than_a_minute(tmp_path):
    """Four sparsities, nine batch sizes and 16 trials a study; the minute is this process's own."""
    records = searched_records(sparsities=(0.0, 50.0, 70.0, 90.0), sizes=tuple(2**i for i in range(9)), count=16)
    run = judged_run(records)
    start = time.process_time()
    figures = {name: figure_of(name, [run]) for name in FIGURES}
    written = [path for name, figure in figures.items() for path in write(figure, name, tmp_path)]
    assert time.process_time() - start < 60.0
    names = [*[f"figure_{i:02d}" for i in range(1, 19)], *[name for name in FIGURES if name.startswith("extra_")]]
    assert names == list(FIGURES)
    drawn = [name for name in names if name not in {*OTHER_WORKLOADS, "extra_account", "extra_decay"}]
    assert [path.name for path in written] == [f"{name}.{kind}" for name in drawn for kind in ("svg", "png")]
    assert all(path.stat().st_size > 1000 for path in written)


def test_a_figure_is_asked_for_by_number_or_name():
    assert [find_name(text) for text in ("1", "12", "ratio", "extra_ratio", "figure_18")] == [
        *("figure_01", "figure_12", "extra_ratio", "extra_ratio", "figure_18"),
    ]


def test_a_figure_for_a_paper_has_its_width_and_its_caption_beside_it(tmp_path, capsys):
    """A column of a two-column paper is 3.25 inches, 234 points."""
    logs = tmp_path / "my_logs.csv"
    logs.write_text(LOGS)
    words = [str(logs), "--figure", "1", "--width", "1", "--format", "pdf", "svg", "--no-caption", "--no-title"]
    assert main(words) == main(words) == 0
    folder = tmp_path / "my_logs-figures"
    assert {path.name for path in folder.iterdir()} == {"figure_01.pdf", "figure_01.svg", "figure_01.tex"}
    assert re.search(rb"/MediaBox \[ 0 0 234 ", (folder / "figure_01.pdf").read_bytes())
    assert "my_logs" not in (folder / "figure_01.svg").read_text().partition("</metadata>")[2]
    mark, *caption = (folder / "figure_01.tex").read_text().splitlines()
    assert mark == "% The caption of figure_01, by kstar figures."
    assert caption[0] == r"my\_logs.csv."
    assert r"[95\% profile-likelihood intervals]" in caption[1]
    assert "$K = c_1/B + c_2$" in caption[1]
    assert caption[2].startswith(r"my\_logs.csv: 0\% (n = 6) $c_1$ = ")
    (folder / "figure_01.tex").write_text("mine")
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert main([*words[:-2]]) == 0  # the caption stands in the picture
    assert (folder / "figure_01.tex").read_text() == "mine"


def test_a_style_file_sets_the_type(tmp_path, capsys):
    logs, style = tmp_path / "logs.csv", tmp_path / "mine.mplstyle"
    logs.write_text(LOGS)
    style.write_text("font.size: 6\nfont.family: STIXGeneral\nmathtext.fontset: stix\n")
    assert main([str(logs), "--figure", "1", "--to", str(tmp_path), "--style", str(style), "--format", "pdf"]) == 0
    drawn = (tmp_path / "figure_01.pdf").read_bytes()
    assert b"STIX" in drawn
    assert b"DejaVu" not in drawn


def test_logs_are_drawn_beside_their_file_and_what_lacks_is_listed_once(tmp_path, capsys):
    """Figures 12 and ratio need a sparse network, 3, 5 and 13 trials: neither is drawn white."""
    logs = tmp_path / "logs.csv"
    logs.write_text(LOGS)
    assert main([str(logs), "--figure", "1", "12", "3", "5", "13", "ratio", "17"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [str(tmp_path / "logs-figures" / f"figure_01.{kind}") for kind in ("svg", "png")]
    assert sorted(path.name for path in (tmp_path / "logs-figures").iterdir()) == ["figure_01.png", "figure_01.svg"]
    heading, *listed = err.splitlines()
    assert heading == "not drawn, for lack of measurements:"
    assert listed == [
        "  12, ratio: logs.csv: no sparse network; name theirs in a column sparsity",
        "  3, 5, 13: logs.csv: no trials in the input: give one row per trial, or a run folder with study.sqlite",
        "  17: no run of cifar-10/resnet-8/momentum/linear; python -m empirics.measure --workload "
        "cifar-10/resnet-8/momentum/linear --sparsity 0 50 70 90 --out runs/cifar-10-resnet-8-momentum-linear",
    ]
    assert main([str(logs), "--figure", "1"]) == 0
    (tmp_path / "logs-figures" / "figure_01.svg").write_text("<svg/>")
    with pytest.raises(SystemExit, match="2"):
        main([str(logs), "--figure", "1"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{}/nowhere"], "nowhere: no such run folder or CSV file"),
        (["{}/logs.csv", "--figure", "4", "ratio"], "nothing to draw: logs.csv: nothing was kept along a run"),
        (["{}"], "is no run folder: it has neither study.sqlite nor curves.csv"),
        (["{}/run", "--figure", "19"], "--figure 19 is none of 1"),
        (["{}/run", "--figure", "x"], "--figure x is none of 1"),
        (["{}/broken"], "verdicts.json is no verdicts file"),
        ([], "the following arguments are required: DIR"),
        (["{}/logs.csv", "--width", "0.5"], "argument --width: 0.5: give 1 or 2 columns, or 2.5 to 60 inches"),
        (["{}/logs.csv", "--width", "wide"], "argument --width: wide: give 1 or 2 columns"),
        (["{}/logs.csv", "--style", "{}/none"], "none: no such file"),
        (["{}/logs.csv", "--style", "{}/logs.csv"], "logs.csv is no style file of matplotlib"),
        (["{}/logs.csv", "--style", "{}/tex"], "text.usetex is not supported"),
    ],
)
def test_errors_take_one_line_and_exit_code_2(tmp_path, capsys, arguments, message):
    write_run(tmp_path / "run", truths=DIGITS_TRUTHS[:1])
    write_run(tmp_path / "broken", truths=DIGITS_TRUTHS[:1])
    (tmp_path / "broken" / "verdicts.json").write_text('{"curves": 3}')
    (tmp_path / "logs.csv").write_text(LOGS)
    (tmp_path / "tex").write_text("text.usetex: True\n")
    with pytest.raises(SystemExit, match="2"):
        main([argument.format(tmp_path) for argument in arguments])
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.rglob("*figures"))
