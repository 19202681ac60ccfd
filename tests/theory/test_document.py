"""docs/theory.md is what the command writes today."""

import pytest

from theory import document


def test_the_page_is_current():
    assert document.PATH.read_text(encoding="utf-8") == document.document(), "run python -m theory.document"


def test_a_weak_point_must_name_steps_that_exist(monkeypatch):
    monkeypatch.setattr(document, "WEAK_POINTS", (document.WeakPoint("none", ("99.1",)),))
    with pytest.raises(ValueError, match=r"weak points name unknown steps \['99.1'\]"):
        document.document()


def test_no_page_is_written_from_a_derivation_that_fails(monkeypatch):
    monkeypatch.setattr("theory.proof.Certificate.holds", lambda *_: False)
    with pytest.raises(ValueError, match="a step of the derivation does not hold"):
        document.document()


def test_where_only_a_wheel_is_installed_there_is_no_page_to_write(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(document, "PATH", tmp_path / "docs" / "theory.md")
    assert document.main() == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "docs is no folder; run it in a checkout of kstar" in err
    assert list(tmp_path.iterdir()) == []
