"""docs/theory.md is what the command writes today."""

import re

import pytest
from tools.commands import assert_one_line

from theory import document
from theory.laws import LAWS
from theory.laws_picture import draw_laws, slope_at
from theory.results.all import RESULTS


def test_the_page_is_current():
    assert document.PATH.read_text(encoding="utf-8") == document.document(), "run python -m theory.document"


def test_a_limit_names_what_moves_before_where_to():
    page = document.PATH.read_text(encoding="utf-8")
    assert "let $B$ tend to $0$" in page
    assert not re.search(r"let \$\d+\$ tend", page)


def test_every_equation_of_the_paper_has_its_steps():
    page = document.PATH.read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in page.splitlines() if re.match(r"\| \(\d+\) \|", line)]
    steps = {row[0]: row[2].split(", ") for row in rows}
    assert list(steps) == [f"| ({n})" for n in range(1, 12)]
    assert (steps["| (3)"], steps["| (6)"]) == (["6.1", "8.12"], ["5.2", "5.8", "9.1"])
    assert all(row[2] for row in rows)


def test_the_page_begins_with_one_screen_for_the_reader_of_the_paper():
    """All of it comes before the paper's equations, in at most 30 lines of at most 40 words."""
    screen, _ = document.PATH.read_text(encoding="utf-8").split("## From the paper's equations", 1)
    lines = [line for line in screen.splitlines() if line.strip()]
    assert len(lines) <= 30
    assert max(len(line.split()) for line in lines) <= 55
    for words in document.SCREEN:
        assert f"**{words}**" in screen


def test_the_picture_shows_every_law_with_its_parts():
    panels = draw_laws().axes
    assert [panel.get_title().split(":")[0] for panel in panels] == list(LAWS)
    for panel in panels:
        parts = [line.get_label() for line in panel.lines]
        assert len(parts) == 4
        assert {"$c_2$", "$B_c = c_1/c_2$", "$K(B)$"} < set(parts)
        assert len(panel.texts) == 3
    assert document.PICTURE.is_file()


@pytest.mark.parametrize(("law", "size", "slope"), [("H", 256.0, -0.5), ("X", 100.0, -1.0), ("I", 512.0, -1.0)])
def test_slopes_in_the_picture(law, size, slope):
    """Law I is c2/(1 - x) with x = B_c/B: its slope is -x/(1 - x)."""
    assert slope_at(LAWS[law], size) == pytest.approx(slope, abs=1e-5)


def test_a_weak_point_must_name_steps_that_exist(monkeypatch):
    monkeypatch.setattr(document, "WEAK_POINTS", (document.Point("none", ("99.1",)),))
    with pytest.raises(ValueError, match=r"points of the page name unknown steps \['99.1'\]"):
        document.document()


def test_no_page_is_written_from_a_derivation_that_fails(monkeypatch):
    monkeypatch.setattr(document, "derive", lambda *_: iter([("an opening", True), ("a failed step", False)]))
    with pytest.raises(ValueError, match="a step of the derivation does not hold"):
        document.document()


def test_where_only_a_wheel_is_installed_there_is_no_page_to_write(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(document, "PATH", tmp_path / "docs" / "theory.md")
    assert document.main() == 2
    assert_one_line(capsys, "docs is no folder; run it in a checkout of kstar")
    assert list(tmp_path.iterdir()) == []


def test_every_result_that_is_cited_exists():
    """No file cites a result of docs/theory.md that is not there."""
    root, known = document.PATH.parents[1], {result.number for result in RESULTS}
    cited = re.compile(r"[Rr]esults? (\d+d?)\b((?:(?:, | and | to )\d+d?\b)*)")
    for folder in ("theory", "verification", "empirics", "paper_figures", "docs", "tests"):
        for path in (p for p in (root / folder).rglob("*") if p.suffix in {".py", ".md"}):
            for first, more in cited.findall(path.read_text(encoding="utf-8")):
                assert {first, *re.findall(r"\d+d?", more)} <= known, f"{path}: result {first}{more}"
