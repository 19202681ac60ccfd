"""Fetch official data sets into the user's cache, guarded by their published sizes and hashes."""

from __future__ import annotations

import contextlib
import hashlib
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pooch
import requests

from empirics.errors import InputError
from kstar.command_line import without_password
from kstar.files import write_bytes_atomically

_PATIENCE_SECONDS = 30.0  # without a byte
_PIECE = 2**16


@dataclass(frozen=True)
class Published:
    """A file as its distributor published it.

    Args:
        sha256: Hexadecimal.
        size: Bytes.
    """

    sha256: str
    size: int


@dataclass(frozen=True)
class Download:
    """The files of one data set.

    Args:
        folder: Where they go under the data folder.
        url: Where they come from.
        files: File name -> what was published under it.
        members: For an archive, the files to take out of it and their size in bytes.
    """

    folder: str
    url: str
    files: Mapping[str, Published]
    members: Mapping[str, int] = field(default_factory=dict)


DOWNLOADS = {
    "mnist": Download(
        "MNIST",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        {
            "train-images-idx3-ubyte.gz": Published(
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9_912_422
            ),
            "train-labels-idx1-ubyte.gz": Published(
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28_881
            ),
            "t10k-images-idx3-ubyte.gz": Published(
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1_648_877
            ),
            "t10k-labels-idx1-ubyte.gz": Published(
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4542
            ),
        },
    ),
    "fashion-mnist": Download(
        "Fashion-MNIST",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        {
            "train-images-idx3-ubyte.gz": Published(
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 26_421_880
            ),
            "train-labels-idx1-ubyte.gz": Published(
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29_515
            ),
            "t10k-images-idx3-ubyte.gz": Published(
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4_422_102
            ),
            "t10k-labels-idx1-ubyte.gz": Published(
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5148
            ),
        },
    ),
    "cifar-10": Download(
        "cifar-10-batches-bin",
        "https://www.cs.toronto.edu/~kriz/",
        {
            "cifar-10-binary.tar.gz": Published(
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd", 170_052_171
            )
        },
        {f"{name}.bin": 10_000 * 3073 for name in (*(f"data_batch_{n}" for n in range(1, 6)), "test_batch")},
    ),
}


class _TooLargeError(Exception):
    """More came than was published."""


def fetch(name: str, download: Download, target: Path) -> Path:
    """Fetch a data set's files and check them; what is there and right is not fetched again.

    Args:
        name: The data set's name, for messages.
        download: Its files.
        target: The data folder.

    Returns:
        The folder that holds the files.

    Raises:
        InputError: If a file cannot be had or is not the published one, or if another file is in its place; the
            message says which files to put where.
    """
    folder = target / download.folder
    shown = without_password(download.url)
    for file, published in download.files.items():
        _refuse_another(folder / file, published)
        try:
            _retrieve(download.url + file, folder / file, published)
        except requests.RequestException as error:
            with contextlib.suppress(OSError):
                folder.rmdir()  # only if nothing came
            do = f"unpack {file}" if download.members else f"put {', '.join(download.files)}"
            held = f", so that it holds {', '.join(download.members)}" if download.members else ""
            raise InputError(
                f"{name} cannot be fetched ({type(error).__name__}); {do} from {shown} into {folder}{held}"
            ) from error
        except OSError as error:
            raise InputError(f"{folder} cannot be written ({error.strerror or error}); use another --to") from error
        except _TooLargeError:
            why = f"it is larger than its {published.size} bytes"
            raise InputError(f"{shown}{file} is not the published file ({why}); nothing was kept") from None
        except ValueError as error:
            raise InputError(
                f"{shown}{file} is not the published file (its SHA-256 differs); nothing was kept, try again later"
            ) from error
        if download.members:
            _unpack(folder / file, folder, download.members)
    return folder


def _retrieve(url: str, path: Path, published: Published) -> None:
    """Fetch one file, unless it is there."""

    def download(url: str, output: str, _pooch: object) -> None:
        """Write what comes to a file, no more than was published."""
        answer = requests.get(url, stream=True, timeout=_PATIENCE_SECONDS)
        answer.raise_for_status()
        came = 0
        with answer, Path(output).open("wb") as file:
            for piece in answer.iter_content(_PIECE):
                came += len(piece)
                if came > published.size:
                    raise _TooLargeError
                file.write(piece)

    pooch.get_logger().setLevel("ERROR")
    pooch.retrieve(url, f"sha256:{published.sha256}", fname=path.name, path=path.parent, downloader=download)


def _refuse_another(path: Path, published: Published) -> None:
    """Refuse to fetch a file in the place of one that is another: what was fetched is right, so it is a user's own."""
    if not path.exists() and not path.is_symlink():
        return
    if path.is_file() and path.stat().st_size == published.size:
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == published.sha256:
                return
    raise InputError(f"{path} exists but is not the published file; name another --to, or remove it")


def _unpack(archive: Path, folder: Path, members: Mapping[str, int]) -> None:
    """Take the named files out of a tar archive, by their last name and exact size, and nothing else."""
    with tarfile.open(archive) as tar:
        for entry in tar:
            name = Path(entry.name).name
            if not entry.isfile() or members.get(name) != entry.size:
                continue
            content = tar.extractfile(entry)
            assert content is not None  # a file's content exists
            _put(folder / name, content)
    missing = [name for name in members if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{archive} lacks {', '.join(missing)}; delete it and fetch again")


def _put(path: Path, content: IO[bytes]) -> None:
    """Write a file whole where there is none; refuse where another is in its place."""
    data = content.read()
    if path.exists() or path.is_symlink():
        if not path.is_file() or path.stat().st_size != len(data) or path.read_bytes() != data:
            raise InputError(f"{path} exists but is not the published file; name another --to, or remove it")
        return
    write_bytes_atomically(path, data)
