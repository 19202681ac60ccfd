"""The files that a report writes, and what they hold of names from outside."""

import csv
import json
import os
import stat
import sys
from itertools import pairwise

import pytest
from markdown_it import MarkdownIt
from samples.verification_runs import DIGITS_TRUTHS, write_run

from verification.claims.analysis import analyse
from verification.records.records import read_records
from verification.report.__main__ import main
from verification.report.details import markdown
from verification.report.verdicts import input_digests, is_verdicts


def test_nothing_is_kept_unless_asked_for(tmp_path, capsys):
    run = write_run(tmp_path / "run", truths=DIGITS_TRUTHS[:1])
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    assert main([str(run), "--draws", "0"]) == 0
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before
    assert "Wrote" not in capsys.readouterr().out
    (run / "verdicts.json").write_text("damaged")
    assert main([str(run), "--draws", "0", "--save"]) == 0
    assert is_verdicts(run / "verdicts.json")


def test_own_files_are_renewed_and_links_stay_links(tmp_path):
    source, words = tmp_path / "good.csv", ["--draws", "0"]
    for option, name in (("--json", "v.json"), ("--markdown", "v.md")):
        words += [option, str(tmp_path / name)]
        (tmp_path / f"kept-{name}").touch()  # an empty file, as mktemp makes it
        (tmp_path / name).symlink_to(f"kept-{name}")
    for floor in (3, 4):
        source.write_text(f"batch_size,steps\n1,9\n2,5\n4,{floor}\n")
        assert main([str(source), *words]) == 0
        assert json.loads((tmp_path / "kept-v.json").read_text())["inputs"] == input_digests(source)
    assert (tmp_path / "v.md").is_symlink()
    assert is_verdicts(tmp_path / "v.json")


def make_device(path, name, number):
    """Make a device of our own where we may: a fault of ours that replaces it must not harm the machine's."""
    if os.geteuid():
        path.symlink_to(f"/dev/{name}")
        return
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, number))
        path.open("wb").close()
    except OSError as error:
        pytest.skip(f"no device can be made: {error}")


@pytest.mark.skipif(sys.platform != "linux", reason="devices have other numbers")
@pytest.mark.parametrize("option", ["--json", "--markdown"])
def test_a_device_is_written_to_and_not_replaced(tmp_path, capsys, option):
    source = tmp_path / "good.csv"
    source.write_text("batch_size,steps\n1,9\n2,5\n4,3\n")
    for name, number in (("null", 3), ("full", 7)):
        make_device(tmp_path / name, name, number)
    assert main([str(source), "--draws", "0", option, str(tmp_path / "null")]) == 0
    capsys.readouterr()
    with pytest.raises(SystemExit, match="2"):
        main([str(source), "--draws", "0", option, str(tmp_path / "full")])
    error = capsys.readouterr().err
    assert f"No space left on device: '{tmp_path}/full'" in error
    assert error.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir() if path.is_char_device()} == {"null", "full"}


# Each would be markup, or end the line, the cell or the block it stands in.
HOSTILE = (
    *("a|b", "a\\|b", "*bold*", "_a_ [x](http://h)", "<script>x</script>", "`a`", "$a$", "x\n```\n# heading", "&lt;"),
    *("~~a~~", "![x](y)", "a ````b", "> a"),
)


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown_shows_a_name_as_it_is(tmp_path, name):
    """Read back by the parser that the site is built with."""
    source = tmp_path / "a.csv"
    with source.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["workload", "batch_size", "steps"])
        writer.writerows([name, 2**i, 512 // 2**i + 16] for i in range(9))
    text = markdown(analyse(read_records(source)))
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    assert [inline.content for before, inline in pairwise(tokens) if before.type == "heading_open"] == [
        *("Verdicts", "Fits", "Details"),
    ]
    inline = [token for token in tokens if token.type == "inline"]
    assert {child.type for token in inline for child in token.children} <= {"text", "text_special", "softbreak"}
    shown = ["".join(child.content for child in token.children) for token in inline]
    assert any(" ".join(name.split()) in one for one in shown)
    rows = [line for line in text.splitlines() if line.startswith("| C")]
    assert len(rows) == 18
    assert [token.type for token in tokens].count("td_open") == 8 * 18
