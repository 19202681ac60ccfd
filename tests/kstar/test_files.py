import pytest

from kstar import files
from kstar.files import write_atomically


def test_a_file_is_written_and_replaced(tmp_path):
    for text in ("first\n", "ün\r\nsecond\n"):
        write_atomically(tmp_path / "file.txt", text)
        assert (tmp_path / "file.txt").read_bytes() == text.encode()
    assert [path.name for path in tmp_path.iterdir()] == ["file.txt"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    write_atomically(tmp_path / "file.txt", "old")

    def full(_descriptor):
        raise OSError("no space left")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        write_atomically(tmp_path / "file.txt", "new")
    assert (tmp_path / "file.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file.txt"]


def test_a_reader_that_has_the_old_file_open_keeps_it(tmp_path):
    write_atomically(tmp_path / "file.txt", "old")
    with (tmp_path / "file.txt").open() as reader:
        write_atomically(tmp_path / "file.txt", "new")
        assert reader.read() == "old"
    assert (tmp_path / "file.txt").read_text() == "new"
