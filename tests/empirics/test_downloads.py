import dataclasses
import hashlib
import http.server
import io
import tarfile
import threading

import pytest

from empirics import datasets
from empirics.downloads import DOWNLOADS, Download, fetch
from empirics.errors import InputError

FILES = {"one.gz": b"first", "two.gz": b"second"}


@pytest.fixture
def server(tmp_path):
    """A folder served on the loopback, and its address."""
    folder = tmp_path / "served"
    folder.mkdir()
    requests = []

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, directory=str(folder), **options)

        def log_message(self, *_):
            requests.append(self.path)

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{running.server_port}/", requests
    running.shutdown()
    running.server_close()
    thread.join()


def md5(content):
    return hashlib.md5(content).hexdigest()


def archive(members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def test_files_are_fetched_once_and_checked(server, tmp_path):
    folder, url, requests = server
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    download = Download("Set", url, {name: md5(content) for name, content in FILES.items()})
    for _ in range(2):
        target = fetch("set", download, tmp_path / "data")
        assert {path.name: path.read_bytes() for path in target.iterdir()} == FILES
    assert len(requests) == len(FILES)


def test_another_file_of_the_same_name_is_not_kept(server, tmp_path):
    folder, url, _ = server
    (folder / "one.gz").write_bytes(b"something else")
    with pytest.raises(InputError, match=r"one\.gz is not the published file \(its MD5 differs\)"):
        fetch("set", Download("Set", url, {"one.gz": md5(b"first")}), tmp_path)
    assert not (tmp_path / "Set" / "one.gz").exists()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", None])
def test_without_the_file_the_message_says_what_to_put_where(server, tmp_path, url):
    _, served, _ = server
    with pytest.raises(InputError, match=r"set cannot be fetched .*; put one\.gz from http.* into .*data.Set"):
        fetch("set", Download("Set", url or served, {"one.gz": md5(b"first")}), tmp_path / "data")
    assert not (tmp_path / "data" / "Set").exists()


def test_an_archive_gives_only_the_named_files_of_the_right_size(server, tmp_path):
    folder, url, _ = server
    members = {"batches/a.bin": b"12345", "../../evil.bin": b"12345", "batches/b.bin": b"12", "/etc/c.bin": b"123"}
    (folder / "all.tar.gz").write_bytes(archive(members))
    known = {"all.tar.gz": md5((folder / "all.tar.gz").read_bytes())}
    target = fetch("set", Download("Set", url, known, {"a.bin": 5}), tmp_path / "data")
    assert {path.name for path in target.iterdir()} == {"all.tar.gz", "a.bin"}
    assert list(tmp_path.rglob("*.bin")) == [target / "a.bin"]
    with pytest.raises(InputError, match=r"lacks b\.bin; delete it and fetch again"):
        fetch("set", Download("Set", url, known, {"a.bin": 5, "b.bin": 5}), tmp_path / "data")


def test_the_command_fetches_and_refuses_in_one_line(server, tmp_path, capsys, monkeypatch):
    folder, url, _ = server
    (folder / "one.gz").write_bytes(b"first")
    monkeypatch.setitem(DOWNLOADS, "mnist", Download("MNIST", "http://unused/", {"one.gz": md5(b"first")}))
    assert datasets.main(["fetch", "mnist", "--from", url, "--to", str(tmp_path / "data")]) == 0
    assert (tmp_path / "data" / "MNIST" / "one.gz").read_bytes() == b"first"
    monkeypatch.setitem(DOWNLOADS, "mnist", dataclasses.replace(DOWNLOADS["mnist"], md5={"gone.gz": md5(b"")}))
    assert datasets.main(["fetch", "mnist", "--from", url, "--to", str(tmp_path / "data")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(SystemExit, match="2"):
        datasets.main(["fetch", "imagenet"])


def test_an_address_that_is_none_and_a_folder_that_cannot_be_written_are_told_apart(tmp_path, capsys, server):
    assert datasets.main(["fetch", "mnist", "--from", "notaurl", "--to", str(tmp_path)]) == 2
    assert "--from notaurl: must be an address that begins with http://" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    _, url, _ = server
    assert datasets.main(["fetch", "mnist", "--from", url, "--to", str(tmp_path / "file")]) == 2
    assert "cannot be written (Not a directory); use another --to" in capsys.readouterr().err


def test_an_archive_that_cannot_be_had_is_to_be_unpacked(tmp_path):
    download = Download("Set", "http://127.0.0.1:9/", {"set.tar.gz": md5(b"")}, {"a.bin": 5})
    with pytest.raises(InputError, match=r"unpack set\.tar\.gz from http.* into .*Set, so that it holds a\.bin"):
        fetch("set", download, tmp_path)


# The distributors' own, as published with each file.
PUBLISHED = {
    "mnist": {
        "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
    },
    "cifar-10": {"cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"},
}


def test_the_published_hashes():
    assert {name: download.md5 for name, download in DOWNLOADS.items()} == PUBLISHED
