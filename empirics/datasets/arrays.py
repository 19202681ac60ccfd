"""Data sets as arrays: the embedded digits, IDX files and CIFAR-10's binary version from a folder the user names.

Nothing read from outside is ever unpickled; a file is taken by its content (magic number, sizes, label range).
"""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from empirics.errors import InputError
from empirics.streams import split_indices

CLASSES = 10
_IDX_IMAGES, _IDX_LABELS = 2051, 2049
_CIFAR10_FOLDER, _CIFAR10_RECORD = "cifar-10-batches-bin", 3073
_CIFAR10_ORIGIN = "https://www.cs.toronto.edu/~kriz/cifar.html"
_FEWEST_EXAMPLES = 10  # one in ten validates

# `Dataset.digest` of the official training sets. CIFAR-10 has none: only its archives' hashes are published.
OFFICIAL_DIGESTS = {
    "mnist": "edc0d1098aa497be14ace79ddd5171e5a3dcf9c4d196c015389203eb3ba1f59b",
    "fashion-mnist": "16d82e2b505296aa2b78bd5ea0992634f30419a4c97def7c907d154a35ac6157",
}


@dataclass(frozen=True)
class Dataset:
    """A full training set, normalised.

    Args:
        name: The data set's name.
        images: float32, shape (examples, channels, height, width), zero mean and unit deviation.
        labels: int64, shape (examples,), in 0..classes-1.
        validation_examples: How many of the examples validate.
        digest: SHA-256 of the raw content, hex.
        fixed_validation: Whether the last examples validate in every replicate, instead of a random tenth.
    """

    name: str
    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    validation_examples: int
    digest: str
    fixed_validation: bool = False

    @property
    def training_examples(self) -> int:
        """How many examples are left to train on."""
        return len(self.labels) - self.validation_examples

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    def split(self, seed: int, replicate: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return validation and training indices of one replicate."""
        if self.fixed_validation:
            return np.arange(self.training_examples, len(self.labels)), np.arange(self.training_examples)
        return split_indices(seed, replicate, len(self.labels), self.validation_examples)


@dataclass(frozen=True)
class _IdxSource:
    """Where a data set of the MNIST family lies, how large it is and where to get it."""

    folder: str
    examples: int
    side: int
    origin: str


def load_dataset(name: str, data_dir: Path | None) -> Dataset:
    """Return the full training set of that name.

    Args:
        name: One of `DATASETS`.
        data_dir: Folder that holds `MNIST/`, `Fashion-MNIST/` (files gzipped or plain) and `cifar-10-batches-bin/`;
            None for the user's cache, where `python -m empirics.datasets fetch` puts them; unused for digits.

    Raises:
        InputError: If there is no such data set, or a file is missing, truncated or not what its name says.

    Example:
        >>> digits = load_dataset("digits", None)
        >>> digits.images.shape, digits.validation_examples, digits.training_examples
        ((1797, 1, 8, 8), 179, 1618)
    """
    if name not in DATASETS:
        raise InputError(f"unknown data set {name!r}; choose one of: {', '.join(DATASETS)}")
    source = DATASETS[name]
    pixels, labels = source.read(data_dir)
    digest = hashlib.sha256(pixels.tobytes() + labels.tobytes()).hexdigest()
    return Dataset(name, _normalise(pixels), labels.astype(np.int64), len(labels) // 10, digest)


def digest_notice(dataset: Dataset) -> str | None:
    """Return one line for the user where a data set is not known to be the official release it is named after.

    Args:
        dataset: Any data set. Digits come with scikit-learn, a user's own data have no release: None for both.

    Example:
        >>> digest_notice(load_dataset("digits", None)) is None
        True
    """
    official = OFFICIAL_DIGESTS.get(dataset.name)
    source = DATASETS.get(dataset.name)
    if source is None or not source.released or dataset.digest == official:
        return None
    finding = "is not the official release"
    if official is None:
        finding = "was not compared with the official release, whose content digest is not known"
    found = f"{len(dataset.labels)} images, content digest {dataset.digest[:8]}..."
    return f"notice: {dataset.name} {finding} ({found}); results are about these images"


def _normalise(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    r"""Take each channel to zero mean and unit deviation over the full training set.

    A pixel k of n becomes :math:`(n k - \sum k) / \sqrt{n \sum k^2 - (\sum k)^2}`. The sums are of whole
    numbers, so their order does not matter.
    """
    images = np.empty(pixels.shape, np.float32)
    for channel in range(pixels.shape[1]):
        counts = np.bincount(pixels[:, channel].ravel(), minlength=256).tolist()
        n, total = sum(counts), sum(k * count for k, count in enumerate(counts))
        spread = n * sum(k * k * count for k, count in enumerate(counts)) - total**2
        if spread == 0:
            raise InputError("all pixels of the data set are equal; there is nothing to learn from it")
        levels = [(n * k - total) / math.sqrt(spread) for k in range(256)]
        images[:, channel] = np.array(levels, np.float32)[pixels[:, channel]]
    return images


def _read_digits() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return scikit-learn's copy of the UCI digits: 1797 images of 8x8 pixels in 0..16."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 - a second of imports that only digits needs

    bunch = load_digits()
    return bunch.images.astype(np.uint8)[:, None], bunch.target.astype(np.uint8)


def _read_idx_pair(source: _IdxSource, data_dir: Path | None) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the training images and labels of a data set of the MNIST family, checked by content."""
    folder = (data_dir or cache_folder()) / source.folder
    image_path = _find(folder, "train-images-idx3-ubyte", source)
    label_path = _find(folder, "train-labels-idx1-ubyte", source)
    images = _read_idx(image_path, _IDX_IMAGES, (source.side, source.side), source.examples)
    labels = _read_idx(label_path, _IDX_LABELS, (), source.examples)
    if len(images) != len(labels):
        raise InputError(f"{label_path}: {len(labels)} labels for the {len(images)} images of {image_path.name}")
    if labels.max() >= CLASSES:
        raise InputError(f"{label_path}: label {labels.max()} is not in 0..{CLASSES - 1}; get the file again")
    return images[:, None], labels


def _read_cifar10(data_dir: Path | None) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the training images and labels of CIFAR-10's binary version: a label byte and 3072 pixels a record."""
    folder = (data_dir or cache_folder()) / _CIFAR10_FOLDER
    parts = []
    for number in range(1, 6):
        path = folder / f"data_batch_{number}.bin"
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: is no regular file; get it again")
        try:
            with path.open("rb") as file:
                content = file.read(_CIFAR10_RECORD * 10_000 + 1)
        except FileNotFoundError:
            raise InputError(_missing(path, "cifar-10", _CIFAR10_ORIGIN)) from None
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
        if not content or len(content) % _CIFAR10_RECORD or len(content) > _CIFAR10_RECORD * 10_000:
            raise InputError(
                f"{path}: {len(content)} bytes are not 1..10000 records of {_CIFAR10_RECORD}; get it again"
            )
        parts.append(np.frombuffer(content, dtype=np.uint8).reshape(-1, _CIFAR10_RECORD))
        if parts[-1][:, 0].max() >= CLASSES:
            raise InputError(f"{path}: label {parts[-1][:, 0].max()} is not in 0..{CLASSES - 1}; get the file again")
    records = np.concatenate(parts)
    if len(records) < _FEWEST_EXAMPLES:
        raise InputError(f"{folder}: {len(records)} records, fewer than {_FEWEST_EXAMPLES}")
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0]


def _find(folder: Path, stem: str, source: _IdxSource) -> Path:
    """Return the plain or gzipped file of that name."""
    for path in (folder / stem, folder / f"{stem}.gz"):
        if path.is_file():
            return path
    raise InputError(_missing(folder / f"{stem}.gz", source.folder.lower(), source.origin))


def cache_folder() -> Path:
    """Return the folder of the user's cache where fetched data sets lie."""
    import platformdirs  # noqa: PLC0415 - only data from the cache need it

    return Path(platformdirs.user_cache_dir("kstar"))


def _missing(path: Path, name: str, origin: str) -> str:
    """Say what to do about a file that is not there."""
    return (
        f"missing {path}; run `python -m empirics.datasets fetch {name}`, or get it from {origin} and name the folder "
        "above its own with --data-dir"
    )


def _read_idx(path: Path, magic: int, item_shape: tuple[int, ...], most: int) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes; never reads more than `most` items of the given shape."""
    header, item = 4 * (2 + len(item_shape)), math.prod(item_shape)
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(header + most * item + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: not a whole gzip file ({error}); get it again") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    if len(content) < header:
        raise InputError(f"{path}: truncated, {len(content)} bytes are less than its header; get it again")
    found_magic, items, *found_shape = (int(value) for value in np.frombuffer(content[:header], dtype=">u4"))
    if found_magic != magic:
        raise InputError(f"{path}: magic number {found_magic} where {magic} belongs; this is another kind of file")
    if tuple(found_shape) != item_shape or not _FEWEST_EXAMPLES <= items <= most:
        raise InputError(
            f"{path}: {items} items of shape {tuple(found_shape)}, not {_FEWEST_EXAMPLES}..{most} of {item_shape}"
        )
    if len(content) != header + items * item:
        size = "truncated" if len(content) < header + items * item else "too long"
        raise InputError(f"{path}: {size} for the {items} items its header tells; get it again")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(items, *item_shape)


@dataclass(frozen=True)
class Source:
    """What a data set is read by.

    Args:
        read: Returns pixels, shape (examples, channels, height, width), and labels, from a folder or the cache.
        released: Whether there is an official release that files of that name may differ from.
    """

    read: Callable[[Path | None], tuple[NDArray[np.uint8], NDArray[np.uint8]]]
    released: bool = True


_MNIST = _IdxSource("MNIST", 60_000, 28, "https://ossci-datasets.s3.amazonaws.com/mnist/")
_FASHION_MNIST = _IdxSource(
    "Fashion-MNIST", 60_000, 28, "https://github.com/zalandoresearch/fashion-mnist/tree/master/data/fashion"
)
DATASETS: Mapping[str, Source] = MappingProxyType(
    {
        "digits": Source(lambda _: _read_digits(), released=False),
        "mnist": Source(partial(_read_idx_pair, _MNIST)),
        "fashion-mnist": Source(partial(_read_idx_pair, _FASHION_MNIST)),
        "cifar-10": Source(_read_cifar10),
    }
)
