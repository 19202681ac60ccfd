import gzip
import hashlib
import io
import itertools
import struct
from dataclasses import dataclass

import numpy as np
import pytest
import sklearn.datasets
from PIL import Image
from reference.empirics import plain
from tools.allocated import at_most

from empirics.datasets.arrays import OFFICIAL_DIGESTS, Dataset, digest_notice, load_dataset
from empirics.errors import InputError

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
EXAMPLES = 20


def idx(magic, *shape, content):
    """Return the bytes of an IDX file."""
    return struct.pack(f">{1 + len(shape)}I", magic, *shape) + bytes(content)


def pixels(examples=EXAMPLES):
    return np.random.default_rng(0).integers(0, 256, (examples, 28, 28), dtype=np.uint8)


def labels(examples=EXAMPLES):
    return np.arange(examples, dtype=np.uint8) % 10


def image_file(examples=EXAMPLES):
    return idx(2051, examples, 28, 28, content=pixels(examples).tobytes())


def label_file(examples=EXAMPLES):
    return idx(2049, examples, content=labels(examples).tobytes())


@pytest.fixture
def folder(tmp_path):
    """A data folder with a small MNIST of plain files."""
    (tmp_path / "MNIST").mkdir()
    (tmp_path / "MNIST" / IMAGES).write_bytes(image_file())
    (tmp_path / "MNIST" / LABELS).write_bytes(label_file())
    return tmp_path


def test_digits_are_scikit_learns_1797_normalised(digits):
    images, expected_labels = plain.digits()
    # float32 keeps 2^-24 of values up to 3
    np.testing.assert_allclose(digits.images, images, rtol=0, atol=3 * 2.0**-24)
    np.testing.assert_array_equal(digits.labels, expected_labels)
    assert (digits.images.dtype, digits.labels.dtype) == (np.float32, np.int64)
    assert (digits.validation_examples, digits.training_examples) == (179, 1618)


def test_a_replicates_split_takes_a_tenth_for_validation(digits):
    validation, training = digits.split(seed=0, replicate=0)
    indices = np.arange(1797)
    np.random.RandomState(0).shuffle(indices)
    np.testing.assert_array_equal(validation, indices[:179])
    np.testing.assert_array_equal(training, indices[179:])


def test_idx_files_are_read_to_the_pixel(folder):
    dataset = load_dataset("mnist", folder)
    scaled = pixels() / 255
    np.testing.assert_allclose(
        dataset.images[:, 0],
        (scaled - scaled.mean()) / scaled.std(),
        rtol=0,
        atol=2 * 2.0**-24,
    )
    np.testing.assert_array_equal(dataset.labels, labels())
    assert dataset.images.shape == (EXAMPLES, 1, 28, 28)
    assert dataset.validation_examples == 2


def test_gzipped_files_hold_the_same_data_set(folder, tmp_path_factory):
    zipped = tmp_path_factory.mktemp("zipped")
    (zipped / "MNIST").mkdir()
    for name in (IMAGES, LABELS):
        (zipped / "MNIST" / f"{name}.gz").write_bytes(gzip.compress((folder / "MNIST" / name).read_bytes()))
    one, other = load_dataset("mnist", folder), load_dataset("mnist", zipped)
    assert one.digest == other.digest
    np.testing.assert_array_equal(one.images, other.images)


def test_the_digest_is_that_of_pixels_and_labels(folder):
    expected = hashlib.sha256(pixels().tobytes() + labels().tobytes()).hexdigest()
    assert load_dataset("mnist", folder).digest == expected
    changed = labels()
    changed[0] = 9
    (folder / "MNIST" / LABELS).write_bytes(idx(2049, EXAMPLES, content=changed.tobytes()))
    assert load_dataset("mnist", folder).digest != expected


def test_digits_have_a_digest_of_their_content(digits):
    bunch = sklearn.datasets.load_digits()
    raw = bunch.images.astype(np.uint8).tobytes() + bunch.target.astype(np.uint8).tobytes()
    assert digits.digest == hashlib.sha256(raw).hexdigest()


@dataclass(frozen=True)
class BrokenFile:
    name: str
    file: str
    content: bytes
    message: str
    suffix: str = ""


def cut(content, count):
    return content[: len(content) - count]


BROKEN = [
    BrokenFile("images truncated", IMAGES, cut(image_file(), 1), r"ubyte: truncated for the 20 items"),
    BrokenFile("labels truncated", LABELS, cut(label_file(), 1), r"labels-idx1-ubyte: truncated for the 20 items"),
    BrokenFile("header truncated", IMAGES, image_file()[:15], r"ubyte: truncated, 15 bytes are less than its header"),
    BrokenFile("empty", LABELS, b"", r"labels-idx1-ubyte: truncated, 0 bytes"),
    BrokenFile("trailing bytes", IMAGES, image_file() + b"\0", r"ubyte: too long for the 20 items"),
    BrokenFile("labels as images", IMAGES, label_file(100), r"ubyte: magic number 2049 where 2051 belongs"),
    BrokenFile("images as labels", LABELS, image_file(), r"ubyte: magic number 2051 where 2049 belongs"),
    BrokenFile("text", IMAGES, b"<html>not found</html>", r"ubyte: magic number \d+ where 2051 belongs"),
    BrokenFile("label 10", LABELS, idx(2049, 20, content=[10] * 20), r"label 10 is not in 0\.\.9"),
    BrokenFile("label 255", LABELS, idx(2049, 20, content=[0] * 19 + [255]), r"label 255 is not in 0\.\.9"),
    BrokenFile("fewer labels", LABELS, label_file(19), r"19 labels for the 20 images of train-images"),
    BrokenFile(
        "other side", IMAGES, idx(2051, 20, 27, 28, content=bytes(20 * 27 * 28)), r"20 items of shape \(27, 28\)"
    ),
    BrokenFile("header claims more", IMAGES, idx(2051, 30, 28, 28, content=bytes(20 * 784)), r"truncated for the 30"),
    BrokenFile("header claims less", IMAGES, idx(2051, 15, 28, 28, content=bytes(20 * 784)), r"too long for the 15"),
    BrokenFile(
        "header claims 4e9", IMAGES, idx(2051, 2**32 - 1, 28, 28, content=b"x"), r"4294967295 items .*\.\.60000"
    ),
    BrokenFile("none", IMAGES, idx(2051, 0, 28, 28, content=b""), r"0 items of shape .* not 10\.\.60000"),
    BrokenFile("all pixels equal", IMAGES, idx(2051, 20, 28, 28, content=bytes(20 * 784)), r"all pixels .* are equal"),
    BrokenFile("truncated gzip", IMAGES, cut(gzip.compress(image_file()), 9), r"\.gz: not a whole gzip file", ".gz"),
    BrokenFile("not gzip", IMAGES, image_file(), r"\.gz: not a whole gzip file", ".gz"),
    BrokenFile("empty gzip", IMAGES, b"", r"\.gz: (not a whole gzip file|truncated)", ".gz"),
    BrokenFile("gzip of too much", IMAGES, gzip.compress(image_file() + b"\0"), r"\.gz: too long for the 20", ".gz"),
    BrokenFile(
        "gzip with a wrong checksum", IMAGES, gzip.compress(image_file())[:-8] + bytes(8), r"not a whole gz", ".gz"
    ),
    BrokenFile(
        "gzip with a broken stream",
        IMAGES,
        gzip.compress(image_file())[:40] + bytes(200) + gzip.compress(image_file())[240:],
        r"\.gz: not a whole gzip file",
        ".gz",
    ),
]


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.name)
def test_a_broken_file_is_refused_and_named(folder, case):
    (folder / "MNIST" / case.file).unlink()
    (folder / "MNIST" / f"{case.file}{case.suffix}").write_bytes(case.content)
    with pytest.raises(InputError, match=case.message) as refusal:
        load_dataset("mnist", folder)
    assert "\n" not in str(refusal.value)
    if case.name != "all pixels equal":
        assert str(folder / "MNIST" / case.file) in str(refusal.value)


@pytest.mark.parametrize("missing", [IMAGES, LABELS])
def test_a_missing_file_is_named_with_where_to_get_it(folder, missing):
    (folder / "MNIST" / missing).unlink()
    with pytest.raises(
        InputError, match=rf"missing .*MNIST/{missing}\.gz; run .* fetch mnist`, or get it from https://"
    ):
        load_dataset("mnist", folder)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(InputError, match=r"missing .*nowhere/Fashion-MNIST/train-images-idx3-ubyte\.gz"):
        load_dataset("fashion-mnist", tmp_path / "nowhere")


def test_an_unknown_data_set_is_refused(folder):
    with pytest.raises(
        InputError, match="unknown data set 'svhn'; choose one of: digits, mnist, fashion-mnist, cifar-10"
    ):
        load_dataset("svhn", folder)


def test_without_a_folder_the_option_is_named():
    with pytest.raises(InputError, match=r"missing .*kstar/MNIST/.*; run .* fetch mnist`"):
        load_dataset("mnist", None)


def test_the_plain_file_is_taken_where_both_are_there(folder):
    (folder / "MNIST" / f"{IMAGES}.gz").write_bytes(b"not read")
    assert len(load_dataset("mnist", folder).labels) == EXAMPLES


@dataclass(frozen=True)
class Published:
    name: str
    mean: float
    deviation: float


@pytest.mark.parametrize(
    "published",
    [Published("mnist", 0.13066, 0.30811), Published("fashion-mnist", 0.28604, 0.35302)],
    ids=lambda p: p.name,
)
def test_full_data_sets_are_normalised_by_the_published_constants(data_dir, published):
    # Black and white become -m/s and (1-m)/s, which gives s = 1/(white - black), m = -black s.
    dataset = load_dataset(published.name, data_dir)
    black, white = float(dataset.images.min()), float(dataset.images.max())
    deviation = 1 / (white - black)
    half_a_last_digit = 5e-6
    assert deviation == pytest.approx(published.deviation, abs=half_a_last_digit)
    assert -black * deviation == pytest.approx(published.mean, abs=half_a_last_digit)
    assert (len(dataset.labels), dataset.validation_examples) == (60_000, 6_000)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_official_training_sets_carry_the_official_digests_and_no_notice(data_dir, name):
    dataset = load_dataset(name, data_dir)
    assert dataset.digest == OFFICIAL_DIGESTS[name]
    assert digest_notice(dataset) is None


def test_data_without_an_official_release_need_no_notice(digits):
    assert digest_notice(digits) is None
    assert digest_notice(of_digest("my_module:make_workload", "0123456789abcdef")) is None


def test_other_images_under_an_official_name_are_noticed_in_one_line(folder):
    raw = hashlib.sha256(pixels().tobytes() + labels().tobytes()).hexdigest()
    assert digest_notice(load_dataset("mnist", folder)) == (
        f"notice: mnist is not the official release (20 images, content digest {raw[:8]}...); "
        "results are about these images"
    )


def of_digest(name, digest):
    return Dataset(name, np.zeros((10, 1, 2, 2), np.float32), np.zeros(10, np.int64), 1, digest)


@pytest.mark.parametrize("name", OFFICIAL_DIGESTS)
def test_the_digest_alone_decides_and_only_under_its_own_name(name):
    assert digest_notice(of_digest(name, OFFICIAL_DIGESTS[name])) is None
    for other in {"mnist", "fashion-mnist", "cifar-10"} - {name}:
        assert digest_notice(of_digest(other, OFFICIAL_DIGESTS[name])).startswith(f"notice: {other} ")
    one_off = f"{OFFICIAL_DIGESTS[name][:-1]}x"
    assert "is not the official release" in digest_notice(of_digest(name, one_off))


def test_cifar_10_is_said_not_to_be_compared():
    assert digest_notice(of_digest("cifar-10", "0123456789abcdef")) == (
        "notice: cifar-10 was not compared with the official release, whose content digest is not known "
        "(10 images, content digest 01234567...); results are about these images"
    )


def planes(seed):
    """Return the red, green and blue plane of an image, each of its own."""
    return np.random.default_rng(seed).integers(0, 256, (3, 32, 32), dtype=np.uint8)


def cifar_record(label, seed):
    """Return one record: a label, then the planes row by row."""
    return bytes([label]) + planes(seed).tobytes()


@pytest.fixture
def cifar(tmp_path):
    """A data folder with five batches of four records each."""
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for batch in range(5):
        records = [cifar_record((4 * batch + i) % 10, 4 * batch + i) for i in range(4)]
        (folder / f"data_batch_{batch + 1}.bin").write_bytes(b"".join(records))
    return tmp_path


def test_cifars_planes_are_channels_and_its_batches_come_in_order(cifar):
    dataset = load_dataset("cifar-10", cifar)
    assert dataset.images.shape == (20, 3, 32, 32)
    assert dataset.labels.tolist() == [i % 10 for i in range(20)]
    raw = np.stack([planes(seed) for seed in range(20)]) / 255
    expected = (raw - raw.mean((0, 2, 3), keepdims=True)) / raw.std((0, 2, 3), keepdims=True)
    # float32 keeps 2^-24 of values up to 2
    np.testing.assert_allclose(dataset.images, expected, rtol=0, atol=2 * 2.0**-24)


def spoiled(content, how):
    label_ten = bytes([10]) + content[1:]
    return {"cut": content[:-1], "empty": b"", "long": content + b"0", "label": label_ten}[how]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("cut", "12291 bytes are not 1..10000 records of 3073; get it again"),
        ("empty", "0 bytes are not 1..10000 records of 3073"),
        ("long", "12293 bytes are not 1..10000 records"),
        ("label", r"label 10 is not in 0\.\.9; get the file again"),
    ],
)
def test_a_batch_of_cifar_that_is_none_is_refused(how, message, cifar):
    path = cifar / "cifar-10-batches-bin" / "data_batch_3.bin"
    path.write_bytes(spoiled(path.read_bytes(), how))
    with pytest.raises(InputError, match=rf"data_batch_3\.bin: {message}"):
        load_dataset("cifar-10", cifar)


def test_more_records_than_a_batch_holds_are_refused_without_being_read(cifar):
    path = cifar / "cifar-10-batches-bin" / "data_batch_1.bin"
    with path.open("wb") as file:
        file.truncate(3073 * 10_000_000)  # a sparse file
    with at_most(128), pytest.raises(InputError, match="30730001 bytes are not"):
        load_dataset("cifar-10", cifar)


def test_a_missing_batch_of_cifar_is_named_with_what_to_do(cifar):
    (cifar / "cifar-10-batches-bin" / "data_batch_5.bin").unlink()
    with pytest.raises(
        InputError, match=r"missing .*data_batch_5\.bin; run `python -m empirics.datasets fetch cifar-10`"
    ):
        load_dataset("cifar-10", cifar)


def test_too_few_records_of_cifar_are_refused(cifar):
    for batch in range(1, 6):
        (cifar / "cifar-10-batches-bin" / f"data_batch_{batch}.bin").write_bytes(cifar_record(1, batch))
    with pytest.raises(InputError, match="5 records, fewer than 10"):
        load_dataset("cifar-10", cifar)


@pytest.mark.slow
def test_the_whole_of_cifar_has_the_published_means_and_deviations(data_dir, tmp_path):
    # From the copy kept as JPEG images, so each pixel is off by a few levels of 255 and the deviation a little low.
    if not (data_dir / "cifar-10-jpeg.npz").is_file():
        pytest.skip("KSTAR_DATA_DIR holds no cifar-10-jpeg.npz")
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    with np.load(data_dir / "cifar-10-jpeg.npz", allow_pickle=False) as archive:
        jpeg, offset, label = (archive[f"train_{part}"] for part in ("jpeg", "offset", "label"))
    records = np.empty((len(label), 3073), np.uint8)
    records[:, 0] = label
    for row, (start, stop) in enumerate(itertools.pairwise(offset)):
        pixels = np.asarray(Image.open(io.BytesIO(jpeg[start:stop].tobytes())).convert("RGB"))
        records[row, 1:] = pixels.transpose(2, 0, 1).reshape(-1)
    for number, part in enumerate(np.array_split(records, 5), start=1):
        (folder / f"data_batch_{number}.bin").write_bytes(part.tobytes())
    dataset = load_dataset("cifar-10", tmp_path)
    assert (len(dataset.labels), dataset.validation_examples) == (50_000, 5000)
    black, white = dataset.images.min(axis=(0, 2, 3)), dataset.images.max(axis=(0, 2, 3))
    deviation = 1 / (white - black)
    np.testing.assert_allclose(-black * deviation, (0.4914, 0.4822, 0.4465), atol=0.002)
    np.testing.assert_allclose(deviation, (0.2470, 0.2435, 0.2616), atol=0.004)
