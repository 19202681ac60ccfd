"""Real MNIST, Fashion-MNIST and CIFAR-10, as far as `tests/data` holds them: read, looked at and trained on."""

import gzip
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tools.commands import code_of, rows

from empirics.datasets.arrays import digest_notice, load_dataset
from empirics.measure import main

PIECES = Path(__file__).parents[2] / "data"


@dataclass(frozen=True)
class Piece:
    """A data set, its size, and the means of its channels over the whole official training set."""

    name: str
    shape: tuple[int, ...]
    validation: int
    means: tuple[float, ...]


PIECE_SETS = [
    Piece("mnist", (300, 1, 28, 28), 30, (0.13066,)),
    Piece("fashion-mnist", (300, 1, 28, 28), 30, (0.28604,)),
    Piece("cifar-10", (200, 3, 32, 32), 20, (0.4914, 0.4822, 0.4465)),
]
pieces = pytest.mark.parametrize("piece", PIECE_SETS, ids=lambda piece: piece.name)


@pieces
def test_the_pieces_are_read(piece):
    dataset = load_dataset(piece.name, PIECES)
    assert dataset.images.shape == piece.shape
    assert dataset.validation_examples == piece.validation
    assert set(dataset.labels.tolist()) == set(range(10))


@pieces
def test_the_pieces_are_as_bright_as_the_whole(piece):
    # Black and white become -m/s and (1-m)/s. The mean brightness of an image deviates by 0.03 (MNIST), 0.13 and 0.15
    # from one to the next; over 200 images and more that is 0.011 at most, of which five are allowed.
    images = load_dataset(piece.name, PIECES).images
    black, white = images.min(axis=(0, 2, 3)), images.max(axis=(0, 2, 3))
    assert -black / (white - black) == pytest.approx(np.array(piece.means), abs=5 * 0.011)


@pieces
def test_neighbouring_pixels_are_alike_in_rows_and_in_columns(piece):
    # A wrong offset, a wrong side or channels taken for pixels would tear the images apart.
    images = load_dataset(piece.name, PIECES).images.astype(np.float64)
    for one, other in ((images[..., 1:], images[..., :-1]), (images[..., 1:, :], images[..., :-1, :])):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.7


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_labels_belong_to_their_images(name):
    # The nearest class mean of two thirds names more than half of the rest; a guess a tenth, 0.1 + 5 x 0.03 at most.
    dataset = load_dataset(name, PIECES)
    images, rest = dataset.images.reshape(len(dataset.labels), -1), np.arange(len(dataset.labels)) % 3 == 0
    means = np.stack([images[~rest & (dataset.labels == label)].mean(axis=0) for label in range(10)])
    nearest = ((images[rest][:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == dataset.labels[rest]).mean() > 0.5


@pieces
def test_the_pieces_are_not_taken_for_the_whole(piece):
    assert f"({piece.shape[0]} images, " in digest_notice(load_dataset(piece.name, PIECES))


@pytest.mark.parametrize("folder", ["MNIST", "Fashion-MNIST"])
def test_the_pieces_are_the_first_of_the_official_images(data_dir, folder):
    for split, items in (("train", 300), ("t10k", 100)):
        for kind, header, size in (("images-idx3", 16, 784), ("labels-idx1", 8, 1)):
            name = f"{split}-{kind}-ubyte.gz"
            piece, whole = (gzip.decompress((root / folder / name).read_bytes()) for root in (PIECES, data_dir))
            assert len(piece) == header + items * size
            assert piece[header:] == whole[header : header + items * size]


@dataclass(frozen=True)
class Training:
    """A workload, a goal that a few steps on a few images reach, and how many metaparameters are searched.

    A guess has error 0.9. On MNIST the goal shows that something was learned, on CIFAR-10 that training runs.
    """

    workload: str
    goal: str
    searched: int


STEPS = 60
TRAININGS = [
    Training("mnist/simple-cnn/momentum", "0.6", 2),
    Training("cifar-10/resnet-8/nesterov/linear", "0.85", 4),
]


@pytest.mark.parametrize("training", TRAININGS, ids=lambda training: training.workload)
def test_a_small_real_measurement_from_images_to_tables(training, tmp_path):
    words = (
        *("--workload", training.workload, "--data-dir", PIECES, "--sparsity", 90, "--batch-sizes", 16),
        *("--trials", 2, "--max-steps", STEPS, "--eval-interval", 4, "--goal-error", training.goal),
        *("--examples", 5, "--device", "cpu", "--jobs", 1, "--out", tmp_path / "run"),
    )
    assert code_of(main, *words) == 0
    (row,) = rows(tmp_path / "run" / "curves.csv")
    assert (row["sparsity"], row["batch_size"], row["status"]) == ("90", "16", "reached")
    assert row["workload"] == training.workload
    assert 0 < int(row["steps_to_result"]) <= STEPS
    assert int(row["steps_to_result"]) % 4 == 0
    assert row["metaparameters"].count(":") == training.searched
    constants = rows(tmp_path / "run" / "constants.csv")
    sure = ("L_mean", "L_max", "L_at_goal", "Delta", "beta", "hessian_top")
    found = {row["quantity"]: float(row["value"]) for row in constants}
    assert all(0 < found[name] < math.inf for name in sure)
