"""Fetch official data sets into the user's cache, guarded by their published hashes."""

from __future__ import annotations

import contextlib
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pooch
import requests

from empirics.errors import InputError


@dataclass(frozen=True)
class Download:
    """The files of one data set.

    Args:
        folder: Where they go under the data folder.
        url: Where they come from.
        md5: File name -> its published MD5.
        members: For an archive, the files to take out of it and their size in bytes.
    """

    folder: str
    url: str
    md5: Mapping[str, str]
    members: Mapping[str, int] = field(default_factory=dict)


DOWNLOADS = {
    "mnist": Download(
        "MNIST",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        {
            "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
            "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
            "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
        },
    ),
    "fashion-mnist": Download(
        "Fashion-MNIST",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        {
            "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
            "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
            "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
        },
    ),
    "cifar-10": Download(
        "cifar-10-batches-bin",
        "https://www.cs.toronto.edu/~kriz/",
        {"cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"},
        {f"{name}.bin": 10_000 * 3073 for name in (*(f"data_batch_{n}" for n in range(1, 6)), "test_batch")},
    ),
}


def fetch(name: str, download: Download, target: Path) -> Path:
    """Fetch a data set's files and check them; what is there and right is not fetched again.

    Args:
        name: The data set's name, for messages.
        download: Its files.
        target: The data folder.

    Returns:
        The folder that holds the files.

    Raises:
        InputError: If a file cannot be had or is not the published one; the message says which files to put where.
    """
    folder = target / download.folder
    logger = pooch.get_logger()
    logger.setLevel("WARNING")
    for file, md5 in download.md5.items():
        try:
            path = pooch.retrieve(download.url + file, known_hash=f"md5:{md5}", fname=file, path=folder)
        except requests.RequestException as error:
            with contextlib.suppress(OSError):
                folder.rmdir()  # only if nothing came
            do = f"unpack {file}" if download.members else f"put {', '.join(download.md5)}"
            held = f", so that it holds {', '.join(download.members)}" if download.members else ""
            raise InputError(
                f"{name} cannot be fetched ({type(error).__name__}); {do} from {download.url} into {folder}{held}"
            ) from error
        except OSError as error:
            raise InputError(f"{folder} cannot be written ({error.strerror or error}); use another --to") from error
        except ValueError as error:
            raise InputError(
                f"{download.url}{file} is not the published file (its MD5 differs); nothing was kept, try again later"
            ) from error
        if download.members:
            _unpack(Path(path), folder, download.members)
    return folder


def _unpack(archive: Path, folder: Path, members: Mapping[str, int]) -> None:
    """Take the named files out of a tar archive, by their last name and exact size, and nothing else."""
    with tarfile.open(archive) as tar:
        for entry in tar:
            name = Path(entry.name).name
            if not entry.isfile() or members.get(name) != entry.size:
                continue
            content = tar.extractfile(entry)
            assert content is not None  # a file's content exists
            partial = folder / f".{name}.partial"
            partial.write_bytes(content.read())
            partial.replace(folder / name)
    missing = [name for name in members if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{archive} lacks {', '.join(missing)}; delete it and fetch again")
