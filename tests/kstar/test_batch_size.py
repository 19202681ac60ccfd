"""`kstar batch-size`: the card that Python, report and page show as well, and its picture."""

import pytest

import kstar
from kstar.__main__ import main
from paper_figures.report.tables import card_tables
from verification.records.records import read_records
from verification.report.card import card_table
from verification.report.text import report_text

LOGS = "batch_size,steps\n16,5210\n32,2688\n64,1452\n128,810\n256,501\n512,352\n1024,260\n2048,230\n"
CARD = """\
Use batch size 512.
             batch size  steps [95%]        examples
recommended  512         345 [337, 354]     177000
smallest     16          5210 [5110, 5310]  83300
largest      2048        228 [218, 237]     466000
Critical batch size B_crit = c1/c2: 426 [402, 453].
Rule: of the powers of two and the batch sizes measured, the nearest to B_crit, where a run takes
  twice the examples of a small batch.
Intervals are between batch sizes only, not between seeds.
"""


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    path = tmp_path_factory.mktemp("logs") / "logs.csv"
    path.write_text(LOGS)
    return path


def test_command_python_report_and_page_show_one_card(logs, capsys):
    assert main(["batch-size", str(logs)]) == 0
    assert capsys.readouterr().out == CARD
    (fit,) = kstar.read(logs).fits
    assert f"{fit.card()}\n" == CARD
    assert report_text(fit.analysis).startswith(f"Which batch size should I use?\n{CARD}")
    (table,) = card_tables(fit.analysis)
    assert (table.columns[:-1], [row[:-1] for row in table.rows]) == card_table([fit.card()])
    assert table.rows == (("0%", "512", "345 [337, 354]", "177000", "16: 5210", "2048: 228", "426 [402, 453]"),)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("batch_size,steps,seconds_per_step\n16,5210,1\n64,1452,1\n256,501,2\n1024,260,8\n", "seconds"),
        (LOGS, "time"),
    ],
)
def test_a_time_is_shown_under_its_unit(tmp_path, capsys, rows, words):
    path = tmp_path / "logs.csv"
    path.write_text(rows)
    assert main(["batch-size", str(path), *(["--step-time", "0.5", "0.01"] if words == "time" else [])]) == 0
    header = capsys.readouterr().out.splitlines()[1]
    assert header.split() == ["batch", "size", "steps", "[95%]", "examples", words]


def test_several_curves_are_several_cards_under_their_names(tmp_path, capsys):
    path = tmp_path / "logs.csv"
    rows = [line.split(",") for line in LOGS.split()[1:]]
    path.write_text("batch_size,sparsity,steps\n" + "".join(f"{b},{s},{k}\n" for s in (0, 90) for b, k in rows))
    assert main(["batch-size", str(path)]) == 0
    assert capsys.readouterr().out == f"sparsity 0%\n{CARD}\nsparsity 90%\n{CARD}"


def test_the_picture_is_written_and_the_files_of_others_are_kept(logs, tmp_path, capsys):
    out = tmp_path / "drawn"
    assert main(["batch-size", str(logs), "--to", str(out)]) == 0
    assert capsys.readouterr().out.endswith(f"\nWrote {out}/extra_batch_size.svg, {out}/extra_batch_size.png\n")
    assert main(["batch-size", str(logs), "--to", str(out)]) == 0  # its own are renewed
    (out / "extra_batch_size.svg").write_text("mine")
    capsys.readouterr()
    for wrong in (["--to", str(out)], ["--to", str(logs)], ["--step-time", "1", "0"]):
        with pytest.raises(SystemExit, match="2"):
            main(["batch-size", str(logs), *wrong])
        assert capsys.readouterr().err.count("\n") == 1
    assert (out / "extra_batch_size.svg").read_text() == "mine"


def test_what_cannot_be_read_is_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["batch-size", str(tmp_path / "nowhere.csv")])
    assert capsys.readouterr().err == f"error: {tmp_path}/nowhere.csv: no such file or folder\n"
    with pytest.raises(ValueError, match="step_time is 3: give"):
        kstar.fit([16, 32, 64], [30, 20, 15]).card(step_time=3)


def test_notes_on_how_a_file_was_read_come_first(tmp_path, capsys):
    path = tmp_path / "logs.csv"
    path.write_text(LOGS.replace("\n", ",a\n").replace("steps,a", "steps,gpu"))
    assert main(["batch-size", str(path)]) == 0
    assert capsys.readouterr().out == f"Note: logs.csv: columns not read: gpu\n\n{CARD}"
    assert read_records(path).notes
