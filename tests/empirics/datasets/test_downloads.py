import dataclasses
import hashlib
import http.server
import io
import os
import tarfile
import threading

import pytest

from empirics.datasets.__main__ import main
from empirics.datasets.downloads import DOWNLOADS, Download, Published, fetch
from empirics.errors import InputError
from kstar.command_line import without_password

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


def published(content):
    return Published(hashlib.sha256(content).hexdigest(), len(content))


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
    download = Download("Set", url, {name: published(content) for name, content in FILES.items()})
    for _ in range(2):
        target = fetch("set", download, tmp_path / "data")
        assert {path.name: path.read_bytes() for path in target.iterdir()} == FILES
    assert len(requests) == len(FILES)


def test_another_file_of_the_same_name_is_not_kept(server, tmp_path):
    folder, url, _ = server
    (folder / "one.gz").write_bytes(b"other")
    with pytest.raises(InputError, match=r"one\.gz is not the published file \(its SHA-256 differs\)"):
        fetch("set", Download("Set", url, {"one.gz": published(b"first")}), tmp_path)
    assert not (tmp_path / "Set" / "one.gz").exists()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", None])
def test_without_the_file_the_message_says_what_to_put_where(server, tmp_path, url):
    _, served, _ = server
    with pytest.raises(InputError, match=r"set cannot be fetched .*; put one\.gz from http.* into .*data.Set"):
        fetch("set", Download("Set", url or served, {"one.gz": published(b"first")}), tmp_path / "data")
    assert not (tmp_path / "data" / "Set").exists()


def test_an_archive_gives_only_the_named_files_of_the_right_size(server, tmp_path):
    folder, url, _ = server
    members = {"batches/a.bin": b"12345", "../../evil.bin": b"12345", "batches/b.bin": b"12", "/etc/c.bin": b"123"}
    (folder / "all.tar.gz").write_bytes(archive(members))
    known = {"all.tar.gz": published((folder / "all.tar.gz").read_bytes())}
    target = fetch("set", Download("Set", url, known, {"a.bin": 5}), tmp_path / "data")
    assert {path.name for path in target.iterdir()} == {"all.tar.gz", "a.bin"}
    assert list(tmp_path.rglob("*.bin")) == [target / "a.bin"]
    with pytest.raises(InputError, match=r"lacks b\.bin; delete it and fetch again"):
        fetch("set", Download("Set", url, known, {"a.bin": 5, "b.bin": 5}), tmp_path / "data")


def test_the_command_fetches_and_refuses_in_one_line(server, tmp_path, capsys, monkeypatch):
    folder, url, _ = server
    (folder / "one.gz").write_bytes(b"first")
    monkeypatch.setitem(DOWNLOADS, "mnist", Download("MNIST", "http://unused/", {"one.gz": published(b"first")}))
    assert main(["fetch", "mnist", "--from", url, "--to", str(tmp_path / "data")]) == 0
    assert (tmp_path / "data" / "MNIST" / "one.gz").read_bytes() == b"first"
    monkeypatch.setitem(DOWNLOADS, "mnist", dataclasses.replace(DOWNLOADS["mnist"], files={"gone.gz": published(b"")}))
    assert main(["fetch", "mnist", "--from", url, "--to", str(tmp_path / "data")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(SystemExit, match="2"):
        main(["fetch", "imagenet"])


def test_an_address_that_is_none_and_a_folder_that_cannot_be_written_are_told_apart(tmp_path, capsys, server):
    assert main(["fetch", "mnist", "--from", "notaurl", "--to", str(tmp_path)]) == 2
    assert "--from notaurl: must be an address that begins with http://" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    _, url, _ = server
    assert main(["fetch", "mnist", "--from", url, "--to", str(tmp_path / "file")]) == 2
    assert "cannot be written (Not a directory); use another --to" in capsys.readouterr().err


def test_an_archive_that_cannot_be_had_is_to_be_unpacked(tmp_path):
    download = Download("Set", "http://127.0.0.1:9/", {"set.tar.gz": published(b"")}, {"a.bin": 5})
    with pytest.raises(InputError, match=r"unpack set\.tar\.gz from http.* into .*Set, so that it holds a\.bin"):
        fetch("set", download, tmp_path)


def test_no_more_is_fetched_than_was_published(server, tmp_path):
    folder, url, _ = server
    (folder / "one.gz").write_bytes(b"first" * 2**20)
    with pytest.raises(InputError, match=r"one\.gz is not the published file \(it is larger than its 5 bytes\)"):
        fetch("set", Download("Set", url, {"one.gz": published(b"first")}), tmp_path)
    assert not list(tmp_path.rglob("Set/*"))


@pytest.mark.parametrize("there", ["file", "folder", "pipe", "link to nothing"])
def test_a_file_of_the_users_own_is_not_fetched_over(server, tmp_path, there):
    folder, url, requests = server
    (folder / "one.gz").write_bytes(b"first")
    own = tmp_path / "data" / "Set" / "one.gz"
    own.parent.mkdir(parents=True)
    make = {"file": lambda: own.write_text("mine!"), "folder": own.mkdir, "pipe": lambda: os.mkfifo(own)}
    make.get(there, lambda: own.symlink_to("nowhere"))()
    with pytest.raises(InputError, match=r"one\.gz exists but is not the published file; name another --to"):
        fetch("set", Download("Set", url, {"one.gz": published(b"first")}), tmp_path / "data")
    assert own.is_symlink() or own.exists()
    assert not requests


def test_an_archive_is_not_unpacked_over_a_file_of_the_users_own(server, tmp_path):
    folder, url, _ = server
    content = archive({"a.bin": b"12345"})
    (folder / "all.tar.gz").write_bytes(content)
    download = Download("Set", url, {"all.tar.gz": published(content)}, {"a.bin": 5})
    fetch("set", download, tmp_path)
    fetch("set", download, tmp_path)
    (tmp_path / "Set" / "a.bin").write_bytes(b"mine!")
    with pytest.raises(InputError, match=r"a\.bin exists but is not the published file"):
        fetch("set", download, tmp_path)
    assert (tmp_path / "Set" / "a.bin").read_bytes() == b"mine!"


@pytest.mark.parametrize(
    "address",
    ["http://me:secret@127.0.0.1:9/x", "http://me:se@cret@127.0.0.1:9/", "ftp://me:secret@host/x", "me:secret@host/x"],
)
def test_a_password_is_not_repeated(address, tmp_path, capsys):
    assert main(["fetch", "mnist", "--from", address, "--to", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "cret" not in error
    assert "127.0.0.1:9/" in error or "host/x" in error


def test_a_password_in_a_wrong_word_is_not_repeated(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["fetch", "mnist", "http://me:secret@host/"])
    assert "secret" not in capsys.readouterr().err


def test_an_address_without_a_password_is_shown_as_it_is():
    assert without_password("--from http://host:80/a:b/ and more") == "--from http://host:80/a:b/ and more"


# As found in several independent readers of these files; those of Fashion-MNIST stand for the MD5 in its own readme.
PUBLISHED = {
    "mnist": {
        "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
    "cifar-10": {"cifar-10-binary.tar.gz": "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
}


def test_the_published_hashes():
    found = {name: {file: one.sha256 for file, one in each.files.items()} for name, each in DOWNLOADS.items()}
    assert found == PUBLISHED
