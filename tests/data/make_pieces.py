"""Cut the small pieces beside this file out of full data sets: `python tests/data/make_pieces.py FULL [TARGET]`."""

import gzip
import struct
import sys
from pathlib import Path

# Of each split of the MNIST family the first images, of each batch of CIFAR-10 the first records.
IDX_PIECES = {"train": 300, "t10k": 100}
CIFAR10_RECORDS, CIFAR10_RECORD = 40, 1 + 3 * 32 * 32
CIFAR10_FILES = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]


def cut_idx(content, items):
    """Return an IDX file of the first items of another."""
    dimensions = content[3]
    _, count, *shape = struct.unpack(f">{1 + dimensions}I", content[: 4 + 4 * dimensions])
    assert items <= count
    size = 1
    for side in shape:
        size *= side
    header = content[:4] + struct.pack(f">{dimensions}I", items, *shape)
    return header + content[4 + 4 * dimensions :][: items * size]


def read(path):
    """Return the content of a file, or of its gzipped twin."""
    return path.read_bytes() if path.is_file() else gzip.decompress(Path(f"{path}.gz").read_bytes())


def make_idx(source, target):
    """Write the pieces of one data set of the MNIST family."""
    target.mkdir(parents=True, exist_ok=True)
    for split, items in IDX_PIECES.items():
        for kind in ("images-idx3", "labels-idx1"):
            name = f"{split}-{kind}-ubyte"
            # Without a time stamp the same content gives the same bytes.
            (target / f"{name}.gz").write_bytes(gzip.compress(cut_idx(read(source / name), items), mtime=0))


def make_cifar10(source, target):
    """Write the pieces of CIFAR-10's binary version."""
    target.mkdir(parents=True, exist_ok=True)
    for name in CIFAR10_FILES:
        (target / name).write_bytes((source / name).read_bytes()[: CIFAR10_RECORDS * CIFAR10_RECORD])


def main(full, target):
    """Make the pieces of every data set that the full folder holds."""
    for folder, make in (("MNIST", make_idx), ("Fashion-MNIST", make_idx), ("cifar-10-batches-bin", make_cifar10)):
        if (full / folder).is_dir():
            make(full / folder, target / folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent)
