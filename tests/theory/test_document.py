"""docs/theory.md is what the command writes today."""

import re

import pytest

from theory import document
from theory.results.all import RESULTS


def test_the_page_is_current():
    assert document.PATH.read_text(encoding="utf-8") == document.document(), "run python -m theory.document"


def test_every_equation_of_the_paper_has_its_steps():
    page = document.PATH.read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in page.splitlines() if re.match(r"\| \(\d+\) \|", line)]
    steps = {row[0]: row[2].split(", ") for row in rows}
    assert list(steps) == [f"| ({n})" for n in range(1, 12)]
    assert (steps["| (3)"], steps["| (6)"]) == (["6.1", "8.12"], ["5.2", "5.8", "9.1"])
    assert all(row[2] for row in rows)


def test_a_weak_point_must_name_steps_that_exist(monkeypatch):
    monkeypatch.setattr(document, "WEAK_POINTS", (document.WeakPoint("none", ("99.1",)),))
    with pytest.raises(ValueError, match=r"weak points name unknown steps \['99.1'\]"):
        document.document()


def test_no_page_is_written_from_a_derivation_that_fails(monkeypatch):
    monkeypatch.setattr(document, "derive", lambda *_: iter([("an opening", True), ("a failed step", False)]))
    with pytest.raises(ValueError, match="a step of the derivation does not hold"):
        document.document()


def test_where_only_a_wheel_is_installed_there_is_no_page_to_write(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(document, "PATH", tmp_path / "docs" / "theory.md")
    assert document.main() == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "docs is no folder; run it in a checkout of kstar" in err
    assert list(tmp_path.iterdir()) == []


def test_every_result_that_is_cited_exists():
    """No file cites a result of docs/theory.md that is not there."""
    root, known = document.PATH.parents[1], {result.number for result in RESULTS}
    cited = re.compile(r"[Rr]esults? (\d+d?)\b((?:(?:, | and | to )\d+d?\b)*)")
    for folder in ("theory", "verification", "empirics", "paper_figures", "docs", "tests"):
        for path in (p for p in (root / folder).rglob("*") if p.suffix in {".py", ".md"}):
            for first, more in cited.findall(path.read_text(encoding="utf-8")):
                assert {first, *re.findall(r"\d+d?", more)} <= known, f"{path}: result {first}{more}"
